"""Fusion recommender reproduction: records of all seeds → the report's rows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from fusion_recommender_lists import LENGTH, TITLES
from fusion_recommender_pipeline import METADATA_ONLY, TABLE1

from jaxmusic import data, report
from jaxmusic.evaluation import Interval, bootstrap_interval

if TYPE_CHECKING:
    from fusion_recommender import Config

Records = Mapping[str, Sequence[Mapping[str, Any]]]
_ACCURACIES = {
    "train_accuracy": "training accuracy",
    "accuracy": "test accuracy",
    "balanced_accuracy": "balanced test accuracy",
    "macro_f1": "macro-F1",
    "majority": "largest class's share of the test songs",
}
_RANKINGS = {
    f"map@{LENGTH}": f"mAP@{LENGTH}", "precision@10": "precision@10", "recall@100": "recall@100",
    "ndcg@100": "NDCG@100", "coverage@100": "coverage@100",
}  # fmt: skip
_NEVER_THE_SAME = "the document's 9,330 songs and 20,000 users are not named"
# Pairs that the bootstrap compares: the better one is expected first.
COMPARED = (
    "row2_cosine", "soft_cosine", "tags", "tags_predicted", "hybrid_fusion", "hybrid_raw", "hybrid_tags",
    "wmf_linear_cosine", "wmf_mlp_cosine", "hybrid_wmf_linear", "hybrid_wmf_mlp", "wmf",
)  # fmt: skip


def make_rows(
    config: Config,
    songs: data.MillionSongs,
    records: Records,
    studies: Mapping[str, Any],
    reported: Mapping[str, Any],
) -> list[report.Row]:
    """Every number of the document, then what it lacks."""
    counts = songs.songs.source["counts"]
    is_same_data = all(
        counts[name] == reported["data"][field]
        for name, field in (
            ("songs with tags", "songs_with_tags"), ("distinct tags", "distinct_tags"),
            ("distinct tag lists", "distinct_tag_lists"),
        )
    )  # fmt: skip
    return [
        *_data_rows(counts, reported["data"], is_same_data),
        *_cluster_rows(studies["clusters"], reported["clusters"]),
        *_table1(config, records, reported, is_same_data),
        *_table2(config, records, reported),
        *_comparisons(config, records),
        *_study_rows(config, records, studies),
    ]


def _data_rows(counts: Mapping[str, Any], reported: Mapping[str, Any], is_same_data: bool) -> list[report.Row]:
    made = []
    for name, field in (
        ("songs with tags", "songs_with_tags"), ("distinct tags", "distinct_tags"),
        ("distinct tag lists", "distinct_tag_lists"),
    ):  # fmt: skip
        verdict = report.REPRODUCED if is_same_data else None
        made.append(
            report.Row(
                f"data.{field}", f"Data ({reported['section']})", name, "count", reported[field],
                float(counts[name]), None, 1, verdict,
            )
        )  # fmt: skip
    return made


def _cluster_rows(clusters: Mapping[str, Any], reported: Mapping[str, Any]) -> list[report.Row]:
    made = []

    def add(id: str, what: str, metric: str, value: float, stated: float | None = None, note: str = "") -> None:
        section = f"Tag clusters ({reported['section']})"
        made.append(report.Row(f"clusters.{id}", section, what, metric, stated, float(value), None, 1, None, note))

    elbows = {"multi-hot": reported["multi_hot_elbow"], "word2vec": None}
    inertias = {"multi-hot": reported["multi_hot_inertia"], "word2vec": reported["word2vec_inertia"]}
    for space in ("multi-hot", "word2vec"):
        found = clusters[space]
        at = {k: i for i, k in enumerate(found["k"])}
        rule = "farthest from the chord of the curve"
        if space == "word2vec":
            rule += f"; the document says {reported['word2vec_elbow_low']} to {reported['word2vec_elbow_high']}"
        add(f"{space}.elbow", space, "elbow, k", found["elbow"], elbows[space], rule)
        for k in (3, 4, 6, 13, 50):
            if k not in at:
                continue
            stated = inertias[space] if k == (50 if space == "multi-hot" else 13) else None
            add(f"{space}.inertia.{k}", f"{space}, k = {k}", "inertia", found["inertia"][at[k]], stated)
            add(
                f"{space}.normalized.{k}", f"{space}, k = {k}", "inertia over that of one cluster",
                found["normalized_inertia"][at[k]],
            )  # fmt: skip
            add(f"{space}.silhouette.{k}", f"{space}, k = {k}", "silhouette", found["silhouette"][at[k]])
            stated = reported["multi_hot_largest_share"] if (space, k) == ("multi-hot", 50) else None
            add(
                f"{space}.largest.{k}", f"{space}, k = {k}", "largest cluster's share",
                found["largest_share"][at[k]], stated,
            )  # fmt: skip
            add(f"{space}.entropy.{k}", f"{space}, k = {k}", "entropy of sizes over log k", found["entropy"][at[k]])
    return made


def _table1(config: Config, records: Records, reported: Mapping[str, Any], is_same_data: bool) -> list[report.Row]:
    made = []
    section = f"Table 1 ({reported['table1']['section']}); {config.epochs} epochs"
    for row, setting in {**TABLE1, METADATA_ONLY: TABLE1["row2"]}.items():
        stated: dict[str, float] = {}
        if row in TABLE1:
            stated = dict(zip(("train_accuracy", "accuracy"), reported["table1"][row][3:], strict=True))
        else:
            stated = {"accuracy": reported["table2"]["metadata_accuracy"]}
        for metric, title in _ACCURACIES.items():
            for name in config.variant:
                fresh = [r["models"][row][metric] for r in records[name] if row in r["models"]]
                if not fresh:
                    continue
                what = f"k = {setting.k}, rate {setting.learning_rate:g}, p = {setting.dropout}"
                if row == METADATA_ONLY:
                    what += ", metadata only"
                made.append(
                    report.make_row(
                        f"table1.{row}.{metric}", column=name, section=section, what=what, metric=title,
                        reported=stated.get(metric), fresh=fresh,
                        # Only the random split, trained as long, is the document's.
                        is_same_data=is_same_data and name != "artist" and config.epochs == 2000,
                    )
                )  # fmt: skip
    for name in config.variant:
        long = records[name][0].get("long")
        if long is None:
            continue
        for metric, title in _ACCURACIES.items():
            made.append(
                report.make_row(
                    f"long.{metric}", column=name, section=f"Table 1's second row, {config.long_epochs} epochs",
                    what="k = 6, rate 0.001, p = 0.5, first seed", metric=title,
                    reported=dict(zip(("train_accuracy", "accuracy"), reported["table1"]["row2"][3:], strict=True)).get(
                        metric
                    ),
                    fresh=[long[metric]], is_same_data=False,
                )
            )  # fmt: skip
    return made


def _table2(config: Config, records: Records, reported: Mapping[str, Any]) -> list[report.Row]:
    made = []
    table = reported["table2"]
    cited = {"wmf_linear": reported["cited"]["linear regression"], "wmf_mlp": reported["cited"]["MLP"]}
    for method, title in TITLES.items():
        is_own = method in table
        section = f"Table 2 ({table['section']})" if is_own or method in cited else "What Table 2 lacks"
        for metric, metric_title in _RANKINGS.items():
            for name in config.variant:
                found = [r["lists"]["scores"][method] for r in records[name] if method in r["lists"]["scores"]]
                if not found:
                    continue
                is_map = metric == f"map@{LENGTH}"
                note = ""
                if is_map and method == "row2":
                    note = f"the abstract says {table['row2_in_the_abstract']}, which is the row of another model"
                elif is_map and is_own:
                    note = _NEVER_THE_SAME
                elif is_map and method in cited:
                    note = "cited from van den Oord et al. (2013), whose features were audio"
                made.append(
                    report.make_row(
                        f"table2.{method}.{metric}", column=name, section=section,
                        what=title.format(k=config.soft_k), metric=metric_title,
                        reported=(table.get(method) or cited.get(method)) if is_map else None,
                        fresh=[scores[metric] for scores in found], is_same_data=False,
                        is_contradicted=is_map and method == "row2", note=note,
                    )
                )  # fmt: skip
    for model in ("MLR", "CNN with WPE", "CNN with MSE"):
        made.append(
            report.Row(
                f"table2.cited.{model}", f"Table 2 ({table['section']})", f"{model} (van den Oord et al. 2013)",
                f"mAP@{LENGTH}", reported["cited"][model], None, None, 0, None,
                "not run: it needs audio" if "CNN" in model else "not run",
            )
        )  # fmt: skip
    return made


def comparison(records: Sequence[Mapping[str, Any]], a: str, b: str) -> tuple[Interval, int] | None:
    """Paired difference of AP with its interval, and the number of users.

    Every user of every seed counts, as in the tables' means; users are drawn with all their seeds, since those of one
    user are alike.
    """
    differences: list[float] = []
    users: list[int] = []
    for record in records:
        found = record["lists"]
        if a not in found["precision"] or b not in found["precision"]:
            return None
        differences += [x - y for x, y in zip(found["precision"][a], found["precision"][b], strict=True)]
        users += found["users"]
    return bootstrap_interval(np.array(differences), groups=np.array(users), seed=0), len(set(users))


def _comparisons(config: Config, records: Records) -> list[report.Row]:
    made = []
    for base, title in (("row2", "the document's recipe (k = 6, dot)"), ("popularity", "popularity alone")):
        for method in COMPARED:
            for name in config.variant:
                found = comparison(records[name], method, base)
                if found is None:
                    continue
                made.append(
                    report.Row(
                        f"paired.{base}.{method}", f"Difference of mAP@{LENGTH} to {title}",
                        TITLES[method].format(k=config.soft_k), "difference", None, found[0].mean, None,
                        len(records[name]), None,
                        f"95 % interval {found[0].low:.4f} to {found[0].high:.4f}, {found[1]} users",
                        column=name,
                    )
                )  # fmt: skip
    return made


def _study_rows(config: Config, records: Records, studies: Mapping[str, Any]) -> list[report.Row]:
    made = []

    def add(id: str, section: str, what: str, metric: str, fresh: Sequence[float], note: str = "") -> None:
        made.append(
            report.make_row(
                id, section=section, what=what, metric=metric, reported=None, fresh=fresh, is_same_data=False, note=note
            )
        )

    for k in config.sweep_k:
        found = [study[str(k)] for study in studies["sweep"] if str(k) in study]
        for way, title in (("dot", "net, dot"), ("cosine", "net, cosine"), ("labels", "K-means labels")):
            if found:
                section = f"mAP against k, {config.sweep_epochs} epochs, random split"
                add(f"sweep.{k}.{way}", section, f"k = {k}, {title}", f"mAP@{LENGTH}", [f[way] for f in found])
    if studies["fusions"]:
        for fusion in studies["fusions"][0]:
            for metric in ("accuracy", "balanced_accuracy"):
                add(
                    f"fusion.{fusion}.{metric}", f"Ways to fuse, k = 6, {config.fusion_epochs} epochs, no PCA",
                    fusion, _ACCURACIES[metric], [found[fusion][metric] for found in studies["fusions"]],
                )  # fmt: skip
    for i, found in enumerate(studies["search"]):
        add(
            f"search.{i}", f"Search on a validation part of the training songs, k = 6, {config.search_epochs} epochs",
            f"{found['widths']}, p = {found['dropout']}", "validation accuracy", [found["accuracy"]],
            f"balanced {found['balanced_accuracy']:.3f}, training {found['train_accuracy']:.3f}, "
            f"{found['parameters']:,} parameters",
        )  # fmt: skip
    for found in studies["chosen"]:
        add(
            f"search.test.{found['of']}", "The search's best cell and the document's, trained on all training songs",
            f"{found['of']}: {found['widths']}, p = {found['dropout']}", "test accuracy", [found["accuracy"]],
            f"balanced {found['balanced_accuracy']:.3f}, training {found['train_accuracy']:.3f}",
        )  # fmt: skip
    first = records[config.variant[0]][0]["classes"]
    for k in sorted(first, key=int):
        for c, (names, share) in enumerate(zip(first[k]["names"], first[k]["shares"], strict=True)):
            if int(k) <= 6:
                add(
                    f"classes.{k}.{c}", f"Clusters of the first seed, {config.variant[0]} split",
                    f"k = {k}: {names}", "share of the training songs", [share],
                )  # fmt: skip
    return made
