"""What optax lacks: an optimiser that forgets, and injected hyperparameters found wherever they are."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
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

    full = optax.with_extra_args_support(optimizer)

    def init(params: Any) -> RestartState:
        return RestartState(jnp.zeros((), jnp.int32), optimizer.init(params))

    def update(updates: Any, state: RestartState, params: Any = None, **extra: Any) -> tuple[Any, RestartState]:
        starts = state.steps >= steps
        # A select, not a branch: XLA fuses it with the optimiser's own pass over its moments.
        fresh = optimizer.init(updates if params is None else params)
        inner = jax.tree.map(lambda new, old: jnp.where(starts, new, old), fresh, state.inner)
        updates, inner = full.update(updates, inner, params, **extra)
        return updates, RestartState(jnp.where(starts, 0, state.steps) + 1, inner)

    return optax.GradientTransformationExtraArgs(init, update)


def _each_injected(opt_state: Any, change: Callable[[Any], Any]) -> Any:
    """The optimiser's state with `change` applied wherever it holds injected hyperparameters, in a chain or deeper."""

    def visit(part: Any) -> Any:
        if not hasattr(part, "hyperparams"):
            return part
        return change(part._replace(inner_state=_each_injected(part.inner_state, change)))

    return jax.tree.map(visit, opt_state, is_leaf=lambda part: hasattr(part, "hyperparams"))


def injected(opt_state: Any, hyperparameters: Mapping[str, jax.Array]) -> Any:
    """The optimiser's state with its injected hyperparameters at this model's values."""

    def change(part: Any) -> Any:
        own = part.hyperparams
        values = {name: jnp.asarray(value, own[name].dtype) for name, value in hyperparameters.items() if name in own}
        return part._replace(hyperparams={**own, **values})

    return _each_injected(opt_state, change)


def injected_values(opt_state: Any) -> dict[str, list[jax.Array]]:
    """Name → values, of all injected hyperparameters."""
    found: dict[str, list[jax.Array]] = {}

    def collect(part: Any) -> Any:
        for name, value in part.hyperparams.items():
            found.setdefault(name, []).append(value)
        return part

    _each_injected(opt_state, collect)
    return found


def learning_rate(opt_state: Any) -> jax.Array:
    """The injected learning rate, times the scale of `optax.contrib.reduce_on_plateau` where there is one.

    Raises:
        ValueError: none is injected, or several are.
    """
    rates = injected_values(opt_state).get("learning_rate", [])
    if len(rates) != 1:
        raise ValueError(
            f"the optimiser has {len(rates)} injected learning rates where one is measured: make it with "
            "optax.inject_hyperparams(optax.adam)(learning_rate=…), a number or a schedule"
        )
    plateaus = jax.tree.leaves(opt_state, is_leaf=_is_plateau)
    return rates[0] * math.prod(part.scale for part in plateaus if _is_plateau(part))


def _is_plateau(part: Any) -> bool:
    return isinstance(part, optax.contrib.ReduceLROnPlateauState)
