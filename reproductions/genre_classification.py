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

import time
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Literal

import genre_classification_curve as curve
import genre_classification_pipeline as pipeline
import genre_classification_rows as rows
import jax
import numpy as np
import runs
from genre_classification_baselines import baselines
from genre_classification_pipeline import GENRE_SETS, VARIANTS


@dataclass(frozen=True)
class Config:
    """Deep Music Genre Classification, reported against fresh runs."""

    preset: Literal["quick", "paper"] = "quick"
    """quick: a few minutes on two CPU cores. paper: the document's sizes and every variant."""
    data: str | None = None
    """tcc_ceds_music.csv, a folder that holds it, or its web address; default: the embedded synthetic corpus."""
    tokenizer: str | None = None
    """Folder or hub name of BERT's tokenizer; default: a WordPiece vocabulary trained on the training lyrics."""
    out: Path = Path("results/genre_classification")
    """Where report and figures go."""
    resume: bool = False
    """Go on with an interrupted run in --out."""
    seeds: int = 3
    """Runs; each seed varies initialisation, batches and split. --resume with more of them extends a run."""
    variant: tuple[str, ...] = ("paper", "keep_optimizer", "mask_padding", "scaled_features", "repaired")
    """Any of the variants; the first is compared with the document's numbers."""
    genre_sets: tuple[str, ...] = ("four", "seven")
    """four: the document's genres. seven: all of the table's."""
    seven_variant: tuple[str, ...] = ("paper", "repaired")
    """Variants that are run on all genres, of those in --variant."""
    baseline_splits: tuple[str, ...] = ("random", "stratified")
    """Splits on which the baselines are fitted: random, stratified, artist."""
    songs: int = 400
    """Songs of the embedded corpus."""
    vocabulary_size: int = 2000
    """Size of a vocabulary trained on the lyrics."""
    max_length: int = 512
    """Positions of a song; longer lyrics are cut and counted."""
    test_fraction: float = 0.2
    """Share of the test part."""
    epochs: int = 25
    """Passes over the training part."""
    batch_size: int = 8
    """Songs of a step."""
    learning_rate: float = 1e-3
    """Of Adam."""
    dropout: float = 0.2
    """Of the lyrics model."""
    curve_seeds: int = 2
    """Seeds of the accuracy against the number of training songs, four genres; 0: none."""


PRESETS = {
    "quick": Config(),
    "paper": Config(
        preset="paper", seeds=5, songs=11281, vocabulary_size=30522, variant=tuple(VARIANTS),
        seven_variant=("paper", "stratified", "artist_disjoint", "repaired", "repaired_artist"),
        baseline_splits=("random", "stratified", "artist"), curve_seeds=5,
    ),
}  # fmt: skip


def run_seed(config: Config, corpus: pipeline.Corpus, variants: tuple[str, ...], seed: int) -> dict[str, Any]:
    """All variants of one seed on one corpus: variant → model → scores, and the baselines (JSON)."""
    key = jax.random.fold_in(jax.random.key(0), seed)
    parts: dict[str, pipeline.Part] = {}

    def part(split: str) -> pipeline.Part:
        if split not in parts:
            parts[split] = pipeline.part_of(config, corpus, split, jax.random.fold_in(key, 0))
        return parts[split]

    record: dict[str, Any] = {"models": {}, "baselines": {}}
    for name in variants:
        chosen = part(VARIANTS[name].split)
        labels = corpus.labels[chosen.test]
        for number, model in enumerate(pipeline.MODELS):
            if model in corpus.models and pipeline.concerns(model, name):
                fitted = pipeline.fit(config, corpus, chosen, model, name, jax.random.fold_in(key, 1 + number))
                record["models"].setdefault(name, {})[model] = pipeline.score(fitted, labels)
    for split in config.baseline_splits:
        record["baselines"][split] = baselines(corpus, part(split), seed)
    record["parts"] = {
        split: {
            "train": len(p.train), "test": len(p.test), "truncated": p.tokens.truncated,
            "vocabulary": p.vocabulary_size, "padding": 1 - float(np.mean(p.tokens.lengths)) / config.max_length,
            "artists on both sides": _shared(corpus, p),
        }
        for split, p in parts.items()
    }  # fmt: skip
    return record


def _shared(corpus: pipeline.Corpus, part: pipeline.Part) -> int:
    artists = corpus.dataset.labels["artist"]
    return len(set(artists[part.train]) & set(artists[part.test]))


def main(config: Config) -> Path:
    """The whole reproduction; returns the path of `report.md`."""
    _check(config)
    began = time.perf_counter()
    runs.use_compilation_cache()
    loaded = pipeline.load(config)
    runs.open_output(
        config.out, config, resume=config.resume, data_fingerprint=pipeline.fingerprint(loaded), own=rows.FILES
    )
    timing = {"load": time.perf_counter() - began}
    records: dict[str, dict[str, Any]] = {}
    curves: dict[str, list[Any]] = {}
    for name, dataset in loaded.items():
        for genres in config.genre_sets:
            corpus = pipeline.corpus_of(dataset, GENRE_SETS[genres])
            variants = config.variant
            if genres != "four":
                variants = tuple(v for v in variants if v in config.seven_variant) or variants[:1]
            found = []
            for seed in range(config.seeds):
                print(f"{name}, {genres} genres, seed {seed + 1} of {config.seeds}", flush=True)
                path = config.out / "work" / f"{name.replace(' ', '_')}_{genres}_seed_{seed}.json"
                found.append(runs.cached(path, partial(run_seed, config, corpus, variants, seed)))
            records[f"{name}/{genres}"] = {"genres": corpus.genres, "songs": len(corpus.labels), "seeds": found}
            if genres == "four" and config.curve_seeds:
                print(f"{name}, training songs against accuracy", flush=True)
                path = config.out / "work" / f"{name.replace(' ', '_')}_curve_seed_"
                curves[f"{name}/{genres}"] = [
                    runs.cached(Path(f"{path}{seed}.json"), partial(curve.learning_curve, config, corpus, seed))
                    for seed in range(config.curve_seeds)
                ]
    timing["seeds, this call"] = time.perf_counter() - began - timing["load"]
    return rows.write(config, PRESETS[config.preset], loaded, records, curves, timing)


def _check(config: Config) -> None:
    for option, given, known in (
        ("variant", config.variant, VARIANTS),
        ("seven-variant", config.seven_variant, VARIANTS),
        ("genre-sets", config.genre_sets, GENRE_SETS),
        ("baseline-splits", config.baseline_splits, ("random", "stratified", "artist")),
    ):
        if (unknown := sorted(set(given) - set(known))) or len(set(given)) < len(given) or not given:
            raise ValueError(f"--{option} {' '.join(given)}: name some of {sorted(known)}, each once; not {unknown}")
    for option, value in (("seeds", config.seeds), ("epochs", config.epochs), ("batch-size", config.batch_size)):
        if value < 1:
            raise ValueError(f"--{option} must be at least 1, got {value}")
    if not 0 < config.test_fraction < 1:
        raise ValueError(f"--test-fraction must lie between 0 and 1, got {config.test_fraction}")


if __name__ == "__main__":
    runs.guarded(lambda: main(runs.parse(Config, PRESETS)))
