"""Terms of multimodal objectives, each one formula; they add up with `+`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import combinations
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array

from jaxmusic.losses.likelihoods import Gaussian, Likelihood, log_likelihood
from jaxmusic.losses.pairs import info_nce, triplet
from jaxmusic.losses.parts import (
    gaussian_divergence,
    kl_divergence,
    label_entropy,
    latent_divergences,
    masked_mean,
    squared_error,
)
from jaxmusic.losses.value import LossFunction, Schedule, loss, weight_at

ALIGNMENTS = ("info_nce", "triplet")
"""Names of the alignments of `alignment` and `joint_elbo`."""


@loss
def modality_error(*, modality: str, reduction: str = "mean", element_mask: str | None = None) -> LossFunction:
    """Squared error of one modality's reconstruction, averaged over all rows, one that lacks it counting 0.

    Source: where the outputs carry its `log_scales` s, the Gaussian decoder has the variance ½ exp(s) and the term is
    exp(−s) · error + ½ · elements · s, one element with the `"mean"` reduction: its weight is learned (Kendall et al.
    2018, eq. 7; Rybkin et al. 2021).

    Args:
        modality: its name in `outputs.recon`, `batch["inputs"]` and `batch["masks"]`.
        reduction: see `squared_error`.
        element_mask: key of the batch that holds a mask of the modality's elements.

    Returns:
        A `Loss` with the metrics `reconstruction_<modality>` and, where it is learned, `log_scale_<modality>`.
    """

    def function(outputs: Any, batch: Mapping[str, Any]) -> tuple[Array, dict[str, Array]]:
        rows, present = batch.get("row_mask"), presence(batch, modality)
        target = batch["inputs"][modality]
        if present is not None:
            # Before the square: behind it, a hidden NaN would still reach the gradient as 0 · NaN.
            target = jnp.where(present.reshape(-1, *(1,) * (target.ndim - 1)), target, 0.0)
        counted = batch[element_mask] if element_mask else None
        error = squared_error(outputs.recon[modality], target, reduction=reduction, element_mask=counted)
        value = masked_mean(_absent_as_zero(error, present), rows)
        metrics = {f"reconstruction_{modality}": value}
        scale = _log_scale(outputs, modality)
        if scale is None:
            return value, metrics
        elements = masked_mean(_absent_as_zero(_elements(target, counted, reduction), present), rows)
        return jnp.exp(-scale) * value + 0.5 * scale * elements, {**metrics, f"log_scale_{modality}": scale}

    return function


@loss
def negative_log_likelihood(
    *, modality: str, likelihood: Likelihood | None = None, element_mask: str | None = None
) -> LossFunction:
    """−log p(x | z) of one modality in nats, averaged over all rows, one that lacks it counting 0.

    Args:
        modality: its name in `outputs.recon`, `batch["inputs"]` and `batch["masks"]`.
        likelihood: see `log_likelihood`; None: `Gaussian()`.
        element_mask: key of the batch that holds a mask of the modality's elements.

    Returns:
        A `Loss` with the metric `nll_<modality>`.
    """

    def function(outputs: Any, batch: Mapping[str, Any]) -> tuple[Array, dict[str, Array]]:
        each = modality_log_likelihood(outputs, outputs.recon, batch, modality, likelihood, element_mask)
        value = -masked_mean(each, batch.get("row_mask"))
        return value, {f"nll_{modality}": value}

    return function


@loss
def divergence(*, beta: float | str | Schedule = 1.0, free_bits: float = 0.0) -> LossFunction:
    """β · KL(q(z|x) ‖ N(0, 1)) of the posterior that `z` was drawn from, averaged over the batch.

    Source: Higgins et al. (2017), eq. 4; free bits: Kingma et al. (2016), appendix C.8.

    Args:
        beta: weight, as in `elbo`.
        free_bits: nats that each latent's KL, averaged over the batch, may hold at no cost: Σ_j max(free_bits, KL_j)
            takes the place of the KL in the loss, not in the metric.

    Returns:
        A `Loss` with the metrics `kl` and `beta`.
    """

    def function(outputs: Any, batch: Mapping[str, Any]) -> tuple[Array, dict[str, Array]]:
        rows, weight = batch.get("row_mask"), weight_at(beta, batch)
        kl = masked_mean(kl_divergence(outputs.mean, outputs.logvar), rows)
        counted = _free(outputs.mean, outputs.logvar, rows, free_bits) if free_bits else kl
        return weight * counted, {"kl": kl, "beta": weight}

    return function


@loss
def mixture_divergence(*, beta: float | str | Schedule = 1.0) -> LossFunction:
    """β · Σ_c w_c KL(q_c(z|x) ‖ N(0, 1)) over the components of the joint posterior, averaged over the batch.

    An upper bound of the mixture's own KL, and the KL itself where there is one component.

    Source: Sutter et al. (2021), eq. 6.

    Args:
        beta: weight, as in `elbo`.

    Returns:
        A `Loss` with the metrics `kl` and `beta`.
    """

    def function(outputs: Any, batch: Mapping[str, Any]) -> tuple[Array, dict[str, Array]]:
        weight, mixture = weight_at(beta, batch), outputs.mixture
        each = (mixture.weights * kl_divergence(mixture.means, mixture.logvars)).sum(0)
        kl = masked_mean(each, batch.get("row_mask"))
        return weight * kl, {"kl": kl, "beta": weight}

    return function


@loss
def expert_divergence() -> LossFunction:
    """Σ_m KL(q(z|x) ‖ q(z|x_m)) over the modalities that are there, averaged over the batch.

    Source: Hwang et al. (2021), eq. 8, the conditional variational information bottleneck.

    Returns:
        A `Loss` with the metric `expert_kl`.
    """

    def function(outputs: Any, batch: Mapping[str, Any]) -> tuple[Array, dict[str, Array]]:
        total = jnp.zeros(outputs.mean.shape[0])
        for name, posterior in outputs.posteriors.items():
            each = gaussian_divergence(outputs.mean, outputs.logvar, *posterior)
            total += _absent_as_zero(each, presence(batch, name))
        value = masked_mean(total, batch.get("row_mask"))
        return value, {"expert_kl": value}

    return function


@loss
def alignment(
    *,
    kind: str = "info_nce",
    temperature: float = 0.1,
    margin: float = 0.2,
    pairs: Sequence[tuple[str, str, float]] | None = None,
) -> LossFunction:
    """How badly the posterior means of two modalities of a row find each other, averaged over pairs of modalities.

    A row counts for a pair if it has both.

    Args:
        kind: `"info_nce"` or `"triplet"`.
        temperature: of `info_nce`.
        margin: of `triplet`.
        pairs: (modality, modality, weight) of each pair that counts, the weights dividing by their sum; None: all pairs
            of the outputs' posteriors, alike.

    Returns:
        A `Loss` with a metric by the name of `kind`.

    Raises:
        ValueError: an unknown kind, no pairs, or weights whose sum is not positive; when called, a pair of modalities
            that the outputs lack, or fewer than two.
    """
    if kind not in ALIGNMENTS:
        raise ValueError(f"alignment {kind!r} is none of {ALIGNMENTS}")
    if pairs is not None and not sum(weight for _, _, weight in pairs) > 0:
        raise ValueError(f"pairs {tuple(pairs)} need weights whose sum is positive")

    def function(outputs: Any, batch: Mapping[str, Any]) -> tuple[Array, dict[str, Array]]:
        names = list(outputs.posteriors)
        chosen = [(*pair, 1.0) for pair in combinations(names, 2)] if pairs is None else pairs
        unknown = sorted({name for pair in chosen for name in pair[:2]} - set(names))
        if unknown or not chosen:
            raise ValueError(f"alignment needs two modalities of {names}" + (f", not {unknown}" if unknown else ""))
        share = 1 / sum(weight for _, _, weight in chosen)
        values = []
        for first, second, weight in chosen:
            counted = [
                x for x in (presence(batch, first), presence(batch, second), batch.get("row_mask")) if x is not None
            ]
            mask = jnp.stack(counted).all(0) if counted else None
            means = outputs.posteriors[first][0], outputs.posteriors[second][0]
            if kind == "info_nce":
                value = info_nce(*means, temperature=temperature, mask=mask)
            else:
                value = triplet(*means, margin=margin, mask=mask)
            values.append(weight * share * value)
        value = sum(values[1:], start=values[0])
        return value, {kind: value}

    return function


@loss
def label_head(*, labels: str = "labels") -> LossFunction:
    """Softmax cross-entropy of `outputs.logits`, over the rows whose label is known.

    Args:
        labels: key of the batch that holds `[batch]` int classes, or `[batch, classes]` probabilities; −1, or a row of
            zeros, is an unknown label, any other that is no class is an error, and NaN inside a compiled function.

    Returns:
        A `Loss` with the metric `cross_entropy`.
    """

    def function(outputs: Any, batch: Mapping[str, Any]) -> tuple[Array, dict[str, Array]]:
        entropy, counted = label_entropy(outputs.logits, batch[labels], batch.get("row_mask"))
        value = masked_mean(entropy, counted)
        return value, {"cross_entropy": value}

    return function


def presence(batch: Mapping[str, Any], modality: str) -> Array | None:
    """`[batch]` bool, which rows have the modality; None where the batch has no masks and all rows do."""
    return jnp.asarray(batch["masks"][modality], bool) if "masks" in batch else None


def modality_log_likelihood(
    outputs: Any,
    recon: Mapping[str, Array],
    batch: Mapping[str, Any],
    modality: str,
    likelihood: Likelihood | None,
    element_mask: str | None = None,
) -> Array:
    """`[…, batch]` log-likelihood of one modality of the batch, for one or more samples' reconstructions."""
    return log_likelihood(
        likelihood or Gaussian(),
        recon[modality],
        batch["inputs"][modality],
        mask=presence(batch, modality),
        element_mask=batch[element_mask] if element_mask else None,
        log_scale=_log_scale(outputs, modality),
    )


def _log_scale(outputs: Any, modality: str) -> Array | None:
    return (getattr(outputs, "log_scales", None) or {}).get(modality)


def _absent_as_zero(values: Array, present: Array | None) -> Array:
    return values if present is None else jnp.where(present, values, 0.0)


def _free(mean: Array, logvar: Array, rows: Array | None, free_bits: float) -> Array:
    """Σ_j max(free_bits, KL_j), KL_j being latent j's divergence averaged over the rows that count."""
    each = latent_divergences(mean, logvar)
    return jnp.maximum(jax.vmap(masked_mean, in_axes=(1, None))(each, rows), free_bits).sum()


def _elements(target: Array, element_mask: Array | None, reduction: str) -> Array:
    """`[batch]`: how many elements of a row an error sums; 1 for a mean."""
    if reduction == "mean":
        return jnp.ones(target.shape[0])
    if element_mask is None:
        return jnp.full(target.shape[0], float(np.prod(target.shape[1:])))
    return jnp.broadcast_to(element_mask, target.shape).sum(tuple(range(1, target.ndim))).astype(jnp.float32)
