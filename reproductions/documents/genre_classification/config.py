"""Genre classification: every option of a run."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

import tyro

from documents.genre_classification.variants import GENRE_SETS, VARIANTS


@dataclass(frozen=True)
class Training:
    """How the networks are trained."""

    epochs: int = 25
    """Passes over the training part."""
    batch_size: int = 8
    """Songs of a step."""
    learning_rate: float = 1e-3
    """Of Adam."""
    dropout: float = 0.2
    """Of the lyrics model."""


@dataclass(frozen=True)
class Config:
    """Deep Music Genre Classification, reported against fresh runs."""

    preset: Literal["quick", "paper"] = "quick"
    """quick: a few minutes on two CPU cores. paper: the document's sizes and every variant."""
    data: str | None = None
    """tcc_ceds_music.csv, a folder that holds it, or its web address; default: the embedded synthetic corpus."""
    tokenizer: str | None = None
    """Folder or hub name of BERT's tokenizer; default: a WordPiece vocabulary trained on the training lyrics."""
    out: Path = Path("results/genre_classification")
    """Where report and figures go."""
    resume: bool = False
    """Go on with an interrupted run in --out."""
    seeds: int = 3
    """Runs; each seed varies initialisation, batches and split. --resume with more of them extends a run."""
    variant: tuple[str, ...] = ("paper", "keep_optimizer", "mask_padding", "scaled_features", "repaired")
    """Any of the variants; the first is compared with the document's numbers."""
    genre_sets: tuple[str, ...] = ("four", "seven")
    """four: the document's genres. seven: all of the table's."""
    seven_variant: tuple[str, ...] = ("paper", "repaired")
    """Variants that are run on all genres, of those in --variant."""
    baseline_splits: tuple[str, ...] = ("random", "stratified")
    """Splits on which the baselines are fitted: random, stratified, artist."""
    songs: int = 400
    """Songs of the embedded corpus."""
    vocabulary_size: int = 2000
    """Size of a vocabulary trained on the lyrics."""
    max_length: int = 512
    """Positions of a song; longer lyrics are cut and counted."""
    test_fraction: float = 0.2
    """Share of the test part."""
    training: Annotated[Training, tyro.conf.arg(name="")] = Training()
    curve_seeds: int = 2
    """Seeds of the accuracy against the number of training songs, four genres; 0: none."""
    curve_variants: tuple[str, ...] = ("repaired_wide", "paper")
    """Variants that are trained along the curve: all repairs with wider layers, and the document's own way."""
    curve_shares: tuple[float, ...] = (0.125, 0.25, 0.5, 1.0)
    """Shares of the training part that the curve is made of, the smallest first."""


PRESETS = {
    "quick": Config(),
    "paper": Config(
        preset="paper",
        seeds=5,
        songs=11281,
        vocabulary_size=30522,
        variant=tuple(VARIANTS),
        seven_variant=("paper", "stratified", "artist_disjoint", "repaired", "repaired_artist"),
        baseline_splits=("random", "stratified", "artist"),
        curve_seeds=5,
    ),
}


def check(config: Config) -> None:
    """Refuse options that cannot be used.

    Raises:
        ValueError: names the option.
    """
    for option, given, known in (
        ("seven-variant", config.seven_variant, VARIANTS),
        ("curve-variants", config.curve_variants, VARIANTS),
        ("genre-sets", config.genre_sets, GENRE_SETS),
        ("baseline-splits", config.baseline_splits, ("random", "stratified", "artist")),
    ):
        if (unknown := sorted(set(given) - set(known))) or len(set(given)) < len(given) or not given:
            raise ValueError(f"--{option} {' '.join(given)}: name some of {sorted(known)}, each once; not {unknown}")
    for option, value in (("epochs", config.training.epochs), ("batch-size", config.training.batch_size)):
        if value < 1:
            raise ValueError(f"--{option} must be at least 1, got {value}")
    if not all(0 < share <= 1 for share in config.curve_shares) or len(set(config.curve_shares)) < 2:
        raise ValueError(f"--curve-shares must be two shares or more, above 0 and at most 1, got {config.curve_shares}")
    if not 0 < config.test_fraction < 1:
        raise ValueError(f"--test-fraction must lie between 0 and 1, got {config.test_fraction}")
