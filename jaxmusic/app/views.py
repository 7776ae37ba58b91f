"""Spectrograms and lyrics → the vectors that the model takes; the same for fitting and for use."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Float

from jaxmusic.app.sentences import Embedder, SentenceLyrics, fit_sentence_lyrics
from jaxmusic.audio import mel_dynamics, mel_statistics
from jaxmusic.data.preprocessing import Standardizer, TemperedPCA, fit_standardizer, fit_tempered_pca
from jaxmusic.text import TfidfPCA, fit_tfidf_pca, words

_ROWS_AT_ONCE = 256


class Views(NamedTuple):
    """What was fitted on the training clips.

    Attributes:
        frames: of every spectrogram; others are cropped or filled with silence to this length.
        n_mels: mel bands of every spectrogram.
        scaler: of the raw audio features.
        components: of the standardised ones.
        lyrics: TF-IDF or sentence embeddings on principal components; None for a model without lyrics.
    """

    frames: int
    n_mels: int
    scaler: Standardizer
    components: TemperedPCA
    lyrics: TfidfPCA | SentenceLyrics | None

    @property
    def lyrics_dim(self) -> int:
        """Width of the lyric vectors; 1, a column of zeros, without lyrics."""
        return 1 if self.lyrics is None else self.lyrics.n_components

    def audio_vectors(
        self, mel: Float[np.ndarray, "n n_mels frames"], mask: Bool[np.ndarray, "n frames"]
    ) -> Float[np.ndarray, "n d"]:
        """Spectrograms in dB, of any length, and the mask of their music → audio vectors."""
        return self.components(self.scaler(audio_features(*with_frames(mel, mask, self.frames))))

    def lyric_vectors(self, texts: list[str]) -> tuple[Float[np.ndarray, "n d"], Bool[np.ndarray, " n"]]:
        """Texts → lyric vectors, 0 where a text has no known word, and which texts have one."""
        if self.lyrics is None:
            return np.zeros((len(texts), 1), np.float32), np.zeros(len(texts), bool)
        if isinstance(self.lyrics, SentenceLyrics):
            return self.lyrics.transform(texts)
        return self.lyrics.transform(texts, standardized=True), self.lyrics.has_known_words(texts)


def with_frames(
    mel: Float[np.ndarray, "n n_mels frames"], mask: Bool[np.ndarray, "n frames"], frames: int
) -> tuple[Float[np.ndarray, "n n_mels length"], Bool[np.ndarray, "n length"]]:
    """Cropped, or filled with each clip's lowest value, to a number of frames."""
    more = frames - mel.shape[-1]
    if more <= 0:
        return mel[..., :frames], mask[:, :frames]
    silence = np.broadcast_to(mel.min((1, 2), keepdims=True), (*mel.shape[:2], more))
    return np.concatenate([mel, silence], axis=2), np.pad(mask, ((0, 0), (0, more)))


def audio_features(
    mel: Float[np.ndarray, "n n_mels frames"], mask: Bool[np.ndarray, "n frames"]
) -> Float[np.ndarray, "n features"]:
    """Statistics and dynamics of the mel bands, before anything is fitted."""
    parts = []
    for start in range(0, len(mel), _ROWS_AT_ONCE):
        rows = slice(start, start + _ROWS_AT_ONCE)
        dynamics = mel_dynamics(mel[rows], mask[rows], n_mfcc=min(10, mel.shape[1]))
        parts.append(np.concatenate([mel_statistics(mel[rows], mask[rows]), dynamics], axis=1))
    return np.concatenate(parts)


def fit_views(
    features: Float[np.ndarray, "n features"],
    texts: list[str],
    *,
    frames: int,
    n_mels: int,
    audio_dim: int,
    lyrics_dim: int,
    max_features: int,
    embedder: Embedder | None = None,
) -> Views:
    """Fit both views; give it the training clips only.

    Args:
        features: raw audio features of the clips that have sound, two at least.
        texts: lyrics; fewer than two with words make a model without lyrics.
        frames: of every spectrogram.
        n_mels: mel bands of every spectrogram.
        audio_dim: principal components of the features, at most.
        lyrics_dim: principal components of the lyrics.
        max_features: words of TF-IDF.
        embedder: lyrics become its sentence embeddings; None: TF-IDF.
    """
    scaler = fit_standardizer(features)
    components = fit_tempered_pca(scaler(features), audio_dim)
    # `words` and nothing else: the page does the same in the browser.
    usable = [text for text in texts if words(text)]
    lyrics: TfidfPCA | SentenceLyrics | None = None
    if len(usable) >= 2 and embedder is not None:
        lyrics = fit_sentence_lyrics(embedder, usable, lyrics_dim)
    elif len(usable) >= 2:
        lyrics = fit_tfidf_pca(usable, max_features=max_features, n_components=lyrics_dim, analyzer=words)
    return Views(frames, n_mels, scaler, components, lyrics)
