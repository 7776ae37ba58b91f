"""Sums over tokens without computing the padding: the real ones as one packed stream, in chunks, as CPUs like it."""

from __future__ import annotations

from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
from jax import lax
from jaxtyping import Array

from jaxmusic.models.token_parts import Weights, chunk_size, draw, scale, token_activation


@partial(jax.custom_vjp, nondiff_argnums=(0,))
def packed_sum(
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
    size, dim = chunk_size(tokens), table.shape[1]

    def add(chunk: Array, carry: Any) -> Any:
        total, kept = carry
        rows, owner = _read(chunk, table, rest, tokens, lengths)
        factor = None
        if seed is not None:
            keep, factor = draw(seed, chunk, (size, dim), dropout)
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
    size, dim = chunk_size(tokens), table.shape[1]

    def add(chunk: Array, carry: Any) -> Any:
        total, of_table = carry
        rows, owner = _read(chunk, table, rest, tokens, lengths)
        factor = None
        if kept is not None:
            keep = lax.dynamic_slice(kept, (chunk * size, 0), (size, dim))
            factor = jnp.where(keep, scale(dropout), 0.0)
        _, pull = jax.vjp(lambda r, w: _contribution(r, w, owner, factor), rows, weights)
        of_rows, of_weights = pull(cotangent)
        # Ids past the table are of frozen rows: out of bounds, so their gradient is dropped.
        of_table = of_table.at[_ids(chunk, tokens, lengths)[0]].add(of_rows, mode="drop")
        return jax.tree.map(jnp.add, total, of_weights), of_table

    zeros = jax.tree.map(jnp.zeros_like, (weights, table))
    of_weights, of_table = lax.fori_loop(0, _chunks(tokens, lengths), add, zeros)
    return of_table, None, of_weights, None, None, None


packed_sum.defvjp(_forward, _backward)


def _chunks(tokens: Array, lengths: Array) -> Array | int:
    size = chunk_size(tokens)
    return 1 if size == tokens.size else (lengths.sum() + size - 1) // size


def _ids(chunk: Array, tokens: Array, lengths: Array) -> tuple[Array, Array]:
    """`[chunk]` token ids of the packed stream, and `[batch, chunk]` 1 where a position belongs to a song."""
    size = chunk_size(tokens)
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
