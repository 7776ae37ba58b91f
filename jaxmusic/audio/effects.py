"""Harmonic and percussive parts of a waveform."""

from __future__ import annotations

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Complex, Float, Int

from jaxmusic.audio.batching import each_clip
from jaxmusic.audio.checks import checked_waveform, checking
from jaxmusic.audio.filters import Window
from jaxmusic.audio.inverse import overlap_add
from jaxmusic.audio.median import sliding_median
from jaxmusic.audio.spectral import STFT_ARGUMENTS, TINY, frames_of, root, spectra, window_and_hop


@checking()
@partial(jax.jit, static_argnames=("kernel_size", "power", "margin", *STFT_ARGUMENTS))
def hpss(
    y: Float[Array, "*batch samples"],
    *,
    kernel_size: int | tuple[int, int] = 31,
    power: float = 2.0,
    margin: float | tuple[float, float] = 1.0,
    n_fft: int = 2048,
    hop_length: int | None = None,
    win_length: int | None = None,
    window: Window = "hann",
    center: bool = True,
    pad_mode: str = "constant",
    lengths: Int[Array, "*batch"] | None = None,
) -> tuple[Float[Array, "*batch samples"], Float[Array, "*batch samples"]]:
    """Split a waveform into what is steady in time and what is spread over frequency.

    Args:
        y: `[…, samples]` float32 waveform.
        kernel_size: odd lengths of the median filters over frames and over bins; one number for both.
        power: exponent of the soft masks.
        margin: how far one part must exceed the other, at least 1; one number for both parts.
        n_fft, hop_length, win_length, window, center, pad_mode: see `stft`.
        lengths: `[…]` samples of each clip before it was padded with zeros; the results are 0 after them.

    Returns:
        The harmonic and the percussive waveform, `[…, samples]` float32 each. The oracle is `librosa.effects.hpss`.

    Raises:
        ValueError: an even kernel, a margin below 1, or a power that is not positive.

    Source: FitzGerald, "Harmonic/percussive separation using median filtering", DAFx 2010; margins by Driedger,
    Müller and Disch, "Extending harmonic-percussive separation of audio signals", ISMIR 2014.
    """
    over_frames, over_bins = kernel_size if isinstance(kernel_size, tuple) else (kernel_size,) * 2
    margins = margin if isinstance(margin, tuple) else (margin,) * 2
    if over_frames % 2 == 0 or over_bins % 2 == 0 or min(over_frames, over_bins) < 1:
        raise ValueError(f"kernel_size must be odd and positive, got {kernel_size}")
    if min(margins) < 1:
        raise ValueError(f"margin must be at least 1, got {margin}")
    if power <= 0:
        raise ValueError(f"power must be positive, got {power}")
    win_length, hop_length = window_and_hop(n_fft, win_length, hop_length)
    if lengths is not None and not (center and pad_mode == "constant"):
        raise ValueError("lengths need center=True and pad_mode='constant': only then is padding silent")

    def of_clip(y: Array, *length: Array) -> tuple[Array, Array]:
        X = spectra(y, n_fft, hop_length, win_length, window, center, pad_mode)
        return hpss_of_spectra(
            X,
            y.shape[-1],
            *length,
            kernel_size=(over_frames, over_bins),
            power=power,
            margins=margins,
            n_fft=n_fft,
            hop_length=hop_length,
            win_length=win_length,
            window=window,
            center=center,
        )

    y = checked_waveform(y)
    if lengths is None:
        return each_clip(of_clip, y, axes=(1,))
    return each_clip(of_clip, y, jnp.broadcast_to(jnp.asarray(lengths), y.shape[:-1]), axes=(1, 0))


def hpss_of_spectra(
    X: Complex[Array, "frames bins"],
    samples: int,
    length: Array | None = None,
    *,
    n_fft: int,
    hop_length: int,
    kernel_size: tuple[int, int] = (31, 31),
    power: float = 2.0,
    margins: tuple[float, float] = (1.0, 1.0),
    win_length: int | None = None,
    window: Window = "hann",
    center: bool = True,
) -> tuple[Float[Array, " samples"], Float[Array, " samples"]]:
    """`hpss` of one clip whose STFT is there already; only its first `length` samples are its own.

    Args:
        X: `[frames, bins]`, complex.
        samples: length of the results.
        length: samples before padding, a scalar; None: all.
        n_fft, hop_length, kernel_size, power, win_length, window, center: see `hpss`.
        margins: `margin` of `hpss`, one for each part.

    Returns:
        The harmonic and the percussive waveform, `[samples]` float32 each; 0 behind `length`.
    """
    count = X.shape[0] if length is None else frames_of(length, hop_length=hop_length)
    masks = _soft_masks(jnp.abs(X), count, kernel_size, power, margins)
    settings = (n_fft, hop_length, win_length or n_fft, window, center, samples)
    parts = [overlap_add(X * mask, *settings, valid=jnp.arange(X.shape[0]) < count) for mask in masks]
    if length is not None:
        parts = [jnp.where(jnp.arange(samples) < length, part, 0.0) for part in parts]
    return parts[0], parts[1]


def _soft_masks(
    S: Float[Array, "frames bins"],
    count: int | Array,
    kernel_size: tuple[int, int],
    power: float,
    margins: tuple[float, float],
) -> tuple[Float[Array, "frames bins"], Float[Array, "frames bins"]]:
    """Harmonic and percussive masks of one clip, of whose frames the first `count` are its own."""
    half = kernel_size[0] // 2
    rows = np.arange(-half, S.shape[0] + half)
    harmonic = sliding_median(S[_reflected(rows, count)], kernel_size[0], axis=0)
    half = kernel_size[1] // 2
    percussive = sliding_median(jnp.pad(S, ((0, 0), (half, half)), mode="symmetric"), kernel_size[1], axis=1)
    split = margins == (1, 1)
    return (
        _soft_mask(harmonic, percussive * margins[0], power, split),
        _soft_mask(percussive, harmonic * margins[1], power, split),
    )


def _reflected(index: np.ndarray, count: int | Array) -> Array:
    """Positions beyond the ends, mirrored about them (d c b a | a b c d | d c b a), as often as needed."""
    period = jnp.remainder(index, 2 * count)
    return jnp.minimum(period, 2 * count - 1 - period)


def _soft_mask(x: Array, other: Array, power: float, split: bool) -> Array:
    """`xᵖ / (xᵖ + otherᵖ)`, scaled by the larger so that no power overflows; a half of silence where `split`."""
    largest = jnp.maximum(x, other)
    silent = largest < TINY
    largest = jnp.where(silent, 1.0, largest)
    x, other = x / largest, other / largest
    if power == 2:
        x, other = jnp.square(x), jnp.square(other)
    elif power != 1:
        x, other = root(x, power), root(other, power)
    return jnp.where(silent, 0.5 if split else 0.0, x / jnp.where(silent, 1.0, x + other))
