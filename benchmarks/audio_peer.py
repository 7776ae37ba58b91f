"""The peer: librosa. A module of its own, so that its workers load neither jax nor jaxmusic."""

from __future__ import annotations

from pathlib import Path

import librosa
import numpy as np

SR = 22_050


def table_row(path: str | Path, *, share: bool) -> np.ndarray:
    """The 57 columns of one file: each feature from the waveform, or all from one shared spectrum where they can be."""
    y, sr = librosa.load(path, sr=SR)
    if share:
        X = librosa.stft(y)
        magnitude = np.abs(X)
        power = magnitude**2
        decibels = librosa.power_to_db(librosa.feature.melspectrogram(S=power, sr=sr))
        spectral, chromatic, cepstral = {"S": magnitude}, {"S": power}, {"S": decibels}
        parts = [librosa.istft(part, length=len(y)) for part in librosa.decompose.hpss(X)]
        envelope = librosa.onset.onset_strength(S=decibels, sr=sr)
        beats = librosa.feature.tempo(onset_envelope=envelope, sr=sr)
    else:
        spectral = chromatic = cepstral = {"y": y}
        parts = list(librosa.effects.hpss(y))
        beats = librosa.feature.tempo(y=y, sr=sr)
    tracks = [
        librosa.feature.chroma_stft(**chromatic, sr=sr),
        librosa.feature.rms(y=y),
        librosa.feature.spectral_centroid(**spectral, sr=sr),
        librosa.feature.spectral_bandwidth(**spectral, sr=sr),
        librosa.feature.spectral_rolloff(**spectral, sr=sr),
        librosa.feature.zero_crossing_rate(y),
        *parts,
    ]
    moments = [moment(track) for track in tracks for moment in (np.mean, np.var)]
    cepstrum = librosa.feature.mfcc(**cepstral, sr=sr)
    return np.array([*moments, beats[0], *(moment(c) for c in cepstrum for moment in (np.mean, np.var))])


def mel_and_mfcc(y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Mel spectrogram in dB and 20 MFCC of one clip."""
    decibels = librosa.power_to_db(librosa.feature.melspectrogram(y=y, sr=SR))
    return decibels, librosa.feature.mfcc(S=decibels)


def features(y: np.ndarray, sr: int) -> dict[str, np.ndarray]:
    """Each feature of one clip."""
    mel = librosa.feature.melspectrogram(y=y, sr=sr)
    harmonic, percussive = librosa.effects.hpss(y)
    return {
        "stft": librosa.stft(y),
        "melspectrogram": mel,
        "power_to_db": librosa.power_to_db(mel),
        "mfcc": librosa.feature.mfcc(y=y, sr=sr),
        "chroma_stft": librosa.feature.chroma_stft(y=y, sr=sr),
        "rms": librosa.feature.rms(y=y),
        "spectral_centroid": librosa.feature.spectral_centroid(y=y, sr=sr),
        "spectral_bandwidth": librosa.feature.spectral_bandwidth(y=y, sr=sr),
        "spectral_rolloff": librosa.feature.spectral_rolloff(y=y, sr=sr),
        "zero_crossing_rate": librosa.feature.zero_crossing_rate(y),
        "onset_strength": librosa.onset.onset_strength(y=y, sr=sr),
        "hpss (harmonic)": harmonic,
        "hpss (percussive)": percussive,
        "tempo": librosa.feature.tempo(y=y, sr=sr),
        "estimate_tuning": np.atleast_1d(librosa.estimate_tuning(y=y, sr=sr)),
    }
