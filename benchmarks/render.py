"""`results/*.json` → `RESULTS.md`.

    python benchmarks/render.py

Each file holds `title`, `command`, `date`, `machine` (see `machine.describe`), `tables` (each with `title`, `columns`,
`rows`, and `note`, which may be empty), `not_measured`, what the benchmark could not say on that machine, and
`figures` (path from the page, caption).
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from benchmarks import machine as machines
from jaxmusic.report import write_atomically

FOLDER = Path(__file__).parent
# Where a run of one's own goes: the published results, and the pages that show them, stay as they are.
OWN = FOLDER.parent / "build" / "benchmarks"
_HEAD = """# Benchmarks

Each figure was measured by the command above its table, against a peer in the same run. Trust ratios of one run, not
seconds of two. "Cores used by others" says how much of the machine the measurement had to share. What was not measured
is said so and not estimated. This page is made from `results/*.json` by `python benchmarks/render.py`.
"""


def table(title: str, columns: Sequence[str], rows: Sequence[Sequence[Any]], note: str = "") -> dict[str, Any]:
    """A table of a results file; every row has a cell for each column."""
    wrong = [row for row in rows if len(row) != len(columns)]
    if wrong:
        raise ValueError(f"table {title!r} has {len(columns)} columns, but this row has not: {wrong[0]}")
    return {"title": title, "columns": list(columns), "rows": [list(row) for row in rows], "note": note}


def save(
    question: str,
    title: str,
    *,
    command: str,
    machine: Mapping[str, Any],
    tables: Sequence[Mapping[str, Any]],
    not_measured: Sequence[str] = (),
    figures: Sequence[tuple[str, str]] = (),
    folder: Path = OWN,
    commit: bool = False,
) -> Path:
    """Write `results/<question>-<machine>.json` and render the page; returns the file's path.

    With `commit` the published results take the place of `folder`, and the pages that show them are written anew.
    """
    folder = destination(folder, commit)
    content = {
        "title": title,
        "command": command,
        "date": datetime.now(UTC).date().isoformat(),
        "machine": dict(machine),
        "tables": list(tables),
        "not_measured": list(not_measured),
        "figures": [list(figure) for figure in figures],
    }
    path = folder / "results" / f"{question}-{machines.slug(dict(machine))}.json"
    write_atomically(path, json.dumps(content, indent=1, ensure_ascii=False, allow_nan=False) + "\n")
    render(folder)
    if commit:
        _write_pages()
    return path


def destination(out: Path, commit: bool) -> Path:
    """The folder of a run's results: that of the published ones with `commit`."""
    return FOLDER if commit else out


def _write_pages() -> None:
    # Only whoever publishes needs cog, and the results are on disk by now.
    try:
        from docs import page_numbers
    except ModuleNotFoundError as error:
        raise SystemExit(
            f"the results are published, the pages are not ({error}): pip install -e '.[docs]' and then "
            "python -m docs.page_numbers"
        ) from None
    if page_numbers.main([]):
        raise SystemExit("the results are published; see above what is left to do by hand on the pages")


def render(folder: Path = FOLDER) -> Path:
    """Write the page of all results in `folder/results`; returns its path."""
    return write_atomically(folder / "RESULTS.md", page(folder))


def page(folder: Path = FOLDER) -> str:
    """The page of all results in `folder/results`."""
    parts = [_HEAD]
    for path in sorted((folder / "results").glob("*.json")):
        parts.append(_section(json.loads(path.read_text(encoding="utf-8"))))
    return "\n".join(parts)


def markdown(table: Mapping[str, Any]) -> str:
    """One table with its heading and its note.

    >>> print(markdown({"title": "T", "columns": ["a", "b"], "rows": [["x", 0.012345]], "note": ""}))
    ### T
    <BLANKLINE>
    | a | b |
    | --- | --- |
    | x | 0.0123 |
    <BLANKLINE>
    """
    columns = table["columns"]
    lines = [f"### {table['title']}", "", _line(columns), _line(["---"] * len(columns))]
    lines += [_line([_cell(value) for value in row]) for row in table["rows"]]
    if table["note"]:
        lines += ["", table["note"]]
    return "\n".join(lines) + "\n"


def _section(content: Mapping[str, Any]) -> str:
    described = " · ".join(f"{name} {value}" for name, value in content["machine"].items())
    lines = [f"## {content['title']}", "", f"`{content['command']}`, {content['date']}. {described}", ""]
    lines += [markdown(table) for table in content["tables"]]
    lines += [f"![{caption}]({path})\n" for path, caption in content.get("figures", [])]
    lines += [f"- {line}" for line in content["not_measured"]]
    return "\n".join(lines) + "\n"


def _line(cells: Sequence[str]) -> str:
    return "| " + " | ".join(str(cell).replace("|", "\\|") for cell in cells) + " |"


def _cell(value: Any) -> str:
    """Three digits that count; whole numbers whole."""
    if value is None:
        return "not measured"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if not isinstance(value, float):
        return f"{value:,}" if isinstance(value, int) else str(value)
    if value == 0 or abs(value) >= 100:
        return f"{value:,.0f}"
    return f"{value:.1e}" if abs(value) < 1e-3 else f"{value:.{2 - math.floor(math.log10(abs(value)))}f}"


if __name__ == "__main__":
    print(render())
