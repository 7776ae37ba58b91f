"""Fusion recommender: paired differences of lists, by a bootstrap over users."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from jaxmusic.evaluation import Interval, bootstrap_interval

# Variant → what its seeds left besides records.
Facts = Mapping[str, Sequence[Mapping[str, Any]]]
# Pairs that the bootstrap compares: the better one is expected first.
COMPARED = (
    "row2_cosine", "soft_cosine", "tags", "tags_predicted", "hybrid_fusion", "hybrid_raw", "hybrid_tags",
    "wmf_linear_cosine", "wmf_mlp_cosine", "hybrid_wmf_linear", "hybrid_wmf_mlp", "wmf",
)  # fmt: skip
AGAINST = {"row2": "the document's recipe (k = 6, dot)", "popularity": "popularity alone"}


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
