"""Fusion recommender: the sentences of `notes.md` that carry a figure of this run."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

import pandas as pd
from records import mean_of

from documents.fusion_recommender import rows
from documents.fusion_recommender.comparisons import Facts, compared
from documents.fusion_recommender.config import Config
from documents.fusion_recommender.factors import LENGTH
from documents.fusion_recommender.listening import PROTOCOLS
from documents.fusion_recommender.lists import MAP, STATED
from jaxmusic import report


def measured(
    config: Config,
    records: pd.DataFrame,
    facts: Facts,
    experiments: Mapping[str, Any],
    made: Sequence[report.Row],
    reported: Mapping[str, Any],
) -> list[str]:
    """What the runs say, in their numbers."""
    found = []
    titles = rows.titles_of(config)
    for name in config.variant:
        mean = partial(mean_of, records, variant=name, metric=MAP)
        popularity, own, chance = (mean(method=method) for method in ("popularity", "row2", "random"))
        found.append(
            f"Split {name}, mAP@{LENGTH}: random order {chance:.4f}, the document's recipe (k = 6) {own:.4f}, "
            f"popularity alone {popularity:.4f}, WMF {mean(method='wmf'):.4f}."
        )
        for base, title in (("row2", "the document's recipe"), ("popularity", "popularity alone")):
            better: list[str] = []
            worse: list[str] = []
            unclear: list[str] = []
            for method, (difference, _) in compared(facts[name], base).items():
                text = f"{titles[method]} ({difference.mean:+.4f})"
                (better if difference.low > 0 else worse if difference.high < 0 else unclear).append(text)
            for kind, names in (("better than", better), ("worse than", worse), ("not told apart from", unclear)):
                if names:
                    found.append(f"Split {name}, paired bootstrap, {kind} {title}: {'; '.join(names)}.")
        found.append(_fits(name, made, reported))
    found += [f"Protocol {name}: {title}." for name, title in PROTOCOLS.items()]
    found += _clusters(experiments["clusters"])
    notes = {c["note"] for of in facts.values() for record in of for c in record["classes"].values() if c["note"]}
    found += [f"Classes: {note}." for note in sorted(notes)]
    untested = {
        f"{row} ({name})"
        for name, of in facts.items()
        for record in of
        for row, scores in record["models"].items()
        if row != "long" and scores["classes_without_test_songs"]
    }
    if untested:
        found.append(
            f"In some seed a class has no test song, and no part in balanced accuracy: {', '.join(sorted(untested))}."
        )
    if experiments["search"]["cells"]:
        best = max(experiments["search"]["cells"], key=lambda row: row["accuracy"])
        found.append(
            f"Search: {best['widths']}, p = {best['dropout']} had the highest validation accuracy, "
            f"{best['accuracy']:.3f}."
        )
    if config.net.epochs != 2000:
        found.append(f"Table 1's rows were trained for {config.net.epochs} epochs, not 2,000.")
    return found


def _fits(variant: str, made: Sequence[report.Row], reported: Mapping[str, Any]) -> str:
    """How far the document's four mAPs lie from those of each protocol."""
    stated = {f"protocol.{variant}.{name}": reported[f"table2.{name}.{MAP}"]["reported"] for name in STATED}
    rows = [replace(row, reported=stated[row.id]) for row in made if row.id in stated]
    columns = [name for name in PROTOCOLS if any(row.column == name for row in rows)]
    fits = "; ".join(
        f"{fit.column} {fit.mean:.1f} ({fit.inside} of {fit.numbers} inside)" for fit in report.distances(rows, columns)
    )
    return (
        f"Split {variant}, mean distance of the document's four mAPs from the runs under each protocol, in half-widths "
        f"of the 95 % prediction interval: {fits}."
    )


def _clusters(clusters: Mapping[str, Any]) -> list[str]:
    shared = [k for k in (13, 6) if k in clusters["word2vec"]["k"] and k in clusters["multi-hot"]["k"]]
    if not shared:
        return []
    k = shared[0]
    words, hot = (clusters[s]["normalized_inertia"][clusters[s]["k"].index(k)] for s in ("word2vec", "multi-hot"))
    return [
        f"At k = {k}, K-means leaves {words:.2f} of the word vectors' inertia and {hot:.2f} of the multi-hot vectors': "
        f"{1 - words / hot:.0%} less, not 99 %. {clusters['lists']} distinct lists of {clusters['tags']} tags; "
        f"{clusters['tags seen once']} tags occur in one list only."
    ]
