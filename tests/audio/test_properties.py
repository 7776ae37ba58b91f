"""No NaN and no infinity from finite input, whatever its length and values."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from jaxmusic import audio

FUNCTIONS = {
    "mfcc": audio.mfcc,
    "chroma_stft": audio.chroma_stft,
    "rms": audio.rms,
    "spectral_centroid": audio.spectral_centroid,
    "spectral_bandwidth": audio.spectral_bandwidth,
    "spectral_rolloff": audio.spectral_rolloff,
    "zero_crossing_rate": audio.zero_crossing_rate,
    "onset_strength": audio.onset_strength,
    "tempo": audio.tempo,
    "hpss": audio.effects.hpss,
    "table_features": audio.summary.table_features,
    "descriptors": audio.summary.descriptors,
}
# Few lengths: each one compiles. One sample, less than a hop, a hop and one, more than a window.
LENGTHS = (1, 300, 513, 3000)


@st.composite
def waveforms(draw):
    """A few samples of any float32 between −1 and 1, subnormal numbers too, repeated to the length."""
    length = draw(st.sampled_from(LENGTHS))
    values = draw(arrays(np.float32, st.integers(1, 40), elements=st.floats(-1, 1, width=32)))
    scale = draw(st.sampled_from([1.0, 1e-4, 1e-20]))
    return np.resize(values, length).astype(np.float32) * np.float32(scale)


@pytest.mark.parametrize("name", FUNCTIONS)
@settings(max_examples=25, deadline=None)
@given(y=waveforms())
def test_finite_in_finite_out(name, y):
    for leaf in jax.tree.leaves(FUNCTIONS[name](y)):
        assert bool(jnp.isfinite(leaf).all())


@settings(max_examples=25, deadline=None)
@given(y=waveforms(), length=st.integers(0, 3000))
def test_masked_statistics_are_finite_for_any_length(y, length):
    features = audio.summary.table_features(y, min(length, len(y)))
    assert bool(jnp.isfinite(features).all())


@pytest.mark.parametrize("value", [0.0, 0.5, -1.0])
def test_silence_and_dc(value):
    features = audio.summary.table_features(np.full(22_050, value, np.float32))
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
