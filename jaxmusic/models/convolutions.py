"""Convolution and pooling of images, each in a form that XLA runs fast on the platform that it is lowered for."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

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
        form: `"plain"` is XLA's convolution. `"patches"` gathers the nine shifts and multiplies once. `"blocks"` is
            XLA's convolution with the kernel's gradient by patches of two images at a time, which stay in the
            processor's cache. All are the same numbers. None chooses where the program is lowered: for CPU, where XLA's
            kernel gradient is slow, patches for one input channel and blocks for more; elsewhere plain.

    Returns:
        `[batch, height, width, features]`.
    """
    if form is None:
        on_cpu = partial(convolution, form="patches" if x.shape[-1] == 1 else "blocks")
        return lax.platform_dependent(x, kernel, cpu=on_cpu, default=_plain_convolution)
    if form == "plain":
        return _plain_convolution(x, kernel)
    if form == "blocks":
        return _convolution_by_blocks(x, kernel)
    return rows_times(_patches(x), kernel.reshape(-1, kernel.shape[-1]))


def _plain_convolution(x: Array, kernel: Array) -> Array:
    return lax.conv_general_dilated(x, kernel, (1, 1), "SAME", dimension_numbers=_LAYOUT)


def rows_times(x: Array, matrix: Array) -> Array:
    """`x @ matrix` over the last axis, as a product of two matrices: the gradient of one with more axes is no product
    that XLA's CPU library knows, and several times slower."""
    return (x.reshape(-1, x.shape[-1]) @ matrix).reshape(*x.shape[:-1], matrix.shape[-1])


def _patches(x: Array) -> Array:
    """`[batch, height, width, 9 · channels]`: each position's neighbourhood."""
    height, width = x.shape[1:3]
    padded = jnp.pad(x, ((0, 0), (1, 1), (1, 1), (0, 0)))
    shifts = [padded[:, i : i + height, j : j + width] for i in range(3) for j in range(3)]
    return jnp.concatenate(shifts, axis=-1)


@jax.custom_vjp
def _convolution_by_blocks(x: Array, kernel: Array) -> Array:
    return _plain_convolution(x, kernel)


def _blocks_forward(x: Array, kernel: Array) -> tuple[Array, tuple[Array, Array]]:
    return _plain_convolution(x, kernel), (x, kernel)


def _blocks_backward(saved: tuple[Array, Array], gradient: Array) -> tuple[Array, Array]:
    x, kernel = saved
    mirrored = jnp.flip(kernel, (0, 1)).swapaxes(2, 3)
    images = 2 if x.shape[0] % 2 == 0 else 1

    def add(total: Array, block: tuple[Array, ...]) -> tuple[Array, None]:
        patches, part = _patches(block[0]), block[1]
        return total + patches.reshape(-1, patches.shape[-1]).T @ part.reshape(-1, part.shape[-1]), None

    blocks = tuple(array.reshape(-1, images, *array.shape[1:]) for array in (x, gradient))
    start = jnp.zeros((9 * kernel.shape[2], kernel.shape[3]), gradient.dtype)
    total, _ = lax.scan(add, start, blocks)
    return _plain_convolution(gradient, mirrored), total.reshape(kernel.shape)


_convolution_by_blocks.defvjp(_blocks_forward, _blocks_backward)


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
            of one product, so that what is pooled lies side by side: the same numbers (the gradient of a tie, too).
            None chooses where the program is lowered: phases for CPU and one input channel, where pooling costs more
            than the convolution.

    Returns:
        `[batch, height // 2, width // 2, features]`.
    """
    if form is None:
        on_cpu = partial(pooled_convolution, form="phases" if x.shape[-1] == 1 else "plain")
        return lax.platform_dependent(x, kernel, cpu=on_cpu, default=partial(pooled_convolution, form="plain"))
    if form == "plain":
        return max_pool(convolution(x, kernel))
    neighbourhoods = _neighbourhoods(x)
    product = rows_times(neighbourhoods, _kernel_of_phases(kernel))
    return _largest(product.reshape(*product.shape[:-1], 4, kernel.shape[-1]))


def _neighbourhoods(x: Array) -> Array:
    """`[batch, height // 2, width // 2, 16 · channels]`: the 4×4 inputs that a square of outputs sees."""
    height, width = x.shape[1] // 2, x.shape[2] // 2
    padded = jnp.pad(x, ((0, 0), (1, 1), (1, 1), (0, 0)))
    shifts = [padded[:, i : i + 2 * height - 1 : 2, j : j + 2 * width - 1 : 2] for i in range(4) for j in range(4)]
    return jnp.concatenate(shifts, axis=-1)


def _kernel_of_phases(kernel: Array) -> Array:
    """`[16 · channels, 4 · features]`: the kernel at each of the square's four positions."""
    placed = [jnp.pad(kernel, ((p, 1 - p), (q, 1 - q), (0, 0), (0, 0))) for p in range(2) for q in range(2)]
    return jnp.stack(placed, axis=3).reshape(16 * kernel.shape[2], 4 * kernel.shape[3])


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
            and interleaves them: the same numbers, with a gradient about ten times faster on CPU. None chooses where
            the program is lowered: phases for CPU.

    Returns:
        `[batch, 2·height, 2·width, features]`.
    """
    if form is None:
        on_cpu, elsewhere = (partial(transposed_convolution, form=form) for form in ("phases", "plain"))
        return lax.platform_dependent(x, kernel, cpu=on_cpu, default=elsewhere)
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
