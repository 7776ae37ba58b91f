"""Joint VAE: examples kept for figures, and the figures."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from records import moments, select

from documents.joint_vae import scores
from documents.joint_vae.config import Config
from documents.joint_vae.pipeline import Fitted, Part, Prepared, conv_module, joint_module
from documents.joint_vae.variants import Variant, shown_variant
from jaxmusic import evaluation, figures, models, training
from jaxmusic.data.preprocessing import fit_standardizer

_STEPS = 6


def load_arrays(config: Config) -> Mapping[str, np.ndarray]:
    """What the first seed of the shown variant left."""
    with np.load(config.out / "work" / shown_variant(config.variant) / "arrays.npz") as arrays:
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
    fc_module = models.FCVAE(latent_dim=config.fc.latent, features=statistics.shape[1])
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


Facts = Sequence[Mapping[str, Any]]


def draw(
    config: Config, prepared: Prepared, records: pd.DataFrame, facts: Facts, pairs: pd.DataFrame
) -> list[tuple[str, str]]:
    """All figures; returns those that the report shows, as (file name, caption)."""
    arrays = load_arrays(config)
    shown = [
        *_draw_examples(config, arrays),
        *_draw_curves(config, facts),
        *_draw_experiments(config, records, pairs),
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


def _draw_curves(config: Config, facts: Facts) -> list[tuple[str, str]]:
    name = shown_variant(config.variant)
    curves = {}
    for model in ("FC-VAE", "ConvVAE", "JointVAE"):
        found = [variants[name]["curves"][model] for variants in facts]
        epochs = min(len(f["loss"]) for f in found)
        metrics = [m for m in found[0] if m != "beta"]
        curves[model] = {m: np.array([f[m][:epochs] for f in found]) for m in metrics}
    figures.training_curves(curves, path=config.out / "training_curves.png")
    # The variant is named in the caption; the others' curves are in the records.
    return [("training_curves.png", f"Training curves of variant {name}, mean ± standard deviation over seeds")]


def _draw_experiments(config: Config, records: pd.DataFrame, pairs: pd.DataFrame) -> list[tuple[str, str]]:
    explained = {"TF-IDF of the lyrics": load_arrays(config)["explained_variance"]}
    figures.explained_variance(explained, path=config.out / "explained_variance.png")
    sizes = select(pairs, metric="pairs").groupby("size", sort=False)["value"].mean().sort_values()

    def line(model: str) -> tuple[list[float], list[float]]:
        at = [moments(select(pairs, size=n, metric=f"{model}/lyrics_to_audio")["value"]) for n in sizes.index]
        return [mean for mean, _ in at], [spread for _, spread in at]

    figures.learning_curve(
        sizes.tolist(),
        {"linear CCA": line("cca"), "contrastive towers": line("towers")},
        moments(select(pairs, metric="chance")["value"])[0],
        path=config.out / "retrieval_learning_curve.png",
        xlabel="training pairs",
        ylabel="recall@10, lyrics → audio",
        title="What more pairs would buy",
    )
    bars = {}
    for title, source in (("JointVAE", "retrieval"), ("linear CCA", "cca")):
        lifts = [moments(_lift(records, name, source)) for name in config.variant]
        bars[title] = ([mean for mean, _ in lifts], [spread for _, spread in lifts])
    figures.metric_bars(
        list(config.variant),
        bars,
        path=config.out / "retrieval.png",
        ylabel="recall@10 ÷ chance",
        title="Retrieval of the own pair, lyrics → audio",
        level=(1.0, "chance"),
    )
    return [
        (
            "retrieval.png",
            "Recall@10, lyrics → audio, as a multiple of chance. In `document` CCA too is fitted on the very pairs "
            "that are scored, the others are scored on pairs that no model saw",
        ),
        ("retrieval_learning_curve.png", "Recall@10 on the test part against the number of training pairs"),
        ("explained_variance.png", "Explained variance of the lyrics' components"),
    ]


def _lift(records: pd.DataFrame, variant: str, source: str) -> np.ndarray:
    """Recall@10 of every seed as a multiple of chance."""
    found = select(records, variant=variant, method="lyrics_to_audio", parameter="pairs", metric="recall@10")
    values = found.pivot(index="seed", columns="space", values="value")
    return (values[source] / values["chance"]).to_numpy()


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
                maps,
                prepared.dataset.labels[label][usable],
                path=config.out / file,
                title=f"{kind.upper()} of five representations",
                legend_title=label,
            )
            if kind == "umap":
                shown.append((file, f"UMAP of all clips with both modalities, coloured by {label}"))
        for key, prefix in prefixes.items():
            assignment = evaluation.kmeans(arrays[key][usable], min(10, int(usable.sum()) - 1), seed=0)
            figures.latent_map(
                {names[key]: maps[names[key]]},
                assignment.astype(str),
                path=config.out / f"{prefix}_kmeans_{kind}.png",
                title=f"{kind.upper()}, K-means k = 10",
                legend_title="cluster",
            )
    return shown
