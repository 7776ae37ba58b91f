"""How fast do multimodal VAEs train beside MultiVae's, in how much memory, and how likely do they find held-out rows?

    python benchmarks/multimodal.py     # minutes on two cores; needs multivae, pythae and PyTorch

MVAE, MMVAE, MoPoE and MVTCAE on the same generated data, with the same networks, parameters to start from, batch size,
Adam and number of epochs. Each way runs in a process of its own, turn by turn. The likelihoods are those of
`evaluation.joint_log_likelihood` for both: MultiVae's weights are brought over, as its own estimates of mixtures are
not of p(x) (`tests/models/test_multivae_parity.py`). Writes `results/multimodal-<machine>.json` and `RESULTS.md`. Run
it on a quiet machine.
"""

from __future__ import annotations

import json
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
from benchmarks.multimodal_models import MODELS, log_likelihoods, starting_weights

WAYS = ("jaxmusic", "MultiVae")
_VERSIONS = ("jax", "jaxlib", "flax", "optax", "numpy", "torch", "multivae")
_COLUMNS = [
    "model",
    "samples per second",
    "MultiVae ÷ ours",
    "target",
    "peak memory, MiB: ours",
    "MultiVae",
    "held-out nats: ours",
    "MultiVae",
    "cores used by others",
]


@dataclass(frozen=True)
class Options:
    """Multimodal VAEs in jaxmusic and in MultiVae, turn by turn in one run."""

    models: tuple[str, ...] = tuple(MODELS)
    """Any of MVAE, MMVAE, MoPoE, MVTCAE."""
    rows: int = 4000
    """Training rows; a quarter as many are held out."""
    columns: int = 64
    """Columns of each of the three modalities."""
    epochs: int = 20
    """Epochs of a timed run, after one that compiles."""
    rounds: int = 3
    """Processes of each way; medians count."""
    samples: int = 500
    """Samples of each held-out row's likelihood."""
    out: Path = render.OWN
    """Folder of the results and of their page."""
    commit: bool = False
    """Replace the published results, in place of `out`, and write the pages that show them anew."""


def main(options: Options) -> None:
    """Measure, write the results, render the page."""
    described = machine.describe(_VERSIONS)
    with tempfile.TemporaryDirectory() as folder:
        table = measure(options, Path(folder))
    print(render.markdown(table), flush=True)
    path = render.save(
        "multimodal",
        "Multimodal VAEs: training, memory, likelihood",
        command="python benchmarks/multimodal.py",
        machine=described,
        tables=[table],
        folder=options.out,
        commit=options.commit,
        not_measured=["GPU: not measured, none was at hand."] if jax.default_backend() == "cpu" else [],
    )
    print(f"→ {path}")


def generate(rows: int, columns: int) -> tuple[dict[str, np.ndarray], dict[str, np.ndarray]]:
    """Training and held-out rows of three modalities that share eight factors, each bent by a tanh."""
    rng = np.random.default_rng(0)
    total = rows + rows // 4
    factors = rng.normal(size=(total, 8))
    made = {}
    for name in ("a", "b", "c"):
        x = np.tanh(factors @ rng.normal(size=(8, columns)) / 2) + 0.5 * rng.normal(size=(total, columns))
        made[name] = ((x - x[:rows].mean(0)) / x[:rows].std(0)).astype(np.float32)
    return {k: x[:rows] for k, x in made.items()}, {k: x[rows:] for k, x in made.items()}


def measure(options: Options, folder: Path) -> dict[str, Any]:
    """The table: a row for each model.

    Raises:
        ValueError: an unknown model.
    """
    if unknown := sorted(set(options.models) - set(MODELS)):
        raise ValueError(f"--models {unknown} are none of {list(MODELS)}")
    train, held = generate(options.rows, options.columns)
    data = folder / "data.npz"
    np.savez(data, **train)
    rows = []
    for model in options.models:
        found: dict[str, list[dict[str, Any]]] = {way: [] for way in WAYS}
        for round_ in range(options.rounds):
            start = folder / f"start-{round_}.npz"
            np.savez(start, **starting_weights(options.columns, round_))
            for way in WAYS:
                weights = folder / f"{model}-{way}-{round_}.npz"
                found[way].append(run_worker(way, model, (data, start, weights), options.epochs))
                found[way][-1]["nats"] = float(log_likelihoods(model, weights, held, options.samples).mean())
        rows.append(_row(model, found, options))
        print(rows[-1], flush=True)
    note = (
        f"Three modalities of {options.columns} columns, {options.rows:,} rows, batches of 64, {options.epochs} "
        "epochs, Adam at 1e-3, the same parameters to start from, one hidden layer of 128 on either side of 16 "
        "latents, float32; MMVAE with 10 samples of "
        f"each expert and the doubly reparameterised gradient. Medians of {options.rounds} processes; compilation "
        "comes before the timed epochs. MultiVae is PyTorch as its users run it, eager, with batches indexed from "
        "tensors in memory. Held-out nats are the mean importance-weighted log-likelihood of a row, by one estimate, "
        "± the standard deviation over the processes, each of which starts from parameters of its own."
    )
    return render.table("Training of 64-column modalities", _COLUMNS, rows, note)


def _row(model: str, found: dict[str, list[dict[str, Any]]], options: Options) -> list[Any]:
    def median(way: str, what: str) -> float:
        return float(np.median([run[what] for run in found[way]]))

    ratios = np.array([b["seconds"] / a["seconds"] for a, b in zip(*(found[way] for way in WAYS), strict=True)])
    others = [run["others"] for runs in found.values() for run in runs]
    return [
        model,
        options.rows * options.epochs / median("jaxmusic", "seconds"),
        f"{np.median(ratios):.2f} ({ratios.min():.2f}–{ratios.max():.2f})",
        5.0,
        max(run["memory"] for run in found["jaxmusic"]),
        max(run["memory"] for run in found["MultiVae"]),
        _spread([run["nats"] for run in found["jaxmusic"]]),
        _spread([run["nats"] for run in found["MultiVae"]]),
        None if None in others else max(others),
    ]


def _spread(values: list[float]) -> str:
    """Mean ± standard deviation over the processes."""
    deviation = f" ± {np.std(values, ddof=1):.2f}" if len(values) > 1 else ""
    return f"{np.mean(values):.2f}{deviation}"


def run_worker(way: str, model: str, files: tuple[Path, ...], epochs: int) -> dict[str, Any]:
    """One process: seconds of the timed epochs, peak memory, cores used by others; the last file gets its weights."""
    module = f"benchmarks.multimodal_{way.lower()}"
    with machine.Watch() as watch:
        done = subprocess.run(
            [sys.executable, "-m", module, model, *map(str, files), str(epochs)],
            cwd=Path(__file__).parent.parent,
            capture_output=True,
            text=True,
            check=False,
        )
    if done.returncode:
        raise RuntimeError(f"{way}, {model}: {done.stderr.strip()[-2000:]}")
    return {**json.loads(done.stdout.splitlines()[-1]), "others": watch.others}


if __name__ == "__main__":
    main(tyro.cli(Options, description=__doc__))
