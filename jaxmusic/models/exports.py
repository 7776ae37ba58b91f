"""What `jax.export` must know of the models' outputs to serialise a program that returns them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from jax.export import register_namedtuple_serialization

_registered: set[type] = set()


def register_outputs(values: Iterable[Any]) -> None:
    """Make the NamedTuples among `values` known by their names; those that are known already stay as they are."""
    for value in values:
        if isinstance(value, type) and issubclass(value, tuple) and value not in _registered:
            register_namedtuple_serialization(value, serialized_name=f"jaxmusic.models.{value.__name__}")
            _registered.add(value)
