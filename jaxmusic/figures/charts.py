"""Lines and bars: training, explained variance, learning curves, reported against fresh."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from jaxtyping import Float

from jaxmusic.figures.canvas import COLORS, GREY, MARKERS, literal, new_figure, save

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_VALID = "valid_"
# Below this, the logarithmic axis of a training curve is linear: parts of a loss may be 0.
_LINEAR = 1e-3
# Values that differ by less than this factor are drawn on a linear axis: a logarithmic one would have a tick or two.
_DECADE = 10


def training_curves(
    curves: Mapping[str, Mapping[str, Float[np.ndarray, "seeds epochs"]]],
    *,
    path: str | Path,
    ylabel: str = "loss and its parts",
    held_out: str = "validation",
    share: bool = False,
    epochs: int | None = None,
) -> Path:
    """One panel a model: its loss and the parts of it over epochs, mean and standard deviation over seeds.

    Args:
        curves: model → metric → `[seeds, epochs]` or `[epochs]`; a metric's `valid_…` is drawn dashed beside it. NaN
            leaves a gap; a seed's NaN is left out of the mean.
        path: file to write.
        ylabel: what the curves are.
        held_out: what the part behind `valid_…` is called.
        share: whether the panels share one linear axis, as accuracies should.
        epochs: how many the curves span where they hold only some of them, evenly spaced; None: each point is one.

    Returns:
        The path of the PNG.
    """
    from matplotlib.lines import Line2D
    from matplotlib.ticker import MaxNLocator

    metrics = list(dict.fromkeys(name.removeprefix(_VALID) for parts in curves.values() for name in parts))
    colors = {name: COLORS[i % len(COLORS)] for i, name in enumerate(metrics)}
    has_valid = any(name.startswith(_VALID) for parts in curves.values() for name in parts)
    figure = new_figure(3.6 * len(curves) + 1.3, 3.2)
    grid = figure.subplots(1, len(curves), squeeze=False, sharey=share)[0]
    n_seeds = 1
    for axes, (model, parts) in zip(grid, curves.items(), strict=True):
        for name, found in parts.items():
            # Masked, not NaN-aware: an epoch without any value is a gap, not a warning.
            values = np.ma.masked_invalid(np.atleast_2d(np.asarray(found, float)))
            n_seeds = max(n_seeds, len(values))
            points = values.shape[1]
            passes = np.arange(1, points + 1) if epochs is None else np.linspace(1, epochs, points)
            # The sample's deviation, as in the report's tables; one seed has none, and no band.
            mean, deviation = values.mean(0).filled(np.nan), values.std(0, ddof=1).filled(np.nan)
            base = name.removeprefix(_VALID)
            line: Any = {"color": colors[base], "linewidth": 2.0 if base == "loss" else 1.2}
            axes.plot(passes, mean, linestyle="--" if name != base else "-", marker="." * (points < 4), **line)
            axes.fill_between(passes, mean - deviation, mean + deviation, color=colors[base], alpha=0.2, linewidth=0)
        axes.set_title(literal(model), fontsize=10)
        axes.set_xlabel("epoch")
        axes.set_xlim(0.5, (epochs or max(np.shape(found)[-1] for found in parts.values())) + 0.5)
        axes.xaxis.set_major_locator(MaxNLocator(integer=True, min_n_ticks=1))
        if not share:
            scale_of_losses(axes, np.concatenate([np.ravel(found) for found in parts.values()]))
    grid[0].set_ylabel(literal(ylabel))
    handles = [Line2D([], [], color=colors[name], label=literal(name.replace("_", " "))) for name in metrics]
    if has_valid:
        handles.append(Line2D([], [], color="#555555", linestyle="-", label="training"))
        handles.append(Line2D([], [], color="#555555", linestyle="--", label=literal(held_out)))
    figure.legend(handles=handles, loc="outside right upper", fontsize=9, frameon=False)
    over = f", mean ± standard deviation over {n_seeds} seeds" if n_seeds > 1 else ", one seed"
    return save(figure, path, f"Training curves{over}")


def scale_of_losses(axes: Axes, values: np.ndarray) -> None:
    """A logarithmic axis where losses fall by orders of magnitude, with a linear part for those that may be 0."""
    from matplotlib.ticker import StrMethodFormatter, SymmetricalLogLocator

    values = values[np.isfinite(values)]
    magnitudes = np.abs(values)[np.abs(values) > _LINEAR]
    if not magnitudes.size or magnitudes.max() < _DECADE * magnitudes.min():
        return
    axes.set_yscale("symlog", linthresh=_LINEAR)
    if values.min() >= 0:
        # A band of one deviation may reach below 0, where nothing lies; its decades would squeeze all others.
        axes.set_ylim(0 if values.min() < _LINEAR else values.min() / 1.5, values.max() * 1.5)
    has_few_decades = magnitudes.max() < _DECADE**2.5 * magnitudes.min()
    subs = [1, 2, 5] if has_few_decades else [1]
    axes.yaxis.set_major_locator(SymmetricalLogLocator(base=10, linthresh=_LINEAR, subs=subs))
    axes.yaxis.set_major_formatter(StrMethodFormatter("{x:g}"))


def explained_variance(ratios: Mapping[str, Float[np.ndarray, " components"]], *, path: str | Path) -> Path:
    """Cumulative share of the variance over components.

    Args:
        ratios: name → share of each component, largest first.
        path: file to write.

    Returns:
        The path of the PNG.
    """
    figure = new_figure(5.5, 3.4)
    axes = figure.subplots()
    for i, (name, ratio) in enumerate(ratios.items()):
        total = np.concatenate([[0.0], np.cumsum(ratio)])
        label = f"{literal(name)}: {total[-1]:.1%} in {len(ratio)}"
        axes.plot(total, color=COLORS[i % len(COLORS)], label=label, marker=MARKERS[i % len(MARKERS)], markevery=[-1])
    axes.set_ylim(0, 1)
    axes.set_xlim(left=0)
    axes.grid(alpha=0.3)
    axes.set_xlabel("components")
    axes.set_ylabel("cumulative share of the variance")
    axes.legend(frameon=False)
    return save(figure, path, "Explained variance")


def learning_curve(
    x: Sequence[float],
    lines: Mapping[str, tuple[Sequence[float], Sequence[float]]],
    chance: float,
    *,
    path: str | Path,
    xlabel: str,
    ylabel: str,
    title: str = "",
    level: str = "chance",
    logarithmic: bool = True,
) -> Path:
    """Mean and standard deviation against a size, with a level to hold them against.

    Args:
        x: sizes.
        lines: name → (means, standard deviations), one a size; NaN leaves a gap.
        chance: the level, such as that of a random guess.
        path: file to write.
        xlabel: what grows.
        ylabel: the metric.
        title: of the figure.
        level: what the level is.
        logarithmic: whether the sizes' axis is logarithmic.

    Returns:
        The path of the PNG.
    """
    is_crowded = len(lines) > 4
    figure = new_figure(8.0 if is_crowded else 5.5, 3.6)
    axes = figure.subplots()
    for i, (name, (mean, deviation)) in enumerate(lines.items()):
        style: Any = {"color": COLORS[i % len(COLORS)], "marker": MARKERS[i % len(MARKERS)]}
        # Bars of two lines at one size would hide each other.
        step = i - (len(lines) - 1) / 2
        sizes = np.asarray(x, float)
        shifted = sizes * 1.02**step if logarithmic else sizes + 0.008 * np.ptp(sizes) * step
        axes.errorbar(shifted, mean, deviation, capsize=3, label=literal(name), **style)
    axes.axhline(chance, color="#555555", linestyle=":", label=f"{literal(level)} {chance:.3f}")
    if logarithmic:
        axes.set_xscale("log")
    axes.set_xticks(list(x), [f"{value:.4g}" if value < 10 else f"{value:.0f}" for value in x])
    axes.minorticks_off()
    axes.set_ylim(bottom=0)
    axes.grid(axis="y", alpha=0.3)
    axes.set_xlabel(literal(xlabel))
    axes.set_ylabel(literal(ylabel))
    legend: Any = {"frameon": False, "title": "mean ± standard deviation", "title_fontsize": 8, "fontsize": 9}
    if is_crowded:
        figure.legend(loc="outside right center", **legend)
    else:
        axes.legend(**legend)
    return save(figure, path, title)


def metric_bars(
    names: Sequence[str],
    bars: Mapping[str, Sequence[float] | tuple[Sequence[float], Sequence[float] | None]],
    *,
    path: str | Path,
    ylabel: str,
    title: str = "",
    level: tuple[float, str] | None = None,
    lying: bool = False,
) -> Path:
    """Groups of bars with error bars; what was not measured (NaN) is a gap that says so.

    Args:
        names: one a group.
        bars: legend text → values, one a group, or a tuple of values and standard deviations (or None), e.g.
            `{"reported": values, "fresh": (values, deviations)}`.
        path: file to write.
        ylabel: the metric and its unit.
        title: of the figure.
        level: a value to draw a line at, and its name, e.g. `(1.0, "chance")`.
        lying: bars from left to right, the first group at the top: for many groups or long names.

    Returns:
        The path of the PNG.

    Raises:
        ValueError: bars of another number than there are groups.
    """
    if lying:
        figure = new_figure(9.5, 0.25 * len(names) * len(bars) ** 0.5 + 1.0)
    else:
        figure = new_figure(max(5.0, 1.0 * len(names) + 1.5), 3.4)
    axes = figure.subplots()
    width = 0.8 / len(bars)
    for i, (name, bar) in enumerate(bars.items()):
        values, deviations = bar if isinstance(bar, tuple) else (bar, None)
        if len(values) != len(names):
            raise ValueError(f"{name}: {len(values)} values for {len(names)} groups")
        positions = np.arange(len(names)) - 0.4 + width * (i + 0.5)
        style: dict[str, Any] = {"color": COLORS[i % len(COLORS)], "label": literal(name)}
        if lying:
            axes.barh(positions, values, width, xerr=deviations, capsize=2, **style)
        else:
            axes.bar(positions, values, width, yerr=deviations, capsize=3, **style)
        for position in positions[np.isnan(np.asarray(values, float))]:
            axes.annotate(
                "none",
                (0, position) if lying else (position, 0),
                (3, 0) if lying else (0, 3),
                textcoords="offset points",
                ha="left" if lying else "center",
                va="center" if lying else "baseline",
                fontsize=7,
                color="#555555",
            )
    across = axes.axvline if lying else axes.axhline
    across(0, color=GREY, linewidth=0.8, zorder=0)
    groups = np.arange(len(names)), [literal(name, 60 if lying else 40) for name in names]
    if lying:
        axes.set_yticks(*groups)
        axes.set_ylim(len(names) - 0.4, -0.6)
        axes.set_xlabel(literal(ylabel))
    else:
        turned: Any = {"rotation": 20, "ha": "right", "rotation_mode": "anchor"} if len(names) > 5 else {}
        axes.set_xticks(*groups, **turned)
        axes.set_ylabel(literal(ylabel))
    if level is not None:
        across(level[0], color="#555555", linestyle="--", linewidth=1, label=literal(level[1]))
    if len(bars) > 1 or level is not None:
        # Beside the bars, which it would hide.
        figure.legend(loc="outside right center", frameon=False)
    return save(figure, path, title)


def stacked_bars(
    counts: Mapping[str, Mapping[str, float]], *, path: str | Path, xlabel: str, ylabel: str, title: str = ""
) -> Path:
    """A bar for each group, made of its parts, the largest over all groups lowest.

    Args:
        counts: group → part → count.
        path: file to write.
        xlabel: what the groups are.
        ylabel: what is counted.
        title: of the figure.

    Returns:
        The path of the PNG.
    """
    totals: dict[str, float] = {}
    for parts in counts.values():
        for name, count in parts.items():
            totals[name] = totals.get(name, 0.0) + count
    ordered = sorted(totals, key=lambda name: -totals[name])
    figure = new_figure(max(5.5, 0.7 * len(counts) + 3), 3.8)
    axes = figure.subplots()
    hatches = ("", "//", "..")
    bottom = np.zeros(len(counts))
    for i, name in enumerate(ordered):
        heights = np.array([parts.get(name, 0.0) for parts in counts.values()])
        style: Any = {"color": COLORS[i % len(COLORS)], "hatch": hatches[i // len(COLORS) % len(hatches)]}
        axes.bar(
            np.arange(len(counts)),
            heights,
            bottom=bottom,
            label=literal(name),
            edgecolor="white",
            linewidth=0.4,
            **style,
        )
        bottom += heights
    axes.set_xticks(np.arange(len(counts)), [literal(name) for name in counts])
    axes.set_xlabel(xlabel)
    axes.set_ylabel(ylabel)
    figure.legend(loc="outside right center", fontsize=7, frameon=False)
    return save(figure, path, title)
