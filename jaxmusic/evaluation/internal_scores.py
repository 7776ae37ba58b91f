"""Scores of clusters by the points alone: silhouette, Davies-Bouldin, Calinski-Harabasz."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float, Int

from jaxmusic._arrays import of_size_one

_NAMES = ("silhouette", "davies_bouldin", "calinski_harabasz")


def internal_scores(x: Float[np.ndarray, "n d"], assignment: Int[np.ndarray, " n"]) -> dict[str, float]:
    """The three scores, which have neither unit nor origin; NaN where undefined.

    Clusters with one centre have an infinite Davies-Bouldin score, clusters without spread an infinite
    Calinski-Harabasz score, and NaN where nothing at all is spread.

    Args:
        x: `[n, d]` finite points.
        assignment: `[n]` cluster of each.

    Returns:
        Score by name.

    Source: Rousseeuw (1987); Davies and Bouldin (1979), with the mean distance to the centre as a cluster's size;
    Caliński and Harabasz (1974).
    """
    from sklearn.metrics import silhouette_score

    clusters, member = np.unique(assignment, return_inverse=True)
    if not 2 <= len(clusters) <= len(x) - 1:
        return dict.fromkeys(_NAMES, float("nan"))
    # Rounding of what was given, which no shift undoes.
    rounding = 4 * np.finfo(np.float64).eps * float(np.abs(x).max())
    x = x - x.mean(axis=0)
    largest = float(np.abs(x).max())
    if largest <= rounding:
        return dict.fromkeys(_NAMES, float("nan"))
    rounding, x = rounding / largest, of_size_one(x)
    scores = (silhouette_score(x, assignment), _davies_bouldin(x, member, rounding), _calinski(x, member, rounding))
    return dict(zip(_NAMES, map(float, scores), strict=True))


def _centres(x: np.ndarray, member: np.ndarray) -> np.ndarray:
    return np.stack([x[member == cluster].mean(axis=0) for cluster in range(member.max() + 1)])


def _davies_bouldin(x: np.ndarray, member: np.ndarray, rounding: float) -> float:
    centres = _centres(x, member)
    sizes = np.array(
        [np.linalg.norm(x[member == cluster] - centre, axis=1).mean() for cluster, centre in enumerate(centres)]
    )
    apart = np.linalg.norm(centres[:, None] - centres[None], axis=2)
    together = sizes[:, None] + sizes
    apart[apart <= rounding] = 0
    together[together <= rounding] = 0
    with np.errstate(divide="ignore", invalid="ignore"):
        ratio = together / apart
    np.fill_diagonal(ratio, -np.inf)
    return ratio.max(axis=1).mean()


def _calinski(x: np.ndarray, member: np.ndarray, rounding: float) -> float:
    centres, counts = _centres(x, member), np.bincount(member)
    between = float((counts * np.square(centres - x.mean(axis=0)).sum(axis=1)).sum())
    within = float(np.square(x - centres[member]).sum())
    free_within, free_between = len(x) - len(counts), len(counts) - 1
    if within <= x.size * rounding**2:
        return np.inf if between > 0 else np.nan
    return between * free_within / (within * free_between)
