"""A fitted module over many rows, in batches of one shape."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import Any

import flax.linen as nn
import jax
import numpy as np


def predict(
    module: nn.Module,
    variables: Any,
    inputs: Sequence[Any],
    *,
    method: str,
    batch_size: int = 128,
    static: Sequence[Any] = (),
) -> Any:
    """Apply a method of a module to all rows.

    Args:
        module: a linen module.
        variables: its variables, `state.variables`.
        inputs: the method's arguments, each a pytree of arrays with the rows on the first axis.
        method: name of the method, e.g. `"encode"`; it must need no rng.
        batch_size: rows at once; the last batch is filled up with its first row, so that one compilation serves all.
        static: further positional arguments that are no arrays, such as the name of a modality.

    Returns:
        What the method returns, as NumPy arrays over all rows.

    Raises:
        ValueError: no rows.
    """
    counts = {len(x) for x in jax.tree.leaves(inputs)}
    if len(counts) != 1 or 0 in counts:
        raise ValueError(f"expected arrays with one number of rows above 0, got {sorted(counts)}")
    count = counts.pop()
    batch_size = min(batch_size, count)
    apply = _applier(module, method, tuple(static))
    parts: list[Any] = []
    arrays = jax.tree.map(np.asarray, tuple(inputs))
    for start in range(0, count, batch_size):
        filled = min(batch_size, count - start)
        rows: Any = slice(start, start + batch_size)
        if filled < batch_size:
            rows = np.arange(start, start + batch_size)
            rows[rows >= count] = start
        batch = jax.tree.map(lambda x, rows=rows: x[rows], arrays)
        parts.append((apply(variables, *batch), filled))
        # Fetched a batch late, so that the device computes while the host copies.
        if len(parts) > 1:
            parts[-2] = _fetched(*parts[-2])
    parts[-1] = _fetched(*parts[-1])
    return jax.tree.map(lambda *leaves: np.concatenate(leaves), *parts)


def _fetched(outputs: Any, filled: int) -> Any:
    return jax.tree.map(lambda x: np.asarray(x)[:filled], outputs)


@lru_cache(maxsize=64)
def _applier(module: nn.Module, method: str, static: tuple[Any, ...]) -> Callable[..., Any]:
    return jax.jit(lambda variables, *inputs: module.apply(variables, *inputs, *static, method=method))
