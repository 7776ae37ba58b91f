"""Tables of audio features in the layout of `features_30_sec.csv`, one for each language → one `Dataset`."""

from __future__ import annotations

import hashlib
import unicodedata
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from jaxmusic.audio.summary import TABLE_COLUMNS
from jaxmusic.data.dataset import Dataset
from jaxmusic.data.tables import read_table, without_suffix
from jaxmusic.data.tracks import column_of_tracks, joined_groups, tracks_by_name

__all__ = ["DESCRIPTORS", "feature_table", "repeats"]

FILE_NAME = "features_30_sec.csv"
# What `text.describe` puts into words, as columns of the table; the last is a variance there.
DESCRIPTORS = ("tempo", "rms_mean", "spectral_centroid_mean", "chroma_stft_var")
_MFCCS = 13
_LARGEST = float(np.finfo(np.float32).max)


def feature_table(tables: Mapping[str, str | Path], *, group_by: str | None = "auto") -> Dataset:
    """Stack the feature tables of several languages.

    Rows whose features equal another's, and pieces of one track (`blues.00042.3.wav` of `features_3_sec.csv`, see
    `genre_folders`), are kept and put into one group, so that no split parts them. A row with a
    value that is no finite float32 number is left out and counted. A row's id is its file's name without
    folder and ending, with them where two would have one id.

    Args:
        tables: language → a table, or a folder that holds `features_30_sec.csv`.
        group_by: `"auto"`: the column `track`, else `song`, else `artist` of a table, else the files' names; `"name"`:
            the names; another column of the tables; None: equal features alone.

    Returns:
        A `Dataset`: modalities `"table"` `[n, 57]` float32 in the order of `audio.TABLE_COLUMNS`, `"mfcc"` `[n, 26]`
        float32 (mean and standard deviation of the first 13 coefficients, interleaved; the table has no minimum or
        maximum) and `"descriptors"` `[n, 4]` float32 (tempo in beats per minute, mean RMS, mean spectral centroid in
        Hz, standard deviation of the chroma); labels `language`, `genre` (language and genre, as the tables' spelling
        separates Metal from metal) and `genre_name` (genre in lower case).

    Raises:
        FileNotFoundError: no such table.
        ValueError: a column is missing, that of `group_by` too, a file name occurs twice, or no row of a table is
            usable.
    """
    if not tables:
        raise ValueError("no tables given: name one for each language, e.g. {'english': 'gtzan'}")
    parts, dropped, counts, tracks = [], [], {}, list[str]()
    for language, place in tables.items():
        path = _file(Path(place).expanduser())
        rows = read_table(path, ("filename", *TABLE_COLUMNS, "label"))
        kept, reasons = _numbers(path, rows)
        counts[language] = {"rows": len(rows), "used": len(kept)}
        dropped += reasons
        tracks += [track and f"{language}/{track}" for track in _tracks(path, [rows[i] for i in kept], group_by)]
        parts.append((language, [rows[i] for i in kept], np.array([_values(rows[i]) for i in kept], np.float32)))
    values = np.concatenate([numbers for _, _, numbers in parts])
    languages = np.concatenate([np.full(len(rows), language) for language, rows, _ in parts])
    genres = np.array([row["label"].strip().lower() for _, rows, _ in parts for row in rows])
    names = [_ids([row["filename"] for row in rows]) for _, rows, _ in parts]
    ids = np.array([f"{part[0]}/{name}" for part, found in zip(parts, names, strict=True) for name in found])
    equal = repeats(values)
    groups, grouped_by = joined_groups(equal, tracks)
    present = np.ones(len(values), bool)
    return Dataset(
        ids=ids,
        modalities={"table": values, "mfcc": _mfcc(values), "descriptors": _descriptors(values)},
        masks={"table": present, "mfcc": present.copy(), "descriptors": present.copy()},
        labels={
            "language": languages,
            "genre": np.array([f"{a} {b}" for a, b in zip(languages, genres, strict=True)]),
            "genre_name": genres,
            "title": np.array([_path(row["filename"]).rpartition("/")[2] for _, rows, _ in parts for row in rows]),
        },
        groups=groups,
        source={
            "name": "feature tables",
            "path": [str(place) for place in tables.values()],
            "counts": {**counts, "repeats": len(values) - len(set(equal)), "dropped": len(dropped)},
            "audio": {"from": "feature tables", "columns": len(TABLE_COLUMNS)},
            "groups": f"rows with {grouped_by}",
            "dropped": dropped,
        },
    )


def _tracks(path: Path, rows: Sequence[Mapping[str, str]], group_by: str | None) -> list[str]:
    column = column_of_tracks(list(rows[0]), group_by, str(path))
    if group_by is None or column is not None:
        return [row[column].strip() if column else "" for row in rows]
    return tracks_by_name([row["filename"] for row in rows], [row["label"].strip() for row in rows])


def _path(name: str) -> str:
    return unicodedata.normalize("NFC", name.strip()).replace("\\", "/")


def _ids(names: Sequence[str]) -> list[str]:
    """Each file's name without folder and ending; with its folder, or with both, where two would be the same."""
    paths = [_path(name) for name in names]
    found = [without_suffix(name).rpartition("/")[2] for name in names]
    for longer in ([without_suffix(name) for name in names], paths):
        counts = Counter(found)
        found = [own if counts[short] > 1 else short for short, own in zip(found, longer, strict=True)]
    return found


def repeats(values: np.ndarray) -> np.ndarray:
    """`[n]` str: the same for rows with equal values.

    >>> first, second, third = repeats(np.array([[1.0], [2.0], [1.0]]))
    >>> first == third, first == second
    (True, False)
    """
    # 0 is added for −0, which equals 0.
    return np.array([hashlib.sha256(np.ascontiguousarray(row + 0).tobytes()).hexdigest()[:16] for row in values])


def _file(place: Path) -> Path:
    path = place / FILE_NAME if place.is_dir() else place
    if not path.is_file():
        raise FileNotFoundError(f"no such table: {path}" + (f" (in the folder {place})" if place.is_dir() else ""))
    return path


def _numbers(path: Path, rows: list[dict[str, str]]) -> tuple[list[int], list[tuple[str, str]]]:
    """Rows whose values are finite numbers, and (file name, reason) of the others."""
    kept, dropped, blamed = [], [], Counter[str]()
    for i, row in enumerate(rows):
        bad = next((name for name in TABLE_COLUMNS if not _is_number(row[name])), None)
        if bad is None:
            kept.append(i)
        else:
            blamed[bad] += 1
            dropped.append((row["filename"], f"column {bad!r} of {path.name} holds {row[bad]!r}, no finite number"))
    if not kept:
        column, count = blamed.most_common(1)[0] if blamed else ("", 0)
        raise ValueError(
            f"{path}: no usable row" + (f": {count} of {len(rows)} fail in column {column!r}" if count else "")
        )
    return kept, dropped


def _is_number(text: str) -> bool:
    try:
        return abs(float(text)) <= _LARGEST
    except ValueError:
        return False


def _values(row: Mapping[str, Any]) -> list[float]:
    return [float(row[name]) for name in TABLE_COLUMNS]


def _mfcc(values: np.ndarray) -> np.ndarray:
    columns = {name: values[:, i] for i, name in enumerate(TABLE_COLUMNS)}
    moments = [
        column
        for i in range(1, _MFCCS + 1)
        for column in (columns[f"mfcc{i}_mean"], np.sqrt(np.maximum(columns[f"mfcc{i}_var"], 0)))
    ]
    return np.stack(moments, axis=1).astype(np.float32)


def _descriptors(values: np.ndarray) -> np.ndarray:
    found = np.stack([values[:, TABLE_COLUMNS.index(name)] for name in DESCRIPTORS], axis=1)
    found[:, 3] = np.sqrt(np.maximum(found[:, 3], 0))
    return found
