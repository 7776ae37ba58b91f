"""What continues from step to step, and how a batch becomes a module's arguments."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from functools import cache
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from flax import serialization

from jaxmusic.data.stores import RowSource

Batch = Mapping[str, Any]
"""A batch: name → array, nested or not, with the rows on the first axis."""
Inputs = Callable[[Batch], tuple[Any, ...]]
Source = Batch | RowSource | Iterable[Batch] | Callable[..., Iterable[Batch]]
"""What trains: arrays, rows by their number, or what starts anew for each epoch and gives batches."""


class State(NamedTuple):
    """What continues from step to step; a pytree that `flax.serialization` writes. Of several models trained as one
    call, every leaf has a leading axis of models.

    Attributes:
        params: the module's parameters.
        collections: the module's other variables, such as batch statistics; {} where it has none.
        opt_state: the optimiser's state.
        key: the run's key; each step draws from `fold_in` of it and the step.
        step: optimiser steps done, int32.
        epoch: epochs done, int32.
        hyperparameters: name → scalar, those that differ between the models of a grid; {} outside one.
        average: moving average of the parameters; () where none is kept.
    """

    params: Any
    collections: Any
    opt_state: Any
    key: jax.Array
    step: jax.Array
    epoch: jax.Array
    hyperparameters: Any
    average: Any = ()

    @property
    def variables(self) -> dict[str, Any]:
        """What `module.apply` takes."""
        return {"params": self.params, **self.collections}

    @property
    def averaged(self) -> State:
        """This state with the moving average for its parameters; itself where none is kept."""
        return self if self.average == () else self._replace(params=self.average)


def batch_inputs(batch: Batch) -> tuple[Any, ...]:
    """The default arguments of a module: the batch's `"inputs"`, and its `"masks"` where it has them.

    Args:
        batch: as `fit` makes it.

    Returns:
        One positional argument, or two.
    """
    return (batch["inputs"], batch["masks"]) if "masks" in batch else (batch["inputs"],)


def as_keys(key: Any) -> jax.Array:
    """A typed key, or `[models]` of them, from one or from an old-style array of uint32.

    Raises:
        TypeError: anything else.
    """
    if getattr(key, "dtype", None) == jnp.uint32 and key.ndim:
        key = jax.random.wrap_key_data(jnp.asarray(key))
    if not _is_key(key):
        raise TypeError(f"key is {key!r}, of {type(key).__name__}: give jax.random.key(0)")
    _serializable(type(key))  # type: ignore[arg-type]
    return key


def without_keys(tree: Any) -> Any:
    """The tree with the data of its typed keys in their place: what can be written."""
    return jax.tree.map(lambda x: jax.random.key_data(x) if _is_key(x) else x, tree)


def with_keys(tree: Any, like: Any) -> Any:
    """The reverse of `without_keys`; `like` has typed keys where they belong."""
    return jax.tree.map(
        lambda x, old: jax.random.wrap_key_data(x, impl=jax.random.key_impl(old)) if _is_key(old) else x, tree, like
    )


def _is_key(x: Any) -> bool:
    return jax.dtypes.issubdtype(getattr(x, "dtype", None), jax.dtypes.prng_key)


@cache
def _serializable(kind: type) -> None:
    """Teach `flax.serialization` to write typed keys, as their data; on the first one, since their type is private."""
    serialization.register_serialization_state(
        kind, jax.random.key_data, lambda like, data: jax.random.wrap_key_data(data, impl=jax.random.key_impl(like))
    )
