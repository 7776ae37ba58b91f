"""Class probabilities and labels → accuracy, accuracy per class, macro-F1, confusion, calibration; an interval."""

from __future__ import annotations

from typing import Any

import numpy as np
from jaxtyping import Float, Int

from jaxmusic._arrays import positive, whole

__all__ = ["classification_scores", "confusion_matrix", "expected_calibration_error", "wilson_interval"]


def confusion_matrix(
    labels: Int[np.ndarray, " n"], predicted: Int[np.ndarray, " n"], classes: int
) -> Int[np.ndarray, "classes classes"]:
    """Counts by true class (row) and predicted class (column).

    Args:
        labels: `[n]` int true classes, 0 to classes − 1.
        predicted: `[n]` int predicted classes.
        classes: their number.

    Returns:
        `[classes, classes]` int64.

    Raises:
        ValueError: a class outside 0 to `classes` − 1 or no whole number, or numbers of rows that differ.

    >>> confusion_matrix(np.array([0, 0, 1]), np.array([0, 1, 1]), 2).tolist()
    [[1, 1], [0, 1]]
    """
    labels, predicted = _classes("labels", labels), _classes("predicted", predicted)
    classes = whole(classes, "classes")
    if labels.shape != predicted.shape:
        raise ValueError(f"{len(labels)} labels, {len(predicted)} predicted classes")
    for name, found in (("labels", labels), ("predicted", predicted)):
        if found.size and not 0 <= found.min() <= found.max() < classes:
            raise ValueError(f"{name} has classes from {found.min()} to {found.max()}, there are 0 to {classes - 1}")
    table = np.zeros((classes, classes), np.int64)
    np.add.at(table, (labels, predicted), 1)
    return table


def expected_calibration_error(
    probabilities: Float[np.ndarray, "n classes"], labels: Int[np.ndarray, " n"], *, bins: int = 15
) -> float:
    """Mean distance of confidence and accuracy over equal bins of confidence, weighted by the rows in each.

    Args:
        probabilities: `[n, classes]`, rows that sum to 1; the largest is the confidence.
        labels: `[n]` int classes.
        bins: of equal width in (0, 1].

    Returns:
        The error, 0 (calibrated) to 1.

    Raises:
        ValueError: as `classification_scores`; fewer than one bin.

    Source: Guo et al. (2017), eq. 3.

    >>> expected_calibration_error(np.array([[0.75, 0.25]] * 4), np.array([0, 0, 0, 1]))
    0.0
    """
    probabilities, labels = _probabilities(probabilities), _classes("labels", labels)
    bins = whole(bins, "bins")
    if len(labels) != len(probabilities):
        raise ValueError(f"{len(labels)} labels, {len(probabilities)} rows of probabilities")
    confidence = probabilities.max(1)
    is_right = probabilities.argmax(1) == labels
    # Bins are open below and closed above, as the source has them.
    place = np.clip(np.ceil(confidence * bins).astype(int) - 1, 0, bins - 1)
    gaps = np.bincount(place, is_right - confidence, minlength=bins)
    return float(np.abs(gaps).sum() / len(labels))


def classification_scores(
    probabilities: Float[np.ndarray, "n classes"], labels: Int[np.ndarray, " n"]
) -> dict[str, Any]:
    """Scores of a classifier.

    Args:
        probabilities: `[n, classes]`, rows that sum to 1.
        labels: `[n]` int classes.

    Returns:
        `accuracy`; `per_class` accuracy (recall), a list with None for a class without rows; `macro_f1`, over the
        classes that have rows (0 for one that is never predicted); `balanced_accuracy`; `ece`; `confusion`, lists.

    Raises:
        ValueError: no rows, labels outside the classes or no whole numbers, or probabilities that are NaN or negative,
            or whose rows don't sum to 1, such as logits.
    """
    probabilities, labels = _probabilities(probabilities), _classes("labels", labels)
    classes = probabilities.shape[1]
    if not len(labels) or len(labels) != len(probabilities) or labels.min() < 0 or labels.max() >= classes:
        raise ValueError(f"{len(labels)} labels do not fit probabilities of shape {probabilities.shape}")
    table = confusion_matrix(labels, probabilities.argmax(1), classes)
    hits, support, claimed = np.diagonal(table), table.sum(1), table.sum(0)
    has_rows = support > 0
    recall = hits / np.maximum(support, 1)
    f1 = 2 * hits / np.maximum(support + claimed, 1)
    return {
        "accuracy": float(hits.sum() / len(labels)),
        "per_class": [float(r) if has else None for r, has in zip(recall, has_rows, strict=True)],
        "macro_f1": float(f1[has_rows].mean()),
        "balanced_accuracy": float(recall[has_rows].mean()),
        "ece": expected_calibration_error(probabilities, labels),
        "confusion": table.tolist(),
    }


def wilson_interval(hits: int, n: int, *, level: float = 0.95) -> tuple[float, float]:
    """Confidence interval of a share, e.g. of one run's accuracy on `n` test rows.

    Args:
        hits: rows that count, 0 to n.
        n: rows, at least 1.
        level: coverage of the interval.

    Returns:
        `(low, high)`, shares.

    Raises:
        ValueError: hits outside 0 to n, no rows, or a level that does not lie between 0 and 1.

    Source: Wilson (1927).

    >>> low, high = wilson_interval(1279, 2257)
    >>> round(low, 3), round(high, 3)
    (0.546, 0.587)
    """
    from scipy.stats import binomtest

    hits, n = whole(hits, "hits", at_least=0), whole(n, "n")
    if not 0 < positive(level, "level") < 1:
        raise ValueError(f"level must lie between 0 and 1, got {level}")
    if hits > n:
        raise ValueError(f"{hits} of {n} is no share")
    found = binomtest(hits, n).proportion_ci(level, method="wilson")
    return float(found.low), float(found.high)


def _classes(name: str, labels: np.ndarray) -> np.ndarray:
    labels = np.asarray(labels)
    if labels.dtype.kind == "b":
        labels = labels.astype(np.int64)  # as an index, it would be a mask
    if labels.ndim != 1 or labels.dtype.kind not in "iu":
        raise ValueError(f"{name} must be whole numbers [n], got {labels.dtype} of shape {labels.shape}")
    return labels


def _probabilities(probabilities: np.ndarray) -> np.ndarray:
    probabilities = np.asarray(probabilities)
    if probabilities.ndim != 2 or probabilities.dtype.kind not in "fiub" or not probabilities.size:
        raise ValueError(
            f"probabilities must be numbers [n, classes], got {probabilities.dtype} of shape {probabilities.shape}"
        )
    if np.isnan(probabilities).any():
        # argmax would take NaN for the answer.
        raise ValueError("probabilities hold NaN: the model has diverged, or its inputs hold NaN")
    # Half precision sums to within 1e-2 of 1.
    if (probabilities < 0).any() or (np.abs(probabilities.sum(1, dtype=np.float64) - 1) > 1e-2).any():
        raise ValueError("rows of probabilities must be 0 or more and sum to 1: take the softmax of logits first")
    return probabilities
