"""Joint VAE: latents → records of clustering, retrieval and the models' state."""

from __future__ import annotations

from typing import Any

import jax.numpy as jnp
import numpy as np
from records import tidy

from documents.joint_vae.config import Config
from documents.joint_vae.pipeline import Fitted, Part, Prepared, conv_module, joint_module
from documents.joint_vae.variants import Variant
from jaxmusic import evaluation, losses, models, training
from jaxmusic.data.preprocessing import fit_standardizer

PCA_COMPONENTS = 64


Records = list[dict[str, Any]]
# What identifies the records of a variant: ("fc", "kmeans", 5, "silhouette"), ("fc", "probe", "genre", "accuracy"),
# ("fc", "model", "", "kl"), ("retrieval" | "cca" | "chance", "lyrics_to_audio", "pairs" | "within", "recall@10").
_FIELDS = ("space", "method", "parameter", "metric")


def score_audio(config: Config, prepared: Prepared, part: Part, fc: Fitted, conv: Fitted, seed: int) -> Records:
    """Clustering of the audio representations (FC, Conv, PCA) and how healthy the two VAEs are."""
    usable = prepared.dataset.masks["audio"]
    rows = part.score[usable[part.score]]
    spectrogram_module = conv_module(config, prepared)
    recon_conv = training.predict(spectrogram_module, conv.state.variables, (conv.mean[rows],), method="decode")
    pca, explained = pca_of_spectrograms(prepared, part)
    spaces = {"fc": fc.mean, "conv": conv.mean, "pca": pca}
    supervised = {**spaces, "statistics": prepared.statistics}
    state = {
        "fc": _fc_health(config, prepared, part, fc, rows),
        "conv": _health(conv, rows)
        | {
            "mse": _spectrogram_mse(prepared, recon_conv, rows),
            "mse_of_mean": _spectrogram_mse(prepared, _mean_spectrogram(prepared, part), rows),
        },
        "pca": {"explained_variance": float(explained.sum())},
    }
    return [
        *tidy({name: _grid(config, prepared, space, rows, seed) for name, space in spaces.items()}, *_FIELDS),
        *tidy({name: _probe(config, prepared, part, x, usable) for name, x in supervised.items()}, *_FIELDS),
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
        **{f"fc.{name}": value for name, value in _fc_health(config, prepared, part, fc, rows).items()},
        "silhouette": float(clusters["silhouette"]),
        "largest_share": float(clusters["largest_share"]),
        **{f"probe/{label}": found["accuracy"] for label, found in probe["probe"].items()},
    }


def score_joint(
    config: Config, prepared: Prepared, part: Part, variant: Variant, conv: Fitted, joint: Fitted, seed: int
) -> Records:
    """What depends on lyrics: the hybrid and the joint space, retrieval, and the linear baseline for it."""
    has_audio = prepared.dataset.masks["audio"]
    both, either = has_audio & part.has_lyrics, has_audio | part.has_lyrics
    rows, pairs = part.score[either[part.score]], part.score[both[part.score]]
    module = joint_module(config, prepared, variant)
    recon = {
        name: training.predict(module, joint.state.variables, (joint.mean[pairs],), method="decode", static=(name,))
        for name in ("audio", "lyrics")
    }
    hybrid = hybrid_space(part, conv, both)
    mean_lyrics = part.lyrics[part.fit[part.has_lyrics[part.fit]]].mean(0)
    state = _health(joint, rows) | {
        "audio.mse": _spectrogram_mse(prepared, recon["audio"], pairs),
        "audio.mse_of_mean": _spectrogram_mse(prepared, _mean_spectrogram(prepared, part), pairs),
        "lyrics.mse": float(np.mean((recon["lyrics"] - part.lyrics[pairs]) ** 2)),
        "lyrics.mse_of_mean": float(np.mean((mean_lyrics - part.lyrics[pairs]) ** 2)),
    }
    explained = {"explained_variance": float(part.encoder.explained_variance_ratio.sum())}
    grids = {"hybrid": (hybrid, pairs), "joint": (joint.mean, rows)}
    probed = {"lyrics": (part.lyrics, part.has_lyrics), "hybrid": (hybrid, both), "joint": (joint.mean, either)}
    return [
        *tidy({name: _grid(config, prepared, x, rows, seed) for name, (x, rows) in grids.items()}, *_FIELDS),
        *tidy({name: _probe(config, prepared, part, x, known) for name, (x, known) in probed.items()}, *_FIELDS),
        *tidy({"joint": {"model": {"": state}}, "lyrics": {"model": {"": explained}}}, *_FIELDS),
        *_retrieval(prepared, pairs, "retrieval", modality_means(config, prepared, part, variant, joint, pairs)),
        *_retrieval(prepared, pairs, "cca", cca_projections(prepared, part, part.fit[both[part.fit]], pairs)),
    ]


def _retrieval(prepared: Prepared, pairs: np.ndarray, source: str, embedded: tuple[np.ndarray, np.ndarray]) -> Records:
    """Records of retrieval in both directions; chance levels are a source of their own, stated once."""
    genre = prepared.dataset.labels.get("genre")
    found = evaluation.cross_modal_retrieval(*embedded, labels=None if genre is None else genre[pairs])
    records = []
    for parameter, scores in (("pairs", found), ("within", _within_language(prepared, pairs, *embedded))):
        for direction, by_metric in scores.items():
            own = {name: value for name, value in by_metric.items() if not name.startswith("chance/")}
            chance = {name.removeprefix("chance/"): x for name, x in by_metric.items() if name not in own}
            shown = {source: own} | ({"chance": chance} if source == "retrieval" else {})
            records += tidy({name: {direction: {parameter: x}} for name, x in shown.items()}, *_FIELDS)
    return records


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


def modality_means(
    config: Config, prepared: Prepared, part: Part, variant: Variant, joint: Fitted, rows: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Posterior means of `rows` from audio alone and from lyrics alone, each `[rows, latent]`."""
    module = joint_module(config, prepared, variant)
    alone = [{"audio": prepared.spectrograms[rows]}, {"lyrics": part.lyrics[rows]}]
    means = [training.predict(module, joint.state.variables, (x,), method="encode")[0] for x in alone]
    return means[0], means[1]


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


def _fc_health(config: Config, prepared: Prepared, part: Part, fc: Fitted, rows: np.ndarray) -> dict[str, float]:
    usable = prepared.dataset.masks["audio"]
    features = fit_standardizer(prepared.statistics[part.fit[usable[part.fit]]])(prepared.statistics[rows])
    module = models.FCVAE(latent_dim=config.fc.latent, features=features.shape[1])
    rebuilt = training.predict(module, fc.state.variables, (fc.mean[rows],), method="decode")
    return {
        **_health(fc, rows),
        "mse": float(np.mean((rebuilt - features) ** 2)),
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
