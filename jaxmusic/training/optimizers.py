"""What optax lacks: an optimiser that forgets."""

from __future__ import annotations

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import optax


class RestartState(NamedTuple):
    """Steps since the last restart, int32, and the inner optimiser's state."""

    steps: jax.Array
    inner: Any


def restart_every(optimizer: optax.GradientTransformation, steps: int) -> optax.GradientTransformation:
    """`optimizer`, made anew after every `steps` steps: its moments and counts start again from their beginning.

    Source: `train()` of "Deep Music Genre Classification" (2025) builds a new Adam for every epoch.

    Args:
        optimizer: an optax transformation whose initial state does not depend on the parameters' values, as Adam's.
        steps: of one life, e.g. the batches of an epoch.

    Returns:
        An optax transformation.

    Raises:
        ValueError: `steps` below 1.
    """
    if steps < 1:
        raise ValueError(f"steps must be at least 1, got {steps}")

    def init(params: Any) -> RestartState:
        return RestartState(jnp.zeros((), jnp.int32), optimizer.init(params))

    def update(updates: Any, state: RestartState, params: Any = None) -> tuple[Any, RestartState]:
        starts = state.steps >= steps
        # A select and no branch: it melts into the optimiser's own pass over its moments.
        fresh = optimizer.init(updates if params is None else params)
        inner = jax.tree.map(lambda new, old: jnp.where(starts, new, old), fresh, state.inner)
        updates, inner = optimizer.update(updates, inner, params)
        return updates, RestartState(jnp.where(starts, 0, state.steps) + 1, inner)

    return optax.GradientTransformation(init, update)
