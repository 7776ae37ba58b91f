"""Joint VAE: from clips and lyrics to fitted models."""

from __future__ import annotations

from pathlib import Path
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax

from documents import clips
from documents.joint_vae.config import Config
from documents.joint_vae.variants import Variant
from jaxmusic import data, losses, models, training
from jaxmusic.audio import mel_statistics
from jaxmusic.data.preprocessing import fit_standardizer, pool_frames, standardize_bins
from jaxmusic.text import TfidfPCA, fit_tfidf_pca

_DOCUMENT_FRAMES = 1290


class Prepared(NamedTuple):
    """The data set as the models take it, before anything is fitted on a part of it."""

    dataset: data.Dataset
    spectrograms: np.ndarray  # [n, n_mels, frames], per-file z-score
    frames: np.ndarray  # [n, frames] bool
    statistics: np.ndarray  # [n, 2·n_mels] mean and std per band in dB


def prepare(config: Config) -> Prepared:
    """Load the clips; statistics come before the per-file z-score, after which they would be 0 and 1 for every file."""
    dataset = clips.load_clips(config.data, config.sound)
    mel, mask = dataset.modalities["audio"], dataset.masks["frames"]
    statistics = np.asarray(mel_statistics(jnp.asarray(mel), jnp.asarray(mask)))
    frames = min(config.frames or _DOCUMENT_FRAMES, mel.shape[-1])
    pooled, pooled_mask = pool_frames(mel, mask, frames) if config.frames else (mel[..., :frames], mask[:, :frames])
    spectrograms = standardize_bins(pooled, pooled_mask)
    # From here on the raw spectrograms are not needed.
    return Prepared(clips.without_audio(dataset), spectrograms, pooled_mask, statistics)


class Part(NamedTuple):
    """One seed's rows under one protocol, and what is fitted on the training rows."""

    fit: np.ndarray  # rows to fit on
    valid: np.ndarray | None
    score: np.ndarray  # rows to score
    encoder: TfidfPCA
    lyrics: np.ndarray  # [n, lyrics_dim] standardised
    has_lyrics: np.ndarray  # [n] bool


def part_of(config: Config, prepared: Prepared, variant: Variant, key: jax.Array) -> Part:
    """Split (or not), and fit the lyrics' TF-IDF and PCA on the training rows."""
    dataset = prepared.dataset
    everything = np.arange(len(dataset))
    train, valid, test = data.split(key, dataset, config.fit_fractions)
    fit, score = (everything, everything) if variant.fit_on_all else (train, test)
    texts = list(dataset.modalities["lyrics"])
    encoder = fit_tfidf_pca(
        [texts[row] for row in fit if dataset.masks["lyrics"][row]],
        max_features=config.lyrics.max_features,
        n_components=config.lyrics.dim,
        language_aware=variant.language_aware,
    )
    has_lyrics = dataset.masks["lyrics"] & encoder.has_known_words(texts)
    both = dataset.masks["audio"] & has_lyrics
    for name, rows in (("training", fit), ("scored", score)):
        if both[rows].sum() < 2:
            raise ValueError(
                f"{both[rows].sum()} of the {len(rows)} clips of the {name} part have both audio and lyrics, two are "
                "needed: add clips, or lyrics with the clips' ids"
            )
    lyrics = encoder.transform(texts, standardized=True)
    return Part(fit, None if variant.fit_on_all else valid, score, encoder, lyrics, has_lyrics)


class Fitted(NamedTuple):
    """A trained model and what it makes of every row."""

    state: training.State
    curves: dict[str, np.ndarray]
    seconds: float
    compile_seconds: float
    mean: np.ndarray  # [n, latent]
    logvar: np.ndarray  # [n, latent]


class Trainers(NamedTuple):
    """One variant's three models, compiled once for all seeds."""

    fc: training.Trainer
    conv: training.Trainer
    joint: training.Trainer


def trainers_of(config: Config, prepared: Prepared, variant: Variant) -> Trainers:
    """The variant's losses and models at this data's size."""
    weights = {"audio": config.loss.audio_weight, "lyrics": config.loss.lyrics_weight}
    beta: Any = config.loss.beta
    if config.loss.warmup_steps:
        beta = optax.linear_schedule(0.0, config.loss.beta, config.loss.warmup_steps)
    error: dict[str, Any] = {"reduction": variant.reduction, "beta": beta}
    joint = losses.joint_elbo(
        weights=weights,
        element_masks={"audio": "frames"},
        contrastive_weight=variant.contrastive_weight,
        temperature=config.loss.temperature,
        **error,
    )
    fc, conv = losses.elbo(**error), losses.elbo(element_mask="frames", **error)
    adam = optax.adam(config.loss.learning_rate)
    return Trainers(
        training.Trainer(fc_module(config, prepared), fc, adam, batch_size=config.fc.batch),
        training.Trainer(conv_module(config, prepared), conv, adam, batch_size=config.net.batch),
        training.Trainer(joint_module(config, prepared, variant), joint, adam, batch_size=config.net.batch),
    )


def _train(
    config: Config,
    trainer: training.Trainer,
    key_or_state: Any,
    batch: dict,
    part: Part,
    usable: np.ndarray,
    **options: Any,
) -> tuple[training.State, training.Info]:
    """Fit on the part's usable rows."""
    rows = part.fit[usable[part.fit]]
    if config.loss.patience is not None and part.valid is not None:
        held_out = part.valid[usable[part.valid]]
        options |= {"valid": jax.tree.map(lambda x: x[held_out], batch), "patience": config.loss.patience}
    return trainer.fit(key_or_state, jax.tree.map(lambda x: x[rows], batch), **options)


def fit_fc(
    config: Config, trainer: training.Trainer, prepared: Prepared, part: Part, key: jax.Array, folder: Path | None
) -> Fitted:
    """FC-VAE on mean and standard deviation per mel band, standardised on the training rows."""
    usable = prepared.dataset.masks["audio"]
    scaler = fit_standardizer(prepared.statistics[part.fit[usable[part.fit]]])
    features = np.where(usable[:, None], scaler(prepared.statistics), 0).astype(np.float32)
    state, info = _train(
        config,
        trainer,
        key,
        {"inputs": features},
        part,
        usable,
        epochs=config.fc.epochs,
        progress="FC-VAE",
        checkpoint=None if folder is None else training.Checkpoint(folder, save_every=10),
    )
    mean, logvar = training.predict(fc_module(config, prepared), state.variables, (features,), method="encode")
    return Fitted(state, info.metrics, info.run_seconds, info.compile_seconds, mean, logvar)


def fit_conv(
    config: Config, trainer: training.Trainer, prepared: Prepared, part: Part, key: jax.Array, folder: Path
) -> Fitted:
    """ConvVAE on the z-scored spectrograms."""
    batch = {"inputs": prepared.spectrograms, "frames": prepared.frames[:, None]}
    state, info = _train(
        config,
        trainer,
        key,
        batch,
        part,
        prepared.dataset.masks["audio"],
        epochs=config.net.conv_epochs,
        checkpoint=folder,
        progress="ConvVAE",
    )
    module = conv_module(config, prepared)
    mean, logvar = training.predict(module, state.variables, (prepared.spectrograms,), method="encode")
    return Fitted(state, info.metrics, info.run_seconds, info.compile_seconds, mean, logvar)


def fit_joint(
    config: Config,
    trainer: training.Trainer,
    prepared: Prepared,
    part: Part,
    variant: Variant,
    audio: Fitted,
    key: jax.Array,
    folder: Path,
) -> Fitted:
    """JointVAE whose audio encoder starts from the ConvVAE's."""
    inputs, masks = joint_inputs(prepared, part)
    batch = {"inputs": inputs, "masks": masks, "frames": prepared.frames[:, None]}
    first = jax.tree.map(lambda x: x[:1], batch)
    state, info = _train(
        config,
        trainer,
        trainer.init(key, first, start=lambda fresh: models.start_from(fresh, audio.state.params)),
        batch,
        part,
        masks["audio"] | masks["lyrics"],
        epochs=config.net.joint_epochs,
        checkpoint=folder,
        progress="JointVAE",
    )
    module = joint_module(config, prepared, variant)
    mean, logvar = training.predict(module, state.variables, (inputs, masks), method="encode")
    return Fitted(state, info.metrics, info.run_seconds, info.compile_seconds, mean, logvar)


def fc_module(config: Config, prepared: Prepared) -> models.FCVAE:
    """The FC-VAE at this data's size."""
    return models.FCVAE(latent_dim=config.fc.latent, features=prepared.statistics.shape[1])


def conv_module(config: Config, prepared: Prepared) -> models.ConvVAE:
    """The ConvVAE at this data's size."""
    n_mels, frames = prepared.spectrograms.shape[1:]
    return models.ConvVAE(n_mels=n_mels, frames=frames, latent_dim=config.net.latent)


def joint_module(config: Config, prepared: Prepared, variant: Variant) -> models.MultimodalVAE:
    """The JointVAE at this data's size."""
    n_mels, frames = prepared.spectrograms.shape[1:]
    return models.JointVAE(
        n_mels=n_mels,
        frames=frames,
        lyrics_dim=config.lyrics.dim,
        latent_dim=config.net.latent,
        fusion=variant.fusion,
    )


def joint_inputs(prepared: Prepared, part: Part) -> tuple[dict[str, np.ndarray], dict[str, np.ndarray]]:
    """Inputs and masks by modality."""
    inputs = {"audio": prepared.spectrograms, "lyrics": part.lyrics}
    return inputs, {"audio": prepared.dataset.masks["audio"], "lyrics": part.has_lyrics}


def fingerprint(prepared: Prepared) -> str:
    """Changes when the data does: sound, words, what is missing, labels or groups."""
    return clips.fingerprint(prepared.dataset, prepared.spectrograms, prepared.statistics)
