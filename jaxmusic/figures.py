"""Numbers → pictures. Each function writes one PNG and returns its path; none touches matplotlib's global state."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from jaxtyping import Float

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

# Okabe and Ito's palette, readable with every kind of colour vision; further classes differ by marker too.
_COLORS = ("#0072B2", "#E69F00", "#009E73", "#CC79A7", "#56B4E9", "#D55E00", "#F0E442", "#000000")
_MARKERS = ("o", "^", "s", "D", "v", "P", "X")
_MAX_CLASSES = 16
_UNKNOWN = "unknown"


def umap_coordinates(x: Float[np.ndarray, "n d"], *, seed: int, n_neighbors: int = 15) -> Float[np.ndarray, "n 2"]:
    """UMAP to two dimensions (McInnes et al. 2018); fewer neighbours where there are fewer points."""
    import warnings

    from umap import UMAP

    neighbors = min(n_neighbors, len(x) - 1)
    if neighbors < 2:
        raise ValueError(f"UMAP needs three points at least, got {len(x)}")
    with warnings.catch_warnings():
        # A seed rules out threads, which is what is wanted here.
        warnings.filterwarnings("ignore", message="n_jobs value")
        # A spectral start needs more points than its graph has dimensions to spare.
        start = "spectral" if len(x) > 10 else "random"
        return UMAP(n_neighbors=neighbors, random_state=seed, init=start).fit_transform(np.asarray(x, np.float32))


def tsne_coordinates(x: Float[np.ndarray, "n d"], *, seed: int, perplexity: float = 30.0) -> Float[np.ndarray, "n 2"]:
    """t-SNE to two dimensions (van der Maaten and Hinton 2008); a lower perplexity where there are fewer points."""
    from sklearn.manifold import TSNE

    if len(x) < 3:
        raise ValueError(f"t-SNE needs three points at least, got {len(x)}")
    return TSNE(perplexity=min(perplexity, (len(x) - 1) / 3), init="pca", random_state=seed).fit_transform(
        np.asarray(x, np.float32)
    )


def latent_map(
    panels: Mapping[str, Float[np.ndarray, "n 2"]],
    labels: np.ndarray,
    *,
    path: str | Path,
    title: str = "",
    legend_title: str = "",
) -> Path:
    """Points of one or more two-dimensional maps, coloured by class.

    Args:
        panels: title → `[n, 2]` coordinates.
        labels: `[n]` classes; "" is drawn as unknown, and classes beyond the sixteen largest as one.
        path: file to write.
        title: of the figure.
        legend_title: what the classes are.
    """
    labels = np.array([str(label) or _UNKNOWN for label in labels])
    names, counts = np.unique(labels, return_counts=True)
    if len(names) > _MAX_CLASSES:
        kept = names[np.argsort(-counts, kind="stable")][: _MAX_CLASSES - 1]
        labels = np.where(np.isin(labels, kept), labels, f"{len(names) - len(kept)} others")
        names = np.unique(labels)
    if all(name.isdigit() for name in names):
        names = np.array(sorted(names, key=int))
    columns = min(len(panels), 3)
    rows = -(-len(panels) // columns)
    figure = _figure(3.3 * columns + 1.5, 3.1 * rows + 0.5)
    size = float(np.clip(2000 / len(labels), 4, 25))
    axes = None
    for i, (name, xy) in enumerate(panels.items()):
        axes = figure.add_subplot(rows, columns, i + 1)
        for j, label in enumerate(names):
            at = labels == label
            color = "#BBBBBB" if label == _UNKNOWN else _COLORS[j % len(_COLORS)]
            axes.scatter(
                xy[at, 0], xy[at, 1], s=size, c=color, marker=_MARKERS[j // len(_COLORS)], label=label, alpha=0.75,
                linewidths=0,
            )  # fmt: skip
        axes.set_title(name, fontsize=10)
        axes.set_xticks([])
        axes.set_yticks([])
    assert axes is not None
    handles, texts = axes.get_legend_handles_labels()
    legend = figure.legend(
        handles, texts, title=legend_title, loc="outside right upper", fontsize=8, frameon=False, markerscale=1.5
    )
    for handle in legend.legend_handles:
        if handle is not None:
            handle.set_alpha(1)
    return _save(figure, path, title)


def reconstructions(
    originals: Float[np.ndarray, "k n_mels frames"],
    models: Mapping[str, Float[np.ndarray, "k n_mels frames"]],
    *,
    path: str | Path,
    titles: Sequence[str] | None = None,
    units: str = "z-score",
) -> Path:
    """Originals above their reconstructions, one column a clip, on one colour scale, with the mean squared error."""
    k = len(originals)
    limit = float(np.nanpercentile(np.abs(originals), 99))
    rows: dict[str, np.ndarray] = {"original": originals, **models}
    figure = _figure(3.2 * k + 0.8, 1.9 * len(rows) + 0.4)
    grid = figure.subplots(len(rows), k, squeeze=False)
    image: Any = None
    for i, (name, clips) in enumerate(rows.items()):
        for j in range(k):
            image = _spectrogram(grid[i][j], clips[j], limit)
            error = np.nanmean((clips[j] - originals[j]) ** 2)
            text = (titles[j] if titles is not None else f"clip {j + 1}") if i == 0 else f"MSE {error:.3f}"
            grid[i][j].set_title(_shorten(text), fontsize=8)
        grid[i][0].set_ylabel(f"{name}\nmel band", fontsize=8)
    for axes in grid[-1]:
        axes.set_xlabel("frame", fontsize=8)
    figure.colorbar(image, ax=grid, label=units, shrink=0.8)
    return _save(figure, path, "Reconstructions from the posterior mean")


def interpolation(
    spectrograms: Float[np.ndarray, "k n_mels frames"], *, path: str | Path, units: str = "z-score"
) -> Path:
    """Decoded points on a line between two latents, left to right."""
    k = len(spectrograms)
    limit = float(np.nanpercentile(np.abs(spectrograms), 99)) or 1.0
    figure = _figure(1.8 * k + 0.8, 2.2)
    grid = figure.subplots(1, k, squeeze=False)[0]
    image: Any = None
    for i, axes in enumerate(grid):
        image = _spectrogram(axes, spectrograms[i], limit)
        axes.set_title(f"{i / max(k - 1, 1):.0%}", fontsize=8)
        axes.set_xlabel("frame", fontsize=8)
        if i:
            axes.set_yticks([])
    grid[0].set_ylabel("mel band", fontsize=8)
    figure.colorbar(image, ax=list(grid), label=units)
    return _save(figure, path, "From one clip to another in the joint latent space")


def vector_reconstructions(
    originals: Float[np.ndarray, "k d"], recon: Float[np.ndarray, "k d"], *, path: str | Path
) -> Path:
    """Means and standard deviations per mel band, original and reconstructed, one row a clip."""
    bands = originals.shape[1] // 2
    figure = _figure(9, 1.9 * len(originals) + 0.4)
    grid = figure.subplots(len(originals), 2, squeeze=False, sharex=True)
    for i, row in enumerate(grid):
        error = np.mean((originals[i] - recon[i]) ** 2)
        for axes, part, name in zip(row, (slice(bands), slice(bands, None)), ("mean", "deviation"), strict=True):
            axes.plot(originals[i, part], color=_COLORS[0], label="original")
            axes.plot(recon[i, part], color=_COLORS[1], label="reconstruction")
            axes.set_title(f"clip {i + 1}, {name} per band, MSE {error:.3f}", fontsize=8)
            axes.set_ylabel("z-score", fontsize=8)
    for axes in grid[-1]:
        axes.set_xlabel("mel band", fontsize=8)
    grid[0][0].legend(fontsize=8, frameon=False)
    return _save(figure, path, "FC-VAE: statistics and their reconstructions")


def training_curves(curves: Mapping[str, Mapping[str, Float[np.ndarray, "seeds epochs"]]], *, path: str | Path) -> Path:
    """One panel a model: its loss and parts of it over epochs, mean and standard deviation over seeds.

    Args:
        curves: model → metric → `[seeds, epochs]` or `[epochs]`; a metric's `valid_…` is drawn dashed beside it.
        path: file to write.
    """
    figure = _figure(4.2 * len(curves), 3.4)
    grid = figure.subplots(1, len(curves), squeeze=False)[0]
    for axes, (name, metrics) in zip(grid, curves.items(), strict=True):
        bases = list(dict.fromkeys(metric.removeprefix("valid_") for metric in metrics))
        for metric, values in metrics.items():
            base = metric.removeprefix("valid_")
            values = np.atleast_2d(np.asarray(values, float))
            epochs = np.arange(1, values.shape[1] + 1)
            mean, deviation = np.nanmean(values, 0), np.nanstd(values, 0)
            color = _COLORS[bases.index(base) % len(_COLORS)]
            style = "--" if metric != base else "-"
            axes.plot(
                epochs, mean, style, color=color, label=metric.replace("_", " "), linewidth=2 if base == "loss" else 1
            )
            axes.fill_between(epochs, mean - deviation, mean + deviation, color=color, alpha=0.2, linewidth=0)
        axes.set_title(name, fontsize=10)
        axes.set_xlabel("epoch")
        # Losses fall by orders of magnitude; metrics that may be negative or 0 need a linear part.
        axes.set_yscale("symlog", linthresh=1e-3)
        axes.legend(fontsize=7, frameon=False)
    grid[0].set_ylabel("loss and its parts")
    return _save(figure, path, "Training curves")


def explained_variance(ratios: Mapping[str, Float[np.ndarray, " components"]], *, path: str | Path) -> Path:
    """Cumulative share of the variance over components."""
    figure = _figure(5.5, 3.4)
    axes = figure.subplots()
    for color, (name, ratio) in zip(_COLORS, ratios.items(), strict=False):
        total = np.cumsum(ratio)
        axes.plot(np.arange(1, len(total) + 1), total, color=color, label=f"{name}: {total[-1]:.1%} in {len(total)}")
    axes.set_ylim(0, 1)
    axes.set_xlabel("components")
    axes.set_ylabel("cumulative explained variance")
    axes.legend(frameon=False)
    return _save(figure, path, "Explained variance")


def learning_curve(
    x: Sequence[float],
    lines: Mapping[str, tuple[Sequence[float], Sequence[float]]],
    chance: float,
    *,
    path: str | Path,
    xlabel: str,
    ylabel: str,
    title: str = "",
) -> Path:
    """Mean and standard deviation against a size on a logarithmic axis, with the chance level."""
    figure = _figure(5.5, 3.6)
    axes = figure.subplots()
    for i, (name, (mean, deviation)) in enumerate(lines.items()):
        axes.errorbar(x, mean, deviation, color=_COLORS[i], marker=_MARKERS[i], capsize=3, label=name)
    axes.axhline(chance, color="#777777", linestyle=":", label=f"chance {chance:.3f}")
    axes.set_xscale("log")
    axes.set_xticks(list(x), [f"{value:.0f}" for value in x])
    axes.minorticks_off()
    axes.set_ylim(bottom=0)
    axes.set_xlabel(xlabel)
    axes.set_ylabel(ylabel)
    axes.legend(frameon=False)
    return _save(figure, path, title)


def metric_bars(
    names: Sequence[str],
    bars: Mapping[str, tuple[Sequence[float], Sequence[float] | None]],
    *,
    path: str | Path,
    ylabel: str,
    title: str = "",
) -> Path:
    """Groups of bars with error bars; NaN leaves a gap.

    Args:
        names: one a group.
        bars: legend text → (values, standard deviations or None), one value a group.
        path: file to write.
        ylabel: the metric and its unit.
        title: of the figure.
    """
    figure = _figure(max(5.0, 1.0 * len(names) + 1.5), 3.4)
    axes = figure.subplots()
    width = 0.8 / len(bars)
    for i, (name, (values, deviations)) in enumerate(bars.items()):
        positions = np.arange(len(names)) - 0.4 + width * (i + 0.5)
        axes.bar(positions, values, width, yerr=deviations, color=_COLORS[i], capsize=3, label=name)
    axes.set_xticks(np.arange(len(names)), names, rotation=20 if len(names) > 5 else 0)
    axes.set_ylabel(ylabel)
    if len(bars) > 1:
        axes.legend(frameon=False)
    return _save(figure, path, title)


def _figure(width: float, height: float) -> Figure:
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width, height), dpi=100, layout="constrained")
    FigureCanvasAgg(figure)
    return figure


def _spectrogram(axes: Axes, values: np.ndarray, limit: float) -> Any:
    axes.tick_params(labelsize=7)
    return axes.imshow(
        values, origin="lower", aspect="auto", cmap="RdBu_r", vmin=-limit, vmax=limit, interpolation="nearest"
    )


def _shorten(text: str, length: int = 32) -> str:
    return text if len(text) <= length else f"{text[: length - 1]}…"


def _save(figure: Figure, path: str | Path, title: str) -> Path:
    import warnings

    if title:
        figure.suptitle(title, fontsize=11)
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    with warnings.catch_warnings():
        # A script that the font lacks (Bangla) is drawn as boxes, which is no reason to fail or to shout.
        warnings.filterwarnings("ignore", message="Glyph .* missing from font")
        figure.savefig(path, metadata={"Software": ""})
    return path
