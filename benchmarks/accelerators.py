"""What do a step of every model, text encoding and the selection of items need on a TPU or GPU? Compiled, not run.

    python benchmarks/accelerators.py --libtpu build/libtpu                   # TPU v5e and v6e; an hour on two cores
    python benchmarks/accelerators.py --chips h100 --cuda FOLDER --target FILE

The compilers run on a machine without the chips: `pip install --target build/libtpu --no-deps 'libtpu==0.0.42.*'` for
TPUs; for GPUs `pip install --target FOLDER --no-deps jax-cuda12-plugin jax-cuda12-pjrt` in jax's version, and a file
with XLA's description of the GPU (`GpuTargetConfigProto` as text, as XLA prints it where there is one).
What was compiled is kept in `accelerators.jsonl` of the output folder, so that a run that was stopped goes on, and runs
for several chips end in one table. Writes `results/accelerators-<machine>.json` and `RESULTS.md`.
"""

from __future__ import annotations

import itertools
import json
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any, NamedTuple

import tyro

from benchmarks import machine, render

_ROOT = Path(__file__).parent.parent
_VERSIONS = ("jax", "jaxlib", "flax", "optax")
_PROGRAMS = (
    "FC-VAE",
    "Conv1D VAE",
    "ConvVAE",
    "JointVAE",
    "SpectrogramClassifier",
    "LyricsClassifier",
    "text encoding",
    "top items",
    "melspectrogram",
    "mfcc",
)
# Those whose activations have a type of their own.
_TYPED = {"FC-VAE", "Conv1D VAE", "ConvVAE", "JointVAE"}


class Chip(NamedTuple):
    """What the maker publishes.

    Attributes:
        peak: dense bfloat16 operations a second.
        bandwidth: bytes a second between the chip and its memory.
    """

    peak: float
    bandwidth: float


CHIPS = {
    "v5e": Chip(197e12, 819e9),
    "v6e": Chip(918e12, 1_640e9),
    "h100": Chip(989e12, 3_350e9),
}
"""Cloud TPU's pages of v5e and v6e, NVIDIA's data sheet of the H100 SXM."""


@dataclass(frozen=True)
class Options:
    """Programs compiled for chips that are not here."""

    programs: tuple[str, ...] = _PROGRAMS
    """Which."""
    chips: tuple[str, ...] = ("v5e", "v6e")
    """Of v5e, v6e, h100."""
    batches: tuple[int, ...] = (32, 256, 1024)
    """Rows of a step, on one chip."""
    dtypes: tuple[str, ...] = ("float32", "bfloat16")
    """Of the activations, of models that have one."""
    devices: tuple[int, ...] = (4, 8)
    """Chips that share the second batch."""
    libtpu: Path | None = Path(os.environ["JAXMUSIC_LIBTPU"]) if "JAXMUSIC_LIBTPU" in os.environ else None
    """Folder that libtpu is installed into; default: $JAXMUSIC_LIBTPU."""
    cuda: Path | None = None
    """Folder that jax's CUDA plugin is installed into."""
    target: Path | None = None
    """File with XLA's description of the GPU."""
    seconds: int = 3600
    """Limit of one compilation; one that takes longer is no row, and named."""
    out: Path = render.OWN
    """Folder of the results and of their page."""
    commit: bool = False
    """Replace the published results, in place of `out`, and write the pages that show them anew."""


def main(options: Options) -> None:
    """Compile what was not compiled before, write the results, render the page."""
    kept, missing = Kept(options.out / "accelerators.jsonl"), []
    for chip in options.chips:
        if reason := unavailable(chip, options):
            missing.append(f"{chip}: not compiled, {reason}")
            continue
        for task in tasks(chip, options):
            if kept.has(task):
                continue
            try:
                kept.add(compiled([task], options)[0])
                print(row(kept.found[-1]), flush=True)
            except (RuntimeError, subprocess.TimeoutExpired) as error:
                missing.append(f"{named(task)}: not compiled, {reason_of(error)}")
                print(missing[-1], flush=True)
    rows = [row(found) for found in sorted(kept.found, key=_place)]
    path = render.save(
        "accelerators",
        "Accelerators: compiled, not run",
        command="python benchmarks/accelerators.py",
        machine=machine.describe(_VERSIONS),
        tables=[render.table("Programs for accelerators, compiled and not run", COLUMNS, rows, NOTE)],
        folder=options.out,
        commit=options.commit,
        not_measured=["No time of a chip: none was at hand, and a compiler's figures are no measurement.", *missing],
    )
    print(f"→ {path}")


class Kept:
    """What was compiled with these versions, in a file, so that a run that was stopped goes on.

    Args:
        path: of the file, a line of JSON for each.

    Attributes:
        found: what the compiler said of each.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._versions = {name: version(name) for name in _VERSIONS}
        lines = path.read_text(encoding="utf-8").splitlines() if path.exists() else []
        self.found = [entry for line in lines if (entry := json.loads(line))["versions"] == self._versions]

    def has(self, task: Mapping[str, Any]) -> bool:
        """Whether a task is done."""
        return any(all(entry.get(name) == value for name, value in task.items()) for entry in self.found)

    def add(self, found: Mapping[str, Any]) -> None:
        """Keep what the compiler said of a task; XLA's description of a GPU is left out."""
        self.found.append({**{k: v for k, v in found.items() if k != "target"}, "versions": self._versions})
        self._path.parent.mkdir(parents=True, exist_ok=True)
        with self._path.open("a", encoding="utf-8") as file:
            file.write(json.dumps(self.found[-1]) + "\n")


COLUMNS = (
    "program",
    "chips, batch, activations",
    "temporary memory of a chip, MiB",
    "its arguments, MiB",
    "GFLOP of a chip",
    "GB moved by a chip",
    "ms at the peak",
    "ms at the bandwidth",
    "bound by",
    "collectives",
    "seconds to compile",
)
NOTE = (
    "Compiled, not run: the compiler's own count of operations, of bytes between chip and memory and of temporary "
    "memory, for one training step (Adam), one batch of texts of 128 tokens (BERT base), of 500 of 380,000 items of 64 "
    "numbers, or of 30 s of sound at 22,050 Hz. Spectrograms are 128 × 1,290. The two times are what the makers' "
    "figures allow: the dense bfloat16 peak (197, 918 and 989 TFLOP/s for v5e, v6e and H100 SXM) and the bandwidth "
    "(819, 1,640 and 3,350 GB/s); a run takes the longer of the two or more. The body of a loop counts once, so that "
    "the operations and bytes of LyricsClassifier, which loops over blocks of positions, are below those of a run. XLA "
    "counts neither for GPUs. Seconds to compile are of the machine above, which others shared."
)


def tasks(chip: str, options: Options) -> list[dict[str, Any]]:
    """What to compile for a chip: one of it at every batch, several at the second."""
    found = []
    for program, dtype in itertools.product(options.programs, options.dtypes):
        if dtype != "float32" and program not in _TYPED:
            continue
        task = {"program": program, "chip": chip, "dtype": dtype}
        found += [{**task, "batch": batch, "devices": 1} for batch in options.batches]
        shared = options.batches[min(1, len(options.batches) - 1)]
        found += [{**task, "batch": shared, "devices": count} for count in options.devices]
    return found


def compiled(tasks: Sequence[Mapping[str, Any]], options: Options) -> list[dict[str, Any]]:
    """What the compiler says of some tasks for one chip, in a process of its own.

    Raises:
        RuntimeError: a program that does not compile; the compiler's last words.
        subprocess.TimeoutExpired: it takes too long.
    """
    chip = tasks[0]["chip"]
    target = {"target": options.target.read_text()} if chip == "h100" and options.target else {}
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.accelerators_worker", json.dumps([{**task, **target} for task in tasks])],
        cwd=_ROOT,
        env=environment(options.cuda if chip == "h100" else options.libtpu),
        capture_output=True,
        text=True,
        check=False,
        timeout=options.seconds * len(tasks),
    )
    if done.returncode:
        raise RuntimeError(done.stderr.strip()[-2000:])
    return [json.loads(line) for line in done.stdout.splitlines()]


def environment(folder: Path | None) -> dict[str, str]:
    """Variables of a process that compiles with what lies in `folder` and computes on this processor."""
    paths = [str(_ROOT), *([str(Path(folder).absolute())] if folder else []), os.environ.get("PYTHONPATH", "")]
    return {
        **os.environ,
        "PYTHONPATH": os.pathsep.join(filter(None, paths)),
        "JAX_PLATFORMS": "cpu",
        # libtpu asks the machine that it is on which TPU it has, and needs this answer where there is none.
        "TPU_SKIP_MDS_QUERY": "1",
        "TPU_ACCELERATOR_TYPE": "v5litepod-8",
        "TPU_WORKER_HOSTNAMES": "localhost",
        "ALLOW_MULTIPLE_LIBTPU_LOAD": "true",
    }


def unavailable(chip: str, options: Options) -> str:
    """Why nothing can be compiled for a chip; empty where it can."""
    if chip not in CHIPS:
        return f"unknown: name some of {', '.join(CHIPS)}"
    if chip == "h100":
        if options.cuda is None or options.target is None:
            return "give --cuda, the folder of jax's CUDA plugin, and --target, XLA's description of the GPU"
        return ""
    if options.libtpu is None or not Path(options.libtpu, "libtpu").is_dir():
        return "give --libtpu: pip install --target build/libtpu --no-deps 'libtpu==0.0.42.*'"
    return ""


def row(found: Mapping[str, Any]) -> list[Any]:
    """A row of the table."""
    chip = CHIPS[found["chip"]]
    peak = bandwidth = bound = None
    if found["flops"] is not None:
        peak, bandwidth = 1e3 * found["flops"] / chip.peak, 1e3 * found["bytes"] / chip.bandwidth
        bound = "peak" if peak > bandwidth else "bandwidth"
    collectives = ", ".join(f"{count} {name}" for name, count in found["collectives"].items())
    return [
        found["program"],
        f"{found['devices']} × {found['chip']}, {found['batch']:,}, {found['dtype']}",
        found["temporary"] / 2**20,
        found["arguments"] / 2**20,
        None if found["flops"] is None else found["flops"] / 1e9,
        None if found["bytes"] is None else found["bytes"] / 1e9,
        peak,
        bandwidth,
        bound,
        collectives or "none",
        found["seconds"],
    ]


def _place(found: Mapping[str, Any]) -> tuple[Any, ...]:
    """By what the rows are sorted."""
    program = _PROGRAMS.index(found["program"])
    return list(CHIPS).index(found["chip"]), program, found["dtype"], found["devices"], found["batch"]


def named(task: Mapping[str, Any]) -> str:
    """A task in words."""
    return f"{task['program']}, {task['dtype']}, batch {task['batch']} on {task['devices']} × {task['chip']}"


def reason_of(error: Exception) -> str:
    """Why a compilation failed, in one line."""
    if isinstance(error, subprocess.TimeoutExpired):
        return f"it took longer than {error.timeout:.0f} s"
    lines = [line for line in str(error).splitlines() if "RESOURCE_EXHAUSTED" in line or "Error" in line]
    return (lines or str(error).splitlines() or ["for no reason that it gave"])[-1][:300]


if __name__ == "__main__":
    main(tyro.cli(Options, description=__doc__))
