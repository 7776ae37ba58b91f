"""Vectors of texts, kept on disk by the text and by everything that made the vector."""

from __future__ import annotations

import hashlib
import os
import sqlite3
from collections.abc import Sequence
from pathlib import Path

import numpy as np

# SQLite's oldest limit on the values of one query.
_VALUES = 900


class EmbeddingCache:
    """One SQLite file for each model, so that hundreds of thousands of texts are one file.

    Args:
        folder: where the files lie; made if missing.
        model: digest of the model and its options.
        width: length of a vector.

    Raises:
        ValueError: the file is no such cache; names it.
    """

    def __init__(self, folder: str | os.PathLike[str], model: str, width: int) -> None:
        path = Path(folder).expanduser() / f"{model}.sqlite3"
        path.parent.mkdir(parents=True, exist_ok=True)
        self._bytes = 4 * width
        self._connection = sqlite3.connect(path, timeout=60)
        try:
            self._connection.execute(
                "CREATE TABLE IF NOT EXISTS vectors (text BLOB PRIMARY KEY, vector BLOB NOT NULL, cut INTEGER NOT NULL)"
            )
            columns = tuple(row[1:3] for row in self._connection.execute("PRAGMA table_info(vectors)"))
            if columns != (("text", "BLOB"), ("vector", "BLOB"), ("cut", "INTEGER")):
                raise sqlite3.DatabaseError(f"its table has the columns {columns}")
        except sqlite3.DatabaseError as error:
            self._connection.close()
            raise ValueError(f"{path} is no cache of embeddings ({error}): delete it") from None

    def read(self, texts: Sequence[str]) -> dict[int, tuple[np.ndarray, bool]]:
        """Position in `texts` → float32 vector and whether the text was cut, for those that are kept."""
        keys = [_key(text) for text in texts]
        found: dict[bytes, tuple[bytes, int]] = {}
        for start in range(0, len(keys), _VALUES):
            part = keys[start : start + _VALUES]
            query = f"SELECT text, vector, cut FROM vectors WHERE text IN ({','.join('?' * len(part))})"
            found |= {key: (vector, cut) for key, vector, cut in self._connection.execute(query, part)}
        # What no write of ours could have left there is computed again.
        kept = {
            key: (np.frombuffer(vector, np.float32), cut == 1)
            for key, (vector, cut) in found.items()
            if isinstance(vector, bytes) and len(vector) == self._bytes and cut in (0, 1)
        }
        return {i: kept[key] for i, key in enumerate(keys) if key in kept and np.isfinite(kept[key][0]).all()}

    def write(self, texts: Sequence[str], vectors: np.ndarray, is_cut: np.ndarray) -> None:
        """Keep a batch, all of it or nothing."""
        rows = [
            (_key(text), np.asarray(vector, np.float32).tobytes(), int(cut))
            for text, vector, cut in zip(texts, vectors, is_cut, strict=True)
        ]
        with self._connection:
            self._connection.executemany("INSERT OR REPLACE INTO vectors VALUES (?, ?, ?)", rows)

    def close(self) -> None:
        """Close the file."""
        self._connection.close()


def _key(text: str) -> bytes:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).digest()
