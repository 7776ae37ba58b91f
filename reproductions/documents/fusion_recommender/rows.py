"""Fusion recommender: which records the report shows, and what its rows say."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pandas as pd
from records import Table, make_rows, reported_rows

from documents.fusion_recommender.cluster_rows import TABLES, cluster_records
from documents.fusion_recommender.comparisons import AGAINST, Facts, compared
from documents.fusion_recommender.config import Config
from documents.fusion_recommender.factors import LENGTH
from documents.fusion_recommender.listening import PROTOCOLS
from documents.fusion_recommender.lists import MAP, PROTOCOL_TITLES, TITLES
from documents.fusion_recommender.variants import METADATA_ONLY, TABLE1
from jaxmusic import data, report

_ACCURACIES = {
    "train_accuracy": "training accuracy",
    "accuracy": "test accuracy",
    "balanced_accuracy": "balanced test accuracy",
    "macro_f1": "macro-F1",
    "majority": "largest class's share of the test songs",
}
_RANKINGS = {
    MAP: f"mAP@{LENGTH}",
    "precision@10": "precision@10",
    "recall@100": "recall@100",
    "ndcg@100": "NDCG@100",
    "coverage@100": "coverage@100",
}
_TITLES = {**_ACCURACIES, **_RANKINGS}
_STATED = ("row2_metadata", "row4", "row3", "row2", "wmf_linear", "wmf_mlp")
_TABLE2 = "Table 2 (5.5, Table 2)"


def titles_of(config: Config) -> dict[str, str]:
    """Method → what a reader sees of it."""
    return {name: title.format(k=config.soft_k, long_epochs=config.net.long_epochs) for name, title in TITLES.items()}


def all_rows(
    config: Config,
    songs: data.MillionSongs,
    records: pd.DataFrame,
    facts: Facts,
    experiments: Mapping[str, Any],
    reported: Mapping[str, Any],
) -> list[report.Row]:
    """Every number of the document, then what it lacks."""
    # Trained as long on the document's data; its split is of songs, not of artists.
    comparable = [
        name for name in config.variant if config.same_data and name != "artist" and config.net.epochs == 2000
    ]
    clusters = cluster_records(experiments["clusters"])
    return [
        *_data_rows(config, songs, facts, reported),
        *make_rows(clusters, TABLES, reported, comparable=[""] * config.same_data),
        *make_rows(records, _table1(config), reported, comparable=comparable),
        *make_rows(records, _table2(config), reported, comparable=comparable),
        *reported_rows(records, reported, seeds=config.seeds, titles={"metric": _TITLES}, comparable=comparable),
        *_cited(reported),
        *make_rows(records, _by_protocol(config)),
        *_comparisons(config, facts),
        *_experiment_rows(config, records, facts, experiments),
    ]


def _data_rows(config: Config, songs: data.MillionSongs, facts: Facts, reported: Mapping[str, Any]) -> list[report.Row]:
    """Counts are exact: on the document's data they are equal or they are not."""
    counts = songs.songs.source["counts"]
    first = facts[config.variant[0]][0]["lists"]["facts"]
    found = {
        name: counts[name.replace("_", " ")] for name in ("songs_with_tags", "distinct_tags", "distinct_tag_lists")
    }
    found |= {"candidate_songs": first["candidate songs"], "users": first["users"]}
    made = []
    for name, value in found.items():
        entry = reported[f"data.{name}"]
        verdict = report.REPRODUCED if entry["reported"] == value else report.NOT_REPRODUCED
        made.append(
            report.Row(
                f"data.{name}",
                "Data (3.1, 4 and 5.5)",
                name.replace("_", " "),
                "count",
                entry["reported"],
                float(value),
                None,
                1,
                verdict if config.same_data else None,
                entry.get("note", ""),
            )
        )
    return made


def _table1(config: Config) -> list[Table]:
    what = {
        row: f"k = {setting.k}, rate {setting.learning_rate:g}, p = {setting.dropout}"
        for row, setting in {**TABLE1, METADATA_ONLY: TABLE1["row2"]}.items()
    }
    what[METADATA_ONLY] += ", metadata only"
    return [
        Table(
            f"Table 1 (5.4, Table 1); {config.net.epochs} epochs",
            "table1.{model}.{metric}",
            "{model}",
            where={"model": what, "metric": _ACCURACIES},
        ),
        Table(
            f"Table 1's second row, {config.net.long_epochs} epochs",
            "long.{metric}",
            f"{what['row2']}, first seed",
            where={"model": ["long"], "metric": _ACCURACIES},
        ),
    ]


def _table2(config: Config) -> list[Table]:
    return [
        Table(
            _TABLE2 if method in _STATED else "What Table 2 lacks",
            "table2.{method}.{metric}",
            "{method}",
            where={"method": {method: title}, "metric": _RANKINGS},
        )
        for method, title in titles_of(config).items()
    ]


def _cited(reported: Mapping[str, Any]) -> list[report.Row]:
    """Rows that the document cites of others and that were not run."""
    return [
        report.Row(
            id,
            _TABLE2,
            entry["what"].format_map(entry),
            f"mAP@{LENGTH}",
            entry["reported"],
            None,
            None,
            0,
            None,
            entry["note"],
        )
        for id, entry in reported.items()
        if "cited" in entry
    ]


def _by_protocol(config: Config) -> list[Table]:
    """A table for each split: methods by who and what is kept."""
    titles = titles_of(config)
    counts = {"users": "users", "songs": "songs that are ranked"}
    shown: list[tuple[str, Mapping[str, str]]] = [
        (f"mAP@{LENGTH}", {name: titles[name] for name in PROTOCOL_TITLES}),
        ("count", counts),
    ]
    return [
        Table(
            f"Who and what is kept, split {variant}",
            "protocol.{variant}.{ranked}",
            "{ranked}",
            metric,
            {"variant": [variant], "ranked": ranked, "protocol": list(PROTOCOLS)},
            column="{protocol}",
        )
        for variant in config.variant
        for metric, ranked in shown
    ]


def _comparisons(config: Config, facts: Facts) -> list[report.Row]:
    titles = titles_of(config)
    return [
        report.Row(
            f"paired.{base}.{method}",
            f"Difference of mAP@{LENGTH} to {title}",
            titles[method],
            "difference",
            None,
            interval.mean,
            None,
            len(facts[name]),
            None,
            f"95 % interval {interval.low:.4f} to {interval.high:.4f}, {users} users",
            column=name,
        )
        for base, title in AGAINST.items()
        for name in config.variant
        for method, (interval, users) in compared(facts[name], base).items()
    ]


def _experiment_rows(
    config: Config, records: pd.DataFrame, facts: Facts, experiments: Mapping[str, Any]
) -> list[report.Row]:
    settings = config.experiments
    sweep = Table(
        f"mAP against k, {config.net.epochs} epochs",
        "sweep.{k:g}.{way}",
        "k = {k:g}, {way}",
        f"mAP@{LENGTH}",
        {"k": (), "way": {"dot": "net, dot", "cosine": "net, cosine", "labels": "K-means labels"}},
    )
    fusion = Table(
        f"Ways to fuse, k = 6, {settings.fusion_epochs} epochs, no PCA",
        "fusion.{fusion}.{metric}",
        "{fusion}",
        where={"fusion": (), "metric": {m: _ACCURACIES[m] for m in ("accuracy", "balanced_accuracy")}},
        column="",
    )
    made = make_rows(records, [sweep]) if "way" in records else []
    if experiments["fusions"]:
        made += make_rows(pd.DataFrame(experiments["fusions"]), [fusion])

    def add(id: str, section: str, what: str, metric: str, value: float, note: str = "") -> None:
        made.append(
            report.make_row(
                id,
                section=section,
                what=what,
                metric=metric,
                reported=None,
                fresh=[value],
                is_same_data=False,
                note=note,
            )
        )

    for i, cell in enumerate(experiments["search"]["cells"]):
        add(
            f"search.{i}",
            f"Search on a validation part of the training songs, k = 6, {settings.search_epochs} epochs",
            f"{cell['widths']}, p = {cell['dropout']}",
            "validation accuracy",
            cell["accuracy"],
            f"balanced {cell['balanced_accuracy']:.3f}, training {cell['train_accuracy']:.3f}, "
            f"{cell['parameters']:,} parameters",
        )
    for cell in experiments["search"]["chosen"]:
        add(
            f"search.test.{cell['of']}",
            "The search's best cell and the document's, trained on all training songs",
            f"{cell['of']}: {cell['widths']}, p = {cell['dropout']}",
            "test accuracy",
            cell["accuracy"],
            f"balanced {cell['balanced_accuracy']:.3f}, training {cell['train_accuracy']:.3f}",
        )
    for k, classes in sorted(facts[config.variant[0]][0]["classes"].items(), key=lambda item: int(item[0])):
        for c, (names, share) in enumerate(zip(classes["names"], classes["shares"], strict=True)):
            if int(k) <= 6:
                add(
                    f"classes.{k}.{c}",
                    f"Clusters of the first seed, {config.variant[0]} split",
                    f"k = {k}: {names}",
                    "share of the training songs",
                    share,
                )
    return made
