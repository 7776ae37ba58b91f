"""What a report holds: the fields of `report.json`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from jaxmusic.report.rows import Row


@dataclass
class Report:
    """What `write` puts on disk; the fields are those of `report.json`.

    Attributes:
        document: title and author.
        preset: name of the script's preset.
        data: name, path or "synthetic", counts, licence and attribution, what was dropped and why.
        environment: versions and machine, see `environment`.
        rows: see `Row`.
        findings: the four or five sentences that matter, for the top of the pages.
        notes: lines for a reader, each a string.
        timing: name → seconds.
        figures: (file name, caption); the files lie beside the report.
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
    findings: list[str] = field(default_factory=list)
