"""The embedded corpus → `Dataset`."""

from __future__ import annotations

from functools import partial

import numpy as np
from jaxtyping import Float, PRNGKeyArray

from jaxmusic.data.dataset import Dataset
from jaxmusic.data.spectrograms import decibel_mel, frames_of
from jaxmusic.data.synthetic_corpus.corpus import Corpus, draw_corpus, render_corpus, samples_of

__all__ = ["synthetic"]

_BATCH_SAMPLES = 1 << 22  # samples rendered at a time: 16 MiB of sound, whatever the corpus's size


def synthetic(
    key: PRNGKeyArray,
    n_clips: int = 200,
    *,
    duration: float = 10.0,
    sample_rate: int = 22_050,
    n_fft: int = 2048,
    hop_length: int = 512,
    n_mels: int = 128,
) -> Dataset:
    """Music and lyrics made from known factors, the factors kept as labels.

    Args:
        key: a jax random key; the same key gives the same data, and fewer clips are the first of more.
        n_clips: number of clips.
        duration: seconds of each.
        sample_rate: Hz.
        n_fft: window length in samples.
        hop_length: samples between frames.
        n_mels: mel bands.

    Returns:
        A `Dataset`: modalities `"audio"` `[n_clips, n_mels, 1 + samples // hop_length]` float32, a mel power
        spectrogram in dB (reference 1, at most 80 dB below a clip's own peak), and `"lyrics"` `[n_clips]` str; all
        masks True; labels `artist` and every factor of `Corpus.factors`, strings and numbers; groups the artists.

    Raises:
        ValueError: if `n_clips`, `duration`, `n_mels` or `hop_length` isn't positive, `sample_rate` is out of range, or
            a clip is shorter than one window.
    """
    samples = samples_of(duration, sample_rate)
    if samples < n_fft:
        raise ValueError(
            f"duration={duration} s is {samples} samples, less than one window of n_fft={n_fft}: "
            "make the clips longer or the window shorter"
        )
    if hop_length < 1:
        raise ValueError(f"hop_length must be at least 1, not {hop_length}")
    corpus = draw_corpus(key, n_clips, n_listeners=0)
    mels = _decibel_mels(corpus, duration, sample_rate, n_fft=n_fft, hop_length=hop_length, n_mels=n_mels)
    present = np.ones(n_clips, bool)
    return Dataset(
        ids=corpus.ids,
        modalities={"audio": mels, "lyrics": corpus.lyrics},
        masks={"audio": present, "lyrics": present.copy(), "frames": np.ones((n_clips, mels.shape[2]), bool)},
        labels={"artist": corpus.metadata["artist"], **corpus.factors},
        groups=corpus.metadata["artist"],
        source={
            "name": "synthetic",
            "path": None,
            "counts": {
                "clips": n_clips,
                "with_audio": n_clips,
                "with_lyrics": n_clips,
                "with_both": n_clips,
                "dropped": 0,
                "unknown_labels": 0,
            },
            "audio": {
                "from": "synthetic",
                "duration": duration,
                "sr": sample_rate,
                "n_fft": n_fft,
                "hop_length": hop_length,
                "n_mels": mels.shape[1],
                "frames": mels.shape[2],
                "lowest_dB": float(mels.min()),
                "highest_dB": float(mels.max()),
            },
            "groups": "artist",
            "key": list(corpus.seed),
            "dropped": [],
            "notes": ["synthetic: rendered from known factors, not recorded; its figures say nothing of real music"],
            "attribution": {
                "files": [],
                "statements": ["Made by jaxmusic.data.synthetic; no recording and no text of others is in it."],
                "licences": {},
                "credits": [],
            },
        },
    )


def _decibel_mels(
    corpus: Corpus, duration: float, sample_rate: int, *, n_fft: int, hop_length: int, n_mels: int
) -> Float[np.ndarray, "n n_mels frames"]:
    """Render a batch, transform it, forget its sound, and go on: one compilation, bounded memory."""
    import jax

    samples, n = samples_of(duration, sample_rate), len(corpus.ids)
    batch = min(max(1, _BATCH_SAMPLES // samples), n)
    transform = jax.jit(partial(decibel_mel, sr=sample_rate, n_fft=n_fft, hop_length=hop_length, n_mels=n_mels))
    mels = np.empty((n, n_mels, frames_of(samples, hop_length)), np.float32)
    for first in range(0, n, batch):
        rows = np.arange(first, min(first + batch, n))
        y = np.zeros((batch, samples), np.float32)
        y[: len(rows)] = render_corpus(corpus, duration=duration, sample_rate=sample_rate, rows=rows)
        mels[rows] = np.asarray(transform(y))[: len(rows)]
    return mels
