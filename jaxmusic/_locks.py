"""A folder that one process at a time writes to."""

from __future__ import annotations

import os
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO


@contextmanager
def held(folder: Path) -> Iterator[None]:
    """Keep other processes out of `folder` for a block; the system lets go of it when the process dies.

    Readers need no lock. The lock is a hidden file beside the folder, which goes with the block.

    Args:
        folder: need not exist yet; the folder it lies in is made.

    Raises:
        OSError: another process holds it; names that process and since when.
    """
    folder = folder.absolute()
    folder.parent.mkdir(parents=True, exist_ok=True)
    path = folder.with_name(f".{folder.name}.lock")
    file = _locked(path, folder)
    try:
        file.truncate(0)
        began = time.strftime("%Y-%m-%d %H:%M:%S")
        file.write(f"process {os.getpid()} on {socket.gethostname()}, since {began}".encode())
        file.flush()
        yield
    finally:
        # Unlinked while it is held: whoever waits to open it makes a new one.
        path.unlink(missing_ok=True)
        file.close()


def _locked(path: Path, folder: Path) -> BinaryIO:
    while True:
        file = path.open("a+b")
        if not _lock(file):
            file.seek(0)
            holder = file.read().decode(errors="replace") or "another process"
            file.close()
            raise OSError(f"{folder} is written to by {holder}: wait for it, or name another folder")
        # The one before may have unlinked it between opening and locking.
        if path.exists() and os.path.samestat(os.fstat(file.fileno()), path.stat()):
            return file
        file.close()


def _lock(file: BinaryIO) -> bool:
    """Whether the file could be locked; by the system, which lets go when the process dies."""
    try:
        import fcntl
    except ModuleNotFoundError:  # Windows
        import msvcrt

        try:
            msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)  # type: ignore[attr-defined]
        except OSError:
            return False
        return True
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
