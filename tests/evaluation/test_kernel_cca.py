"""Kernel CCA: finds curved relations that linear CCA misses, and linear ones too."""

import numpy as np
import pytest

from jaxmusic import evaluation


def _views(n, relation, seed=0):
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(n, 2))
    return x, relation(x) + 0.05 * rng.normal(size=(n, 2))


def _mrr(project, fit, test):
    scores = evaluation.cross_modal_retrieval(*project(fit, test))
    return np.mean([scores[direction]["mrr"] for direction in scores])


def _kernel(fit, test):
    cca = evaluation.fit_kernel_cca(*fit, n_components=4, rank=40, ridge=0.1)
    return evaluation.project_kernel_x(cca, test[0]), evaluation.project_kernel_y(cca, test[1])


def _linear(fit, test):
    cca = evaluation.fit_cca(*fit, n_components=2, ridge=0.1)
    return evaluation.project_x(cca, test[0]), evaluation.project_y(cca, test[1])


def test_a_square_is_found_by_the_kernel_alone():
    fit, test = (_views(n, np.square, seed) for n, seed in ((300, 0), (50, 1)))
    chance = np.mean(1 / np.arange(1, 51))
    assert _mrr(_linear, fit, test) < 2 * chance
    assert _mrr(_kernel, fit, test) > 4 * chance


def test_a_linear_relation_is_found_too():
    fit, test = (_views(n, lambda x: x @ np.array([[1.0, 1.0], [1.0, -1.0]]), seed) for n, seed in ((300, 0), (50, 1)))
    assert _mrr(_kernel, fit, test) > 0.4


def test_fitted_rows_project_to_centred_components_and_repeat():
    fit = _views(60, np.square)
    a, b = _kernel(fit, fit), _kernel(fit, fit)
    np.testing.assert_array_equal(a[0], b[0])
    np.testing.assert_allclose(a[0].mean(0), 0, atol=1e-8)


def test_what_cannot_be_fitted_is_refused():
    x, y = _views(20, np.square)
    with pytest.raises(ValueError, match="20 and 19 rows"):
        evaluation.fit_kernel_cca(x, y[:19], n_components=1)
    with pytest.raises(ValueError, match="NaN"):
        evaluation.fit_kernel_cca(np.where(x > 1, np.nan, x), y, n_components=1)
    with pytest.raises(ValueError, match="bandwidth"):
        evaluation.fit_kernel_cca(x, y, n_components=1, bandwidth=0)
