"""Hybrid-language clustering: which way to make the text gives Table 2's winning rows, all eighteen numbers of them?

A protocol says how long the sound was, how many sentences there are and how they are shared out, what decides a track's
sentence, and how it is embedded. Every protocol is scored as the document scores: Ward and K-means (k = 8) on the
hybrid features and K-means on the audio features, all three in the hybrid space.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from itertools import product
from typing import NamedTuple

import numpy as np

from documents.hybrid_language_vae.pipeline import TEXT_COLUMNS, levels_of
from documents.hybrid_language_vae.scores import DESCRIPTORS, EXTERNAL, INTERNAL
from documents.hybrid_language_vae.sources import Tracks
from jaxmusic import evaluation
from jaxmusic.data.preprocessing import fit_standardizer
from jaxmusic.text import describe, fit_terciles

METHODS = {"agglomerative": "Ward, hybrid", "hybrid_kmeans": "K-means, hybrid", "raw": "K-means, audio features"}
_METRICS = (*INTERNAL, *EXTERNAL[:3])
K = 8
Encoder = Callable[[list[str]], np.ndarray]
# Shares of the sentences by rank: all alike; each .7 or .5 of the one before it; half of the tracks in one.
_SHARES: Mapping[str, Callable[[int], np.ndarray]] = {
    "even": lambda n: np.ones(n),
    "falling by .7": lambda n: 0.7 ** np.arange(n),
    "falling by .5": lambda n: 0.5 ** np.arange(n),
    "half in one": lambda n: np.concatenate([[max(n - 1, 1)], np.ones(n - 1)]),
}


class Protocol(NamedTuple):
    """A way to give every track a sentence."""

    seconds: int = 30
    sentences: int = 8
    shares: str = "even"
    source: str = "chance"  # chance; a descriptor, whose quantiles are the sentences; "own sentence"; "own frames"
    kept: float = 1.0  # share of the tracks that have the sentence of their source; the others' are shuffled
    default: float = 0.0  # share of the tracks that have one fixed sentence, as after a feature that failed
    failed: float = 0.0  # share of the tracks without sound: all audio columns 0, and a sentence of their own
    embedding: str = "one-hot"  # or MiniLM

    def __str__(self) -> str:
        said = f"{self.seconds} s, {self.embedding}, "
        if self.source.startswith("own"):
            said += {"own sentence": "own sentences", "own frames": "levels among the track's own frames"}[self.source]
        else:
            said += f"{self.sentences} sentences ({self.shares}) by {self.source}"
        said += f", {self.kept:.0%} kept" if self.kept < 1 else ""
        said += f", {self.default:.0%} with a default" if self.default else ""
        return said + (f", {self.failed:.0%} without sound" if self.failed else "")


def first_protocols() -> list[Protocol]:
    """The grid that is searched first."""
    counts = (2, 3, 4, 5, 6, 7, 8, 9, 10, 12)
    found = []
    for seconds, embedding in product((3, 30), ("one-hot", "MiniLM")):
        base = Protocol(seconds, embedding=embedding)
        # The document's three seconds are searched finer.
        shares = _SHARES if seconds == 3 else ("even",)
        found += [base._replace(sentences=n, shares=name) for n, name in product(counts, shares)]
        found += [base._replace(source=source) for source in ("own sentence", "own frames")]
        found += [base._replace(source="own sentence", default=share) for share in (0.5, 0.9)]
        found += [base._replace(sentences=n, failed=share) for n, share in product((6, 7, 8), (0.01, 0.03, 0.1))]
        if embedding == "one-hot":
            found += [base._replace(sentences=n, source=name) for n, name in product((3, 8), DESCRIPTORS)]
    return found


def refined(protocol: Protocol) -> list[Protocol]:
    """Neighbours of a protocol by chance: the sentence follows a descriptor for some of the tracks."""
    if protocol.source != "chance":
        return []
    return [protocol._replace(source=name, kept=kept) for name, kept in product(DESCRIPTORS, (0.1, 0.2, 0.4))]


def sentences_of(tracks: Tracks, protocol: Protocol, rng: np.random.Generator) -> tuple[np.ndarray, list[str]]:
    """`[n]` number of each track's sentence, and the sentences."""
    n, own = len(tracks.genre), describe(tracks.descriptors, fit_terciles(tracks.descriptors))
    if protocol.source == "own sentence":
        texts, number = np.unique(own, return_inverse=True)
    elif protocol.source == "own frames":
        # Tempo by its fixed limits, energy and brightness by the terciles of the track's own frames, rhythm fixed.
        levels = levels_of(tracks.descriptors, fit_terciles(tracks.descriptors))
        codes = levels[:, 0] * 9 + tracks.levels @ np.array([3, 1])
        texts, number = np.array(_texts())[::3], codes
        texts, number = np.unique(texts[number], return_inverse=True)
    else:
        by_chance = protocol.source == "chance"
        values = rng.random(n) if by_chance else tracks.descriptors[:, DESCRIPTORS.index(protocol.source)]
        ends = np.cumsum(_SHARES[protocol.shares](protocol.sentences))
        rank = np.argsort(np.lexsort((rng.random(n), values)))
        number = np.searchsorted(ends / ends[-1], (rank + 0.5) / n)
        texts = rng.permutation(_texts())[: protocol.sentences]
    moved = np.flatnonzero(rng.random(n) >= protocol.kept)
    number[moved] = number[rng.permutation(moved)]
    if protocol.default:
        number = np.where(rng.random(n) < protocol.default, np.argmax(np.bincount(number)), number)
    if protocol.failed:
        number = np.where(tracks.audio.any(1), number, number.max() + 1)
        texts = np.append(texts, "Audio with medium tempo, low energy, dark sound, simple rhythm")
    return number, [str(text) for text in texts]


def without_sound(tracks: Tracks, share: float, seed: int) -> Tracks:
    """The tracks, a share of which could not be read and have zeros for features."""
    lost = np.random.default_rng(seed).random(len(tracks.genre)) < share
    return tracks._replace(audio=np.where(lost[:, None], 0.0, tracks.audio))


def _texts() -> list[str]:
    """All 81 sentences, tempo changing slowest."""
    values = np.array(list(product((80.0, 100.0, 140.0), *[(0.0, 0.5, 1.0)] * 3)))
    return describe(values, fit_terciles(values))


def text_columns(number: np.ndarray, texts: Sequence[str], encoder: Encoder | None) -> np.ndarray:
    """Standardised columns of the sentences, `[n, at most as many as there are sentences]`.

    They are rotated into the space that the sentences span: distances between tracks, and so all scores, are those of
    the `TEXT_COLUMNS` columns.
    """
    used, number = np.unique(number, return_inverse=True)
    columns = np.eye(len(used)) if encoder is None else np.asarray(encoder([texts[i] for i in used]), float)
    weights = np.bincount(number) / len(number)
    centred = columns - weights @ columns
    deviation = np.sqrt(weights @ centred**2)
    scaled = centred / np.where(deviation > 1e-9, deviation, np.inf) * np.sqrt(TEXT_COLUMNS / columns.shape[1])
    left, values, _ = np.linalg.svd(scaled, full_matrices=False)
    return (left * values)[number]


def score(
    tracks: Tracks, raw: np.ndarray, protocol: Protocol, encoder: Encoder | None, seed: int
) -> dict[tuple[str, str], float]:
    """(method, metric) → value: the eighteen numbers.

    Args:
        tracks: of the protocol's length.
        raw: `[n]` K-means of their standardised audio columns.
        protocol: how the text is made.
        encoder: texts → embeddings, for a protocol that takes them.
        seed: of the draws and of K-means.
    """
    number, texts = sentences_of(tracks, protocol, np.random.default_rng(seed))
    text = text_columns(number, texts, encoder if protocol.embedding != "one-hot" else None)
    hybrid = np.concatenate([fit_standardizer(tracks.audio)(tracks.audio), text], axis=1)
    found: dict[tuple[str, str], float] = {}
    for method, clusters in (
        ("agglomerative", evaluation.agglomerative(hybrid, K)),
        ("hybrid_kmeans", evaluation.kmeans(hybrid, K, seed=seed)),
        ("raw", raw),
    ):
        scores = evaluation.clustering_scores(hybrid, clusters, labels=tracks.genre)
        found |= {(method, metric): scores[metric] for metric in _METRICS}
    return found


def difference(found: Mapping[tuple[str, str], float], reported: Mapping[tuple[str, str], float]) -> float:
    """Mean of |a − b| / (|a| + |b|) over the eighteen numbers: 0 where all agree, 1 for another sign or size.

    It needs a single run, and ranks protocols before those that fit best are run often enough for intervals.
    """
    return float(np.mean([abs(found[key] - x) / (abs(found[key]) + abs(x)) for key, x in reported.items()]))
