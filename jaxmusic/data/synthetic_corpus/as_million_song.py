"""The embedded corpus → a folder of files in the Million Song Dataset's formats."""

from __future__ import annotations

import hashlib
import math
import sqlite3
from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np
from jaxtyping import PRNGKeyArray

from jaxmusic.data.synthetic_corpus.corpus import Corpus, draw_corpus
from jaxmusic.text import words

__all__ = ["write_million_song"]

_SONGS = (
    "CREATE TABLE songs (track_id text PRIMARY KEY, title text, song_id text, release text, artist_id text, "
    "artist_mbid text, artist_name text, duration real, artist_familiarity real, artist_hotttnesss real, year int, "
    "track_7digitalid int, shs_perf int, shs_work int)"
)
_WITHOUT_LYRICS = 5  # every fifth song has no bag of words, as most official tracks have none
_IN_TEST_FILE = 10  # every tenth bag lies in the test file
_WORDS = 5000
_TAG_SHARE = 0.3  # of an artist's songs that a tag must have been given to
_FILES = (
    "track_metadata.db",
    "artist_term.db",
    "mxm_dataset_train.txt",
    "mxm_dataset_test.txt",
    "train_triplets.txt",
    "msd_tagtraum_cd1.cls",
)


def write_million_song(key: PRNGKeyArray, n_songs: int, folder: str | Path, *, n_listeners: int | None = None) -> Path:
    """Write songs of the embedded corpus as the official files that `million_song` reads.

    Tags become the artist's, as in the official files: those that enough of their songs were given. Every fifth song
    has no bag of words. The class file names the corpus's true genre, which nothing else does.

    Args:
        key: a jax random key; the same key gives the same files.
        n_songs: number of songs.
        folder: made where missing; files of the same names are replaced.
        n_listeners: by default two for each song.

    Returns:
        The folder.
    """
    corpus = draw_corpus(key, n_songs, n_listeners=n_listeners)
    folder = Path(folder).expanduser()
    folder.mkdir(parents=True, exist_ok=True)
    for name in _FILES:
        (folder / name).unlink(missing_ok=True)
    tracks = [_identifier("TR", f"{corpus.seed}{name}") for name in corpus.ids]
    songs = {str(name): _identifier("SO", f"{corpus.seed}{name}") for name in corpus.ids}
    artists = [_identifier("AR", f"{corpus.seed}{name}") for name in corpus.metadata["artist"]]
    _write_songs(folder / "track_metadata.db", corpus, tracks, list(songs.values()), artists)
    _write_tags(folder / "artist_term.db", corpus.tags, artists)
    _write_bags(folder, corpus.lyrics, tracks)
    histories = corpus.histories
    _write_lines(
        folder / "train_triplets.txt",
        (
            f"{hashlib.sha1(str(user).encode()).hexdigest()}\t{songs[str(song)]}\t{plays}"
            for user, song, plays in zip(histories["user"], histories["song"], histories["plays"], strict=True)
        ),
    )
    genres = (f"{track}\t{genre}" for track, genre in zip(tracks, corpus.factors["genre"], strict=True))
    _write_lines(folder / "msd_tagtraum_cd1.cls", ["# true genres of the embedded corpus", *genres])
    return folder


def _identifier(prefix: str, name: str) -> str:
    """18 characters, as official ids have; the eighth is not 1, which marks made-up ids."""
    digest = hashlib.sha1(name.encode()).hexdigest().upper()
    return f"{prefix}{''.join(chr(65 + int(c, 16)) for c in digest[:5])}0{digest[5:15]}"


def _write_songs(
    path: Path, corpus: Corpus, tracks: Sequence[str], songs: Sequence[str], artists: Sequence[str]
) -> None:
    table = corpus.metadata
    rows = [
        (
            tracks[i],
            str(table["title"][i]),
            songs[i],
            str(table["album"][i]),
            artists[i],
            "",
            str(table["artist"][i]),
            float(table["duration"][i]),
            math.sqrt(float(table["artist_hotness"][i])),
            float(table["artist_hotness"][i]),
            int(table["year"][i]),
            -1,
            -1,
            0,
        )
        for i in range(len(tracks))
    ]
    connection = sqlite3.connect(path)
    with connection:
        connection.execute(_SONGS)
        connection.executemany(f"INSERT INTO songs VALUES ({', '.join('?' * 14)})", rows)
    connection.close()


def _write_tags(path: Path, tags: Sequence[Sequence[str]], artists: Sequence[str]) -> None:
    n_songs, given = Counter(artists), Counter()  # type: ignore[var-annotated]
    for artist, own in zip(artists, tags, strict=True):
        given.update((artist, tag) for tag in own)
    pairs = sorted(pair for pair, count in given.items() if count >= _TAG_SHARE * n_songs[pair[0]])
    names = sorted({tag for _, tag in pairs})
    connection = sqlite3.connect(path)
    with connection:
        connection.execute("CREATE TABLE artists (artist_id TEXT PRIMARY KEY)")
        connection.executemany("INSERT INTO artists VALUES (?)", [(artist,) for artist in sorted(n_songs)])
        for table, column in (("terms", "term"), ("mbtags", "mbtag")):
            connection.execute(f"CREATE TABLE {table} ({column} TEXT PRIMARY KEY)")
            connection.executemany(f"INSERT INTO {table} VALUES (?)", [(name,) for name in names])
            connection.execute(f"CREATE TABLE artist_{column} (artist_id TEXT, {column} TEXT)")
            connection.executemany(f"INSERT INTO artist_{column} VALUES (?, ?)", pairs)
    connection.close()


def _write_bags(folder: Path, lyrics: np.ndarray, tracks: Sequence[str]) -> None:
    bags = {track: Counter(words(str(text))) for track, text in zip(tracks, lyrics, strict=True)}
    totals: Counter[str] = sum(bags.values(), Counter())
    vocabulary = sorted(totals, key=lambda word: (-totals[word], word))[:_WORDS]
    place = {word: i for i, word in enumerate(vocabulary, 1)}
    lines: dict[str, list[str]] = {"train": [], "test": []}
    for number, track in enumerate(t for i, t in enumerate(tracks) if i % _WITHOUT_LYRICS):
        found = sorted((place[word], count) for word, count in bags[track].items() if word in place)
        part = "train" if number % _IN_TEST_FILE else "test"
        lines[part].append(f"{track},0,{','.join(f'{i}:{count}' for i, count in found)}")
    for part, own in lines.items():
        head = ["# bags of words of the embedded corpus", f"%{','.join(vocabulary)}"]
        _write_lines(folder / f"mxm_dataset_{part}.txt", [*head, *own])


def _write_lines(path: Path, lines: Iterable[str]) -> None:
    with path.open("w", encoding="utf-8") as file:
        file.writelines(f"{line}\n" for line in lines)
