"""What a representation holds: active units, and what a linear probe reads from it."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float

from jaxmusic._arrays import float64


def active_units(mean: Float[np.ndarray, "n latent"], *, threshold: float = 0.01) -> int:
    """Latents whose posterior mean has a variance over the data above `threshold`; the others have collapsed.

    Args:
        mean: `[n, latent]` posterior means of n examples.
        threshold: variance, in the prior's units.

    Returns:
        Their number, 0 to `latent`.

    Raises:
        ValueError: no examples, NaN or infinite values: such a unit has not collapsed.

    Source: Burda et al. (2016), §5.1 of "Importance Weighted Autoencoders".

    >>> active_units(np.array([[0.0, 1.0], [0.0, -1.0]]))
    1
    """
    mean = float64(mean, "mean", 2)
    if not len(mean) or not np.isfinite(mean).all():
        raise ValueError(f"active units need finite means [n, latent], got shape {mean.shape} or values that are not")
    return int((mean.var(0) > threshold).sum())


def linear_probe(
    x_train: Float[np.ndarray, "n d"], y_train: np.ndarray, x_test: Float[np.ndarray, "m d"], y_test: np.ndarray
) -> dict[str, float]:
    """Accuracy of logistic regression on standardised features, beside the majority class.

    Args:
        x_train: `[n, d]` to fit scaler and classifier on.
        y_train: `[n]` labels; "" is unknown and left out.
        x_test: `[m, d]`.
        y_test: `[m]` labels; "" is left out.

    Returns:
        `accuracy`, and `majority`: the accuracy of always naming the training part's most frequent label.

    Raises:
        ValueError: fewer than two classes to fit on, no labelled row to test on, shapes that don't fit,
            or NaN or infinite values.
    """
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    x_train, y_train, x_test, y_test = (np.asarray(array) for array in (x_train, y_train, x_test, y_test))
    for name, x, y in (("training", x_train, y_train), ("test", x_test, y_test)):
        if x.ndim != 2 or y.shape != x.shape[:1] or x.dtype.kind not in "fiub" or y.dtype.kind not in "iubUS":
            raise ValueError(
                f"the {name} part needs features [n, d] and labels [n], got {x.dtype} {x.shape} and {y.dtype} {y.shape}"
            )
        if not np.isfinite(x).all():
            raise ValueError(f"the {name} part holds NaN or infinite values: leave those rows out")
    train, test = y_train != "", y_test != ""
    names, counts = np.unique(y_train[train], return_counts=True)
    if len(names) < 2 or not test.any():
        raise ValueError("a probe needs two classes in the training part and a labelled row in the test part")
    probe = make_pipeline(StandardScaler(), LogisticRegression(max_iter=2000)).fit(x_train[train], y_train[train])
    return {
        "accuracy": float(probe.score(x_test[test], y_test[test])),
        "majority": float(np.mean(y_test[test] == names[counts.argmax()])),
    }
