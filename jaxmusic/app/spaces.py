"""Which space answers "more like this": measured on clips that nothing was fitted on, beside the others and chance."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import NamedTuple

import numpy as np

from jaxmusic._arrays import unit_rows
from jaxmusic.recommend import top_items

# In this order where nothing was measured, or scores are equal.
ORDER = ("sound", "components", "joint")
NEIGHBOURS = 5
# Of the columns, the first whose values enough clips share.
_COLUMNS = ("song", "album", "artist")
_FEWEST_QUERIES = 10
# Standard errors that a score must lie above chance.
_MARGIN = 2.0


class SpaceScores(NamedTuple):
    """How well each space finds what belongs together.

    Attributes:
        measure: what was counted, in words; "" where nothing could be.
        scores: space → share; `"chance"`; and the standard error of each space's distance from chance as
            `"<space>/error"`.
    """

    measure: str
    scores: dict[str, float]

    def best(self, spaces: Mapping[str, np.ndarray]) -> str:
        """The space to use."""
        there = [name for name in ORDER if name in spaces and spaces[name].any()] or ["joint"]
        return max(there, key=lambda name: (self.scores.get(name, 0.0), -there.index(name)))

    def sentence(self, chosen: str) -> str:
        """The scores in words, "" where there are none."""
        if not self.measure:
            return ""
        told = [f"{name} {self.scores[name]:.3f}" for name in ORDER if name in self.scores]
        verdict = "" if self.is_above_chance(chosen) else "; no better than chance"
        return f"{self.measure}: {', '.join(told)} (chance {self.scores['chance']:.3f}); {chosen} is used{verdict}"

    def is_above_chance(self, name: str) -> bool:
        """Whether a space's score lies clearly above chance."""
        if name not in self.scores:
            return False
        return self.scores[name] - self.scores["chance"] > _MARGIN * self.scores[f"{name}/error"]


def score_spaces(
    spaces: Mapping[str, np.ndarray], labels: Mapping[str, np.ndarray], copy_of: np.ndarray
) -> SpaceScores:
    """The share of a clip's five nearest that are of the same song, else album, else artist.

    Args:
        spaces: name → `[n, d]` of clips that nothing was fitted on; only clips with a place in all count.
        labels: column → `[n]`, "" unknown.
        copy_of: `[n]`; equal recordings are no neighbours.

    Returns:
        `SpaceScores`; empty where no column has ten clips that share a value with another.
    """
    has_place = np.all([places.any(axis=1) for places in spaces.values()], axis=0)
    rows = np.flatnonzero(has_place & (copy_of == np.arange(len(copy_of))))
    for column in _COLUMNS:
        if column not in labels:
            continue
        values = labels[column][rows]
        counts = Counter(value for value in values.tolist() if value)
        is_query = np.array([counts[value] > 1 for value in values.tolist()], bool)
        if is_query.sum() < _FEWEST_QUERIES or len(counts) < 2:
            continue
        k = min(NEIGHBOURS, len(rows) - 1)
        chance = np.array([(counts[value] - 1) / (len(rows) - 1) for value in values[is_query].tolist()])
        scores = {"chance": float(chance.mean())}
        for name, places in spaces.items():
            share = _shares(unit_rows(places[rows]), values, is_query, k)
            scores[name] = float(share.mean())
            scores[f"{name}/error"] = float((share - chance).std() / np.sqrt(len(share)))
        return SpaceScores(f"same {column} among the {k} nearest of {len(rows)} clips not trained on", scores)
    return SpaceScores("", {})


def is_no_better_than_chance(score: float, chance: float, n: int) -> bool:
    """Whether a share of `n` lies within two standard errors of chance."""
    return score - chance <= _MARGIN * float(np.sqrt(max(chance * (1 - chance), 1e-12) / max(n, 1)))


def equal_recordings(
    features: np.ndarray, has_audio: np.ndarray, seconds: np.ndarray, titles: np.ndarray
) -> np.ndarray:
    """`[n]` int32 row of the first of equal recordings.

    Two clips are one recording where their features are equal bit for bit, as of copies of a file; or where their
    titles are the same, their lengths differ by less than a second, and their features lie in one direction, as of one
    recording in two formats. A live version, or another song of the same name, is neither.

    Args:
        features: `[n, d]` components of the audio features.
        has_audio: `[n]` bool.
        seconds: `[n]`; 0 unknown.
        titles: `[n]` str, artist and title; "" unknown.
    """
    first = np.arange(len(features), dtype=np.int32)
    by_content: dict[bytes, int] = {}
    by_title: dict[str, list[int]] = {}
    units = unit_rows(features)
    for row in np.flatnonzero(has_audio).tolist():
        content = features[row].tobytes()
        alike = by_content.setdefault(content, row)
        if alike == row and titles[row]:
            others = by_title.setdefault(str(titles[row]), [])
            for other in others:
                if abs(seconds[row] - seconds[other]) < 1 and units[row] @ units[other] > _SAME_DIRECTION:
                    alike = other
                    break
            else:
                others.append(row)
        first[row] = alike
    return first


# Cosine of one recording's features before and after a lossy format; see the test that measures it.
_SAME_DIRECTION = 0.95


def _shares(places: np.ndarray, values: np.ndarray, is_query: np.ndarray, k: int) -> np.ndarray:
    """Of each query's k nearest others, the share with its own value."""
    queries = np.flatnonzero(is_query)
    found = top_items(places[queries], places, k + 1)
    shares = np.zeros(len(queries))
    for i, (row, nearest) in enumerate(zip(queries, found, strict=True)):
        others = [item for item in nearest if item != row][:k]
        shares[i] = np.mean(values[others] == values[row])
    return shares
