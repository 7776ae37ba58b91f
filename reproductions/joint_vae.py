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
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Literal

import jax
import joint_vae_leads as leads
import joint_vae_outputs as outputs
import joint_vae_pipeline as pipeline
import joint_vae_scores as scores
import numpy as np
import runs
from joint_vae_pipeline import VARIANTS, Prepared, Trainers, fit_conv, fit_fc, fit_joint, part_of


@dataclass(frozen=True)
class Config:
    """Hybrid multimodal music clustering via Joint VAE, reported against fresh runs."""

    preset: Literal["quick", "paper"] = "quick"
    """quick: a few minutes on two CPU cores. paper: the document's sizes."""
    data: Path | None = None
    """Folder with audio/ or mels/, lyrics.csv or lyrics/, labels.csv; default: the embedded synthetic corpus."""
    out: Path = Path("results/joint_vae")
    """Where report, figures and latents go."""
    resume: bool = False
    """Go on with an interrupted run in --out."""
    seeds: int = 3
    """Runs; each seed varies initialisation, batches and split. --resume with more of them extends a run."""
    variant: tuple[str, ...] = ("document", "split", "elbo", "info_nce")
    """Any of document, split, elbo, info_nce, language_aware, poe, moe, gated, attention."""
    clips: int = 160
    """Clips of the embedded corpus."""
    clip_seconds: float = 6.0
    """Length of the embedded corpus's clips."""
    duration: float | None = None
    """Seconds kept of each clip in --data; None: the longest clip, at most 30."""
    n_mels: int = 64
    """Mel bands computed from audio; stored mels keep theirs."""
    hop_length: int = 512
    """Samples between frames computed from audio."""
    n_fft: int = 2048
    """Window in samples; the document does not state it."""
    frames: int | None = 32
    """Frames that the models see: longer spectrograms are averaged into so many bins; None: all (1,290 at most)."""
    fit_fractions: tuple[float, float, float] = (0.7, 0.15, 0.15)
    """Training, validation and test part (section 7.2)."""
    group_by: str = "auto"
    """Column of labels.csv whose groups never cross the split; auto: song where clips share songs, else artist."""
    labels: tuple[str, ...] = ("genre", "language", "mood")
    """Labels that ARI and NMI are computed for, where the data has them."""
    max_features: int = 4096
    """Words of TF-IDF."""
    lyrics_dim: int = 64
    """Components of PCA on TF-IDF."""
    fc_latent: int = 32
    """Latent size of the FC-VAE."""
    latent: int = 64
    """Latent size of ConvVAE and JointVAE."""
    fc_epochs: int = 40
    """Epochs of the FC-VAE."""
    conv_epochs: int = 4
    """Epochs of the ConvVAE (10 in the document)."""
    joint_epochs: int = 6
    """Epochs of the JointVAE (20 in the document)."""
    fc_batch: int = 64
    """Batch of the FC-VAE."""
    batch: int = 32
    """Batch of ConvVAE and JointVAE."""
    learning_rate: float = 1e-3
    """Of Adam."""
    beta: float = 1.0
    """Weight of the KL divergence."""
    warmup_steps: int = 0
    """Steps over which beta rises from 0; 0 as in the document."""
    patience: int | None = None
    """Early stopping on the validation part (variants with a split); None as in the document."""
    audio_weight: float = 1.0
    """w_a of the joint loss."""
    lyrics_weight: float = 1.0
    """w_l of the joint loss."""
    temperature: float = 0.1
    """Of InfoNCE."""
    same_data: bool = False
    """State that --data is the document's own data set; only then do rows get a verdict."""
    projections: bool = True
    """Draw UMAP and t-SNE maps."""


PRESETS = {
    "quick": Config(),
    "paper": Config(
        preset="paper", seeds=5, clips=3834, clip_seconds=30.0, n_mels=128, frames=None, conv_epochs=10, joint_epochs=20
    ),
}  # fmt: skip


def run_seed(config: Config, prepared: Prepared, trainers: dict[str, Trainers], seed: int) -> dict[str, Any]:
    """All variants of one seed: variant → clustering, retrieval and scalars (JSON)."""
    key = jax.random.fold_in(jax.random.key(0), seed)
    shared: dict[tuple, Any] = {}
    record: dict[str, Any] = {}
    for name in config.variant:
        variant = VARIANTS[name]
        began = time.perf_counter()
        part = part_of(config, prepared, variant, jax.random.fold_in(key, 0))
        arm = ("all" if variant.fit_on_all else "split", variant.reduction)
        folder = Path("-".join(arm)) / f"seed_{seed}"
        if arm not in shared:
            # Arms that share protocol and reduction share the audio VAEs, and what is scored on them.
            fc = fit_fc(
                config, trainers[name].fc, prepared, part, jax.random.fold_in(key, 1),
                config.out / "fc_vae_final" / folder,
            )  # fmt: skip
            conv = fit_conv(
                config, trainers[name].conv, prepared, part, jax.random.fold_in(key, 2),
                config.out / "convvae_final" / folder,
            )  # fmt: skip
            shared[arm] = fc, conv, scores.score_audio(config, prepared, part, fc, conv, seed)
        fc, conv, audio_scores = shared[arm]
        joint = fit_joint(
            config, trainers[name].joint, prepared, part, variant, conv, jax.random.fold_in(key, 3),
            config.out / "jointvae_final" / name / f"seed_{seed}",
        )  # fmt: skip
        record[name] = scores.score_joint(config, prepared, part, variant, conv, joint, seed, audio_scores)
        record[name]["seconds"] = {
            "FC-VAE": fc.seconds,
            "ConvVAE": conv.seconds,
            "JointVAE": joint.seconds,
            "compilation": fc.compile_seconds + conv.compile_seconds + joint.compile_seconds,
            "everything": time.perf_counter() - began,
        }
        curves = {"FC-VAE": fc.curves, "ConvVAE": conv.curves, "JointVAE": joint.curves}
        record[name]["curves"] = jax.tree.map(lambda x: np.asarray(x).tolist(), curves)
        if seed == 0:
            outputs.save_arrays(config, prepared, part, variant, name, fc, conv, joint)
    return record


def main(config: Config) -> Path:
    """The whole reproduction; returns the path of `report.md`."""
    runs.check_variants(config.variant, VARIANTS, config.seeds)
    began = time.perf_counter()
    runs.use_compilation_cache()
    prepared = pipeline.prepare(config)
    runs.open_output(
        config.out, config, resume=config.resume, data_fingerprint=pipeline.fingerprint(prepared), own=outputs.FILES
    )
    timing = {"load": time.perf_counter() - began}
    trainers = {name: pipeline.trainers_of(config, prepared, VARIANTS[name]) for name in config.variant}
    records = []
    for seed in range(config.seeds):
        print(f"seed {seed + 1} of {config.seeds}", flush=True)
        path = config.out / "work" / f"seed_{seed}.json"
        records.append(runs.cached(path, partial(run_seed, config, prepared, trainers, seed)))
        # A finished seed's numbers are on disk; only the first seed's models are kept, for the figures and for use.
        runs.drop_models(config.out.glob(f"*_final/*/seed_{seed}"), seed)
    experiments = runs.cached(
        config.out / "work" / f"experiments_{config.seeds}_seeds.json", partial(leads.run, config, prepared)
    )
    timing["seeds and experiments, this call"] = time.perf_counter() - began - timing["load"]
    return outputs.write(config, PRESETS[config.preset], prepared, records, experiments, timing)


if __name__ == "__main__":
    runs.guarded(lambda: main(runs.parse(Config, PRESETS)))
