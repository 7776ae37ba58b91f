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
from documents.readings import READINGS
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


def statistics_of(prepared: Prepared, part: Part) -> np.ndarray:
    """`[n, 2·n_mels]` inputs of the FC-VAE: mean and deviation per mel band, standardised on the training rows."""
    usable = prepared.dataset.masks["audio"]
    scaler = fit_standardizer(prepared.statistics[part.fit[usable[part.fit]]])
    return np.where(usable[:, None], scaler(prepared.statistics), 0).astype(np.float32)


class Fitted(NamedTuple):
    """A trained model and what it makes of every row."""

    module: Any
    state: training.State
    curves: dict[str, np.ndarray]
    seconds: float
    compile_seconds: float
    mean: np.ndarray  # [n, latent]
    logvar: np.ndarray  # [n, latent]

    def predict(self, *inputs: Any, method: str, **options: Any) -> Any:
        """A method of the module, in batches."""
        return training.predict(self.module, self.state.variables, inputs, method=method, **options)

    def decode(self, rows: np.ndarray, *modality: str) -> np.ndarray:
        """Reconstructions of `rows` from the posterior mean; of the JointVAE those of one modality."""
        return self.predict(self.mean[rows], method="decode", static=modality)


class Trainers(NamedTuple):
    """The three models under one objective, compiled once for all seeds."""

    fc: training.Trainer
    conv: training.Trainer
    joint: training.Trainer


def trainers_of(config: Config, prepared: Prepared, variant: Variant) -> Trainers:
    """The variant's losses and models at this data's size."""
    reading, net, fc, loss = READINGS[variant.reading], config.net, config.fc, config.loss
    n_mels, frames = prepared.spectrograms.shape[1:]

    def error(latent: int, batch: int) -> dict[str, Any]:
        beta: Any = reading.beta(loss.beta, latent, batch)
        if loss.warmup_steps:
            beta = optax.linear_schedule(0.0, beta, loss.warmup_steps)
        return {"reduction": reading.error, "beta": beta}

    joint_error = losses.joint_elbo(
        weights={"audio": loss.audio_weight, "lyrics": loss.lyrics_weight},
        element_masks={"audio": "frames"},
        contrastive_weight=variant.contrastive_weight,
        temperature=loss.temperature,
        **error(net.latent, net.batch),
    )
    joint = models.JointVAE(
        n_mels=n_mels, frames=frames, lyrics_dim=config.lyrics.dim, latent_dim=net.latent, fusion=variant.fusion
    )
    adam = optax.adam(loss.learning_rate)
    return Trainers(
        training.Trainer(
            models.FCVAE(latent_dim=fc.latent, features=prepared.statistics.shape[1]),
            losses.elbo(**error(fc.latent, fc.batch)),
            adam,
            batch_size=fc.batch,
        ),
        training.Trainer(
            models.ConvVAE(n_mels=n_mels, frames=frames, latent_dim=net.latent),
            losses.elbo(element_mask="frames", **error(net.latent, net.batch)),
            adam,
            batch_size=net.batch,
        ),
        training.Trainer(joint, joint_error, adam, batch_size=net.batch),
    )


def _fitted(
    config: Config,
    trainer: training.Trainer,
    key_or_state: Any,
    batch: dict[str, Any],
    part: Part,
    usable: np.ndarray,
    inputs: tuple[Any, ...],
    **options: Any,
) -> Fitted:
    """Fit on the part's usable rows, and encode the inputs of all rows."""
    rows = part.fit[usable[part.fit]]
    if config.loss.patience is not None and part.valid is not None:
        held_out = part.valid[usable[part.valid]]
        options |= {"valid": jax.tree.map(lambda x: x[held_out], batch), "patience": config.loss.patience}
    state, info = trainer.fit(key_or_state, jax.tree.map(lambda x: x[rows], batch), **options)
    mean, logvar = training.predict(trainer.module, state.variables, inputs, method="encode")
    return Fitted(trainer.module, state, info.metrics, info.run_seconds, info.compile_seconds, mean, logvar)


def fit_fc(
    config: Config, trainer: training.Trainer, prepared: Prepared, part: Part, key: jax.Array, folder: Path | None
) -> Fitted:
    """FC-VAE on mean and standard deviation per mel band (§3.2.1)."""
    features, usable = statistics_of(prepared, part), prepared.dataset.masks["audio"]
    checkpoint = None if folder is None else training.Checkpoint(folder, save_every=10)
    options = {"epochs": config.fc.epochs, "checkpoint": checkpoint, "progress": "FC-VAE"}
    return _fitted(config, trainer, key, {"inputs": features}, part, usable, (features,), **options)


def fit_conv(
    config: Config, trainer: training.Trainer, prepared: Prepared, part: Part, key: jax.Array, folder: Path
) -> Fitted:
    """ConvVAE on the z-scored spectrograms (§3.2.2)."""
    inputs, usable = prepared.spectrograms, prepared.dataset.masks["audio"]
    batch = {"inputs": inputs, "frames": prepared.frames[:, None]}
    options = {"epochs": config.net.conv_epochs, "checkpoint": folder, "progress": "ConvVAE"}
    return _fitted(config, trainer, key, batch, part, usable, (inputs,), **options)


def fit_joint(
    config: Config,
    trainer: training.Trainer,
    prepared: Prepared,
    part: Part,
    audio: Fitted,
    key: jax.Array,
    folder: Path,
) -> Fitted:
    """JointVAE whose audio encoder starts from the ConvVAE's (§3.2.3)."""
    inputs = {"audio": prepared.spectrograms, "lyrics": part.lyrics}
    masks = {"audio": prepared.dataset.masks["audio"], "lyrics": part.has_lyrics}
    batch = {"inputs": inputs, "masks": masks, "frames": prepared.frames[:, None]}
    first = jax.tree.map(lambda x: x[:1], batch)
    start = trainer.init(key, first, start=lambda fresh: models.start_from(fresh, audio.state.params))
    options = {"epochs": config.net.joint_epochs, "checkpoint": folder, "progress": "JointVAE"}
    usable = masks["audio"] | masks["lyrics"]
    return _fitted(config, trainer, start, batch, part, usable, (inputs, masks), **options)


def fingerprint(prepared: Prepared) -> str:
    """Changes when the data does: sound, words, what is missing, labels or groups."""
    return clips.fingerprint(prepared.dataset, prepared.spectrograms, prepared.statistics)
