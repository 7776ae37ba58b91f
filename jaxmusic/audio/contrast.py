"""How far a spectrum's peaks stand above its valleys, octave by octave."""

from __future__ import annotations

from functools import partial
from itertools import pairwise

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from jaxmusic.audio.checks import checking, magnitudes
from jaxmusic.audio.decibels import power_to_db
from jaxmusic.audio.filters import Window
from jaxmusic.audio.spectral import STFT_ARGUMENTS, fft_frequencies, fft_length, on_spectrogram


@checking(S=magnitudes)
@partial(jax.jit, static_argnames=("sr", "fmin", "n_bands", "quantile", "linear", *STFT_ARGUMENTS))
def spectral_contrast(
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
    fmin: float = 200.0,
    n_bands: int = 6,
    quantile: float = 0.02,
    linear: bool = False,
) -> Float[Array, "*batch bands frames"]:
    """In every octave of a frame's spectrum, the level of its highest bins over that of its lowest.

    Args:
        y: `[…, samples]` float32 waveform, or None where `S` is given.
        sr: sampling rate in Hz.
        S: `[…, bins, frames]` magnitude spectrogram.
        n_fft, hop_length, win_length, window, center, pad_mode: see `stft`.
        fmin: upper end of the lowest band in Hz; the others are octaves above it.
        n_bands: octaves; there is one band below them, and the last reaches to the highest bin.
        quantile: share of a band's bins that are its peak, and its valley; at least one bin.
        linear: differences of magnitude in place of dB.

    Returns:
        `[…, n_bands + 1, frames]` float32. The oracle is `librosa.feature.spectral_contrast`.

    Raises:
        ValueError: a band that holds no bin, or begins above half the sampling rate; `fmin`, `n_bands` or `quantile`
            out of range; neither `y` nor `S`, or an `S` that is complex or, where values can be seen, negative.

    Source: Jiang, Lu, Zhang, Tao and Cai, "Music type classification by spectral contrast feature", ICME 2002.
    """
    if fmin <= 0 or n_bands < 1 or not 0 < quantile < 1:
        raise ValueError(
            f"fmin must be positive, n_bands at least 1, quantile between 0 and 1: got {fmin}, {n_bands}, {quantile}"
        )

    def contrast(S: Array) -> Array:
        frequencies = fft_frequencies(sr, fft_length(S.shape[-1], n_fft))
        peaks, valleys = [], []
        for first, stop, count in _bands(frequencies, sr, fmin, n_bands, quantile):
            ordered = jnp.sort(S[:, first:stop], axis=-1)
            valleys.append(ordered[:, :count].mean(-1))
            peaks.append(ordered[:, -count:].mean(-1))
        peak, valley = jnp.stack(peaks), jnp.stack(valleys)
        return peak - valley if linear else power_to_db(peak) - power_to_db(valley)

    return on_spectrogram(contrast, y, S, 1.0, n_fft, hop_length, win_length, window, center, pad_mode)


def _bands(
    frequencies: np.ndarray, sr: float, fmin: float, n_bands: int, quantile: float
) -> list[tuple[int, int, int]]:
    """For each band its first bin, the bin behind its last, and how many are its peak; bounds as the oracle has them:
    a band begins one bin below its edge, and ends one bin before the next begins to be its own."""
    edges = np.concatenate([[0.0], fmin * 2.0 ** np.arange(n_bands + 1)])
    if edges[-2] >= sr / 2:
        raise ValueError(f"the last of {n_bands} octaves above {fmin} Hz begins above half of {sr} Hz: lower n_bands")
    bands = []
    for band, (low, high) in enumerate(pairwise(edges)):
        inside = np.flatnonzero((frequencies >= low) & (frequencies <= high))
        if len(inside) == 0:
            raise ValueError(f"no FFT bin lies between {low:g} and {high:g} Hz: raise n_fft or fmin")
        first = int(inside[0]) - (band > 0)
        stop = len(frequencies) if band == n_bands else int(inside[-1])
        width = stop - first + (band < n_bands)
        bands.append((first, stop, max(round(quantile * width), 1)))
    return bands
