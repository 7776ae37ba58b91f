"""Sounds → what a pretrained net makes of them: windows of all sounds in batches of one shape, in bounded memory."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, NamedTuple

import jax
import numpy as np
from jaxtyping import Bool, Float, Int

from jaxmusic.audio.cache import FeatureCache, content_digest, program_digest
from jaxmusic.audio.io import check_parts, load, stream
from jaxmusic.audio.windows import Seen, WindowForm, ahead, windows

__all__ = ["SoundFeatures", "SoundNetwork"]

Sound = str | os.PathLike[str] | np.ndarray
# Samples of a batch, at most: on a CPU the activations of a few windows fill the cache already.
_BATCH_SAMPLES_ON_CPU, _BATCH_SAMPLES = 2**19, 2**23


@dataclass(frozen=True, eq=False)
class SoundNetwork:
    """A pretrained net with all that leads from a waveform to its vectors; `models.sound_network` opens one.

    Attributes:
        apply: (variables, `[batch, window.samples]` float32 waveforms) → embeddings `[batch, width]` and logits of the
            tags `[batch, len(tags)]`.
        variables: nested dicts of arrays.
        sr: sampling rate in Hz of what it takes.
        window: how a sound is cut.
        width: of an embedding.
        tags: what the logits stand for; empty for a net that has none.
        record: what it is, for reports: `encoder`, and what else identifies it.
        text: texts → `[n, width]` float32 in the embedding's space, of a net that has such a tower.
    """

    apply: Callable[[Any, Any], tuple[Any, Any]]
    variables: Any
    sr: int
    window: WindowForm
    width: int
    tags: tuple[str, ...]
    record: dict[str, Any]
    text: Callable[[Sequence[str]], np.ndarray] | None = None

    @cached_property
    def digest(self) -> str:
        """Of the parameters and of all that a sound meets on the way: the same on every machine."""
        digest = hashlib.sha256(repr((self.sr, tuple(self.window), self.tags, sorted(self.record.items()))).encode())
        for path, leaf in jax.tree_util.tree_leaves_with_path(self.variables):
            digest.update(f"{jax.tree_util.keystr(path)}{leaf.shape}{leaf.dtype}".encode())
            digest.update(np.asarray(leaf).tobytes())
        return digest.hexdigest()


class SoundFeatures(NamedTuple):
    """What a `SoundEncoder` finds in sounds; one row for each that could be read.

    Attributes:
        rows: `[m]` positions in what was given, ascending.
        mean: `[m, width]` float32, the embedding's mean over a sound's windows.
        std: `[m, width]` float32, its deviation over them; 0 for one window.
        tags: `[m, n_tags]` float32, the mean probability of each tag.
        logits: `[m, n_tags]` float32, the mean logit of each tag.
        windows: `[m]` windows of each sound.
        samples: `[m]` samples of each sound, at the encoder's rate.
        is_padded: `[m]`, true for a sound shorter than one window.
        is_silent: `[m]`, true for a sound of zeros.
        skipped: (position, name, reason) of each that could not be read.
    """

    rows: Int[np.ndarray, " m"]
    mean: Float[np.ndarray, "m width"]
    std: Float[np.ndarray, "m width"]
    tags: Float[np.ndarray, "m n_tags"]
    logits: Float[np.ndarray, "m n_tags"]
    windows: Int[np.ndarray, " m"]
    samples: Int[np.ndarray, " m"]
    is_padded: Bool[np.ndarray, " m"]
    is_silent: Bool[np.ndarray, " m"]
    skipped: list[tuple[int, str, str]]


class _Window(NamedTuple):
    """A window of a sound."""

    row: int
    samples: np.ndarray


class _End(NamedTuple):
    """Behind a sound's last window: what was seen, or what the cache had, or the reason why there is nothing."""

    row: int
    seen: Seen
    key: str = ""
    cached: tuple[list[np.ndarray], int] | None = None
    reason: str = ""


class Computing:
    """A net compiled for one batch of windows, and the cache of what it found.

    Args:
        network: the net.
        batch_size: windows computed at once; None: as many as hold 2^19 samples on CPU, 2^23 elsewhere.
        cache: folder of the cache; None for none.
        duration: seconds heard of each file; None: all.
        excerpts: parts that these are taken in.
    """

    def __init__(
        self,
        network: SoundNetwork,
        batch_size: int | None,
        cache: str | os.PathLike[str] | None,
        *,
        duration: float | None = None,
        excerpts: int = 1,
    ) -> None:
        if batch_size is not None and batch_size < 1:
            raise ValueError(f"batch_size must be at least 1, got {batch_size}")
        check_parts(duration, excerpts)
        self._duration, self._excerpts = duration, excerpts
        limit = _BATCH_SAMPLES_ON_CPU if jax.default_backend() == "cpu" else _BATCH_SAMPLES
        self.network, self.size = network, batch_size or max(1, limit // network.window.samples)
        self._variables = jax.device_put(network.variables)
        self._apply = jax.jit(network.apply)
        self.cache = None if cache is None else self._cache(cache)

    def _cache(self, folder: str | os.PathLike[str]) -> FeatureCache:
        window = jax.ShapeDtypeStruct((1, self.network.window.samples), np.float32)
        traced = self._apply.trace(self._variables, window)
        width, tags = self.network.width, len(self.network.tags)
        shapes = [((n,), np.float32) for n in (width, width, tags, tags)] + [((3,), np.int64)]
        heard = () if self._duration is None else (self._duration, self._excerpts)
        return FeatureCache(Path(folder), (program_digest(traced), self.network.digest, *heard), shapes)

    def pieces(self, path: Path) -> Iterable[np.ndarray]:
        """What is heard of a file, in pieces."""
        if self._duration is None:
            return stream(path, sr=self.network.sr)
        return [load(path, sr=self.network.sr, duration=self._duration, excerpts=self._excerpts)]

    def __call__(self, batch: list[np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
        """Embeddings `[k, width]` and logits `[k, n_tags]` of `k` windows."""
        y = np.zeros((self.size, self.network.window.samples), np.float32)
        y[: len(batch)] = batch
        found = self._apply(self._variables, y)
        embedded, logits = (np.asarray(x, np.float32)[: len(batch)] for x in found)
        return embedded, logits


class _Sums:
    """Sums over a sound's windows, in double precision: the variance of many windows is a small difference."""

    def __init__(self) -> None:
        self.count, self._sums = 0, [np.zeros(())] * 4

    def add(self, embedded: np.ndarray, logits: np.ndarray) -> None:
        embedded, logits = embedded.astype(float), logits.astype(float)
        # exp of a large negative logit is small and of a large positive one infinite: both give the right limit.
        with np.errstate(over="ignore"):
            terms = (embedded, embedded**2, 1 / (1 + np.exp(-logits)), logits)
        self._sums = [a + b for a, b in zip(self._sums, terms, strict=True)]
        self.count += 1

    def leaves(self, seen: Seen) -> list[np.ndarray]:
        mean, square, tags, logits = (x / self.count for x in self._sums)
        std = np.sqrt(np.maximum(square - mean**2, 0))
        told = np.array([seen.windows, seen.is_padded, seen.is_silent], np.int64)
        return [*(x.astype(np.float32) for x in (mean, std, tags, logits)), told]


def compute(
    sounds: Sequence[Sound], computing: Computing, *, sr: int | None, progress: bool
) -> tuple[SoundFeatures, dict[str, int]]:
    """Features of files or waveforms; and how many were `computed` and came `from_cache`.

    Raises:
        ValueError: a waveform that is none; names its position. A file that can't be read is skipped.
    """
    from tqdm.auto import tqdm

    found: dict[int, tuple[list[np.ndarray], int]] = {}
    skipped: dict[int, str] = {}
    sums: dict[int, _Sums] = {}
    ended: dict[int, _End] = {}
    batch: list[_Window] = []
    from_cache = 0
    with tqdm(total=len(sounds), desc="sound", unit="sound", disable=not progress, leave=False) as bar:

        def finish() -> None:
            for row, end in list(ended.items()):
                if row not in sums or sums[row].count < end.seen.windows:
                    continue
                found[row] = sums.pop(row).leaves(end.seen), end.seen.samples
                del ended[row]
                if computing.cache is not None and end.key:
                    computing.cache.write(end.key, *found[row])
                bar.update()

        def run() -> None:
            for window, *outputs in zip(batch, *computing([window.samples for window in batch]), strict=True):
                if window.row not in skipped:
                    sums.setdefault(window.row, _Sums()).add(*outputs)
            batch.clear()
            finish()

        for piece in ahead(_pieces(sounds, computing, sr), 2 * computing.size):
            if isinstance(piece, _Window):
                batch.append(piece)
                if len(batch) == computing.size:
                    run()
            elif piece.cached is not None:
                found[piece.row], from_cache = piece.cached, from_cache + 1
                bar.update()
            elif piece.reason:
                skipped[piece.row] = piece.reason
                sums.pop(piece.row, None)
                bar.update()
            else:
                ended[piece.row] = piece
                finish()
        if batch:
            run()
    counts = {"computed": len(found) - from_cache, "from_cache": from_cache}
    return _stacked(sounds, computing.network, found, skipped), counts


def _stacked(
    sounds: Sequence[Sound],
    network: SoundNetwork,
    found: dict[int, tuple[list[np.ndarray], int]],
    skipped: dict[int, str],
) -> SoundFeatures:
    rows, widths = sorted(found), (network.width, network.width, len(network.tags), len(network.tags))
    mean, std, tags, logits = (
        np.stack([found[row][0][i] for row in rows]) if rows else np.empty((0, width), np.float32)
        for i, width in enumerate(widths)
    )
    told = np.array([found[row][0][4] for row in rows], np.int64).reshape(len(rows), 3)
    samples = np.array([found[row][1] for row in rows], np.int64)
    left = [(row, os.fspath(sound), skipped[row]) for row, sound in enumerate(sounds) if row in skipped]  # type: ignore[arg-type]
    return SoundFeatures(
        np.array(rows, np.int64), mean, std, tags, logits, told[:, 0], samples, told[:, 1] > 0, told[:, 2] > 0, left
    )


def _pieces(sounds: Sequence[Sound], computing: Computing, sr: int | None) -> Iterator[_Window | _End]:
    for row, sound in enumerate(sounds):
        if isinstance(sound, np.ndarray):
            try:
                yield from _cut(row, [_resampled(sound, sr, computing.network.sr)], computing)
            except ValueError as error:
                raise ValueError(f"waveform {row} {error}") from None
            continue
        key, path = "", Path(sound)
        try:
            if computing.cache is not None:
                key = computing.cache.key(content_digest(path))
                if (kept := computing.cache.read(key)) is not None:
                    yield _End(row, Seen(), cached=kept)
                    continue
            yield from _cut(row, computing.pieces(path), computing, key)
        except OSError as error:
            yield _End(row, Seen(), reason=error.strerror or str(error))
        except ValueError as error:
            # The file is named beside.
            yield _End(row, Seen(), reason=str(error).removeprefix(f"{path}: "))


def _cut(row: int, blocks: Iterable[np.ndarray], computing: Computing, key: str = "") -> Iterator[_Window | _End]:
    seen = Seen()
    for window in windows(blocks, computing.network.window, seen):
        yield _Window(row, window)
    yield _End(row, seen, key)


def _resampled(y: np.ndarray, sr: int | None, wanted: int) -> np.ndarray:
    y = np.asarray(y, np.float32)
    if sr in (None, wanted):
        return y
    import soxr

    return soxr.resample(y, sr, wanted, quality="HQ")
