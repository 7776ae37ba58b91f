"""Train one VAE in one way and print the peak memory of this process in MiB.

python -m benchmarks.vae_memory MODEL WAY ROWS CLIPS
"""

from __future__ import annotations

import sys

from benchmarks import machine
from benchmarks.vae_cells import cells

_EPOCHS = 2


def main(model: str, way: str, rows: int, clips: int) -> None:
    """Train for two epochs."""
    [cell] = [cell for cell in cells(rows, clips) if cell.name == model]
    if way == "jaxmusic":
        cell.trainer()(_EPOCHS)
    else:
        from benchmarks import torch_vae

        torch_vae.trainer(cell.peer, cell.arrays, cell.targets, batch=cell.batch, way=way)(_EPOCHS)
    print(machine.peak_memory())


if __name__ == "__main__":
    main(*sys.argv[1:3], *map(int, sys.argv[3:]))
