"""One run: epochs until they are done, their log, the best of them, and where both lie on disk."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Callable, Mapping
from contextlib import nullcontext
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from tqdm.auto import tqdm

from jaxmusic.training.checkpoint import Checkpoint, Checkpoints
from jaxmusic.training.engine import Engine
from jaxmusic.training.sources import Opened, Resident, fingerprint
from jaxmusic.training.state import State

OnEpoch = Callable[[int, Mapping[str, Any], State], Any]
"""A hook: `(epoch, metrics, state) -> True to stop`."""


class Info(NamedTuple):
    """What is logged.

    Attributes:
        metrics: name → `[epochs]` (`[models, epochs]` of several models, NaN after an early stop): `loss` and the
            loss's own metrics, means over the epoch's rows; the same with the prefix `valid_` where `valid` was given.
        best_epoch: epoch of the lowest validation loss, counted from 0 in this call; the last one without `patience`.
        stopped_early: whether `patience` ran out or the hook stopped.
        compile_seconds: spent compiling, in this call.
        run_seconds: spent training and evaluating, compilation left out, resumed epochs included.
    """

    metrics: dict[str, np.ndarray]
    best_epoch: int | list[int]
    stopped_early: bool | list[bool]
    compile_seconds: float
    run_seconds: float


@dataclasses.dataclass(frozen=True)
class Run:
    """What `Trainer.fit` was asked for.

    Attributes:
        train, valid: the sources.
        epochs, patience, on_epoch, loop, progress: see `Trainer.fit`.
        checkpoint: where to save, if anywhere.
        model: this one's number where several train one after the other.
    """

    train: Opened
    valid: Opened | None
    epochs: int
    patience: int | None
    on_epoch: OnEpoch | None
    loop: str | None
    progress: str | None
    checkpoint: Checkpoint | None
    model: int | None = None

    def of_model(self, model: int) -> Run:
        """This run for one of several models."""
        checkpoint = self.checkpoint
        if checkpoint is not None:
            checkpoint = dataclasses.replace(checkpoint, folder=checkpoint.folder / f"seed_{model}")
        return dataclasses.replace(self, checkpoint=checkpoint, model=model)

    def scans(self, engine: Engine, state: State) -> bool:
        """Whether epochs are compiled loops."""
        if self.loop is not None or not isinstance(self.train, Resident):
            return self.loop == "scan"
        on_cpu = jax.default_backend() == "cpu"
        return state.step.ndim > 0 or not on_cpu or not engine.has_convolution(state, self.train.first)


@dataclasses.dataclass
class _Log:
    """What a run remembers of its epochs; JSON, beside the checkpoint.

    Attributes:
        history: metrics of each epoch.
        best_epoch: of the lowest validation loss.
        best_loss: that loss.
        seconds: spent, compilation left out.
        stopped: whether the hook stopped the run.
    """

    history: list[dict[str, Any]] = dataclasses.field(default_factory=list)
    best_epoch: int = -1
    best_loss: float | None = None
    seconds: float = 0.0
    stopped: bool = False

    def has_stopped(self, patience: int | None) -> bool:
        return self.stopped or (patience is not None and len(self.history) - 1 - self.best_epoch >= patience)

    def info(self, patience: int | None, compile_seconds: float) -> Info:
        names = self.history[0] if self.history else {}
        # Epochs go last, behind the models where there are several.
        metrics = {name: np.moveaxis(np.asarray([row[name] for row in self.history]), 0, -1) for name in names}
        best = self.best_epoch if patience is not None else len(self.history) - 1
        return Info(metrics, best, self.has_stopped(patience), compile_seconds, self.seconds)


def run_model(engine: Engine, state: State, run: Run, identity: dict[str, Any]) -> tuple[State, Info]:
    """Train one model, or several whose states share a leading axis.

    Args:
        engine: for one, or for several.
        state: to start from.
        run: what was asked for.
        identity: what a checkpoint must share with the run that goes on from it.
    """
    log, compile_seconds = _Log(), 0.0
    best = {} if run.patience is None else _fitted(state)
    before = int(np.ravel(state.epoch)[0])
    scan, place = run.scans(engine, state), run.checkpoint
    config = {**identity, "shapes": _shapes(state), "patience": run.patience}
    with nullcontext() if place is None else Checkpoints(place, config=config) as store:
        found = None if store is None else store.load((state, best))
        if found is not None:
            (state, best), log = found[0], _Log(**found[1])
            if len(log.history) > run.epochs:
                raise ValueError(f"{place} holds {len(log.history)} epochs, more than the {run.epochs} asked for")
        bar = tqdm(
            total=run.epochs,
            initial=len(log.history),
            desc=run.progress,
            unit="epoch",
            disable=run.progress is None,
            leave=False,
        )
        with bar:
            while len(log.history) < run.epochs and not log.has_stopped(run.patience):
                state, compiling = _one_epoch(engine, state, run, log, scan=scan)
                compile_seconds += compiling
                epoch = len(log.history) - 1
                if run.patience is not None and (
                    log.best_loss is None or log.history[-1]["valid_loss"] < log.best_loss
                ):
                    log.best_epoch, log.best_loss = epoch, log.history[-1]["valid_loss"]
                    best = jax.tree.map(jnp.array, _fitted(state))
                if run.on_epoch is not None:
                    which = {} if run.model is None else {"model": run.model}
                    log.stopped = bool(run.on_epoch(before + epoch, {**which, **log.history[-1]}, state))
                is_last = epoch + 1 == run.epochs or log.has_stopped(run.patience)
                if store is not None and place is not None and (is_last or (epoch + 1) % place.save_every == 0):
                    store.save(epoch + 1, (state, best), dataclasses.asdict(log))
                bar.set_postfix(loss=float(np.mean(log.history[-1]["loss"])), refresh=False)
                bar.update()
    if run.patience is not None:
        state = state._replace(**best)
    return state, log.info(run.patience, compile_seconds)


def _one_epoch(engine: Engine, state: State, run: Run, log: _Log, *, scan: bool) -> tuple[State, float]:
    """Train and evaluate once, and write it down; also compile seconds."""
    began = time.perf_counter()
    state, metrics, compiling = engine.run_epoch(state, run.train, scan=scan)
    if run.valid is not None:
        scores, more = engine.run_evaluation(state, run.valid, scan=scan and isinstance(run.valid, Resident))
        metrics = metrics | {f"valid_{name}": value for name, value in scores.items()}
        compiling += more
    log.history.append({name: np.asarray(value).tolist() for name, value in metrics.items()})
    if not np.isfinite(log.history[-1].get("valid_loss", 0.0)).all():
        raise FloatingPointError(
            f"the validation loss became {log.history[-1]['valid_loss']} in epoch {len(log.history)}, the training "
            "loss did not: look for NaN in the validation data"
        )
    log.seconds += time.perf_counter() - began - compiling
    return state, compiling


def stacked(runs: list[tuple[State, Info]], epochs: int) -> tuple[State, Info]:
    """Models that trained one after the other as if they had trained together."""
    states, infos = zip(*runs, strict=True)
    metrics = {}
    for name in infos[0].metrics:
        rows = [info.metrics[name] for info in infos]
        metrics[name] = np.stack([np.pad(row, (0, epochs - len(row)), constant_values=np.nan) for row in rows])
    return jax.tree.map(lambda *leaves: jnp.stack(leaves), *states), Info(
        metrics,
        [info.best_epoch for info in infos],
        [info.stopped_early for info in infos],
        sum(info.compile_seconds for info in infos),
        sum(info.run_seconds for info in infos),
    )


def _fitted(state: State) -> dict[str, Any]:
    """What the best epoch is remembered by."""
    return {"params": state.params, "collections": state.collections, "average": state.average}


def _shapes(tree: Any) -> str:
    shapes = [f"{jax.tree_util.keystr(path)}{x.shape}" for path, x in jax.tree_util.tree_leaves_with_path(tree)]
    return fingerprint(np.frombuffer(" ".join(shapes).encode(), np.uint8))
