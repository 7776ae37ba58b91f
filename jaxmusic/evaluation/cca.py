"""Linear canonical correlation analysis in closed form: the baseline for aligning two modalities."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from jaxtyping import Float

from jaxmusic._arrays import float64, whole


class CCA(NamedTuple):
    """Fitted projections of two views.

    Attributes:
        mean_x, mean_y: `[d_x]`, `[d_y]`.
        weights_x, weights_y: `[d_x, components]`, `[d_y, components]`, columns scaled by their correlation.
        correlations: `[components]` of the fitted part, largest first.
    """

    mean_x: np.ndarray
    mean_y: np.ndarray
    weights_x: np.ndarray
    weights_y: np.ndarray
    correlations: np.ndarray


def fit_cca(
    x: Float[np.ndarray, "n d_x"], y: Float[np.ndarray, "n d_y"], *, n_components: int, ridge: float = 0.0
) -> CCA:
    """Directions in which two views correlate most.

    Args:
        x: `[n, d_x]`, row i belonging to row i of `y`.
        y: `[n, d_y]`.
        n_components: number of directions.
        ridge: added to both covariances, as a share of their mean variance. It depends on the columns' units: bring
            them to one scale before. Where the rows don't outnumber the columns of both views together it must be
            above 0: in so few dimensions any two views have directions that correlate perfectly.

    Returns:
        `CCA`; project with `project_x` and `project_y`. Components are weighted by their correlation, so that
        cosine similarity trusts the first ones most.

    Raises:
        ValueError: rows that differ in number, NaN or infinite values, too many components, too few rows for no ridge.

    Source: Hotelling (1936); whitening and singular value decomposition as Hardoon et al. (2004), with their ridge.
    """
    x, y = float64(x, "x", 2), float64(y, "y", 2)
    n_components = whole(n_components, "n_components")
    if len(x) != len(y) or len(x) < 2:
        raise ValueError(f"{len(x)} and {len(y)} rows: two views need the same number, two at least")
    if not 1 <= n_components <= min(x.shape[1], y.shape[1]):
        raise ValueError(f"{n_components} components of views with {x.shape[1]} and {y.shape[1]} columns")
    if not (np.isfinite(x).all() and np.isfinite(y).all()):
        raise ValueError("the views hold NaN or infinite values: leave those rows out of both")
    # Centred rows span n − 1 dimensions; subspaces of d_x and d_y dimensions must meet where d_x + d_y exceeds that.
    columns = x.shape[1] + y.shape[1]
    if not 0 <= float64(ridge, "ridge", 0) < np.inf or (ridge == 0 and len(x) <= columns):
        raise ValueError(f"ridge {ridge} with {len(x)} rows of {columns} columns: give one above 0, such as 0.1")
    mean_x, mean_y = x.mean(0), y.mean(0)
    whiten_x, whiten_y = _whitening(x - mean_x, ridge), _whitening(y - mean_y, ridge)
    cross = whiten_x.T @ ((x - mean_x).T @ (y - mean_y) / len(x)) @ whiten_y
    left, correlations, right = np.linalg.svd(cross, full_matrices=False)
    left, right, correlations = left[:, :n_components], right[:n_components].T, correlations[:n_components]
    return CCA(mean_x, mean_y, whiten_x @ left * correlations, whiten_y @ right * correlations, correlations)


def project_x(cca: CCA, x: Float[np.ndarray, "n d_x"]) -> Float[np.ndarray, "n components"]:
    """The first view in the common space.

    Args:
        cca: from `fit_cca`.
        x: `[n, d_x]`, in the columns it was fitted on.

    Returns:
        `[n, components]` float64.
    """
    return (float64(x, "x", 2) - cca.mean_x) @ cca.weights_x


def project_y(cca: CCA, y: Float[np.ndarray, "n d_y"]) -> Float[np.ndarray, "n components"]:
    """The second view in the common space.

    Args:
        cca: from `fit_cca`.
        y: `[n, d_y]`, in the columns it was fitted on.

    Returns:
        `[n, components]` float64.
    """
    return (float64(y, "y", 2) - cca.mean_y) @ cca.weights_y


def _whitening(x: np.ndarray, ridge: float) -> np.ndarray:
    """The symmetric inverse square root of the covariance; directions without variance are dropped."""
    covariance = x.T @ x / len(x)
    covariance += ridge * np.trace(covariance) / len(covariance) * np.eye(len(covariance))
    values, vectors = np.linalg.eigh(covariance)
    inverse = np.where(values > 1e-10 * values.max(), 1 / np.sqrt(np.maximum(values, 1e-300)), 0)
    return vectors * inverse @ vectors.T
