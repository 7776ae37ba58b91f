"""Arrays of a `Dataset` → what models take: pooled and standardised spectrograms, standardised vectors."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Float

__all__ = [
    "Standardizer",
    "TemperedPCA",
    "fit_standardizer",
    "fit_tempered_pca",
    "pool_frames",
    "standardize_bins",
]

# A spread of so many units in the last place of a column's mean is rounding error: the column counts as constant and
# stays 0 instead of being blown up. What unit it has says nothing of that.
_LAST_PLACES = 4


def pool_frames(
    mel: Float[np.ndarray, "n n_mels frames"], mask: Bool[np.ndarray, "n frames"], frames: int
) -> tuple[Float[np.ndarray, "n n_mels pooled"], Bool[np.ndarray, "n pooled"]]:
    """Average a spectrogram's frames in even bins over time, over the frames that are music.

    Args:
        mel: `[n, n_mels, frames]`, in dB.
        mask: `[n, frames]`, True where a frame is music.
        frames: number of bins, at most the number of frames; equal numbers change nothing.

    Returns:
        `[n, n_mels, frames]` float32, 0 in bins without music, and the bins' mask `[n, frames]`.

    Raises:
        ValueError: more bins than frames.

    >>> pooled, mask = pool_frames(np.array([[[1.0, 3.0, 5.0, 9.0]]]), np.array([[True, True, True, False]]), 2)
    >>> pooled.tolist(), mask.tolist()
    ([[[2.0, 5.0]]], [[True, True]])
    """
    length = mel.shape[-1]
    if not 1 <= frames <= length:
        raise ValueError(f"cannot pool {length} frames into {frames} bins: give at most {length} frames")
    # Bin i covers frames i·L/n to (i+1)·L/n without overlap, so that each frame counts once.
    edges = np.arange(frames) * length // frames
    counts = np.add.reduceat(mask, edges, axis=1, dtype=np.int32)
    totals = np.add.reduceat(np.where(mask[:, None], mel, 0), edges, axis=2)
    return (totals / np.maximum(counts, 1)[:, None]).astype(np.float32), counts > 0


def standardize_bins(
    mel: Float[np.ndarray, "n n_mels frames"], mask: Bool[np.ndarray, "n frames"]
) -> Float[np.ndarray, "n n_mels frames"]:
    """Z-score of every mel band of every clip over its own frames of music.

    Source: "Hybrid Multimodal Music Clustering via Joint VAE" (2026), §3.1.2. It uses no other clip, so it leaks
    nothing across a split.

    Args:
        mel: `[n, n_mels, frames]`, in dB.
        mask: `[n, frames]`, True where a frame is music.

    Returns:
        `[n, n_mels, frames]` float32, 0 in padding and in bands that don't change.
    """
    standardized = np.empty(mel.shape, np.float32)
    # Clip by clip: in float64 the whole would need several times the data's own memory.
    for clip, music, out in zip(mel, mask, standardized, strict=True):
        count = max(music.sum(), 1)
        mean = np.where(music, clip, 0).sum(1, keepdims=True, dtype=np.float64) / count
        centred = np.where(music, clip - mean, 0)
        deviation = np.sqrt((centred**2).sum(1, keepdims=True) / count)
        out[:] = centred / _spread(deviation, mean, mel.dtype, 1)
    return standardized


def _spread(deviation: np.ndarray, mean: np.ndarray, dtype: np.dtype, rows: int) -> np.ndarray:
    """Standard deviations, infinite where they are no more than rounding error of values of `dtype` about `mean`."""
    precision = np.finfo(dtype).eps if dtype.kind == "f" else 0.0
    # The mean itself is summed in float64, over `rows`.
    rounding = np.maximum(_LAST_PLACES * precision, rows * np.finfo(np.float64).eps) * np.abs(mean)
    return np.where(deviation <= rounding, np.inf, deviation)


class Standardizer(NamedTuple):
    """Mean and standard deviation of each column, fitted on one part and applied to any.

    Attributes:
        mean: `[columns]`.
        scale: `[columns]`; infinite where a column is constant, so that it becomes 0.
    """

    mean: np.ndarray
    scale: np.ndarray

    def __call__(self, x: Float[np.ndarray, "n columns"]) -> Float[np.ndarray, "n columns"]:
        """Standardised columns, float32."""
        return ((x - self.mean) / self.scale).astype(np.float32)


def fit_standardizer(x: Float[np.ndarray, "n columns"]) -> Standardizer:
    """Fit mean and standard deviation of each column; give it the training part only.

    Raises:
        ValueError: no rows, or NaN or infinite values.

    >>> fit_standardizer(np.array([[1.0, 5.0], [3.0, 5.0]]))(np.array([[3.0, 7.0]])).tolist()
    [[1.0, 0.0]]
    """
    x = np.asarray(x)
    given, x = x.dtype, x.astype(np.float64)
    if x.ndim != 2 or not len(x):
        raise ValueError(f"expected rows and columns, got shape {x.shape}")
    if not np.isfinite(x).all():
        columns = np.flatnonzero(~np.isfinite(x).all(0))
        raise ValueError(f"columns {columns[:5].tolist()} hold NaN or infinite values: leave out the rows that do")
    mean = x.mean(0)
    return Standardizer(mean, _spread(x.std(0), mean, given, len(x)))


class TemperedPCA(NamedTuple):
    """Principal components, each divided by the root of its standard deviation; fitted on one part, applied to any.

    Unscaled, the first component outweighs all others; whitened, the last ones, mostly noise, weigh as much as the
    first. The root stands between. The whole has unit mean square on the rows it was fitted on.

    Attributes:
        mean: `[columns]`.
        components: `[size, columns]`, orthonormal rows.
        deviation: `[size]` standard deviation of the fitted rows on each.
    """

    mean: np.ndarray
    components: np.ndarray
    deviation: np.ndarray

    def __call__(self, x: Float[np.ndarray, "n columns"]) -> Float[np.ndarray, "n size"]:
        """Scores, float32."""
        scores = (x - self.mean) @ self.components.T / np.sqrt(self.deviation)
        return (scores / np.sqrt(self.deviation.mean())).astype(np.float32)


def fit_tempered_pca(x: Float[np.ndarray, "n columns"], size: int) -> TemperedPCA:
    """Fit the first `size` components, fewer where rows or columns are; give it the training part only.

    Raises:
        ValueError: fewer than two rows, a size below 1, or NaN or infinite values.

    >>> fit_tempered_pca(np.array([[1.0, 0.0], [3.0, 0.0]]), 2)(np.array([[3.0, 0.0]])).round(3).tolist()
    [[1.0]]
    """
    x = np.asarray(x)
    if x.ndim != 2 or len(x) < 2:
        raise ValueError(f"principal components need two rows at least, got shape {x.shape}")
    if size < 1:
        raise ValueError(f"size must be at least 1, got {size}")
    if not np.isfinite(x).all():
        raise ValueError("principal components need finite values: leave out rows that hold NaN or infinity")
    size = min(size, len(x) - 1, x.shape[1])
    mean = x.mean(0)
    _, singular, right = np.linalg.svd((x - mean).astype(np.float64), full_matrices=False)
    deviation = singular[:size] / np.sqrt(len(x))
    # Where nothing varies any positive number will do: all scores are 0.
    return TemperedPCA(mean, right[:size], np.maximum(deviation, 1e-8 * (deviation.max() or 1.0)))
