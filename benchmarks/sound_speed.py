"""How fast do files become embeddings, against a PyTorch form of the same net with librosa in front?

    python benchmarks/sound_speed.py --data FOLDER      # FOLDER/gtzan/genres_original/<genre>/*

Needs PyTorch, librosa, and the package musicnn (`pip install --no-deps musicnn==0.1.0`). Run it on a quiet machine.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import tyro

from benchmarks import machine, render
from jaxmusic import audio, models

_VERSIONS = ("jax", "jaxlib", "flax", "numpy", "torch", "librosa", "musicnn")


@dataclass(frozen=True)
class Options:
    """Files → the penultimate layer of musicnn, warm, the ways in turn."""

    data: Path
    """Folder that holds gtzan/genres_original."""
    files: int = 40
    """Clips, taken evenly from the genres."""
    rounds: int = 3
    """Paired rounds after one that compiles."""
    out: Path = render.OWN
    """Folder of the results and of their page."""
    commit: bool = False
    """Replace the published results, in place of `out`, and write the pages that show them anew."""


def main(options: Options) -> None:
    """Measure, write the results, render the page."""
    table = measure(options)
    print(render.markdown(table), flush=True)
    path = render.save(
        "sound_speed",
        "Pretrained encoders of sound: speed",
        command="python benchmarks/sound_speed.py --data FOLDER",
        machine=machine.describe(_VERSIONS),
        tables=[table],
        folder=options.out,
        commit=options.commit,
    )
    print(f"→ {path}")


def measure(options: Options) -> dict[str, Any]:
    """The table: a row for each way."""
    from benchmarks import sound_torch

    found = sorted(path for path in (options.data / "gtzan").rglob("*") if path.suffix.lower() in audio.AUDIO_SUFFIXES)
    files = found[:: max(1, len(found) // options.files)][: options.files]
    encoder = audio.sound_encoder("musicnn-msd", network=models.sound_network)
    net = sound_torch.MusicCNN(encoder.network.variables)
    ways: dict[str, Callable[[], np.ndarray]] = {
        "jaxmusic": lambda: encoder(files),
        "PyTorch and librosa": lambda: sound_torch.embed(net, files),
    }
    first = {way: run() for way, run in ways.items()}
    scale = np.abs(first["PyTorch and librosa"]).max()
    difference = float(np.abs(first["jaxmusic"] - first["PyTorch and librosa"]).max() / scale)
    seconds: dict[str, list[float]] = {way: [] for way in ways}
    others: dict[str, list[float | None]] = {way: [] for way in ways}
    for _ in range(options.rounds):
        for way, run in ways.items():
            with machine.Watch() as watch:
                run()
            seconds[way].append(watch.seconds)
            others[way].append(watch.others)
    ours = float(np.median(seconds["jaxmusic"]))
    rows = []
    for way, taken in seconds.items():
        median = float(np.median(taken))
        shared = None if None in others[way] else max(x for x in others[way] if x is not None)
        rows.append([way, median, len(files) / median, median / ours, shared])
    note = (
        f"{len(files)} files; seconds are the median of {options.rounds} rounds in turn after a first call, which "
        f"compiles. The embeddings differ by {difference:.1e} of the largest at most. Target: PyTorch takes at least "
        "twice as long."
    )
    columns = ["way", "seconds", "files per second", "ratio to jaxmusic", "cores used by others"]
    return render.table("Files → the penultimate layer of musicnn", columns, rows, note)


if __name__ == "__main__":
    main(tyro.cli(Options, description=__doc__))
