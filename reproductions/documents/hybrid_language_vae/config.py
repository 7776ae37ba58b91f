"""Hybrid-language clustering: every option of a run."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

import tyro

from documents.readings import READINGS


@dataclass(frozen=True)
class Net:
    """Sizes and training of the models."""

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
    group_by: str = "auto"
    """What keeps pieces of one track on one side of a split: auto (track, song or artist of labels.csv, or a column of
    the tables; else the files' names), name, a column, or none, for equal features alone."""
    cache: Path | None = None
    """Folder that keeps the features of audio files."""
    out: Path = Path("results/hybrid_language_vae")
    """Where report, figures and latents go."""
    resume: bool = False
    """Go on with an interrupted run in --out."""
    seeds: int = 3
    """Runs; each seed varies sample, split, initialisation and batches. --resume with more of them extends a run."""
    variant: tuple[str, ...] = (*READINGS, *(f"{name}_split" for name in READINGS), "columns57_split")
    """Readings of the loss (mean_mean, mean_sum, sum_sum, mean_batch), and sum_sum on other audio columns (columns57,
    musicnn, tags, clap); with _split behind it, fitted on a training part and scored on a test part."""
    per_language: int = 200
    """Tracks sampled of each language, at most (1,000 in the document)."""
    clip_seconds: float | None = 3.0
    """Seconds of each audio file, from its start; None: all of it."""
    musicnn: str = "musicnn-msd"
    """The pretrained encoder behind the columns musicnn (its penultimate layer) and tags (their logits)."""
    clap: Path | None = None
    """Folder of a CLAP model, for the columns clap."""
    text: str = "descriptors"
    """Text columns: descriptors (their indicators), or a sentence encoder's name or folder."""
    fit_fractions: tuple[float, float, float] = (0.7, 0.15, 0.15)
    """Training, validation and test part of the variants with a split."""
    net: Annotated[Net, tyro.conf.arg(name="")] = Net()
    k: int = 8
    """Clusters of K-means, Ward and spectral clustering."""
    pca_components: int = 16
    """Components of PCA before K-means; the document states none."""
    eps: tuple[float, ...] = (0.1, 0.2, 0.3, 0.4, 0.5, 0.7, 1.0, 1.5, 2.0, 3.0, 5.0)
    """Radii of DBSCAN; the document states none."""
    experiments: bool = True
    """Whether the experiments beside Table 2 run, after all seeds."""
    permutations: int = 999
    """Of the tests of independence."""
    same_data: bool = False
    """State that the tracks are the document's own; only then do rows get a verdict."""


PRESETS = {"quick": Config(), "paper": Config(preset="paper", seeds=5, per_language=1000)}
