"""Hybrid multimodal music clustering via Joint VAE: the document's three VAEs, its clustering and its retrieval.

    python reproductions/joint_vae.py                                   # embedded corpus, ten minutes on two cores
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
from documents.joint_vae.variants import VARIANTS, Variant


def run_seed(config: Config, prepared: Prepared, trainers: dict[Variant, Trainers], seed: int) -> dict[str, Any]:
    """All variants of one seed: the records, and of each variant sizes, seconds and training curves (JSON)."""
    key = jax.random.fold_in(jax.random.key(0), seed)
    inputs: dict[Any, Any] = {}
    sound: dict[Any, Any] = {}
    records: list[dict[str, Any]] = []
    facts: dict[str, Any] = {}
    for name in config.variant:
        variant, began = VARIANTS[name], time.perf_counter()
        part = part_of(config, prepared, variant, jax.random.fold_in(key, 0))
        if variant.inputs not in inputs:
            inputs[variant.inputs] = scores.score_inputs(config, prepared, part, seed)
        compiled = trainers[variant.objective]
        if variant.sound not in sound:
            kept = f"{variant.sound}/seed_{seed}"
            own_key, folder = jax.random.fold_in(key, 1), config.out / "fc_vae_final" / kept
            fc = fit_fc(config, compiled.fc, prepared, part, own_key, folder)
            own_key, folder = jax.random.fold_in(key, 2), config.out / "convvae_final" / kept
            conv = fit_conv(config, compiled.conv, prepared, part, own_key, folder)
            sound[variant.sound] = fc, conv, scores.score_sound(config, prepared, part, fc, conv, seed)
        fc, conv, of_sound = sound[variant.sound]
        own_key, folder = jax.random.fold_in(key, 3), config.out / "jointvae_final" / name / f"seed_{seed}"
        joint = fit_joint(config, compiled.joint, prepared, part, conv, own_key, folder)
        of_joint = scores.score_joint(config, prepared, part, conv, joint, seed)
        records += [{"variant": name, **record} for record in (*inputs[variant.inputs], *of_sound, *of_joint)]
        facts[name] = {"sizes": scores.sizes(prepared, part), **outputs.training_facts(began, fc, conv, joint)}
        if seed == 0:
            outputs.save_arrays(config, prepared, part, name, fc, conv, joint)
    return {"records": records, "variants": facts}


def tasks(config: Config, prepared: Prepared) -> dict[str, runs.Task]:
    """Every seed, then the experiments."""
    chosen = [VARIANTS[name] for name in config.variant]
    trainers = {variant.objective: trainers_of(config, prepared, variant) for variant in chosen}
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
