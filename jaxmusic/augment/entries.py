"""Entries of a batch, found by name and replaced in a copy."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import jax.numpy as jnp
from jaxtyping import Array


def along_rows(values: Array, like: Array) -> Array:
    """`[batch]` → `[batch, 1, …]`, as many axes as `like` has."""
    return values.reshape(-1, *(1,) * (like.ndim - 1))


def _names(entry: str | tuple[str, ...]) -> tuple[str, ...]:
    return (entry,) if isinstance(entry, str) else entry


def find(batch: Mapping[str, Any], entry: str | tuple[str, ...]) -> Any:
    found: Any = batch
    for name in _names(entry):
        if not isinstance(found, Mapping) or name not in found:
            held = f"a dict of {sorted(found)}" if isinstance(found, Mapping) else f"an array {list(found.shape)}"
            raise ValueError(f"entry {entry!r} is not in the batch: {name!r} is looked for in {held}")
        found = found[name]
    return found


def find_array(batch: Mapping[str, Any], entry: str | tuple[str, ...], *, floating: bool = True) -> Array:
    """The entry, which must be an array of two axes or more."""
    value = find(batch, entry)
    if isinstance(value, Mapping):
        path = (*_names(entry), min(value, default="name"))
        raise ValueError(f"entry {entry!r} is a dict of {sorted(value)}: name one of them, as in entry={path!r}")
    if value.ndim < 2:
        raise ValueError(f"entry {entry!r} has shape {list(value.shape)}, not [batch, …, time]")
    if floating and not jnp.issubdtype(value.dtype, jnp.floating):
        raise ValueError(f"entry {entry!r} is {value.dtype}, not floating point")
    return value


def replaced(batch: Mapping[str, Any], entry: str | tuple[str, ...], value: Any) -> dict[str, Any]:
    """A copy of the batch with another value of the entry."""
    first, *rest = _names(entry)
    return {**batch, first: replaced(batch[first], tuple(rest), value) if rest else value}
