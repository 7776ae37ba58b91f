"""No NaN and no infinity from finite input, whatever its length and values."""

import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from jaxmusic import audio

# Few lengths: each one compiles. One sample, a hop and one, more than a window.
LENGTHS = (1, 513, 3000)


@st.composite
def waveforms(draw):
    """A few samples of any float32 between −1 and 1, subnormal numbers too, repeated to the length."""
    length = draw(st.sampled_from(LENGTHS))
    values = draw(arrays(np.float32, st.integers(1, 40), elements=st.floats(-1, 1, width=32)))
    scale = draw(st.sampled_from([1.0, 1e-4, 1e-20]))
    return np.resize(values, length).astype(np.float32) * np.float32(scale)


@settings(max_examples=60, deadline=None)
@given(y=waveforms(), data=st.data())
def test_finite_in_finite_out(y, data):
    """All 57 columns: means and variances, to which a single NaN or infinity of any frame would spread."""
    length = data.draw(st.integers(0, len(y)))
    assert bool(jnp.isfinite(audio.summary.table_features(y, length)).all())


@settings(max_examples=20, deadline=None)
@given(y=waveforms())
def test_spectra_and_their_inverses_are_finite(y):
    S = jnp.abs(audio.stft(y))
    assert bool(jnp.isfinite(S).all())
    assert bool(jnp.isfinite(audio.griffinlim(S, n_iter=2, length=len(y))).all())


@pytest.mark.parametrize("value", [0.0, 0.5, -1.0])
def test_silence_and_dc(value):
    features = audio.summary.table_features(np.full(3000, value, np.float32), 3000)
    assert bool(jnp.isfinite(features).all())
    named = dict(zip(audio.summary.TABLE_COLUMNS, features.tolist(), strict=True))
    assert named["zero_crossing_rate_mean"] == 0
    if value == 0:
        assert named["rms_mean"] == 0
        assert named["spectral_centroid_mean"] == 0
        assert named["chroma_stft_mean"] == 0


@settings(max_examples=20, deadline=None)
@given(
    coefficients=arrays(np.float32, (3, 5), elements=st.floats(-1e3, 1e3, width=32)),
    mask=arrays(bool, 5),
)
def test_moments_are_numpys_over_the_masked_frames(coefficients, mask):
    moments = np.asarray(audio.summary.mfcc_moments(coefficients, mask)).reshape(3, 4)
    statistics = np.asarray(audio.summary.mel_statistics(coefficients, mask))
    kept = coefficients[:, mask].astype(np.float64)
    if not mask.any():
        assert (moments == 0).all()
        assert (statistics == 0).all()
        return
    expected = np.stack([kept.mean(1), kept.std(1), kept.min(1), kept.max(1)], axis=1)
    np.testing.assert_allclose(moments, expected, rtol=1e-4, atol=1e-2)
    np.testing.assert_allclose(statistics, expected[:, :2].T.ravel(), rtol=1e-4, atol=1e-2)
