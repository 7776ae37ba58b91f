"""A folder of music clips with their lyrics and labels → `Dataset`."""

from __future__ import annotations

import warnings
from collections import Counter
from collections.abc import Collection, Mapping
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import numpy as np

from jaxmusic.audio._extract import MAX_DURATION
from jaxmusic.data.clip_credits import attribution
from jaxmusic.data.clip_files import Media, find_media
from jaxmusic.data.clip_tables import merged_labels, read_labels, read_lyrics
from jaxmusic.data.dataset import Dataset
from jaxmusic.data.music_library import library_groups, library_labels, read_library
from jaxmusic.data.spectrograms import Spectrograms, frames_of, read_audio, read_mels

__all__ = ["clips"]


def clips(
    folder: str | Path,
    *,
    sr: int = 22_050,
    n_fft: int = 2048,
    hop_length: int = 512,
    n_mels: int = 128,
    duration: float | None = None,
    excerpts: int = 1,
    follow_links: bool = False,
    group_by: str | None = "auto",
    n_jobs: int = -1,
    cache: str | Path | None = None,
    progress: bool = True,
) -> Dataset:
    """Read a folder of clips, or a library of music as it lies on the disk.

    The folder holds `mels/<id>.npy` (mel spectrograms in dB, `[n_mels, frames]` or `[1, n_mels, frames]`) or
    `audio/<id>.wav` (or another format); where it has both, `mels/` is read. Lyrics come from `lyrics.csv` (columns
    id, lyrics, and filename where the id isn't the file's name) or else `lyrics/<id>.txt`, labels from
    `labels.csv` (id and any columns); an id may also be the file's name. All are UTF-8, and lyrics and labels may
    be missing.

    A folder with neither `mels/` nor `audio/` is a library: every sound file below it is a clip, and its id is its path
    in the folder (`Artist/Album/01 - Title.mp3`). Labels are the files' tags (title, artist, album_artist, album,
    genre, year, track, bpm), lyrics are embedded in the file or lie beside it (`.lrc`, `.txt`). `labels.csv` and
    `lyrics.csv` in the folder override both; their ids may leave out ending and folders where that is unique.

    A clip without lyrics (none, or only white space) or without audio (none, or a file that can't be
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
        excerpts: equal parts that these seconds of a longer file are taken in, spread from its start to its end; more
            than 1 makes the default duration 30 s.
        follow_links: read what links in a library lead to outside of it.
        group_by: label that says which clips belong together and so never cross a split; None for none. By default
            `song` where clips share songs; else in a library album artist, artist or folder; else `artist`, else none.
        n_jobs: audio files decoded at a time; -1 for one per core.
        cache: folder that keeps computed spectrograms for the next call.
        progress: show a progress bar.

    Returns:
        A `Dataset` in the order of its ids (the files' names without suffix, or the paths in a library): modalities
        `"audio"` `[n, n_mels, frames]` float32 in dB and `"lyrics"` `[n]` str, masks for both and `"frames"`, labels
        as str; `source["files"]` has the path of each clip's file.

    Raises:
        FileNotFoundError: if the folder is missing, or has no sound in it.
        ValueError: if no spectrogram can be read, two have different numbers of bands, a table is malformed or not
            UTF-8, no row of `labels.csv` is of a clip, or `group_by` names no column.

    Source: the layout of "Hybrid Multimodal Music Clustering via Joint VAE", sections 3.1 and 6.1.
    """
    reading = SoundReading(sr, n_fft, hop_length, n_mels, duration, excerpts, n_jobs, cache, progress)
    return read_clips(folder, reading, follow_links=follow_links, group_by=group_by)


class SoundReading(NamedTuple):
    """How sound becomes spectrograms: the arguments of `clips` of these names."""

    sr: int
    n_fft: int
    hop_length: int
    n_mels: int
    duration: float | None
    excerpts: int
    n_jobs: int
    cache: str | Path | None
    progress: bool

    def __call__(self, media: Media, files: Mapping[str, Path]) -> Spectrograms:
        """The spectrograms of files of either layout."""
        if media.layout == "audio":
            return read_audio(files, **self._asdict())
        seconds = MAX_DURATION if self.duration is None else self.duration
        return read_mels(files, frames_of(round(seconds * self.sr), self.hop_length))


def read_clips(
    folder: str | Path,
    reading: SoundReading | None,
    *,
    only: Collection[str] | None = None,
    follow_links: bool = False,
    group_by: str | None = "auto",
) -> Dataset:
    """What `clips` reads, or a part of it.

    Args:
        folder, follow_links, group_by: see `clips`.
        reading: how sound is read. None: not at all; the data set then has lyrics and labels alone, of every file that
            is there, and no mask of frames.
        only: ids of the clips to read; None: all. Others are as if they weren't there, and none need be readable.
    """
    folder = Path(folder).expanduser()
    dropped: list[dict[str, str]] = []
    media = find_media(folder, dropped, follow_links=follow_links)
    wanted = media.files.keys() if only is None else set(only)
    notes, files = [*media.notes], {name: path for name, path in media.files.items() if name in wanted}
    spectrograms = None if reading is None else reading(media, files)
    if reading is not None and spectrograms is not None:
        unread = [(Path(path).relative_to(folder).as_posix(), why) for path, why in spectrograms.skipped]
        dropped += ({"file": name, "why": why} for name, why in unread)
        if not spectrograms.ids and only is None:
            where, (name, why) = folder if media.is_library else folder / media.layout, unread[0]
            first = Path(folder, name).name
            raise ValueError(f"none of {len(files)} files in {where} can be read; the first is {first}: {why}")
        if not spectrograms.ids:
            spectrograms = replace(spectrograms, values=np.zeros((0, reading.n_mels, 1), np.float32))
    readable = list(files) if spectrograms is None else spectrograms.ids
    tags, embedded = dict[str, dict[str, str]](), dict[str, str]()
    if media.is_library:
        tags, embedded, more = read_library({name: files[name] for name in readable})
        notes += more
    lyrics = embedded | read_lyrics(folder, media.files, dropped, notes, is_library=media.is_library)
    if lyrics and not lyrics.keys() & media.files.keys():
        warnings.warn(f"{folder}: no lyrics are of any clip; do their ids match the file names?", stacklevel=3)
    if only is not None:
        lyrics = {name: text for name, text in lyrics.items() if name in wanted}
    ids = sorted({*readable, *(name for name, text in lyrics.items() if text and not media.is_library)})
    known = {*ids} if only is None else {*ids, *media.files}
    table, unknown_labels = read_labels(folder, ids, known, notes, is_library=media.is_library)
    labels = merged_labels(library_labels(ids, tags), table)
    group_names, groups = _groups(ids, labels, group_by, media.is_library)
    modalities, masks = _texts(ids, files, lyrics) if spectrograms is None else _assemble(ids, spectrograms, lyrics)
    source = {
        "name": folder.resolve().name,
        "path": str(folder),
        "counts": {**_counts(masks), "dropped": len(dropped), "unknown_labels": unknown_labels},
        "audio": {"from": media.layout, **({} if spectrograms is None else spectrograms.description)},
        "files": {name: files[name].relative_to(folder).as_posix() for name in readable},
        "groups": group_names,
        "dropped": dropped,
        "notes": notes,
        "attribution": attribution(folder, labels),
    }
    return Dataset(np.array(ids, dtype=str), modalities, masks, labels, groups, source)


def _counts(masks: Mapping[str, np.ndarray]) -> dict[str, int]:
    has_audio, has_lyrics = masks["audio"], masks["lyrics"]
    counts = {"with_audio": has_audio, "with_lyrics": has_lyrics, "with_both": has_audio & has_lyrics}
    return {"clips": len(has_audio), **{name: int(mask.sum()) for name, mask in counts.items()}}


def _groups(
    ids: list[str], labels: Mapping[str, np.ndarray], group_by: str | None, is_library: bool
) -> tuple[str | None, np.ndarray | None]:
    """What keeps clips together, and each clip's."""
    if group_by != "auto":
        if group_by is not None and group_by not in labels:
            raise ValueError(f"group_by={group_by!r} is no column of labels.csv: {sorted(labels)}")
        return group_by, None if group_by is None else labels[group_by]
    songs = Counter(song for song in labels.get("song", ()) if song)
    if songs and max(songs.values()) > 1:
        return "song", labels["song"]
    if is_library:
        return "album artist, artist or folder", library_groups(ids, labels)
    return ("artist", labels["artist"]) if "artist" in labels else (None, None)


def _texts(
    ids: list[str], files: Mapping[str, Path], lyrics: Mapping[str, str]
) -> tuple[dict[str, np.ndarray], dict[str, np.ndarray]]:
    """Lyrics, and which clips have a file."""
    texts = np.array([lyrics.get(name, "") for name in ids], dtype=object)
    return {"lyrics": texts}, {"audio": np.array([name in files for name in ids], bool), "lyrics": texts != ""}


def _assemble(
    ids: list[str], spectrograms: Spectrograms, lyrics: Mapping[str, str]
) -> tuple[dict[str, np.ndarray], dict[str, np.ndarray]]:
    """Modalities and masks in the order of the ids."""
    row_of = {name: row for row, name in enumerate(spectrograms.ids)}
    rows = np.array([row_of.get(name, -1) for name in ids], int)
    has_audio = rows >= 0
    if np.array_equal(rows, np.arange(len(spectrograms.ids))):
        audio = spectrograms.values  # in order already: no second copy of what may be gigabytes
    else:
        floor = spectrograms.values.min(initial=0)
        audio = np.full((len(ids), *spectrograms.values.shape[1:]), floor, np.float32)
        audio[has_audio] = spectrograms.values[rows[has_audio]]
    lengths = np.zeros(len(ids), int)
    lengths[has_audio] = np.asarray(spectrograms.lengths, int)[rows[has_audio]]
    texts = np.array([lyrics.get(name, "") for name in ids], dtype=object)
    masks = {
        "audio": has_audio,
        "lyrics": texts != "",
        "frames": np.arange(audio.shape[2]) < lengths[:, None],
    }
    return {"audio": audio, "lyrics": texts}, masks
