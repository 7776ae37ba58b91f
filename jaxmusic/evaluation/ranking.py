"""Ranked lists against what a user really played: mAP, precision, recall, NDCG, coverage.

Of lists as they are shown (`average_precision`, `ranking_scores`), or of the scores behind them, whose ties no list
shows: `expected_average_precision` and `expected_ranking_scores` are means over every order of the equals.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Literal, NamedTuple

import numpy as np
from jaxtyping import Float, Int

from jaxmusic._arrays import nonzero_rows, whole

if TYPE_CHECKING:
    from scipy.sparse import csr_array

__all__ = ["average_precision", "expected_average_precision", "expected_ranking_scores", "ranking_scores"]

# What fills a list that has fewer items than its width.
NOTHING = -1
# Users that are sorted at once.
_ROWS = 256
_SIDES: Sequence[Literal["left", "right"]] = ("left", "right")


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
        found, shown = hits[some, :cutoff], recommended[:, :cutoff]
        gain = (found * _discounts(cutoff)[: found.shape[1]]).sum(1)
        scores |= _means(found.sum(1), gain, counts[some], cutoff)
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
    found = [_expected_precision(groups, k) for groups, _ in _groups(scores, relevant)]
    counts = np.minimum(_counts(relevant), k)
    return np.where(counts > 0, np.concatenate([np.zeros(0), *found]) / np.maximum(counts, 1), np.nan)


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
    precision = []
    hits, gains = ({cutoff: [np.zeros(0)] for cutoff in cutoffs} for _ in range(2))
    unseen = {cutoff: np.ones(relevant.shape[1]) for cutoff in cutoffs}
    for groups, part in _groups(scores, relevant):
        precision.append(_expected_precision(groups, k))
        for cutoff in cutoffs:
            share, end = groups.relevant / groups.size, groups.above + groups.places_within(cutoff)
            discounts = np.concatenate([[0.0], np.cumsum(_discounts(relevant.shape[1]))])
            hits[cutoff].append(groups.sums(share * (end - groups.above)))
            gains[cutoff].append(groups.sums(share * (discounts[end] - discounts[groups.above])))
            unseen[cutoff] *= (1 - _shown(part, cutoff)).prod(axis=0)
    found = {f"map@{k}": float((np.concatenate(precision)[some] / np.minimum(counts[some], k)).mean())}
    for cutoff in cutoffs:
        means = np.concatenate(hits[cutoff])[some], np.concatenate(gains[cutoff])[some]
        found |= _means(*means, counts[some], cutoff)
        found[f"coverage@{cutoff}"] = float(1 - unseen[cutoff].mean())
    return found | {"users": float(some.sum())}


class _Groups(NamedTuple):
    """Groups of equally scored items with relevant ones among them, of some users.

    Attributes:
        users: number of these users.
        row: `[groups]` whose.
        above: `[groups]` items that score higher.
        size: `[groups]` items of the group.
        relevant: `[groups]` relevant items of the group.
        before: `[groups]` relevant items that score higher.
    """

    users: int
    row: np.ndarray
    above: np.ndarray
    size: np.ndarray
    relevant: np.ndarray
    before: np.ndarray

    def places_within(self, cutoff: int) -> np.ndarray:
        """How many of a group's places are among the first `cutoff` of the list."""
        return np.clip(cutoff - self.above, 0, self.size)

    def sums(self, values: np.ndarray) -> np.ndarray:
        """`[users]` from `[groups]`."""
        return np.bincount(self.row, weights=values, minlength=self.users)


def _groups(scores: np.ndarray | Iterable[np.ndarray], relevant: csr_array) -> Iterator[tuple[_Groups, np.ndarray]]:
    """The groups of some users at a time, and these users' scores."""
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
        if not (block < np.inf).all():
            raise ValueError("scores hold NaN or +∞")
        for part in np.split(block, range(_ROWS, len(block), _ROWS)):
            yield _groups_of(part, relevant[start : start + len(part)]), part
            start += len(part)
    if start != users:
        raise ValueError(f"scores are of {start} users, relevant of {users}")


def _groups_of(scores: np.ndarray, relevant: csr_array) -> _Groups:
    users, items = scores.shape
    ends, ordered = relevant.indptr, np.sort(scores, axis=1)
    row = np.repeat(np.arange(users), np.diff(ends))
    values = scores[row, relevant.indices]
    found = [ordered[u].searchsorted(values[ends[u] : ends[u + 1]], side) for side in _SIDES for u in range(users)]
    first, last = np.concatenate([np.zeros(0, int), *found]).reshape(2, -1)
    # What is hidden is found by nobody.
    is_shown = values > -np.inf
    row, above, size = row[is_shown], (items - last)[is_shown], (last - first)[is_shown]
    _, one, count = np.unique(row * (items + 1) + above, return_index=True, return_counts=True)
    row, total = row[one], np.cumsum(count) - count
    return _Groups(users, row, above[one], size[one], count, total - total[np.searchsorted(row, row)])


def _expected_precision(groups: _Groups, k: int) -> np.ndarray:
    """Sum of each user's expected precisions at the relevant items among the first k.

    In a group of t equals with r relevant items behind n items with b relevant ones, the place i of the group holds a
    relevant item with probability r / t, and then each place before it in the group does with (r − 1) / (t − 1): the
    precision there is (b + 1 + (i − 1) (r − 1) / (t − 1)) / (n + i).
    """
    harmonic = np.concatenate([[0.0], np.cumsum(1 / np.arange(1, (groups.above + groups.size).max(initial=0) + 1))])
    places = groups.places_within(k)
    inverse = harmonic[groups.above + places] - harmonic[groups.above]  # the sum of 1 / (n + i)
    together = (groups.relevant - 1) / np.maximum(groups.size - 1, 1)
    precision = (groups.before + 1) * inverse + together * (places - (groups.above + 1) * inverse)
    return groups.sums(groups.relevant / groups.size * precision)


def _shown(scores: np.ndarray, cutoff: int) -> np.ndarray:
    """`[users, items]` probability that an item is among the first `cutoff` of a list."""
    place = min(cutoff, scores.shape[1])
    last = np.partition(scores, -place, axis=1)[:, [-place]]
    is_above, is_tied = scores > last, (scores == last) & (scores > -np.inf)
    left = place - is_above.sum(axis=1, keepdims=True)
    return is_above + is_tied * (left / np.maximum(is_tied.sum(axis=1, keepdims=True), 1))


def _some(counts: np.ndarray) -> np.ndarray:
    if not counts.any():
        raise ValueError("no user has a relevant item")
    return counts > 0


def _discounts(places: int) -> np.ndarray:
    return 1 / np.log2(np.arange(2, places + 2))


def _means(hits: np.ndarray, gain: np.ndarray, counts: np.ndarray, cutoff: int) -> dict[str, float]:
    """Means over users of `[users]` hits and discounted gain among the first places."""
    ideal = np.cumsum(_discounts(cutoff))[np.minimum(counts, cutoff) - 1]
    return {
        f"precision@{cutoff}": float((hits / cutoff).mean()),
        f"recall@{cutoff}": float((hits / counts).mean()),
        f"ndcg@{cutoff}": float((gain / ideal).mean()),
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
