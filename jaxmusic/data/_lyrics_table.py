"""The 31-column table of lyrics, topics and audio features of songs from 1950 to 2019, `tcc_ceds_music.csv`.

Source: Moura, Fontelles, Sampaio and França, "Music Dataset: Lyrics and Metadata from 1950 to 2019", Mendeley Data,
doi 10.17632/3t9vbwxgr5.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from jaxmusic.data._download import download, is_url
from jaxmusic.data.dataset import Dataset
from jaxmusic.data.tables import read_table

__all__ = ["FEATURES", "GENRE_COUNTS", "LYRICS_TABLE_URL", "lyrics_table"]

LYRICS_TABLE_URL = "https://raw.githubusercontent.com/PhilChodrow/PIC16B/master/datasets/tcc_ceds_music.csv"
"""The address that "Deep Music Genre Classification" (2025) reads: 28,372 songs from 1950 to 2019."""
FILE_NAME = "tcc_ceds_music.csv"
# The document's `engineered_features`, in its order.
FEATURES = (
    "dating", "violence", "world/life", "night/time", "shake the audience", "family/gospel", "romantic",
    "communication", "obscene", "music", "movement/places", "light/visual perceptions", "family/spiritual",
    "like/girls", "sadness", "feelings", "danceability", "loudness", "acousticness", "instrumentalness", "valence",
    "energy",
)  # fmt: skip
COLUMNS = ("", "artist_name", "track_name", "release_date", "genre", "lyrics", "len", *FEATURES, "topic", "age")
# Songs of the complete table: 28,372.
GENRE_COUNTS = {
    "blues": 4604, "country": 5445, "hip hop": 904, "jazz": 3845, "pop": 7042, "reggae": 2498, "rock": 4034
}  # fmt: skip
_SONG = ("artist_name", "track_name", "genre", "lyrics")


def lyrics_table(
    source: str | Path,
    *,
    genres: Sequence[str] | None = None,
    lyrics_only: bool = False,
    cache: Path | None = None,
    progress: bool = True,
) -> Dataset:
    """Songs with lyrics and 22 features, from a file, a folder or the web.

    A row that cannot be used is left out and counted by its reason in `source["dropped"]`: empty lyrics, a genre that
    the table does not know, a feature that is no number or lies outside [0, 1], the only song of its genre.

    Args:
        source: the CSV file, a folder that holds `tcc_ceds_music.csv`, or an address such as `LYRICS_TABLE_URL`, which
            is downloaded once.
        genres: genres to keep; default all seven.
        lyrics_only: read `artist_name`, `track_name`, `genre` and `lyrics` alone, whatever else the file has.
        cache: folder of downloads; default the user's cache folder.
        progress: show a progress bar while downloading.

    Returns:
        A `Dataset`: modalities `"lyrics"` `[n]` str and `"features"` `[n, 22]` float32 in the order of `FEATURES` (the
        latter with its mask off where `lyrics_only`); labels `genre`, `artist`, `song` (artist and title, the same for
        a song that occurs twice) and, in the full form, `topic` and `year`; groups are the songs, so that no song
        lands on both sides of a split (`groups="artist"` keeps artists together). `source["is_complete"]` says whether
        all 28,372 songs with the genres' published counts are there.

    Raises:
        ValueError: a column is missing (named), the file is HTML, is not UTF-8, or holds no usable row.
        OSError: the file cannot be read or downloaded.
    """
    if genres is not None and (unknown := sorted(set(genres) - set(GENRE_COUNTS))):
        raise ValueError(f"genres {unknown} are none of {sorted(GENRE_COUNTS)}")
    columns = _SONG if lyrics_only else COLUMNS[1:]
    if is_url(source):
        path = download(str(source), folder=cache, check=lambda found: _read(found, columns), progress=progress)
    else:
        path = Path(source).expanduser()
        path = path / FILE_NAME if path.is_dir() else path
        if not path.is_file():
            raise FileNotFoundError(f"{path} is no file: give {FILE_NAME}, a folder that holds it, or its web address")
    rows = _read(path, columns)
    kept, dropped, features = _usable(rows, lyrics_only=lyrics_only)
    counts = Counter(row["genre"] for row in kept)
    is_complete = len(rows) == sum(GENRE_COUNTS.values()) and dict(counts) == GENRE_COUNTS
    chosen = [i for i, row in enumerate(kept) if genres is None or row["genre"] in genres]
    if not chosen:
        raise ValueError(f"{path} has no usable song{f' of {list(genres)}' if genres else ''}: {dict(dropped) or rows}")
    return _dataset(
        [kept[i] for i in chosen],
        features[chosen],
        lyrics_only=lyrics_only,
        source={
            "name": "lyrics and metadata 1950 to 2019",
            "path": str(source),
            "is_complete": is_complete,
            "extent": "complete" if is_complete else f"a part: {len(rows):,} of {sum(GENRE_COUNTS.values()):,} songs",
            "counts": {"rows": len(rows), "columns": len(rows[0]), "usable": len(kept), "genres kept": len(chosen)},
            "dropped": dict(dropped),
            "attribution": "Moura et al., Mendeley Data, doi 10.17632/3t9vbwxgr5, CC BY 4.0; words are their owners'",
        },
    )


def _read(path: Path, columns: Sequence[str]) -> list[dict[str, str]]:
    with path.open("rb") as file:
        beginning = file.read(512).lstrip().lower()
    if beginning.startswith((b"<!doctype", b"<html", b"<?xml")):
        raise ValueError(f"{path} is a web page, no table: the address may need a login or have moved")
    if not beginning:
        raise ValueError(f"{path} is empty")
    rows = read_table(path, columns, has_ids=False)
    if not rows:
        raise ValueError(f"{path} has a header and no row")
    return rows


def _usable(rows: list[dict[str, str]], *, lyrics_only: bool) -> tuple[list[dict[str, str]], Counter[str], np.ndarray]:
    kept, dropped, features = [], Counter[str](), []
    for row in rows:
        row["genre"] = row["genre"].strip().lower()
        values = None if lyrics_only else [_number(row[name]) for name in FEATURES]
        if row["genre"] not in GENRE_COUNTS:
            dropped[f"unknown genre {row['genre']!r}"] += 1
        elif not row["lyrics"].strip():
            dropped["empty lyrics"] += 1
        elif values is not None and (bad := [n for n, v in zip(FEATURES, values, strict=True) if not math.isfinite(v)]):
            dropped[f"{bad[0]} is no number"] += 1
        elif values is not None and (out := [n for n, v in zip(FEATURES, values, strict=True) if not 0 <= v <= 1]):
            dropped[f"{out[0]} outside [0, 1]"] += 1
        else:
            kept.append(row)
            features.append([0.0] * len(FEATURES) if values is None else values)
    counts = Counter(row["genre"] for row in kept)
    alone = [i for i, row in enumerate(kept) if counts[row["genre"]] == 1]
    for i in alone:
        dropped[f"the only song of its genre ({kept[i]['genre']})"] += 1
    rest = [i for i in range(len(kept)) if i not in alone]
    array = np.array(features, np.float32).reshape(-1, len(FEATURES))
    return [kept[i] for i in rest], dropped, array[rest]


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return math.nan


def _dataset(
    rows: list[dict[str, str]], features: np.ndarray, *, lyrics_only: bool, source: Mapping[str, Any]
) -> Dataset:
    n = len(rows)
    artist = np.array([row["artist_name"].strip().lower() for row in rows])
    song = np.array([f"{a} – {row['track_name'].strip().lower()}" for a, row in zip(artist, rows, strict=True)])
    labels = {"genre": np.array([row["genre"] for row in rows]), "artist": artist, "song": song}
    if not lyrics_only:
        labels |= {"topic": np.array([row["topic"] for row in rows])}
        labels |= {"year": np.array([row["release_date"].strip() for row in rows])}
    repeated = n - len(np.unique(song))
    return Dataset(
        ids=np.array([f"row_{i:06d}" for i in range(n)]),
        modalities={"lyrics": np.array([row["lyrics"] for row in rows], object), "features": features},
        masks={"lyrics": np.ones(n, bool), "features": np.full(n, not lyrics_only)},
        labels=labels,
        groups=song,
        source={**source, "counts": {**source["counts"], "songs that occur again (kept on one side)": repeated}},
    )
