"""`fit`: a module, a loss and data → a fitted state, and what happened on the way."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import optax
from jax.sharding import Mesh, NamedSharding, PartitionSpec
from tqdm.auto import tqdm

from jaxmusic.data.stores import RowSource, source_fingerprint
from jaxmusic.losses import LossFunction
from jaxmusic.training.checkpoint import Checkpoints
from jaxmusic.training.engine import Engine, engine, one_row
from jaxmusic.training.steps import Batch, Inputs, State, batch_inputs


class Info(NamedTuple):
    """What is logged.

    Attributes:
        metrics: name → `[epochs]` (`[seeds, epochs]` with `seeds > 1`, NaN after an early stop): `loss` and the loss's
            own metrics, means over the epoch's rows; the same with the prefix `valid_` where `valid` was given.
        best_epoch: epoch of the lowest validation loss, counted from 0; the last one without `patience`.
        stopped_early: whether `patience` ran out.
        compile_seconds: spent compiling, in this call.
        run_seconds: spent training and evaluating, compilation left out, resumed epochs included.
    """

    metrics: dict[str, np.ndarray]
    best_epoch: int | list[int]
    stopped_early: bool | list[bool]
    compile_seconds: float
    run_seconds: float


def fit(
    key: jax.Array,
    module: nn.Module,
    loss: LossFunction,
    train: Batch | RowSource,
    *,
    valid: Batch | RowSource | None = None,
    epochs: int,
    batch_size: int,
    optimizer: optax.GradientTransformation,
    seeds: int = 1,
    checkpoint: str | Path | None = None,
    save_every: int = 1,
    keep: int = 1,
    mesh: Mesh | None = None,
    accumulate: int = 1,
    inputs: Inputs = batch_inputs,
    start: Callable[[Any], Any] | None = None,
    hyperparameters: Mapping[str, Sequence[float]] | None = None,
    patience: int | None = None,
    loop: str | None = None,
    progress: str | None = None,
) -> tuple[State, Info]:
    """Train `module` on `train`.

    The data lies on the device as one array per entry; each epoch draws a permutation from the key and gathers its
    batches there. Data larger than the device's memory streams from a row source (`data.ArrayStore`, say), read ahead
    on threads: the same permutation, the same steps, the same numbers. A last partial batch is filled up and masked
    (`batch["row_mask"]`), which the losses of `jaxmusic.losses` honour. Step `i` draws its noise from
    `fold_in(key, i)`, so a resumed run equals a straight one bit for bit.

    Args:
        key: a `jax.random.key`, or `[models]` of them for a model each.
        module: a linen module; a `train: bool` argument of its `__call__` is set, rng streams `"latent"` and
            `"dropout"` are provided, other collections than `"params"` are updated.
        loss: `loss(outputs, batch) -> (scalar, metrics)`, where the batch also holds `"row_mask"` and `"step"`.
            Give the same function object to several calls and they share what was compiled.
        train: a dict of arrays, nested or not, each with the rows on the first axis; or a row source, `len(train)` rows
            of which each `train[i]` is a dict of arrays.
        valid: the same for the validation part, evaluated after every epoch, with schedules of the step at their end.
        epochs: passes over `train`.
        batch_size: rows of a step.
        optimizer: an optax transformation.
        seeds: models to train, from `jax.random.split(key, seeds)`; their states come back stacked.
        checkpoint: a folder; state and log are saved there, and a call that finds some goes on.
        save_every: epochs from one save to the next; the last epoch is always saved.
        keep: how many of the latest checkpoints stay on disk.
        mesh: shards each batch over the mesh's first axis; the state is replicated. Its devices may belong to several
            processes (see `training.start_processes`), each of which makes the same call with the same data.
        accumulate: parts of a batch that are computed one after the other, for batches that do not fit: the gradient of
            the whole batch for losses that are means over rows, with noise of their own.
        inputs: batch → positional arguments of the module; default `batch["inputs"]` and, if present, `batch["masks"]`.
        start: fresh parameters → the parameters to start from, e.g. with a pretrained part; for `seeds > 1` it must be
            traceable.
        hyperparameters: name → `[models]` values, with as many keys: what differs between the models. See `fit_grid`,
            which makes both.
        patience: stop after so many epochs without a lower validation loss, and return the best epoch's parameters.
        loop: `"scan"` runs an epoch as one compiled loop, `"python"` one compiled step at a time; the same numbers.
            None chooses: python for convolutions on CPU, whose gradients XLA runs 20 times slower inside a loop.
        progress: label of a progress bar; None shows none.

    Returns:
        `(State, Info)`.

    Raises:
        ValueError: no rows, rows that differ in number, a batch size the mesh does not divide, patience without
            validation data, or a checkpoint of another run: another key, module, batch size, patience or data. Loss
            and optimiser are functions that cannot be compared; for others of them choose another folder.
        FloatingPointError: the loss is NaN or infinite; names the epoch.
    """
    counts = {
        "epochs": epochs, "batch_size": batch_size, "seeds": seeds, "save_every": save_every, "accumulate": accumulate,
        "keep": keep,
    }  # fmt: skip
    _check(train, valid, counts, patience=patience, mesh=mesh)
    if key.ndim and seeds > 1:
        raise ValueError("give one key and a number of seeds, or a key for each model, not both")
    counted = {name: len(values) for name, values in (hyperparameters or {}).items()}
    if set(counted.values()) - set(key.shape):
        raise ValueError(f"hyperparameters need a value for each of as many keys: {counted} for keys {key.shape}")
    if loop == "scan" and not isinstance(train, Mapping):
        raise ValueError("rows that stream cannot be scanned over: leave loop away, or give arrays")
    # Batches are constrained inside the step, which wants axes that the compiler may shard ("auto").
    mesh = None if mesh is None else Mesh(mesh.devices, mesh.axis_names)
    train = _place(train, mesh)
    valid = None if valid is None else _place(valid, mesh)
    options: dict[str, Any] = {
        "epochs": epochs,
        "save_every": save_every,
        "keep": keep,
        "start": start,
        "patience": patience,
        "loop": loop,
        "progress": progress,
    }
    arguments = (module, loss, optimizer, batch_size, inputs)
    single = engine(*arguments, False, mesh, accumulate)
    keys = jax.random.split(key, seeds) if seeds > 1 else key
    if keys.ndim == 0:
        return _run(keys, {}, single, train, valid, checkpoint=checkpoint, **options)
    values = {name: jnp.asarray(value, jnp.float32) for name, value in (hyperparameters or {}).items()}
    first = {name: value[0] for name, value in values.items()}
    shapes = jax.eval_shape(single.initialize, keys[0], one_row(train), first)
    unused = single.unused_hyperparameters(shapes, train) if values else []
    if unused:
        raise ValueError(
            f"neither the loss nor the optimiser reads {', '.join(unused)}: name it in the loss, as in "
            "losses.elbo(beta='beta'), or inject it, as in optax.inject_hyperparams(optax.adam)(learning_rate=1e-3)"
        )
    # On CPU a vectorised model gains nothing, and a vectorised convolution becomes a slow grouped one anywhere.
    one_by_one = (
        patience is not None
        or jax.default_backend() == "cpu"
        or not isinstance(train, Mapping)
        or not isinstance(valid, Mapping | None)
        or single.has_convolution(shapes, train)
    )
    if not one_by_one:
        together = engine(*arguments, True, mesh, accumulate)
        return _run(keys, values, together, train, valid, checkpoint=checkpoint, **options)
    runs = []
    for i, own_key in enumerate(keys):
        own = {name: value[i] for name, value in values.items()}
        folder = None if checkpoint is None else Path(checkpoint) / f"seed_{i}"
        runs.append(_run(own_key, own, single, train, valid, checkpoint=folder, **options))
    return _stack(runs, epochs)


def _run(
    key: jax.Array,
    hyperparameters: Mapping[str, jax.Array],
    compiled: Engine,
    train: Batch | RowSource,
    valid: Batch | RowSource | None,
    *,
    epochs: int,
    checkpoint: str | Path | None,
    save_every: int,
    keep: int,
    start: Callable[[Any], Any] | None,
    patience: int | None,
    loop: str | None,
    progress: str | None,
) -> tuple[State, Info]:
    """Train one model, or several whose keys and states share a leading axis."""
    state = compiled.initialize(key, train, hyperparameters)
    if start is not None:
        state = compiled.restart(state, start)
    best = state.params if patience is not None else ()
    log: dict[str, Any] = {"history": [], "best_epoch": -1, "best_loss": None, "seconds": 0.0}
    config = {
        "key": _fingerprint(jax.random.key_data(key)),
        "shapes": _shapes(state),
        "data": _fingerprints(train),
        "validation data": _fingerprints(valid),
        "run": compiled.description,
        "patience": patience,
        # Under a name of its own only where there are some, so that other checkpoints stay what they were.
        **({"hyperparameters": _fingerprints(hyperparameters)} if hyperparameters else {}),
    }
    scan = key.ndim > 0 or _scans(compiled, state, train) if loop is None else loop == "scan"
    scan_evaluation = scan and isinstance(valid, Mapping)
    compile_seconds = 0.0
    store = None if checkpoint is None else Checkpoints(checkpoint, config=config, keep=keep)
    try:
        found = None if store is None else store.load((state, best))
        if found is not None:
            (state, best), log = found
            if len(log["history"]) > epochs:
                raise ValueError(f"{checkpoint} holds {len(log['history'])} epochs, more than the {epochs} asked for")
        done = len(log["history"])
        bar = tqdm(total=epochs, initial=done, desc=progress, unit="epoch", disable=progress is None, leave=False)
        with bar:
            while len(log["history"]) < epochs and not _out_of_patience(log, patience):
                began = time.perf_counter()
                state, metrics, compiling = compiled.run_epoch(state, train, scan=scan)
                if valid is not None:
                    scores, more = compiled.run_evaluation(state, valid, scan=scan_evaluation)
                    metrics = metrics | {f"valid_{name}": value for name, value in scores.items()}
                    compiling += more
                epoch = len(log["history"])
                log["history"].append({name: np.asarray(value).tolist() for name, value in metrics.items()})
                _check_finite(log["history"][-1], epoch)
                compile_seconds += compiling
                log["seconds"] += time.perf_counter() - began - compiling
                if patience is not None and _improves(log, "valid_loss"):
                    log["best_epoch"], log["best_loss"] = epoch, log["history"][-1]["valid_loss"]
                    best = jax.tree.map(jnp.array, state.params)
                is_last = epoch + 1 == epochs or _out_of_patience(log, patience)
                if store is not None and (is_last or (epoch + 1) % save_every == 0):
                    store.save(epoch + 1, (state, best), log)
                bar.set_postfix(loss=float(np.mean(log["history"][-1]["loss"])), refresh=False)
                bar.update()
    finally:
        if store is not None:
            store.__exit__(None, None, None)
    if patience is not None:
        state = state._replace(params=best)
    return state, _info(log, patience, compile_seconds)


def _scans(compiled: Engine, state: State, train: Batch | RowSource) -> bool:
    if not isinstance(train, Mapping):
        return False
    return jax.default_backend() != "cpu" or not compiled.has_convolution(state, train)


def _info(log: dict[str, Any], patience: int | None, compile_seconds: float) -> Info:
    history = log["history"]
    names = history[0] if history else {}
    # Epochs go last, behind the seeds where there are several.
    metrics = {name: np.moveaxis(np.asarray([row[name] for row in history]), 0, -1) for name in names}
    best = log["best_epoch"] if patience is not None else len(history) - 1
    return Info(metrics, best, _out_of_patience(log, patience), compile_seconds, log["seconds"])


def _stack(runs: list[tuple[State, Info]], epochs: int) -> tuple[State, Info]:
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


def _improves(log: dict[str, Any], name: str) -> bool:
    return log["best_loss"] is None or log["history"][-1][name] < log["best_loss"]


def _out_of_patience(log: dict[str, Any], patience: int | None) -> bool:
    return patience is not None and len(log["history"]) - 1 - log["best_epoch"] >= patience


def _check(
    train: Batch | RowSource,
    valid: Batch | RowSource | None,
    counts: dict[str, int],
    *,
    patience: int | None,
    mesh: Mesh | None,
) -> None:
    for name, value in counts.items():
        if value < 1:
            raise ValueError(f"{name} must be at least 1, got {value}")
    for part, data in (("train", train), ("valid", valid)):
        if data is None:
            continue
        if isinstance(data, Mapping):
            rows = {jax.tree_util.keystr(path): len(x) for path, x in jax.tree_util.tree_leaves_with_path(data)}
        else:
            rows = {type(data).__name__: len(data)}
        if not rows or 0 in rows.values():
            raise ValueError(f"{part} has no rows: {rows}")
        if len(set(rows.values())) > 1:
            raise ValueError(f"the arrays of {part} differ in their number of rows: {rows}")
    if patience is not None and valid is None:
        raise ValueError("patience needs validation data: give valid=")
    if counts["batch_size"] % counts["accumulate"]:
        raise ValueError(f"batch_size {counts['batch_size']} is no multiple of accumulate {counts['accumulate']}")
    if mesh is not None and counts["batch_size"] % mesh.shape[mesh.axis_names[0]]:
        raise ValueError(
            f"batch_size {counts['batch_size']} is no multiple of the mesh's {mesh.shape[mesh.axis_names[0]]} devices"
        )


def _check_finite(metrics: dict[str, Any], epoch: int) -> None:
    if not np.all(np.isfinite([metrics["loss"], metrics.get("valid_loss", metrics["loss"])])):
        raise FloatingPointError(
            f"the loss became {metrics['loss']} in epoch {epoch + 1}: {metrics}. "
            "Look for NaN in the data, or lower the learning rate"
        )


def _place(data: Batch | RowSource, mesh: Mesh | None) -> Batch | RowSource:
    if not isinstance(data, Mapping):
        return data
    sharding = None if mesh is None else NamedSharding(mesh, PartitionSpec())
    return jax.tree.map(lambda x: jax.device_put(jnp.asarray(x), sharding), dict(data))


def _shapes(tree: Any) -> str:
    shapes = [f"{jax.tree_util.keystr(path)}{x.shape}" for path, x in jax.tree_util.tree_leaves_with_path(tree)]
    return _fingerprint(np.frombuffer(" ".join(shapes).encode(), np.uint8))


def _fingerprints(tree: Any) -> str:
    """Changes with any value of arrays, and with a sample of a source's rows: no checkpoint is taken for another's."""
    if tree is not None and not isinstance(tree, Mapping):
        return source_fingerprint(tree)
    return "".join(_fingerprint(x) for x in jax.tree.leaves(tree))


def _fingerprint(array: Any) -> str:
    return hashlib.sha256(np.asarray(array).tobytes()).hexdigest()[:16]
