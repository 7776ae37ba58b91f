"""Clusters → names: the tag and the words that tell each from the others."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

import numpy as np

from jaxmusic.text import stop_words, words
from jaxmusic.text._stop_words import LANGUAGES

# A tag of fewer of a cluster's clips, or a word of fewer, doesn't speak for it.
_LEAST_SHARE = 0.2
_MOST_WORDS = 2
_SHORTEST_WORD = 3
_LONGEST_NAME = 40
# They name single clips, or what a reader sees by other means.
_NO_TAGS = ("title", "song", "track", "filename", "licence", "license", "source", "url")


def cluster_names(
    assignment: Sequence[int], labels: Mapping[str, Sequence[str]], texts: Sequence[str]
) -> dict[int, str]:
    """Name every cluster by its most telling tag, and up to two words of its lyrics.

    What is telling has the largest p log(p / q), its part of the Kullback-Leibler divergence of the cluster from the
    whole: p is the share of the cluster's clips that have it, q that of all clips.

    Args:
        assignment: each clip's cluster.
        labels: columns of each clip's values; "" is unknown.
        texts: each clip's lyrics; "" for none.

    Returns:
        cluster → name, "" where nothing tells it apart. Two clusters may have one name.

    >>> cluster_names([0, 0, 1, 1], {"genre": ["rock", "rock", "folk", "folk"]}, ["", "", "the rain", "a rain"])
    {0: 'rock', 1: 'folk, rain'}
    """
    members = {cluster: np.flatnonzero(np.asarray(assignment) == cluster) for cluster in sorted(set(assignment))}
    tags: list[set[str]] = [set() for _ in assignment]
    for name, values in labels.items():
        if name.lower() in _NO_TAGS or all(_is_number(value) for value in values if value):
            continue
        for own, value in zip(tags, values, strict=True):
            if value and len(value) <= _LONGEST_NAME:
                own.add(value)
    common = frozenset().union(*map(stop_words, LANGUAGES))
    terms = [{word for word in words(text) if len(word) >= _SHORTEST_WORD} - common for text in texts]
    telling_tags, telling_words = _telling(tags, members, 1), _telling(terms, members, _MOST_WORDS)
    return {cluster: ", ".join(dict.fromkeys([*telling_tags[cluster], *telling_words[cluster]])) for cluster in members}


def _telling(features: Sequence[set[str]], members: Mapping[int, np.ndarray], most: int) -> dict[int, list[str]]:
    """cluster → its most telling features, the first first."""
    total = Counter(_chained(features))
    found = {}
    for cluster, rows in members.items():
        counts = Counter(_chained(features[row] for row in rows))
        scores = {}
        for feature, count in counts.items():
            share, share_of_all = count / len(rows), total[feature] / len(features)
            # One clip is no group, unless the cluster is that clip.
            if share >= _LEAST_SHARE and share > share_of_all and (count > 1 or len(rows) == 1):
                scores[feature] = share * math.log(share / share_of_all)
        found[cluster] = sorted(scores, key=lambda feature: (-scores[feature], feature))[:most]
    return found


def _chained(sets: Iterable[set[str]]) -> Iterable[str]:
    return (feature for features in sets for feature in features)


def _is_number(value: str) -> bool:
    try:
        float(value)
    except ValueError:
        return False
    return True
