"""What a decoder's output means: the distributions that a modality's values may be drawn from."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Protocol

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float

from jaxmusic.losses.checks import real_numbers
from jaxmusic.losses.parts import label_entropy


class Likelihood(Protocol):
    """p(x | z) of one modality, independent over its elements; a value, such as a frozen dataclass."""

    def log_prob(self, recon: Array, target: Array, log_scale: Array | None = None) -> Array:
        """log p of every element, in nats.

        Args:
            recon: the decoder's output, `[…, batch, …]`.
            target: `[batch, …]`, broadcast to it.
            log_scale: of a learned scale, scalar; None where it is fixed.

        Returns:
            `[…, batch, …]`.
        """


@dataclass(frozen=True)
class Gaussian:
    """A normal distribution about the decoder's output.

    Attributes:
        variance: of every element; where the scale is learned, it is multiplied by exp(log_scale). ½ makes the negative
            log-likelihood the squared error, up to a constant.
    """

    variance: float = 1.0

    def __post_init__(self) -> None:
        _positive("variance", self.variance)

    def log_prob(self, recon: Array, target: Array, log_scale: Array | None = None) -> Array:
        """See `Likelihood.log_prob`."""
        _fitting(self, recon.shape, target)
        log_variance = math.log(self.variance) + (0.0 if log_scale is None else log_scale)
        return -0.5 * (math.log(2 * math.pi) + log_variance + jnp.square(target - recon) * jnp.exp(-log_variance))


@dataclass(frozen=True)
class Laplace:
    """A Laplace distribution about the decoder's output.

    Attributes:
        scale: of every element; where it is learned, it is multiplied by exp(log_scale).
    """

    scale: float = 1.0

    def __post_init__(self) -> None:
        _positive("scale", self.scale)

    def log_prob(self, recon: Array, target: Array, log_scale: Array | None = None) -> Array:
        """See `Likelihood.log_prob`."""
        _fitting(self, recon.shape, target)
        log_of_scale = math.log(self.scale) + (0.0 if log_scale is None else log_scale)
        return -math.log(2) - log_of_scale - jnp.abs(target - recon) * jnp.exp(-log_of_scale)


@dataclass(frozen=True)
class Bernoulli:
    """Values in [0, 1], of which the decoder gives the logits: −log p is the binary cross-entropy."""

    def log_prob(self, recon: Array, target: Array, log_scale: Array | None = None) -> Array:
        """See `Likelihood.log_prob`."""
        _fitting(self, recon.shape, target)
        _no_scale(self, log_scale)
        return target * recon - jax.nn.softplus(recon)


@dataclass(frozen=True)
class Categorical:
    """Classes, of which the decoder gives the logits on a last axis that the target lacks.

    A target of −1 is unknown and does not count; any other that is no class is an error, and NaN inside a compiled
    function.
    """

    def log_prob(self, recon: Array, target: Array, log_scale: Array | None = None) -> Array:
        """See `Likelihood.log_prob`."""
        _fitting(self, recon.shape[:-1], target)
        _no_scale(self, log_scale)
        labels = jnp.broadcast_to(target, recon.shape[:-1])
        entropy, counted = label_entropy(recon.reshape(-1, recon.shape[-1]), labels.reshape(-1))
        return -jnp.where(counted, entropy, 0.0).reshape(labels.shape)


def log_likelihood(
    likelihood: Likelihood,
    recon: Float[Array, "*samples batch ..."],
    target: Array,
    *,
    mask: Bool[Array, " batch"] | None = None,
    element_mask: Bool[Array, "batch ..."] | None = None,
    log_scale: Array | None = None,
) -> Float[Array, "*samples batch"]:
    """log p(x | z) of each row of one modality, summed over its elements, in nats.

    Args:
        likelihood: `Gaussian()`, `Laplace()`, `Bernoulli()`, `Categorical()`, or one's own.
        recon: the decoder's output for one or more samples of z, `[…, batch, …]`.
        target: `[batch, …]`.
        mask: `[batch]` bool, False where the row lacks the modality: it counts 0, whatever lies there.
        element_mask: broadcasts to `target`; elements where it is False do not count, whatever lies there.
        log_scale: see `Likelihood.log_prob`.

    Returns:
        `[…, batch]`.

    Raises:
        ValueError: shapes that do not fit, or a learned scale of a likelihood that has none.

    >>> x = jnp.zeros((1, 3))
    >>> round(float(log_likelihood(Gaussian(), x, x)[0]), 4)  # −3/2 · log 2π
    -2.7568
    """
    real_numbers(recon=recon, target=target)
    counted = None if element_mask is None else jnp.broadcast_to(element_mask, target.shape)
    if mask is not None:
        rows = jnp.broadcast_to(mask.reshape(-1, *(1,) * (target.ndim - 1)), target.shape)
        counted = rows if counted is None else counted & rows
    if counted is not None:
        # Before the likelihood: behind it, a hidden NaN would still reach the gradient as 0 · NaN.
        target = jnp.where(counted, target, jnp.zeros_like(target))
    each = likelihood.log_prob(recon, target, log_scale)
    _fitting(likelihood, each.shape, target)
    if counted is not None:
        each = jnp.where(counted, each, 0.0)
    return each.sum(tuple(range(each.ndim - target.ndim + 1, each.ndim)))


def _fitting(likelihood: Likelihood, shape: tuple[int, ...], target: Array) -> None:
    """Refuse elements that are not the target's: broadcast to it, they would count as often."""
    if len(shape) < target.ndim or shape[len(shape) - target.ndim :] != target.shape:
        raise ValueError(f"{likelihood}: a decoder's elements {shape} do not fit the values {target.shape}")


def _positive(name: str, value: float) -> None:
    if not value > 0:
        raise ValueError(f"{name} must be positive, got {value}")


def _no_scale(likelihood: Likelihood, log_scale: Array | None) -> None:
    if log_scale is not None:
        raise ValueError(f"{likelihood} has no scale to learn: leave its modality out of learned_scales")
