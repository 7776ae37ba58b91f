"""Pooling of images, alone and behind a convolution, in a form that XLA runs fast on the platform it is lowered for."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial, reduce

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from jaxtyping import Array, Float

from jaxmusic.models.convolutions import LAYOUT, convolution, rows_times


def pooled_convolution(
    x: Float[Array, "batch height width channels"],
    kernel: Float[Array, "3 3 channels features"],
    *,
    form: str | None = None,
) -> Float[Array, "batch height//2 width//2 features"]:
    """`max_pool(convolution(x, kernel))`.

    Args:
        x: `[batch, height, width, channels]`.
        kernel: `[3, 3, channels, features]`.
        form: `"plain"` is just that. `"phases"` computes the four positions of each square as four groups of features
            of one product, so that what is pooled lies side by side. `"recomputed"` does so, too, keeps none of the
            four and computes them again for the gradient: their size is most of a model's memory. All are the same
            numbers, the gradient of a tie included. None chooses where the program is lowered: for CPU phases for one
            input channel, where pooling costs more than the convolution, and plain for more; elsewhere recomputed.

    Returns:
        `[batch, height // 2, width // 2, features]`.
    """
    if form is None:
        on_cpu = partial(pooled_convolution, form="phases" if x.shape[-1] == 1 else "plain")
        return lax.platform_dependent(x, kernel, cpu=on_cpu, default=_recomputed)
    if form == "plain":
        return max_pool(convolution(x, kernel))
    if form == "recomputed":
        return _recomputed(x, kernel)
    neighbourhoods = _neighbourhoods(x)
    product = rows_times(neighbourhoods, _kernel_of_phases(kernel))
    return _largest(product.reshape(*product.shape[:-1], 4, kernel.shape[-1]))


def _neighbourhoods(x: Array) -> Array:
    """`[batch, height // 2, width // 2, 16 · channels]`: the 4×4 inputs that a square of outputs sees."""
    return jnp.concatenate(_shifts(x), axis=-1)


def _shifts(x: Array) -> list[Array]:
    """The 4×4 inputs that a square of outputs sees, each `[batch, height // 2, width // 2, …]`."""
    height, width = x.shape[1] // 2, x.shape[2] // 2
    padded = jnp.pad(x, ((0, 0), (1, 1), (1, 1), *[(0, 0)] * (x.ndim - 3)))
    return [padded[:, i : i + 2 * height - 1 : 2, j : j + 2 * width - 1 : 2] for i in range(4) for j in range(4)]


def _kernel_of_phases(kernel: Array) -> Array:
    """`[16 · channels, 4 · features]`: the kernel at each of the square's four positions."""
    placed = [jnp.pad(kernel, ((p, 1 - p), (q, 1 - q), (0, 0), (0, 0))) for p in range(2) for q in range(2)]
    return jnp.stack(placed, axis=3).reshape(16 * kernel.shape[2], 4 * kernel.shape[3])


@jax.custom_vjp
def _recomputed(x: Array, kernel: Array) -> Array:
    return reduce(jnp.maximum, _phases(x, kernel))


def _recomputed_forward(x: Array, kernel: Array) -> tuple[Array, tuple[Array, Array]]:
    return _recomputed(x, kernel), (x, kernel)


def _recomputed_backward(saved: tuple[Array, Array], gradient: Array) -> tuple[Array, Array]:
    phases, pull = jax.vjp(_phases, *saved)
    largest = reduce(jnp.maximum, phases)
    is_largest = [phase == largest for phase in phases]
    share = gradient / sum(equal.astype(gradient.dtype) for equal in is_largest)
    return pull(tuple(jnp.where(equal, share, 0) for equal in is_largest))


_recomputed.defvjp(_recomputed_forward, _recomputed_backward)


def _phases(x: Array, kernel: Array) -> tuple[Array, ...]:
    """The convolution at each of the squares' four positions: four times `[batch, height // 2, width // 2, features]`.

    On a TPU an array's last axis fills 128 lanes, whatever it holds. So the four are one product of four times the
    features; and of one channel the 4×4 inputs lead, so that the lanes hold positions.
    """
    channels, features = kernel.shape[2:]
    placed = _kernel_of_phases(kernel)
    if channels > 1:
        placed = placed.reshape(4, 4, channels, 4 * features)
        product = lax.conv_general_dilated(x, placed, (2, 2), ((1, 1), (1, 1)), dimension_numbers=LAYOUT)
        return tuple(jnp.split(product, 4, axis=-1))
    seen = jnp.stack(_shifts(x[..., 0]))
    of_phases = jnp.split(placed, 4, axis=1)
    return tuple(jnp.moveaxis(jnp.einsum("kf,kbhw->fbhw", taps, seen), 0, -1) for taps in of_phases)


@jax.custom_vjp
def _largest(x: Float[Array, "*batch 4 features"]) -> Float[Array, "*batch features"]:
    """Maximum over the last axis but one; several that are it get equal parts of the gradient."""
    # One by one: XLA's reduction on a CPU drops NaN at some sizes, where a comparison of two keeps it.
    return jnp.maximum(jnp.maximum(x[..., 0, :], x[..., 1, :]), jnp.maximum(x[..., 2, :], x[..., 3, :]))


def _largest_forward(x: Array) -> tuple[Array, tuple[Array, Array]]:
    y = _largest(x)
    return y, (x, y)


def _largest_backward(saved: tuple[Array, Array], gradient: Array) -> tuple[Array]:
    x, y = saved
    is_largest = x == y[..., None, :]
    share = gradient / is_largest.sum(-2, dtype=gradient.dtype)
    return (jnp.where(is_largest, share[..., None, :], 0),)


_largest.defvjp(_largest_forward, _largest_backward)


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
    spread = jnp.where(is_maximum, share[:, :, None, :, None], 0).reshape(
        x.shape[0], 2 * y.shape[1], 2 * y.shape[2], -1
    )
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
