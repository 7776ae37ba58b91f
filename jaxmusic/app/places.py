"""Places on the map and clusters: computed at a fit, kept from then on; a new clip goes between those it is near to."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import numpy as np

from jaxmusic import evaluation, figures
from jaxmusic._arrays import unit_rows
from jaxmusic.app.cluster_names import cluster_names
from jaxmusic.app.index import ClipIndex
from jaxmusic.recommend import top_items

# A new clip's place is among as many; the mean of more would draw all to the middle.
_NEIGHBOURS = 5
_MOST_TAGS = 2


def coordinates(places: np.ndarray, seed: int) -> np.ndarray:
    """`[n, 2]` float32 in [0, 1], both axes on one scale: UMAP of four clips and more, a line below."""
    xy = figures.umap_coordinates(places, seed=seed) if len(places) > 3 else np.c_[np.arange(len(places)), places[:, 0]]
    span = np.ptp(xy, axis=0).max()
    return ((xy - xy.min(0)) / (span if span > 0 else 1)).astype(np.float32)


def clusters(places: np.ndarray, n: int, seed: int) -> np.ndarray:
    """`[n]` int32 K-means clusters, the largest is 0; clips that are all alike are one."""
    assignment = evaluation.kmeans(places, min(n, len(np.unique(places, axis=0))), seed=seed)
    order = {cluster: i for i, (cluster, _) in enumerate(Counter(assignment.tolist()).most_common())}
    return np.array([order[cluster] for cluster in assignment.tolist()], np.int32)


def arranged(index: ClipIndex, space: str, n_clusters: int, seed: int) -> ClipIndex:
    """Clips with places on a map and clusters of their own.

    They are those of a space; where some clips have no place in it, as those without sound in that of the components,
    those of the joint space, in which all have one.
    """
    places = index.spaces[space]
    drawn = places if places.any(axis=1).all() else index.joint
    return index._replace(place=coordinates(drawn, seed), cluster=clusters(drawn, n_clusters, seed))


def placed_among(index: ClipIndex, places: np.ndarray, known: ClipIndex, known_places: np.ndarray) -> ClipIndex:
    """New clips with places between those of their nearest among known ones, and the cluster of most of these."""
    found = top_items(unit_rows(places), unit_rows(known_places), min(_NEIGHBOURS, len(known.ids)))
    place = np.stack([known.place[nearest].mean(axis=0) for nearest in found]).astype(np.float32)
    cluster = [Counter(known.cluster[nearest].tolist()).most_common(1)[0][0] for nearest in found]
    return index._replace(place=place, cluster=np.array(cluster, np.int32))


def names_of(index: ClipIndex, texts: Sequence[str], tag_names: Sequence[str]) -> tuple[str, ...]:
    """A name for each cluster: its number, and the tags and words that tell it from the others.

    Args:
        index: the clips with their clusters.
        texts: their lyrics.
        tag_names: of a net of sound, which speak where neither labels nor lyrics do.
    """
    labels = {name: [str(value) for value in values] for name, values in index.tags.items()}
    told = cluster_names(index.cluster.tolist(), labels, texts)
    numbers = range(int(index.cluster.max()) + 1)
    found = {number: told.get(number) or _of_sound(index, number, tag_names) for number in numbers}
    return tuple(f"{number + 1} {found[number]}" if found[number] else f"cluster {number + 1}" for number in numbers)


def _of_sound(index: ClipIndex, cluster: int, tag_names: Sequence[str]) -> str:
    """Tags of a net of sound whose mean over a cluster lies highest above that of all clips."""
    logits, inside = index.sound_tags, index.cluster == cluster
    if not logits.shape[1] or inside.all():
        return ""
    deviation = logits.std(axis=0)
    excess = (logits[inside].mean(axis=0) - logits.mean(axis=0)) / np.where(deviation > 0, deviation, 1)
    return ", ".join(tag_names[tag] for tag in np.argsort(-excess)[:_MOST_TAGS] if excess[tag] > 0)
