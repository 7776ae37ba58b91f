"""Files that are written whole or not at all; shared by every package that writes."""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO


@contextmanager
def written_whole(path: Path) -> Iterator[BinaryIO]:
    """A binary file that takes the place of `path` when the block ends, so that a reader sees the old one or the new.

    It is as readable as any file that this user makes. Where the block or the renaming fails, the old file stays.

    Args:
        path: the file; its folder is made where missing.

    Raises:
        OSError: it cannot be written.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    try:
        with partial.open("xb") as file:
            yield file
        os.replace(partial, path)
    except BaseException:
        # Stopped just behind the renaming, it is gone already.
        partial.unlink(missing_ok=True)
        raise
