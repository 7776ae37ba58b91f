"""Users' and items' vectors → scores: what is checked, how they are scaled, and what is hidden."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Bool, Float

from jaxmusic._arrays import nonzero_rows, of_size_one, unit_rows

if TYPE_CHECKING:
    from scipy.sparse import csr_array, sparray, spmatrix

SIMILARITIES = ("dot", "cosine")


class Scored(NamedTuple):
    """Vectors whose products are scores.

    Attributes:
        users: `[users, d]` float32.
        factors: `[items, d]` float32.
        exclude: the items that are not 0 of each user; None: none.
        hidden: `[items]` True for what nobody is shown.
    """

    users: Float[np.ndarray, "users d"]
    factors: Float[np.ndarray, "items d"]
    exclude: csr_array | None
    hidden: Bool[np.ndarray, " items"]


def prepared(
    users: np.ndarray,
    factors: np.ndarray,
    exclude: sparray | spmatrix | None,
    allowed: np.ndarray | None,
    similarity: str,
) -> Scored:
    """The vectors in single precision, of a size or of length 1, with what is hidden.

    Raises:
        ValueError: shapes that do not fit, an unknown similarity, NaN or infinite values.
    """
    users = _vectors(users, similarity, 1)
    factors = _vectors(factors, similarity, 1 if similarity == "cosine" else None)
    if users.shape[1] != factors.shape[1]:
        raise ValueError(f"profiles have {users.shape[1]} columns, factors {factors.shape[1]}")
    exclude = _excluded(exclude, (len(users), len(factors)))
    hidden = np.zeros(len(factors), bool) if allowed is None else ~np.asarray(allowed, bool)
    if hidden.shape != (len(factors),):
        raise ValueError(f"allowed has shape {hidden.shape} for {len(factors)} items")
    return Scored(users, factors, exclude, hidden)


def numbers(x: np.ndarray) -> np.ndarray:
    x = np.asarray(x)
    if x.ndim != 2 or x.dtype.kind not in "fiub":
        raise ValueError(f"expected numbers [rows, d], got {x.dtype} of shape {x.shape}")
    return x


def _vectors(x: np.ndarray, similarity: str, axis: int | None) -> np.ndarray:
    """Float32, whose lists are those of `x`: profiles may each have a size of their own, factors by cosine alone."""
    if similarity not in SIMILARITIES:
        raise ValueError(f"similarity {similarity!r} is none of {SIMILARITIES}")
    x = numbers(x)
    x = x.astype(np.promote_types(x.dtype, np.float32), copy=False)
    if not np.isfinite(x).all():
        raise ValueError("profiles or factors hold NaN or infinite values")
    # At a size whose products neither over- nor underflow in single precision.
    x = of_size_one(x, axis=axis).astype(np.float32)
    return unit_rows(x) if similarity == "cosine" else x


def _excluded(exclude: sparray | spmatrix | None, shape: tuple[int, int]) -> csr_array | None:
    """As rows of the items that are not 0; of any sparse format."""
    if exclude is None:
        return None
    if exclude.shape != shape:
        raise ValueError(f"exclude has shape {exclude.shape}, {shape[0]} users and {shape[1]} items make it {shape}")
    return nonzero_rows(exclude, "exclude")


@jax.jit
def products(users: jax.Array, factors: jax.Array) -> jax.Array:
    """`[users, items]` scores on a device, at the full precision of float32."""
    return jnp.matmul(users, factors.T, precision=jax.lax.Precision.HIGHEST)


def hide(values: np.ndarray, hidden: np.ndarray, exclude: csr_array | None, start: int) -> None:
    """Set what may not be shown to −∞, in place."""
    if hidden.any():
        values[:, hidden] = -np.inf
    if exclude is None:
        return
    stop = min(start + len(values), exclude.shape[0])
    ends = exclude.indptr[start : stop + 1]
    rows = np.repeat(np.arange(stop - start), np.diff(ends))
    values[rows, exclude.indices[ends[0] : ends[-1]]] = -np.inf
