"""Beyond the Joint VAE document: every option of a run."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Literal

import tyro

from documents.clips import Sound
from documents.joint_vae_beyond.variants import QUICK, VARIANTS


@dataclass(frozen=True)
class Sizes:
    """Widths of what the models and references see."""

    max_features: int = 4096
    """Words of TF-IDF."""
    lyrics_dim: int = 64
    """Components of PCA on TF-IDF."""
    sentence_dim: int = 32
    """Principal components of the sentence embeddings."""
    audio_dim: int = 64
    """Principal components of the audio features."""
    cca_components: int = 32
    """Directions of linear and kernel CCA."""


@dataclass(frozen=True)
class Net:
    """Training of the models."""

    widths: tuple[int, ...] = (128,)
    """Hidden widths of vector encoders and decoders."""
    dropout: float = 0.3
    """Of inputs and hidden layers of vector and transformer encoders."""
    epochs: int = 60
    """Epochs of vector models."""
    pretrain_epochs: int = 20
    """Epochs on unpaired clips and lyrics, of the pretrained variants."""
    spectrogram_epochs: int = 8
    """Epochs of transformer, convolutions and the supervised CNN; 0 leaves the CNN out."""
    batch: int = 64
    """Batch size."""
    learning_rate: float = 1e-3
    """Of AdamW, vector models."""
    spectrogram_learning_rate: float = 3e-4
    """Of AdamW, transformer and convolutions, some of which diverge at 1e-3."""
    weight_decay: float = 1e-2
    """Of AdamW."""


@dataclass(frozen=True)
class Config:
    """Variants of the JointVAE against references, on splits that share no artist."""

    preset: Literal["quick", "paper"] = "quick"
    """quick: some variants, a few minutes on two CPU cores. paper: every variant, seven seeds."""
    data: Path | None = None
    """Folder with audio/ or mels/, lyrics.csv or lyrics/, labels.csv; default: the embedded synthetic corpus."""
    out: Path = Path("results/joint_vae_beyond")
    """Where report and figures go."""
    resume: bool = False
    """Go on with an interrupted run in --out."""
    seeds: int = 3
    """Runs, at most as many as folds; each has its own test part. --resume with more of them extends a run."""
    folds: int = 7
    """Parts of the data set: one tests, one validates, the others are for fitting."""
    variant: tuple[str, ...] = QUICK
    """Names of variants, see documents/joint_vae_beyond/variants.py."""
    sound: Annotated[Sound, tyro.conf.arg(name="")] = field(default_factory=lambda: Sound(clips=400))
    frames: int = 32
    """Frames that transformer and convolutions see: longer spectrograms are averaged into so many bins."""
    labels: tuple[str, ...] = ("genre", "language", "mood")
    """Labels that clusters and probes are held against, where the data has them."""
    sentence_encoder: str = "e5-small"
    """Frozen text encoder of the base's lyrics: e5-small, a model's folder or name, or none; without it TF-IDF."""
    sound_encoder: str = "musicnn-msd"
    """Pretrained net that hears the audio files of --data: see audio.sound_encoder; or none."""
    more_lyrics: Path | None = None
    """Table of further lyrics (artist_name, track_name, genre, lyrics) that belong to no clip, for pretraining."""
    cache: Path | None = None
    """Folder that keeps embeddings of sentences and sounds."""
    experiment_seeds: int = 3
    """Seeds of the learning curve and of the missing lyrics, at most."""
    sizes: Sizes = Sizes()
    net: Net = Net()


PRESETS = {"quick": Config(), "paper": Config(preset="paper", seeds=7, variant=tuple(VARIANTS), sound=Sound(clips=800))}


def check(config: Config) -> None:
    """Refuse folds that seeds cannot share.

    Raises:
        ValueError: says what is wrong.
    """
    if config.folds < 3 or config.seeds > config.folds:
        raise ValueError(
            f"--seeds {config.seeds} with --folds {config.folds}: three folds at least, a seed for each at most"
        )
