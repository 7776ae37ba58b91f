"""Onsets and tempo."""

from __future__ import annotations

from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int

from jaxmusic.audio import filters
from jaxmusic.audio.batching import each_clip
from jaxmusic.audio.checks import checked_waveform, real
from jaxmusic.audio.spectral import PRECISION, frame, frame_mask, frames_of, melspectrogram, power_to_db


def onset_strength(
    y: Float[Array, "*batch samples"] | None = None,
    *,
    sr: float = 22_050,
    S: Float[Array, "*batch n_mels frames"] | None = None,
    lag: int = 1,
    center: bool = True,
    n_fft: int = 2048,
    hop_length: int = 512,
    lengths: Int[Array, "*batch"] | None = None,
    **mel: Any,
) -> Float[Array, "*batch frames"]:
    """Spectral flux: the mean over mel bands of what rose, in dB, since `lag` frames before.

    Args:
        y: `[…, samples]` float32 waveform, or None where `S` is given.
        sr: sampling rate in Hz.
        S: `[…, n_mels, frames]` mel spectrogram in dB.
        lag: frames between which the rise is measured.
        center: shift by half a window, so that an onset lies where it is heard.
        n_fft: FFT length in samples.
        hop_length: samples between frames.
        lengths: `[…]` samples of each clip before it was padded with zeros; the frames after them are 0.
        mel: further arguments of `melspectrogram`.

    Returns:
        `[…, frames]` float32. The oracle is `librosa.onset.onset_strength` with its default aggregate, the mean.

    Raises:
        ValueError: neither `y` nor `S`, a lag below 1, or a complex `S`.
    """
    settings = tuple(sorted({"n_fft": n_fft, "hop_length": hop_length, **mel}.items()))
    return _onset_strength(y, None if S is None else real(S), lengths, sr=sr, lag=lag, center=center, mel=settings)


@partial(jax.jit, static_argnames=("sr", "lag", "center", "mel"))
def _onset_strength(y, S, lengths, *, sr, lag, center, mel):
    if lag < 1:
        raise ValueError(f"lag must be at least 1 frame, got {lag}")
    settings = dict(mel)
    shift = lag + (settings["n_fft"] // (2 * settings["hop_length"]) if center else 0)

    def flux(S: Array) -> Array:
        rise = jnp.maximum(S[..., lag:] - S[..., :-lag], 0.0).mean(-2)
        padded = jnp.pad(rise, [(0, 0)] * (rise.ndim - 1) + [(shift, 0)])
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


@partial(jax.jit, static_argnames=("sr", "hop_length", "start_bpm", "std_bpm", "ac_size", "max_tempo"))
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
        lengths: `[…]` samples of each clip before it was padded with zeros; None: all are the clip's.

    Returns:
        `[…, 1]` float32, beats per minute. The oracle is `librosa.feature.tempo`, whose average of local
        autocorrelations is taken here before the inverse transform (both are linear).

    Raises:
        ValueError: neither `y` nor `onset_envelope`, or a prior that is not positive.
    """
    if start_bpm <= 0 or std_bpm <= 0:
        raise ValueError(f"start_bpm and std_bpm must be positive, got {start_bpm} and {std_bpm}")
    if onset_envelope is None:
        if y is None:
            raise ValueError("give either y or onset_envelope")
        onset_envelope = onset_strength(y, sr=sr, hop_length=hop_length, lengths=lengths)
    onset_envelope = jnp.asarray(onset_envelope)
    width = int(ac_size * sr // hop_length)
    if width < 2:
        raise ValueError(f"ac_size {ac_size} s holds fewer than 2 frames")
    tempi = np.concatenate([[np.inf], 60.0 * sr / (hop_length * np.arange(1, width))])
    prior = -0.5 * ((np.log2(tempi) - np.log2(start_bpm)) / std_bpm) ** 2
    if max_tempo is not None:
        prior[: int(np.argmax(tempi < max_tempo))] = -np.inf

    def of_clip(envelope: Array, length: Array) -> Array:
        count = jnp.minimum(frames_of(length, hop_length=hop_length), envelope.shape[-1])
        similarity = _mean_autocorrelation(envelope, count, width)
        best = jnp.argmax(jnp.log1p(1e6 * similarity) + prior.astype(np.float32))
        # The largest of what holds NaN is NaN, and of no tempo.
        return jnp.where(jnp.isnan(similarity).any(), jnp.nan, jnp.asarray(tempi.astype(np.float32))[best])[None]

    batch = onset_envelope.shape[:-1]
    if lengths is None:
        lengths = jnp.full(batch, (onset_envelope.shape[-1] - 1) * hop_length)
    return each_clip(of_clip, onset_envelope, jnp.broadcast_to(jnp.asarray(lengths), batch), axes=(1, 0))


def _mean_autocorrelation(envelope: Float[Array, " frames"], count: Array, width: int) -> Float[Array, " width"]:
    """Mean over the first `count` frames of the local autocorrelation, each divided by its value at lag 0."""
    half, frames = width // 2, envelope.shape[-1]
    # The ends fall to 0 in a straight line, the right one from the last frame counted.
    t = jnp.arange(frames + half)
    last = envelope[jnp.maximum(count - 1, 0)]
    falling = last * jnp.maximum(half - 1 - (t - count), 0) / half
    right = jnp.where(t < count, jnp.pad(envelope, (0, half)), jnp.where(t < count + half, falling, 0.0))
    padded = jnp.concatenate([envelope[0] * jnp.arange(half, dtype=jnp.float32) / half, right])
    pieces = frame(padded, width, 1)[:frames] * filters.window("hann", width, width)
    energy = jnp.square(pieces).sum(-1)
    counted = (jnp.arange(frames) < count) & (energy > 0)
    # Twice the width and more: the circular correlation then equals the linear one.
    size = 1 << (2 * width - 1).bit_length()
    spectrum = jnp.fft.rfft(pieces, n=size, axis=-1)
    power = jnp.square(spectrum.real) + jnp.square(spectrum.imag)
    weights = jnp.where(counted, 1.0 / jnp.where(counted, energy, 1.0), 0.0) / jnp.maximum(count, 1)
    return jnp.fft.irfft(jnp.matmul(weights, power, precision=PRECISION), n=size)[:width]
