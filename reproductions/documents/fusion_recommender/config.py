"""Fusion recommender: every option of a run."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import runs


@dataclass(frozen=True)
class Words:
    """Vectors of tags, fields and lyrics."""

    tag_size: int = 100
    """Width m of the tags' word vectors."""
    tag_epochs: int = 20
    """Passes of their training; the document states none."""
    field_size: int = 100
    """Width of the word vectors of title, album and artist."""
    field_epochs: int = 5
    """Passes of their training; the document states none."""
    lyrics_size: int = 64
    """Components of svd."""
    top_words: int = 50
    """Words of each song that a transformer is given as word:count; the document states none."""


@dataclass(frozen=True)
class Net:
    """The network of Table 1."""

    widths: tuple[int, ...] = (256, 128, 128, 256, 512)
    """Hidden layers."""
    batch_size: int = 64
    """Songs of a step; the document states none."""
    momentum: float = 0.9
    """Share of batch norm's running statistics that a step keeps (PyTorch's default)."""
    epochs: int = 20
    """Passes of Table 1's rows (2,000 in the document)."""
    long_epochs: int = 0
    """Passes of one more run of Table 1's second row, first seed and variant; 0: none."""


@dataclass(frozen=True)
class Experiments:
    """What the document tuned or left open, each on few seeds."""

    max_k: int = 40
    """Largest k of the tag clusters (100 in the document)."""
    sweep_k: tuple[int, ...] = (2, 10)
    """Classes of the curve of mAP against k, besides those of Table 1 and --soft-k."""
    sweep_seeds: int = 1
    """Seeds of that curve; 0: none."""
    fusion_seeds: int = 1
    """Seeds of the comparison of fusions; 0: none."""
    fusion_epochs: int = 10
    """Passes of its networks."""
    search_epochs: int = 5
    """Passes of the search over depth, width and dropout; 0: no search."""


@dataclass(frozen=True)
class WMF:
    """Matrix factorisation, and the MLP that predicts its factors."""

    factors: int = 50
    """Factors of the matrix factorisation."""
    iterations: int = 15
    """Its iterations."""
    alpha: float = 2.0
    """Weight of log(1 + plays) in its confidences."""
    regularization: float = 1.0
    """Its regularisation."""
    mlp_epochs: int = 30
    """Passes of the MLP that predicts its factors."""


@dataclass(frozen=True)
class Config:
    """Multimodal Fusion Genre-Based Music Recommender, reported against fresh runs."""

    preset: Literal["quick", "paper"] = "quick"
    """quick: a few minutes on two CPU cores. paper: the document's epochs, users and sizes."""
    data: Path | None = None
    """Folder with the Million Song Dataset's files; default: the embedded corpus, written in the same formats."""
    out: Path = Path("results/fusion_recommender")
    """Where report and figures go."""
    resume: bool = False
    """Go on with an interrupted run in --out."""
    seeds: int = 3
    """Runs; each seed varies split, initialisation, batches and histories. --resume with more of them extends a run."""
    variant: tuple[str, ...] = ("random", "artist")
    """Any of random (songs), artist (no artist on both sides), paper (random, fitted on all songs as the document)."""
    tags: Literal["mbtags", "terms"] = "mbtags"
    """The artists' tags of MusicBrainz, as the document, or The Echo Nest's terms."""
    songs: int = 400
    """Songs of the embedded corpus."""
    listeners: int = 800
    """Listeners of the embedded corpus."""
    test_fraction: float = 0.2
    """Share of the songs that are held out."""
    users: int = 20000
    """Users with two plays on test songs or more, at most; more are sampled."""
    word_vectors: Path | None = None
    """Text file of pretrained word vectors to start the three fields' from; default: from scratch."""
    popularity: Literal["hotttnesss", "familiarity"] = "hotttnesss"
    """The artist's popularity among the features."""
    lyrics: str = "svd"
    """svd (TF-IDF and SVD), none, or a transformer's folder or hub name (the document: roberta-base)."""
    variance: float = 0.95
    """Share that the PCA keeps."""
    soft_k: int = 20
    """Classes of the variant with more of them than the document's."""
    words: Words = Words()
    net: Net = Net()
    experiments: Experiments = Experiments()
    wmf: WMF = WMF()
    same_data: bool = False
    """State that --data is the document's own; only then do rows get a verdict, of 2,000 epochs alone."""


PRESETS = {
    "quick": Config(),
    "paper": Config(
        preset="paper",
        seeds=5,
        variant=("random", "artist", "paper"),
        songs=9330,
        listeners=20000,
        net=Net(epochs=2000, batch_size=256),
        experiments=Experiments(
            max_k=100,
            sweep_k=(2, 8, 10, 13, 30, 50),
            sweep_seeds=5,
            fusion_seeds=5,
            fusion_epochs=100,
            search_epochs=100,
        ),
        wmf=WMF(mlp_epochs=100),
    ),
}


def check(config: Config) -> None:
    """Refuse options that cannot be used.

    Raises:
        ValueError: names the option.
    """
    counts = (
        "net.epochs",
        "net.batch_size",
        "experiments.fusion_epochs",
        "users",
        "soft_k",
    )
    for option in counts:
        value = runs.flat(config)[option]
        if value < 1:
            raise ValueError(f"--{option.replace('_', '-')} must be at least 1, got {value}")
    if not 0 < config.test_fraction < 1:
        raise ValueError(f"--test-fraction must lie between 0 and 1, got {config.test_fraction}")
