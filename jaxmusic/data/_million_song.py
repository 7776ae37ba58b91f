"""The Million Song Dataset's own files → songs, bags of words and plays, joined by track and by song id."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from jaxtyping import Int

from jaxmusic.data.dataset import Dataset
from jaxmusic.data.million_song_files import (
    NUMBERS,
    TAG_TABLES,
    TEXTS,
    empty,
    read_bags,
    read_genres,
    read_mismatches,
    read_songs,
    read_tags,
    read_triplets,
)

if TYPE_CHECKING:
    from scipy.sparse import csr_array

__all__ = ["MillionSongs", "million_song"]


@dataclass(frozen=True)
class MillionSongs:
    """Songs, their bags of words and who played them.

    Attributes:
        songs: ids are track ids. Modalities: `title`, `album`, `artist` (object arrays of str), `tags` (object array of
            tuples of str), `duration` (s), `artist_hotttnesss`, `artist_familiarity`, `year` (float32, 0 with the mask
            off where unknown). `masks` also has `lyrics`, True where the song has a bag of words. Labels: `artist_id`,
            `song_id`, `genre` (tagtraum's majority genre, "" unknown). Groups are the artists.
        words: the bags' words; they are stems.
        bags: `[songs, words]` float32 counts.
        users: `[users]` str.
        plays: `[users, songs]` float32 counts.
    """

    songs: Dataset
    words: np.ndarray
    bags: csr_array
    users: np.ndarray
    plays: csr_array

    def take(self, rows: Int[np.ndarray, " rows"]) -> MillionSongs:
        """The songs at `rows`, with all users.

        Args:
            rows: integer positions, or a bool mask over the songs.

        Returns:
            `MillionSongs` with the columns of `plays` and the rows of `bags` in that order.
        """
        rows = np.asarray(rows)
        rows = np.flatnonzero(rows) if rows.dtype == bool else rows
        return replace(self, songs=self.songs.take(rows), bags=self.bags[rows], plays=self.plays[:, rows].tocsr())


def million_song(folder: str | Path, *, tags: str = "mbtags") -> MillionSongs:
    """Read a folder of the official files.

    `track_metadata.db` is needed; `artist_term.db`, `mxm_dataset_train.txt`, `mxm_dataset_test.txt`,
    `train_triplets.txt`, `msd_tagtraum_cd1.cls` and `sid_mismatches.txt` are read where they are. What each gave, and
    what of it was left out and why, is in `songs.source["counts"]`. Tags belong to the artist, as the files have them.
    Memory grows with what is kept, about 12 bytes a play, and not with the length of the text files.

    Args:
        folder: holds the files.
        tags: `"mbtags"` (MusicBrainz) or `"terms"` (The Echo Nest).

    Returns:
        `MillionSongs`.

    Raises:
        FileNotFoundError: no `track_metadata.db`.
        ValueError: unknown `tags`; a database that is locked, truncated or none, or that lacks a table or a column; a
            table of tags without rows.

    Source: Bertin-Mahieux et al., "The Million Song Dataset" (ISMIR 2011); the Echo Nest Taste Profile; musiXmatch;
    genres by Schreiber (ISMIR 2015).
    """
    if tags not in TAG_TABLES:
        raise ValueError(f"tags={tags!r} is none of {sorted(TAG_TABLES)}")
    folder = Path(folder).expanduser()
    main = folder / "track_metadata.db"
    if not main.is_file():
        raise FileNotFoundError(f"{folder} holds no track_metadata.db: give the folder of the Million Song files")
    columns = read_songs(main)
    tracks, artists = columns["track_id"], columns["artist_id"]
    n = len(tracks)
    row_of_track = {str(track): row for row, track in enumerate(tracks)}
    counts: dict[str, Any] = {"songs": n, "artists": len(set(artists) - {""})}
    missing = []
    by_artist: dict[str, tuple[str, ...]] = {}
    if (path := folder / "artist_term.db").is_file():
        by_artist = read_tags(path, tags)
    else:
        missing.append(path.name)
    given = np.empty(n, object)
    given[:] = [by_artist.get(artist, ()) for artist in artists]
    genre = np.full(n, "", object)
    if (path := folder / "msd_tagtraum_cd1.cls").is_file():
        for track, value in read_genres(path, counts):
            if track in row_of_track:
                genre[row_of_track[track]] = value
    else:
        missing.append(path.name)
    words, bags, has_bag = read_bags(
        [path for part in ("train", "test") if (path := folder / f"mxm_dataset_{part}.txt").is_file()],
        row_of_track,
        counts,
    )
    if not len(words):
        missing.append("mxm_dataset_train.txt")
    mismatched = read_mismatches(folder / "sid_mismatches.txt", counts)
    row_of_song: dict[bytes, int] = {}
    for row, (song, track) in enumerate(zip(columns["song_id"], tracks, strict=True)):
        # Some songs have several tracks; their plays go to the first.
        if (song, track) not in mismatched and song:
            row_of_song.setdefault(song.encode(), row)
    counts["tracks that share another's song id"] = n - len(set(columns["song_id"]))
    users, plays = np.empty(0, "U40"), empty((0, n))
    if (path := folder / "train_triplets.txt").is_file():
        users, plays = read_triplets(path, row_of_song, n, counts)
    else:
        missing.append(path.name)
    has_tags = np.array([bool(t) for t in given], bool)
    played = np.asarray(plays.sum(axis=0)).ravel() > 0
    counts |= {
        "songs with tags": int(has_tags.sum()),
        "distinct tags": len({tag for t in by_artist.values() for tag in t}),
        "distinct tag lists": len(set(given[has_tags])),
        "songs with bag of words": int(has_bag.sum()),
        "songs with genre": int((genre != "").sum()),
        "songs with tags and bag of words": int((has_tags & has_bag).sum()),
        "songs with plays": int(played.sum()),
        "songs with plays and tags": int((played & has_tags).sum()),
        "users": len(users),
        "plays on songs with tags": int((plays[:, has_tags]).nnz),
    }
    numbers = {name: columns[name].astype(np.float32) for name in NUMBERS}
    known = {name: np.isfinite(values) & (values > 0) for name, values in numbers.items()}
    source = {"name": "Million Song Dataset", "path": str(folder), "tags": tags, "counts": counts}
    if missing:
        source["missing files"] = missing
    songs = Dataset(
        ids=tracks,
        modalities={
            **{name: columns[column] for name, column in TEXTS.items()},
            **{name: np.where(known[name], values, 0).astype(np.float32) for name, values in numbers.items()},
            "tags": given,
        },
        masks={
            **{name: np.array([bool(text) for text in columns[column]], bool) for name, column in TEXTS.items()},
            **known,
            "tags": has_tags,
            "lyrics": has_bag,
        },
        labels={"artist_id": artists, "song_id": columns["song_id"], "genre": genre.astype(str)},
        groups=artists,
        source=source,
    )
    return MillionSongs(songs, words, bags, users, plays)
