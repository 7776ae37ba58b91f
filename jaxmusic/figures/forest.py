"""Forest plot: reported values against fresh means and their intervals."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from jaxmusic.figures.canvas import GREY, literal, new_figure, save

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.lines import Line2D

# Okabe and Ito's, by what became of a number; further outcomes take the last.
_OUTCOMES = {"reproduced": "#009E73", "not reproduced": "#D55E00", "contradicted by the document": "#CC79A7"}
_OTHER = "#0072B2"
# Panels side by side, and letters of a line's name.
_ABREAST, _LONGEST = 3, 52
# Inches: the figure's width, a line, all above and below a panel's lines, what of it lies below, between panels, the
# legend, a letter of a name.
_WIDTH, _LINE, _RIM, _BELOW, _BETWEEN, _LEGEND, _LETTER = 10.5, 0.19, 0.82, 0.3, 0.25, 0.35, 0.063
# Positive values that differ by more than this factor are drawn on a logarithmic axis.
_LOGARITHMIC = 50


class ForestLine(NamedTuple):
    """One line of a forest plot.

    Attributes:
        section: heading under which the line stands.
        what: the line's name.
        metric: the panel in which it stands.
        reported: the value that was stated.
        mean: of the fresh runs.
        low, high: interval of the fresh runs; None for one run.
        outcome: `"reproduced"`, `"not reproduced"`, `"contradicted by the document"`, or another, which colours it.
        reported_to: the upper end, where a range was stated.
    """

    section: str
    what: str
    metric: str
    reported: float
    mean: float
    low: float | None
    high: float | None
    outcome: str
    reported_to: float | None = None


def forest_plot(lines: Sequence[ForestLine], *, path: str | Path, title: str = "") -> Path:
    """Reported values (open diamonds) against fresh means (dots) with their intervals, by section and metric.

    Every panel has its own scale. Intervals that would squeeze the values leave the panel at its rim.

    Args:
        lines: one a number, two at most of one section, name and metric.
        path: file to write.
        title: of the figure.

    Returns:
        The path of the PNG.

    Raises:
        ValueError: there is no line.
    """
    if not lines:
        raise ValueError("a forest plot needs a line at least")
    bands = _bands(lines)
    heights = [_LINE * len(names) + _RIM for _, names, _ in bands]
    height, top = sum(heights) + _LEGEND, _LEGEND
    figure = new_figure(_WIDTH, height)
    # Places are known, and finding them would take longer than all the drawing.
    figure.set_layout_engine("none")
    left = 0.25 + _LETTER * max(min(len(line.what), _LONGEST) for line in lines)
    for (section, names, panels), own in zip(bands, heights, strict=True):
        width = (_WIDTH - left) / len(panels)
        for j, (metric, found) in enumerate(panels.items()):
            place = (left + j * width, height - top - own + _BELOW, width - _BETWEEN, _LINE * len(names))
            axes = figure.add_axes(tuple(np.array(place) / [_WIDTH, height, _WIDTH, height]))
            _panel(axes, names, found)
            axes.set_yticks(
                range(len(names)), [literal(name, _LONGEST) for name in names] if j == 0 else [], fontsize=8
            )
            axes.set_ylim(len(names) - 0.5, -0.5)
            # The section's name may run on above the panels to its right, whose titles have one line.
            heading = f"{literal(section, 110)}\n" if j == 0 else ""
            axes.set_title(heading + literal(metric, 130 // len(panels)), fontsize=8.5, loc="left")
        top += own
    figure.legend(handles=_legend(lines), loc="upper left", bbox_to_anchor=(0, 1), ncols=6, fontsize=8, frameon=False)
    return save(figure, path, title)


def _bands(lines: Sequence[ForestLine]) -> list[tuple[str, list[str], dict[str, list[ForestLine]]]]:
    """Section, names of the lines, and lines by metric, at most so many metrics as stand side by side."""
    sections: dict[str, dict[str, list[ForestLine]]] = {}
    for line in lines:
        sections.setdefault(line.section, {}).setdefault(line.metric, []).append(line)
    bands = []
    for section, by_metric in sections.items():
        metrics = list(by_metric)
        for start in range(0, len(metrics), _ABREAST):
            panels = {metric: by_metric[metric] for metric in metrics[start : start + _ABREAST]}
            names = list(dict.fromkeys(line.what for found in panels.values() for line in found))
            bands.append((section, names, panels))
    return bands


def _panel(axes: Axes, names: Sequence[str], lines: Sequence[ForestLine]) -> None:
    for line in lines:
        y, color = names.index(line.what), _OUTCOMES.get(line.outcome, _OTHER)
        axes.axhline(y, color=GREY, linewidth=0.4, alpha=0.5, zorder=0)
        if line.low is not None and line.high is not None:
            axes.plot([line.low, line.high], [y, y], color=color, linewidth=2.2, alpha=0.55, solid_capstyle="butt")
        axes.plot(line.mean, y, "o", color=color, markersize=4.5)
        stated = _stated(line)
        axes.plot(
            stated, [y] * len(stated), "D-", color="#000000", linewidth=0.8, markerfacecolor="none", markersize=5.5
        )
    core = np.array([value for line in lines for value in (*_stated(line), line.mean)])
    ends = np.array([v for line in lines for v in (line.low, line.high) if v is not None])
    if core.min() > 0 and core.max() > _LOGARITHMIC * core.min():
        axes.set_xscale("log")
        axes.set_xlim(core.min() / 2, core.max() * 2)
    else:
        span = np.ptp(core) or abs(core[0]) or 1.0
        low, high = min([*ends, core.min()]), max([*ends, core.max()])
        axes.set_xlim(max(low, core.min() - span) - 0.06 * span, min(high, core.max() + span) + 0.06 * span)
        # Numbers of four decimals stand side by side.
        axes.locator_params(axis="x", nbins=5)
    axes.tick_params(axis="x", labelsize=7.5)
    axes.spines[["top", "right", "left"]].set_visible(False)
    axes.tick_params(axis="y", length=0)


def _stated(line: ForestLine) -> list[float]:
    return [line.reported] if line.reported_to is None else [line.reported, line.reported_to]


def _legend(lines: Sequence[ForestLine]) -> list[Line2D]:
    from matplotlib.lines import Line2D

    reported = Line2D([], [], linestyle="", marker="D", markerfacecolor="none", color="#000000", label="reported")
    fresh = [
        Line2D([], [], color=_OUTCOMES.get(name, _OTHER), marker="o", markersize=4.5, label=literal(f"fresh, {name}"))
        for name in dict.fromkeys(line.outcome for line in lines)
    ]
    return [reported, *fresh]
