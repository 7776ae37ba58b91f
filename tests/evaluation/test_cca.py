"""Linear canonical correlation analysis against scikit-learn, a closed form, and bad input."""

import numpy as np
import pytest
from sklearn.cross_decomposition import CCA as OracleCCA

from jaxmusic import evaluation


def _views(n=200, seed=3):
    """Two views of three shared factors with ever more noise, each rotated."""
    rng = np.random.default_rng(seed)
    shared, noise = rng.normal(size=(n, 3)), np.array([0.3, 0.8, 1.5])
    parts = [np.c_[shared + noise * rng.normal(size=(n, 3)), rng.normal(size=(n, d - 3))] for d in (8, 5)]
    return [part @ rng.normal(size=(part.shape[1], part.shape[1])) for part in parts]


def test_correlations_agree_with_scikit_learn():
    x, y = _views()
    cca = evaluation.fit_cca(x, y, n_components=3)
    # The oracle iterates; ours is a closed form.
    u, v = OracleCCA(3, max_iter=20_000, tol=1e-14).fit(x, y).transform(x, y)
    oracle = [np.corrcoef(u[:, i], v[:, i])[0, 1] for i in range(3)]
    np.testing.assert_allclose(cca.correlations, oracle, atol=1e-4)


def test_projections_have_the_correlations_and_are_uncorrelated_otherwise():
    x, y = _views()
    cca = evaluation.fit_cca(x, y, n_components=5)
    u, v = evaluation.project_x(cca, x), evaluation.project_y(cca, y)
    table = np.corrcoef(u.T, v.T)
    np.testing.assert_allclose(table[:5, 5:], np.diag(cca.correlations), atol=1e-8)
    np.testing.assert_allclose(table[:5, :5], np.eye(5), atol=1e-8)
    # Each column's deviation is its correlation.
    np.testing.assert_allclose(u.std(0), cca.correlations, rtol=1e-8)


def test_one_column_each_is_the_correlation_and_the_ridge_shrinks_it():
    x, y = np.random.default_rng(0).normal(size=(2, 50, 1))
    y += x
    plain = evaluation.fit_cca(x, y, n_components=1).correlations[0]
    assert plain == pytest.approx(np.corrcoef(x[:, 0], y[:, 0])[0, 1])
    # Both variances grow by half, so the covariance is divided by 1.5 times their root.
    assert evaluation.fit_cca(x, y, n_components=1, ridge=0.5).correlations[0] == pytest.approx(plain / 1.5)


def test_constant_columns_and_fewer_rows_than_columns_need_a_ridge():
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(10, 30)), rng.normal(size=(10, 5))
    x[:, 3] = 1.0
    cca = evaluation.fit_cca(x, y, n_components=4, ridge=0.1)
    assert np.isfinite(evaluation.project_x(cca, x)).all()
    assert cca.correlations[0] < 1
    with pytest.raises(ValueError, match="10 rows of 35 columns"):
        evaluation.fit_cca(x, y, n_components=4)


def test_without_a_ridge_unrelated_views_must_not_correlate_perfectly_by_geometry():
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(61, 30)), rng.normal(size=(61, 30))
    assert evaluation.fit_cca(x, y, n_components=1).correlations[0] < 0.9999
    # One row less, and the two subspaces meet whatever the data.
    with pytest.raises(ValueError, match="60 rows of 60 columns"):
        evaluation.fit_cca(x[:60], y[:60], n_components=1)


def test_bad_views_are_refused():
    x, y = np.random.default_rng(0).normal(size=(2, 10, 5))
    with pytest.raises(ValueError, match="9 components"):
        evaluation.fit_cca(x, y, n_components=9)
    with pytest.raises(ValueError, match="same number"):
        evaluation.fit_cca(x, y[:4], n_components=1)
    with pytest.raises(ValueError, match="NaN"):
        evaluation.fit_cca(np.where(x > 1, np.nan, x), y, n_components=1)
