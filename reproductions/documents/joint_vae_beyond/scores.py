"""Beyond the Joint VAE document: latents → retrieval of every single query, clusters and probes, as JSON."""

from __future__ import annotations

from typing import Any

import numpy as np

from documents.joint_vae_beyond.cca import validation_score
from documents.joint_vae_beyond.config import Config
from documents.joint_vae_beyond.pipeline import Fitted, joint_mean
from documents.joint_vae_beyond.references import Reference
from documents.joint_vae_beyond.views import Part, Prepared, Views
from jaxmusic import evaluation

DIRECTIONS = ("lyrics_to_audio", "audio_to_lyrics")
METRICS = ("recall@10", "mrr")


def score_variant(
    config: Config, prepared: Prepared, part: Part, fitted: Fitted, seen: Views, seed: int
) -> dict[str, Any]:
    """Everything that is measured of a variant on one seed."""
    everything = np.arange(len(prepared.dataset))
    joint = joint_mean(fitted, seen, part, everything, part.has_lyrics)
    return {
        **_retrieval(prepared, part, fitted.audio, fitted.lyrics),
        **space_scores(config, prepared, part, joint, seed),
        "health": {"active_units": float(evaluation.active_units(joint[part.test])), **fitted.metrics},
        "seconds": fitted.seconds,
    }


def score_reference(config: Config, prepared: Prepared, part: Part, reference: Reference, seed: int) -> dict[str, Any]:
    """Everything that is measured of a reference on one seed."""
    found: dict[str, Any] = {"note": reference.note}
    if reference.audio is not None and reference.lyrics is not None:
        found |= _retrieval(prepared, part, reference.audio, reference.lyrics)
    if reference.space is not None:
        found |= space_scores(config, prepared, part, reference.space, seed)
    return found


def _retrieval(prepared: Prepared, part: Part, audio: np.ndarray, lyrics: np.ndarray) -> dict[str, Any]:
    pairs = part.pairs(part.test)
    return {
        "valid": validation_score(audio, lyrics, part.pairs(part.valid)),
        "test": query_values(audio, lyrics, pairs),
        "within": _within_language(prepared, audio, lyrics, pairs),
    }


def languages_of(prepared: Prepared, rows: np.ndarray) -> list[np.ndarray]:
    """The positions in `rows` of each language's clips."""
    languages = prepared.dataset.labels.get("language", np.full(len(prepared.dataset), ""))[rows]
    return [np.flatnonzero(languages == name) for name in np.unique(languages)]


def _within_language(
    prepared: Prepared, audio: np.ndarray, lyrics: np.ndarray, rows: np.ndarray
) -> dict[str, dict[str, list[float]]]:
    """`query_values` with the test pairs of the query's language as the only items: knowing it is worth nothing."""
    found = {direction: {metric: np.zeros(len(rows)) for metric in METRICS} for direction in DIRECTIONS}
    for own in languages_of(prepared, rows):
        for direction, by_metric in query_values(audio, lyrics, rows[own]).items():
            for metric, values in by_metric.items():
                found[direction][metric][own] = values
    return {name: {metric: x.tolist() for metric, x in by_metric.items()} for name, by_metric in found.items()}


def query_values(audio: np.ndarray, lyrics: np.ndarray, rows: np.ndarray) -> dict[str, dict[str, list[float]]]:
    """Direction → metric → one value a query."""
    views = {"lyrics_to_audio": (lyrics, audio), "audio_to_lyrics": (audio, lyrics)}
    scores = {name: evaluation.query_scores(a[rows], b[rows], ks=(10,)) for name, (a, b) in views.items()}
    return {name: {metric: found[metric].tolist() for metric in METRICS} for name, found in scores.items()}


def space_scores(config: Config, prepared: Prepared, part: Part, space: np.ndarray, seed: int) -> dict[str, Any]:
    """K-means with as many clusters as the test part has genres (languages), and a linear probe, by label."""
    clusters, probe = {}, {}
    for name in config.labels:
        labels = prepared.dataset.labels.get(name)
        if labels is None:
            continue
        truth = np.asarray(labels[part.test]).astype(str)
        classes = set(truth) - {""}
        if len(classes) < 2:
            continue
        assignment = evaluation.kmeans(space[part.test], len(classes), seed=seed)
        found = evaluation.clustering_scores(space[part.test], assignment, labels=truth)
        clusters[name] = {key: found[key] for key in ("normalized_mutual_information", "adjusted_rand")}
        fit = np.asarray(labels[part.fit]).astype(str)
        if len(set(fit) - {""}) > 1:
            probe[name] = evaluation.linear_probe(space[part.fit], fit, space[part.test], truth)
    return {"clusters": clusters, "probe": probe}
