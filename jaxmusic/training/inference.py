"""A fitted module over many rows, in batches of one shape: from memory or from disk, to memory or to disk."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

import flax.linen as nn
import jax
import numpy as np

from jaxmusic.data.stores import ArrayWriter, RowSource
from jaxmusic.training.checkpoint import check_counts
from jaxmusic.training.sources import Rows, in_order
from jaxmusic.training.state import Inputs, batch_inputs


def predict(
    module: nn.Module,
    variables: Any,
    inputs: Sequence[Any] | RowSource,
    *,
    method: str,
    batch_size: int = 128,
    static: Sequence[Any] = (),
    arguments: Inputs = batch_inputs,
    out: str | Path | None = None,
) -> Any:
    """Apply a method of a module to all rows.

    Args:
        module: a linen module.
        variables: its variables: `state.variables`, or `state.averaged.variables`.
        inputs: the method's arguments, a tuple or list of pytrees of arrays with the rows on the first axis; or a row
            source such as `data.ArrayStore`, whose rows are read as they are needed.
        method: name of the method, e.g. `"encode"`; it must need no rng.
        batch_size: rows at once; the last batch is filled up with its first row, so that one compilation serves all.
        static: further positional arguments that are no arrays, such as the name of a modality.
        arguments: batch of a row source → the method's arguments, as `Trainer(inputs=…)`.
        out: where to write the outputs instead of keeping them in memory: a `.npy` file for a method that returns one
            array; else a folder, which gets a `.npy` for each, named by field, key or position.

    Returns:
        What the method returns, as NumPy arrays over all rows; with `out` a `data.ArrayStore` of what was written.

    Raises:
        ValueError: no rows, arguments that differ in their number of rows, or several outputs for one `.npy` file.
    """
    check_counts(batch_size=batch_size)
    apply = _applier(module, method, tuple(static))
    if isinstance(inputs, tuple | list):
        count, batches = _of_arrays(tuple(inputs), batch_size)
    else:
        rows = Rows(inputs, "inputs")
        count = rows.count
        batches = map(arguments, rows.batches(in_order(count, batch_size), 0, None))
    if out is None:
        parts = list(_outputs(apply, variables, batches, count, batch_size))
        return jax.tree.map(lambda *leaves: np.concatenate(leaves), *parts)
    with ArrayWriter(out, count) as writer:
        for part in _outputs(apply, variables, batches, count, batch_size):
            writer.write(_named(part))
    return writer.store


def _outputs(
    apply: Callable[..., Any], variables: Any, batches: Iterator[tuple[Any, ...]], count: int, batch_size: int
) -> Iterator[Any]:
    """The outputs of each batch on the host, filler rows cut off; a batch late, so that the device computes while the
    host copies.
    """
    before = None
    for start, batch in zip(range(0, count, batch_size), batches, strict=True):
        after = (apply(variables, *batch), min(batch_size, count - start))
        if before is not None:
            yield _fetched(*before)
        before = after
    assert before is not None
    yield _fetched(*before)


def _fetched(outputs: Any, filled: int) -> Any:
    return jax.tree.map(lambda x: np.asarray(x)[:filled], outputs)


def _named(outputs: Any) -> dict[str, np.ndarray]:
    """Outputs by field, key or position, joined by points where they are nested."""
    leaves = jax.tree_util.tree_leaves_with_path(outputs)
    return {jax.tree_util.keystr(path, simple=True, separator=".") or "outputs": x for path, x in leaves}


def _of_arrays(inputs: tuple[Any, ...], batch_size: int) -> tuple[int, Iterator[tuple[Any, ...]]]:
    """The number of rows, and batches of them."""
    counts = {len(x) for x in jax.tree.leaves(inputs)}
    if len(counts) != 1 or 0 in counts:
        raise ValueError(f"expected arrays with one number of rows above 0, got {sorted(counts)}")
    count, arrays = counts.pop(), jax.tree.map(np.asarray, inputs)
    size = min(batch_size, count)

    def batch(start: int) -> tuple[Any, ...]:
        rows: Any = slice(start, start + size)
        if start + size > count:
            rows = np.arange(start, start + size)
            rows[rows >= count] = start
        return jax.tree.map(lambda x: x[rows], arrays)

    return count, map(batch, range(0, count, size))


# By value: the same module, method and static arguments share what was compiled, and few are kept.
@lru_cache(maxsize=8)
def _applier(module: nn.Module, method: str, static: tuple[Any, ...]) -> Callable[..., Any]:
    return jax.jit(lambda variables, *inputs: module.apply(variables, *inputs, *static, method=method))
