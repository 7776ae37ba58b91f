"""Audio files → mono waveforms at one rate."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float

from jaxmusic.audio.lengths import lacks_only_its_end, promised_bytes

AUDIO_SUFFIXES = (".wav", ".flac", ".ogg", ".mp3")
"""Endings of the files that are read as sound, in lower case."""


def load(path: str | Path, *, sr: int | None = 22_050, duration: float | None = None) -> Float[np.ndarray, " samples"]:
    """Decode an audio file (wav, flac, ogg, mp3) to one channel; returns the waveform alone, without the rate.

    Channels are averaged, then resampled by soxr at its high quality: what `librosa.load` does.

    Args:
        path: the file.
        sr: sampling rate in Hz to convert to; None keeps the file's.
        duration: seconds to read from the start; None reads all.

    Returns:
        `[samples]` float32, about −1 to 1.

    Raises:
        ValueError: the file is empty, truncated, no audio, or holds NaN; names the file and the reason. Headers that
            miscount, as many writers leave them, and an MP3 without its last frames, are read as players read them.
            A rate below 1 Hz, or a duration that is not above 0.
        OSError: the file is missing or may not be read.
    """
    import soundfile

    path = Path(path).expanduser()
    check_sampling(sr, duration)
    size = _checked_size(path)
    try:
        with soundfile.SoundFile(path) as file:
            rate, wanted = file.samplerate, file.frames
            if duration is not None:
                # The resampler's filter looks a little ahead: read on so that the end is as if all had been read.
                wanted = min(wanted, int(duration * rate) + rate // 10)
            samples = file.read(wanted, dtype="float32", always_2d=True)
    except soundfile.LibsndfileError as error:
        raise ValueError(f"{path}: not readable as audio: {error.error_string}") from error
    if len(samples) < wanted and not _plays_to_its_end(path, size, wanted - len(samples)):
        raise ValueError(f"{path}: truncated: {len(samples)} of {wanted} samples can be decoded")
    if len(samples) == 0:
        raise ValueError(f"{path}: holds no samples")
    y = samples.mean(axis=1) if samples.shape[1] > 1 else samples[:, 0]
    if not np.isfinite(y).all():
        raise ValueError(f"{path}: {int((~np.isfinite(y)).sum())} of {len(y)} samples are NaN or infinite")
    if sr is not None and rate != sr:
        import soxr

        size = math.ceil(len(y) * sr / rate)
        y = soxr.resample(y, rate, sr, quality="HQ")[:size]
        y = np.pad(y, (0, size - len(y)))
    if duration is not None:
        y = y[: round(duration * (sr or rate))]
    return np.ascontiguousarray(y, np.float32)


def stream(path: str | Path, *, sr: int, block: int = 2**18) -> Iterator[Float[np.ndarray, " samples"]]:
    """What `load` gives, piece by piece, so that an hour takes no more memory than a minute.

    Args:
        path: the file.
        sr: sampling rate in Hz to convert to.
        block: samples that are read at a time, at the file's own rate.

    Yields:
        `[samples]` float32; one behind the other they are `load(path, sr=sr)`.

    Raises:
        ValueError, OSError: those of `load`.
    """
    import soundfile

    path = Path(path).expanduser()
    check_sampling(sr, None)
    size = _checked_size(path)
    try:
        with _forward_file(path) as file:
            promised, rate, seen, given = file.frames, file.samplerate, 0, 0
            resample = _resampler(rate, sr)
            while seen < promised:
                samples = file.read(min(block, promised - seen), dtype="float32", always_2d=True)
                if len(samples) == 0:
                    if not _plays_to_its_end(path, size, promised - seen):
                        raise ValueError(f"{path}: truncated: {seen} of {promised} samples can be decoded")
                    promised = seen
                seen += len(samples)
                y = samples.mean(axis=1) if samples.shape[1] > 1 else samples[:, 0]
                if not np.isfinite(y).all():
                    raise ValueError(f"{path}: {int((~np.isfinite(y)).sum())} of {len(y)} samples are NaN or infinite")
                y = resample(y, seen == promised)[: math.ceil(promised * sr / rate) - given]
                given += len(y)
                yield np.ascontiguousarray(y, np.float32)
    except soundfile.LibsndfileError as error:
        raise ValueError(f"{path}: not readable as audio: {error.error_string}") from error
    if not seen:
        raise ValueError(f"{path}: holds no samples")
    if missing := math.ceil(promised * sr / rate) - given:
        yield np.zeros(missing, np.float32)


def _forward_file(path: Path) -> Any:
    """A `soundfile.SoundFile` that is read from its start to its end.

    soundfile seeks behind each read to where it is already; there an MP3's decoder lacks the frames before, which the
    next ones refer to, and gives silence or noise.
    """
    import soundfile

    class Forward(soundfile.SoundFile):
        def seekable(self) -> bool:
            return False

    return Forward(path)


def _resampler(rate: int, sr: int) -> Callable[[np.ndarray, bool], np.ndarray]:
    """A piece and whether it is the last → the piece at the other rate, by soxr at its high quality."""
    if rate == sr:
        return lambda y, last: y
    import soxr

    resampling = soxr.ResampleStream(rate, sr, 1, dtype="float32", quality="HQ")
    return lambda y, last: resampling.resample_chunk(y, last=last)


def check_sampling(sr: float | None, duration: float | None) -> None:
    """Refuse a rate below 1 Hz and a duration that is not above 0 seconds.

    Raises:
        ValueError: one of them; names it.
    """
    if sr is not None and not 1 <= sr < math.inf:
        raise ValueError(f"sr must be 1 Hz or more, got {sr}")
    if duration is not None and not 0 < duration < math.inf:
        raise ValueError(f"duration must be above 0 seconds, got {duration}")


def _checked_size(path: Path) -> int:
    """Bytes of a file that is not empty and holds what its header promises."""
    with path.open("rb") as raw:
        size = raw.seek(0, 2)
        if size == 0:
            raise ValueError(f"{path}: the file is empty (0 bytes)")
        if (promised := promised_bytes(raw, size)) > size:
            raise ValueError(f"{path}: truncated: its header promises {promised} bytes, the file has {size}")
    return size


def _plays_to_its_end(path: Path, size: int, missing: int) -> bool:
    with path.open("rb") as raw:
        return lacks_only_its_end(raw, size, missing)


def seconds_of(path: str | Path) -> float:
    """Length of an audio file by its header, in seconds; 0 for one that cannot be read."""
    import soundfile

    try:
        return soundfile.info(str(path)).duration
    except soundfile.LibsndfileError:
        return 0.0
