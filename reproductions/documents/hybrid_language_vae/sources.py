"""Hybrid-language clustering: tracks with the document's 52 audio columns, of which the feature tables hold 26."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from jaxmusic import audio, data
from jaxmusic.data._genre_folders import clip_features

_SR, _SECONDS, _NEIGHBOURS = 22_050, 3, 5


class Sound(NamedTuple):
    """Features of stretches of sound; `n` whole clips, or pieces of them."""

    moments: np.ndarray  # [n, 13, 4] mean, deviation, minimum and maximum of each MFCC
    descriptors: np.ndarray  # [n, 4] tempo, energy, brightness, rhythm
    levels: np.ndarray  # [n, 2] 0, 1 or 2: where mean energy and brightness lie among the terciles of their own frames
    clip: np.ndarray  # [n] number of the clip


class Tracks(NamedTuple):
    """Tracks of both languages."""

    audio: np.ndarray  # [n, 52]
    descriptors: np.ndarray  # [n, 4]
    levels: np.ndarray  # [n, 2] see `Sound`
    genre: np.ndarray  # [n]


def measure(files: Sequence[Path]) -> tuple[Sound, Sound]:
    """Whole clips, and their pieces of three seconds."""
    of_batch = jax.jit(_measured)
    whole: list[Sound] = []
    pieces: list[Sound] = []
    for number, file in enumerate(files):
        y = audio.load(file, sr=_SR)
        step = _SECONDS * _SR
        cut = y[: len(y) // step * step].reshape(-1, step)
        # One length for all clips, so that one program serves: the first fifteen seconds.
        for found, part in ((whole, y[None, : 5 * step]), (pieces, cut[:5])):
            moments, descriptors, levels = map(np.asarray, of_batch(part))
            found.append(Sound(moments, descriptors, levels, np.full(len(part), number)))
    first, second = (Sound(*map(np.concatenate, zip(*found, strict=True))) for found in (whole, pieces))
    return first, second


def _measured(y: jax.Array) -> tuple[jax.Array, jax.Array, jax.Array]:
    found = clip_features(y, sr=_SR)
    levels = []
    for frames in (audio.rms(y)[:, 0], audio.spectral_centroid(y, sr=_SR)[:, 0]):
        low, high = jnp.quantile(frames, jnp.array([0.33, 0.67]), axis=-1)
        mean = frames.mean(-1)
        levels.append((mean > high).astype(int) - (mean < low).astype(int) + 1)
    return found["mfcc"].reshape(len(y), -1, 4), found["descriptors"], jnp.stack(levels, 1)


def tracks_of(table: data.Dataset, clips: Sound, pieces: Sound | None, seed: int) -> Tracks:
    """The rows of the feature tables, with what the tables lack taken from a recording that sounds alike.

    A row has mean and deviation of every coefficient over 30 s. Of the five clips nearest to it in these 26 columns one
    is drawn: minimum and maximum lie as many deviations from the mean as they do there. For three seconds one of its
    pieces is drawn, too: mean, deviation and descriptors differ from the row's as the piece's do from its clip's.

    Args:
        table: of `data.feature_table`.
        clips: whole recordings.
        pieces: of three seconds; None for rows of 30 s.
        seed: of the draws.

    Returns:
        `Tracks`, in the table's order.
    """
    rng = np.random.default_rng(seed)
    rows = table.modalities["mfcc"].reshape(len(table), -1, 2).astype(float)
    known = clips.moments[:, :, :2]
    spread = rows.reshape(len(rows), -1).std(0)
    apart = np.square((rows.reshape(len(rows), 1, -1) - known.reshape(1, len(known), -1)) / spread).sum(-1)
    nearest = np.argsort(apart, axis=1)[:, :_NEIGHBOURS]
    donor = nearest[np.arange(len(rows)), rng.integers(0, nearest.shape[1], len(rows))]
    descriptors, source = table.modalities["descriptors"].astype(float), clips
    if pieces is not None:
        chosen = np.array([rng.choice(np.flatnonzero(pieces.clip == clip)) for clip in donor])
        mean, deviation = clips.moments[donor, :, 0], clips.moments[donor, :, 1]
        moved = rows[:, :, 0] + (pieces.moments[chosen, :, 0] - mean) / deviation * rows[:, :, 1]
        rows = np.stack([moved, rows[:, :, 1] * pieces.moments[chosen, :, 1] / deviation], axis=2)
        descriptors = descriptors * pieces.descriptors[chosen] / np.maximum(clips.descriptors[donor], 1e-6)
        source, donor = pieces, chosen
    mean, deviation, low, high = np.moveaxis(source.moments[donor], 2, 0)
    below, above = (mean - low) / deviation, (high - mean) / deviation
    ends = np.stack([rows[:, :, 0] - below * rows[:, :, 1], rows[:, :, 0] + above * rows[:, :, 1]], axis=2)
    columns = np.concatenate([rows, ends], axis=2).reshape(len(rows), -1)
    return Tracks(columns, descriptors, source.levels[donor], table.labels["genre"])
