"""Beyond the Joint VAE document: its repairs and extensions tried against references on the same splits.

    python reproductions/joint_vae_beyond.py                                  # embedded corpus, minutes on two cores
    python reproductions/joint_vae_beyond.py --data FOLDER --out results/mine # a folder of clips with lyrics
    python reproductions/joint_vae_beyond.py --preset paper --data FOLDER     # every variant, seven seeds

The clips are split into folds that share no artist (song). Seed i tests on fold i, chooses on the next and fits on the
rest: the test parts of all seeds are disjoint. The variant with the best validation score of a seed is scored on that
seed's test part as `chosen by validation`. Writes `report.md`, `report.json` and figures to `--out`; an interrupted run
goes on with `--resume` and ends with the same numbers.

Expected on the embedded corpus: retrieval above chance for variants with alignment, at chance for those without.
"""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any

import documents.joint_vae_beyond.experiments as experiments
import documents.joint_vae_beyond.outputs as outputs
import documents.joint_vae_beyond.scores as scores
import jax
import runs
from documents.joint_vae_beyond.config import PRESETS, Config
from documents.joint_vae_beyond.pipeline import fit_variant
from documents.joint_vae_beyond.references import references
from documents.joint_vae_beyond.variants import VARIANTS
from documents.joint_vae_beyond.views import Prepared, fingerprint, part_of, prepare, reason_to_skip, views


def run_seed(config: Config, prepared: Prepared, seed: int) -> dict[str, Any]:
    """All variants and references of one seed (JSON)."""
    key = jax.random.fold_in(jax.random.key(0), seed)
    part = part_of(prepared, seed)
    models: dict[str, Any] = {}
    skipped: dict[str, str] = {}
    for name in config.variant:
        variant = VARIANTS[name]
        if reason := reason_to_skip(prepared, variant):
            skipped[name] = reason
            continue
        # Every variant starts from the same key: differences between them are not those of luck alone.
        try:
            fitted = fit_variant(config, prepared, part, variant, jax.random.fold_in(key, 1))
        except FloatingPointError as error:
            # One variant that diverges is a result; it must not cost the others theirs.
            skipped[name] = f"diverged in seed {seed}: {error}"
            continue
        seen = views(config, prepared, part, variant.audio, variant.lyrics)
        models[name] = scores.score_variant(config, prepared, part, fitted, seen, seed)
        print(f"  {name}: {fitted.seconds:.0f} s", flush=True)
    for name, reference in references(config, prepared, part, jax.random.fold_in(key, 2)).items():
        models[name] = {"is_reference": True, **scores.score_reference(config, prepared, part, reference, seed)}
    rows = part.pairs(part.test)
    groups = prepared.dataset.groups
    return {
        "models": models,
        "skipped": skipped,
        "groups": [str(group) for group in (prepared.dataset.ids if groups is None else groups)[rows]],
        "languages": [len(own) for own in scores.languages_of(prepared, rows)],
        "sizes": {"fit": len(part.fit), "valid": len(part.valid), "test": len(part.test), "test pairs": len(rows)},
        "sizes_of_pairs": len(part.pairs(part.fit)),
    }


def tasks(config: Config, prepared: Prepared) -> dict[str, runs.Task]:
    """Every seed, then the experiments."""
    seeds = {f"seed_{seed}": partial(run_seed, config, prepared, seed) for seed in range(config.seeds)}
    own = min(config.seeds, config.experiment_seeds)
    return {**seeds, f"experiments_{own}_seeds": partial(experiments.run, config, prepared)}


DOCUMENT = runs.Document(PRESETS, VARIANTS, prepare, fingerprint, tasks, outputs.write, outputs.FILES)


def main(config: Config) -> Path:
    """The whole study; returns the path of `report.md`."""
    return runs.study(DOCUMENT, config)


if __name__ == "__main__":
    runs.run(DOCUMENT, Config)
