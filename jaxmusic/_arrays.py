"""Arrays by what they say: vectors whatever their unit, sparse matrices whatever their storage."""

from __future__ import annotations

import operator
from numbers import Real
from typing import TYPE_CHECKING, Any

import numpy as np
from jaxtyping import Float

if TYPE_CHECKING:
    from scipy.sparse import csr_array


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


def nonzero_rows(matrix: Any, what: str) -> csr_array:
    """A matrix as compressed rows: double entries added up, zeros that are stored left out, columns in order.

    Args:
        matrix: `[rows, columns]`, of any sparse format, or dense; it stays as it is.
        what: its name in errors.

    Returns:
        The same matrix, a new one where its storage is another.

    Raises:
        ValueError: not of two dimensions, or NaN or infinite values.
    """
    from scipy.sparse import csr_array, issparse

    matrix = matrix if issparse(matrix) else np.asarray(matrix)
    if matrix.ndim != 2:
        raise ValueError(f"{what} must be a matrix, got shape {matrix.shape}")
    if matrix.dtype.kind not in "biuf":
        raise ValueError(f"{what} must hold numbers, got {matrix.dtype}")
    rows = csr_array(matrix)
    if not np.isfinite(rows.data).all():
        raise ValueError(f"{what} holds NaN or infinite values")
    if not rows.has_canonical_format:
        rows = rows.copy()
        rows.sum_duplicates()
    if not rows.data.all():
        rows = rows.copy()
        rows.eliminate_zeros()
    return rows


def whole(value: Any, name: str, *, at_least: int = 1) -> int:
    """`value` as an int.

    Raises:
        ValueError: no whole number, or one below `at_least`; names the argument.
    """
    try:
        found = operator.index(value)
    except TypeError:
        raise ValueError(f"{name} must be a whole number, got {value!r}") from None
    if found < at_least:
        raise ValueError(f"{name} must be at least {at_least}, got {value}")
    return found


def positive(value: Any, name: str) -> float:
    """`value` as a finite float above 0.

    Raises:
        ValueError: anything else; names the argument.
    """
    if not isinstance(value, Real) or not 0 < float(value) < float("inf"):
        raise ValueError(f"{name} must be a number above 0, got {value!r}")
    return float(value)


def float64(x: Any, name: str, axes: int | None = None) -> np.ndarray:
    """Real numbers as float64.

    Args:
        x: an array, or what NumPy makes one of.
        name: of the argument, in errors.
        axes: how many it must have; None: any.

    Raises:
        ValueError: texts, objects or complex numbers, or another number of axes.
    """
    x = np.asarray(x)
    if x.dtype.kind not in "fiub" or (axes is not None and x.ndim != axes):
        many = "" if axes is None else f" of {axes} {'axis' if axes == 1 else 'axes'}"
        raise ValueError(f"{name} must be an array of real numbers{many}, got {x.dtype} of shape {x.shape}")
    return x.astype(np.float64, copy=False)
