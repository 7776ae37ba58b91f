"""Clips that hold the words of a search literally, or nearly so: in title, artist and album, and in the lyrics."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from jaxmusic import text
from jaxmusic.app.index import ClipIndex, folded_words

# Where a hit was found, the best first.
PLACES = ("title", "artist", "album", "lyrics", "some of the words", "a similar spelling")
_COLUMNS = ("title", "artist", "album_artist", "album")


class Hit(NamedTuple):
    """A clip that a search found.

    Attributes:
        id: of the clip.
        score: from 0 to 1 how much of the title, or of the words, agrees; for what only sounds so its similarity.
        where: one of `PLACES`, or `"sound"`.
    """

    id: str
    score: float
    where: str


def literal_hits(index: ClipIndex, query: str, n: int) -> list[Hit]:
    """The clips that hold the words of a query, the best first.

    A clip whose title, artist or album holds all words comes first, then one whose lyrics do, then those that hold
    some of them, the rare ones counting more; last, words that differ by a slip (`text.is_near`). Case and accents
    don't count. Of equal recordings one is listed.

    Args:
        index: the clips.
        query: words, of any script.
        n: hits at most.
    """
    wanted = list(dict.fromkeys(folded_words(query)))
    if not wanted:
        return []
    held = _holders(index, wanted)
    found: dict[int, Hit] = {}
    _from_tags(index, wanted, found)
    everything = held.all(axis=0)
    for row in np.flatnonzero(everything).tolist():
        _keep(index, found, row, 1.0, "lyrics")
    rarity = np.log1p(len(index.ids) / (1 + held.sum(axis=1)))
    weight = rarity @ held / max(rarity.sum(), 1e-9)
    for row in np.argsort(-weight, kind="stable").tolist():
        if weight[row] > 0:
            _keep(index, found, row, float(weight[row]), "some of the words")
    if len(found) < n:
        _from_slips(index, wanted, found)
    ordered = sorted(found.items(), key=lambda item: (PLACES.index(item[1].where), -item[1].score, item[0]))
    # A word of many titles must not hide the lyrics that hold it.
    holders = set(index.copy_of[everything].tolist())
    kept = min(len(holders), n // 3 or n - 1)
    named = [row for row, hit in ordered if hit.where in ("title", "artist", "album")][: n - kept]
    rest = [row for row, _ in ordered if row not in set(named)]
    rest.sort(key=lambda row: row not in holders)
    return [found[row] for row in [*named, *rest[: n - len(named)]]]


def _holders(index: ClipIndex, wanted: Sequence[str]) -> np.ndarray:
    """`[len(wanted), n]` bool: whose lyrics hold each word."""
    vocabulary, offsets, positions = index.words
    owner = np.repeat(np.arange(len(index.ids)), np.diff(offsets))
    held = np.zeros((len(wanted), len(index.ids)), bool)
    for i, word in enumerate(wanted):
        place = int(np.searchsorted(vocabulary, word))
        if place < len(vocabulary) and vocabulary[place] == word:
            held[i, owner[positions == place]] = True
    return held


def _from_tags(index: ClipIndex, wanted: Sequence[str], found: dict[int, Hit]) -> None:
    columns = {name: index.tags[name] for name in _COLUMNS if name in index.tags}
    for row in range(len(index.ids)):
        own = {name: _folded(str(values[row])) for name, values in columns.items()}
        if not columns.get("title", index.ids)[row]:
            own["title"] = _folded(str(index.ids[row]))
        for place in ("title", "artist", "album_artist", "album"):
            if set(wanted) <= set(own.get(place, ())):
                # A title of these words alone is before one that has others, too.
                share = len(wanted) / len(set(own[place]))
                _keep(index, found, row, share, place.removesuffix("_artist") if place == "album_artist" else place)
                break
        else:
            # Artist and title together are how a song is called.
            if set(wanted) <= {word for words in own.values() for word in words}:
                _keep(index, found, row, 0.0, "title")


def _from_slips(index: ClipIndex, wanted: Sequence[str], found: dict[int, Hit]) -> None:
    columns = [index.tags[name] for name in _COLUMNS if name in index.tags]
    near = [{str(word) for word in index.words.vocabulary if text.is_near(w, str(word))} for w in wanted]
    spelled: dict[str, bool] = {}
    for row in range(len(index.ids)):
        lyrics = set(index.words.of(row))
        called = {word for values in (*columns, index.ids) for word in _folded(str(values[row]))}
        share = 0
        for word, alike in zip(wanted, near, strict=True):
            if lyrics & alike:
                share += 1
                continue
            for other in called:
                key = f"{word} {other}"
                if key not in spelled:
                    spelled[key] = text.is_near(word, other)
                if spelled[key]:
                    share += 1
                    break
        if share == len(wanted):
            _keep(index, found, row, 1.0, "a similar spelling")


@functools.lru_cache(maxsize=2**17)
def _folded(value: str) -> tuple[str, ...]:
    """The words of a tag; a library of ten thousand clips asks for them at every search."""
    return tuple(folded_words(value))


def _keep(index: ClipIndex, found: dict[int, Hit], row: int, score: float, where: str) -> None:
    first = int(index.copy_of[row])
    found.setdefault(first, Hit(str(index.ids[first]), score, where))
