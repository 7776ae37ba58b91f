"""Ranked lists against what a user really played: mAP, precision, recall, NDCG, coverage.

Of lists as they are shown (`average_precision`, `ranking_scores`), or of the scores behind them, whose ties no list
shows: `expected_average_precision` and `expected_ranking_scores` are means over every order of the equals.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING

import numpy as np
from jaxtyping import Float, Int

from jaxmusic._arrays import nonzero_rows, whole
from jaxmusic.evaluation._ties import Places, expected_places

if TYPE_CHECKING:
    from scipy.sparse import csr_array

__all__ = ["average_precision", "expected_average_precision", "expected_ranking_scores", "ranking_scores"]

# What fills a list that has fewer items than its width.
NOTHING = -1
# Rows that are sorted at once.
_ROWS = 256


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
    some = _some(counts)
    if beyond := [cutoff for cutoff in cutoffs if not 1 <= cutoff <= hits.shape[1]]:
        raise ValueError(f"cut-offs {beyond} of lists of {hits.shape[1]} items: give longer lists or other cutoffs")
    scores = {f"map@{k}": float(average_precision(recommended, relevant, k=k)[some].mean())}
    for cutoff in cutoffs:
        shown = recommended[:, :cutoff]
        scores |= _means(hits[some], counts[some], cutoff)
        scores[f"coverage@{cutoff}"] = len(np.unique(shown[shown != NOTHING])) / relevant.shape[1]
    return scores | {"users": float(some.sum())}


def expected_average_precision(
    scores: Float[np.ndarray, "users items"] | Iterable[Float[np.ndarray, "some_users items"]],
    relevant: csr_array,
    *,
    k: int = 500,
) -> Float[np.ndarray, " users"]:
    """AP@k of every user as `average_precision` has it, on average over every order of equally scored items.

    Args:
        scores: `[users, items]` float, the higher the earlier in the list, −∞ for what a user is not shown; or blocks
            of its rows in their order, such as `recommend.score_blocks` makes.
        relevant: `[users, items]`, of any sparse format or dense; not 0 where an item is relevant to a user.
        k: length that lists are cut to, where equals may be on both sides.

    Returns:
        `[users]`; NaN for a user without relevant items.

    Raises:
        ValueError: k below 1, other shapes, or scores that are NaN or +∞.

    Source: McSherry and Najork (2008), "Computing information retrieval performance measures efficiently in the
    presence of tied scores"; cut off at k here.

    >>> from scipy.sparse import csr_array
    >>> expected_average_precision(np.zeros((1, 2)), csr_array([[1, 0]])).tolist()  # (1/1 + 1/2) / 2
    [0.75]
    """
    k, relevant = whole(k, "k"), nonzero_rows(relevant, "relevant")
    found = [_expected_precision(places, k) for places, _ in _ranked(scores, relevant)]
    counts = np.minimum(_counts(relevant), k)
    return np.where(counts > 0, np.concatenate(found) / np.maximum(counts, 1), np.nan)


def expected_ranking_scores(
    scores: Float[np.ndarray, "users items"] | Iterable[Float[np.ndarray, "some_users items"]],
    relevant: csr_array,
    *,
    k: int = 500,
    cutoffs: Sequence[int] = (10, 100),
) -> dict[str, float]:
    """The scores of `ranking_scores`, each the mean over every order of equally scored items.

    Args:
        scores: see `expected_average_precision`.
        relevant: see `expected_average_precision`.
        k: of mAP.
        cutoffs: of the other scores; where there are fewer items, lists are as long as they.

    Returns:
        As `ranking_scores`. Coverage is that of lists whose equals are ordered anew for every user.

    Raises:
        ValueError: no user has a relevant item, a cut-off below 1; otherwise as `expected_average_precision`.
    """
    k, relevant = whole(k, "k"), nonzero_rows(relevant, "relevant")
    cutoffs = [whole(cutoff, "a cut-off") for cutoff in cutoffs]
    counts = _counts(relevant)
    some = _some(counts)
    precision, shares = [], []
    unseen = {cutoff: np.ones(relevant.shape[1]) for cutoff in cutoffs}
    for places, items in _ranked(scores, relevant):
        precision.append(_expected_precision(places, k))
        shares.append(places.share[:, : max(cutoffs, default=0)])
        for cutoff in cutoffs:
            shown = np.clip((cutoff - places.first) / places.size, 0, 1)
            missed = np.ones((len(items), relevant.shape[1] + 1))
            np.put_along_axis(missed, items, 1 - shown, axis=1)
            unseen[cutoff] *= missed[:, :-1].prod(axis=0)
    found = {f"map@{k}": float((np.concatenate(precision)[some] / np.minimum(counts[some], k)).mean())}
    for cutoff in cutoffs:
        found |= _means(np.concatenate(shares)[some], counts[some], cutoff)
        found[f"coverage@{cutoff}"] = float(1 - unseen[cutoff].mean())
    return found | {"users": float(some.sum())}


def _ranked(scores: np.ndarray | Iterable[np.ndarray], relevant: csr_array) -> Iterator[tuple[Places, np.ndarray]]:
    """Of some users at a time: expectations of each place, and the items in order; the number of items where hidden."""
    if not isinstance(scores, Iterable):
        raise ValueError(f"scores must be numbers [users, items], got {scores!r}")
    users, items = relevant.shape
    start = 0
    for block in [scores] if hasattr(scores, "dtype") else scores:
        block = np.asarray(block)
        if block.dtype.kind not in "fiub":
            raise ValueError(f"scores must hold numbers, got {block.dtype}")
        if block.ndim != 2 or block.shape[1] != items or start + len(block) > users:
            raise ValueError(f"scores {block.shape} from user {start} on: relevant has {users} users, {items} items")
        for part in np.split(block, range(_ROWS, len(block), _ROWS)):
            if not (part < np.inf).all():
                raise ValueError("scores hold NaN or +∞")
            order = np.argsort(-part, axis=1, kind="stable")
            ranked = np.take_along_axis(part, order, axis=1)
            opens = np.ones(part.shape, bool)
            opens[:, 1:] = ranked[:, 1:] != ranked[:, :-1]
            is_shown = ranked > -np.inf
            wanted = relevant[start : start + len(part)].toarray() != 0
            places = expected_places(opens, np.take_along_axis(wanted, order, axis=1) & is_shown)
            yield places, np.where(is_shown, order, items)
            start += len(part)
    if start != users:
        raise ValueError(f"scores are of {start} users, relevant of {users}")


def _expected_precision(places: Places, k: int) -> np.ndarray:
    """Sum of the expected precisions at the relevant items among the first k."""
    share, ahead = places.share[:, :k], places.ahead[:, :k]
    return (share * ahead / np.arange(1, share.shape[1] + 1)).sum(axis=1)


def _some(counts: np.ndarray) -> np.ndarray:
    if not counts.any():
        raise ValueError("no user has a relevant item")
    return counts > 0


def _means(hits: np.ndarray, counts: np.ndarray, cutoff: int) -> dict[str, float]:
    """Means over users of what the first places hold: `hits` `[users, places]`, bool or the probability of a hit."""
    found = hits[:, :cutoff]
    discounts = 1 / np.log2(np.arange(2, cutoff + 2))
    ideal = np.cumsum(discounts)[np.minimum(counts, cutoff) - 1]
    return {
        f"precision@{cutoff}": float((found.sum(1) / cutoff).mean()),
        f"recall@{cutoff}": float((found.sum(1) / counts).mean()),
        f"ndcg@{cutoff}": float(((found * discounts[: found.shape[1]]).sum(1) / ideal).mean()),
    }


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
