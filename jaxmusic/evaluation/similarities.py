"""Which items are more similar than others: quickly in short floats, and exactly where those are too coarse."""

from __future__ import annotations

from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from jaxtyping import Array, Bool, Float, Int

from jaxmusic._arrays import float64, of_size_one, unit_rows

SIMILARITIES = ("cosine", "dot", "euclidean")
"""Similarities of `ranks` and what is made of it."""

# Numbers that are held at once where differences are computed one by one.
_AT_ONCE = 1 << 22


class Embeddings(NamedTuple):
    """Two sets of vectors in the form that their similarity needs.

    Attributes:
        queries: `[n, d]` float64.
        gallery: `[m, d]` float64.
        similarity: one of `SIMILARITIES`.
        centred: `queries` and `gallery` about the middle of the gallery where the similarity is `"euclidean"`, the same
            otherwise: products lose fewer digits there, and differences, taken of what was given, none.
    """

    queries: np.ndarray
    gallery: np.ndarray
    similarity: str
    centred: tuple[np.ndarray, np.ndarray]


def prepared(queries: np.ndarray, gallery: np.ndarray, similarity: str) -> Embeddings:
    """Checked embeddings in float64, at a size at which nothing over- or underflows.

    Raises:
        ValueError: shapes that don't match, NaN or infinite values, or an unknown similarity.
    """
    if similarity not in SIMILARITIES:
        raise ValueError(f"similarity {similarity!r} is none of {SIMILARITIES}")
    queries, gallery = float64(queries, "queries"), float64(gallery, "gallery")
    if queries.ndim != 2 or gallery.ndim != 2 or queries.shape[1] != gallery.shape[1]:
        raise ValueError(f"expected [n, d] and [m, d], got {queries.shape} and {gallery.shape}")
    for name, x in (("queries", queries), ("gallery", gallery)):
        if not np.isfinite(x).all():
            raise ValueError(f"{name}: {int((~np.isfinite(x)).any(1).sum())} of {len(x)} rows hold NaN or infinity")
    if similarity == "cosine":
        queries, gallery = unit_rows(queries), unit_rows(gallery)
    elif similarity == "dot":
        queries, gallery = of_size_one(queries, axis=1), of_size_one(gallery)
    else:
        both = of_size_one(np.concatenate([queries, gallery]))
        queries, gallery = both[: len(queries)], both[len(queries) :]
        # The median, which a few far items don't move.
        middle = np.median(gallery, axis=0) if len(gallery) else np.zeros(gallery.shape[1])
        return Embeddings(queries, gallery, similarity, (queries - middle, gallery - middle))
    return Embeddings(queries, gallery, similarity, (queries, gallery))


def better_and_tied(
    embeddings: Embeddings, rows: slice, target: Int[np.ndarray, " rows"]
) -> tuple[Int[np.ndarray, " rows"], Int[np.ndarray, " rows"]]:
    """How many items are more similar to each query than its own, and how many others are as similar.

    Args:
        embeddings: from `prepared`.
        rows: the queries.
        target: `[rows]` position of each query's own item in the gallery.

    Returns:
        Two `[rows]` int arrays.
    """
    queries, gallery = embeddings.centred
    part, items = queries[rows].astype(np.float32), gallery.astype(np.float32)
    sure, unsure = _count(part, items, target, is_distance=embeddings.similarity == "euclidean")
    better, tied = np.array(sure, np.int64), np.zeros(len(target), np.int64)
    found = np.flatnonzero(np.asarray(unsure))
    step = max(_AT_ONCE // max(gallery.shape[1], 1), 1)
    for start in range(0, len(found), step):
        row, item = np.divmod(found[start : start + step], len(gallery))
        query = row + rows.start
        gap, rounding = _gap(embeddings, query, item, target[row])
        better += np.bincount(row[gap > rounding], minlength=len(better))
        tied += np.bincount(row[np.abs(gap) <= rounding], minlength=len(better))
    return better, tied


def ordered(
    embeddings: Embeddings, rows: Int[np.ndarray, " rows"]
) -> tuple[Int[np.ndarray, "rows others"], Bool[np.ndarray, "rows others"]]:
    """All items but a query's own, row i of both belonging together, the most similar first.

    Args:
        embeddings: from `prepared`.
        rows: the queries.

    Returns:
        `[rows, m − 1]` items, and where a group of equally similar ones begins.
    """
    queries, gallery = embeddings.centred
    query = queries[rows]
    is_distance = embeddings.similarity == "euclidean"
    # Negative, for sorting puts the least first.
    scores = -query @ gallery.T
    lengths = np.square(gallery).sum(1)
    if is_distance:
        scores *= 2
        scores += lengths
    scores[np.arange(len(rows)), rows] = np.inf
    order = np.argsort(scores, axis=1)[:, :-1]
    rising = np.take_along_axis(scores, order, axis=1)
    margin = _margin(np.sqrt(np.square(query).sum(1)), np.sqrt(lengths.max()), gallery.shape[1], is_distance, float)
    opens = np.ones(order.shape, bool)
    np.greater(np.diff(rising, axis=1), 2 * margin[:, None], out=opens[:, 1:])
    for row in np.flatnonzero(~opens.all(axis=1)):
        order[row], opens[row] = _refined(embeddings, rows[row], order[row], opens[row])
    return order, opens


def _refined(embeddings: Embeddings, query: int, order: np.ndarray, opens: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """One query's order and groups, decided by differences where products are too close to decide."""
    run = np.cumsum(opens)
    unsure = np.flatnonzero(np.bincount(run)[run] > 1)
    first = order[np.searchsorted(run, run[unsure])]  # the item that opens each one's run
    gap, rounding = _gap(embeddings, np.full(len(unsure), query), order[unsure], first)
    by_gap = np.lexsort((-gap, run[unsure]))
    order, opens = order.copy(), opens.copy()
    order[unsure] = order[unsure][by_gap]
    gap, rounding = gap[by_gap], rounding[by_gap]
    inner = ~opens[unsure]
    drop = np.append(np.inf, gap[:-1] - gap[1:]) > np.append(0, np.maximum(rounding[:-1], rounding[1:]))
    opens[unsure[inner]] = drop[inner]
    return order, opens


def _gap(
    embeddings: Embeddings, query: np.ndarray, item: np.ndarray, own: np.ndarray
) -> tuple[Float[np.ndarray, " pairs"], Float[np.ndarray, " pairs"]]:
    """By how much item is more similar to query than own is, and how much of it may be rounding."""
    x, a, b = embeddings.queries[query], embeddings.gallery[item], embeddings.gallery[own]
    rounding = (4 + x.shape[1]) * np.finfo(np.float64).eps
    if embeddings.similarity == "dot":
        products = x * (a - b)
        return products.sum(1), rounding * np.abs(products).sum(1)
    # |x − b|² − |x − a|²: of unit vectors it is twice the difference of their cosines, and close ones lose no digit.
    to_item, to_own = np.square(x - a).sum(1), np.square(x - b).sum(1)
    gap, size = to_own - to_item, to_own + to_item
    if embeddings.similarity == "cosine":
        # Vectors of length 1 are rounded to it; a row of zeros has no direction, and the cosine 0.
        size = size + np.sqrt(size)
        is_zero_item, is_zero_own = ~a.any(1), ~b.any(1)
        gap = np.where(is_zero_item, to_own - 2, np.where(is_zero_own, 2 - to_item, gap))
        gap = np.where((is_zero_item & is_zero_own) | ~x.any(1), 0.0, gap)
    return gap, rounding * size


def _margin(query_length: Any, item_length: Any, width: int, is_distance: bool, dtype: type) -> Any:
    """Bound of the rounding error of scores, for vectors of these lengths; arrays of NumPy or of JAX."""
    size = query_length * item_length
    if is_distance:
        size = 2 * size + item_length**2
    # Half of it is what the worst order of summation makes, and the rounding of the vectors themselves.
    return (width + 4) * float(np.finfo(dtype).eps) * size


@partial(jax.jit, static_argnames="is_distance")
def _count(
    queries: Float[Array, "rows d"], gallery: Float[Array, "m d"], target: Int[Array, " rows"], *, is_distance: bool
) -> tuple[Int[Array, " rows"], Bool[Array, "rows m"]]:
    """How many items are surely more similar than the own one, and which others may be, or may be as similar."""
    # Full precision: the short floats that GPUs multiply with by default would need a far wider margin.
    scores = jnp.matmul(queries, gallery.T, precision=lax.Precision.HIGHEST)
    if is_distance:
        scores = 2 * scores - jnp.square(gallery).sum(1)
    lengths = jnp.sqrt(jnp.square(queries).sum(1))[:, None], jnp.sqrt(jnp.square(gallery).sum(1))
    margin = _margin(*lengths, gallery.shape[1], is_distance, np.float32)
    own, own_margin = (jnp.take_along_axis(x, target[:, None], axis=1) for x in (scores, margin))
    lead, doubt = scores - own, margin + own_margin
    is_other = jnp.arange(scores.shape[1]) != target[:, None]
    return (lead > doubt).sum(1), (jnp.abs(lead) <= doubt) & is_other
