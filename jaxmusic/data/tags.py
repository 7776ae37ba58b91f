"""What music files say of themselves: title, artist, album and lyrics, whatever the kind of tags."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any

TAG_COLUMNS = ("title", "artist", "album_artist", "album", "genre", "year", "track", "bpm")
"""Columns that `read_tags` fills, beside the lyrics."""
# Column → names in ID3, in MP4, and in Vorbis comments, APEv2 and ASF, which are compared in lower case.
_NAMES: dict[str, tuple[str, ...]] = {
    "title": ("TIT2", "©nam", "title"),
    "artist": ("TPE1", "©ART", "artist", "author"),
    "album_artist": ("TPE2", "aART", "albumartist", "album artist", "album_artist", "wm/albumartist"),
    "album": ("TALB", "©alb", "album", "wm/albumtitle"),
    "genre": ("TCON", "©gen", "genre", "wm/genre"),
    "year": ("TDRC", "TYER", "©day", "date", "year", "wm/year"),
    "track": ("TRCK", "trkn", "tracknumber", "track", "wm/tracknumber"),
    "bpm": ("TBPM", "tmpo", "bpm", "wm/beatsperminute"),
    "lyrics": ("©lyr", "lyrics", "unsyncedlyrics", "unsynced lyrics", "syncedlyrics", "wm/lyrics"),
}
# An array of names is as wide as its longest: one comment in the place of a title would cost every clip as much.
_LONGEST_TAG = 300
_TIME = re.compile(r"[\[<]\d+:\d+(?:[.:]\d+)?[\]>]")
_HEADER = re.compile(r"^\s*\[[A-Za-z#]+:.*\]\s*$", re.MULTILINE)


def read_tags(path: Path) -> dict[str, str]:
    """The tags of a music file.

    Args:
        path: the file, of any format that mutagen knows.

    Returns:
        Values by column, those of `TAG_COLUMNS` and `"lyrics"`, only such as there are. Several artists or genres
        are joined by "; "; `year` has four digits, `track` and `bpm` are whole numbers, names end after 300
        characters; times are cut from lyrics.

    Raises:
        ValueError: the tags are damaged; says how.
    """
    import mutagen

    try:
        file = mutagen.File(path)
        if file is not None and file.tags is None and path.suffix.lower() in (".aac", ".ac3"):
            file = None
        tags: Any = (file.tags if file is not None else _id3(path)) or {}
    except (mutagen.MutagenError, ValueError, KeyError, IndexError, OverflowError) as error:
        raise ValueError(f"its tags can't be read: {error}") from error
    texts = {name: values for name, value in tags.items() if (values := _texts(value))}
    both = {**{name.lower(): values for name, values in texts.items()}, **texts}
    found = {}
    for column, names in _NAMES.items():
        values = next((both[name] for name in names if name in both), [])
        if values and (value := _clean(column, values)):
            found[column] = value
    # ID3 keeps lyrics under names that hold their language.
    if "lyrics" not in found and (lyrics := _id3_lyrics(tags)):
        found["lyrics"] = lyrics
    return found


def lyrics_beside(path: Path) -> str:
    """The words of the `.lrc` file, or else the `.txt` file, of the same name beside a music file; "" without one.

    Raises:
        ValueError: neither UTF-8 nor UTF-16; names the file.
    """
    for suffix in (".lrc", ".txt"):
        beside = path.with_suffix(suffix)
        if beside.is_file() and not beside.is_symlink():
            return without_times(_decoded(beside))
    return ""


def without_times(text: str) -> str:
    """Lyrics without the times and headers of the format LRC.

    >>> without_times("[ar: Someone]\\n[00:12.30]Rain <00:13.00>on\\n[00:14.00]\\n[00:15.00][00:40.00]me")
    'Rain on\\nme'
    """
    lines = (_TIME.sub("", line).strip() for line in _HEADER.sub("", text).splitlines())
    return "\n".join(line for line in lines if line)


def _id3(path: Path) -> Any:
    """ID3 before a raw stream, whose format has no tags of its own."""
    from mutagen.id3 import ID3, ID3NoHeaderError

    try:
        return ID3(path)
    except ID3NoHeaderError:
        return None


def _texts(value: Any) -> list[str]:
    """A tag's values as texts; none of a picture or another binary value."""
    if isinstance(value, bytes):
        return []
    if hasattr(value, "text"):  # ID3's text frames
        return _texts(value.text)
    if hasattr(value, "value") and isinstance(value.value, str | int):  # APEv2 and ASF
        return [str(value.value)]
    if isinstance(value, str | int | float):
        return [str(value)]
    if isinstance(value, tuple):  # MP4: number and total
        return [str(value[0])] if value else []
    if isinstance(value, Iterable):
        return [text for entry in value for text in _texts(entry)]
    return [str(value)] if type(value).__name__ == "ID3TimeStamp" else []


def _clean(column: str, values: list[str]) -> str:
    if column == "lyrics":
        return without_times("\n".join(values))
    if column == "year":
        found = re.search(r"\d{4}", values[0])
    elif column in ("track", "bpm"):
        found = re.match(r"\s*0*([1-9]\d*)", values[0])
    else:
        return "; ".join(dict.fromkeys(value.strip() for value in values if value.strip()))[:_LONGEST_TAG]
    return "" if found is None else found[found.re.groups]


def _id3_lyrics(tags: Any) -> str:
    plain = [str(value.text) for name, value in tags.items() if name.startswith("USLT") and hasattr(value, "text")]
    timed = [
        # Pieces may be lines or syllables; a line break says where one ends.
        "".join(text for text, _ in value.text)
        if any("\n" in text for text, _ in value.text)
        else "\n".join(text for text, _ in value.text)
        for name, value in tags.items()
        if name.startswith("SYLT") and hasattr(value, "text")
    ]
    return next((words for text in (*plain, *timed) if (words := without_times(text))), "")


def _decoded(path: Path) -> str:
    content = path.read_bytes()
    encoding = "utf-16" if content[:2] in (b"\xff\xfe", b"\xfe\xff") else "utf-8-sig"
    try:
        return content.decode(encoding)
    except UnicodeDecodeError as error:
        raise ValueError(f"{path.name} is neither UTF-8 nor UTF-16") from error
