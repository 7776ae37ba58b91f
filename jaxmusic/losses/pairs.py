"""Losses that draw together rows that belong together, and apart those that do not."""

from __future__ import annotations

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float

from jaxmusic.losses.checks import one_number, real_numbers
from jaxmusic.losses.parts import masked_mean


def info_nce(
    x: Float[Array, "batch dim"],
    y: Float[Array, "batch dim"],
    *,
    temperature: float = 0.1,
    mask: Bool[Array, " batch"] | None = None,
) -> Float[Array, ""]:
    """Symmetric InfoNCE: row i of `x` belongs to row i of `y`, all other rows are negatives.

    Source: van den Oord et al. (2018), eq. 4, in both directions as Radford et al. (2021), figure 3.

    Args:
        x: `[batch, dim]`, normalised inside.
        y: `[batch, dim]`.
        temperature: of the softmax over cosine similarities.
        mask: `[batch]` bool; False rows are neither queries nor negatives.

    Returns:
        The mean loss in nats over the rows that count; log(rows) for an uninformative pair of embeddings.

    Raises:
        ValueError: shapes that differ, arrays of no real numbers, or an option that is no number.

    >>> round(float(info_nce(jnp.ones((4, 2)), jnp.ones((4, 2)))), 4)  # all alike: log 4
    1.3863
    """
    real_numbers(x=x, y=y)
    one_number(temperature=temperature)
    if x.shape != y.shape:
        raise ValueError(f"x {x.shape} and y {y.shape} differ in shape")
    x, y = _hidden(x, mask), _hidden(y, mask)
    logits = _normalize(x) @ _normalize(y).T / temperature
    if mask is not None:
        logits = jnp.where(mask[:, None] & mask[None, :], logits, -1e9)
    matched = jnp.diagonal(logits)
    forward = jax.nn.logsumexp(logits, axis=1) - matched
    backward = jax.nn.logsumexp(logits, axis=0) - matched
    return masked_mean(0.5 * (forward + backward), mask)


def triplet(
    x: Float[Array, "batch dim"],
    y: Float[Array, "batch dim"],
    *,
    margin: float = 0.2,
    mask: Bool[Array, " batch"] | None = None,
) -> Float[Array, ""]:
    """Symmetric triplet loss over all negatives of a batch: max(0, margin − s(xᵢ, yᵢ) + s(xᵢ, yⱼ)), s the cosine.

    Source: Kiros et al. (2014), eq. 8, in both directions; averaged over the negatives instead of summed.

    Args:
        x: `[batch, dim]`, normalised inside.
        y: `[batch, dim]`, row i belonging to row i of `x`.
        margin: by which the own pair should be more similar.
        mask: `[batch]` bool; False rows are neither queries nor negatives.

    Returns:
        The mean over queries that count and their negatives; 0 where there are fewer than two.

    Raises:
        ValueError: shapes that differ, arrays of no real numbers, or an option that is no number.

    >>> round(float(triplet(jnp.ones((4, 2)), jnp.ones((4, 2)), margin=0.2)), 4)  # all alike: the margin
    0.2
    """
    real_numbers(x=x, y=y)
    one_number(margin=margin)
    if x.shape != y.shape:
        raise ValueError(f"x {x.shape} and y {y.shape} differ in shape")
    x, y = _hidden(x, mask), _hidden(y, mask)
    similarity = _normalize(x) @ _normalize(y).T
    own = jnp.diagonal(similarity)
    counted = jnp.ones(x.shape[0], bool) if mask is None else mask
    negative = counted[:, None] & counted[None, :] & ~jnp.eye(x.shape[0], dtype=bool)
    hinge = jnp.maximum(margin - own[:, None] + similarity, 0) + jnp.maximum(margin - own[None, :] + similarity, 0)
    return 0.5 * jnp.where(negative, hinge, 0.0).sum() / jnp.maximum(negative.sum(), 1)


def _hidden(x: Array, mask: Array | None) -> Array:
    """Zeros where the mask is off: what lies there may be NaN, and 0 · NaN would reach the gradient."""
    return x if mask is None else jnp.where(mask[:, None], x, 0.0)


def _normalize(x: Array) -> Array:
    # At a size whose squares stay in range; a power of two changes no digit, and has no gradient.
    exponent = jnp.frexp(jax.lax.stop_gradient(jnp.abs(x).max(axis=-1, keepdims=True)))[1]
    x = x * jnp.ldexp(jnp.ones((), x.dtype), -exponent)
    # The floor under the square root keeps the gradient finite for a row of zeros.
    return x / jnp.sqrt(jnp.maximum(jnp.sum(jnp.square(x), axis=-1, keepdims=True), 1e-12))
