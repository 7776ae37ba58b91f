"""The building blocks the models share, each in a form that XLA runs fast on the platform it is lowered for."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import flax.linen as nn
import jax.numpy as jnp
from flax.linen.dtypes import promote_dtype
from jaxtyping import Array, Float

from jaxmusic.models.convolutions import convolution, rows_times, transposed_convolution
from jaxmusic.models.pooling import pooled_convolution


class Convolution(nn.Module):
    """A 3×3 convolution with bias, stride 1, padding 1, and a 2×2 maximum behind it where `pool` is set."""

    features: int
    pool: bool = False
    dtype: Any = None

    @nn.compact
    def __call__(self, x: Float[Array, "batch height width channels"]) -> Array:
        kernel = self.param("kernel", nn.initializers.lecun_normal(), (3, 3, x.shape[-1], self.features))
        bias = self.param("bias", nn.initializers.zeros, (self.features,))
        x, kernel, bias = promote_dtype(x, kernel, bias, dtype=self.dtype)
        # A bias moves the maximum as it moves all four: added behind it, it costs a quarter.
        return (pooled_convolution if self.pool else convolution)(x, kernel) + bias


class TransposedConvolution(nn.Module):
    """A transposed convolution with bias, kernel 4, stride 2, padding 1: it doubles height and width."""

    features: int
    dtype: Any = None

    @nn.compact
    def __call__(self, x: Float[Array, "batch height width channels"]) -> Array:
        kernel = self.param("kernel", nn.initializers.lecun_normal(), (4, 4, x.shape[-1], self.features))
        bias = self.param("bias", nn.initializers.zeros, (self.features,))
        x, kernel, bias = promote_dtype(x, kernel, bias, dtype=self.dtype)
        return transposed_convolution(x, kernel) + bias


class MLP(nn.Module):
    """Dense layers with ReLU between them and none after the last.

    Attributes:
        widths: of the layers, the last one's being the output's.
        dropout_rate: of the input and of every hidden layer, with `train=True`, from the rng stream `"dropout"`.
        dtype: of the activations, such as bfloat16; the output is float32 at least.
        features: size of the input vectors; 0 takes any.
    """

    widths: Sequence[int]
    dropout_rate: float = 0.0
    dtype: Any = None
    features: int = 0

    @nn.compact
    def __call__(self, x: Float[Array, "*batch features"], train: bool = False) -> Float[Array, "*batch out"]:
        """Apply the layers.

        Args:
            x: `[…, features]`.
            train: whether dropout applies.

        Returns:
            `[…, widths[-1]]`.

        Raises:
            ValueError: vectors of another size.
        """
        if self.features not in (0, x.shape[-1]):
            raise ValueError(f"expected vectors [batch, {self.features}], got shape {x.shape}")
        for width in self.widths[:-1]:
            x = nn.relu(nn.Dense(width, dtype=self.dtype)(self._drop(x, train)))
        return at_least_float32(nn.Dense(self.widths[-1], dtype=self.dtype)(self._drop(x, train)))

    def _drop(self, x: Array, train: bool) -> Array:
        # Without a rate no layer is made, and no stream of keys is asked for.
        return nn.Dropout(self.dropout_rate, deterministic=not train)(x) if self.dropout_rate else x


def at_least_float32(x: Array) -> Array:
    """`x`, in float32 where it is of lower precision."""
    return x.astype(jnp.promote_types(x.dtype, jnp.float32))


def mixture_moments(
    means: Float[Array, "experts *batch latent"],
    logvars: Float[Array, "experts *batch latent"],
    weights: Float[Array, "experts *batch latent"],
    *,
    floor: float = 0.0,
) -> tuple[Float[Array, "*batch latent"], Float[Array, "*batch latent"]]:
    """Mean and log-variance of a mixture of Gaussians: the law of total variance.

    Args:
        means: `[experts, …, latent]`.
        logvars: `[experts, …, latent]`.
        weights: broadcasts to them and sums to 1 over the experts.
        floor: the variance is at least this.

    Returns:
        Two arrays `[…, latent]`.
    """
    mean = (weights * means).sum(0)
    variance = (weights * (jnp.exp(logvars) + jnp.square(means - mean))).sum(0)
    return mean, jnp.log(jnp.maximum(variance, floor) if floor else variance)


def split_gaussian(
    h: Float[Array, "*batch twice"],
) -> tuple[Float[Array, "*batch latent"], Float[Array, "*batch latent"]]:
    """An encoder's last layer as mean and log-variance: its two halves, float32 at least, as the KL needs them."""
    mean, logvar = jnp.split(at_least_float32(h), 2, axis=-1)
    return mean, logvar


def strided_convolution_1d(
    x: Float[Array, "batch length channels"], kernel: Float[Array, "3 channels features"]
) -> Float[Array, "batch length//2 features"]:
    """Convolution over an even length, kernel 3, stride 2, padding 1.

    Written as products of a matrix: a step reads its pair of positions and the odd one before it. On one short sequence
    of few channels they are fast on every backend, inside compiled loops too, where XLA's CPU convolutions are not.
    """
    batch, length, channels = x.shape
    pairs = x.reshape(batch, length // 2, 2 * channels)
    before = _shifted(pairs[..., channels:], 1)
    return rows_times(pairs, kernel[1:].reshape(2 * channels, -1)) + rows_times(before, kernel[0])


def transposed_convolution_1d(
    x: Float[Array, "batch length channels"], kernel: Float[Array, "4 channels features"]
) -> Float[Array, "batch 2*length features"]:
    """Transposed convolution, kernel 4, stride 2, padding 1, written as products, too: it doubles the length."""
    batch, length, _ = x.shape
    even = rows_times(x, kernel[1]) + rows_times(_shifted(x, 1), kernel[3])
    odd = rows_times(x, kernel[2]) + rows_times(_shifted(x, -1), kernel[0])
    return jnp.stack([even, odd], axis=2).reshape(batch, 2 * length, -1)


def _shifted(x: Array, by: int) -> Array:
    """`x` moved along its second axis by one, forwards (1) or backwards (−1), a zero moved in."""
    zero = jnp.zeros_like(x[:, :1])
    return jnp.concatenate([zero, x[:, :-1]] if by > 0 else [x[:, 1:], zero], axis=1)


class StridedConvolution1D(nn.Module):
    """A convolution over a sequence with bias, kernel 3, stride 2, padding 1: it halves an even length."""

    features: int
    dtype: Any = None

    @nn.compact
    def __call__(self, x: Float[Array, "batch length channels"]) -> Array:
        kernel = self.param("kernel", nn.initializers.lecun_normal(), (3, x.shape[-1], self.features))
        bias = self.param("bias", nn.initializers.zeros, (self.features,))
        x, kernel, bias = promote_dtype(x, kernel, bias, dtype=self.dtype)
        return strided_convolution_1d(x, kernel) + bias


class TransposedConvolution1D(nn.Module):
    """A transposed convolution over a sequence with bias, kernel 4, stride 2, padding 1: it doubles the length."""

    features: int
    dtype: Any = None

    @nn.compact
    def __call__(self, x: Float[Array, "batch length channels"]) -> Array:
        kernel = self.param("kernel", nn.initializers.lecun_normal(), (4, x.shape[-1], self.features))
        bias = self.param("bias", nn.initializers.zeros, (self.features,))
        x, kernel, bias = promote_dtype(x, kernel, bias, dtype=self.dtype)
        return transposed_convolution_1d(x, kernel) + bias
