"""Vectors at length 1 and at a size that squares survive, whatever their unit."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float


def of_size_one(x: Float[np.ndarray, "rows columns"], *, axis: int | None = None) -> Float[np.ndarray, "rows columns"]:
    """`x` over the power of two that brings its largest magnitude into [½, 1), so that products stay in range.

    A power of two changes no digit. Zeros stay zeros.

    Args:
        x: `[rows, columns]` float, finite.
        axis: along which the largest is sought, 1 for each row its own; None: one for all.

    Returns:
        An array of the same shape and dtype.
    """
    largest = np.abs(x).max(axis=axis, keepdims=axis is not None, initial=0)
    return np.ldexp(x, -np.frexp(largest)[1]).astype(x.dtype, copy=False)


def unit_rows(x: Float[np.ndarray, "rows columns"]) -> Float[np.ndarray, "rows columns"]:
    """Rows at Euclidean length 1, however long or short they are; rows of zeros stay zeros.

    Args:
        x: `[rows, columns]` float, finite.

    Returns:
        An array of the same shape and dtype.
    """
    x = of_size_one(x, axis=1)
    length = np.linalg.norm(x, axis=1, keepdims=True)
    return x / np.where(length > 0, length, 1)
