"""What a compiled program computes: a fresh state, one step of training, one of evaluation."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import optax
from jax import lax
from jax.sharding import NamedSharding

from jaxmusic.losses import LossFunction
from jaxmusic.training.optimizers import learning_rate
from jaxmusic.training.sources import in_order, row_masks
from jaxmusic.training.state import Batch, Inputs, State

Transform = Callable[[jax.Array, Batch], Batch]
Metrics = dict[str, jax.Array]
MEASURES = ("gradient_norm", "learning_rate")
"""What `Trainer(measures=…)` adds to the metrics of a step."""
# Evaluation sees every schedule (of beta, say) at its end, so that its losses compare between epochs.
_SCHEDULES_END = np.int32(np.iinfo(np.int32).max)


@dataclass(frozen=True, eq=False)
class Steps:
    """The traced functions of one trainer, whose arguments these are."""

    module: nn.Module
    loss: LossFunction
    optimizer: optax.GradientTransformationExtraArgs
    batch_size: int
    inputs: Inputs
    accumulate: int
    transform: Transform | None
    average: float | None
    measures: tuple[str, ...]
    sharding: NamedSharding | None

    def values(self) -> dict[str, str | None]:
        """Name → text of what is a value and can be told from others: a loss of the library, a number."""
        found = {"loss": self.loss, "transform": self.transform, "average": self.average}
        texts = {name: None if value is None else repr(value) for name, value in found.items()}
        # A function's text is where it lies in memory.
        return {name: None if text is None or " at 0x" in text else text for name, text in texts.items()}

    def example(self, rows: Batch) -> dict[str, Any]:
        """Zeros in the shapes of a batch as the module meets it in training, transformed."""
        batch = self._full(jax.tree.map(lambda x: jnp.zeros((self.batch_size, *x.shape[1:]), x.dtype), dict(rows)))
        if self.transform is None:
            return batch
        batch["step"] = jnp.zeros((), jnp.int32)
        shapes = jax.eval_shape(lambda batch: self._transformed(jax.random.key(0), batch), batch)
        return jax.tree.map(lambda x: jnp.zeros(x.shape, x.dtype), shapes)

    def initialize(self, key: jax.Array, rows: Batch) -> State:
        """(key, some rows) → a fresh state."""
        params_key, run_key = jax.random.split(key)
        batch = self.example(rows)
        names = ("params", "latent", "dropout")
        keys = {name: jax.random.fold_in(params_key, i) for i, name in enumerate(names)}
        variables = dict(self.module.init(keys, *self._arguments(batch), **self._mode(train=False)))
        params = variables.pop("params", {})
        zero = jnp.zeros((), jnp.int32)
        average = () if self.average is None else params
        return State(params, variables, self.optimizer.init(params), run_key, zero, zero, {}, average)

    @staticmethod
    def key(state: State, step: jax.Array) -> jax.Array:
        """What a step of training draws from."""
        return jax.random.fold_in(jax.random.fold_in(state.key, 1), step)

    def train(self, state: State, batch: Batch, key: jax.Array | None = None) -> tuple[State, Metrics]:
        key = self.key(state, state.step) if key is None else key
        batch = {**self._spread(self._full(batch)), **state.hyperparameters, "step": state.step}
        if self.transform is not None:
            batch = self._transformed(jax.random.fold_in(jax.random.fold_in(state.key, 3), state.step), batch)

        def value(params: Any, obj_fn: Any = None) -> jax.Array:
            # A line search hands on what it does not know, such as obj_fn, to the function that it searches along.
            def compute(state: State, key: jax.Array, batch: Batch) -> tuple[jax.Array, Any]:
                value, (_, collections) = self._objective(params, state, key, batch)
                return value, collections

            return self._in_parts(compute, state, key, batch)[0]

        (gradients, metrics), collections = self._in_parts(self._gradients, state, key, batch)
        # An optimiser is given what it asks for; what none asks for is never traced.
        updates, opt_state = self.optimizer.update(
            gradients,
            state.opt_state,
            state.params,
            value=metrics["loss"],
            grad=gradients,
            value_fn=value,
            obj_fn=value,
        )
        params = optax.apply_updates(state.params, updates)
        if "gradient_norm" in self.measures:
            metrics["gradient_norm"] = optax.tree.norm(gradients)
        if "learning_rate" in self.measures:
            metrics["learning_rate"] = learning_rate(opt_state)
        average, step = state.average, state.step + 1
        if self.average is not None:
            # The bias-corrected average of Kingma and Ba (2015), section 7.2, as a running mean.
            share = (1 - self.average) / (1 - self.average ** step.astype(jnp.float32))
            average = jax.tree.map(lambda a, x: a + share.astype(a.dtype) * (x - a), average, params)
        changed = {
            "params": params,
            "collections": collections,
            "opt_state": opt_state,
            "average": average,
            "step": step,
        }
        return state._replace(**changed), metrics

    def _gradients(self, state: State, key: jax.Array, batch: Batch) -> tuple[tuple[Any, Metrics], Any]:
        """((gradients, metrics), collections) of a batch."""
        gradients, (metrics, collections) = jax.grad(self._objective, has_aux=True)(state.params, state, key, batch)
        return (gradients, metrics), collections

    def _objective(self, params: Any, state: State, key: jax.Array, batch: Batch) -> tuple[jax.Array, Any]:
        rngs = {name: jax.random.fold_in(key, i) for i, name in enumerate(("latent", "dropout"))}
        outputs, collections = self.module.apply(
            {"params": params, **state.collections},
            *self._arguments(batch),
            rngs=rngs,
            mutable=list(state.collections),
            **self._mode(train=True),
        )
        value, metrics = self._loss(outputs, batch)
        return value, ({"loss": value, **metrics}, dict(collections))

    def _in_parts(self, compute: Callable[..., Any], state: State, key: jax.Array, batch: Batch) -> tuple[Any, Any]:
        """`compute(state, key, batch) -> (means, collections)` of equal parts of a batch, one after the other: memory
        of a part, the means of all.
        """
        parts = self.accumulate
        if parts == 1:
            return compute(state, key, batch)

        def split(x: Any) -> jax.Array:
            # Every part takes rows from all along the batch, so that it lies on a mesh as the batch does.
            return jnp.moveaxis(jnp.reshape(x, (-1, parts, *jnp.shape(x)[1:])), 1, 0)

        whole = {"step": batch["step"], **state.hyperparameters}
        rows = {name: jax.tree.map(split, value) for name, value in batch.items() if name not in whole}
        weights = rows["row_mask"].sum(1) / batch["row_mask"].sum()

        def add(carry: Any, part: Any) -> tuple[Any, None]:
            (sums, collections), (i, weight, values) = carry, part
            means, collections = compute(
                state._replace(collections=collections), jax.random.fold_in(key, 2 + i), {**values, **whole}
            )
            # A part of filler rows alone has weight 0, and whatever its loss is must not come through as 0 · NaN.
            weighted = jax.tree.map(lambda x: jnp.where(weight > 0, weight * x, 0.0), means)
            return (jax.tree.map(jnp.add, sums, weighted), collections), None

        first = jax.tree.map(lambda x: x[0], rows)
        shapes, _ = jax.eval_shape(compute, state, key, {**first, **whole})
        zeros = jax.tree.map(lambda x: jnp.zeros(x.shape, x.dtype), shapes)
        # Unrolled on CPU, where the gradient of a convolution inside a compiled loop is many times slower.
        unroll = parts if jax.default_backend() == "cpu" else 1
        return lax.scan(add, (zeros, state.collections), (jnp.arange(parts), weights, rows), unroll=unroll)[0]

    def evaluate(self, state: State, batch: Batch) -> Metrics:
        # The same noise at every evaluation, so that epochs compare.
        key, batch = jax.random.fold_in(state.key, 2), self._full(batch)
        outputs = self.module.apply(
            state.averaged.variables, *self._arguments(batch), rngs={"latent": key}, **self._mode(train=False)
        )
        end = jnp.asarray(_SCHEDULES_END)
        value, metrics = self._loss(outputs, {**batch, **state.hyperparameters, "step": end})
        return {"loss": value, **metrics}

    def restart(self, state: State, params: Any) -> State:
        return state._replace(
            params=params,
            opt_state=self.optimizer.init(params),
            average=params if self.average is not None else (),
        )

    def checked_step(self, state: State, batch: Batch) -> tuple[State, Metrics, jax.Array]:
        state, metrics = self.train(state, batch)
        return state, metrics, is_finite(state, metrics["loss"])

    def permutation(self, state: State, data: Any) -> jax.Array:
        """`[steps, batch]` rows of this epoch, filled up with row 0; of `data` only the number of rows counts."""
        count = jax.tree.leaves(data)[0].shape[0]
        key = jax.random.fold_in(jax.random.fold_in(state.key, 0), state.epoch)
        rows = jax.random.permutation(key, count)
        return jnp.pad(rows, (0, -count % self.batch_size)).reshape(-1, self.batch_size)

    def gather(self, data: Batch, rows: jax.Array, mask: jax.Array) -> dict[str, Any]:
        return {**self._spread(jax.tree.map(lambda x: x[rows], dict(data))), "row_mask": mask}

    def train_epoch(self, state: State, data: Batch) -> tuple[State, Metrics, jax.Array]:
        masks = jnp.asarray(row_masks(jax.tree.leaves(data)[0].shape[0], self.batch_size))

        def step(state: State, part: tuple[jax.Array, ...]) -> tuple[State, Metrics]:
            rows, mask, key = part
            return self.train(state, self.gather(data, rows, mask), key)

        # All keys at once: in a step of a small model each hash of its own is a tenth of the time.
        keys = jax.vmap(partial(self.key, state))(state.step + jnp.arange(len(masks)))
        state, metrics = lax.scan(step, state, (self.permutation(state, data), masks, keys))
        finite = is_finite(state, metrics["loss"])
        return state._replace(epoch=state.epoch + 1), _weighted_mean(metrics, masks), finite

    def evaluate_epoch(self, state: State, data: Batch) -> Metrics:
        count = jax.tree.leaves(data)[0].shape[0]
        masks = jnp.asarray(row_masks(count, self.batch_size))
        parts = (jnp.asarray(in_order(count, self.batch_size)), masks)

        def step(part: tuple[jax.Array, jax.Array]) -> Metrics:
            return self.evaluate(state, self.gather(data, part[0], part[1]))

        return _weighted_mean(lax.map(step, parts), masks)

    def _mode(self, *, train: bool) -> dict[str, Any]:
        return {"train": train} if "train" in inspect.signature(self.module.__call__).parameters else {}

    @staticmethod
    def _full(batch: Batch) -> dict[str, Any]:
        """The batch with a `"row_mask"`: all of its rows count where nothing else is said."""
        return {"row_mask": jnp.ones(len(jax.tree.leaves(dict(batch))[0]), bool), **batch}

    def _spread(self, batch: dict[str, Any]) -> dict[str, Any]:
        """The batch over the mesh: left alone, a caller's array would be whole on every device."""
        if self.sharding is None or len(jax.tree.leaves(batch)[0]) % self.sharding.mesh.size:
            return batch
        return jax.tree.map(lambda x: lax.with_sharding_constraint(x, self.sharding), batch)

    def _transformed(self, key: jax.Array, batch: dict[str, Any]) -> dict[str, Any]:
        assert self.transform is not None
        found = dict(_reading("the transform", batch, self.transform, key, batch))
        if "row_mask" not in found or found["row_mask"].shape != batch["row_mask"].shape:
            raise ValueError("the transform must keep the batch's row_mask and its number of rows")
        return found

    def _arguments(self, batch: Batch) -> tuple[Any, ...]:
        return _reading("the module", batch, self.inputs, batch)

    def _loss(self, outputs: Any, batch: Batch) -> tuple[jax.Array, Metrics]:
        """The loss's scalar and metrics, held to what a loss is."""
        found = _reading("the loss", batch, self.loss, outputs, batch)
        if not (isinstance(found, tuple) and len(found) == 2 and isinstance(found[1], Mapping)):
            got = jax.tree.map(lambda x: f"array of shape {jnp.shape(x)}", found)
            raise TypeError(f"a loss returns (scalar, metrics), name → scalar; this one returned {got}")
        scalars = {"the loss": found[0], **{f"the metric {name!r}": value for name, value in found[1].items()}}
        for name, value in scalars.items():
            if jnp.shape(value) != ():
                raise ValueError(
                    f"{name} has shape {jnp.shape(value)} where a scalar is needed: average it over the rows"
                )
        return found[0], dict(found[1])


def _reading(reader: str, batch: Batch, function: Callable[..., Any], *arguments: Any) -> Any:
    """`function(*arguments)`, with the batch's entries told where it asks for one that is not there."""
    try:
        return function(*arguments)
    except KeyError as error:
        entries = {
            jax.tree_util.keystr(path, simple=True, separator=".")
            for path, _ in jax.tree_util.tree_leaves_with_path(dict(batch))
        }
        raise ValueError(
            f"{reader} reads {error.args[0]!r}, which no entry of the batch is called: it holds "
            f"{', '.join(sorted(entries))}. Give it in the data; a hyperparameter comes from fit_grid(grid=…)"
        ) from error


def _weighted_mean(metrics: Metrics, masks: jax.Array) -> Metrics:
    weights = masks.sum(1) / masks.sum()
    return {name: jnp.tensordot(weights, values, 1) for name, values in metrics.items()}


def is_finite(state: State, loss: jax.Array) -> jax.Array:
    """`[2]` bool: whether the loss is finite, and whether what the state carries on is; an optimiser may start from
    infinities, but not from NaN.
    """
    carried = jax.tree.leaves((state.params, state.collections, state.average))
    tests = [jnp.isfinite(x).all() for x in carried if jnp.issubdtype(x.dtype, jnp.inexact)]
    tests += [~jnp.isnan(x).any() for x in jax.tree.leaves(state.opt_state) if jnp.issubdtype(x.dtype, jnp.inexact)]
    return jnp.stack([jnp.isfinite(loss).all(), jnp.stack(tests).all() if tests else jnp.array(True)])
