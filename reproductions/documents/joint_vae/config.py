"""Joint VAE: every option of a run."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Literal

import tyro

from documents.clips import Sound
from documents.readings import READINGS


@dataclass(frozen=True)
class Vectors:
    """The FC-VAE on statistics of the mel bands."""

    latent: int = 32
    """Latent size of the FC-VAE."""
    epochs: int = 40
    """Epochs of the FC-VAE."""
    batch: int = 64
    """Batch of the FC-VAE."""


@dataclass(frozen=True)
class Lyrics:
    """Lyrics as vectors."""

    max_features: int = 4096
    """Words of TF-IDF."""
    dim: int = 64
    """Components of PCA on TF-IDF."""


@dataclass(frozen=True)
class Spectrograms:
    """ConvVAE and JointVAE."""

    latent: int = 64
    """Latent size of both."""
    conv_epochs: int = 4
    """Epochs of the ConvVAE (10 in the document)."""
    joint_epochs: int = 6
    """Epochs of the JointVAE (20 in the document)."""
    batch: int = 32
    """Batch of both."""


@dataclass(frozen=True)
class Objective:
    """Losses and their optimiser."""

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
    variant: tuple[str, ...] = (*READINGS, *(f"{name}_split" for name in READINGS), "info_nce")
    """Any of the readings of the loss mean_sum, mean_mean, sum_sum, mean_batch (reconstruction error, KL), trained and
    scored on all clips, or on a split as mean_sum_split, …; info_nce, language_aware, poe, moe, gated, attention."""
    sound: Annotated[Sound, tyro.conf.arg(name="")] = field(default_factory=Sound)
    frames: int | None = 32
    """Frames that the models see: longer spectrograms are averaged into so many bins; None: all (1,290 at most)."""
    fit_fractions: tuple[float, float, float] = (0.7, 0.15, 0.15)
    """Training, validation and test part (section 7.2)."""
    labels: tuple[str, ...] = ("genre", "language", "mood")
    """Labels that ARI and NMI are computed for, where the data has them."""
    lyrics: Lyrics = Lyrics()
    fc: Vectors = Vectors()
    net: Spectrograms = Spectrograms()
    loss: Objective = Objective()
    same_data: bool = False
    """State that --data is the document's own data set; only then do rows get a verdict."""
    projections: bool = True
    """Draw UMAP and t-SNE maps."""


PRESETS = {
    "quick": Config(),
    "paper": Config(
        preset="paper",
        seeds=5,
        sound=Sound(clips=3834, clip_seconds=30.0, n_mels=128),
        frames=None,
        net=Spectrograms(conv_epochs=10, joint_epochs=20),
    ),
}
