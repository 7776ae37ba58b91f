"""How fast do the VAEs train and encode, and in how much memory, against PyTorch?

    python benchmarks/vae.py     # half an hour on two cores; needs PyTorch

Writes `results/vae-<machine>.json` and `RESULTS.md`. Run it on a quiet machine.
"""

from __future__ import annotations

import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jax
import numpy as np
import tyro

from benchmarks import machine, render
from benchmarks.vae_cells import Cell, cells

_VERSIONS = ("jax", "jaxlib", "flax", "optax", "numpy", "torch")
# The peer has another initialisation and other noise: its losses agree to this after the same epochs.
_AGREEMENT = 0.1
_ENCODED_AT_ONCE = 128


@dataclass(frozen=True)
class Options:
    """Training and encoding of the VAEs: jaxmusic and PyTorch, turn by turn in one run."""

    models: tuple[str, ...] = ()
    """Rows of the table whose names begin so; default: all."""
    rows: int = 2000
    """Feature vectors."""
    clips: int = 64
    """Spectrograms."""
    epochs: int = 20
    """Epochs of a round of feature vectors; spectrograms take a tenth."""
    rounds: int = 5
    """Paired rounds."""
    ways: tuple[str, ...] = ("eager", "tuned", "compiled")
    """Forms of the peer."""
    memory: bool = True
    """Measure peak memory, too: a process for each model and way."""
    out: Path = render.OWN
    """Folder of the results and of their page."""
    commit: bool = False
    """Replace the published results, in place of `out`, and write the pages that show them anew."""


def main(options: Options) -> None:
    """Measure, write the results, render the page."""
    described = machine.describe(_VERSIONS)
    tables = measure(options)
    path = render.save(
        "vae",
        "VAEs: training, encoding, memory",
        command="python benchmarks/vae.py",
        machine=described,
        tables=tables,
        folder=options.out,
        commit=options.commit,
        not_measured=["GPU: not measured, none was at hand."] if jax.default_backend() == "cpu" else [],
    )
    print(f"→ {path}")


def measure(options: Options) -> list[dict[str, Any]]:
    """The tables: a row for each model."""
    import torch

    chosen = [cell for cell in cells(options.rows, options.clips) if cell.name.startswith(options.models or "")]
    rate = machine.matmul_rate()
    training, encoding, memory = [], [], []
    for cell in chosen:
        training.append(_training_row(cell, options, rate))
        print(training[-1], flush=True)
        encoding.append(_encoding_row(cell, options))
        print(encoding[-1], flush=True)
        if options.memory:
            memory.append(_memory_row(cell, options))
            print(memory[-1], flush=True)
    ratios = [f"{way} ÷ ours" for way in options.ways]
    how = (
        f"{torch.get_num_threads()} threads each, float32. Ratios are seconds of PyTorch over seconds of jaxmusic, "
        f"median and range of {options.rounds} paired rounds after one that compiles. Eager is what people write (a "
        "DataLoader, Adam), tuned has permuted tensors, channels last and fused Adam, compiled adds torch.compile. "
    )
    tables = [
        render.table(
            "Training",
            ["model", "samples per second", *ratios, "target (eager)", "share of matmul rate", "cores used by others"],
            training,
            f"{options.rows} feature vectors in batches of 64, {options.epochs} epochs a round; {options.clips} "
            f"spectrograms in batches of 32, {_epochs(chosen[-1], options)} or more. {how}The share is of the rate of "
            f"a 2,048² matrix product ({rate / 1e9:,.0f} GFLOP/s). All end at losses within {_AGREEMENT:.0%}.",
        ),
        render.table(
            "Encoding",
            ["model", "samples per second", *ratios, "cores used by others"],
            encoding,
            f"Means and log-variances of the same rows, {_ENCODED_AT_ONCE} at once, arrays in and out. {how}",
        ),
    ]
    if memory:
        tables.append(
            render.table(
                "Peak memory of training, MiB",
                ["model", "jaxmusic", *options.ways],
                memory,
                "Of a process that imports, makes the data and trains for two epochs.",
            )
        )
    return tables


def _epochs(cell: Cell, options: Options) -> int:
    return max(1, options.epochs // 10) if cell.arrays[0].ndim > 2 else options.epochs


def _training_row(cell: Cell, options: Options, rate: float) -> list[Any]:
    from benchmarks import torch_vae

    runs = {"jaxmusic": cell.trainer()}
    for way in options.ways:
        runs[way] = torch_vae.trainer(cell.peer, cell.arrays, cell.targets, batch=cell.batch, way=way)
    final: dict[str, float] = {}
    epochs = _epochs(cell, options)

    def timed(way: str) -> float:
        losses, seconds = runs[way](epochs)
        final[way] = losses[-1]
        return seconds

    for run in runs.values():
        run(1)
    seconds, others = _paired(tuple(runs), timed, options.rounds)
    for way in options.ways:
        if abs(final[way] / final["jaxmusic"] - 1) > _AGREEMENT:
            raise RuntimeError(f"{cell.name}: PyTorch {way} ends at {final[way]:.3f}, ours at {final['jaxmusic']:.3f}")
    samples, median = len(cell.arrays[0]) * epochs, float(np.median(seconds["jaxmusic"]))
    # A backward pass takes two products for each of the forward pass.
    share = 6 * cell.multiplications() * samples / median / rate
    return [cell.name, samples / median, *_ratios(seconds, options.ways), cell.least or "–", share, others]


def _encoding_row(cell: Cell, options: Options) -> list[Any]:
    from benchmarks import torch_vae

    runs = {"jaxmusic": cell.encoder(_ENCODED_AT_ONCE)}
    for way in options.ways:
        runs[way] = torch_vae.encoder(cell.peer, cell.arrays, batch=_ENCODED_AT_ONCE, way=way)
    for run in runs.values():
        run()
    seconds, others = _paired(tuple(runs), lambda way: runs[way](), options.rounds)
    rows = len(cell.arrays[0]) / float(np.median(seconds["jaxmusic"]))
    return [cell.name, rows, *_ratios(seconds, options.ways), others]


def _memory_row(cell: Cell, options: Options) -> list[Any]:
    found = []
    for way in ("jaxmusic", *options.ways):
        sizes = (str(options.rows), str(options.clips))
        done = subprocess.run(
            [sys.executable, "-m", "benchmarks.vae_memory", cell.name, way, *sizes],
            cwd=Path(__file__).parent.parent,
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode:
            raise RuntimeError(f"{cell.name}, {way}: {done.stderr.strip()[-2000:]}")
        found.append(float(done.stdout.splitlines()[-1]))
    return [cell.name, *found]


def _paired(ways: tuple[str, ...], timed: Any, rounds: int) -> tuple[dict[str, list[float]], float | None]:
    """Seconds of every round of every way, in turn, and the cores that others used at worst."""
    seconds: dict[str, list[float]] = {way: [] for way in ways}
    worst: list[float | None] = []
    for _ in range(rounds):
        with machine.Watch() as watch:
            for way in ways:
                seconds[way].append(timed(way))
        worst.append(watch.others)
    return seconds, None if None in worst else max(worst)  # type: ignore[type-var]


def _ratios(seconds: dict[str, list[float]], ways: tuple[str, ...]) -> list[str]:
    found = []
    for way in ways:
        ratios = np.array(seconds[way]) / np.array(seconds["jaxmusic"])
        found.append(f"{np.median(ratios):.2f} ({ratios.min():.2f}–{ratios.max():.2f})")
    return found


if __name__ == "__main__":
    main(tyro.cli(Options, description=__doc__))
