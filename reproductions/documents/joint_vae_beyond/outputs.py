"""Beyond the Joint VAE document: what all seeds left → figures and the report."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pandas as pd
import runs
from records import read_notes

from documents.joint_vae_beyond import figures, rows
from documents.joint_vae_beyond.config import Config
from documents.joint_vae_beyond.notes import measured
from documents.joint_vae_beyond.variants import BASE
from documents.joint_vae_beyond.views import Prepared, resolved
from jaxmusic import report

_HERE = Path(__file__).parent
FILES = ("work", "*.png", "report.*")


def write(
    config: Config, preset: Config, prepared: Prepared, found: Mapping[str, Any], timing: Mapping[str, float]
) -> Path:
    """Figures and report; returns the path of `report.md`."""
    seeds = rows.with_chosen(runs.by_seed(found))
    own = next(value for name, value in found.items() if name.startswith("experiments"))
    experiments = {name: pd.DataFrame(points) for name, points in own.items()}
    source = {k: v for k, v in prepared.dataset.source.items() if k != "path"}
    sizes = {f"seed {i}": seed["sizes"] for i, seed in enumerate(seeds)}
    seconds = {
        f"{name}, all seeds": float(sum(seed["models"][name]["seconds"] for seed in seeds))
        for name in rows.names(seeds)
        if name != rows.CHOSEN and "seconds" in seeds[0]["models"][name]
    }
    encoders = {"sentence encoder": prepared.encoder, "sound encoder": prepared.hearing}
    made = rows.all_rows(config, seeds, experiments)
    result = report.Report(
        document="Beyond “Hybrid Multimodal Music Clustering via Joint VAE” (2026)",
        preset=config.preset,
        data=source | {"clips of a seed": sizes} | encoders,
        environment=report.environment(),
        settings={
            "seeds": f"{config.seeds} of {config.folds} folds: fold i tests, fold i + 1 validates",
            "base": f"{resolved(prepared, 'base')} lyrics; audio statistics and dynamics on "
            f"{config.sizes.audio_dim} principal components; product of experts; squared error summed; InfoNCE (weight "
            f"{BASE.alignment_weight:g}, temperature {BASE.temperature:g}); {config.net.epochs} epochs, "
            f"batch {config.net.batch}, AdamW {config.net.learning_rate:g}, dropout {config.net.dropout:g}",
            "further lyrics": len(prepared.more_lyrics),
            "changed from the preset": runs.settings_changed(config, preset),
        },
        rows=made,
        findings=report.findings(_HERE / "findings.toml", made),
        notes=read_notes(_HERE / "notes.md", measured(seeds, experiments)),
        timing={**timing, **seconds},
        figures=figures.draw(config, seeds, experiments),
    )
    return report.write(result, config.out)
