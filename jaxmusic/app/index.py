"""The clips of a model: where they lie in each space and on the map, what they are called, which words they hold."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from jaxmusic import text


class Words(NamedTuple):
    """Which words each clip's lyrics hold, without their order; no lyrics can be read from it.

    Attributes:
        vocabulary: `[v]` str, folded (`text.fold`), ascending.
        offsets: `[n + 1]` int64: a clip's words are `positions[offsets[row]:offsets[row + 1]]`.
        positions: int32 places in the vocabulary, ascending for each clip.
    """

    vocabulary: np.ndarray
    offsets: np.ndarray
    positions: np.ndarray

    def of(self, row: int) -> list[str]:
        """The words of one clip."""
        return self.vocabulary[self.positions[self.offsets[row] : self.offsets[row + 1]]].tolist()


class Files(NamedTuple):
    """Each clip's file as it was when it was read.

    Attributes:
        path: `[n]` str, relative to the folder; "" for a clip without a file.
        size: `[n]` int64 bytes.
        modified: `[n]` int64 nanoseconds since 1970.
        content: `[n]` str, SHA-256.
        lyrics: `[n]` str, the beginning of the SHA-256 of the lyrics; "" without.
    """

    path: np.ndarray
    size: np.ndarray
    modified: np.ndarray
    content: np.ndarray
    lyrics: np.ndarray


class ClipIndex(NamedTuple):
    """Clips and where they lie.

    Attributes:
        folder: that they were read from.
        ids: `[n]` str.
        has_audio: `[n]` bool.
        has_lyrics: `[n]` bool: lyrics with a word that the model knows.
        audio: `[n, latent]` mean of q(z | audio); 0 without.
        spaces: name → `[n, d]` float32: `"joint"`, the mean of q(z | all that the clip has); `"components"` of the
            audio features; `"sound"`, a pretrained encoder's vectors. A row of zeros has no place there.
        sound_tags: `[n, t]` float32 logits of the pretrained encoder's tags.
        tags: column → `[n]` str, from the files' tags and `labels.csv`.
        files: of the clips.
        seconds: `[n]` float32 length by the files' headers; 0 unknown.
        words: of the lyrics.
        place: `[n, 2]` float32 in [0, 1], on the map.
        cluster: `[n]` int32; 0 is the largest of the fit.
        copy_of: `[n]` int32 row of the first of equal recordings, for most the clip itself.
    """

    folder: str
    ids: np.ndarray
    has_audio: np.ndarray
    has_lyrics: np.ndarray
    audio: np.ndarray
    spaces: Mapping[str, np.ndarray]
    sound_tags: np.ndarray
    tags: Mapping[str, np.ndarray]
    files: Files
    seconds: np.ndarray
    words: Words
    place: np.ndarray
    cluster: np.ndarray
    copy_of: np.ndarray

    @property
    def joint(self) -> np.ndarray:
        """`[n, latent]` mean of q(z | all that the clip has)."""
        return self.spaces["joint"]

    def take(self, rows: np.ndarray) -> ClipIndex:
        """The clips at `rows`, in that order; copies of clips that are left out stand for themselves."""
        of = lambda arrays: {name: array[rows] for name, array in arrays.items()}  # noqa: E731
        new_row = np.full(len(self.ids), -1)
        new_row[rows] = np.arange(len(rows))
        copies = new_row[self.copy_of[rows]]
        texts = [self.words.of(row) for row in rows]
        fields: dict[str, Any] = {
            name: getattr(self, name)[rows]
            for name in ("ids", "has_audio", "has_lyrics", "audio", "sound_tags", "seconds", "place", "cluster")
        }
        return self._replace(
            **fields,
            spaces=of(self.spaces),
            tags=of(self.tags),
            files=Files(*(array[rows] for array in self.files)),
            words=gather_words(texts),
            copy_of=np.where(copies >= 0, copies, np.arange(len(rows))).astype(np.int32),
        )

    def title(self, row: int) -> str:
        """What a clip is called in lists: artist and title where they are known, else its id."""
        title, artist = (str(self.tags[name][row]) if name in self.tags else "" for name in ("title", "artist"))
        return f"{artist} – {title}" if artist and title else title or str(self.ids[row])


def joined(first: ClipIndex, second: ClipIndex) -> ClipIndex:
    """The clips of two indices with the same spaces, in the order of their ids; none is a copy of another."""
    ids = np.concatenate([first.ids, second.ids])
    order = np.argsort(ids, kind="stable")
    stack = lambda a, b: np.concatenate([a, b])[order]  # noqa: E731
    empty = {len(first.ids): np.full(len(first.ids), ""), len(second.ids): np.full(len(second.ids), "")}
    columns = [*first.tags, *(name for name in second.tags if name not in first.tags)]
    tags = {
        name: stack(first.tags.get(name, empty[len(first.ids)]), second.tags.get(name, empty[len(second.ids)]))
        for name in columns
    }
    texts = [index.words.of(row) for index in (first, second) for row in range(len(index.ids))]
    fields: dict[str, Any] = {
        name: stack(getattr(first, name), getattr(second, name))
        for name in ("ids", "has_audio", "has_lyrics", "audio", "sound_tags", "seconds", "place", "cluster")
    }
    return first._replace(
        **fields,
        spaces={name: stack(first.spaces[name], second.spaces[name]) for name in first.spaces},
        tags=tags,
        files=Files(*(stack(a, b) for a, b in zip(first.files, second.files, strict=True))),
        words=gather_words([texts[row] for row in order]),
        copy_of=np.arange(len(ids), dtype=np.int32),
    )


def gather_words(texts: Sequence[Sequence[str]]) -> Words:
    """The folded words of each clip → their index."""
    held = [sorted(set(words)) for words in texts]
    vocabulary = sorted({word for words in held for word in words})
    position = {word: i for i, word in enumerate(vocabulary)}
    return Words(
        np.array(vocabulary, dtype=str),
        np.cumsum([0, *(len(words) for words in held)], dtype=np.int64),
        np.array([position[word] for words in held for word in words], np.int32),
    )


def folded_words(lyrics: str) -> list[str]:
    """The words of a text as searches compare them."""
    return [text.fold(word) for word in text.words(lyrics)]


def empty_index() -> ClipIndex:
    """No clips."""
    none, nowhere = np.array([], str), np.zeros((0, 1), np.float32)
    numbers = np.zeros(0, np.int64)
    return ClipIndex(
        folder="",
        ids=none,
        has_audio=np.zeros(0, bool),
        has_lyrics=np.zeros(0, bool),
        audio=nowhere,
        spaces={"joint": nowhere},
        sound_tags=nowhere[:, :0],
        tags={},
        files=Files(none, numbers, numbers, none, none),
        seconds=np.zeros(0, np.float32),
        words=gather_words([]),
        place=np.zeros((0, 2), np.float32),
        cluster=np.zeros(0, np.int32),
        copy_of=np.zeros(0, np.int32),
    )
