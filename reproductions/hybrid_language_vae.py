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
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

import documents.hybrid_language_vae.experiments as experiments
import documents.hybrid_language_vae.outputs as outputs
import documents.hybrid_language_vae.scores as scores
import jax
import numpy as np
import runs
from documents.hybrid_language_vae.config import PRESETS, Config
from documents.hybrid_language_vae.pipeline import Fitted, Part, fingerprint, fit_net, part_of, prepare
from documents.hybrid_language_vae.variants import SHARED_NETS, VAES, VARIANTS

from jaxmusic import data

# Of the streams of random numbers, so that a model's does not depend on which others are trained.
_KEYS = {"basic": 1, "conv": 2, "conditional": 3, "autoencoder": 4, "adaptive": 5}


def run_seed(config: Config, dataset: data.Dataset, seed: int) -> dict[str, Any]:
    """All variants of one seed: the records, and of each variant sizes, seconds and training curves (JSON)."""
    key = jax.random.fold_in(jax.random.key(0), seed)
    records: list[dict[str, Any]] = []
    facts: dict[str, Any] = {}
    shared: dict[tuple[bool, str], tuple[Part, dict[str, Fitted], scores.Scored]] = {}
    for name in config.variant:
        variant, began = VARIANTS[name], time.perf_counter()
        same = variant.fit_on_all, variant.columns
        if same not in shared:
            part = part_of(config, dataset, variant, jax.random.fold_in(key, 0))
            nets = _fit(config, part, name, SHARED_NETS, key, seed)
            shared[same] = part, nets, scores.score_features(config, part, nets["autoencoder"], seed)
        part, nets, features = shared[same]
        fitted = _fit(config, part, name, VAES, key, seed)
        trained = time.perf_counter()
        vaes = scores.score_vaes(config, part, fitted, seed)
        fitted |= nets
        records += [{"variant": name, **record} for record in (*features.records, *vaes.records)]
        facts[name] = {
            "sizes": scores.sizes(part),
            "seconds": {
                **{net: fit.seconds for net, fit in fitted.items()},
                "compilation": sum(fit.compile_seconds for fit in fitted.values()),
                "scoring": time.perf_counter() - trained,
                "everything": time.perf_counter() - began,
            },
            "curves": {
                net: {metric: np.asarray(values).tolist() for metric, values in fit.curves.items()}
                for net, fit in fitted.items()
            },
        }
        if seed == 0:
            outputs.save(config, name, part, fitted, features.arrays | vaes.arrays)
    return {"records": records, "variants": facts}


def _fit(config: Config, part: Part, name: str, nets: Sequence[str], key: jax.Array, seed: int) -> dict[str, Fitted]:
    """Some models of a variant; the keys are those of their places among all of them."""
    return {
        net: fit_net(
            config,
            part,
            VARIANTS[name],
            net,
            jax.random.fold_in(key, _KEYS[net]),
            config.out / "models" / name / net / f"seed_{seed}",
        )
        for net in nets
    }


def tasks(config: Config, dataset: data.Dataset) -> dict[str, runs.Task]:
    """Every seed, then the experiments."""
    found: dict[str, runs.Task] = {
        f"seed_{seed}": partial(run_seed, config, dataset, seed) for seed in range(config.seeds)
    }
    if config.experiments:
        found[f"experiments_{config.seeds}_seeds"] = partial(experiments.run, config, dataset)
    return found


DOCUMENT = runs.Document(
    PRESETS, VARIANTS, prepare, fingerprint, tasks, outputs.write, outputs.FILES, models=("models/*/*/{task}",)
)


def main(config: Config) -> Path:
    """The whole reproduction; returns the path of `report.md`."""
    return runs.study(DOCUMENT, config)


if __name__ == "__main__":
    runs.run(DOCUMENT, Config)
