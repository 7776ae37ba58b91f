"""Options and functions that users of librosa know: each equals librosa's, on a clip of noise, tones and clicks."""

from functools import partial

import jax.numpy as jnp
import librosa
import numpy as np
import pytest
import scipy.signal
import scipy.stats

from jaxmusic import audio

SR = 22_050


@pytest.fixture(scope="module")
def clip():
    rng = np.random.default_rng(3)
    t = np.arange(3 * SR) / SR
    y = 0.2 * np.sin(2 * np.pi * 440 * t) + 0.1 * np.sin(2 * np.pi * 660 * t) + 0.02 * rng.standard_normal(len(t))
    for start in range(0, len(t), SR // 2):
        y[start : start + 600] += np.exp(-np.arange(min(600, len(t) - start)) / 90)[: len(t) - start]
    return y.astype(np.float32)


def _near(ours, oracle, tolerance=1e-4):
    ours, oracle = np.asarray(ours), np.asarray(oracle)
    assert ours.shape == oracle.shape
    assert np.abs(ours - oracle).max() <= tolerance * max(np.abs(oracle).max(), 1e-20)


WINDOWS = {
    "named": "blackman",
    "with a parameter": ("kaiser", 4.0),
    "a number": 4.0,
    "a function": np.hamming,
    "samples": scipy.signal.get_window("hamming", 1024),
    "a list": [1.0] * 1024,
}


@pytest.mark.parametrize("window", WINDOWS.values(), ids=WINDOWS)
def test_windows_of_every_form(window, clip):
    settings = {"n_fft": 1024, "window": np.asarray(window) if isinstance(window, list) else window}
    X = audio.stft(jnp.asarray(clip), n_fft=1024, window=window)
    _near(X, librosa.stft(clip, **settings))
    if not isinstance(window, list):
        _near(audio.istft(X, n_fft=1024, window=window), librosa.istft(np.asarray(X), **settings))
        _near(
            audio.spectral_centroid(clip, n_fft=1024, window=window),
            librosa.feature.spectral_centroid(y=clip, **settings),
        )
        _near(audio.mfcc(clip, n_fft=1024, window=window), librosa.feature.mfcc(y=clip, **settings), 1e-3)


def test_windows_that_do_not_fit_are_named():
    with pytest.raises(ValueError, match=r"7,\) samples where win_length is 1024"):
        audio.stft(jnp.ones(4096), n_fft=1024, window=np.ones(7))
    with pytest.raises(ValueError, match="one axis of finite samples"):
        audio.stft(jnp.ones(4096), n_fft=1024, window=np.full(1024, np.nan))


def test_odd_fft_lengths(clip):
    n_fft = 1023
    X = librosa.stft(clip, n_fft=n_fft, hop_length=512)
    _near(audio.stft(clip, n_fft=n_fft, hop_length=512), X)
    _near(
        audio.istft(X, n_fft=n_fft, hop_length=512, length=len(clip)),
        librosa.istft(X, n_fft=n_fft, hop_length=512, length=len(clip)),
    )
    pairs = {
        "melspectrogram": 1e-4,
        "spectral_centroid": 1e-4,
        "spectral_bandwidth": 1e-4,
        "spectral_flatness": 1e-4,
        "chroma_stft": 1e-3,
    }
    for name, tolerance in pairs.items():
        # librosa's chroma estimates the tuning of an odd length's spectrogram as if it were an even one's.
        fixed = {"tuning": 0.0} if name == "chroma_stft" else {}
        oracle, ours = (partial(getattr(module, name), **fixed) for module in (librosa.feature, audio))
        _near(ours(clip, n_fft=n_fft), oracle(y=clip, n_fft=n_fft), tolerance)
        # A spectrogram says by its bins what it was made with, where n_fft leaves it open.
        S = np.abs(X) ** (2 if name in ("melspectrogram", "chroma_stft") else 1)
        _near(ours(S=S, n_fft=n_fft), oracle(S=S, n_fft=n_fft), tolerance)
        _near(ours(S=S), oracle(S=S), tolerance)
    tuning = librosa.estimate_tuning(y=clip, n_fft=n_fft)
    assert abs(float(audio.estimate_tuning(clip, n_fft=n_fft)) - tuning) < 0.011


@pytest.mark.parametrize("name", ["spectral_centroid", "spectral_bandwidth", "spectral_rolloff"])
def test_frequencies_of_ones_own(name, clip):
    ours, oracle = getattr(audio, name), getattr(librosa.feature, name)
    S = np.abs(librosa.stft(clip))
    of_bins = np.sort(np.random.default_rng(0).uniform(20, 9000, S.shape[0])).astype(np.float32)
    of_frames = of_bins[:, None] * np.linspace(0.5, 1.0, S.shape[1], dtype=np.float32)
    for freq in (of_bins, of_frames):
        _near(ours(S=S, freq=freq), oracle(S=S, freq=freq))
    _near(ours(clip, freq=of_bins), oracle(y=clip, freq=of_bins))
    both = ours(S=np.stack([S, S[:, ::-1]]), freq=np.stack([of_frames, of_frames]))
    _near(both[0], oracle(S=S, freq=of_frames))
    with pytest.raises(ValueError, match="one frequency for each bin"):
        ours(S=S, freq=of_frames[:, :-1])


@pytest.mark.parametrize("norm", [1, 2, np.inf, None, "slaney"])
def test_norms_of_mel_filters(norm):
    _near(audio.filters.mel(sr=SR, n_fft=2048, norm=norm), librosa.filters.mel(sr=SR, n_fft=2048, norm=norm))


@pytest.mark.parametrize("power", [1.0, 2.0, 3.0])
def test_flatness(power, clip):
    _near(audio.spectral_flatness(clip, power=power), librosa.feature.spectral_flatness(y=clip, power=power))
    np.testing.assert_allclose(audio.spectral_flatness(jnp.zeros(4096)), 1.0, atol=1e-5)


@pytest.mark.parametrize("options", [{}, {"linear": True}, {"quantile": 0.2}, {"n_bands": 4, "fmin": 300.0}])
def test_contrast(options, clip):
    _near(audio.spectral_contrast(clip, **options), librosa.feature.spectral_contrast(y=clip, **options))
    S = np.abs(librosa.stft(clip))
    ours = audio.spectral_contrast(S=np.stack([S, S[:, ::-1]]), **options)
    _near(ours[1], librosa.feature.spectral_contrast(S=S[:, ::-1], **options))


def test_contrast_names_what_does_not_fit(clip):
    with pytest.raises(ValueError, match="lower n_bands"):
        audio.spectral_contrast(clip, n_bands=9)
    with pytest.raises(ValueError, match="no FFT bin lies between"):
        audio.spectral_contrast(clip, n_fft=64, fmin=20.0)


@pytest.mark.parametrize("mode", ["interp", "nearest", "mirror", "constant", "wrap"])
@pytest.mark.parametrize(("width", "order"), [(9, 1), (9, 2), (3, 1), (5, 3)])
def test_delta(mode, width, order):
    data = np.random.default_rng(0).standard_normal((4, 30)).astype(np.float32)
    _near(
        audio.delta(data, width=width, order=order, mode=mode),
        librosa.feature.delta(data, width=width, order=order, mode=mode),
    )
    _near(
        audio.delta(data.T, width=width, order=order, axis=0, mode=mode).T,
        audio.delta(data, width=width, order=order, mode=mode),
        1e-5,
    )


def test_delta_names_what_does_not_fit():
    for arguments, message in (
        ({"width": 4}, "odd"),
        ({"order": 9}, "below the width"),
        ({"mode": "linear"}, "none of"),
        ({"width": 31}, "fewer than the width"),
    ):
        with pytest.raises(ValueError, match=message):
            audio.delta(np.ones((2, 30), np.float32), **arguments)


@pytest.mark.parametrize("classes", [12, 24])
def test_tonnetz(classes, clip):
    chroma = librosa.feature.chroma_stft(y=clip, n_chroma=classes)
    _near(audio.tonnetz(chroma=chroma), librosa.feature.tonnetz(chroma=chroma))
    _near(audio.tonnetz(clip), librosa.feature.tonnetz(chroma=librosa.feature.chroma_stft(y=clip)), 1e-3)


def test_decibels_and_back(clip):
    S = np.abs(librosa.stft(clip))
    for options in ({}, {"ref": np.max, "top_db": None}, {"ref": 0.5, "amin": 1e-3, "top_db": 30.0}):
        _near(audio.amplitude_to_db(S, **options), librosa.amplitude_to_db(S, **options))
    decibels = librosa.power_to_db(S**2, top_db=None)
    _near(audio.db_to_power(decibels, ref=2.0), librosa.db_to_power(decibels, ref=2.0))
    _near(audio.db_to_amplitude(decibels, ref=2.0), librosa.db_to_amplitude(decibels, ref=2.0))


@pytest.mark.parametrize(
    ("ours", "oracle"),
    [
        ({"max_size": 3}, {"max_size": 3}),
        ({"max_size": 4, "lag": 2}, {"max_size": 4, "lag": 2}),
        ({"detrend": True}, {"detrend": True}),
        ({"aggregate": jnp.median}, {"aggregate": np.median}),
        ({"aggregate": jnp.max, "center": False}, {"aggregate": np.max, "center": False}),
    ],
)
def test_onset_strength(ours, oracle, clip):
    _near(audio.onset_strength(clip, **ours), librosa.onset.onset_strength(y=clip, **oracle))


def test_tempo(clip):
    prior = scipy.stats.uniform(60, 300)
    _near(audio.tempo(clip, prior=prior), librosa.feature.tempo(y=clip, prior=prior))
    _near(audio.tempo(clip, aggregate=jnp.median), librosa.feature.tempo(y=clip, aggregate=np.median))
    _near(audio.tempo(clip, aggregate=None), librosa.feature.tempo(y=clip, aggregate=None))
    with pytest.raises(ValueError, match="lengths need"):
        audio.tempo(clip, aggregate=None, lengths=jnp.asarray(len(clip)))
