"""Joint VAE: latents → records of clustering, retrieval and the models' state."""

from __future__ import annotations

from typing import Any

import jax.numpy as jnp
import numpy as np
from records import tidy

from documents.joint_vae.config import Config
from documents.joint_vae.pipeline import Fitted, Part, Prepared, statistics_of
from jaxmusic import evaluation, losses
from jaxmusic.data.preprocessing import fit_standardizer

PCA_COMPONENTS = 64

Records = list[dict[str, Any]]
# What identifies the records of a variant: ("fc", "kmeans", 5, "silhouette"), ("fc", "probe", "genre", "accuracy"),
# ("fc", "model", "", "kl"), ("retrieval" | "cca" | "language" | "chance", "lyrics_to_audio", "pairs" | "within",
# "recall@10").
_FIELDS = ("space", "method", "parameter", "metric")


def score_inputs(config: Config, prepared: Prepared, part: Part, seed: int) -> Records:
    """What needs no net: PCA of the spectrograms, linear classifiers, retrieval by CCA, by the language, by chance."""
    has_audio = prepared.dataset.masks["audio"]
    both = has_audio & part.has_lyrics
    rows, pairs = part.score[has_audio[part.score]], part.score[both[part.score]]
    pca, explained = pca_of_spectrograms(prepared, part)
    probed = {
        "pca": (pca, has_audio),
        "statistics": (prepared.statistics, has_audio),
        "lyrics": (part.lyrics, part.has_lyrics),
    }
    kept = {"pca": explained, "lyrics": part.encoder.explained_variance_ratio}
    counts = {"data": {"counts": {"": {"clips": len(prepared.dataset)}}}}
    return [
        *tidy({"pca": _grid(config, prepared, pca, rows, seed)}, *_FIELDS),
        *tidy({name: _probe(config, prepared, part, x, known) for name, (x, known) in probed.items()}, *_FIELDS),
        *tidy({name: {"model": {"": {"explained_variance": float(x.sum())}}} for name, x in kept.items()}, *_FIELDS),
        *tidy(counts, *_FIELDS),
        *_retrieval(prepared, pairs, "cca", cca_projections(prepared, part, part.fit[both[part.fit]], pairs)),
        *language_alone(prepared, pairs),
    ]


def score_sound(config: Config, prepared: Prepared, part: Part, fc: Fitted, conv: Fitted, seed: int) -> Records:
    """Clustering of FC-VAE and ConvVAE, linear classifiers on them, and how healthy they are."""
    usable = prepared.dataset.masks["audio"]
    rows = part.score[usable[part.score]]
    state = {
        "fc": _fc_health(prepared, part, fc, rows),
        "conv": _health(conv, rows)
        | {
            "mse": _spectrogram_mse(prepared, conv.decode(rows), rows),
            "mse_of_mean": _spectrogram_mse(prepared, _mean_spectrogram(prepared, part), rows),
        },
    }
    spaces = {"fc": fc.mean, "conv": conv.mean}
    return [
        *tidy({name: _grid(config, prepared, x, rows, seed) for name, x in spaces.items()}, *_FIELDS),
        *tidy({name: _probe(config, prepared, part, x, usable) for name, x in spaces.items()}, *_FIELDS),
        *tidy({name: {"model": {"": found}} for name, found in state.items()}, *_FIELDS),
    ]


def score_fc(config: Config, prepared: Prepared, part: Part, fc: Fitted) -> dict[str, float]:
    """The FC-VAE alone: its health, K-means at k = 5, and how well its latents tell the labels."""
    usable = prepared.dataset.masks["audio"]
    rows = part.score[usable[part.score]]
    x = fc.mean[rows]
    clusters = evaluation.clustering_scores(x, evaluation.kmeans(x, min(5, len(rows) - 1), seed=0))
    probe = _probe(config, prepared, part, fc.mean, usable)
    return {
        **{f"fc.{name}": value for name, value in _fc_health(prepared, part, fc, rows).items()},
        "silhouette": float(clusters["silhouette"]),
        "calinski_harabasz": float(clusters["calinski_harabasz"]),
        "largest_share": float(clusters["largest_share"]),
        **{f"probe/{label}": found["accuracy"] for label, found in probe["probe"].items()},
    }


def score_joint(config: Config, prepared: Prepared, part: Part, conv: Fitted, joint: Fitted, seed: int) -> Records:
    """What depends on lyrics: the hybrid and the joint space, and retrieval in the joint space."""
    has_audio = prepared.dataset.masks["audio"]
    both, either = has_audio & part.has_lyrics, has_audio | part.has_lyrics
    rows, pairs = part.score[either[part.score]], part.score[both[part.score]]
    hybrid = hybrid_space(part, conv, both)
    mean_lyrics = part.lyrics[part.fit[part.has_lyrics[part.fit]]].mean(0)
    state = _health(joint, rows) | {
        "audio.mse": _spectrogram_mse(prepared, joint.decode(pairs, "audio"), pairs),
        "audio.mse_of_mean": _spectrogram_mse(prepared, _mean_spectrogram(prepared, part), pairs),
        "lyrics.mse": float(np.mean((joint.decode(pairs, "lyrics") - part.lyrics[pairs]) ** 2)),
        "lyrics.mse_of_mean": float(np.mean((mean_lyrics - part.lyrics[pairs]) ** 2)),
    }
    grids = {"hybrid": (hybrid, pairs), "joint": (joint.mean, rows)}
    probed = {"hybrid": (hybrid, both), "joint": (joint.mean, either)}
    alone = ({"audio": prepared.spectrograms[pairs]}, {"lyrics": part.lyrics[pairs]})
    audio, lyrics = (joint.predict(x, method="encode")[0] for x in alone)
    return [
        *tidy({name: _grid(config, prepared, x, rows, seed) for name, (x, rows) in grids.items()}, *_FIELDS),
        *tidy({name: _probe(config, prepared, part, x, known) for name, (x, known) in probed.items()}, *_FIELDS),
        *tidy({"joint": {"model": {"": state}}}, *_FIELDS),
        *_retrieval(prepared, pairs, "retrieval", (audio, lyrics)),
    ]


def _retrieval(prepared: Prepared, pairs: np.ndarray, source: str, embedded: tuple[np.ndarray, np.ndarray]) -> Records:
    """Records of retrieval in both directions; chance levels, the same for all, come with those of CCA."""
    genre = prepared.dataset.labels.get("genre")
    found = evaluation.cross_modal_retrieval(*embedded, labels=None if genre is None else genre[pairs])
    records = []
    for parameter, scores in (("pairs", found), ("within", _within_language(prepared, pairs, *embedded))):
        for direction, by_metric in scores.items():
            own = {name: value for name, value in by_metric.items() if not name.startswith("chance/")}
            chance = {name.removeprefix("chance/"): x for name, x in by_metric.items() if name not in own}
            shown = {source: own} | ({"chance": chance} if source == "cca" else {})
            records += tidy({name: {direction: {parameter: x}} for name, x in shown.items()}, *_FIELDS)
    return records


def language_alone(prepared: Prepared, pairs: np.ndarray) -> Records:
    """Retrieval by embeddings that hold the language and nothing else; none where the data has but one."""
    languages = prepared.dataset.labels.get("language")
    if languages is None or len(set(languages)) < 2:
        return []
    language = (languages[pairs, None] == np.unique(languages)).astype(np.float32)
    return _retrieval(prepared, pairs, "language", (language, language))


def sizes(prepared: Prepared, part: Part) -> dict[str, int]:
    """How many clips and groups a part has, for the report."""
    groups = prepared.dataset.groups
    return {
        "fit": len(part.fit),
        "valid": 0 if part.valid is None else len(part.valid),
        "score": len(part.score),
        "fit_groups": 0 if groups is None else len(set(groups[part.fit])),
        "score_groups": 0 if groups is None else len(set(groups[part.score])),
    }


def hybrid_space(part: Part, conv: Fitted, both: np.ndarray) -> np.ndarray:
    """ConvVAE latents ⊕ lyric vectors, each column standardised on the training rows (§3.2.2)."""
    hybrid = np.concatenate([conv.mean, part.lyrics], axis=1)
    return fit_standardizer(hybrid[part.fit[both[part.fit]]])(hybrid)


def pca_of_spectrograms(prepared: Prepared, part: Part) -> tuple[np.ndarray, np.ndarray]:
    """`[n, 64]` scores of the flattened spectrograms, fitted on the training rows, and the explained variance ratio."""
    from sklearn.decomposition import PCA

    flat = prepared.spectrograms.reshape(len(prepared.spectrograms), -1)
    rows = part.fit[prepared.dataset.masks["audio"][part.fit]]
    pca = PCA(min(PCA_COMPONENTS, len(rows) - 1, flat.shape[1]), random_state=0).fit(flat[rows])
    return pca.transform(flat).astype(np.float32), pca.explained_variance_ratio_


def cca_projections(
    prepared: Prepared, part: Part, fit_rows: np.ndarray, rows: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Audio and lyrics of `rows` by linear CCA between the statistics per mel band and the lyric vectors."""
    scaler = fit_standardizer(prepared.statistics[fit_rows])
    audio = scaler(prepared.statistics)
    components = min(32, len(fit_rows) - 1, audio.shape[1], part.lyrics.shape[1])
    cca = evaluation.fit_cca(audio[fit_rows], part.lyrics[fit_rows], n_components=components, ridge=0.1)
    return evaluation.project_x(cca, audio[rows]), evaluation.project_y(cca, part.lyrics[rows])


def _grid(config: Config, prepared: Prepared, x: np.ndarray, rows: np.ndarray, seed: int) -> dict[str, Any]:
    """Method → its parameter → scores."""
    labels = {name: prepared.dataset.labels[name][rows] for name in used_labels(config, prepared)}
    found: dict[str, Any] = {}
    for row in evaluation.clustering_grid(x[rows], labels=labels, seed=seed):
        if not row.skipped:
            found.setdefault(row.method, {})[next(iter(row.parameters.values()))] = row.scores
    return found


def used_labels(config: Config, prepared: Prepared) -> list[str]:
    """The config's labels that the data has, with more than one value."""
    labels = prepared.dataset.labels
    return [name for name in config.labels if name in labels and len(set(labels[name]) - {""}) > 1]


def _probe(
    config: Config, prepared: Prepared, part: Part, x: np.ndarray, known: np.ndarray
) -> dict[str, dict[str, dict[str, float]]]:
    """Under `probe`: label → accuracy of a linear classifier on the scored part; {} without a held-out part."""
    if part.valid is None:
        return {"probe": {}}
    fit, test = part.fit[known[part.fit]], part.score[known[part.score]]
    found = {}
    for name in used_labels(config, prepared):
        labels = prepared.dataset.labels[name]
        if len(set(labels[fit]) - {""}) > 1 and (labels[test] != "").any():
            found[name] = evaluation.linear_probe(x[fit], labels[fit], x[test], labels[test])
    return {"probe": found}


def _within_language(
    prepared: Prepared, rows: np.ndarray, audio: np.ndarray, lyrics: np.ndarray
) -> dict[str, dict[str, float]]:
    """Retrieval among the pairs of one language, mean over the pairs; {} where the data has but one language.

    Naming the language alone lifts a recall over all pairs; here it is worth nothing.
    """
    languages = prepared.dataset.labels.get("language")
    if languages is None or len(set(languages[rows]) - {""}) < 2:
        return {}
    found, weights = [], []
    for language in sorted(set(languages[rows]) - {""}):
        same = languages[rows] == language
        if same.sum() > 1:
            found.append(evaluation.cross_modal_retrieval(audio[same], lyrics[same]))
            weights.append(same.sum())
    return {
        direction: {
            metric: float(np.average([scores[direction][metric] for scores in found], weights=weights))
            for metric in ("recall@10", "chance/recall@10", "mrr", "chance/mrr")
        }
        for direction in (found[0] if found else ())
    }


def _health(fitted: Fitted, rows: np.ndarray) -> dict[str, float]:
    kl = losses.kl_divergence(jnp.asarray(fitted.mean[rows]), jnp.asarray(fitted.logvar[rows]))
    return {
        "active_units": float(evaluation.active_units(fitted.mean[rows])),
        "kl": float(kl.mean()),
    }


def _mean_spectrogram(prepared: Prepared, part: Part) -> np.ndarray:
    """`[1, n_mels, frames]`: what predicts the spectrograms of other clips best without seeing them."""
    rows = part.fit[prepared.dataset.masks["audio"][part.fit]]
    # Padding holds 0, so the sum is that of the music.
    music = np.maximum(prepared.frames[rows].sum(0), 1)
    return (prepared.spectrograms[rows].sum(0) / music)[None].astype(np.float32)


def _fc_health(prepared: Prepared, part: Part, fc: Fitted, rows: np.ndarray) -> dict[str, float]:
    features = statistics_of(prepared, part)[rows]
    return {
        **_health(fc, rows),
        "mse": float(np.mean((fc.decode(rows) - features) ** 2)),
        # Standardised on the training rows, whose mean is 0.
        "mse_of_mean": float(np.mean(features**2)),
    }


def _spectrogram_mse(prepared: Prepared, recon: np.ndarray, rows: np.ndarray) -> float:
    recon = np.broadcast_to(recon, (len(rows), *recon.shape[1:]))
    error = losses.squared_error(
        jnp.asarray(recon),
        jnp.asarray(prepared.spectrograms[rows]),
        element_mask=jnp.asarray(prepared.frames[rows][:, None]),
    )
    return float(error.mean())
