"""A tree of music → what the files' tags and the texts beside them say, in the order of the clips."""

from __future__ import annotations

import unicodedata
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from jaxmusic.data.tags import TAG_COLUMNS, lyrics_beside, read_tags

# A folder of more files is no album.
_LARGEST_ALBUM = 40
# An album artist that is none: the artists of such albums have nothing in common.
_VARIOUS = {"various", "various artists", "va", "v.a.", "verschiedene interpreten", "artistes divers"}


def read_library(files: Mapping[str, Path]) -> tuple[dict[str, dict[str, str]], dict[str, str], list[str]]:
    """The tags and lyrics of music files.

    Args:
        files: id → file.

    Returns:
        Tags of each file by column, `TAG_COLUMNS`; lyrics of those that have some, embedded or else beside them;
        notes with counts of what could not be read.
    """
    from joblib import Parallel, delayed

    found = Parallel(n_jobs=-1, prefer="threads")(delayed(_read_one)(path) for path in files.values())
    tags: dict[str, dict[str, str]] = {}
    lyrics: dict[str, str] = {}
    problems = Counter[str]()
    first: dict[str, str] = {}
    for name, (own, words, reasons) in zip(files, found, strict=True):
        tags[name] = own
        if words:
            lyrics[name] = words
        for kind, reason in reasons:
            problems[kind] += 1
            first.setdefault(kind, f"{name}: {reason}")
    notes = [f"{count} files have {kind} that can't be read, such as {first[kind]}" for kind, count in problems.items()]
    return tags, lyrics, notes


def library_labels(ids: Sequence[str], tags: Mapping[str, Mapping[str, str]]) -> dict[str, np.ndarray]:
    """Each column of the tags that any clip has, as `[n]` str, "" where one has none."""
    columns = {
        column: np.array([tags.get(name, {}).get(column, "") for name in ids], dtype=str) for column in TAG_COLUMNS
    }
    return {column: values for column, values in columns.items() if (values != "").any()}


def library_groups(ids: Sequence[str], labels: Mapping[str, np.ndarray]) -> np.ndarray:
    """Which clips belong together: `[n]` str, one artist's and one album's.

    A clip belongs to its album artist, or to its artist where the album has none or several; where neither is known,
    to its folder, as albums lie on the disk. "" marks a clip that belongs to none.
    """
    nothing = np.full(len(ids), "")
    folders = [name.rpartition("/")[0] for name in ids]
    sizes = Counter(folders)
    groups = []
    artists = zip(labels.get("album_artist", nothing), labels.get("artist", nothing), strict=True)
    for folder, (main, artist) in zip(folders, artists, strict=True):
        owner = str(artist if main.casefold() in _VARIOUS or not main else main)
        is_album = folder and sizes[folder] <= _LARGEST_ALBUM
        groups.append(f"artist {owner.casefold()}" if owner else f"folder {folder}" if is_album else "")
    return np.array(groups)


def _read_one(path: Path) -> tuple[dict[str, str], str, list[tuple[str, str]]]:
    """Tags, lyrics, and (what, why) of what could not be read."""
    reasons = []
    try:
        tags = read_tags(path)
    except (ValueError, OSError) as error:
        tags = {}
        reasons.append(("tags", str(error)))
    lyrics = tags.pop("lyrics", "")
    if not lyrics:
        try:
            lyrics = lyrics_beside(path)
        except (ValueError, OSError) as error:
            reasons.append(("lyrics beside them", str(error)))
    return {k: unicodedata.normalize("NFC", v) for k, v in tags.items()}, unicodedata.normalize("NFC", lyrics), reasons
