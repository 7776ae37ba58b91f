"""Multimodal fusion genre classifier and recommender: the document's tables, their chance levels and their variants.

    python reproductions/fusion_recommender.py                       # embedded corpus, seven minutes on two cores
    python reproductions/fusion_recommender.py --data FOLDER         # FOLDER holds the Million Song Dataset's files
    python reproductions/fusion_recommender.py --data FOLDER --preset paper --lyrics roberta-base --same-data

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
from documents.fusion_recommender.variants import METADATA_ONLY, TABLE1, VARIANTS, Setting
from records import tidy

from jaxmusic import data


def run_seed(config: Config, songs: data.MillionSongs, name: str, seed: int) -> dict[str, Any]:
    """Table 1 and Table 2 of one seed under one variant (JSON)."""
    began = time.perf_counter()
    key = jax.random.fold_in(jax.random.key(0), seed)
    part = pipeline.part_of(config, songs, VARIANTS[name], jax.random.fold_in(key, 0), seed)
    prepared = time.perf_counter()
    is_first = name == config.variant[0]
    swept = config.experiments.sweep_k if is_first and seed < config.experiments.sweep_seeds else ()
    classes = {k: pipeline.classes_of(part, k, seed) for k in sorted({3, 4, 6, config.soft_k, *swept})}

    def fit(number: int, setting: Setting, **options: Any) -> pipeline.Fitted:
        return pipeline.fit(config, part, classes[setting.k], jax.random.fold_in(key, number), setting, **options)

    main = TABLE1["row2"]
    fitted = {row: fit(10 + i, setting, has_curves=seed == 0) for i, (row, setting) in enumerate(TABLE1.items())}
    if "lyrics" in part.blocks:
        fitted[METADATA_ONLY] = fit(20, main, inputs={"features": part.metadata})
    if classes[config.soft_k].k == config.soft_k:
        fitted["soft"] = fit(21, main._replace(k=config.soft_k))
    if config.net.long_epochs and seed == 0 and is_first:
        fitted["long"] = fit(11, main, has_curves=True, epochs=config.net.long_epochs)
    by_k = {TABLE1[row].k: fitted[row] for row in ("row4", "row3", "row2")}
    by_k |= {config.soft_k: fitted["soft"]} if "soft" in fitted else {}
    if swept:
        by_k |= {k: fit(100 + k, main._replace(k=k)) for k in swept if k not in by_k and classes[k].k == k}
    trained = time.perf_counter()
    found, listened = lists.score(config, part, classes, fitted, seed, jax.random.fold_in(key, 30))
    if swept:
        found += lists.sweep(config, part, classes, by_k, seed)
    scores = {row: model.scores for row, model in fitted.items()}
    records = tidy({row: _numbers(model) for row, model in scores.items()}, "model", "metric")
    return {
        "variant": name,
        "records": [{**record, "variant": name} for record in records + found],
        "models": {row: {field: model[field] for field in _KEPT if field in model} for row, model in scores.items()},
        "facts": part.facts,
        "classes": {str(k): {"names": c.names, "shares": c.shares, "note": c.note} for k, c in classes.items()},
        "lists": listened,
        "seconds": {
            "features": prepared - began,
            "training": trained - prepared,
            "lists": time.perf_counter() - trained,
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
    return {**seeds, **experiments.tasks(config, songs)}


DOCUMENT = runs.Document(PRESETS, VARIANTS, pipeline.load, pipeline.fingerprint, tasks, outputs.write, outputs.FILES)


def main(config: Config) -> Path:
    """The whole reproduction; returns the path of `report.md`."""
    return runs.study(DOCUMENT, config)


if __name__ == "__main__":
    runs.run(DOCUMENT, Config)
