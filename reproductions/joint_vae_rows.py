"""Joint VAE reproduction: records of all seeds → the report's rows."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import joint_vae_scores as scores
import numpy as np
from joint_vae_pipeline import VARIANTS, Prepared

from jaxmusic import report

if TYPE_CHECKING:
    from joint_vae import Config

_NAMES = {
    "fc": "FC-VAE latents",
    "conv": "ConvVAE audio latents",
    "hybrid": "hybrid space",
    "joint": "JointVAE latents",
    "pca": "PCA of the mels",
}
_METHODS = {
    "kmeans": "K-means",
    "kmeans_random": "K-means, random start",
    "agglomerative": "Ward",
    "spectral": "spectral",
}
_METRICS = {"silhouette": "silhouette", "davies_bouldin": "Davies-Bouldin", "calinski_harabasz": "Calinski-Harabasz"}
Records = Sequence[Mapping[str, Any]]
Lookup = Callable[[Mapping[str, Any]], float]


def make_rows(
    config: Config,
    prepared: Prepared,
    records: Records,
    experiments: Mapping[str, Any],
    reported: Mapping[str, Any],
) -> list[report.Row]:
    """Every reported number under every variant, then what the document lacks."""
    rows: list[report.Row] = []

    def add(base: str, section: str, what: str, metric: str, lookup: Lookup, **details: Any) -> None:
        note = details.pop("note", "")
        for name in _distinct(config.variant) if base.startswith(("fc.", "conv.", "pca.")) else config.variant:
            values = [lookup(record[name]) for record in records]
            if details.get("reported") is None and all(value is None for value in values):
                continue
            rows.append(
                report.make_row(
                    base,
                    column=name,
                    section=section,
                    what=what,
                    metric=metric,
                    reported=details.get("reported"),
                    fresh=[np.nan if value is None else value for value in values],
                    # Only this protocol is the document's: the others score another part of the data.
                    is_same_data=config.same_data and VARIANTS[name].fit_on_all,
                    is_contradicted=details.get("is_contradicted", False),
                    note=note or _cluster_note(base, name, records),
                )
            )

    for table in reported["clustering"]:
        representation = table["representation"]
        for method, parameter, *values in table["rows"]:
            what = f"{_NAMES[representation]}, {_method(method, parameter)}"
            for (metric, title), value in zip(_METRICS.items(), values, strict=True):
                base = f"{representation}.{method}.{parameter:g}.{metric}"
                lookup = _at_cluster(representation, method, parameter, metric)
                add(base, table["section"], what, title, lookup, reported=value)
    for number in reported["number"]:
        contradicted = number.get("contradicted", "")
        add(
            number["id"], number["section"], number["what"], number["metric"], _lookup(number["from"]),
            reported=number["reported"], is_contradicted=bool(contradicted),
            note=contradicted or number.get("note", ""),
        )  # fmt: skip
    _add_retrieval(add)
    _add_within_language(add)
    _add_probes(add, scores.used_labels(config, prepared))
    _add_baselines(add, scores.used_labels(config, prepared))
    rows.sort(key=lambda row: row.section)
    return rows + _lead_rows(experiments) + _ablation_rows(experiments["ablation"])


def _distinct(variants: Sequence[str]) -> list[str]:
    """The variants that differ in what they do to audio alone; the others would repeat its rows."""
    arms = {(VARIANTS[name].fit_on_all, VARIANTS[name].reduction): name for name in reversed(variants)}
    return [name for name in variants if name in arms.values()]


def _method(method: str, parameter: float) -> str:
    return f"DBSCAN eps = {parameter:g}" if method == "dbscan" else f"{_METHODS[method]} k = {parameter:g}"


def _at_cluster(representation: str, method: str, parameter: float, metric: str) -> Lookup:
    def lookup(record: Mapping[str, Any]) -> Any:
        return record["clustering"][representation].get(f"{method}|{parameter:g}", {}).get(metric)

    return lookup


def _lookup(path: Sequence[Any]) -> Lookup:
    if len(path) == 4:
        return _at_cluster(*path)
    if len(path) == 2:
        return lambda record: record["retrieval"][path[0]][path[1]]
    return lambda record: record["scalars"][path[0]]


def _cluster_note(base: str, variant: str, records: Records) -> str:
    """What DBSCAN found, and any degenerate assignment: a silhouette of one group against few says nothing."""
    representation, method, *parameter = base.rpartition(".")[0].split(".") if base.count(".") > 1 else ("", "")
    if representation not in _NAMES or method not in (*_METHODS, "dbscan"):
        return ""
    found = [r[variant]["clustering"][representation].get(f"{method}|{'.'.join(parameter)}") for r in records]
    found = [f for f in found if f]
    if not found:
        return ""
    mean = {key: np.mean([f[key] for f in found]) for key in ("n_clusters", "noise_share", "largest_share")}
    degenerate = sum(bool(f["degenerate"]) for f in found)
    if method != "dbscan" and not degenerate:
        return ""
    return (
        f"{mean['n_clusters']:.1f} clusters, noise {mean['noise_share']:.0%}, largest {mean['largest_share']:.0%}; "
        f"degenerate in {degenerate} of {len(found)}"
    )


def _add_retrieval(add: Callable[..., None]) -> None:
    metrics = ("recall@1", "recall@5", "recall@10", "mrr", "map", "median_rank")
    for direction, title in (("lyrics_to_audio", "lyrics → audio"), ("audio_to_lyrics", "audio → lyrics")):
        section = f"Retrieval, {title}"
        for metric in (*metrics, *(f"class/{m}" for m in ("recall@1", "recall@5", "recall@10", "map"))):
            level = "same genre" if metric.startswith("class/") else "own pair"
            label = metric.removeprefix("class/").replace("_", " ")
            for source, what in (("retrieval", "JointVAE"), ("cca", "linear CCA"), ("chance", "chance")):
                at = "retrieval" if source == "chance" else source
                key = f"chance/{metric}" if source == "chance" else metric
                add(
                    f"compare.{direction}.{metric}.{source}", section, f"{what}, {level}", label,
                    lambda record, at=at, direction=direction, key=key: record[at][direction].get(key),
                )  # fmt: skip


def _add_probes(add: Callable[..., None], labels: Sequence[str]) -> None:
    names = {**_NAMES, "lyrics": "lyric vectors", "statistics": "mel mean and deviation"}
    for label in labels:
        for space, name in names.items():
            add(
                f"{space}.probe.{label}", "Linear classifiers on the test part (supervised)", name,
                f"accuracy, {label}", _at("probe", space, label, "accuracy"),
            )  # fmt: skip
        add(
            f"majority.probe.{label}", "Linear classifiers on the test part (supervised)", "most frequent class",
            f"accuracy, {label}", _at("probe", "joint", label, "majority"),
        )  # fmt: skip


def _add_within_language(add: Callable[..., None]) -> None:
    for direction, title in (("lyrics_to_audio", "lyrics → audio"), ("audio_to_lyrics", "audio → lyrics")):
        for metric, label in (("recall@10", "recall@10"), ("mrr", "mrr")):
            for source, what in (("retrieval", "JointVAE"), ("cca", "linear CCA"), ("chance", "chance")):
                at, key = ("retrieval", f"chance/{metric}") if source == "chance" else (source, metric)
                add(
                    f"within.{direction}.{metric}.{source}", "Retrieval among pairs of one language",
                    f"{what}, {title}", label, _at("within_language", at, direction, key),
                )  # fmt: skip


def _at(*path: str) -> Lookup:
    def lookup(record: Mapping[str, Any]) -> Any:
        value: Any = record
        for name in path:
            value = (value or {}).get(name)
        return value

    return lookup


def _add_baselines(add: Callable[..., None], labels: Sequence[str]) -> None:
    for representation, name in _NAMES.items():
        for label in labels:
            for metric, title in (("adjusted_rand", "ARI"), ("normalized_mutual_information", "NMI")):
                add(
                    f"{representation}.kmeans.10.{metric}/{label}", "Agreement with labels (K-means k = 10)", name,
                    f"{title} with {label}", _at_cluster(representation, "kmeans", 10, f"{metric}/{label}"),
                )  # fmt: skip
        for method in ("spectral", "kmeans_random"):
            for k in (5, 10, 15):
                add(
                    f"{representation}.{method}.{k}.silhouette", "Baselines that the document lacks",
                    f"{name}, {_method(method, k)}", "silhouette",
                    _at_cluster(representation, method, k, "silhouette"),
                )  # fmt: skip
    units = {"active_units": "active units", "kl": "KL (nats)", "mse": "reconstruction MSE"}
    for key, what in (("fc", "FC-VAE"), ("conv", "ConvVAE"), ("joint", "JointVAE")):
        for metric in ("active_units", "kl"):
            add(f"{key}.{metric}", "State of the models", what, units[metric], _lookup([f"{key}.{metric}"]))
    for key, what in (
        ("fc.mse", "FC-VAE"),
        ("conv.mse", "ConvVAE"),
        ("joint.audio.mse", "JointVAE, audio"),
        ("joint.lyrics.mse", "JointVAE, lyrics"),
    ):
        add(key, "State of the models", what, units["mse"], _lookup([key]))
        mean = f"{what}: predicting the training mean instead"
        add(f"{key}_of_mean", "State of the models", mean, units["mse"], _lookup([f"{key}_of_mean"]))


def _lead_rows(experiments: Mapping[str, Any]) -> list[report.Row]:
    """Planted clips and the learning curve as rows without a reported number."""
    rows: list[report.Row] = []
    section = "Experiment: identical clips planted for DBSCAN (eps = 0.5, standardised PCA)"
    for found in experiments["duplicates"]:
        m = int(found["planted"])
        for metric in (
            "silhouette",
            "davies_bouldin",
            "calinski_harabasz",
            "n_clusters",
            "noise_share",
            "product",
            "group",
        ):
            rows.append(
                report.make_row(
                    f"duplicates.{found['clip']}.{m}.{metric}", section=section,
                    what=f"{found['clip']} clip {m} times",
                    metric={"product": "CH · DB²", "group": "group size"}.get(metric, metric.replace("_", " ")),
                    reported=None, fresh=[found[metric]], is_same_data=False,
                )
            )  # fmt: skip
    section = "Experiment: retrieval against the number of training pairs"
    points = experiments["pairs"]
    for size in dict.fromkeys("all" if p["is_all"] else p["pairs"] for p in points):
        at = [p for p in points if (p["is_all"] if size == "all" else p["pairs"] == size and not p["is_all"])]
        mean_size = round(np.mean([p["pairs"] for p in at]))
        for key in [k for k in at[0] if "/" in k] + ["chance", "train_info_nce", "valid_info_nce"]:
            model, _, direction = key.partition("/")
            name = {"cca": "linear CCA", "towers": "contrastive towers"}.get(model, model)
            metric = "recall@10"
            if key.endswith("info_nce"):
                part = "training" if key.startswith("train") else "validation"
                name, metric = f"contrastive towers, {part} part", "InfoNCE (nats)"
            what = f"{name}, {direction.replace('_', ' ')}" if direction else name
            rows.append(
                report.make_row(
                    f"pairs.{size}.{key}", section=section, what=f"{what}, {mean_size} pairs", metric=metric,
                    reported=None, fresh=[p[key] for p in at], is_same_data=False,
                )
            )  # fmt: skip
    return rows


def _ablation_rows(points: Sequence[Mapping[str, Any]]) -> list[report.Row]:
    """The FC-VAE under other latent sizes and weights of the KL divergence."""
    titles = {
        "fc.active_units": "active units", "fc.kl": "KL (nats)", "fc.mse": "reconstruction MSE",
        "silhouette": "silhouette, K-means k = 5", "largest_share": "largest cluster's share",
    }  # fmt: skip
    rows = []
    for latent, beta in dict.fromkeys((point["latent"], point["beta"]) for point in points):
        found = [point for point in points if (point["latent"], point["beta"]) == (latent, beta)]
        probes = {key: f"linear classifier's accuracy, {key[6:]}" for key in found[0] if key.startswith("probe/")}
        for key, title in {**titles, **probes}.items():
            rows.append(
                report.make_row(
                    f"ablation.{latent}.{beta:g}.{key}",
                    section="Ablation: the FC-VAE's latent size and KL weight (split, error summed)",
                    what=f"latent {latent}, β {beta:g}", metric=title, reported=None,
                    fresh=[point.get(key, np.nan) for point in found], is_same_data=False,
                )
            )  # fmt: skip
    return rows
