"""How long does an epoch of the three genre classifiers take, beside PyTorch?

    python benchmarks/genre.py --data FOLDER --tokenizer BERT_FOLDER   # FOLDER holds lyrics_sample.csv
    python benchmarks/genre.py                                         # lengths and words of the embedded corpus

Trains on a generated table of the document's shape: its lengths and token frequencies are drawn from the lyrics. Every
way runs in a process of its own, turn by turn. Writes `results/genre-<machine>.json` and `RESULTS.md`. Run it on a
quiet machine: every row says how many cores others used meanwhile. Needs PyTorch (`pip install -e '.[bench]'`).
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
from jaxmusic import data, text

# Epochs of each model: those of the smallest are over in a blink, and the first has more to do.
EPOCHS = {"metadata": 10, "lyrics": 2, "combined": 2}
MODELS = tuple(EPOCHS)
CACHED = "jaxmusic, compiled before"
WAYS = (CACHED, "PyTorch eager", "PyTorch torch.compile", "PyTorch eager, fused Adam")
_COLUMNS = [
    "model",
    "way",
    "seconds per epoch",
    "songs per second",
    "ratio to jaxmusic",
    "before the first epoch, s",
    "peak memory, MiB",
    "cores used by others",
]
_VERSIONS = ("jax", "jaxlib", "flax", "optax", "numpy", "torch")


@dataclass(frozen=True)
class Options:
    """Speed of the genre classifiers beside PyTorch, on this machine."""

    data: Path | None = None
    """Folder with lyrics_sample.csv, or none: the embedded corpus."""
    tokenizer: str | None = None
    """BERT's tokenizer; default: a WordPiece vocabulary trained on the lyrics."""
    songs: int = 9_024
    """Training songs (the document's 80 % of 11,281)."""
    rounds: int = 3
    """Processes of each way and model; the median counts."""
    models: tuple[str, ...] = MODELS
    """Any of metadata, lyrics, combined."""
    ways: tuple[str, ...] = WAYS
    """What to run beside jaxmusic: it again with its programs from the compilation cache, and the peers."""
    out: Path = render.OWN
    """Folder of the results and of their page."""
    commit: bool = False
    """Replace the published results, in place of `out`, and write the pages that show them anew."""


def main(options: Options) -> None:
    """Measure, write the results, render the page.

    Raises:
        ValueError: an unknown way or model, which would be measured as another.
    """
    if unknown := sorted({*options.ways, *options.models} - {"jaxmusic", *WAYS, *MODELS}):
        raise ValueError(f"{unknown[0]!r} is none of the ways {('jaxmusic', *WAYS)} or models {MODELS}")
    described = machine.describe(_VERSIONS)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "table.npz")
        source, padding = generate(options, path)
        measured = [_table(options, path, source, padding)]
    print(render.markdown(measured[0]), flush=True)
    path = render.save(
        "genre",
        "Genre classifiers: one epoch",
        tables=measured,
        machine=described,
        folder=options.out,
        commit=options.commit,
        command="python benchmarks/genre.py --data FOLDER --tokenizer BERT_FOLDER",
        not_measured=["GPU: not measured, none was at hand."] if jax.default_backend() == "cpu" else [],
    )
    print(f"→ {path}")


def generate(options: Options, path: Path) -> tuple[str, float]:
    """Write a table of the document's shape; returns what its lengths and words are drawn from, and its padding."""
    if options.data is None:
        lyrics, source = list(data.draw_corpus(jax.random.key(0), 400, n_listeners=0).lyrics), "the embedded corpus"
    else:
        found = data.lyrics_table(
            options.data / "lyrics_sample.csv", lyrics_only=True, genres=("hip hop", "jazz", "reggae", "rock")
        )
        lyrics, source = list(found.modalities["lyrics"]), f"{len(found):,} songs of lyrics_sample.csv"
    tokenizer = text.wordpiece_tokenizer(options.tokenizer) if options.tokenizer else text.train_wordpiece(lyrics)
    tokens = text.token_ids(tokenizer, lyrics)
    real = tokens.ids[np.arange(tokens.ids.shape[1]) < tokens.lengths[:, None]]
    rng = np.random.default_rng(0)
    lengths = rng.choice(tokens.lengths, options.songs)
    is_real = np.arange(512) < lengths[:, None]
    ids = np.where(is_real, rng.choice(real, (options.songs, 512)), 0).astype(np.int32)
    features = rng.random((options.songs, 22), np.float32)
    labels = rng.choice(4, options.songs, p=(0.08, 0.34, 0.22, 0.36)).astype(np.int32)
    np.savez(path, tokens=ids, lengths=lengths, features=features, labels=labels)
    return source, float(1 - is_real.mean())


def _table(options: Options, path: Path, source: str, padding: float) -> dict[str, Any]:
    ways = ("jaxmusic", *(way for way in options.ways if way != "jaxmusic"))
    rows = []
    for model in options.models:
        found: dict[str, list[dict[str, float]]] = {way: [] for way in ways}
        if CACHED in ways:
            run_worker(CACHED, model, path)
        for _ in range(options.rounds):
            for way in ways:
                found[way].append(run_worker(way, model, path))
        median = {way: float(np.median([run["seconds"] for run in runs])) for way, runs in found.items()}
        for way, runs in found.items():
            others = [run["others"] for run in runs]
            rows.append(
                [
                    model,
                    way,
                    median[way],
                    options.songs / median[way],
                    median[way] / median["jaxmusic"],
                    float(np.median([run["first"] for run in runs])),
                    max(run["memory"] for run in runs),
                    None if None in others else max(others),
                ]
            )
    note = (
        f"{options.songs:,} songs of 512 positions ({padding:.0%} padding), batch 8, Adam; lengths and token "
        f"frequencies from {source}. Each way in {options.rounds} processes of its own, the median of their "
        f"mean seconds of {', '.join(f'{n} ({m})' for m, n in EPOCHS.items())} epochs; "
        "compilation, imports and the ordering of the vocabulary come before the first epoch. PyTorch's batches are "
        "indexed from tensors in memory, without a DataLoader. Peak memory is the process's, and jaxmusic's holds "
        f"XLA's compiler, which {CACHED!r} does without. Targets: metadata 20 times eager; lyrics and combined 5 times "
        "eager and 2.5 times fused Adam; memory no higher than PyTorch's."
    )
    return render.table("One epoch at the document's size", _COLUMNS, rows, note)


def run_worker(way: str, model: str, path: Path) -> dict[str, float]:
    """One process: seconds of an epoch, seconds before it, peak memory, cores used by others."""
    module = "benchmarks.genre_jaxmusic" if way.startswith("jaxmusic") else "benchmarks.genre_torch"
    # The reproductions keep what XLA compiled; so does this way, which runs once before it counts.
    environment = (
        {"JAX_COMPILATION_CACHE_DIR": str(path.parent / "compiled"), "JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS": "0"}
        if way == CACHED
        else {}
    )
    with machine.Watch() as watch:
        done = subprocess.run(
            [sys.executable, "-m", module, way, model, str(path), str(EPOCHS[model])],
            cwd=Path(__file__).parent.parent,
            capture_output=True,
            text=True,
            check=False,
            env=os.environ | environment,
        )
    if done.returncode:
        raise RuntimeError(f"{way}, {model}: {done.stderr.strip()[-2000:]}")
    found = json.loads(done.stdout.splitlines()[-1])
    return {**found, "first": watch.seconds - found["seconds"] * found["epochs"], "others": watch.others}


if __name__ == "__main__":
    main(tyro.cli(Options, description=__doc__))
