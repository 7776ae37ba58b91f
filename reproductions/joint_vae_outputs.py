"""Joint VAE reproduction: records of all seeds → report, tables, figures and the document's files."""

from __future__ import annotations

import shutil
import tomllib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import joint_vae_figures as drawings
import joint_vae_notes as notes
import joint_vae_rows as rows
import joint_vae_scores as scores
import numpy as np
import pandas as pd
import runs
from joint_vae_pipeline import Fitted, Part, Prepared, Variant, joint_module

from jaxmusic import report

if TYPE_CHECKING:
    from joint_vae import Config

REPORTED = Path(__file__).parent / "reported" / "joint_vae.toml"
# Everything that a run leaves in its folder besides `config.json`.
FILES = (
    "work", "*_final", "Z_*.npz", "*_clustering_metrics.csv", "retrieval_metrics.csv", "*_labels.csv",
    "lyrics_reconstructions.csv", "*_kmeans_*.png", "umap_*.png", "tsne_*.png", "*_reconstructions.png",
    "interpolations.png", "training_curves.png", "explained_variance.png", "retrieval*.png", "ablation.png", "report.*",
)  # fmt: skip
# The document's names of its metric tables, by representation.
_TABLES = {
    "fc": "fc_vae_clustering_metrics.csv",
    "conv": "convvae_clustering_metrics.csv",
    "hybrid": "convvae_clustering_metrics.csv",
    "pca": "convvae_clustering_metrics.csv",
    "joint": "hard_joint_clustering_metrics.csv",
}
Records = Sequence[Mapping[str, Any]]


def save_arrays(
    config: Config,
    prepared: Prepared,
    part: Part,
    variant: Variant,
    name: str,
    fc: Fitted,
    conv: Fitted,
    joint: Fitted,
) -> None:
    """The first seed's latents and examples of one variant, for the figures and the document's files."""
    both = prepared.dataset.masks["audio"] & part.has_lyrics
    pairs = part.score[both[part.score]][:3]
    module = joint_module(config, prepared, variant)
    examples = drawings.examples(config, prepared, part, variant, fc, conv, joint, pairs)
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
        "interpolation": drawings.interpolated(module, joint, pairs),
        **examples,
    }
    np.savez_compressed(folder / "arrays.npz", **arrays)


def _words(terms: list[tuple[str, float]]) -> str:
    return " ".join(word for word, _ in terms)


def write(
    config: Config,
    preset: Config,
    prepared: Prepared,
    records: Records,
    experiments: Mapping[str, Any],
    timing: Mapping[str, float],
) -> Path:
    """Tables, the document's files, figures and the report; returns the path of `report.md`."""
    reported = tomllib.loads(REPORTED.read_text())
    write_tables(config, records)
    write_arrays(config, prepared)
    figures = drawings.draw(config, prepared, records, experiments)
    source = {k: v for k, v in prepared.dataset.source.items() if k != "path"}
    result = report.Report(
        document=reported["document"],
        preset=config.preset,
        data=source | {"as the models see it": _sizes(config, prepared, records)},
        environment=report.environment(),
        settings=_settings(config, preset),
        rows=rows.make_rows(config, prepared, records, experiments, reported),
        notes=[*notes.NOTES, *notes.measured(config, drawings.shown_variant(config), records, experiments)],
        timing={**timing, **_timing(records)},
        figures=figures,
    )
    return report.write(result, config.out)


def _settings(config: Config, preset: Config) -> dict[str, Any]:
    """What was run, and where that differs from the preset."""
    return {
        "seeds": config.seeds,
        "FC-VAE": f"latent {config.fc_latent}, {config.fc_epochs} epochs, batch {config.fc_batch}",
        "ConvVAE": f"latent {config.latent}, {config.conv_epochs} epochs, batch {config.batch}",
        "JointVAE": f"latent {config.latent}, {config.joint_epochs} epochs, batch {config.batch}",
        "loss": f"β {config.beta:g} (warm-up {config.warmup_steps} steps), w_a {config.audio_weight:g}, w_l "
        f"{config.lyrics_weight:g}, InfoNCE temperature {config.temperature:g}",
        "optimiser": f"Adam, learning rate {config.learning_rate:g}, "
        + ("no early stopping" if config.patience is None else f"patience {config.patience} epochs"),
        "changed from the preset": runs.settings_changed(config, preset),
    }


def _sizes(config: Config, prepared: Prepared, records: Records) -> dict[str, Any]:
    _, n_mels, frames = prepared.spectrograms.shape
    stored = prepared.dataset.masks["frames"].shape[1]
    parts = {name: record["sizes"] for name, record in records[0].items()}
    return {
        "spectrogram": f"{n_mels} × {frames} (from {stored} frames, averaged in time)"
        if frames != stored
        else f"{n_mels} × {frames}",
        **{
            f"rows ({name})": f"{s['fit']} fit / {s['valid']} valid / {s['score']} scored"
            + (f"; groups: {s['fit_groups']} fit, {s['score_groups']} scored" if s["fit_groups"] else "")
            for name, s in parts.items()
        },
    }


def _timing(records: Records) -> dict[str, float]:
    timing: dict[str, float] = {}
    for record in records:
        for name, found in record.items():
            for key, seconds in found["seconds"].items():
                timing[f"{name}, {key}, all seeds"] = timing.get(f"{name}, {key}, all seeds", 0.0) + seconds
    return timing


def write_tables(config: Config, records: Records) -> None:
    """The document's metric tables, as mean, standard deviation and n over seeds."""
    tables: dict[str, list[dict[str, Any]]] = {}
    retrieval = []
    for name in config.variant:
        for representation, file in _TABLES.items():
            for key in records[0][name]["clustering"][representation]:
                method, parameter = key.split("|")
                line: dict[str, Any] = {
                    "variant": name, "representation": representation, "method": method, "parameter": parameter,
                }  # fmt: skip
                found = [r[name]["clustering"][representation].get(key, {}) for r in records]
                for metric in found[0]:
                    line |= _moments(metric, [f.get(metric, np.nan) for f in found])
                tables.setdefault(file, []).append(line | {"n": len(records)})
        for source in ("retrieval", "cca"):
            for direction in records[0][name][source]:
                line = {
                    "variant": name,
                    "model": "JointVAE" if source == "retrieval" else "CCA",
                    "direction": direction,
                }
                for metric in records[0][name][source][direction]:
                    line |= _moments(metric, [r[name][source][direction][metric] for r in records])
                retrieval.append(line | {"n": len(records)})
    for file, lines in {**tables, "retrieval_metrics.csv": retrieval}.items():
        report.write_atomically(config.out / file, pd.DataFrame(lines).to_csv(index=False))


def _moments(metric: str, values: Sequence[float]) -> dict[str, float]:
    finite = np.asarray(values, float)
    finite = finite[np.isfinite(finite)]
    return {
        metric: float(finite.mean()) if len(finite) else np.nan,
        f"{metric}_std": float(finite.std(ddof=1)) if len(finite) > 1 else np.nan,
    }


def write_arrays(config: Config, prepared: Prepared) -> None:
    """The document's `Z_*` files and cluster assignments: first seed, first variant with a split (else the first)."""
    from jaxmusic import evaluation

    arrays = drawings.load_arrays(config)
    for name in ("Z_audio", "Z_hybrid", "Z_joint", "Z_pca"):
        np.savez_compressed(config.out / f"{name}.npz", ids=arrays["ids"], z=arrays[name], scored=arrays["score"])
    has_audio, has_lyrics = prepared.dataset.masks["audio"], arrays["has_lyrics"]
    spaces = (
        ("fc_vae", "Z_fc", has_audio),
        ("convvae", "Z_audio", has_audio),
        ("joint", "Z_joint", has_audio | has_lyrics),
    )
    for prefix, name, known in spaces:
        rows = arrays["score"][known[arrays["score"]]]
        for row in evaluation.clustering_grid(arrays[name][rows], seed=0, eps=(0.5, 1.0, 1.5)):
            if row.method in ("kmeans", "agglomerative", "dbscan") and not row.skipped:
                method = scores.row_key(row.method, row.parameters).replace("|", "_")
                table = pd.DataFrame({"id": arrays["ids"][rows], "cluster": row.assignment})
                report.write_atomically(config.out / f"{prefix}_{method}_labels.csv", table.to_csv(index=False))
    source = config.out / "work" / drawings.shown_variant(config) / "lyrics_reconstructions.csv"
    shutil.copyfile(source, config.out / "lyrics_reconstructions.csv")
