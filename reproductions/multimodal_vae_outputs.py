"""Multimodal VAEs: records of all seeds → rows, rank correlations and the report."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import runs

from jaxmusic import report

if TYPE_CHECKING:
    from multimodal_vae import Config
    from multimodal_vae_pipeline import Prepared

FILES = ("work", "report.*")
METRICS = {
    "joint_log_likelihood": "log p(all)",
    "words_given_sound": "log p(words given sound)",
    "words_generated_from_sound": "log density of words generated from sound",
    "coherence": "coherence",
    "recall@10": "R@10",
    "silhouette": "silhouette",
    "adjusted_rand": "ARI",
    "active_units": "active units",
}
# What the order by silhouette is compared with.
_AGAINST = (
    "joint_log_likelihood", "words_given_sound", "words_generated_from_sound", "coherence", "recall@10", "adjusted_rand"
)  # fmt: skip
Records = Sequence[Mapping[str, Any]]


def rank_correlations(records: Records) -> dict[str, list[float]]:
    """Measure → Spearman's correlation with the silhouette over the models in every seed; NaN where one is constant."""
    from scipy.stats import spearmanr

    found: dict[str, list[float]] = {}
    for metric in _AGAINST:
        pairs = [
            ([m["silhouette"] for m in r["models"].values()], [m[metric] for m in r["models"].values()])
            for r in records
        ]
        usable = [len(set(a)) > 1 and len(set(b)) > 1 and bool(np.isfinite([*a, *b]).all()) for a, b in pairs]
        found[metric] = [
            float(spearmanr(a, b).statistic) if ok else float("nan") for (a, b), ok in zip(pairs, usable, strict=True)
        ]
    return found


def order_of_means(records: Records, metric: str) -> tuple[float, float]:
    """Spearman's correlation between the models' mean silhouettes and their means of a measure, and its p.

    p is the share of all orders of the models that agree as well or better: exact for the few models there are.
    """
    from scipy.stats import permutation_test, spearmanr

    names = list(records[0]["models"])
    first, second = (
        [float(np.mean([r["models"][name][key] for r in records])) for name in names] for key in ("silhouette", metric)
    )
    if len(set(first)) < 2 or len(set(second)) < 2 or not np.isfinite([*first, *second]).all():
        return float("nan"), float("nan")
    test = permutation_test(
        (first,), lambda x: spearmanr(x, second).statistic, permutation_type="pairings", alternative="greater",
        n_resamples=np.inf, vectorized=False,
    )  # fmt: skip
    return float(test.statistic), float(test.pvalue)


def ranking_notes(records: Records) -> list[str]:
    """Whether the models' order by silhouette is their order by each other measure, a sentence each."""
    notes = []
    for metric, values in rank_correlations(records).items():
        title, of_means = METRICS[metric], order_of_means(records, metric)
        usable = np.asarray(values)[np.isfinite(values)]
        if not len(usable) or np.isnan(of_means[0]):
            notes.append(f"Order by silhouette against order by {title}: undefined, one of them is constant.")
            continue
        survives = of_means[1] < 0.05
        notes.append(
            f"Order by silhouette against order by {title}: rank correlation {of_means[0]:+.2f} of the models' means "
            f"(exact p {of_means[1]:.3f}), {usable.mean():+.2f} as the mean of {len(usable)} seeds: the ranking "
            f"{'survives' if survives else 'cannot be told from chance'}."
        )
    return notes


def make_rows(records: Records) -> list[report.Row]:
    """One row a model and one column a measure, then the rank correlations."""
    rows: list[report.Row] = []

    def add(section: str, what: str, id: str, title: str, values: Sequence[float]) -> None:
        rows.append(
            report.make_row(
                id, column=title, section=section, what=what, metric="score", reported=None, fresh=values,
                is_same_data=False,
            )
        )  # fmt: skip

    section = "Test rows: log-likelihoods in nats, coherence, retrieval and clusters"
    names = list(records[0]["models"])
    for name in names:
        for key, title in METRICS.items():
            add(section, name, f"models.{name}", title, [r["models"][name][key] for r in records])
    for key, title in (("chance/coherence", METRICS["coherence"]), ("chance/recall@10", METRICS["recall@10"])):
        add(section, "chance", "models.chance", title, [r["models"][names[0]][key] for r in records])
    section = "Coherence of each direction"
    directions = [key for key in records[0]["models"][names[0]] if key.startswith("coherence ")]
    for name in names:
        for key in directions:
            values = [r["models"][name][key] for r in records]
            add(section, name, f"coherence.{name}", key.removeprefix("coherence "), values)
    for key in directions:
        target = key.rpartition(" ")[2]
        values = [r["models"][names[0]][f"real/coherence {target}"] for r in records]
        add(section, "the classifier on real rows", "coherence.real", key.removeprefix("coherence "), values)
    section = "Rank correlation with the silhouette, over the models"
    for metric, values in rank_correlations(records).items():
        add(section, "Spearman", "ranks.silhouette", METRICS[metric], values)
    return rows


def write(config: Config, preset: Config, prepared: Prepared, records: Records, timing: Mapping[str, float]) -> Path:
    """The report; returns the path of `report.md`."""
    source = {k: v for k, v in prepared.dataset.source.items() if k != "path"}
    notes = ranking_notes(records)
    notes.append(
        "Vectors have a Gaussian likelihood of variance ½, tags a Bernoulli; every model is scored under these. The "
        "document's objective averages each modality's error over its elements. Coherence is judged by classifiers of "
        "real training rows. log p(words given sound) is the model's own conditional, the density of generated words "
        "that of encoding the sound and decoding words."
    )
    return report.write(
        report.Report(
            document="Multimodal VAEs by likelihood and coherence",
            preset=config.preset,
            data={**source, "parts": {f"seed {i}": r["sizes"] for i, r in enumerate(records)}},
            environment=report.environment(),
            rows=make_rows(records),
            notes=notes,
            timing=dict(timing),
            settings={
                "models": ", ".join(config.variant),
                "modalities": ", ".join(records[0]["modalities"]),
                "changed": runs.settings_changed(config, preset),
            },
        ),
        config.out,
    )
