"""What a representation holds: active units, and what a linear probe reads from it."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float


def active_units(mean: Float[np.ndarray, "n latent"], *, threshold: float = 0.01) -> int:
    """Latents whose posterior mean varies over the data by more than `threshold`; the others have collapsed.

    Source: Burda et al. (2016), §5.1 of "Importance Weighted Autoencoders".

    >>> active_units(np.array([[0.0, 1.0], [0.0, -1.0]]))
    1
    """
    return int((np.asarray(mean).var(0) > threshold).sum())


def linear_probe(
    x_train: Float[np.ndarray, "n d"], y_train: np.ndarray, x_test: Float[np.ndarray, "m d"], y_test: np.ndarray
) -> dict[str, float]:
    """Accuracy of logistic regression on standardised features, beside the majority class.

    Args:
        x_train: `[n, d]` to fit scaler and classifier on.
        y_train: `[n]` labels; "" is unknown and left out.
        x_test: `[m, d]`.
        y_test: `[m]` labels.

    Returns:
        `accuracy`, and `majority`: the accuracy of always naming the training part's most frequent label.
    """
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    train, test = np.asarray(y_train) != "", np.asarray(y_test) != ""
    if len(np.unique(y_train[train])) < 2 or not test.any():
        raise ValueError("a probe needs two classes in the training part and a labelled row in the test part")
    probe = make_pipeline(StandardScaler(), LogisticRegression(max_iter=2000)).fit(x_train[train], y_train[train])
    names, counts = np.unique(y_train[train], return_counts=True)
    return {
        "accuracy": float(probe.score(x_test[test], y_test[test])),
        "majority": float(np.mean(y_test[test] == names[counts.argmax()])),
    }
