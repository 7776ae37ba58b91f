"""A folder of music clips with their lyrics and labels → `Dataset`."""

from __future__ import annotations

import re
import unicodedata
import warnings
from collections import Counter
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from jaxmusic.audio import AUDIO_SUFFIXES
from jaxmusic.audio._extract import MAX_DURATION
from jaxmusic.data.dataset import Dataset
from jaxmusic.data.spectrograms import Spectrograms, frames_of, read_audio, read_mels
from jaxmusic.data.tables import clip_of, read_table, read_text

__all__ = ["clips"]

_CREDIT_FILES = re.compile(r"(licen[cs]e|copying|provenance|attribution|credits)(\.\w+)?", re.IGNORECASE)
_CREDIT_LINES = re.compile(
    r"^[-*]?\s*((?:sources?|licen[cs]e)\b.*(?:\n(?![-*#|]|\s*\n).*)*)", re.IGNORECASE | re.MULTILINE
)


def clips(
    folder: str | Path,
    *,
    sr: int = 22_050,
    n_fft: int = 2048,
    hop_length: int = 512,
    n_mels: int = 128,
    duration: float | None = None,
    group_by: str | None = "auto",
    n_jobs: int = -1,
    cache: str | Path | None = None,
    progress: bool = True,
) -> Dataset:
    """Read a folder of clips.

    The folder holds `mels/<id>.npy` (mel spectrograms in dB, `[n_mels, frames]` or `[1, n_mels, frames]`) or
    `audio/<id>.wav` (flac, ogg, mp3); where it has both, `mels/` is read. Lyrics come from `lyrics.csv` (columns
    id, lyrics, and filename where the id isn't the file's name) or else `lyrics/<id>.txt`, labels from
    `labels.csv` (id and any columns); an id may also be the file's name. All are UTF-8, and lyrics and labels may
    be missing. A clip without lyrics (none, or only white space) or without audio (none, or a file that can't be
    read) stays, with that mask off;
    what was dropped is in `source`, with the reason.

    All spectrograms get one length, that of the longest clip within `duration`. Audio of L samples has `1 + L //
    hop_length` frames of music, centred on multiples of the hop, and a stored spectrogram has all of its own;
    `masks["frames"]` marks them. What follows is filled with the clip's own lowest value, and a clip without audio
    with the lowest value of all: silence, which only the mask distinguishes from music.

    Args:
        folder: the folder.
        sr: sampling rate in Hz that audio is converted to.
        n_fft: window length in samples; a clip shorter than one window is skipped and counted.
        hop_length: samples between frames.
        n_mels: mel bands, for audio; stored spectrograms keep theirs.
        duration: seconds kept of each clip, from its start; default: all of the longest, but 30 s at most. Stored
            spectrograms are cropped as if made at `sr` and `hop_length`.
        group_by: column of `labels.csv` that says which clips belong together and so never cross a split; None for
            none. By default `song` where clips share songs, else `artist`, else none.
        n_jobs: audio files decoded at a time; -1 for one per core.
        cache: folder that keeps computed spectrograms for the next call.
        progress: show a progress bar.

    Returns:
        A `Dataset` in the order of its ids (the files' names without suffix): modalities `"audio"`
        `[n, n_mels, frames]` float32 in dB and `"lyrics"` `[n]` str, masks for both and `"frames"`, labels as str.

    Raises:
        FileNotFoundError: if the folder, or both `mels/` and `audio/`, are missing or empty.
        ValueError: if no spectrogram can be read, two have different numbers of bands, two files claim one id, a table
            is malformed or not UTF-8, no row of `labels.csv` is of a clip, or `group_by` names no column.

    Source: the layout of "Hybrid Multimodal Music Clustering via Joint VAE", sections 3.1 and 6.1.
    """
    folder = Path(folder).expanduser()
    if not folder.is_dir():
        raise FileNotFoundError(f"no such folder: {folder}")
    dropped: list[dict[str, str]] = []
    notes: list[str] = []
    layout, files = _media(folder, dropped, notes)
    if layout == "mels":
        seconds = MAX_DURATION if duration is None else duration
        spectrograms = read_mels(files, frames_of(round(seconds * sr), hop_length))
    else:
        spectrograms = read_audio(
            files,
            sr=sr,
            n_fft=n_fft,
            hop_length=hop_length,
            n_mels=n_mels,
            duration=duration,
            n_jobs=n_jobs,
            cache=cache,
            progress=progress,
        )
    if not spectrograms.ids:
        name, why = spectrograms.skipped[0]
        raise ValueError(f"none of {len(files)} files in {folder / layout} can be read; the first is {name}: {why}")
    dropped += ({"file": f"{layout}/{name}", "why": why} for name, why in spectrograms.skipped)
    lyrics = _lyrics(folder, files, dropped, notes)
    if lyrics and not lyrics.keys() & files.keys():
        warnings.warn(f"{folder}: no lyrics are of any clip; do their ids match the file names?", stacklevel=2)
    ids = sorted({*spectrograms.ids, *(name for name, text in lyrics.items() if text)})
    labels, unknown_labels = _labels(folder, ids, notes)
    groups = _group_column(labels, group_by)
    modalities, masks = _assemble(ids, spectrograms, lyrics)
    return Dataset(
        ids=np.array(ids),
        modalities=modalities,
        masks=masks,
        labels=labels,
        groups=None if groups is None else labels[groups],
        source={
            "name": folder.resolve().name,
            "path": str(folder),
            "counts": {
                "clips": len(ids),
                "with_audio": int(masks["audio"].sum()),
                "with_lyrics": int(masks["lyrics"].sum()),
                "with_both": int((masks["audio"] & masks["lyrics"]).sum()),
                "dropped": len(dropped),
                "unknown_labels": unknown_labels,
            },
            "audio": {"from": layout, **spectrograms.description},
            "groups": groups,
            "dropped": dropped,
            "notes": notes,
            "attribution": _attribution(folder, labels),
        },
    )


def files_by_id(folder: Path, suffixes: Iterable[str]) -> dict[str, Path]:
    """id → file, for the files of a folder with one of the suffixes; hidden files don't count."""
    found: dict[str, Path] = {}
    paths = sorted(folder.iterdir()) if folder.is_dir() else []
    for path in paths:
        if path.suffix.lower() in suffixes and not path.name.startswith(".") and path.is_file():
            # Some file systems hand names back decomposed; tables are composed.
            name = unicodedata.normalize("NFC", path.stem)
            if name in found:
                raise ValueError(f"{found[name]} and {path} are both clip {name!r}: keep one")
            found[name] = path
    return found


def _media(folder: Path, dropped: list[dict[str, str]], notes: list[str]) -> tuple[str, dict[str, Path]]:
    """Which layout the folder has, and its files by id."""
    mels, audio = files_by_id(folder / "mels", (".npy",)), files_by_id(folder / "audio", AUDIO_SUFFIXES)
    if mels:
        if audio:
            unused = len(audio.keys() - mels.keys())
            notes.append(f"mels/ is read and audio/ is not; {unused} of its {len(audio)} files have no mel spectrogram")
        return "mels", mels
    if not audio:
        raise FileNotFoundError(
            f"{folder} has neither mels/<id>.npy nor audio/<id> with one of {', '.join(AUDIO_SUFFIXES)}: "
            "put the clips in one of the two folders"
        )
    for path in sorted((folder / "audio").iterdir()):
        if path.is_file() and not path.name.startswith(".") and path.suffix.lower() not in AUDIO_SUFFIXES:
            dropped.append({"file": f"audio/{path.name}", "why": f"not one of {', '.join(AUDIO_SUFFIXES)}"})
    return "audio", audio


def _lyrics(folder: Path, media: Mapping[str, Path], dropped: list[dict[str, str]], notes: list[str]) -> dict[str, str]:
    """id → lyrics, "" where there are only spaces."""
    table, texts = folder / "lyrics.csv", files_by_id(folder / "lyrics", (".txt",))
    lyrics: dict[str, str] = {}
    if table.is_file():
        for row in read_table(table, ("id", "lyrics")):
            # A table may name the clip's file in the place of its id, or number its rows and name the file beside.
            name = clip_of(row["id"], media)
            if name not in media and (by_file := clip_of(row.get("filename", ""), media)) in media:
                name = by_file
            if name in lyrics:
                raise ValueError(f"{table}: two rows hold the lyrics of clip {name!r}; keep one")
            lyrics[name] = row["lyrics"].strip()
        if left := len(texts.keys() - lyrics.keys()):
            notes.append(
                f"lyrics.csv is read and lyrics/ is not; {left} of its {len(texts)} files are not in the table"
            )
    else:
        for name, path in texts.items():
            try:
                lyrics[name] = read_text(path).strip()
            except ValueError as error:
                dropped.append({"file": f"lyrics/{path.name}", "why": str(error)})
        if not texts:
            notes.append("no lyrics.csv and no lyrics/<id>.txt: every clip is without lyrics")
    if empty := sum(not text for text in lyrics.values()):
        notes.append(f"{empty} of {len(lyrics)} lyrics are empty")
    return lyrics


def _labels(folder: Path, ids: list[str], notes: list[str]) -> tuple[dict[str, np.ndarray], int]:
    """Each column of `labels.csv` in the order of the ids, "" where it has no row for one; and its rows of no clip."""
    table = folder / "labels.csv"
    if not table.is_file():
        return {}, 0
    known, rows = set(ids), dict[str, dict[str, str]]()
    for row in read_table(table, ("id",)):
        name = clip_of(row["id"], known)
        if name in rows:
            raise ValueError(f"{table}: two rows hold the labels of clip {name!r}; keep one")
        rows[name] = row
    if rows and not rows.keys() & known:
        # Artists' groups would vanish with them, and songs of one artist stand on both sides of a split.
        raise ValueError(
            f"{table}: none of its {len(rows)} rows is of a clip here: it names {next(iter(rows))!r}, the clips are "
            f"{ids[0]!r} and others; its ids must be the files' names"
        )
    if unknown := sorted(rows.keys() - known):
        notes.append(f"{len(unknown)} rows of labels.csv are of no clip here and ignored, such as {unknown[0]!r}")
    if missing := sum(name not in rows for name in ids):
        notes.append(f"{missing} clips have no row in labels.csv")
    columns = [column for column in next(iter(rows.values()), {}) if column != "id"]
    labels = {
        column: np.array([rows[name][column].strip() if name in rows else "" for name in ids]) for column in columns
    }
    return labels, len(unknown)


def _group_column(labels: Mapping[str, np.ndarray], group_by: str | None) -> str | None:
    """The label that keeps clips together."""
    if group_by != "auto":
        if group_by is not None and group_by not in labels:
            raise ValueError(f"group_by={group_by!r} is no column of labels.csv: {sorted(labels)}")
        return group_by
    songs = Counter(song for song in labels.get("song", ()) if song)
    if songs and max(songs.values()) > 1:
        return "song"
    return "artist" if "artist" in labels else None


def _assemble(
    ids: list[str], spectrograms: Spectrograms, lyrics: Mapping[str, str]
) -> tuple[dict[str, np.ndarray], dict[str, np.ndarray]]:
    """Modalities and masks in the order of the ids."""
    row_of = {name: row for row, name in enumerate(spectrograms.ids)}
    rows = np.array([row_of.get(name, -1) for name in ids])
    has_audio = rows >= 0
    if np.array_equal(rows, np.arange(len(spectrograms.ids))):
        audio = spectrograms.values  # in order already: no second copy of what may be gigabytes
    else:
        audio = np.full((len(ids), *spectrograms.values.shape[1:]), spectrograms.values.min(), np.float32)
        audio[has_audio] = spectrograms.values[rows[has_audio]]
    lengths = np.where(has_audio, np.asarray(spectrograms.lengths)[rows], 0)
    texts = np.array([lyrics.get(name, "") for name in ids], dtype=object)
    masks = {
        "audio": has_audio,
        "lyrics": texts != "",
        "frames": np.arange(audio.shape[2]) < lengths[:, None],
    }
    return {"audio": audio, "lyrics": texts}, masks


def _attribution(folder: Path, labels: Mapping[str, np.ndarray]) -> dict[str, Any]:
    """Where the clips come from and under which licence, as far as the folder says."""
    files = sorted(path for path in folder.iterdir() if _CREDIT_FILES.fullmatch(path.name))
    statements = []
    for path in files:
        found = _CREDIT_LINES.findall(path.read_text(encoding="utf-8", errors="replace"))
        statements += [" ".join(statement.split()) for statement in found]
    licences = next((labels[name] for name in ("licence", "license") if name in labels), None)
    named = [labels[name] for name in ("artist", "song", "title") if name in labels]
    credited: set[str] = set()
    if licences is not None:
        credited.update(" / ".join(filter(None, row)) for row in zip(*named, licences, strict=True))
    return {
        "files": [path.name for path in files],
        "statements": statements,
        "licences": {} if licences is None else dict(Counter(licences.tolist()).most_common()),
        "credits": sorted(credited),
    }
