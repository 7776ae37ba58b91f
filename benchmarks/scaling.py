"""How does training time grow with rows, with seeds and with devices, and what does streaming from disk cost?

    python benchmarks/scaling.py                   # minutes on two cores
    python benchmarks/scaling.py --gigabytes 20    # with a store of 20 GB on disk: minutes more, and the disk

Writes `results/scaling-<machine>.json`, `results/scaling-<machine>.png` and `RESULTS.md`. Run it on a quiet machine.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jax
import numpy as np
import tyro

from benchmarks import machine, render

_VERSIONS = ("jax", "jaxlib", "flax", "optax", "grain")
_ROWS = (1_000, 4_000, 16_000, 64_000, 256_000)
_SEEDS = (1, 2, 4, 8, 16)
_DEVICES = (1, 2, 4, 8)
_MEL = (128, 215)


@dataclass(frozen=True)
class Options:
    """Seconds of an epoch against sizes, with fitted exponents."""

    rows: tuple[int, ...] = _ROWS
    """Feature vectors of an FC-VAE's epoch."""
    seeds: tuple[int, ...] = _SEEDS
    """Models trained in one call."""
    devices: tuple[int, ...] = _DEVICES
    """Virtual devices of this machine's cores (on a CPU; they share the cores)."""
    rounds: int = 5
    """Of each size; the median counts."""
    gigabytes: float = 1.0
    """Size of the generated store of spectrograms."""
    streamed: int = 1_024
    """Spectrograms that a ConvVAE trains on, drawn from all over the store."""
    out: Path = render.OWN
    """Folder of the results and of their page."""
    commit: bool = False
    """Replace the published results, in place of `out`, and write the pages that show them anew."""


def main(options: Options) -> None:
    """Measure, write the results, render the page."""
    described = machine.describe(_VERSIONS)
    curves = {
        "rows": _curve("rows", options.rows, options),
        "seeds": _curve("seeds", options.seeds, options),
        "devices": _curve("devices", options.devices, options),
    }
    tables = [_curves_table(curves, options), _store_table(options)]
    for table in tables:
        print(render.markdown(table), flush=True)
    name = f"scaling-{machine.slug(described)}.png"
    _plot(curves, render.destination(options.out, options.commit) / "results" / name)
    path = render.save(
        "scaling",
        "Scaling: rows, seeds, devices, a store on disk",
        command="python benchmarks/scaling.py",
        machine=described,
        tables=tables,
        folder=options.out,
        commit=options.commit,
        figures=[(f"results/{name}", "Seconds against sizes")],
        not_measured=["GPU: not measured, none was at hand."] if jax.default_backend() == "cpu" else [],
    )
    print(f"→ {path}")


def _curve(kind: str, sizes: tuple[int, ...], options: Options) -> list[tuple[int, float, float]]:
    """(size, median seconds, their deviation), each size in a process of its own."""
    found = []
    for size in sizes:
        seconds = run_worker({"kind": kind, "size": size, "rounds": options.rounds})["seconds"]
        found.append((size, float(np.median(seconds)), float(np.std(seconds))))
    return found


def run_worker(task: dict[str, Any]) -> dict[str, Any]:
    root = Path(__file__).parent.parent
    environment = dict(os.environ)
    if task["kind"] == "devices":
        flags = f"{environment.get('XLA_FLAGS', '')} --xla_force_host_platform_device_count={task['size']}"
        environment["XLA_FLAGS"] = flags.strip()
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.scaling_worker", json.dumps(task)],
        cwd=root,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise RuntimeError(f"{task}: {done.stderr.strip()[-2000:]}")
    return json.loads(done.stdout.splitlines()[-1])


def exponent(points: list[tuple[int, float, float]]) -> float:
    """The slope of log seconds over log size, by least squares.

    >>> round(exponent([(1, 2.0, 0.0), (10, 20.0, 0.0), (100, 200.0, 0.0)]), 3)
    1.0
    """
    x, y, _ = np.log([(size, seconds, 1.0) for size, seconds, _ in points]).T
    return float(np.polyfit(x, y, 1)[0])


def _curves_table(curves: dict[str, list[tuple[int, float, float]]], options: Options) -> dict[str, Any]:
    rows = []
    for kind, points in curves.items():
        for size, seconds, deviation in points:
            rows.append([kind, size, seconds, deviation, seconds / points[0][1]])
        # The smallest sizes are all overhead, and bend the line.
        rows.append([kind, "exponent, largest three", exponent(points[-3:]), "–", "–"])
    note = (
        f"Compilation left out; medians of {options.rounds}, each size in a process of its own. Rows: an epoch of the "
        "FC-VAE (256 columns, batch 64), scanned. Seeds: the same on 4,000 rows, one model after the other on a CPU, "
        "vectorised elsewhere. Devices: the same on 16,000 rows in batches of 512, sharded over virtual devices that "
        "share this machine's cores: what sharding costs, not what devices gain."
    )
    columns = ["what grows", "size", "seconds of an epoch", "standard deviation", "times the first"]
    return render.table("Seconds of an epoch", columns, rows, note)


def _store_table(options: Options) -> dict[str, Any]:
    count = max(options.streamed, int(options.gigabytes * 1e9 / (4 * _MEL[0] * _MEL[1])))
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "mels.npy")
        _write_store(path, count)
        size = path.stat().st_size / 1e9
        rows = []
        for where in ("disk", "memory"):
            task = {"kind": "store", "path": str(path), "rows": options.streamed, "where": where}
            found = run_worker(task)
            rows.append([where, count, size, options.streamed, found["seconds"], found["memory"]])
    columns = [
        "rows come from",
        "clips in the store",
        "its size, GB",
        "clips of the epoch",
        "seconds of the epoch",
        "peak memory, MiB",
    ]
    note = (
        f"ConvVAE on spectrograms of {_MEL[0]} × {_MEL[1]}, batch 32: one epoch over clips drawn from all over the "
        "store, after one that compiles. In memory the same clips lie on the device. Target: below 4,096 MiB for a "
        "store of 20 GB."
    )
    return render.table("Training on a store that is larger than memory allows", columns, rows, note)


def _write_store(path: Path, count: int) -> None:
    block = np.random.default_rng(0).normal(size=(512, *_MEL)).astype(np.float32)
    header = {"descr": "<f4", "fortran_order": False, "shape": (count, *_MEL)}
    with path.open("wb") as file:
        np.lib.format.write_array_header_1_0(file, header)
        for start in range(0, count, len(block)):
            file.write((block[: count - start] + np.float32(start / count)).tobytes())


def _plot(curves: dict[str, list[tuple[int, float, float]]], path: Path) -> None:
    from jaxmusic.figures import canvas

    figure = canvas.new_figure(9.0, 3.2)
    for axes, (kind, points) in zip(figure.subplots(1, len(curves)), curves.items(), strict=True):
        sizes, seconds, deviations = map(np.array, zip(*points, strict=True))
        axes.errorbar(sizes, seconds, deviations, marker="o", capsize=3, color=canvas.COLORS[0])
        slope = exponent(points[-3:])
        axes.plot(sizes, seconds[-1] * (sizes / sizes[-1]) ** slope, ":", color="#555555", label=f"size^{slope:.2f}")
        axes.set_xscale("log")
        axes.set_yscale("log")
        axes.set_xlabel(kind)
        axes.set_xticks(sizes, [f"{size:,}" for size in sizes], fontsize=8)
        # A range below a decade would have no tick of its own.
        axes.set_yticks(seconds, [f"{value:.2g}" for value in seconds], fontsize=8)
        axes.minorticks_off()
        axes.grid(alpha=0.3)
        axes.legend(frameon=False)
    figure.axes[0].set_ylabel("seconds of an epoch")
    canvas.save(figure, path, "FC-VAE: seconds of an epoch, median and standard deviation")


if __name__ == "__main__":
    main(tyro.cli(Options, description=__doc__))
