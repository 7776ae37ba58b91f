"""Ranks, recall and precision of embeddings that should find each other, with their chance levels."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from jaxtyping import Float, Int

SIMILARITIES = ("cosine", "dot", "euclidean")


def ranks(
    queries: Float[np.ndarray, "n d"],
    gallery: Float[np.ndarray, "m d"],
    *,
    target: Int[np.ndarray, " n"] | None = None,
    similarity: str = "cosine",
    block: int = 1024,
) -> Float[np.ndarray, " n"]:
    """Rank of each query's own item in the gallery, 1 being best.

    Items as similar as the true one count half: a constant embedding gets the middle rank, never the first.

    Args:
        queries: `[n, d]`.
        gallery: `[m, d]`.
        target: `[n]` position of each query's item in the gallery; default query i → item i.
        similarity: `"cosine"`, `"dot"` or `"euclidean"` (the negative distance).
        block: queries scored at once, which bounds memory to `block · m`.

    Returns:
        `[n]` float64.

    >>> ranks(np.eye(3), np.eye(3)).tolist(), ranks(np.ones((3, 2)), np.ones((3, 2))).tolist()
    ([1.0, 1.0, 1.0], [2.0, 2.0, 2.0])
    """
    queries, gallery = _embeddings(queries, gallery, similarity)
    if target is None:
        if len(queries) > len(gallery):
            raise ValueError(f"{len(queries)} queries for {len(gallery)} items: say with target= which belong together")
        target = np.arange(len(queries))
    found = []
    for start in range(0, len(queries), block):
        scores = _similarities(queries[start : start + block], gallery, similarity)
        own = scores[np.arange(len(scores)), target[start : start + block]][:, None]
        found.append(1 + (scores > own).sum(1) + ((scores == own).sum(1) - 1) / 2)
    return np.concatenate(found)


def retrieval_scores(
    queries: Float[np.ndarray, "n d"],
    gallery: Float[np.ndarray, "n d"],
    *,
    labels: np.ndarray | None = None,
    ks: Sequence[int] = (1, 5, 10),
    similarity: str = "cosine",
    block: int = 1024,
) -> dict[str, float]:
    """How well query i finds item i, and items of its class, beside what chance would give.

    Args:
        queries: `[n, d]`.
        gallery: `[n, d]`, row i belonging to query i.
        labels: `[n]` classes; "" is unknown: no query, and no item of anyone's class.
        ks: cut-offs.
        similarity: see `ranks`.
        block: see `ranks`.

    Returns:
        `recall@k`, `mrr`, `map` (equal to `mrr`: one relevant item), `median_rank`; with labels also `class/recall@k`
        (any of the first k is of the query's class, "Hybrid Multimodal Music Clustering via Joint VAE" (2026), §3.4.4),
        `class/precision@k`, `class/map`. The query's own item is left out of the class scores, so that finding it is no
        merit there. Each has a `chance/…` beside it: the expectation under a random order.
    """
    n = len(queries)
    if len(gallery) != n:
        raise ValueError(f"{n} queries and {len(gallery)} items: row i of both must belong together")
    if n < 2:
        raise ValueError(f"retrieval needs two pairs at least, got {n}")
    rank = ranks(queries, gallery, similarity=similarity, block=block)
    harmonic = float((1 / np.arange(1, n + 1)).sum() / n)
    scores: dict[str, float] = {}
    for k in ks:
        scores |= {f"recall@{k}": float((rank <= k).mean()), f"chance/recall@{k}": min(k, n) / n}
    scores |= {"mrr": float((1 / rank).mean()), "chance/mrr": harmonic}
    scores |= {"map": scores["mrr"], "chance/map": harmonic}
    scores |= {"median_rank": float(np.median(rank)), "chance/median_rank": (n + 1) / 2}
    if labels is not None:
        scores |= _class_scores(queries, gallery, np.asarray(labels), ks, similarity, block)
    return scores


def cross_modal_retrieval(
    audio: Float[np.ndarray, "n d"],
    lyrics: Float[np.ndarray, "n d"],
    *,
    labels: np.ndarray | None = None,
    ks: Sequence[int] = (1, 5, 10),
) -> dict[str, dict[str, float]]:
    """`retrieval_scores` in both directions: `"lyrics_to_audio"` and `"audio_to_lyrics"`."""
    return {
        "lyrics_to_audio": retrieval_scores(lyrics, audio, labels=labels, ks=ks),
        "audio_to_lyrics": retrieval_scores(audio, lyrics, labels=labels, ks=ks),
    }


def _class_scores(
    queries: np.ndarray, gallery: np.ndarray, labels: np.ndarray, ks: Sequence[int], similarity: str, block: int
) -> dict[str, float]:
    queries, gallery = _embeddings(queries, gallery, similarity)
    n = len(queries)
    counts = np.array([(labels == label).sum() - 1 for label in labels])
    rows = np.flatnonzero((labels != "") & (counts > 0))
    names = [f"class/{name}@{k}" for k in ks for name in ("recall", "precision")] + ["class/map"]
    if not len(rows):
        return {prefix + name: float("nan") for name in names for prefix in ("", "chance/")}
    hits, average = [], []
    for start in range(0, len(rows), block):
        part = rows[start : start + block]
        scores = _similarities(queries[part], gallery, similarity)
        scores[np.arange(len(part)), part] = -np.inf
        # A stable order would favour early rows among ties; a fixed shuffle favours none.
        shuffle = np.random.default_rng(0).permutation(n)
        order = shuffle[np.argsort(-scores[:, shuffle], axis=1, kind="stable")][:, : n - 1]
        relevant = labels[order] == labels[part][:, None]
        hits.append(relevant[:, : max(ks)])
        precision = np.cumsum(relevant, 1) / np.arange(1, n)
        average.append((precision * relevant).sum(1) / relevant.sum(1))
    hit, found = np.concatenate(hits), {"class/map": float(np.concatenate(average).mean())}
    chance = {"class/map": float(np.mean([_chance_average_precision(c, n - 1) for c in counts[rows]]))}
    for k in ks:
        found[f"class/recall@{k}"] = float(hit[:, :k].any(1).mean())
        found[f"class/precision@{k}"] = float(hit[:, :k].mean())
        chance[f"class/recall@{k}"] = float(np.mean([1 - _chance_of_none(c, n - 1, k) for c in counts[rows]]))
        chance[f"class/precision@{k}"] = float(np.mean(counts[rows] / (n - 1)))
    return found | {f"chance/{name}": value for name, value in chance.items()}


def _chance_of_none(relevant: int, items: int, k: int) -> float:
    """Probability that k items drawn without replacement hold none of the relevant ones (hypergeometric)."""
    from scipy.stats import hypergeom

    return float(hypergeom.pmf(0, items, relevant, min(k, items)))


def _chance_average_precision(relevant: int, items: int) -> float:
    """Expected average precision of a random order: mean over ranks i of (1 + (i − 1)(r − 1) / (N − 1)) / i."""
    i = np.arange(1, items + 1)
    others = (relevant - 1) / (items - 1) if items > 1 else 0.0
    return float(((1 + (i - 1) * others) / i).mean())


def _embeddings(queries: np.ndarray, gallery: np.ndarray, similarity: str) -> tuple[np.ndarray, np.ndarray]:
    if similarity not in SIMILARITIES:
        raise ValueError(f"similarity {similarity!r} is none of {SIMILARITIES}")
    queries, gallery = np.asarray(queries, np.float32), np.asarray(gallery, np.float32)
    if queries.ndim != 2 or gallery.ndim != 2 or queries.shape[1] != gallery.shape[1]:
        raise ValueError(f"expected [n, d] and [m, d], got {queries.shape} and {gallery.shape}")
    for name, x in (("queries", queries), ("gallery", gallery)):
        if not np.isfinite(x).all():
            raise ValueError(f"{name}: {int((~np.isfinite(x)).any(1).sum())} of {len(x)} rows hold NaN or infinity")
    if similarity == "cosine":
        queries, gallery = (x / np.maximum(np.linalg.norm(x, axis=1, keepdims=True), 1e-12) for x in (queries, gallery))
    return queries, gallery


def _similarities(queries: np.ndarray, gallery: np.ndarray, similarity: str) -> np.ndarray:
    return np.array(_product(queries, gallery, is_distance=similarity == "euclidean"))


@partial(jax.jit, static_argnames="is_distance")
def _product(queries: jax.Array, gallery: jax.Array, *, is_distance: bool) -> jax.Array:
    # Full precision: the short floats that GPUs multiply with by default would change ranks.
    product = jnp.matmul(queries, gallery.T, precision=lax.Precision.HIGHEST)
    return 2 * product - jnp.square(gallery).sum(1) if is_distance else product
