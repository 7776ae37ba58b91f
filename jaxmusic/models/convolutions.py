"""Convolutions of images, each in a form that XLA runs fast on the platform that it is lowered for."""

from __future__ import annotations

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from jaxtyping import Array, Float

LAYOUT = ("NHWC", "HWIO", "NHWC")
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
    return lax.conv_general_dilated(x, kernel, (1, 1), "SAME", dimension_numbers=LAYOUT)


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
            x, flipped, (1, 1), ((2, 2), (2, 2)), lhs_dilation=(2, 2), dimension_numbers=LAYOUT
        )
    batch, height, width, _ = x.shape
    rows = []
    for row_taps, row_padding in _PHASES:
        columns = []
        for column_taps, column_padding in _PHASES:
            taps = kernel[np.array(row_taps)][:, np.array(column_taps)]
            columns.append(
                lax.conv_general_dilated(x, taps, (1, 1), (row_padding, column_padding), dimension_numbers=LAYOUT)
            )
        rows.append(jnp.stack(columns, axis=3))
    interleaved = jnp.stack(rows, axis=2)
    return interleaved.reshape(batch, 2 * height, 2 * width, kernel.shape[-1])
