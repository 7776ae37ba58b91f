"""Losses for `training.fit`: functions of options that return a `Loss`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import jax.numpy as jnp
from jaxtyping import Array, Float

from jaxmusic.losses import terms as term
from jaxmusic.losses.pairs import info_nce
from jaxmusic.losses.parts import kl_divergence, label_entropy, masked_mean, squared_error
from jaxmusic.losses.value import Loss, LossFunction, Schedule, loss, total, weight_at


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
    """Negative ELBO by squared errors: Σ w_m · mask_m · reconstruction_m + β · KL, optionally + alignment + labels.

    The sum of `divergence`, `modality_error` of every modality, `alignment` and `label_head`.

    Source: "Hybrid Multimodal Music Clustering via Joint VAE" (2026), §3.2.3; the contrastive term is its §5.5.

    Args:
        weights: modality → weight of its reconstruction (the document's w_a = w_l = 1).
        reduction: see `squared_error`.
        beta: weight of the KL, as in `elbo`.
        free_bits: nats that each latent's KL, averaged over the batch, may hold at no cost (Kingma et al. 2016):
            Σ_j max(free_bits, KL_j) takes the place of the KL in the loss, not in the metric.
        element_masks: modality → key of the batch that holds a mask of that modality's elements.
        contrastive_weight: weight of the alignment between the modalities' posterior means, over all pairs of them; 0
            leaves it out.
        alignment: `"info_nce"` or `"triplet"`.
        temperature: of `info_nce`.
        margin: of `triplet`.
        label_weight: weight of the cross-entropy between `outputs.logits` and `batch["labels"]`, `[batch]` int, in
            which −1 is an unknown label that does not count, or `[batch, classes]` probabilities, in which a row of
            zeros is one; 0 leaves it out.

    Returns:
        `loss(outputs, batch)`, where the batch holds `"inputs"` and `"masks"` by modality; metrics
        `reconstruction_<modality>`, `kl`, `beta` and, where they are used, the alignment's name, `cross_entropy` and
        `log_scale_<modality>`. A modality's reconstruction is averaged over all rows that count, an absent one
        counting 0.

    Raises:
        ValueError: an unknown alignment.
    """
    keys = element_masks or {}
    terms: list[Loss] = [term.divergence(beta=beta, free_bits=free_bits)]
    for name, weight in weights.items():
        terms.append(weight * term.modality_error(modality=name, reduction=reduction, element_mask=keys.get(name)))
    # Made in any case, so that an unknown alignment raises at once.
    aligned = term.alignment(kind=alignment, temperature=temperature, margin=margin)
    if contrastive_weight:
        terms.append(contrastive_weight * aligned)
    if label_weight:
        terms.append(label_weight * term.label_head())
    return total(terms=terms)


@loss
def cross_entropy(
    *,
    labels: str = "labels",
    class_weights: Float[Array, " classes"] | tuple[float, ...] | None = None,
    weights: str | None = None,
) -> LossFunction:
    """Softmax cross-entropy of a classifier's logits, averaged over the batch.

    Args:
        labels: key of the batch that holds `[batch]` int classes, or `[batch, classes]` probabilities, such as those
            that `augment.MixUp` makes. −1, or a row of zeros, is an unknown label, whose row does not count.
        class_weights: one for each class; the mean is then weighted, as in PyTorch's `CrossEntropyLoss`. None: all 1.
            A row of probabilities weighs what its classes do on average.
        weights: key of the batch that holds `[batch]` weights of the rows instead, such as their classes': other
            weights then need no other loss, and no other compilation.

    Returns:
        `loss(logits, batch) -> (scalar, {"accuracy"})`, in nats; accuracy is the share of rows whose largest logit is
        their label's, or the likeliest class of its probabilities.

    Raises:
        ValueError: both `class_weights` and `weights`; when called, a label that is neither a class nor −1, or a
            negative probability (inside a compiled function it makes the loss NaN), or probabilities of another shape
            than the logits.

    >>> loss = cross_entropy()
    >>> value, metrics = loss(jnp.array([[0.0, 0.0], [0.0, 0.0]]), {"labels": jnp.array([0, 1])})
    >>> round(float(value), 4), float(metrics["accuracy"])  # log 2, and a tie goes to the first
    (0.6931, 0.5)
    """

    if class_weights is not None and weights is not None:
        raise ValueError("give class_weights or weights, not both")

    def function(outputs: Array, batch: Mapping[str, Any]) -> tuple[Array, dict[str, Array]]:
        target, rows = batch[labels], batch.get("row_mask")
        entropy, counted = label_entropy(outputs, target, rows)
        classes = target if target.ndim == 1 else target.argmax(-1)
        accuracy = masked_mean((outputs.argmax(-1) == classes).astype(outputs.dtype), counted)
        if class_weights is None and weights is None:
            return masked_mean(entropy, counted), {"accuracy": accuracy}
        if weights is not None or target.ndim == 1:
            of_rows = batch[weights] if weights is not None else jnp.asarray(class_weights)[target]
            weighted = of_rows * entropy
        else:
            of_classes = target * jnp.asarray(class_weights)
            of_rows, weighted = of_classes.sum(-1), label_entropy(outputs, of_classes, rows)[0]
        whole = masked_mean(of_rows, counted)
        return masked_mean(weighted, counted) / jnp.where(whole > 0, whole, 1.0), {"accuracy": accuracy}

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
