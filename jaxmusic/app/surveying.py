"""A folder as it is now, against a model's clips: what is unchanged is taken over, what is new or changed is placed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from jaxmusic import data
from jaxmusic.app.index import ClipIndex, Files, folded_words, gather_words, joined
from jaxmusic.app.indexing import lyrics_digest, with_copies
from jaxmusic.app.places import arranged, names_of, placed_among
from jaxmusic.audio.cache import content_digest
from jaxmusic.data.clip_folder import read_clips

if TYPE_CHECKING:
    from jaxmusic.app.model import MusicModel


class Survey(NamedTuple):
    """What a folder holds.

    Attributes:
        texts: lyrics and labels of the clips, in the order of `clips`; no sound.
        clips: what is known of them.
        cluster_names: of their clusters; those of the model, unless nothing of the folder was known.
        added: ids that are new.
        changed: ids whose file or lyrics are others.
        removed: ids of the model that are no longer there.
        moved: former id → present one, of a file with the same content.
        dropped: file and reason of each that can't be read.
    """

    texts: data.Dataset
    clips: ClipIndex
    cluster_names: Sequence[str]
    added: list[str]
    changed: list[str]
    removed: list[str]
    moved: dict[str, str]
    dropped: list[str]


def survey(model: MusicModel, folder: str | Path, *, cache: str | Path | None = None, progress: bool = False) -> Survey:
    """Look at a folder: nothing is trained, and of a file that is known only its size and time are looked at.

    A file of another size or time is hashed; where its content is the same, as after a copy, a move or a renaming, it
    keeps its place. Clips that are new, or whose lyrics have changed, are placed; the others keep their place on the
    map and their cluster.

    Args:
        model: whose clips are known.
        folder: the model's own or another.
        cache: folder with computed spectrograms and embeddings.
        progress: show progress bars.

    Raises:
        FileNotFoundError: no such folder, no clips in it, or no text encoder.
        ValueError: no clip in it can be read, or it is of the other layout.
    """
    from jaxmusic.app.model import read_folder

    texts = read_clips(folder, None, follow_links=model.settings.follow_links)
    known, files = model.index, _states(model, texts)
    old_row = _known_rows(known, texts, files)
    fresh = [name for name, row in zip(texts.ids.tolist(), old_row, strict=True) if row < 0]
    kept = np.flatnonzero(old_row >= 0)
    index = None
    changed_words: list[str] = []
    if len(kept):
        index, changed_words = _taken_over(model, texts.take(kept), old_row[kept], files, kept)
    dropped: list[str] = []
    if fresh:
        settings = model.settings
        if texts.source["audio"]["from"] == "mels":  # they have bands of their own
            settings = replace(settings, n_mels=model.views.n_mels)
        dataset = read_folder(folder, settings, only=fresh, cache=cache, progress=progress)
        dropped = [f"{entry['file']}: {entry['why']}" for entry in dataset.source["dropped"]]
        if len(dataset):
            new = model.index_of(dataset, cache=cache, progress=progress)
            index = new if index is None else joined(index, _placed(model, new, index))
    if index is None:
        raise ValueError(f"no clip in {folder} can be read: {'; '.join(dropped[:3])}")
    index = with_copies(index._replace(folder=str(Path(folder).expanduser().resolve())))
    before, now = set(known.ids.tolist()), set(index.ids.tolist())
    moved = {
        old: new
        for old, new in zip(known.ids[old_row[kept]].tolist(), texts.ids[kept].tolist(), strict=True)
        if old != new and new not in before
    }
    texts = texts.take([i for i, name in enumerate(texts.ids.tolist()) if name in now])
    names = model.cluster_names
    if not index.place.any() or not names:
        index = arranged(index, model.space, model.settings.clusters, model.settings.seed)
        names = names_of(index, [str(words) for words in texts.modalities["lyrics"]], model.tag_names)
    return Survey(
        texts,
        index,
        names,
        added=sorted(now - before - set(moved.values())),
        changed=sorted({*changed_words, *(now & before & set(fresh))}),
        removed=sorted(before - now - moved.keys()),
        moved=moved,
        dropped=dropped,
    )


def _states(model: MusicModel, texts: data.Dataset) -> Files:
    """The clips' files as they are now; their contents are not looked at yet."""
    base, known = Path(texts.source["path"]), texts.source["files"]
    paths = [known.get(name, "") for name in texts.ids.tolist()]
    found = [(base / path).stat() if path else None for path in paths]
    lyrics = [lyrics_digest(str(words)) for words in texts.modalities["lyrics"]]
    return Files(
        np.array(paths, str),
        np.array([0 if state is None else state.st_size for state in found], np.int64),
        np.array([0 if state is None else state.st_mtime_ns for state in found], np.int64),
        np.full(len(paths), "", dtype="U64"),
        np.array(lyrics, str),
    )


def _known_rows(known: ClipIndex, texts: data.Dataset, files: Files) -> np.ndarray:
    """Of each clip the row in the model's index that is of the same content, −1 without; fills in contents."""
    base = Path(texts.source["path"])
    row_of = {path: row for row, path in enumerate(known.files.path.tolist()) if path}
    contents = {content: row for row, content in enumerate(known.files.content.tolist()) if content}
    silent = {name: row for row, name in enumerate(known.ids.tolist()) if not known.files.path[row]}
    is_dated = bool(row_of)
    rows = np.full(len(texts), -1)
    for i, (name, path) in enumerate(zip(texts.ids.tolist(), files.path.tolist(), strict=True)):
        if not path:
            # A clip of lyrics alone.
            rows[i] = silent.get(name, -1) if is_dated else -1
            continue
        row = row_of.get(path, -1)
        if row >= 0 and (files.size[i], files.modified[i]) == (known.files.size[row], known.files.modified[row]):
            rows[i], files.content[i] = row, known.files.content[row]
        elif contents:
            try:
                files.content[i] = content_digest(base / path)
            except OSError:
                continue
            same = row >= 0 and known.files.content[row] == files.content[i]
            rows[i] = row if same else contents.get(str(files.content[i]), -1)
    return rows


def _taken_over(
    model: MusicModel, texts: data.Dataset, rows: np.ndarray, files: Files, kept: np.ndarray
) -> tuple[ClipIndex, list[str]]:
    """Known clips under their present names, with their present tags and lyrics; and whose lyrics have changed."""
    index = model.index.take(rows)
    lyrics = [str(words) for words in texts.modalities["lyrics"]]
    changed = np.flatnonzero(index.files.lyrics != files.lyrics[kept])
    index = index._replace(
        ids=texts.ids,
        tags={name: values.astype(str) for name, values in texts.labels.items()},
        files=Files(*(array[kept] for array in files)),
    )
    if len(changed):
        audio = index.spaces["components"][changed]
        _, joint, has_lyrics = model.locate(audio, index.has_audio[changed], [lyrics[row] for row in changed])
        everywhere, has = index.spaces["joint"].copy(), index.has_lyrics.copy()
        everywhere[changed], has[changed] = joint, has_lyrics
        index = index._replace(spaces={**index.spaces, "joint": everywhere}, has_lyrics=has)
        index = index._replace(words=gather_words([folded_words(words) for words in lyrics]))
    return index, [str(index.ids[row]) for row in changed]


def _placed(model: MusicModel, new: ClipIndex, known: ClipIndex) -> ClipIndex:
    """New clips among those that are there."""
    is_joint = not (model.places(new).any(axis=1).all() and model.places(known).any(axis=1).all())
    space = "joint" if is_joint else model.space
    return placed_among(new, new.spaces[space], known, known.spaces[space])
