"""Hybrid-language clustering: the figures of a run that `notes.md` speaks of."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

import numpy as np
import pandas as pd
from records import mean_of, moments, select

from jaxmusic import report


def measured(
    first: str, records: pd.DataFrame, experiments: Mapping[str, pd.DataFrame], fits: Sequence[report.Distance]
) -> dict[str, Any]:
    """Name in `notes.md` → value."""
    elbo = "sum_sum_split" if "sum_sum_split" in set(records["variant"]) else first
    own, hybrid = (
        mean_of(records, variant=first, method="raw", space=space, metric="silhouette") for space in ("own", "hybrid")
    )
    return {
        "first": first,
        "elbo": elbo,
        "raw_own": own,
        "raw_hybrid": hybrid,
        "lowered": "Scoring in the hybrid space lowers it, as the table's negative values suggest."
        if hybrid < own
        else "Here the hybrid space does not lower it.",
        "readings": "; ".join(f"{x.column} {x.mean:.2f} ({x.inside} of {x.numbers} inside)" for x in fits)
        or "not compared: that takes two seeds",
        **{
            name: mean_of(records, variant=elbo, method=name, space="genre", metric="adjusted_rand")
            for name in ("conditional", "conditional_marginal", "conditional_appended")
        },
        **_best(select(records, variant=first)),
        **_of_experiments(experiments),
    }


def _of_experiments(experiments: Mapping[str, pd.DataFrame]) -> dict[str, Any]:
    if not experiments:
        names = ("alignment", "leakage", "leakage_verdict", "classifier", "mig", "best_beta", "clear", "against")
        return dict.fromkeys((*names, "incremental"))
    return {
        "alignment": _alignment(experiments["alignment"]),
        **_leakage(experiments["leakage"]),
        **_beta(select(experiments["disentanglement"], metric="mig")),
        "incremental": _incremental(experiments["incremental"]),
    }


def _alignment(points: pd.DataFrame) -> str:
    mean = partial(mean_of, select(points, method="Ward"))
    return "; ".join(
        f"{n} sentences: "
        + ", ".join(
            f"{text} {mean(sentences=n, text=text, metric='silhouette'):.2f} / "
            f"{mean(sentences=n, text=text, metric='adjusted_rand'):.3f}"
            for text in ("aligned", "shuffled")
        )
        for n in sorted(set(points["sentences"]))
    )


def _leakage(points: pd.DataFrame) -> dict[str, str]:
    tests = points.dropna(subset=["descriptor"]).pivot(index="descriptor", columns="metric", values="value")
    tests = tests.loc[list(dict.fromkeys(points["descriptor"].dropna()))]
    dependent = [str(name) for name in tests.index[tests["p_value"] < 0.05]]
    told = points.dropna(subset=["classifier"]).set_index("classifier")["value"]
    classifier = ""
    if "accuracy" in told:
        classifier = (
            f" The sentence alone tells the genre of {told['accuracy']:.1%} of the tracks, the most frequent genre has "
            f"{told['majority']:.1%}."
        )
    return {
        "leakage": ", ".join(
            f"{name} {test['mutual_information']:.3f} nats (chance {test['expected']:.3f}, p = {test['p_value']:.3f})"
            for name, test in tests.iterrows()
        ),
        "leakage_verdict": "the claim that statistical tests confirmed no correlation does not hold for "
        + ", ".join(dependent)
        if dependent
        else "no descriptor shares more information with genre than chance gives",
        "classifier": classifier,
    }


def _beta(gaps: pd.DataFrame) -> dict[str, str]:
    """MIG by β; whether the best lies above β = 1 and PCA by two standard errors of the paired differences."""
    values = {str(model): group["value"].to_numpy() for model, group in gaps.groupby("model", sort=False)}
    best = max((model for model in values if model != "PCA"), key=lambda model: values[model].mean())
    against = [*(["β = 1"] if best != "β = 1" else []), "PCA"]
    leads = [moments(values[best] - values[model]) for model in against]
    n = len(values[best])
    is_clear = all(n > 1 and mean > 2 * spread / np.sqrt(n) for mean, spread in leads)
    return {
        "mig": ", ".join("{} {:.3f} ± {:.3f}".format(model, *moments(x)) for model, x in values.items()),
        "best_beta": best,
        "clear": "above" if is_clear else "not clearly above",
        "against": " and ".join(against),
    }


def _incremental(points: pd.DataFrame) -> str:
    mean = partial(mean_of, points)
    return "; ".join(
        f"{name} {mean(rows=name, metric='adjusted_rand'):.3f} and {mean(rows=name, metric='agreement'):.2f}"
        for name in dict.fromkeys(points["rows"])
    )


def _best(records: pd.DataFrame) -> dict[str, Any]:
    """The best methods of one variant by agreement with genre and by silhouette."""
    scored = records[records["method"] != "conditional_appended"]
    agreement = select(scored, space="genre", metric="adjusted_rand").groupby("method", sort=False)["value"].mean()
    silhouette = select(scored, space="own", metric="silhouette").groupby("method", sort=False)["value"].mean()
    by_agreement, by_silhouette = str(agreement.idxmax()), str(silhouette.fillna(-1.0).idxmax())
    return {
        "by_agreement": by_agreement,
        "best_agreement": agreement[by_agreement],
        "by_silhouette": by_silhouette,
        "best_silhouette": silhouette[by_silhouette],
        "its_agreement": agreement[by_silhouette],
    }
