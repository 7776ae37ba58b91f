"""A report as Markdown."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from jaxmusic.report import finding
from jaxmusic.report.content import Report
from jaxmusic.report.forest import Picture
from jaxmusic.report.tables import tables


def markdown_page(report: Report, picture: Picture | None) -> str:
    """The whole page: finding, picture, sentences, figures, tables, notes, run."""
    lines = [f"# {report.document}", "", f"**{finding.sentence(report.rows)}**", ""]
    lines += [*(f"- {sentence}" for sentence in report.findings), ""]
    if picture is not None:
        lines += [f"![{picture.caption}]({picture.name})", "", f"*{picture.caption}.*", ""]
    lines += ["The same with tables that fold and sort: `report.html`.", ""]
    if report.figures:
        lines += ["## Figures", ""]
        for name, caption in report.figures:
            lines += [f"![{caption}]({name})", "", f"*{caption}*", ""]
    lines += ["## Numbers", "", "Fresh values are mean ± standard deviation over n runs.", ""]
    for table in tables(report.rows):
        lines += [f"### {table.title}", "", _line(table.header), "|" + " --- |" * len(table.header)]
        lines += [*(_line([cell.text for cell in line.cells]) for line in table.lines), ""]
    lines += ["## Notes on fidelity", "", *(f"- {note}" for note in report.notes), ""]
    lines += ["## Run", "", f"- preset: {report.preset}", *(f"- {n}: {v}" for n, v in described(report.settings)), ""]
    lines += ["## Data", "", *(f"- {name}: {value}" for name, value in described(report.data)), ""]
    lines += ["## Time", "", *(f"- {name}: {seconds:.1f} s" for name, seconds in report.timing.items()), ""]
    lines += ["## Environment", "", *(f"- {name}: {value}" for name, value in described(report.environment)), ""]
    return "\n".join(lines)


def _line(cells: Sequence[str]) -> str:
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"


def described(items: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Name and value of what is not empty; lists are cut behind their fifth entry, and say so."""
    found = []
    for name, value in items.items():
        if isinstance(value, Mapping):
            inner = {key: _short(held) for key, held in value.items() if held not in ("", [], {}, None)}
            value = ", ".join(f"{key} {text}" for key, text in inner.items())
        elif isinstance(value, Sequence) and not isinstance(value, str):
            more = [f"and {len(value) - 5} more"] if len(value) > 5 else []
            value = "; ".join([*map(_short, value[:5]), *more])
        if value not in ("", None):
            found.append((name, str(value)))
    return found


def _short(value: Any) -> str:
    if isinstance(value, Mapping):
        return "; ".join(f"{key}: {inner}" for key, inner in value.items())
    if isinstance(value, list | tuple):
        more = f" and {len(value) - 20} more" if len(value) > 20 else ""
        return ", ".join(str(inner) for inner in value[:20]) + more
    return str(value)
