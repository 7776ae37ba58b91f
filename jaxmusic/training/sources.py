"""What an epoch is made of: arrays on the device, rows read by their number, or batches that somebody else makes."""

from __future__ import annotations

import hashlib
import inspect
import os
import sys
from collections.abc import Iterable, Iterator, Mapping
from functools import cached_property
from typing import Any, cast

import jax
import jax.numpy as jnp
import numpy as np
from jax.sharding import Mesh, NamedSharding, PartitionSpec

from jaxmusic.data.stores import RowSource, source_fingerprint
from jaxmusic.training.state import Batch, Source, without_keys

# Batches in memory besides the one that is computed on: enough to hide a slow read, few enough to be bounded.
_AHEAD = 3


class Resident:
    """Arrays on the device; batches are gathered from them there."""

    def __init__(self, data: Batch, mesh: Mesh | None, part: str) -> None:
        sharding = None if mesh is None else NamedSharding(mesh, PartitionSpec())
        self.arrays = jax.tree.map(lambda x: jax.device_put(jnp.asarray(x), sharding), _arrays(data, part))
        self.count = _count(self.arrays, part)
        self.first = jax.tree.map(lambda x: x[:1], self.arrays)

    @cached_property
    def fingerprint(self) -> str:
        """Changes with any value: no checkpoint is taken for another's."""
        return fingerprints(self.arrays)


class Rows:
    """Rows by their number, read ahead on threads while the step before runs."""

    def __init__(self, source: RowSource, part: str) -> None:
        self._source, self.count = source, len(source)
        if not self.count:
            raise ValueError(f"{part} has no rows")
        self.first = jax.tree.map(lambda x: x[None], self.row(0, part))
        grain = sys.modules.get("grain")
        # A MapDataset draws a row's random transformations anew at every further pass over its numbers.
        self._is_endless = grain is not None and isinstance(source, grain.MapDataset)

    @cached_property
    def fingerprint(self) -> str:
        """Changes with a sample of the rows."""
        return source_fingerprint(self._source)

    def batches(self, rows: np.ndarray, epoch: int, sharding: NamedSharding | None) -> Iterator[dict[str, Any]]:
        """Batches on the device or the mesh, in the order of `rows` `[steps, batch]` int; a process reads its own."""
        import grain

        mine = rows[:, _local_positions(rows.shape[1], sharding)]
        options = grain.ReadOptions(num_threads=min(_AHEAD, os.cpu_count() or 1), prefetch_buffer_size=_AHEAD)
        read = grain.MapDataset.source(_Reader(self, mine + (epoch * self.count if self._is_endless else 0)))
        for batch in read.to_iter_dataset(options):
            yield placed(batch, sharding)

    def row(self, row: int, part: str = "the source") -> dict[str, Any]:
        """One row: name → array."""
        return _arrays(self._source[row], f"row {row} of {part}")


class Batches:
    """Batches of an iterable that starts anew for each epoch."""

    def __init__(self, source: Any, batch_size: int, part: str) -> None:
        if isinstance(source, Iterator):
            raise ValueError(
                f"{part} is {_said(source)}, which runs once: give what starts anew for each epoch, such as the "
                "function that makes it"
            )
        self._source, self._batch_size, self._part = source, batch_size, part
        self.count = None
        self._takes_epoch = callable(source) and bool(inspect.signature(source).parameters)
        found = next(iter(self._started(0)), None)
        if found is None:
            raise ValueError(f"{part} has no rows: its first epoch gives no batch")
        first = _arrays(found, f"the first batch of {part}")
        self._like, self.first = _shapes(first), jax.tree.map(lambda x: x[:1], first)

    @property
    def fingerprint(self) -> str:
        """Changes with the shapes: what an iterable will give cannot be known."""
        return str(self._like)

    def batches(self, epoch: int, sharding: NamedSharding | None) -> Iterator[tuple[int, dict[str, Any]]]:
        """(rows that count, batch) of an epoch, each filled up to one size."""
        for i, found in enumerate(self._started(epoch)):
            where = f"batch {i + 1} of epoch {epoch + 1} of {self._part}"
            batch = _arrays(found, where)
            if _shapes(batch) != self._like:
                raise ValueError(
                    f"{where} has {_shapes(batch)} where the first had {self._like}: one compiled step needs one "
                    "shape; pad the rows"
                )
            count = _count(batch, where)
            if count > self._batch_size:
                raise ValueError(f"{where} has {count} rows, more than batch_size {self._batch_size}")
            rows = np.where(np.arange(self._batch_size) < count, np.arange(self._batch_size), 0)
            rows = rows[_local_positions(self._batch_size, sharding)]
            yield (
                count,
                {
                    **placed(jax.tree.map(lambda x, rows=rows: x[rows], batch), sharding),
                    "row_mask": np.arange(self._batch_size) < count,
                },
            )

    def _started(self, epoch: int) -> Iterable[Any]:
        if callable(self._source):
            return self._source(epoch) if self._takes_epoch else self._source()
        return self._source


Opened = Resident | Rows | Batches


def opened(data: Source | Opened, batch_size: int, mesh: Mesh | None, part: str) -> Opened:
    """What was given as `part` ("train", say), looked at and ready; what is already comes back as it is.

    Raises:
        ValueError: no rows, rows that differ in number, text, or what runs only once.
        TypeError: nothing that rows could come from.
    """
    if isinstance(data, Opened):
        return data
    if isinstance(data, Mapping):
        return Resident(data, mesh, part)
    if hasattr(data, "__getitem__") and hasattr(data, "__len__"):
        return Rows(cast(RowSource, data), part)
    if callable(data) or isinstance(data, Iterable):
        return Batches(data, batch_size, part)
    raise TypeError(f"{part} is {_said(data)}: give a dict of arrays, a row source, or an iterable of batches")


def in_order(count: int, batch_size: int) -> np.ndarray:
    """`[steps, batch]` int32: the rows one after the other, filled up with row 0."""
    rows = np.arange(count, dtype=np.int32)
    return np.pad(rows, (0, -count % batch_size)).reshape(-1, batch_size)


def row_masks(count: int, batch_size: int) -> np.ndarray:
    """`[steps, batch]` bool, False on the filler rows of the last batch."""
    steps = -(-count // batch_size)
    return (np.arange(steps * batch_size) < count).reshape(steps, batch_size)


def placed(batch: Any, sharding: NamedSharding | None) -> Any:
    """The batch on the device or the mesh, assembled from the rows that each process has read."""
    if sharding is None:
        return jax.tree.map(jax.device_put, batch)
    return jax.tree.map(lambda x: jax.make_array_from_process_local_data(sharding, x), batch)


def fingerprint(array: Any) -> str:
    """Of an array's bytes."""
    return hashlib.sha256(np.asarray(array).tobytes()).hexdigest()[:16]


def fingerprints(tree: Any) -> str:
    """Of all arrays of a tree, typed keys among them."""
    return "".join(fingerprint(x) for x in jax.tree.leaves(without_keys(tree)))


class _Reader:
    """`[step]` → the batch of that step: what grain reads on its threads."""

    def __init__(self, source: Rows, rows: np.ndarray) -> None:
        self._source, self._rows = source, rows

    def __len__(self) -> int:
        return len(self._rows)

    def __getitem__(self, step: Any) -> Any:
        rows = [self._source.row(int(row)) for row in self._rows[int(step)]]
        return jax.tree.map(lambda *leaves: np.stack(leaves), *rows)


def _said(x: Any) -> str:
    return "None" if x is None else f"of type {type(x).__name__}"


def _shapes(batch: Any) -> dict[str, str]:
    leaves = jax.tree_util.tree_leaves_with_path(batch)
    return {
        jax.tree_util.keystr(path, simple=True, separator="."): f"{x.dtype}{list(x.shape[1:])}" for path, x in leaves
    }


def _arrays(entries: Any, where: str) -> dict[str, Any]:
    """Nested name → array; lists become arrays, arrays that lie on a device stay there."""
    if not isinstance(entries, Mapping):
        raise ValueError(f"{where} is {_said(entries)} where a dict, name → array, is needed")
    found: dict[str, Any] = {}
    for name, x in entries.items():
        if isinstance(x, Mapping | jax.Array):
            found[name] = _arrays(x, where) if isinstance(x, Mapping) else x
            continue
        try:
            found[name] = np.asarray(x)
        except ValueError as error:
            raise ValueError(f"the column {name!r} of {where} is no array: {error}") from error
        if not (jnp.issubdtype(found[name].dtype, np.number) or found[name].dtype == bool):
            kind = "text" if found[name].dtype.kind in "UST" else found[name].dtype.name
            raise ValueError(
                f"the column {name!r} of {where} holds {kind}, no numbers: leave it out, as "
                f"remove_columns({name!r}) of a datasets.Dataset does"
            )
    return found


def _count(arrays: Any, where: str) -> int:
    """The one number of rows of all arrays."""
    leaves = jax.tree_util.tree_leaves_with_path(arrays)
    rows = {jax.tree_util.keystr(path, simple=True, separator="."): x.shape[0] if x.ndim else -1 for path, x in leaves}
    if len(set(rows.values())) > 1 or -1 in rows.values():
        raise ValueError(f"the arrays of {where} differ in their number of rows: {rows}")
    if not any(rows.values()):
        raise ValueError(f"{where} has no rows: {rows}")
    return next(iter(rows.values()))


def _local_positions(batch: int, sharding: NamedSharding | None) -> np.ndarray:
    """Which of the batch's rows lie on this process's devices, ascending."""
    positions = np.arange(batch)
    if sharding is None:
        return positions
    slices = sharding.addressable_devices_indices_map((batch,)).values()
    return np.unique(np.concatenate([positions[index] for index in slices if index is not None]))
