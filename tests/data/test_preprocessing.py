"""Pooling, per-file z-score and column standardisation, with padding."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jaxmusic.data.preprocessing import fit_standardizer, fit_tempered_pca, pool_frames, standardize_bins


def _mel(n=3, n_mels=4, frames=10, seed=0):
    return np.random.default_rng(seed).normal(-40, 10, size=(n, n_mels, frames)).astype(np.float32)


def test_pooling_averages_bins_that_share_no_frame():
    mel, mask = _mel(frames=10), np.ones((3, 10), bool)
    pooled, pooled_mask = pool_frames(mel, mask, 4)
    # Edges 0, 2, 5, 7: bins of 2, 3, 2 and 3 frames.
    np.testing.assert_allclose(pooled[..., 1], mel[..., 2:5].mean(-1), rtol=1e-6)
    np.testing.assert_allclose(pooled[..., 3], mel[..., 7:].mean(-1), rtol=1e-6)
    assert pooled_mask.all()


def test_pooling_to_the_same_number_changes_nothing():
    mel, mask = _mel(), np.ones((3, 10), bool)
    np.testing.assert_allclose(pool_frames(mel, mask, 10)[0], mel)


def test_padding_reaches_neither_a_pooled_bin_nor_a_z_score():
    mel, mask = _mel(), np.arange(10) < np.array([[10], [5], [7]])
    broken = np.where(mask[:, None], mel, 1e6)
    for function in (lambda m: pool_frames(m, mask, 5)[0], lambda m: standardize_bins(m, mask)):
        np.testing.assert_allclose(function(broken), function(np.where(mask[:, None], mel, 0)), atol=1e-5)
    pooled, pooled_mask = pool_frames(broken, mask, 5)
    np.testing.assert_array_equal(pooled_mask[1], [True, True, True, False, False])
    assert (pooled[1, :, 3:] == 0).all()


def test_the_z_score_is_per_file_and_band():
    z = standardize_bins(_mel(frames=200), np.ones((3, 200), bool))
    np.testing.assert_allclose(z.mean(-1), 0, atol=1e-5)
    np.testing.assert_allclose(z.std(-1), 1, atol=1e-5)


def test_silence_and_empty_clips_become_zero_not_nan():
    mel = np.full((2, 3, 4), -80, np.float32)
    mask = np.array([[True] * 4, [False] * 4])
    assert (standardize_bins(mel, mask) == 0).all()


def test_the_standardizer_is_fitted_on_one_part_only():
    rng = np.random.default_rng(0)
    train, test = rng.normal(3, 2, size=(50, 4)), rng.normal(9, 1, size=(20, 4))
    scaler = fit_standardizer(train)
    np.testing.assert_allclose(scaler(train).std(0), 1, rtol=1e-5)
    np.testing.assert_allclose(scaler(test), (test - train.mean(0)) / train.std(0), rtol=1e-4)


def test_bad_sizes_are_refused():
    with pytest.raises(ValueError, match="cannot pool 10 frames into 11"):
        pool_frames(_mel(), np.ones((3, 10), bool), 11)
    with pytest.raises(ValueError, match="rows and columns"):
        fit_standardizer(np.ones((0, 3)))


@settings(max_examples=30, deadline=None)
@given(st.floats(-20, 20).map(lambda exponent: 10.0**exponent))
def test_a_columns_unit_changes_nothing(scale):
    x = np.random.default_rng(0).normal(loc=[0, 5, -40], size=(9, 3))
    np.testing.assert_allclose(fit_standardizer(x * scale)(x * scale), fit_standardizer(x)(x), atol=1e-5)
    np.testing.assert_allclose(fit_tempered_pca(x * scale, 2)(x * scale), fit_tempered_pca(x, 2)(x), atol=1e-4)
    mel, mask = _mel(frames=8), np.arange(8) < np.array([[8], [5], [3]])
    np.testing.assert_allclose(standardize_bins(mel * np.float32(scale), mask), standardize_bins(mel, mask), atol=1e-4)


@pytest.mark.parametrize(("value", "dtype"), [(1e12 / 3, np.float64), (0.1, np.float64), (-80.3, np.float32)])
def test_rounding_error_is_no_spread(value, dtype):
    x = np.full((7, 1), value, dtype)
    x[0] = np.nextafter(x[0], dtype(0))
    assert np.isinf(fit_standardizer(x).scale).all()
    assert (standardize_bins(x.T[None], np.ones((1, 7), bool)) == 0).all()


@pytest.mark.parametrize("fit", [fit_standardizer, lambda x: fit_tempered_pca(x, 1)])
def test_nan_is_refused(fit):
    with pytest.raises(ValueError, match="NaN or infin"):
        fit(np.array([[1.0], [np.nan], [2.0]]))


def test_components_of_rows_without_spread_are_zero():
    assert (fit_tempered_pca(np.ones((4, 3)), 2)(np.ones((4, 3))) == 0).all()
