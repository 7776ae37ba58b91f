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

import time
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Annotated, Any, Literal

import jax
import multimodal_vae_outputs as outputs
import runs
import tyro
from documents.clips import Sound
from multimodal_vae_pipeline import MODELS, fingerprint, prepare, run_seed


@dataclass(frozen=True)
class Config:
    """Multimodal VAEs on one data set, by likelihood, coherence, retrieval and clusters."""

    preset: Literal["quick", "paper"] = "quick"
    """quick: three seeds, minutes on two CPU cores. paper: five seeds, more clips and samples."""
    data: Path | None = None
    """Folder with audio/ or mels/, lyrics.csv or lyrics/, labels.csv; default: the embedded synthetic corpus."""
    out: Path = Path("results/multimodal_vae")
    """Where the report goes."""
    resume: bool = False
    """Go on with an interrupted run in --out."""
    seeds: int = 3
    """Runs, each with its own split, start and noise."""
    variant: tuple[str, ...] = tuple(MODELS)
    """Names of models, see multimodal_vae_pipeline.py."""
    label: str = "genre"
    """Column of labels that coherence and clusters are held against."""
    sound: Annotated[Sound, tyro.conf.arg(name="")] = Sound(clips=400)  # noqa: RUF009
    audio_dim: int = 32
    """Principal components of the sound's statistics."""
    lyrics_dim: int = 32
    """Principal components of TF-IDF."""
    max_features: int = 4096
    """Words of TF-IDF."""
    latent: int = 16
    """Latent dimensions."""
    width: int = 128
    """Hidden units of every encoder and decoder."""
    epochs: int = 100
    """Epochs of every model."""
    batch: int = 64
    """Batch size."""
    learning_rate: float = 1e-3
    """Of Adam."""
    bound_samples: int = 10
    """Samples of every expert in training, of the importance-weighted models."""
    likelihood_samples: int = 1000
    """Samples of each test row's likelihood."""


PRESETS = {
    "quick": Config(),
    "paper": Config(preset="paper", seeds=5, sound=Sound(clips=800), epochs=200, likelihood_samples=5000),
}


def main(config: Config) -> Path:
    """The whole study; returns the path of `report.md`."""
    runs.check_variants(config.variant, MODELS, config.seeds)
    began = time.perf_counter()
    runs.use_compilation_cache()
    prepared = prepare(config)
    runs.open_output(
        config.out, config, resume=config.resume, data_fingerprint=fingerprint(prepared), own=outputs.FILES
    )
    timing = {"load": time.perf_counter() - began}
    records: list[dict[str, Any]] = []
    for seed in range(config.seeds):
        print(f"seed {seed + 1} of {config.seeds}", flush=True)
        key = jax.random.fold_in(jax.random.key(0), seed)
        path = config.out / "work" / f"seed_{seed}.json"
        records.append(runs.cached(path, partial(run_seed, config, prepared, key, seed)))
    timing["seeds, this call"] = time.perf_counter() - began - timing["load"]
    return outputs.write(config, PRESETS[config.preset], prepared, records, timing)


if __name__ == "__main__":
    runs.guarded(lambda: main(runs.parse(Config, PRESETS)))
