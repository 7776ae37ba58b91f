"""A report as one HTML page that needs nothing but itself."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from html import escape
from importlib import resources
from pathlib import Path
from typing import Any

from jaxmusic.report import finding
from jaxmusic.report.content import Report
from jaxmusic.report.forest import Picture
from jaxmusic.report.markdown import described
from jaxmusic.report.tables import Cell, Table, tables

_PAGE = """<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}</title>
<style>{style}</style>
<main>
{body}
</main>
<!-- Sorting: sortable-tablesort 4.1.7, in the public domain (Unlicense). -->
<script>{script}</script>
</html>
"""


def html_page(report: Report, folder: Path, picture: Picture | None) -> str:
    """The whole page; `folder` holds the pictures, which are put into it."""
    body = [f"<h1>{escape(report.document)}</h1>", _outcomes(report)]
    body.append(f"<p>{escape(finding.sentence(report.rows))}</p>")
    if report.findings:
        body.append("<ul class=findings>" + "".join(f"<li>{escape(text)}</li>" for text in report.findings) + "</ul>")
    if picture is not None:
        body.append(_figure(folder / picture.name, picture.caption, "forest"))
    if report.figures:
        body += ["<h2>Figures</h2>", *(_figure(folder / name, caption, "") for name, caption in report.figures)]
    body += [
        "<h2>Numbers</h2>",
        "<p class=quiet>Mean ± standard deviation over n runs. A click on a column's title sorts by it.</p>",
        *map(_table, tables(report.rows)),
    ]
    notes = "".join(f"<li>{escape(note)}</li>" for note in report.notes)
    body.append(_folded("Notes on fidelity", len(report.notes), f"<ul>{notes}</ul>"))
    body.append(_listed("Run", {"preset": report.preset, **report.settings}))
    body.append(_listed("Data", report.data))
    body.append(_listed("Time", {name: f"{seconds:.1f} s" for name, seconds in report.timing.items()}))
    body.append(_listed("Environment", report.environment))
    return _PAGE.format(
        title=escape(report.document),
        style=_resource("page.css"),
        body="\n".join(body),
        script=_resource("sortable.min.js") + _resource("keys.js"),
    )


def _resource(name: str) -> str:
    return (resources.files("jaxmusic.report") / name).read_text(encoding="utf-8")


def _outcomes(report: Report) -> str:
    counts = finding.outcomes(report.rows)
    if not sum(counts.values()):
        return ""
    parts = (
        f'<li class="{name.split()[0]}"><b>{n:,}</b> {escape(name)}</li>'
        for name, n in ((name, counts[name]) for name in finding.OUTCOMES)
    )
    return f"<ul class=outcomes>{''.join(parts)}</ul>"


def _figure(path: Path, caption: str, kind: str) -> str:
    data = base64.b64encode(path.read_bytes()).decode()
    text = escape(caption)
    return (
        f'<figure class="{kind}"><div class=scroll><img src="data:image/png;base64,{data}" alt="{text}"></div>'
        f"<figcaption>{text}</figcaption></figure>"
    )


def _table(table: Table) -> str:
    head = "".join(f"<th scope=col tabindex=0>{escape(name)}</th>" for name in table.header)
    lines = "".join(
        f"<tr{' class=folded' if line.is_folded else ''}>{''.join(map(_cell, line.cells))}</tr>" for line in table.lines
    )
    content = f'<div class=scroll><table class="sortable n-last"><thead><tr>{head}</tr></thead><tbody>{lines}</tbody>'
    return _folded(table.title, len(table.lines), content + "</table></div>")


def _cell(cell: Cell) -> str:
    if cell.number is None:
        # An en dash sorts as nothing, which stands last.
        return f"<td{' data-sort' if cell.text == '–' else ''}>{escape(cell.text)}</td>"
    return f'<td class=number data-sort="{cell.number!r}">{escape(cell.text)}</td>'


def _folded(title: str, count: int, content: str) -> str:
    shown = f" <span class=quiet>{count}</span>" if count else ""
    return f"<details><summary>{escape(title)}{shown}</summary>{content}</details>"


def _listed(title: str, items: Mapping[str, Any]) -> str:
    lines = "".join(f"<dt>{escape(name)}</dt><dd>{escape(value)}</dd>" for name, value in described(items))
    return _folded(title, 0, f"<dl>{lines}</dl>") if lines else ""
