"""A clip → one vector: moments of mel bands and MFCCs, and the columns of the common feature tables."""

from __future__ import annotations

from functools import partial

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Int

from jaxmusic.audio.batching import each_clip
from jaxmusic.audio.checks import checked_waveform, checking, real
from jaxmusic.audio.decibels import power_to_db
from jaxmusic.audio.effects import hpss_of_spectra
from jaxmusic.audio.features import spectral_bandwidth, spectral_centroid, spectral_rolloff
from jaxmusic.audio.rhythm import onset_strength, tempo
from jaxmusic.audio.spectral import frame_mask, melspectrogram, mfcc, root, spectra
from jaxmusic.audio.tonal import chroma_stft
from jaxmusic.audio.waveform_features import rms, zero_crossing_rate

_MEASURED = (
    *("chroma_stft", "rms", "spectral_centroid", "spectral_bandwidth", "rolloff", "zero_crossing_rate"),
    *("harmony", "perceptr"),
)
_MFCCS = tuple(f"mfcc{i}" for i in range(1, 21))
# The feature columns of `features_30_sec.csv`, in its order; `filename`, `length` and `label` stand around them.
TABLE_COLUMNS = (
    *(f"{name}_{moment}" for name in _MEASURED for moment in ("mean", "var")),
    "tempo",
    *(f"{name}_{moment}" for name in _MFCCS for moment in ("mean", "var")),
)
DESCRIPTOR_COLUMNS = ("tempo", "rms_mean", "spectral_centroid_mean", "chroma_stft_std")
_N_FFT, _HOP = 2048, 512


@checking(mel=partial(real, axes=2))
@jax.jit
def mel_statistics(
    mel: Float[Array, "*batch n_mels frames"], mask: Bool[Array, "*batch frames"] | None = None
) -> Float[Array, "*batch 2*n_mels"]:
    """Mean and standard deviation of every mel band over time: first all means, then all deviations.

    Args:
        mel: `[…, n_mels, frames]`, in dB.
        mask: `[…, frames]` bool, False where a frame is padding; None counts all.

    Returns:
        `[…, 2 · n_mels]` float32, in dB; 0 for a clip without any frame.

    Source: the FC-VAE's input in "Hybrid Multimodal Music Clustering via Joint VAE" (2026), §3.2.1.

    >>> mel_statistics(jnp.array([[1.0, 3.0], [5.0, 5.0]])).tolist()
    [2.0, 5.0, 1.0, 0.0]
    """
    mel = jnp.asarray(mel)
    mean, variance = _moments(mel, _broadcast_mask(mel, mask))
    return jnp.concatenate([mean, root(variance)], axis=-1)


@jax.jit
def mfcc_moments(
    coefficients: Float[Array, "*batch n_mfcc frames"], mask: Bool[Array, "*batch frames"] | None = None
) -> Float[Array, "*batch 4*n_mfcc"]:
    """Mean, standard deviation, minimum and maximum over time of every coefficient, interleaved.

    Args:
        coefficients: `[…, n_mfcc, frames]`; the source takes 13.
        mask: `[…, frames]` bool, False where a frame is padding; None counts all.

    Returns:
        `[…, 4 · n_mfcc]` float32: μ₁, σ₁, min₁, max₁, μ₂, …; 0 for a clip without any frame.

    Source: "Unsupervised Representation Learning for Hybrid-Language Music Clustering Using Variational
    Autoencoders", §3.2.2.

    >>> mfcc_moments(jnp.array([[1.0, 3.0]])).tolist()
    [2.0, 1.0, 1.0, 3.0]
    """
    x = jnp.asarray(coefficients)
    counted = _broadcast_mask(x, mask)
    mean, variance = _moments(x, counted)
    some = counted.any(-1)
    low = jnp.where(some, jnp.where(counted, x, jnp.inf).min(-1), 0.0)
    high = jnp.where(some, jnp.where(counted, x, -jnp.inf).max(-1), 0.0)
    moments = jnp.stack([mean, root(variance), low, high], axis=-1)
    return moments.reshape(*moments.shape[:-2], -1)


@partial(jax.jit, static_argnames="sr")
def table_features(
    y: Float[Array, "*batch samples"], lengths: Int[Array, "*batch"] | None = None, *, sr: float = 22_050
) -> Float[Array, "*batch 57"]:
    """The 57 feature columns of the common `features_30_sec.csv` tables.

    Each is the mean or the variance over a clip of one of librosa's features with its defaults; harmony and perceptr
    are the waveforms of `effects.hpss`.

    Args:
        y: `[…, samples]` float32 waveform, padded with zeros after `lengths`.
        lengths: `[…]` samples of each clip before it was padded; the result equals that of the unpadded clip.
        sr: sampling rate in Hz.

    Returns:
        `[…, 57]` float32 in the order of `TABLE_COLUMNS`.

    >>> table_features(jnp.zeros(22_050)).shape
    (57,)
    """
    y = checked_waveform(y)
    lengths = jnp.full(y.shape[:-1], y.shape[-1]) if lengths is None else jnp.asarray(lengths)
    return each_clip(partial(_table_of_clip, sr=sr), y, jnp.broadcast_to(lengths, y.shape[:-1]), axes=(1, 0))


@partial(jax.jit, static_argnames="sr")
def descriptors(
    y: Float[Array, "*batch samples"], lengths: Int[Array, "*batch"] | None = None, *, sr: float = 22_050
) -> Float[Array, "*batch 4"]:
    """What `text.describe` puts into words: tempo, energy, brightness and spread of the chroma.

    Args:
        y: `[…, samples]` float32 waveform, padded with zeros after `lengths`.
        lengths: `[…]` samples of each clip before it was padded; None: all are the clip's.
        sr: sampling rate in Hz.

    Returns:
        `[…, 4]` float32 in the order of `DESCRIPTOR_COLUMNS`: beats per minute, mean RMS, mean spectral centroid in
        Hz, standard deviation of the chroma over classes and frames.

    Source: "Unsupervised Representation Learning for Hybrid-Language Music Clustering Using Variational
    Autoencoders", §3.2.3.
    """

    def of_clip(y: Array, length: Array) -> Array:
        _, mask, power, magnitude = _analysed(y, length)
        chroma_variance = _moments(chroma_stft(S=power, sr=sr).ravel(), jnp.tile(mask, 12))[1]
        loudness = _moments(rms(y, frame_length=_N_FFT, hop_length=_HOP)[0], mask)[0]
        centroid = _moments(spectral_centroid(S=magnitude, sr=sr)[0], mask)[0]
        return jnp.stack([_tempo(power, mask, length, sr), loudness, centroid, root(chroma_variance)])

    y = checked_waveform(y)
    lengths = jnp.full(y.shape[:-1], y.shape[-1]) if lengths is None else jnp.asarray(lengths)
    return each_clip(of_clip, y, jnp.broadcast_to(lengths, y.shape[:-1]), axes=(1, 0))


def _table_of_clip(y: Array, length: Array, *, sr: float) -> Float[Array, 57]:
    X, mask, power, magnitude = _analysed(y, length)
    chroma = chroma_stft(S=power, sr=sr)
    framewise = (
        rms(y, frame_length=_N_FFT, hop_length=_HOP),
        spectral_centroid(S=magnitude, sr=sr),
        spectral_bandwidth(S=magnitude, sr=sr),
        spectral_rolloff(S=magnitude, sr=sr),
        zero_crossing_rate(y, frame_length=_N_FFT, hop_length=_HOP, lengths=length),
    )
    decibels = power_to_db(melspectrogram(S=power, sr=sr))
    cepstrum = mfcc(S=decibels, n_mfcc=len(_MFCCS))
    parts = hpss_of_spectra(X, y.shape[-1], length, n_fft=_N_FFT, hop_length=_HOP)
    heard = jnp.arange(y.shape[-1]) < length
    columns = [
        jnp.stack(_moments(chroma.ravel(), jnp.tile(mask, chroma.shape[0]))),
        *(jnp.stack(_moments(values[0], mask)) for values in framewise),
        *(jnp.stack(_moments(part, heard)) for part in parts),
        tempo(onset_envelope=onset_strength(S=decibels), sr=sr, hop_length=_HOP, lengths=length),
        jnp.stack(_moments(cepstrum, mask), axis=-1).ravel(),
    ]
    return jnp.concatenate(columns)


def _analysed(y: Array, length: Array) -> tuple[Array, Array, Array, Array]:
    """One clip's STFT `[frames, bins]`, the mask of its own frames, and its power and magnitude `[bins, frames]`."""
    X = spectra(y, _N_FFT, _HOP, _N_FFT, "hann", True, "constant")
    mask = frame_mask(length, X.shape[0], hop_length=_HOP)
    X = jnp.where(mask[:, None], X, 0)
    power = jnp.square(X.real) + jnp.square(X.imag)
    return X, mask, power.T, root(power).T


def _tempo(power: Array, mask: Array, length: Array, sr: float) -> Array:
    envelope = onset_strength(S=power_to_db(melspectrogram(S=power, sr=sr)))
    return tempo(onset_envelope=envelope, sr=sr, hop_length=_HOP, lengths=length)[0]


def _broadcast_mask(x: Array, mask: Array | None) -> Array:
    counted = jnp.ones(x.shape[-1:], bool) if mask is None else jnp.asarray(mask)[..., None, :]
    return jnp.broadcast_to(counted, x.shape)


def _moments(x: Array, counted: Array) -> tuple[Array, Array]:
    """Mean and variance over the last axis of what is counted; 0 where nothing is."""
    count = jnp.maximum(counted.sum(-1), 1)
    mean = jnp.where(counted, x, 0).sum(-1) / count
    centred = jnp.where(counted, x - mean[..., None], 0)
    return mean, jnp.square(centred).sum(-1) / count
