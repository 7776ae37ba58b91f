"""How long from `python` to the end of a first epoch, with nothing compiled, with a warm cache, and in PyTorch?

    python benchmarks/start.py     # minutes on two cores; needs PyTorch

Writes `results/start-<machine>.json` and `RESULTS.md`. Run it on a quiet machine.
"""

from __future__ import annotations

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

_VERSIONS = ("jax", "jaxlib", "flax", "optax", "torch")
_TARGET = 6.0
_IMPORT = "import jaxmusic"
_OURS = """
import sys, jax, numpy as np, optax
jax.config.update("jax_compilation_cache_dir", sys.argv[1])
from jaxmusic import losses, models, training
x = {"inputs": np.random.default_rng(0).normal(size=(2000, 256)).astype(np.float32)}
training.fit(jax.random.key(0), models.FCVAE(), losses.elbo(), x, epochs=1, batch_size=64, optimizer=optax.adam(1e-3))
"""
_THEIRS = """
import numpy as np
from benchmarks import torch_vae
x = np.random.default_rng(0).normal(size=(2000, 256)).astype(np.float32)
torch_vae.trainer(lambda: torch_vae.DenseVAE(256, 32, (512, 256)), [x], 1, batch=64, way={way!r})(1)
"""


@dataclass(frozen=True)
class Options:
    """Cold start of the library and of a first FC-VAE epoch, in processes of their own."""

    rounds: int = 5
    """Processes of each kind; the median counts."""
    compiled: bool = True
    """Time torch.compile, too."""
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
        "start",
        "Cold start",
        command="python benchmarks/start.py",
        machine=described,
        tables=[table],
        folder=options.out,
        commit=options.commit,
        not_measured=["GPU: not measured, none was at hand."] if jax.default_backend() == "cpu" else [],
    )
    print(f"→ {path}")


def measure(options: Options) -> dict[str, Any]:
    """The table: a row for each kind of start."""
    with tempfile.TemporaryDirectory() as folder:
        kinds: dict[str, tuple[str, bool, Any]] = {
            "import jaxmusic": (_IMPORT, False, 0.3),
            "jaxmusic, an FC-VAE's first epoch, nothing compiled": (_OURS, True, "–"),
            "the same, compilation cache warm": (_OURS, False, _TARGET),
            "PyTorch eager, the same epoch": (_THEIRS.format(way="eager"), False, "–"),
        }
        if options.compiled:
            kinds["PyTorch, torch.compile, its cache warm"] = (_THEIRS.format(way="compiled"), False, "–")
        rows = []
        for name, (code, is_cold, target) in kinds.items():
            found = []
            for i in range(options.rounds):
                cache = Path(folder, f"cold{i}" if is_cold else "warm")
                if not is_cold and i == 0:
                    # What fills the caches is not timed: the compiled programs', and the file system's.
                    _seconds(code, cache)
                found.append(_seconds(code, cache))
            seconds = [watch.seconds for watch in found]
            others = [watch.others for watch in found]
            spread = f"{min(seconds):.2f}–{max(seconds):.2f}"
            rows.append([name, float(np.median(seconds)), spread, target, None if None in others else max(others)])
    note = (
        f"Whole processes, from the start of the interpreter to its end; the median of {options.rounds}. 2,000 rows of "
        "256 columns in batches of 64. Targets: below these seconds."
    )
    return render.table(
        "From python to the end of an epoch", ["what", "seconds", "range", "target", "cores used by others"], rows, note
    )


def _seconds(code: str, cache: Path) -> machine.Watch:
    root = Path(__file__).parent.parent
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(root), os.environ.get("PYTHONPATH", "")])}
    with machine.Watch() as watch:
        done = subprocess.run(
            [sys.executable, "-c", code, str(cache)],
            cwd=root,
            env=environment,
            capture_output=True,
            text=True,
            check=False,
        )
    if done.returncode:
        raise RuntimeError(done.stderr.strip()[-2000:])
    return watch


if __name__ == "__main__":
    main(tyro.cli(Options, description=__doc__))
