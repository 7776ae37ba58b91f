"""Hybrid-language reproduction: records of all seeds → the report's rows."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import hybrid_language_scores as scores
import numpy as np
from hybrid_language_pipeline import NETS, VARIANTS

from jaxmusic import report

if TYPE_CHECKING:
    from hybrid_language_vae import Config

Records = Sequence[Mapping[str, Any]]
_TITLES = {
    "silhouette": "silhouette",
    "calinski_harabasz": "Calinski-Harabasz",
    "davies_bouldin": "Davies-Bouldin",
    "adjusted_rand": "ARI",
    "normalized_mutual_information": "NMI",
    "purity": "purity",
    "v_measure": "V-measure",
}
NET_TITLES = {
    "basic": "Basic VAE",
    "conv": "Conv VAE",
    "conditional": "Conditional VAE",
    "autoencoder": "autoencoder",
    "adaptive": "VAE on adaptive fusion",
}


def make_rows(
    config: Config, records: Records, experiments: Mapping[str, Any], reported: Mapping[str, Any]
) -> list[report.Row]:
    """Every reported number under every variant, then what the document lacks."""
    made: list[report.Row] = []

    def add(base: str, section: str, what: str, metric: str, lookup: Callable[..., Any], **details: Any) -> None:
        for name in config.variant:
            values = [lookup(record[name]) for record in records]
            if all(value is None for value in values):
                continue
            made.append(
                report.make_row(
                    base, column=name, section=section, what=what, metric=metric,
                    reported=details.get("reported"), fresh=[np.nan if v is None else v for v in values],
                    # Only this protocol is the document's: the others score another part of the tracks.
                    is_same_data=config.same_data and VARIANTS[name].fit_on_all, note=details.get("note", ""),
                )
            )  # fmt: skip

    _add_table2(add, reported["table2"], records, config)
    section = reported["reconstruction"]["section"]
    for net in ("basic", "conv", "conditional"):
        for i, value in enumerate(reported["reconstruction"][net]):
            add(
                f"mse.{net}.{i + 1}", section, f"{NET_TITLES[net]}, sample {i + 1} (fresh: mean over all scored)",
                "MSE of the audio columns", lambda r, net=net: r["mse"][net], reported=value,
            )  # fmt: skip
    for number in reported["number"]:
        add(
            number["id"], number["section"], number["what"], number["metric"],
            lambda r: r["methods"]["dbscan_umap"]["n_clusters"], reported=number["reported"],
            note="the radius of the sweep that comes nearest is shown; the document states none",
        )  # fmt: skip
    _add_own(add)
    return (
        made
        + _alignment_rows(experiments)
        + _incremental_rows(experiments)
        + _leakage_rows(experiments)
        + _extension_rows(experiments)
    )


def _add_table2(add: Callable[..., None], table: Mapping[str, Any], records: Records, config: Config) -> None:
    reported = {
        name: dict(zip((*scores.INTERNAL, *scores.EXTERNAL[:3]), values, strict=True))
        for name, *values in table["rows"]
    }
    for method, title in scores.METHODS.items():
        section = table["section"] if method in reported else "Methods that the document lacks"
        for metric in scores.INTERNAL:
            for space, where in (("hybrid", "in the hybrid space"), ("own", "in its own space")):
                add(
                    f"{method}.{space}.{metric}", section, title, f"{_TITLES[metric]} {where}",
                    lambda r, m=method, key=f"{space}/{metric}": r["methods"][m][key],
                    reported=reported.get(method, {}).get(metric), note=_facts(method, records, config),
                )  # fmt: skip
        for metric in scores.EXTERNAL:
            add(
                f"{method}.{metric}", section, title, _TITLES[metric],
                lambda r, m=method, key=metric: r["methods"][m][key], reported=reported.get(method, {}).get(metric),
            )  # fmt: skip


def _facts(method: str, records: Records, config: Config) -> str:
    """What DBSCAN found, which silhouettes hide."""
    if not method.startswith("dbscan"):
        return ""
    found = [record[name]["methods"][method] for record in records for name in config.variant]
    clusters, noise = (np.mean([f[key] for f in found]) for key in ("n_clusters", "noise_share"))
    degenerate = sum(f["degenerate"] > 0 for f in found)
    return f"{clusters:.1f} clusters, noise {noise:.0%}; degenerate in {degenerate} of {len(found)}"


def _add_own(add: Callable[..., None]) -> None:
    for method, title in scores.METHODS.items():
        for metric in scores.EXTERNAL[:2]:
            add(
                f"{method}.within.{metric}", "Agreement with genre within each language", title, _TITLES[metric],
                lambda r, m=method, key=f"within/{metric}": r["methods"][m][key],
            )  # fmt: skip
        add(
            f"{method}.language", "Agreement with language", title, "NMI with language",
            lambda r, m=method: r["methods"][m]["language/normalized_mutual_information"],
        )  # fmt: skip
    for label in ("language", "genre"):
        names = {"raw": "audio features", "hybrid": "hybrid features", "basic": "Basic VAE", "conv": "Conv VAE",
                 "conditional_marginal": "Conditional VAE, labels marginalised"}  # fmt: skip
        for name, title in names.items():
            add(
                f"probe.{label}.{name}", "Linear classifiers on the test part", title, f"accuracy, {label}",
                lambda r, key=f"{label}/{name}": r["probe"].get(key, {}).get("accuracy"),
            )  # fmt: skip
        add(
            f"probe.{label}.majority", "Linear classifiers on the test part", "most frequent class",
            f"accuracy, {label}", lambda r, key=f"{label}/raw": r["probe"].get(key, {}).get("majority"),
        )  # fmt: skip
    for net in NETS:
        state = "State of the models"
        add(f"state.{net}.mse", state, NET_TITLES[net], "MSE of the audio columns", lambda r, n=net: r["mse"][n])
        add(f"state.{net}.units", state, NET_TITLES[net], "active units", lambda r, n=net: r["active_units"][n])
        add(f"state.{net}.kl", state, NET_TITLES[net], "KL (nats)", lambda r, n=net: r["kl"].get(n))
        add(f"state.{net}.mig", state, NET_TITLES[net], "MIG", lambda r, n=net: r["mig"].get(n))
    add("state.pca.mig", "State of the models", "PCA", "MIG", lambda r: r["mig"]["pca"])
    for modality in ("audio", "text"):
        add(
            f"attention.{modality}", "State of the models", "adaptive fusion", f"attention on {modality}",
            lambda r, m=modality: r["attention"][m],
        )  # fmt: skip


def _alignment_rows(experiments: Mapping[str, Any]) -> list[report.Row]:
    section = "Experiment: text of each track, and text shuffled among tracks (hybrid features)"
    points = experiments["alignment"]
    cells = dict.fromkeys((p["sentences"], p["method"], p["text"]) for p in points)
    made = []
    for sentences, method, text in cells:
        found = [p for p in points if (p["sentences"], p["method"], p["text"]) == (sentences, method, text)]
        for metric in ("silhouette", "adjusted_rand", "normalized_mutual_information"):
            made.append(
                report.make_row(
                    f"alignment.{sentences}.{method}.{text}.{metric}", section=section,
                    what=f"{sentences} sentences, {method}, {text}", metric=_TITLES[metric], reported=None,
                    fresh=[p[metric] for p in found], is_same_data=False,
                    note=f"{np.mean([p['distinct'] for p in found]):.0f} distinct",
                )
            )  # fmt: skip
    return made


def _incremental_rows(experiments: Mapping[str, Any]) -> list[report.Row]:
    made = []
    titles = {"agreement": "ARI with all at once", **{key: _TITLES[key] for key in ("adjusted_rand", "silhouette")}}
    for name in dict.fromkeys(row["training rows"] for row in experiments["incremental"]):
        found = [row for row in experiments["incremental"] if row["training rows"] == name]
        for metric, title in titles.items():
            made.append(
                report.make_row(
                    f"incremental.{name}.{metric}", section="Experiment: K-means that sees the training rows as they "
                    "come (audio features, test part)", what=name, metric=title, reported=None,
                    fresh=[row[metric] for row in found], is_same_data=False,
                    note="on all tracks" if metric == "agreement" else "",
                )
            )  # fmt: skip
    return made


def _leakage_rows(experiments: Mapping[str, Any]) -> list[report.Row]:
    section = "Experiment: do descriptors share information with genre? (permutation test)"
    made = []
    for name, found in experiments["leakage"]["tests"].items():
        for metric, title in (
            ("mutual_information", "mutual information (nats)"),
            ("expected", "expected by chance (nats)"),
            ("p_value", "p-value"),
        ):
            made.append(
                report.make_row(
                    f"leakage.{name}.{metric}", section=section, what=name, metric=title, reported=None,
                    fresh=[found[metric]], is_same_data=False,
                )
            )  # fmt: skip
    for key, title in (("accuracy", "genre from the sentence alone"), ("majority", "most frequent genre")):
        value = experiments["leakage"][key]
        if value is not None:
            made.append(
                report.make_row(
                    f"leakage.{key}", section=section, what=title, metric="accuracy", reported=None, fresh=[value],
                    is_same_data=False, note="cross-validated logistic regression" if key == "accuracy" else "",
                )
            )  # fmt: skip
    return made


def _extension_rows(experiments: Mapping[str, Any]) -> list[report.Row]:
    made = []
    points = experiments["tuning"]
    for cell in dict.fromkeys((p["latent"], p["beta"], p["learning_rate"]) for p in points):
        found = [p for p in points if (p["latent"], p["beta"], p["learning_rate"]) == cell]
        latent, beta, rate = cell
        for metric, title in (
            ("mse", "MSE"), ("kl", "KL (nats)"), ("mig", "MIG"), ("silhouette", "silhouette"),
            ("normalized_mutual_information", "NMI"),
        ):  # fmt: skip
            made.append(
                report.make_row(
                    f"tuning.{latent}.{beta:g}.{rate:g}.{metric}",
                    section="tune_vae_hyperparameters: Basic VAE, error summed, validation part",
                    what=f"latent {latent}, β {beta:g}, learning rate {rate:g}", metric=title, reported=None,
                    fresh=[p[metric] for p in found], is_same_data=False,
                )
            )  # fmt: skip
    points = experiments["disentanglement"]
    for model in dict.fromkeys(p["model"] for p in points):
        found = [p for p in points if p["model"] == model]
        for metric in ("mig", "sap", "disentanglement", "completeness", "informativeness", "mse"):
            if metric in found[0]:
                made.append(
                    report.make_row(
                        f"disentanglement.{model}.{metric}",
                        section="compute_disentanglement_metric: Basic VAE by β, error summed, all tracks",
                        what=model, metric=metric.upper() if len(metric) == 3 else metric, reported=None,
                        fresh=[p[metric] for p in found], is_same_data=False,
                    )
                )  # fmt: skip
    return made


def timing(records: Records) -> dict[str, float]:
    """Seconds by variant and step, all seeds together."""
    found: dict[str, float] = {}
    for record in records:
        for variant, scored in record.items():
            for step, seconds in scored["seconds"].items():
                found[f"{variant}, {step}, all seeds"] = found.get(f"{variant}, {step}, all seeds", 0.0) + seconds
    return found
