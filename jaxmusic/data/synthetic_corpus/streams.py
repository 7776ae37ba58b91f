"""Random streams: one for each purpose and each item, so that no item depends on how many there are."""

from __future__ import annotations

from enum import IntEnum
from typing import Any

import numpy as np

__all__ = ["Purpose", "seed_of", "stream"]


class Purpose(IntEnum):
    """What a stream is for. The numbers are part of the corpus: changing one changes every draw of that kind."""

    ROSTER = 0
    ARTIST = 1
    FACTORS = 2
    LYRICS = 3
    TAGS = 4
    METADATA = 5
    MUSIC = 6
    LISTENER = 7
    HISTORY = 8
    NAMES = 9


def seed_of(key: Any) -> tuple[int, ...]:
    """The words of a jax random key, typed or raw.

    Raises:
        ValueError: if `key` is an array of keys or none at all.

    >>> import jax
    >>> seed_of(jax.random.key(7)), seed_of(jax.random.PRNGKey(7))
    ((0, 7), (0, 7))
    """
    import jax

    typed = isinstance(key, jax.Array) and jax.dtypes.issubdtype(key.dtype, jax.dtypes.prng_key)
    data = np.asarray(jax.random.key_data(key) if typed else key)
    if data.ndim != 1 or data.dtype != np.uint32:
        raise ValueError(
            f"key must be one jax random key, such as jax.random.key(0), not {data.dtype} of shape {data.shape}"
        )
    return tuple(int(word) for word in data)


def stream(seed: tuple[int, ...], purpose: Purpose, index: int) -> np.random.Generator:
    """The random numbers of item `index` for one purpose, independent of every other item's and purpose's."""
    return np.random.default_rng(np.random.SeedSequence(seed, spawn_key=(int(purpose), index)))
