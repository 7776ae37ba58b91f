"""Factors → lyrics: verses and a refrain, from phrases that follow the theme and, loosely, the genre."""

from __future__ import annotations

import string
from typing import NamedTuple

import numpy as np

from jaxmusic.data.synthetic_corpus import words_bn, words_en
from jaxmusic.data.synthetic_corpus.factors import GENRES, MOODS

__all__ = ["WORDS", "SongText", "draw_text", "titled"]

WORDS = {"en": words_en, "bn": words_bn}

# Of a song's lines, the shares that speak of its theme, of what any song may, and of another mood.
_LINE_SHARES = {"own": 0.7, "shared": 0.22, "other": 0.08}
# The share of a song's places that are its genre's; the rest may be any genre's.
_OWN_PLACES = 0.65


class SongText(NamedTuple):
    """A song's title and its lyrics, one line to a line and an empty line between verses."""

    title: str
    lyrics: str


def titled(phrase: str) -> str:
    """A phrase as a title: each English word capitalised, Bangla as it is."""
    return string.capwords(phrase)


def draw_text(rng: np.random.Generator, genre: str, theme: str, language: str) -> SongText:
    """One song's words.

    Args:
        rng: the song's random stream.
        genre: shapes the places the lines mention.
        theme: the mood that they speak of.
        language: `"en"` or `"bn"`.

    Returns:
        Two or three verses of four lines with a refrain after each, and the title, taken from the refrain.
    """
    vocabulary = WORDS[language]
    clauses, places = _Clauses(rng, language, theme), _places(rng, language, genre)

    def line() -> str:
        clause = clauses.draw()
        form = rng.random()
        if form < 0.55:
            place = places[int(rng.integers(len(places)))]
            # English reads well either way round; a Bangla sentence ends with its verb.
            return f"{place} {clause}" if language == "bn" or rng.random() < 0.5 else f"{clause} {place}"
        if form < 0.75:
            return f"{rng.choice(vocabulary.CONNECTIVES)} {clause}"
        return clause

    call = str(rng.choice(vocabulary.CALLS[theme]))
    hook = clauses.draw()
    refrain = [f"{call}, {hook}", line(), hook] if rng.random() < 0.5 else [hook, line(), f"{hook}, {call}"]
    stanzas = []
    for _ in range(int(rng.integers(2, 4))):
        stanzas += [[line() for _ in range(4)], refrain]
    if rng.random() < 0.4:
        stanzas[-1:-1] = [[line(), line()]]
    return SongText(titled(hook), "\n\n".join("\n".join(stanza) for stanza in stanzas))


def _places(rng: np.random.Generator, language: str, genre: str) -> list[str]:
    """The six places that a song mentions."""
    of_genre = WORDS[language].PLACES
    genres = [genre if own else str(rng.choice(list(GENRES))) for own in rng.random(6) < _OWN_PLACES]
    return [str(rng.choice(of_genre[name])) for name in genres]


class _Clauses:
    """The clauses of one song, each kind in a drawn order, so that none comes back before all have been used."""

    def __init__(self, rng: np.random.Generator, language: str, theme: str) -> None:
        vocabulary = WORDS[language]
        others = [clause for name in MOODS if name != theme for clause in vocabulary.CLAUSES[name]]
        kinds = {"own": vocabulary.CLAUSES[theme], "shared": vocabulary.SHARED, "other": others}
        self._rng = rng
        self._left = {
            kind: [phrases[place] for place in rng.permutation(len(phrases))] for kind, phrases in kinds.items()
        }

    def draw(self) -> str:
        kind = str(self._rng.choice(list(_LINE_SHARES), p=list(_LINE_SHARES.values())))
        phrase = self._left[kind].pop(0)
        self._left[kind].append(phrase)
        return phrase
