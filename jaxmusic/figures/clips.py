"""Spectrograms and statistics of clips beside what models make of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from jaxtyping import Float

from jaxmusic.figures.canvas import COLORS, GREY, literal, new_figure, save

if TYPE_CHECKING:
    from matplotlib.axes import Axes

# Colours of a spectrogram, odd so that zero is white: as many as one can distinguish, and half the file of 256.
_LEVELS = 33


def reconstructions(
    originals: Float[np.ndarray, "k n_mels frames"],
    models: Mapping[str, Float[np.ndarray, "k n_mels frames"]],
    *,
    path: str | Path,
    titles: Sequence[str] | None = None,
    seconds: float | None = None,
    units: str = "z-score",
) -> Path:
    """Originals above their reconstructions, one column a clip, on one colour scale, with the mean squared error.

    Args:
        originals: `[k, n_mels, frames]`; NaN is drawn grey and left out of the error.
        models: name → reconstructions of the same shape.
        path: file to write.
        titles: of the clips.
        seconds: length of a clip, for an axis in seconds instead of frames.
        units: of the values.

    Returns:
        The path of the PNG.

    Raises:
        ValueError: reconstructions of another shape.
    """
    for name, recon in models.items():
        if np.shape(recon) != np.shape(originals):
            raise ValueError(f"{name}: reconstructions {np.shape(recon)} of originals {np.shape(originals)}")
    k = len(originals)
    limit = _limit(originals)
    rows: dict[str, np.ndarray] = {"original": originals, **models}
    figure = new_figure(2.3 * k + 0.9, 1.6 * len(rows) + 0.5)
    grid = figure.subplots(len(rows), k, squeeze=False, sharex=True, sharey=True)
    image: Any = None
    for i, (name, clips) in enumerate(rows.items()):
        for j in range(k):
            image = _spectrogram(grid[i][j], clips[j], limit, seconds)
            text = (titles[j] if titles is not None else f"clip {j + 1}") if i == 0 else _error(clips[j], originals[j])
            grid[i][j].set_title(literal(text, 26), fontsize=9)
        grid[i][0].set_ylabel(f"{literal(name, 20)}\nmel band", fontsize=9)
    for axes in grid[-1]:
        axes.set_xlabel("frame" if seconds is None else "time (s)", fontsize=9)
    figure.colorbar(image, ax=grid, label=units, shrink=0.8, aspect=30, extend="both", pad=0.01)
    return save(figure, path, "Reconstructions from the posterior mean")


def interpolation(
    spectrograms: Float[np.ndarray, "k n_mels frames"],
    *,
    path: str | Path,
    seconds: float | None = None,
    units: str = "z-score",
    title: str = "From one clip to another in the joint latent space",
) -> Path:
    """Decoded points on a line between two latents, left to right, on one colour scale.

    Args:
        spectrograms: `[k, n_mels, frames]`, evenly spaced from the first clip to the second.
        path: file to write.
        seconds: length of a clip, for an axis in seconds instead of frames.
        units: of the values.
        title: of the figure.

    Returns:
        The path of the PNG.
    """
    k = len(spectrograms)
    limit = _limit(spectrograms)
    figure = new_figure(1.8 * k + 0.8, 2.3)
    grid = figure.subplots(1, k, squeeze=False, sharey=True)[0]
    image: Any = None
    for i, axes in enumerate(grid):
        image = _spectrogram(axes, spectrograms[i], limit, seconds)
        axes.set_title(f"{i / max(k - 1, 1):.0%}", fontsize=9)
        axes.set_xlabel("frame" if seconds is None else "time (s)", fontsize=9)
    grid[0].set_ylabel("mel band", fontsize=9)
    figure.colorbar(image, ax=list(grid), label=units, extend="both", pad=0.01)
    return save(figure, path, title)


def vector_reconstructions(
    originals: Float[np.ndarray, "k d"],
    recon: Float[np.ndarray, "k d"],
    *,
    path: str | Path,
    units: str = "z-score",
    title: str = "FC-VAE: statistics per mel band and their reconstructions",
) -> Path:
    """Means and standard deviations per mel band, original and reconstructed, one row a clip.

    Args:
        originals: `[k, d]`: means of d / 2 mel bands, then as many standard deviations.
        recon: `[k, d]`.
        path: file to write.
        units: of the values.
        title: of the figure.

    Returns:
        The path of the PNG.

    Raises:
        ValueError: shapes that differ, or an odd number of columns.
    """
    if np.shape(originals) != np.shape(recon) or originals.shape[1] % 2:
        raise ValueError(f"expected two arrays [k, 2 · n_mels], got {np.shape(originals)} and {np.shape(recon)}")
    bands = originals.shape[1] // 2
    figure = new_figure(9, 1.8 * len(originals) + 0.7)
    grid = figure.subplots(len(originals), 2, squeeze=False, sharex=True)
    for i, row in enumerate(grid):
        halves = (("mean", slice(bands)), ("standard deviation", slice(bands, None)))
        for axes, (name, part) in zip(row, halves, strict=True):
            axes.plot(originals[i, part], color=COLORS[0], label="original")
            axes.plot(recon[i, part], color=COLORS[1], linestyle="--", label="reconstruction")
            error = _error(recon[i, part], originals[i, part])
            axes.set_title(f"clip {i + 1}, {name}, {error}", fontsize=9)
            axes.tick_params(labelsize=8)
        row[0].set_ylabel(units, fontsize=9)
    for axes in grid[-1]:
        axes.set_xlabel("mel band", fontsize=9)
    figure.legend(*grid[0][0].get_legend_handles_labels(), loc="outside lower center", ncols=2, frameon=False)
    return save(figure, path, title)


def _spectrogram(axes: Axes, values: np.ndarray, limit: float, seconds: float | None) -> Any:
    from matplotlib import colormaps

    axes.tick_params(labelsize=8)
    # White is zero on this scale; a gap must not look like one.
    axes.set_facecolor(GREY)
    n_mels, frames = values.shape
    return axes.imshow(
        values,
        origin="lower",
        aspect="auto",
        cmap=colormaps["RdBu_r"].resampled(_LEVELS),
        vmin=-limit,
        vmax=limit,
        extent=(0, frames if seconds is None else seconds, 0, n_mels),
        interpolation="auto",
        interpolation_stage="data",
    )


def _limit(values: np.ndarray) -> float:
    """The end of a colour scale around zero that a few loud frames don't set."""
    magnitudes = np.abs(values[np.isfinite(values)])
    return float(np.percentile(magnitudes, 99)) or 1.0 if magnitudes.size else 1.0


def _error(recon: np.ndarray, original: np.ndarray) -> str:
    squares = (recon - original) ** 2
    known = squares[np.isfinite(squares)]
    return f"MSE {known.mean():.3f}" if known.size else "no values"


def vector_comparison(
    original: Float[np.ndarray, "k d"],
    recon: Mapping[str, Float[np.ndarray, "k d"]],
    *,
    path: str | Path,
    titles: Sequence[str],
    xlabel: str,
    ylabel: str = "z-score",
    title: str = "",
) -> Path:
    """Feature vectors and their reconstructions by several models: a row for each vector, a column for each model.

    Args:
        original: `[k, d]`.
        recon: model → `[k, d]`.
        path: file to write.
        titles: name of each vector.
        xlabel: what the columns of a vector are.
        ylabel: unit of the values.
        title: of the figure.

    Returns:
        The path of the PNG.
    """
    figure = new_figure(3.2 * len(recon) + 0.6, 1.7 * len(original) + 0.8)
    grid = figure.subplots(len(original), len(recon), squeeze=False, sharex=True, sharey="row")
    for i, row in enumerate(grid):
        for j, (axes, (name, values)) in enumerate(zip(row, recon.items(), strict=True)):
            axes.plot(original[i], color=GREY, linewidth=1.6, label="original")
            axes.plot(values[i], color=COLORS[j % len(COLORS)], linewidth=1.0, label="reconstruction")
            axes.set_title(f"{literal(name)}, {_error(values[i], original[i])}", fontsize=8)
            axes.tick_params(labelsize=7)
            if i == len(grid) - 1:
                axes.set_xlabel(literal(xlabel), fontsize=8)
        row[0].set_ylabel(f"{literal(titles[i], 24)}\n{literal(ylabel)}", fontsize=7)
    grid[0][0].legend(fontsize=7, frameon=False)
    return save(figure, path, title)
