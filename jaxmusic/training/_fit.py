"""`fit`, the short way to train: a `Trainer` for one call."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from pathlib import Path
from typing import Any

import flax.linen as nn
import jax
import optax

from jaxmusic.losses import LossFunction
from jaxmusic.training.checkpoint import Checkpoint, check_counts
from jaxmusic.training.loop import Info, OnEpoch
from jaxmusic.training.state import Source, State, as_keys
from jaxmusic.training.trainer import Trainer

_MOVED = {
    **dict.fromkeys(("save_every", "keep"), "checkpoint=training.Checkpoint(folder, {}=…)"),
    **dict.fromkeys(("mesh", "accumulate", "inputs", "transform", "average", "measures"), "training.Trainer({}=…)"),
    **dict.fromkeys(("loop", "progress"), "training.Trainer(…).fit({}=…)"),
    "start": "training.Trainer(…).init(key, train, {}=…), whose state fit takes",
    "hyperparameters": "training.fit_grid(grid=…)",
}


def _naming_what_moved(function: Callable[..., Any]) -> Callable[..., Any]:
    @wraps(function)
    def named(*arguments: Any, **options: Any) -> Any:
        for name in set(options) & set(_MOVED):
            raise TypeError(f"fit takes no {name!r}: give it as {_MOVED[name].format(name)}")
        return function(*arguments, **options)

    return named


@_naming_what_moved
def fit(
    key: jax.Array,
    module: nn.Module,
    loss: LossFunction,
    train: Source,
    *,
    valid: Source | None = None,
    epochs: int,
    batch_size: int,
    optimizer: optax.GradientTransformation,
    seeds: int = 1,
    checkpoint: str | Path | Checkpoint | None = None,
    patience: int | None = None,
    on_epoch: OnEpoch | None = None,
) -> tuple[State, Info]:
    """Train `module` on `train`: `Trainer(module, loss, optimizer, …).fit(key, train, …)`, compiled for this call.

    Args:
        key: a `jax.random.key`.
        module: see `Trainer`.
        loss: see `Trainer`.
        train: see `Trainer.fit`.
        valid: see `Trainer.fit`.
        epochs: passes over `train`.
        batch_size: rows of a step.
        optimizer: see `Trainer`.
        seeds: models to train, from `jax.random.split(key, seeds)`; their states come back stacked.
        checkpoint: see `Trainer.fit`.
        patience: see `Trainer.fit`.
        on_epoch: see `Trainer.fit`.

    Returns:
        `(State, Info)`.

    Raises:
        ValueError: as `Trainer` and `Trainer.fit` do.
        TypeError: an argument of `Trainer` or of `Checkpoint`; says of which.
        FloatingPointError: as `Trainer.fit` does.
    """
    check_counts(seeds=seeds)
    key = as_keys(key)
    if key.ndim and seeds > 1:
        raise ValueError("give one key and a number of seeds, or a key for each model, not both")
    trainer = Trainer(module, loss, optimizer, batch_size=batch_size)
    keys = jax.random.split(key, seeds) if seeds > 1 else key
    return trainer.fit(
        keys, train, valid=valid, epochs=epochs, checkpoint=checkpoint, patience=patience, on_epoch=on_epoch
    )
