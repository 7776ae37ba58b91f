"""How fast are retrieval scores and clustering scores, against NumPy and scikit-learn?

    python benchmarks/retrieval.py

Writes `results/retrieval-<machine>.json` and `RESULTS.md`. Run it on a quiet machine.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jax
import numpy as np
import tyro

from benchmarks import machine, render
from jaxmusic import evaluation

_VERSIONS = ("jax", "jaxlib", "numpy", "scikit-learn")


@dataclass(frozen=True)
class Options:
    """Ranks of every query's own item among all, and scores of an assignment."""

    sizes: tuple[int, ...] = (1_000, 4_000, 16_000)
    """Queries, and items of the gallery."""
    width: int = 64
    """Of an embedding."""
    rounds: int = 5
    """Paired rounds."""
    out: Path = render.OWN
    """Folder of the results and of their page."""
    commit: bool = False
    """Replace the published results, in place of `out`, and write the pages that show them anew."""


def main(options: Options) -> None:
    """Measure, write the results, render the page."""
    described = machine.describe(_VERSIONS)
    table = measure(options)
    print(render.markdown(table), flush=True)
    path = render.save(
        "retrieval",
        "Retrieval scores",
        command="python benchmarks/retrieval.py",
        machine=described,
        tables=[table],
        folder=options.out,
        commit=options.commit,
        not_measured=[
            "Clustering scores have no row: silhouette, Calinski-Harabasz and Davies-Bouldin are scikit-learn's own.",
            *(["GPU: not measured, none was at hand."] if jax.default_backend() == "cpu" else []),
        ],
    )
    print(f"→ {path}")


def measure(options: Options) -> dict[str, Any]:
    """The table: a row for each size."""
    rng = np.random.default_rng(0)
    rows = []
    for size in options.sizes:
        queries = rng.normal(size=(size, options.width)).astype(np.float32)
        gallery = (queries + 2 * rng.normal(size=queries.shape)).astype(np.float32)
        ways: dict[str, Callable[[], np.ndarray]] = {
            "jaxmusic": lambda q=queries, g=gallery: evaluation.ranks(q, g),
            "numpy": lambda q=queries, g=gallery: _sorted_ranks(q, g),
        }
        first = {way: run() for way, run in ways.items()}
        worst = float(np.abs(first["jaxmusic"] - first["numpy"]).max())
        seconds: dict[str, list[float]] = {way: [] for way in ways}
        others = []
        for _ in range(options.rounds):
            for way, run in ways.items():
                with machine.Watch() as watch:
                    run()
                seconds[way].append(watch.seconds)
                others.append(watch.others)
        ratios = np.array(seconds["numpy"]) / np.array(seconds["jaxmusic"])
        spread = f"{np.median(ratios):.2f} ({ratios.min():.2f}–{ratios.max():.2f})"
        median = float(np.median(seconds["jaxmusic"]))
        rows.append([size, median, size / median, spread, worst, None if None in others else max(others)])
    note = (
        f"Cosine similarity of {options.width} columns, n queries in a gallery of n. NumPy sorts every row in blocks "
        f"of 1,024, as people write it. Median and range of {options.rounds} paired rounds after one that compiles. "
        "Two float32 products may order nearly equal items differently: ranks agree to the fourth column."
    )
    columns = [
        "queries",
        "seconds",
        "queries per second",
        "NumPy ÷ ours",
        "largest difference of a rank",
        "cores used by others",
    ]
    return render.table("Ranks of every query's own item", columns, rows, note)


def _sorted_ranks(queries: np.ndarray, gallery: np.ndarray) -> np.ndarray:
    queries = queries / np.linalg.norm(queries, axis=1, keepdims=True)
    gallery = gallery / np.linalg.norm(gallery, axis=1, keepdims=True)
    found = []
    for start in range(0, len(queries), 1024):
        scores = queries[start : start + 1024] @ gallery.T
        order = np.argsort(-scores, axis=1)
        rows = np.arange(start, start + len(scores))
        found.append(np.argmax(order == rows[:, None], axis=1) + 1)
    return np.concatenate(found)


if __name__ == "__main__":
    main(tyro.cli(Options, description=__doc__))
