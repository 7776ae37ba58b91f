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
        **_retrieval(part, fitted.audio, fitted.lyrics),
        **space_scores(config, prepared, part, joint, seed),
        "health": {"active_units": float(evaluation.active_units(joint[part.test])), **fitted.metrics},
        "seconds": fitted.seconds,
    }


def score_reference(config: Config, prepared: Prepared, part: Part, reference: Reference, seed: int) -> dict[str, Any]:
    """Everything that is measured of a reference on one seed."""
    found: dict[str, Any] = {"note": reference.note}
    if reference.audio is not None and reference.lyrics is not None:
        found |= _retrieval(part, reference.audio, reference.lyrics)
    if reference.space is not None:
        found |= space_scores(config, prepared, part, reference.space, seed)
    return found


def _retrieval(part: Part, audio: np.ndarray, lyrics: np.ndarray) -> dict[str, Any]:
    return {
        "valid": validation_score(audio, lyrics, part.pairs(part.valid)),
        "test": query_values(audio, lyrics, part.pairs(part.test)),
    }


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
