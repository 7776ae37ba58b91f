"""Sums over token embeddings, which the two lyrics models share: their definition, and two forms that run fast.

A song's tokens go through the same function one by one and are then averaged, so the padding's share is its one vector
times its number. The plain form computes every position at once. On CPU the real tokens are worked on as one packed
stream, in chunks, whatever song they belong to: most positions are padding. On accelerators blocks of positions follow
one another for all songs at once, so that memory grows with the songs alone and they can lie on several devices.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import jax
import jax.numpy as jnp
from jax import lax
from jax.export import is_symbolic_dim
from jaxtyping import Array, Float, Int

from jaxmusic.models.packed_tokens import packed_sum
from jaxmusic.models.token_parts import Draws, Weights, draws_of, is_kept, scale, token_activation

# Positions of every song worked on at a time in the form by blocks.
_POSITIONS = 64


def token_sum(
    table: Float[Array, "rows dim"],
    rest: Float[Array, "rest dim"] | None,
    weights: Weights,
    tokens: Int[Array, "batch width"],
    lengths: Int[Array, " batch"],
    *,
    dropout: float = 0.0,
    key: Array | None = None,
    form: str | None = None,
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
        form: `"plain"` is the definition. `"packed"` computes the real tokens alone, one stream of all songs in chunks;
            `"blocks"` the plain form of some positions after the other, computed again for the gradient. All are the
            same numbers, with the same units dropped. None chooses where the program is lowered: packed for CPU, blocks
            elsewhere.

    Returns:
        `[batch, dim]`.

    Raises:
        ValueError: an unknown form.
    """
    tokens, lengths = jnp.asarray(tokens), jnp.asarray(lengths)
    seed = None if key is None or dropout == 0 else jax.random.key_data(key).reshape(-1)[:2]
    arguments = (table, rest, weights, tokens, lengths, seed)
    forms: dict[str, Callable[..., Array]] = {"plain": _plain_sum, "packed": packed_sum, "blocks": _sum_by_blocks}
    if form is None:
        on_cpu, elsewhere = (partial(forms[name], dropout) for name in ("packed", "blocks"))
        return lax.platform_dependent(*arguments, cpu=on_cpu, default=elsewhere)
    if form not in forms:
        raise ValueError(f"form {form!r} is none of {tuple(forms)}")
    return forms[form](dropout, *arguments)


def _plain_sum(
    dropout: float,
    table: Array,
    rest: Array | None,
    weights: Weights,
    tokens: Array,
    lengths: Array,
    seed: Array | None,
) -> Array:
    return _sum_of_positions(dropout, table, rest, weights, tokens, lengths, draws_of(seed, tokens, lengths), 0)


def _sum_of_positions(
    dropout: float,
    table: Array,
    rest: Array | None,
    weights: Weights,
    tokens: Array,
    lengths: Array,
    draws: Draws | None,
    start: Array | int,
) -> Array:
    """The definition, for tokens that stand at the positions from `start` on."""
    position = start + jnp.arange(tokens.shape[1])
    is_real = position < lengths[:, None]
    hidden = token_activation(_rows(table, rest, tokens, is_real), weights)
    if draws is not None:
        hidden = hidden * jnp.where(is_kept(draws, position, table.shape[1], dropout), scale(dropout), 0.0)
    return jnp.where(is_real[..., None], hidden, 0).sum(1)


def _sum_by_blocks(
    dropout: float,
    table: Array,
    rest: Array | None,
    weights: Weights,
    tokens: Array,
    lengths: Array,
    seed: Array | None,
) -> Array:
    width, draws = tokens.shape[1], draws_of(seed, tokens, lengths)
    if is_symbolic_dim(width) or width <= _POSITIONS:
        return _sum_of_positions(dropout, table, rest, weights, tokens, lengths, draws, 0)
    padded = jnp.pad(tokens, ((0, 0), (0, -width % _POSITIONS)))
    blocks = jnp.moveaxis(padded.reshape(padded.shape[0], -1, _POSITIONS), 1, 0)

    # Activations and draws are computed again for the gradient: kept, they would be most of a step's memory.
    @partial(jax.checkpoint, prevent_cse=False)
    def add(total: Array, block: tuple[Array, Array]) -> tuple[Array, None]:
        start, tokens = block
        return total + _sum_of_positions(dropout, table, rest, weights, tokens, lengths, draws, start), None

    total = jnp.zeros((tokens.shape[0], table.shape[1]), table.dtype)
    return lax.scan(add, total, (jnp.arange(len(blocks)) * _POSITIONS, blocks))[0]


def _rows(table: Array, rest: Array | None, tokens: Array, is_real: Array) -> Array:
    """Embeddings `[batch, width, dim]`, 0 for what is not real."""
    # Ids out of bounds are read as 0, and their gradient is dropped: padding would else fall on one row in turns.
    nowhere = jnp.iinfo(tokens.dtype).max
    rows = jnp.take(table, jnp.where(is_real, tokens, nowhere), axis=0, mode="fill", fill_value=0)
    if rest is not None and len(rest):
        behind = jnp.where(is_real & (tokens >= len(table)), tokens - len(table), nowhere)
        rows += jnp.take(lax.stop_gradient(rest), behind, axis=0, mode="fill", fill_value=0)
    return rows
