"""Fusion recommender: who is recommended songs, from which plays, and what counts as found."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from documents.fusion_recommender.config import Config
from documents.fusion_recommender.pipeline import Part

if TYPE_CHECKING:
    from scipy.sparse import csr_array


class Listening(NamedTuple):
    """Plays on the test songs, split for every user; columns are the part's test songs.

    Attributes:
        users: rows of the data set's users that have two plays on test songs or more.
        history: `[users, test]` what profiles are made of.
        held_out: `[users, test]` what lists are scored on.
        train_plays: `[all users, train]`.
        facts: counts.
    """

    users: np.ndarray
    history: csr_array
    held_out: csr_array
    train_plays: csr_array
    facts: dict[str, Any]


def listening(config: Config, part: Part, seed: int) -> Listening:
    """Half of each user's test songs, drawn, as history; the other half (the larger where odd) is held out."""
    plays = part.songs.plays[:, part.test].tocsr()
    counts = np.diff(plays.indptr)
    rng = np.random.default_rng([seed, 7])
    users = np.flatnonzero(counts >= 2)
    if not len(users):
        raise ValueError("no user has two plays on test songs: nothing can be held out. Give more songs or plays")
    left_out = int(((counts > 0) & (counts < 2)).sum())
    if len(users) > config.users:
        users = np.sort(rng.choice(users, config.users, replace=False))
    history, held_out = halves(plays[users].tocsr(), rng)
    facts = {
        "users": len(users),
        "users left out (one play on test songs)": left_out,
        "users without a play on test songs": int((counts == 0).sum()),
        "candidate songs": len(part.test),
        "history plays": int(history.nnz),
        "held-out plays": int(held_out.nnz),
    }
    return Listening(users, history, held_out, part.songs.plays[:, part.train].tocsr(), facts)


def halves(plays: csr_array, rng: np.random.Generator) -> tuple[csr_array, csr_array]:
    """Each row's entries in two disjoint halves; the second is the larger where odd, and the only one of a single."""
    from scipy.sparse import csr_array as sparse

    counts = np.diff(plays.indptr)
    rows = np.repeat(np.arange(len(counts)), counts)
    order = np.lexsort((rng.random(plays.nnz), rows))
    rank = np.empty(plays.nnz, np.int64)
    rank[order] = np.arange(plays.nnz) - plays.indptr[rows[order]]
    first = rank < counts[rows] // 2
    made = [
        sparse((plays.data[chosen], (rows[chosen], plays.indices[chosen])), plays.shape) for chosen in (first, ~first)
    ]
    return made[0], made[1]


def popularity_of(history: csr_array) -> np.ndarray:
    """Users who have each item in the history part."""
    return np.bincount(history.indices, minlength=history.shape[1]).astype(np.float32)


class Protocol(NamedTuple):
    """A way to make lists and to score them; what the document leaves open.

    Attributes:
        profile: `[users, songs]` plays that profiles are made of, columns are all songs.
        candidates: rows of the songs that are ranked.
        exclude: `[users, candidates]` what a user is not shown; None: nothing.
        relevant: `[users, candidates]` what counts as found.
    """

    profile: csr_array
    candidates: np.ndarray
    exclude: csr_array | None
    relevant: csr_array


PROTOCOLS = {
    "halves_of_plays": "half of a user's plays on test songs is found by the other half",
    "training_profile": "profile from training plays, all test plays are found (van den Oord et al. 2013)",
    "nothing_excluded": "profile from all test plays, and the same plays are found",
    "all_songs": "all songs are candidates, half of a user's plays is found by the other half",
    "popular_half": "test songs: the more played half, heard by the more active half of the users",
    "popular_quarter": "test songs: the most played quarter, heard by the most active quarter of the users",
}


def protocols(config: Config, part: Part, heard: Listening, seed: int) -> dict[str, Protocol]:
    """Name → who is recommended what, of those under which somebody has something to find."""
    plays, test = part.songs.plays.tocsr(), part.test
    on_test = plays[:, test].tocsr()
    rng = np.random.default_rng([seed, 17])

    def split(candidates: np.ndarray, share: float = 1.0) -> Protocol | None:
        """Half of each user's plays on the candidates finds the other half; of the users, the most active share."""
        own = plays[:, candidates].tocsr()
        counts = np.diff(own.indptr)
        active = np.argsort(-counts, kind="stable")[: round(share * (counts >= 2).sum())]
        history, found = halves(own[_some(active, config, rng)].tocsr(), rng)
        return _protocol(_spread(history, candidates, plays.shape[1]), candidates, history, found)

    def popular(share: float) -> Protocol | None:
        order = np.argsort(-popularity_of(on_test), kind="stable")
        return split(test[np.sort(order[: round(share * len(test))])], share)

    train = np.zeros(plays.shape[1], plays.dtype)
    train[part.train] = 1
    trained = plays.multiply(train[None]).tocsr()
    trained.eliminate_zeros()
    known = _some(np.flatnonzero((np.diff(trained.indptr) > 0) & (np.diff(on_test.indptr) > 0)), config, rng)
    listed = _some(np.flatnonzero(np.diff(on_test.indptr) > 0), config, rng)
    made = {
        "halves_of_plays": _protocol(_spread(heard.history, test, plays.shape[1]), test, heard.history, heard.held_out),
        "training_profile": _protocol(trained[known], test, None, on_test[known]),
        "nothing_excluded": _protocol(_spread(on_test[listed], test, plays.shape[1]), test, None, on_test[listed]),
        "all_songs": split(np.arange(plays.shape[1])),
        "popular_half": popular(1 / 2),
        "popular_quarter": popular(1 / 4),
    }
    return {name: protocol for name, protocol in made.items() if protocol is not None}


def _protocol(
    profile: csr_array, candidates: np.ndarray, exclude: csr_array | None, relevant: csr_array
) -> Protocol | None:
    return Protocol(profile, candidates, exclude, relevant) if relevant.nnz else None


def _some(users: np.ndarray, config: Config, rng: np.random.Generator) -> np.ndarray:
    """At most the config's number of users, drawn."""
    return np.sort(rng.choice(users, config.users, replace=False) if len(users) > config.users else users)


def _spread(plays: csr_array, columns: np.ndarray, width: int) -> csr_array:
    """Plays on some songs, in columns of all songs."""
    from scipy.sparse import csr_array as sparse

    found = plays.tocoo()
    return sparse((found.data, (found.row, columns[found.col])), (plays.shape[0], width))
