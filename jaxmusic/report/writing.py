"""A report on disk: `report.json` for programs, `report.md` and `report.html` for people, `report.png` for both."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import asdict
from pathlib import Path

from jaxmusic._files import written_whole
from jaxmusic.report.content import Report
from jaxmusic.report.forest import forest
from jaxmusic.report.html import html_page
from jaxmusic.report.markdown import markdown_page
from jaxmusic.report.rows import Row


def write(report: Report, folder: str | Path) -> Path:
    """Write `report.json`, `report.md`, `report.html` and, where numbers were reported, `report.png`.

    The HTML page holds its pictures and its script: it can be sent as one file and asks for nothing on the network.

    Args:
        report: the report.
        folder: made where missing; the files are replaced.

    Returns:
        The path of `report.md`.

    Raises:
        ValueError: two rows with one id and column (named), or a value that is NaN or infinite.
        FileNotFoundError: a figure of the report does not lie in the folder.
    """
    twice = [key for key, count in Counter((row.id, row.column) for row in report.rows).items() if count > 1]
    if twice:
        raise ValueError(f"(id, column) is not unique for these rows: {twice}")
    folder = Path(folder)
    fields = asdict(report)
    for row in fields["rows"]:
        if row["reported_to"] is None:
            # Of few rows; the others need not say so.
            del row["reported_to"]
    content = json.dumps(fields, indent=1, ensure_ascii=False, allow_nan=False) + "\n"
    for name, _ in report.figures:
        if not (folder / name).is_file():
            raise FileNotFoundError(f"the report's figure {name} does not lie in {folder}: draw it before the report")
    picture = forest(report.rows, folder / "report.png")
    write_atomically(folder / "report.json", content)
    write_atomically(folder / "report.html", html_page(report, folder, picture))
    return write_atomically(folder / "report.md", markdown_page(report, picture))


def read(folder: str | Path) -> Report:
    """The report of a folder.

    Args:
        folder: holds the `report.json` that `write` wrote.

    Returns:
        What was written, so that `write(read(folder), folder)` makes the pages anew.

    Raises:
        FileNotFoundError: there is no `report.json`.
    """
    content = json.loads((Path(folder) / "report.json").read_text(encoding="utf-8"))
    content["rows"] = [Row(**row) for row in content["rows"]]
    content["figures"] = [(name, caption) for name, caption in content["figures"]]
    return Report(**content)


def write_atomically(path: Path, content: str | bytes) -> Path:
    """Write a file so that a reader sees the old one or the new one, never a part.

    Args:
        path: the file; its folder is made where missing.
        content: text is written as UTF-8.

    Returns:
        The path.

    Raises:
        OSError: the file cannot be written; the old one stays.
    """
    with written_whole(path) as file:
        file.write(content.encode() if isinstance(content, str) else content)
    return path
