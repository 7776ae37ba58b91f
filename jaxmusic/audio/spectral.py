"""Waveforms → spectra, with librosa's names, defaults and numbers; any leading batch axes, differentiable."""

from __future__ import annotations

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Complex, Float

from jaxmusic.audio import filters


def stft(
    y: Float[Array, "*batch samples"],
    *,
    n_fft: int = 2048,
    hop_length: int | None = None,
    win_length: int | None = None,
    window: str = "hann",
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
    """
    spectra = _spectra(y, n_fft, hop_length, win_length, window, center, pad_mode)
    return jnp.swapaxes(spectra, -1, -2)


def melspectrogram(
    y: Float[Array, "*batch samples"],
    *,
    sr: float = 22_050,
    n_fft: int = 2048,
    hop_length: int = 512,
    win_length: int | None = None,
    window: str = "hann",
    center: bool = True,
    pad_mode: str = "constant",
    power: float = 2.0,
    n_mels: int = 128,
    fmin: float = 0.0,
    fmax: float | None = None,
    htk: bool = False,
    norm: str | None = "slaney",
) -> Float[Array, "*batch n_mels frames"]:
    """Mel spectrogram.

    Args:
        y: `[…, samples]` float32 waveform.
        sr: sampling rate in Hz.
        n_fft, hop_length, win_length, window, center, pad_mode: see `stft`.
        power: exponent of the magnitude: 2 for power, 1 for amplitude.
        n_mels, fmin, fmax, htk, norm: see `filters.mel`.

    Returns:
        `[…, n_mels, frames]` float32. The oracle is `librosa.feature.melspectrogram`.

    >>> melspectrogram(jnp.zeros((2, 22_050)), n_mels=64).shape
    (2, 64, 44)
    """
    spectra = _spectra(y, n_fft, hop_length, win_length, window, center, pad_mode)
    energy = jnp.square(spectra.real) + jnp.square(spectra.imag)
    if power != 2:
        # The floor keeps the gradient of the root finite in silence.
        energy = jnp.maximum(energy, 1e-30) ** (power / 2)
    bank = filters.mel(sr=sr, n_fft=n_fft, n_mels=n_mels, fmin=fmin, fmax=fmax, htk=htk, norm=norm)
    return jnp.einsum("mb,...fb->...mf", jnp.asarray(bank), energy)


def power_to_db(
    S: Float[Array, "*batch n_mels frames"], *, ref: float = 1.0, amin: float = 1e-10, top_db: float | None = 80.0
) -> Float[Array, "*batch n_mels frames"]:
    """Power in decibels, `10 log10(S / ref)`.

    Args:
        S: `[…, n_mels, frames]` power.
        ref: power that becomes 0 dB.
        amin: lowest power counted.
        top_db: nothing lies further below the peak than this. The peak is that of each clip (the last two axes), so
            that a batch equals its clips; None keeps everything.

    Returns:
        The shape of `S`, float32, dB. The oracle is `librosa.power_to_db`, which takes one peak for all channels.
    """
    if amin <= 0:
        raise ValueError(f"amin must be positive, got {amin}")
    if top_db is not None and top_db < 0:
        raise ValueError(f"top_db must not be negative, got {top_db}")
    decibels = 10.0 * jnp.log10(jnp.maximum(S, amin)) - 10.0 * np.log10(max(amin, abs(ref)))
    if top_db is None:
        return decibels
    return jnp.maximum(decibels, decibels.max(axis=(-2, -1), keepdims=True) - top_db)


def _spectra(
    y: Array, n_fft: int, hop_length: int | None, win_length: int | None, window: str, center: bool, pad_mode: str
) -> Array:
    """`[…, frames, bins]`: frames before bins, the order in which the FFT and the mel product read memory."""
    win_length = n_fft if win_length is None else win_length
    hop_length = win_length // 4 if hop_length is None else hop_length
    if hop_length < 1:
        raise ValueError(f"hop_length must be at least 1, got {hop_length}")
    y = jnp.asarray(y)
    if y.shape[-1] == 0:
        raise ValueError("y holds no samples")
    if center:
        y = jnp.pad(y, [(0, 0)] * (y.ndim - 1) + [(n_fft // 2, n_fft // 2)], mode=pad_mode)
    if y.shape[-1] < n_fft:
        raise ValueError(f"{y.shape[-1]} samples are fewer than one frame of {n_fft}")
    frames = _frames(y, n_fft, hop_length) * filters.window(window, win_length, n_fft)
    return jnp.fft.rfft(frames, axis=-1)


def _frames(y: Array, length: int, hop_length: int) -> Array:
    """`[…, frames, length]` overlapping pieces."""
    count = 1 + (y.shape[-1] - length) // hop_length
    if length % hop_length:
        return y[..., np.arange(count)[:, None] * hop_length + np.arange(length)]
    # Whole hops make a frame: shifted views of one reshape, without a gather.
    overlap = length // hop_length
    blocks = y[..., : (count + overlap - 1) * hop_length].reshape(*y.shape[:-1], count + overlap - 1, hop_length)
    return jnp.concatenate([blocks[..., i : i + count, :] for i in range(overlap)], axis=-1)
