"""Records of all seeds → the report's rows.

A record is one measured number: a dict of the fields that say what it is (variant, space, method, parameter, metric, …)
and its `value`. A seed emits a list of them; together they are one table.
"""

from __future__ import annotations

import math
import tomllib
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from string import Formatter
from typing import Any

import numpy as np
import pandas as pd

from jaxmusic import report

Record = Mapping[str, Any]
Titles = Mapping[str, Mapping[Any, str]]
Note = str | Callable[[Mapping[str, Any]], str]


def tidy(nested: Mapping[Any, Any], *fields: str, **constant: Any) -> list[dict[str, Any]]:
    """Nested dicts as records: the keys of level i are the values of field i. What is None is left out.

    >>> tidy({"a": {"x": 1.0, "y": None}}, "space", "metric", variant="v")
    [{'variant': 'v', 'space': 'a', 'metric': 'x', 'value': 1.0}]
    """
    found: list[dict[str, Any]] = []
    for key, inner in nested.items():
        here = {**constant, fields[0]: key}
        if len(fields) > 1:
            found += tidy(inner or {}, *fields[1:], **here)
        elif inner is not None:
            found.append({**here, "value": float(inner)})
    return found


def table_of(by_seed: Sequence[Sequence[Record]]) -> pd.DataFrame:
    """The records of all seeds, with a column `seed`."""
    return pd.DataFrame([{**record, "seed": seed} for seed, records in enumerate(by_seed) for record in records])


def select(records: pd.DataFrame, **wanted: Any) -> pd.DataFrame:
    """The records with these values in these fields; a list stands for any of its values."""
    for name, value in wanted.items():
        found = records[name]
        records = records[found.isin(value) if isinstance(value, list) else found == value]
    return records


def moments(values: Any) -> tuple[float, float]:
    """Mean and standard deviation (n − 1) of the defined values: NaN and 0 for none, 0 for a single one."""
    usable = np.asarray(values, float)
    usable = usable[np.isfinite(usable)]
    mean = float(usable.mean()) if len(usable) else math.nan
    return mean, float(usable.std(ddof=1)) if len(usable) > 1 else 0.0


def mean_of(records: pd.DataFrame, **wanted: Any) -> float:
    """Mean of the defined values of the records that `select` finds; NaN for none."""
    return moments(select(records, **wanted)["value"])[0]


def spread_table(records: pd.DataFrame, keys: Sequence[str]) -> pd.DataFrame:
    """A line for each combination of `keys`, with mean, standard deviation and runs of every metric."""
    groups = records.groupby([*keys, "metric"], sort=False)["value"]
    lines: dict[Any, dict[str, Any]] = {}
    for values, mean, deviation in zip(groups.mean().index, groups.mean(), groups.std(), strict=True):
        *key, metric = values
        line = lines.setdefault(tuple(key), dict(zip(keys, key, strict=True)))
        line |= {metric: mean, f"{metric}_std": deviation}
    return pd.DataFrame(lines.values()).assign(n=records["seed"].nunique())


@dataclass(frozen=True)
class Table:
    """A part of the report: which records it shows, and what their rows say.

    Templates are filled with a record's fields, `id` with their values, the others with their titles. Records without
    one of these fields are other tables'.

    Attributes:
        section: template of the heading.
        id: template of the row's id.
        what: template of what was measured.
        metric: template of the metric's name.
        where: field → the values that are shown, in their order, none for all; a mapping gives each of them a title.
            The first field changes slowest.
        column: template of the column.
        note: template; or a function of the fields' values.
    """

    section: str
    id: str
    what: str
    metric: str = "{metric}"
    where: Mapping[str, Collection[Any]] = field(default_factory=dict)
    column: str = "{variant}"
    note: Note = ""

    def fields(self) -> list[str]:
        """Every field that distinguishes rows, the slowest first."""
        templates = [self.id, self.section, self.what, self.metric, self.column]
        templates += [self.note] if isinstance(self.note, str) else []
        named = [name for text in templates for _, name, _, _ in Formatter().parse(text) if name]
        return list(dict.fromkeys([*self.where, *named]))

    def titles(self, values: Mapping[str, Any], titles: Titles) -> dict[str, Any]:
        """Field → what a reader sees of its value."""
        own = {name: known for name, known in self.where.items() if isinstance(known, Mapping)}
        known = {**titles, **own}
        return {name: known.get(name, {}).get(value, value) for name, value in values.items()}


def make_rows(
    records: pd.DataFrame,
    tables: Sequence[Table],
    reported: Mapping[str, Record] | None = None,
    *,
    seeds: int | None = None,
    titles: Titles | None = None,
    comparable: Collection[str] = (),
) -> list[report.Row]:
    """The rows of every table, each with the reported number of its id.

    Args:
        records: of all seeds.
        tables: what is shown of them.
        reported: id → entry of `reported.toml`: `reported`, and where there are some `reported_to`, `note`,
            `contradicted` and `exact`.
        seeds: number of runs that every row must have a value of, so that those without one are counted; None: as
            many as there are records.
        titles: field → value → what a reader sees of it.
        comparable: columns that followed the document's protocol on its data; only they get a verdict.

    Returns:
        The rows, tables in their order.
    """
    made = []
    for table in tables:
        for values, runs in _groups(records, table):
            fresh = (runs if seeds is None else runs.reindex(range(seeds))).tolist()
            id = table.id.format_map(values)
            made.append(_row(table, id, values, fresh, (reported or {}).get(id, {}), titles or {}, comparable))
    return made


def reported_rows(
    records: pd.DataFrame,
    reported: Mapping[str, Record],
    *,
    seeds: int,
    titles: Titles,
    comparable: Collection[str] = (),
    note: Note = "",
) -> list[report.Row]:
    """The rows of the entries that say themselves where they stand (`section`), whether they were measured or not.

    An entry names a record by the fields that both have. It has a row in every variant that has records of the first
    of these fields.

    Args:
        records: of all seeds.
        reported: id → entry.
        seeds: number of runs.
        titles: field → value → what a reader sees of it.
        comparable: columns that followed the document's protocol on its data.
        note: template, or a function of the fields' values; stands behind the entry's own.

    Returns:
        The rows, entries in their order.
    """
    made = []
    for id, entry in reported.items():
        if "section" not in entry:
            continue
        keys = {name: entry[name] for name in map(str, records.columns) if name in entry}
        first = next(iter(keys))
        for variant in dict.fromkeys(select(records, **{first: keys[first]})["variant"]):
            values = {**entry, "variant": variant}
            runs = select(records, variant=variant, **keys).set_index("seed")["value"].reindex(range(seeds))
            table = Table(entry["section"], id, entry["what"], entry.get("title", "{metric}"), note=note)
            made.append(_row(table, id, values, runs.tolist(), entry, titles, comparable))
    return made


def _row(
    table: Table,
    id: str,
    values: Mapping[str, Any],
    fresh: Sequence[float],
    entry: Record,
    titles: Titles,
    comparable: Collection[str],
) -> report.Row:
    shown = table.titles(values, titles)
    column = table.column.format_map(shown)
    note = table.note(values) if callable(table.note) else table.note.format_map(shown)
    return report.make_row(
        id,
        column=column,
        section=table.section.format_map(shown),
        what=table.what.format_map(shown),
        metric=table.metric.format_map(shown),
        reported=(entry["reported"], entry["reported_to"]) if "reported_to" in entry else entry.get("reported"),
        fresh=fresh,
        is_same_data=column in comparable,
        is_contradicted="contradicted" in entry,
        is_exact=entry.get("exact", False),
        # What the document says of a number must not hide what is measured of it: that a clustering is degenerate.
        note="; ".join(filter(None, [entry.get("contradicted"), entry.get("note"), note])),
    )


def _groups(records: pd.DataFrame, table: Table) -> Iterator[tuple[dict[str, Any], pd.Series]]:
    """Values of the fields, and the measured values by seed, of every row."""
    names = table.fields()
    chosen = select(records, **{name: list(values) for name, values in table.where.items() if values})
    chosen = chosen.dropna(subset=names)
    if not len(chosen):
        return
    ranks = {}
    for name in names:
        order = list(table.where.get(name) or dict.fromkeys(chosen[name]))
        ranks[name] = chosen[name].map({value: rank for rank, value in enumerate(order)})
    ranked = pd.DataFrame(ranks).assign(_row=np.arange(len(chosen)))
    for _, group in ranked.groupby(names):
        rows = chosen.iloc[group["_row"]]
        yield {name: rows.iloc[0][name] for name in names}, rows.set_index("seed")["value"].sort_index()


def read_reported(path: Path) -> dict[str, Any]:
    """`reported.toml`, with every number that the document states under `entries`, by its id.

    A block `[[entries]]` with `rows` holds a table of the document: `columns` names what stands in each row, and those
    of them that `metrics` names are its numbers; each becomes an entry with the block's other fields. The id is a
    template of these. A block `[[contradictions]]` has the `ids` of numbers that exclude each other and a `text`:
    every one of them is contradicted.

    Raises:
        ValueError: a contradiction names an id that no entry has.
    """
    content = tomllib.loads(path.read_text(encoding="utf-8"), parse_float=report.PrintedNumber)
    entries: list[dict[str, Any]] = []
    for block in content.get("entries", ()):
        shared = {name: value for name, value in block.items() if name not in ("rows", "columns", "metrics")}
        for row in block.get("rows", ()):
            values = dict(zip(block["columns"], row, strict=True))
            keys = {name: value for name, value in values.items() if name not in block["metrics"]}
            entries += [{**shared, **keys, "metric": name, "reported": values[name]} for name in block["metrics"]]
        if "rows" not in block:
            entries.append(shared)
    by_id = {entry["id"].format_map(entry): entry for entry in entries}
    for pair in content.get("contradictions", ()):
        if missing := [id for id in pair["ids"] if id not in by_id]:
            raise ValueError(f"{path}: a contradiction names {', '.join(missing)}, which no entry has as its id")
        for id in pair["ids"]:
            by_id[id]["contradicted"] = pair["text"]
    return {**content, "entries": by_id}


def read_notes(path: Path, values: Mapping[str, Any]) -> list[str]:
    """The items of the list in `notes.md`, with `{name}` filled in.

    An item that is but one name stands for as many notes as the value has; an empty value leaves it out. Any item with
    a value of None is left out, too: what it speaks of was not run.
    """
    items = path.read_text(encoding="utf-8").split("\n- ")[1:]
    found: list[str] = []
    for text in (" ".join(item.split()) for item in items):
        value = values.get(text[1:-1]) if text[0] + text[-1] == "{}" else None
        if any(values.get(name, "") is None for _, name, _, _ in Formatter().parse(text) if name):
            continue
        if value is None:
            found.append(text.format_map(values))
        else:
            found += [value] if isinstance(value, str) else value
    return [note for note in found if note]
