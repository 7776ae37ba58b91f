"""Folders of music, a subfolder for each genre, one folder for each language → one `Dataset` of features."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from jaxmusic import audio
from jaxmusic.audio.summary import descriptors, mfcc_moments, table_features
from jaxmusic.audio.table import audio_files
from jaxmusic.data._feature_table import repeats
from jaxmusic.data.dataset import Dataset

__all__ = ["clip_features", "genre_folders"]

# The folder that GTZAN's copies keep their genres in.
_NESTED = "genres_original"
_MFCCS = 13


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
    n_jobs: int = -1,
    cache: str | Path | None = None,
    progress: bool = True,
) -> Dataset:
    """Read folders of music and compute the features of every clip.

    Args:
        folders: language → folder with a subfolder for each genre, or with such a folder as its `genres_original`.
        duration: seconds of each clip, from its start; None: all of it.
        sr: sampling rate in Hz to convert to.
        n_jobs, cache, progress: see `audio.extract`.

    Returns:
        A `Dataset` with the modalities of `clip_features`, labels `language`, `genre`, `genre_name` and `title`, groups
        of clips with equal features, and in `source` every file that was skipped with the reason.

    Raises:
        FileNotFoundError: no such folder, or one without a subfolder that holds audio.
        ValueError: no file of a folder can be read.
    """
    if not folders:
        raise ValueError("no folders given: name one for each language, e.g. {'english': 'gtzan'}")
    paths, languages, genres, places = [], [], [], []
    for language, place in folders.items():
        folder = _genre_folder(Path(place).expanduser())
        inside = [path for path in audio_files(folder, follow_links=True) if len(path.relative_to(folder).parts) > 1]
        if not inside:
            raise FileNotFoundError(f"{folder} holds no subfolder with audio: make one for each genre")
        paths += inside
        languages += [language] * len(inside)
        genres += [path.relative_to(folder).parts[0].lower() for path in inside]
        places += [folder] * len(inside)
    found = audio.extract(
        paths,
        partial(clip_features, sr=sr),
        sr=sr,
        duration=duration,
        with_lengths=True,
        n_jobs=n_jobs,
        cache=cache,
        progress=progress,
    )
    names = np.array(languages)
    for language in folders:
        if not (names[found.rows] == language).any():
            raise ValueError(f"no audio file of {folders[language]} can be read: {found.skipped[:3]}")
    return _dataset(found, paths, places, names[found.rows], np.array(genres)[found.rows], duration)


def _genre_folder(place: Path) -> Path:
    if not place.is_dir():
        raise FileNotFoundError(f"no such folder: {place}")
    return place / _NESTED if (place / _NESTED).is_dir() else place


def _dataset(
    found: Any, paths: list[Path], places: list[Path], languages: np.ndarray, genres: np.ndarray, duration: float | None
) -> Dataset:
    features = {name: np.asarray(values, np.float32) for name, values in found.features.items()}
    finite = np.all([np.isfinite(values).all(1) for values in features.values()], axis=0)
    dropped = [(Path(path).name, reason) for path, reason in found.skipped]
    dropped += [(paths[row].name, "a feature is not finite") for row in found.rows[~finite]]
    rows, languages, genres = found.rows[finite], languages[finite], genres[finite]
    features = {name: values[finite] for name, values in features.items()}
    groups = repeats(features["table"])
    return Dataset(
        ids=np.array(
            [f"{a}/{paths[i].relative_to(places[i]).as_posix()}" for a, i in zip(languages, rows, strict=True)]
        ),
        modalities=features,
        masks={name: np.ones(len(rows), bool) for name in features},
        labels={
            "language": languages,
            "genre": np.array([f"{a} {b}" for a, b in zip(languages, genres, strict=True)]),
            "genre_name": genres,
            "title": np.array([paths[i].name for i in rows]),
        },
        groups=groups,
        source={
            "name": "genre folders",
            "path": sorted({str(place) for place in places}),
            "counts": {
                **{str(name): int((languages == name).sum()) for name in dict.fromkeys(languages)},
                "repeats": len(rows) - len(set(groups)),
                "dropped": len(dropped),
            },
            "audio": {"from": "files", "seconds": duration if duration is not None else "whole files"},
            "groups": "clips with equal features",
            "dropped": dropped,
        },
    )
