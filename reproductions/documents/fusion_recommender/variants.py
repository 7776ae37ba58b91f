"""Fusion recommender: which songs are held out, and the rows of Table 1."""

from __future__ import annotations

from typing import NamedTuple


class Variant(NamedTuple):
    """Which songs are held out, and what is fitted on which."""

    split: str  # random, or artist: no artist on both sides
    fit_on_all: bool = False  # word vectors, clusters, scalers and PCA see the test songs, too


VARIANTS = {
    "random": Variant("random"),
    "artist": Variant("artist"),
    "paper": Variant("random", fit_on_all=True),
}


class Setting(NamedTuple):
    """One row of the document's Table 1."""

    k: int
    learning_rate: float
    dropout: float


TABLE1 = {
    "row1": Setting(6, 2e-4, 0.2),
    "row2": Setting(6, 1e-3, 0.5),
    "row3": Setting(4, 1e-3, 0.5),
    "row4": Setting(3, 1e-3, 0.5),
}
METADATA_ONLY = "row2_metadata"
