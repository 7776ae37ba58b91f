"""Beyond the Joint VAE document: the seeds' scores → records with intervals, and what the report's rows say."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from records import Table, make_rows, tidy

from documents.joint_vae_beyond.config import Config
from documents.joint_vae_beyond.scores import DIRECTIONS, METRICS
from documents.joint_vae_beyond.variants import is_choosable
from jaxmusic import evaluation, report

CHOSEN = "chosen by validation"
AGAINST = ("linear CCA, document's inputs", "linear CCA")
TITLES = {
    ("recall@10", "lyrics_to_audio"): "R@10 lyrics → audio",
    ("recall@10", "audio_to_lyrics"): "R@10 audio → lyrics",
    ("mrr", "lyrics_to_audio"): "MRR lyrics → audio",
    ("mrr", "audio_to_lyrics"): "MRR audio → lyrics",
}
CURVES = {"base": "JointVAE, base", "cca": "linear CCA", "cca_document": "linear CCA, document's inputs"}
_METRICS = {"recall@10": "R@10", "mrr": "MRR"}
# What a seed left: `models` (name → scores, of the test part one value a query), `groups`, `sizes`, `skipped`.
Seeds = Sequence[Mapping[str, Any]]


def with_chosen(seeds: Seeds) -> list[dict[str, Any]]:
    """The seeds with each one's best variant by validation under a name of its own."""
    found = []
    for seed in seeds:
        models = dict(seed["models"])
        candidates = {
            name: scored["valid"]
            for name, scored in models.items()
            if not scored.get("is_reference") and is_choosable(name)
        }
        if candidates:
            best = max(candidates, key=lambda name: candidates[name])
            models[CHOSEN] = {**models[best], "choice": best}
        found.append({**seed, "models": models})
    return found


def names(seeds: Seeds) -> list[str]:
    """Models of all seeds, the chosen one first, then references, then variants."""
    known = dict.fromkeys(name for seed in seeds for name in seed["models"])
    is_reference = {name: any(s["models"].get(name, {}).get("is_reference") for s in seeds) for name in known}
    order = sorted(known, key=lambda name: (name != CHOSEN, not is_reference[name]))
    return [name for name in order if all(name in seed["models"] for seed in seeds)]


def queries(seeds: Seeds, name: str, direction: str, metric: str, among: str = "test") -> np.ndarray | None:
    """Values of all seeds' test queries among all pairs, or `"within"` a language; None without alignment."""
    found = [seed["models"][name].get(among) for seed in seeds]
    if any(test is None for test in found):
        return None
    return np.concatenate([np.asarray(test[direction][metric]) for test in found])


def _bootstrap(seeds: Seeds, values: np.ndarray) -> evaluation.Interval:
    """By artist (song) of every test query, as `queries` has them."""
    groups = np.concatenate([np.asarray(seed["groups"]) for seed in seeds])
    return evaluation.bootstrap_interval(values, groups=groups, seed=0)


def interval(seeds: Seeds, name: str, direction: str, metric: str, among: str = "test") -> evaluation.Interval | None:
    """Mean over all test queries, with the 95 % interval of a bootstrap by artist."""
    values = queries(seeds, name, direction, metric, among)
    return None if values is None else _bootstrap(seeds, values)


def difference(seeds: Seeds, name: str, other: str, metric: str) -> evaluation.Interval | None:
    """`name` minus `other` on the same queries, mean of both directions, with its 95 % interval."""
    pairs = [(queries(seeds, name, d, metric), queries(seeds, other, d, metric)) for d in DIRECTIONS]
    if any(a is None or b is None for a, b in pairs):
        return None
    return _bootstrap(seeds, np.mean([a - b for a, b in pairs if a is not None and b is not None], axis=0))


def chance(seeds: Seeds, metric: str, sizes_of: str = "all") -> float:
    """Expectation of a random order, over the test pairs of all seeds, or over those `"within"` a language."""
    by_seed = ([seed["sizes"]["test pairs"]] if sizes_of == "all" else seed["languages"] for seed in seeds)
    sizes = np.array([n for of in by_seed for n in of], np.float64)
    each = [min(10, n) / n if metric == "recall@10" else float(np.sum(1 / np.arange(1, n + 1)) / n) for n in sizes]
    return float(np.average(each, weights=sizes))


def all_rows(config: Config, seeds: Seeds, experiments: Mapping[str, pd.DataFrame]) -> list[report.Row]:
    """Everything that was measured, one row a model and one column a metric."""
    records = pd.DataFrame(
        [{**record, "seed": i} for i, seed in enumerate(seeds) for record in _records(config, seeds, seed)]
    )
    notes = _notes(seeds)
    tables = [
        Table(
            section,
            f"{id}.{{model}}",
            "{model}",
            kind,
            {"kind": [id], "model": ["chance", *names(seeds)]},
            "{measure}",
            note=lambda v: notes.get((v["kind"], v["model"], v["measure"]), ""),
        )
        for id, kind, section in (
            ("retrieval", "retrieval", "Retrieval on the test parts"),
            ("within", "retrieval", "Retrieval among the test pairs of one language"),
            ("difference", "difference", "Paired differences on the same test queries, mean of both directions"),
            ("space", "clusters, probe", "Latent spaces on the test parts: K-means against labels, linear probe"),
            ("validation", "validation", "Search: validation score (mean MRR of both directions)"),
        )
    ]
    curve = Table(
        "Recall@10 (mean of both directions) against the number of training pairs",
        "pairs.{pairs}",
        "{pairs} pairs",
        "recall@10",
        {"pairs": (), "metric": CURVES},
        "{metric}",
    )
    missing = Table(
        "Lyrics dropped, base with each fusion",
        "missing.{share:g}",
        "{share:.0%} of the lyrics dropped",
        "both",
        {
            "share": sorted(set(experiments["missing"]["share"])),
            "fusion": (),
            "metric": {"recall@10": "R@10", "genre NMI": "genre NMI"},
        },
        "{metric} {fusion}",
    )
    return [
        *make_rows(records, tables, seeds=len(seeds)),
        *make_rows(with_sizes(experiments["pairs"]), [curve]),
        *make_rows(experiments["missing"], [missing]),
    ]


def _records(config: Config, seeds: Seeds, seed: Mapping[str, Any]) -> list[dict[str, Any]]:
    """One seed's numbers: kind, model, measure, value. Of models that all seeds have."""
    found = tidy(
        {"chance": {title: chance([seed], metric) for (metric, _), title in TITLES.items()}},
        "model",
        "measure",
        kind="retrieval",
    )
    found += tidy(
        {"chance": {title: chance([seed], metric, "within") for (metric, _), title in TITLES.items()}},
        "model",
        "measure",
        kind="within",
    )
    for name in names(seeds):
        scored, test = seed["models"][name], seed["models"][name].get("test")
        values: dict[str, dict[str, Any]] = {"difference": {}, "space": {}, "validation": {}}
        if test is not None:
            for kind, among in (("retrieval", test), ("within", scored["within"])):
                values[kind] = {title: np.mean(among[d][metric]) for (metric, d), title in TITLES.items()}
            for other in AGAINST:
                base = seed["models"].get(other, {}).get("test")
                if name != other and base is not None:
                    for metric, title in _METRICS.items():
                        own, its = (np.mean([np.mean(x[d][metric]) for d in DIRECTIONS]) for x in (test, base))
                        values["difference"][f"{title} − {other}"] = own - its
        for label in config.labels:
            agreement = scored.get("clusters", {}).get(label, {})
            values["space"] |= {
                f"{label} NMI": agreement.get("normalized_mutual_information"),
                f"{label} ARI": agreement.get("adjusted_rand"),
                f"{label} probe": scored.get("probe", {}).get(label, {}).get("accuracy"),
            }
        values["space"]["active units"] = scored.get("health", {}).get("active_units")
        if name != CHOSEN:
            values["validation"]["MRR"] = scored.get("valid")
        found += tidy({kind: {name: x} for kind, x in values.items()}, "kind", "model", "measure")
    return found


def _notes(seeds: Seeds) -> dict[tuple[str, str, str], str]:
    """(kind, model, measure) → intervals, and how often a variant was chosen."""
    notes = {}
    for name in names(seeds):
        for kind, among in (("retrieval", "test"), ("within", "within")):
            for (metric, direction), title in TITLES.items():
                spread = interval(seeds, name, direction, metric, among)
                if spread is not None:
                    notes[kind, name, title] = f"95 % {spread.low:.3f} to {spread.high:.3f}"
        for other in AGAINST:
            for metric in METRICS:
                gap = difference(seeds, name, other, metric) if name != other else None
                if gap is not None:
                    key = ("difference", name, f"{_METRICS[metric]} − {other}")
                    notes[key] = f"95 % {gap.low:+.3f} to {gap.high:+.3f}"
        picks = sum(seed["models"].get(CHOSEN, {}).get("choice") == name for seed in seeds)
        if picks:
            notes["validation", name, "MRR"] = f"chosen in {picks} of {len(seeds)} seeds"
    return notes


def with_sizes(points: pd.DataFrame) -> pd.DataFrame:
    """The learning curve with a column `pairs`: the whole training part differs a little between seeds and is one
    size, its mean."""
    of_size = points[points["metric"] == "pairs"].groupby("size", sort=False)["value"].mean().round().astype(int)
    sized = points.assign(pairs=points["size"].map(of_size))
    return sized.sort_values("pairs", kind="stable")
