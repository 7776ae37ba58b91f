"""Waveforms → arrays, in JAX: batched, compiled, differentiable, with librosa's names and numbers."""

from jaxmusic.audio import filters
from jaxmusic.audio.extract import Extraction, extract
from jaxmusic.audio.io import AUDIO_SUFFIXES, load
from jaxmusic.audio.spectral import melspectrogram, power_to_db, stft
from jaxmusic.audio.summary import mel_statistics

__all__ = [
    "AUDIO_SUFFIXES",
    "Extraction",
    "extract",
    "filters",
    "load",
    "mel_statistics",
    "melspectrogram",
    "power_to_db",
    "stft",
]
