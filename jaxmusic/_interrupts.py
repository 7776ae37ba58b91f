"""Commands that end when they are told to: one line, the status of the signal, whatever is under way."""

from __future__ import annotations

import atexit
import contextlib
import os
import select
import signal
import sys
import threading
from types import FrameType

_SIGNALS = (signal.SIGINT, signal.SIGTERM)
_SECONDS = 3.0
_SAID = threading.Event()


def end_on_interrupt(line: str) -> None:
    """From here on Ctrl-C and SIGTERM end this process with 130 and 143, within about three seconds.

    For the top of a command, before anything slow is imported. The line is written at once; what is under way is left
    by `SystemExit`, so that files half written are removed. A computation that does not come back to Python, or threads
    that still wait for each other, are not waited for; what the library writes is whole at any moment. A second signal
    ends the process without delay. Nothing else is printed behind the line.

    Args:
        line: what to write to standard error, such as how to go on.
    """
    read, write = os.pipe()
    os.set_blocking(write, False)
    # Written by the C handler, also while the main thread computes and no Python of its own would run.
    signal.set_wakeup_fd(write, warn_on_full_buffer=False)
    for number in _SIGNALS:
        signal.signal(number, _leave)
    threading.Thread(target=_watch, args=(read, line), daemon=True).start()


def _leave(number: int, frame: FrameType | None) -> None:
    # The process may be at its end before the other thread has its turn.
    _SAID.wait(1.0)
    # What is registered last comes first: the interpreter taken down around threads that still compute would crash.
    atexit.register(_end, 128 + number)
    raise SystemExit(128 + number)


def _end(status: int) -> None:
    with contextlib.suppress(OSError, ValueError):  # closed, or nobody reads it any longer
        sys.stdout.flush()
    os._exit(status)


def _watch(read: int, line: str) -> None:
    number = 0
    while number not in _SIGNALS:
        number = os.read(read, 1)[0]
    try:
        os.write(2, f"\n{line}\n".encode(sys.getfilesystemencoding(), "backslashreplace"))
        # Threads that are cut off would each print where they were.
        os.dup2(os.open(os.devnull, os.O_WRONLY), 2)
    except OSError:  # nobody reads it any longer
        pass
    _SAID.set()
    select.select([read], [], [], _SECONDS)
    os._exit(128 + number)
