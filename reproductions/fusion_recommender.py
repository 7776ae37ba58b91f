"""Multimodal fusion genre classifier and recommender: the document's tables, their chance levels and their variants.

    python reproductions/fusion_recommender.py                       # embedded corpus, minutes on two cores
    python reproductions/fusion_recommender.py --data FOLDER         # FOLDER holds the Million Song Dataset's files
    python reproductions/fusion_recommender.py --data FOLDER --preset paper --lyrics roberta-base

FOLDER holds `track_metadata.db`, `artist_term.db`, `mxm_dataset_train.txt`, `train_triplets.txt` and, if it likes, the
other official files. Writes `report.md`, `report.json` and figures to `--out`. An interrupted run goes on with
`--resume`, and more `--seeds` extend a finished one.

Expected: accuracy well above the majority rate where an artist has songs on both sides, and little above it where none
has; the net's lists better than random ones and worse than popularity alone; popularity with tag vectors above both.
"""

from __future__ import annotations

import time
from functools import partial
from pathlib import Path
from typing import Any

import documents.fusion_recommender.experiments as experiments
import documents.fusion_recommender.lists as lists
import documents.fusion_recommender.outputs as outputs
import documents.fusion_recommender.pipeline as pipeline
import jax
import runs
from documents.fusion_recommender.config import PRESETS, Config
from documents.fusion_recommender.variants import METADATA_ONLY, TABLE1, VARIANTS
from records import tidy

from jaxmusic import data


def run_seed(config: Config, songs: data.MillionSongs, name: str, seed: int) -> dict[str, Any]:
    """Table 1 and Table 2 of one seed under one variant (JSON)."""
    began = time.perf_counter()
    key = jax.random.fold_in(jax.random.key(0), seed)
    part = pipeline.part_of(config, songs, VARIANTS[name], jax.random.fold_in(key, 0), seed)
    prepared = time.perf_counter()
    sizes = sorted({setting.k for setting in TABLE1.values()} | {config.soft_k})
    classes = {k: pipeline.classes_of(part, k, seed) for k in sizes}
    fitted = {}
    for i, (row, setting) in enumerate(TABLE1.items()):
        fitted[row] = pipeline.fit(
            config, part, classes[setting.k], jax.random.fold_in(key, 10 + i), setting, has_curves=seed == 0
        )
    if "lyrics" in part.blocks:
        fitted[METADATA_ONLY] = pipeline.fit(
            config,
            part,
            classes[TABLE1["row2"].k],
            jax.random.fold_in(key, 20),
            TABLE1["row2"],
            inputs={"features": part.metadata},
        )
    if classes[config.soft_k].k == config.soft_k:
        fitted["soft"] = pipeline.fit(
            config,
            part,
            classes[config.soft_k],
            jax.random.fold_in(key, 21),
            TABLE1["row2"]._replace(k=config.soft_k),
        )
    trained = time.perf_counter()
    found, listened = lists.score(config, part, classes, fitted, seed, jax.random.fold_in(key, 30))
    scored = time.perf_counter()
    if config.net.long_epochs and seed == 0 and name == config.variant[0]:
        fitted["long"] = pipeline.fit(
            config,
            part,
            classes[TABLE1["row2"].k],
            jax.random.fold_in(key, 11),
            TABLE1["row2"],
            has_curves=True,
            epochs=config.net.long_epochs,
        )
    scores = {row: model.scores for row, model in fitted.items()}
    return {
        "variant": name,
        "records": [
            *tidy({row: _numbers(model) for row, model in scores.items()}, "model", "metric", variant=name),
            *tidy(found, "method", "metric", variant=name),
        ],
        "models": {row: {field: model[field] for field in _KEPT if field in model} for row, model in scores.items()},
        "facts": part.facts,
        "classes": {str(k): {"names": c.names, "shares": c.shares, "note": c.note} for k, c in classes.items()},
        "lists": listened,
        "seconds": {
            "features": prepared - began,
            "training": trained - prepared,
            "lists": scored - trained,
            "long run": time.perf_counter() - scored,
        },
    }


# What the report says of a model besides its numbers.
_KEPT = ("curves", "parameters", "classes_without_test_songs")


def _numbers(scores: dict[str, Any]) -> dict[str, float]:
    return {name: value for name, value in scores.items() if isinstance(value, int | float)}


def tasks(config: Config, songs: data.MillionSongs) -> dict[str, runs.Task]:
    """Every seed of every variant, then the experiments."""
    seeds = {
        f"{name}_seed_{seed}": partial(run_seed, config, songs, name, seed)
        for seed in range(config.seeds)
        for name in config.variant
    }
    return {**seeds, "experiments": partial(experiments.run, config, songs)}


DOCUMENT = runs.Document(PRESETS, VARIANTS, pipeline.load, pipeline.fingerprint, tasks, outputs.write, outputs.FILES)


def main(config: Config) -> Path:
    """The whole reproduction; returns the path of `report.md`."""
    return runs.study(DOCUMENT, config)


if __name__ == "__main__":
    runs.run(DOCUMENT, Config)
