"""Division and logarithm that round as NumPy's do, for counts that turn on the last bit."""

from __future__ import annotations

import jax.numpy as jnp
import numpy as np
from jax import lax
from jaxtyping import Array, Float

# Centres of 128 intervals of [1, 2): their logarithms are exact in a coarse part and a fine one.
_CENTRES = 1 + (np.arange(128) + 0.5) / 128
_COARSE = np.round(np.log2(_CENTRES) * 2**14) / 2**14
_FINE = np.log2(_CENTRES) - _COARSE


def divide(x: Float[Array, "*shape"] | np.ndarray, divisor: float) -> Float[Array, "*shape"]:
    """`x / divisor` correctly rounded, where XLA multiplies by the rounded reciprocal.

    Args:
        x: float32.
        divisor: of at most 12 significant bits, so that its product with half a quotient's bits is exact.

    >>> float(divide(jnp.float32(440.0), 27.5))
    16.0
    """
    x, reciprocal = jnp.asarray(x), np.float32(1 / divisor)
    quotient = x * reciprocal
    upper = lax.bitcast_convert_type(lax.bitcast_convert_type(quotient, jnp.int32) & jnp.int32(-4096), jnp.float32)
    rest = (x - upper * np.float32(divisor)) - (quotient - upper) * np.float32(divisor)
    return quotient + rest * reciprocal


def log2(x: Float[Array, "*shape"]) -> Float[Array, "*shape"]:
    """Logarithm to base 2 of normal positive float32 numbers, correctly rounded but for one in thousands.

    >>> float(log2(jnp.float32(8.0)))
    3.0
    """
    bits = lax.bitcast_convert_type(x, jnp.int32)
    exponent = ((bits >> 23) - 127).astype(jnp.float32)
    mantissa = lax.bitcast_convert_type((bits & 0x7FFFFF) | 0x3F800000, jnp.float32)
    place = (bits >> 16) & 127

    def constant(values: np.ndarray) -> Array:
        return jnp.asarray(values.astype(np.float32))[place]

    # log(1 + r) to the fourth power: |r| is below 1/256.
    r = (mantissa - constant(_CENTRES)) * constant(1 / _CENTRES)
    series = r * (1 + r * (-1 / 2 + r * (1 / 3 - r / 4)))
    return (exponent + constant(_COARSE)) + (constant(_FINE) + series * np.float32(1 / np.log(2)))
