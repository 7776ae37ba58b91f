"""Parts of losses: arrays → one number for each row, or a mean over the rows that count."""

from __future__ import annotations

from typing import NoReturn

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float, Int

from jaxmusic.losses.checks import real_numbers

REDUCTIONS = ("mean", "sum")
"""How `squared_error` reduces a row: the sum makes it the ELBO's, the mean is what documents often write."""


def kl_divergence(mean: Float[Array, "*batch latent"], logvar: Float[Array, "*batch latent"]) -> Float[Array, "*batch"]:
    """KL(N(mean, exp(logvar)) ‖ N(0, 1)) summed over the latents, ≥ 0, in nats.

    Args:
        mean: `[…, latent]`.
        logvar: `[…, latent]`, logarithm of the variance.

    Returns:
        `[…]`, one for each row.

    Raises:
        ValueError: shapes that differ.

    Source: Kingma and Welling (2014), appendix B: `−½ Σ(1 + logvar − mean² − exp(logvar))`. The formula printed in
    "Hybrid Multimodal Music Clustering via Joint VAE" (2026), §3.2.0, has the opposite sign.

    >>> float(kl_divergence(jnp.array([1.0, 0.0]), jnp.zeros(2)))
    0.5
    """
    real_numbers(mean=mean, logvar=logvar)
    if mean.shape != logvar.shape:
        raise ValueError(f"mean {mean.shape} and logvar {logvar.shape} differ in shape")
    return latent_divergences(mean, logvar).sum(-1)


def latent_divergences(
    mean: Float[Array, "*batch latent"], logvar: Float[Array, "*batch latent"]
) -> Float[Array, "*batch latent"]:
    """The divergence of `kl_divergence` of every latent by itself: ½ (mean² + exp(logvar) − 1 − logvar).

    Args:
        mean: `[…, latent]`.
        logvar: `[…, latent]`.

    Returns:
        `[…, latent]`, in nats.
    """
    return 0.5 * (jnp.square(mean) + _excess(logvar))


@jax.custom_jvp
def _excess(x: Array) -> Array:
    """exp(x) − 1 − x ≥ 0: what is left of small x is not lost beside the 1."""
    # expm1 has digits of x², but not those that are left when x is taken off; the series has.
    series = jnp.square(x) * (0.5 + x * (1 / 6 + x * (1 / 24 + x / 120)))
    return jnp.where(jnp.abs(x) < 0.05, series, jnp.exp(x) - 1 - x)


# Without the branches, which would cost a training step as much again.
_excess.defjvps(lambda tangent, value, x: (jnp.exp(x) - 1) * tangent)


def squared_error(
    recon: Float[Array, "batch ..."],
    target: Float[Array, "batch ..."],
    *,
    reduction: str = "mean",
    element_mask: Bool[Array, "batch ..."] | None = None,
) -> Float[Array, " batch"]:
    """Squared error of each row, averaged (`"mean"`) or summed (`"sum"`) over its elements.

    Args:
        recon: `[batch, …]`.
        target: `[batch, …]`, same shape.
        reduction: `"mean"` or `"sum"`. With the sum, recon + KL is the negative ELBO of a Gaussian decoder of variance
            ½ up to a constant; with the mean, the KL weighs as much more as the input has elements.
        element_mask: broadcasts to `target`; False elements (padding) do not count. With `"mean"` a row is averaged
            over its counted elements.

    Returns:
        `[batch]`.

    Raises:
        ValueError: an unknown reduction, or shapes that differ.
    """
    real_numbers(recon=recon, target=target)
    if reduction not in REDUCTIONS:
        raise ValueError(f"reduction {reduction!r} is none of {REDUCTIONS}")
    if recon.shape != target.shape:
        raise ValueError(f"reconstruction {recon.shape} and target {target.shape} differ in shape")
    axes = tuple(range(1, target.ndim))
    difference = recon - target
    if element_mask is None:
        error = jnp.square(difference)
        return error.mean(axes) if reduction == "mean" else error.sum(axes)
    counted = jnp.broadcast_to(element_mask, target.shape)
    # `where` before the square: behind it, a NaN in the padding would still reach the gradient as 0 · NaN.
    total = jnp.square(jnp.where(counted, difference, 0.0)).sum(axes)
    return total / jnp.maximum(counted.sum(axes), 1) if reduction == "mean" else total


def masked_mean(values: Float[Array, " batch"], mask: Array | None) -> Float[Array, ""]:
    """Mean over the rows whose mask is True; 0 where there is none.

    Args:
        values: `[batch]`; where the mask is False they may be NaN, and get no gradient. What made them NaN must see to
            its own gradient, by a `where` before it.
        mask: `[batch]` bool; None counts all.

    Returns:
        A scalar.

    Raises:
        ValueError: values that are no real numbers.
    """
    real_numbers(values=values)
    if mask is None:
        return values.mean()
    # `where` before the sum: a NaN in a masked row must not reach it.
    return jnp.where(mask, values, 0.0).sum() / jnp.maximum(mask.sum(), 1)


def label_entropy(
    logits: Float[Array, "batch classes"],
    labels: Int[Array, " batch"] | Float[Array, "batch classes"],
    rows: Bool[Array, " batch"] | None = None,
) -> tuple[Float[Array, " batch"], Bool[Array, " batch"]]:
    """Softmax cross-entropy of each row in nats, and which rows count: those with a known label.

    Args:
        logits: `[batch, classes]`.
        labels: `[batch]` int from 0 to classes − 1, −1 being an unknown label; or `[batch, classes]` probabilities, or
            those times their classes' weights, a row of zeros being an unknown one: −Σ_c labels_c · log p_c.
        rows: `[batch]` bool, False on rows that do not count; None counts all.

    Returns:
        Two arrays `[batch]`. Inside a compiled function, where nothing can be raised, the entropy (and its gradient) of
        a label that is no class, or of a negative probability, is NaN.

    Raises:
        ValueError: a label of a row that counts is neither a class nor −1, a probability is negative or NaN, or
            probabilities have another shape than the logits.
    """
    real_numbers(logits=logits, labels=labels)
    if logits.ndim != 2 or labels.shape[:1] != logits.shape[:1] or labels.ndim not in (1, 2):
        raise ValueError(f"logits {logits.shape} and labels {labels.shape}: give [batch, classes] and a label a row")
    if labels.ndim == 2:
        if labels.shape != logits.shape:
            raise ValueError(f"labels {labels.shape} and logits {logits.shape} differ in their classes")
        known, outside = labels.sum(-1) > 0, ~(labels >= 0).all(-1)
    else:
        known, outside = labels >= 0, (labels < -1) | (labels >= logits.shape[-1])
    if rows is not None:
        known, outside = known & rows, outside & rows
    if not isinstance(outside, jax.core.Tracer) and bool(outside.any()):
        _refuse(np.asarray(labels)[np.asarray(outside)], logits.shape[-1])
    if labels.ndim == 2:
        # `where`: a class ruled out by a logit of −∞ costs nothing where it has no weight, and what lies in a row that
        # does not count reaches no gradient.
        labels = jnp.where(known[:, None], labels, 0.0)
        chosen = labels * jnp.where(labels > 0, logits, 0.0)
        entropy = labels.sum(-1) * jax.nn.logsumexp(logits, axis=-1) - chosen.sum(-1)
    else:
        # The label's logit by comparison: a gather's gradient is a scatter, which is slow for a few classes.
        is_label = jnp.arange(logits.shape[-1]) == labels[:, None]
        entropy = jax.nn.logsumexp(logits, axis=-1) - jnp.where(is_label, logits, 0.0).sum(-1)
    return entropy * jnp.where(outside, jnp.nan, 1.0), known | outside


def _refuse(labels: np.ndarray, classes: int) -> NoReturn:
    if labels.ndim == 2:
        found = np.unique(labels[~(labels >= 0)]).tolist()
        raise ValueError(
            f"labels hold {found[:5]}, and probabilities are 0 or more: an unknown label is a row of zeros"
        )
    found = np.unique(labels).tolist()
    raise ValueError(f"labels hold {found[:5]}, and classes are 0 to {classes - 1}: an unknown label is -1")


def gaussian_divergence(
    mean: Float[Array, "*batch latent"],
    logvar: Float[Array, "*batch latent"],
    other_mean: Float[Array, "*batch latent"],
    other_logvar: Float[Array, "*batch latent"],
) -> Float[Array, "*batch"]:
    """KL(N(mean, exp(logvar)) ‖ N(other_mean, exp(other_logvar))) summed over the latents, ≥ 0, in nats.

    Args:
        mean: `[…, latent]`.
        logvar: `[…, latent]`.
        other_mean: `[…, latent]`.
        other_logvar: `[…, latent]`.

    Returns:
        `[…]`.

    Raises:
        ValueError: a mean and its logvar that differ in shape.

    >>> float(gaussian_divergence(jnp.array([1.0]), jnp.zeros(1), jnp.array([3.0]), jnp.zeros(1)))
    2.0
    """
    real_numbers(mean=mean, logvar=logvar, other_mean=other_mean, other_logvar=other_logvar)
    shapes = [jnp.shape(x) for x in (mean, logvar, other_mean, other_logvar)]
    if len(set(shapes[:2])) > 1 or len(set(shapes[2:])) > 1:
        raise ValueError(f"means and logvars differ in shape: {shapes}")
    distance = jnp.square(mean - other_mean) * jnp.exp(-other_logvar)
    return 0.5 * (distance + _excess(logvar - other_logvar)).sum(-1)
