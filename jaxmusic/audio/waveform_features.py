"""One number a frame, of the waveform itself: how loud it is, and how often it changes sign."""

from __future__ import annotations

from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from jaxtyping import Array, Float, Int

from jaxmusic.audio.batching import each_clip
from jaxmusic.audio.checks import checked_waveform, checking, magnitudes
from jaxmusic.audio.spectral import root


def _as_magnitudes(S: Any, what: str) -> Any:
    """Of a complex spectrogram its magnitude, as the oracle takes it."""
    return magnitudes(jnp.abs(S) if jnp.iscomplexobj(S) else S, what)


@checking(S=_as_magnitudes)
@partial(jax.jit, static_argnames=("frame_length", "hop_length", "center", "pad_mode"))
def rms(
    y: Float[Array, "*batch samples"] | None = None,
    *,
    S: Float[Array, "*batch bins frames"] | None = None,
    frame_length: int = 2048,
    hop_length: int = 512,
    center: bool = True,
    pad_mode: str = "constant",
) -> Float[Array, "*batch 1 frames"]:
    """Root mean square of every frame.

    Args:
        y: `[…, samples]` float32 waveform, or None where `S` is given.
        S: `[…, bins, frames]` magnitude spectrogram, or a complex one, of which the magnitude counts.
        frame_length: samples in a frame.
        hop_length: samples between frames.
        center: pad the ends by half a frame, in `pad_mode` of `jnp.pad`.
        pad_mode: see `center`.

    Returns:
        `[…, 1, frames]` float32. The oracle is `librosa.feature.rms`.

    Raises:
        ValueError: neither `y` nor `S`, an `S` with other bins than `frame_length` has, or with negative values.

    >>> rms(jnp.full(4096, 0.5), center=False).tolist()
    [[0.5, 0.5, 0.5, 0.5, 0.5]]
    """
    if S is not None:
        S = jnp.asarray(S)
        if S.shape[-2] != frame_length // 2 + 1:
            raise ValueError(f"S has {S.shape[-2]} bins; frame_length {frame_length} has {frame_length // 2 + 1}")
        # The first and the last bin stand for one frequency, the others for a pair.
        weights = np.full((S.shape[-2], 1), 2.0, np.float32)
        weights[0] = 1
        weights[-1] = 1 if frame_length % 2 == 0 else 2
        return root((weights * jnp.square(S)).sum(-2, keepdims=True) / frame_length**2)
    if y is None:
        raise ValueError("give either y or S")

    def of_clip(y: Array) -> Array:
        if center:
            y = jnp.pad(y, frame_length // 2, mode=pad_mode)
        return root(_windowed_sum(jnp.square(y), frame_length, hop_length) / frame_length)[None]

    return each_clip(of_clip, checked_waveform(y), axes=(1,))


@checking()
@partial(jax.jit, static_argnames=("frame_length", "hop_length", "center", "threshold", "zero_pos"))
def zero_crossing_rate(
    y: Float[Array, "*batch samples"],
    *,
    frame_length: int = 2048,
    hop_length: int = 512,
    center: bool = True,
    threshold: float = 1e-10,
    zero_pos: bool = True,
    lengths: Int[Array, "*batch"] | None = None,
) -> Float[Array, "*batch 1 frames"]:
    """Share of a frame's samples at which the sign changes.

    Args:
        y: `[…, samples]` float32 waveform.
        frame_length: samples in a frame.
        hop_length: samples between frames.
        center: repeat the first and the last sample for half a frame at the ends.
        threshold: samples no further from 0 count as 0.
        zero_pos: 0 counts as positive; else it is a sign of its own.
        lengths: `[…]` samples of each clip before it was padded; None: all are the clip's.

    Returns:
        `[…, 1, frames]` float32. The oracle is `librosa.feature.zero_crossing_rate`.

    >>> zero_crossing_rate(jnp.tile(jnp.array([1.0, -1.0]), 2048), center=False)[0, 0].item()  # 2047 of 2048
    0.99951171875
    """

    def of_clip(y: Array, *length: Array) -> Array:
        if length:
            # What follows the clip repeats its last sample, as the padding of the ends does.
            y = jnp.where(jnp.arange(y.shape[-1]) < length[0], y, y[jnp.maximum(length[0] - 1, 0)])
        if center:
            y = jnp.pad(y, frame_length // 2, mode="edge")
        y = jnp.where(jnp.abs(y) <= threshold, 0.0, y)
        signs = (y < 0).astype(jnp.float32) if zero_pos else jnp.sign(y)
        changes = jnp.where(~jnp.isfinite(y[1:]), jnp.nan, (signs[1:] != signs[:-1]).astype(jnp.float32))
        # A frame's first sample has no one before it: `changes[i]` lies between samples i and i + 1.
        count = 1 + (y.shape[-1] - frame_length) // hop_length
        inside = _windowed_sum(jnp.append(changes, 0.0), frame_length, hop_length)
        last = jnp.append(changes, 0.0)[frame_length - 1 :: hop_length][:count]
        return ((inside - last) / frame_length)[None]

    y = checked_waveform(y)
    if lengths is None:
        return each_clip(of_clip, y, axes=(1,))
    return each_clip(of_clip, y, jnp.broadcast_to(jnp.asarray(lengths), y.shape[:-1]), axes=(1, 0))


def _windowed_sum(x: Float[Array, " samples"], length: int, hop_length: int) -> Float[Array, " frames"]:
    """Sum over every frame of one clip."""
    count = 1 + (x.shape[-1] - length) // hop_length
    if count < 1:
        raise ValueError(f"{x.shape[-1]} samples are fewer than one frame of {length}")
    if length % hop_length:
        return lax.reduce_window(x, 0.0, lax.add, (length,), (hop_length,), "valid")
    # A frame is a whole number of hops: each hop is summed once.
    overlap = length // hop_length
    sums = x[: (count + overlap - 1) * hop_length].reshape(-1, hop_length).sum(-1)
    return sum((sums[i : i + count] for i in range(1, overlap)), sums[:count])
