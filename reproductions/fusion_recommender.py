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
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Literal

import fusion_recommender_lists as lists
import fusion_recommender_outputs as outputs
import fusion_recommender_pipeline as pipeline
import fusion_recommender_studies as studies
import jax
import runs
from fusion_recommender_pipeline import METADATA_ONLY, TABLE1, VARIANTS

from jaxmusic import data


@dataclass(frozen=True)
class Config:
    """Multimodal Fusion Genre-Based Music Recommender, reported against fresh runs."""

    preset: Literal["quick", "paper"] = "quick"
    """quick: a few minutes on two CPU cores. paper: the document's epochs, users and sizes."""
    data: Path | None = None
    """Folder with the Million Song Dataset's files; default: the embedded corpus, written in the same formats."""
    out: Path = Path("results/fusion_recommender")
    """Where report and figures go."""
    resume: bool = False
    """Go on with an interrupted run in --out."""
    seeds: int = 3
    """Runs; each seed varies split, initialisation, batches and histories. --resume with more of them extends a run."""
    variant: tuple[str, ...] = ("random", "artist")
    """Any of random (songs), artist (no artist on both sides), paper (random, fitted on all songs as the document)."""
    tags: Literal["mbtags", "terms"] = "mbtags"
    """The artists' tags of MusicBrainz, as the document, or The Echo Nest's terms."""
    songs: int = 400
    """Songs of the embedded corpus."""
    listeners: int = 800
    """Listeners of the embedded corpus."""
    test_fraction: float = 0.2
    """Share of the songs that are held out."""
    users: int = 20000
    """Users with two plays on test songs or more, at most; more are sampled."""
    tag_size: int = 100
    """Width m of the tags' word vectors."""
    tag_epochs: int = 20
    """Passes of their training; the document states none."""
    field_size: int = 100
    """Width of the word vectors of title, album and artist."""
    field_epochs: int = 5
    """Passes of their training; the document states none."""
    word_vectors: Path | None = None
    """Text file of pretrained word vectors to start the three fields' from; default: from scratch."""
    popularity: Literal["hotttnesss", "familiarity"] = "hotttnesss"
    """The artist's popularity among the features."""
    lyrics: str = "svd"
    """svd (TF-IDF and SVD), none, or a transformer's folder or hub name (the document: roberta-base)."""
    lyrics_size: int = 64
    """Components of svd."""
    top_words: int = 50
    """Words of each song that a transformer is given as word:count; the document states none."""
    variance: float = 0.95
    """Share that the PCA keeps."""
    widths: tuple[int, ...] = (256, 128, 128, 256, 512)
    """Hidden layers."""
    batch_size: int = 64
    """Songs of a step; the document states none."""
    momentum: float = 0.9
    """Share of batch norm's running statistics that a step keeps (PyTorch's default)."""
    epochs: int = 20
    """Passes of Table 1's rows (2,000 in the document)."""
    long_epochs: int = 0
    """Passes of one more run of Table 1's second row, first seed and variant; 0: none."""
    soft_k: int = 20
    """Classes of the variant with more of them than the document's."""
    max_k: int = 40
    """Largest k of the tag clusters (100 in the document)."""
    sweep_k: tuple[int, ...] = (2, 3, 4, 6, 10, 20)
    """Classes of the curve of mAP against k."""
    sweep_seeds: int = 2
    """Seeds of that curve."""
    sweep_epochs: int = 10
    """Passes of its networks."""
    fusion_seeds: int = 1
    """Seeds of the comparison of fusions."""
    fusion_epochs: int = 10
    """Passes of its networks."""
    search_epochs: int = 5
    """Passes of the search over depth, width and dropout; 0: no search."""
    wmf_factors: int = 50
    """Factors of the matrix factorisation."""
    wmf_iterations: int = 15
    """Its iterations."""
    wmf_alpha: float = 2.0
    """Weight of log(1 + plays) in its confidences."""
    wmf_regularization: float = 1.0
    """Its regularisation."""
    mlp_epochs: int = 30
    """Passes of the MLP that predicts its factors."""


PRESETS = {
    "quick": Config(),
    "paper": Config(
        preset="paper", seeds=5, variant=("random", "artist", "paper"), songs=9330, listeners=20000, epochs=2000,
        batch_size=256, max_k=100, sweep_k=(2, 3, 4, 6, 8, 10, 13, 20, 30, 50), sweep_seeds=5, sweep_epochs=100,
        fusion_seeds=5, fusion_epochs=100, search_epochs=100, mlp_epochs=100,
    ),
}  # fmt: skip


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
            config, part, classes[TABLE1["row2"].k], jax.random.fold_in(key, 20), TABLE1["row2"],
            inputs={"features": part.metadata},
        )  # fmt: skip
    if classes[config.soft_k].k == config.soft_k:
        fitted["soft"] = pipeline.fit(
            config, part, classes[config.soft_k], jax.random.fold_in(key, 21),
            TABLE1["row2"]._replace(k=config.soft_k),
        )  # fmt: skip
    trained = time.perf_counter()
    record: dict[str, Any] = {
        "facts": part.facts,
        "classes": {
            str(k): {"names": c.names, "shares": c.shares, "note": c.note} for k, c in classes.items()
        },
        "models": {row: found.scores for row, found in fitted.items()},
        "lists": lists.score(config, part, classes, fitted, seed, jax.random.fold_in(key, 30)),
    }  # fmt: skip
    scored = time.perf_counter()
    if config.long_epochs and seed == 0 and name == config.variant[0]:
        record["long"] = pipeline.fit(
            config, part, classes[TABLE1["row2"].k], jax.random.fold_in(key, 11), TABLE1["row2"], has_curves=True,
            epochs=config.long_epochs,
        ).scores  # fmt: skip
    record["seconds"] = {
        "features": prepared - began, "training": trained - prepared, "lists": scored - trained,
        "long run": time.perf_counter() - scored,
    }  # fmt: skip
    return record


def main(config: Config) -> Path:
    """The whole reproduction; returns the path of `report.md`."""
    runs.check_variants(config.variant, VARIANTS, config.seeds)
    _check(config)
    began = time.perf_counter()
    runs.use_compilation_cache()
    songs = pipeline.load(config)
    runs.open_output(
        config.out, config, resume=config.resume, data_fingerprint=pipeline.fingerprint(songs), own=outputs.FILES
    )
    print("\n".join(f"{name}: {count}" for name, count in songs.songs.source["counts"].items()), flush=True)
    timing = {"load": time.perf_counter() - began}
    records: dict[str, list[dict[str, Any]]] = {name: [] for name in config.variant}
    for seed in range(config.seeds):
        for name in config.variant:
            print(f"seed {seed + 1} of {config.seeds}, {name}", flush=True)
            path = config.out / "work" / f"{name}_seed_{seed}.json"
            records[name].append(runs.cached(path, partial(run_seed, config, songs, name, seed)))
    timing["seeds, this call"] = time.perf_counter() - began - timing["load"]
    print("studies", flush=True)
    found = runs.cached(config.out / "work" / "studies.json", partial(studies.run, config, songs))
    timing["seeds and studies, this call"] = time.perf_counter() - began - timing["load"]
    return outputs.write(config, PRESETS[config.preset], songs, records, found, timing)


def _check(config: Config) -> None:
    for option in ("epochs", "sweep_epochs", "fusion_epochs", "batch_size", "users", "soft_k", "sweep_seeds"):
        if getattr(config, option) < 1:
            raise ValueError(f"--{option.replace('_', '-')} must be at least 1, got {getattr(config, option)}")
    if not 0 < config.test_fraction < 1:
        raise ValueError(f"--test-fraction must lie between 0 and 1, got {config.test_fraction}")


if __name__ == "__main__":
    runs.guarded(lambda: main(runs.parse(Config, PRESETS)))
