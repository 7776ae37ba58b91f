"""`Trainer`: a module, a loss and an optimiser, compiled for whoever holds it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp
import optax
from jax.sharding import Mesh, NamedSharding, PartitionSpec

from jaxmusic.losses import LossFunction
from jaxmusic.training.checkpoint import Checkpoint, check_counts
from jaxmusic.training.engine import Engine
from jaxmusic.training.loop import Info, OnEpoch, Run, run_model, stacked
from jaxmusic.training.sources import Opened, Resident, fingerprint, fingerprints, opened
from jaxmusic.training.state import Batch, Inputs, Source, State, as_keys, batch_inputs
from jaxmusic.training.steps import MEASURES, Steps, Transform


class Trainer:
    """What trains a module: the step, the evaluation and the fit, compiled once for as long as the trainer is held.

    >>> import numpy as np
    >>> from jaxmusic import losses, models, training
    >>> x = np.ones((8, 16), "float32")
    >>> trainer = training.Trainer(models.FCVAE(2, 16, (8,)), losses.elbo(), optax.adam(1e-2), batch_size=4)
    >>> state = trainer.init(jax.random.key(0), {"inputs": x})
    >>> for batch in (x[:4], x[4:]):
    ...     state, metrics = trainer.step(state, {"inputs": batch})
    >>> int(state.step), sorted(metrics)
    (2, ['beta', 'kl', 'loss', 'reconstruction'])

    Args:
        module: a linen module; a `train: bool` argument of its `__call__` is set, rng streams `"latent"` and
            `"dropout"` are provided, other collections than `"params"` are updated.
        loss: `loss(outputs, batch) -> (scalar, metrics)`, where the batch also holds `"row_mask"` `[batch]` bool (False
            on filler rows, which must not count) and `"step"`.
        optimizer: an optax transformation. One that asks for more than gradients gets it: `value` (the step's loss),
            `grad`, `value_fn(params)` and `obj_fn(params)`, on this batch with this step's noise.
        batch_size: rows of a step.
        inputs: batch → positional arguments of the module; default `batch["inputs"]` and, if present, `batch["masks"]`.
        accumulate: parts of a batch that are computed one after the other, for batches that do not fit: the gradient of
            the whole batch for losses that are means over rows, with noise of their own.
        mesh: shards each batch over the mesh's first axis; the state is replicated. Its devices may belong to several
            processes (see `training.start_processes`), each of which makes the same call with the same data.
        transform: `transform(key, batch) -> batch` inside the compiled step of training, never in evaluation; see
            `jaxmusic.augment`. Its key is folded from the run's key and the step.
        average: decay of a moving average of the parameters (`state.averaged`), corrected for its start (Kingma and Ba
            2015, section 7.2); where there is one, evaluation, and `patience` with it, sees the average.
        measures: what to add to the metrics of a step: `"gradient_norm"`, the Euclidean norm before the optimiser;
            `"learning_rate"`, the one that `optax.inject_hyperparams` holds.

    Raises:
        ValueError: a batch size that `accumulate` or the mesh does not divide, an average outside (0, 1), an unknown
            measure.
    """

    def __init__(
        self,
        module: nn.Module,
        loss: LossFunction,
        optimizer: optax.GradientTransformation,
        *,
        batch_size: int,
        inputs: Inputs = batch_inputs,
        accumulate: int = 1,
        mesh: Mesh | None = None,
        transform: Transform | None = None,
        average: float | None = None,
        measures: Sequence[str] = (),
    ) -> None:
        check_counts(batch_size=batch_size, accumulate=accumulate)
        if batch_size % accumulate:
            raise ValueError(f"batch_size {batch_size} is no multiple of accumulate {accumulate}")
        if mesh is not None and batch_size % mesh.shape[mesh.axis_names[0]]:
            raise ValueError(
                f"batch_size {batch_size} is no multiple of the mesh's {mesh.shape[mesh.axis_names[0]]} devices"
            )
        if average is not None and not 0 < average < 1:
            raise ValueError(f"average is a decay between 0 and 1, got {average}")
        if unknown := sorted(set(measures) - set(MEASURES)):
            raise ValueError(f"measures {unknown} are none of {MEASURES}")
        # Batches are constrained inside the step, which wants axes that the compiler may shard ("auto").
        self._mesh = None if mesh is None else Mesh(mesh.devices, mesh.axis_names)
        rows = None if self._mesh is None else NamedSharding(self._mesh, PartitionSpec(self._mesh.axis_names[0]))
        self._steps = Steps(
            module,
            loss,
            optax.with_extra_args_support(optimizer),
            int(batch_size),
            inputs,
            int(accumulate),
            transform,
            average,
            tuple(measures),
            rows,
        )
        self.engine = Engine(self._steps, self._mesh)

    @property
    def module(self) -> nn.Module:
        """What is trained, for `predict` and `models.save`."""
        return self._steps.module

    @cached_property
    def _together(self) -> Engine:
        return Engine(self._steps, self._mesh, vectorized=True)

    def init(self, key: jax.Array, batch: Source | Opened, *, start: Callable[[Any], Any] | None = None) -> State:
        """A fresh state.

        Args:
            key: a `jax.random.key`, or `[models]` of them for states that are stacked.
            batch: a batch or all of the data: any number of rows, of which the shapes count.
            start: fresh parameters → the parameters to start from, e.g. with a pretrained part.

        Returns:
            The state of no steps.

        Raises:
            TypeError: no key.
        """
        return self._initial(as_keys(key), self.opened(batch, "batch"), start)

    def _initial(self, key: jax.Array, source: Opened, start: Callable[[Any], Any] | None = None) -> State:
        if key.ndim:
            states = [self._initial(own_key, source, start) for own_key in key]
            return jax.tree.map(lambda *leaves: jnp.stack(leaves), *states)
        state = self.engine.functions["initialize"](key, source.first)
        if start is None:
            return state
        # A copy: the step donates its state, and the caller's pretrained arrays must outlive it.
        return self.engine.functions["restart"](state, jax.tree.map(jnp.array, start(state.params)))

    def opened(self, data: Source | Opened, part: str) -> Opened:
        """What `fit` makes of its data before it begins, for whoever trains on the same arrays several times.

        Args:
            data: see `fit`.
            part: what to call it in errors.

        Returns:
            What `init` and `fit` take in the place of `data`: arrays are on the device.
        """
        return opened(data, self._steps.batch_size, self._mesh, part)

    def step(self, state: State, batch: Batch) -> tuple[State, dict[str, jax.Array]]:
        """One step of training, jitted.

        Args:
            state: its memory is given to the next state: do not use it again. Its count of epochs stays, from which
                `fit` draws its next order of the rows; a loop that counts its own does `state._replace(epoch=…)`.
            batch: arrays with the rows on the first axis; `"row_mask"` is added where it is missing. Batches of one
                shape share one compilation.

        Returns:
            The next state, and `loss` with the loss's metrics and measures, as scalars on the device.
        """
        return self.engine.functions["step"](state, batch)

    def evaluate(self, state: State, batch: Batch) -> dict[str, jax.Array]:
        """Loss and metrics of a batch without training, jitted: no dropout, no transform, schedules at their end.

        Args:
            state: its average of the parameters is used where it keeps one.
            batch: as for `step`.

        Returns:
            Scalars on the device.
        """
        return self.engine.functions["evaluate_step"](state, batch)

    def fit(
        self,
        key_or_state: Any,
        train: Source | Opened,
        *,
        epochs: int,
        valid: Source | Opened | None = None,
        checkpoint: str | Path | Checkpoint | None = None,
        patience: int | None = None,
        on_epoch: OnEpoch | None = None,
        loop: str | None = None,
        progress: str | None = None,
    ) -> tuple[State, Info]:
        """Train on `train`.

        Arrays lie on the device; each epoch draws a permutation from the key and gathers its batches there. Data larger
        than the device's memory streams from a row source (`data.ArrayStore`, say), read ahead on threads: the same
        permutation, the same steps, the same numbers. A last partial batch is filled up and masked. Step `i` draws its
        noise from `fold_in(key, i)`, so a resumed run equals a straight one bit for bit.

        Args:
            key_or_state: a `jax.random.key`, or `[models]` of them for a model each, whose states come back stacked; or
                a state to go on from, which stays usable.
            train: a dict of arrays, nested or not, each with the rows on the first axis; a row source, `len(train)`
                rows of which each `train[i]` is a dict of arrays; or batches (dicts of at most `batch_size` rows) from
                an iterable that starts anew for each epoch, or from a function that makes one. A function of one
                argument is given the epoch, counted from 0: what depends on it alone resumes bit for bit.
            epochs: passes over `train`.
            valid: the same for the validation part, evaluated after every epoch, with schedules of the step at their
                end.
            checkpoint: a folder, or a `Checkpoint`; state and log are saved there, and a call that finds some goes on.
            patience: stop after so many epochs without a lower validation loss, and return the best epoch's variables.
            on_epoch: `on_epoch(epoch, metrics, state)` is called after every epoch and stops the run by returning True:
                the epoch, counted from 0 over all fits of the state; name → float, `"model"` with the model's number
                among them where several train; the state, whose memory the next step takes (copy what you keep).
            loop: `"scan"` runs an epoch as one compiled loop, `"python"` one compiled step at a time; the same numbers.
                None chooses: python for convolutions on CPU, whose gradients XLA runs 20 times slower inside a loop.
            progress: label of a progress bar; None shows none.

        Returns:
            `(State, Info)`.

        Raises:
            ValueError: no rows, rows that differ in number, text in the data, batches that change shape, patience
                without validation data, or a checkpoint of another run: another start, module, loss, batch size,
                patience or data. Optimisers, and losses that are functions, cannot be compared; for others of them
                choose another folder.
            TypeError: neither key nor state, or a loss that returns no pair.
            FloatingPointError: a loss, or a gradient and so the parameters, that is not finite; names epoch and step.
                Nothing that is not finite is ever saved.
        """
        check_counts(epochs=epochs, **({} if patience is None else {"patience": patience}))
        if patience is not None and valid is None:
            raise ValueError("patience needs validation data: give valid=")
        if loop not in (None, "scan", "python"):
            raise ValueError(f"loop {loop!r} is none of 'scan', 'python'")
        source = self.opened(train, "train")
        if loop == "scan" and not isinstance(source, Resident):
            raise ValueError("rows that stream cannot be scanned over: leave loop away, or give arrays")
        held_out = None if valid is None else self.opened(valid, "valid")
        if checkpoint is not None and not isinstance(checkpoint, Checkpoint):
            checkpoint = Checkpoint(checkpoint)
        run = Run(source, held_out, epochs, patience, on_epoch, loop, progress, checkpoint)
        if isinstance(key_or_state, State):
            key, state = None, self._continued(key_or_state)
        else:
            key = as_keys(key_or_state)
            state = self._initial(key, source)
        if not state.step.ndim:
            return self._run(self.engine, key, state, run)

        def model(i: int) -> State:
            return jax.tree.map(lambda x: x[i], state)

        # On CPU a vectorised model gains nothing, and a vectorised convolution becomes a slow grouped one anywhere.
        if (
            patience is None
            and on_epoch is None
            and jax.default_backend() != "cpu"
            and isinstance(source, Resident)
            and isinstance(held_out, Resident | None)
            and not self.engine.has_convolution(model(0), source.first)
        ):
            return self._run(self._together, key, state, run)
        runs = [
            self._run(self.engine, None if key is None else key[i], model(i), run.of_model(i))
            for i in range(len(state.step))
        ]
        return stacked(runs, epochs)

    def _continued(self, state: State) -> State:
        """A copy of a caller's state, with an average of the parameters where this trainer keeps one."""
        average: Any = ()
        if self._steps.average is not None:
            average = state.params if state.average == () else state.average
        copied = jax.tree.map(lambda x: x.copy(), state._replace(average=average))
        return copied if self._mesh is None else jax.device_put(copied, NamedSharding(self._mesh, PartitionSpec()))

    def _run(self, engine: Engine, key: jax.Array | None, state: State, run: Run) -> tuple[State, Info]:
        identity: dict[str, Any] = {}
        if run.checkpoint is not None:
            steps, parts = self._steps, "" if self._steps.accumulate == 1 else f" in {self._steps.accumulate} parts"
            identity = {
                "key": fingerprint(jax.random.key_data(state.key if key is None else key)),
                "start": None if key is not None else fingerprints(state),
                "data": run.train.fingerprint,
                "validation data": "" if run.valid is None else run.valid.fingerprint,
                "run": f"{steps.module!r}, batch size {steps.batch_size}{parts}",
                **{name: text for name, text in steps.values().items() if text is not None},
            }
        return run_model(engine, state, run, identity)
