"""What a clip sounds like, in one sentence made of measured features."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from jaxtyping import Float

from jaxmusic._arrays import float64

# Beats per minute below which a tempo is slow and above which it is fast.
SLOW, FAST = 90.0, 130.0
_COLUMNS = ("tempo", "energy", "brightness", "rhythm")
_WORDS = (
    ("slow tempo", "medium tempo", "fast tempo"),
    ("low energy", "medium energy", "high energy"),
    ("dark sound", "balanced sound", "bright sound"),
    ("simple rhythm", "moderate rhythm", "complex rhythm"),
)


class Terciles(NamedTuple):
    """Where the lowest 33 % end and the highest 33 % begin, `[2]` for each feature.

    Attributes:
        energy: of the root mean square of the waveform.
        brightness: of the spectral centroid, in Hz.
        rhythm: of the chroma's standard deviation.
    """

    energy: Float[np.ndarray, 2]
    brightness: Float[np.ndarray, 2]
    rhythm: Float[np.ndarray, 2]


def fit_terciles(features: Float[np.ndarray, "n 4"]) -> Terciles:
    """Find the terciles of energy, brightness and rhythm; fit them on the training part.

    Args:
        features: `[n, 4]` tempo in beats per minute, mean RMS, mean spectral centroid in Hz, standard deviation of the
            chroma: `audio.summary.descriptors`.

    Returns:
        The `Terciles`.

    Raises:
        ValueError: no rows, not four columns, or a value that is NaN or infinite.

    >>> fit_terciles(np.arange(404.0).reshape(101, 4)).energy.tolist()
    [133.0, 269.0]
    """
    features = _checked(features)
    return Terciles(*(np.quantile(features[:, column], [0.33, 0.67]) for column in (1, 2, 3)))


def describe(features: Float[np.ndarray, "n 4"], terciles: Terciles) -> list[str]:
    """One sentence a clip: tempo by fixed limits, energy, brightness and rhythm by terciles; at most 81 differ.

    The middle takes what lies on a limit: tempi of 90 to 130, and values equal to a tercile.

    Args:
        features: `[n, 4]`, as for `fit_terciles`.
        terciles: of `fit_terciles`.

    Returns:
        `n` sentences.

    Raises:
        ValueError: no rows, not four columns, or a value that is NaN or infinite.

    Source: "Unsupervised Representation Learning for Hybrid-Language Music Clustering Using Variational
    Autoencoders", §3.2.3.

    >>> terciles = Terciles(np.array([0.1, 0.2]), np.array([1000.0, 2000.0]), np.array([0.25, 0.3]))
    >>> describe(np.array([[120.0, 0.3, 2500.0, 0.31]]), terciles)
    ['Audio with medium tempo, high energy, bright sound, complex rhythm']
    """
    features = _checked(features)
    limits: Sequence[np.ndarray] = (np.array([SLOW, FAST]), *terciles)
    levels = [
        np.where(column < low, 0, np.where(column > high, 2, 1))
        for column, (low, high) in zip(features.T, limits, strict=True)
    ]
    return [
        "Audio with " + ", ".join(words[level] for words, level in zip(_WORDS, clip, strict=True))
        for clip in zip(*levels, strict=True)
    ]


def _checked(features: np.ndarray) -> np.ndarray:
    features = float64(features, "features")
    if features.ndim != 2 or features.shape[1] != len(_COLUMNS) or not len(features):
        raise ValueError(f"features are {features.shape}; give [n, 4]: {', '.join(_COLUMNS)}")
    if not (finite := np.isfinite(features)).all():
        row, column = np.argwhere(~finite)[0]
        raise ValueError(f"row {row} has {_COLUMNS[column]} {features[row, column]}: drop such clips first")
    return features
