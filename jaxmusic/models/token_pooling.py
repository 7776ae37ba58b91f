"""Mean over token embeddings without computing the padding: what the two lyrics models share.

A song's tokens go through the same function one by one and are then averaged, so the padding's share is its one vector
times its number, and the real tokens can be worked on as one packed stream, in chunks, whatever song they belong to.
"""

from __future__ import annotations

from functools import lru_cache, partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from jax.export import is_symbolic_dim
from jax.extend.random import threefry_2x32
from jaxtyping import Array, Float, Int

# Real tokens worked on at a time on CPU; accelerators take all of a batch at once.
_CHUNK = 256
_UNIFORM_16 = 1 << 16
Weights = tuple[Array, Array] | None


def token_sum(
    table: Float[Array, "rows dim"],
    rest: Float[Array, "rest dim"] | None,
    weights: Weights,
    tokens: Int[Array, "batch width"],
    lengths: Int[Array, " batch"],
    *,
    dropout: float = 0.0,
    key: Array | None = None,
) -> Float[Array, "batch dim"]:
    """Σ over a song's real tokens of dropout(relu(embedding · kernel + bias)).

    Args:
        table: embedding rows that training moves.
        rest: rows behind them, which stay where they are; None where there are none.
        weights: kernel `[dim, dim]` and bias `[dim]`, or None for relu(embedding).
        tokens: `[batch, width]` rows of table and rest.
        lengths: `[batch]` real tokens of each song; what stands behind them is not read.
        dropout: share of units that are dropped at each position, the others scaled up.
        key: a random key; None drops nothing.

    Returns:
        `[batch, dim]`.
    """
    tokens, lengths = jnp.asarray(tokens), jnp.asarray(lengths)
    seed = None if key is None or dropout == 0 else jax.random.key_data(key).reshape(-1)[:2]
    return _token_sum(dropout, table, rest, weights, tokens, lengths, seed)


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


@partial(jax.custom_vjp, nondiff_argnums=(0,))
def _token_sum(
    dropout: float,
    table: Array,
    rest: Array | None,
    weights: Weights,
    tokens: Array,
    lengths: Array,
    seed: Array | None,
) -> Array:
    return _forward(dropout, table, rest, weights, tokens, lengths, seed)[0]


def _forward(
    dropout: float,
    table: Array,
    rest: Array | None,
    weights: Weights,
    tokens: Array,
    lengths: Array,
    seed: Array | None,
) -> tuple[Array, Any]:
    size, dim = _size(tokens), table.shape[1]

    def add(chunk: Array, carry: Any) -> Any:
        total, kept = carry
        rows, owner = _read(chunk, table, rest, tokens, lengths)
        factor = None
        if seed is not None:
            keep, factor = _draw(seed, chunk, (size, dim), dropout)
            kept = lax.dynamic_update_slice(kept, keep, (chunk * size, 0))
        return total + _contribution(rows, weights, owner, factor), kept

    total = jnp.zeros((lengths.shape[0], dim), table.dtype)
    # Which units were kept is remembered for the gradient: drawing them again would cost more.
    kept = None if seed is None else jnp.zeros((-(-tokens.size // size) * size, dim), bool)
    total, kept = lax.fori_loop(0, _chunks(tokens, lengths), add, (total, kept))
    return total, (table, rest, weights, tokens, lengths, kept)


def _backward(dropout: float, saved: Any, cotangent: Array) -> tuple[Any, ...]:
    """Gradients of table and weights; the activations are computed again, which costs less than keeping them."""
    table, rest, weights, tokens, lengths, kept = saved
    size, dim = _size(tokens), table.shape[1]

    def add(chunk: Array, carry: Any) -> Any:
        total, of_table = carry
        rows, owner = _read(chunk, table, rest, tokens, lengths)
        factor = None
        if kept is not None:
            keep = lax.dynamic_slice(kept, (chunk * size, 0), (size, dim))
            factor = jnp.where(keep, _scale(dropout), 0.0)
        _, pull = jax.vjp(lambda r, w: _contribution(r, w, owner, factor), rows, weights)
        of_rows, of_weights = pull(cotangent)
        # Ids past the table are of frozen rows: out of bounds, so their gradient is dropped.
        of_table = of_table.at[_ids(chunk, tokens, lengths)[0]].add(of_rows, mode="drop")
        return jax.tree.map(jnp.add, total, of_weights), of_table

    zeros = jax.tree.map(jnp.zeros_like, (weights, table))
    of_weights, of_table = lax.fori_loop(0, _chunks(tokens, lengths), add, zeros)
    return of_table, None, of_weights, None, None, None


_token_sum.defvjp(_forward, _backward)


def _size(tokens: Array) -> int:
    if jax.default_backend() != "cpu":
        return tokens.size
    # A batch whose size is a symbol (`jax.export`) is read in whole chunks.
    return _CHUNK if is_symbolic_dim(tokens.size) else min(_CHUNK, tokens.size)


def _chunks(tokens: Array, lengths: Array) -> Array | int:
    size = _size(tokens)
    return 1 if size == tokens.size else (lengths.sum() + size - 1) // size


def _ids(chunk: Array, tokens: Array, lengths: Array) -> tuple[Array, Array]:
    """`[chunk]` token ids of the packed stream, and `[batch, chunk]` 1 where a position belongs to a song."""
    size = _size(tokens)
    position = chunk * size + jnp.arange(size)
    ends = jnp.cumsum(lengths)
    starts = ends - lengths
    owner = (position >= starts[:, None]) & (position < ends[:, None])
    song = jnp.minimum((position >= ends[:, None]).sum(0), lengths.shape[0] - 1)
    place = jnp.clip(position - starts[song], 0, tokens.shape[1] - 1)
    return tokens[song, place], owner


def _read(chunk: Array, table: Array, rest: Array | None, tokens: Array, lengths: Array) -> tuple[Array, Array]:
    ids, owner = _ids(chunk, tokens, lengths)
    rows = table[jnp.minimum(ids, len(table) - 1)]
    if rest is not None and len(rest):
        resting = rest[jnp.clip(ids - len(table), 0, len(rest) - 1)]
        rows = jnp.where((ids < len(table))[:, None], rows, resting)
    return rows, owner.astype(table.dtype)


def _contribution(rows: Array, weights: Weights, owner: Array, keep: Array | None) -> Array:
    activation = token_activation(rows, weights)
    if keep is not None:
        activation = activation * keep
    return owner @ activation


def _draw(seed: Array, chunk: Array, shape: tuple[int, int], dropout: float) -> tuple[Array, Array]:
    """Which units dropout keeps, bool, and their factors: four 16-bit draws from each block of the generator."""
    count = shape[0] * shape[1]
    words = -(-count // 2)
    # Counters go on from chunk to chunk, so that one seed serves a whole step without repeating itself.
    bits = threefry_2x32(seed, chunk.astype(jnp.uint32) * words + jnp.arange(words, dtype=jnp.uint32))
    draws = lax.bitcast_convert_type(bits, jnp.uint16).reshape(-1)[:count].reshape(shape)
    keep = draws < _threshold(dropout)
    return keep, jnp.where(keep, _scale(dropout), 0.0)


def _threshold(dropout: float) -> int:
    return round((1 - dropout) * _UNIFORM_16)


def _scale(dropout: float) -> float:
    """One over the share that is kept in sixteen bits, so that the mean is exact."""
    return _UNIFORM_16 / _threshold(dropout)
