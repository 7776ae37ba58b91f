"""Ranks, recall and precision of embeddings that should find each other, with their chance levels."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import permutations

import numpy as np
from jaxtyping import Bool, Float, Int

from jaxmusic._arrays import float64, whole
from jaxmusic.evaluation.label_sets import Labels, scores_by_labels
from jaxmusic.evaluation.similarities import SIMILARITIES, better_and_tied, ordered, prepared

__all__ = ["SIMILARITIES", "cross_modal_retrieval", "query_scores", "ranks", "retrieval_scores"]


def ranks(
    queries: Float[np.ndarray, "n d"],
    gallery: Float[np.ndarray, "m d"],
    *,
    target: Int[np.ndarray, " n"] | None = None,
    similarity: str = "cosine",
    block: int = 1024,
) -> Float[np.ndarray, " n"]:
    """Rank of each query's own item in the gallery, 1 being best.

    Items as similar as the true one count half: a constant embedding gets the middle rank, never the first. Neither
    the unit of the embeddings nor how near they lie to each other changes a rank: what single precision cannot tell
    apart is decided by differences in double precision, and as similar is what those cannot tell apart.

    Args:
        queries: `[n, d]`.
        gallery: `[m, d]`.
        target: `[n]` position of each query's item in the gallery; default query i → item i.
        similarity: `"cosine"`, `"dot"` or `"euclidean"` (the negative distance).
        block: queries scored at once, which bounds memory to `block · m`.

    Returns:
        `[n]` float64.

    Raises:
        ValueError: shapes that don't match, NaN or infinite values, an unknown similarity, targets not in the gallery.

    >>> ranks(np.eye(3), np.eye(3)).tolist(), ranks(np.ones((3, 2)), np.ones((3, 2))).tolist()
    ([1.0, 1.0, 1.0], [2.0, 2.0, 2.0])
    """
    better, tied = _better_and_tied(queries, gallery, target, similarity, block)
    return 1 + better + tied / 2


def retrieval_scores(
    queries: Float[np.ndarray, "n d"],
    gallery: Float[np.ndarray, "n d"],
    *,
    labels: Labels | None = None,
    ks: Sequence[int] = (1, 5, 10),
    similarity: str = "cosine",
    block: int = 1024,
) -> dict[str, float]:
    """How well query i finds item i, and items of its class, beside what chance would give.

    Ties are neither luck nor merit: every score is its expectation over the orders of equally similar items, so that a
    constant embedding scores chance exactly.

    Args:
        queries: `[n, d]`.
        gallery: `[n, d]`, row i belonging to query i.
        labels: `[n]` classes, or several by name, whose scores are then `class/<score>/<name>`; "" is unknown: no
            query, and no item of anyone's class. Nor does a query count whose class nobody else has.
        ks: cut-offs.
        similarity: see `ranks`.
        block: see `ranks`.

    Returns:
        `recall@k`, `mrr`, `map` (equal to `mrr`: one relevant item), `median_rank`; with labels also `class/recall@k`
        (any of the first k is of the query's class, "Hybrid Multimodal Music Clustering via Joint VAE" (2026), §3.4.4),
        `class/precision@k` (over min(k, n − 1) items) and `class/map`. The query's own item is left out of the class
        scores, so that finding it is no merit there. Each has a `chance/…` beside it, its expectation under a random
        order: min(k / n, 1), Hₙ / n, (n + 1) / 2, and for the classes the hypergeometric expectations for each query's
        number of relevant items, averaged over queries.

    Raises:
        ValueError: as `ranks`; fewer than two pairs, labels or cut-offs that don't fit.
    """
    queries, gallery = float64(queries, "queries", 2), float64(gallery, "gallery", 2)
    n = len(queries)
    if len(gallery) != n:
        raise ValueError(f"{n} queries and {len(gallery)} items: row i of both must belong together")
    if n < 2:
        raise ValueError(f"retrieval needs two pairs at least, got {n}")
    if len(ks) == 0 or min(ks) < 1:
        raise ValueError(f"cut-offs are 1 and more, got {tuple(ks)}")
    found = query_scores(queries, gallery, ks=ks, similarity=similarity, block=block)
    chance = float(np.cumsum(1 / np.arange(1, n + 1))[-1] / n)
    scores: dict[str, float] = {}
    for k in ks:
        scores |= {f"recall@{k}": float(found[f"recall@{k}"].mean()), f"chance/recall@{k}": min(k, n) / n}
    mrr = float(found["mrr"].mean())
    scores |= {"mrr": mrr, "chance/mrr": chance, "map": mrr, "chance/map": chance}
    scores |= {"median_rank": float(np.median(found["rank"])), "chance/median_rank": (n + 1) / 2}
    return scores | scores_by_labels(
        labels, lambda classes: _class_scores(queries, gallery, classes, ks, similarity, block)
    )


def query_scores(
    queries: Float[np.ndarray, "n d"],
    gallery: Float[np.ndarray, "n d"],
    *,
    ks: Sequence[int] = (1, 5, 10),
    similarity: str = "cosine",
    block: int = 1024,
) -> dict[str, Float[np.ndarray, " n"]]:
    """The scores of every single query, whose means `retrieval_scores` gives: for intervals and paired comparisons.

    Args:
        queries, gallery, ks, similarity, block: see `retrieval_scores`.

    Returns:
        `recall@k`, `mrr` and `rank`, each `[n]` float64; with ties, expectations over the orders of equal items.

    Raises:
        ValueError: as `ranks`.

    >>> query_scores(np.eye(2), np.array([[1.0, 0.0], [1.0, 0.0]]), ks=(1,))["recall@1"].tolist()
    [0.5, 0.5]
    """
    better, tied = _better_and_tied(queries, gallery, None, similarity, block)
    harmonic = np.concatenate([[0.0], np.cumsum(1 / np.arange(1, len(gallery) + 1))])
    # Of the tied + 1 places that the own item may take, those within the first k.
    scores = {f"recall@{k}": np.clip((k - better) / (tied + 1), 0, 1) for k in ks}
    scores["mrr"] = (harmonic[better + tied + 1] - harmonic[better]) / (tied + 1)
    scores["rank"] = 1 + better + tied / 2
    return scores


def cross_modal_retrieval(
    audio: Float[np.ndarray, "n d"] | Mapping[str, Float[np.ndarray, "n d"]],
    lyrics: Float[np.ndarray, "n d"] | None = None,
    *,
    labels: Labels | None = None,
    ks: Sequence[int] = (1, 5, 10),
) -> dict[str, dict[str, float]]:
    """`retrieval_scores` between modalities in every direction, such as `"lyrics_to_audio"` and `"audio_to_lyrics"`.

    Args:
        audio: `[n, d]` embeddings; or those of any modalities by name, two at least.
        lyrics: `[n, d]`, row i belonging to row i of `audio`; None where a mapping holds them all.
        labels: see `retrieval_scores`.
        ks: see `retrieval_scores`.

    Returns:
        direction `<query>_to_<item>` → the scores of `retrieval_scores`, chance included.

    Raises:
        ValueError: a mapping and `lyrics`, or fewer than two modalities; otherwise as `retrieval_scores`.

    >>> sorted(cross_modal_retrieval({"sound": np.eye(3), "tags": np.eye(3), "words": np.eye(3)}))[:3]
    ['sound_to_tags', 'sound_to_words', 'tags_to_sound']
    """
    if isinstance(audio, Mapping) == (lyrics is not None):
        raise ValueError("give two arrays, or one mapping from names to arrays")
    embedded = dict(audio) if isinstance(audio, Mapping) else {"audio": audio, "lyrics": np.asarray(lyrics)}
    if len(embedded) < 2:
        raise ValueError(f"retrieval between modalities needs two, got {sorted(embedded)}")
    # The second finds the first before the first finds the second.
    return {
        f"{query}_to_{item}": retrieval_scores(embedded[query], embedded[item], labels=labels, ks=ks)
        for query, item in permutations(reversed(list(embedded)), 2)
    }


def _better_and_tied(
    queries: np.ndarray, gallery: np.ndarray, target: Int[np.ndarray, " n"] | None, similarity: str, block: int
) -> tuple[Int[np.ndarray, " n"], Int[np.ndarray, " n"]]:
    """How many items are more similar than the query's own, and how many others are as similar."""
    embeddings = prepared(queries, gallery, similarity)
    n, m = len(embeddings.queries), len(embeddings.gallery)
    if target is None:
        if n > m:
            raise ValueError(f"{n} queries for {m} items: say with target= which belong together")
        target = np.arange(n)
    target = np.asarray(target)
    if target.shape != (n,) or target.dtype.kind not in "iu" or not ((target >= 0) & (target < m)).all():
        raise ValueError(f"target must hold {n} whole positions from 0 to {m - 1}")
    block = whole(block, "block")
    counts = [
        np.stack(better_and_tied(embeddings, slice(start, min(start + block, n)), target[start : start + block]))
        for start in range(0, n, block)
    ]
    better, tied = np.concatenate([np.zeros((2, 0), np.int64), *counts], axis=1)
    return better, tied


def _class_scores(
    queries: np.ndarray, gallery: np.ndarray, labels: np.ndarray, ks: Sequence[int], similarity: str, block: int
) -> dict[str, float]:
    embeddings, n = prepared(queries, gallery, similarity), len(queries)
    if labels.shape != (n,):
        raise ValueError(f"labels have shape {labels.shape} for {n} pairs")
    _, codes, sizes = np.unique(labels.astype(str), return_inverse=True, return_counts=True)
    others = sizes[codes] - 1
    rows = np.flatnonzero((labels != "") & (others > 0))
    found = []
    # Sorting and its bookkeeping take many times the memory of the similarities alone.
    step = max(block // 8, 1)
    for start in range(0, len(rows), step):
        part = rows[start : start + step]
        order, opens = ordered(embeddings, part)
        found.append(expected_scores(opens, codes[order] == codes[part][:, None], ks))
    # Chance is one group of ties, for every number of relevant items that occurs.
    counts, weights = np.unique(others[rows], return_counts=True)
    is_relevant = np.arange(n - 1) < counts[:, None]
    opens = np.broadcast_to(np.arange(n - 1) == 0, is_relevant.shape)
    chance = expected_scores(opens, is_relevant, ks)
    scores_of: dict[str, float] = {}
    for name, values in chance.items():
        nothing = len(rows) == 0
        scores_of[name] = float("nan") if nothing else float(np.concatenate([f[name] for f in found]).mean())
        scores_of[f"chance/{name}"] = float("nan") if nothing else float(np.average(values, weights=weights))
    return scores_of


def expected_scores(
    opens: Bool[np.ndarray, "rows items"], is_relevant: Bool[np.ndarray, "rows items"], ks: Sequence[int]
) -> dict[str, Float[np.ndarray, " rows"]]:
    """Class scores of rankings, each the mean over all orders of equally similar items; `opens` where such begin.

    In a group of t ties with r relevant items, every place holds one with probability r / t; and where it does, each
    of the group's places before it does so with probability (r − 1) / (t − 1).
    """
    from scipy.stats import hypergeom

    items = opens.shape[1]
    place = np.arange(items)
    closes = np.roll(opens, -1, axis=1)
    first = np.maximum.accumulate(np.where(opens, place, 0), axis=1)
    last = np.minimum.accumulate(np.where(closes, place, items)[:, ::-1], axis=1)[:, ::-1]
    total = np.pad(np.cumsum(is_relevant, axis=1), ((0, 0), (1, 0)))
    before = np.take_along_axis(total, first, axis=1)
    relevant, size = np.take_along_axis(total, last + 1, axis=1) - before, last - first + 1
    share = relevant / size
    ahead = 1 + before + (place - first) * (relevant - 1) / np.maximum(size - 1, 1)
    expected = {"class/map": (share * ahead / (place + 1)).sum(axis=1) / total[:, -1]}
    for k in ks:
        end = min(k, items) - 1
        drawn = end - first[:, end] + 1
        is_missed = hypergeom.pmf(0, size[:, end], relevant[:, end], drawn)
        expected[f"class/recall@{k}"] = np.where(before[:, end] > 0, 1.0, 1 - is_missed)
        expected[f"class/precision@{k}"] = share[:, : end + 1].mean(axis=1)
    return expected
