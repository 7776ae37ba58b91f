"""Audio files → mono waveforms at one rate."""

from __future__ import annotations

import struct
from pathlib import Path

import numpy as np
from jaxtyping import Float

AUDIO_SUFFIXES = (".wav", ".flac", ".ogg", ".mp3")


def load(path: str | Path, *, sr: int | None = 22_050, duration: float | None = None) -> Float[np.ndarray, " samples"]:
    """Decode an audio file (wav, flac, ogg, mp3) to one channel.

    Channels are averaged, then resampled by soxr at its high quality: what `librosa.load` does.

    Args:
        path: the file.
        sr: sampling rate in Hz to convert to; None keeps the file's.
        duration: seconds to read from the start; None reads all.

    Returns:
        `[samples]` float32, about −1 to 1.

    Raises:
        ValueError: the file is empty, truncated, no audio, or holds NaN; names the file and the reason.
        FileNotFoundError: there is no such file.
    """
    import soundfile

    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(f"no such file: {path}")
    if path.stat().st_size == 0:
        raise ValueError(f"{path}: the file is empty (0 bytes)")
    try:
        with soundfile.SoundFile(path) as file:
            _check_length(path, file.format)
            rate, wanted = file.samplerate, file.frames
            if duration is not None:
                # The resampler's filter looks a little ahead: read on so that the end is as if all had been read.
                wanted = min(wanted, int(duration * rate) + rate // 10)
            samples = file.read(wanted, dtype="float32", always_2d=True)
    except soundfile.LibsndfileError as error:
        raise ValueError(f"{path}: not readable as audio: {error.error_string}") from error
    if len(samples) < wanted:
        raise ValueError(f"{path}: truncated: {len(samples)} of {wanted} samples can be decoded")
    if len(samples) == 0:
        raise ValueError(f"{path}: holds no samples")
    y = samples.mean(axis=1)
    if not np.isfinite(y).all():
        raise ValueError(f"{path}: {int((~np.isfinite(y)).sum())} of {len(y)} samples are NaN or infinite")
    if sr is not None and rate != sr:
        import soxr

        y = soxr.resample(y, rate, sr, quality="HQ")
    if duration is not None:
        y = y[: round(duration * (sr or rate))]
    return np.ascontiguousarray(y, np.float32)


def _check_length(path: Path, format: str) -> None:
    """libsndfile reads a cut-off wav without a word, so its header is held against the file's size."""
    if format != "WAV":
        return
    with path.open("rb") as file:
        header = file.read(8)
    promised = struct.unpack("<I", header[4:8])[0] + 8 if header[:4] == b"RIFF" and len(header) == 8 else 0
    # Streams that were never finished promise 0 or the largest number; those are common and whole.
    if promised < 2**32 - 2**16 and promised > path.stat().st_size:
        raise ValueError(f"{path}: truncated: its header promises {promised} bytes, the file has {path.stat().st_size}")


def seconds_of(path: str | Path) -> float:
    """Length of an audio file by its header, in seconds; 0 for one that cannot be read."""
    import soundfile

    try:
        return soundfile.info(str(path)).duration
    except soundfile.LibsndfileError:
        return 0.0
