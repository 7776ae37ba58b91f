"""Memory of `audio.extract` over very many files: each run is a process of its own, so that its peak is its own."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import jax
import numpy as np

from benchmarks.machine import Watch, peak_memory
from benchmarks.render import table
from jaxmusic import audio

SR, SECONDS = 22_050, 0.25
# Name → transform, and whether a cache is kept.
RUNS = {
    "mel spectrogram in dB, 128 × 11": ("mel", False),
    "57 columns": ("table", False),
    "57 columns, cache written": ("table", True),
    "57 columns, read from the cache": ("table", True),
}


def measure(files: int, ways: int = len(RUNS)) -> dict[str, Any]:
    """The table of peaks for so many synthetic clips, by the first of the ways; 100,000 take a gigabyte of disk."""
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        clips, cache = Path(folder, "clips"), Path(folder, "cache")
        write_clips(clips, files)
        for name, (features, with_cache) in list(RUNS.items())[:ways]:
            command = [sys.executable, "-m", "benchmarks.audio_memory", features, str(clips)]
            command += [str(cache)] * with_cache
            with Watch() as watch:
                done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
            found = json.loads(done.stdout.splitlines()[-1])
            rate = files / found["seconds"]
            rows.append([name, found["size"], found["seconds"], rate, found["peak"], watch.others])
    columns = ["features", "their size, MiB", "seconds", "files per second", "peak memory, MiB", "cores used by others"]
    note = (
        f"Clips of {SECONDS} s with contents of their own. The peak is that of the whole process, libraries and mapped "
        "pages of the features included. Target: below 2,048 MiB."
    )
    return table(f"{files:,} files through `extract`", columns, rows, note)


def write_clips(folder: Path, files: int) -> None:
    """Short tones of random pitch in noise, a thousand in each subfolder."""
    import soundfile

    rng = np.random.default_rng(0)
    t = np.arange(round(SECONDS * SR)) / SR
    for i in range(files):
        place = folder / f"{i // 1000:04d}"
        place.mkdir(parents=True, exist_ok=True)
        tone = np.sin(2 * np.pi * rng.uniform(100, 2000) * t)
        y = 0.3 * tone + 0.03 * rng.standard_normal(len(t), dtype=np.float32)
        soundfile.write(place / f"{i:06d}.wav", y, SR)


def decibels(y: jax.Array) -> jax.Array:
    """Mel spectrogram in dB."""
    return audio.power_to_db(audio.melspectrogram(y, sr=SR))


def _run(way: str, folder: str, cache: str | None = None) -> None:
    paths = sorted(Path(folder).rglob("*.wav"))
    transform: Callable[..., Any] = decibels if way == "mel" else partial(audio.summary.table_features, sr=SR)
    start = time.perf_counter()
    found = audio.extract(paths, transform, sr=SR, duration=SECONDS, batch_size=64, cache=cache, progress=False)
    seconds = time.perf_counter() - start
    if len(found.rows) != len(paths) or not np.isfinite(found.features[:: max(1, len(paths) // 100)]).all():
        raise RuntimeError(f"{len(found.rows)} of {len(paths)} files came through: {found.skipped[:3]}")
    print(json.dumps({"seconds": seconds, "size": found.features.nbytes / 2**20, "peak": peak_memory()}))


if __name__ == "__main__":
    _run(*sys.argv[1:])
