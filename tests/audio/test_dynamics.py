"""Dynamics of mel spectrograms: hand numbers, NumPy as the oracle, padding, what is refused."""

from itertools import pairwise

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.fft import dct

from jaxmusic import audio
from jaxmusic.audio.dynamics import modulation_bands


def _mel(seed=0, shape=(3, 12, 40)):
    return np.random.default_rng(seed).normal(size=shape).astype(np.float32)


def test_flux_and_covariance_are_numpys():
    mel = _mel()
    found = np.asarray(audio.mel_dynamics(mel, n_mfcc=4, n_bands=3))
    np.testing.assert_allclose(found[:, :12], np.sqrt(np.square(np.diff(mel, axis=2)).mean(2)), rtol=1e-5)
    for clip, row in zip(mel, found, strict=True):
        cepstra = dct(clip, axis=0, norm="ortho")[:4]
        np.testing.assert_allclose(row[12:22], np.cov(cepstra, bias=True)[np.triu_indices(4)], atol=1e-5)
    assert found.shape == (3, 12 + 10 + 4 * (len(modulation_bands(40, 3)) - 1))


def test_a_pulse_lies_in_the_band_of_its_frequency():
    frames, bands = 64, 4
    edges = modulation_bands(frames, bands)
    for band, (low, high) in enumerate(pairwise(edges)):
        cycles = (low + high - 1) / 2
        wave = np.sin(2 * np.pi * round(cycles) * np.arange(frames) / frames)
        found = np.asarray(audio.mel_dynamics(np.tile(10 * wave, (8, 1)), n_mfcc=1, n_bands=bands))
        assert int(np.argmax(found[-bands:])) == band


def test_what_lies_in_the_padding_does_not_matter():
    mel, mask = _mel(), np.arange(40) < np.array([[40], [25], [10]])
    noisy = np.where(mask[:, None], mel, 1e3)
    np.testing.assert_allclose(audio.mel_dynamics(mel, mask), audio.mel_dynamics(noisy, mask), rtol=1e-4, atol=1e-4)
    nothing = audio.mel_dynamics(mel, np.zeros((3, 40), bool))
    assert bool(jnp.isfinite(nothing).all())
    assert float(jnp.abs(nothing[:, :12]).max()) == 0


def test_it_is_differentiable_where_nothing_moves():
    gradient = jax.grad(lambda x: audio.mel_dynamics(x, n_mfcc=3).sum())(jnp.zeros((8, 16)))
    assert bool(jnp.isfinite(gradient).all())


def test_too_few_frames_and_too_many_coefficients_are_refused():
    with pytest.raises(ValueError, match="two frames at least"):
        audio.mel_dynamics(np.zeros((16, 1)))
    with pytest.raises(ValueError, match="20 coefficients of 16 bands"):
        audio.mel_dynamics(np.zeros((16, 8)), n_mfcc=20)
