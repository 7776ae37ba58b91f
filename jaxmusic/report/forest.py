"""A report's one picture: every reported number against the fresh runs."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from jaxmusic import figures
from jaxmusic.report.finding import UNDECIDED, leading
from jaxmusic.report.rows import Row

# A section with more numbers of one metric (the epochs of a training, say) is drawn thinned to at most the second.
_MANY, _FEW = 24, 10
_MEASURED_BY = "fresh mean and 95 % prediction interval"


class Picture(NamedTuple):
    """The picture's file beside the report, and what is to be said of it."""

    name: str
    caption: str


def forest(rows: Sequence[Row], path: Path) -> Picture | None:
    """Draw the numbers that were reported and measured; None where there is none.

    Args:
        rows: of the report.
        path: of the PNG.

    Returns:
        The picture's name and caption.
    """
    groups: dict[tuple[str, str], list[Row]] = {}
    for row in leading(rows):
        if row.fresh is not None:
            groups.setdefault((row.section, row.metric), []).append(row)
    if not groups:
        path.unlink(missing_ok=True)
        return None
    lines, thinned = [], []
    for (section, metric), found in groups.items():
        if len(found) > _MANY:
            step = math.ceil(len(found) / _FEW)
            thinned.append(f"of {len(found)} in “{section}” ({metric}) every {step}th is drawn")
            found = found[::step]
        lines += [_line(row) for row in found]
    figures.forest_plot(lines, path=path)
    columns = list(dict.fromkeys(row.column for found in groups.values() for row in found if row.column))
    caption = f"Reported value against {_MEASURED_BY}, by section; each panel has its own scale"
    caption += f"; column {', '.join(columns)}" if columns else ""
    return Picture(path.name, "; ".join([caption, *thinned]))


def _line(row: Row) -> figures.ForestLine:
    low, high = row.interval or (None, None)
    assert row.reported is not None
    assert row.fresh is not None
    outcome = row.verdict or UNDECIDED
    return figures.ForestLine(
        row.section, row.what, row.metric, row.reported, row.fresh, low, high, outcome, row.reported_to
    )
