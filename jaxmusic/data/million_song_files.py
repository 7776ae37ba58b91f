"""The Million Song Dataset's files one by one: SQLite tables, bags of words, plays, genres, mismatched ids."""

from __future__ import annotations

import codecs
import unicodedata
from array import array
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO
from urllib.parse import quote

import numpy as np

if TYPE_CHECKING:
    import sqlite3

    from scipy.sparse import csr_array

__all__ = [
    "NUMBERS", "TAG_TABLES", "TEXTS", "empty", "read_bags", "read_genres", "read_mismatches", "read_songs", "read_tags",
    "read_triplets",
]  # fmt: skip

TAG_TABLES = {"mbtags": ("artist_mbtag", "mbtag"), "terms": ("artist_term", "term")}
TEXTS = {"title": "title", "album": "release", "artist": "artist_name"}
NUMBERS = ("duration", "artist_hotttnesss", "artist_familiarity", "year")
_COLUMNS = ("track_id", "song_id", "artist_id", *TEXTS.values(), *NUMBERS)
_SHOWN = 5  # places of malformed lines that are named


def read_bags(
    paths: list[Path], row_of_track: Mapping[str, int], counts: dict[str, Any]
) -> tuple[np.ndarray, csr_array, np.ndarray]:
    """Bags of words of the musiXmatch files.

    Args:
        paths: files in the official format; each states the words, which must be the same in all.
        row_of_track: track id → row; bags of other tracks are counted and left out.
        counts: gets what was found, and the places of malformed lines.

    Returns:
        `[words]` str; `[rows, words]` counts; `[rows]` bool, True where there is a bag.

    Raises:
        ValueError: a file without its line of words, or with others than the file before.
    """
    rows, indices, values = array("i"), array("i"), array("f")
    n, words, seen = len(row_of_track), None, np.zeros(len(row_of_track), bool)
    bad, unknown, twice = _Malformed(), 0, 0
    for path in paths:
        with path.open("rb") as file:
            own: list[str] | None = None
            for number, line in enumerate(_lines(file), 1):
                if line.startswith(b"#") or not line.strip():
                    continue
                if line.startswith(b"%"):
                    own = line[1:].decode("utf-8", "replace").strip().split(",")
                    if words is not None and own != words:
                        raise ValueError(f"{path}, line {number}: other words than in {paths[0].name}")
                    words = own
                    continue
                if own is None:
                    raise ValueError(f"{path}, line {number}: no line of words ('%word1,word2,…') before the first bag")
                fields = line.decode("ascii", "replace").strip().split(",")
                row = row_of_track.get(fields[0])
                found = _bag(fields[2:], len(own)) if len(fields) > 2 else None
                if found is None:
                    bad.add(path, number)
                elif row is None:
                    unknown += 1
                elif seen[row]:
                    twice += 1
                else:
                    seen[row] = True
                    rows.extend([row] * len(found))
                    for index, count in found.items():
                        indices.append(index)
                        values.append(count)
    if paths:
        counts |= {"bags of words": int(seen.sum()), "bags of unknown tracks": unknown, **bad.report("bag lines")}
        if twice:
            counts["bags of a track that has one already"] = twice
    words = words or []
    return np.array(words, object), _sparse(values, rows, indices, (n, len(words))), seen


def _bag(fields: list[str], n_words: int) -> dict[int, int] | None:
    """Word → count, that of a word named twice added up; None for a malformed bag."""
    found: dict[int, int] = {}
    for field in fields:
        index, colon, count = field.partition(":")
        if not (colon and index.isdigit() and count.isdigit()):
            return None
        if not 1 <= int(index) <= n_words or int(count) < 1:
            return None
        found[int(index) - 1] = found.get(int(index) - 1, 0) + int(count)
    return found


def read_triplets(
    path: Path, row_of_song: Mapping[bytes, int], n_songs: int, counts: dict[str, Any]
) -> tuple[np.ndarray, csr_array]:
    """Plays from lines `user<tab>song<tab>count`, read as a stream.

    Args:
        path: `train_triplets.txt`.
        row_of_song: song id → column; plays of other songs are counted and left out, and so are their users.
        n_songs: columns.
        counts: gets what was found, and the places of malformed lines and of counts that are not above 0.

    Returns:
        `[users]` str in order of first appearance; `[users, songs]` float32 counts. Repeated pairs are summed.
    """
    row_of_user: dict[bytes, int] = {}
    rows, columns, values = array("i"), array("i"), array("f")
    bad, not_positive, unknown, number = _Malformed(), _Malformed(), 0, 0
    with path.open("rb", buffering=1 << 20) as file:
        for number, line in enumerate(_lines(file), 1):
            try:
                user, song, text = line.split(b"\t")
                count = int(text)
            except ValueError:
                if line.strip():
                    bad.add(path, number)
                continue
            if count <= 0:
                not_positive.add(path, number)
                continue
            column = row_of_song.get(song)
            if column is None:
                unknown += 1
                continue
            rows.append(row_of_user.setdefault(user, len(row_of_user)))
            columns.append(column)
            values.append(count)
    plays = _sparse(values, rows, columns, (len(row_of_user), n_songs))
    counts |= {
        "triplet lines": number,
        "plays of unknown or mismatched songs": unknown,
        "plays": int(plays.nnz),
        **bad.report("triplet lines"),
        **not_positive.report("triplet lines with a count below 1", word=""),
    }
    if repeated := len(rows) - plays.nnz:
        counts["repeated pairs of user and song, summed"] = int(repeated)
    return np.array([user.decode("ascii", "replace") for user in row_of_user], np.str_), plays


def _lines(file: BinaryIO) -> Iterator[bytes]:
    """Lines of a file, the first without a byte order mark."""
    for first in file:
        yield first.removeprefix(codecs.BOM_UTF8)
        break
    yield from file


class _Malformed:
    """A count, and the first few places."""

    def __init__(self) -> None:
        self.count, self.places = 0, list[str]()

    def add(self, path: Path, number: int) -> None:
        self.count += 1
        if len(self.places) < _SHOWN:
            self.places.append(f"{path.name}:{number}")

    def report(self, what: str, *, word: str = "malformed ") -> dict[str, Any]:
        return {f"{word}{what}": f"{self.count} ({', '.join(self.places)})"} if self.count else {}


def read_songs(path: Path) -> dict[str, np.ndarray]:
    """Columns of the table `songs`, ordered by track; NaN where a number is none."""
    with _opened(path) as connection:
        _check_columns(connection, path, "songs", _COLUMNS)
        rows = connection.execute(f"SELECT {', '.join(_COLUMNS)} FROM songs ORDER BY track_id").fetchall()
    if not rows:
        raise ValueError(f"{path}: table songs is empty")
    if len({row[0] for row in rows}) < len(rows):
        raise ValueError(f"{path}: table songs has a track_id twice; take the official file")
    columns: dict[str, np.ndarray] = {}
    for name, values in zip(_COLUMNS, zip(*rows, strict=True), strict=True):
        if name in NUMBERS:
            columns[name] = np.array([_number(value) for value in values], np.float64)
        else:
            column = np.empty(len(rows), object)
            column[:] = ["" if value is None else str(value) for value in values]
            columns[name] = column if name in TEXTS.values() else column.astype(str)
    return columns


def _number(value: Any) -> float:
    """A number of the database; NaN for what is none, which the masks then say."""
    try:
        return float(value)
    except (TypeError, ValueError):
        return float("nan")


def read_tags(path: Path, tags: str) -> dict[str, tuple[str, ...]]:
    """Artist id → tags, in the file's order, each once."""
    table, column = TAG_TABLES[tags]
    found: dict[str, dict[str, None]] = {}
    with _opened(path) as connection:
        _check_columns(connection, path, table, ("artist_id", column))
        for artist, tag in connection.execute(f"SELECT artist_id, {column} FROM {table} ORDER BY rowid"):
            if artist and tag and (name := unicodedata.normalize("NFC", str(tag).strip())):
                found.setdefault(artist, {})[name] = None
    if not found:
        other = next(name for name in TAG_TABLES if name != tags)
        raise ValueError(f"{path}: table {table} is empty; try tags={other!r}")
    return {artist: tuple(sorted(given)) for artist, given in found.items()}


@contextmanager
def _opened(path: Path) -> Iterator[sqlite3.Connection]:
    """A database opened to read; SQLite's errors become ones that name the file and the fix."""
    import sqlite3

    _check_length(path)
    connection = None
    try:
        connection = sqlite3.connect(f"file:{quote(str(path.resolve()))}?mode=ro", uri=True, timeout=2)
        yield connection
    except sqlite3.DatabaseError as error:
        fix = "close the program that writes to it, or read a copy" if "locked" in str(error) else "download it again"
        raise ValueError(f"{path} cannot be read: {error}; {fix}") from error
    finally:
        if connection is not None:
            connection.close()


def _check_length(path: Path) -> None:
    """Refuse a database that is shorter than its header says: SQLite reads the rest as empty where it can."""
    with path.open("rb") as file:
        header = file.read(32)
    if len(header) < 32 or not header.startswith(b"SQLite format 3\0"):
        return  # SQLite says what it is
    size = int.from_bytes(header[16:18], "big")
    expected = (65536 if size == 1 else size) * int.from_bytes(header[28:32], "big")
    if path.stat().st_size < expected:
        raise ValueError(
            f"{path} cannot be read: it is truncated to {path.stat().st_size:,} of {expected:,} bytes; "
            "download it again"
        )


def _check_columns(connection: sqlite3.Connection, path: Path, table: str, needed: tuple[str, ...]) -> None:
    has = [row[1] for row in connection.execute(f"PRAGMA table_info({table})")]
    if not has:
        tables = [row[0] for row in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
        raise ValueError(f"{path} has no table {table}, only {', '.join(tables) or 'none'}: take the official file")
    if lacking := [name for name in needed if name not in has]:
        raise ValueError(f"{path}: table {table} has no column {', '.join(lacking)}: take the official file")


def read_genres(path: Path, counts: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """(track, majority genre) of each line; malformed lines are counted."""
    bad = _Malformed()
    for number, line in enumerate(path.read_text(encoding="utf-8-sig", errors="replace").splitlines(), 1):
        if line.startswith("#") or not line.strip():
            continue
        fields = line.split("\t")
        if len(fields) < 2 or not fields[1].strip():
            bad.add(path, number)
            continue
        yield fields[0].strip(), fields[1].strip()
    counts |= bad.report("genre lines")


def read_mismatches(path: Path, counts: dict[str, Any]) -> set[tuple[str, str]]:
    """(song, track) pairs that the data set's authors found to be wrong; lines read `ERROR: <SO… TR…> …`."""
    if not path.is_file():
        return set()
    found = set()
    for line in path.read_text(encoding="utf-8-sig", errors="replace").splitlines():
        pair = line.partition("<")[2].partition(">")[0].split()
        if len(pair) == 2:
            found.add((pair[0], pair[1]))
    counts["mismatched pairs of song and track"] = len(found)
    return found


def empty(shape: tuple[int, int]) -> csr_array:
    """A sparse array without entries."""
    return _sparse(array("f"), array("i"), array("i"), shape)


def _sparse(values: array[float], rows: array[int], columns: array[int], shape: tuple[int, int]) -> csr_array:
    from scipy.sparse import coo_array

    data = np.frombuffer(values, np.float32) if len(values) else np.empty(0, np.float32)
    place = tuple(np.frombuffer(x, np.int32) if len(x) else np.empty(0, np.int32) for x in (rows, columns))
    return coo_array((data, place), shape).tocsr()
