"""Joint VAE: examples kept for figures, and the figures."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from records import moments, select

from documents.joint_vae import scores
from documents.joint_vae.config import Config
from documents.joint_vae.pipeline import Fitted, Part, Prepared, statistics_of
from documents.joint_vae.variants import VARIANTS
from jaxmusic import evaluation, figures

_STEPS = 6
RETRIEVAL = "Recall@10, lyrics → audio, as a multiple of chance; of variants with a split where there are any"


def load_arrays(config: Config, shown: str) -> Mapping[str, np.ndarray]:
    """What the first seed of the shown variant left."""
    with np.load(config.out / "work" / shown / "arrays.npz") as arrays:
        return dict(arrays)


def examples(
    prepared: Prepared, part: Part, fc: Fitted, conv: Fitted, joint: Fitted, rows: np.ndarray
) -> dict[str, np.ndarray]:
    """Originals and reconstructions of a few scored clips by every model, and points between two of them."""
    start, stop = joint.mean[rows[0]], joint.mean[rows[min(1, len(rows) - 1)]]
    line = np.linspace(start, stop, _STEPS).astype(np.float32)
    return {
        "original": prepared.spectrograms[rows],
        "conv_recon": conv.decode(rows),
        "joint_recon": joint.decode(rows, "audio"),
        "lyrics": joint.decode(rows, "lyrics"),
        "statistics": statistics_of(prepared, part)[rows],
        "fc_recon": fc.decode(rows),
        "interpolation": joint.predict(line, method="decode", static=("audio",)),
        "example_ids": prepared.dataset.ids[rows].astype(str),
    }


Facts = Sequence[Mapping[str, Any]]


def draw(
    config: Config, prepared: Prepared, records: pd.DataFrame, facts: Facts, pairs: pd.DataFrame, shown: str
) -> list[tuple[str, str]]:
    """All figures, the examples those of the variant `shown`; returns what the report shows as (file name, caption)."""
    arrays = load_arrays(config, shown)
    drawn = [
        *_draw_examples(config, arrays),
        *_draw_curves(config, facts, shown),
        *_draw_experiments(config, records, pairs, arrays),
    ]
    return [*_draw_maps(config, prepared, arrays), *drawn] if config.projections else drawn


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


def _draw_curves(config: Config, facts: Facts, name: str) -> list[tuple[str, str]]:
    curves = {}
    for model in ("FC-VAE", "ConvVAE", "JointVAE"):
        found = [variants[name]["curves"][model] for variants in facts]
        epochs = min(len(f["loss"]) for f in found)
        metrics = [m for m in found[0] if m != "beta"]
        curves[model] = {m: np.array([f[m][:epochs] for f in found]) for m in metrics}
    figures.training_curves(curves, path=config.out / "training_curves.png")
    # The variant is named in the caption; the others' curves are in the records.
    return [("training_curves.png", f"Training curves of variant {name}, mean ± standard deviation over seeds")]


def _draw_experiments(
    config: Config, records: pd.DataFrame, pairs: pd.DataFrame, arrays: Mapping[str, np.ndarray]
) -> list[tuple[str, str]]:
    explained = {"TF-IDF of the lyrics": arrays["explained_variance"]}
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
    # Where CCA is fitted on the very pairs that are scored, it would dwarf the others.
    names = [name for name in config.variant if not VARIANTS[name].fit_on_all] or list(config.variant)
    bars = {}
    for title, source in (("JointVAE", "retrieval"), ("linear CCA", "cca"), ("the language alone", "language")):
        if not len(select(records, space=source)):
            continue  # of data in one language
        lifts = [moments(_lift(records, name, source)) for name in names]
        bars[title] = ([mean for mean, _ in lifts], [spread for _, spread in lifts])
    figures.metric_bars(
        names,
        bars,
        path=config.out / "retrieval.png",
        ylabel="recall@10 ÷ chance",
        title="Retrieval of the own pair, lyrics → audio",
        level=(1.0, "chance"),
        lying=True,
    )
    return [
        ("retrieval.png", RETRIEVAL),
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
