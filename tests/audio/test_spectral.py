"""The spectral front end against librosa, on signals, on the embedded corpus and on real recordings."""

from functools import partial

import jax
import jax.numpy as jnp
import librosa
import numpy as np
import pytest

from jaxmusic import audio, data
from jaxmusic.data.synthetic_corpus import draw_corpus, render_corpus


def _assert_parity(ours, theirs, tolerance=1e-4):
    ours, theirs = np.asarray(ours), np.asarray(theirs)
    assert ours.shape == theirs.shape
    assert np.abs(ours - theirs).max() <= tolerance * np.abs(theirs).max()


@pytest.fixture(scope="module")
def embedded():
    return render_corpus(draw_corpus(jax.random.key(3), 4), duration=2.0)


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"n_fft": 1024, "hop_length": 256, "n_mels": 40},
        {"n_fft": 2048, "hop_length": 441, "win_length": 882},
        {"center": False, "power": 1.0, "fmin": 50.0, "fmax": 8000.0},
        {"pad_mode": "reflect", "window": "hamming", "htk": True, "norm": None},
    ],
)
def test_mel_spectrograms_equal_librosas(embedded, options):
    ours = audio.melspectrogram(embedded, **options)
    for clip, mel in zip(embedded, ours, strict=True):
        _assert_parity(mel, librosa.feature.melspectrogram(y=clip, sr=22_050, **options))


@pytest.mark.parametrize("options", [{}, {"n_fft": 512, "hop_length": 100}, {"center": False, "win_length": 1000}])
def test_the_stft_equals_librosas(embedded, options):
    _assert_parity(audio.stft(embedded[0], **options), librosa.stft(embedded[0], **options))


def test_decibels_equal_librosas_and_a_batch_equals_its_clips(embedded):
    # A quiet and a loud clip: one peak for both would raise the quiet one's floor.
    pair = np.stack([embedded[0], 1e-3 * embedded[1]])
    ours = audio.power_to_db(audio.melspectrogram(pair))
    for clip, decibels in zip(pair, ours, strict=True):
        _assert_parity(decibels, librosa.power_to_db(librosa.feature.melspectrogram(y=clip)))
    power = np.array([[1e-12, 1.0, 100.0]], np.float32)
    # A function of the power is applied to each clip, so that a batch equals its clips.
    batch = np.stack([power, 10 * power])
    expected = np.stack([librosa.power_to_db(clip, ref=np.max) for clip in batch])
    np.testing.assert_allclose(audio.power_to_db(batch, ref=jnp.max), expected, atol=1e-4)
    np.testing.assert_allclose(jax.jit(partial(audio.power_to_db, ref=np.max))(batch), expected, atol=1e-4)
    np.testing.assert_allclose(audio.power_to_db(power, ref=jnp.float32(10.0), top_db=None)[0, 1], -10.0, atol=1e-4)
    np.testing.assert_allclose(audio.power_to_db(power, ref=10.0, top_db=None), [[-110.0, -10.0, 10.0]], atol=1e-4)


@pytest.mark.parametrize("options", [{}, {"n_mels": 40, "fmin": 30.0, "fmax": 7000.0}, {"htk": True, "norm": None}])
def test_mel_filters_equal_librosas(options):
    ours = audio.filters.mel(sr=22_050, n_fft=2048, **options)
    np.testing.assert_allclose(ours, librosa.filters.mel(sr=22_050, n_fft=2048, **options), atol=1e-7)
    frequencies = np.array([0.0, 440.0, 1000.0, 4000.0])
    np.testing.assert_allclose(audio.filters.hz_to_mel(frequencies), librosa.hz_to_mel(frequencies))
    np.testing.assert_allclose(audio.filters.mel_to_hz(audio.filters.hz_to_mel(frequencies)), frequencies)


def test_real_recordings_equal_librosas(real_data):
    folders = (real_data / "librosa_examples", real_data / "gtzan" / "genres_original")
    paths = [path for folder in folders for path in sorted(folder.rglob("*.ogg"))][::12]
    assert len(paths) >= 9
    for path in paths:
        y, sr = librosa.load(path, sr=22_050)
        _assert_parity(audio.load(path, sr=sr)[: 5 * sr], y[: 5 * sr], 1e-5)
        mel = librosa.feature.melspectrogram(y=y[: 5 * sr], sr=sr)
        ours = audio.melspectrogram(y[: 5 * sr], sr=sr)
        _assert_parity(ours, mel)
        _assert_parity(audio.power_to_db(ours), librosa.power_to_db(mel))


def test_jit_vmap_and_leading_axes_agree(embedded):
    plain = audio.melspectrogram(embedded)
    np.testing.assert_allclose(jax.jit(audio.melspectrogram)(embedded), plain, rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(jax.vmap(audio.melspectrogram)(embedded), plain, rtol=1e-4, atol=1e-5)
    folded = audio.melspectrogram(embedded.reshape(2, 2, -1))
    np.testing.assert_allclose(folded.reshape(plain.shape), plain, rtol=1e-5)


@pytest.mark.parametrize("power", [1.0, 2.0])
def test_gradients_are_finite_also_in_silence(power):
    def energy(y):
        return audio.power_to_db(audio.melspectrogram(y, n_fft=256, hop_length=64, n_mels=8, power=power)).mean()

    noise = jax.random.normal(jax.random.key(0), (1024,))
    for y in (noise, jnp.zeros(1024)):
        assert bool(jnp.isfinite(jax.grad(energy)(y)).all())
    # Twice the amplitude is 6.02 dB more power.
    assert float(energy(2 * noise) - energy(noise)) == pytest.approx(10 * power * np.log10(2), rel=1e-3)


def test_silence_is_the_floor_and_not_nan():
    decibels = audio.power_to_db(audio.melspectrogram(jnp.zeros(4096)))
    np.testing.assert_allclose(decibels, -100.0, atol=1e-4)


def test_arguments_out_of_range_are_refused():
    for options, message in (
        ({"win_length": 4096}, "win_length 4096"),
        ({"hop_length": 0}, "hop_length must be at least 1"),
        ({"center": False}, "100 samples are fewer than one frame of 2048"),
        ({"n_mels": 0}, "n_mels must be at least 1"),
        ({"norm": "area"}, "norm 'area'"),
    ):
        with pytest.raises(ValueError, match=message):
            audio.melspectrogram(jnp.ones(100), **options)
    with pytest.raises(ValueError, match="no samples"):
        audio.stft(jnp.ones(0))
    with pytest.raises(ValueError, match="amin must be positive"):
        audio.power_to_db(jnp.ones((2, 2)), amin=0.0)


def test_statistics_are_numpys_and_leave_padding_out():
    mel = np.random.default_rng(0).normal(size=(2, 5, 9)).astype(np.float32)
    mask = np.arange(9) < np.array([[9], [4]])
    found = audio.mel_statistics(jnp.asarray(mel), jnp.asarray(mask))
    np.testing.assert_allclose(found[0], np.r_[mel[0].mean(1), mel[0].std(1)], atol=1e-5)
    np.testing.assert_allclose(found[1], np.r_[mel[1, :, :4].mean(1), mel[1, :, :4].std(1)], atol=1e-5)
    np.testing.assert_allclose(audio.mel_statistics(jnp.asarray(mel))[0], found[0], atol=1e-6)
    nothing = audio.mel_statistics(jnp.asarray(mel), jnp.zeros((2, 9), bool))
    assert not np.asarray(nothing).any()


def test_two_genres_differ_in_their_spectrum():
    # The front end hears what the corpus was made of: brighter timbres have a higher centroid.
    dataset = data.synthetic(jax.random.key(0), 60, duration=1.5, n_mels=32)
    level = dataset.modalities["audio"].mean(2)
    share = (10 ** (level / 10) * np.arange(32)).sum(1) / (10 ** (level / 10)).sum(1)
    centroid = {genre: share[dataset.labels["genre"] == genre].mean() for genre in set(dataset.labels["genre"])}
    assert max(centroid.values()) > 1.2 * min(centroid.values())
