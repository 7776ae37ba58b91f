"""Fusion recommender: what the report says of the tag clusters."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pandas as pd
from records import Table, tidy

_TAGS = "Tag clusters (5.1, figures 4 to 7)"
SPACES = ("multi-hot", "word2vec")


def cluster_records(clusters: Mapping[str, Any]) -> pd.DataFrame:
    """K-means of the tag lists, by space and k; elbows, and what the document makes of both spaces, have no k."""
    names = {"inertia": "inertia", "normalized_inertia": "normalized", "silhouette": "silhouette",
             "largest_share": "largest", "entropy": "entropy"}  # fmt: skip
    found: list[dict[str, Any]] = []
    by_space = {}
    for space in SPACES:
        swept = clusters[space]
        by_k = {k: {short: swept[name][i] for name, short in names.items()} for i, k in enumerate(swept["k"])}
        by_space[space] = by_k
        found += tidy({"elbow": swept["elbow"]}, "metric", space=space, k=0, seed=0)
        found += tidy(by_k, "k", "metric", space=space, seed=0)
    hot, words = (by_space[space] for space in SPACES)
    both = {"fewer_labels": 1 - clusters["word2vec"]["elbow"] / clusters["multi-hot"]["elbow"]}
    if 50 in hot and 13 in words:
        both["improvement"] = 1 - words[13]["inertia"] / hot[50]["inertia"]
        both["improvement.normalized"] = 1 - words[13]["normalized"] / hot[50]["normalized"]
    return pd.DataFrame([*found, *tidy(both, "both", seed=0)])


_CLUSTER_METRICS = {
    "inertia": "inertia",
    "normalized": "inertia over that of one cluster",
    "silhouette": "silhouette",
    "largest": "largest cluster's share",
    "entropy": "entropy of sizes over log k",
}
_BOTH = {
    "fewer_labels": "1 − elbow of word2vec over that of multi-hot",
    "improvement": "1 − inertia of word2vec, k = 13, over that of multi-hot, k = 50",
    "improvement.normalized": "the same, each over the inertia of one cluster",
}
_ELBOW = "farthest from the chord of the curve"
TABLES = []
for _space in SPACES:
    TABLES += [
        Table(
            _TAGS,
            "clusters.{space}.elbow",
            "{space}",
            "elbow, k",
            {"space": [_space], "metric": ["elbow"]},
            column="",
            note=_ELBOW,
        ),
        Table(
            _TAGS,
            "clusters.{space}.{metric}.{k:g}",
            "{space}, k = {k:g}",
            where={"space": [_space], "k": (3, 4, 6, 13, 50), "metric": _CLUSTER_METRICS},
            column="",
        ),
    ]
TABLES.append(Table(_TAGS, "clusters.{both}", "{both}", "share", {"both": _BOTH}, column=""))
