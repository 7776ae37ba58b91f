"""Joint VAE: which records the report shows, and what its rows say."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import pandas as pd
from records import Table, make_rows, reported_rows

from documents.joint_vae.config import Config
from documents.joint_vae.variants import VARIANTS, Variant
from jaxmusic import report

_SPACES = {
    "fc": "FC-VAE latents",
    "conv": "ConvVAE audio latents",
    "hybrid": "hybrid space",
    "joint": "JointVAE latents",
    "pca": "PCA of the mels",
}
_SOURCES = {"retrieval": "JointVAE", "cca": "linear CCA", "language": "the language alone", "chance": "chance"}
_DIRECTIONS = {"lyrics_to_audio": "lyrics → audio", "audio_to_lyrics": "audio → lyrics"}
_TITLES: Mapping[str, Mapping[Any, str]] = {
    "space": {**_SPACES, **_SOURCES, "lyrics": "lyric vectors", "statistics": "mel mean and deviation"},
    "method": {
        "kmeans": "K-means k =",
        "kmeans_random": "K-means, random start k =",
        "agglomerative": "Ward k =",
        "spectral": "spectral k =",
        "dbscan": "DBSCAN eps =",
        **_DIRECTIONS,
    },
    "metric": {
        "davies_bouldin": "Davies-Bouldin",
        "calinski_harabasz": "Calinski-Harabasz",
        "median_rank": "median rank",
        "active_units": "active units",
        "kl": "KL (nats)",
        "mse": "reconstruction MSE",
    },
}
_RANKS = ("recall@1", "recall@5", "recall@10", "mrr", "map", "median_rank")
_BY_CLASS = {f"class/{name}": name for name in ("recall@1", "recall@5", "recall@10", "map")}
_MODELS = {"fc": "FC-VAE", "conv": "ConvVAE", "joint": "JointVAE"}
_READINGS = "Readings of the loss: distance of the document's numbers from the runs"
_PROBES = "Linear classifiers on the test part (supervised)"


def all_rows(
    config: Config,
    records: pd.DataFrame,
    experiments: Mapping[str, pd.DataFrame],
    reported: Mapping[str, Any],
    scored: Mapping[str, int],
) -> tuple[list[report.Row], str]:
    """Every reported number under every variant, then what the document lacks; and the first column.

    The first column is the reading of the document's loss that fits its numbers best, trained and scored on all clips
    as the document says. `scored` holds the number of clips that each variant is scored on.
    """
    entries = reported["entries"]
    # Only this protocol is the document's: the others score another part of the data.
    comparable = [name for name in config.variant if config.same_data and VARIANTS[name].fit_on_all]
    notes = _cluster_notes(records)

    def note(values: Mapping[str, Any]) -> str:
        key = (values["variant"], values.get("space"), values.get("method"), values.get("parameter"))
        return notes.get(key, "")

    stated = reported_rows(records, entries, seeds=config.seeds, titles=_TITLES, comparable=comparable, note=note)
    distances = distances_of_readings(config, stated, reported, scored)
    fits = [row for row in distances if row.id == "readings.all.distance" and VARIANTS[row.column].fit_on_all]
    first = min(fits, key=lambda row: row.fresh or 0.0).column if fits else config.variant[0]
    ids = {row.id for row in stated}
    others = make_rows(records, _tables(note, config.labels), seeds=config.seeds, titles=_TITLES)
    rows = [*stated, *(row for row in others if row.id not in ids)]
    order = [first, *(name for name in config.variant if name != first)]
    rows.sort(key=lambda row: (row.section, order.index(row.column)))
    distances.sort(key=lambda row: order.index(row.column))
    return [
        *distances,
        *rows,
        *make_rows(experiments["duplicates"], [_DUPLICATES]),
        *_curve(experiments["pairs"]),
        *make_rows(experiments["ablation"], [_of_fc(experiments["ablation"], _ABLATION, "latent", "beta")]),
        *make_rows(experiments["readings"], [_of_fc(experiments["readings"], _READ, "column")]),
    ], first


def distances_of_readings(
    config: Config, stated: Sequence[report.Row], reported: Mapping[str, Any], scored: Mapping[str, int]
) -> list[report.Row]:
    """How far the document's numbers lie from each reading of its loss, on all clips and on a split."""
    names = [name for name in config.variant if VARIANTS[name] == Variant(*VARIANTS[name][:2])]
    by_space: dict[str, list[report.Row]] = {"all": []}
    for row in stated:
        entry = reported["entries"][row.id]
        if entry["metric"] == "calinski_harabasz" and entry["method"] != "dbscan":
            # Within clusters of one shape it grows as the number of points does.
            row = replace(row, reported=entry["reported"] * scored[row.column] / reported["clips"])
        by_space["all"].append(row)
        by_space.setdefault(entry["space"], []).append(row)
    found = []
    for space, rows in by_space.items():
        if space != "all" and space not in ("fc", "conv", "hybrid", "joint", "retrieval"):
            continue
        for fit in report.distances(rows, names) if names else ():
            what = f"{_TITLES['space'].get(space, 'all')}, {fit.numbers} numbers"
            for metric, id, value in (
                ("mean distance (half-widths)", "distance", fit.mean),
                ("numbers in the interval", "inside", fit.inside),
            ):
                id = f"readings.{space}.{id}"
                found.append(
                    report.Row(id, _READINGS, what, metric, None, value, None, config.seeds, None, column=fit.column)
                )
    return found


def _tables(note: Any, labels: tuple[str, ...]) -> list[Table]:
    agreement = {
        f"{metric}/{label}": f"{title} with {label}"
        for label in labels
        for metric, title in (("adjusted_rand", "ARI"), ("normalized_mutual_information", "NMI"))
    }
    states = {"mse": "", "mse_of_mean": ": predicting the training mean instead"}
    parts = {"": "", "audio.": ", audio", "lyrics.": ", lyrics"}
    errors = {f"{part}{kind}": f"{name}{text}" for kind, text in states.items() for part, name in parts.items()}
    return [
        Table(
            "Agreement with labels (K-means k = 10)",
            "{space}.{method}.{parameter:g}.{metric}",
            "{space}",
            where={"space": _SPACES, "method": ["kmeans"], "parameter": [10], "metric": agreement},
            note=note,
        ),
        Table(
            "Baselines that the document lacks",
            "{space}.{method}.{parameter:g}.{metric}",
            "{space}, {method} {parameter:g}",
            where={
                "space": _SPACES,
                "method": ["spectral", "kmeans_random"],
                "parameter": [5, 10, 15],
                "metric": ["silhouette"],
            },
            note=note,
        ),
        Table(
            "Retrieval, {method}",
            "compare.{method}.{metric}.{space}",
            "{space}, own pair",
            where={"method": _DIRECTIONS, "metric": _RANKS, "space": _SOURCES, "parameter": ["pairs"]},
            note=_on_its_own_pairs,
        ),
        Table(
            "Retrieval, {method}",
            "compare.{method}.{metric}.{space}",
            "{space}, same genre",
            where={"method": _DIRECTIONS, "metric": _BY_CLASS, "space": _SOURCES, "parameter": ["pairs"]},
            note=_on_its_own_pairs,
        ),
        Table(
            "Retrieval among pairs of one language",
            "within.{method}.{metric}.{space}",
            "{space}, {method}",
            where={"method": _DIRECTIONS, "metric": ["recall@10", "mrr"], "space": _SOURCES, "parameter": ["within"]},
            note=_on_its_own_pairs,
        ),
        Table(
            _PROBES,
            "{space}.probe.{parameter}",
            "{space}",
            "accuracy, {parameter}",
            where={"parameter": labels, "method": ["probe"], "metric": ["accuracy"]},
        ),
        Table(
            _PROBES,
            "majority.probe.{parameter}",
            "most frequent class",
            "accuracy, {parameter}",
            where={"parameter": labels, "method": ["probe"], "space": ["joint"], "metric": ["majority"]},
        ),
        Table(
            "State of the models",
            "{space}.{metric}",
            "{space}",
            where={"space": _MODELS, "method": ["model"], "metric": ["active_units", "kl"]},
        ),
        Table(
            "State of the models",
            "{space}.{metric}",
            "{space}{metric}",
            "reconstruction MSE",
            where={"space": _MODELS, "method": ["model"], "metric": errors},
        ),
    ]


def _on_its_own_pairs(values: Mapping[str, Any]) -> str:
    """A linear map of a few hundred pairs finds these very pairs again, whatever they are."""
    is_own = values["space"] == "cca" and VARIANTS[values["variant"]].fit_on_all
    return "CCA is fitted on the very pairs that are scored" if is_own else ""


def _cluster_notes(records: pd.DataFrame) -> dict[tuple[Any, ...], str]:
    """What DBSCAN found, and any degenerate assignment: a silhouette of one group against few says nothing."""
    facts = records[records["metric"].isin(["n_clusters", "noise_share", "largest_share", "degenerate"])]
    keys = ["variant", "space", "method", "parameter"]
    found = {}
    for key, group in facts.groupby(keys, sort=False):
        mean, total = (group.groupby("metric")["value"].agg(how) for how in ("mean", "sum"))
        if key[2] == "dbscan" or total["degenerate"]:
            found[key] = (
                f"{mean['n_clusters']:.1f} clusters, noise {mean['noise_share']:.0%}, largest "
                f"{mean['largest_share']:.0%}; degenerate in {total['degenerate']:.0f} of {group['seed'].nunique()}"
            )
    return found


_DUPLICATES = Table(
    "Experiment: identical clips planted for DBSCAN (eps = 0.5, standardised PCA)",
    "duplicates.{clip}.{planted}.{metric}",
    "{clip} clip {planted} times",
    where={
        "clip": (),
        "planted": (),
        "metric": {
            "silhouette": "silhouette",
            "davies_bouldin": "davies bouldin",
            "calinski_harabasz": "calinski harabasz",
            "n_clusters": "n clusters",
            "noise_share": "noise share",
            "product": "CH · DB²",
            "group": "group size",
        },
    },
    column="",
)


def _curve(points: pd.DataFrame) -> list[report.Row]:
    """Retrieval and InfoNCE by the number of training pairs; what all of them are is their mean over seeds."""
    of_size = points[points["metric"] == "pairs"].groupby("size", sort=False)["value"].mean()
    sizes = {size: f"{round(mean)} pairs" for size, mean in of_size.items()}
    section = "Experiment: retrieval against the number of training pairs"
    recalls = {
        f"{model}/{direction}": f"{title}, {direction.replace('_', ' ')}"
        for direction in _DIRECTIONS
        for model, title in (("cca", "linear CCA"), ("towers", "contrastive towers"))
    }
    losses = {
        f"{part}_info_nce": f"contrastive towers, {name} part"
        for part, name in (("train", "training"), ("valid", "validation"))
    }
    return make_rows(
        points,
        [
            Table(
                section,
                "pairs.{size}.{metric}",
                "{metric}, {size}",
                name,
                {"size": sizes, "metric": metrics},
                column="",
            )
            for name, metrics in (("recall@10", recalls | {"chance": "chance"}), ("InfoNCE (nats)", losses))
        ],
    )


_ABLATION = Table(
    "Ablation: the FC-VAE's latent size and KL weight (split, error summed)",
    "ablation.{latent}.{beta:g}.{metric}",
    "latent {latent}, β {beta:g}",
    column="",
)
_READ = Table(
    "Experiment: the FC-VAE under every reading of the loss", "fc_readings.{metric}", "FC-VAE", column="{column}"
)


def _of_fc(points: pd.DataFrame, table: Table, *fields: str) -> Table:
    """The table with every metric of `scores.score_fc`."""
    titles = {
        "fc.active_units": "active units",
        "fc.kl": "KL (nats)",
        "fc.mse": "reconstruction MSE",
        "silhouette": "silhouette, K-means k = 5",
        "calinski_harabasz": "Calinski-Harabasz, K-means k = 5",
        "largest_share": "largest cluster's share",
    }
    probes = [name for name in dict.fromkeys(points["metric"]) if name.startswith("probe/")]
    titles |= {name: f"linear classifier's accuracy, {name.removeprefix('probe/')}" for name in probes}
    return replace(table, where={**dict.fromkeys(fields, ()), "metric": titles})
