"""Joint VAE reproduction: examples kept for figures, and the figures."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import joint_vae_scores as scores
import numpy as np
from joint_vae_pipeline import VARIANTS, Fitted, Part, Prepared, Variant, conv_module, joint_module

from jaxmusic import evaluation, figures, models, training
from jaxmusic.data.preprocessing import fit_standardizer

if TYPE_CHECKING:
    from joint_vae import Config

_STEPS = 6


def shown_variant(config: Config) -> str:
    """The variant whose arrays and examples are shown: the first with a split, else the first."""
    return next((name for name in config.variant if not VARIANTS[name].fit_on_all), config.variant[0])


def load_arrays(config: Config) -> Mapping[str, np.ndarray]:
    """What the first seed of the shown variant left."""
    with np.load(config.out / "work" / shown_variant(config) / "arrays.npz") as arrays:
        return dict(arrays)


def examples(
    config: Config,
    prepared: Prepared,
    part: Part,
    variant: Variant,
    fc: Fitted,
    conv: Fitted,
    joint: Fitted,
    rows: np.ndarray,
) -> dict[str, np.ndarray]:
    """Originals and reconstructions of a few scored clips by every model."""
    usable = prepared.dataset.masks["audio"]
    scaler = fit_standardizer(prepared.statistics[part.fit[usable[part.fit]]])
    statistics = scaler(prepared.statistics[rows])
    fc_module = models.FCVAE(latent_dim=config.fc_latent, features=statistics.shape[1])
    module = joint_module(config, prepared, variant)

    def decode(module: Any, fitted: Fitted, *static: str) -> np.ndarray:
        return training.predict(module, fitted.state.variables, (fitted.mean[rows],), method="decode", static=static)

    return {
        "original": prepared.spectrograms[rows],
        "conv_recon": decode(conv_module(config, prepared), conv),
        "joint_recon": decode(module, joint, "audio"),
        "lyrics": decode(module, joint, "lyrics"),
        "statistics": statistics,
        "fc_recon": decode(fc_module, fc),
        "example_ids": prepared.dataset.ids[rows].astype(str),
    }


def interpolated(module: Any, joint: Fitted, rows: np.ndarray) -> np.ndarray:
    """`[steps, n_mels, frames]`: decoded points on the line between the joint latents of two clips."""
    start, stop = joint.mean[rows[0]], joint.mean[rows[min(1, len(rows) - 1)]]
    line = np.linspace(start, stop, _STEPS).astype(np.float32)
    return training.predict(module, joint.state.variables, (line,), method="decode", static=("audio",))


def draw(
    config: Config, prepared: Prepared, records: Sequence[Mapping[str, Any]], experiments: Mapping[str, Any]
) -> list[tuple[str, str]]:
    """All figures; returns those that the report shows, as (file name, caption)."""
    arrays = load_arrays(config)
    shown = [
        *_draw_examples(config, arrays),
        *_draw_curves(config, records),
        *_draw_experiments(config, records, experiments),
    ]
    return [*_draw_maps(config, prepared, arrays), *shown] if config.projections else shown


def _draw_examples(config: Config, arrays: Mapping[str, np.ndarray]) -> list[tuple[str, str]]:
    out, titles = config.out, [str(name) for name in arrays["example_ids"]]
    original = arrays["original"]
    figures.reconstructions(
        original, {"ConvVAE": arrays["conv_recon"]}, path=out / "convvae_reconstructions.png", titles=titles
    )
    both = {"ConvVAE": arrays["conv_recon"], "JointVAE": arrays["joint_recon"]}
    figures.reconstructions(original, both, path=out / "joint_reconstructions.png", titles=titles)
    figures.vector_reconstructions(arrays["statistics"], arrays["fc_recon"], path=out / "fc_vae_reconstructions.png")
    figures.interpolation(arrays["interpolation"], path=out / "interpolations.png")
    return [
        ("joint_reconstructions.png", "Scored clips and their reconstructions from the posterior mean"),
        ("interpolations.png", "Decoded points on a line between two clips' joint latents"),
    ]


def _draw_curves(config: Config, records: Sequence[Mapping[str, Any]]) -> list[tuple[str, str]]:
    name = shown_variant(config)
    curves = {}
    for model in ("FC-VAE", "ConvVAE", "JointVAE"):
        found = [record[name]["curves"][model] for record in records]
        epochs = min(len(f["loss"]) for f in found)
        metrics = [m for m in found[0] if m != "beta"]
        curves[model] = {m: np.array([f[m][:epochs] for f in found]) for m in metrics}
    figures.training_curves(curves, path=config.out / "training_curves.png")
    # The variant is named in the caption; the others' curves are in the records.
    return [("training_curves.png", f"Training curves of variant {name}, mean ± standard deviation over seeds")]


def _draw_experiments(
    config: Config, records: Sequence[Mapping[str, Any]], experiments: Mapping[str, Any]
) -> list[tuple[str, str]]:
    arrays = load_arrays(config)
    figures.explained_variance(
        {"TF-IDF of the lyrics": arrays["explained_variance"]}, path=config.out / "explained_variance.png"
    )
    points = experiments["pairs"]
    sizes = sorted({p["pairs"] for p in points if not p["is_all"]})
    x = [*sizes, float(np.mean([p["pairs"] for p in points if p["is_all"]]))]
    lines = {}
    for model, title in (("cca", "linear CCA"), ("towers", "contrastive towers")):
        groups = [[p for p in points if not p["is_all"] and p["pairs"] == n] for n in sizes]
        groups.append([p for p in points if p["is_all"]])
        values = [[p[f"{model}/lyrics_to_audio"] for p in group] for group in groups]
        lines[title] = ([float(np.mean(v)) for v in values], [_deviation(v) for v in values])
    figures.learning_curve(
        x, lines, float(np.mean([p["chance"] for p in points])), path=config.out / "retrieval_learning_curve.png",
        xlabel="training pairs", ylabel="recall@10, lyrics → audio", title="What more pairs would buy",
    )  # fmt: skip
    bars = {
        title: [_lift(records, name, source) for name in config.variant]
        for title, source in (("JointVAE", "retrieval"), ("linear CCA", "cca"))
    }
    figures.metric_bars(
        list(config.variant),
        {title: ([mean for mean, _ in lifts], [spread for _, spread in lifts]) for title, lifts in bars.items()},
        path=config.out / "retrieval.png", ylabel="recall@10 ÷ chance",
        title="Retrieval of the own pair, lyrics → audio", level=(1.0, "chance"),
    )  # fmt: skip
    return [
        (
            "retrieval.png",
            "Recall@10, lyrics → audio, as a multiple of chance. In `document` CCA too is fitted on the very pairs "
            "that are scored, the others are scored on pairs that no model saw",
        ),
        ("retrieval_learning_curve.png", "Recall@10 on the test part against the number of training pairs"),
        ("explained_variance.png", "Explained variance of the lyrics' components"),
    ]


def _lift(records: Sequence[Mapping[str, Any]], variant: str, source: str) -> tuple[float, float]:
    """Mean and deviation over seeds of recall@10 as a multiple of chance."""
    found = [record[variant][source]["lyrics_to_audio"] for record in records]
    lifts = [scores_of["recall@10"] / scores_of["chance/recall@10"] for scores_of in found]
    return float(np.mean(lifts)), _deviation(lifts)


def _deviation(values: Sequence[float]) -> float:
    return float(np.std(values, ddof=1)) if len(values) > 1 else 0.0


def _draw_maps(config: Config, prepared: Prepared, arrays: Mapping[str, np.ndarray]) -> list[tuple[str, str]]:
    usable = prepared.dataset.masks["audio"] & arrays["has_lyrics"].astype(bool)
    names = {"Z_fc": "FC-VAE", "Z_audio": "ConvVAE", "Z_hybrid": "hybrid", "Z_joint": "JointVAE", "Z_pca": "PCA"}
    prefixes = {"Z_fc": "fc_vae", "Z_audio": "convvae", "Z_joint": "joint"}
    shown = []
    for kind, project in (("umap", figures.umap_coordinates), ("tsne", figures.tsne_coordinates)):
        maps = {title: project(arrays[key][usable], seed=0) for key, title in names.items()}
        for label in scores.used_labels(config, prepared):
            file = f"{kind}_{label}.png"
            figures.latent_map(
                maps, prepared.dataset.labels[label][usable], path=config.out / file,
                title=f"{kind.upper()} of five representations", legend_title=label,
            )  # fmt: skip
            if kind == "umap":
                shown.append((file, f"UMAP of all clips with both modalities, coloured by {label}"))
        for key, prefix in prefixes.items():
            assignment = evaluation.kmeans(arrays[key][usable], min(10, int(usable.sum()) - 1), seed=0)
            figures.latent_map(
                {names[key]: maps[names[key]]}, assignment.astype(str), path=config.out / f"{prefix}_kmeans_{kind}.png",
                title=f"{kind.upper()}, K-means k = 10", legend_title="cluster",
            )  # fmt: skip
    return shown
