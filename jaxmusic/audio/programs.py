"""A transform compiled for each length of clip, run on full batches."""

from __future__ import annotations

import math
import os
import threading
from collections import defaultdict, deque
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from types import TracebackType
from typing import Any, NamedTuple

import jax
import numpy as np

# Samples of a batch, at most. On a CPU clips are computed one after another, so that larger ones gain nothing.
_BATCH_SAMPLES_ON_CPU, _BATCH_SAMPLES = 2**20, 2**27
# Padded lengths are the longest clip's, and that divided by 2^(1/2), 2, 2^(3/2), …: each one compiles for seconds.
_STEPS_PER_OCTAVE = 2
# Clips of fewer samples are not worth a program of their own.
_SHORTEST = 2**13


class Clip(NamedTuple):
    """A decoded clip that waits for its batch."""

    row: int
    samples: np.ndarray
    key: str


class Result(NamedTuple):
    """One clip's features."""

    row: int
    key: str
    leaves: list[np.ndarray]
    length: int


class Programs:
    """Pads clips to one length, or to one of few, and computes them in batches.

    Args:
        transform: `y [batch, samples]`, and `lengths [batch]` where `with_lengths`, → a pytree of `[batch, …]`.
        samples: the longest length; the only one unless `with_lengths`.
        with_lengths: whether the transform takes the lengths, and clips are padded to the next of few.
        batch_size: clips in a batch, at most.
    """

    def __init__(self, transform: Callable[..., Any], *, samples: int, with_lengths: bool, batch_size: int) -> None:
        self._transform = jax.jit(transform)
        self._samples, self._with_lengths, self._batch_size = samples, with_lengths, batch_size
        self._programs: dict[int, Any] = {}
        self._locks: defaultdict[int, threading.Lock] = defaultdict(threading.Lock)
        self._pending: defaultdict[int, list[Clip]] = defaultdict(list)
        self.structure: Any = None
        self._row_shapes: list[tuple[tuple[int, ...], Any]] | None = None

    def add(self, clip: Clip) -> list[Clip]:
        """Take a clip; returns a batch that is now full, or nothing."""
        samples = self.padded(len(clip.samples))
        self._pending[samples].append(clip)
        if len(self._pending[samples]) < self.batch_size(samples):
            return []
        return self._pending.pop(samples)

    def rest(self) -> list[list[Clip]]:
        """The batches that never became full."""
        batches = list(self._pending.values())
        self._pending.clear()
        return batches

    def run(self, clips: list[Clip]) -> list[Result]:
        """Compute a batch of clips of one padded length."""
        samples = self.padded(len(clips[0].samples))
        size = self.batch_size(samples)
        y, lengths = np.zeros((size, samples), np.float32), np.zeros(size, np.int32)
        for i, clip in enumerate(clips):
            lengths[i] = min(len(clip.samples), samples)
            y[i, : lengths[i]] = clip.samples[: lengths[i]]
        program = self._program(samples, size)
        leaves = [
            np.asarray(leaf) for leaf in jax.tree.leaves(program(y, lengths) if self._with_lengths else program(y))
        ]
        # Copies, so that a kept row does not keep its whole batch alive.
        return [
            Result(clip.row, clip.key, [leaf[i].copy() for leaf in leaves], int(lengths[i]))
            for i, clip in enumerate(clips)
        ]

    def trace(self, samples: int, size: int) -> Any:
        """The traced transform; its result's structure and row shapes are noted, and must be the same each time."""
        shapes = [jax.ShapeDtypeStruct((size, samples), np.float32), jax.ShapeDtypeStruct((size,), np.int32)]
        traced = self._transform.trace(*shapes[: 2 if self._with_lengths else 1])
        leaves, self.structure = jax.tree.flatten(traced.out_info)
        if any(leaf.shape[:1] != (size,) for leaf in leaves):
            raise ValueError(f"the transform of {size} clips must return arrays of {size} rows, got {traced.out_info}")
        row_shapes = [(leaf.shape[1:], leaf.dtype) for leaf in leaves]
        if self._row_shapes not in (None, row_shapes):
            raise ValueError(
                "with lengths, clips are padded to different lengths: the transform's shapes must not depend on it, "
                f"got {self._row_shapes} and {row_shapes}"
            )
        self._row_shapes = row_shapes
        return traced

    @property
    def row_shapes(self) -> list[tuple[tuple[int, ...], Any]]:
        """Shape and type of each array of a clip, once a program was traced."""
        return self._row_shapes or []

    def padded(self, samples: int) -> int:
        """Samples a clip is padded or cropped to."""
        if not self._with_lengths:
            return self._samples
        # A clip longer than its header said goes up the same steps.
        steps = math.floor(_STEPS_PER_OCTAVE * math.log2(self._samples / max(samples, min(_SHORTEST, self._samples))))
        return max(math.ceil(self._samples / 2 ** (steps / _STEPS_PER_OCTAVE)), samples)

    def batch_size(self, samples: int) -> int:
        """Clips of so many samples that are computed at once."""
        limit = _BATCH_SAMPLES_ON_CPU if jax.default_backend() == "cpu" else _BATCH_SAMPLES
        return max(1, min(self._batch_size, limit // samples))

    def _program(self, samples: int, size: int) -> Any:
        with self._locks[samples]:
            if samples not in self._programs:
                self._programs[samples] = self.trace(samples, size).lower().compile()
        return self._programs[samples]


class BatchPool:
    """Threads that compute batches: one for each core of a CPU, whose programs run clip by clip; else one.

    At most one batch waits for each thread, so that memory is bounded.
    """

    def __init__(self, compute: Callable[[list[Clip]], list[Result]]) -> None:
        self._count = (os.cpu_count() or 1) if jax.default_backend() == "cpu" else 1
        self._compute = compute
        self._running: deque[Future[list[Result]]] = deque()

    def __enter__(self) -> BatchPool:
        self._pool = ThreadPoolExecutor(self._count)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._pool.shutdown(cancel_futures=True)

    def submit(self, clips: list[Clip]) -> list[Result]:
        """Start a batch; returns what is done in the meantime."""
        finished = []
        while len(self._running) >= 2 * self._count:
            finished += self._running.popleft().result()
        self._running.append(self._pool.submit(self._compute, clips))
        return finished

    def finish(self) -> list[Result]:
        """Wait for all that runs."""
        finished = [result for future in self._running for result in future.result()]
        self._running.clear()
        return finished
