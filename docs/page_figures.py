"""What a page says is what a committed file holds: where each figure comes from, whether it is right, and a refresh.

    python docs/page_figures.py            # names every figure that is not its source's
    python docs/page_figures.py --write    # and puts the source's in its place

Sources stand in HTML comments, which no reader sees. A table takes its row ids and columns from a comment above it:

    <!-- numbers: FOLDER FAMILY .ENDING -->        FAMILY.<name of the line>.ENDING@variant:<title of the column>
    <!-- numbers: FOLDER
    ID                                             one a line of the table; None for a line that is not compared
    -->

Figures in prose (or in cells) take theirs from a comment at the end of their section, whose lines quote the text:

    <!-- figures: FOLDER OR FILE
    recall@10 is {} against {} by chance ← ID; ID
    given: .567, 98 %
    -->

A template matches the section once, whatever its line breaks, and each `{}` is a number: `.098`, `.098 ± .021`, `34 %`.
An address is a row of FOLDER's report.json, or `TABLE | ROW | COLUMN` of a benchmark's file, where ROW is the row's
first cell, or its first two with a comma. It may be followed by `#std`, `#low`, `#high` (of the interval in the row's
note) or `#reported`; ` // ` and ` ~ ` between two, or one and a number, make their ratio and difference. `given:` lists
the section's figures that no committed file holds, such as the documents' own, and stands under `<!-- figures: -` where
all are; in every section whatever has decimals or a per cent sign is in a table, in a template or given.
"""

import json
import re
import sys
from collections.abc import Iterator
from functools import cache, reduce
from operator import sub, truediv
from pathlib import Path
from typing import Any, NamedTuple

ROOT = Path(__file__).parent.parent
PAGES = (
    ROOT / "README.md",
    *(page for room in (".", "examples", "extend") for page in sorted((ROOT / "docs" / room).glob("*.md"))),
)

_PLAIN = r"(?:\d{1,3}(?:,\d{3})+|\d+|(?=\.\d))(?:\.\d+)?"
_NUMBER = re.compile(
    rf"(?P<mean>[−+-]?{_PLAIN})(?: ± (?P<std>{_PLAIN}))?(?: \((?P<low>[−+-]?{_PLAIN}) to (?P<high>[−+-]?{_PLAIN})\))?"
    r"(?P<percent> ?%)?"
)
_RANGE = re.compile(rf"({_PLAIN})–({_PLAIN})")
_COMMENT = re.compile(r"<!-- (?P<kind>numbers|figures): (?P<source>\S+)(?P<rest>.*?)-->", re.DOTALL)
_TABLE = re.compile(r"\n+((?:\|.*\n)+)")
_UNCHECKED = re.compile(
    r"<!--.*?-->|^```.*?^```|^    .*?$|`[^`\n]*`|\]\([^)]*\)|https?:\S+|§[\d., ]+", re.DOTALL | re.MULTILINE
)


class Value(NamedTuple):
    """What a source holds of one figure; None for what it does not."""

    mean: float | None
    std: float | None = None
    low: float | None = None
    high: float | None = None


class Figure(NamedTuple):
    """A figure on a page: where it stands (a span of the page's text) and what its source holds."""

    start: int
    end: int
    address: str
    value: Value


@cache
def _rows(source: str) -> dict[str, dict[str, Any]]:
    rows = json.loads((ROOT / source / "report.json").read_text(encoding="utf-8"))["rows"]
    return {row["id"] + (f"@variant:{row['column']}" if row["column"] else ""): row for row in rows}


@cache
def _cells(source: str) -> dict[str, Any]:
    tables = json.loads((ROOT / source).read_text(encoding="utf-8"))["tables"]
    return {
        f"{table['title']} | {name} | {column}": cell
        for table in tables
        for row in table["rows"]
        for name in (row[0], f"{row[0]}, {row[1]}")
        for column, cell in zip(table["columns"], row, strict=True)
    }


def _value(source: str, address: str) -> Value:
    for sign in (" // ", " ~ "):
        if sign in address:
            held = [_value(source, part).mean for part in address.split(sign)]
            known = [number for number in held if number is not None]
            if len(known) < len(held):
                raise ValueError(f"{source}: {address}: one of these has no value")
            return Value(reduce(truediv if sign == " // " else sub, known))
    if re.fullmatch(_PLAIN, address):
        return Value(float(address))
    name, _, part = address.partition("#")
    if source.endswith(".json"):
        cell = _cells(source)[name]
        # A cell may hold the range as well: "2.67 (2.05–2.99)".
        return Value(float(str(cell).split()[0].replace(",", "")))
    row = _rows(source)[name]
    bounds = [float(number) for number in re.findall(r"[+-]?\d+\.\d+", row["note"] or "")]
    low, high = bounds[:2] if len(bounds) >= 2 else (None, None)
    value = Value(row["fresh"], row["std"], low, high)
    if not part:
        return value
    return Value(row["reported"] if part == "reported" else getattr(value, part))


def _table_figures(text: str, comment: re.Match[str]) -> Iterator[Figure]:
    found = _TABLE.match(text, comment.end())
    if found is None:
        raise ValueError(f"no table below {comment[0]!r}")
    start = found.start(1)
    titles, lines = [], found[1].splitlines(keepends=True)
    titles = [cell.strip() for cell in lines[0].strip().strip("|").split("|")][1:]
    ids = comment["rest"].strip().splitlines() if "\n" in comment["rest"] else None
    if ids is not None and len(ids) != len(lines) - 2:
        raise ValueError(f"{len(ids)} ids for a table of {len(lines) - 2} lines: {comment[0]!r}")
    position = start + len(lines[0]) + len(lines[1])
    for number, line in enumerate(lines[2:]):
        cells = list(re.finditer(r"(?<=\|) *([^|\n]*?) *(?=\|)", line))
        if len(cells) != len(titles) + 1:
            raise ValueError(f"{len(cells)} cells under {len(titles) + 1} titles: {line!r}")
        if ids is None:
            family, _, ending = comment["rest"].strip().partition(" .")
            row_id = f"{family}.{_row_name(cells[0][1])}{'.' + ending if ending else ''}"
        else:
            row_id = ids[number].strip()
        for title, cell in zip(titles, cells[1:], strict=True):
            if row_id == "None":
                continue
            try:
                figure = _cell_figure(comment["source"], row_id, title, position, cell)
            except KeyError:
                # An en dash stands where the source has nothing, and hides nothing that it has.
                if cell[1] != "–":
                    raise
                continue
            yield figure
        position += len(line)


def _row_name(cell: str) -> str:
    """A line's name, or the one in backticks and parentheses behind it."""
    behind = re.search(r"\(`(.+)`\)$", cell)
    return behind[1] if behind else cell.strip("*` ")


def _cell_figure(source: str, row_id: str, title: str, position: int, cell: re.Match[str]) -> Figure:
    if title == "reported":
        rows = [row for row in _rows(source).values() if row["id"] == row_id]
        if not rows:
            raise KeyError(row_id)
        address, value = f"{row_id}#reported", Value(rows[0]["reported"])
    else:
        address = f"{row_id}@variant:{title}"
        value = _value(source, address)
    number = _NUMBER.match(cell[1].lstrip("* "))
    if number is None or _RANGE.fullmatch(cell[1]):
        return Figure(position + cell.start(1), position + cell.end(1), address, value)
    start = position + cell.start(1) + len(cell[1]) - len(cell[1].lstrip("* "))
    return Figure(start, start + number.end(), address, value)


def _section(text: str, position: int) -> int:
    """Where the section begins that a position lies in."""
    headings = [found.start() for found in re.finditer(r"^#+ ", text[:position], re.MULTILINE)]
    return headings[-1] if headings else 0


def _pattern(template: str) -> re.Pattern[str]:
    words = re.escape(" ".join(template.split())).replace(r"\{\}", f"({_NUMBER.pattern})")
    # The number's groups would have the same names twice.
    return re.compile(re.sub(r"\?P<\w+>", "?:", words).replace(r"\ ", r"\s+"))


def _prose_figures(text: str, comment: re.Match[str]) -> Iterator[Figure]:
    start = _section(text, comment.start())
    for line in comment["rest"].strip().splitlines():
        if line.startswith("given:"):
            continue
        template, arrow, addresses = line.partition(" ← ")
        matches = list(_pattern(template).finditer(text, start, comment.start()))
        if not arrow or len(matches) != 1:
            raise ValueError(f"the section has {len(matches)} of {line!r}")
        parts = addresses.split("; ")
        if len(parts) != len(matches[0].groups()):
            raise ValueError(f"{len(matches[0].groups())} numbers, {len(parts)} addresses: {line!r}")
        for group, address in enumerate(parts, start=1):
            yield Figure(*matches[0].span(group), address, _value(comment["source"], address.strip()))


def figures(text: str) -> list[Figure]:
    """Every figure of a page that has a source, in the page's order.

    Raises:
        ValueError: a comment whose table is missing, or a template that the section has not once; names it.
        KeyError: an address that the source does not hold.
    """
    found: list[Figure] = []
    for comment in _COMMENT.finditer(text):
        found += (_table_figures if comment["kind"] == "numbers" else _prose_figures)(text, comment)
    return sorted(found)


def _decimals(number: str) -> int:
    return len(number.partition(".")[2])


def _float(number: str) -> float:
    return float(number.replace("−", "-").replace(",", ""))


def is_right(shown: str, value: Value) -> bool:
    """Whether a figure as shown is its value, rounded to as many decimals as it has."""
    spread = _RANGE.fullmatch(shown)
    if spread:
        return value.mean is not None and _float(spread[1]) <= value.mean <= _float(spread[2])
    number = _NUMBER.fullmatch(shown)
    if number is None:
        # "all noise", say: words stand where there is no number.
        return value.mean is None
    scale = 100 if number["percent"] else 1
    for part, held in value._asdict().items():
        if number[part] is None:
            continue
        if held is None or abs(_float(number[part]) - scale * held) > 0.5 * 10 ** -_decimals(number[part]) + 1e-9:
            return False
    return True


def fresh(shown: str, value: Value) -> str:
    """A figure as its source has it, written the way the page writes it."""
    number = _NUMBER.fullmatch(shown)
    if number is None or value.mean is None:
        raise ValueError(f"{shown!r} is no number, or its source has none ({value.mean}): edit the page by hand")
    scale = 100 if number["percent"] else 1

    def rewritten(part: str) -> str:
        held = getattr(value, part)
        if held is None:
            raise ValueError(f"{shown!r} shows what its source does not hold: edit the page by hand")
        thousands = "," if "," in number[part] else ""
        text = f"{scale * held:{thousands}.{_decimals(number[part])}f}"
        if re.match(r"[−+-]?\.", number[part]):
            text = re.sub(r"^(-?)0\.", r"\1.", text)
        return text if "-" in number[part] else text.replace("-", "−")

    pieces, end = [], 0
    for part in ("mean", "std", "low", "high"):
        if number[part] is not None:
            pieces += [shown[end : number.start(part)], rewritten(part)]
            end = number.end(part)
    return "".join(pieces) + shown[end:]


def _line(text: str, position: int) -> int:
    return text.count("\n", 0, position) + 1


def wrong(text: str) -> list[str]:
    """A line for every figure that is not its source's."""
    found = []
    for figure in figures(text):
        shown = " ".join(text[figure.start : figure.end].split())
        if not is_right(shown, figure.value):
            held = f"{figure.value.mean} (± {figure.value.std})"
            found.append(f"line {_line(text, figure.start)}: {shown!r} is {held} in {figure.address}")
    return found


def refreshed(text: str) -> str:
    """A page with every wrong figure put right."""
    for figure in reversed(figures(text)):
        shown = " ".join(text[figure.start : figure.end].split())
        if not is_right(shown, figure.value):
            text = text[: figure.start] + fresh(shown, figure.value) + text[figure.end :]
    return text


def without_source(text: str) -> list[str]:
    """A line for every figure that should be in a table, a template or a `given:` of its section and is in none."""
    covered = [(figure.start, figure.end) for figure in figures(text)]
    covered += [found.span() for found in _UNCHECKED.finditer(text)]
    given: dict[int, set[str]] = {}
    for comment in _COMMENT.finditer(text):
        if comment["kind"] == "numbers":
            table = _TABLE.match(text, comment.end())
            covered += [table.span()] if table else []
        for line in re.findall(r"^given: (.*)$", comment["rest"], re.MULTILINE):
            given.setdefault(_section(text, comment.start()), set()).update(map(str.strip, line.split(";")))
    found = []
    for number in _NUMBER.finditer(text):
        start, end, shown = *number.span(), " ".join(number[0].split())
        # Part of a name, such as that of a licence.
        is_name = text[start - 1 : start].isalpha()
        if is_name or not ("." in shown or "%" in shown) or any(a < end and start < b for a, b in covered):
            continue
        if shown not in given.get(_section(text, start), ()):
            found.append(f"line {_line(text, start)}: {shown!r}")
    return found


def main() -> None:
    bad = 0
    for page in PAGES:
        text = page.read_text(encoding="utf-8")
        for line in [*wrong(text), *(f"{line} has no source" for line in without_source(text))]:
            print(f"{page.relative_to(ROOT)}, {line}")
            bad += 1
        if "--write" in sys.argv:
            page.write_text(refreshed(text), encoding="utf-8")
    sys.exit(bad > 0 and "--write" not in sys.argv)


if __name__ == "__main__":
    main()
