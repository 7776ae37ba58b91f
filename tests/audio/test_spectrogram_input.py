"""What is handed over as a spectrogram: complex numbers, decibels and NaN are never taken for magnitudes."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxmusic import audio

Y = np.random.default_rng(0).normal(size=8192).astype(np.float32)
OF_MAGNITUDES = (
    audio.spectral_centroid,
    audio.spectral_bandwidth,
    audio.spectral_rolloff,
    audio.chroma_stft,
    audio.estimate_tuning,
    audio.melspectrogram,
)


@pytest.mark.parametrize("function", [*OF_MAGNITUDES, audio.mfcc, audio.onset_strength], ids=lambda f: f.__name__)
def test_complex_spectrograms_are_refused(function):
    with pytest.raises(ValueError, match=r"complex64.*magnitude"):
        function(S=audio.stft(Y))
    with pytest.raises(ValueError, match=r"complex64.*magnitude"):
        jax.jit(lambda S: function(S=S))(audio.stft(Y))


def test_power_to_db_refuses_complex_power():
    with pytest.raises(ValueError, match=r"complex64.*magnitude"):
        audio.power_to_db(audio.stft(Y))


def test_rms_takes_the_magnitude_of_complex_spectra():
    spectrum = audio.stft(Y)
    found = audio.rms(S=spectrum)
    assert found.dtype == jnp.float32
    np.testing.assert_array_equal(found, audio.rms(S=jnp.abs(spectrum)))


@pytest.mark.parametrize("function", [*OF_MAGNITUDES, audio.rms], ids=lambda f: f.__name__)
def test_decibels_are_refused(function):
    with pytest.raises(ValueError, match=r"negative values.*decibels"):
        function(S=audio.power_to_db(jnp.square(jnp.abs(audio.stft(Y)))))


@pytest.mark.parametrize(
    "function",
    [*OF_MAGNITUDES, audio.rms, audio.mfcc, audio.onset_strength, audio.tempo, audio.zero_crossing_rate],
    ids=lambda f: f.__name__,
)
def test_nan_in_nan_out(function):
    found = function(jnp.full(8192, jnp.nan))
    counted = found[..., 5:] if function is audio.onset_strength else found  # the first frames follow nothing
    assert jnp.isnan(counted).all()


def test_nan_touches_its_own_frames_alone():
    y = Y.copy()
    y[6000] = np.nan
    expected, found = audio.rms(Y)[0], audio.rms(y)[0]
    touched = np.abs(np.arange(17) * 512 - 6000) <= 1024
    np.testing.assert_array_equal(np.isnan(found), touched)
    np.testing.assert_array_equal(found[~touched], expected[~touched])


@pytest.mark.parametrize("lifter", [np.nan, np.inf, -1])
def test_a_lifter_is_a_number(lifter):
    with pytest.raises(ValueError, match="lifter must be 0 or more"):
        audio.mfcc(Y, lifter=lifter)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_64_bit_mode_gives_the_same_numbers(dtype):
    magnitude = np.abs(np.asarray(audio.stft(Y)))
    expected = audio.chroma_stft(Y), audio.estimate_tuning(Y), audio.griffinlim(magnitude, n_iter=2)
    with jax.enable_x64(True):
        y = Y.astype(dtype)
        found = (
            audio.chroma_stft(y),
            audio.estimate_tuning(y),
            audio.griffinlim(magnitude.astype(dtype), n_iter=2),
        )
    for each, wanted in zip(found, expected, strict=True):
        np.testing.assert_allclose(each, wanted, rtol=1e-3, atol=1e-4)
