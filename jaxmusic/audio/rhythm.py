"""Onsets and tempo."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int

from jaxmusic.audio import filters
from jaxmusic.audio.batching import each_clip
from jaxmusic.audio.checks import checked_waveform, checking, real
from jaxmusic.audio.decibels import power_to_db
from jaxmusic.audio.spectral import PRECISION, frame, frame_mask, frames_of, melspectrogram


@checking(S=partial(real, axes=2))
def onset_strength(
    y: Float[Array, "*batch samples"] | None = None,
    *,
    sr: float = 22_050,
    S: Float[Array, "*batch n_mels frames"] | None = None,
    lag: int = 1,
    center: bool = True,
    n_fft: int = 2048,
    hop_length: int = 512,
    max_size: int = 1,
    detrend: bool = False,
    aggregate: Callable[..., Array] = jnp.mean,
    lengths: Int[Array, "*batch"] | None = None,
    **mel: Any,
) -> Float[Array, "*batch frames"]:
    """Spectral flux: the mean over mel bands of what rose, in dB, since `lag` frames before (Böck and Widmer, "Maximum
    filter vibrato suppression for onset detection", DAFx 2013).

    Args:
        y: `[…, samples]` float32 waveform, or None where `S` is given.
        sr: sampling rate in Hz.
        S: `[…, n_mels, frames]` mel spectrogram in dB.
        lag: frames between which the rise is measured.
        center: shift by half a window, so that an onset lies where it is heard.
        n_fft: FFT length in samples.
        hop_length: samples between frames.
        max_size: bands over which the earlier frame's maximum counts, so that vibrato is no onset; 1 for none.
        detrend: filter out what changes slowly, by `(1 − z⁻¹) / (1 − .99 z⁻¹)`.
        aggregate: how the bands become one number: `jnp.mean`, `jnp.median`, or what takes an array and `axis=`.
        lengths: `[…]` samples of each clip before it was padded with zeros; the frames after them are 0.
        mel: further arguments of `melspectrogram`.

    Returns:
        `[…, frames]` float32. The oracle is `librosa.onset.onset_strength`.

    Raises:
        ValueError: neither `y` nor `S`, a lag or a `max_size` below 1, or a complex `S`.
    """
    settings = tuple(sorted({"n_fft": n_fft, "hop_length": hop_length, **mel}.items()))
    options = {"sr": sr, "lag": lag, "center": center, "max_size": max_size, "detrend": detrend, "aggregate": aggregate}
    return _onset_strength(y, S, lengths, **options, mel=settings)


@partial(jax.jit, static_argnames=("sr", "lag", "center", "max_size", "detrend", "aggregate", "mel"))
def _onset_strength(y, S, lengths, *, sr, lag, center, max_size, detrend, aggregate, mel):
    if lag < 1 or max_size < 1:
        raise ValueError(f"lag and max_size must be at least 1, got {lag} and {max_size}")
    settings = dict(mel)
    shift = lag + (settings["n_fft"] // (2 * settings["hop_length"]) if center else 0)

    def flux(S: Array) -> Array:
        before = S if max_size == 1 else _maximum_over_bands(S, max_size)
        rise = aggregate(jnp.maximum(S[..., lag:] - before[..., :-lag], 0.0), axis=-2)
        padded = jnp.pad(rise, [(0, 0)] * (rise.ndim - 1) + [(shift, 0)])
        padded = _without_trend(padded) if detrend else padded
        return padded[..., : S.shape[-1]] if center else padded

    def of_clip(y: Array, *length: Array) -> Array:
        power = melspectrogram(y, sr=sr, **settings)
        if length:
            mask = frame_mask(length[0], power.shape[-1], hop_length=settings["hop_length"])
            power = jnp.where(mask, power, 0.0)
        envelope = flux(power_to_db(power))
        return jnp.where(mask[: envelope.shape[-1]], envelope, 0.0) if length and center else envelope

    if S is not None:
        return flux(jnp.asarray(S))
    if y is None:
        raise ValueError("give either y or S")
    y = checked_waveform(y)
    if lengths is None:
        return each_clip(of_clip, y, axes=(1,))
    return each_clip(of_clip, y, jnp.broadcast_to(jnp.asarray(lengths), y.shape[:-1]), axes=(1, 0))


def _maximum_over_bands(S: Float[Array, "*batch bands frames"], size: int) -> Float[Array, "*batch bands frames"]:
    """The largest of `size` neighbouring bands, mirrored at the ends."""
    padded = jnp.pad(S, [(0, 0)] * (S.ndim - 2) + [(size // 2, (size - 1) // 2), (0, 0)], mode="symmetric")
    return jnp.stack([padded[..., i : i + S.shape[-2], :] for i in range(size)]).max(0)


def _without_trend(x: Float[Array, "*batch frames"]) -> Float[Array, "*batch frames"]:
    """`y[t] = x[t] − x[t − 1] + .99 y[t − 1]`."""
    difference = jnp.diff(x, axis=-1, prepend=0.0)
    _, filtered = jax.lax.scan(
        lambda last, step: (0.99 * last + step,) * 2, jnp.zeros(x.shape[:-1], x.dtype), jnp.moveaxis(difference, -1, 0)
    )
    return jnp.moveaxis(filtered, 0, -1)


@checking()
def tempo(
    y: Float[Array, "*batch samples"] | None = None,
    *,
    sr: float = 22_050,
    onset_envelope: Float[Array, "*batch frames"] | None = None,
    hop_length: int = 512,
    start_bpm: float = 120.0,
    std_bpm: float = 1.0,
    ac_size: float = 8.0,
    max_tempo: float | None = 320.0,
    aggregate: Callable[..., Array] | None = jnp.mean,
    prior: Any = None,
    lengths: Int[Array, "*batch"] | None = None,
) -> Float[Array, "*batch 1"]:
    """Tempo of the whole clip: the period at which the onset strength resembles itself most, weighed by a prior.

    Args:
        y: `[…, samples]` float32 waveform, or None where `onset_envelope` is given.
        sr: sampling rate in Hz.
        onset_envelope: `[…, frames]` onset strength.
        hop_length: samples between frames.
        start_bpm: tempo the prior prefers, in beats per minute.
        std_bpm: width of the prior in octaves.
        ac_size: seconds over which the autocorrelation looks.
        max_tempo: faster ones are excluded, in beats per minute; None for no limit.
        aggregate: how the frames' local autocorrelations become one: `jnp.mean`, `jnp.median`, or what takes an array
            and `axis=`; None gives a tempo for each frame.
        prior: a distribution of tempi in beats per minute with a `logpdf`, such as SciPy's, in place of `start_bpm`
            and `std_bpm`.
        lengths: `[…]` samples of each clip before it was padded with zeros; None: all are the clip's.

    Returns:
        `[…, 1]` float32, or `[…, frames]` where `aggregate` is None, beats per minute. The oracle is
        `librosa.feature.tempo`, whose mean of local autocorrelations is taken here before the inverse transform (both
        are linear).

    Raises:
        ValueError: neither `y` nor `onset_envelope`, a `start_bpm` or `std_bpm` that is not positive, or `lengths` with
            another `aggregate` than the mean.
    """
    if start_bpm <= 0 or std_bpm <= 0:
        raise ValueError(f"start_bpm and std_bpm must be positive, got {start_bpm} and {std_bpm}")
    if lengths is not None and aggregate is not jnp.mean:
        raise ValueError("lengths need aggregate=jnp.mean: the frames of padding would count")
    if onset_envelope is None:
        if y is None:
            raise ValueError("give either y or onset_envelope")
        onset_envelope = onset_strength(y, sr=sr, hop_length=hop_length, lengths=lengths)
    onset_envelope = jnp.asarray(onset_envelope)
    width = int(ac_size * sr // hop_length)
    if width < 2:
        raise ValueError(f"ac_size {ac_size} s holds fewer than 2 frames")
    tempi = np.concatenate([[np.inf], 60.0 * sr / (hop_length * np.arange(1, width))])
    if prior is not None:
        weights = np.asarray(prior.logpdf(tempi), np.float64)
    else:
        weights = -0.5 * ((np.log2(tempi) - np.log2(start_bpm)) / std_bpm) ** 2
    if max_tempo is not None:
        weights[: int(np.argmax(tempi < max_tempo))] = -np.inf
    batch = onset_envelope.shape[:-1]
    if lengths is None:
        lengths = jnp.full(batch, (onset_envelope.shape[-1] - 1) * hop_length)
    lengths = jnp.broadcast_to(jnp.asarray(lengths), batch)
    of_lags = tempi.astype(np.float32), weights.astype(np.float32)
    return _likeliest_tempo(onset_envelope, lengths, *of_lags, hop_length=hop_length, aggregate=aggregate)


@partial(jax.jit, static_argnames=("hop_length", "aggregate"))
def _likeliest_tempo(envelopes, lengths, tempi, weights, *, hop_length, aggregate) -> Any:
    def of_clip(envelope: Array, length: Array) -> Array:
        count = jnp.minimum(frames_of(length, hop_length=hop_length), envelope.shape[-1])
        similarity = _autocorrelation(envelope, count, tempi.shape[0], aggregate)
        best = jnp.argmax(jnp.log1p(1e6 * similarity) + weights, axis=-1)
        # The largest of what holds NaN is NaN, and of no tempo.
        return jnp.atleast_1d(jnp.where(jnp.isnan(similarity).any(-1), jnp.nan, tempi[best]))

    return each_clip(of_clip, envelopes, lengths, axes=(1, 0))


def _autocorrelation(
    envelope: Float[Array, " frames"], count: Array, width: int, aggregate: Callable[..., Array] | None
) -> Float[Array, "*frames width"]:
    """The local autocorrelation about the first `count` frames, each divided by its value at lag 0, and aggregated."""
    half, frames = width // 2, envelope.shape[-1]
    # The ends fall to 0 in a straight line, the right one from the last frame counted.
    t = jnp.arange(frames + half)
    last = envelope[jnp.maximum(count - 1, 0)]
    falling = last * jnp.maximum(half - 1 - (t - count), 0) / half
    right = jnp.where(t < count, jnp.pad(envelope, (0, half)), jnp.where(t < count + half, falling, 0.0))
    padded = jnp.concatenate([envelope[0] * jnp.arange(half, dtype=jnp.float32) / half, right])
    pieces = frame(padded, width, 1)[:frames] * filters.window("hann", width, width)
    energy = jnp.square(pieces).sum(-1)
    is_own = jnp.arange(frames) < count
    counted = is_own & (energy > 0)
    # Twice the width and more: the circular correlation then equals the linear one.
    size = 1 << (2 * width - 1).bit_length()
    spectrum = jnp.fft.rfft(pieces, n=size, axis=-1)
    power = jnp.square(spectrum.real) + jnp.square(spectrum.imag)
    shares = jnp.where(counted, 1.0 / jnp.where(counted, energy, 1.0), 0.0)
    if aggregate is jnp.mean:
        mean = jnp.matmul(shares / jnp.maximum(count, 1), power, precision=PRECISION)
        return jnp.fft.irfft(mean, n=size)[:width]
    local = jnp.fft.irfft(power * shares[:, None], n=size, axis=-1)[:, :width]
    if aggregate is None:
        return local
    return aggregate(local, axis=0)
