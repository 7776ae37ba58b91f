"""Multimodal VAEs: every option of a run."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Literal

import tyro

from documents.clips import Sound
from documents.multimodal_vae.variants import MODELS


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
    variant: tuple[str, ...] = MODELS
    """Names of models, see documents/multimodal_vae/pipeline.py."""
    label: str = "genre"
    """Column of labels that coherence and clusters are held against."""
    sound: Annotated[Sound, tyro.conf.arg(name="")] = field(default_factory=lambda: Sound(clips=400))
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
