"""Ranked lists against what a user really played: mAP, precision, recall, NDCG, coverage."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from jaxtyping import Float, Int

from jaxmusic._arrays import nonzero_rows, whole

if TYPE_CHECKING:
    from scipy.sparse import csr_array

__all__ = ["average_precision", "ranking_scores"]

# What fills a list that has fewer items than its width.
NOTHING = -1


def average_precision(
    recommended: Int[np.ndarray, "users n"], relevant: csr_array, *, k: int = 500
) -> Float[np.ndarray, " users"]:
    """AP@k of every user: the mean precision at the ranks of the relevant items, over min(k, relevant items).

    Args:
        recommended: `[users, n]` items, the best first; −1 fills a short list.
        relevant: `[users, items]`, of any sparse format or dense; not 0 where an item is relevant to a user.
        k: length that lists are cut to.

    Returns:
        `[users]`; NaN for a user without relevant items.

    Raises:
        ValueError: k below 1, another number of users, an item that does not exist, or one that a list holds twice.

    Source: the denominator is that of van den Oord et al. (2013) cut off at k, so that a perfect list scores 1.

    >>> from scipy.sparse import csr_array
    >>> average_precision(np.array([[0, 1, 2]]), csr_array([[1, 0, 1]])).round(4).tolist()  # (1/1 + 2/3) / 2
    [0.8333]
    """
    k = whole(k, "k")
    relevant = nonzero_rows(relevant, "relevant")
    hits = _hits(recommended, relevant)[:, :k]
    counts = np.minimum(_counts(relevant), k)
    precision = np.cumsum(hits, axis=1) / np.arange(1, hits.shape[1] + 1)
    return np.where(counts > 0, (precision * hits).sum(1) / np.maximum(counts, 1), np.nan)


def ranking_scores(
    recommended: Int[np.ndarray, "users n"], relevant: csr_array, *, k: int = 500, cutoffs: Sequence[int] = (10, 100)
) -> dict[str, float]:
    """mAP@k, and precision, recall and NDCG at cut-offs, as means over the users who have relevant items.

    Args:
        recommended: see `average_precision`.
        relevant: see `average_precision`.
        k: of mAP.
        cutoffs: of the other scores.

    Returns:
        `map@k`, `precision@c`, `recall@c`, `ndcg@c` (binary gain, Järvelin and Kekäläinen 2002), `coverage@c` (share of
        all items that someone is recommended) and `users`, the number that the means are over.

    Raises:
        ValueError: no user has a relevant item, shapes that do not fit, a cut-off beyond the lists' width, or a list
            with an item twice or one that does not exist.
    """
    recommended, relevant = np.asarray(recommended), nonzero_rows(relevant, "relevant")
    hits, counts = _hits(recommended, relevant), _counts(relevant)
    some = counts > 0
    if not some.any():
        raise ValueError("no user has a relevant item")
    if beyond := [cutoff for cutoff in cutoffs if not 1 <= cutoff <= hits.shape[1]]:
        raise ValueError(f"cut-offs {beyond} of lists of {hits.shape[1]} items: give longer lists or other cutoffs")
    scores = {f"map@{k}": float(average_precision(recommended, relevant, k=k)[some].mean())}
    for cutoff in cutoffs:
        found = hits[some, :cutoff]
        discounts = 1 / np.log2(np.arange(2, cutoff + 2))
        ideal = np.cumsum(discounts)[np.minimum(counts[some], cutoff) - 1]
        shown = recommended[:, :cutoff]
        scores |= {
            f"precision@{cutoff}": float((found.sum(1) / cutoff).mean()),
            f"recall@{cutoff}": float((found.sum(1) / counts[some]).mean()),
            f"ndcg@{cutoff}": float(((found * discounts[: found.shape[1]]).sum(1) / ideal).mean()),
            f"coverage@{cutoff}": len(np.unique(shown[shown != NOTHING])) / relevant.shape[1],
        }
    return scores | {"users": float(some.sum())}


def _hits(recommended: np.ndarray, relevant: csr_array) -> np.ndarray:
    """`[users, n]` bool: whether the item at each rank is relevant."""
    recommended = np.asarray(recommended)
    users, items = relevant.shape
    if recommended.ndim != 2 or len(recommended) != users:
        raise ValueError(f"lists have shape {recommended.shape} for {users} users")
    if recommended.dtype.kind not in "iu":
        raise ValueError(f"lists must hold item numbers, got {recommended.dtype}")
    if recommended.size and (recommended.max() >= items or recommended.min() < NOTHING):
        raise ValueError(f"lists name item {recommended.max()}, there are {items}")
    ordered = np.sort(recommended, axis=1)
    if ((ordered[:, 1:] == ordered[:, :-1]) & (ordered[:, 1:] != NOTHING)).any():
        raise ValueError("a list holds an item twice")
    hits = np.zeros(recommended.shape, bool)
    for user in range(users):
        wanted = relevant.indices[relevant.indptr[user] : relevant.indptr[user + 1]]
        hits[user] = np.isin(recommended[user], wanted)
    return hits


def _counts(relevant: csr_array) -> np.ndarray:
    return np.diff(relevant.indptr)
