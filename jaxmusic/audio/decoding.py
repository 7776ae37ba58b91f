"""Files decoded side by side, in order, a bounded number of them ahead of who uses them."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import BrokenExecutor
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from jaxmusic.audio.cache import FeatureCache, content_digest
from jaxmusic.audio.io import load

# What Dask and Ray raise for a worker that died; joblib's own is a BrokenExecutor.
_DEATHS = ("KilledWorker", "WorkerCrashedError")


class Decoded(NamedTuple):
    """One file: its waveform, or its features if they were cached, or the reason why there is neither."""

    samples: np.ndarray
    key: str = ""
    cached: tuple[list[np.ndarray], int] | None = None
    reason: str = ""


_NO_SAMPLES = np.empty(0, np.float32)


def decode(
    path: str | Path, *, sr: int, duration: float | None, cache: FeatureCache | None, excerpts: int = 1
) -> Decoded:
    """Read one file, unless the cache has its features; a file that can't be read is a reason, not an error."""
    try:
        key = "" if cache is None else cache.key(content_digest(path))
        cached = None if cache is None else cache.read(key)
        if cached is not None:
            return Decoded(_NO_SAMPLES, key, cached)
        return Decoded(load(path, sr=sr, duration=duration, excerpts=excerpts), key)
    except OSError as error:
        return Decoded(_NO_SAMPLES, reason=error.strerror or str(error))
    except ValueError as error:
        # The file is named beside; repeating it in the reason would only be longer.
        return Decoded(_NO_SAMPLES, reason=str(error).removeprefix(f"{path}: "))


def decode_all(
    decode: Callable[[Any], Decoded], paths: Sequence[str | Path], *, n_jobs: int, chunk: int
) -> Iterator[Decoded]:
    """Decode files in joblib's workers and yield the results in order.

    While one chunk of results is used, the next is decoded; what lies farther ahead waits, so that fast decoders
    don't fill the memory. Workers are threads (decoding and resampling release the interpreter lock, and waveforms
    need no pickling) unless joblib's `parallel_config` says otherwise. Where a worker dies, its files are tried once
    more, one at a time, and what kills a worker again is a reason.
    """
    ahead: deque[tuple[Sequence[str | Path], Iterator[Decoded]]] = deque()
    for start in range(0, len(paths), chunk):
        part = paths[start : start + chunk]
        ahead.append((part, _start(decode, part, n_jobs)))
        if len(ahead) == 2:
            yield from _collect(decode, *ahead.popleft(), n_jobs)
    while ahead:
        yield from _collect(decode, *ahead.popleft(), n_jobs)


def _start(decode: Callable[[Any], Decoded], part: Sequence[str | Path], n_jobs: int) -> Iterator[Decoded]:
    from joblib import Parallel, delayed

    try:
        parallel = Parallel(n_jobs=n_jobs, return_as="generator", prefer="threads")
    except ValueError:
        # A backend without generators (multiprocessing, Ray): the chunk is decoded at once.
        parallel = Parallel(n_jobs=n_jobs, prefer="threads")
    return iter(parallel(delayed(decode)(path) for path in part))


def _collect(
    decode: Callable[[Any], Decoded], part: Sequence[str | Path], outputs: Iterator[Decoded], n_jobs: int
) -> Iterator[Decoded]:
    received = 0
    try:
        for found in outputs:
            received += 1
            yield found
    except Exception as error:
        if not _is_death(error):
            raise
        for path in part[received:]:
            yield _decode_alone(decode, path, n_jobs)


def _decode_alone(decode: Callable[[Any], Decoded], path: str | Path, n_jobs: int) -> Decoded:
    try:
        return next(_start(decode, [path], n_jobs))
    except Exception as error:
        if not _is_death(error):
            raise
        return Decoded(_NO_SAMPLES, reason=f"the worker that decoded it died ({type(error).__name__})")


def _is_death(error: Exception) -> bool:
    return isinstance(error, BrokenExecutor) or type(error).__name__ in _DEATHS
