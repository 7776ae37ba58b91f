"""Fusion recommender: the figures, and the numbers behind them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from records import mean_of, moments, select

from documents.fusion_recommender.comparisons import Facts
from documents.fusion_recommender.config import Config
from documents.fusion_recommender.factors import LENGTH
from documents.fusion_recommender.listening import PROTOCOLS
from documents.fusion_recommender.lists import MAP
from documents.fusion_recommender.rows import titles_of
from documents.fusion_recommender.variants import TABLE1
from jaxmusic import figures

# The k that a figure marks.
_MARKED = (2, 3, 4, 6, 10, 13, 20, 30, 50, 70, 100)
Drawn = list[tuple[str, str]]


def draw(config: Config, records: pd.DataFrame, facts: Facts, experiments: Mapping[str, Any]) -> Drawn:
    """All figures; returns (file name, caption) of each."""
    return [
        *_draw_clusters(config, experiments["clusters"]),
        *_draw_accuracies(config, facts),
        *([_draw_sweep(config, records)] if "way" in records else []),
        _draw_lists(config, records),
        _draw_protocols(config, records),
    ]


def _draw_clusters(config: Config, clusters: Mapping[str, Any]) -> Drawn:
    drawn = []
    titles = {
        "inertia over that of one cluster": "normalized_inertia",
        "silhouette": "silhouette",
        "largest cluster's share": "largest_share",
        "entropy of sizes": "entropy",
    }
    for space, number in (("multi-hot", 4), ("word2vec", 5)):
        found = clusters[space]
        path = config.out / f"clusters_{space.replace('-', '_')}.png"
        shown = [i for i, k in enumerate(found["k"]) if k in _MARKED]
        lines = {title: ([found[name][i] for i in shown], [0.0] * len(shown)) for title, name in titles.items()}
        figures.learning_curve(
            [found["k"][i] for i in shown],
            lines,
            0.0,
            path=path,
            xlabel="clusters k",
            ylabel="share",
            title=f"Tag lists, {space}: elbow at {found['elbow']}",
            level="zero",
        )
        drawn.append((path.name, f"Figure {number} of the document, {space}: one run, K-means of distinct tag lists"))
    return drawn


def _draw_accuracies(config: Config, facts: Facts) -> Drawn:
    """Accuracy of each epoch: Table 1's rows by split, and the longer run where there is one."""
    first = {name: of_variant[0]["models"] for name, of_variant in facts.items()}
    panels = [
        (
            f"accuracy_{name}.png",
            {f"{row}: k = {setting.k}, p = {setting.dropout}": first[name][row] for row, setting in TABLE1.items()},
            config.net.epochs,
            f"Figures 8 to 10, split {name}: training accuracy (with dropout, as trained) and test accuracy (dashed) "
            "of the first seed",
        )
        for name in config.variant
    ]
    main = config.variant[0]
    if "long" in first[main]:
        epochs = config.net.long_epochs
        caption = f"Figure 9: {epochs} epochs in at most 200 points, first seed"
        panels.append(("accuracy_long.png", {f"{main}: k = 6, p = 0.5": first[main]["long"]}, epochs, caption))
    for file, models, epochs, _ in panels:
        curves = {
            title: {field: np.array(model["curves"][field]) for field in ("accuracy", "valid_accuracy")}
            for title, model in models.items()
        }
        figures.training_curves(
            curves, path=config.out / file, ylabel="accuracy", held_out="test part", share=True, epochs=epochs
        )
    return [(file, caption) for file, _, _, caption in panels]


def _draw_sweep(config: Config, records: pd.DataFrame) -> tuple[str, str]:
    sweep = records.dropna(subset=["way"])
    sizes = [int(k) for k in sorted(set(sweep["k"]))]
    lines = {}
    for way in ("dot", "cosine", "labels"):
        found = [moments(select(sweep, k=k, way=way)["value"]) for k in sizes]
        lines[way] = [mean for mean, _ in found], [spread for _, spread in found]
    main = config.variant[0]
    popular = mean_of(records, variant=main, method="popularity", metric=MAP)
    figures.learning_curve(
        sizes,
        lines,
        popular,
        path=config.out / "map_against_k.png",
        xlabel="classes k",
        ylabel=f"mAP@{LENGTH}",
        title="Lists by the net's probabilities",
        level="popularity",
    )
    caption = (
        f"mAP against the number of classes, {config.net.epochs} epochs, {sweep['seed'].nunique()} seeds, "
        f"split {main}; labels: K-means alone"
    )
    return "map_against_k.png", caption


def _draw_lists(config: Config, records: pd.DataFrame) -> tuple[str, str]:
    names, titles = _ranked(records, config.variant[0])[::-1], titles_of(config)
    bars: dict[str, Any] = {}
    for variant in config.variant:
        found = [moments(select(records, variant=variant, method=name, metric=MAP)["value"]) for name in names]
        bars[variant] = [mean for mean, _ in found], [spread for _, spread in found]
    figures.metric_bars(
        [titles[name] for name in names],
        bars,
        path=config.out / "map.png",
        ylabel=f"mAP@{LENGTH}",
        title="Lists of each method",
        lying=True,
    )
    return "map.png", "Table 2 and what it lacks: mean ± standard deviation over seeds"


def _draw_protocols(config: Config, records: pd.DataFrame) -> tuple[str, str]:
    """mAP over that of a random order: what a protocol multiplies for every method alike is gone."""
    main, titles = config.variant[0], titles_of(config)
    found = select(records, variant=main).dropna(subset=["protocol"])
    bars: dict[str, Any] = {}
    for ranked in ("popularity", "labels", "row4", "row3", "row2", "soft"):
        ratios = []
        for protocol in PROTOCOLS:
            of_seed = select(found, protocol=protocol).pivot(index="seed", columns="ranked", values="value")
            ratios.append(moments(of_seed[ranked] / of_seed["random"] if ranked in of_seed else []))
        bars[titles[ranked]] = [mean for mean, _ in ratios], [spread for _, spread in ratios]
    figures.metric_bars(
        [name.replace("_", " ") for name in PROTOCOLS],
        bars,
        path=config.out / "protocols.png",
        ylabel=f"mAP@{LENGTH} over that of a random order",
        title=f"Who and what is kept, split {main}",
        lying=True,
    )
    return "protocols.png", f"mAP over that of a random order under each protocol, split {main}, mean ± deviation"


def _ranked(records: pd.DataFrame, variant: str) -> list[str]:
    """Methods by their mean mAP, the lowest first."""
    found = select(records, variant=variant, metric=MAP).groupby("method", sort=False)["value"].mean()
    return [str(name) for name in found.sort_values(kind="stable").index]


def data_of(config: Config, records: pd.DataFrame, facts: Facts, experiments: Mapping[str, Any]) -> dict[str, Any]:
    """The numbers behind every figure (JSON)."""
    sweep = records.dropna(subset=["way"]) if "way" in records else records[:0].assign(k=0, way="")
    by_k: Sequence[dict[str, dict[str, float]]] = [
        {f"{k:g}": dict(zip(own["way"], own["value"], strict=True)) for k, own in seed.groupby("k")}
        for _, seed in sweep.groupby("seed")
    ]
    return {
        "clusters": experiments["clusters"],
        "curves": {name: {row: facts[name][0]["models"][row]["curves"] for row in TABLE1} for name in config.variant},
        "map against k": by_k,
        "map": {
            name: {
                method: select(records, variant=name, method=method, metric=MAP)["value"].tolist()
                for method in _ranked(records, name)
            }
            for name in config.variant
        },
    }
