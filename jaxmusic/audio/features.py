"""One number a frame: where the spectrum lies, how wide it is, and how flat."""

from __future__ import annotations

from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from jaxtyping import Array, Float

from jaxmusic.audio.batching import each_clip
from jaxmusic.audio.checks import checking, magnitudes
from jaxmusic.audio.filters import Window
from jaxmusic.audio.spectral import STFT_ARGUMENTS, TINY, fft_frequencies, fft_length, on_spectrogram, root


@checking(S=magnitudes)
@partial(jax.jit, static_argnames=("sr", *STFT_ARGUMENTS))
def spectral_centroid(
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
    freq: Float[Array, "*batch bins frames"] | Float[Array, " bins"] | None = None,
) -> Float[Array, "*batch 1 frames"]:
    """Mean frequency of every frame's magnitude spectrum.

    Args:
        y: `[…, samples]` float32 waveform, or None where `S` is given.
        sr: sampling rate in Hz.
        S: `[…, bins, frames]` magnitude spectrogram.
        n_fft, hop_length, win_length, window, center, pad_mode: see `stft`.
        freq: Hz of each bin, `[bins]`, or of each bin in each frame, in the shape of the spectrogram; default the
            FFT's.

    Returns:
        `[…, 1, frames]` float32, Hz; 0 in silence. The oracle is `librosa.feature.spectral_centroid`.

    Raises:
        ValueError: neither `y` nor `S`, or an `S` that is complex or, where values can be seen, negative.
    """
    settings = (n_fft, hop_length, win_length, window, center, pad_mode)
    return _on_bins(lambda S, f: _centroid(S, f)[None], y, S, freq, sr, *settings)


@checking(S=magnitudes)
@partial(jax.jit, static_argnames=("sr", "norm", "p", *STFT_ARGUMENTS))
def spectral_bandwidth(
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
    freq: Float[Array, "*batch bins frames"] | Float[Array, " bins"] | None = None,
    norm: bool = True,
    p: float = 2.0,
) -> Float[Array, "*batch 1 frames"]:
    """How far a frame's magnitude spectrum spreads about its centroid, `(Σ S |f − centroid|ᵖ)^(1/p)`.

    Args:
        y: `[…, samples]` float32 waveform, or None where `S` is given.
        sr: sampling rate in Hz.
        S: `[…, bins, frames]` magnitude spectrogram.
        n_fft, hop_length, win_length, window, center, pad_mode: see `stft`.
        freq: Hz of each bin, `[bins]`, or of each bin in each frame, in the shape of the spectrogram; default the
            FFT's.
        norm: divide each frame's spectrum by its sum.
        p: the power; 2 weighs as a standard deviation does.

    Returns:
        `[…, 1, frames]` float32, Hz; 0 in silence. The oracle is `librosa.feature.spectral_bandwidth`.

    Raises:
        ValueError: neither `y` nor `S`, or an `S` that is complex or, where values can be seen, negative.
    """

    def spread(S: Array, frequencies: Any) -> Array:
        deviation = jnp.abs(frequencies - _centroid(S, frequencies)[:, None])
        weights = _shares(S) if norm else S
        powered = jnp.square(deviation) if p == 2 else root(deviation, p)
        return root((weights * powered).sum(-1), 1 / p)[None]

    settings = (n_fft, hop_length, win_length, window, center, pad_mode)
    return _on_bins(spread, y, S, freq, sr, *settings)


@checking(S=magnitudes)
@partial(jax.jit, static_argnames=("sr", "roll_percent", *STFT_ARGUMENTS))
def spectral_rolloff(
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
    freq: Float[Array, "*batch bins frames"] | Float[Array, " bins"] | None = None,
    roll_percent: float = 0.85,
) -> Float[Array, "*batch 1 frames"]:
    """Lowest frequency below which a frame has `roll_percent` of its magnitude.

    Args:
        y: `[…, samples]` float32 waveform, or None where `S` is given.
        sr: sampling rate in Hz.
        S: `[…, bins, frames]` magnitude spectrogram.
        n_fft, hop_length, win_length, window, center, pad_mode: see `stft`.
        freq: Hz of each bin, `[bins]`, or of each bin in each frame, in the shape of the spectrogram; default the
            FFT's.
        roll_percent: between 0 and 1.

    Returns:
        `[…, 1, frames]` float32, Hz; 0 in silence. The oracle is `librosa.feature.spectral_rolloff`.

    Raises:
        ValueError: `roll_percent` does not lie between 0 and 1; neither `y` nor `S`, or an `S` that is complex or,
            where values can be seen, negative.
    """
    if not 0 < roll_percent < 1:
        raise ValueError(f"roll_percent must lie between 0 and 1, got {roll_percent}")

    def edge(S: Array, frequencies: Any) -> Array:
        # Summed bin by bin, as NumPy's cumsum does: another order of additions would move frames that lie at the
        # threshold to the next bin.
        total, sums = lax.scan(lambda carry, row: (carry + row,) * 2, jnp.zeros(S.shape[0], S.dtype), S.T, unroll=8)
        below = (sums < np.float32(roll_percent) * total).sum(0)
        frequencies = jnp.asarray(frequencies)
        at = jnp.minimum(below, S.shape[-1] - 1)
        edges = frequencies[at] if frequencies.ndim == 1 else jnp.take_along_axis(frequencies, at[:, None], -1)[:, 0]
        return jnp.where(jnp.isfinite(total), edges, jnp.nan)[None]

    settings = (n_fft, hop_length, win_length, window, center, pad_mode)
    return _on_bins(edge, y, S, freq, sr, *settings)


@checking(S=magnitudes)
@partial(jax.jit, static_argnames=("amin", "power", *STFT_ARGUMENTS))
def spectral_flatness(
    y: Float[Array, "*batch samples"] | None = None,
    *,
    S: Float[Array, "*batch bins frames"] | None = None,
    n_fft: int = 2048,
    hop_length: int = 512,
    win_length: int | None = None,
    window: Window = "hann",
    center: bool = True,
    pad_mode: str = "constant",
    amin: float = 1e-10,
    power: float = 2.0,
) -> Float[Array, "*batch 1 frames"]:
    """Geometric over arithmetic mean of every frame's spectrum: 1 for white noise, near 0 for a tone.

    Args:
        y: `[…, samples]` float32 waveform, or None where `S` is given.
        S: `[…, bins, frames]` magnitude spectrogram.
        n_fft, hop_length, win_length, window, center, pad_mode: see `stft`.
        amin: lowest value counted, of the magnitude raised to `power`.
        power: exponent of the magnitude: 2 for power, 1 for amplitude.

    Returns:
        `[…, 1, frames]` float32, 0 to 1; 1 in silence. The oracle is `librosa.feature.spectral_flatness`.

    Raises:
        ValueError: `amin` not above 0; neither `y` nor `S`, or an `S` that is complex or, where values can be seen,
            negative.

    Source: Dubnov, "Generalization of spectral flatness measure for non-Gaussian linear processes", 2004.
    """
    if amin <= 0:
        raise ValueError(f"amin must be positive, got {amin}")

    def flatness(S: Array) -> Array:
        counted = jnp.maximum(jnp.square(S) if power == 2 else root(S, power), amin)
        return (jnp.exp(jnp.log(counted).mean(-1)) / counted.mean(-1))[None]

    return on_spectrogram(flatness, y, S, 1.0, n_fft, hop_length, win_length, window, center, pad_mode)


def _on_bins(function, y, S, freq, sr, n_fft, *settings) -> Any:
    """Apply a function of one clip's `[frames, bins]` magnitudes and of its bins' frequencies, `[(frames,) bins]`."""
    if freq is None:
        return on_spectrogram(
            lambda S: function(S, fft_frequencies(sr, fft_length(S.shape[-1], n_fft)).astype(np.float32)),
            y,
            S,
            1.0,
            n_fft,
            *settings,
        )
    freq = jnp.asarray(freq)
    if freq.ndim == 1:
        return on_spectrogram(lambda S: function(S, freq), y, S, 1.0, n_fft, *settings)
    if S is None:
        S = on_spectrogram(jnp.transpose, y, None, 1.0, n_fft, *settings)
    S = jnp.asarray(S)
    if freq.shape != S.shape:
        raise ValueError(
            f"freq has shape {freq.shape}: give one frequency for each bin, or the spectrogram's {S.shape}"
        )
    return each_clip(lambda S, f: function(S.T, f.T), S, freq, axes=(2, 2))


def _shares(S: Float[Array, "frames bins"]) -> Float[Array, "frames bins"]:
    total = S.sum(-1, keepdims=True)
    return S / jnp.where(total < TINY, 1.0, total)


def _centroid(S: Float[Array, "frames bins"], frequencies: Any) -> Float[Array, " frames"]:
    total = S.sum(-1)
    return (S * frequencies).sum(-1) / jnp.where(total < TINY, 1.0, total)
