"""The Million Song Dataset and its companions, in their official files, joined by track and by song.

Sources: Bertin-Mahieux, Ellis, Whitman and Lamere (2011), "The Million Song Dataset", with the musiXmatch bags of words
and the Echo Nest Taste Profile; Schreiber (2015), "Improving Genre Annotations for the Million Song Dataset".
"""

from __future__ import annotations

import re
import sqlite3
from array import array
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from jaxmusic.data.dataset import Dataset

if TYPE_CHECKING:
    from scipy.sparse import csr_array

__all__ = ["TAG_TABLES", "MillionSong", "million_song", "read_plays"]

# Which table of artist_term.db the tags come from, and its column.
TAG_TABLES = {"mbtags": ("artist_mbtag", "mbtag"), "terms": ("artist_term", "term")}
_COLUMNS = (
    "track_id", "title", "song_id", "release", "artist_id", "artist_name", "duration", "artist_familiarity",
    "artist_hotttnesss", "year",
)  # fmt: skip
_WORDS = ("mxm_dataset_train.txt", "mxm_dataset_test.txt")
_NAMED_LINES = 3


class MillionSong(NamedTuple):
    """Songs with everything that the files know of them.

    Attributes:
        songs: a `Dataset`: modalities `title`, `album`, `artist` (object `[n]` of str), `duration` (s), `hotness`,
            `familiarity` (float64 `[n]`), `year` (int `[n]`); masks of the same names, and `lyrics`, where there is a
            bag of words. Labels `genre` (tagtraum's, "" unknown) and `artist_id`. Groups are the artists. The ids are
            track ids, one track for each song.
        tags: for each song the tags of its artist, sorted.
        words: `[n, vocabulary]` int, how often each word occurs in a song's lyrics.
        vocabulary: the words, stemmed.
        plays: `[users, n]` int, who played which song how often.
        users: `[users]` str.
    """

    songs: Dataset
    tags: list[tuple[str, ...]]
    words: csr_array
    vocabulary: list[str]
    plays: csr_array
    users: list[str]


def million_song(folder: str | Path, *, tags: str = "mbtags", tagged_only: bool = True) -> MillionSong:
    """Read and join the official files in a folder.

    Needed are `track_metadata.db` and `artist_term.db`. Where they are there, `mxm_dataset_train.txt` and
    `mxm_dataset_test.txt` give the words, `train_triplets.txt` the plays (read line by line: 48 million take no more
    memory than the plays that are kept), `msd_tagtraum_cd1.cls` the genres, and `sid_mismatches.txt` the tracks whose
    plays are not theirs. A song that has several tracks keeps the first.

    Args:
        folder: holds the files.
        tags: `"mbtags"` (MusicBrainz) or `"terms"` (The Echo Nest). Both are the artist's, not the song's.
        tagged_only: leave out songs whose artist has no tag.

    Returns:
        `MillionSong`; `songs.source["counts"]` says what was joined, dropped and malformed, and where.

    Raises:
        FileNotFoundError: no such folder, or a database that is missing.
        ValueError: a database that is locked, cut short, or without a table or a column; words without their list;
            no song with a tag.
    """
    folder = Path(folder).expanduser()
    if tags not in TAG_TABLES:
        raise ValueError(f"tags {tags!r} is none of {sorted(TAG_TABLES)}")
    counts: dict[str, Any] = {}
    rows = _read_songs(folder / "track_metadata.db")
    counts["tracks"] = len(rows)
    of_artist = _read_tags(folder / "artist_term.db", *TAG_TABLES[tags])
    first = {row[2]: row for row in reversed(rows)}
    counts["further tracks of a song, left out"] = len(rows) - len(first)
    kept = sorted(row for row in first.values() if of_artist.get(row[4]) or not tagged_only)
    counts["songs with a tag"] = sum(bool(of_artist.get(row[4])) for row in kept)
    if not counts["songs with a tag"]:
        raise ValueError(f"{folder}: no song's artist has a tag in {TAG_TABLES[tags][0]} of artist_term.db")
    track_row = {row[0]: i for i, row in enumerate(kept)}
    song_row = {row[2]: i for i, row in enumerate(kept)}
    vocabulary, words = _read_words(folder, track_row, counts)
    if (path := folder / "sid_mismatches.txt").exists():
        wrong = _mismatched(path) & set(song_row)
        counts["songs whose plays belong to another track"] = len(wrong)
        song_row = {song: i for song, i in song_row.items() if song not in wrong}
    if (path := folder / "train_triplets.txt").exists():
        users, plays, found = read_plays(path, song_row, len(kept))
        counts |= found
    else:
        users, plays = [], _sparse([], [], [], (0, len(kept)))
        counts["plays"] = "no train_triplets.txt"
    genres = _read_genres(folder / "msd_tagtraum_cd1.cls", track_row, counts)
    song_tags = [tuple(sorted(of_artist.get(row[4], ()))) for row in kept]
    counts["distinct tags"] = len({tag for found in song_tags for tag in found})
    counts["distinct tag lists"] = len(set(song_tags))
    return MillionSong(
        _dataset(folder, kept, np.diff(words.indptr) > 0, genres, counts), song_tags, words, vocabulary, plays, users
    )


def read_plays(path: Path, song_row: dict[str, int], n_songs: int) -> tuple[list[str], csr_array, dict[str, Any]]:
    """Stream `user<tab>song<tab>count` lines: users, plays `[users, n_songs]`, and counts of what was read.

    Only plays of the songs in `song_row` are kept, 12 bytes each; a line that is malformed or has a count below 1 is
    left out, counted, and the first of them are named.
    """
    users: dict[str, int] = {}
    user_of, song_of, count_of = array("i"), array("i"), array("i")
    bad = _Malformed()
    number = unknown = 0
    with path.open("rb", buffering=1 << 20) as file:
        for number, line in enumerate(file, 1):
            parts = line.split(b"\t")
            if len(parts) != 3:
                bad.add(number, "no three fields")
                continue
            row = song_row.get(parts[1].decode("utf-8", "replace"))
            if row is None:
                unknown += 1
                continue
            try:
                count = int(parts[2])
            except ValueError:
                bad.add(number, "the count is no number")
                continue
            if count < 1:
                bad.add(number, "a count below 1")
                continue
            user_of.append(users.setdefault(parts[0].decode("utf-8", "replace"), len(users)))
            song_of.append(row)
            count_of.append(count)
    plays = _sparse(count_of, user_of, song_of, (len(users), n_songs))
    counts = {
        "lines of plays": number, "of songs that are not kept": unknown, "plays": int(plays.nnz), "users": len(users),
        **bad.counts("lines of plays"),
    }  # fmt: skip
    return list(users), plays, counts


class _Malformed:
    """Counts lines that cannot be used, and remembers the first."""

    def __init__(self) -> None:
        self.count, self.first = 0, list[str]()

    def add(self, number: int, why: str) -> None:
        self.count += 1
        if len(self.first) < _NAMED_LINES:
            self.first.append(f"line {number}: {why}")

    def counts(self, what: str) -> dict[str, Any]:
        return {f"malformed {what}": self.count, f"first malformed {what}": self.first} if self.count else {}


def _query(path: Path, read: Callable[[sqlite3.Connection], list[Any]]) -> list[Any]:
    """What `read` finds in a database, opened for reading only; errors name the file."""
    if not path.is_file():
        raise FileNotFoundError(f"{path} is missing: it is one of the Million Song Dataset's additional files")
    connection = sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro", uri=True, timeout=5)
    try:
        return read(connection)
    except sqlite3.OperationalError as error:
        if "locked" in str(error):
            raise ValueError(f"{path} is locked by another program: close that, or copy the file") from error
        raise ValueError(f"{path} has not the official layout: {error}") from error
    except sqlite3.DatabaseError as error:
        raise ValueError(f"{path} is no SQLite database, or one that was cut short: {error}") from error
    finally:
        connection.close()


def _read_songs(path: Path) -> list[tuple[Any, ...]]:
    return sorted(
        _query(path, lambda database: database.execute(f"SELECT {', '.join(_COLUMNS)} FROM songs").fetchall())
    )


def _read_tags(path: Path, table: str, column: str) -> dict[str, set[str]]:
    query, found = f"SELECT artist_id, {column} FROM {table}", dict[str, set[str]]()
    for artist, tag in _query(path, lambda database: database.execute(query).fetchall()):
        found.setdefault(artist, set()).add(tag)
    return found


def _lines(path: Path) -> Iterator[tuple[int, str]]:
    with path.open(encoding="utf-8", errors="replace") as file:
        for number, line in enumerate(file, 1):
            if not line.startswith("#"):
                yield number, line.rstrip("\r\n")


def _read_words(folder: Path, track_row: dict[str, int], counts: dict[str, Any]) -> tuple[list[str], csr_array]:
    """The list of words and `[songs, words]` counts, of both parts of the musiXmatch files that are there."""
    vocabulary: list[str] = []
    values, rows, columns = array("i"), array("i"), array("i")
    bad, read, used = _Malformed(), 0, 0
    for path in (folder / name for name in _WORDS):
        if not path.exists():
            continue
        own: list[str] = []
        for number, line in _lines(path):
            if line.startswith("%"):
                own = line[1:].split(",")
                if vocabulary and own != vocabulary:
                    raise ValueError(f"{path}: its words are not those of {_WORDS[0]}")
                vocabulary = own
                continue
            if not own:
                raise ValueError(f"{path}: line {number} comes before the list of words (a line that starts with %)")
            read += 1
            track, _, bag = line.partition(",")
            row = track_row.get(track)
            try:
                pairs = [tuple(map(int, pair.split(":"))) for pair in bag.split(",")[1:]]
                if not pairs or any(len(p) != 2 or not 1 <= p[0] <= len(own) or p[1] < 1 for p in pairs):
                    raise ValueError
            except ValueError:
                bad.add(number, "no track,id,word:count,…")
                continue
            if row is None:
                continue
            used += 1
            for word, count in pairs:
                rows.append(row)
                columns.append(word - 1)
                values.append(count)
    counts["bags of words"], counts["bags of words of these songs"] = read, used
    counts |= bad.counts("bags of words")
    return vocabulary, _sparse(values, rows, columns, (len(track_row), len(vocabulary)))


def _read_genres(path: Path, track_row: dict[str, int], counts: dict[str, Any]) -> np.ndarray:
    genres = np.full(len(track_row), "", dtype=object)
    if path.exists():
        for _, line in _lines(path):
            track, *found = line.split("\t")
            if found and track in track_row:
                genres[track_row[track]] = found[0]
    counts["songs with tagtraum's genre"] = int((genres != "").sum())
    return genres.astype(str)


def _mismatched(path: Path) -> set[str]:
    """Songs of the lines `ERROR: <song track> …`."""
    return set(re.findall(r"<(SO\w+) TR\w+>", path.read_text(encoding="utf-8", errors="replace")))


def _sparse(values: Any, rows: Any, columns: Any, shape: tuple[int, int]) -> csr_array:
    from scipy.sparse import coo_array

    made = coo_array((np.asarray(values, np.int32), (np.asarray(rows, np.int32), np.asarray(columns, np.int32))), shape)
    made = made.tocsr()
    made.sum_duplicates()
    return made


def _dataset(
    folder: Path, rows: list[tuple[Any, ...]], has_words: np.ndarray, genres: np.ndarray, counts: dict[str, Any]
) -> Dataset:
    columns = dict(zip(_COLUMNS, zip(*rows, strict=True), strict=True))

    def numbers(name: str) -> np.ndarray:
        # A database holds NULL or NaN where a figure is not known.
        values = np.array([np.nan if value is None else value for value in columns[name]], np.float64)
        return np.where(np.isfinite(values), values, 0.0)

    def strings(name: str) -> np.ndarray:
        return np.array([str(value or "") for value in columns[name]], dtype=object)

    modalities: dict[str, np.ndarray] = {
        "title": strings("title"), "album": strings("release"), "artist": strings("artist_name"),
        "duration": numbers("duration"), "hotness": numbers("artist_hotttnesss"),
        "familiarity": numbers("artist_familiarity"), "year": numbers("year").astype(int),
    }  # fmt: skip
    masks = {name: values != ("" if values.dtype == object else 0) for name, values in modalities.items()}
    counts["songs"] = len(rows)
    counts["songs of unknown year"] = int((~masks["year"]).sum())
    artists = strings("artist_id").astype(str)
    return Dataset(
        ids=strings("track_id").astype(str),
        modalities=modalities,
        masks=masks | {"lyrics": has_words},
        labels={"genre": genres, "artist_id": artists},
        groups=artists,
        source={"name": "Million Song Dataset", "path": str(folder), "counts": counts},
    )
