"""Closed forms, batches, derivatives and refusals of the array functions."""

import chex
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.ndimage import median_filter

from jaxmusic import audio
from jaxmusic.audio.median import sliding_median

SR = 22_050
OF_ONE_CLIP = {
    "stft": audio.stft,
    "melspectrogram": audio.melspectrogram,
    "mfcc": audio.mfcc,
    "chroma_stft": audio.chroma_stft,
    "rms": audio.rms,
    "spectral_centroid": audio.spectral_centroid,
    "spectral_bandwidth": audio.spectral_bandwidth,
    "spectral_rolloff": audio.spectral_rolloff,
    "zero_crossing_rate": audio.zero_crossing_rate,
    "onset_strength": audio.onset_strength,
    "tempo": audio.tempo,
    "estimate_tuning": audio.estimate_tuning,
    "hpss": audio.effects.hpss,
    "descriptors": audio.summary.descriptors,
}
SMOOTH = ["melspectrogram", "mfcc", "chroma_stft", "rms", "spectral_centroid", "spectral_bandwidth", "onset_strength"]


@pytest.fixture(scope="module")
def batch():
    """Six clips of a second: noise of different loudness over a tone."""
    rng = np.random.default_rng(0)
    t = np.arange(SR) / SR
    tones = [np.sin(2 * np.pi * f * t) for f in (220.0, 440.0, 466.2, 1000.0, 3000.0, 80.0)]
    noise = rng.standard_normal((6, SR)) * np.geomspace(1e-3, 0.3, 6)[:, None]
    return (0.3 * np.stack(tones) + noise).astype(np.float32).reshape(2, 3, SR)


@pytest.mark.parametrize("name", OF_ONE_CLIP)
def test_a_batch_equals_its_clips(name, batch):
    function = OF_ONE_CLIP[name]
    whole = jax.tree.leaves(function(batch))
    mapped = jax.tree.leaves(jax.vmap(jax.vmap(function))(batch))
    for i, j in np.ndindex(2, 3):
        for a, b, single in zip(whole, mapped, jax.tree.leaves(function(batch[i, j])), strict=True):
            scale = float(jnp.abs(single).max())
            np.testing.assert_allclose(a[i, j], single, atol=2e-5 * scale)
            np.testing.assert_allclose(b[i, j], single, atol=2e-5 * scale)


@pytest.mark.parametrize("name", SMOOTH)
def test_gradient_is_that_of_finite_differences(name, batch):
    function = OF_ONE_CLIP[name]
    # Loud in every bin: where it is quiet, decibels bend within any step that float32 can resolve.
    y = jnp.asarray(batch[1, 2, :8192])

    def mean(y):
        return function(y).mean() / jnp.abs(function(jnp.asarray(batch[1, 2, :8192]))).mean()

    gradient = jax.jit(jax.grad(mean))(y)
    slope = float(jnp.linalg.norm(gradient))
    direction, step = gradient / slope, 1e-3 / slope
    expected = float(mean(y + step * direction) - mean(y - step * direction)) / (2 * step)
    assert slope == pytest.approx(expected, rel=0.05)


@pytest.mark.parametrize("name", [*SMOOTH, "hpss"])
def test_gradient_is_finite_in_silence(name):
    def total(y):
        return sum(leaf.sum() for leaf in jax.tree.leaves(OF_ONE_CLIP[name](y)))

    assert bool(jnp.isfinite(jax.grad(total)(jnp.zeros(4096))).all())


def test_hpss_is_differentiable_and_its_parts_sum_to_the_whole(batch):
    y = jnp.asarray(batch[0, 0])
    harmonic, percussive = audio.effects.hpss(y)
    np.testing.assert_allclose(harmonic + percussive, y, atol=1e-5)
    # A steady tone is harmonic.
    assert float(jnp.square(harmonic).sum()) > 20 * float(jnp.square(percussive).sum())
    gradient = jax.grad(lambda y: jnp.square(audio.effects.hpss(y)[0]).sum())(y)
    assert bool(jnp.isfinite(gradient).all())
    assert float(jnp.abs(gradient).max()) > 0.1


@pytest.mark.parametrize("size", [1, 3, 5, 7, 15, 17, 31])
@pytest.mark.parametrize("axis", [0, 1])
def test_sliding_median_equals_scipy(size, axis):
    x = np.random.default_rng(size).integers(0, 50, (70, 45)).astype(np.float32)
    shape = (size, 1) if axis == 0 else (1, size)
    half = size // 2
    expected = median_filter(x, size=shape)
    inner = expected[half : 70 - half] if axis == 0 else expected[:, half : 45 - half]
    np.testing.assert_array_equal(sliding_median(jnp.asarray(x), size, axis), inner)


def test_one_trace_for_many_clips_of_a_shape(batch):
    traced = jax.jit(chex.assert_max_traces(lambda y: audio.mfcc(y), n=1))
    for clip in batch.reshape(6, SR):
        traced(clip)


def test_a_tone_lies_where_it_should():
    y = jnp.sin(2 * jnp.pi * 1000 * jnp.arange(SR) / SR)
    middle = slice(5, -5)
    np.testing.assert_allclose(audio.spectral_centroid(y)[0, middle], 1000, rtol=0.01)
    np.testing.assert_allclose(audio.spectral_rolloff(y)[0, middle], 1000, atol=2 * SR / 2048)
    np.testing.assert_allclose(audio.rms(y)[0, middle], np.sqrt(0.5), rtol=0.01)
    # 1,000 Hz changes sign 2,000 times a second.
    np.testing.assert_allclose(audio.zero_crossing_rate(y)[0, middle], 2000 / SR, rtol=0.02)


def test_an_a_is_the_tenth_pitch_class():
    y = jnp.sin(2 * jnp.pi * 440 * jnp.arange(2 * SR) / SR)
    assert audio.chroma_stft(y)[:, 10].argmax() == 9
    sharp = jnp.sin(2 * jnp.pi * 440 * 2 ** (0.2 / 12) * jnp.arange(2 * SR) / SR)
    assert float(audio.estimate_tuning(sharp)) == pytest.approx(0.2, abs=0.03)


def test_top_db_is_of_each_clip():
    S = jnp.array([[[1.0, 1e-9]], [[1e-3, 1e-12]]])
    np.testing.assert_allclose(audio.power_to_db(S, amin=1e-15), [[[0, -80]], [[-30, -110]]], atol=1e-4)
    np.testing.assert_allclose(audio.power_to_db(S, top_db=None, amin=1e-15), [[[0, -90]], [[-30, -120]]], atol=1e-4)
    np.testing.assert_allclose(audio.power_to_db(S, ref=10.0)[0], [[-10, -90]], atol=1e-4)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda y: audio.stft(y[:0]), "no samples"),
        (lambda y: audio.stft(y[:100], center=False), "100 samples are fewer than one frame of 2048"),
        (lambda y: audio.stft(y.astype(np.int16)), "y is int16"),
        (lambda y: audio.stft(y, win_length=4096), "win_length 4096 must lie between 1 and n_fft 2048"),
        (lambda y: audio.stft(y, n_fft=1), "n_fft must be at least 2"),
        (lambda y: audio.melspectrogram(y, hop_length=0), "hop_length must be at least 1"),
        (lambda y: audio.melspectrogram(), "give either y or S"),
        (lambda y: audio.melspectrogram(y, norm="l2"), "neither 'slaney', a positive order, nor None"),
        (lambda y: audio.melspectrogram(y, n_mels=0), "n_mels must be at least 1"),
        (lambda y: audio.power_to_db(y[None], amin=0.0), "amin must be positive"),
        (lambda y: audio.power_to_db(y[None], top_db=-1.0), "top_db must not be negative"),
        (lambda y: audio.mfcc(y, n_mfcc=200), "n_mfcc 200 must lie between 1 and the 128 bands"),
        (lambda y: audio.mfcc(), "give either y or S"),
        (lambda y: audio.rms(), "give either y or S"),
        (lambda y: audio.rms(S=jnp.ones((3, 4))), "S has 3 bins; frame_length 2048 has 1025"),
        (lambda y: audio.spectral_rolloff(y, roll_percent=1.0), "roll_percent must lie between 0 and 1"),
        (lambda y: audio.onset_strength(y, lag=0), "lag must be at least 1"),
        (lambda y: audio.tempo(), "give either y or onset_envelope"),
        (lambda y: audio.tempo(y, start_bpm=0.0), "must be positive"),
        (lambda y: audio.estimate_tuning(y, fmin=5000.0), "no FFT bin"),
        (lambda y: audio.effects.hpss(y, kernel_size=30), "kernel_size must be odd"),
        (lambda y: audio.effects.hpss(y, margin=0.5), "margin must be at least 1"),
        (lambda y: audio.effects.hpss(y, power=0.0), "power must be positive"),
        (lambda y: audio.griffinlim(jnp.ones((1025, 4)), momentum=2.0), "momentum must lie between 0 and 1"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_refusals_say_why(call, message):
    with pytest.raises(ValueError, match=message):
        call(np.ones(4096, np.float32))
