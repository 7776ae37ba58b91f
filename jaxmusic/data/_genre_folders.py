"""Folders of music, a subfolder for each genre, one folder for each language → one `Dataset` of features."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from jaxmusic import audio
from jaxmusic.audio.summary import descriptors, mfcc_moments, table_features
from jaxmusic.audio.table import audio_files
from jaxmusic.data._feature_table import repeats
from jaxmusic.data.dataset import Dataset
from jaxmusic.data.tracks import joined_groups, tracks_of_files

__all__ = ["clip_features", "genre_folders"]

# The folder that GTZAN's copies keep their genres in.
_NESTED = "genres_original"
_MFCCS = 13


class _File(NamedTuple):
    language: str
    path: Path
    name: str  # below the folder of genres
    track: str  # "" for its own

    @property
    def genre(self) -> str:
        return self.name.partition("/")[0].lower()


def clip_features(
    y: Float[Array, "batch samples"], lengths: Array | None = None, *, sr: int = 22_050
) -> dict[str, Float[Array, "batch columns"]]:
    """A waveform → what clustering takes: MFCC moments, the feature table's columns, descriptors.

    Args:
        y: `[batch, samples]`, padded with zeros after `lengths`.
        lengths: `[batch]` samples of each clip; None: all.
        sr: sampling rate in Hz.

    Returns:
        `"mfcc"` `[batch, 52]` (`audio.summary.mfcc_moments` of 13 coefficients), `"table"` `[batch, 57]`,
        `"descriptors"` `[batch, 4]`.

    Source: "Unsupervised Representation Learning for Hybrid-Language Music Clustering Using Variational Autoencoders",
    §3.2.2 and §3.2.3.
    """
    lengths = jnp.full(y.shape[:-1], y.shape[-1]) if lengths is None else lengths
    cepstrum = audio.mfcc(y, sr=sr, n_mfcc=_MFCCS)
    mask = audio.frame_mask(lengths, cepstrum.shape[-1])
    return {
        "mfcc": mfcc_moments(cepstrum, mask),
        "table": table_features(y, lengths, sr=sr),
        "descriptors": descriptors(y, lengths, sr=sr),
    }


def genre_folders(
    folders: Mapping[str, str | Path],
    *,
    duration: float | None = 3.0,
    sr: int = 22_050,
    group_by: str | None = "auto",
    n_jobs: int = -1,
    cache: str | Path | None = None,
    progress: bool = True,
) -> Dataset:
    """Read folders of music and compute the features of every clip.

    Pieces of one track share a group, so that no split parts them: by a column of a `labels.csv` beside the genres, or
    by the files' names. Recognised are a number behind the track's name (`name.0003`, `name_03`), with or without a
    word for a piece (`name_part3`), start seconds (`name_12.5s`) and a stretch of seconds (`name_0-3`); numbers that
    count a folder's tracks, as in `blues/blues.00042.wav`, are not taken for pieces.

    Args:
        folders: language → folder with a subfolder for each genre, or with such a folder as its `genres_original`.
        duration: seconds of each clip, from its start; None: all of it.
        sr: sampling rate in Hz to convert to.
        group_by: `"auto"`: the column `track`, else `song`, else `artist` of `labels.csv`, else the names;
            `"name"`: the names; another column of `labels.csv`; None: equal features alone.
        n_jobs, cache, progress: see `audio.extract`.

    Returns:
        A `Dataset` with the modalities of `clip_features`, labels `language`, `genre`, `genre_name` and `title`, groups
        of clips with equal features or of one track, and in `source` every file that was skipped with the reason.

    Raises:
        FileNotFoundError: no such folder, or one without a subfolder that holds audio.
        ValueError: no file of a folder can be read, or `group_by` is no column of a `labels.csv`.
    """
    if not folders:
        raise ValueError("no folders given: name one for each language, e.g. {'english': 'gtzan'}")
    files = list[_File]()
    for language, place in folders.items():
        folder = _genre_folder(Path(place).expanduser())
        inside = [path for path in audio_files(folder, follow_links=True) if len(path.relative_to(folder).parts) > 1]
        if not inside:
            raise FileNotFoundError(f"{folder} holds no subfolder with audio: make one for each genre")
        names = [path.relative_to(folder).as_posix() for path in inside]
        tracks = [track and f"{language}/{track}" for track in tracks_of_files(folder, names, group_by)]
        files += [_File(language, *row) for row in zip(inside, names, tracks, strict=True)]
    found = audio.extract(
        [file.path for file in files],
        partial(clip_features, sr=sr),
        sr=sr,
        duration=duration,
        with_lengths=True,
        n_jobs=n_jobs,
        cache=cache,
        progress=progress,
    )
    read = {files[row].language for row in found.rows}
    for language, place in folders.items():
        if language not in read:
            raise ValueError(f"no audio file of {place} can be read: {found.skipped[:3]}")
    return _dataset(found, files, sorted(map(str, folders.values())), duration)


def _genre_folder(place: Path) -> Path:
    if not place.is_dir():
        raise FileNotFoundError(f"no such folder: {place}")
    return place / _NESTED if (place / _NESTED).is_dir() else place


def _dataset(found: Any, files: list[_File], places: list[str], duration: float | None) -> Dataset:
    features = {name: np.asarray(values, np.float32) for name, values in found.features.items()}
    finite = np.all([np.isfinite(values).all(1) for values in features.values()], axis=0)
    dropped = [(Path(path).name, reason) for path, reason in found.skipped]
    dropped += [(files[row].path.name, "a feature is not finite") for row in found.rows[~finite]]
    features = {name: values[finite] for name, values in features.items()}
    used = [files[row] for row in found.rows[finite]]
    equal = repeats(features["table"])
    groups, grouped_by = joined_groups(equal, [file.track for file in used])
    return Dataset(
        ids=np.array([f"{file.language}/{file.name}" for file in used]),
        modalities=features,
        masks={name: np.ones(len(used), bool) for name in features},
        labels={
            "language": np.array([file.language for file in used]),
            "genre": np.array([f"{file.language} {file.genre}" for file in used]),
            "genre_name": np.array([file.genre for file in used]),
            "title": np.array([file.path.name for file in used]),
        },
        groups=groups,
        source={
            "name": "genre folders",
            "path": places,
            "counts": {
                **Counter(file.language for file in used),
                "repeats": len(used) - len(set(equal)),
                "dropped": len(dropped),
            },
            "audio": {"from": "files", "seconds": duration if duration is not None else "whole files"},
            "groups": f"clips with {grouped_by}",
            "dropped": dropped,
        },
    )
