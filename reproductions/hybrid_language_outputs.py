"""Hybrid-language reproduction: records of all seeds → report, tables, figures and the document's table of tracks."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import hybrid_language_figures as drawings
import hybrid_language_notes as notes
import hybrid_language_rows as rows
import hybrid_language_scores as scores
import numpy as np
import pandas as pd
import runs
from hybrid_language_pipeline import Fitted, Part, embed

from jaxmusic import data, report

if TYPE_CHECKING:
    from hybrid_language_vae import Config

REPORTED = Path(__file__).parent / "reported" / "hybrid_language_vae.toml"
# Everything that a run leaves in its folder besides `config.json`.
FILES = (
    "work", "models", "tracks.csv", "features.npz", "clustering_metrics.csv", "umap_panels.png", "reconstructions.png",
    "genres_by_cluster.png", "language_map.png", "mig.png", "beta.png", "alignment.png", "training_curves.png",
    "report.*",
)  # fmt: skip
Records = Sequence[Mapping[str, Any]]


def save(config: Config, name: str, part: Part, fitted: Mapping[str, Fitted], arrays: Mapping[str, np.ndarray]) -> None:
    """The first seed's clusters, latents, examples and table of tracks of one variant."""
    folder = config.out / "work" / name
    folder.mkdir(parents=True, exist_ok=True)
    examples = part.score[:3]
    columns = part.audio.shape[1]
    kept: dict[str, Any] = {
        **arrays,
        "audio": part.audio,
        "hybrid": part.hybrid,
        "example_titles": part.tracks.labels["title"][examples].astype(str),
        "original": part.audio[examples],
        **{f"recon_{net}": fit.recon[examples, :columns] for net, fit in fitted.items()},
        "genre": part.tracks.labels["genre"].astype(str),
        "language": part.tracks.labels["language"].astype(str),
    }
    np.savez_compressed(folder / "arrays.npz", **kept)
    _tracks(part, arrays).to_csv(folder / "tracks.csv", index=False)


def _tracks(part: Part, arrays: Mapping[str, np.ndarray]) -> pd.DataFrame:
    """The document's Table 1; its two feature columns are arrays of `features.npz`, row by row."""
    tracks = part.tracks
    table = pd.DataFrame(
        {
            "id": tracks.ids,
            "title": tracks.labels["title"],
            "language": tracks.labels["language"],
            "genre": tracks.labels["genre_name"],
            # Places on this machine would say nothing to another; the id names language and file.
            "file_path": tracks.ids,
            "audio_description": part.sentences,
            "genre_encoded": part.codes,
        }
    )
    scored = arrays["scored"]
    for method in scores.METHODS:
        # Nullable: a track outside the scored part belongs to no cluster.
        column = pd.array([pd.NA] * len(tracks), dtype="Int64")
        column[scored] = arrays[f"cluster_{method}"]
        table[f"cluster_{method}"] = column
    return table


def write(
    config: Config,
    preset: Config,
    dataset: data.Dataset,
    records: Records,
    experiments: Mapping[str, Any],
    timing: Mapping[str, float],
) -> Path:
    """Tables, figures and the report; returns the path of `report.md`."""
    reported = tomllib.loads(REPORTED.read_text())
    shown = config.variant[0]
    work = config.out / "work" / shown
    report.write_atomically(config.out / "tracks.csv", (work / "tracks.csv").read_text())
    with np.load(work / "arrays.npz") as kept:
        arrays = dict(kept)
    np.savez_compressed(config.out / "features.npz", audio_features=arrays["audio"], hybrid_features=arrays["hybrid"])
    report.write_atomically(config.out / "clustering_metrics.csv", _metrics(config, records).to_csv(index=False))
    figures = drawings.draw(config, shown, arrays, records, experiments)
    source = {name: value for name, value in dataset.source.items() if name != "path"}
    sizes = {name: record["sizes"] for name, record in records[0].items()}
    result = report.Report(
        document=reported["document"],
        preset=config.preset,
        data=source | {f"tracks ({name})": _size(found) for name, found in sizes.items()},
        environment=report.environment(),
        settings=_settings(config, preset, dataset),
        rows=rows.make_rows(config, records, experiments, reported),
        notes=[*notes.NOTES, *notes.measured(config, records, experiments)],
        timing={**timing, **rows.timing(records)},
        figures=figures,
    )
    return report.write(result, config.out)


def _size(found: Mapping[str, Any]) -> str:
    by_language = ", ".join(f"{count} {name}" for name, count in found["tracks"].items())
    collapsed = f"; collapsed descriptors: {', '.join(found['collapsed'])}" if found["collapsed"] else ""
    return (
        f"{by_language}; {found['fit']} fit, {found['score']} scored; {found['genres']} genres; "
        f"{found['audio_columns']} audio and {found['text_columns']} text columns, {found['sentences']} distinct "
        f"sentences{collapsed}"
    )


def _settings(config: Config, preset: Config, dataset: data.Dataset) -> dict[str, Any]:
    del dataset
    _, made_by = embed(config, ["Audio with medium tempo"], np.ones((1, 4), int))
    return {
        "seeds": config.seeds,
        "text columns": made_by,
        "models": f"latent {config.latent}, hidden widths {' and '.join(map(str, config.widths))}, {config.epochs} "
        f"epochs (Conditional VAE {config.conditional_epochs}), batch {config.batch}, Adam {config.learning_rate:g}",
        "loss": f"β {config.beta:g}, Conditional VAE {config.conditional_beta:g}",
        "clustering": f"k = {config.k}, PCA {config.pca_components}, DBSCAN eps {', '.join(map(str, config.eps))}",
        "changed from the preset": runs.settings_changed(config, preset),
    }


def _metrics(config: Config, records: Records) -> pd.DataFrame:
    lines = []
    for variant in config.variant:
        for method in scores.METHODS:
            found = [record[variant]["methods"][method] for record in records]
            line: dict[str, Any] = {"variant": variant, "method": method, "n": len(found)}
            for metric in found[0]:
                values = np.array([f[metric] for f in found], float)
                values = values[np.isfinite(values)]
                line[metric] = values.mean() if len(values) else np.nan
                line[f"{metric}_std"] = values.std(ddof=1) if len(values) > 1 else np.nan
            lines.append(line)
    return pd.DataFrame(lines)
