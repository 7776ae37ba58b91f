"""Multimodal VAEs by held-out likelihood and coherence, beside the silhouettes that documents rank them by.

    python reproductions/multimodal_vae.py                                   # embedded corpus: sound, words, tags
    python reproductions/multimodal_vae.py --data FOLDER --out results/mine  # a folder of clips: sound, words
    python reproductions/multimodal_vae.py --preset paper                    # five seeds

Each model is fitted on the same training rows and scored on the same test rows, which share no artist (song) with
them: importance-weighted log-likelihood of all modalities and of words given sound, coherence of what is generated from
one modality into another, retrieval, and K-means' silhouette and adjusted Rand index on the joint latents. Rank
correlations say whether the order by silhouette is that by likelihood or by coherence. Writes `report.md` and
`report.json` to `--out`; an interrupted run goes on with `--resume`.
"""

from __future__ import annotations

from functools import partial
from pathlib import Path

import documents.multimodal_vae.outputs as outputs
import jax
import runs
from documents.multimodal_vae.config import PRESETS, Config
from documents.multimodal_vae.pipeline import Prepared, fingerprint, prepare, run_seed
from documents.multimodal_vae.variants import MODELS


def tasks(config: Config, prepared: Prepared) -> dict[str, runs.Task]:
    """Every seed."""
    keys = [jax.random.fold_in(jax.random.key(0), seed) for seed in range(config.seeds)]
    return {f"seed_{seed}": partial(run_seed, config, prepared, key, seed) for seed, key in enumerate(keys)}


DOCUMENT = runs.Document(PRESETS, MODELS, prepare, fingerprint, tasks, outputs.write, outputs.FILES)


def main(config: Config) -> Path:
    """The whole study; returns the path of `report.md`."""
    return runs.study(DOCUMENT, config)


if __name__ == "__main__":
    runs.run(DOCUMENT, Config)
