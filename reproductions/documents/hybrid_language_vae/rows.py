"""Hybrid-language clustering: which records the report shows, and what its rows say."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pandas as pd
from records import Table, make_rows, mean_of, reported_rows, select

from documents.hybrid_language_vae.config import Config
from documents.hybrid_language_vae.scores import EXTERNAL, INTERNAL, METHODS
from documents.hybrid_language_vae.variants import VARIANTS
from jaxmusic import report

NETS = {
    "basic": "Basic VAE",
    "conv": "Conv VAE",
    "conditional": "Conditional VAE",
    "autoencoder": "autoencoder",
    "adaptive": "VAE on adaptive fusion",
}
_TITLES: Mapping[str, Mapping[Any, str]] = {
    "metric": {
        "calinski_harabasz": "Calinski-Harabasz",
        "davies_bouldin": "Davies-Bouldin",
        "adjusted_rand": "ARI",
        "normalized_mutual_information": "NMI",
        "v_measure": "V-measure",
        "mutual_information": "mutual information (nats)",
        "expected": "expected by chance (nats)",
        "p_value": "p-value",
        "agreement": "ARI with all at once",
        "mse": "MSE",
        "kl": "KL (nats)",
        "mig": "MIG",
        "sap": "SAP",
    }
}


def all_rows(
    config: Config, records: pd.DataFrame, experiments: Mapping[str, pd.DataFrame], reported: Mapping[str, Any]
) -> list[report.Row]:
    """Every reported number under every variant, then what the document lacks."""
    # Only this protocol is the document's: the others score another part of the tracks.
    comparable = [name for name in config.variant if config.same_data and VARIANTS[name].fit_on_all]
    shared: dict[str, Any] = {"seeds": config.seeds, "titles": _TITLES, "comparable": comparable}
    return [
        *make_rows(records, _table2(records, reported), reported, **shared),
        *reported_rows(records, reported, **{**shared, "titles": {"method": NETS}}),
        *make_rows(records, _OWN, **shared),
        *make_rows(experiments["alignment"], [_alignment(experiments["alignment"])], titles=_TITLES),
        *make_rows(experiments["incremental"], [_INCREMENTAL], titles=_TITLES),
        *make_rows(experiments["leakage"], _LEAKAGE, titles=_TITLES),
        *make_rows(experiments["tuning"], [_TUNING], titles=_TITLES),
        *make_rows(experiments["disentanglement"], [_DISENTANGLEMENT], titles=_TITLES),
    ]


def _table2(records: pd.DataFrame, reported: Mapping[str, Any]) -> list[Table]:
    """A table for each method, of all that the document scores."""
    made = []
    for method, title in METHODS.items():
        is_stated = f"{method}.adjusted_rand" in reported
        section = "5.1, Table 2" if is_stated else "Methods that the document lacks"
        shown = {"method": {method: title}}
        places = {"hybrid": "in the hybrid space", "own": "in its own space"}
        facts = _facts(method, records)
        made += [
            Table(
                section,
                "{method}.{space}.{metric}",
                "{method}",
                "{metric} {space}",
                {**shown, "metric": INTERNAL, "space": places},
                note=facts,
            ),
            Table(section, "{method}.{metric}", "{method}", where={**shown, "metric": EXTERNAL, "space": ["genre"]}),
        ]
    return made


def _facts(method: str, records: pd.DataFrame) -> str:
    """What DBSCAN found, which silhouettes hide."""
    if not method.startswith("dbscan"):
        return ""
    found = select(records, method=method, space="facts")
    clusters, noise = mean_of(found, metric="n_clusters"), mean_of(found, metric="noise_share")
    degenerate = select(found, metric="degenerate")["value"] > 0
    return f"{clusters:.1f} clusters, noise {noise:.0%}; degenerate in {degenerate.sum()} of {len(degenerate)}"


_PROBES = {
    "raw": "audio features",
    "hybrid": "hybrid features",
    "basic": "Basic VAE",
    "conv": "Conv VAE",
    "conditional_marginal": "Conditional VAE, labels marginalised",
    "majority": "most frequent class",
}
_STATES = {"mse": "MSE of the audio columns", "units": "active units", "kl": "KL (nats)", "mig": "MIG"}
_OWN = [
    Table(
        "Agreement with genre within each language",
        "{method}.within.{metric}",
        "{method}",
        where={"method": METHODS, "metric": EXTERNAL[:2], "space": ["within"]},
    ),
    Table(
        "Agreement with language",
        "{method}.language",
        "{method}",
        "NMI with language",
        {"method": METHODS, "space": ["language"]},
    ),
    Table(
        "Linear classifiers on the test part",
        "probe.{metric}.{method}",
        "{method}",
        "accuracy, {metric}",
        {"metric": ["language", "genre"], "method": _PROBES, "space": ["probe"]},
    ),
    Table(
        "State of the models",
        "state.{method}.{metric}",
        "{method}",
        where={"method": {**NETS, "pca": "PCA"}, "metric": _STATES, "space": ["model"]},
    ),
    Table(
        "State of the models",
        "attention.{metric}",
        "adaptive fusion",
        "attention on {metric}",
        {"metric": ["audio", "text"], "method": ["attention"]},
    ),
]


def _alignment(points: pd.DataFrame) -> Table:
    def distinct(values: Mapping[str, Any]) -> str:
        keys = {name: values[name] for name in ("sentences", "method", "text")}
        return f"{mean_of(points, metric='distinct', **keys):.0f} distinct"

    return Table(
        "Experiment: text of each track, and text shuffled among tracks (hybrid features)",
        "alignment.{sentences}.{method}.{text}.{metric}",
        "{sentences} sentences, {method}, {text}",
        where={"sentences": (), "text": (), "method": (), "metric": ("silhouette", *EXTERNAL[:2])},
        column="",
        note=distinct,
    )


_INCREMENTAL = Table(
    "Experiment: K-means that sees the training rows as they come (audio features, test part)",
    "incremental.{rows}.{metric}",
    "{rows}",
    where={"rows": (), "metric": ("agreement", "adjusted_rand", "silhouette")},
    column="",
    note=lambda values: "on all tracks" if values["metric"] == "agreement" else "",
)
_LEAKAGE = [
    Table(
        "Experiment: do descriptors share information with genre? (permutation test)",
        "leakage.{descriptor}.{metric}",
        "{descriptor}",
        where={"descriptor": (), "metric": ()},
        column="",
    ),
    Table(
        "Experiment: do descriptors share information with genre? (permutation test)",
        "leakage.{classifier}",
        "{classifier}",
        "accuracy",
        {"classifier": {"accuracy": "genre from the sentence alone", "majority": "most frequent genre"}},
        column="",
        note=lambda v: "cross-validated logistic regression" if v["classifier"] == "accuracy" else "",
    ),
]
_TUNING = Table(
    "tune_vae_hyperparameters: Basic VAE, error summed, validation part",
    "tuning.{latent}.{beta:g}.{learning_rate:g}.{metric}",
    "latent {latent}, β {beta:g}, learning rate {learning_rate:g}",
    where={
        "latent": (),
        "beta": (),
        "learning_rate": (),
        "metric": ("mse", "kl", "mig", "silhouette", "normalized_mutual_information"),
    },
    column="",
)
_DISENTANGLEMENT = Table(
    "compute_disentanglement_metric: Basic VAE by β, error summed, all tracks",
    "disentanglement.{model}.{metric}",
    "{model}",
    where={"model": (), "metric": ("mig", "sap", "disentanglement", "completeness", "informativeness", "mse")},
    column="",
)
