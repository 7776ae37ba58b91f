"""Hybrid-language reproduction: the figures, drawn from the first seed's arrays and from all seeds' records."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from hybrid_language_rows import NET_TITLES

from jaxmusic import figures

if TYPE_CHECKING:
    from hybrid_language_vae import Config


def draw(
    config: Config,
    shown: str,
    arrays: Mapping[str, np.ndarray],
    records: Sequence[Mapping[str, Any]],
    experiments: Mapping[str, Any],
) -> list[tuple[str, str]]:
    """All figures; returns (file name, caption) of each."""
    _draw_panels(config, arrays)
    out = config.out
    nets = ("basic", "conv", "conditional")
    figures.vector_comparison(
        arrays["original"], {NET_TITLES[net]: arrays[f"recon_{net}"] for net in nets}, path=out / "reconstructions.png",
        titles=[str(title) for title in arrays["example_titles"]], xlabel="audio column",
    )  # fmt: skip
    scored = arrays["scored"]
    genre, clusters = arrays["genre"][scored], arrays["cluster_conditional"]
    figures.stacked_bars(
        {str(cluster): Counter(genre[clusters == cluster].tolist()) for cluster in np.unique(clusters)},
        path=out / "genres_by_cluster.png", xlabel="cluster", ylabel="tracks",
        title="Genres in the clusters of the Conditional VAE",
    )  # fmt: skip
    curves = {
        NET_TITLES[net]: {
            metric: np.array([record[shown]["curves"][net][metric] for record in records])
            for metric in records[0][shown]["curves"][net]
            if metric != "beta"
        }
        for net in NET_TITLES
    }
    figures.training_curves(curves, path=out / "training_curves.png")
    return [
        ("umap_panels.png", f"UMAP of six spaces and three assignments, first seed of variant {shown}"),
        ("reconstructions.png", "Three scored tracks and what three models make of their audio columns"),
        ("genres_by_cluster.png", f"Genres in the clusters of the Conditional VAE, first seed of variant {shown}"),
        *_draw_mig(config, records),
        *_draw_beta(config, experiments),
        *_draw_alignment(config, experiments),
        ("training_curves.png", f"Training curves of variant {shown}, mean ± standard deviation over seeds"),
    ]


def _draw_panels(config: Config, arrays: Mapping[str, np.ndarray]) -> None:
    """The nine panels of the document's figure 1, and the languages in the hybrid space alone."""
    rows = arrays["scored"]
    spaces = {
        "raw": arrays["audio"][rows], "pca": arrays["Z_pca"][rows], "basic": arrays["Z_basic"][rows],
        "conditional": arrays["Z_conditional"][rows], "hybrid": arrays["hybrid"][rows],
    }  # fmt: skip
    maps = {name: figures.umap_coordinates(x, seed=0) for name, x in spaces.items()}
    maps["conv"] = arrays["umap_conv"]
    language = arrays["language"][rows]
    cluster = {name: arrays[f"cluster_{name}"] for name in ("raw", "pca", "basic", "conv", "conditional")}
    figures.map_panels(
        {
            "audio features, K-means": (maps["raw"], cluster["raw"]),
            "PCA, K-means": (maps["pca"], cluster["pca"]),
            "Basic VAE, K-means": (maps["basic"], cluster["basic"]),
            "Conv VAE, K-means": (maps["conv"], cluster["conv"]),
            "Conditional VAE, K-means": (maps["conditional"], cluster["conditional"]),
            "hybrid features, Ward": (maps["hybrid"], arrays["cluster_agglomerative"]),
            "audio features, DBSCAN": (maps["raw"], arrays["cluster_dbscan_raw"]),
            "UMAP of the Conv VAE, DBSCAN": (maps["conv"], arrays["cluster_dbscan_umap"]),
            "Conv VAE, language": (maps["conv"], language),
        },
        path=config.out / "umap_panels.png",
    )
    figures.latent_map(
        {"audio features": maps["raw"], "hybrid features": maps["hybrid"]}, language,
        path=config.out / "language_map.png", legend_title="language",
    )  # fmt: skip


def _moments(values: Sequence[float]) -> tuple[float, float]:
    return float(np.mean(values)), float(np.std(values, ddof=1)) if len(values) > 1 else 0.0


def _draw_mig(config: Config, records: Sequence[Mapping[str, Any]]) -> list[tuple[str, str]]:
    names = list(records[0][config.variant[0]]["mig"])
    bars: dict[str, Any] = {}
    for variant in config.variant:
        found = [_moments([record[variant]["mig"][name] for record in records]) for name in names]
        bars[variant] = ([mean for mean, _ in found], [spread for _, spread in found])
    figures.metric_bars(
        [NET_TITLES.get(name, name.upper()) for name in names], bars, path=config.out / "mig.png", ylabel="MIG",
        title="Mutual information gap",
    )  # fmt: skip
    return [("mig.png", "Mutual information gap of every space, mean ± standard deviation over seeds")]


def _draw_beta(config: Config, experiments: Mapping[str, Any]) -> list[tuple[str, str]]:
    points = [p for p in experiments["disentanglement"] if p["beta"] is not None]
    betas = sorted({p["beta"] for p in points})
    lines = {}
    for title, metric in (("MIG", "mig"), ("NMI with genre", "normalized_mutual_information"), ("MSE", "mse")):
        found = [_moments([p[metric] for p in points if p["beta"] == beta]) for beta in betas]
        lines[title] = ([mean for mean, _ in found], [spread for _, spread in found])
    pca = float(np.mean([p["mig"] for p in experiments["disentanglement"] if p["beta"] is None]))
    figures.learning_curve(
        betas, lines, pca, path=config.out / "beta.png", xlabel="β", ylabel="value", title="What β changes (Basic VAE)",
        level="MIG of PCA",
    )  # fmt: skip
    return [("beta.png", "β against MIG, NMI with genre and MSE: Basic VAE, error summed, MIG on all tracks")]


def _draw_alignment(config: Config, experiments: Mapping[str, Any]) -> list[tuple[str, str]]:
    points = [p for p in experiments["alignment"] if p["method"] == "Ward"]
    sentences = sorted({p["sentences"] for p in points})
    bars: dict[str, Any] = {}
    for text in ("aligned", "shuffled"):
        for metric, title in (("silhouette", "silhouette"), ("adjusted_rand", "ARI")):
            found = [
                _moments([p[metric] for p in points if (p["sentences"], p["text"]) == (n, text)]) for n in sentences
            ]
            bars[f"{title}, {text} text"] = ([mean for mean, _ in found], [spread for _, spread in found])
    figures.metric_bars(
        [str(n) for n in sentences], bars, path=config.out / "alignment.png", ylabel=f"Ward, k = {config.k}",
        title="Silhouette needs no aligned text, agreement with genre does", level=(0.7527, "reported silhouette"),
    )  # fmt: skip
    return [
        (
            "alignment.png",
            "Ward on hybrid features by the number of sentences: silhouette and ARI with the text of each track, "
            "and with the text shuffled among tracks",
        )
    ]
