"""Multimodal VAEs: what the report's rows say, and the rank correlations."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from records import Table, make_rows, tidy

from jaxmusic import report

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
    "joint_log_likelihood",
    "words_given_sound",
    "words_generated_from_sound",
    "coherence",
    "recall@10",
    "adjusted_rand",
)
# What a seed left: `models` (name → scores), `sizes`, `modalities`.
Seeds = Sequence[Mapping[str, Any]]


def rank_correlations(seeds: Seeds) -> dict[str, list[float]]:
    """Measure → Spearman's correlation with the silhouette over the models in every seed; NaN where one is constant."""
    from scipy.stats import spearmanr

    found: dict[str, list[float]] = {}
    for metric in _AGAINST:
        pairs = [
            ([m["silhouette"] for m in r["models"].values()], [m[metric] for m in r["models"].values()]) for r in seeds
        ]
        usable = [len(set(a)) > 1 and len(set(b)) > 1 and bool(np.isfinite([*a, *b]).all()) for a, b in pairs]
        found[metric] = [
            float(spearmanr(a, b).statistic) if ok else float("nan") for (a, b), ok in zip(pairs, usable, strict=True)
        ]
    return found


def order_of_means(seeds: Seeds, metric: str) -> tuple[float, float]:
    """Spearman's correlation between the models' mean silhouettes and their means of a measure, and its p.

    p is the share of all orders of the models that agree as well or better: exact for the few models there are.
    """
    from scipy.stats import permutation_test, spearmanr

    names = list(seeds[0]["models"])
    first, second = (
        [float(np.mean([seed["models"][name][key] for seed in seeds])) for name in names]
        for key in ("silhouette", metric)
    )
    if len(set(first)) < 2 or len(set(second)) < 2 or not np.isfinite([*first, *second]).all():
        return float("nan"), float("nan")
    test = permutation_test(
        (first,),
        lambda x: spearmanr(x, second).statistic,
        permutation_type="pairings",
        alternative="greater",
        n_resamples=np.inf,
        vectorized=False,
    )
    return float(test.statistic), float(test.pvalue)


def ranking_notes(seeds: Seeds) -> list[str]:
    """Whether the models' order by silhouette is their order by each other measure, a sentence each."""
    notes = []
    for metric, values in rank_correlations(seeds).items():
        title, of_means = METRICS[metric], order_of_means(seeds, metric)
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


def all_rows(seeds: Seeds) -> list[report.Row]:
    """One row a model and one column a measure, then the rank correlations."""
    records = pd.DataFrame(
        [{**record, "seed": i} for i, seed in enumerate(seeds) for record in _records(seed["models"])]
    )
    ranks = [
        record
        for metric, values in rank_correlations(seeds).items()
        for i, value in enumerate(values)
        for record in tidy({metric: value}, "measure", seed=i)
    ]
    section = "Test rows: log-likelihoods in nats, coherence, retrieval and clusters"
    directions = "Coherence of each direction"
    tables = [
        Table(section, "models.{model}", "{model}", "score", {"model": (), "measure": METRICS}, "{measure}"),
        Table(directions, "coherence.{coherent}", "{coherent}", "score", {"coherent": ()}, "{direction}"),
        Table(directions, "coherence.real", "the classifier on real rows", "score", {"real": ["real"]}, "{direction}"),
    ]
    rank = Table(
        "Rank correlation with the silhouette, over the models",
        "ranks.silhouette",
        "Spearman",
        "score",
        {"measure": METRICS},
        "{measure}",
    )
    return [*make_rows(records, tables), *make_rows(pd.DataFrame(ranks), [rank])]


def _records(models: Mapping[str, Mapping[str, float]]) -> list[dict[str, Any]]:
    """One seed's numbers; chance and the classifiers on real rows are the same for every model."""
    measured = {name: {measure: scores[measure] for measure in METRICS} for name, scores in models.items()}
    first = next(iter(models.values()))
    measured["chance"] = {measure: first[f"chance/{measure}"] for measure in ("coherence", "recall@10")}
    directions = [key for key in first if key.startswith("coherence ")]
    found = tidy(measured, "model", "measure")
    for key in directions:
        direction, target = key.removeprefix("coherence "), key.rpartition(" ")[2]
        found += tidy({name: scores[key] for name, scores in models.items()}, "coherent", direction=direction)
        found += tidy({"real": first[f"real/coherence {target}"]}, "real", direction=direction)
    return found
