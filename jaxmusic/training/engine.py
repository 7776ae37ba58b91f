"""The compiled parts of training, and the loops over a data set's batches: one epoch, one evaluation."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.sharding import Mesh, NamedSharding, PartitionSpec

from jaxmusic.training.optimizers import injected_values
from jaxmusic.training.sources import Batches, Opened, Resident, in_order, row_masks
from jaxmusic.training.state import Batch, State
from jaxmusic.training.steps import Metrics, Steps

# A loop of single steps looks back at so many of them at once for what is not finite.
_LOOK_BACK = 64


class Engine:
    """Compiled functions of some `steps`, for one model, or for several whose states share a leading axis."""

    def __init__(self, steps: Steps, mesh: Mesh | None, *, vectorized: bool = False) -> None:
        self._steps, self._batch_size = steps, steps.batch_size
        self._compiled: dict[Any, Any] = {}
        self._convolves: bool | None = None
        # With several models at once the state has a leading axis and the data has none.
        lift = (lambda f, axes: jax.vmap(f, in_axes=axes)) if vectorized else (lambda f, axes: f)
        # On a mesh the state is one array on all devices, those of other processes too.
        everywhere: dict[str, Any] = {} if mesh is None else {"out_shardings": NamedSharding(mesh, PartitionSpec())}
        self.functions: dict[str, Any] = {
            "initialize": jax.jit(steps.initialize, **everywhere),
            "restart": jax.jit(steps.restart, **everywhere),
            "step": jax.jit(lift(steps.train, (0, None)), donate_argnums=0, **everywhere),
            "train_epoch": jax.jit(lift(steps.train_epoch, (0, None))),
            "permutation": jax.jit(lift(steps.permutation, (0, None))),
            "gather": jax.jit(lift(steps.gather, (None, 0, None))),
            "train_step": jax.jit(lift(steps.checked_step, (0, 0)), donate_argnums=0, **everywhere),
            "evaluate": jax.jit(lift(steps.evaluate_epoch, (0, None))),
            "gather_same": jax.jit(steps.gather),
            "evaluate_step": jax.jit(lift(steps.evaluate, (0, None))),
        }

    def call(self, name: str, *args: Any) -> tuple[Any, float]:
        """Run a compiled function; also the seconds it took to compile, 0 where it was compiled before."""
        leaves, structure = jax.tree.flatten(args)
        signature = (name, structure, tuple((x.shape, x.dtype, getattr(x, "sharding", None)) for x in leaves))
        seconds = 0.0
        if signature not in self._compiled:
            start = time.perf_counter()
            self._compiled[signature] = self.functions[name].lower(*args).compile()
            seconds = time.perf_counter() - start
        return self._compiled[signature](*args), seconds

    def unused_hyperparameters(self, state: State, first: Batch) -> list[str]:
        """Names that neither the optimiser nor the loss reads, so that a grid over them would be one of equals."""
        batch = jax.tree.map(lambda x: jnp.repeat(x, self._batch_size, 0), dict(first))
        jaxpr = jax.make_jaxpr(self._steps.train)(state, batch).jaxpr
        read = {id(variable) for equation in jaxpr.eqns for variable in equation.invars}
        paths = [path for path, _ in jax.tree_util.tree_leaves_with_path(state)]
        at = jax.tree_util.GetAttrKey("hyperparameters")
        unread = {
            path[1].key
            for path, variable in zip(paths, jaxpr.invars, strict=False)
            if path[0] == at and id(variable) not in read
        }
        return sorted(unread - set(injected_values(state.opt_state)))

    def has_convolution(self, state: State, first: Batch) -> bool:
        """Whether the module convolves, which decides where its loop runs on CPU. Traced once: it is in the module."""
        if self._convolves is None:
            jaxpr = jax.make_jaxpr(self._steps.evaluate)(state, self._steps.example(first)).jaxpr
            self._convolves = any(equation.primitive.name == "conv_general_dilated" for equation in _equations(jaxpr))
        return self._convolves

    def run_epoch(self, state: State, data: Opened, *, scan: bool) -> tuple[State, Metrics, float]:
        """One pass over `data` in a fresh order: the new state, row-weighted mean metrics, compile seconds.

        Raises:
            FloatingPointError: a loss or a state that is not finite; names epoch and step.
        """
        if scan:
            assert isinstance(data, Resident)
            (after, metrics, finite), seconds = self.call("train_epoch", state, data.arrays)
            if np.asarray(finite).all():
                return after, metrics, seconds
            # The state before is still there: the same epoch step by step names the step.
        seconds, rows, epoch = 0.0, None, int(np.ravel(state.epoch)[0])
        if not isinstance(data, Batches):
            rows, seconds = self.call("permutation", state, np.zeros(data.count, bool))
        total: Metrics = {}
        finite, done, seen = [], 0, 0.0
        for weight, batch, gathering in self._batches(data, rows, epoch):
            self._wait(data, total)
            (state, metrics, is_good), compiling = self.call("train_step", state, batch)
            seconds, seen = seconds + gathering + compiling, seen + weight
            total = _accumulate(total, metrics, weight)
            finite.append(is_good)
            if len(finite) == _LOOK_BACK:
                _check_finite(finite, epoch, done)
                finite, done = [], done + _LOOK_BACK
        _check_finite(finite, epoch, done)
        return state._replace(epoch=state.epoch + 1), _divided(total, seen, data), seconds

    def run_evaluation(self, state: State, data: Opened, *, scan: bool) -> tuple[Metrics, float]:
        """Row-weighted mean metrics of `data`, and compile seconds."""
        if scan:
            assert isinstance(data, Resident)
            return self.call("evaluate", state, data.arrays)
        total: Metrics = {}
        seconds = seen = 0.0
        rows = None if isinstance(data, Batches) else in_order(data.count, self._batch_size)
        for weight, batch, gathering in self._batches(data, rows, 0):
            self._wait(data, total)
            metrics, compiling = self.call("evaluate_step", state, batch)
            seconds, seen = seconds + gathering + compiling, seen + weight
            total = _accumulate(total, metrics, weight)
        return _divided(total, seen, data), seconds

    def _batches(self, data: Opened, rows: Any, epoch: int) -> Iterator[tuple[float, dict[str, Any], float]]:
        """For each step its share of the rows (of an iterable, their number), its batch on the device, and compile
        seconds.

        Args:
            data: arrays on the device, rows to be read, or an iterable.
            rows: `[steps, batch]` int (`[models, steps, batch]` where models train together, on the device).
            epoch: that these are of.
        """
        if isinstance(data, Batches):
            for count, batch in data.batches(epoch, self._steps.sharding):
                yield count, batch, 0.0
            return
        masks = row_masks(data.count, self._batch_size)
        weights = masks.sum(1) / masks.sum()
        if isinstance(data, Resident):
            # Gathered apart, so that the step's compilation serves data of any number of rows.
            name = "gather" if isinstance(rows, jax.Array) else "gather_same"
            for i, mask in enumerate(masks):
                batch, seconds = self.call(name, data.arrays, rows[..., i, :], mask)
                yield weights[i], batch, seconds
        else:
            read = data.batches(np.asarray(rows), epoch, self._steps.sharding)
            for weight, mask, batch in zip(weights, masks, read, strict=True):
                yield weight, {**batch, "row_mask": mask}, 0.0

    @staticmethod
    def _wait(data: Opened, total: Metrics) -> None:
        """Let the step before finish where batches stream: dispatched further ahead, they would fill the memory."""
        if not isinstance(data, Resident):
            jax.block_until_ready(total)


def _accumulate(total: Metrics, metrics: Metrics, weight: float) -> Metrics:
    return {name: total.get(name, 0.0) + value * weight for name, value in metrics.items()}


def _divided(total: Metrics, seen: float, data: Opened) -> Metrics:
    """Means of an iterable's sums: only at its end is its number of rows known."""
    return {name: value / seen for name, value in total.items()} if isinstance(data, Batches) else total


def _check_finite(finite: list[jax.Array], epoch: int, done: int) -> None:
    """`finite`: for each step `[(models,) 2]` bool, as `is_finite` gives them; `done` steps came before."""
    if not finite:
        return
    good = np.stack([np.asarray(x).reshape(-1, 2).all(0) for x in jax.device_get(finite)])
    if good.all():
        return
    step = int(np.argmin(good.all(1)))
    what = "the gradient made the parameters" if good[step, 0] else "the loss became"
    raise FloatingPointError(
        f"{what} NaN or infinite in epoch {epoch + 1}, step {done + step + 1}: look for NaN in the data, lower the "
        "learning rate, or clip the gradient (optax.clip_by_global_norm)"
    )


def _equations(jaxpr: Any) -> Iterator[Any]:
    for equation in jaxpr.eqns:
        yield equation
        for value in equation.params.values():
            for inner in value if isinstance(value, tuple | list) else (value,):
                inner = getattr(inner, "jaxpr", inner)
                if hasattr(inner, "eqns"):
                    yield from _equations(inner)
