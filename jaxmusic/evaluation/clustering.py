"""Cluster assignments and their scores. The algorithms are scikit-learn's."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from jaxtyping import Float, Int

from jaxmusic._arrays import positive, whole
from jaxmusic.evaluation.internal_scores import internal_scores
from jaxmusic.evaluation.label_sets import Labels, scores_by_labels

NOISE = -1
# Noise and the largest cluster together beyond this share: the assignment says nothing about structure. In per cent,
# so that a count of exactly 95 % is compared without rounding.
_DEGENERATE_PERCENT = 95
# Threads gain nothing with fewer points, and cost 40 times the work where they wait for a core that others use.
_POINTS_FOR_THREADS = 5000


def kmeans(
    x: Float[np.ndarray, "n d"], n_clusters: int, *, seed: int = 0, init: str = "k-means++", n_init: int = 10
) -> Int[np.ndarray, " n"]:
    """K-means: the best of `n_init` starts by inertia.

    Args:
        x: `[n, d]` points.
        n_clusters: k, at most n.
        seed: of the starts.
        init: `"k-means++"` (Arthur and Vassilvitskii 2007) or `"random"`.
        n_init: number of starts.

    Returns:
        `[n]` cluster of each point, 0 to k − 1.

    Raises:
        ValueError: fewer points than clusters, NaN or infinite values, a size that is no whole number of 1 or more.
    """
    from sklearn.cluster import KMeans

    x = _points(x, n_clusters)
    model = KMeans(n_clusters, init=init, n_init=whole(n_init, "n_init"), random_state=seed)
    with _threads_for(x):
        return model.fit_predict(x)


def agglomerative(x: Float[np.ndarray, "n d"], n_clusters: int) -> Int[np.ndarray, " n"]:
    """Agglomerative clustering with Ward linkage, which is Euclidean.

    Args:
        x: `[n, d]` points.
        n_clusters: k, at most n.

    Returns:
        `[n]` cluster of each point, 0 to k − 1.

    Raises:
        ValueError: as `kmeans`.
    """
    from sklearn.cluster import AgglomerativeClustering

    return AgglomerativeClustering(n_clusters, linkage="ward").fit_predict(_points(x, n_clusters))


def spectral(
    x: Float[np.ndarray, "n d"], n_clusters: int, *, seed: int = 0, n_neighbors: int = 10
) -> Int[np.ndarray, " n"]:
    """Spectral clustering on the graph of nearest neighbours.

    Args:
        x: `[n, d]` points.
        n_clusters: k, at most n.
        seed: of the eigensolver and the K-means that follows it.
        n_neighbors: of each point; n where there are fewer points.

    Returns:
        `[n]` cluster of each point, 0 to k − 1.

    Raises:
        ValueError: as `kmeans`.
    """
    import warnings

    from sklearn.cluster import SpectralClustering

    x = _points(x, n_clusters)
    neighbors = min(whole(n_neighbors, "n_neighbors"), len(x))
    model = SpectralClustering(n_clusters, affinity="nearest_neighbors", n_neighbors=neighbors, random_state=seed)
    with warnings.catch_warnings(), _threads_for(x):
        # Groups of coinciding points are pieces of their own; the assignment is still the best cut there is.
        warnings.filterwarnings("ignore", message="Graph is not fully connected")
        return model.fit_predict(x)


def dbscan(x: Float[np.ndarray, "n d"], eps: float, *, min_samples: int = 5) -> Int[np.ndarray, " n"]:
    """DBSCAN (Ester et al. 1996).

    Args:
        x: `[n, d]` points.
        eps: radius of a neighbourhood, in the units of `x`.
        min_samples: points, itself included, within `eps` of a core point.

    Returns:
        `[n]` cluster of each point, −1 for noise.

    Raises:
        ValueError: as `kmeans`.
    """
    from sklearn.cluster import DBSCAN

    eps, min_samples = positive(eps, "eps"), whole(min_samples, "min_samples")
    return DBSCAN(eps=eps, min_samples=min_samples).fit_predict(_points(x, 1))


def _threads_for(x: np.ndarray) -> Any:
    """A context in which OpenMP has one thread where there are few points."""
    from threadpoolctl import threadpool_limits

    return threadpool_limits(1 if len(x) < _POINTS_FOR_THREADS else None, user_api="openmp")


def _points(x: np.ndarray, n_clusters: int) -> np.ndarray:
    x = np.asarray(x)
    if x.ndim != 2 or x.dtype.kind not in "fiub":
        raise ValueError(f"expected points [n, d], got {x.dtype} of shape {x.shape}")
    x = x.astype(np.float64)
    if not np.isfinite(x).all():
        raise ValueError(f"{int((~np.isfinite(x)).any(1).sum())} of {len(x)} points hold NaN or infinite values")
    if not 1 <= whole(n_clusters, "n_clusters") <= len(x):
        raise ValueError(f"{n_clusters} clusters need as many points at least, and there are {len(x)}")
    return x


def clustering_scores(
    x: Float[np.ndarray, "n d"], assignment: Int[np.ndarray, " n"], *, labels: Labels | None = None
) -> dict[str, float]:
    """Internal scores of an assignment, what it looks like, and how it agrees with labels.

    Args:
        x: `[n, d]` points.
        assignment: `[n]` cluster of each point, −1 for noise.
        labels: `[n]` true labels, or several by name, whose external scores are then `<score>/<name>`; "" is unknown
            and left out of them.

    Returns:
        `silhouette` (Rousseeuw 1987), `davies_bouldin` and `calinski_harabasz` over all points with noise as one more
        cluster, as "Hybrid Multimodal Music Clustering via Joint VAE" (2026) §3.4.2 has them; NaN where undefined, and
        infinite where centres coincide (Davies-Bouldin) or no cluster has spread (Calinski-Harabasz).
        `silhouette_without_noise`; `n_clusters`, `noise_share`, `largest_share` (the largest cluster's share of all
        points) and `degenerate` (1 or 0: fewer than two clusters, or noise and the largest cluster hold over 95 %).
        With labels `adjusted_rand` (Hubert and Arabie 1985), `normalized_mutual_information` (arithmetic mean of the
        entropies, which makes it equal to the V-measure), `v_measure` (Rosenberg and Hirschberg 2007), `purity`, and
        `labelled`: the number of points whose label is known. Noise is one more cluster there, too.

    Raises:
        ValueError: NaN or infinite points; an assignment or labels of another length.

    >>> x = np.array([[0.0], [0.1], [5.0], [5.1]])
    >>> scores = clustering_scores(x, np.array([0, 0, 1, 1]))
    >>> round(scores["silhouette"], 3), scores["n_clusters"], scores["degenerate"]
    (0.98, 2.0, 0.0)
    """
    x, assignment = _points(x, 1), np.asarray(assignment)
    if assignment.dtype.kind not in "iu":
        raise ValueError(f"an assignment holds whole numbers, got {assignment.dtype}")
    if assignment.shape != (len(x),):
        raise ValueError(f"assignment has shape {assignment.shape} for {len(x)} points")
    is_noise = assignment == NOISE
    clusters, sizes = np.unique(assignment[~is_noise], return_counts=True)
    noise, largest = int(is_noise.sum()), int(sizes.max(initial=0))
    internal = internal_scores(x, assignment)
    without = internal_scores(x[~is_noise], assignment[~is_noise]) if is_noise.any() else internal
    scores = {
        **internal,
        "silhouette_without_noise": without["silhouette"],
        "n_clusters": float(len(clusters)),
        "noise_share": noise / len(x),
        "largest_share": largest / len(x),
        "degenerate": float(len(clusters) < 2 or 100 * (noise + largest) > _DEGENERATE_PERCENT * len(x)),
    }
    return scores | scores_by_labels(labels, lambda truth: _external(truth, assignment))


def _external(labels: np.ndarray, assignment: np.ndarray) -> dict[str, float]:
    from sklearn import metrics

    if labels.shape != assignment.shape:
        raise ValueError(f"labels have shape {labels.shape} for {len(assignment)} points")
    known = labels != ""
    names = ("adjusted_rand", "normalized_mutual_information", "v_measure", "purity")
    if not known.any():
        return dict.fromkeys(names, float("nan")) | {"labelled": 0.0}
    truth, found = labels[known], assignment[known]
    table = metrics.cluster.contingency_matrix(truth, found)
    return {
        "adjusted_rand": float(metrics.adjusted_rand_score(truth, found)),
        "normalized_mutual_information": float(metrics.normalized_mutual_info_score(truth, found)),
        "v_measure": float(metrics.v_measure_score(truth, found)),
        "purity": float(table.max(axis=0).sum() / table.sum()),
        "labelled": float(known.sum()),
    }


class ClusteringRow(NamedTuple):
    """One cell of a grid.

    Attributes:
        method: `"kmeans"`, `"kmeans_random"`, `"agglomerative"`, `"spectral"` or `"dbscan"`.
        parameters: its parameters, the swept one first.
        assignment: `[n]` clusters; empty where skipped.
        scores: see `clustering_scores`; external ones as `<score>/<label>`.
        skipped: why the cell was not computed; "" where it was.
    """

    method: str
    parameters: dict[str, Any]
    assignment: np.ndarray
    scores: dict[str, float]
    skipped: str = ""


def clustering_grid(
    x: Float[np.ndarray, "n d"],
    *,
    seed: int = 0,
    labels: Labels | None = None,
    n_clusters: Sequence[int] = (5, 10, 15),
    eps: Sequence[float] = (0.1, 0.3, 0.5, 0.7, 1.0, 1.2, 1.5),
    min_samples: int = 5,
) -> list[ClusteringRow]:
    """K-means (k-means++ and random start), Ward and spectral clustering at each k, DBSCAN at each eps.

    Source: the grid of "Hybrid Multimodal Music Clustering via Joint VAE" (2026), §3.4.1, and the baselines that its
    §5.2 misses.

    Args:
        x: `[n, d]` points.
        seed: of K-means and spectral clustering.
        labels: see `clustering_scores`.
        n_clusters: values of k; those that n points cannot fill are skipped with the reason.
        eps: DBSCAN's radii, in the units of `x`.
        min_samples: DBSCAN's core size.

    Returns:
        One row a cell, the same for the same seed.

    Raises:
        ValueError: NaN or infinite points; labels of another length.
    """
    x = _points(x, 1)
    cells: list[tuple[str, dict[str, Any], Any]] = []
    for k in n_clusters:
        cells += [
            ("kmeans", {"n_clusters": k}, lambda k=k: kmeans(x, k, seed=seed)),
            ("kmeans_random", {"n_clusters": k}, lambda k=k: kmeans(x, k, seed=seed, init="random")),
            ("agglomerative", {"n_clusters": k}, lambda k=k: agglomerative(x, k)),
            ("spectral", {"n_clusters": k}, lambda k=k: spectral(x, k, seed=seed)),
        ]
    for radius in eps:
        density: dict[str, Any] = {"eps": radius, "min_samples": min_samples}
        cells.append(("dbscan", density, lambda r=radius: dbscan(x, r, min_samples=min_samples)))
    rows = []
    for method, parameters, assign in cells:
        wanted = parameters.get("n_clusters", 0)
        if wanted >= len(x):
            reason = f"{wanted} clusters of {len(x)} points"
            rows.append(ClusteringRow(method, parameters, np.empty(0, int), {}, reason))
            continue
        assignment = assign()
        rows.append(ClusteringRow(method, parameters, assignment, clustering_scores(x, assignment, labels=labels)))
    return rows


def coinciding_group_size(
    calinski_harabasz: float, davies_bouldin: float, *, n: int | None = None, radius_ratio: float = 1.0
) -> float:
    """How many coinciding points a two-label score speaks of, where the other label is everything else.

    Let m points coincide at distance D from the mean of the N others, whose distances from their mean average r and
    have the mean square R². The group has no spread, so Davies-Bouldin is r / D. Between-cluster dispersion is
    D² m N / n with n = m + N, within-cluster dispersion N R² on n − 2 degrees of freedom, so Calinski-Harabasz is
    m (D / R)² (n − 2) / n. In their product D cancels: CH · DB² = m · (r / R)² · (n − 2) / n, and what a table says
    of a group depends on its size alone, not on where it lies.

    Args:
        calinski_harabasz: score of the two labels, noise being one.
        davies_bouldin: score of the two labels.
        n: number of all points; default many, (n − 2) / n ≈ 1.
        radius_ratio: r / R of the others, at most 1; it nears 1 with many equally spread dimensions (in d of them,
            Gaussian points have about 1 − 1 / (4 d)), and heavy tails lower it.

    Returns:
        m, exact where `n` and `radius_ratio` are; a lower bound with the defaults.

    Raises:
        ValueError: a score that is not above 0.

    Source: own derivation from the definitions in Caliński and Harabasz (1974) and Davies and Bouldin (1979).

    >>> round(coinciding_group_size(78.24, 0.2418), 2)
    4.57
    """
    calinski_harabasz = positive(calinski_harabasz, "calinski_harabasz")
    davies_bouldin = positive(davies_bouldin, "davies_bouldin")
    share = 1.0 if n is None else (n - 2) / n
    return calinski_harabasz * davies_bouldin**2 / (radius_ratio**2 * share)
