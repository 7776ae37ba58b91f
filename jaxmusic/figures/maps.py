"""Two-dimensional maps of representations, coloured by class."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float

from jaxmusic.figures.canvas import COLORS, GREY, MARKERS, literal, new_figure, save

_MAX_CLASSES = 16
_UNKNOWN = "unknown"
# A panel with at most so many classes has room for a legend.
_FEW = 3


def umap_coordinates(x: Float[np.ndarray, "n d"], *, seed: int, n_neighbors: int = 15) -> Float[np.ndarray, "n 2"]:
    """UMAP to two dimensions; fewer neighbours where there are fewer points.

    Args:
        x: `[n, d]` points, three at least.
        seed: a seed makes UMAP run on one thread, and repeat.
        n_neighbors: at most; n − 1 where there are fewer.

    Returns:
        `[n, 2]`; all at the origin where all points coincide, as collapsed latents do.

    Raises:
        ValueError: fewer than three points, NaN or infinite values.

    Source: McInnes et al. (2018).
    """
    import warnings

    points = _prepared(x, "UMAP")
    if not points.any():
        # UMAP would spread them at random, which looks like structure.
        return np.zeros((len(points), 2), np.float32)
    from umap import UMAP

    neighbors = min(n_neighbors, len(points) - 1)
    with warnings.catch_warnings():
        # A seed rules out threads, which is what is wanted here.
        warnings.filterwarnings("ignore", message="n_jobs value")
        # A spectral start needs more points than its graph has dimensions to spare.
        start = "spectral" if len(points) > 10 else "random"
        return UMAP(n_neighbors=neighbors, random_state=seed, init=start).fit_transform(points)


def tsne_coordinates(x: Float[np.ndarray, "n d"], *, seed: int, perplexity: float = 30.0) -> Float[np.ndarray, "n 2"]:
    """t-SNE to two dimensions; a lower perplexity where there are fewer points.

    Args:
        x: `[n, d]` points, three at least.
        seed: of the optimisation; the start is PCA.
        perplexity: at most; (n − 1) / 3 where there are fewer.

    Returns:
        `[n, 2]`; all at the origin where all points coincide, as collapsed latents do.

    Raises:
        ValueError: fewer than three points, NaN or infinite values.

    Source: van der Maaten and Hinton (2008).
    """
    points = _prepared(x, "t-SNE")
    if not points.any():
        # A PCA start divides by the deviation of the first component; the NaN would end the process, not the call.
        return np.zeros((len(points), 2), np.float32)
    from sklearn.manifold import TSNE

    return TSNE(perplexity=min(perplexity, (len(points) - 1) / 3), init="pca", random_state=seed).fit_transform(points)


def latent_map(
    panels: Mapping[str, Float[np.ndarray, "n 2"]],
    labels: np.ndarray,
    *,
    path: str | Path,
    title: str = "",
    legend_title: str = "",
) -> Path:
    """Points of one or more two-dimensional maps, coloured by class, with one legend.

    Args:
        panels: title → `[n, 2]` coordinates; axes have no unit and no ticks, since only neighbourhoods mean something.
        labels: `[n]` classes; "" is drawn grey as unknown, and classes beyond the sixteen largest as one.
        path: file to write.
        title: of the figure.
        legend_title: what the classes are.

    Returns:
        The path of the PNG.

    Raises:
        ValueError: no panels, or one of another shape than `[n, 2]`.
    """
    if not panels:
        raise ValueError("no panels to draw")
    for name, xy in panels.items():
        if np.shape(xy) != (len(labels), 2):
            raise ValueError(f"panel {name!r} has shape {np.shape(xy)} for {len(labels)} labels")
    labels, styles = classes_and_styles(labels)
    columns = min(len(panels), 3)
    rows = -(-len(panels) // columns)
    has_room = columns * rows > len(panels)
    figure = new_figure(3.3 * columns + (0 if has_room else 1.7), 3.1 * rows + 0.5)
    size = float(np.clip(6000 / len(labels), 5, 30))
    axes = None
    for i, (name, xy) in enumerate(panels.items()):
        axes = figure.add_subplot(rows, columns, i + 1)
        for label, (color, marker) in styles.items():
            at = labels == label
            axes.scatter(
                xy[at, 0], xy[at, 1], s=size, c=color, marker=marker, label=literal(label), alpha=0.75, linewidths=0
            )
        axes.set_title(literal(name), fontsize=10)
        axes.set_xticks([])
        axes.set_yticks([])
    assert axes is not None
    handles, texts = axes.get_legend_handles_labels()
    style: Any = {"title": literal(legend_title), "fontsize": 9, "frameon": False}
    if has_room:
        empty = figure.add_subplot(rows, columns, rows * columns)
        empty.axis("off")
        legend = empty.legend(handles, texts, loc="center", ncols=2 if len(styles) > 10 else 1, **style)
    else:
        legend = figure.legend(handles, texts, loc="outside right upper", **style)
    for handle in legend.legend_handles:
        if handle is not None:
            handle.set(alpha=1, sizes=[30.0])
    return save(figure, path, title)


def map_panels(
    panels: Mapping[str, tuple[Float[np.ndarray, "n 2"], np.ndarray]], *, path: str | Path, title: str = ""
) -> Path:
    """Two-dimensional maps in rows of three, each with classes of its own; only few classes get a legend.

    Args:
        panels: title → coordinates `[n, 2]` and classes `[n]`; the class −1 (noise) is drawn grey.
        path: file to write.
        title: of the figure.

    Returns:
        The path of the PNG.

    Raises:
        ValueError: no panels.
    """
    if not panels:
        raise ValueError("no panels to draw")
    rows = -(-len(panels) // 3)
    figure = new_figure(10, 3.2 * rows + 0.4)
    for i, (name, (xy, labels)) in enumerate(panels.items()):
        labels, styles = classes_and_styles(
            np.where(np.asarray(labels).astype(str) == "-1", "", np.asarray(labels).astype(str))
        )
        axes = figure.add_subplot(rows, 3, i + 1)
        for label, (color, marker) in styles.items():
            at = labels == label
            axes.scatter(
                xy[at, 0], xy[at, 1], s=7, c=color, marker=marker, label=literal(label), alpha=0.7, linewidths=0
            )
        axes.set_title(literal(name, 60), fontsize=9)
        axes.set_xticks([])
        axes.set_yticks([])
        if len(styles) <= _FEW:
            axes.legend(fontsize=7, markerscale=2, loc="best")
    return save(figure, path, title)


def _prepared(x: np.ndarray, method: str) -> Float[np.ndarray, "n columns"]:
    """The points, centred and scaled to deviations of at most 1, in two columns at least.

    Neither method depends on origin or unit, but float32 does: latents that differ by little far from zero would
    coincide, and squares of tiny ones vanish.
    """
    x = np.asarray(x, np.float64)
    if x.ndim != 2 or len(x) < 3:
        raise ValueError(f"{method} needs three points at least, [n, d]; got shape {x.shape}")
    if not np.isfinite(x).all():
        raise ValueError(f"{method}: {int((~np.isfinite(x)).any(1).sum())} of {len(x)} points hold NaN or infinity")
    deviations = x - x[0]
    largest = np.abs(deviations).max(initial=0)
    if largest > 0:
        deviations /= largest
    # The PCA start has two components, so a lone column gets a constant one beside it.
    return np.pad(deviations - deviations.mean(0), ((0, 0), (0, max(0, 2 - x.shape[1])))).astype(np.float32)


def classes_and_styles(labels: np.ndarray) -> tuple[np.ndarray, dict[str, tuple[str, str]]]:
    """Labels with the small classes as one, and label → (colour, marker): by name, then the rest, then unknown."""
    labels = np.array([str(label) or _UNKNOWN for label in labels])
    names, counts = np.unique(labels[labels != _UNKNOWN], return_counts=True)
    rest = ""
    if len(names) > _MAX_CLASSES:
        kept = names[np.argsort(-counts, kind="stable")][: _MAX_CLASSES - 1]
        rest = f"{len(names) - len(kept)} others"
        # An object array: the new name may be longer than any label.
        labels = np.where(np.isin(labels, [*kept, _UNKNOWN]), labels.astype(object), rest).astype(str)
        names = kept
    styles = {
        name: (COLORS[i % len(COLORS)], MARKERS[i // len(COLORS)])
        for i, name in enumerate(sorted(names.tolist(), key=_by_number))
    }
    if rest:
        styles[rest] = ("#777777", "*")
    if (labels == _UNKNOWN).any():
        styles[_UNKNOWN] = (GREY, ".")
    return labels, styles


def _by_number(name: str) -> list[tuple[int, int, str]]:
    """Sorts "cluster 2" before "cluster 10"."""
    parts = re.split(r"(\d+)", name)
    return [(0, int(part), "") if part.isdecimal() else (1, 0, part) for part in parts if part]
