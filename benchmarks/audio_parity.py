"""How far each feature lies from librosa's, at worst, over whole collections of clips."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import jax.numpy as jnp
import numpy as np

from benchmarks import audio_peer as peer
from benchmarks.render import table
from jaxmusic import audio

TARGET = 1e-4
_RELATIVE = "max|a−b| / max|b|"
_DEVIATIONS = (
    "stft",
    "melspectrogram",
    "power_to_db",
    "mfcc",
    "chroma_stft",
    "rms",
    "spectral_centroid",
    "spectral_bandwidth",
    "zero_crossing_rate",
    "onset_strength",
    "hpss (harmonic)",
    "hpss (percussive)",
)


def _ours(clip: np.ndarray, sr: int) -> dict[str, np.ndarray]:
    """Each feature of one clip, by jaxmusic."""
    y = jnp.asarray(clip)
    mel = audio.melspectrogram(y, sr=sr)
    harmonic, percussive = audio.effects.hpss(y)
    features = {
        "stft": audio.stft(y),
        "melspectrogram": mel,
        "power_to_db": audio.power_to_db(mel),
        "mfcc": audio.mfcc(y, sr=sr),
        "chroma_stft": audio.chroma_stft(y, sr=sr),
        "rms": audio.rms(y),
        "spectral_centroid": audio.spectral_centroid(y, sr=sr),
        "spectral_bandwidth": audio.spectral_bandwidth(y, sr=sr),
        "spectral_rolloff": audio.spectral_rolloff(y, sr=sr),
        "zero_crossing_rate": audio.zero_crossing_rate(y),
        "onset_strength": audio.onset_strength(y, sr=sr),
        "hpss (harmonic)": harmonic,
        "hpss (percussive)": percussive,
        "tempo": audio.tempo(y, sr=sr),
        "estimate_tuning": audio.estimate_tuning(y, sr=sr)[None],
    }
    return {name: np.asarray(values) for name, values in features.items()}


def measure(collections: Mapping[str, Sequence[np.ndarray]], sr: int) -> dict[str, Any]:
    """The parity table.

    Args:
        collections: name → clips, each `[samples]` float32.
        sr: sampling rate in Hz.

    Returns:
        A `render.table`: one row a function, and for each collection the figure of its worst clip.
    """
    from joblib import Parallel, delayed

    compared: dict[str, list[dict[str, float]]] = {}
    for name, clips in collections.items():
        # librosa works ahead in its processes while the same clip is computed here.
        theirs = Parallel(n_jobs=-1, return_as="generator", pre_dispatch="n_jobs")(
            delayed(peer.features)(y, sr) for y in clips
        )
        compared[name] = [_compare(_ours(y, sr), oracle) for y, oracle in zip(clips, theirs, strict=True)]
    columns = ["function", "figure", *(f"{name} ({len(clips)} clips)" for name, clips in collections.items())]
    rows = [
        [name, figure, *(reduce(clip[name] for clip in clips) for clips in compared.values()), target]
        for name, figure, reduce, target in _figures()
    ]
    note = (
        "a is ours, b is librosa's. Roll-off moves to the next bin where the sum of the spectrum meets the threshold "
        "to within rounding: the last digit of an FFT decides there, in librosa too."
    )
    return table("Parity with librosa, worst clip", [*columns, "target"], rows, note)


def _figures() -> list[tuple[str, str, Callable[..., float], str]]:
    """Function, figure, how the figures of many clips become one, and the target."""
    return [
        *((name, _RELATIVE, max, f"≤ {TARGET:g}") for name in _DEVIATIONS),
        ("onset_strength (r)", "1 − correlation", max, "≤ 0.001"),
        ("spectral_rolloff", "share of frames in another bin", max, "none but by rounding"),
        ("tempo", "share of clips with another tempo", _mean, "≤ 0.05"),
        ("estimate_tuning", "share of clips with another tuning", _mean, ""),
    ]


def _compare(a: Mapping[str, np.ndarray], b: Mapping[str, np.ndarray]) -> dict[str, float]:
    compared = {name: float(np.abs(a[name] - b[name]).max() / np.abs(b[name]).max()) for name in _DEVIATIONS}
    compared["onset_strength (r)"] = 1 - float(np.corrcoef(a["onset_strength"], b["onset_strength"])[0, 1])
    # librosa's are float64 multiples of the bin's width, ours are rounded to float32.
    compared["spectral_rolloff"] = float((np.abs(a["spectral_rolloff"] - b["spectral_rolloff"]) > 1).mean())
    for name in ("tempo", "estimate_tuning"):
        compared[name] = float(not np.allclose(a[name], b[name], rtol=1e-5, atol=1e-6))
    return compared


def _mean(values: Any) -> float:
    return float(np.mean(list(values)))
