"""Pitch classes and the tuning they are measured by."""

from __future__ import annotations

from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from jaxtyping import Array, Float

from jaxmusic.audio import filters
from jaxmusic.audio.checks import checking, magnitudes
from jaxmusic.audio.filters import Window
from jaxmusic.audio.rounding import divide, log2
from jaxmusic.audio.spectral import PRECISION, STFT_ARGUMENTS, TINY, fft_frequencies, fft_length, on_spectrogram

_A0 = 440.0 / 16


@checking(S=magnitudes)
@partial(jax.jit, static_argnames=("sr", "resolution", "bins_per_octave", "fmin", "fmax", "threshold", *STFT_ARGUMENTS))
def estimate_tuning(
    y: Float[Array, "*batch samples"] | None = None,
    *,
    sr: float = 22_050,
    S: Float[Array, "*batch bins frames"] | None = None,
    n_fft: int = 2048,
    hop_length: int | None = None,
    win_length: int | None = None,
    window: Window = "hann",
    center: bool = True,
    pad_mode: str = "constant",
    resolution: float = 0.01,
    bins_per_octave: int = 12,
    fmin: float = 150.0,
    fmax: float = 4000.0,
    threshold: float = 0.1,
) -> Float[Array, "*batch"]:
    """How far the clip's pitches lie from A440, in bins of an octave.

    Args:
        y: `[…, samples]` float32 waveform, or None where `S` is given.
        sr: sampling rate in Hz.
        S: `[…, bins, frames]` magnitude or power spectrogram.
        n_fft, hop_length, win_length, window, center, pad_mode: see `stft`.
        resolution: width of the histogram's bins, as a share of a bin of the octave.
        bins_per_octave: bins in an octave.
        fmin, fmax: frequencies in Hz between which spectral peaks are pitches.
        threshold: a peak is no pitch below this share of its frame's largest value.

    Returns:
        `[…]` float32 in [−0.5, 0.5); 0 where there is no pitch. The oracle is `librosa.estimate_tuning`.

    Raises:
        ValueError: neither `y` nor `S`, or an `S` that is complex or, where values can be seen, negative.
    """
    settings = (n_fft, hop_length, win_length, window, center, pad_mode)

    def estimate(S: Array) -> Array:
        tuning = _tuning(S, sr, fft_length(S.shape[-1], n_fft), resolution, bins_per_octave, fmin, fmax, threshold)
        return jnp.where(jnp.isnan(S).any(), jnp.nan, tuning)

    return on_spectrogram(estimate, y, S, 1.0, *settings)


@checking(S=magnitudes)
@partial(jax.jit, static_argnames=("sr", "norm", "tuning", "n_chroma", "ctroct", "octwidth", "base_c", *STFT_ARGUMENTS))
def chroma_stft(
    y: Float[Array, "*batch samples"] | None = None,
    *,
    sr: float = 22_050,
    S: Float[Array, "*batch bins frames"] | None = None,
    norm: float | None = np.inf,
    n_fft: int = 2048,
    hop_length: int = 512,
    win_length: int | None = None,
    window: Window = "hann",
    center: bool = True,
    pad_mode: str = "constant",
    tuning: float | None = None,
    n_chroma: int = 12,
    ctroct: float = 5.0,
    octwidth: float | None = 2.0,
    base_c: bool = True,
) -> Float[Array, "*batch n_chroma frames"]:
    """Energy of every pitch class in every frame.

    Args:
        y: `[…, samples]` float32 waveform, or None where `S` is given.
        sr: sampling rate in Hz.
        S: `[…, bins, frames]` power spectrogram.
        norm: order of the norm that each frame is divided by (`np.inf`, 1, 2); None for none.
        n_fft, hop_length, win_length, window, center, pad_mode: see `stft`.
        tuning: deviation from A440 in chroma bins; None: `estimate_tuning` of each clip.
        n_chroma, ctroct, octwidth, base_c: see `filters.chroma`.

    Returns:
        `[…, n_chroma, frames]` float32; 0 in silence. The oracle is `librosa.feature.chroma_stft` of each clip.

    Raises:
        ValueError: neither `y` nor `S`, or an `S` that is complex or, where values can be seen, negative.
    """

    def fold(S: Array) -> Array:
        n = fft_length(S.shape[-1], n_fft)
        if tuning is not None:
            bank = jnp.asarray(
                filters.chroma(
                    sr=sr, n_fft=n, n_chroma=n_chroma, tuning=tuning, ctroct=ctroct, octwidth=octwidth, base_c=base_c
                )
            )
        else:
            estimated = lax.stop_gradient(_tuning(S, sr, n, 0.01, n_chroma, 150.0, 4000.0, 0.1))
            bank = _tuned_bank(estimated, sr, n, n_chroma, ctroct, octwidth, base_c)
        classes = jnp.einsum("cb,fb->cf", bank, S, precision=PRECISION)
        if norm is None:
            return classes
        length = jnp.linalg.norm(classes, ord=norm, axis=0) if norm != 2 else jnp.sqrt(jnp.square(classes).sum(0))
        return classes / jnp.where(length < TINY, 1.0, length)

    settings = (n_fft, hop_length, win_length, window, center, pad_mode)
    return on_spectrogram(fold, y, S, 2.0, *settings)


@checking(chroma=magnitudes)
def tonnetz(
    y: Float[Array, "*batch samples"] | None = None,
    *,
    sr: float = 22_050,
    chroma: Float[Array, "*batch n_chroma frames"] | None = None,
    **chroma_arguments: Any,
) -> Float[Array, "*batch 6 frames"]:
    """Tonal centroids: each frame's pitch classes on the circles of fifths, minor thirds and major thirds.

    Args:
        y: `[…, samples]` float32 waveform, or None where `chroma` is given.
        sr: sampling rate in Hz.
        chroma: `[…, n_chroma, frames]` energy of the pitch classes.
        chroma_arguments: further arguments of `chroma_stft`.

    Returns:
        `[…, 6, frames]` float32: x and y on each circle; 0 in silence. The oracle is `librosa.feature.tonnetz` of the
        same chroma; without one it takes that of a constant-Q transform, and this the short-time Fourier transform's.

    Raises:
        ValueError: neither `y` nor `chroma`, or a `chroma` that is complex or negative.

    Source: Harte, Sandler and Gasser, "Detecting harmonic change in musical audio", AMCMM 2006.
    """
    classes = chroma_stft(y, sr=sr, **chroma_arguments) if chroma is None else jnp.asarray(chroma)
    steps = np.linspace(0, 12, classes.shape[-2], endpoint=False)
    angles = np.multiply.outer([7 / 6, 7 / 6, 3 / 2, 3 / 2, 2 / 3, 2 / 3], steps)
    angles[::2] -= 0.5
    circles = np.array([1, 1, 1, 1, 0.5, 0.5])[:, None] * np.cos(np.pi * angles)
    total = classes.sum(-2, keepdims=True)
    shares = classes / jnp.where(total < TINY, 1.0, total)
    return jnp.einsum("pc,...ct->...pt", jnp.asarray(circles, shares.dtype), shares, precision=PRECISION)


def _tuned_bank(
    tuning: Array, sr: float, n_fft: int, n_chroma: int, ctroct: float, octwidth: float | None, base_c: bool
) -> Float[Array, "n_chroma bins"]:
    """`filters.chroma` for a tuning that is known only when the program runs."""
    positions, widths = filters.chroma_positions(sr=sr, n_fft=n_fft, n_chroma=n_chroma)
    half = round(n_chroma / 2)
    # The distances at tuning 0 are wrapped in float64: what is left to do in float32 is small numbers only.
    wrapped = np.remainder(positions - np.arange(n_chroma)[:, None] + half, n_chroma) - half
    distances = jnp.asarray(wrapped.astype(np.float32)) - tuning
    distances = jnp.where(distances < -half, distances + n_chroma, distances)
    distances = jnp.where(distances >= n_chroma - half, distances - n_chroma, distances)
    weights = jnp.exp(-0.5 * jnp.square(2 * distances / widths.astype(np.float32)))
    weights = weights / jnp.sqrt(jnp.square(weights).sum(0))
    if octwidth is not None:
        octaves = (positions / n_chroma - ctroct).astype(np.float32) - tuning / n_chroma
        weights = weights * jnp.exp(-0.5 * jnp.square(octaves / octwidth))
    return jnp.roll(weights, -3 * (n_chroma // 12), axis=0) if base_c else weights


def _tuning(
    S: Float[Array, "frames bins"],
    sr: float,
    n_fft: int,
    resolution: float,
    bins_per_octave: int,
    fmin: float,
    fmax: float,
    threshold: float,
) -> Float[Array, ""]:
    """The fullest bin of the histogram of what the louder half of the spectral peaks deviate by."""
    # The histogram and its median count bits of single precision, in 64-bit mode, too.
    S = S.astype(jnp.float32)
    frequencies = fft_frequencies(sr, n_fft)
    wanted = np.flatnonzero((frequencies >= max(fmin, 0)) & (frequencies < min(fmax, sr / 2)))
    wanted = wanted[(wanted >= 1) & (wanted < S.shape[-1] - 1)]
    if len(wanted) == 0:
        raise ValueError(f"no FFT bin of {n_fft} at {sr} Hz lies between {fmin} and {fmax} Hz")
    first, stop = int(wanted[0]), int(wanted[-1]) + 1
    left, here, right = S[:, first - 1 : stop - 1], S[:, first:stop], S[:, first + 1 : stop + 1]
    floor = threshold * S.max(-1, keepdims=True)
    kept_left, kept, kept_right = (jnp.where(x > floor, x, 0.0) for x in (left, here, right))
    is_peak = (kept > kept_left) & (kept >= kept_right)
    # The parabola through three neighbours gives the place and the height of the peak.
    curvature, slope = left + right - 2 * here, (right - left) / 2
    inside = jnp.abs(slope) < jnp.abs(curvature)
    shift = jnp.where(inside, -slope / jnp.where(inside, curvature, 1.0), 0.0)
    height = jnp.where(is_peak, here + 0.5 * slope * shift, -1.0)
    residual = _residual(shift, first, stop, sr / n_fft, bins_per_octave)
    # Neighbours are never both peaks: one of each pair is enough, and halves the work that follows.
    height, residual = _louder_of_pairs(height, residual)
    loud = (height >= 0) & (height >= _median_of_nonnegative(height))
    edges = np.linspace(-0.5, 0.5, int(np.ceil(1.0 / resolution)) + 1)
    counts = _histogram(jnp.where(loud, residual, 2.0).ravel(), edges)
    # Without any pitch the counts are all 0, and the tuning is 0.
    return jnp.where(counts.max() > 0, jnp.asarray(edges.astype(np.float32))[counts.argmax()], 0.0)


def _residual(shift: Array, first: int, stop: int, hz_per_bin: float, bins_per_octave: int) -> Array:
    """Distance of each pitch from the nearest bin of the octave, rounded at every step as librosa rounds it.

    A pitch on the edge of two histogram bins must fall into the same one, so the pitch is formed from an exact and a
    small part, which then round like a computation in float64.
    """
    exact = np.arange(first, stop) * hz_per_bin
    large = exact.astype(np.float32)
    pitch = large + ((exact - large).astype(np.float32) + shift * np.float32(hz_per_bin))
    octaves = log2(divide(pitch, _A0))
    position = octaves * bins_per_octave
    residual = position - jnp.floor(position)
    return jnp.where(residual >= 0.5, residual - 1.0, residual)


def _louder_of_pairs(height: Array, residual: Array) -> tuple[Array, Array]:
    if height.shape[1] % 2:
        height = jnp.pad(height, ((0, 0), (0, 1)), constant_values=-1.0)
        residual = jnp.pad(residual, ((0, 0), (0, 1)))
    even, odd = height[:, 0::2], height[:, 1::2]
    return jnp.maximum(even, odd), jnp.where(odd > even, residual[:, 1::2], residual[:, 0::2])


def _median_of_nonnegative(x: Array) -> Float[Array, ""]:
    """Median of the values that are not negative; 0 if there are none.

    Found by halving the range of bit patterns, which order as the numbers do: no sort of hundreds of thousands.
    """
    bits = lax.bitcast_convert_type(x, jnp.int32)
    counted = x >= 0
    count = counted.sum()

    def smallest_with(rank: Array) -> Array:
        def halve(_: int, bounds: tuple[Array, Array]) -> tuple[Array, Array]:
            low, high = bounds
            middle = low + (high - low) // 2
            enough = (counted & (bits <= middle)).sum() >= rank
            return jnp.where(enough, low, middle + 1), jnp.where(enough, middle, high)

        return lax.fori_loop(0, 31, halve, (jnp.int32(0), jnp.int32(0x7F7FFFFF)))[0]

    lower_bits = smallest_with((count + 1) // 2)
    lower = lax.bitcast_convert_type(lower_bits, jnp.float32)
    has_more = (counted & (bits <= lower_bits)).sum() > count // 2
    upper = jnp.where(has_more, lower, jnp.where(counted & (bits > lower_bits), x, jnp.inf).min())
    return jnp.where(count > 0, jnp.where(count % 2 == 1, lower, (lower + upper) / 2), 0.0)


def _histogram(x: Array, edges: np.ndarray) -> Array:
    """Counts between successive edges; values outside count nowhere."""
    # A float32 is at or above a float64 edge exactly when it is at or above the edge rounded up to float32.
    rounded = edges.astype(np.float32)
    rounded = np.where(rounded < edges, np.nextafter(rounded, np.float32(np.inf)), rounded)
    bins = len(edges) - 1
    place = jnp.clip(jnp.floor((x - rounded[0]) * bins).astype(jnp.int32), 0, bins - 1)
    table = jnp.asarray(rounded)
    place = place + (x >= table[place + 1]) - (x < table[place])
    inside = (x >= rounded[0]) & (x < rounded[-1])
    return jnp.zeros(bins, jnp.int32).at[jnp.where(inside, place, bins)].add(1, mode="drop")
