"""Seconds of jaxmusic and of librosa for the same work, turn by turn in one run."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import jax
import numpy as np

from benchmarks import audio_peer as peer
from benchmarks.machine import Watch
from benchmarks.render import table
from jaxmusic import audio
from jaxmusic.audio.table import extract_table

SR = 22_050
_COLUMNS = ["way", "seconds", "per second", "ratio to jaxmusic", "first call, seconds", "cores used by others"]


def files_to_table(paths: Sequence[Path], *, rounds: int) -> dict[str, Any]:
    """Files → the 57 columns, librosa in as many joblib processes as jaxmusic has decoders."""

    def librosas(share: bool) -> list[np.ndarray]:
        return _in_workers(partial(peer.table_row, share=share), paths)

    ways = {
        "jaxmusic": lambda: extract_table(paths, progress=False),
        "librosa, one spectrum shared": lambda: librosas(True),
        "librosa, each feature from the waveform": lambda: librosas(False),
    }
    seconds = sum(len(audio.load(path)) for path in paths) / SR
    note = (
        f"{len(paths)} files of {seconds / len(paths):.1f} s on average; seconds are the median of {rounds} rounds in "
        "turn after a first call, which compiles. Target: librosa takes at least 3 times as long."
    )
    return _table("Files → the 57 columns of features_30_sec.csv", ways, len(paths), rounds, note)


def mel_and_mfcc(y: np.ndarray, *, rounds: int) -> dict[str, Any]:
    """Waveforms in memory → mel spectrogram in dB and MFCC.

    Args:
        y: `[clips, samples]` float32 at 22,050 Hz.
        rounds: calls of each way.
    """
    compute = jax.jit(_ours)
    ways = {
        "jaxmusic": lambda: jax.block_until_ready(compute(y)),
        "librosa, one process": lambda: [peer.mel_and_mfcc(clip) for clip in y],
        "librosa, a thread per core": lambda: _in_workers(peer.mel_and_mfcc, y, prefer="threads"),
        "librosa, a process per core": lambda: _in_workers(peer.mel_and_mfcc, y),
    }
    note = (
        f"{len(y)} clips of {y.shape[1] / SR:.0f} s; seconds are the median of {rounds} rounds in turn after a first "
        "call. The processes return their arrays, as jaxmusic does. Target: librosa takes at least twice as long."
    )
    return _table("Waveforms in memory → mel spectrogram in dB and 20 MFCC", ways, len(y), rounds, note)


def cold_start(paths: Sequence[Path]) -> dict[str, Any]:
    """The command on a few files in a fresh process without any cache of compiled programs; librosa's likewise."""
    script = "import sys; from benchmarks.audio_peer import table_row; "
    script += "[table_row(path, share=True) for path in sys.argv[1:]]"
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        music = Path(folder, "music")
        music.mkdir()
        for path in paths:
            (music / path.name).symlink_to(path.resolve())
        command = ["-m", "jaxmusic.audio", str(music), "--out", str(Path(folder, "features.csv")), "--quiet"]
        for way, arguments in {
            "python -m jaxmusic.audio": command,
            "python -m jaxmusic.audio, a second time": command,
            "librosa, one process": ["-c", script, *map(str, paths)],
        }.items():
            # Where each keeps compiled programs.
            places = {"XDG_CACHE_HOME": str(Path(folder, "jax")), "NUMBA_CACHE_DIR": str(Path(folder, "numba"))}
            with Watch() as watch:
                subprocess.run(
                    [sys.executable, *arguments], check=True, env=os.environ | places, stdout=subprocess.DEVNULL
                )
            rows.append([way, watch.seconds, watch.others])
    note = (
        "Programs are compiled in the first run and found again in the second. librosa takes one process: several that "
        "fill numba's empty cache at a time can crash. Target: the first run below 15 s."
    )
    return table(f"Cold start on {len(paths)} files", ["command", "seconds", "cores used by others"], rows, note)


def on_accelerator(y: np.ndarray, *, rounds: int, batches: Sequence[int] = (16, 64, 256)) -> dict[str, Any]:
    """Clips per second on the accelerator for batches that lie there, against librosa on its host."""
    rows = []
    theirs = _median_seconds(lambda: _in_workers(peer.mel_and_mfcc, y), rounds)[0] / len(y)
    functions: dict[str, Callable[..., Any]] = {"mel in dB + MFCC": _ours, "57 columns": audio.summary.table_features}
    for name, function in functions.items():
        for size in batches:
            batch = jax.device_put(np.resize(y, (size, y.shape[1])))
            compute = partial(jax.jit(function), batch)
            seconds, first = _median_seconds(compute, rounds)
            ratio = theirs * size / seconds if function is _ours else None
            rows.append([name, size, size / seconds, ratio, first])
    columns = ["features", "batch", "clips per second", "ratio to librosa, a process per core", "first call, seconds"]
    return table(f"On {jax.devices()[0].device_kind}, clips of {y.shape[1] / SR:.0f} s", columns, rows)


def _ours(y: jax.Array) -> tuple[jax.Array, jax.Array]:
    decibels = audio.power_to_db(audio.melspectrogram(y, sr=SR))
    return decibels, audio.mfcc(S=decibels)


def _in_workers(function: Callable[[Any], Any], inputs: Any, **options: Any) -> list[Any]:
    from joblib import Parallel, delayed

    return Parallel(n_jobs=-1, **options)(delayed(function)(x) for x in inputs)


def _table(title: str, ways: Mapping[str, Callable[[], Any]], count: int, rounds: int, note: str) -> dict[str, Any]:
    """Each way once for its first call, then all in turn, so that a busy minute strikes all of them."""
    first, seconds, others = {}, {way: list[float]() for way in ways}, {way: list[float | None]() for way in ways}
    for way, run in ways.items():
        with Watch() as watch:
            run()
        first[way] = watch.seconds
    for _ in range(rounds):
        for way, run in ways.items():
            with Watch() as watch:
                run()
            seconds[way].append(watch.seconds)
            others[way].append(watch.others)
    median = {way: float(np.median(values)) for way, values in seconds.items()}
    ours = median["jaxmusic"]
    return table(
        title,
        _COLUMNS,
        [[way, s, count / s, s / ours, first[way], _worst(others[way])] for way, s in median.items()],
        note,
    )


def _median_seconds(compute: Callable[[], Any], rounds: int) -> tuple[float, float]:
    """Of the calls after the first, and of the first."""
    seconds = []
    for _ in range(1 + rounds):
        with Watch() as watch:
            jax.block_until_ready(compute())
        seconds.append(watch.seconds)
    return float(np.median(seconds[1:])), seconds[0]


def _worst(others: Sequence[float | None]) -> float | None:
    return None if None in others else max(others)  # type: ignore[type-var]
