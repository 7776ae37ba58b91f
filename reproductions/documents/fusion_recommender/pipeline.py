"""Fusion recommender: from the songs to classes, features and fitted classifiers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import jax
import numpy as np
import optax
import runs
from threadpoolctl import threadpool_limits

from documents.fusion_recommender.config import Config, check
from documents.fusion_recommender.features import FIELDS, features, reduce
from documents.fusion_recommender.variants import Setting, Variant
from jaxmusic import data, losses, models, text, training
from jaxmusic.evaluation import classification_scores


class Part(NamedTuple):
    """One seed's songs under one variant, and what is fitted on the training songs.

    Attributes:
        songs: the songs, tagged all.
        train: rows.
        test: rows.
        fit: rows that everything is fitted on: `train`, or all rows where the variant says so.
        tag_vectors: `[n, m]` mean word vectors of the tags.
        has_vector: `[n]`, False for a song whose tags the fit has never seen.
        blocks: feature block → `[n, d]` standardised; missing values are 0, the mean, with a mask column beside.
        fused: `[n, d]` all blocks, standardised, 95 % of the variance.
        metadata: the same of all blocks but the lyrics.
        masks: block → `[n]` bool.
        facts: what the report says of this part.
    """

    songs: data.MillionSongs
    train: np.ndarray
    test: np.ndarray
    fit: np.ndarray
    tag_vectors: np.ndarray
    has_vector: np.ndarray
    blocks: dict[str, np.ndarray]
    fused: np.ndarray
    metadata: np.ndarray
    masks: dict[str, np.ndarray]
    facts: dict[str, Any]


def load(config: Config) -> data.MillionSongs:
    """The tagged songs of the data folder, or of the embedded corpus written in the same formats."""
    check(config)
    if config.data is None:
        folder = data.write_million_song(
            jax.random.key(0), config.songs, config.out / "work" / "corpus", n_listeners=config.listeners
        )
        return _tagged(data.million_song(folder), "synthetic")
    return _tagged(data.million_song(config.data, tags=config.tags), None)


def _tagged(found: data.MillionSongs, name: str | None) -> data.MillionSongs:
    import dataclasses

    kept = found.take(found.songs.masks["tags"])
    if not len(kept.songs):
        raise ValueError("no song has a tag: artist_term.db is missing, or belongs to other songs")
    source = {key: value for key, value in kept.songs.source.items() if key != "path"}
    source["counts"] = {**source["counts"], "songs used (with tags)": len(kept.songs)}
    if name is not None:
        source |= {
            "name": name,
            "extent": "made from known factors and written in the official formats; its figures say nothing of music",
            "attribution": "made by jaxmusic",
        }
    else:
        source["attribution"] = (
            "Million Song Dataset (Bertin-Mahieux et al. 2011), Echo Nest Taste Profile, musiXmatch bags of words, "
            "tagtraum genres (Schreiber 2015): research, non-commercial"
        )
    return dataclasses.replace(kept, songs=dataclasses.replace(kept.songs, source=source))


# One thread: sums in another order round otherwise, and training makes much of the least difference.
@threadpool_limits.wrap(limits=1)
def part_of(config: Config, songs: data.MillionSongs, variant: Variant, key: jax.Array, seed: int) -> Part:
    """Split the songs and fit on the training part what is to be fitted."""
    dataset = songs.songs
    groups = "artist_id" if variant.split == "artist" else dataset.ids
    train, test = data.split(key, dataset, (1 - config.test_fraction, config.test_fraction), groups=groups)
    fit = np.arange(len(dataset)) if variant.fit_on_all else train
    lists = dataset.modalities["tags"]
    distinct = sorted(set(lists[fit]))
    vectors = text.fit_word_vectors(distinct, size=config.words.tag_size, seed=seed, epochs=config.words.tag_epochs)
    tag_vectors, has_vector = vectors.mean(list(lists))
    blocks, masks, facts = features(config, songs, fit, seed)
    fused, kept = reduce(list(blocks.values()), fit, config.variance)
    metadata, kept_metadata = reduce([x for name, x in blocks.items() if name != "lyrics"], fit, config.variance)
    artists = dataset.labels["artist_id"]
    facts |= {
        "train": len(train),
        "test": len(test),
        "distinct tag lists fitted on": len(distinct),
        "columns": sum(x.shape[1] for x in blocks.values()),
        "columns after PCA": kept,
        "columns after PCA, metadata": kept_metadata,
        "test songs whose tags were never seen": int((~has_vector[test]).sum()),
        "artists on both sides": len(set(artists[train]) & set(artists[test])),
    }
    return Part(songs, train, test, fit, tag_vectors, has_vector, blocks, fused, metadata, masks, facts)


class Classes(NamedTuple):
    """Clusters of tag lists as classes.

    Attributes:
        labels: `[n]` int32; −1 for a song whose tags the fit has never seen.
        names: the most frequent tags of each cluster's training songs.
        shares: of the training songs.
        k: clusters; fewer than asked for where there are fewer distinct tag lists, which the note says.
        note: "" or what differs from what was asked for.
    """

    labels: np.ndarray
    names: list[str]
    shares: list[float]
    k: int
    note: str


@threadpool_limits.wrap(limits=1)
def classes_of(part: Part, k: int, seed: int) -> Classes:
    """K-means of the distinct tag lists' vectors, and each song's nearest centre.

    The document clusters the distinct lists, not the songs: an inertia of 7,000 is 2.3 for each of 3,063 lists.
    """
    from sklearn.cluster import KMeans

    lists = part.songs.songs.modalities["tags"]
    rows = part.fit[part.has_vector[part.fit]]
    _, first = np.unique(np.array([" | ".join(tags) for tags in lists[rows]]), return_index=True)
    points = np.unique(part.tag_vectors[rows[first]], axis=0)
    used = min(k, len(points))
    note = f"{k} classes asked for, {used} distinct tag lists" if used < k else ""
    fitted = KMeans(used, n_init=10, random_state=seed).fit(points)
    labels = np.where(part.has_vector, fitted.predict(part.tag_vectors), -1).astype(np.int32)
    own = [np.flatnonzero(labels[part.train] == c) for c in range(used)]
    names = [_top_tags(lists[part.train[rows]]) for rows in own]
    return Classes(labels, names, [len(rows) / len(part.train) for rows in own], used, note)


def _top_tags(lists: Sequence[tuple[str, ...]], n: int = 5) -> str:
    from collections import Counter

    counts = Counter(tag for tags in lists for tag in tags)
    return ", ".join(tag for tag, _ in sorted(counts.items(), key=lambda item: (-item[1], item[0]))[:n])


class Fitted(NamedTuple):
    """A trained classifier.

    Attributes:
        scores: of the test part, and the curves (JSON).
        probabilities: `[n, k]` of all songs.
    """

    scores: dict[str, Any]
    probabilities: np.ndarray


def fit(
    config: Config,
    part: Part,
    classes: Classes,
    key: jax.Array,
    setting: Setting,
    *,
    inputs: Mapping[str, np.ndarray] | None = None,
    masks: Mapping[str, np.ndarray] | None = None,
    epochs: int | None = None,
    widths: Sequence[int] | None = None,
    fusion: str = "concat",
    has_curves: bool = False,
    rows: tuple[np.ndarray, np.ndarray] | None = None,
) -> Fitted:
    """Train the network as one row of Table 1 has it.

    Args:
        config: sizes.
        part: songs.
        classes: labels.
        key: of initialisation, order and dropout.
        setting: learning rate and dropout.
        inputs: modality → `[n, d]`; None: the reduced features.
        masks: of the inputs.
        epochs: None: the config's.
        widths: None: the config's.
        fusion: of several inputs.
        has_curves: whether the test part is scored after every epoch.
        rows: training and test rows; None: the part's.
    """
    inputs = {"features": part.fused} if inputs is None else dict(inputs)
    train, test = (r[classes.labels[r] >= 0] for r in rows or (part.train, part.test))
    if not len(test):
        raise ValueError("no test song has a class: its tags occur in no training song")
    counts = np.bincount(classes.labels[train], minlength=classes.k)
    # scikit-learn's balanced weights; a class without training songs is never asked for.
    weights = (len(train) / (classes.k * np.maximum(counts, 1))).astype(np.float32)
    module, trainer = _trainer(config, classes.k, setting, widths or config.net.widths, fusion, len(train))

    def take(chosen: np.ndarray) -> dict[str, Any]:
        return {
            "inputs": {name: x[chosen] for name, x in inputs.items()},
            "masks": {name: x[chosen] for name, x in (masks or {}).items() if name in inputs},
            "labels": classes.labels[chosen],
            "weights": weights[classes.labels[chosen]],
        }

    valid = take(test) if has_curves else None
    state, info = trainer.fit(key, take(train), valid=valid, epochs=epochs or config.net.epochs)
    arguments = tuple(take(np.arange(len(part.fused)))[name] for name in ("inputs", "masks"))
    logits = training.predict(module, state.variables, arguments, method="__call__", batch_size=1024)
    probabilities = np.asarray(jax.nn.softmax(logits, axis=-1))
    scores = _score(probabilities, classes.labels, train, test)
    scores |= {
        "parameters": sum(x.size for x in jax.tree.leaves(state.params)),
        "seconds": info.run_seconds,
        "compile_seconds": info.compile_seconds,
        "epochs": epochs or config.net.epochs,
    }
    if has_curves:
        scores["curves"] = {name: _thinned(info.metrics[name]) for name in ("accuracy", "valid_accuracy")}
    return Fitted(scores, probabilities)


def _trainer(
    config: Config, k: int, setting: Setting, widths: Sequence[int], fusion: str, rows: int
) -> tuple[models.FusionClassifier, training.Trainer]:
    """The network and its loss, weighted by class."""
    module = models.FusionClassifier(
        k,
        tuple(widths),
        dropout=setting.dropout,
        momentum=config.net.momentum,
        fusion=fusion,  # type: ignore[arg-type]
    )
    return module, training.Trainer(
        module,
        losses.cross_entropy(weights="weights"),
        optax.adam(setting.learning_rate),
        batch_size=min(config.net.batch_size, rows),
        inputs=lambda batch: (batch["inputs"], batch["masks"], batch.get("row_mask")),
    )


def _score(probabilities: np.ndarray, labels: np.ndarray, train: np.ndarray, test: np.ndarray) -> dict[str, Any]:
    """Scores of the test songs, beside what names the training songs' most frequent class."""
    scores = classification_scores(probabilities[test], labels[test])
    return scores | {
        "train_accuracy": classification_scores(probabilities[train], labels[train])["accuracy"],
        "majority": float((labels[test] == np.bincount(labels[train]).argmax()).mean()),
        "classes_without_test_songs": [c for c, recall in enumerate(scores["per_class"]) if recall is None],
    }


def _thinned(values: np.ndarray, points: int = 200) -> list[float]:
    """At most so many of a curve's points, evenly spaced."""
    return [round(float(v), 5) for v in values[np.unique(np.linspace(0, len(values) - 1, points).astype(int))]]


def fingerprint(songs: data.MillionSongs) -> str:
    """Changes when any song, tag, bag or play does."""
    columns = (*FIELDS, "tags", "duration", "artist_hotttnesss", "artist_familiarity", "year")
    return runs.fingerprint(*(songs.songs.modalities[name] for name in columns), songs.bags, songs.plays)
