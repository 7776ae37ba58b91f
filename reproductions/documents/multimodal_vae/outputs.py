"""Multimodal VAEs: what all seeds left → the report."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import runs
from records import read_notes

from documents.multimodal_vae import rows
from documents.multimodal_vae.config import Config
from documents.multimodal_vae.pipeline import Prepared
from jaxmusic import report

FILES = ("work", "report.*")


def write(
    config: Config, preset: Config, prepared: Prepared, found: Mapping[str, Any], timing: Mapping[str, float]
) -> Path:
    """The report; returns the path of `report.md`."""
    seeds = runs.by_seed(found)
    source = {k: v for k, v in prepared.dataset.source.items() if k != "path"}
    return report.write(
        report.Report(
            document="Multimodal VAEs by likelihood and coherence",
            preset=config.preset,
            data={**source, "parts": {f"seed {i}": seed["sizes"] for i, seed in enumerate(seeds)}},
            environment=report.environment(),
            rows=rows.all_rows(seeds),
            findings=rows.ranking_notes(seeds),
            notes=read_notes(Path(__file__).parent / "notes.md", {}),
            timing=dict(timing),
            settings={
                "models": ", ".join(config.variant),
                "modalities": ", ".join(seeds[0]["modalities"]),
                "changed": runs.settings_changed(config, preset),
            },
        ),
        config.out,
    )
