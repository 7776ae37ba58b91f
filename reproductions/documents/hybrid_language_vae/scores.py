"""Hybrid-language clustering: features and latents → clusters and their scores, as JSON."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
from records import tidy

from documents.hybrid_language_vae.config import Config
from documents.hybrid_language_vae.pipeline import Fitted, Part
from jaxmusic import evaluation, figures, training
from jaxmusic.data.preprocessing import fit_standardizer

DESCRIPTORS = ("tempo", "energy", "brightness", "rhythm")
# Label of each method, in the order of the document's table; what it lacks stands below.
METHODS = {
    "agglomerative": "Ward, hybrid features",
    "hybrid_kmeans": "K-means, hybrid features",
    "dbscan_umap": "DBSCAN, UMAP of the Conv VAE's latents",
    "autoencoder": "K-means, autoencoder",
    "spectral": "spectral, audio features",
    "conditional": "K-means, Conditional VAE (true labels)",
    "pca": "K-means, PCA of the audio features",
    "conv": "K-means, Conv VAE",
    "raw": "K-means, audio features",
    "basic": "K-means, Basic VAE",
    "conditional_marginal": "K-means, Conditional VAE (labels marginalised)",
    "conditional_appended": "K-means, Conditional VAE ⊕ true labels (leaks)",
    "adaptive": "K-means, VAE on adaptive fusion",
    "dbscan_raw": "DBSCAN, audio features",
}
INTERNAL = ("silhouette", "calinski_harabasz", "davies_bouldin")
_NMI = "normalized_mutual_information"
EXTERNAL = ("adjusted_rand", _NMI, "purity", "v_measure")
# The document found so many clusters on UMAP and does not state eps: the radius that comes nearest is shown.
_UMAP_CLUSTERS = 13


Records = list[dict[str, Any]]


class Scored(NamedTuple):
    """Records, and the arrays that figures and files need.

    A record has a method or a model, where it is scored (`own` or `hybrid` space; `genre`, `within` languages,
    `language`; `facts` of an assignment; the `model` itself; a `probe`) and a metric.
    """

    records: Records
    arrays: dict[str, np.ndarray]


def score_features(config: Config, part: Part, autoencoder: Fitted, seed: int) -> Scored:
    """What no reading of the loss changes: features, and the autoencoder."""
    spaces = {"raw": part.audio, "hybrid": part.hybrid, "pca": pca_of(config, part), "autoencoder": autoencoder.latent}
    raw, hybrid = part.audio[part.score], part.hybrid[part.score]
    k = min(config.k, len(raw) - 1)
    on_raw = [evaluation.dbscan(raw, eps) for eps in config.eps]
    assignments = {
        "agglomerative": (hybrid, evaluation.agglomerative(hybrid, k)),
        "hybrid_kmeans": (hybrid, evaluation.kmeans(hybrid, k, seed=seed)),
        "spectral": (raw, evaluation.spectral(raw, k, seed=seed)),
        "dbscan_raw": (raw, max(on_raw, key=_count)),
    }
    states = _states(part, {"autoencoder": autoencoder}) | {"pca": {"mig": _gap(part, spaces["pca"])}}
    probes = _probes(part, {name: spaces[name] for name in ("raw", "hybrid")})
    return _scored(config, part, spaces, assignments, states, probes, seed)


def score_vaes(config: Config, part: Part, fitted: Mapping[str, Fitted], seed: int) -> Scored:
    """The VAEs of one reading."""
    conditional = fitted["conditional"]
    prior = np.bincount(part.codes[part.fit], minlength=len(part.genres)) / len(part.fit)
    marginal, _ = training.predict(
        conditional.module,
        conditional.state.variables,
        (part.hybrid,),
        method="encode_marginal",
        static=(tuple(prior.tolist()),),
    )
    spaces = {
        **{name: fit.latent for name, fit in fitted.items()},
        "conditional_marginal": marginal,
        "conditional_appended": np.concatenate([conditional.latent, part.one_hot], axis=1),
    }
    umap = figures.umap_coordinates(spaces["conv"][part.score], seed=seed)
    on_umap = [evaluation.dbscan(umap, eps) for eps in config.eps]
    nearest = min(on_umap, key=lambda clusters: abs(_count(clusters) - _UMAP_CLUSTERS))
    states = _states(part, fitted) | {"attention": _attention(part, fitted["adaptive"])}
    probes = _probes(part, {name: spaces[name] for name in ("basic", "conv", "conditional_marginal")})
    probes.pop("majority", None)  # stands beside the features already
    found = _scored(config, part, spaces, {"dbscan_umap": (umap, nearest)}, states, probes, seed)
    return found._replace(arrays={**found.arrays, "umap_conv": umap})


def _scored(
    config: Config,
    part: Part,
    spaces: Mapping[str, np.ndarray],
    assignments: dict[str, tuple[np.ndarray, np.ndarray]],
    states: Mapping[str, Any],
    probes: Mapping[str, Any],
    seed: int,
) -> Scored:
    """Everything of some spaces: K-means in those that are a method's own, and the scores of all assignments."""
    rows, k = part.score, min(config.k, len(part.score) - 1)
    for name in METHODS:
        if name in spaces:
            assignments[name] = (spaces[name][rows], evaluation.kmeans(spaces[name][rows], k, seed=seed))
    labels = {name: part.tracks.labels[name][rows] for name in ("genre", "language")}
    hybrid = part.hybrid[rows]
    methods = {name: _scores(own, hybrid, clusters, labels) for name, (own, clusters) in assignments.items()}
    records = [
        *tidy(methods, "method", "space", "metric"),
        *tidy(states, "method", "metric", space="model"),
        *tidy(probes, "method", "metric", space="probe"),
    ]
    arrays = {f"Z_{name}": x for name, x in spaces.items() if name not in ("raw", "hybrid")}
    return Scored(records, arrays | {f"cluster_{name}": clusters for name, (_, clusters) in assignments.items()})


def _states(part: Part, fitted: Mapping[str, Fitted]) -> dict[str, dict[str, Any]]:
    """Model → what it came to."""
    return {
        name: {
            "mse": float(audio_errors(part, fit, part.score).mean()),
            "units": float(evaluation.active_units(fit.latent[part.score])),
            "kl": fit.kl if np.isfinite(fit.kl) else None,
            "mig": _gap(part, fit.latent),
        }
        for name, fit in fitted.items()
    }


def _gap(part: Part, codes: np.ndarray) -> float:
    return evaluation.mutual_information_gap(codes[part.score], factors_of(part, part.score))


def pca_of(config: Config, part: Part) -> np.ndarray:
    """`[n, components]` principal components of the audio features, fitted on the training rows."""
    from sklearn.decomposition import PCA

    components = min(config.pca_components, len(part.fit) - 1, part.audio.shape[1])
    return PCA(components, random_state=0).fit(part.audio[part.fit]).transform(part.audio).astype(np.float32)


def _scores(
    own: np.ndarray, hybrid: np.ndarray, assignment: np.ndarray, labels: Mapping[str, np.ndarray]
) -> dict[str, dict[str, float]]:
    """Where an assignment is scored → metric → value."""
    genre, language = labels["genre"], labels["language"]
    within = {name: np.where(language == name, genre, "") for name in np.unique(language)}
    in_own = evaluation.clustering_scores(own, assignment, labels={"genre": genre, "language": language, **within})
    in_hybrid = evaluation.clustering_scores(hybrid, assignment)
    return {
        "own": {name: in_own[name] for name in INTERNAL},
        "hybrid": {name: in_hybrid[name] for name in INTERNAL},
        "genre": {name: in_own[f"{name}/genre"] for name in EXTERNAL},
        "facts": {name: in_own[name] for name in ("n_clusters", "noise_share", "largest_share", "degenerate")},
        "language": {_NMI: in_own[f"{_NMI}/language"]},
        "within": {name: float(np.mean([in_own[f"{name}/{each}"] for each in within])) for name in EXTERNAL[:2]},
    }


def _count(assignment: np.ndarray) -> int:
    """Clusters, noise not counted."""
    return len(np.unique(assignment[assignment >= 0]))


def audio_errors(part: Part, fit: Fitted, rows: np.ndarray) -> np.ndarray:
    """Squared error of each row, mean over the audio columns, which every model's input begins with."""
    columns = part.audio.shape[1]
    return np.square(fit.recon[rows, :columns] - fit.target[rows, :columns]).mean(1)


def _probes(part: Part, spaces: Mapping[str, np.ndarray]) -> dict[str, dict[str, float]]:
    """Space, or the most frequent class → label → accuracy of a linear classifier on the test part, if any."""
    if part.valid is None:
        return {}
    found: dict[str, dict[str, float]] = {}
    for label in ("language", "genre"):
        y = part.tracks.labels[label]
        if len(set(y[part.fit])) > 1:
            for name, x in spaces.items():
                result = evaluation.linear_probe(x[part.fit], y[part.fit], x[part.score], y[part.score])
                found.setdefault(name, {})[label] = result["accuracy"]
                found.setdefault("majority", {})[label] = result["majority"]
    return found


def factors_of(part: Part, rows: np.ndarray) -> dict[str, np.ndarray]:
    """What latents may stand for: genre and language, the descriptors, and the factors of the embedded corpus."""
    known = {
        name: values for name, values in part.tracks.labels.items() if name not in ("title", "genre", "theme", "root")
    }
    if "density" not in known:
        known |= {name: np.array(["low", "middle", "high"])[part.levels[:, i]] for i, name in enumerate(DESCRIPTORS)}
    return {name: values[rows] for name, values in known.items()}


def _attention(part: Part, fit: Fitted) -> dict[str, float]:
    """Mean attention over the scored rows, by modality."""
    inputs = {"audio": part.audio[part.score], "text": part.text[part.score]}
    weights = training.predict(fit.module, fit.state.variables, (inputs,), method="weights")
    return dict(zip(sorted(inputs), weights.mean(0).astype(float).tolist(), strict=True))


def sizes(part: Part) -> dict[str, Any]:
    """What the report says of the part's size."""
    languages = part.tracks.labels["language"]
    return {
        "tracks": {str(name): int((languages == name).sum()) for name in np.unique(languages)},
        "fit": len(part.fit),
        "score": len(part.score),
        "sentences": len(set(part.sentences)),
        "collapsed": [name for i, name in enumerate(DESCRIPTORS) if len(set(part.levels[part.fit, i])) < 3],
        "audio_columns": part.audio.shape[1],
        "text_columns": part.text.shape[1],
        "genres": len(part.genres),
    }


def standardized(x: np.ndarray) -> np.ndarray:
    """Every column with mean 0 and deviation 1."""
    return fit_standardizer(x)(x)
