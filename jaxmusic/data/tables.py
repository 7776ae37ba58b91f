"""CSV tables and UTF-8 texts, read strictly: what is wrong is named with its file, its place and the way to mend it."""

from __future__ import annotations

import csv
import io
import unicodedata
from collections import Counter
from collections.abc import Collection, Iterable, Sequence
from pathlib import Path

from jaxmusic._files import written_whole
from jaxmusic.audio.foreign import FOREIGN_SUFFIXES
from jaxmusic.audio.io import AUDIO_SUFFIXES

__all__ = ["clip_of", "read_table", "read_text", "without_suffix", "write_table"]

# Endings that are cut from the names of files: of sound, read here or not, of spectrograms and of lyrics.
_MEDIA_SUFFIXES = {*AUDIO_SUFFIXES, *FOREIGN_SUFFIXES, ".au", ".npy", ".txt"}


def read_text(path: Path) -> str:
    """The text of a UTF-8 file, NFC-normalised, without a byte order mark.

    Raises:
        ValueError: if the file isn't UTF-8; names the file, the first offending byte and the fix.
    """
    content = path.read_bytes()
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise ValueError(
            f"{path} is not UTF-8: byte {error.start} (line {line}) is 0x{content[error.start]:02x}. Convert it from "
            f"the encoding it was saved in, for Latin-1: iconv -f LATIN1 -t UTF-8 '{path.name}' > utf8.tmp"
        ) from error
    return unicodedata.normalize("NFC", text)


def read_table(path: Path, columns: Sequence[str], *, has_ids: bool = True) -> list[dict[str, str]]:
    """The rows of a UTF-8 CSV file with a header, every value a str as it stands.

    Args:
        path: the file.
        columns: columns it must have.
        has_ids: whether the first of them identifies a row: never empty, never twice the same.

    Returns:
        One dict per row, with every column of the file. Empty lines don't count.

    Raises:
        ValueError: if the file isn't UTF-8, lacks a column or has one twice, has a row that doesn't fit the header, or
            an id that is empty or occurs twice.
    """
    try:
        reader = csv.DictReader(io.StringIO(read_text(path), newline=""), strict=True)
        header = [name.strip() for name in reader.fieldnames or ()]
        reader.fieldnames = header
        if missing := [name for name in columns if name not in header]:
            raise ValueError(
                f"{path} has no column {', '.join(map(repr, missing))}: its first line reads {','.join(header)!r}; "
                f"it must name {', '.join(columns)}, separated by commas"
            )
        if repeated := [name for name, count in Counter(header).items() if count > 1]:
            raise ValueError(f"{path} has the column {repeated[0]!r} more than once: rename or remove all but one")
        rows = []
        for row in reader:
            if None in row or None in row.values():
                count = len(header) + len(row[None]) if None in row else sum(v is not None for v in row.values())
                raise ValueError(
                    f"{path}, line {reader.line_num}: {count} values for {len(header)} columns; "
                    "put a value that holds commas or line breaks in double quotes"
                )
            rows.append(row)
    except csv.Error as error:
        hint = "; look for a double quote that is not closed" if "field limit" in str(error) else ""
        raise ValueError(f"{path}, line {reader.reader.line_num}: {error}{hint}") from error
    if has_ids:
        _check_ids(path, columns[0], rows)
    return rows


def _check_ids(path: Path, column: str, rows: list[dict[str, str]]) -> None:
    counts = Counter(row[column].strip() for row in rows)
    if counts[""]:
        raise ValueError(f"{path}: {counts['']} of {len(rows)} rows have an empty {column!r}")
    if repeated := [value for value, count in counts.items() if count > 1]:
        shown = ", ".join(repeated[:5]) + (", …" if len(repeated) > 5 else "")
        raise ValueError(
            f"{path}: {len(repeated)} values of {column!r} occur more than once: {shown}; keep one row of each"
        )
    for row in rows:
        row[column] = row[column].strip()


def without_suffix(name: str) -> str:
    """A file's path as a table names it, on any system, without the ending of a media file; with its folder.

    >>> without_suffix("rock\\\\blues.00000.wav"), without_suffix("song.1")
    ('rock/blues.00000', 'song.1')
    """
    path = unicodedata.normalize("NFC", name.strip()).replace("\\", "/")
    stem, point, suffix = path.rpartition(".")
    return stem if point and stem.rpartition("/")[2] and f".{suffix.lower()}" in _MEDIA_SUFFIXES else path


def clip_of(name: str, clips: Collection[str]) -> str:
    """The clip that a table's row names: by its id, or by the name of its file, with or without folder and ending.

    Args:
        name: as the table has it.
        clips: ids of the clips there are.

    Returns:
        The clip's id; `name` where it is of none.
    """
    if name in clips:
        return name
    path = without_suffix(name)
    return next((found for found in (path, path.rpartition("/")[2]) if found in clips), name)


def write_table(path: Path, columns: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    """Write a UTF-8 CSV file whole or not at all: an interruption leaves an older file as it was."""
    with written_whole(path) as whole, io.TextIOWrapper(whole, encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(columns)
        writer.writerows(rows)
