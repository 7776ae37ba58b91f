"""Hybrid-language clustering: the ways to run the pipeline, and its models."""

from __future__ import annotations

from typing import NamedTuple


class Variant(NamedTuple):
    """One way to run the pipeline; each field is a quirk of the document or a repair of one."""

    fit_on_all: bool = False  # scalers, terciles and models on all tracks, which are all scored, as the document did
    reduction: str = "mean"  # of the squared error: "mean" over columns, or "sum", which is the ELBO
    columns: str = "mfcc"  # audio features: MFCC moments, or the "table" of 57


VARIANTS = {
    "document": Variant(fit_on_all=True),
    "split": Variant(),
    "elbo": Variant(reduction="sum"),
    "columns57": Variant(columns="table", reduction="sum"),
}
NETS = ("basic", "conv", "conditional", "autoencoder", "adaptive")
