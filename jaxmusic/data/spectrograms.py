"""Many files → one array of mel spectrograms, padded to a common length with the true lengths beside."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
from jaxtyping import Array, Float, Int

from jaxmusic import audio

__all__ = ["Spectrograms", "decibel_mel", "frames_of", "read_audio", "read_mels"]

_Count = TypeVar("_Count", int, np.ndarray)


@dataclass(frozen=True, eq=False)
class Spectrograms:
    """Mel spectrograms of some clips.

    Attributes:
        ids: the clips that could be read, in the order of the rows.
        values: `[n, n_mels, frames]` float32 in dB; frames beyond a clip's length hold its own lowest value.
        lengths: `[n]` frames of music.
        skipped: (file, reason) of each file that could not be read.
        description: parameters and sizes, for the data set's `source`.
    """

    ids: list[str]
    values: Float[np.ndarray, "n n_mels frames"]
    lengths: Int[np.ndarray, " n"]
    skipped: list[tuple[str, str]]
    description: dict[str, Any]


def frames_of(samples: _Count, hop_length: int) -> _Count:
    """Frames of a number of samples, centred on multiples of the hop from 0 on: `1 + samples // hop_length`.

    >>> frames_of(30 * 22_050, 512)
    1292
    """
    return 1 + samples // hop_length


def _fill_to_floor(values: np.ndarray, lengths: np.ndarray) -> None:
    """Set each clip's frames beyond its length to its own lowest value, in place."""
    for value, length in zip(values, lengths, strict=True):
        value[:, length:] = value[:, :length].min()


def _stored_shape(path: Path) -> tuple[int, int]:
    """(n_mels, frames) of a stored spectrogram; a ValueError says why it is none."""
    try:
        array = np.load(path, mmap_mode="r", allow_pickle=False)
    except (ValueError, EOFError, OSError) as error:
        raise ValueError(f"not a readable .npy file: {error}") from error
    if not isinstance(array, np.ndarray):
        raise ValueError("an archive of arrays, not one array")
    shape = array.shape[1:] if array.ndim == 3 and array.shape[0] == 1 else array.shape
    if len(shape) != 2 or 0 in shape:
        raise ValueError(f"its shape {array.shape} is neither (n_mels, frames) nor (1, n_mels, frames)")
    if not np.issubdtype(array.dtype, np.floating) and not np.issubdtype(array.dtype, np.integer):
        raise ValueError(f"its values are {array.dtype}, not real numbers")
    return shape[0], shape[1]


def _readable(files: Mapping[str, Path], skipped: list[tuple[str, str]]) -> Iterator[tuple[str, int, int]]:
    """(id, n_mels, frames) of the files whose header is that of a spectrogram."""
    for name, path in files.items():
        try:
            n_mels, frames = _stored_shape(path)
        except ValueError as error:
            skipped.append((str(path), str(error)))
        else:
            yield name, n_mels, frames


def read_mels(files: Mapping[str, Path], max_frames: int) -> Spectrograms:
    """Read stored mel spectrograms, `.npy` of `[n_mels, frames]` or `[1, n_mels, frames]`, of any real dtype, in dB.

    Args:
        files: id → file.
        max_frames: frames kept of each, from its start.

    Returns:
        The `Spectrograms` of all files that hold one with finite values only.

    Raises:
        ValueError: if two have different numbers of mel bands.
    """
    skipped: list[tuple[str, str]] = []
    shapes = {name: (n_mels, frames) for name, n_mels, frames in _readable(files, skipped)}
    for name, (n_mels, _) in shapes.items():
        first, (expected, _) = next(iter(shapes.items()))
        if n_mels != expected:
            raise ValueError(
                f"{files[first]} has {expected} mel bands and {files[name]} has {n_mels}: make all with one n_mels"
            )
    longest = max((frames for _, frames in shapes.values()), default=0)
    # One array from the start, filled row by row: a list of clips beside it would need the memory twice.
    values = np.empty(
        (len(shapes), max((n for n, _ in shapes.values()), default=0), min(longest, max_frames)), np.float32
    )
    ids: list[str] = []
    lengths: list[int] = []
    for name, (n_mels, frames) in shapes.items():
        frames = min(frames, max_frames)
        with np.errstate(over="ignore"):  # what overflows float32 becomes infinite and is counted below
            array = np.load(files[name], allow_pickle=False).reshape(n_mels, -1)[:, :frames].astype(np.float32)
        if not (finite := np.isfinite(array)).all():
            skipped.append((str(files[name]), f"{int((~finite).sum())} of {array.size} values are NaN or infinite"))
            continue
        values[len(ids), :, :frames] = array
        ids.append(name)
        lengths.append(frames)
    values = values[: len(ids), :, : max(lengths, default=0)]
    _fill_to_floor(values, np.array(lengths))
    cropped = sum(shapes[name][1] > max_frames for name in ids)
    return Spectrograms(ids, values, np.array(lengths), skipped, {**_sizes(values), "cropped": cropped})


def read_audio(
    files: Mapping[str, Path],
    *,
    sr: int,
    n_fft: int,
    hop_length: int,
    n_mels: int,
    duration: float | None,
    n_jobs: int,
    excerpts: int = 1,
    cache: str | Path | None,
    progress: bool,
) -> Spectrograms:
    """Compute mel spectrograms in dB of audio files: mono, `sr` Hz, reference 1, 80 dB below a clip's own peak at most.

    Args:
        files: id → file.
        sr: sampling rate in Hz.
        n_fft: window length in samples; a clip shorter than that is skipped.
        hop_length: samples between frames.
        n_mels: mel bands.
        duration: seconds of each clip, from its start; None for all of the longest, at most `MAX_DURATION`.
        n_jobs: parallel decoders.
        excerpts: parts that `duration` is taken in, of longer files.
        cache: folder that keeps the results, or None.
        progress: show a progress bar.

    Returns:
        The `Spectrograms` of all files that can be decoded.
    """
    names, paths = list(files), list(files.values())
    mel = partial(decibel_mel, sr=sr, n_fft=n_fft, hop_length=hop_length, n_mels=n_mels)
    rows, values, samples, unreadable = audio.extract(
        paths, mel, sr=sr, duration=duration, excerpts=excerpts, n_jobs=n_jobs, cache=cache, progress=progress
    )
    skipped = list(unreadable)
    if values is None:
        values = np.empty((0, n_mels, 0), np.float32)
    if (is_short := samples < n_fft).any():
        skipped += [
            (str(paths[row]), f"{length} samples are less than one window of {n_fft}")
            for row, length in zip(rows[is_short], samples[is_short], strict=True)
        ]
        rows, values, samples = rows[~is_short], values[~is_short], samples[~is_short]
    lengths = frames_of(samples, hop_length)
    values = values[:, :, : lengths.max(initial=0)]
    _fill_to_floor(values, lengths)
    description = {"sr": sr, "n_fft": n_fft, "hop_length": hop_length, **_sizes(values)}
    return Spectrograms([names[row] for row in rows], values, lengths, skipped, description)


def decibel_mel(
    y: Float[Array, "batch samples"], *, sr: int, n_fft: int, hop_length: int, n_mels: int
) -> Float[Array, "batch n_mels frames"]:
    """Mel power spectrogram in dB, reference 1, at most 80 dB below a clip's own peak."""
    mel = audio.melspectrogram(y, sr=sr, n_fft=n_fft, hop_length=hop_length, n_mels=n_mels)
    return audio.power_to_db(mel)


def _sizes(values: np.ndarray) -> dict[str, Any]:
    if not values.size:
        return {}
    return {
        "n_mels": values.shape[1],
        "frames": values.shape[2],
        "lowest_dB": float(values.min()),
        "highest_dB": float(values.max()),
    }
