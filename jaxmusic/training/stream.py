"""Batches of rows that do not fit on the device: read ahead on threads, placed while the step before runs."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Any

import jax
import numpy as np
from jax.sharding import NamedSharding

from jaxmusic.data.stores import RowSource

# Batches in memory besides the one that is computed on: enough to hide a slow read, few enough to be bounded.
_AHEAD = 3


def host_batches(source: RowSource, rows: np.ndarray, sharding: NamedSharding | None) -> Iterator[dict[str, Any]]:
    """Batches of `source` on the host, in order.

    Args:
        source: the rows.
        rows: `[steps, batch]` int.
        sharding: how the batch lies on a mesh; a process reads only the rows of its own devices.
    """
    import grain

    mine = _local_positions(rows.shape[1], sharding)
    options = grain.ReadOptions(num_threads=min(_AHEAD, os.cpu_count() or 1), prefetch_buffer_size=_AHEAD)
    yield from grain.MapDataset.source(_Batches(source, rows[:, mine])).to_iter_dataset(options)


def place(batch: Any, sharding: NamedSharding | None) -> Any:
    """The batch on the device or the mesh, assembled from the rows that each process has read."""
    if sharding is None:
        return jax.tree.map(jax.device_put, batch)
    return jax.tree.map(lambda x: jax.make_array_from_process_local_data(sharding, x), batch)


class _Batches:
    """`[step]` → the batch of that step: what grain reads on its threads."""

    def __init__(self, source: RowSource, rows: np.ndarray) -> None:
        self._source, self._rows = source, rows

    def __len__(self) -> int:
        return len(self._rows)

    def __getitem__(self, step: Any) -> Any:
        rows = [self._source[int(row)] for row in self._rows[int(step)]]
        return jax.tree.map(lambda *leaves: np.stack(leaves), *rows)


def _local_positions(batch: int, sharding: NamedSharding | None) -> np.ndarray:
    """Which of the batch's rows lie on this process's devices, ascending."""
    positions = np.arange(batch)
    if sharding is None:
        return positions
    slices = sharding.addressable_devices_indices_map((batch,)).values()
    return np.unique(np.concatenate([positions[index] for index in slices if index is not None]))
