"""Hybrid multimodal music clustering via Joint VAE: the document's three VAEs, its clustering and its retrieval.

    python reproductions/joint_vae.py                                   # embedded corpus, a few minutes on two cores
    python reproductions/joint_vae.py --data FOLDER --out results/mine  # a folder of clips with lyrics
    python reproductions/joint_vae.py --preset paper --data FOLDER      # the document's sizes: for an accelerator

Writes `report.md`, `report.json`, figures, latents, cluster assignments, metric tables and checkpoints to `--out`.
An interrupted run goes on with `--resume` and ends with the same numbers.

Expected on the embedded corpus: K-means silhouettes far below the document's DBSCAN rows, DBSCAN rows degenerate (all
noise or one cluster), retrieval of the averaged JointVAE near chance and that of the InfoNCE variant above it.
"""

from __future__ import annotations

import time
from functools import partial
from pathlib import Path
from typing import Any

import documents.joint_vae.experiments as experiments
import documents.joint_vae.outputs as outputs
import documents.joint_vae.scores as scores
import jax
import numpy as np
import runs
from documents.joint_vae.config import PRESETS, Config
from documents.joint_vae.pipeline import (
    Prepared,
    Trainers,
    fingerprint,
    fit_conv,
    fit_fc,
    fit_joint,
    part_of,
    prepare,
    trainers_of,
)
from documents.joint_vae.variants import VARIANTS


def run_seed(config: Config, prepared: Prepared, trainers: dict[str, Trainers], seed: int) -> dict[str, Any]:
    """All variants of one seed: the records, and of each variant sizes, seconds and training curves (JSON)."""
    key = jax.random.fold_in(jax.random.key(0), seed)
    shared: dict[tuple[str, str], Any] = {}
    records: list[dict[str, Any]] = []
    facts: dict[str, Any] = {}
    for name in config.variant:
        variant, began = VARIANTS[name], time.perf_counter()
        part = part_of(config, prepared, variant, jax.random.fold_in(key, 0))
        arm, found = variant.audio_arm, []
        if arm not in shared:
            # Variants that treat sound alike share its models, and the first of them has what is scored on them.
            kept = Path("-".join(arm)) / f"seed_{seed}"
            fc = fit_fc(
                config,
                trainers[name].fc,
                prepared,
                part,
                jax.random.fold_in(key, 1),
                config.out / "fc_vae_final" / kept,
            )
            conv = fit_conv(
                config,
                trainers[name].conv,
                prepared,
                part,
                jax.random.fold_in(key, 2),
                config.out / "convvae_final" / kept,
            )
            shared[arm] = fc, conv
            found += scores.score_audio(config, prepared, part, fc, conv, seed)
        fc, conv = shared[arm]
        joint = fit_joint(
            config,
            trainers[name].joint,
            prepared,
            part,
            variant,
            conv,
            jax.random.fold_in(key, 3),
            config.out / "jointvae_final" / name / f"seed_{seed}",
        )
        found += scores.score_joint(config, prepared, part, variant, conv, joint, seed)
        records += [{"variant": name, **record} for record in found]
        fitted = {"FC-VAE": fc, "ConvVAE": conv, "JointVAE": joint}
        facts[name] = {
            "sizes": scores.sizes(prepared, part),
            "seconds": {
                **{model: fit.seconds for model, fit in fitted.items()},
                "compilation": sum(fit.compile_seconds for fit in fitted.values()),
                "everything": time.perf_counter() - began,
            },
            "curves": {
                model: {metric: np.asarray(values).tolist() for metric, values in fit.curves.items()}
                for model, fit in fitted.items()
            },
        }
        if seed == 0:
            outputs.save_arrays(config, prepared, part, variant, name, fc, conv, joint)
    return {"records": records, "variants": facts}


def tasks(config: Config, prepared: Prepared) -> dict[str, runs.Task]:
    """Every seed, then the experiments."""
    trainers = {name: trainers_of(config, prepared, VARIANTS[name]) for name in config.variant}
    seeds = {f"seed_{seed}": partial(run_seed, config, prepared, trainers, seed) for seed in range(config.seeds)}
    return {**seeds, f"experiments_{config.seeds}_seeds": partial(experiments.run, config, prepared)}


DOCUMENT = runs.Document(
    PRESETS, VARIANTS, prepare, fingerprint, tasks, outputs.write, outputs.FILES, models=("*_final/*/{task}",)
)


def main(config: Config) -> Path:
    """The whole reproduction; returns the path of `report.md`."""
    return runs.study(DOCUMENT, config)


if __name__ == "__main__":
    runs.run(DOCUMENT, Config)
