"""Which files of a folder and all its subfolders are sound; the one reader of music as it lies on the disk."""

from __future__ import annotations

import os
import unicodedata
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from jaxmusic.audio.foreign import FOREIGN_SUFFIXES, MISSING_DECODER, has_decoder
from jaxmusic.audio.io import AUDIO_SUFFIXES

# Endings of music that holds no recording, or none that may be decoded.
_UNREADABLE = (".mid", ".midi", ".kar", ".mod", ".xm", ".it", ".s3m", ".sid", ".m4p", ".aax")
_MOST_NAMED = 5


class MusicTree(NamedTuple):
    """The sound files below a folder.

    Attributes:
        root: the folder.
        files: id → file, in the order of the ids; an id is the path within the folder, with `/` between and in NFC.
        notes: what was left out or stands out, counted by kind.
    """

    root: Path
    files: dict[str, Path]
    notes: list[str]


def sound_suffixes() -> tuple[str, ...]:
    """Endings of the files that can be read as sound here, in lower case."""
    return AUDIO_SUFFIXES + FOREIGN_SUFFIXES if has_decoder() else AUDIO_SUFFIXES


def music_tree(folder: str | Path, *, follow_links: bool = False) -> MusicTree:
    """Find every sound file below a folder.

    Hidden files and folders, pipes and devices, and all that isn't music (covers, cue sheets, playlists, texts) are
    passed over without a word; so are links to what lies in the folder anyway. Links that lead outside are counted
    and not read.

    Args:
        folder: the folder, which may be a link itself.
        follow_links: read what links lead to, each folder once.

    Returns:
        `MusicTree`; its files are those that can be decoded here, by their endings.

    Raises:
        FileNotFoundError: no such folder.
    """
    root = Path(folder).expanduser()
    if not root.is_dir():
        raise FileNotFoundError(f"no such folder: {root}")
    walk = _Walk(root, follow_links)
    readable, files = set(sound_suffixes()), dict[str, Path]()
    unread, twice = Counter[str](), 0
    for path in walk.files():
        suffix = path.suffix.lower()
        if suffix not in readable:
            unread[suffix] += suffix in FOREIGN_SUFFIXES or suffix in _UNREADABLE
            continue
        name = unicodedata.normalize("NFC", path.relative_to(root).as_posix())
        number, own = 1, name
        while own in files:
            # Two spellings of one name in Unicode: both are played, so both are kept.
            number += 1
            own = f"{name} ({number})"
        twice += number > 1
        files[own] = path
    ordered = dict(sorted(files.items()))
    return MusicTree(root, ordered, [*walk.notes(), *_notes(ordered, unread, twice)])


class _Walk:
    """One pass over a folder."""

    def __init__(self, root: Path, follow_links: bool) -> None:
        self._root, self._follows = root, follow_links
        self._real = root.resolve()
        self._seen = {self._identity(root)}
        self._unreadable: list[str] = []
        self._outside = 0

    def files(self) -> Iterator[Path]:
        """Every file that isn't hidden, depth first, in the order of the names."""
        waiting = [self._root]
        while waiting:
            place = waiting.pop()
            try:
                with os.scandir(place) as listed:
                    entries = sorted(listed, key=lambda entry: entry.name)
            except OSError as error:
                self._unreadable.append(f"{place.relative_to(self._root).as_posix()} ({error.strerror})")
                continue
            folders = []
            for entry in entries:
                if entry.name.startswith("."):
                    continue
                path = Path(entry.path)
                if entry.is_symlink() and not self._leads_on(path):
                    continue
                # `follow_symlinks` is right for what is no link, too: what is left of the links is to be followed.
                if entry.is_dir():
                    if self._is_new(path):
                        folders.append(path)
                elif entry.is_file():
                    yield path
            waiting += reversed(folders)

    def notes(self) -> list[str]:
        notes = []
        if self._unreadable:
            notes.append(f"{len(self._unreadable)} folders cannot be read: {named(self._unreadable)}")
        if self._outside:
            notes.append(f"{self._outside} links lead out of the folder and are not read: --follow-links reads them")
        return notes

    def _leads_on(self, link: Path) -> bool:
        """Whether a link is followed: to another place than those that are walked anyway."""
        try:
            target = link.resolve(strict=True)
        except (OSError, RuntimeError):  # it leads nowhere, or to itself
            return False
        if target.is_relative_to(self._real):
            return False
        if not self._follows:
            self._outside += target.is_dir() or target.suffix.lower() in (*AUDIO_SUFFIXES, *FOREIGN_SUFFIXES)
        return self._follows

    def _is_new(self, folder: Path) -> bool:
        try:
            identity = self._identity(folder)
        except OSError:
            return True  # listing it says why it can't be read
        is_new = identity not in self._seen
        self._seen.add(identity)
        return is_new

    @staticmethod
    def _identity(folder: Path) -> tuple[int, int]:
        found = folder.stat()
        return found.st_dev, found.st_ino


def _notes(files: dict[str, Path], unread: Counter[str], twice: int) -> list[str]:
    notes = []
    lacking = {suffix: count for suffix, count in sorted(unread.items()) if count and suffix in FOREIGN_SUFFIXES}
    if lacking:
        counts = ", ".join(f"{count} {suffix}" for suffix, count in lacking.items())
        notes.append(f"{sum(lacking.values())} files are not read ({counts}): {MISSING_DECODER}")
    silent = {suffix: count for suffix, count in sorted(unread.items()) if count and suffix in _UNREADABLE}
    if silent:
        counts = ", ".join(f"{count} {suffix}" for suffix, count in silent.items())
        notes.append(f"{sum(silent.values())} files hold no recording that can be decoded ({counts})")
    if twice:
        notes.append(f"{twice} files differ from another in the Unicode form of their name alone: all are kept")
    endings: dict[str, set[str]] = {}
    for path in files.values():
        endings.setdefault(str(path.with_suffix("")), set()).add(path.suffix)
    if formats := sum(len(own) > 1 for own in endings.values()):
        notes.append(f"{formats} names are there in more than one format: each file is a clip")
    return notes


def named(names: list[str]) -> str:
    """The first few of many names, for a note."""
    return ", ".join(names[:_MOST_NAMED]) + (", …" if len(names) > _MOST_NAMED else "")
