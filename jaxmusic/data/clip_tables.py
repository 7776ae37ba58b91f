"""`lyrics.csv` and `labels.csv` of a folder of clips."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Mapping
from pathlib import Path

import numpy as np

from jaxmusic.data.clip_files import files_by_id
from jaxmusic.data.tables import clip_of, read_table, read_text, without_suffix


def read_lyrics(
    folder: Path,
    media: Mapping[str, Path],
    dropped: list[dict[str, str]],
    notes: list[str],
    *,
    is_library: bool = False,
) -> dict[str, str]:
    """id → lyrics, "" where there are only spaces; in a library those of the table alone."""
    table, texts = folder / "lyrics.csv", {} if is_library else files_by_id(folder / "lyrics", (".txt",))
    lyrics: dict[str, str] = {}
    if table.is_file():
        find = _finder(media, is_library)
        for row in read_table(table, ("id", "lyrics")):
            # A table may name the clip's file in the place of its id, or number its rows and name the file beside.
            name = find(row["id"])
            if name not in media and (by_file := find(row.get("filename", ""))) in media:
                name = by_file
            if name in lyrics:
                raise ValueError(f"{table}: two rows hold the lyrics of clip {name!r}; keep one")
            lyrics[name] = row["lyrics"].strip()
        if left := len(texts.keys() - lyrics.keys()):
            notes.append(
                f"lyrics.csv is read and lyrics/ is not; {left} of its {len(texts)} files are not in the table"
            )
    elif not is_library:
        for name, path in texts.items():
            try:
                lyrics[name] = read_text(path).strip()
            except ValueError as error:
                dropped.append({"file": f"lyrics/{path.name}", "why": str(error)})
        if not texts:
            notes.append("no lyrics.csv and no lyrics/<id>.txt: every clip is without lyrics")
    if empty := sum(not text for text in lyrics.values()):
        notes.append(f"{empty} of {len(lyrics)} lyrics are empty")
    return lyrics


def read_labels(
    folder: Path, ids: list[str], known: Collection[str], notes: list[str], *, is_library: bool = False
) -> tuple[dict[str, np.ndarray], int]:
    """Each column of `labels.csv` in the order of the ids, "" where it has no row for one; and its rows of no clip."""
    table = folder / "labels.csv"
    if not table.is_file():
        return {}, 0
    rows = dict[str, dict[str, str]]()
    find = _finder(known, is_library)
    for row in read_table(table, ("id",)):
        name = find(row["id"])
        if name in rows:
            raise ValueError(f"{table}: two rows hold the labels of clip {name!r}; keep one")
        rows[name] = row
    if rows and not rows.keys() & set(known):
        # Artists' groups would vanish with them, and songs of one artist stand on both sides of a split.
        raise ValueError(
            f"{table}: none of its {len(rows)} rows is of a clip here: it names {next(iter(rows))!r}, the clips are "
            f"{min(known)!r} and others; its ids must be the files' names"
        )
    if unknown := sorted(rows.keys() - set(known)):
        notes.append(f"{len(unknown)} rows of labels.csv are of no clip here and ignored, such as {unknown[0]!r}")
    if missing := sum(name not in rows for name in ids):
        notes.append(f"{missing} clips have no row in labels.csv")
    columns = [column for column in next(iter(rows.values()), {}) if column != "id"]
    labels = {
        column: np.array([rows[name][column].strip() if name in rows else "" for name in ids]) for column in columns
    }
    return labels, len(unknown)


def merged_labels(tags: Mapping[str, np.ndarray], table: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """The columns of both; where both have one, the table's value unless it is empty."""
    shared = {name: np.where(table[name] != "", table[name], tags[name]) for name in tags.keys() & table.keys()}
    return {**table, **{name: shared.get(name, values) for name, values in tags.items()}}


def _finder(clips: Collection[str], is_library: bool) -> Callable[[str], str]:
    """A name in a table → the clip that it means, or itself."""
    if not is_library:
        return lambda name: clip_of(name, clips)
    short = [(name, key) for name in clips for key in {*_short_names(name)} - {name}]
    counts = Counter(key for _, key in short)
    meant = {key: name for name, key in short if counts[key] == 1 and key not in clips}
    return lambda name: name if name in clips else meant.get(without_suffix(name), meant.get(name, name))


def _short_names(name: str) -> tuple[str, str, str]:
    """A path in a library without its ending, without its folders, and without both."""
    path = without_suffix(name)
    return path, name.rpartition("/")[2], path.rpartition("/")[2]
