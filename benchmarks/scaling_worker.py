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

_ADAM = optax.adam(1e-3)
_ELBO = losses.elbo()


def main(task: dict[str, Any]) -> None:
    """Measure one size."""
    print(json.dumps(_store(task) if task["kind"] == "store" else {"seconds": _seconds(**task)}))


def _seconds(kind: str, size: int, rounds: int) -> list[float]:
    rows = {"rows": size, "seeds": 4_000, "devices": 16_000}[kind]
    x = {"inputs": np.random.default_rng(0).normal(size=(rows, 256)).astype(np.float32)}
    mesh = jax.make_mesh((size,), ("data",)) if kind == "devices" else None
    options: dict[str, Any] = {"mesh": mesh, "batch_size": 512 if kind == "devices" else 64}
    module = models.FCVAE()

    def epoch() -> float:
        _, info = training.fit(
            jax.random.key(0), module, _ELBO, x, epochs=1, optimizer=_ADAM, seeds=size if kind == "seeds" else 1,
            **options,
        )  # fmt: skip
        return info.run_seconds

    epoch()
    return [epoch() for _ in range(rounds)]


def _store(task: dict[str, Any]) -> dict[str, float]:
    store = data.ArrayStore({"inputs": task["path"]})
    rows = np.random.default_rng(0).permutation(len(store))[: task["rows"]]
    chosen = store.take(rows)
    train: Any = chosen
    if task["where"] == "memory":
        train = {"inputs": np.stack([chosen[i]["inputs"] for i in range(len(chosen))])}
    module = models.ConvVAE(*store.shapes["inputs"][1:])
    options: dict[str, Any] = {"batch_size": 32, "optimizer": _ADAM}
    training.fit(jax.random.key(0), module, _ELBO, store.take(rows[:32]), epochs=1, **options)
    _, info = training.fit(jax.random.key(0), module, _ELBO, train, epochs=1, **options)
    return {"seconds": info.run_seconds, "memory": machine.peak_memory()}


if __name__ == "__main__":
    main(json.loads(sys.argv[1]))
