"""What the forms of a sum over tokens share: the activation of a token, and which of its units dropout keeps."""

from __future__ import annotations

from functools import lru_cache
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from jax.export import is_symbolic_dim
from jax.extend.random import threefry2x32_p, threefry_2x32
from jaxtyping import Array, Float, Int

# Real tokens of the packed stream whose units are drawn, and worked on, at a time.
_CHUNK = 256
_UNIFORM_16 = 1 << 16
Weights = tuple[Array, Array] | None


def token_activation(rows: Float[Array, "n dim"], weights: Weights) -> Float[Array, "n dim"]:
    """relu(rows · kernel + bias), or relu(rows)."""
    return jax.nn.relu(rows if weights is None else rows @ weights[0] + weights[1])


def kept_pads(
    key: Array, pads: Int[Array, " batch"], units: int, *, dropout: float, longest: int
) -> Float[Array, "batch units"]:
    """How many of a song's identical padding positions survive dropout, for each unit: one Binomial draw.

    Args:
        key: a random key.
        pads: `[batch]` padding positions of each song.
        units: width.
        dropout: share that is dropped.
        longest: the largest number of pads there can be.

    Returns:
        `[batch, units]` float32 counts; by inverting the distribution function, in steps of 2⁻²⁴.
    """
    uniform = jax.random.uniform(key, (pads.shape[0], units))
    cumulative = jnp.asarray(_binomial(longest, 1 - dropout))[pads]
    low = jnp.zeros(uniform.shape, jnp.int32)
    # Binary search for the first count whose distribution function exceeds the draw.
    for step in reversed(range(int(longest).bit_length())):
        middle = jnp.minimum(low + (1 << step), longest + 1)
        below = jnp.take_along_axis(cumulative, middle - 1, axis=1) <= uniform
        low = jnp.where(below, middle, low)
    return jnp.minimum(low, pads[:, None]).astype(jnp.float32)


@lru_cache(maxsize=8)
def _binomial(longest: int, keep: float) -> np.ndarray:
    """`[longest + 1, longest + 1]` float32, P(count ≤ k) of n positions."""
    counts = np.arange(longest + 1)
    log_factorial = np.concatenate([[0.0], np.cumsum(np.log(np.maximum(counts[1:], 1)))])
    n, k = counts[:, None], np.minimum(counts[None, :], counts[:, None])
    log_share = (
        log_factorial[n] - log_factorial[k] - log_factorial[n - k] + k * np.log(keep) + (n - k) * np.log1p(-keep)
    )
    return np.cumsum(np.where(counts[None, :] <= n, np.exp(log_share), 0.0), axis=1).astype(np.float32)


def chunk_size(tokens: Array) -> int:
    # A batch whose size is a symbol (`jax.export`) is read in whole chunks.
    return _CHUNK if is_symbolic_dim(tokens.size) else min(_CHUNK, tokens.size)


def draw(seed: Array, chunk: Array, shape: tuple[int, int], dropout: float) -> tuple[Array, Array]:
    """Which units dropout keeps, bool, and their factors: four 16-bit draws from each block of the generator."""
    count = shape[0] * shape[1]
    words = -(-count // 2)
    # Counters go on from chunk to chunk, so that one seed serves a whole step without repeating itself.
    bits = threefry_2x32(seed, chunk.astype(jnp.uint32) * words + jnp.arange(words, dtype=jnp.uint32))
    draws = lax.bitcast_convert_type(bits, jnp.uint16).reshape(-1)[:count].reshape(shape)
    keep = draws < _threshold(dropout)
    return keep, jnp.where(keep, scale(dropout), 0.0)


class Draws(NamedTuple):
    """What tells the draws of `draw` for any token.

    Attributes:
        seed: `[2]` uint32.
        starts: `[batch]` places of the songs' first tokens in the packed stream.
        size: tokens of a chunk.
    """

    seed: Array
    starts: Array
    size: int


def draws_of(seed: Array | None, tokens: Array, lengths: Array) -> Draws | None:
    return None if seed is None else Draws(seed, jnp.cumsum(lengths) - lengths, chunk_size(tokens))


def is_kept(draws: Draws, position: Array, dim: int, dropout: float) -> Array:
    """`[batch, width, dim]` bool, which units dropout keeps: the draws of `draw`, each by its place in the stream."""
    place = draws.starts[:, None] + position
    words = -(-draws.size * dim // 2)
    # The generator takes a chunk's counters in two halves, the i-th of both together; an odd number gets a 0 behind it.
    half = -(-words // 2)
    unit = (place % draws.size)[..., None] * dim + jnp.arange(dim)
    word = unit // 2
    pair = word % half
    base = (place // draws.size * words)[..., None]
    second = jnp.where(pair + half < words, base + pair + half, 0)
    both: Any = threefry2x32_p.bind(*draws.seed, (base + pair).astype(jnp.uint32), second.astype(jnp.uint32))
    bits: Array = jnp.where(word < half, both[0], both[1])
    return jnp.where(unit % 2 == 0, bits & (_UNIFORM_16 - 1), bits >> 16) < _threshold(dropout)


def _threshold(dropout: float) -> int:
    return round((1 - dropout) * _UNIFORM_16)


def scale(dropout: float) -> float:
    """One over the share that is kept in sixteen bits, so that the mean is exact."""
    return _UNIFORM_16 / _threshold(dropout)
