"""Ways through a library: from one song to another, towards and away from songs, after what is played, by cluster."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from jaxmusic import text
from jaxmusic._arrays import unit_rows, whole
from jaxmusic.app.finding import direction, nearest
from jaxmusic.data.tables import read_table
from jaxmusic.recommend import top_items

if TYPE_CHECKING:
    from jaxmusic.app.index import ClipIndex
    from jaxmusic.app.model import MusicModel

# Neighbours that a song may be followed by; more where these don't lead from one song to the other.
_NEIGHBOURS = 20
_COUNT_COLUMNS = ("plays", "playcount", "play_count", "count", "listens")
_TITLE_COLUMNS = ("title", "track", "song", "track_name", "track name", "name")
_ARTIST_COLUMNS = ("artist", "artist_name", "artist name", "album_artist")
_ID_COLUMNS = ("id", "path", "file", "filename", "location")


def path_between(model: MusicModel, first: str, last: str) -> list[tuple[str, float]]:
    """Songs that lead from one to another.

    Of all ways the one whose largest jump, in the angle of two songs that follow one another, is the smallest that
    there is; of these the one whose jumps sum up to the least.

    Args:
        model: whose clips and chosen space.
        first: where it starts: id, path or title.
        last: where it ends.

    Returns:
        The clips, both ends included, and the cosine of each to the one before (1 for the first).

    Raises:
        ValueError: an unknown clip, or one that has no place in the chosen space.
    """
    from scipy.sparse.csgraph import dijkstra, minimum_spanning_tree

    index = model.index
    ends = [int(index.copy_of[model.row(clip)]) for clip in (first, last)]
    rows = np.flatnonzero((index.copy_of == np.arange(len(index.ids))) & model.places().any(axis=1))
    for clip, end in zip((first, last), ends, strict=True):
        if end not in rows:
            raise ValueError(f"{clip!r} has no sound, so nothing leads to it")
    start, goal = (int(np.searchsorted(rows, end)) for end in ends)
    units = unit_rows(model.places()[rows])
    if start == goal:
        return [(str(index.ids[rows[start]]), 1.0)]
    graph = _connected(units, start, goal)
    largest = _largest_jump(minimum_spanning_tree(graph), start, goal)
    graph = graph.copy()
    graph.data[graph.data > largest] = 0
    graph.eliminate_zeros()
    _, before = dijkstra(graph, directed=False, indices=start, return_predecessors=True)
    way = [goal]
    while way[-1] != start:
        way.append(int(before[way[-1]]))
    way.reverse()
    cosines = [1.0, *(float(units[a] @ units[b]) for a, b in itertools.pairwise(way))]
    return [(str(index.ids[rows[step]]), cosine) for step, cosine in zip(way, cosines, strict=True)]


class Fingerprint(NamedTuple):
    """What a table of plays leads to.

    Attributes:
        clips: id and cosine of the clips nearest to what is played, which are none of those.
        played: rows of the index that the table names, with their plays.
        unknown: rows of the table that are of no clip here.
    """

    clips: list[tuple[str, float]]
    played: dict[int, float]
    unknown: list[str]


def fingerprint(model: MusicModel, plays: str | Path, n: int = 20) -> Fingerprint:
    """The clips nearest to what is played most.

    Args:
        model: whose clips and chosen space.
        plays: a CSV table with a header: `id` or `path`, or `title` and `artist` (also `track`, `track_name`, …), and
            `plays` (`playcount`, `count`, …). Without a column of counts each row is one play, as in a scrobble export.
        n: clips to list.

    Returns:
        `Fingerprint`; plays weigh by log(1 + plays).

    Raises:
        ValueError: a table without such columns, a count that is no number, or none of its rows is of a clip here.
    """
    path = Path(plays).expanduser()
    table = read_table(path, (), has_ids=False)
    header = {name.strip().lower(): name for row in table[:1] for name in row}
    named = {kind: next((header[c] for c in columns if c in header), None) for kind, columns in _COLUMNS.items()}
    if named["id"] is None and named["title"] is None:
        raise ValueError(f"{path} has no column id, path or title: its first line reads {','.join(header)!r}")
    played, unknown = dict[int, float](), list[str]()
    rows = _Rows(model.index)
    for line, entry in enumerate(table, 2):
        row = rows.find(entry, named)
        if row is None:
            unknown.append(
                " – ".join(entry[c] for c in (named["artist"], named["title"], named["id"]) if c and entry[c])
            )
            continue
        plays_of = 1.0 if named["plays"] is None else _count(path, line, entry[named["plays"]])
        played[row] = played.get(row, 0.0) + plays_of
    weights = {row: count for row, count in played.items() if count > 0 and model.places()[row].any()}
    if not weights:
        raise ValueError(f"none of the {len(table)} rows of {path} is of a clip here that has sound")
    query = direction(model, list(weights), np.log1p(np.array(list(weights.values()), float)))
    return Fingerprint(nearest(model, query, whole(n, "n"), without=list(played)), played, unknown)


def playlists(model: MusicModel) -> dict[str, list[str]]:
    """The clips of each cluster under its name, the most typical first; of equal recordings one."""
    index, places = model.index, unit_rows(model.places())
    found = {}
    for cluster, name in enumerate(model.cluster_names):
        rows = np.flatnonzero((index.cluster == cluster) & (index.copy_of == np.arange(len(index.ids))))
        if len(rows):
            typical = places[rows] @ places[rows].mean(axis=0)
            found[name] = [str(index.ids[row]) for row in rows[np.argsort(-typical, kind="stable")]]
    return found


_COLUMNS: dict[str, Sequence[str]] = {
    "id": _ID_COLUMNS,
    "title": _TITLE_COLUMNS,
    "artist": _ARTIST_COLUMNS,
    "plays": _COUNT_COLUMNS,
}


class _Rows:
    """Clips by id, path, and artist with title."""

    def __init__(self, index: ClipIndex) -> None:
        nothing = np.full(len(index.ids), "")
        titles, artists = (index.tags.get(name, nothing) for name in ("title", "artist"))
        self._by_name = {str(name): row for row, name in enumerate(index.ids)}
        self._by_name |= {str(path): row for row, path in enumerate(index.files.path) if path}
        self._by_name |= {str(Path(index.folder, path)): row for row, path in enumerate(index.files.path) if path}
        self._by_title: dict[tuple[str, str], int] = {}
        for row, (title, artist) in enumerate(zip(titles, artists, strict=True)):
            if title:
                for key in ((text.fold(artist), text.fold(title)), ("", text.fold(title))):
                    self._by_title.setdefault(key, row)

    def find(self, entry: Mapping[str, str], named: Mapping[str, str | None]) -> int | None:
        """The clip of a table's row."""
        own, title, artist = (
            entry[column].strip() if (column := named[kind]) else "" for kind in ("id", "title", "artist")
        )
        if own in self._by_name:
            return self._by_name[own]
        return self._by_title.get((text.fold(artist), text.fold(title))) if title else None


def _count(path: Path, line: int, value: str) -> float:
    try:
        count = float(value)
    except ValueError:
        count = -1.0
    if not 0 <= count < float("inf"):
        raise ValueError(f"{path}, line {line}: {value!r} is no number of plays")
    return count


def _connected(units: np.ndarray, start: int, goal: int) -> Any:
    """A graph of neighbours, by their angle, in which a way leads from start to goal."""
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    k = min(_NEIGHBOURS, len(units) - 1)
    while True:
        found = top_items(units, units, k + 1)
        left = np.repeat(np.arange(len(units)), k + 1)
        right = found.ravel()
        there = (right >= 0) & (right != left)
        left, right = left[there], right[there]
        # Zero would be no edge: two clips at one place are next to each other all the same.
        angles = np.maximum(np.arccos(np.clip((units[left] * units[right]).sum(axis=1), -1, 1)), 1e-6)
        graph = coo_array((angles, (left, right)), shape=(len(units), len(units))).tocsr()
        graph = graph.maximum(graph.T).tocsr()
        groups = connected_components(graph, directed=False)[1]
        if groups[start] == groups[goal] or k == len(units) - 1:
            return graph
        k = min(2 * k, len(units) - 1)


def _largest_jump(tree: Any, start: int, goal: int) -> float:
    """The longest edge between two nodes of a spanning tree: no way has a shorter longest one."""
    from scipy.sparse.csgraph import breadth_first_order

    both = tree.maximum(tree.T).tocsr()
    _, before = breadth_first_order(both, start, directed=False)
    largest, node = 0.0, goal
    while node != start:
        largest = max(largest, float(both[node, before[node]]))
        node = int(before[node])
    return largest
