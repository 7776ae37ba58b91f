"""Joint VAE reproduction: latents → clustering, retrieval and model scores, as JSON."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import jax.numpy as jnp
import numpy as np
from joint_vae_pipeline import Fitted, Part, Prepared, Variant, conv_module, joint_module

from jaxmusic import evaluation, losses, models, training
from jaxmusic.data.preprocessing import fit_standardizer

if TYPE_CHECKING:
    from joint_vae import Config

PCA_COMPONENTS = 64


def score_audio(config: Config, prepared: Prepared, part: Part, fc: Fitted, conv: Fitted, seed: int) -> dict[str, Any]:
    """Clustering of the audio representations (FC, Conv, PCA) and how healthy the two VAEs are."""
    usable = prepared.dataset.masks["audio"]
    rows = part.score[usable[part.score]]
    scaler = fit_standardizer(prepared.statistics[part.fit[usable[part.fit]]])
    features = scaler(prepared.statistics[rows])
    fc_module = models.FCVAE(latent_dim=config.fc_latent, features=features.shape[1])
    spectrogram_module = conv_module(config, prepared)
    recon_fc = training.predict(fc_module, fc.state.variables, (fc.mean[rows],), method="decode")
    recon_conv = training.predict(spectrogram_module, conv.state.variables, (conv.mean[rows],), method="decode")
    pca, explained = pca_of_spectrograms(prepared, part)
    return {
        "clustering": {
            "fc": _grid(config, prepared, fc.mean, rows, seed),
            "conv": _grid(config, prepared, conv.mean, rows, seed),
            "pca": _grid(config, prepared, pca, rows, seed),
        },
        "scalars": {
            **_health("fc", fc, rows),
            **_health("conv", conv, rows),
            "fc.mse": float(np.mean((recon_fc - features) ** 2)),
            "conv.mse": _spectrogram_mse(prepared, recon_conv, rows),
            "pca_explained_variance": float(explained.sum()),
        },
    }


def score_joint(
    config: Config,
    prepared: Prepared,
    part: Part,
    variant: Variant,
    conv: Fitted,
    joint: Fitted,
    seed: int,
    audio_scores: dict[str, Any],
) -> dict[str, Any]:
    """What depends on lyrics: the hybrid and the joint space, retrieval, and the linear baseline for it."""
    has_audio = prepared.dataset.masks["audio"]
    both = has_audio & part.has_lyrics
    rows = part.score[(has_audio | part.has_lyrics)[part.score]]
    pairs = part.score[both[part.score]]
    module = joint_module(config, prepared, variant)
    recon = {
        name: training.predict(module, joint.state.variables, (joint.mean[pairs],), method="decode", static=(name,))
        for name in ("audio", "lyrics")
    }
    audio, lyrics = modality_means(config, prepared, part, variant, joint, pairs)
    genre = prepared.dataset.labels.get("genre")
    labels = None if genre is None else genre[pairs]
    return {
        "clustering": {
            **audio_scores["clustering"],
            "hybrid": _grid(config, prepared, hybrid_space(part, conv, both), pairs, seed),
            "joint": _grid(config, prepared, joint.mean, rows, seed),
        },
        "scalars": {
            **audio_scores["scalars"],
            **_health("joint", joint, rows),
            "joint.audio.mse": _spectrogram_mse(prepared, recon["audio"], pairs),
            "joint.lyrics.mse": float(np.mean((recon["lyrics"] - part.lyrics[pairs]) ** 2)),
            "explained_variance": float(part.encoder.explained_variance_ratio.sum()),
        },
        "retrieval": evaluation.cross_modal_retrieval(audio, lyrics, labels=labels),
        "cca": cca_retrieval(prepared, part, part.fit[both[part.fit]], pairs, labels),
        "sizes": {
            "fit": len(part.fit),
            "valid": 0 if part.valid is None else len(part.valid),
            "score": len(part.score),
            "pairs": len(pairs),
        },
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


def cca_retrieval(
    prepared: Prepared, part: Part, fit_rows: np.ndarray, rows: np.ndarray, labels: np.ndarray | None
) -> dict[str, dict[str, float]]:
    """Retrieval by linear CCA between the statistics per mel band and the lyric vectors."""
    scaler = fit_standardizer(prepared.statistics[fit_rows])
    audio = scaler(prepared.statistics)
    components = min(32, len(fit_rows) - 1, audio.shape[1], part.lyrics.shape[1])
    cca = evaluation.fit_cca(audio[fit_rows], part.lyrics[fit_rows], n_components=components, ridge=0.1)
    return evaluation.cross_modal_retrieval(
        evaluation.project_x(cca, audio[rows]), evaluation.project_y(cca, part.lyrics[rows]), labels=labels
    )


def row_key(method: str, parameters: dict[str, Any]) -> str:
    """The key of a clustering row: method and its first parameter, e.g. `"kmeans|5"`."""
    return f"{method}|{next(iter(parameters.values())):g}"


def _grid(config: Config, prepared: Prepared, x: np.ndarray, rows: np.ndarray, seed: int) -> dict[str, Any]:
    labels = {name: prepared.dataset.labels[name][rows] for name in used_labels(config, prepared)}
    grid = evaluation.clustering_grid(x[rows], labels=labels, seed=seed)
    return {
        row_key(row.method, row.parameters): {k: float(v) for k, v in row.scores.items()}
        for row in grid
        if not row.skipped
    }


def used_labels(config: Config, prepared: Prepared) -> list[str]:
    """The config's labels that the data has, with more than one value."""
    labels = prepared.dataset.labels
    return [name for name in config.labels if name in labels and len(set(labels[name]) - {""}) > 1]


def _health(name: str, fitted: Fitted, rows: np.ndarray) -> dict[str, float]:
    kl = losses.kl_divergence(jnp.asarray(fitted.mean[rows]), jnp.asarray(fitted.logvar[rows]))
    return {
        f"{name}.active_units": float(evaluation.active_units(fitted.mean[rows])),
        f"{name}.kl": float(kl.mean()),
    }


def _spectrogram_mse(prepared: Prepared, recon: np.ndarray, rows: np.ndarray) -> float:
    error = losses.squared_error(
        jnp.asarray(recon),
        jnp.asarray(prepared.spectrograms[rows]),
        element_mask=jnp.asarray(prepared.frames[rows][:, None]),
    )
    return float(error.mean())
