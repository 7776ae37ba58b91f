"""How fast do the VAEs of feature vectors train, against PyTorch?

    python benchmarks/small_vae.py     # minutes on two cores; needs PyTorch

Writes `results/small_vae-<machine>.json` and `RESULTS.md`. Run it on a quiet machine.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax
import tyro

from benchmarks import machine, render
from jaxmusic import losses, models, training

_VERSIONS = ("jax", "jaxlib", "flax", "optax", "numpy", "torch")
_BATCH, _LATENT, _WIDTHS, _CLASSES = 64, 16, (128, 64), 18
# The peer has another initialisation and other noise: its losses agree to this after the same epochs.
_AGREEMENT = 0.1
_TARGETS = {"Basic VAE, 52 columns": 6.0, "Basic VAE, 436 columns": 2.5, "Conv1D VAE, 436 columns": 3.0}


@dataclass(frozen=True)
class Options:
    """Training of the small VAEs: samples per second of jaxmusic and of PyTorch, turn by turn in one run."""

    rows: int = 2000
    """Tracks."""
    epochs: int = 20
    """Epochs of a round."""
    rounds: int = 5
    """Paired rounds."""


def _inputs(batch: training.Batch) -> tuple[Any, ...]:
    return batch["inputs"], batch["labels"]


def main(options: Options) -> None:
    """Measure, write the results, render the page."""
    described = machine.describe(_VERSIONS)
    table = measure(options)
    print(render.markdown(table), flush=True)
    missing = ["GPU: not measured, none was at hand."] if jax.default_backend() == "cpu" else []
    path = render.save(
        "small_vae", "VAEs of feature vectors: training", command="python benchmarks/small_vae.py", machine=described,
        tables=[table], not_measured=missing,
    )  # fmt: skip
    print(f"→ {path}")


def measure(options: Options) -> dict[str, Any]:
    """The table: a row for each model."""
    import torch

    from benchmarks import torch_small_vae as peer

    rate = machine.matmul_rate()
    rng = np.random.default_rng(0)
    labels = np.eye(_CLASSES, dtype=np.float32)[rng.integers(0, _CLASSES, options.rows)]
    cells: dict[str, tuple[int, Any, Callable[[], Any], bool]] = {
        "Basic VAE, 52 columns": (52, models.FCVAE, lambda: peer.DenseVAE(52, _LATENT, _WIDTHS), False),
        "Basic VAE, 436 columns": (436, models.FCVAE, lambda: peer.DenseVAE(436, _LATENT, _WIDTHS), False),
        "Conv1D VAE, 436 columns": (436, models.Conv1DVAE, lambda: peer.Conv1DVAE(436, _LATENT), False),
        "Conditional VAE, 436 columns": (
            436, models.ConditionalVAE, lambda: peer.ConditionalVAE(436, _CLASSES, _LATENT, _WIDTHS), True,
        ),
    }  # fmt: skip
    rows = []
    for name, (columns, kind, make, conditional) in cells.items():
        x = _columns(rng, options.rows, columns)
        sizes: dict[str, Any] = {"features": columns, "latent_dim": _LATENT}
        sizes |= {} if kind is models.Conv1DVAE else {"widths": _WIDTHS}
        module = kind(**sizes, classes=_CLASSES) if conditional else kind(**sizes)
        batch = {"inputs": x, "labels": labels} if conditional else {"inputs": x}
        theirs = np.concatenate([x, labels], axis=1) if conditional else x
        ways = {"jaxmusic": _ours(module, batch, conditional)}
        for way in ("eager", "tuned", "compiled"):
            ways[way] = peer.trainer(make, theirs, columns, beta=1.0, batch=_BATCH, way=way)
        seconds, final, others = _paired(ways, options)
        for way in ("eager", "tuned", "compiled"):
            if abs(final[way] / final["jaxmusic"] - 1) > _AGREEMENT:
                raise RuntimeError(
                    f"{name}: PyTorch {way} ends at loss {final[way]:.3f}, ours at {final['jaxmusic']:.3f}"
                )
        samples = options.rows * options.epochs
        ratios = {way: np.array(values) / np.array(seconds["jaxmusic"]) for way, values in seconds.items()}
        flops = 6 * _multiplications(module, batch) * samples
        rows.append(
            [
                name, samples / float(np.median(seconds["jaxmusic"])),
                *(_spread(ratios[way]) for way in ("eager", "tuned", "compiled")), _TARGETS.get(name, "–"),
                flops / float(np.median(seconds["jaxmusic"])) / rate, others,
            ]
        )  # fmt: skip
    note = (
        f"{options.rows} rows, batch {_BATCH}, {options.epochs} epochs a round, Adam, float32; "
        f"{torch.get_num_threads()} threads each. Ratios are seconds of PyTorch over seconds of jaxmusic, median and "
        f"range of {options.rounds} paired rounds after one that compiles. Eager is a DataLoader with Adam, tuned has "
        "permuted tensors and fused Adam, compiled adds torch.compile of forward pass and loss. The share is of the "
        f"rate of a 2,048² matrix product ({rate / 1e9:,.0f} GFLOP/s). All end at losses within {_AGREEMENT:.0%}."
    )
    columns_of = ["model", "samples per second", "eager ÷ ours", "tuned ÷ ours", "compiled ÷ ours", "target (eager)",
                  "share of matmul rate", "cores used by others"]  # fmt: skip
    return render.table("Training of VAEs of feature vectors", columns_of, rows, note)


def _columns(rng: np.random.Generator, rows: int, columns: int) -> np.ndarray:
    """Standardised columns that share ten factors, as features of music do."""
    x = rng.normal(size=(rows, 10)) @ rng.normal(size=(10, columns)) + rng.normal(size=(rows, columns))
    return ((x - x.mean(0)) / x.std(0)).astype(np.float32)


def _ours(module: Any, batch: dict[str, Any], conditional: bool) -> Callable[[int], tuple[list[float], float]]:
    loss, optimizer = losses.elbo(reduction="sum"), optax.adam(1e-3)
    options: dict[str, Any] = {"inputs": _inputs} if conditional else {}

    def run(epochs: int) -> tuple[list[float], float]:
        _, info = training.fit(
            jax.random.key(0), module, loss, batch, epochs=epochs, batch_size=_BATCH, optimizer=optimizer, **options
        )
        return info.metrics["loss"].tolist(), info.run_seconds

    return run


def _paired(ways: dict[str, Any], options: Options) -> tuple[dict[str, list[float]], dict[str, float], float | None]:
    """Seconds of every round, the last epoch's loss, and the cores that others used at worst."""
    for run in ways.values():
        run(1)
    seconds: dict[str, list[float]] = {way: [] for way in ways}
    final: dict[str, float] = {}
    worst: list[float | None] = []
    for _ in range(options.rounds):
        with machine.Watch() as watch:
            for way, run in ways.items():
                found, spent = run(options.epochs)
                seconds[way].append(spent)
                final[way] = found[-1]
        worst.append(watch.others)
    return seconds, final, None if None in worst else max(worst)  # type: ignore[type-var]


def _spread(ratios: np.ndarray) -> str:
    return f"{np.median(ratios):.1f} ({ratios.min():.1f}–{ratios.max():.1f})"


def _multiplications(module: Any, batch: dict[str, Any]) -> float:
    """Multiplications of a forward pass for one row, as XLA counts them."""
    inputs = [jnp.asarray(batch[name][:1]) for name in batch]
    keys = {"params": jax.random.key(0), "latent": jax.random.key(1)}
    variables = module.init(keys, *inputs)
    forward = jax.jit(lambda v, *x: module.apply(v, *x, rngs={"latent": jax.random.key(0)}).recon)
    return forward.lower(variables, *inputs).compile().cost_analysis()["flops"] / 2


if __name__ == "__main__":
    main(tyro.cli(Options, description=__doc__))
