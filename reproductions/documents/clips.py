"""Clips of music with lyrics, as every study of them loads them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jax
import numpy as np
import runs

from jaxmusic import data


@dataclass(frozen=True)
class Sound:
    """Where the embedded corpus ends, and how sound is read."""

    clips: int = 160
    """Clips of the embedded corpus."""
    clip_seconds: float = 6.0
    """Length of the embedded corpus's clips."""
    duration: float | None = None
    """Seconds kept of each clip in --data; None: the longest clip, at most 30."""
    n_mels: int = 64
    """Mel bands computed from audio; stored mels keep theirs."""
    hop_length: int = 512
    """Samples between frames computed from audio."""
    n_fft: int = 2048
    """Window in samples; the document does not state it."""
    group_by: str = "auto"
    """Column of labels.csv whose groups never cross the split; auto: song where clips share songs, else artist."""


def load_clips(folder: Path | None, sound: Sound) -> data.Dataset:
    """The clips that have audio, lyrics or both, of a folder or of the embedded corpus."""
    spectrogram: dict[str, Any] = {"n_mels": sound.n_mels, "n_fft": sound.n_fft, "hop_length": sound.hop_length}
    if folder is None:
        dataset = data.synthetic(jax.random.key(0), sound.clips, duration=sound.clip_seconds, **spectrogram)
    else:
        group_by = None if sound.group_by == "none" else sound.group_by
        dataset = data.clips(folder, duration=sound.duration, group_by=group_by, **spectrogram)
    known = dataset.masks["audio"] | dataset.masks["lyrics"]
    return dataset.take(np.flatnonzero(known))


def without_audio(dataset: data.Dataset) -> data.Dataset:
    """The data set without its raw spectrograms, which at the document's size are gigabytes."""
    lyrics = {"lyrics": dataset.modalities["lyrics"]}
    return data.Dataset(dataset.ids, lyrics, dataset.masks, dataset.labels, dataset.groups, dataset.source)


def fingerprint(dataset: data.Dataset, *arrays: np.ndarray | None) -> str:
    """Changes when the clips do: what is computed of the sound, words, what is missing, labels or groups."""
    labels = [column for name in sorted(dataset.labels) for column in ([name], dataset.labels[name])]
    masks = [dataset.masks[name] for name in sorted(dataset.masks)]
    return runs.fingerprint(*arrays, *masks, dataset.ids, dataset.modalities["lyrics"], dataset.groups, *labels)
