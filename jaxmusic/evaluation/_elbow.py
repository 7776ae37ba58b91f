"""K-means over a range of k: inertia, silhouette, sizes, and where the curve bends."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from jaxtyping import Float

from jaxmusic._arrays import float64, whole

__all__ = ["KMeansSweep", "elbow", "kmeans_sweep"]


class KMeansSweep(NamedTuple):
    """One entry for each k.

    Attributes:
        k: numbers of clusters.
        inertia: sum of squared distances to the nearest centre.
        normalized_inertia: inertia over that of one cluster, so that two spaces can be compared.
        silhouette: Rousseeuw (1987); NaN where every point is its own cluster.
        largest_share: the largest cluster's share of the points.
        entropy: of the cluster sizes over log k: 1 for equal clusters, 0 for one that holds all.
        elbow: the k at which inertia bends, see `elbow`.
    """

    k: np.ndarray
    inertia: np.ndarray
    normalized_inertia: np.ndarray
    silhouette: np.ndarray
    largest_share: np.ndarray
    entropy: np.ndarray
    elbow: int


def kmeans_sweep(x: Float[np.ndarray, "n d"], k: Sequence[int], *, seed: int = 0, n_init: int = 1) -> KMeansSweep:
    """K-means for every k.

    Args:
        x: `[n, d]` points.
        k: numbers of clusters, ascending; those above the number of distinct points are left out.
        seed: of the starts.
        n_init: starts of each k.

    Returns:
        `KMeansSweep`, one entry for each k that is left.

    Raises:
        ValueError: fewer than two values of k are left; NaN or infinite points.
    """
    from sklearn.cluster import KMeans
    from sklearn.metrics import silhouette_score

    x = float64(x, "x", 2)
    if not np.isfinite(x).all():
        raise ValueError("the points hold NaN or infinite values")
    # At a size whose squares stay in range; inertia has the square of the points' unit.
    exponent = int(np.frexp(np.abs(x).max(initial=0))[1])
    x = np.ldexp(x, -exponent)
    distinct = len(np.unique(x, axis=0))
    chosen = [value for value in (whole(each, "k") for each in k) if 2 <= value <= distinct]
    if len(chosen) < 2:
        raise ValueError(f"{distinct} distinct points: at least two values of k must lie between 2 and that, not {k}")
    total = float(((x - x.mean(0)) ** 2).sum())
    rows = []
    for value in chosen:
        fitted = KMeans(value, n_init=n_init, random_state=seed).fit(x)
        shares = np.bincount(fitted.labels_, minlength=value) / len(x)
        some = shares[shares > 0]
        rows.append(
            (
                np.ldexp(fitted.inertia_, 2 * exponent),
                fitted.inertia_ / total,
                silhouette_score(x, fitted.labels_) if value < len(x) else np.nan,
                shares.max(),
                -(some * np.log(some)).sum() / np.log(value),
            )
        )
    inertia, normalized, silhouette, largest, entropy = np.array(rows, float).T
    return KMeansSweep(
        np.array(chosen), inertia, normalized, silhouette, largest, entropy, elbow(np.array(chosen), inertia)
    )


def elbow(x: Float[np.ndarray, " n"], y: Float[np.ndarray, " n"]) -> int:
    """Where a falling curve bends: the x farthest below the line from its first to its last point.

    Both axes are scaled to [0, 1] first, so units don't matter; the range of x does.

    Args:
        x: `[n]` whole numbers, ascending.
        y: `[n]` heights, falling.

    Returns:
        The x of that point.

    Raises:
        ValueError: fewer than two points, or other numbers of them; NaN, infinite values, or an x that does not rise.

    Source: the rule of Satopää et al., "Finding a 'Kneedle' in a Haystack" (2011), without its smoothing.

    >>> elbow(np.array([1, 2, 3, 4, 5]), np.array([10.0, 3.0, 2.0, 1.0, 0.0]))
    2
    """
    x, y = float64(x, "x", 1), float64(y, "y", 1)
    if len(x) < 2 or len(x) != len(y):
        raise ValueError(f"a curve needs two points at least, got {len(x)} and {len(y)}")
    if not np.isfinite(y).all() or not (np.isfinite(x).all() and (np.diff(x) > 0).all()):
        raise ValueError("a curve needs finite heights over an x that rises")
    spread = y.max() - y.min()
    across = (x - x[0]) / (x[-1] - x[0])
    height = (y - y[-1]) / (spread if spread > 0 else 1.0)
    start = height[0]
    return int(x[np.argmax(start * (1 - across) - height)])
