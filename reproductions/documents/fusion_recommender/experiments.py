"""Fusion recommender: what the document tuned or left open, each on few seeds.

Tag clusters over k, the ways to fuse, and a search over depth, width and dropout.
"""

from __future__ import annotations

from functools import partial
from typing import Any

import jax
import numpy as np
import runs
from records import tidy

from documents.fusion_recommender import pipeline
from documents.fusion_recommender.config import Config
from documents.fusion_recommender.variants import TABLE1, VARIANTS
from jaxmusic import data, models, text
from jaxmusic.evaluation import kmeans_sweep

WIDTHS = {
    "document, 256-128-128-256-512": (256, 128, 128, 256, 512),
    "narrow, 128-64-64-128-256": (128, 64, 64, 128, 256),
    "shallow, 256-512": (256, 512),
    "one layer, 256": (256,),
}
DROPOUTS = (0.2, 0.5, 0.7)


def tasks(config: Config, songs: data.MillionSongs) -> dict[str, runs.Task]:
    """All experiments by name, each a JSON value."""
    return {
        "clusters": partial(clusters, config, songs),
        "fusions": partial(all_fusions, config, songs),
        "search": partial(search, config, songs),
    }


def clusters(config: Config, songs: data.MillionSongs) -> dict[str, Any]:
    """K-means of the distinct tag lists for k = 2 to 100, in both spaces.

    On all songs: it describes the data, and nothing is trained on it.
    """
    distinct = sorted(set(songs.songs.modalities["tags"]))
    vocabulary = sorted({tag for tags in distinct for tag in tags})
    vectors = text.fit_word_vectors(distinct, size=config.words.tag_size, seed=0, epochs=config.words.tag_epochs)
    spaces = {"multi-hot": text.multi_hot(distinct, vocabulary), "word2vec": vectors.mean(distinct)[0]}
    found: dict[str, Any] = {"lists": len(distinct), "tags": len(vocabulary)}
    for name, x in spaces.items():
        swept = kmeans_sweep(x, range(2, config.experiments.max_k + 1), seed=0)
        found[name] = {field: np.asarray(value).tolist() for field, value in swept._asdict().items()}
        seen = sum(1 for tags in distinct for tag in set(tags))
        found["tags seen once"] = sum(
            1 for count in np.bincount([vocabulary.index(t) for tags in distinct for t in tags]) if count == 1
        )
        found["tags per list"] = seen / len(distinct)
    return found


def all_fusions(config: Config, songs: data.MillionSongs) -> list[dict[str, Any]]:
    """Records of every seed's comparison of fusions."""
    return [
        record
        for seed in range(config.experiments.fusion_seeds)
        for record in tidy(fusions(config, songs, seed), "fusion", "metric", seed=seed)
    ]


def fusions(config: Config, songs: data.MillionSongs, seed: int) -> dict[str, dict[str, float]]:
    """Ways to fuse → test accuracy and balanced accuracy, on blocks that are standardised but not reduced."""
    key = jax.random.fold_in(jax.random.key(2), seed)
    part = pipeline.part_of(config, songs, VARIANTS["random"], jax.random.fold_in(key, 0), seed)
    setting = TABLE1["row2"]
    classes = pipeline.classes_of(part, setting.k, seed)
    # Numbers are always there; the other blocks have masks.
    masks = {name: mask for name, mask in part.masks.items() if name != "numbers"}
    found = {}
    for i, fusion in enumerate(models.MODALITY_FUSIONS):
        scores = pipeline.fit(
            config,
            part,
            classes,
            jax.random.fold_in(key, 1 + i),
            setting,
            inputs=part.blocks,
            masks=masks,
            fusion=fusion,
            epochs=config.experiments.fusion_epochs,
        ).scores
        found[fusion] = {name: scores[name] for name in ("accuracy", "balanced_accuracy", "train_accuracy")}
    return found


def search(config: Config, songs: data.MillionSongs) -> dict[str, list[dict[str, Any]]]:
    """Depth, width and dropout on a validation part of the training songs.

    Returns:
        `cells`: every cell's validation scores; and `chosen`: the test scores of the document's cell and of the one
        with the best validation accuracy, both trained anew on all training songs. Empty lists without a search.
    """
    if not config.experiments.search_epochs:
        return {"cells": [], "chosen": []}
    key = jax.random.key(3)
    part = pipeline.part_of(config, songs, VARIANTS["random"], jax.random.fold_in(key, 0), 0)
    classes = pipeline.classes_of(part, TABLE1["row2"].k, 0)
    own = part.songs.songs.take(part.train)
    kept, valid = data.split(jax.random.fold_in(key, 1), own, (0.85, 0.15), groups=own.ids)

    def cell(name: str, dropout: float, key: jax.Array, rows: tuple[np.ndarray, np.ndarray]) -> dict[str, Any]:
        scores = pipeline.fit(
            config,
            part,
            classes,
            key,
            TABLE1["row2"]._replace(dropout=dropout),
            rows=rows,
            widths=WIDTHS[name],
            epochs=config.experiments.search_epochs,
        ).scores
        metrics = ("accuracy", "balanced_accuracy", "train_accuracy", "parameters")
        return {"widths": name, "dropout": dropout, **{metric: scores[metric] for metric in metrics}}

    rows = part.train[kept], part.train[valid]
    found = [cell(name, dropout, jax.random.fold_in(key, 2), rows) for name in WIDTHS for dropout in DROPOUTS]
    best = max(found, key=lambda scores: scores["accuracy"])
    compared = {"document": (next(iter(WIDTHS)), TABLE1["row2"].dropout), "best": (best["widths"], best["dropout"])}
    chosen = [
        {"of": of, **cell(name, dropout, jax.random.fold_in(key, 3), (part.train, part.test))}
        for of, (name, dropout) in compared.items()
    ]
    return {"cells": found, "chosen": chosen}
