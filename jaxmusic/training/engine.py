"""The compiled parts of training, and the loops over a data set's batches: one epoch, one evaluation."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from functools import lru_cache, partial
from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import optax
from jax import lax
from jax.sharding import Mesh, NamedSharding, PartitionSpec

from jaxmusic.data.stores import RowSource
from jaxmusic.losses import LossFunction
from jaxmusic.training.steps import Batch, Inputs, State, Steps, injected
from jaxmusic.training.stream import host_batches, place


class Engine:
    """Compiled functions for one (module, loss, optimiser, batch size); see `engine` for the cached constructor."""

    def __init__(
        self,
        module: nn.Module,
        loss: LossFunction,
        optimizer: optax.GradientTransformation,
        batch_size: int,
        *,
        inputs: Inputs,
        vectorized: bool,
        mesh: Mesh | None,
        accumulate: int,
    ) -> None:
        self._steps = Steps(module, loss, optimizer, batch_size, inputs=inputs, accumulate=accumulate)
        self._batch_size = batch_size
        parts = "" if accumulate == 1 else f" in {accumulate} parts"
        # Module and batch size, as text.
        self.description = f"{module!r}, batch size {batch_size}{parts}"
        self._sharding = None if mesh is None else NamedSharding(mesh, PartitionSpec(mesh.axis_names[0]))
        self._compiled: dict[Any, Any] = {}
        self._convolves: bool | None = None
        # With several seeds at once the state has a leading axis and the data has none.
        lift = (lambda f, axes: jax.vmap(f, in_axes=axes)) if vectorized else (lambda f, axes: f)
        self._initialize_compiled = _compiled_initializer(self._steps.initialize, vectorized, mesh)
        self._functions: dict[str, Any] = {
            "train_epoch": jax.jit(lift(self._train_epoch, (0, None)), donate_argnums=0),
            "permutation": jax.jit(lift(self._permutation, (0, None))),
            "gather": jax.jit(lift(self._gather, (None, 0, None))),
            "train_step": jax.jit(lift(self._steps.train, (0, 0)), donate_argnums=0),
            "evaluate": jax.jit(lift(self._evaluate, (0, None))),
            "gather_same": jax.jit(self._gather),
            "evaluate_step": jax.jit(lift(self._steps.evaluate, (0, None))),
        }

    def call(self, name: str, *args: Any) -> tuple[Any, float]:
        """Run a compiled function; also the seconds it took to compile, 0 where it was compiled before."""
        leaves, structure = jax.tree.flatten(args)
        signature = (name, structure, tuple((x.shape, x.dtype, getattr(x, "sharding", None)) for x in leaves))
        seconds = 0.0
        if signature not in self._compiled:
            start = time.perf_counter()
            self._compiled[signature] = self._functions[name].lower(*args).compile()
            seconds = time.perf_counter() - start
        return self._compiled[signature](*args), seconds

    def initialize(self, key: jax.Array, data: Batch | RowSource, hyperparameters: Mapping[str, jax.Array]) -> State:
        """Fresh parameters and optimiser state."""
        return self._initialize_compiled(key, one_row(data), dict(hyperparameters))

    def unused_hyperparameters(self, state: State, data: Batch | RowSource) -> list[str]:
        """Names that neither the optimiser nor the loss reads, so that a grid over them would be one of equals."""
        filled = jax.tree.map(lambda x: jnp.zeros((self._batch_size, *x.shape[1:]), x.dtype), dict(one_row(data)))
        batch = {**filled, "row_mask": jnp.ones(self._batch_size, bool)}
        jaxpr = jax.make_jaxpr(self._steps.train)(state, batch).jaxpr
        read = {id(variable) for equation in jaxpr.eqns for variable in equation.invars}
        paths = [path for path, _ in jax.tree_util.tree_leaves_with_path(state)]
        found = []
        for path, variable in zip(paths, jaxpr.invars, strict=False):
            if path[0] == jax.tree_util.GetAttrKey("hyperparameters") and id(variable) not in read:
                found.append(path[1].key)
        in_optimizer = getattr(state.opt_state, "hyperparams", {})
        return [name for name in found if name not in in_optimizer]

    def has_convolution(self, state: State, data: Batch) -> bool:
        """Whether the module convolves, which decides where its loop runs on CPU. Traced once: it is in the module."""
        if self._convolves is not None:
            return self._convolves

        def step(state: State, data: Batch) -> dict[str, jax.Array]:
            rows = jnp.zeros(self._batch_size, jnp.int32)
            return self._steps.evaluate(state, self._gather(data, rows, rows == 0))

        jaxpr = jax.make_jaxpr(step)(state, data)
        primitives = {equation.primitive.name for equation in _equations(jaxpr.jaxpr)}
        self._convolves = "conv_general_dilated" in primitives
        return self._convolves

    def run_epoch(
        self, state: State, data: Batch | RowSource, *, scan: bool
    ) -> tuple[State, dict[str, jax.Array], float]:
        """One pass over `data` in a fresh order: the new state, row-weighted mean metrics, compile seconds."""
        if scan:
            (state, metrics), seconds = self.call("train_epoch", state, data)
            return state, metrics, seconds
        rows, seconds = self.call("permutation", state, _stand_in(data))
        total: dict[str, jax.Array] = {}
        for weight, batch, gathering in self._batches(data, rows):
            self._wait(data, total)
            (state, metrics), compiling = self.call("train_step", state, batch)
            seconds += gathering + compiling
            total = _accumulate(total, metrics, weight)
        return state._replace(epoch=state.epoch + 1), total, seconds

    def run_evaluation(
        self, state: State, data: Batch | RowSource, *, scan: bool
    ) -> tuple[dict[str, jax.Array], float]:
        """Row-weighted mean metrics of `data`, and compile seconds."""
        if scan:
            return self.call("evaluate", state, data)
        total: dict[str, jax.Array] = {}
        seconds = 0.0
        for weight, batch, gathering in self._batches(data, self._in_order(data)):
            self._wait(data, total)
            metrics, compiling = self.call("evaluate_step", state, batch)
            seconds += gathering + compiling
            total = _accumulate(total, metrics, weight)
        return total, seconds

    def _batches(self, data: Batch | RowSource, rows: Any) -> Iterator[tuple[float, dict[str, Any], float]]:
        """For each step its share of the rows, its batch on the device, and compile seconds.

        Args:
            data: arrays on the device, or rows to be read.
            rows: `[steps, batch]` int (`[seeds, steps, batch]` where seeds train together, on the device).
        """
        masks = self._row_masks(data)
        weights = masks.sum(1) / masks.sum()
        if isinstance(data, Mapping):
            # Gathered apart, so that the step's compilation serves data of any number of rows.
            name = "gather" if isinstance(rows, jax.Array) else "gather_same"
            for i, mask in enumerate(masks):
                batch, seconds = self.call(name, data, rows[..., i, :], mask)
                yield weights[i], batch, seconds
        else:
            read = host_batches(data, np.asarray(rows), self._sharding)
            for weight, mask, host_batch in zip(weights, masks, read, strict=True):
                yield weight, {**place(host_batch, self._sharding), "row_mask": mask}, 0.0

    @staticmethod
    def _wait(data: Batch | RowSource, total: dict[str, jax.Array]) -> None:
        """Let the step before finish where batches stream: dispatched further ahead, they would fill the memory."""
        if not isinstance(data, Mapping):
            jax.block_until_ready(total)

    def restart(self, state: State, start: Callable[[Any], Any]) -> State:
        """`state` with `start(params)` for its parameters, and an optimiser's state made for them."""
        several = state.step.ndim > 0
        params = (jax.vmap(start) if several else start)(state.params)
        # A copy: the step donates its state, and the caller's pretrained arrays must outlive it.
        params = jax.tree.map(jnp.array, params)

        def initialize(params: Any, hyperparameters: Mapping[str, jax.Array]) -> Any:
            return injected(self._steps.optimizer.init(params), hyperparameters)

        opt_state = (jax.vmap(initialize) if several else initialize)(params, state.hyperparameters)
        return state._replace(params=params, opt_state=opt_state)

    # The functions below are traced. Rows are gathered inside the compiled step from data that stays on the device.

    def _permutation(self, state: State, data: Any) -> jax.Array:
        """`[steps, batch]` rows of this epoch, filled up with row 0."""
        count = _row_count(data)
        key = jax.random.fold_in(jax.random.fold_in(state.key, 0), state.epoch)
        rows = jax.random.permutation(key, count)
        return jnp.pad(rows, (0, -count % self._batch_size)).reshape(-1, self._batch_size)

    def _in_order(self, data: Batch | RowSource) -> np.ndarray:
        count = _row_count(data)
        rows = np.arange(count, dtype=np.int32)
        return np.pad(rows, (0, -count % self._batch_size)).reshape(-1, self._batch_size)

    def _row_masks(self, data: Batch | RowSource) -> np.ndarray:
        """`[steps, batch]` bool, False on the filler rows of the last batch."""
        count = _row_count(data)
        steps = -(-count // self._batch_size)
        return (np.arange(steps * self._batch_size) < count).reshape(steps, self._batch_size)

    def _gather(self, data: Batch, rows: jax.Array, mask: jax.Array) -> dict[str, Any]:
        batch = jax.tree.map(lambda x: x[rows], dict(data))
        if self._sharding is not None:
            batch = jax.tree.map(lambda x: lax.with_sharding_constraint(x, self._sharding), batch)
        return {**batch, "row_mask": mask}

    def _train_epoch(self, state: State, data: Batch) -> tuple[State, dict[str, jax.Array]]:
        masks = jnp.asarray(self._row_masks(data))

        def step(state: State, part: tuple[jax.Array, ...]) -> tuple[State, dict[str, jax.Array]]:
            rows, mask, key = part
            return self._steps.train(state, self._gather(data, rows, mask), key)

        # All keys at once: in a step of a small model each hash of its own is a tenth of the time.
        keys = jax.vmap(partial(self._steps.key, state))(state.step + jnp.arange(len(masks)))
        state, metrics = lax.scan(step, state, (self._permutation(state, data), masks, keys))
        return state._replace(epoch=state.epoch + 1), _weighted_mean(metrics, masks)

    def _evaluate(self, state: State, data: Batch) -> dict[str, jax.Array]:
        masks = jnp.asarray(self._row_masks(data))
        parts = (jnp.asarray(self._in_order(data)), masks)

        def step(part: tuple[jax.Array, jax.Array]) -> dict[str, jax.Array]:
            return self._steps.evaluate(state, self._gather(data, part[0], part[1]))

        metrics = lax.map(step, parts)
        return _weighted_mean(metrics, masks)


@lru_cache(maxsize=64)
def _compiled_initializer(
    initialize: Callable[..., State], vectorized: bool, mesh: Mesh | None
) -> Callable[..., State]:
    # On a mesh the state is one array on all devices, those of other processes too.
    everywhere: dict[str, Any] = {} if mesh is None else {"out_shardings": NamedSharding(mesh, PartitionSpec())}
    return jax.jit(jax.vmap(initialize, in_axes=(0, None, 0)) if vectorized else initialize, **everywhere)


@lru_cache(maxsize=64)
def engine(
    module: nn.Module,
    loss: LossFunction,
    optimizer: optax.GradientTransformation,
    batch_size: int,
    inputs: Inputs,
    vectorized: bool,
    mesh: Mesh | None,
    accumulate: int,
) -> Engine:
    """The engine for these; the same arguments give the same one, with what it has compiled."""
    return Engine(
        module, loss, optimizer, batch_size, inputs=inputs, vectorized=vectorized, mesh=mesh, accumulate=accumulate
    )


def _row_count(data: Batch | RowSource) -> int:
    return jax.tree.leaves(data)[0].shape[0] if isinstance(data, Mapping) else len(data)


def _stand_in(data: Batch | RowSource) -> Batch:
    """What stands for `data` where only its number of rows counts."""
    return data if isinstance(data, Mapping) else {"rows": np.zeros(len(data), bool)}


def one_row(data: Batch | RowSource) -> Batch:
    """One row of each array: initialisation needs shapes, and should not compile anew for another number of rows."""
    if isinstance(data, Mapping):
        return jax.tree.map(lambda x: x[:1], data)
    return jax.tree.map(lambda x: np.asarray(x)[None], dict(data[0]))


def _weighted_mean(metrics: dict[str, jax.Array], masks: jax.Array) -> dict[str, jax.Array]:
    weights = masks.sum(1) / masks.sum()
    return {name: jnp.tensordot(weights, values, 1) for name, values in metrics.items()}


def _accumulate(total: dict[str, jax.Array], metrics: dict[str, jax.Array], weight: float) -> dict[str, jax.Array]:
    return {name: total.get(name, 0.0) + value * weight for name, value in metrics.items()}


def _equations(jaxpr: Any) -> Iterator[Any]:
    for equation in jaxpr.eqns:
        yield equation
        for value in equation.params.values():
            for inner in value if isinstance(value, tuple | list) else (value,):
                inner = getattr(inner, "jaxpr", inner)
                if hasattr(inner, "eqns"):
                    yield from _equations(inner)
