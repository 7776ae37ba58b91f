"""Features of files, kept by what the file holds and what was computed from it."""

from __future__ import annotations

import hashlib
import warnings
import zipfile
from collections.abc import Sequence
from importlib import metadata
from pathlib import Path
from typing import Any

import jax
import numpy as np

from jaxmusic._files import written_whole

# Packages whose version can change a feature's bits.
_VERSIONED = ("jaxmusic", "jax", "jaxlib", "numpy", "soundfile", "soxr")


def program_digest(traced: Any) -> str:
    """A digest of what a traced function computes: of its program's text and of the arrays it closes over.

    Names say too little: a function keeps its name when its body is edited, and a lambda has none. The program is the
    same in the next process and differs whenever a number could.
    """
    digest = hashlib.sha256(traced.lower().as_text().encode())
    for constant in traced.jaxpr.consts:
        array = np.asarray(constant)
        digest.update(f"{array.dtype}{array.shape}".encode())
        digest.update(array.tobytes())
    return digest.hexdigest()


def content_digest(path: str | Path) -> str:
    """SHA-256 of a file's bytes."""
    with Path(path).expanduser().open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


class FeatureCache:
    """One `.npz` for each file's content; written under a temporary name and renamed, so never seen half-written.

    Args:
        folder: where the entries lie; made if missing.
        parameters: everything beside the file's content that the features depend on.
        row_shapes: shape and type of each array of an entry; one that differs is not taken.
    """

    def __init__(
        self, folder: str | Path, parameters: Sequence[Any], row_shapes: Sequence[tuple[tuple[int, ...], Any]]
    ) -> None:
        self._folder = Path(folder).expanduser()
        self._folder.mkdir(parents=True, exist_ok=True)
        versions = [metadata.version(name) for name in _VERSIONED]
        self._prefix = repr((jax.default_backend(), versions, *parameters)).encode()
        self._row_shapes = [(tuple(shape), np.dtype(dtype)) for shape, dtype in row_shapes]
        self._is_writable = True

    def key(self, digest: str) -> str:
        """The name of the entry for a file's content."""
        return hashlib.sha256(self._prefix + digest.encode()).hexdigest()

    def read(self, key: str) -> tuple[list[np.ndarray], int] | None:
        """The arrays and the clip's samples; None if the entry is missing, damaged, or of other shapes."""
        try:
            with np.load(self._path(key), allow_pickle=False) as arrays:
                leaves = [arrays[f"leaf{i}"] for i in range(len(self._row_shapes))]
                length = int(arrays["length"])
        except (ValueError, OSError, KeyError, EOFError, zipfile.BadZipFile):
            return None
        return (leaves, length) if [(x.shape, x.dtype) for x in leaves] == self._row_shapes else None

    def write(self, key: str, leaves: Sequence[np.ndarray], length: int) -> None:
        """Keep an entry. A full disk is warned of once, and nothing more is kept."""
        if not self._is_writable:
            return
        path = self._path(key)
        entry = {"length": np.array(length), **{f"leaf{i}": x for i, x in enumerate(leaves)}}
        try:
            with written_whole(path) as file:
                np.savez(file, **entry)  # type: ignore[arg-type]
        except OSError as error:
            self._is_writable = False
            warnings.warn(f"the cache in {self._folder} is not written any further: {error}", stacklevel=2)

    def _path(self, key: str) -> Path:
        # Two levels: a hundred thousand entries in one folder are slow to list.
        return self._folder / key[:2] / f"{key}.npz"
