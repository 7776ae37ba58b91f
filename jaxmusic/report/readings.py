"""How far a document's numbers lie from fresh runs, to choose among readings of what it left open."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from jaxmusic.report.rows import Row, bounds

_FARTHEST = 10.0


class Distance(NamedTuple):
    """How well one column of a report fits the document.

    Attributes:
        column: its name.
        mean: mean of `distance` over the numbers.
        inside: how many of the numbers lie in the prediction interval.
        numbers: how many numbers were compared.
    """

    column: str
    mean: float
    inside: int
    numbers: int


def distance(row: Row) -> float:
    """How far a reported number lies from the mean of the fresh runs, in half-widths of their prediction interval.

    Args:
        row: with a reported number.

    Returns:
        |reported − mean| / half-width of the 95 % prediction interval, so that 1 is the interval's edge; 0 where the
        mean is printed as the document prints the number, or lies in its range. At most 10, which stands as well for a
        value that the runs do not have, and for runs without any spread whose one value is another: neither a single
        number nor an interval that happens to be narrow decides alone.

    >>> row = Row("a", "1", "model", "accuracy", 0.5, 0.4, 0.1, 5, None)
    >>> round(distance(row), 3)  # half-width 2.776 · 0.1 · √1.2
    0.329
    """
    if row.reported is None or row.fresh is None or row.interval is None:
        return _FARTHEST
    first, last = bounds(row.reported if row.reported_to is None else (row.reported, row.reported_to))
    if first <= row.fresh <= last:
        return 0.0
    nearest = row.reported if row.reported_to is None or row.fresh < row.reported else row.reported_to
    half = row.interval[1] - row.fresh
    return min(abs(nearest - row.fresh) / half, _FARTHEST) if half > 0 else _FARTHEST


def distances(rows: Sequence[Row], columns: Sequence[str]) -> list[Distance]:
    """The columns of a report by how well they fit all of the document's numbers, the best first.

    Args:
        rows: of the report, or those of them that are to decide.
        columns: the readings that are compared. The numbers that every one of them has a row of count.

    Returns:
        One `Distance` for each column, in order of `mean`.

    Raises:
        ValueError: the columns have no reported number in common.
    """
    by_column = {name: {row.id: row for row in rows if row.column == name} for name in columns}
    shared = [
        row.id
        for row in by_column[columns[0]].values()
        if row.reported is not None and all(row.id in found for found in by_column.values())
    ]
    if not shared:
        raise ValueError(f"columns {', '.join(columns)} have no reported number in common")
    found = []
    for name in columns:
        each = [distance(by_column[name][id]) for id in shared]
        found.append(Distance(name, sum(each) / len(each), sum(d <= 1 for d in each), len(each)))
    return sorted(found, key=lambda fit: fit.mean)
