"""Audio files → mono waveforms at one rate."""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float

from jaxmusic.audio import foreign
from jaxmusic.audio.lengths import lacks_only_its_end, promised_bytes

AUDIO_SUFFIXES = (".wav", ".flac", ".ogg", ".oga", ".opus", ".mp3", ".aiff", ".aif", ".aifc")
"""Endings of the files that are read as sound without further packages, in lower case."""
# Samples read before a place that is sought: an MP3's frames refer to those before them, and start as silence.
_LEAD = 4 * 1152


def load(
    path: str | Path, *, sr: int | None = 22_050, duration: float | None = None, excerpts: int = 1
) -> Float[np.ndarray, " samples"]:
    """Decode an audio file to one channel; returns the waveform alone, without the rate.

    Channels are averaged, then resampled by soxr at its high quality: what `librosa.load` does. wav, flac, ogg, opus,
    mp3 and aiff are read by libsndfile; m4a, aac, wma, ape, wv and others by PyAV (`jaxmusic[formats]`) or the program
    ffmpeg.

    Args:
        path: the file.
        sr: sampling rate in Hz to convert to; None keeps the file's.
        duration: seconds to read, from the start; None reads all.
        excerpts: how many equal parts these seconds are taken in: 1 from the start, 3 from start, middle and end, one
            behind the other. A file that is no longer than `duration` is read once, from the start. What lies between
            the parts isn't decoded.

    Returns:
        `[samples]` float32, about −1 to 1.

    Raises:
        ValueError: the file is empty, truncated, no audio, or holds NaN; names the file and the reason. Headers that
            miscount, as many writers leave them, and a file without its last frames, are read as players read them,
            the latter with a warning. A rate below 1 Hz, a duration that is not above 0, or several excerpts without
            one.
        OSError: the file is missing or may not be read.
    """
    path = Path(path).expanduser()
    check_sampling(sr, duration)
    check_parts(duration, excerpts)
    size = _checked_size(path)
    if excerpts > 1 and duration is not None and (whole := seconds_of(path)) > duration:
        part = duration / excerpts
        starts = [i * (whole - part) / (excerpts - 1) for i in range(excerpts)]
        return np.concatenate([_part(path, size, sr, part, start) for start in starts])
    return _part(path, size, sr, duration, 0.0)


def _part(path: Path, size: int, sr: int | None, duration: float | None, start: float) -> np.ndarray:
    """`duration` seconds from `start` on, of one channel at `sr`."""
    read = _read_foreign if foreign.is_foreign(path) else _read
    rate, samples = read(path, size, duration, start)
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


def _read(path: Path, size: int, duration: float | None, start: float) -> tuple[int, np.ndarray]:
    """By libsndfile: sampling rate and `[samples, channels]`."""
    import soundfile

    try:
        with soundfile.SoundFile(path) as file:
            rate, wanted = file.samplerate, file.frames
            if first := int(start * rate):
                file.seek(max(0, first - _LEAD))
                file.read(min(first, _LEAD), dtype="float32")
                wanted -= first
            if duration is not None:
                # The resampler's filter looks a little ahead: read on so that the end is as if all had been read.
                wanted = min(wanted, int(duration * rate) + rate // 10)
            try:
                samples = file.read(wanted, dtype="float32", always_2d=True)
            except soundfile.LibsndfileError:
                # The decoder fails where the file ends: once more, up to there.
                file.seek(first)
                samples = _until_it_fails(file, wanted)
    except soundfile.LibsndfileError as error:
        raise ValueError(f"{path}: not readable as audio: {error.error_string}") from error
    if len(samples) < wanted and not _plays_to_its_end(path, size, wanted - len(samples)):
        _note_end(path, wanted - len(samples), wanted, rate)
    return rate, samples


def _until_it_fails(file: Any, wanted: int) -> np.ndarray:
    import soundfile

    parts = [np.zeros((0, file.channels), np.float32)]
    try:
        while wanted > 0 and len(part := file.read(min(wanted, 1152), dtype="float32", always_2d=True)):
            parts.append(part)
            wanted -= len(part)
    except soundfile.LibsndfileError:
        pass
    return np.concatenate(parts)


def _read_foreign(path: Path, size: int, duration: float | None, start: float) -> tuple[int, np.ndarray]:
    """The same by PyAV or ffmpeg."""
    seconds = None if duration is None else duration + 0.1
    found = list(foreign.blocks(path, start=start, seconds=seconds))
    return found[0][0], np.concatenate([block for _, block in found])


def _note_end(path: Path, missing: int, promised: int, rate: int) -> None:
    """Say that a file lacks its last frames.

    Raises:
        ValueError: it lacks more.
    """
    if not foreign.is_nearly_whole(missing / rate, promised / rate):
        raise ValueError(f"{path}: truncated: {promised - missing} of {promised} samples can be decoded")
    warnings.warn(f"{path} ends {missing / rate:.2f} s before its header says: it is read without", stacklevel=2)


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
    if foreign.is_foreign(path):
        yield from _stream_foreign(path, sr)
        return
    try:
        with _forward_file(path) as file:
            promised, rate, seen, given = file.frames, file.samplerate, 0, 0
            resample = _resampler(rate, sr)
            while seen < promised:
                samples = file.read(min(block, promised - seen), dtype="float32", always_2d=True)
                if len(samples) == 0:
                    if not _plays_to_its_end(path, size, promised - seen):
                        _note_end(path, promised - seen, promised, rate)
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


def _stream_foreign(path: Path, sr: int) -> Iterator[np.ndarray]:
    resample, found = None, foreign.blocks(path)
    rate, waiting = next(found)
    resample = _resampler(rate, sr)
    for _, block in found:
        yield np.ascontiguousarray(resample(waiting.mean(axis=1), False), np.float32)
        waiting = block
    yield np.ascontiguousarray(resample(waiting.mean(axis=1), True), np.float32)


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


def check_parts(duration: float | None, excerpts: int) -> None:
    """Refuse a duration that is not above 0 seconds, and several excerpts of no duration.

    Raises:
        ValueError: one of them; names it.
    """
    check_sampling(None, duration)
    if excerpts < 1 or (excerpts > 1 and duration is None):
        raise ValueError(f"excerpts must be 1, or more with a duration, got {excerpts}")


def _checked_size(path: Path) -> int:
    """Bytes of a file that is not empty and holds what its header promises."""
    with path.open("rb") as raw:
        size = raw.seek(0, 2)
        if size == 0:
            raise ValueError(f"{path}: the file is empty (0 bytes)")
        promised = promised_bytes(raw, size)
    if promised > size and not _is_nearly_whole_wave(path, promised, size):
        raise ValueError(f"{path}: truncated: its header promises {promised} bytes, the file has {size}")
    return size


def _is_nearly_whole_wave(path: Path, promised: int, size: int) -> bool:
    """Whether a wave lacks no more than its last frames; it is noted."""
    if path.suffix.lower() != ".wav" or (seconds := seconds_of(path)) == 0:
        return False
    missing = (promised - size) * seconds / size
    if not foreign.is_nearly_whole(missing, seconds + missing):
        return False
    warnings.warn(f"{path} ends {missing:.2f} s before its header says: it is read without", stacklevel=2)
    return True


def _plays_to_its_end(path: Path, size: int, missing: int) -> bool:
    with path.open("rb") as raw:
        return lacks_only_its_end(raw, size, missing)


def seconds_of(path: str | Path) -> float:
    """Length of an audio file by its header, in seconds; 0 for one that cannot be read."""
    import soundfile

    path = Path(path)
    try:
        return foreign.seconds_of(path) if foreign.is_foreign(path) else soundfile.info(str(path)).duration
    except (soundfile.LibsndfileError, ValueError, OSError):
        return 0.0
