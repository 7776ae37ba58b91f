"""Listening histories: who played which song how often, from tastes over the songs' factors."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np

from jaxmusic.data.synthetic_corpus.factors import GENRES, LANGUAGES, MOODS
from jaxmusic.data.synthetic_corpus.streams import Purpose, stream

__all__ = ["Listeners", "draw_histories", "draw_listeners"]

_CHUNK = 256  # listeners scored at a time: bounds the memory to that many rows of songs
_MEAN_LOG_SONGS = np.log(14.0)


class Listeners(NamedTuple):
    """The true tastes behind the histories.

    Attributes:
        ids: `[users]` str.
        genre: `[users, 6]` shares of attention in the order of `GENRES`, each row summing to 1.
        mood: `[users, 4]` likewise, in the order of `MOODS`.
        language: `[users, 2]` likewise, in the order of `LANGUAGES`.
        energy: `[users]` the energy liked best, in [0, 1].
        n_songs: `[users]` how many songs each would play, were there enough.
    """

    ids: np.ndarray
    genre: np.ndarray
    mood: np.ndarray
    language: np.ndarray
    energy: np.ndarray
    n_songs: np.ndarray


def draw_listeners(seed: tuple[int, ...], n_listeners: int) -> Listeners:
    """The tastes of `n_listeners` listeners; a listener's don't depend on how many there are."""
    people = [_draw_taste(stream(seed, Purpose.LISTENER, user)) for user in range(n_listeners)]
    genre, mood, language, energy, n_songs = zip(*people, strict=True) if people else ((),) * 5
    return Listeners(
        ids=np.array([f"user_{user:06d}" for user in range(n_listeners)], dtype=np.str_),
        genre=np.reshape(np.array(genre, np.float64), (n_listeners, len(GENRES))),
        mood=np.reshape(np.array(mood, np.float64), (n_listeners, len(MOODS))),
        language=np.reshape(np.array(language, np.float64), (n_listeners, len(LANGUAGES))),
        energy=np.array(energy, np.float64),
        n_songs=np.array(n_songs, np.int64),
    )


def _draw_taste(rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray, np.ndarray, float, int]:
    return (
        rng.dirichlet(np.full(len(GENRES), 0.4)),
        rng.dirichlet(np.full(len(MOODS), 0.8)),
        rng.dirichlet(np.full(len(LANGUAGES), 0.5)),
        float(rng.random()),
        5 + int(rng.lognormal(_MEAN_LOG_SONGS, 0.7)),
    )


def _affinities(
    listeners: Listeners, factors: Mapping[str, np.ndarray], hotness: np.ndarray, users: slice
) -> np.ndarray:
    """`[users, songs]` log-weight of each song for each listener: taste and the artist's hotness."""
    floor = 0.02  # no taste rules a song out
    score = np.log(floor + listeners.genre[users])[:, np.searchsorted(list(GENRES), factors["genre"])]
    score += 0.6 * np.log(floor + listeners.mood[users])[:, np.searchsorted(list(MOODS), factors["mood"])]
    language_index = (factors["language"] == LANGUAGES[1]).astype(np.int64)
    score += 0.6 * np.log(floor + listeners.language[users])[:, language_index]
    score -= 2.0 * np.abs(listeners.energy[users, None] - factors["energy"])
    return score + 2.0 * hotness


def draw_histories(
    seed: tuple[int, ...], listeners: Listeners, ids: np.ndarray, factors: Mapping[str, np.ndarray], hotness: np.ndarray
) -> dict[str, np.ndarray]:
    """What the listeners played: triplets, in the order of the listeners and, within one, of the songs.

    A listener plays distinct songs, at most half of all, drawn in proportion to the exponential of the affinity; the
    better a song fits, the more often. Because the songs compete, histories depend on how many songs there are.

    Returns:
        `user`, `song`, `[plays]` str, and `plays`, how often, at least 1.
    """
    user_rows, song_rows, counts = [], [], []
    for first in range(0, len(listeners.ids), _CHUNK):
        users = slice(first, first + _CHUNK)
        scores = _affinities(listeners, factors, hotness, users)
        for row, score in enumerate(scores):
            user = first + row
            rng = stream(seed, Purpose.HISTORY, user)
            size = min(int(listeners.n_songs[user]), (len(ids) + 1) // 2)
            # The largest of scores with Gumbel noise are a draw without replacement in proportion to exp(score).
            noisy = score + rng.gumbel(size=len(ids))
            chosen = np.sort(np.argpartition(-noisy, size - 1)[:size])
            eagerness = np.exp(0.5 * (score[chosen] - score.max()))
            user_rows.append(np.full(size, user))
            song_rows.append(chosen)
            counts.append(1 + rng.poisson(6.0 * eagerness))
    empty = np.empty(0, np.int64)
    return {
        "user": listeners.ids[np.concatenate([empty, *user_rows])],
        "song": ids[np.concatenate([empty, *song_rows])],
        "plays": np.concatenate([empty, *counts]),
    }
