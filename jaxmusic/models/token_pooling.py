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
    if key is None or dropout == 0:
        return _token_sum((0.0, None), table, rest, weights, tokens, lengths, jnp.zeros((), jnp.uint32))
    static = (dropout, str(jax.random.key_impl(key)))
    return _token_sum(static, table, rest, weights, tokens, lengths, jax.random.key_data(key))


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
    uniform = jax.random.uniform(key, (len(pads), units))
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
    from scipy.stats import binom

    counts = np.arange(longest + 1)
    return binom.cdf(counts[None, :], counts[:, None], keep).astype(np.float32)


@partial(jax.custom_vjp, nondiff_argnums=(0,))
def _token_sum(
    static: tuple[float, str | None], table: Array, rest: Array | None, weights: Weights, tokens: Array,
    lengths: Array, key_data: Array,
) -> Array:  # fmt: skip
    def add(chunk: Array, total: Array) -> Array:
        rows, owner = _read(chunk, table, rest, tokens, lengths)
        return total + _contribution(rows, weights, owner, _keep(static, key_data, chunk, rows.shape))

    zeros = jnp.zeros((len(lengths), table.shape[1]), table.dtype)
    return lax.fori_loop(0, _chunks(tokens, lengths), add, zeros)


def _forward(static: Any, *args: Any) -> tuple[Array, Any]:
    return _token_sum(static, *args), args


def _backward(static: Any, args: Any, cotangent: Array) -> tuple[Any, ...]:
    """Gradients of table and weights; the activations are computed again, which costs less than keeping them."""
    table, rest, weights, tokens, lengths, key_data = args

    def add(chunk: Array, total: Any) -> Any:
        rows, owner = _read(chunk, table, rest, tokens, lengths)
        keep = _keep(static, key_data, chunk, rows.shape)
        _, pull = jax.vjp(lambda r, w: _contribution(r, w, owner, keep), rows, weights)
        of_rows, of_weights = pull(cotangent)
        ids, _ = _ids(chunk, tokens, lengths)
        # Rows behind the table are at rest: out of bounds, their gradient is dropped.
        return total[0].at[ids].add(of_rows, mode="drop"), jax.tree.map(jnp.add, total[1], of_weights)

    zeros = jax.tree.map(jnp.zeros_like, (table, weights))
    of_table, of_weights = lax.fori_loop(0, _chunks(tokens, lengths), add, zeros)
    return of_table, None, of_weights, None, None, None


_token_sum.defvjp(_forward, _backward)


def _size(tokens: Array) -> int:
    return min(_CHUNK, tokens.size) if jax.default_backend() == "cpu" else tokens.size


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
    song = jnp.minimum((position >= ends[:, None]).sum(0), len(lengths) - 1)
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


def _keep(static: tuple[float, str | None], key_data: Array, chunk: Array, shape: tuple[int, ...]) -> Array | None:
    """Dropout's factors, 0 or 1 / (the kept share): two 16-bit draws from each random word."""
    dropout, implementation = static
    if implementation is None:
        return None
    key = jax.random.fold_in(jax.random.wrap_key_data(key_data, impl=implementation), chunk)
    threshold = round((1 - dropout) * _UNIFORM_16)
    count = -(-shape[0] * shape[1] // 2)
    pairs = jax.random.bits(key, (count,), jnp.uint32)
    draws = jnp.concatenate([pairs & (_UNIFORM_16 - 1), pairs >> 16])[: shape[0] * shape[1]].reshape(shape)
    return jnp.where(draws < threshold, _UNIFORM_16 / threshold, 0.0)
