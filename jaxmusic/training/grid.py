"""`fit_grid`: every combination of hyperparameters, trained by one compiled program."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import flax.linen as nn
import jax
import numpy as np
import optax

from jaxmusic.losses import LossFunction
from jaxmusic.training.loop import Info, fit
from jaxmusic.training.steps import Batch, State


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


def fit_grid(
    key: jax.Array,
    module: nn.Module,
    loss: LossFunction,
    train: Batch,
    *,
    grid: Mapping[str, Sequence[float]],
    seeds: int = 1,
    epochs: int,
    batch_size: int,
    optimizer: optax.GradientTransformation,
    checkpoint: str | Path | None = None,
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

    Args:
        key: as for `fit`; with several seeds it is split as `fit` splits it.
        module: as for `fit`.
        loss: as for `fit`; it finds the values of the grid in its batch, by name.
        train: as for `fit`.
        grid: name → values. Those that the optimiser has as injected hyperparameters
            (`optax.inject_hyperparams`) go there, all go to the loss.
        seeds: models of each cell.
        epochs: as for `fit`.
        batch_size: as for `fit`.
        optimizer: as for `fit`.
        checkpoint: a folder; each model has one in it.
        **options: further arguments of `fit`.

    Returns:
        `Grid(cells, state, info)`.

    Raises:
        ValueError: an empty grid, a name that neither the loss nor the optimiser reads, and what `fit` raises.
    """
    if not grid or not all(len(values) for values in grid.values()):
        raise ValueError(f"the grid needs at least one name with at least one value each, got {dict(grid)}")
    cells = [dict(zip(grid, map(float, values), strict=True)) for values in itertools.product(*grid.values())]
    keys = key[None] if seeds == 1 else jax.random.split(key, seeds)
    models = [(cell, seed) for cell in range(len(cells)) for seed in range(seeds)]
    state, info = fit(
        keys[np.array([seed for _, seed in models])], module, loss, train, epochs=epochs, batch_size=batch_size,
        optimizer=optimizer, checkpoint=checkpoint,
        hyperparameters={name: [cells[cell][name] for cell, _ in models] for name in grid}, **options,
    )  # fmt: skip

    def shaped(x: Any) -> Any:
        return x.reshape(len(cells), seeds, *x.shape[1:])

    metrics = {name: shaped(values) for name, values in info.metrics.items()}
    return Grid(cells, jax.tree.map(shaped, state), info._replace(metrics=metrics))
