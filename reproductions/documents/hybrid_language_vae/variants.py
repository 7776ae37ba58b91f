"""Hybrid-language clustering: the ways to run the pipeline, and its models."""

from __future__ import annotations

from typing import NamedTuple

from documents.readings import READINGS


class Variant(NamedTuple):
    """One way to run the pipeline; each field is a quirk of the document or a repair of one."""

    fit_on_all: bool = False  # scalers, terciles and models on all tracks, which are all scored, as the document did
    reading: str = "sum_sum"
    columns: str = "mfcc"  # audio features: MFCC moments, the "table" of 57, or those of a pretrained encoder


# Columns other than MFCC moments, under the reading that is the evidence lower bound.
COLUMNS = {"columns57": "table", "musicnn": "musicnn", "tags": "tags", "clap": "clap"}
VARIANTS = {
    f"{name}{suffix}": variant._replace(fit_on_all=not suffix)
    for suffix in ("", "_split")
    for name, variant in {
        **{name: Variant(reading=name) for name in READINGS},
        **{name: Variant(columns=columns) for name, columns in COLUMNS.items()},
    }.items()
}
# Models whose training no reading of the loss changes, and those that it does.
SHARED_NETS, VAES = ("autoencoder",), ("basic", "conv", "conditional", "adaptive")
