"""The sentences at the top of a report, with this run's values in them."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping, Sequence
from pathlib import Path

from jaxmusic.report.rows import Row, format_reported, format_value


def findings(path: str | Path, rows: Sequence[Row]) -> list[str]:
    """Sentences of a file, filled with values of the rows.

    Args:
        path: a TOML file with tables `[[finding]]`: `text`, with names in braces, and under `values` for each name
            `[id, column]` of a row, whose fresh mean ± standard deviation is shown, or `[id, column, "reported"]`.
        rows: of the report.

    Returns:
        One sentence for each finding whose values are all there, in the file's order: what was not run has none.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: a text has a name without a value, or an entry is not of this form; names file and text.
    """
    by_key = {(row.id, row.column): row for row in rows}
    found = []
    for entry in tomllib.loads(Path(path).read_text(encoding="utf-8")).get("finding", []):
        text, values = entry.get("text", ""), entry.get("values", {})
        try:
            shown = {name: _shown(by_key, *address) for name, address in values.items()}
            if None not in shown.values():
                found.append(text.format(**shown))
        except (KeyError, TypeError, ValueError) as error:
            raise ValueError(f"{path}: {text!r} cannot be filled from {values}: {error!r}") from None
    return found


def _shown(by_key: Mapping[tuple[str, str], Row], id: str, column: str, part: str = "fresh") -> str | None:
    if part not in ("fresh", "reported"):
        raise ValueError(f"{part!r} is neither 'fresh' nor 'reported'")
    row = by_key.get((id, column))
    if row is None:
        return None
    if part == "reported" or row.fresh is None:
        return None if row.reported is None or part == "fresh" else format_reported(row)
    return format_value(row.fresh) if not row.std else f"{row.fresh:.3g} ± {row.std:.2g}"
