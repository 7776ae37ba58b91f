"""Rows of features that arrive in any order, in memory or, where they are large, in a temporary file."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Sequence

import numpy as np

# Features of more bytes are mapped from a file.
_LARGE = 2**29


class RowBuffer:
    """Up to `n` rows of the same arrays.

    Args:
        n: rows at most.
        folder: where the temporary file lies; None: the system's folder for such.
    """

    def __init__(self, n: int, folder: str | os.PathLike[str] | None = None) -> None:
        self._lengths = np.zeros(n, int)
        self._has = np.zeros(n, bool)
        self._leaves: list[np.ndarray] | None = None
        self._folder = folder

    def put(self, row: int, leaves: Sequence[np.ndarray], length: int) -> None:
        """Keep one row's arrays and its clip's samples."""
        if self._leaves is None:
            self._leaves = [self._empty(leaf) for leaf in leaves]
        for kept, leaf in zip(self._leaves, leaves, strict=True):
            kept[row] = leaf
        self._lengths[row], self._has[row] = length, True

    def result(self) -> tuple[np.ndarray, list[np.ndarray], np.ndarray]:
        """Rows that were kept, ascending; their arrays, without gaps; their lengths."""
        rows = np.flatnonzero(self._has)
        leaves = self._leaves or []
        for leaf in leaves:
            for place, row in enumerate(rows):
                if place != row:
                    leaf[place] = leaf[row]
        return rows, [leaf[: len(rows)] for leaf in leaves], self._lengths[rows]

    def _empty(self, leaf: np.ndarray) -> np.ndarray:
        shape = (len(self._has), *np.shape(leaf))
        dtype = np.asarray(leaf).dtype
        size = int(np.prod(shape)) * dtype.itemsize
        if size <= _LARGE:
            return np.empty(shape, dtype)
        file = tempfile.TemporaryFile(dir=self._folder)  # noqa: SIM115 - the map keeps it open, and it ends with it
        # Reserved at once: a disk that fills up later would end the process without a word.
        _reserve(file.fileno(), size)
        return np.memmap(file, dtype=dtype, mode="r+", shape=shape)


def _reserve(file: int, size: int) -> None:
    if hasattr(os, "posix_fallocate"):
        os.posix_fallocate(file, 0, size)
        return
    # macOS and Windows have no such call: zeros take the space.
    block = bytes(2**22)
    for start in range(0, size, len(block)):
        os.write(file, block[: size - start])
