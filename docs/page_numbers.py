"""Numbers on pages come from committed reports and benchmarks, put in by cog (https://cog.readthedocs.io).

    python -m docs.page_numbers            # writes the numbers of every page anew
    python -m docs.page_numbers --check    # says which pages would change, and which numbers have no source

A page holds markers around what is generated:

    <!-- [[[cog show("retrieval") ]]] -->
    …
    <!-- [[[end]]] -->

`show` calls the function `retrieval` of the page's own module, `docs/numbers/<page>.py`, which returns Markdown. There
a number is an expression of an f-string, such as `{songs("conv.mse", "document"):.2f}` with
`songs = report("joint_vae/clips_en_de")`: edit text and numbers there, and run this file. `GIVEN` of that module lists
the page's other numbers, those of the documents, say; a test names every number that is neither.
"""

from __future__ import annotations

import importlib
import importlib.util
import json
import re
import sys
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import Any, NamedTuple

from cogapp import Cog

ROOT = Path(__file__).parent.parent
NUMBERS = ROOT / "docs" / "numbers"

_PLAIN = r"(?:\d{1,3}(?:,\d{3})+|\d+|(?=\.\d))(?:\.\d+)?"
_NUMBER = re.compile(rf"[−+-]?{_PLAIN}(?: ?%)?")
_UNCHECKED = re.compile(
    r"<!--.*?-->|^```.*?^```|^    .*?$|`[^`\n]*`|\]\([^)]*\)|https?:\S+|§[\d., ]+",
    re.DOTALL | re.MULTILINE,
)
MARKER = re.compile(r"<!-- \[\[\[cog show\(\"(\w+)\"\) \]\]\] -->")
# The command, less its options and pages.
COG = (
    "cog",
    "-U",
    "-n",
    "utf-8",
    "-I",
    str(ROOT),
    "-p",
    "from docs.page_numbers import show",
)
# What was formatted from a source since it was last emptied.
_shown: list[str] = []


class Value(NamedTuple):
    """A number of a committed file; None for what it does not hold.

    As a format, `.3f` and the like show the mean; with `±` behind, the standard deviation too, unless all runs agree;
    with `to` behind, the interval. Per cents have a space, minus signs are minus signs, a missing value is an en dash.
    """

    mean: float | None
    std: float | None = None
    low: float | None = None
    high: float | None = None
    reported: float | None = None

    def __format__(self, spec: str) -> str:
        plain = spec.removesuffix("±").removesuffix("to")
        text = _formatted(self.mean, plain)
        if spec.endswith("±") and self.std:
            text += f" ± {_formatted(self.std, plain)}"
        if spec.endswith("to") and self.low is not None:
            text += (
                f" ({_formatted(self.low, plain)} to {_formatted(self.high, plain)})"
            )
        _shown.append(text)
        return text

    def part(self, name: str) -> Value:
        """One of the fields by itself, such as `reported`."""
        return Value(getattr(self, name))

    def over(self, other: Value | float) -> Value:
        """The ratio of two values."""
        return Value(
            self.known() / (other.known() if isinstance(other, Value) else other)
        )

    def minus(self, other: Value | float) -> Value:
        """The difference of two values."""
        return Value(
            self.known() - (other.known() if isinstance(other, Value) else other)
        )

    def known(self) -> float:
        """The mean; an error where there is none."""
        if self.mean is None:
            raise ValueError("the source has no value here")
        return self.mean


def _formatted(number: float | None, spec: str) -> str:
    if number is None:
        return "–"
    text = format(number, spec)
    if not float(text.rstrip("%").replace(",", "")):
        # Rounded to nothing, a number has no sign.
        text = text.replace("-", "")
    return text.replace("-", "−").replace("%", " %")


@cache
def report(folder: str) -> Callable[..., Value]:
    """The values of a committed report, by a row's id and column."""
    path = ROOT / "reproductions" / "results" / folder / "report.json"
    rows = {
        (row["id"], row["column"]): row
        for row in json.loads(path.read_text(encoding="utf-8"))["rows"]
    }

    def value(id: str, column: str = "") -> Value:
        row = rows[id, column]
        # An interval stands in the row's note: "95 % 0.079 to 0.111".
        bounds = [
            float(number) for number in re.findall(r"[+-]?\d+\.\d+", row["note"] or "")
        ]
        low, high = bounds[:2] if len(bounds) >= 2 else (None, None)
        return Value(row["fresh"], row["std"], low, high, row["reported"])

    return value


@cache
def benchmark(name: str) -> Callable[..., Value]:
    """The values of a committed benchmark, by table, row (its first cell, or its first two with a comma), column."""
    path = ROOT / "benchmarks" / "results" / f"{name}.json"
    cells: dict[tuple[str, str, str], Any] = {}
    for table in json.loads(path.read_text(encoding="utf-8"))["tables"]:
        for row in table["rows"]:
            for column, cell in zip(table["columns"], row, strict=True):
                cells |= {
                    (table["title"], key, column): cell
                    for key in (row[0], f"{row[0]}, {row[1]}")
                }

    def value(table: str, row: str, column: str) -> Value:
        # A cell may hold the range as well: "2.67 (2.05–2.99)".
        return Value(float(str(cells[table, row, column]).split()[0].replace(",", "")))

    return value


def table(
    source: Callable[..., Value],
    title: str,
    columns: Sequence[str],
    rows: Sequence[tuple[str, ...]],
    spec: str = ".3f±",
    cells: Mapping[tuple[str, str], str] | None = None,
) -> str:
    """A table of a report: a line for each id, a cell for each column.

    Args:
        source: see `report`.
        title: of the first column.
        columns: of the report, or "reported".
        rows: what is written in the first column, the row's id, and a format where it is not `spec`.
        spec: format of the values, see `Value`.
        cells: by id and column, what is shown in place of the value. A value that the report lacks is an en dash.

    Returns:
        Markdown.
    """
    lines = [[title, *columns], ["---"] * (len(columns) + 1)]
    for what, id, *own in rows:
        line = [what]
        for column in columns:
            line.append(
                (cells or {}).get((id, column))
                or _cell(source, id, column, columns, own[0] if own else spec)
            )
        lines.append(line)
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _cell(
    source: Callable[..., Value],
    id: str,
    column: str,
    columns: Sequence[str],
    spec: str,
) -> str:
    for name in columns if column == "reported" else [column]:
        try:
            value = source(id, name)
        except KeyError:
            continue
        return f"{value.part('reported') if column == 'reported' else value:{spec}}"
    return "–"


@cache
def numbers_of(page: Path) -> ModuleType | None:
    """The module of a page: `docs/numbers/` holds them by the pages' names; None for a page without one."""
    path = NUMBERS / f"{page.stem.lower()}.py"
    if not path.is_file():
        return None
    spec = importlib.util.spec_from_file_location(f"numbers_of_{page.stem}", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def pages() -> list[Path]:
    """The README and every page of the guides."""
    folders = (ROOT / "docs" / folder for folder in (".", "examples", "extend"))
    return [
        ROOT / "README.md",
        *(page for folder in folders for page in sorted(folder.glob("*.md"))),
    ]


def show(name: str) -> None:
    """Write what a function of the page's module returns; cog calls this where a page's marker does."""
    import cog

    page = Path(cog.inFile)
    # Blank lines, or the marker's own lines would run into a table or a list.
    cog.out(f"\n{_block(page, name)}\n\n")


def _block(page: Path, name: str) -> str:
    function = getattr(numbers_of(page), name, None)
    if function is None:
        raise KeyError(
            f"{page.name} shows {name!r}, which {NUMBERS.name}/{page.stem.lower()}.py does not define"
        )
    return function().strip()


def without_source(page: Path) -> list[str]:
    """A line for every number of a page, decimal or in per cent, that neither a source nor `GIVEN` holds."""
    text = page.read_text(encoding="utf-8")
    _shown.clear()
    for name in MARKER.findall(text):
        _block(page, name)
    tied = {number[0] for shown in _shown for number in _NUMBER.finditer(shown)}
    tied |= getattr(numbers_of(page), "GIVEN", set())
    covered = [found.span() for found in _UNCHECKED.finditer(text)]
    found = []
    for number in _NUMBER.finditer(text):
        start, end = number.span()
        # Part of a name, such as that of a licence.
        is_name = text[start - 1 : start].isalpha()
        if (
            is_name
            or not ("." in number[0] or "%" in number[0])
            or any(a < end and start < b for a, b in covered)
        ):
            continue
        if " ".join(number[0].split()) not in tied:
            found.append(
                f"line {text.count(chr(10), 0, start) + 1}: {number[0]!r} has no source"
            )
    return found


def main(arguments: Sequence[str]) -> int:
    """Run cog on every page; returns its exit status, or 1 where a number has no source."""
    options = ["--check", "--diff"] if "--check" in arguments else ["-r"]
    status = Cog().main([*COG, *options, "--verbosity=1", *map(str, pages())])
    failing = [
        f"{page.relative_to(ROOT)}, {line}"
        for page in pages()
        for line in without_source(page)
    ]
    print(*failing, sep="\n")
    return status or int(bool(failing))


if __name__ == "__main__":
    # The pages' modules import this file by its name, which is another copy of it than the one that runs.
    sys.exit(importlib.import_module("docs.page_numbers").main(sys.argv[1:]))
