"""Losses for `training.fit`: functions of options that return a `Loss`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from jaxmusic.losses.parts import info_nce, kl_divergence, masked_mean, softmax_entropy, squared_error, triplet
from jaxmusic.losses.value import LossFunction, Schedule, loss, weight_at


@loss
def elbo(
    *,
    target: str = "inputs",
    reduction: str = "mean",
    beta: float | str | Schedule = 1.0,
    element_mask: str | None = None,
) -> LossFunction:
    """Negative β-ELBO of a single-modality VAE: reconstruction + β · KL, averaged over the batch.

    Source: Higgins et al. (2017), eq. 4; β = 1 is Kingma and Welling (2014), eq. 10.

    Args:
        target: key of the batch that holds what `outputs.recon` reconstructs.
        reduction: see `squared_error`.
        beta: weight of the KL, or a schedule of the step such as `optax.linear_schedule(0, 1, 500)` for a warm-up, or
            the key of the batch that holds it, such as a hyperparameter of `training.fit_grid`.
        element_mask: key of the batch that holds a mask of `target`'s elements, e.g. `[batch, 1, frames]`.

    Returns:
        `loss(outputs, batch) -> (scalar, {"reconstruction", "kl", "beta"})` for outputs with `recon, mean, logvar`.
    """

    def function(outputs: Any, batch: Mapping[str, Any]) -> tuple[Array, dict[str, Array]]:
        rows = batch.get("row_mask")
        mask = batch[element_mask] if element_mask else None
        error = squared_error(outputs.recon, batch[target], reduction=reduction, element_mask=mask)
        reconstruction = masked_mean(error, rows)
        kl = masked_mean(kl_divergence(outputs.mean, outputs.logvar), rows)
        weight = weight_at(beta, batch)
        return reconstruction + weight * kl, {"reconstruction": reconstruction, "kl": kl, "beta": weight}

    return function


@loss
def reconstruction(*, target: str = "inputs", reduction: str = "mean") -> LossFunction:
    """Squared error alone, for a deterministic autoencoder.

    Args:
        target: key of the batch that holds what `outputs.recon` reconstructs.
        reduction: see `squared_error`.

    Returns:
        `loss(outputs, batch) -> (scalar, {})` for outputs with `recon`.
    """

    def function(outputs: Any, batch: Mapping[str, Any]) -> tuple[Array, dict[str, Array]]:
        error = squared_error(outputs.recon, batch[target], reduction=reduction)
        return masked_mean(error, batch.get("row_mask")), {}

    return function


ALIGNMENTS = ("info_nce", "triplet")
"""Names of the alignments of `joint_elbo`."""


@loss
def joint_elbo(
    *,
    weights: Mapping[str, float],
    reduction: str = "mean",
    beta: float | str | Schedule = 1.0,
    free_bits: float = 0.0,
    element_masks: Mapping[str, str] | None = None,
    contrastive_weight: float = 0.0,
    alignment: str = "info_nce",
    temperature: float = 0.1,
    margin: float = 0.2,
    label_weight: float = 0.0,
) -> LossFunction:
    """Negative ELBO of a JointVAE: Σ w_m · mask_m · reconstruction_m + β · KL, optionally + alignment + labels.

    Source: "Hybrid Multimodal Music Clustering via Joint VAE" (2026), §3.2.3; the contrastive term is its §5.5. Where
    the outputs carry `log_scales` s_m, modality m's Gaussian decoder has the variance ½ exp(s_m) and its term becomes
    w_m · (exp(−s_m) · error + ½ · elements · s_m), one element with the `"mean"` reduction: the weights are learned
    (Kendall et al. 2018, eq. 7; Rybkin et al. 2021).

    Args:
        weights: modality → weight of its reconstruction (the document's w_a = w_l = 1).
        reduction: see `squared_error`.
        beta: weight of the KL, as in `elbo`.
        free_bits: nats that each latent's KL, averaged over the batch, may hold at no cost (Kingma et al. 2016):
            Σ_j max(free_bits, KL_j) takes the place of the KL in the loss, not in the metric.
        element_masks: modality → key of the batch that holds a mask of that modality's elements.
        contrastive_weight: weight of the alignment between the modalities' posterior means; 0 leaves it out.
        alignment: `"info_nce"` or `"triplet"`.
        temperature: of `info_nce`.
        margin: of `triplet`.
        label_weight: weight of the cross-entropy between `outputs.logits` and `batch["labels"]` `[batch]` int, in
            which −1 is an unknown label that does not count; 0 leaves it out.

    Returns:
        `loss(outputs, batch)`, where the batch holds `"inputs"` and `"masks"` by modality; metrics
        `reconstruction_<modality>`, `kl`, `beta` and, where they are used, the alignment's name, `cross_entropy` and
        `log_scale_<modality>`. A modality's reconstruction is averaged over all rows that count, an absent one
        counting 0.

    Raises:
        ValueError: an unknown alignment.
    """
    element_masks = dict(element_masks or {})
    if alignment not in ALIGNMENTS:
        raise ValueError(f"alignment {alignment!r} is none of {ALIGNMENTS}")

    def function(outputs: Any, batch: Mapping[str, Any]) -> tuple[Array, dict[str, Array]]:
        rows = batch.get("row_mask")
        weight = weight_at(beta, batch)
        kl = masked_mean(kl_divergence(outputs.mean, outputs.logvar), rows)
        metrics = {"kl": kl, "beta": weight}
        total = weight * (_free(outputs.mean, outputs.logvar, rows, free_bits) if free_bits else kl)
        scales = getattr(outputs, "log_scales", None)
        for name, share in weights.items():
            key = element_masks.get(name)
            error = squared_error(
                outputs.recon[name],
                batch["inputs"][name],
                reduction=reduction,
                element_mask=batch[key] if key else None,
            )
            present = batch["masks"][name]
            metrics[f"reconstruction_{name}"] = masked_mean(jnp.where(present, error, 0.0), rows)
            if scales is None:
                total += share * metrics[f"reconstruction_{name}"]
                continue
            elements = _elements(batch["inputs"][name], batch[key] if key else None, reduction)
            normalizer = masked_mean(jnp.where(present, elements, 0.0), rows)
            metrics[f"log_scale_{name}"] = scales[name]
            calibrated = jnp.exp(-scales[name]) * metrics[f"reconstruction_{name}"] + 0.5 * scales[name] * normalizer
            total += share * calibrated
        if contrastive_weight:
            both = jnp.stack([batch["masks"][name] for name in outputs.posteriors]).all(0)
            first, second = (mean for mean, _ in outputs.posteriors.values())
            pairs = both if rows is None else both & rows
            if alignment == "info_nce":
                metrics[alignment] = info_nce(first, second, temperature=temperature, mask=pairs)
            else:
                metrics[alignment] = triplet(first, second, margin=margin, mask=pairs)
            total += contrastive_weight * metrics[alignment]
        if label_weight:
            known = batch["labels"] >= 0
            entropy = softmax_entropy(outputs.logits, batch["labels"])
            metrics["cross_entropy"] = masked_mean(entropy, known if rows is None else known & rows)
            total += label_weight * metrics["cross_entropy"]
        return total, metrics

    return function


def _free(mean: Array, logvar: Array, rows: Array | None, free_bits: float) -> Array:
    """Σ_j max(free_bits, KL_j), KL_j being latent j's divergence averaged over the rows that count."""
    each = -0.5 * (1 + logvar - jnp.square(mean) - jnp.exp(logvar))
    return jnp.maximum(jax.vmap(masked_mean, in_axes=(1, None))(each, rows), free_bits).sum()


def _elements(target: Array, element_mask: Array | None, reduction: str) -> Array:
    """`[batch]`: how many elements of a row an error sums; 1 for a mean."""
    if reduction == "mean":
        return jnp.ones(target.shape[0])
    if element_mask is None:
        return jnp.full(target.shape[0], float(np.prod(target.shape[1:])))
    return jnp.broadcast_to(element_mask, target.shape).sum(tuple(range(1, target.ndim))).astype(jnp.float32)


@loss
def cross_entropy(
    *,
    labels: str = "labels",
    class_weights: Float[Array, " classes"] | tuple[float, ...] | None = None,
    weights: str | None = None,
) -> LossFunction:
    """Softmax cross-entropy of a classifier's logits, averaged over the batch.

    Args:
        labels: key of the batch that holds `[batch]` int classes.
        class_weights: one for each class; the mean is then weighted, as in PyTorch's `CrossEntropyLoss`. None: all 1.
        weights: key of the batch that holds `[batch]` weights of the rows instead, such as their classes': other
            weights then need no other loss, and no other compilation.

    Returns:
        `loss(logits, batch) -> (scalar, {"accuracy"})`, in nats; accuracy is the share of rows whose largest logit is
        their label's.

    Raises:
        ValueError: both `class_weights` and `weights`.

    >>> loss = cross_entropy()
    >>> value, metrics = loss(jnp.array([[0.0, 0.0], [0.0, 0.0]]), {"labels": jnp.array([0, 1])})
    >>> round(float(value), 4), float(metrics["accuracy"])  # log 2, and a tie goes to the first
    (0.6931, 0.5)
    """

    if class_weights is not None and weights is not None:
        raise ValueError("give class_weights or weights, not both")

    def function(outputs: Array, batch: Mapping[str, Any]) -> tuple[Array, dict[str, Array]]:
        target, rows = batch[labels], batch.get("row_mask")
        entropy = softmax_entropy(outputs, target)
        accuracy = masked_mean((outputs.argmax(-1) == target).astype(outputs.dtype), rows)
        if class_weights is None and weights is None:
            return masked_mean(entropy, rows), {"accuracy": accuracy}
        of_rows = batch[weights] if weights is not None else jnp.asarray(class_weights)[target]
        total = masked_mean(of_rows, rows)
        return masked_mean(of_rows * entropy, rows) / jnp.where(total > 0, total, 1.0), {"accuracy": accuracy}

    return function


@loss
def contrastive(*, temperature: float = 0.1) -> LossFunction:
    """`info_nce` between `outputs.audio` and `outputs.lyrics` as a loss for `training.fit`.

    Args:
        temperature: of the softmax over cosine similarities.

    Returns:
        `loss(outputs, batch) -> (scalar, {})`.
    """

    def function(outputs: Any, batch: Mapping[str, Any]) -> tuple[Array, dict[str, Array]]:
        return info_nce(outputs.audio, outputs.lyrics, temperature=temperature, mask=batch.get("row_mask")), {}

    return function
