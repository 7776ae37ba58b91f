"""Which examples come from one track: told by a column of a table, by the files' names, or by equal features."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from jaxmusic.data.tables import read_table, without_suffix

__all__ = ["column_of_tracks", "joined_groups", "tracks_by_name", "tracks_of_files"]

COLUMNS = ("track", "song", "artist")
"""Columns that say which clips belong together, the first that a table has, where none is asked for."""
_PIECE = "(?:part|pt|piece|seg|segment|clip|chunk|cut|slice|split|window|start|from|offset|t)"
# How the names of pieces end, see `tracks_by_name`; the first that applies holds.
_ENDINGS = tuple(
    re.compile(rf"(?P<track>.*[^\s._@-]){ending}", re.IGNORECASE)
    for ending in (
        r"[\s._@-]*[\[(]?(?<![\d.])(?P<start>\d+(?:\.\d+)?)\s?s?(?:-|_|[\s_-]to[\s_-])(?P<end>\d+(?:\.\d+)?)\s?s?[\])]?",
        rf"[\s._@-]+{_PIECE}[\s._-]?\d+(?:\.\d+)?s?",
        r"[_@-](?<![\d.])(?:0|[1-9]\d*)\.\d{1,3}s?",
        r"[._@-]\d+s?",
    )
)
# Names that count the tracks of a folder and not the pieces of one.
_COUNTING = {
    "audio",
    "clip",
    "file",
    "music",
    "no",
    "number",
    "recording",
    "sample",
    "song",
    "sound",
    "track",
    "untitled",
}


def tracks_by_name(names: Sequence[str], folders: Sequence[str]) -> list[str]:
    """The track of each file, where its name says that it was cut from one.

    Recognised are, behind the track's name: a number (`name.0003`, `name_03`, `name-3`), a number with a word for a
    piece (`name_part3`, `name.chunk-03`), start seconds (`name_12s`, `name_12.5`, `name_start12.5`) and a stretch of
    seconds (`name_0-3`, `name_12.5-15.5`, `name [27s to 30s]`). A number counts tracks and not pieces where what is
    left of the name is the folder's, as in GTZAN's `blues/blues.00042.wav`, a word such as "track" or "song", or,
    without a digit, the same for all files of a folder; `blues.00042.3` is a piece of `blues.00042`.

    Args:
        names: of the files, with or without folders and ending.
        folders: of each file, its genre: tracks of different folders are different.

    Returns:
        For each file folder and name of its track; of a file that is no piece, or the only one, its own.

    >>> tracks_by_name(["a_01.wav", "a_02.wav", "b_01.wav", "b_02.wav"], ["rock"] * 4)
    ['rock/a', 'rock/a', 'rock/b', 'rock/b']
    >>> tracks_by_name(["blues.00041.wav", "blues.00042.wav"], ["blues"] * 2)
    ['blues/blues.00041', 'blues/blues.00042']
    """
    stems = [without_suffix(name).rpartition("/")[2] for name in names]
    candidates = [[track for ending in _ENDINGS if (track := _track(ending, stem))] for stem in stems]
    inside = defaultdict(list)
    for row, folder in enumerate(folders):
        inside[folder].append(row)
    found = [f"{folder}/{stem}" for folder, stem in zip(folders, stems, strict=True)]
    for folder, rows in inside.items():
        shared = set.intersection(*({_letters(track) for track in candidates[row]} for row in rows))
        counting = {_letters(folder), *_COUNTING, *(name for name in shared if not re.search(r"\d", name))}
        tracks = [next((t for t in candidates[row] if _letters(t) not in counting), None) for row in rows]
        sizes = Counter(tracks)
        for row, track in zip(rows, tracks, strict=True):
            if track is not None and sizes[track] > 1:
                found[row] = f"{folder}/{track}"
    return found


def _track(ending: re.Pattern[str], stem: str) -> str | None:
    match = ending.fullmatch(stem)
    if match is None:
        return None
    values = match.groupdict()
    if values.get("start"):
        start, end = values["start"], values["end"]
        is_padded = start.startswith("0") and len(start.partition(".")[0]) > 1
        if float(end) <= float(start) or (is_padded and len(start) != len(end)):
            return None
    return values["track"]


def _letters(name: str) -> str:
    """A name without case, spaces and punctuation: `Hip-Hop` is `hiphop`."""
    return re.sub(r"[\W_]+", "", name.casefold())


def column_of_tracks(columns: Sequence[str], group_by: str | None, table: str) -> str | None:
    """The column that says which examples belong together.

    Args:
        columns: of the table.
        group_by: `"auto"`, `"name"`, None, or a column.
        table: its name, for the error.

    Returns:
        The column; None where the table does not decide.

    Raises:
        ValueError: `group_by` is neither an option nor a column.
    """
    if group_by == "auto":
        return next((name for name in COLUMNS if name in columns), None)
    if group_by in (None, "name"):
        return None
    if group_by not in columns:
        raise ValueError(
            f"group_by={group_by!r} is neither 'auto' nor 'name' nor a column of {table}, which has "
            f"{', '.join(columns) or 'none, or does not exist'}"
        )
    return group_by


def tracks_of_files(folder: Path, files: Sequence[str], group_by: str | None) -> list[str]:
    """The track of each file, by a column of the folder's `labels.csv` where there is one, else by the files' names.

    Args:
        folder: may hold a `labels.csv` with a column `id`: a file's name, with or without folder and ending.
        files: below the folder, each in the folder of its genre.
        group_by: see `column_of_tracks`.

    Returns:
        A name for each file; "" where the table is silent, and of all where `group_by` is None.

    Raises:
        ValueError: the table is malformed, names none of the files, or lacks the column that `group_by` asks for.
    """
    if group_by is None:
        return [""] * len(files)
    table = folder / "labels.csv"
    rows = read_table(table, ("id",)) if table.is_file() else []
    column = column_of_tracks([name for name in (rows[0] if rows else ()) if name != "id"], group_by, str(table))
    if column is None:
        return tracks_by_name(files, [name.partition("/")[0] for name in files])
    known = {without_suffix(row["id"]): row[column].strip() for row in rows}
    paths = [without_suffix(name) for name in files]
    found = [known.get(path, known.get(path.rpartition("/")[2], "")) for path in paths]
    if not any(found):
        raise ValueError(
            f"{table}: none of its {len(rows)} rows says the {column!r} of a file here: it names {rows[0]['id']!r}, "
            f"the files are {files[0]!r} and others"
        )
    return found


def joined_groups(equal: np.ndarray, tracks: Sequence[str]) -> tuple[np.ndarray, str]:
    """Groups of examples that are equal or of one track.

    Args:
        equal: `[n]` str, the same for examples with equal features.
        tracks: `[n]` the track of each example; "" for a track of its own.

    Returns:
        `[n]` str: examples connected by either share a group, which is named as the first of theirs in `equal`; and
        one line for the report.
    """
    own = [track or f"\0{row}" for row, track in enumerate(tracks)]
    pieces = [count for count in Counter(own).values() if count > 1]
    return _connected(equal, own), f"equal features, or one track ({sum(pieces)} pieces of {len(pieces)} tracks)"


def _connected(first: np.ndarray, second: Sequence[str]) -> np.ndarray:
    """`[n]` the smallest value of `first` among the rows that are connected by equal values of either."""
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    a, b = (np.unique(np.asarray(values), return_inverse=True)[1] for values in (first, second))
    size = a.max() + b.max() + 2
    graph = coo_array((np.ones(len(a)), (a, b + a.max() + 1)), shape=(size, size))
    component = connected_components(graph, directed=False)[1][a]
    smallest: dict[int, str] = {}
    for row in np.argsort(first, kind="stable"):
        smallest.setdefault(int(component[row]), str(first[row]))
    return np.array([smallest[int(c)] for c in component])
