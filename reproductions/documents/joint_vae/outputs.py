"""Joint VAE: records of all seeds → report, tables, figures and the document's files."""

from __future__ import annotations

import shutil
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import runs
from records import mean_of, read_notes, read_reported, spread_table, table_of

from documents.joint_vae import figures, rows, scores
from documents.joint_vae.config import Config
from documents.joint_vae.pipeline import Fitted, Part, Prepared
from documents.joint_vae.variants import VARIANTS
from jaxmusic import evaluation, report

_HERE = Path(__file__).parent
REPORTED = _HERE / "reported.toml"
# Everything that a run leaves in its folder besides `config.json`.
FILES = (
    "work", "*_final", "Z_*.npz", "*_clustering_metrics.csv", "retrieval_metrics.csv", "*_labels.csv",
    "lyrics_reconstructions.csv", "*_kmeans_*.png", "umap_*.png", "tsne_*.png", "*_reconstructions.png",
    "interpolations.png", "training_curves.png", "explained_variance.png", "retrieval*.png", "ablation.png", "report.*",
)  # fmt: skip
# The document's names of its metric tables, by representation.
_TABLES = {
    "fc_vae_clustering_metrics.csv": ["fc"],
    "convvae_clustering_metrics.csv": ["conv", "hybrid", "pca"],
    "hard_joint_clustering_metrics.csv": ["joint"],
    "retrieval_metrics.csv": ["retrieval", "cca"],
}


def save_arrays(
    config: Config, prepared: Prepared, part: Part, name: str, fc: Fitted, conv: Fitted, joint: Fitted
) -> None:
    """The first seed's latents and examples of one variant, for the figures and the document's files."""
    both = prepared.dataset.masks["audio"] & part.has_lyrics
    pairs = part.score[both[part.score]][:3]
    examples = figures.examples(prepared, part, fc, conv, joint, pairs)
    words = part.encoder.decode(part.lyrics[pairs], n_terms=8, standardized=True)
    rebuilt = part.encoder.decode(examples.pop("lyrics"), n_terms=8, standardized=True)
    table = [
        {"id": prepared.dataset.ids[row], "words": _words(a), "reconstructed": _words(b)}
        for row, a, b in zip(pairs, words, rebuilt, strict=True)
    ]
    folder = config.out / "work" / name
    folder.mkdir(parents=True, exist_ok=True)
    pd.DataFrame(table).to_csv(folder / "lyrics_reconstructions.csv", index=False)
    arrays: dict[str, Any] = {
        "ids": prepared.dataset.ids.astype(str),
        "score": part.score,
        "Z_fc": fc.mean,
        "Z_audio": conv.mean,
        "Z_hybrid": scores.hybrid_space(part, conv, both),
        "Z_joint": joint.mean,
        "Z_pca": scores.pca_of_spectrograms(prepared, part)[0],
        "explained_variance": part.encoder.explained_variance_ratio,
        "has_lyrics": part.has_lyrics,
        **examples,
    }
    np.savez_compressed(folder / "arrays.npz", **arrays)


def training_facts(began: float, fc: Fitted, conv: Fitted, joint: Fitted) -> dict[str, Any]:
    """Seconds and training curves of one variant's models, JSON types."""
    fitted = {"FC-VAE": fc, "ConvVAE": conv, "JointVAE": joint}
    return {
        "seconds": {
            **{model: fit.seconds for model, fit in fitted.items()},
            "compilation": sum(fit.compile_seconds for fit in fitted.values()),
            "everything": time.perf_counter() - began,
        },
        "curves": {
            model: {metric: np.asarray(values).tolist() for metric, values in fit.curves.items()}
            for model, fit in fitted.items()
        },
    }


def _words(terms: list[tuple[str, float]]) -> str:
    return " ".join(word for word, _ in terms)


def write(
    config: Config, preset: Config, prepared: Prepared, found: Mapping[str, Any], timing: Mapping[str, float]
) -> Path:
    """Tables, the document's files, figures and the report; returns the path of `report.md`."""
    seeds = runs.by_seed(found)
    records = table_of([seed["records"] for seed in seeds])
    facts = [seed["variants"] for seed in seeds]
    experiments = {name: pd.DataFrame(points) for name, points in found[f"experiments_{config.seeds}_seeds"].items()}
    reported = read_reported(REPORTED)
    for name, spaces in _TABLES.items():
        chosen = records[records["space"].isin(spaces) & ~records["method"].isin(["probe", "model"])]
        keys = ["variant", "space", "method", "parameter"]
        report.write_atomically(config.out / name, spread_table(chosen, keys).to_csv(index=False))
    scored = {name: of["sizes"]["score"] for name, of in facts[0].items()}
    made, shown = rows.all_rows(config, records, experiments, reported, scored)
    write_arrays(config, prepared, shown)
    source = {k: v for k, v in prepared.dataset.source.items() if k != "path"}
    measured = _measured(config, records, experiments["duplicates"], reported, made, shown)
    result = report.Report(
        document=reported["document"],
        preset=config.preset,
        data=source | {"as the models see it": _sizes(prepared, facts[0])},
        environment=report.environment(),
        settings=_settings(config, preset),
        rows=made,
        findings=report.findings(_HERE / "findings.toml", made),
        notes=read_notes(_HERE / "notes.md", measured),
        timing={**timing, **runs.seconds_by_variant(facts)},
        figures=figures.draw(config, prepared, records, facts, experiments["pairs"], shown),
    )
    return report.write(result, config.out)


def _measured(
    config: Config,
    records: pd.DataFrame,
    planted: pd.DataFrame,
    reported: Mapping[str, Any],
    made: Sequence[report.Row],
    shown: str,
) -> dict[str, Any]:
    """What the notes say of this run, and of the document's DBSCAN rows."""

    def stated(space: str, metric: str) -> float:
        return float(reported["entries"][f"{space}.dbscan.0.5.{metric}"]["reported"])

    products = {
        space: stated(space, "calinski_harabasz") * stated(space, "davies_bouldin") ** 2
        for space in ("pca", "conv", "hybrid", "joint")
    }
    planted = planted[planted["metric"].isin(["product", "group"])]
    cells = [(*key, *group["value"]) for key, group in planted.groupby(["clip", "planted"], sort=False)]
    explained = {
        "all clips" if VARIANTS[name].fit_on_all else "training part": mean_of(
            records, variant=name, space="lyrics", metric="explained_variance"
        )
        for name in config.variant
        if not VARIANTS[name].language_aware
    }
    return {
        "products": products,
        "planted": ", ".join(
            f"{clip} clip {times} times {product:.2f} (exact inversion {group:.1f})"
            for clip, times, product, group in cells
        ),
        "explained_variance": [
            f"TF-IDF → {config.lyrics.dim} components keeps {value:.1%} of the variance (fitted on: {name})."
            for name, value in explained.items()
        ],
        "readings": _best(made, shown),
        "shown": shown,
    }


def _best(made: Sequence[report.Row], shown: str) -> str:
    """How well the best reading fits; "" where no reading was run on all clips."""
    fits = {row.id: row for row in made if row.id.startswith("readings.all.") and row.column == shown}
    if not fits or not VARIANTS[shown].fit_on_all:
        return ""
    distance, inside = fits["readings.all.distance"], fits["readings.all.inside"]
    return (
        f"The first column is `{shown}`, of the readings on all clips the one that fits best. How well: of "
        f"{distance.what.removeprefix('all, ')} {inside.fresh:.0f} lie in the interval, and the mean distance is "
        f"{distance.fresh:.2f} half-widths."
    )


def _settings(config: Config, preset: Config) -> dict[str, Any]:
    """What was run, and where that differs from the preset."""
    fc, net, loss = config.fc, config.net, config.loss
    return {
        "seeds": config.seeds,
        "FC-VAE": f"latent {fc.latent}, {fc.epochs} epochs, batch {fc.batch}",
        "ConvVAE": f"latent {net.latent}, {net.conv_epochs} epochs, batch {net.batch}",
        "JointVAE": f"latent {net.latent}, {net.joint_epochs} epochs, batch {net.batch}",
        "loss": f"β {loss.beta:g} (warm-up {loss.warmup_steps} steps), w_a {loss.audio_weight:g}, w_l "
        f"{loss.lyrics_weight:g}, InfoNCE temperature {loss.temperature:g}",
        "optimiser": f"Adam, learning rate {loss.learning_rate:g}, "
        + ("no early stopping" if loss.patience is None else f"patience {loss.patience} epochs"),
        "changed from the preset": runs.settings_changed(config, preset),
    }


def _sizes(prepared: Prepared, first: Mapping[str, Any]) -> dict[str, Any]:
    _, n_mels, frames = prepared.spectrograms.shape
    stored = prepared.dataset.masks["frames"].shape[1]
    return {
        "spectrogram": f"{n_mels} × {frames}" + (f" (from {stored} frames, averaged in time)" * (frames != stored)),
        **{
            f"rows ({name})": "{fit} fit / {valid} valid / {score} scored".format_map(found["sizes"])
            + "; groups: {fit_groups} fit, {score_groups} scored".format_map(found["sizes"])
            * (found["sizes"]["fit_groups"] > 0)
            for name, found in first.items()
        },
    }


def write_arrays(config: Config, prepared: Prepared, shown: str) -> None:
    """The document's `Z_*` files and cluster assignments: of the first seed of the variant `shown`."""
    arrays = figures.load_arrays(config, shown)
    for name in ("Z_audio", "Z_hybrid", "Z_joint", "Z_pca"):
        np.savez_compressed(config.out / f"{name}.npz", ids=arrays["ids"], z=arrays[name], scored=arrays["score"])
    has_audio, has_lyrics = prepared.dataset.masks["audio"], arrays["has_lyrics"]
    spaces = (
        ("fc_vae", "Z_fc", has_audio),
        ("convvae", "Z_audio", has_audio),
        ("joint", "Z_joint", has_audio | has_lyrics),
    )
    for prefix, name, known in spaces:
        chosen = arrays["score"][known[arrays["score"]]]
        for row in evaluation.clustering_grid(arrays[name][chosen], seed=0, eps=(0.5, 1.0, 1.5)):
            if row.method in ("kmeans", "agglomerative", "dbscan") and not row.skipped:
                method = f"{row.method}_{next(iter(row.parameters.values())):g}"
                table = pd.DataFrame({"id": arrays["ids"][chosen], "cluster": row.assignment})
                report.write_atomically(config.out / f"{prefix}_{method}_labels.csv", table.to_csv(index=False))
    source = config.out / "work" / shown / "lyrics_reconstructions.csv"
    shutil.copyfile(source, config.out / "lyrics_reconstructions.csv")
