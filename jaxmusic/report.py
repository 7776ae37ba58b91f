"""Reported against fresh: rows with a verdict, written as `report.json` and `report.md`."""

from __future__ import annotations

import json
import math
import os
import platform
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from jaxmusic._files import written_whole

REPRODUCED = "reproduced"
"""Verdict: the reported value lies in the prediction interval of the fresh runs, on the same data."""
NOT_REPRODUCED = "not reproduced"
"""Verdict: it does not."""
CONTRADICTED = "contradicted by the document"
"""Verdict: the document itself says otherwise elsewhere; it goes before the other two."""
# Below this many runs an interval says little; such a row gets no verdict.
_MINIMUM_RUNS = 5


@dataclass(frozen=True)
class Row:
    """One reported number beside fresh runs.

    Attributes:
        id: of the number; with `column` unique in the report.
        column: under which the number stands in the table: a variant of the pipeline, or a measure; "" for none.
        section: of the document.
        what: model, method and parameters, for a reader.
        metric: the field's name of the number.
        reported: the document's number; None for a row that it lacks (a baseline, a chance level).
        fresh: mean over the runs; None where it could not be computed, the note says why.
        std: standard deviation over the runs (n − 1); None for fewer than two.
        n: number of runs.
        verdict: `"reproduced"`, `"not reproduced"`, `"contradicted by the document"` or None (other data).
        note: one line.
    """

    id: str
    column: str = field(default="", kw_only=True)
    section: str
    what: str
    metric: str
    reported: float | None
    fresh: float | None
    std: float | None
    n: int
    verdict: str | None
    note: str = ""


@dataclass
class Report:
    """What `write` puts on disk; the fields are those of `report.json`.

    Attributes:
        document: title and author.
        preset: name of the script's preset.
        data: name, path or "synthetic", counts, licence and attribution, what was dropped and why.
        environment: versions and machine, see `environment`.
        rows: see `Row`.
        notes: lines for a reader, each a string.
        timing: name → seconds.
        figures: (file name, caption), for `report.md`.
        settings: what was run: sizes, epochs, seeds, and what differs from the preset.
    """

    document: str
    preset: str
    data: Mapping[str, Any]
    environment: Mapping[str, Any]
    rows: list[Row] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    timing: dict[str, float] = field(default_factory=dict)
    figures: list[tuple[str, str]] = field(default_factory=list)
    settings: Mapping[str, Any] = field(default_factory=dict)


def prediction_interval(values: Sequence[float], *, level: float = 0.95) -> tuple[float, float]:
    """The interval in which one more run of the same kind falls with probability `level`, for normal runs.

    Args:
        values: one of each run, two at least.
        level: probability.

    Returns:
        `(low, high)`.

    Raises:
        ValueError: fewer than two values.

    Source: mean ± t · s · √(1 + 1/n) with n − 1 degrees of freedom.

    >>> low, high = prediction_interval([1.0, 2.0, 3.0])
    >>> round(low, 2), round(high, 2)
    (-2.97, 6.97)
    """
    from scipy import stats

    n = len(values)
    if n < 2:
        raise ValueError(f"an interval needs two runs at least, got {n}")
    half = stats.t.ppf(0.5 + level / 2, n - 1) * np.std(values, ddof=1) * math.sqrt(1 + 1 / n)
    return float(np.mean(values) - half), float(np.mean(values) + half)


def verdict(
    reported: float | None, fresh: Sequence[float], *, is_same_data: bool, is_contradicted: bool = False
) -> str | None:
    """What a row may claim.

    Args:
        reported: the document's number.
        fresh: one value for each run.
        is_same_data: both were measured on the same data; otherwise they cannot be compared.
        is_contradicted: the document itself contradicts the number, which takes precedence.

    Returns:
        `"contradicted by the document"`; `"reproduced"` where the reported number lies in the 95 % prediction interval
        of five runs or more; `"not reproduced"` where it does not; None where nothing can be said.

    >>> verdict(0.5, [0.49, 0.51, 0.5, 0.52, 0.48], is_same_data=True)
    'reproduced'
    >>> verdict(0.5, [0.49, 0.51, 0.5, 0.52, 0.48], is_same_data=False)
    """
    if is_contradicted:
        return CONTRADICTED
    usable = [value for value in fresh if math.isfinite(value)]
    if reported is None or not is_same_data or len(usable) < _MINIMUM_RUNS or len(usable) < len(fresh):
        return None
    low, high = prediction_interval(usable)
    return REPRODUCED if low <= reported <= high else NOT_REPRODUCED


def make_row(
    id: str,
    *,
    section: str,
    what: str,
    metric: str,
    reported: float | None,
    fresh: Sequence[float],
    is_same_data: bool,
    is_contradicted: bool = False,
    note: str = "",
    column: str = "",
) -> Row:
    """A row from the values of all runs; runs whose value is undefined (NaN) are left out and counted in the note.

    Where most are undefined no mean is shown: the few that are left would speak for all.

    Args:
        id: of the number; with `column` unique in the report.
        section: heading under which the row stands.
        what: what was measured.
        metric: its name and unit.
        reported: the document's figure; None for none.
        fresh: one value of each run.
        is_same_data: whether both were measured on the same data; else there is no verdict.
        is_contradicted: whether the document itself says otherwise elsewhere.
        note: shown with the row.
        column: variant or measure, see `Row`.

    Returns:
        `Row` with mean and standard deviation of the defined values, and the verdict.
    """
    usable = [float(value) for value in fresh if math.isfinite(value)]
    if len(usable) < len(fresh):
        note = "; ".join(filter(None, [note, f"undefined in {len(fresh) - len(usable)} of {len(fresh)} runs"]))
    if 2 * len(usable) < len(fresh):
        usable = []
    return Row(
        id,
        section,
        what,
        metric,
        reported,
        float(np.mean(usable)) if usable else None,
        _deviation(usable),
        len(usable),
        verdict(reported, fresh, is_same_data=is_same_data, is_contradicted=is_contradicted),
        note,
        column=column,
    )


def _deviation(values: Sequence[float]) -> float | None:
    if len(values) < 2:
        return None
    # Equal runs have no spread, not that of the rounding in their mean.
    return float(np.std(values, ddof=1)) if np.ptp(values) > 0 else 0.0


def environment(packages: Iterable[str] = ("jax", "flax", "optax", "numpy", "scikit-learn")) -> dict[str, Any]:
    """Versions and machine, without names or paths of either.

    Args:
        packages: distributions whose versions are named.

    Returns:
        name → version or description, JSON types.
    """
    from importlib import metadata

    import jax

    versions = {name: metadata.version(name) for name in packages}
    device = jax.devices()[0]
    return {
        "python": platform.python_version(),
        **versions,
        "platform": f"{platform.system()} {platform.machine()}",
        "processor": _processor(),
        "cores": os.cpu_count(),
        "device": f"{jax.device_count()} × {device.device_kind} ({device.platform})",
    }


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor() or "unknown"
    return next((line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")), "unknown")


def write(report: Report, folder: str | Path) -> Path:
    """Write `report.json` and `report.md`.

    Args:
        report: the report.
        folder: made where missing; both files are replaced.

    Returns:
        The path of `report.md`.

    Raises:
        ValueError: two rows with one id and column (named), or a value that is NaN or infinite.
    """
    keys = Counter((row.id, row.column) for row in report.rows)
    if twice := [key for key, count in keys.items() if count > 1]:
        raise ValueError(f"(id, column) is not unique for these rows: {twice}")
    folder = Path(folder)
    content = {key: value for key, value in asdict(report).items() if key != "figures"}
    write_atomically(folder / "report.json", json.dumps(content, indent=1, ensure_ascii=False, allow_nan=False) + "\n")
    return write_atomically(folder / "report.md", _markdown(report))


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


def _markdown(report: Report) -> str:
    lines = [f"# {report.document}", "", f"Preset `{report.preset}`. Reported numbers beside fresh runs.", ""]
    if report.settings:
        lines += ["## Run", "", *_list(report.settings), ""]
    lines += ["## Data", "", *_list(report.data), ""]
    if report.figures:
        lines += ["## Figures", ""]
        for name, caption in report.figures:
            lines += [f"![{caption}]({name})", "", f"*{caption}*", ""]
    lines += ["## Numbers", "", "Fresh values are mean ± standard deviation over n runs.", ""]
    for section in dict.fromkeys(row.section for row in report.rows):
        lines += [f"### {section}", "", *_table([row for row in report.rows if row.section == section]), ""]
    lines += ["## Notes on fidelity", "", *(f"- {note}" for note in report.notes), ""]
    lines += ["## Time", "", *(f"- {name}: {seconds:.1f} s" for name, seconds in report.timing.items()), ""]
    lines += ["## Environment", "", *_list(report.environment), ""]
    return "\n".join(lines)


def _table(rows: list[Row]) -> list[str]:
    """One line for each id, with a cell for each column."""
    variants = list(dict.fromkeys(row.column for row in rows))
    lines: dict[str, dict[str, Row]] = {}
    for row in rows:
        lines.setdefault(row.id, {})[row.column] = row
    has_reported = any(row.reported is not None for row in rows)
    header = ["what", "metric", *(["reported"] if has_reported else []), *(v or "fresh" for v in variants)]
    header += ["verdict", "note"]
    table = [f"| {' | '.join(header)} |", "|" + " --- |" * len(header)]
    for by_variant in lines.values():
        first = next(iter(by_variant.values()))
        cells = [first.what, first.metric, *([format_value(first.reported)] if has_reported else [])]
        cells += [_fresh(by_variant[v]) if v in by_variant else "" for v in variants]
        cells += [first.verdict or "", _notes(by_variant)]
        table.append("| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |")
    return table


def _notes(by_variant: Mapping[str, Row]) -> str:
    """The variants' notes, each named where they differ."""
    notes = {variant: row.note for variant, row in by_variant.items() if row.note}
    if len(notes) == len(by_variant) and len(set(notes.values())) == 1:
        return next(iter(notes.values()))
    return "; ".join(f"{variant}: {note}" if variant else note for variant, note in notes.items())


def _list(items: Mapping[str, Any]) -> list[str]:
    lines = []
    for name, value in items.items():
        if isinstance(value, Mapping):
            value = ", ".join(
                f"{key} {_short(inner)}" for key, inner in value.items() if inner not in ("", [], {}, None)
            )
        elif isinstance(value, Sequence) and not isinstance(value, str):
            shown = [_short(inner) for inner in value[:5]]
            value = "; ".join(shown) + (f"; and {len(value) - 5} more" if len(value) > 5 else "")
        if value not in ("", None):
            lines.append(f"- {name}: {value}")
    return lines


def _short(value: Any) -> str:
    if isinstance(value, Mapping):
        return "; ".join(f"{key}: {inner}" for key, inner in value.items())
    if isinstance(value, list | tuple):
        return ", ".join(str(inner) for inner in value[:20]) + (
            f" and {len(value) - 20} more" if len(value) > 20 else ""
        )
    return str(value)


def format_value(value: float | None) -> str:
    """Four significant digits, whole numbers whole; an en dash for None.

    Args:
        value: a number, or None.

    Returns:
        The text.

    >>> format_value(853.48), format_value(0.10529), format_value(0), format_value(977924), format_value(None)
    ('853.5', '0.1053', '0', '977924', '–')
    """
    if value is not None and float(value).is_integer() and abs(value) < 1e12:
        return f"{value:.0f}"
    return "–" if value is None else f"{value:.4g}"


def _fresh(row: Row) -> str:
    if row.fresh is None:
        return "–"
    spread = "" if row.std is None else f" ± {row.std:.2g}"
    return f"{format_value(row.fresh)}{spread} (n={row.n})"
