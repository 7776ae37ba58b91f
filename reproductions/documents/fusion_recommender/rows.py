"""Fusion recommender: which records the report shows, and what its rows say."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from records import Table, make_rows, tidy

from documents.fusion_recommender.config import Config
from documents.fusion_recommender.lists import LENGTH, TITLES
from documents.fusion_recommender.variants import METADATA_ONLY, TABLE1
from jaxmusic import data, report
from jaxmusic.evaluation import Interval, bootstrap_interval

# Variant → what its seeds left besides records.
Facts = Mapping[str, Sequence[Mapping[str, Any]]]
_ACCURACIES = {
    "train_accuracy": "training accuracy",
    "accuracy": "test accuracy",
    "balanced_accuracy": "balanced test accuracy",
    "macro_f1": "macro-F1",
    "majority": "largest class's share of the test songs",
}
_RANKINGS = {
    f"map@{LENGTH}": f"mAP@{LENGTH}",
    "precision@10": "precision@10",
    "recall@100": "recall@100",
    "ndcg@100": "NDCG@100",
    "coverage@100": "coverage@100",
}
_STATED = ("row2_metadata", "row4", "row3", "row2", "wmf_linear", "wmf_mlp")
_TABLE2 = "Table 2 (5.5, Table 2)"
# Pairs that the bootstrap compares: the better one is expected first.
COMPARED = (
    "row2_cosine", "soft_cosine", "tags", "tags_predicted", "hybrid_fusion", "hybrid_raw", "hybrid_tags",
    "wmf_linear_cosine", "wmf_mlp_cosine", "hybrid_wmf_linear", "hybrid_wmf_mlp", "wmf",
)  # fmt: skip
AGAINST = {"row2": "the document's recipe (k = 6, dot)", "popularity": "popularity alone"}


def titles_of(config: Config) -> dict[str, str]:
    """Method → what a reader sees of it."""
    return {name: title.format(k=config.soft_k) for name, title in TITLES.items()}


def all_rows(
    config: Config,
    songs: data.MillionSongs,
    records: pd.DataFrame,
    facts: Facts,
    experiments: Mapping[str, Any],
    reported: Mapping[str, Any],
) -> list[report.Row]:
    """Every number of the document, then what it lacks."""
    counts = songs.songs.source["counts"]
    columns = {name: name.replace("_", " ") for name in ("songs_with_tags", "distinct_tags", "distinct_tag_lists")}
    is_same_data = all(counts[title] == reported[f"data.{name}"]["reported"] for name, title in columns.items())
    data_rows = [
        report.Row(
            f"data.{name}",
            "Data (3.1, 4 and 5.5)",
            title,
            "count",
            reported[f"data.{name}"]["reported"],
            float(counts[title]),
            None,
            1,
            report.REPRODUCED if is_same_data else None,
        )
        for name, title in columns.items()
    ]
    # Only the random split, trained as long, is the document's.
    comparable = [name for name in config.variant if is_same_data and name != "artist" and config.net.epochs == 2000]
    return [
        *data_rows,
        *make_rows(_cluster_records(experiments["clusters"]), _CLUSTERS, reported),
        *make_rows(records, _table1(config), reported, comparable=comparable),
        *make_rows(records, _table2(config), reported),
        *_cited(reported),
        *_comparisons(config, facts),
        *_experiment_rows(config, facts, experiments),
    ]


def _cluster_records(clusters: Mapping[str, Any]) -> pd.DataFrame:
    """K-means of the tag lists, by space and k; the elbow has no k."""
    names = {"inertia": "inertia", "normalized_inertia": "normalized", "silhouette": "silhouette",
             "largest_share": "largest", "entropy": "entropy"}  # fmt: skip
    found = []
    for space in ("multi-hot", "word2vec"):
        swept = clusters[space]
        by_k = {k: {short: swept[name][i] for name, short in names.items()} for i, k in enumerate(swept["k"])}
        found += tidy({"elbow": swept["elbow"]}, "metric", space=space, k=0, seed=0)
        found += tidy(by_k, "k", "metric", space=space, seed=0)
    return pd.DataFrame(found)


def _elbow(values: Mapping[str, Any]) -> str:
    rule = "farthest from the chord of the curve"
    return rule + ("; the document says 10 to 20" if values["space"] == "word2vec" else "")


_CLUSTERS = [
    table
    for space in ("multi-hot", "word2vec")
    for table in (
        Table(
            "Tag clusters (5.1, figures 4 to 7)",
            "clusters.{space}.elbow",
            "{space}",
            "elbow, k",
            {"space": [space], "metric": ["elbow"]},
            column="",
            note=_elbow,
        ),
        Table(
            "Tag clusters (5.1, figures 4 to 7)",
            "clusters.{space}.{metric}.{k}",
            "{space}, k = {k}",
            where={
                "space": [space],
                "k": (3, 4, 6, 13, 50),
                "metric": {
                    "inertia": "inertia",
                    "normalized": "inertia over that of one cluster",
                    "silhouette": "silhouette",
                    "largest": "largest cluster's share",
                    "entropy": "entropy of sizes over log k",
                },
            },
            column="",
        ),
    )
]


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
        if "what" in entry
    ]


def comparison(lists: Sequence[Mapping[str, Any]], a: str, b: str) -> tuple[Interval, int] | None:
    """Paired difference of AP with its interval, and the number of users; of each seed `users` and `precision`.

    Every user of every seed counts, as in the tables' means; users are drawn with all their seeds, since those of one
    user are alike.
    """
    differences: list[float] = []
    users: list[int] = []
    for found in lists:
        if a not in found["precision"] or b not in found["precision"]:
            return None
        differences += [x - y for x, y in zip(found["precision"][a], found["precision"][b], strict=True)]
        users += found["users"]
    return bootstrap_interval(np.array(differences), groups=np.array(users), seed=0), len(set(users))


def compared(facts: Sequence[Mapping[str, Any]], base: str) -> dict[str, tuple[Interval, int]]:
    """Method → its comparison with `base`, of those that can be made."""
    lists = [seed["lists"] for seed in facts]
    found = {method: comparison(lists, method, base) for method in COMPARED}
    return {method: result for method, result in found.items() if result is not None}


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


def _experiment_rows(config: Config, facts: Facts, experiments: Mapping[str, Any]) -> list[report.Row]:
    studies = config.studies
    sweep = Table(
        f"mAP against k, {studies.sweep_epochs} epochs, random split",
        "sweep.{k}.{way}",
        "k = {k}, {way}",
        f"mAP@{LENGTH}",
        {"k": studies.sweep_k, "way": {"dot": "net, dot", "cosine": "net, cosine", "labels": "K-means labels"}},
        "",
    )
    fusion = Table(
        f"Ways to fuse, k = 6, {studies.fusion_epochs} epochs, no PCA",
        "fusion.{fusion}.{metric}",
        "{fusion}",
        where={"fusion": (), "metric": {m: _ACCURACIES[m] for m in ("accuracy", "balanced_accuracy")}},
        column="",
    )
    made = make_rows(pd.DataFrame(experiments["sweep"]), [sweep])
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

    for i, cell in enumerate(experiments["search"]):
        add(
            f"search.{i}",
            f"Search on a validation part of the training songs, k = 6, {studies.search_epochs} epochs",
            f"{cell['widths']}, p = {cell['dropout']}",
            "validation accuracy",
            cell["accuracy"],
            f"balanced {cell['balanced_accuracy']:.3f}, training {cell['train_accuracy']:.3f}, "
            f"{cell['parameters']:,} parameters",
        )
    for cell in experiments["chosen"]:
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
