"""Beyond the Joint VAE document: figures."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import joint_vae_beyond_outputs as outputs
import numpy as np

from jaxmusic import figures

if TYPE_CHECKING:
    from joint_vae_beyond import Config

CURVES = {"base": "JointVAE, base", "cca": "linear CCA", "cca_document": "linear CCA, document's inputs"}
_MOST_BARS = 12
Points = Sequence[Mapping[str, Any]]


def by_size(points: Points) -> dict[int, list[Mapping[str, Any]]]:
    """Number of pairs → points; the whole training part differs a little between seeds and is one size, its mean."""
    found: dict[int, list[Mapping[str, Any]]] = {}
    for size in sorted({p["pairs"] for p in points if not p["is_all"]}):
        found[size] = [p for p in points if not p["is_all"] and p["pairs"] == size]
    last = [p for p in points if p["is_all"]]
    found[round(float(np.mean([p["pairs"] for p in last])))] = last
    return found


def genre_nmi(points: Points) -> list[float]:
    """NMI of the clusters with genre, NaN without genres."""
    return [p["clusters"].get("genre", {}).get("normalized_mutual_information", np.nan) for p in points]


def draw(config: Config, records: Sequence[Mapping[str, Any]], found: Mapping[str, Any]) -> list[tuple[str, str]]:
    """All figures, as (file name, caption)."""
    shown = [_draw_retrieval(config, records)]
    curve = by_size(found["pairs"])
    lines = {
        title: _mean_and_spread([[p[key] for p in group] for group in curve.values()]) for key, title in CURVES.items()
    }
    figures.learning_curve(
        list(curve), lines,
        float(np.mean([p["chance"] for p in found["pairs"]])), path=config.out / "pairs.png",
        xlabel="training pairs", ylabel="recall@10, both directions", title="What more pairs would buy",
    )  # fmt: skip
    shown.append(("pairs.png", "Recall@10 on the test parts against the number of training pairs"))
    return [*shown, *_draw_missing(config, found["missing"])]


def _draw_retrieval(config: Config, records: Sequence[Mapping[str, Any]]) -> tuple[str, str]:
    """The chosen model, all references and the variants with the best validation scores."""
    aligned = [name for name in outputs.names(records) if "valid" in records[0]["models"][name]]
    fixed = [n for n in aligned if n == outputs.CHOSEN or records[0]["models"][n].get("is_reference")]
    fixed += [n for n in ("base", "poe, reconstruction only") if n in aligned]
    rest = sorted(
        (name for name in aligned if name not in fixed),
        key=lambda name: -np.mean([record["models"][name]["valid"] for record in records]),
    )
    names = [*fixed, *rest[: max(0, _MOST_BARS - len(fixed))]]
    bars = {}
    for direction, title in (("lyrics_to_audio", "lyrics → audio"), ("audio_to_lyrics", "audio → lyrics")):
        spreads = [outputs.interval(records, name, direction, "recall@10") for name in names]
        usable = [spread for spread in spreads if spread is not None]
        bars[title] = ([s.mean for s in usable], [(s.high - s.low) / 2 for s in usable])
    figures.metric_bars(
        names, bars, path=config.out / "retrieval.png", ylabel="recall@10",
        title="Finding the own pair among the test clips",
        level=(outputs.chance(records, "recall@10"), "chance"),
    )  # fmt: skip
    return "retrieval.png", "Recall@10 on the test parts of all seeds; bars are half of the 95 % interval by artist"


def _draw_missing(config: Config, points: Points) -> list[tuple[str, str]]:
    shares = sorted({p["share"] for p in points})
    fusions = list(dict.fromkeys(p["fusion"] for p in points))

    def lines(value: Any) -> dict[str, tuple[list[float], list[float]]]:
        return {
            fusion: _mean_and_spread(
                [value([p for p in points if p["fusion"] == fusion and p["share"] == share]) for share in shares]
            )
            for fusion in fusions
        }

    retrieval = lines(lambda found: [p["recall@10"] for p in found])
    figures.learning_curve(
        [100 * share for share in shares], retrieval, retrieval[fusions[0]][0][-1],
        path=config.out / "missing_retrieval.png",
        xlabel="lyrics dropped in training, %", ylabel="recall@10, both directions",
        title="Retrieval with missing lyrics", level="without any lyrics", logarithmic=False,
    )  # fmt: skip
    shown = [("missing_retrieval.png", "Recall@10 among all test pairs; lyrics are dropped in training only")]
    clusters = lines(genre_nmi)
    if np.isfinite([mean for means, _ in clusters.values() for mean in means]).all():
        figures.learning_curve(
            [100 * share for share in shares], clusters, clusters[fusions[0]][0][-1],
            path=config.out / "missing_clusters.png",
            xlabel="lyrics dropped in training and test, %", ylabel="NMI with genre",
            title="Clusters with missing lyrics", level=f"{fusions[0]} without any lyrics", logarithmic=False,
        )  # fmt: skip
        shown.append(("missing_clusters.png", "NMI of K-means on the joint latents with genre"))
    return shown


def _mean_and_spread(groups: Sequence[Sequence[float]]) -> tuple[list[float], list[float]]:
    deviations = [float(np.std(group, ddof=1)) if len(group) > 1 else 0.0 for group in groups]
    return [float(np.mean(group)) for group in groups], deviations
