"""Splits of a data set into parts that share no group."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from jaxtyping import Int, PRNGKeyArray

from jaxmusic.data.dataset import Dataset

__all__ = ["split"]


def split(
    key: PRNGKeyArray,
    dataset: Dataset,
    fractions: Sequence[float] = (0.7, 0.15, 0.15),
    *,
    groups: np.ndarray | str | None = None,
    stratify: np.ndarray | str | None = None,
) -> tuple[Int[np.ndarray, " rows"], ...]:
    """Rows of each part, such as training, validation and test.

    Without groups the sizes are exact: the running total of the fractions times n, rounded down (.7, .15, .15 of
    3,834 give 2,683, 575 and 576). A group stays in one part; large groups are placed first, each in a part drawn in
    proportion to the room left there, so sizes are as near to the fractions as the groups' sizes allow, and a group
    may land in every part that it fits in. With `stratify`, each part has each label's share: to within two rows
    without groups, as near as the groups allow with them.

    Args:
        key: a jax random key; the same key gives the same split.
        dataset: the examples; `dataset.groups` applies unless `groups` is given.
        fractions: the parts' shares, positive, summing to 1.
        groups: `[n]` group of each example, or the name of a label that holds it; "" is unknown, a group of its own.
            `dataset.ids` splits by example even where the data set has groups.
        stratify: `[n]` label to balance, or its name in `dataset.labels`.

    Returns:
        For each fraction the row numbers of its part, ascending; `dataset.take(rows)` is the part itself.

    Raises:
        ValueError: if the fractions don't sum to 1, a part would be empty, or there are fewer groups than parts.

    Source: the sizes are those of "Hybrid Multimodal Music Clustering via Joint VAE", section 7.2.

    >>> import jax
    >>> clips = Dataset(ids=np.arange(20).astype(str), modalities={}, masks={})
    >>> [len(rows) for rows in split(jax.random.key(0), clips)]
    [14, 3, 3]
    """
    import jax

    n = len(dataset)
    sizes = _sizes(n, fractions)
    members = _members(dataset, groups if groups is not None else dataset.groups)
    strata = np.zeros(n, np.int64) if stratify is None else _codes(_labels(dataset, stratify, "stratify"))
    # numpy draws from here on: jax would compile anew for every number of examples.
    rng = np.random.default_rng(np.asarray(jax.random.bits(key, (4,), "uint32")))
    order = rng.permutation(n)
    order = order[np.argsort(strata[order], kind="stable")]
    # A pattern with the exact sizes in which every stretch holds each part's share: label after label, in random
    # order within each, takes its stretch.
    place = np.concatenate([(np.arange(size) + 0.5) / size for size in sizes])
    part = np.empty(n, np.int64)
    part[order] = np.repeat(np.arange(len(sizes)), sizes)[np.argsort(place, kind="stable")]
    if members is not None:
        room = np.zeros((len(sizes), strata.max() + 1), np.int64)
        np.add.at(room, (part, strata), 1)
        counts = np.zeros((members.max() + 1, room.shape[1]), np.int64)
        np.add.at(counts, (members, strata), 1)
        part = _place_groups(rng, counts, room)[members]
    return tuple(np.flatnonzero(part == index) for index in range(len(sizes)))


def balanced_sample(key: PRNGKeyArray, dataset: Dataset, n: int, *, by: str = "language") -> Int[np.ndarray, " rows"]:
    """Rows of at most `n` random examples of every value of a label, ascending; a smaller class is taken whole.

    Args:
        key: a jax random key; the same key gives the same sample.
        dataset: the examples.
        n: examples of each value.
        by: the label's name.

    Returns:
        `[rows]` int row numbers.

    Raises:
        ValueError: `n` below 1, or no such label.

    >>> import jax
    >>> labels = {"language": np.array(["en"] * 5 + ["bn"] * 2)}
    >>> songs = Dataset(ids=np.arange(7).astype(str), modalities={}, masks={}, labels=labels)
    >>> len(balanced_sample(jax.random.key(0), songs, 3))
    5
    """
    import jax

    if n < 1:
        raise ValueError(f"n must be at least 1, got {n}")
    labels = _labels(dataset, by, "by")
    rng = np.random.default_rng(np.asarray(jax.random.bits(key, (4,), "uint32")))
    chosen = [rng.permutation(np.flatnonzero(labels == value))[:n] for value in np.unique(labels)]
    return np.sort(np.concatenate(chosen))


def _sizes(n: int, fractions: Sequence[float]) -> np.ndarray:
    """The parts' numbers of rows, which sum to `n`."""
    shares = np.asarray(fractions, np.float64)
    if shares.ndim != 1 or not len(shares) or not (shares > 0).all() or abs(shares.sum() - 1) > 1e-6:
        raise ValueError(f"fractions must be positive and sum to 1, not {tuple(fractions)} (sum {shares.sum():g})")
    # The margin keeps .6 + .2 of 10 at 8, which floating point has a hair below.
    ends = np.floor(n * np.cumsum(shares) + 1e-6).astype(np.int64)
    ends[-1] = n
    sizes = np.diff(ends, prepend=0)
    if (sizes == 0).any():
        empty = int(np.flatnonzero(sizes == 0)[0])
        raise ValueError(f"part {empty} ({shares[empty]:g} of {n} examples) would be empty: give more examples")
    return sizes


def _labels(dataset: Dataset, labels: np.ndarray | str, argument: str) -> np.ndarray:
    """The array meant by `labels`, which may be the name of one of the data set's labels."""
    if isinstance(labels, str):
        if labels not in dataset.labels:
            raise ValueError(f"{argument}={labels!r} is no label of this data set: {sorted(dataset.labels)}")
        labels = dataset.labels[labels]
    if len(labels) != len(dataset):
        raise ValueError(f"{argument} has {len(labels)} rows for {len(dataset)} examples")
    return np.asarray(labels)


def _codes(labels: np.ndarray) -> np.ndarray:
    """Labels as integers from 0, without gaps."""
    return np.unique(labels, return_inverse=True)[1].reshape(-1)


def _members(dataset: Dataset, groups: np.ndarray | str | None) -> np.ndarray | None:
    """The group of each example as an integer from 0; None where every example may go anywhere."""
    if groups is None:
        return None
    labels = _labels(dataset, groups, "groups")
    codes = _codes(labels)
    unknown = np.flatnonzero(labels == "")
    codes[unknown] = len(labels) + np.arange(len(unknown))
    return _codes(codes)


def _place_groups(rng: np.random.Generator, counts: np.ndarray, room: np.ndarray) -> np.ndarray:
    """The part of each group.

    Args:
        rng: where the draws come from.
        counts: `[groups, labels]` rows of each group by label.
        room: `[parts, labels]` rows that each part should have by label.

    Returns:
        `[groups]` part of each group; every part has one at least.
    """
    n_groups, n_parts = len(counts), len(room)
    if n_groups < n_parts:
        raise ValueError(f"{n_groups} groups cannot fill {n_parts} parts: a group never crosses a split")
    order = rng.permutation(n_groups)
    order = order[np.argsort(-counts[order].sum(axis=1), kind="stable")]
    draws = rng.random(n_groups)
    room, part, is_empty = room.copy(), np.empty(n_groups, np.int64), np.ones(n_parts, bool)
    for position, (group, draw) in enumerate(zip(order, draws, strict=True)):
        excess = np.maximum(counts[group] - room, 0).sum(axis=1)
        # The last groups are kept for parts that have none yet.
        allowed = is_empty if n_groups - position <= is_empty.sum() else np.ones(n_parts, bool)
        best = allowed & (excess == excess[allowed].min())
        weights = np.where(best, np.maximum(room, 0) @ counts[group], 0).astype(np.float64)
        if not weights.any():
            weights = best.astype(np.float64)
        chosen = int(np.searchsorted(np.cumsum(weights), draw * weights.sum(), side="right"))
        part[group], is_empty[chosen] = chosen, False
        room[chosen] -= counts[group]
    return part
