"""A library of music as it lies on a disk: nested folders, nine formats, tags, lyrics in five places, oddities."""

import os
import shutil
import subprocess
import unicodedata
from pathlib import Path
from typing import NamedTuple

import jax
import numpy as np
import pytest
import soundfile

from jaxmusic import data

SR = 22_050
FORMATS = ("wav", "flac", "ogg", "mp3", "aiff", "opus", "m4a", "wma", "wv")


class Library(NamedTuple):
    folder: Path
    ids: list[str]
    lyrics: dict[str, str]
    titles: dict[str, str]


def write_library(folder: Path, n: int = 18, *, seconds: float = 2.0) -> Library:
    """`n` recordings of the embedded corpus as `Artist/Album/01 - Title.ext`; skips where ffmpeg or mutagen lack."""
    if shutil.which("ffmpeg") is None:
        pytest.skip("ffmpeg is not installed: apt-get install ffmpeg")
    pytest.importorskip("mutagen")
    corpus = data.draw_corpus(jax.random.key(0), n, n_listeners=0)
    waves = np.asarray(data.render_corpus(corpus, duration=seconds, sample_rate=SR))
    ids, lyrics, titles = [], {}, {}
    for row, (y, words) in enumerate(zip(waves, corpus.lyrics, strict=True)):
        artist, album, title = f"Ártist {row % 6}", f"Album {row // 6}", f"Söng {row}"
        ending = FORMATS[row % len(FORMATS)]
        name = f"{artist}/{album}/{row:02} - {title}.{ending}"
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        _write(path, np.asarray(y, np.float32))
        tags = {"title": title, "artist": artist, "album": album, "year": "2001", "genre": f"genre {row % 3}"}
        place = row % 5
        _tag(path, tags, str(words) if place < 3 else "")
        if place == 3:
            times = "\n".join(f"[00:{i:02}.50]{line}" for i, line in enumerate(str(words).splitlines()))
            path.with_suffix(".lrc").write_text(f"[ar:{artist}]\n{times}", encoding="utf-8")
        elif place == 4:
            path.with_suffix(".txt").write_text(str(words), encoding="utf-8")
        ids.append(name)
        lyrics[name], titles[name] = " ".join(str(words).split()), title
    return Library(folder, sorted(ids), lyrics, titles)


def add_oddities(library: Library, outside: Path) -> None:
    """What lies about in a library and is no clip, or no new one."""
    folder = library.folder
    first, second = library.ids[0], library.ids[1]
    (folder / "cover.jpg").write_bytes(b"\xff\xd8")
    (folder / "album.cue").write_text('FILE "x.wav" WAVE')
    (folder / "._01.mp3").write_bytes(b"mac")
    (folder / ".hidden").mkdir()
    (folder / ".hidden" / "a.wav").write_bytes(b"")
    (folder / "song.mid").write_bytes(b"MThd")
    (folder / "broken.mp3").write_bytes(b"no sound at all")
    (folder / "again.ogg").symlink_to(folder / first)
    (folder / "loop").symlink_to(folder)
    (folder / "nowhere.wav").symlink_to(folder / "nowhere at all.wav")
    outside.mkdir()
    shutil.copy(folder / second, outside / "private.wav")
    (folder / "outside").symlink_to(outside)
    os.mkfifo(folder / "pipe.wav")
    for form in ("NFC", "NFD"):
        soundfile.write(folder / f"{unicodedata.normalize(form, 'é')}.wav", np.sin(np.arange(2 * SR) / 9) * 0.3, SR)


def _write(path: Path, y: np.ndarray) -> None:
    if path.suffix in (".wav", ".flac", ".ogg", ".mp3", ".aiff"):
        soundfile.write(path, y, SR)
        return
    command = ["ffmpeg", "-v", "error", "-f", "f32le", "-ar", str(SR), "-i", "-", "-y", str(path)]
    subprocess.run(command, input=y.tobytes(), check=True)


def _tag(path: Path, tags: dict[str, str], lyrics: str) -> None:
    import mutagen
    from mutagen.id3 import SYLT, TALB, TCON, TDRC, TIT2, TPE1, USLT

    file = mutagen.File(path)
    if path.suffix in (".wav", ".mp3", ".aiff"):
        if file.tags is None:
            file.add_tags()
        frames = {"title": TIT2, "artist": TPE1, "album": TALB, "genre": TCON, "year": TDRC}
        for name, value in tags.items():
            file.tags.add(frames[name](encoding=3, text=value))
        if lyrics and path.suffix == ".mp3":
            lines = [(line, 1000 * i) for i, line in enumerate(lyrics.splitlines())]
            file.tags.add(SYLT(encoding=3, lang="eng", format=2, type=1, desc="", text=lines))
        elif lyrics:
            file.tags.add(USLT(encoding=3, lang="eng", desc="", text=lyrics))
    else:
        mp4 = {"title": "©nam", "artist": "©ART", "album": "©alb", "genre": "©gen", "year": "©day", "lyrics": "©lyr"}
        asf = {
            "title": "Title",
            "artist": "Author",
            "album": "WM/AlbumTitle",
            "genre": "WM/Genre",
            "year": "WM/Year",
            "lyrics": "WM/Lyrics",
        }
        other = {name: name for name in mp4} | {"year": "date"}
        names = {".m4a": mp4, ".wma": asf}.get(path.suffix, other)
        if file.tags is None:
            file.add_tags()
        for name, value in [*tags.items(), *([("lyrics", lyrics)] if lyrics else [])]:
            file[names[name]] = value
    file.save()
