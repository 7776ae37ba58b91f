"""What a compiled program computes: a fresh state, one step of training, one of evaluation."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Any, NamedTuple

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import optax
from jax import lax

from jaxmusic.losses import LossFunction

Batch = Mapping[str, Any]
Inputs = Callable[[Batch], tuple[Any, ...]]
# Evaluation sees every schedule (of beta, say) at its end, so that its losses compare between epochs.
_SCHEDULES_END = np.int32(np.iinfo(np.int32).max)


class State(NamedTuple):
    """What continues from step to step; a pytree. With `seeds > 1` every leaf has a leading axis of seeds.

    Attributes:
        params: the module's parameters.
        collections: the module's other variables, such as batch statistics; {} where it has none.
        opt_state: the optimiser's state.
        key: the run's key; each step draws from `fold_in` of it and the step.
        step: optimiser steps done, int32.
        epoch: epochs done, int32.
        hyperparameters: name → scalar, those that differ between the models of a grid; {} outside one.
    """

    params: Any
    collections: Any
    opt_state: Any
    key: jax.Array
    step: jax.Array
    epoch: jax.Array
    hyperparameters: Any

    @property
    def variables(self) -> dict[str, Any]:
        """What `module.apply` takes."""
        return {"params": self.params, **self.collections}


def batch_inputs(batch: Batch) -> tuple[Any, ...]:
    """The default arguments of a module: the batch's `"inputs"`, and its `"masks"` where it has them.

    Args:
        batch: as `fit` makes it.

    Returns:
        One positional argument, or two.
    """
    return (batch["inputs"], batch["masks"]) if "masks" in batch else (batch["inputs"],)


class Steps:
    """The traced functions of one (module, loss, optimiser, batch size)."""

    def __init__(
        self,
        module: nn.Module,
        loss: LossFunction,
        optimizer: optax.GradientTransformation,
        batch_size: int,
        *,
        inputs: Inputs,
        accumulate: int,
    ) -> None:
        self._module, self._loss, self.optimizer = module, loss, optimizer
        self._inputs, self._accumulate = inputs, accumulate
        self._takes_train = "train" in inspect.signature(module.__call__).parameters
        self.initialize = _initializer(module, optimizer, batch_size, inputs, self._takes_train)

    @staticmethod
    def key(state: State, step: jax.Array) -> jax.Array:
        """What a step of training draws from."""
        return jax.random.fold_in(jax.random.fold_in(state.key, 1), step)

    def train(self, state: State, batch: Batch, key: jax.Array | None = None) -> tuple[State, dict[str, jax.Array]]:
        key = self.key(state, state.step) if key is None else key
        batch = {**batch, **state.hyperparameters, "step": state.step}
        if self._accumulate == 1:
            gradients, (metrics, collections) = self._gradients(state, key, batch)
        else:
            gradients, (metrics, collections) = self._accumulated_gradients(state, key, batch)
        updates, opt_state = self.optimizer.update(gradients, state.opt_state, state.params)
        params = optax.apply_updates(state.params, updates)
        return state._replace(params=params, collections=collections, opt_state=opt_state, step=state.step + 1), metrics

    def _gradients(self, state: State, key: jax.Array, batch: Batch) -> tuple[Any, tuple[dict[str, jax.Array], Any]]:
        rngs = {name: jax.random.fold_in(key, i) for i, name in enumerate(("latent", "dropout"))}
        options: dict[str, Any] = {"train": True} if self._takes_train else {}

        def objective(params: Any) -> tuple[jax.Array, tuple[dict[str, jax.Array], Any]]:
            outputs, collections = self._module.apply(
                {"params": params, **state.collections},
                *self._inputs(batch),
                rngs=rngs,
                mutable=list(state.collections),
                **options,
            )
            value, metrics = self._loss(outputs, batch)
            return value, ({"loss": value, **metrics}, dict(collections))

        return jax.grad(objective, has_aux=True)(state.params)

    def _accumulated_gradients(
        self, state: State, key: jax.Array, batch: Batch
    ) -> tuple[Any, tuple[dict[str, jax.Array], Any]]:
        """Gradients of the batch from equal parts of it, one after the other: memory of a part, the step of all."""
        parts = self._accumulate

        def split(x: Any) -> jax.Array:
            # Every part takes rows from all along the batch, so that it lies on a mesh as the batch does.
            return jnp.moveaxis(jnp.reshape(x, (-1, parts, *jnp.shape(x)[1:])), 1, 0)

        whole = {"step": batch["step"], **state.hyperparameters}
        rows = {name: jax.tree.map(split, value) for name, value in batch.items() if name not in whole}
        weights = rows["row_mask"].sum(1) / batch["row_mask"].sum()

        def add(carry: Any, part: Any) -> tuple[Any, None]:
            (sums, collections), (i, weight, values) = carry, part
            found = self._gradients(
                state._replace(collections=collections), jax.random.fold_in(key, 2 + i), {**values, **whole}
            )
            gradients, (metrics, collections) = found
            # A part of filler rows alone has weight 0, and whatever its loss is must not come through as 0 · NaN.
            weighted = jax.tree.map(lambda x: jnp.where(weight > 0, weight * x, 0.0), (gradients, metrics))
            return (jax.tree.map(jnp.add, sums, weighted), collections), None

        first = jax.tree.map(lambda x: x[0], rows)
        shapes = jax.eval_shape(self._gradients, state, key, {**first, **whole})
        zeros = jax.tree.map(lambda x: jnp.zeros(x.shape, x.dtype), (shapes[0], shapes[1][0]))
        # Unrolled on CPU, where the gradient of a convolution inside a compiled loop is many times slower.
        unroll = parts if jax.default_backend() == "cpu" else 1
        inputs = (jnp.arange(parts), weights, rows)
        ((gradients, metrics), collections), _ = lax.scan(add, (zeros, state.collections), inputs, unroll=unroll)
        return gradients, (metrics, collections)

    def evaluate(self, state: State, batch: Batch) -> dict[str, jax.Array]:
        # The same noise at every evaluation, so that epochs compare.
        key = jax.random.fold_in(state.key, 2)
        options: dict[str, Any] = {"train": False} if self._takes_train else {}
        outputs = self._module.apply(state.variables, *self._inputs(batch), rngs={"latent": key}, **options)
        end = jnp.asarray(_SCHEDULES_END)
        value, metrics = self._loss(outputs, {**batch, **state.hyperparameters, "step": end})
        return {"loss": value, **metrics}


@lru_cache(maxsize=64)
def _initializer(
    module: nn.Module, optimizer: optax.GradientTransformation, batch_size: int, inputs: Inputs, takes_train: bool
) -> Callable[..., State]:
    """(key, data) → a fresh state. The loss has no part in it, so engines that differ in the loss share it."""

    def initialize(key: jax.Array, data: Batch, hyperparameters: Mapping[str, jax.Array]) -> State:
        params_key, run_key = jax.random.split(key)
        batch = jax.tree.map(lambda x: jnp.zeros((batch_size, *x.shape[1:]), x.dtype), data)
        names = ("params", "latent", "dropout")
        keys = {name: jax.random.fold_in(params_key, i) for i, name in enumerate(names)}
        options: dict[str, Any] = {"train": False} if takes_train else {}
        variables = dict(module.init(keys, *inputs(batch), **options))
        params = variables.pop("params")
        zero = jnp.zeros((), jnp.int32)
        opt_state = injected(optimizer.init(params), hyperparameters)
        return State(params, variables, opt_state, run_key, zero, zero, hyperparameters)

    return initialize


def injected(opt_state: Any, hyperparameters: Mapping[str, jax.Array]) -> Any:
    """The optimiser's state with its injected hyperparameters at this model's values."""
    own = getattr(opt_state, "hyperparams", {})
    values = {name: jnp.asarray(value, own[name].dtype) for name, value in hyperparameters.items() if name in own}
    return opt_state._replace(hyperparams={**own, **values}) if values else opt_state
