"""How fast are exact lists, the fusion network's training and the reading of plays, beside implicit, NumPy and PyTorch?

    python benchmarks/recommend.py                # 20,000 users × 9,330 songs, a slice of a million × a million
    python benchmarks/recommend.py --triplets 48373586

Lists: `recommend.top_items` against `implicit`'s batch `recommend` and NumPy's block-wise `argpartition`, the same
factors and histories, turn by turn, the same number of threads. Training: processes of their own, turn by turn, beside
PyTorch eager (`pip install -e '.[bench]'`). Reading: a generated file, streamed, with the process's peak memory. Writes
`results/recommend-<machine>.json` and `RESULTS.md`. Run it on a quiet machine.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import tyro
from scipy.sparse import csr_array, csr_matrix

from benchmarks import machine, render
from jaxmusic import recommend

_VERSIONS = ("jax", "jaxlib", "flax", "optax", "numpy", "scipy", "implicit", "torch")
_FOLDER = Path(__file__).parent.parent


@dataclass(frozen=True)
class Options:
    """Speed of lists, of the fusion network and of the reading of plays, on this machine."""

    users: int = 20_000
    """Users of the first table (the document's)."""
    songs: int = 9_330
    """Songs of the first table (the document's)."""
    n: int = 500
    """Length of the lists."""
    dims: tuple[int, ...] = (6, 50)
    """Widths of the factors: the document's classes, and WMF's."""
    rounds: int = 5
    """Turns of each way; the median counts."""
    large_songs: int = 1_000_000
    """Songs of the slice."""
    large_users: int = 1_000_000
    """Users that the slice stands for."""
    slice_users: int = 512
    """Users that are really served."""
    rows: int = 7_464
    """Songs that the network is trained on (80 % of 9,330)."""
    columns: int = 303
    """Features (the document's metadata)."""
    batch_sizes: tuple[int, ...] = (64, 256, 1024)
    """Songs of a step."""
    epochs: int = 3
    """Epochs timed in each process."""
    triplets: int = 1_000_000
    """Lines of the generated file of plays (48,373,586 in the official one); 0: none."""
    out: Path = render.OWN
    """Folder of the results and of their page."""
    commit: bool = False
    """Replace the published results, in place of `out`, and write the pages that show them anew."""


def main(options: Options) -> None:
    """Measure, write the results, render the page."""
    described = machine.describe(_VERSIONS)
    tables = [lists(options), large(options), training(options)]
    if options.triplets:
        tables.append(reading(options))
    for table in tables:
        print(render.markdown(table), flush=True)
    path = render.save(
        "recommend",
        "Recommending: lists, training, reading",
        tables=tables,
        machine=described,
        folder=options.out,
        commit=options.commit,
        command="python benchmarks/recommend.py",
        not_measured=["GPU: not measured, none was at hand."] if jax.default_backend() == "cpu" else [],
    )
    print(f"→ {path}")


def draw(users: int, songs: int, dim: int, *, plays: int = 40) -> tuple[np.ndarray, np.ndarray, csr_array]:
    """Profiles, factors and histories of about `plays` songs each."""
    rng = np.random.default_rng(0)
    columns = np.sort(rng.integers(0, songs, (users, plays)), axis=1)
    history = csr_array(
        (np.ones(users * plays, np.float32), columns.ravel(), np.arange(0, users * plays + 1, plays)), (users, songs)
    )
    history.sum_duplicates()
    return (rng.normal(size=(users, dim)).astype(np.float32), rng.normal(size=(songs, dim)).astype(np.float32), history)


def numpy_lists(users: np.ndarray, items: np.ndarray, history: csr_array, n: int, *, block: int = 1024) -> np.ndarray:
    """Block-wise matrix product, `argpartition` and sort, a block's rows in threads."""
    found = np.empty((len(users), n), np.int32)

    def best(part: np.ndarray) -> np.ndarray:
        chosen = np.argpartition(part, -n, axis=1)[:, -n:]
        values = np.take_along_axis(part, chosen, 1)
        return np.take_along_axis(chosen, np.argsort(-values, axis=1), 1)

    with ThreadPoolExecutor(_threads()) as pool:
        for start in range(0, len(users), block):
            scores = users[start : start + block] @ items.T
            ends = history.indptr[start : start + len(scores) + 1]
            scores[np.repeat(np.arange(len(scores)), np.diff(ends)), history.indices[ends[0] : ends[-1]]] = -np.inf
            parts = np.array_split(scores, max(1, len(scores) // 64))
            found[start : start + block] = np.concatenate(list(pool.map(best, parts)))
    return found


def implicit_lists(users: np.ndarray, items: np.ndarray, history: csr_array, n: int) -> np.ndarray:
    """implicit's batch `recommend`."""
    from implicit.cpu.matrix_factorization_base import MatrixFactorizationBase

    class Model(MatrixFactorizationBase):
        def fit(self, user_items: Any, show_progress: bool = True) -> None: ...

        def save(self, file: Any) -> None: ...

    model = Model(num_threads=_threads())
    model.user_factors, model.item_factors = users, items
    ids, _ = model.recommend(np.arange(len(users)), csr_matrix(history), N=n, filter_already_liked_items=True)
    return ids


def ways(options: Options) -> dict[str, Callable[..., np.ndarray]]:
    """Name → a function of profiles, factors, histories and length."""
    exact = lambda u, v, h, n: recommend.top_items(u, v, n, exclude=h)  # noqa: E731
    found = {"jaxmusic": exact, "implicit": implicit_lists, "NumPy argpartition, blocks": numpy_lists}
    if jax.default_backend() != "cpu":
        found["jaxmusic, approx_max_k"] = lambda u, v, h, n: recommend.top_items(u, v, n, exclude=h, approximate=True)
    return found


def lists(options: Options) -> dict[str, Any]:
    """Users × songs at the document's size."""
    rows = []
    for dim in options.dims:
        users, items, history = draw(options.users, options.songs, dim)
        seconds: dict[str, list[float]] = {name: [] for name in ways(options)}
        others: dict[str, list[float | None]] = {name: [] for name in seconds}
        reference = None
        agreement = {}
        for turn in range(options.rounds + 1):
            for name, way in ways(options).items():
                with machine.Watch() as watch:
                    found = way(users, items, history, options.n)
                if turn == 0:  # compiles, and starts threads
                    reference = found if reference is None else reference
                    agreement[name] = overlap(found, reference)
                else:
                    seconds[name].append(watch.seconds)
                    others[name].append(watch.others)
        ours = float(np.median(seconds["jaxmusic"]))
        for name, values in seconds.items():
            median = float(np.median(values))
            known = [value for value in others[name] if value is not None]
            rows.append(
                [
                    dim,
                    name,
                    median,
                    options.users / median,
                    median / ours,
                    agreement[name],
                    max(known) if known else None,
                ]
            )
    note = (
        f"{options.users:,} users × {options.songs:,} songs, the {options.n} best without about 40 songs of history, "
        f"{_threads()} threads, the median of {options.rounds} turns. Target: ours no slower than the faster peer."
    )
    columns = [
        "factors",
        "way",
        "seconds",
        "users per second",
        "ratio to jaxmusic",
        "share of jaxmusic's items",
        "cores used by others",
    ]
    return render.table("Exact lists", columns, rows, note)


def overlap(found: np.ndarray, reference: np.ndarray) -> float:
    """Share of the reference's items that are found, the mean over at most 500 users."""
    pairs = zip(found[:500], reference[:500], strict=True)
    return float(np.mean([len(set(a.tolist()) & set(b.tolist())) / len(b) for a, b in pairs]))


def large(options: Options) -> dict[str, Any]:
    """A slice of a million users over a million songs."""
    users, items, history = draw(options.slice_users, options.large_songs, options.dims[-1])
    block = 64  # 64 × a million scores are 256 MB
    recommend.top_items(users[:block], items, options.n, exclude=history[:block], block=block)
    with machine.Watch() as watch:
        recommend.top_items(users, items, options.n, exclude=history, block=block)
    hours = watch.seconds / options.slice_users * options.large_users / 3600
    row = [options.large_songs, options.slice_users, watch.seconds, machine.peak_memory(), options.large_users, hours]
    columns = [
        "songs",
        "users, measured",
        "seconds, measured",
        "peak memory, MiB",
        "users, multiplied",
        "hours, multiplied",
    ]
    note = (
        f"The {options.n} best of {options.large_songs:,} songs in blocks of {block} users; only the slice was run, "
        "the last column is its time per user times the users. Memory is that of factors, lists and one block."
    )
    return render.table("A million songs", columns, [row], note)


def training(options: Options) -> dict[str, Any]:
    """Epochs of the fusion network, beside PyTorch eager."""
    rng = np.random.default_rng(0)
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "songs.npz")
        labels = rng.integers(0, 6, options.rows).astype(np.int32)
        counts = np.bincount(labels, minlength=6)
        np.savez(
            path,
            x=rng.normal(size=(options.rows, options.columns)).astype(np.float32),
            labels=labels,
            class_weights=(len(labels) / (6 * counts)).astype(np.float32),
        )
        for batch_size in options.batch_sizes:
            found: dict[str, list[float]] = {"fusion_jaxmusic": [], "fusion_torch": []}
            others = []
            for _ in range(min(options.rounds, 3)):
                for name, values in found.items():
                    with machine.Watch() as watch:
                        values.append(worker(name, path, batch_size, options.epochs))
                    others.append(watch.others)
            ours, theirs = (float(np.median(values)) for values in found.values())
            known = [value for value in others if value is not None]
            rows.append(
                [
                    batch_size,
                    ours,
                    theirs,
                    theirs / ours,
                    flops(options) / ours / matmul_rate(options, batch_size),
                    max(known) if known else None,
                ]
            )
    columns = [
        "batch",
        "jaxmusic, s per epoch",
        "PyTorch eager, s per epoch",
        "ratio",
        "share of the matmul rate at these shapes",
        "cores used by others",
    ]
    note = (
        f"{options.rows:,} songs × {options.columns} columns, 6 classes, Adam, dropout .5; each way in processes of "
        "its own, in turn. The share is the forward and backward products' operations over what the same products "
        "reach alone. Target: 1.3 times PyTorch eager at batch 256 and below."
    )
    return render.table("Epochs of the fusion network", columns, rows, note)


def worker(name: str, path: Path, batch_size: int, epochs: int) -> float:
    """Seconds of an epoch, measured in a process of its own."""
    done = subprocess.run(
        [sys.executable, "-m", f"benchmarks.{name}", str(path), str(batch_size), str(epochs)],
        cwd=_FOLDER,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise RuntimeError(f"{name}: {done.stderr.strip()[-2000:]}")
    return float(json.loads(done.stdout.splitlines()[-1])["seconds"])


def shapes(options: Options) -> list[tuple[int, int]]:
    """(inputs, outputs) of every dense layer."""
    found, inputs = [], options.columns
    for width in (256, 128, 128, 256, 512):
        found += [(inputs, width), (width, width), (width, width)]
        inputs = width
    return [*found, (inputs, 6)]


def flops(options: Options) -> float:
    """Operations of an epoch's products: forward, and twice that backward, less the first layer's input gradient."""
    layers = shapes(options)
    each = [2.0 * options.rows * a * b for a, b in layers]
    return 3 * sum(each) - each[0]


def matmul_rate(options: Options, batch_size: int) -> float:
    """Operations per second of the network's own products at a batch size, without anything between them."""
    rng = np.random.default_rng(0)
    layers = shapes(options)
    weights = [jnp.asarray(rng.normal(size=shape), jnp.float32) for shape in layers]
    inputs = [jnp.asarray(rng.normal(size=(batch_size, a)), jnp.float32) for a, _ in layers]
    outputs = [jnp.asarray(rng.normal(size=(batch_size, b)), jnp.float32) for _, b in layers]

    @jax.jit
    def products(weights: Any, inputs: Any, outputs: Any) -> Any:
        return [(x @ w, x.T @ y, y @ w.T) for w, x, y in zip(weights, inputs, outputs, strict=True)]

    jax.block_until_ready(products(weights, inputs, outputs))
    seconds = []
    for _ in range(10):
        with machine.Watch() as watch:
            jax.block_until_ready(products(weights, inputs, outputs))
        seconds.append(watch.seconds)
    return sum(6.0 * batch_size * a * b for a, b in layers) / min(seconds)


def reading(options: Options) -> dict[str, Any]:
    """A generated file of plays, streamed in a process of its own."""
    code = (
        "import json, sys, time\n"
        "from pathlib import Path\n"
        "from benchmarks.machine import peak_memory\n"
        "from jaxmusic.data.million_song_files import read_triplets\n"
        "songs = {f'SO{i:016d}'.encode(): i for i in range(384546)}\n"
        "before = peak_memory()\n"
        "start = time.perf_counter()\n"
        "users, plays = read_triplets(Path(sys.argv[1]), songs, len(songs), {})\n"
        "print(json.dumps([time.perf_counter() - start, before, peak_memory(), len(users), plays.nnz]))\n"
    )
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "train_triplets.txt")
        rng = np.random.default_rng(0)
        with path.open("w") as file:
            for start in range(0, options.triplets, 1 << 20):
                count = min(1 << 20, options.triplets - start)
                songs, plays = rng.integers(0, 384546, count), rng.geometric(0.35, count)
                users = np.arange(start, start + count) * 1_019_318 // 48_373_586
                file.writelines(
                    f"{user:040x}\tSO{song:016d}\t{n}\n" for user, song, n in zip(users, songs, plays, strict=True)
                )
        size = path.stat().st_size / 2**20
        done = subprocess.run(
            [sys.executable, "-c", code, str(path)], cwd=_FOLDER, capture_output=True, text=True, check=True
        )
    seconds, before, after, n_users, nnz = json.loads(done.stdout.splitlines()[-1])
    columns = [
        "lines",
        "file, MiB",
        "seconds",
        "lines per second",
        "users",
        "plays kept",
        "memory before, MiB",
        "peak memory, MiB",
    ]
    row = [options.triplets, size, seconds, options.triplets / seconds, n_users, nnz, before, after]
    return render.table("Reading plays", columns, [row], "Every line's song is known, so everything is kept.")


def _threads() -> int:
    return len(os.sched_getaffinity(0))


if __name__ == "__main__":
    main(tyro.cli(Options, description=__doc__))
