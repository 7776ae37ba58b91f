"""Unsupervised representation learning for hybrid-language music clustering: the document's VAEs and its Table 2.

    python reproductions/hybrid_language_vae.py                                  # embedded corpus, minutes on two cores
    python reproductions/hybrid_language_vae.py --gtzan GTZAN --banglabeats BB   # real tracks or their feature tables
    python reproductions/hybrid_language_vae.py --preset paper --data FOLDER     # FOLDER holds gtzan/ and banglabeats/

Writes `report.md`, `report.json`, figures, latents, `tracks.csv` (the document's Table 1) and checkpoints to `--out`.
An interrupted run goes on with `--resume` and ends with the same numbers.

Expected: silhouettes near the reported ones only where text columns dominate and are not aligned with the audio; raw
K-means scored in the hybrid space near or below 0; every descriptor shares information with genre.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Literal

import hybrid_language_leads as leads
import hybrid_language_outputs as outputs
import hybrid_language_scores as scores
import jax
import numpy as np
import runs
from hybrid_language_pipeline import NETS, VARIANTS, fingerprint, fit_net, part_of, prepare

from jaxmusic import data


@dataclass(frozen=True)
class Config:
    """Hybrid-language music clustering, reported against fresh runs."""

    preset: Literal["quick", "paper"] = "quick"
    """quick: a few minutes on two CPU cores. paper: the document's number of tracks and five seeds."""
    data: Path | None = None
    """Folder that holds gtzan/ and banglabeats/; default: the embedded synthetic corpus."""
    gtzan: Path | None = None
    """English music: a folder of genres, or a feature table."""
    banglabeats: Path | None = None
    """Bangla music: the same."""
    source: Literal["auto", "audio", "tables"] = "auto"
    """What is read of them; auto: features_30_sec.csv where every folder has one, else the audio files."""
    cache: Path | None = None
    """Folder that keeps the features of audio files."""
    out: Path = Path("results/hybrid_language_vae")
    """Where report, figures and latents go."""
    resume: bool = False
    """Go on with an interrupted run in --out."""
    seeds: int = 3
    """Runs; each seed varies sample, split, initialisation and batches. --resume with more of them extends a run."""
    variant: tuple[str, ...] = ("document", "split", "elbo", "columns57")
    """Any of document, split, elbo, columns57."""
    per_language: int = 200
    """Tracks sampled of each language, at most (1,000 in the document)."""
    clip_seconds: float = 3.0
    """Seconds of each audio file, from its start."""
    text: str = "descriptors"
    """Text columns: descriptors (their indicators), or a sentence encoder's name or folder."""
    fit_fractions: tuple[float, float, float] = (0.7, 0.15, 0.15)
    """Training, validation and test part of the variants with a split."""
    latent: int = 16
    """Latent size of every model."""
    widths: tuple[int, ...] = (128, 64)
    """Hidden widths of the encoders; the document states none."""
    epochs: int = 50
    """Epochs of all models but the conditional one."""
    conditional_epochs: int = 100
    """Epochs of the conditional VAE."""
    batch: int = 64
    """Batch size."""
    learning_rate: float = 1e-3
    """Of Adam."""
    beta: float = 1.0
    """Weight of the KL divergence, the conditional VAE apart."""
    conditional_beta: float = 4.0
    """Weight of the KL divergence in the conditional VAE."""
    k: int = 8
    """Clusters of K-means, Ward and spectral clustering."""
    pca_components: int = 16
    """Components of PCA before K-means; the document states none."""
    eps: tuple[float, ...] = (0.1, 0.2, 0.3, 0.4, 0.5, 0.7, 1.0, 1.5, 2.0, 3.0, 5.0)
    """Radii of DBSCAN; the document states none."""
    permutations: int = 999
    """Of the tests of independence."""
    same_data: bool = False
    """State that the tracks are the document's own; only then do rows get a verdict."""


PRESETS = {"quick": Config(), "paper": Config(preset="paper", seeds=5, per_language=1000)}


def run_seed(config: Config, dataset: data.Dataset, seed: int) -> dict[str, Any]:
    """All variants of one seed: variant → scores (JSON)."""
    key = jax.random.fold_in(jax.random.key(0), seed)
    record: dict[str, Any] = {}
    for name in config.variant:
        began = time.perf_counter()
        part = part_of(config, dataset, VARIANTS[name], jax.random.fold_in(key, 0))
        fitted = {
            net: fit_net(
                config, part, VARIANTS[name], net, jax.random.fold_in(key, 1 + i),
                config.out / "models" / name / net / f"seed_{seed}",
            )
            for i, net in enumerate(NETS)
        }  # fmt: skip
        trained = time.perf_counter()
        record[name], arrays = scores.score(config, part, fitted, seed)
        record[name]["seconds"] = {
            **{net: fit.seconds for net, fit in fitted.items()},
            "compilation": sum(fit.compile_seconds for fit in fitted.values()),
            "scoring": time.perf_counter() - trained,
            "everything": time.perf_counter() - began,
        }
        record[name]["curves"] = {
            net: {metric: np.asarray(values).tolist() for metric, values in fit.curves.items()}
            for net, fit in fitted.items()
        }
        if seed == 0:
            outputs.save(config, name, part, fitted, arrays)
    return record


def main(config: Config) -> Path:
    """The whole reproduction; returns the path of `report.md`."""
    runs.check_variants(config.variant, VARIANTS, config.seeds)
    began = time.perf_counter()
    runs.use_compilation_cache()
    dataset = prepare(config)
    runs.open_output(config.out, config, resume=config.resume, data_fingerprint=fingerprint(dataset), own=outputs.FILES)
    timing = {"load": time.perf_counter() - began}
    records = []
    for seed in range(config.seeds):
        print(f"seed {seed + 1} of {config.seeds}", flush=True)
        records.append(runs.cached(config.out / "work" / f"seed_{seed}.json", partial(run_seed, config, dataset, seed)))
        runs.drop_models(config.out.glob(f"models/*/*/seed_{seed}"), seed)
    timing["seeds, this call"] = time.perf_counter() - began - timing["load"]
    experiments = runs.cached(
        config.out / "work" / f"experiments_{config.seeds}_seeds.json", partial(leads.run, config, dataset)
    )
    timing["seeds and experiments, this call"] = time.perf_counter() - began - timing["load"]
    return outputs.write(config, PRESETS[config.preset], dataset, records, experiments, timing)


if __name__ == "__main__":
    runs.guarded(lambda: main(runs.parse(Config, PRESETS)))
