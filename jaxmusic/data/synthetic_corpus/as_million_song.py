"""The embedded corpus → a folder in the official formats of the Million Song Dataset."""

from __future__ import annotations

import re
import sqlite3
from collections import Counter
from pathlib import Path

import numpy as np
from jaxtyping import PRNGKeyArray

from jaxmusic.data.synthetic_corpus.corpus import draw_corpus

__all__ = ["write_million_song"]

_SCHEMA = """
CREATE TABLE songs (track_id text PRIMARY KEY, title text, song_id text, release text, artist_id text,
 artist_mbid text, artist_name text, duration real, artist_familiarity real, artist_hotttnesss real, year int,
 track_7digitalid int, shs_perf int, shs_work int);
"""
_TAG_SCHEMA = """
CREATE TABLE artists (artist_id TEXT PRIMARY KEY);
CREATE TABLE terms (term TEXT PRIMARY KEY);
CREATE TABLE mbtags (mbtag TEXT PRIMARY KEY);
CREATE TABLE artist_term (artist_id TEXT, term TEXT);
CREATE TABLE artist_mbtag (artist_id TEXT, mbtag TEXT);
"""
_VOCABULARY = 5000


def write_million_song(key: PRNGKeyArray, n_songs: int, folder: str | Path, *, n_listeners: int | None = None) -> Path:
    """Write songs of the embedded corpus as the files that `million_song` reads.

    Tags are gathered by artist, as the official ones are; words are bags in order of popularity; tagtraum's genre is
    the song's. What the corpus doesn't have, such as familiarity, is left at 0.

    Args:
        key: a jax random key; the same key gives the same files.
        n_songs: number of songs.
        folder: made where missing.
        n_listeners: users; default: as many as `draw_corpus` draws.

    Returns:
        The folder.
    """
    corpus = draw_corpus(key, n_songs, n_listeners=n_listeners)
    folder = Path(folder).expanduser()
    folder.mkdir(parents=True, exist_ok=True)
    tracks = [f"TREMBED1{i:010d}" for i in range(n_songs)]
    songs = {str(name): f"SOEMBED1{i:010d}" for i, name in enumerate(corpus.ids)}
    artists = {name: f"AREMBED1{i:010d}" for i, name in enumerate(dict.fromkeys(corpus.metadata["artist"]))}
    of_song = [artists[name] for name in corpus.metadata["artist"]]
    rows = [
        (
            tracks[i], str(corpus.metadata["title"][i]), songs[str(corpus.ids[i])], str(corpus.metadata["album"][i]),
            of_song[i], "", str(corpus.metadata["artist"][i]), float(corpus.metadata["duration"][i]), 0.0,
            float(corpus.metadata["artist_hotness"][i]), int(corpus.metadata["year"][i]), -1, -1, 0,
        )
        for i in range(n_songs)
    ]  # fmt: skip
    _write(folder / "track_metadata.db", _SCHEMA, {"songs": rows})
    pairs = sorted({(artist, tag) for artist, tags in zip(of_song, corpus.tags, strict=True) for tag in tags})
    names = [(tag,) for tag in sorted({tag for _, tag in pairs})]
    known = [(artist,) for artist in sorted(set(of_song))]
    tables: dict[str, list[tuple]] = {
        "artists": known,
        "terms": names,
        "mbtags": names,
        "artist_term": pairs,
        "artist_mbtag": pairs,
    }
    _write(folder / "artist_term.db", _TAG_SCHEMA, tables)
    bags = [Counter(re.findall(r"\w+", str(text).lower())) for text in corpus.lyrics]
    total: Counter[str] = sum(bags, Counter())
    vocabulary = [word for word, _ in total.most_common(_VOCABULARY)]
    number = {word: i for i, word in enumerate(vocabulary, 1)}
    lines = ["# embedded corpus, synthetic", "%" + ",".join(vocabulary)]
    for track, bag in zip(tracks, bags, strict=True):
        found = sorted((number[word], count) for word, count in bag.items() if word in number)
        lines.append(",".join([track, "0", *(f"{word}:{count}" for word, count in found)]))
    _text(folder / "mxm_dataset_train.txt", lines)
    played = zip(corpus.histories["user"], corpus.histories["song"], corpus.histories["plays"], strict=True)
    _text(folder / "train_triplets.txt", [f"{user}\t{songs[str(song)]}\t{int(count)}" for user, song, count in played])
    genres = np.asarray(corpus.factors["genre"])
    _text(folder / "msd_tagtraum_cd1.cls", [f"{track}\t{genre}" for track, genre in zip(tracks, genres, strict=True)])
    return folder


def _text(path: Path, lines: list[str]) -> None:
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")


def _write(path: Path, schema: str, tables: dict[str, list[tuple]]) -> None:
    path.unlink(missing_ok=True)
    with sqlite3.connect(path) as database:
        database.executescript(schema)
        for name, rows in tables.items():
            marks = ", ".join("?" * len(rows[0]))
            database.executemany(f"INSERT INTO {name} VALUES ({marks})", rows)
    database.close()
