"""Beyond the Joint VAE document: figures."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from records import mean_of, moments, select

from documents.joint_vae_beyond import rows
from documents.joint_vae_beyond.config import Config
from jaxmusic import figures

_MOST_BARS = 12


def draw(config: Config, seeds: rows.Seeds, experiments: Mapping[str, pd.DataFrame]) -> list[tuple[str, str]]:
    """All figures, as (file name, caption)."""
    shown = [_draw_retrieval(config, seeds)]
    points = rows.with_sizes(experiments["pairs"])
    sizes = list(dict.fromkeys(points["pairs"]))
    lines = {
        title: _line([select(points, pairs=size, metric=key) for size in sizes]) for key, title in rows.CURVES.items()
    }
    figures.learning_curve(
        sizes,
        lines,
        mean_of(points, metric="chance"),
        path=config.out / "pairs.png",
        xlabel="training pairs",
        ylabel="recall@10, both directions",
        title="What more pairs would buy",
    )
    shown.append(("pairs.png", "Recall@10 on the test parts against the number of training pairs"))
    return [*shown, *_draw_missing(config, experiments["missing"])]


def _draw_retrieval(config: Config, records: rows.Seeds) -> tuple[str, str]:
    """The chosen model, all references and the variants with the best validation scores."""
    aligned = [name for name in rows.names(records) if "valid" in records[0]["models"][name]]
    fixed = [n for n in aligned if n == rows.CHOSEN or records[0]["models"][n].get("is_reference")]
    fixed += [n for n in ("base", "poe, reconstruction only") if n in aligned]
    rest = sorted(
        (name for name in aligned if name not in fixed),
        key=lambda name: -np.mean([record["models"][name]["valid"] for record in records]),
    )
    names = [*fixed, *rest[: max(0, _MOST_BARS - len(fixed))]]
    bars = {}
    for direction, title in (("lyrics_to_audio", "lyrics → audio"), ("audio_to_lyrics", "audio → lyrics")):
        spreads = [rows.interval(records, name, direction, "recall@10") for name in names]
        usable = [spread for spread in spreads if spread is not None]
        bars[title] = ([s.mean for s in usable], [(s.high - s.low) / 2 for s in usable])
    figures.metric_bars(
        names,
        bars,
        path=config.out / "retrieval.png",
        ylabel="recall@10",
        title="Finding the own pair among the test clips",
        level=(rows.chance(records, "recall@10"), "chance"),
    )
    return "retrieval.png", "Recall@10 on the test parts of all seeds; bars are half of the 95 % interval by artist"


def _draw_missing(config: Config, points: pd.DataFrame) -> list[tuple[str, str]]:
    shares, fusions = sorted(set(points["share"])), list(dict.fromkeys(points["fusion"]))
    panels = [
        (
            "missing_retrieval.png",
            "recall@10",
            "lyrics dropped in training, %",
            "recall@10, both directions",
            "Retrieval with missing lyrics",
            "without any lyrics",
            "Recall@10 among all test pairs; lyrics are dropped in training only",
        ),
        (
            "missing_clusters.png",
            "genre NMI",
            "lyrics dropped in training and test, %",
            "NMI with genre",
            "Clusters with missing lyrics",
            f"{fusions[0]} without any lyrics",
            "NMI of K-means on the joint latents with genre",
        ),
    ]
    shown = []
    for file, metric, xlabel, ylabel, title, level, caption in panels:
        own = select(points, metric=metric)
        lines = {fusion: _line([select(own, fusion=fusion, share=share) for share in shares]) for fusion in fusions}
        if own["value"].notna().all() and len(own):
            figures.learning_curve(
                [100 * share for share in shares],
                lines,
                lines[fusions[0]][0][-1],
                path=config.out / file,
                xlabel=xlabel,
                ylabel=ylabel,
                title=title,
                level=level,
                logarithmic=False,
            )
            shown.append((file, caption))
    return shown


def _line(groups: Sequence[pd.DataFrame]) -> tuple[list[float], list[float]]:
    """Means and deviations of the groups' values."""
    found = [moments(group["value"]) for group in groups]
    return [mean for mean, _ in found], [spread for _, spread in found]
