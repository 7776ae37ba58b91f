"""Rows → the tables that a reader sees, in Markdown as in HTML."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from jaxmusic.report.rows import Row, format_reported, format_value


class Cell(NamedTuple):
    """What a cell shows and by what number it is sorted; None: by its text."""

    text: str
    number: float | None = None


class Line(NamedTuple):
    """A line of a table; `is_folded` where it stands for several numbers that have no value for one reason."""

    cells: list[Cell]
    is_folded: bool = False


class Table(NamedTuple):
    """A section's numbers: one line for each id, with a cell for each column."""

    title: str
    header: list[str]
    lines: list[Line]


def tables(rows: Sequence[Row]) -> list[Table]:
    """One table for each section, in the order of the rows."""
    by_section: dict[str, list[Row]] = {}
    for row in rows:
        by_section.setdefault(row.section, []).append(row)
    return [_table(title, found) for title, found in by_section.items()]


def _table(title: str, rows: Sequence[Row]) -> Table:
    columns = list(dict.fromkeys(row.column for row in rows))
    has_reported = any(row.reported is not None for row in rows)
    has_verdict = any(row.verdict for row in rows)
    has_note = any(row.note for row in rows)
    header = ["what", "metric", *(["reported"] if has_reported else []), *(name or "fresh" for name in columns)]
    header += ["verdict"] * has_verdict + ["note"] * has_note
    by_id: dict[str, dict[str, Row]] = {}
    for row in rows:
        by_id.setdefault(row.id, {})[row.column] = row

    def line(found: Sequence[Mapping[str, Row]]) -> Line:
        """The numbers of one or more ids in one line."""
        first = [next(iter(by_column.values())) for by_column in found]
        cells = [Cell("; ".join(dict.fromkeys(row.what for row in first)))]
        cells.append(Cell(", ".join(dict.fromkeys(row.metric for row in first))))
        if has_reported:
            number = first[0].reported if len(found) == 1 else None
            cells.append(Cell("; ".join(dict.fromkeys(map(format_reported, first))), number))
        for name in columns:
            row = found[0].get(name)
            cells.append(Cell("") if row is None else Cell(format_fresh(row), row.fresh))
        cells += [Cell("; ".join(dict.fromkeys(row.verdict for row in first if row.verdict)))] * has_verdict
        cells += [Cell(_notes(found[0]))] * has_note
        return Line(cells, len(found) > 1)

    groups: dict[object, list[dict[str, Row]]] = {}
    for id, by_column in by_id.items():
        is_empty = all(row.fresh is None for row in by_column.values())
        # Lines without any value, for one reason: noise, say, at nine radii.
        key = (
            (tuple(by_column), next(iter(by_column.values())).verdict, _notes(by_column))
            if is_empty and _notes(by_column)
            else id
        )
        groups.setdefault(key, []).append(by_column)
    return Table(title, header, [line(found) for found in groups.values()])


def _notes(by_column: Mapping[str, Row]) -> str:
    """The columns' notes, each named where they differ."""
    names: dict[str, list[str]] = {}
    for column, row in by_column.items():
        if row.note:
            names.setdefault(row.note, []).append(column)
    if len(names) == 1 and len(next(iter(names.values()))) == len(by_column):
        return next(iter(names))
    return "; ".join(f"{', '.join(columns)}: {note}" if any(columns) else note for note, columns in names.items())


def format_fresh(row: Row) -> str:
    """Mean ± standard deviation (n), or an en dash."""
    if row.fresh is None:
        return "–"
    spread = "" if row.std is None else f" ± {row.std:.2g}"
    return f"{format_value(row.fresh)}{spread} (n={row.n})"
