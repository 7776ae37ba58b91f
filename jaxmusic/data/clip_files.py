"""Which files of a folder are clips: `mels/`, `audio/`, or a library of music in any subfolders."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

from jaxmusic.audio.tree import music_tree, named, sound_suffixes


class Media(NamedTuple):
    """The files of a folder that are clips.

    Attributes:
        layout: `"mels"` or `"audio"`, what they hold.
        files: id → file.
        is_library: whether they lie in any subfolders, with their tags.
        notes: what was left out.
    """

    layout: str
    files: dict[str, Path]
    is_library: bool
    notes: list[str]


def files_by_id(folder: Path, suffixes: Iterable[str], notes: list[str] | None = None) -> dict[str, Path]:
    """id → file, for the files of a folder with one of the suffixes; hidden files don't count.

    Of several files of one id the first is taken, and the others are noted.
    """
    found: dict[str, Path] = {}
    paths = sorted(folder.iterdir()) if folder.is_dir() else []
    twice = []
    for path in paths:
        if path.suffix.lower() in suffixes and not path.name.startswith(".") and path.is_file():
            # Some file systems hand names back decomposed; tables are composed.
            name = unicodedata.normalize("NFC", path.stem)
            if name in found:
                twice.append(f"{folder.name}/{path.name} ({found[name].name} is read)")
            found.setdefault(name, path)
    if twice and notes is not None:
        notes.append(f"{len(twice)} files are of a clip that another file is of, and not read: {named(twice)}")
    return found


def find_media(folder: Path, dropped: list[dict[str, str]], *, follow_links: bool = False) -> Media:
    """Which files of a folder are its clips, by their names alone; `dropped` takes those beside them.

    Raises:
        FileNotFoundError: there is no such folder, or no sound in it.
    """
    if not folder.is_dir():
        raise FileNotFoundError(f"no such folder: {folder}")
    notes: list[str] = []
    suffixes = sound_suffixes()
    mels, audio = files_by_id(folder / "mels", (".npy",), notes), files_by_id(folder / "audio", suffixes, notes)
    if mels:
        if audio:
            unused = len(audio.keys() - mels.keys())
            notes.append(f"mels/ is read and audio/ is not; {unused} of its {len(audio)} files have no mel spectrogram")
        return Media("mels", mels, False, notes)
    if not audio:
        tree = music_tree(folder, follow_links=follow_links)
        if not tree.files:
            raise FileNotFoundError(
                f"{folder} holds no sound: no file in it or its subfolders ends with {', '.join(suffixes)}, and "
                f"there is no mels/<id>.npy{'; '.join(['', *tree.notes])}"
            )
        return Media("audio", tree.files, True, tree.notes)
    for path in sorted((folder / "audio").iterdir()):
        if path.is_file() and not path.name.startswith(".") and path.suffix.lower() not in suffixes:
            dropped.append({"file": f"audio/{path.name}", "why": "not a format of sound that is read here"})
    return Media("audio", audio, False, notes)
