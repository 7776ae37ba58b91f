"""Does the audio front end give librosa's numbers, and how much faster?

    python benchmarks/audio.py --data FOLDER   # minutes on two cores; FOLDER holds music in any subfolders
    python benchmarks/audio.py                 # the embedded corpus only
    python benchmarks/audio.py --memory        # 100,000 files through `extract`: a quarter of an hour, 2 GB of disk

Writes `results/audio-<machine>.json` (with `--memory`, `results/audio-memory-<machine>.json`) and `RESULTS.md`. Run it
on a quiet machine: every row says how many cores others used meanwhile.
"""

from __future__ import annotations

import os
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jax
import numpy as np
import soundfile
import tyro

from benchmarks import audio_memory, audio_parity, audio_speed, machine, render
from jaxmusic import audio
from jaxmusic.audio.table import audio_files
from jaxmusic.data.synthetic_corpus import draw_corpus, render_corpus

SR = audio_speed.SR
_VERSIONS = ("jax", "jaxlib", "numpy", "scipy", "librosa", "numba", "soundfile", "soxr", "joblib")


@dataclass(frozen=True)
class Options:
    """Parity with librosa and speed beside it, on this machine."""

    data: Path | None = Path(os.environ["JAXMUSIC_TEST_DATA"]) if "JAXMUSIC_TEST_DATA" in os.environ else None
    """Folder with recordings in any subfolders; default: $JAXMUSIC_TEST_DATA, else none, only the embedded corpus."""
    collections: tuple[str, ...] = ("gtzan", "librosa_examples")
    """Subfolders of `data` that are measured, each a column; "." for `data` itself. Speed is measured on the first."""
    seconds: float = 15.0
    """Length that clips are cropped to for parity and for features from memory."""
    clips: int = 200
    """Clips of a collection, at most, evenly spaced."""
    files: int = 40
    """Files of a speed round."""
    rounds: int = 3
    """Rounds of each speed table."""
    memory: bool = False
    """Only measure the memory of very many files."""
    memory_files: int = 100_000
    """How many."""
    memory_ways: int = 4
    """The first so many of: mel spectrograms; 57 columns; the same with a cache written; and read."""
    out: Path = render.OWN
    """Folder of the results and of their page."""
    commit: bool = False
    """Replace the published results, in place of `out`, and write the pages that show them anew."""


def main(options: Options) -> None:
    """Measure, write the results, render the page."""
    described = machine.describe(_VERSIONS)
    if options.memory:
        measured = audio_memory.measure(options.memory_files, options.memory_ways)
        _save("audio-memory", "Audio: memory", "python benchmarks/audio.py --memory", described, [measured], options)
        return
    with tempfile.TemporaryDirectory() as folder:
        # The library never keeps compiled programs by itself; its command does, and so does this one.
        jax.config.update("jax_compilation_cache_dir", str(Path(folder, "programs")))
        collections = _collections(options, Path(folder, "embedded"))
        paths = collections[options.collections[0] if options.data else "embedded corpus"][: options.files]
        clips = {
            name: [audio.load(path, sr=SR, duration=options.seconds) for path in found]
            for name, found in collections.items()
        }
        tables = [audio_parity.measure(clips, SR)]
        print(render.markdown(tables[-1]), flush=True)
        whole = [y for found in clips.values() for y in found if len(y) == round(options.seconds * SR)]
        y = np.stack(whole[: options.files])
        tables += _speed(paths, y, options.rounds)
    _save("audio", "Audio: parity and speed", "python benchmarks/audio.py --data FOLDER", described, tables, options)


def _collections(options: Options, folder: Path) -> dict[str, list[Path]]:
    """Name → audio files; the embedded corpus is written to `folder`."""
    folder.mkdir()
    songs = render_corpus(draw_corpus(jax.random.key(0), 24), duration=options.seconds, sample_rate=SR)
    for i, y in enumerate(songs):
        soundfile.write(folder / f"{i:02d}.wav", y, SR)
    collections = {"embedded corpus": sorted(folder.iterdir())}
    if options.data is None:
        return collections
    for name in options.collections:
        found = audio_files(options.data / name)
        collections[name] = found[:: -(-len(found) // options.clips)]
    return collections


def _speed(paths: list[Path], y: np.ndarray, rounds: int) -> list[dict[str, Any]]:
    tables = []
    measurements = [
        lambda: audio_speed.files_to_table(paths, rounds=rounds),
        lambda: audio_speed.mel_and_mfcc(y, rounds=2 * rounds),
        lambda: audio_speed.cold_start(paths[:10]),
    ]
    if jax.default_backend() != "cpu":
        measurements.append(lambda: audio_speed.on_accelerator(np.tile(y, 2), rounds=rounds))
    for measure in measurements:
        tables.append(measure())
        print(render.markdown(tables[-1]), flush=True)
    return tables


def _save(
    question: str, title: str, command: str, described: dict[str, Any], tables: list[dict[str, Any]], options: Options
) -> None:
    missing = ["GPU: not measured, none was at hand."] if jax.default_backend() == "cpu" else []
    path = render.save(
        question,
        title,
        command=command,
        machine=described,
        tables=tables,
        not_measured=missing,
        folder=options.out,
        commit=options.commit,
    )
    print(f"→ {path}")


if __name__ == "__main__":
    main(tyro.cli(Options, description=__doc__))
