"""Formats that libsndfile doesn't know, through PyAV or else the program ffmpeg."""

from __future__ import annotations

import functools
import importlib.util
import re
import shutil
import struct
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

FOREIGN_SUFFIXES = (
    ".m4a",
    ".m4b",
    ".aac",
    ".wma",
    ".ape",
    ".wv",
    ".mpc",
    ".tta",
    ".tak",
    ".mka",
    ".webm",
    ".ac3",
    ".dsf",
)
"""Endings of the files that need PyAV or ffmpeg, in lower case."""
MISSING_DECODER = "pip install 'jaxmusic[formats]', or install the program ffmpeg"
# What a file leads to beside itself is not opened: a playlist may pose as sound.
_PROTOCOLS = "file,pipe"
# Raw streams whose length is only estimated from their bit rate.
_OF_ESTIMATED_LENGTH = (".aac", ".ac3")
_BLOCK = 2**16
# Missing at the end without being refused, in seconds, and as a share of the whole.
_MOST_MISSING, _MOST_MISSING_SHARE = 0.25, 0.05


@functools.cache
def has_decoder() -> bool:
    """Whether PyAV is installed, or ffmpeg is on the path."""
    return importlib.util.find_spec("av") is not None or shutil.which("ffmpeg") is not None


def is_foreign(path: Path) -> bool:
    """Whether a file needs PyAV or ffmpeg, by its ending."""
    return path.suffix.lower() in FOREIGN_SUFFIXES


def is_nearly_whole(missing: float, seconds: float) -> bool:
    """Whether a sound that lacks so much of its `seconds` lacks no more than its last frames."""
    return missing <= min(_MOST_MISSING, _MOST_MISSING_SHARE * seconds)


def seconds_of(path: Path) -> float:
    """Length in seconds by the header; 0 where it says nothing.

    Raises:
        ValueError: no sound, or no decoder.
    """
    return _opener()[0](path)


def blocks(path: Path, *, start: float = 0.0, seconds: float | None = None) -> Iterator[tuple[int, np.ndarray]]:
    """Decode a file piece by piece.

    Args:
        path: the file.
        start: seconds to skip.
        seconds: to read from there; None: all.

    Yields:
        Sampling rate in Hz and `[k, channels]` float32.

    Raises:
        ValueError: the file holds no sound, is cut off, or nothing here can decode it; names the file.
    """
    length, decode = _opener()
    promised = length(path)
    wanted = promised - start if seconds is None else min(seconds, promised - start)
    given, rate = 0, 1
    for rate, block in decode(path, start):
        left = len(block) if seconds is None else min(len(block), round(seconds * rate) - given)
        given += left
        if left:
            yield rate, block[:left]
        if left < len(block):
            return
    if not given:
        raise ValueError(f"{path}: holds no samples")
    missing = wanted - given / rate
    # Of a length that counts in what a decoder starts with, as wma's, a share would be too strict.
    if path.suffix.lower() not in _OF_ESTIMATED_LENGTH and missing > _MOST_MISSING:
        raise ValueError(f"{path}: truncated: {given / rate:.2f} of {wanted:.2f} seconds can be decoded")


def _opener() -> tuple[Any, Any]:
    """Functions path → seconds and (path, start) → blocks."""
    if importlib.util.find_spec("av") is not None:
        return _av_seconds, _av_blocks
    if shutil.which("ffmpeg") is not None:
        return _program_seconds, _program_blocks
    raise ValueError(f"nothing here decodes it: {MISSING_DECODER}")


def _av_open(path: Path) -> Any:
    import av

    try:
        container = av.open(f"file:{path.absolute()}", options={"protocol_whitelist": _PROTOCOLS})
    except av.FFmpegError as error:
        raise ValueError(f"{path}: not readable as audio: {error.strerror}") from error
    if not container.streams.audio:
        container.close()
        raise ValueError(f"{path}: holds no sound")
    return container


def _av_seconds(path: Path) -> float:
    with _av_open(path) as container:
        stream = container.streams.audio[0]
        if stream.duration is not None:
            return float(stream.duration * stream.time_base)
        return 0.0 if container.duration is None else container.duration / 1e6


def _av_blocks(path: Path, start: float) -> Iterator[tuple[int, np.ndarray]]:
    import av

    with _av_open(path) as container:
        stream = container.streams.audio[0]
        first = 0 if stream.start_time is None else float(stream.start_time * stream.time_base)
        if start:
            container.seek(int((start + first) * 1e6))
        resampler = av.AudioResampler(format="flt")
        try:
            for frame in container.decode(stream):
                # A seek ends on a packet before the place that was asked for.
                skip = 0 if frame.time is None else round((start + first - frame.time) * frame.sample_rate)
                for part in resampler.resample(frame):
                    samples = part.to_ndarray().reshape(-1, part.layout.nb_channels)
                    yield part.sample_rate, samples[max(skip, 0) :] if start else samples
        except av.FFmpegError:
            # What follows can't be decoded: whether too much is missing is for who counts.
            return


def _ffmpeg(path: Path, *before: str, after: tuple[str, ...] = ()) -> list[str]:
    source = ["-protocol_whitelist", _PROTOCOLS, "-i", f"file:{path.absolute()}"]
    return ["ffmpeg", "-nostdin", "-hide_banner", *before, *source, *after]


def _program_seconds(path: Path) -> float:
    said = subprocess.run(_ffmpeg(path), capture_output=True, text=True, errors="replace").stderr
    if "Audio:" not in said:
        last = (said.strip().splitlines() or ["no sound in it"])[-1]
        raise ValueError(f"{path}: not readable as audio: {last.removeprefix(f'file:{path.absolute()}: ')}")
    found = re.search(r"Duration: (\d+):(\d+):(\d+\.\d+)", said)
    return 0.0 if found is None else int(found[1]) * 3600 + int(found[2]) * 60 + float(found[3])


def _program_blocks(path: Path, start: float) -> Iterator[tuple[int, np.ndarray]]:
    after = ("-map", "0:a:0", "-f", "au", "-acodec", "pcm_f32be", "-")
    command = _ffmpeg(path, "-v", "quiet", "-ss", str(start), after=after)
    with subprocess.Popen(command, stdout=subprocess.PIPE) as running:
        assert running.stdout is not None
        try:
            header = running.stdout.read(24)
            if len(header) < 24:
                return
            # The format .au: magic, offset of the samples, their size, encoding, rate, channels.
            _, offset, _, _, rate, channels = struct.unpack(">4s5I", header)
            running.stdout.read(offset - 24)
            while content := running.stdout.read(_BLOCK * channels * 4):
                whole = len(content) // (4 * channels) * 4 * channels
                yield rate, np.frombuffer(content[:whole], ">f4").astype(np.float32).reshape(-1, channels)
        finally:
            running.kill()
