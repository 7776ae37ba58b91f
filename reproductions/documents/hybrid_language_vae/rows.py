"""Hybrid-language clustering: which records the report shows, and what its rows say."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd
from records import Table, make_rows, mean_of, reported_rows, select

from documents.hybrid_language_vae.config import Config
from documents.hybrid_language_vae.scores import EXTERNAL, INTERNAL, METHODS
from documents.hybrid_language_vae.variants import VARIANTS
from documents.readings import READINGS
from jaxmusic import report

NETS = {
    "basic": "Basic VAE",
    "conv": "Conv VAE",
    "conditional": "Conditional VAE",
    "autoencoder": "autoencoder",
    "adaptive": "VAE on adaptive fusion",
}
# Methods whose numbers depend on the reading of the loss.
_OF_VAES = ("basic", "conv", "conditional", "dbscan_umap")
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
    config: Config,
    records: pd.DataFrame,
    experiments: Mapping[str, pd.DataFrame],
    fits: Sequence[report.Distance],
    reported: Mapping[str, Any],
) -> list[report.Row]:
    """Every reported number under every variant, then what the document lacks."""
    shared: dict[str, Any] = {"seeds": config.seeds, "titles": _TITLES}
    return [
        *_reported(config, records, reported),
        *_reading_rows(config, fits),
        *make_rows(records, _OWN, **shared),
        *(
            row
            for name, points in experiments.items()
            for row in make_rows(points, _alignment(points) if name == "alignment" else _TABLES[name], titles=_TITLES)
        ),
    ]


def _reported(config: Config, records: pd.DataFrame, reported: Mapping[str, Any]) -> list[report.Row]:
    """The document's numbers; of what scores another part of the tracks than it did, none has a verdict."""
    comparable = [name for name in config.variant if config.same_data and VARIANTS[name].fit_on_all]
    shared: dict[str, Any] = {"seeds": config.seeds, "comparable": comparable}
    return [
        *make_rows(records, _table2(records, reported), reported, titles=_TITLES, **shared),
        *reported_rows(records, reported, titles={"method": NETS}, **shared),
    ]


def readings(config: Config, records: pd.DataFrame, reported: Mapping[str, Any]) -> list[report.Distance]:
    """The readings of the loss that were run, by how well they fit all numbers of the VAEs, the best first.

    These are the document's scores of the VAEs' clusters in the hybrid space, agreement, and reconstruction errors; the
    other methods' numbers are the same under every reading. What is scored on all tracks, as the document did, goes
    before what is scored on a test part: fewer tracks have wider intervals, in which more numbers lie. Empty where no
    reading was run for two seeds.
    """
    if config.seeds < 2:
        return []
    ids = {id for id, entry in reported.items() if entry.get("method") in _OF_VAES and ".own." not in id}
    made = [row for row in _reported(config, records, reported) if row.id in ids]
    found = []
    for is_on_all in (True, False):
        names = [x for x in config.variant if VARIANTS[x].columns == "mfcc" and VARIANTS[x].fit_on_all == is_on_all]
        found += report.distances(made, names) if names else []
    return found


def _reading_rows(config: Config, fits: Sequence[report.Distance]) -> list[report.Row]:
    made = []
    for name, fit in [*([("best", fits[0])] if fits else []), *((fit.column, fit) for fit in fits)]:
        variant = VARIANTS[fit.column]
        part = (
            "fitted and scored on all tracks" if variant.fit_on_all else "fitted on a training, scored on a test part"
        )
        what = f"{fit.column}: {READINGS[variant.reading].what}; {part}"
        for metric, title, value in (
            ("distance", "mean distance in half-widths of the prediction interval, at most 10 each", fit.mean),
            ("inside", f"of {fit.numbers} numbers in the interval", fit.inside),
        ):
            made.append(
                report.Row(
                    f"reading.{name}.{metric}",
                    "Readings of the loss: distance to all reported numbers of the VAEs",
                    f"the best, {what}" if name == "best" else what,
                    title,
                    None,
                    float(value),
                    None,
                    config.seeds,
                    None,
                )
            )
    return made


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


def _alignment(points: pd.DataFrame) -> list[Table]:
    def distinct(values: Mapping[str, Any]) -> str:
        keys = {name: values[name] for name in ("sentences", "method", "text")}
        return f"{mean_of(points, metric='distinct', **keys):.0f} distinct"

    return [
        Table(
            "Experiment: text of each track, and text shuffled among tracks (hybrid features)",
            "alignment.{sentences}.{method}.{text}.{metric}",
            "{sentences} sentences, {method}, {text}",
            where={"sentences": (), "text": (), "method": (), "metric": ("silhouette", *EXTERNAL[:2])},
            column="",
            note=distinct,
        )
    ]


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
_TABLES = {
    "incremental": [_INCREMENTAL],
    "leakage": _LEAKAGE,
    "tuning": [_TUNING],
    "disentanglement": [_DISENTANGLEMENT],
}
