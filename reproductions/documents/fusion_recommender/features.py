"""Fusion recommender: songs → feature blocks, standardised and reduced on the training songs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from jaxtyping import Float, Int

from documents.fusion_recommender.config import Config
from jaxmusic import data, models, text
from jaxmusic.data.preprocessing import fit_standardizer

FIELDS = ("title", "album", "artist")
# Widths of the reduced features are filled up to a multiple of this, so that seeds share a compiled program.
_WIDTH_STEP = 32


def features(
    config: Config, songs: data.MillionSongs, fit: Int[np.ndarray, " rows"], seed: int
) -> tuple[dict[str, np.ndarray], dict[str, np.ndarray], dict[str, Any]]:
    """Feature blocks, standardised on `fit`; their masks; and how they were made."""
    dataset = songs.songs
    pretrained = text.load_word_vectors(config.word_vectors) if config.word_vectors else None
    blocks: dict[str, np.ndarray] = {}
    masks: dict[str, np.ndarray] = {}
    for field in FIELDS:
        lists = [text.words(str(value)) for value in dataset.modalities[field]]
        vectors = text.fit_word_vectors(
            [lists[i] for i in fit],
            size=config.words.field_size,
            seed=seed,
            epochs=config.words.field_epochs,
            window=5,
            pretrained=pretrained,
        )
        found, has = vectors.mean(lists)
        blocks[field], masks[field] = _standardized(found, has, fit), has
    popularity = "artist_familiarity" if config.popularity == "familiarity" else "artist_hotttnesss"
    columns = []
    for name in ("duration", popularity, "year"):
        mask = dataset.masks[name]
        columns += [_standardized(dataset.modalities[name][:, None], mask, fit), _mask_column(mask, fit)]
    blocks["numbers"], masks["numbers"] = np.hstack(columns), np.ones(len(dataset), bool)
    facts: dict[str, Any] = {"word vectors": "fine-tuned" if pretrained is not None else "from scratch"}
    if config.lyrics != "none":
        has = dataset.masks["lyrics"]
        if has[fit].sum() < 2:
            facts["lyrics"] = "left out: fewer than two training songs have a bag of words"
        else:
            found, facts["lyrics"] = lyric_vectors(config, songs, fit, seed)
            blocks["lyrics"] = np.hstack([_standardized(found, has, fit), _mask_column(has, fit)])
            masks["lyrics"] = has
    return blocks, masks, facts


def lyric_vectors(
    config: Config, songs: data.MillionSongs, fit: np.ndarray, seed: int
) -> tuple[Float[np.ndarray, "n d"], str]:
    """Vectors of the bags of words (0 where there is none), and what made them."""
    from sklearn.decomposition import TruncatedSVD
    from sklearn.feature_extraction.text import TfidfTransformer

    has = songs.songs.masks["lyrics"]
    rows = fit[has[fit]]
    weights = TfidfTransformer().fit(songs.bags[rows]).transform(songs.bags).tocsr()
    if config.lyrics == "svd":
        size = min(config.words.lyrics_size, len(rows) - 1, weights.shape[1] - 1)
        svd = TruncatedSVD(size, random_state=seed).fit(weights[rows])
        return svd.transform(weights).astype(np.float32), f"TF-IDF, {size} components of an SVD (no transformer)"
    texts = [_word_counts(config, songs, weights, row) if has[row] else "" for row in range(len(has))]
    encoder = text.sentence_encoder(config.lyrics, transformer=models.TextTransformer, cache=config.out / "work")
    encoder.record["format"] = f"word:count of the {config.words.top_words} words of largest TF-IDF"
    return np.asarray(encoder(texts)), "; ".join(f"{key} {value}" for key, value in encoder.record.items())


def _word_counts(config: Config, songs: data.MillionSongs, weights: Any, row: int) -> str:
    """`word:count` of a song's words of largest TF-IDF, the largest first."""
    span = slice(weights.indptr[row], weights.indptr[row + 1])
    columns, values = weights.indices[span], weights.data[span]
    order = columns[np.argsort(-values, kind="stable")][: config.words.top_words]
    counts = songs.bags[[row]].toarray()[0]
    return " ".join(f"{songs.words[column]}:{int(counts[column])}" for column in order)


def _standardized(x: np.ndarray, mask: np.ndarray, fit: np.ndarray) -> np.ndarray:
    """Z-scores by the rows of `fit` that have a value; 0, their mean, where there is none."""
    rows = fit[mask[fit]]
    if not len(rows):
        return np.zeros(x.shape, np.float32)
    return np.where(mask[:, None], fit_standardizer(x[rows])(x), 0).astype(np.float32)


def _mask_column(mask: np.ndarray, fit: np.ndarray) -> np.ndarray:
    return fit_standardizer(mask[fit][:, None])(mask[:, None].astype(np.float64))


def reduce(blocks: Sequence[np.ndarray], fit: np.ndarray, variance: float) -> tuple[Float[np.ndarray, "n d"], int]:
    """Blocks side by side, standardised, then the principal components that hold `variance`; zero columns fill up."""
    from sklearn.decomposition import PCA

    x = np.hstack(blocks).astype(np.float64)
    x = fit_standardizer(x[fit])(x).astype(np.float64)
    pca = PCA(variance, svd_solver="full").fit(x[fit])
    found = pca.transform(x).astype(np.float32)
    return np.pad(found, ((0, 0), (0, -found.shape[1] % _WIDTH_STEP))), found.shape[1]
