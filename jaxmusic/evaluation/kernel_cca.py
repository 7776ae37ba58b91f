"""Canonical correlation analysis of two views under Gaussian kernels: what curved relations add to linear ones."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from jaxtyping import Float

from jaxmusic._arrays import float64, positive
from jaxmusic.evaluation.cca import CCA, fit_cca, project_x, project_y


class KernelPCA(NamedTuple):
    """Principal components in the feature space of a Gaussian kernel.

    Attributes:
        rows: `[n, d]` fitted rows.
        gamma: of `exp(−gamma · distance²)`.
        row_means: `[n]` mean of each fitted row's kernel values.
        weights: `[n, rank]`, centred kernel values → components.
    """

    rows: np.ndarray
    gamma: float
    row_means: np.ndarray
    weights: np.ndarray


class KernelCCA(NamedTuple):
    """Fitted projections of two views; `project_kernel_x` and `project_kernel_y` apply them.

    Attributes:
        x: components of the first view.
        y: of the second.
        cca: between the two.
    """

    x: KernelPCA
    y: KernelPCA
    cca: CCA


def fit_kernel_cca(
    x: Float[np.ndarray, "n d_x"],
    y: Float[np.ndarray, "n d_y"],
    *,
    n_components: int,
    rank: int = 100,
    ridge: float = 0.1,
    bandwidth: float = 1.0,
) -> KernelCCA:
    """Regularised kernel CCA: kernel PCA of both views to `rank` components, then linear CCA with a ridge.

    Args:
        x: `[n, d_x]`, row i belonging to row i of `y`, on one scale.
        y: `[n, d_y]`.
        n_components: number of directions, at most `rank`.
        rank: components of each kernel that are kept; at most n − 1 are.
        ridge: see `fit_cca`.
        bandwidth: standard deviation of the kernels in units of the view's median distance between rows.

    Returns:
        `KernelCCA`.

    Raises:
        ValueError: as `fit_cca`; a bandwidth that is not above 0; a view whose rows are all the same.

    Source: Bach and Jordan (2002), §3, with the low-rank step of their §4; the median distance as the kernel's scale
    is custom.
    """
    bandwidth = positive(bandwidth, "bandwidth")
    x, y = float64(x, "x", 2), float64(y, "y", 2)
    # What fit_cca would refuse about rows and values is refused before two kernels are made of it.
    if len(x) != len(y) or len(x) < 2:
        raise ValueError(f"{len(x)} and {len(y)} rows: two views need the same number, two at least")
    if not (np.isfinite(x).all() and np.isfinite(y).all()):
        raise ValueError("the views hold NaN or infinite values: leave those rows out of both")
    kernel_x, kernel_y = (_fit_kernel_pca(view, rank, bandwidth) for view in (x, y))
    cca = fit_cca(_components(kernel_x, x), _components(kernel_y, y), n_components=n_components, ridge=ridge)
    return KernelCCA(kernel_x, kernel_y, cca)


def project_kernel_x(fitted: KernelCCA, x: Float[np.ndarray, "n d_x"]) -> Float[np.ndarray, "n components"]:
    """The first view in the common space.

    Args:
        fitted: from `fit_kernel_cca`.
        x: `[n, d_x]`, in the columns it was fitted on.

    Returns:
        `[n, components]` float64.
    """
    return project_x(fitted.cca, _components(fitted.x, float64(x, "x", 2)))


def project_kernel_y(fitted: KernelCCA, y: Float[np.ndarray, "n d_y"]) -> Float[np.ndarray, "n components"]:
    """The second view in the common space.

    Args:
        fitted: from `fit_kernel_cca`.
        y: `[n, d_y]`, in the columns it was fitted on.

    Returns:
        `[n, components]` float64.
    """
    return project_y(fitted.cca, _components(fitted.y, float64(y, "y", 2)))


def _fit_kernel_pca(rows: np.ndarray, rank: int, bandwidth: float) -> KernelPCA:
    squared = _squared_distances(rows, rows)
    median = np.median(squared[np.triu_indices(len(rows), 1)])
    # Where more than half of all pairs coincide the median says nothing, and the mean does.
    scale = median or squared.mean()
    if not scale > 0:
        raise ValueError("all rows of a view are the same: there is nothing to correlate")
    gamma = float(1 / (2 * bandwidth**2 * scale))
    kernel = np.exp(-gamma * squared)
    row_means = kernel.mean(1)
    values, vectors = np.linalg.eigh(kernel - row_means[:, None] - row_means[None] + row_means.mean())
    order = np.argsort(values)[::-1][: min(rank, len(rows) - 1)]
    values, vectors = values[order], vectors[:, order]
    # Components without variance hold rounding errors, which the division would blow up.
    kept = values > 1e-10 * values[0]
    return KernelPCA(rows, gamma, row_means, vectors[:, kept] / np.sqrt(values[kept]))


def _components(fitted: KernelPCA, x: np.ndarray) -> np.ndarray:
    kernel = np.exp(-fitted.gamma * _squared_distances(x, fitted.rows))
    centred = kernel - kernel.mean(1, keepdims=True) - fitted.row_means[None] + fitted.row_means.mean()
    return centred @ fitted.weights


def _squared_distances(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    return np.maximum(np.square(a).sum(1)[:, None] + np.square(b).sum(1)[None] - 2 * a @ b.T, 0)
