"""Genre from lyrics and metadata: the document's three classifiers, its quirks one by one, and simple baselines.

    python reproductions/genre_classification.py                          # embedded corpus, minutes on two cores
    python reproductions/genre_classification.py --data FOLDER --tokenizer BERT_FOLDER --preset paper
    python reproductions/genre_classification.py --data URL --tokenizer google-bert/bert-base-uncased --preset paper

FOLDER holds `tcc_ceds_music.csv` (and, if it likes, `lyrics_sample.csv`, a larger table of lyrics alone); URL is the
document's own, `jaxmusic.data.LYRICS_TABLE_URL`. Writes `report.md`, `report.json`, figures and model summaries to
`--out`. An interrupted run goes on with `--resume`, and more `--seeds` extend a finished one.

Expected: the metadata model well above the majority rate, the lyrics model above it, and both below logistic
regression on scaled features or TF-IDF wherever songs are few.
"""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any

import documents.genre_classification.outputs as outputs
import documents.genre_classification.pipeline as pipeline
import jax
import numpy as np
import runs
from documents.genre_classification.config import PRESETS, Config
from documents.genre_classification.experiments import learning_curve
from documents.genre_classification.scores import baselines, over_baseline, records_of, score
from documents.genre_classification.variants import GENRE_SETS, MODELS, VARIANTS, concerns
from records import tidy

from jaxmusic import data


def run_seed(
    config: Config, corpus: pipeline.Corpus, where: str, variants: tuple[str, ...], seed: int
) -> dict[str, Any]:
    """All variants of one seed on one corpus: the records, and what notes and figures need besides (JSON)."""
    key = jax.random.fold_in(jax.random.key(0), seed)
    splits = dict.fromkeys([*(VARIANTS[name].split for name in variants), *config.baseline_splits])
    parts = {split: pipeline.part_of(config, corpus, split, jax.random.fold_in(key, 0)) for split in splits}
    simple = {split: baselines(corpus, parts[split], seed) for split in config.baseline_splits}
    records = [
        record
        for split, found in simple.items()
        for record in tidy(_numbers(found), "baseline", "metric", variant=f"{split} split")
    ]
    models: dict[str, Any] = {}
    for name in variants:
        split = VARIANTS[name].split
        labels = corpus.labels[parts[split].test]
        for number, model in enumerate(MODELS):
            if model in corpus.models and concerns(model, name):
                fitted = pipeline.fit(config, corpus, parts[split], model, name, jax.random.fold_in(key, 1 + number))
                scores = score(fitted, labels)
                records += records_of(scores, corpus.genres, variant=name, model=model)
                if split in simple:
                    above = over_baseline(model, scores["accuracy"], simple[split])
                    records += tidy({"over_baseline": above}, "metric", variant=name, model=model)
                models.setdefault(name, {})[model] = {
                    "curves": {column: np.asarray(values).tolist() for column, values in fitted.curves.items()},
                    "seconds": fitted.seconds,
                    "confusion": scores["confusion"],
                }
    return {
        "kind": "seed",
        "where": where,
        "genres": corpus.genres,
        "songs": len(corpus.labels),
        "records": records,
        "models": models,
        "parts": {split: _facts(config, corpus, part) for split, part in parts.items()},
    }


def _numbers(found: dict[str, dict[str, Any]]) -> dict[str, dict[str, Any]]:
    return {name: {m: x for m, x in scores.items() if not isinstance(x, list)} for name, scores in found.items()}


def _facts(config: Config, corpus: pipeline.Corpus, part: pipeline.Part) -> dict[str, Any]:
    artists = corpus.dataset.labels["artist"]
    return {
        "train": len(part.train),
        "test": len(part.test),
        "truncated": part.tokens.truncated,
        "vocabulary": part.vocabulary_size,
        "padding": 1 - float(np.mean(part.tokens.lengths)) / config.max_length,
        "artists on both sides": len(set(artists[part.train]) & set(artists[part.test])),
    }


def run_curve(config: Config, corpus: pipeline.Corpus, where: str, seed: int) -> dict[str, Any]:
    """Accuracy against the number of training songs, one seed (JSON)."""
    return {"kind": "curve", "where": where, "seed": seed, "records": learning_curve(config, corpus, seed)}


def tasks(config: Config, loaded: dict[str, data.Dataset]) -> dict[str, runs.Task]:
    """Every seed of every corpus: of each file the songs of four genres, and of all."""
    found: dict[str, runs.Task] = {}
    for name, dataset in loaded.items():
        for genres in config.genre_sets:
            where, prefix = f"{name}/{genres}", name.replace(" ", "_")
            corpus = pipeline.corpus_of(dataset, GENRE_SETS[genres])
            variants = config.variant
            if genres != "four":
                variants = tuple(v for v in variants if v in config.seven_variant) or variants[:1]
            for seed in range(config.seeds):
                found[f"{prefix}_{genres}_seed_{seed}"] = partial(run_seed, config, corpus, where, variants, seed)
            for seed in range(config.curve_seeds if genres == "four" else 0):
                found[f"{prefix}_curve_seed_{seed}"] = partial(run_curve, config, corpus, where, seed)
    return found


DOCUMENT = runs.Document(PRESETS, VARIANTS, pipeline.load, pipeline.fingerprint, tasks, outputs.write, outputs.FILES)


def main(config: Config) -> Path:
    """The whole reproduction; returns the path of `report.md`."""
    return runs.study(DOCUMENT, config)


if __name__ == "__main__":
    runs.run(DOCUMENT, Config)
