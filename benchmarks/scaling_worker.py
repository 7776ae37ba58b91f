"""One size of `scaling.py` in a process of its own; prints JSON.

python -m benchmarks.scaling_worker '{"kind": "rows", "size": 1000, "rounds": 3}'
"""

from __future__ import annotations

import json
import sys
from typing import Any

import jax
import numpy as np
import optax

from benchmarks import machine
from jaxmusic import data, losses, models, training


def main(task: dict[str, Any]) -> None:
    """Measure one size."""
    print(json.dumps(epoch_from_store(task) if task["kind"] == "store" else {"seconds": epoch_seconds(**task)}))


def epoch_seconds(kind: str, size: int, rounds: int) -> list[float]:
    rows = {"rows": size, "seeds": 4_000, "devices": 16_000}[kind]
    x = {"inputs": np.random.default_rng(0).normal(size=(rows, 256)).astype(np.float32)}
    mesh = jax.make_mesh((size,), ("data",)) if kind == "devices" else None
    trainer = _trainer(models.FCVAE(), batch_size=512 if kind == "devices" else 64, mesh=mesh)
    key = jax.random.key(0)
    keys = jax.random.split(key, size) if kind == "seeds" and size > 1 else key

    def epoch() -> float:
        return trainer.fit(keys, x, epochs=1)[1].run_seconds

    epoch()
    return [epoch() for _ in range(rounds)]


def epoch_from_store(task: dict[str, Any]) -> dict[str, float]:
    store = data.ArrayStore({"inputs": task["path"]})
    rows = np.random.default_rng(0).permutation(len(store))[: task["rows"]]
    chosen = store.take(rows)
    train: Any = chosen
    if task["where"] == "memory":
        train = {"inputs": np.stack([chosen[i]["inputs"] for i in range(len(chosen))])}
    trainer = _trainer(models.ConvVAE(*store.shapes["inputs"][1:]), batch_size=32)
    trainer.fit(jax.random.key(0), store.take(rows[:32]), epochs=1)
    _, info = trainer.fit(jax.random.key(0), train, epochs=1)
    return {"seconds": info.run_seconds, "memory": machine.peak_memory()}


def _trainer(module: Any, **options: Any) -> training.Trainer:
    return training.Trainer(module, losses.elbo(), optax.adam(1e-3), **options)


if __name__ == "__main__":
    main(json.loads(sys.argv[1]))
