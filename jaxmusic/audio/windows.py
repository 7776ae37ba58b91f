"""Sounds of any length → windows of one length, some of them ahead of who uses them."""

from __future__ import annotations

import itertools
import queue
import threading
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Literal, NamedTuple, TypeVar

import numpy as np

T = TypeVar("T")


class WindowForm(NamedTuple):
    """How a sound is cut.

    Attributes:
        samples: of a window.
        hop: samples from one window to the next, at most `samples`.
        margin: silence put before and behind each sound.
        short: a sound that fills no window is repeated to its end (`"repeat"`), or as often as it fits whole with
            silence behind (`"repeatpad"`), or silence alone is put behind it (`"pad"`).
        keeps_rest: whether what is left behind the last whole window is the end of one more, which overlaps it.
    """

    samples: int
    hop: int
    margin: int = 0
    short: Literal["repeat", "repeatpad", "pad"] = "repeat"
    keeps_rest: bool = False


@dataclass
class Seen:
    """What a sound was found to be, once all its windows were taken."""

    samples: int = 0
    windows: int = 0
    is_padded: bool = False
    is_silent: bool = True


def windows(blocks: Iterable[np.ndarray], form: WindowForm, seen: Seen) -> Iterator[np.ndarray]:
    """Cut a sound that comes in pieces.

    Args:
        blocks: `[samples]` float32 pieces of any lengths.
        form: how to cut.
        seen: what is noted of the sound.

    Yields:
        `[form.samples]` float32.

    Raises:
        ValueError: no samples at all.
    """
    silence = np.zeros(form.margin, np.float32)
    waiting, before = silence, silence
    for block, is_sound in itertools.chain(((block, True) for block in blocks), [(silence, False)]):
        if is_sound:
            seen.samples += len(block)
            seen.is_silent &= not block.any()
        waiting = np.concatenate([waiting, block])
        while len(waiting) >= form.samples:
            before, waiting = waiting[: form.samples], waiting[form.hop :]
            seen.windows += 1
            yield before
    if seen.samples == 0:
        raise ValueError("holds no samples at the net's rate")
    rest = waiting[form.samples - form.hop :]
    if seen.windows == 0:
        seen.windows, seen.is_padded = 1, True
        yield _repeated(waiting[form.margin : len(waiting) - form.margin], form)
    elif form.keeps_rest and len(rest):
        seen.windows += 1
        yield np.concatenate([before, rest])[-form.samples :]


def _repeated(y: np.ndarray, form: WindowForm) -> np.ndarray:
    length = form.samples - 2 * form.margin
    times = {"repeat": -(-length // len(y)), "repeatpad": length // len(y), "pad": 1}[form.short]
    y = np.tile(y, times)[:length]
    return np.pad(y, (form.margin, form.samples - form.margin - len(y)))


def ahead(items: Iterator[T], size: int) -> Iterator[T]:
    """The same items in the same order, up to `size` of them made beforehand by a thread of its own.

    An error of the items is raised where they are used; where their user stops, the thread ends.
    """
    ready: queue.Queue[tuple[T | None, BaseException | None]] = queue.Queue(size)
    stopped = threading.Event()

    def put(item: T | None, error: BaseException | None) -> None:
        while not stopped.is_set():
            try:
                return ready.put((item, error), timeout=0.1)
            except queue.Full:
                continue

    def make() -> None:
        try:
            for item in items:
                put(item, None)
                if stopped.is_set():
                    return
            put(None, StopIteration())
        except BaseException as error:
            put(None, error)

    thread = threading.Thread(target=make, daemon=True)
    thread.start()
    try:
        while True:
            item, error = ready.get()
            if isinstance(error, StopIteration):
                return
            if error is not None:
                raise error
            yield item  # type: ignore[misc]
    finally:
        stopped.set()
        thread.join()
