"""Item factors and histories → ranked items, exactly and in blocks whose memory does not grow with the users."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Float, Int

from jaxmusic import _item_scores
from jaxmusic._arrays import nonzero_rows, whole
from jaxmusic._item_scores import hide, numbers, prepared, products

if TYPE_CHECKING:
    from scipy.sparse import csr_array, sparray, spmatrix

__all__ = ["SIMILARITIES", "profiles", "recommend", "score_blocks", "similar_items", "top_items"]

SIMILARITIES = _item_scores.SIMILARITIES
"""Similarities of a profile and an item: the product, or that of the vectors at length 1."""
_BLOCK = 1024
# Items that a processor's matrix product scores alike: those behind the last full group add up in another order.
_GROUP = 64


def profiles(plays: csr_array, factors: Float[np.ndarray, "items d"]) -> Float[np.ndarray, "users d"]:
    """A user's taste: the mean of their songs' factors, weighted by plays.

    Args:
        plays: `[users, items]` play counts ≥ 0, of any sparse format or dense.
        factors: `[items, d]`.

    Returns:
        `[users, d]` float32; zeros for a user without songs.

    Raises:
        ValueError: negative counts, another number of items, NaN or infinite values.

    Source: "Multimodal Fusion Genre-Based Music Recommender", §3.4: v_u = (1/|S_u|) Σ c · F(s). Dividing by the plays
    instead of the songs changes no user's ranking.
    """
    plays, factors = nonzero_rows(plays, "plays"), numbers(factors)
    if not np.isfinite(factors).all():
        raise ValueError(f"factors of shape {factors.shape} hold NaN or infinite values")
    if plays.shape[1] != len(factors):
        raise ValueError(f"plays are of {plays.shape[1]} items, factors of {len(factors)}")
    if plays.nnz and plays.data.min() < 0:
        raise ValueError("play counts must not be negative")
    totals = np.asarray(plays.sum(axis=1)).ravel()
    return (np.asarray(plays @ factors) / np.where(totals > 0, totals, 1)[:, None]).astype(np.float32)


def top_items(
    users: Float[np.ndarray, "users d"],
    factors: Float[np.ndarray, "items d"],
    n: int,
    *,
    exclude: sparray | spmatrix | None = None,
    allowed: np.ndarray | None = None,
    similarity: str = "dot",
    block: int = _BLOCK,
    approximate: bool = False,
    key: jax.Array | None = None,
) -> Int[np.ndarray, "users n"]:
    """The n best items of every user, the best first.

    Where many items score alike, an order by number says nothing of them and may say much of the data's own order:
    give a `key`, or score `score_blocks` by `evaluation.expected_ranking_scores`, the mean over every order.

    Args:
        users: `[users, d]` profiles.
        factors: `[items, d]`.
        n: length of the lists.
        exclude: `[users, items]` sparse, non-zero where a user must not be shown an item, such as their history.
        allowed: `[items]` bool, False for items that nobody is shown, such as training songs.
        similarity: `"dot"` or `"cosine"`.
        block: users scored at once.
        approximate: on an accelerator, select by `jax.lax.approx_max_k`, which may miss some; elsewhere an error.
        key: of the order of equally scored items, one for all users; None: they are in ascending order.

    Returns:
        `[users, n]` items; −1 fills a list when fewer may be shown. Factors that are equal tie, while scores that
        are equal but for rounding may change places between platforms.

    Raises:
        ValueError: shapes that do not fit, an unknown similarity, NaN or infinite values.
    """
    users, factors, exclude, hidden = prepared(users, factors, exclude, allowed, similarity)
    n, block = whole(n, "n"), whole(block, "block")
    if key is not None:
        # Equals go to the lower place, which is any item's.
        order = np.asarray(jax.random.permutation(key, len(factors)))
        options: dict[str, Any] = {"allowed": ~hidden[order], "block": block, "approximate": approximate}
        places = top_items(users, factors[order], n, exclude=None if exclude is None else exclude[:, order], **options)
        return np.where(places < 0, places, order[places])
    on_cpu = jax.default_backend() == "cpu"
    if approximate and on_cpu:
        raise ValueError("approximate selection needs an accelerator: on a CPU the exact one is as fast")
    found = np.full((len(users), n), -1, np.int32)
    width = min(n, len(factors))
    if not width:
        return found
    if on_cpu:
        # XLA's sort-based top-k is slow on CPU; NumPy's partial selection is not, a block's rows in threads.
        filler = -len(factors) % _GROUP
        factors, hidden = np.pad(factors, ((0, filler), (0, 0))), np.pad(hidden, (0, filler), constant_values=True)
        buffer = np.empty((min(block, len(users)), len(factors)), np.float32)
        for start in range(0, len(users), block):
            part = users[start : start + block]
            values = np.matmul(part, factors.T, out=buffer[: len(part)])
            hide(values, hidden, exclude, start)
            found[start : start + len(part), :width] = _select(values, width)
        return found
    best = jax.lax.approx_max_k if approximate else jax.lax.top_k
    for start, scores in _score_blocks(users, jnp.asarray(factors), block):
        mask = np.zeros((block, len(factors)), np.float32)
        hide(mask, hidden, exclude, start)
        best_scores, items = best(scores + mask, width)
        chosen = np.where(np.isneginf(np.asarray(best_scores)), -1, np.asarray(items))
        found[start : start + block, :width] = chosen[: len(users) - start]
    return found


def score_blocks(
    users: Float[np.ndarray, "users d"],
    factors: Float[np.ndarray, "items d"],
    *,
    exclude: sparray | spmatrix | None = None,
    allowed: np.ndarray | None = None,
    similarity: str = "dot",
    block: int = _BLOCK,
) -> Iterator[Float[np.ndarray, "some_users items"]]:
    """The scores that `top_items` ranks by, a block of users at a time, for `evaluation.expected_ranking_scores`.

    Each user's are up to a factor, which changes no list.

    Args:
        users: `[users, d]` profiles.
        factors: `[items, d]`.
        exclude: see `top_items`.
        allowed: see `top_items`.
        similarity: `"dot"` or `"cosine"`.
        block: users of a block.

    Returns:
        An iterator of `[block, items]` float32, in the users' order; −∞ for what is not shown. Items of equal factors
        have equal scores.

    Raises:
        ValueError: as `top_items`.

    >>> [(scores > 0).tolist() for scores in score_blocks(np.eye(2), np.eye(2), block=1)]
    [[[True, False]], [[False, True]]]
    """
    users, factors, exclude, hidden = prepared(users, factors, exclude, allowed, similarity)
    block = whole(block, "block")
    # Products of equal rows may differ by their place in a matrix.
    distinct, row = np.unique(factors, axis=0, return_inverse=True)

    def blocks() -> Iterator[np.ndarray]:
        for start in range(0, len(users), block):
            scores = (users[start : start + block] @ distinct.T)[:, row]
            hide(scores, hidden, exclude, start)
            yield scores

    return blocks()


def recommend(
    history: dict[int, float],
    factors: Float[np.ndarray, "items d"],
    n: int = 20,
    *,
    similarity: str = "cosine",
) -> list[int]:
    """Items for one person's own songs.

    Args:
        history: item → plays; these are not shown again.
        factors: `[items, d]`.
        n: how many, at most.
        similarity: `"dot"` or `"cosine"`.

    Returns:
        Item numbers, the best first.

    Raises:
        ValueError: an empty history, or an item that does not exist.
    """
    from scipy.sparse import csr_array

    items, factors = np.array(sorted(history), int), numbers(factors)
    if not len(items):
        raise ValueError("the history is empty: name at least one song")
    if (unknown := items[(items < 0) | (items >= len(factors))]).size:
        raise ValueError(f"the history names item {unknown[0]}, there are items 0 to {len(factors) - 1}")
    places, shape = (np.zeros(len(items), int), items), (1, len(factors))
    plays = csr_array((np.array([history[i] for i in items], float), places), shape)
    # A song with 0 plays is known, too.
    known = csr_array((np.ones(len(items)), places), shape)
    found = top_items(profiles(plays, factors), factors, n, exclude=known, similarity=similarity)[0]
    return [int(item) for item in found if item >= 0]


def similar_items(
    items: Int[np.ndarray, " m"], factors: Float[np.ndarray, "items d"], n: int = 20
) -> Int[np.ndarray, "m n"]:
    """The n items nearest to each of some, by cosine, themselves left out.

    Args:
        items: `[m]` int.
        factors: `[items, d]`.
        n: neighbours of each.

    Returns:
        `[m, n]` items, the nearest first; −1 fills up where there are fewer. Ties go to the lower item.

    Raises:
        ValueError: an item that does not exist; otherwise as `top_items`.
    """
    from scipy.sparse import csr_array

    items, factors = np.asarray(items), numbers(factors)
    if items.ndim != 1 or items.dtype.kind not in "iu" or not ((items >= 0) & (items < len(factors))).all():
        raise ValueError(f"items must be whole numbers [m] from 0 to {len(factors) - 1}")
    itself = csr_array((np.ones(len(items)), (np.arange(len(items)), items)), (len(items), len(factors)))
    return top_items(factors[items], factors, n, exclude=itself, similarity="cosine")


def _score_blocks(users: np.ndarray, factors: jax.Array, block: int) -> Iterator[tuple[int, jax.Array]]:
    """(first user, scores `[block, items]`); the last block is filled up, so that one compilation serves all."""
    for start in range(0, len(users), block):
        part = users[start : start + block]
        yield start, products(jnp.asarray(np.pad(part, ((0, block - len(part)), (0, 0)))), factors)


def _select(values: np.ndarray, width: int) -> np.ndarray:
    """The `width` best columns of each row, the best first, ties to the lower column; −1 for −∞."""
    # NumPy lets go of the interpreter while it sorts.
    with ThreadPoolExecutor() as pool:
        parts = np.array_split(values, max(1, len(values) // 64))
        return np.concatenate(list(pool.map(lambda part: _best_columns(part, width), parts)))


def _best_columns(values: np.ndarray, width: int) -> np.ndarray:
    """`_select` of a few rows: partitioning values is faster than partitioning their columns."""
    size = values.shape[1]
    last = np.partition(values, size - width, axis=1)[:, size - width]
    kept = np.flatnonzero(values >= last[:, None])
    ends = np.searchsorted(kept, np.arange(len(values) + 1) * size)
    tied = np.flatnonzero(np.diff(ends) > width)  # more columns than places: the last place is shared
    if not len(tied):
        return _ordered(values, kept.reshape(-1, width))
    found = np.empty((len(values), width), np.int64)
    clear = np.setdiff1d(np.arange(len(values)), tied)
    is_clear = np.repeat(np.diff(ends) == width, np.diff(ends))
    found[clear] = _ordered(values, kept[is_clear].reshape(-1, width))
    for row in tied:
        found[row] = _ordered(values, kept[None, ends[row] : ends[row + 1]])[0, :width]
    return found


def _ordered(values: np.ndarray, places: np.ndarray) -> np.ndarray:
    """Columns of `places` in the flat `values`, in descending order of value, ties to the lower column; −1 for −∞."""
    # One integer that sorts as the value does, and then as the place from the right does. 0 is added for −0.
    scores = values.ravel()[places] + np.float32(0)
    bits = scores.view(np.int32)
    rank = np.where(bits < 0, bits ^ np.int32(0x7FFFFFFF), bits).astype(np.int64)
    from_right = np.arange(places.shape[1])[::-1]
    keys = np.sort((rank << 32) | from_right, axis=1)[:, ::-1]
    order = places.shape[1] - 1 - (keys & 0xFFFFFFFF)
    columns = np.take_along_axis(places, order, axis=1) % values.shape[1]
    has_hidden = np.isneginf(scores)
    return np.where(np.take_along_axis(has_hidden, order, axis=1), -1, columns) if has_hidden.any() else columns
