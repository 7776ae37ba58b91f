"""The building blocks the models share, each in a form that XLA runs fast on the backend at hand."""

from __future__ import annotations

from collections.abc import Sequence

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from jaxtyping import Array, Float

_LAYOUT = ("NHWC", "HWIO", "NHWC")
# Output row 2q needs the inputs q-1 and q with the kernel's taps 3 and 1; row 2q+1 needs q and q+1 with taps 2 and 0.
_PHASES = (((3, 1), (1, 0)), ((2, 0), (0, 1)))


def convolution(
    x: Float[Array, "batch height width channels"],
    kernel: Float[Array, "3 3 channels features"],
    *,
    form: str | None = None,
) -> Float[Array, "batch height width features"]:
    """3×3 convolution, stride 1, zero padding 1.

    Args:
        x: `[batch, height, width, channels]`.
        kernel: `[3, 3, channels, features]`.
        form: `"plain"` is XLA's convolution; `"patches"` gathers the nine shifts and multiplies once: the same
            numbers. None chooses: patches on CPU for one input channel, where XLA's kernel gradient is slow.

    Returns:
        `[batch, height, width, features]`.
    """
    if form is None:
        form = "patches" if jax.default_backend() == "cpu" and x.shape[-1] == 1 else "plain"
    if form == "plain":
        return lax.conv_general_dilated(x, kernel, (1, 1), "SAME", dimension_numbers=_LAYOUT)
    height, width = x.shape[1:3]
    padded = jnp.pad(x, ((0, 0), (1, 1), (1, 1), (0, 0)))
    shifts = [padded[:, i : i + height, j : j + width] for i in range(3) for j in range(3)]
    return jnp.concatenate(shifts, axis=-1) @ kernel.reshape(-1, kernel.shape[-1])


def transposed_convolution(
    x: Float[Array, "batch height width channels"],
    kernel: Float[Array, "4 4 channels features"],
    *,
    form: str | None = None,
) -> Float[Array, "batch 2*height 2*width features"]:
    """Transposed convolution with kernel 4, stride 2, padding 1, which doubles height and width.

    Args:
        x: `[batch, height, width, channels]`.
        kernel: `[4, 4, channels, features]`; `out[2i - 1 + k] += x[i] @ kernel[k]` along each axis.
        form: `"plain"` dilates the input; `"phases"` computes each of the four output phases as a 2×2 convolution
            and interleaves them: the same numbers, with a gradient about ten times faster on CPU. None chooses.

    Returns:
        `[batch, 2·height, 2·width, features]`.
    """
    if form is None:
        form = "phases" if jax.default_backend() == "cpu" else "plain"
    if form == "plain":
        flipped = jnp.flip(kernel, (0, 1))
        return lax.conv_general_dilated(
            x, flipped, (1, 1), ((2, 2), (2, 2)), lhs_dilation=(2, 2), dimension_numbers=_LAYOUT
        )
    batch, height, width, _ = x.shape
    rows = []
    for row_taps, row_padding in _PHASES:
        columns = []
        for column_taps, column_padding in _PHASES:
            taps = kernel[np.array(row_taps)][:, np.array(column_taps)]
            columns.append(
                lax.conv_general_dilated(x, taps, (1, 1), (row_padding, column_padding), dimension_numbers=_LAYOUT)
            )
        rows.append(jnp.stack(columns, axis=3))
    interleaved = jnp.stack(rows, axis=2)
    return interleaved.reshape(batch, 2 * height, 2 * width, kernel.shape[-1])


@jax.custom_vjp
def max_pool(
    x: Float[Array, "batch height width channels"],
) -> Float[Array, "batch height//2 width//2 channels"]:
    """2×2 maximum, stride 2; a last odd row or column is dropped.

    Where several of the four are the maximum, each gets an equal part of the gradient.
    """
    squares = _squares(x)
    top = jnp.maximum(squares[:, :, 0, :, 0], squares[:, :, 0, :, 1])
    bottom = jnp.maximum(squares[:, :, 1, :, 0], squares[:, :, 1, :, 1])
    return jnp.maximum(top, bottom)


def _max_pool_forward(x: Array) -> tuple[Array, tuple[Array, Array]]:
    y = max_pool(x)
    return y, (x, y)


def _max_pool_backward(saved: tuple[Array, Array], gradient: Array) -> tuple[Array]:
    # One elementwise comparison: XLA's own gradient of a window or of strided slices is three to six times slower
    # on CPU.
    x, y = saved
    is_maximum = _squares(x) == y[:, :, None, :, None]
    share = gradient / is_maximum.sum((2, 4), dtype=x.dtype)
    spread = jnp.where(is_maximum, share[:, :, None, :, None], 0).reshape(len(x), 2 * y.shape[1], 2 * y.shape[2], -1)
    odd = [(0, whole - pooled) for whole, pooled in zip(x.shape, spread.shape, strict=True)]
    return (jnp.pad(spread, odd),)


max_pool.defvjp(_max_pool_forward, _max_pool_backward)


def _squares(x: Array) -> Array:
    """`[batch, height // 2, 2, width // 2, 2, channels]`."""
    batch, height, width, channels = x.shape
    x = x[:, : height // 2 * 2, : width // 2 * 2]
    return x.reshape(batch, height // 2, 2, width // 2, 2, channels)


def adaptive_average_pool(
    x: Float[Array, "batch height width channels"], size: Sequence[int]
) -> Float[Array, "batch out_height out_width channels"]:
    """Average over bins that cover the input evenly: bin i of n spans `floor(iL/n)` to `ceil((i+1)L/n)`.

    Args:
        x: `[batch, height, width, channels]`.
        size: the output's `(height, width)`.

    Returns:
        `[batch, *size, channels]`.
    """
    pool_rows = jnp.asarray(pooling_matrix(x.shape[1], size[0]), x.dtype)
    pool_columns = jnp.asarray(pooling_matrix(x.shape[2], size[1]), x.dtype)
    return jnp.einsum("ih,jw,bhwc->bijc", pool_rows, pool_columns, x)


def pooling_matrix(length: int, bins: int) -> np.ndarray:
    """`[bins, length]` weights that average a sequence into `bins` even bins; each row sums to 1.

    >>> pooling_matrix(4, 2).tolist()
    [[0.5, 0.5, 0.0, 0.0], [0.0, 0.0, 0.5, 0.5]]
    """
    if length < 1 or bins < 1:
        raise ValueError(f"length {length} and bins {bins} must be at least 1")
    matrix = np.zeros((bins, length))
    for i in range(bins):
        start, stop = (i * length) // bins, -((-(i + 1) * length) // bins)
        matrix[i, start:stop] = 1 / (stop - start)
    return matrix


class Convolution(nn.Module):
    """A 3×3 convolution with bias, stride 1, padding 1."""

    features: int

    @nn.compact
    def __call__(self, x: Float[Array, "batch height width channels"]) -> Array:
        kernel = self.param("kernel", nn.initializers.lecun_normal(), (3, 3, x.shape[-1], self.features))
        bias = self.param("bias", nn.initializers.zeros, (self.features,))
        return convolution(x, kernel) + bias


class TransposedConvolution(nn.Module):
    """A transposed convolution with bias, kernel 4, stride 2, padding 1: it doubles height and width."""

    features: int

    @nn.compact
    def __call__(self, x: Float[Array, "batch height width channels"]) -> Array:
        kernel = self.param("kernel", nn.initializers.lecun_normal(), (4, 4, x.shape[-1], self.features))
        bias = self.param("bias", nn.initializers.zeros, (self.features,))
        return transposed_convolution(x, kernel) + bias


class MLP(nn.Module):
    """Dense layers with ReLU between them and none after the last."""

    widths: Sequence[int]

    @nn.compact
    def __call__(self, x: Float[Array, "*batch features"]) -> Float[Array, "*batch out"]:
        for width in self.widths[:-1]:
            x = nn.relu(nn.Dense(width)(x))
        return nn.Dense(self.widths[-1])(x)


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
    return pairs @ kernel[1:].reshape(2 * channels, -1) + before @ kernel[0]


def transposed_convolution_1d(
    x: Float[Array, "batch length channels"], kernel: Float[Array, "4 channels features"]
) -> Float[Array, "batch 2*length features"]:
    """Transposed convolution, kernel 4, stride 2, padding 1, written as products, too: it doubles the length."""
    batch, length, _ = x.shape
    even = x @ kernel[1] + _shifted(x, 1) @ kernel[3]
    odd = x @ kernel[2] + _shifted(x, -1) @ kernel[0]
    return jnp.stack([even, odd], axis=2).reshape(batch, 2 * length, -1)


def _shifted(x: Array, by: int) -> Array:
    """`x` moved along its second axis by one, forwards (1) or backwards (−1), a zero moved in."""
    zero = jnp.zeros_like(x[:, :1])
    return jnp.concatenate([zero, x[:, :-1]] if by > 0 else [x[:, 1:], zero], axis=1)


class StridedConvolution1D(nn.Module):
    """A convolution over a sequence with bias, kernel 3, stride 2, padding 1: it halves an even length."""

    features: int

    @nn.compact
    def __call__(self, x: Float[Array, "batch length channels"]) -> Array:
        kernel = self.param("kernel", nn.initializers.lecun_normal(), (3, x.shape[-1], self.features))
        bias = self.param("bias", nn.initializers.zeros, (self.features,))
        return strided_convolution_1d(x, kernel) + bias


class TransposedConvolution1D(nn.Module):
    """A transposed convolution over a sequence with bias, kernel 4, stride 2, padding 1: it doubles the length."""

    features: int

    @nn.compact
    def __call__(self, x: Float[Array, "batch length channels"]) -> Array:
        kernel = self.param("kernel", nn.initializers.lecun_normal(), (4, x.shape[-1], self.features))
        bias = self.param("bias", nn.initializers.zeros, (self.features,))
        return transposed_convolution_1d(x, kernel) + bias
