"""Hybrid-language clustering: the ways to run the pipeline, and its models."""

from __future__ import annotations

from typing import NamedTuple


class Reading(NamedTuple):
    """One way to read "MSE reconstruction + β · KL divergence", of which the document does not state the reduction."""

    error: str  # "mean" over the columns, or "sum"
    kl: str  # "sum" or "mean" over the latents, or "batch": summed over the latents and the batch's rows
    what: str


READINGS = {
    "mean_mean": Reading("mean", "mean", "error and KL averaged, as PyTorch's means over a batch are"),
    "mean_sum": Reading("mean", "sum", "error averaged over columns, KL summed over latents"),
    "sum_sum": Reading("sum", "sum", "both summed: the evidence lower bound"),
    "mean_batch": Reading("mean", "batch", "error averaged as by PyTorch's mse_loss, KL summed over the batch, too"),
}


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
