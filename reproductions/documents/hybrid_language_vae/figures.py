"""Hybrid-language clustering: the figures, drawn from the first seed's arrays and from all seeds' records."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from records import moments, select

from documents.hybrid_language_vae.config import Config
from documents.hybrid_language_vae.rows import NETS
from jaxmusic import figures


def draw(
    config: Config,
    shown: str,
    arrays: Mapping[str, np.ndarray],
    records: pd.DataFrame,
    facts: Sequence[Mapping[str, Any]],
    experiments: Mapping[str, pd.DataFrame],
) -> list[tuple[str, str]]:
    """All figures; returns (file name, caption) of each."""
    _draw_panels(config, arrays)
    out = config.out
    nets = ("basic", "conv", "conditional")
    figures.vector_comparison(
        arrays["original"],
        {NETS[net]: arrays[f"recon_{net}"] for net in nets},
        path=out / "reconstructions.png",
        titles=[str(title) for title in arrays["example_titles"]],
        xlabel="audio column",
    )
    scored = arrays["scored"]
    genre, clusters = arrays["genre"][scored], arrays["cluster_conditional"]
    figures.stacked_bars(
        {str(cluster): Counter(genre[clusters == cluster].tolist()) for cluster in np.unique(clusters)},
        path=out / "genres_by_cluster.png",
        xlabel="cluster",
        ylabel="tracks",
        title="Genres in the clusters of the Conditional VAE",
    )
    curves = {
        NETS[net]: {
            metric: np.array([variants[shown]["curves"][net][metric] for variants in facts])
            for metric in facts[0][shown]["curves"][net]
            if metric != "beta"
        }
        for net in NETS
    }
    figures.training_curves(curves, path=out / "training_curves.png")
    return [
        ("umap_panels.png", f"UMAP of six spaces and three assignments, first seed of variant {shown}"),
        ("reconstructions.png", "Three scored tracks and what three models make of their audio columns"),
        ("genres_by_cluster.png", f"Genres in the clusters of the Conditional VAE, first seed of variant {shown}"),
        *_draw_mig(config, records),
        *(_draw_beta(config, experiments["disentanglement"]) if experiments else ()),
        *(_draw_alignment(config, experiments["alignment"]) if experiments else ()),
        ("training_curves.png", f"Training curves of variant {shown}, mean ± standard deviation over seeds"),
    ]


def _draw_panels(config: Config, arrays: Mapping[str, np.ndarray]) -> None:
    """The nine panels of the document's figure 1, and the languages in the hybrid space alone."""
    rows = arrays["scored"]
    spaces = {
        "raw": arrays["audio"][rows],
        "pca": arrays["Z_pca"][rows],
        "basic": arrays["Z_basic"][rows],
        "conditional": arrays["Z_conditional"][rows],
        "hybrid": arrays["hybrid"][rows],
    }
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
        {"audio features": maps["raw"], "hybrid features": maps["hybrid"]},
        language,
        path=config.out / "language_map.png",
        legend_title="language",
    )


def _line(groups: Sequence[pd.DataFrame]) -> tuple[list[float], list[float]]:
    """Means and deviations of the groups' values."""
    found = [moments(group["value"]) for group in groups]
    return [mean for mean, _ in found], [spread for _, spread in found]


def _draw_mig(config: Config, records: pd.DataFrame) -> list[tuple[str, str]]:
    gaps = select(records, space="model", metric="mig")
    names = list(dict.fromkeys(gaps["method"]))
    bars: dict[str, Any] = {
        variant: _line([select(gaps, variant=variant, method=name) for name in names]) for variant in config.variant
    }
    figures.metric_bars(
        [NETS.get(name, name.upper()) for name in names],
        bars,
        path=config.out / "mig.png",
        ylabel="MIG",
        title="Mutual information gap",
    )
    return [("mig.png", "Mutual information gap of every space, mean ± standard deviation over seeds")]


def _draw_beta(config: Config, points: pd.DataFrame) -> list[tuple[str, str]]:
    betas = sorted(set(points["beta"].dropna()))
    lines = {
        title: _line([select(points, beta=beta, metric=metric) for beta in betas])
        for title, metric in (("MIG", "mig"), ("NMI with genre", "normalized_mutual_information"), ("MSE", "mse"))
    }
    pca = moments(select(points, model="PCA", metric="mig")["value"])[0]
    figures.learning_curve(
        betas,
        lines,
        pca,
        path=config.out / "beta.png",
        xlabel="β",
        ylabel="value",
        title="What β changes (Basic VAE)",
        level="MIG of PCA",
    )
    return [("beta.png", "β against MIG, NMI with genre and MSE: Basic VAE, error summed, MIG on all tracks")]


def _draw_alignment(config: Config, points: pd.DataFrame) -> list[tuple[str, str]]:
    points = select(points, method="Ward")
    sentences = sorted(set(points["sentences"]))
    bars: dict[str, Any] = {
        f"{title}, {text} text": _line([select(points, sentences=n, text=text, metric=metric) for n in sentences])
        for text in ("aligned", "shuffled")
        for metric, title in (("silhouette", "silhouette"), ("adjusted_rand", "ARI"))
    }
    figures.metric_bars(
        [str(n) for n in sentences],
        bars,
        path=config.out / "alignment.png",
        ylabel=f"Ward, k = {config.k}",
        title="Silhouette needs no aligned text, agreement with genre does",
        level=(0.7527, "reported silhouette"),
    )
    return [
        (
            "alignment.png",
            "Ward on hybrid features by the number of sentences: silhouette and ARI with the text of each track, "
            "and with the text shuffled among tracks",
        )
    ]
