"""Hybrid-language clustering: records of all seeds → report, tables, figures and the document's table of tracks."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import runs
from records import read_notes, read_reported, select, spread_table, table_of

from documents.hybrid_language_vae import figures, rows, scores
from documents.hybrid_language_vae.config import Config
from documents.hybrid_language_vae.notes import measured
from documents.hybrid_language_vae.pipeline import Fitted, Part, embed
from jaxmusic import data, report

_HERE = Path(__file__).parent
REPORTED = _HERE / "reported.toml"
# Everything that a run leaves in its folder besides `config.json`.
FILES = (
    "work", "models", "tracks.csv", "features.npz", "clustering_metrics.csv", "umap_panels.png", "reconstructions.png",
    "genres_by_cluster.png", "language_map.png", "mig.png", "beta.png", "alignment.png", "training_curves.png",
    "report.*",
)  # fmt: skip


def save(config: Config, name: str, part: Part, fitted: Mapping[str, Fitted], arrays: Mapping[str, np.ndarray]) -> None:
    """The first seed's clusters, latents, examples and table of tracks of one variant."""
    folder = config.out / "work" / name
    folder.mkdir(parents=True, exist_ok=True)
    arrays = {**arrays, "scored": part.score}
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
    config: Config, preset: Config, dataset: data.Dataset, found: Mapping[str, Any], timing: Mapping[str, float]
) -> Path:
    """Tables, figures and the report; returns the path of `report.md`."""
    reported = read_reported(REPORTED)
    seeds = runs.by_seed(found)
    records = table_of([seed["records"] for seed in seeds])
    fits = rows.readings(config, records, reported["entries"])
    # The reading that fits best comes first, and the others in order; then what is no reading.
    order = list(dict.fromkeys([*(fit.column for fit in fits), *config.variant]))
    records = records.iloc[np.argsort(records["variant"].map(order.index), kind="stable")]
    facts = [seed["variants"] for seed in seeds]
    kept = found.get(f"experiments_{config.seeds}_seeds", {})
    experiments = {name: pd.DataFrame(points) for name, points in kept.items()}
    shown = order[0]
    work = config.out / "work" / shown
    report.write_atomically(config.out / "tracks.csv", (work / "tracks.csv").read_text())
    with np.load(work / "arrays.npz") as saved:
        arrays = dict(saved)
    np.savez_compressed(config.out / "features.npz", audio_features=arrays["audio"], hybrid_features=arrays["hybrid"])
    scored = select(records, method=list(scores.METHODS), space=["own", "hybrid", "genre", "within", "language"])
    scored = scored.assign(metric=scored["space"] + "/" + scored["metric"])
    table = spread_table(scored, ["variant", "method"])
    report.write_atomically(config.out / "clustering_metrics.csv", table.to_csv(index=False))
    source = {name: value for name, value in dataset.source.items() if name != "path"}
    made = rows.all_rows(config, records, experiments, fits, reported["entries"])
    result = report.Report(
        document=reported["document"],
        preset=config.preset,
        data=source | {f"tracks ({name})": _size(variant["sizes"]) for name, variant in facts[0].items()},
        environment=report.environment(),
        settings=_settings(config, preset),
        rows=made,
        findings=report.findings(_HERE / "findings.toml", made),
        notes=read_notes(_HERE / "notes.md", measured(shown, records, experiments, fits)),
        timing={**timing, **runs.seconds_by_variant(facts)},
        figures=figures.draw(config, shown, arrays, records, facts, experiments),
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


def _settings(config: Config, preset: Config) -> dict[str, Any]:
    _, made_by = embed(config, ["Audio with medium tempo"], np.ones((1, 4), int))
    net = config.net
    return {
        "seeds": config.seeds,
        "text columns": made_by,
        "models": f"latent {net.latent}, hidden widths {' and '.join(map(str, net.widths))}, {net.epochs} epochs "
        f"(Conditional VAE {net.conditional_epochs}), batch {net.batch}, Adam {net.learning_rate:g}",
        "loss": f"β {net.beta:g}, Conditional VAE {net.conditional_beta:g}",
        "clustering": f"k = {config.k}, PCA {config.pca_components}, DBSCAN eps {', '.join(map(str, config.eps))}",
        "changed from the preset": runs.settings_changed(config, preset),
    }
