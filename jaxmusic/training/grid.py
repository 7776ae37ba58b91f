"""`fit_grid`: every combination of hyperparameters, trained by one compiled program."""

from __future__ import annotations

import inspect
import itertools
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import optax

from jaxmusic.losses import LossFunction
from jaxmusic.training.checkpoint import Checkpoint, check_counts
from jaxmusic.training.loop import Info
from jaxmusic.training.optimizers import injected
from jaxmusic.training.state import Source, State, as_keys
from jaxmusic.training.trainer import Trainer


class Grid(NamedTuple):
    """What `fit_grid` returns.

    Attributes:
        cells: the combinations, each name → value, in the order of `itertools.product`.
        state: the models' states, stacked `[cells, seeds, …]`.
        info: their logs: metrics `[cells, seeds, epochs]`; the rest as lists over cells and seeds, one after the other.
    """

    cells: list[dict[str, float]]
    state: State
    info: Info

    def table(self, metric: str | None = None) -> list[dict[str, Any]]:
        """A row for each cell, as `pandas.DataFrame` takes them.

        Args:
            metric: one of `info.metrics`; None: `"valid_loss"`, or `"loss"` without validation data.

        Returns:
            The cell's values, `metric` (its mean over the seeds at each model's best epoch), `"std"` and `"n"`.

        Raises:
            ValueError: an unknown metric.
        """
        metrics = self.info.metrics
        metric = metric or ("valid_loss" if "valid_loss" in metrics else "loss")
        if metric not in metrics:
            raise ValueError(f"metric {metric!r} is none of {sorted(metrics)}")
        cells, seeds, _ = metrics[metric].shape
        best = np.broadcast_to(self.info.best_epoch, cells * seeds).reshape(cells, seeds, 1)
        values = np.take_along_axis(metrics[metric], best, axis=2)[..., 0]
        return [
            {**cell, metric: float(row.mean()), "std": float(row.std(ddof=1)) if seeds > 1 else None, "n": seeds}
            for cell, row in zip(self.cells, values, strict=True)
        ]

    def best(self, metric: str | None = None, *, largest: bool = False) -> tuple[dict[str, float], State]:
        """The cell whose mean over the seeds is lowest.

        Args:
            metric: see `table`.
            largest: whether the highest mean is the best, as for an accuracy.

        Returns:
            The cell, and the states `[seeds, …]` of its models.

        Raises:
            ValueError: an unknown metric.
        """
        metric = metric or ("valid_loss" if "valid_loss" in self.info.metrics else "loss")
        means = [row[metric] for row in self.table(metric)]
        index = int(np.argmax(means) if largest else np.argmin(means))
        return self.cells[index], jax.tree.map(lambda x: x[index], self.state)


def fit_grid(
    key: jax.Array,
    module: nn.Module,
    loss: LossFunction,
    train: Source,
    *,
    grid: Mapping[str, Sequence[float]],
    seeds: int = 1,
    epochs: int,
    batch_size: int,
    optimizer: optax.GradientTransformation,
    checkpoint: str | Path | Checkpoint | None = None,
    **options: Any,
) -> Grid:
    """Train `module` at every combination of the grid's values.

    The values are arguments of the compiled step and no constants in it, so that one compilation serves all; on an
    accelerator the models train as one, vectorised. A seed has the same key in every cell, so that cells compare in
    pairs. Sizes that change a parameter's shape (latent dimensions, widths) take a call each.

    >>> import optax
    >>> from jaxmusic import losses, models
    >>> found = fit_grid(
    ...     jax.random.key(0), models.FCVAE(latent_dim=2, features=8, widths=(4,)), losses.elbo(beta="beta"),
    ...     {"inputs": np.ones((6, 8), "float32")}, grid={"beta": (1.0, 4.0), "learning_rate": (1e-2, 1e-3, 1e-4)},
    ...     epochs=2, batch_size=3, optimizer=optax.inject_hyperparams(optax.adam)(learning_rate=1e-3),
    ... )
    >>> found.cells[1], found.info.metrics["loss"].shape
    ({'beta': 1.0, 'learning_rate': 0.001}, (6, 1, 2))
    >>> len(found.table()), sorted(found.best()[0])
    (6, ['beta', 'learning_rate'])

    Args:
        key: a `jax.random.key`; with several seeds it is split as `fit` splits it.
        module: see `Trainer`.
        loss: see `Trainer`; it finds the values of the grid in its batch, by name.
        train: see `Trainer.fit`.
        grid: name → values. Those that the optimiser has as injected hyperparameters (`optax.inject_hyperparams`,
            anywhere in a chain) go there, all go to the loss.
        seeds: models of each cell.
        epochs: passes over `train`.
        batch_size: rows of a step.
        optimizer: see `Trainer`.
        checkpoint: a folder, or a `Checkpoint`; each model has one in it.
        **options: further arguments of `Trainer` and of `Trainer.fit`.

    Returns:
        `Grid(cells, state, info)`.

    Raises:
        ValueError: an empty grid, a name that neither the loss nor the optimiser reads, several keys, and what
            `Trainer.fit` raises.
    """
    if not grid or not all(len(values) for values in grid.values()):
        raise ValueError(f"the grid needs at least one name with at least one value each, got {dict(grid)}")
    check_counts(seeds=seeds)
    key = as_keys(key)
    if key.ndim:
        raise ValueError("give one key and a number of seeds, not a key for each model")
    cells = [dict(zip(grid, map(float, values), strict=True)) for values in itertools.product(*grid.values())]
    own = {name: options.pop(name) for name in inspect.signature(Trainer).parameters if name in options}
    trainer = Trainer(module, loss, optimizer, batch_size=batch_size, **own)
    source = trainer.opened(train, "train")
    seeded = trainer.init(key[None] if seeds == 1 else jax.random.split(key, seeds), source)
    state = jax.tree.map(lambda x: jnp.concatenate([x] * len(cells)), seeded)
    values = {name: jnp.repeat(jnp.float32([cell[name] for cell in cells]), seeds) for name in grid}
    state = state._replace(hyperparameters=values, opt_state=injected(state.opt_state, values))
    unused = trainer.engine.unused_hyperparameters(jax.tree.map(lambda x: x[0], state), source.first)
    if unused:
        raise ValueError(
            f"neither the loss nor the optimiser reads {', '.join(unused)}: name it in the loss, as in "
            "losses.elbo(beta='beta'), or inject it, as in optax.inject_hyperparams(optax.adam)(learning_rate=1e-3)"
        )
    state, info = trainer.fit(state, source, epochs=epochs, checkpoint=checkpoint, **options)

    def shaped(x: Any) -> Any:
        return x.reshape(len(cells), seeds, *x.shape[1:])

    metrics = {name: shaped(values) for name, values in info.metrics.items()}
    return Grid(cells, jax.tree.map(shaped, state), info._replace(metrics=metrics))
