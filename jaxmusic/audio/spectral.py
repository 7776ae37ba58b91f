"""Waveforms → spectra, with librosa's names, defaults and numbers; any leading batch axes, differentiable."""

from __future__ import annotations

from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Complex, Float, Int

from jaxmusic._arrays import whole
from jaxmusic.audio import filters
from jaxmusic.audio.batching import each_clip
from jaxmusic.audio.checks import checked_waveform, checking, magnitudes, real
from jaxmusic.audio.decibels import power_to_db
from jaxmusic.audio.filters import Window

# The smallest normal float32: librosa divides by nothing below it.
TINY = float(np.finfo(np.float32).tiny)
# Accelerators would round the factors of a matrix product to fewer bits: power spans many decades, and cepstral
# coefficients ride on a large offset.
PRECISION = jax.lax.Precision.HIGHEST
STFT_ARGUMENTS = ("n_fft", "hop_length", "win_length", "window", "center", "pad_mode")


@checking()
@partial(jax.jit, static_argnames=STFT_ARGUMENTS)
def stft(
    y: Float[Array, "*batch samples"],
    *,
    n_fft: int = 2048,
    hop_length: int | None = None,
    win_length: int | None = None,
    window: Window = "hann",
    center: bool = True,
    pad_mode: str = "constant",
) -> Complex[Array, "*batch bins frames"]:
    """Short-time Fourier transform.

    Args:
        y: `[…, samples]` float32 waveform.
        n_fft: FFT length in samples.
        hop_length: samples between frames; default `win_length // 4`.
        win_length: window length in samples; default `n_fft`.
        window: a window of SciPy's names.
        center: frame t is centred on sample `t · hop_length`, the ends padded by `pad_mode`; else it starts there.
        pad_mode: of `jnp.pad`.

    Returns:
        `[…, 1 + n_fft // 2, frames]` complex64. The oracle is `librosa.stft`.

    Raises:
        ValueError: fewer samples than one frame needs.

    >>> stft(jnp.ones(22_050)).shape
    (1025, 44)
    """
    win_length, hop_length = window_and_hop(n_fft, win_length, hop_length)
    settings = (n_fft, hop_length, win_length, window, center, pad_mode)
    return each_clip(lambda y: spectra(y, *settings).T, checked_waveform(y), axes=(1,))


@checking(S=magnitudes)
@partial(jax.jit, static_argnames=(*STFT_ARGUMENTS, "sr", "power", "n_mels", "fmin", "fmax", "htk", "norm"))
def melspectrogram(
    y: Float[Array, "*batch samples"] | None = None,
    *,
    sr: float = 22_050,
    S: Float[Array, "*batch bins frames"] | None = None,
    n_fft: int = 2048,
    hop_length: int = 512,
    win_length: int | None = None,
    window: Window = "hann",
    center: bool = True,
    pad_mode: str = "constant",
    power: float = 2.0,
    n_mels: int = 128,
    fmin: float = 0.0,
    fmax: float | None = None,
    htk: bool = False,
    norm: str | float | None = "slaney",
) -> Float[Array, "*batch n_mels frames"]:
    """Mel spectrogram.

    Args:
        y: `[…, samples]` float32 waveform, or None where `S` is given.
        sr: sampling rate in Hz.
        S: `[…, bins, frames]` spectrogram, already raised to `power`.
        n_fft, hop_length, win_length, window, center, pad_mode: see `stft`.
        power: exponent of the magnitude: 2 for power, 1 for amplitude.
        n_mels, fmin, fmax, htk, norm: see `filters.mel`.

    Returns:
        `[…, n_mels, frames]` float32. The oracle is `librosa.feature.melspectrogram`.

    Raises:
        ValueError: neither `y` nor `S`, or an `S` that is complex or, where values can be seen, negative.

    >>> melspectrogram(jnp.zeros((2, 22_050)), n_mels=64).shape
    (2, 64, 44)
    """

    def bands(S: Array) -> Array:
        n = fft_length(S.shape[-1], n_fft)
        bank = filters.mel(sr=sr, n_fft=n, n_mels=n_mels, fmin=fmin, fmax=fmax, htk=htk, norm=norm)
        return jnp.einsum("mb,fb->mf", jnp.asarray(bank), S, precision=PRECISION)

    stft_settings = (n_fft, hop_length, win_length, window, center, pad_mode)
    return on_spectrogram(bands, y, S, power, *stft_settings)


@partial(jax.jit, static_argnames=("sr", "n_mfcc", "dct_type", "norm", "lifter", "mel_norm", "mel"))
def _mfcc(y, S, *, sr, n_mfcc, dct_type, norm, lifter, mel_norm, mel):
    def coefficients(S: Array) -> Array:
        basis = filters.dct(n_mfcc, S.shape[-2], dct_type=dct_type, norm=norm, lifter=lifter)
        return jnp.matmul(jnp.asarray(basis), S, precision=PRECISION)

    if S is not None:
        return coefficients(jnp.asarray(S))
    if y is None:
        raise ValueError("give either y or S")
    one = partial(melspectrogram, sr=sr, norm=mel_norm, **dict(mel))
    return each_clip(lambda y: coefficients(power_to_db(one(y))), checked_waveform(y), axes=(1,))


@checking(S=partial(real, axes=2))
def mfcc(
    y: Float[Array, "*batch samples"] | None = None,
    *,
    sr: float = 22_050,
    S: Float[Array, "*batch n_mels frames"] | None = None,
    n_mfcc: int = 20,
    dct_type: int = 2,
    norm: str | None = "ortho",
    lifter: float = 0,
    mel_norm: str | float | None = "slaney",
    **mel: Any,
) -> Float[Array, "*batch n_mfcc frames"]:
    """Mel-frequency cepstral coefficients.

    Args:
        y: `[…, samples]` float32 waveform, or None where `S` is given.
        sr: sampling rate in Hz.
        S: `[…, n_mels, frames]` mel spectrogram in dB.
        n_mfcc: coefficients kept.
        dct_type, norm: of the cosine transform, as in `scipy.fft.dct`.
        lifter: coefficient n is weighted by `1 + lifter/2 · sin(π (n + 1) / lifter)`; 0 for none.
        mel_norm: `norm` of the mel filters.
        mel: further arguments of `melspectrogram`.

    Returns:
        `[…, n_mfcc, frames]` float32. The oracle is `librosa.feature.mfcc` of each clip.

    Raises:
        ValueError: neither `y` nor `S`, more coefficients than bands, a negative or NaN lifter, or a complex `S`.

    >>> mfcc(jnp.ones(22_050), n_mfcc=13).shape
    (13, 44)
    """
    return _mfcc(
        y,
        S,
        sr=sr,
        n_mfcc=n_mfcc,
        dct_type=dct_type,
        norm=norm,
        lifter=lifter,
        mel_norm=mel_norm,
        mel=tuple(sorted(mel.items())),
    )


def frames_of(lengths: Int[Array, "*batch"], *, hop_length: int = 512) -> Int[Array, "*batch"]:
    """Centred frames of clips of so many samples, `1 + lengths // hop_length`."""
    return 1 + lengths // hop_length


def frame_mask(lengths: Int[Array, "*batch"], frames: int, *, hop_length: int = 512) -> Bool[Array, "*batch frames"]:
    """Which frames belong to a clip that was padded with zeros.

    With `center=True` and `pad_mode="constant"` those frames equal the unpadded clip's, so that masked statistics do.

    Args:
        lengths: `[…]` samples of each clip before padding.
        frames: frames of the padded clip.
        hop_length: samples between frames.

    Returns:
        `[…, frames]` bool.

    >>> frame_mask(jnp.array([0, 600]), 3).tolist()
    [[True, False, False], [True, True, False]]
    """
    lengths = jnp.asarray(real(lengths, "lengths"))
    frames, hop_length = whole(frames, "frames"), whole(hop_length, "hop_length")
    return jnp.arange(frames) < frames_of(jnp.asarray(lengths), hop_length=hop_length)[..., None]


def on_spectrogram(function, y, S, power, n_fft, hop_length, win_length, window, center, pad_mode) -> Any:
    """Apply a function of one clip's `[frames, bins]` spectrogram to `S` or to that of `y`."""
    if S is not None:
        S = jnp.swapaxes(jnp.asarray(S), -1, -2)
        return each_clip(function, S, axes=(2,))
    if y is None:
        raise ValueError("give either y or S")
    win_length, hop_length = window_and_hop(n_fft, win_length, hop_length)

    def from_waveform(y: Array) -> Array:
        X = spectra(y, n_fft, hop_length, win_length, window, center, pad_mode)
        energy = jnp.square(X.real) + jnp.square(X.imag)
        return function(energy if power == 2 else root(energy, power / 2))

    return each_clip(from_waveform, checked_waveform(y), axes=(1,))


def fft_length(bins: int, n_fft: int) -> int:
    """The FFT length that a spectrogram of so many bins was made with: `n_fft` where it fits, else the even one."""
    return n_fft if n_fft // 2 + 1 == bins else 2 * (bins - 1)


def fft_frequencies(sr: float, n_fft: int) -> np.ndarray:
    """Centres of an FFT's bins in Hz, `[1 + n_fft // 2]` float64."""
    half = n_fft // 2
    return np.linspace(0, sr * half / n_fft, 1 + half)


def root(x: Array, exponent: float = 0.5) -> Array:
    """`x ** exponent` of x ≥ 0 with a gradient of 0, not infinity, at 0."""
    positive = ~(x <= 0)  # NaN is to stay one
    x = jnp.where(positive, x, 1.0)
    return jnp.where(positive, jnp.sqrt(x) if exponent == 0.5 else x**exponent, 0.0)


def spectra(
    y: Float[Array, " samples"],
    n_fft: int,
    hop_length: int,
    win_length: int,
    window: Window,
    center: bool,
    pad_mode: str,
) -> Complex[Array, "frames bins"]:
    """One clip's STFT, frames before bins: the order in which the FFT and matrix products read memory."""
    if center:
        y = jnp.pad(y, n_fft // 2, mode=pad_mode)
    if y.shape[-1] < n_fft:
        raise ValueError(f"{y.shape[-1]} samples are fewer than one frame of {n_fft}")
    return jnp.fft.rfft(frame(y, n_fft, hop_length) * filters.window(window, win_length, n_fft), axis=-1)


def frame(y: Float[Array, " samples"], length: int, hop_length: int) -> Float[Array, "frames length"]:
    """Overlapping pieces of one clip."""
    count = 1 + (y.shape[-1] - length) // hop_length
    if length % hop_length or hop_length == 1:
        return y[np.arange(count)[:, None] * hop_length + np.arange(length)]
    # Whole hops make a frame: shifted views of one reshape, without a gather.
    overlap = length // hop_length
    blocks = y[: (count + overlap - 1) * hop_length].reshape(count + overlap - 1, hop_length)
    return jnp.concatenate([blocks[i : i + count] for i in range(overlap)], axis=-1)


def window_and_hop(n_fft: int, win_length: int | None, hop_length: int | None) -> tuple[int, int]:
    """Window and hop length in samples, librosa's where they are None: `n_fft` and a quarter of the window."""
    if n_fft < 2:
        raise ValueError(f"n_fft must be at least 2, got {n_fft}")
    win_length = n_fft if win_length is None else win_length
    hop_length = win_length // 4 if hop_length is None else hop_length
    if hop_length < 1:
        raise ValueError(f"hop_length must be at least 1, got {hop_length}")
    return win_length, hop_length
