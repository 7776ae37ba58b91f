"""A running median that compares whole arrays instead of sorting every window."""

from __future__ import annotations

from functools import partial

import jax
import jax.numpy as jnp
from jax import lax
from jaxtyping import Array, Float

# Rows or columns computed at a time on a CPU: the sorted runs of such a block fit its cache.
_BLOCK = 32


@partial(jax.custom_jvp, nondiff_argnums=(1, 2))
def sliding_median(x: Float[Array, "rows columns"], size: int, axis: int) -> Float[Array, "rows_out columns_out"]:
    """Median of every `size` successive values along an axis.

    Args:
        x: float32 without NaN.
        size: odd length of the window.
        axis: 0 or 1.

    Returns:
        The shape of `x`, shorter by `size - 1` along the axis. The oracle is `scipy.ndimage.median_filter`.

    >>> sliding_median(jnp.array([[3.0, 1.0, 2.0, 9.0, 8.0]]), 3, axis=1).tolist()
    [[2.0, 2.0, 8.0]]
    """
    if size == 1:
        return x
    if axis == 0:
        # The windows run down the columns: blocks of columns, each kept as it lies.
        return lax.platform_dependent(x, cpu=lambda x: _by_columns(x, size), default=lambda x: _median(x, size, 0))
    return lax.platform_dependent(x, cpu=lambda x: _by_rows(x, size), default=lambda x: _median(x, size, 1))


@sliding_median.defjvp
def _tangent(size: int, axis: int, primals: tuple[Array], tangents: tuple[Array]) -> tuple[Array, Array]:
    """The median moves with the value it equals; with their mean where several are equal.

    Differentiating the comparisons themselves would compile for a minute and keep hundreds of arrays.
    """
    (x,), (dx,) = primals, tangents
    median = sliding_median(x, size, axis)

    def add(sums: tuple[Array, Array], start: Array) -> tuple[tuple[Array, Array], None]:
        here, change = (lax.dynamic_slice_in_dim(v, start, median.shape[axis], axis) for v in (x, dx))
        is_equal = here == median
        return (sums[0] + jnp.where(is_equal, change, 0), sums[1] + is_equal), None

    zero = jnp.zeros_like(median)
    (change, count), _ = lax.scan(add, (zero, zero), jnp.arange(size))
    return median, change / count


def _by_rows(x: Array, size: int) -> Array:
    rows, columns = x.shape
    blocks = jnp.pad(x, ((0, -rows % _BLOCK), (0, 0))).reshape(-1, _BLOCK, columns)
    return lax.map(lambda block: _median(block, size, 1), blocks).reshape(-1, columns - size + 1)[:rows]


def _by_columns(x: Array, size: int) -> Array:
    rows, columns = x.shape
    blocks = jnp.pad(x, ((0, 0), (0, -columns % _BLOCK))).reshape(rows, -1, _BLOCK)
    medians = lax.map(lambda block: _median(block, size, 0), jnp.moveaxis(blocks, 1, 0))
    return jnp.moveaxis(medians, 0, 1).reshape(rows - size + 1, -1)[:, :columns]


def _median(x: Array, size: int, axis: int) -> Array:
    length = x.shape[axis]
    if size & (size + 1):
        views = [_view(x, i, length - size + 1, axis) for i in range(size)]
        return jnp.sort(jnp.stack(views), axis=0)[size // 2]
    # Windows that overlap share their sorted runs: `runs[k]` at position t is the k-th smallest of the values from
    # t on, and merging the runs at t with those that begin where they end doubles them.
    runs, run = [x], 1
    while 2 * run <= size:
        length -= run
        early, late = ([_view(v, start, length, axis) for v in runs] for start in (0, run))
        runs, run = _merge(early + late), 2 * run
    # Two runs of (size + 1) / 2 cover a window, with the middle value in both. Of their size + 1 values the lower
    # half ends at `low`, the upper begins at `high`; taking the middle's copy out leaves one of them as the median.
    count = x.shape[axis] - size + 1
    first, second = ([_view(v, start, count, axis) for v in runs] for start in (0, run - 1))
    low = _reduce(jnp.maximum, [jnp.minimum(a, b) for a, b in zip(first, reversed(second), strict=True)])
    high = _reduce(jnp.minimum, [jnp.maximum(a, b) for a, b in zip(first, reversed(second), strict=True)])
    return jnp.where(_view(x, size // 2, count, axis) <= low, high, low)


def _view(x: Array, start: int, length: int, axis: int) -> Array:
    return lax.slice_in_dim(x, start, start + length, axis=axis)


def _merge(values: list[Array]) -> list[Array]:
    """Sort a list of arrays, elementwise, whose two halves are sorted: Batcher's odd-even merge."""
    values = list(values)
    for i, j in _comparisons(0, len(values), 1):
        values[i], values[j] = jnp.minimum(values[i], values[j]), jnp.maximum(values[i], values[j])
    return values


def _comparisons(start: int, size: int, step: int) -> list[tuple[int, int]]:
    if 2 * step >= size:
        return [(start, start + step)]
    inner = _comparisons(start, size, 2 * step) + _comparisons(start + step, size, 2 * step)
    return inner + [(i, i + step) for i in range(start + step, start + size - step, 2 * step)]


def _reduce(function, values: list[Array]) -> Array:
    while len(values) > 1:
        pairs = [function(a, b) for a, b in zip(values[::2], values[1::2], strict=False)]
        values = pairs + values[len(pairs) * 2 :]
    return values[0]
