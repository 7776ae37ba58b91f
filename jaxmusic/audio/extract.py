"""Many audio files → features, decoded in parallel and computed in batches of one shape."""

from __future__ import annotations

import hashlib
import os
import tempfile
import zipfile
from collections.abc import Callable, Sequence
from functools import partial
from importlib import metadata
from pathlib import Path
from typing import Any, NamedTuple

import jax
import numpy as np

from jaxmusic.audio.io import load, seconds_of

# Without a duration the longest clip decides, up to this many seconds.
MAX_DURATION = 30.0
Transform = Callable[[Any], Any]


class Extraction(NamedTuple):
    """Features of the files that could be read.

    Attributes:
        rows: `[m]` positions in the given paths, ascending.
        features: what the transform returns, stacked to `[m, …]`.
        lengths: `[m]` samples of each clip before padding, at most the duration's.
        skipped: (path, reason) of each file that could not be read.
    """

    rows: np.ndarray
    features: Any
    lengths: np.ndarray
    skipped: list[tuple[str, str]]


def extract(
    paths: Sequence[str | Path],
    transform: Transform,
    *,
    sr: int = 22_050,
    duration: float | None = None,
    batch_size: int = 16,
    n_jobs: int = -1,
    cache: str | Path | None = None,
    progress: bool = True,
) -> Extraction:
    """Decode files and compute features in the order of the paths.

    Args:
        paths: audio files (wav, flac, ogg, mp3).
        transform: `[batch, samples]` → a pytree of arrays `[batch, …]`; compiled once for the one shape it sees.
        sr: sampling rate in Hz to convert to.
        duration: seconds of each clip, cropped or padded with silence; None: the longest clip, 30 s at most.
        batch_size: clips computed at once; with `n_jobs` it bounds how many waveforms are in memory.
        n_jobs: parallel decoders, as joblib counts them; joblib's `parallel_config` moves them elsewhere.
        cache: a folder that keeps each file's features, keyed by its content, the parameters and the transform, which
            must then be a module's function or a `functools.partial` of one. A damaged entry is computed again.
        progress: show a progress bar.

    Returns:
        `Extraction`.

    Raises:
        ValueError: no paths, a duration that is not positive, or a transform that cannot be cached.
    """
    from joblib import Parallel, delayed
    from tqdm.auto import tqdm

    if not paths:
        raise ValueError("no paths given")
    if duration is None:
        duration = min(max(map(seconds_of, paths)), MAX_DURATION) or MAX_DURATION
    if duration <= 0:
        raise ValueError(f"duration must be positive, got {duration}")
    store = None if cache is None else _Cache(Path(cache), transform, {"sr": sr, "duration": duration})
    decode = partial(_decode, sr=sr, duration=duration, store=store)
    # Threads: decoding and resampling release the interpreter lock, and waveforms need no pickling.
    decoded = Parallel(n_jobs=n_jobs, return_as="generator", prefer="threads")(delayed(decode)(p) for p in paths)
    results: dict[int, tuple[Any, int]] = {}
    skipped: list[tuple[str, str]] = []
    pending: list[tuple[int, np.ndarray, str]] = []
    run = _Batches(jax.jit(transform), batch_size, round(duration * sr))
    for row, found in enumerate(tqdm(decoded, total=len(paths), unit="file", disable=not progress, leave=False)):
        if found.reason:
            skipped.append((str(paths[row]), found.reason))
        elif found.cached is not None:
            results[row] = found.cached
        else:
            pending.append((row, found.samples, found.key))
        if len(pending) == batch_size:
            results |= run(pending, store)
            pending = []
    results |= run(pending, store)
    rows = sorted(results)
    features = jax.tree.map(lambda *leaves: np.stack(leaves), *(results[row][0] for row in rows)) if rows else None
    return Extraction(np.array(rows, int), features, np.array([results[row][1] for row in rows], int), skipped)


class _Decoded(NamedTuple):
    samples: np.ndarray
    key: str
    cached: tuple[Any, int] | None
    reason: str


def _decode(path: str | Path, *, sr: int, duration: float, store: _Cache | None) -> _Decoded:
    nothing = np.empty(0, np.float32)
    try:
        key = "" if store is None else store.key(Path(path))
        cached = None if store is None else store.read(key)
        if cached is not None:
            return _Decoded(nothing, key, cached, "")
        return _Decoded(load(path, sr=sr, duration=duration), key, None, "")
    except (ValueError, OSError) as error:
        # The file is named beside; repeating it in the reason would only be longer.
        return _Decoded(nothing, "", None, str(error).removeprefix(f"{path}: "))


class _Batches:
    """Runs the compiled transform over clips padded to one shape."""

    def __init__(self, transform: Transform, batch_size: int, samples: int) -> None:
        self._transform, self._batch_size, self._samples = transform, batch_size, samples

    def __call__(self, pending: list[tuple[int, np.ndarray, str]], store: _Cache | None) -> dict[int, tuple[Any, int]]:
        if not pending:
            return {}
        batch = np.zeros((self._batch_size, self._samples), np.float32)
        for i, (_, y, _) in enumerate(pending):
            batch[i, : len(y)] = y[: self._samples]
        features = jax.tree.map(np.asarray, self._transform(batch))
        results = {}
        for i, (row, y, key) in enumerate(pending):
            # A copy, so that a kept row does not keep its whole batch alive.
            mine = jax.tree.map(lambda x, i=i: x[i].copy(), features)
            results[row] = mine, min(len(y), self._samples)
            if store is not None:
                store.write(key, *results[row])
        return results


class _Cache:
    """One `.npz` for each file content; written to a temporary name and renamed, so never seen half-written."""

    def __init__(self, folder: Path, transform: Transform, parameters: dict[str, Any]) -> None:
        self._folder = folder
        folder.mkdir(parents=True, exist_ok=True)
        self._prefix = repr((_name(transform), sorted(parameters.items()), metadata.version("jaxmusic")))

    def key(self, path: Path) -> str:
        digest = hashlib.sha256(self._prefix.encode())
        with path.open("rb") as file:
            while part := file.read(1 << 20):
                digest.update(part)
        return digest.hexdigest()

    def read(self, key: str) -> tuple[Any, int] | None:
        try:
            with np.load(self._folder / f"{key}.npz", allow_pickle=False) as arrays:
                found = {name: arrays[name] for name in arrays.files if name != "length"}
                return (found["leaf"] if set(found) == {"leaf"} else found), int(arrays["length"])
        except (ValueError, OSError, KeyError, EOFError, zipfile.BadZipFile):
            # Missing or damaged: computed again, and the new entry takes its place.
            return None

    def write(self, key: str, features: Any, length: int) -> None:
        arrays = features if isinstance(features, dict) else {"leaf": features}
        if not all(isinstance(x, np.ndarray) for x in arrays.values()):
            raise ValueError("only a transform that returns an array or a dict of arrays can be cached")
        handle, name = tempfile.mkstemp(dir=self._folder, suffix=".part")
        try:
            with os.fdopen(handle, "wb") as file:
                np.savez(file, length=np.array(length), **arrays)
            os.replace(name, self._folder / f"{key}.npz")
        except BaseException:
            os.unlink(name)
            raise


def _name(transform: Transform) -> str:
    """A name that is the same in the next process and differs for another function or other arguments."""
    if isinstance(transform, partial):
        return repr((_name(transform.func), transform.args, sorted(transform.keywords.items())))
    name = getattr(transform, "__qualname__", "<unnamed>")
    if "<" in name:
        raise ValueError(
            f"{name} has no name that a cache could know it by: use a module's function or a partial of one"
        )
    return f"{transform.__module__}.{name}"
