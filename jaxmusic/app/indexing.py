"""A data set → the index of its clips: all that is known of each, but for its place on the map."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from jaxmusic import data, text
from jaxmusic.app.index import ClipIndex, Files, folded_words, gather_words
from jaxmusic.app.spaces import equal_recordings
from jaxmusic.audio.cache import content_digest
from jaxmusic.audio.io import seconds_of

if TYPE_CHECKING:
    from jaxmusic.app.model import MusicModel
    from jaxmusic.app.sound import Listener

_LYRICS_DIGITS = 16


class Heard(NamedTuple):
    """What a pretrained net found in the files of clips.

    Attributes:
        vectors: `[n, width]`.
        logits: `[n, tags]`.
        is_heard: `[n]` bool.
    """

    vectors: np.ndarray
    logits: np.ndarray
    is_heard: np.ndarray


def listen(
    listener: Listener, dataset: data.Dataset, *, cache: str | Path | None = None, progress: bool = False
) -> Heard:
    """Let a net hear the files of a data set, of those clips that have sound."""
    paths = [
        path if has_audio else None for path, has_audio in zip(_paths(dataset), dataset.masks["audio"], strict=True)
    ]
    return Heard(*listener.hear(paths, cache=cache, progress=progress))


def index_of(
    model: MusicModel, dataset: data.Dataset, *, heard: Heard | None, cache: str | Path | None, progress: bool
) -> ClipIndex:
    """Where the clips of a data set lie in every space of a model."""
    n, has_audio = len(dataset), dataset.masks["audio"]
    texts = [str(lyrics) for lyrics in dataset.modalities["lyrics"]]
    vectors = model.views.audio_vectors(dataset.modalities["audio"], dataset.masks["frames"])
    components = np.where(has_audio[:, None], vectors, 0).astype(np.float32)
    audio, joint, has_lyrics = model.locate(components, has_audio, texts)
    spaces, sound_tags = {"joint": joint, "components": components}, np.zeros((n, 0), np.float32)
    if model.sound is not None:
        heard = heard or listen(model.sound.listener, dataset, cache=cache, progress=progress)
        spaces["sound"], sound_tags = model.sound.places(heard.vectors, heard.is_heard), heard.logits
    files, seconds = _files(dataset, texts)
    tags = {name: values.astype(str) for name, values in dataset.labels.items()}
    index = ClipIndex(
        folder=str(Path(dataset.source["path"]).resolve()),
        ids=dataset.ids,
        has_audio=has_audio,
        has_lyrics=has_lyrics,
        audio=audio,
        spaces=spaces,
        sound_tags=sound_tags,
        tags=tags,
        files=files,
        seconds=seconds,
        words=gather_words([folded_words(lyrics) for lyrics in texts]),
        place=np.zeros((n, 2), np.float32),
        cluster=np.zeros(n, np.int32),
        copy_of=np.arange(n, dtype=np.int32),
    )
    return with_copies(index)


def with_copies(index: ClipIndex) -> ClipIndex:
    """The clips, and which of them are equal recordings."""
    titles = np.full(len(index.ids), "", object)
    if "title" in index.tags:
        artists = index.tags.get("artist", titles)
        titles = np.array(
            [
                text.fold(f"{artist} {title}") if title else ""
                for artist, title in zip(artists, index.tags["title"], strict=True)
            ],
            object,
        )
    same = equal_recordings(index.spaces["components"], index.has_audio, index.seconds, titles)
    return index._replace(copy_of=same)


def lyrics_digest(lyrics: str) -> str:
    """What tells whether lyrics have changed; "" without."""
    return hashlib.sha256(lyrics.encode("utf-8", "surrogatepass")).hexdigest()[:_LYRICS_DIGITS] if lyrics else ""


def _paths(dataset: data.Dataset) -> list[Path | None]:
    base, files = Path(dataset.source["path"]), dataset.source["files"]
    return [base / files[name] if name in files else None for name in dataset.ids.tolist()]


def _files(dataset: data.Dataset, texts: list[str]) -> tuple[Files, np.ndarray]:
    """Size, time and content of every clip's file, and its length in seconds."""
    from joblib import Parallel, delayed

    found = Parallel(n_jobs=-1, prefer="threads")(delayed(_file)(path) for path in _paths(dataset))
    names = [dataset.source["files"].get(name, "") for name in dataset.ids.tolist()]
    size, modified, content, seconds = zip(*found, strict=True)
    files = Files(
        np.array(names, str),
        np.array(size, np.int64),
        np.array(modified, np.int64),
        np.array(content, str),
        np.array([lyrics_digest(lyrics) for lyrics in texts], str),
    )
    return files, np.array(seconds, np.float32)


def _file(path: Path | None) -> tuple[int, int, str, float]:
    if path is None:
        return 0, 0, "", 0.0
    found = path.stat()
    return found.st_size, found.st_mtime_ns, content_digest(path), 0.0 if path.suffix == ".npy" else seconds_of(path)
