"""Many audio files → features: decoded in parallel, computed in batches of few shapes, in bounded memory."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import jax
import numpy as np

from jaxmusic.audio.cache import FeatureCache, program_digest
from jaxmusic.audio.decoding import decode, decode_all
from jaxmusic.audio.io import seconds_of
from jaxmusic.audio.programs import BatchPool, Clip, Programs, Result
from jaxmusic.audio.row_buffer import RowBuffer

# Without a duration the longest clip decides, up to this many seconds.
MAX_DURATION = 30.0
# At most as many files, and as many samples, are decoded ahead of their computation: 256 MiB.
_LONGEST_CHUNK, _DECODED_SAMPLES = 256, 2**26


class Extraction(NamedTuple):
    """Features of the files that could be read.

    Attributes:
        rows: `[m]` positions in the given paths, ascending.
        features: what the transform returns, stacked to `[m, …]`; NumPy, mapped from disk where it is large.
        lengths: `[m]` samples of each clip before padding, at most the duration's.
        skipped: (path, reason) of each file that could not be read.
    """

    rows: np.ndarray
    features: Any
    lengths: np.ndarray
    skipped: list[tuple[str, str]]


def extract(
    paths: Sequence[str | Path],
    transform: Callable[..., Any],
    *,
    sr: int = 22_050,
    duration: float | None = None,
    excerpts: int = 1,
    with_lengths: bool = False,
    batch_size: int = 16,
    n_jobs: int = -1,
    cache: str | Path | None = None,
    progress: bool = True,
) -> Extraction:
    """Decode files and compute features in the order of the paths.

    Memory stays bounded whatever the number of files: a few hundred waveforms at a time, and features of more than
    512 MiB in a temporary file. A run that was interrupted goes on where it stopped, if it has a `cache`.

    Args:
        paths: audio files, of the formats of `load`.
        transform: `[batch, samples]` float32 → a pytree of arrays `[batch, …]`, each row of its own clip only. It is
            compiled for each shape it sees: one, or one for each length of `with_lengths`.
        sr: sampling rate in Hz to convert to.
        duration: seconds of each clip, from its start; shorter ones are padded with silence. None: as long as the
            longest clip, 30 s at most; with `with_lengths`, all of every clip.
        excerpts: equal parts that the duration is taken in, of longer files: see `load`.
        with_lengths: call `transform(y, lengths)` with `lengths` `[batch]`, the samples before padding, so that
            statistics can leave the padding out. Clips are then padded only to the next of few lengths, a factor of
            1.41 apart, and the transform's result must not depend on which.
        batch_size: clips computed at once, at most; fewer where clips are long.
        n_jobs: parallel decoders, as joblib counts them; joblib's `parallel_config` moves them to processes, or to a
            Dask or Ray cluster that sees the same files.
        cache: folder that keeps each file's features, keyed by its content, the parameters, and the program that the
            transform compiles to. A damaged entry is computed again.
        progress: show a progress bar.

    Returns:
        `Extraction`.

    Raises:
        ValueError: no paths, a duration that is not positive, or a transform whose result has no batch axis or
            depends on how far a clip was padded.
        OSError: no disk space for large features.
    """
    from tqdm.auto import tqdm

    if not len(paths):
        raise ValueError("no paths given")
    if batch_size < 1:
        raise ValueError(f"batch_size must be at least 1, got {batch_size}")
    if duration is not None and round(duration * sr) < 1:
        raise ValueError(f"duration must hold at least one sample, got {duration} s at {sr} Hz")
    longest = math.inf if duration is not None and not with_lengths else _longest(paths, n_jobs) or MAX_DURATION
    if duration is None and not with_lengths:
        duration = min(longest, MAX_DURATION)
    samples = max(1, round(min(longest, duration or math.inf) * sr))
    programs = Programs(transform, samples=samples, with_lengths=with_lengths, batch_size=batch_size)
    store = None if cache is None else _cache_of(programs, cache, sr, duration, with_lengths, excerpts)
    chunk = max(1, min(_LONGEST_CHUNK, _DECODED_SAMPLES // samples))
    decoded = decode_all(
        partial(decode, sr=sr, duration=duration, excerpts=excerpts, cache=store), paths, n_jobs=n_jobs, chunk=chunk
    )
    rows, skipped = RowBuffer(len(paths), cache), list[tuple[str, str]]()
    with (
        tqdm(total=len(paths), desc="sound", unit="file", disable=not progress) as bar,
        BatchPool(programs.run) as pool,
    ):

        def keep(results: list[Result]) -> None:
            for result in results:
                rows.put(result.row, result.leaves, result.length)
                if store is not None:
                    store.write(result.key, result.leaves, result.length)
            bar.update(len(results))

        for row, found in enumerate(decoded):
            if found.reason:
                skipped.append((str(paths[row]), found.reason))
                bar.update()
            elif found.cached is not None:
                rows.put(row, *found.cached)
                bar.update()
            elif batch := programs.add(Clip(row, found.samples, found.key)):
                keep(pool.submit(batch))
        for batch in programs.rest():
            keep(pool.submit(batch))
        keep(pool.finish())
    kept, leaves, lengths = rows.result()
    return Extraction(kept, jax.tree.unflatten(programs.structure, leaves) if len(kept) else None, lengths, skipped)


def _longest(paths: Sequence[str | Path], n_jobs: int) -> float:
    """Seconds of the longest file, by the headers."""
    from joblib import Parallel, delayed

    seconds = Parallel(n_jobs=n_jobs, require="sharedmem")(delayed(seconds_of)(path) for path in paths)
    return max(seconds)


def _cache_of(
    programs: Programs, folder: str | Path, sr: int, duration: float | None, with_lengths: bool, excerpts: int
) -> FeatureCache:
    """The cache of this transform: its program on one clip is part of every key."""
    # With lengths the result does not depend on the padding: one padded length stands for all.
    traced = programs.trace(sr if duration is None else programs.padded(round(duration * sr)), 1)
    parameters = (program_digest(traced), sr, duration, with_lengths, *((excerpts,) if excerpts > 1 else ()))
    return FeatureCache(folder, parameters, programs.row_shapes)
