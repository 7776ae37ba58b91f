"""Waveforms → arrays, in JAX: batched, compiled, differentiable, with librosa's names and numbers."""

from jaxmusic.audio import effects, filters, summary
from jaxmusic.audio._delta import delta
from jaxmusic.audio._extract import Extraction, extract
from jaxmusic.audio._sound_encoder import SoundEncoder, sound_encoder
from jaxmusic.audio.contrast import spectral_contrast
from jaxmusic.audio.decibels import amplitude_to_db, db_to_amplitude, db_to_power, power_to_db
from jaxmusic.audio.dynamics import mel_dynamics
from jaxmusic.audio.features import spectral_bandwidth, spectral_centroid, spectral_flatness, spectral_rolloff
from jaxmusic.audio.inverse import griffinlim, istft
from jaxmusic.audio.io import AUDIO_SUFFIXES, load
from jaxmusic.audio.network_inputs import ClapInput, musicnn_mel
from jaxmusic.audio.rhythm import onset_strength, tempo
from jaxmusic.audio.sound_features import SoundFeatures, SoundNetwork
from jaxmusic.audio.spectral import frame_mask, melspectrogram, mfcc, stft
from jaxmusic.audio.summary import mel_statistics
from jaxmusic.audio.tonal import chroma_stft, estimate_tuning, tonnetz
from jaxmusic.audio.waveform_features import rms, zero_crossing_rate
from jaxmusic.audio.windows import WindowForm

__all__ = [
    "AUDIO_SUFFIXES",
    "ClapInput",
    "Extraction",
    "SoundEncoder",
    "SoundFeatures",
    "SoundNetwork",
    "WindowForm",
    "amplitude_to_db",
    "chroma_stft",
    "db_to_amplitude",
    "db_to_power",
    "delta",
    "effects",
    "estimate_tuning",
    "extract",
    "filters",
    "frame_mask",
    "griffinlim",
    "istft",
    "load",
    "mel_dynamics",
    "mel_statistics",
    "melspectrogram",
    "mfcc",
    "musicnn_mel",
    "onset_strength",
    "power_to_db",
    "rms",
    "sound_encoder",
    "spectral_bandwidth",
    "spectral_centroid",
    "spectral_contrast",
    "spectral_flatness",
    "spectral_rolloff",
    "stft",
    "summary",
    "tempo",
    "tonnetz",
    "zero_crossing_rate",
]
