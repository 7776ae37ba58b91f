"""Beyond the Joint VAE document: a variant and its views → a fitted JointVAE and its latents."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, NamedTuple

import jax
import numpy as np
import optax

from documents.joint_vae_beyond.cca import RIDGES, start_of, tuned_cca
from documents.joint_vae_beyond.config import Config
from documents.joint_vae_beyond.variants import Variant
from documents.joint_vae_beyond.views import Part, Prepared, Views, genre_codes, genre_names, lyrics_view, views
from jaxmusic import losses, models, training


class Fitted(NamedTuple):
    """A trained JointVAE and its latents of every row."""

    module: models.MultimodalVAE
    variables: Any
    audio: np.ndarray  # [n, latent] mean of q(z | audio)
    lyrics: np.ndarray  # [n, latent] mean of q(z | lyrics)
    seconds: float
    metrics: dict[str, float]  # of the last epoch


def _trainer(config: Config, variant: Variant, module: models.MultimodalVAE, warmup_steps: int) -> training.Trainer:
    beta = optax.linear_schedule(0.0, variant.beta, warmup_steps) if variant.warmup_epochs else variant.beta
    loss = losses.joint_elbo(
        weights={"audio": 1.0, "lyrics": 1.0},
        reduction=variant.reduction,
        beta=beta,
        free_bits=variant.free_bits,
        element_masks={"audio": "frames"} if variant.audio == "frames" else None,
        contrastive_weight=variant.alignment_weight,
        alignment=variant.alignment,
        temperature=variant.temperature,
        label_weight=variant.label_weight,
    )
    rate = config.net.learning_rate if variant.encoder == "vector" else config.net.spectrogram_learning_rate
    return training.Trainer(
        module,
        loss,
        optax.adamw(rate, weight_decay=config.net.weight_decay),
        batch_size=config.net.batch,
        inputs=_with_frames if variant.audio == "frames" else training.batch_inputs,
        transform=variant.transform,
    )


def module_of(config: Config, prepared: Prepared, variant: Variant, seen: Views) -> models.MultimodalVAE:
    """The variant's model at this data's sizes."""
    n_mels, frames = prepared.spectrograms.shape[1:]
    is_vector = variant.encoder == "vector"
    return models.JointVAE(
        n_mels=n_mels,
        frames=frames,
        lyrics_dim=seen.lyrics.shape[1],
        latent_dim=variant.latent,
        fusion=variant.fusion,
        audio_encoder_kind=variant.encoder,
        audio_dim=seen.audio.shape[1] if is_vector else 0,
        widths=config.net.widths if variant.widths is None else variant.widths,
        dropout_rate=config.net.dropout,
        classes=len(genre_names(prepared)) if variant.label_weight else 0,
        learned_weights=variant.learned_weights,
    )


def fit_variant(config: Config, prepared: Prepared, part: Part, variant: Variant, key: jax.Array) -> Fitted:
    """Train one variant on the part's training rows; a clip that lacks a modality trains the other one."""
    seen = views(config, prepared, part, variant.audio, variant.lyrics)
    module = module_of(config, prepared, variant, seen)
    batch = batch_of(prepared, part, seen)
    rows = part.fit[(part.has_audio | part.has_lyrics)[part.fit]]
    epochs = variant.epochs or (config.net.epochs if variant.encoder == "vector" else config.net.spectrogram_epochs)
    trainer = _trainer(config, variant, module, variant.warmup_epochs * -(-len(rows) // config.net.batch))
    start = None
    if variant.start == "cca":
        pairs, valid = part.pairs(part.fit), part.pairs(part.valid)
        start = start_of(tuned_cca(config, seen, pairs, RIDGES, valid)[0], variant.latent)
    elif variant.start == "unpaired":
        start = _pretrained(config, prepared, part, variant, seen, module, jax.random.fold_in(key, 1))
    train = jax.tree.map(lambda x: x[rows], batch)
    # Step by step: the compilation cache then serves folds that differ by a clip, and convolutions are fast.
    state, info = trainer.fit(trainer.init(key, train, start=start), train, epochs=epochs, loop="python")
    means = [_posterior_mean(module, state.variables, seen, name) for name in ("audio", "lyrics")]
    metrics = {name: float(values[-1]) for name, values in info.metrics.items()}
    return Fitted(module, state.variables, means[0], means[1], info.run_seconds, metrics)


def batch_of(prepared: Prepared, part: Part, seen: Views) -> dict[str, Any]:
    """Everything a step needs of all rows."""
    batch: dict[str, Any] = {
        "inputs": {"audio": seen.audio, "lyrics": seen.lyrics},
        "masks": {"audio": part.has_audio, "lyrics": part.has_lyrics},
        "labels": genre_codes(prepared),
    }
    if seen.frames is not None:
        batch["frames"] = seen.frames[:, None]
    return batch


def _with_frames(batch: Any) -> tuple[Any, ...]:
    """The transformer attends to frames of music only."""
    return batch["inputs"], {**batch["masks"], "frames": batch["frames"][:, 0]}


def _pretrained(
    config: Config,
    prepared: Prepared,
    part: Part,
    variant: Variant,
    seen: Views,
    module: models.MultimodalVAE,
    key: jax.Array,
) -> Any:
    """Parameters trained on single modalities: each training clip twice, once without its lyrics, once without its
    audio, as two clips that know nothing of each other; and further lyrics, where the variant's view is made for them.
    """
    audio = part.fit[part.has_audio[part.fit]]
    lyrics = part.fit[part.has_lyrics[part.fit]]
    rows = np.concatenate([audio, lyrics])
    batch = jax.tree.map(lambda x: x[rows], batch_of(prepared, part, seen))
    is_audio = np.arange(len(rows)) < len(audio)
    batch["masks"] = {"audio": is_audio, "lyrics": ~is_audio}
    if variant.lyrics.startswith("unpaired"):
        more = lyrics_view(config, prepared, part, variant.lyrics, prepared.more_lyrics)
        silent = jax.tree.map(lambda x: np.zeros((len(more), *x.shape[1:]), x.dtype), batch)
        silent["inputs"]["lyrics"], silent["masks"]["lyrics"] = more, np.ones(len(more), bool)
        silent["labels"] = np.full(len(more), -1, np.int32)
        batch = jax.tree.map(lambda a, b: np.concatenate([a, b]), batch, silent)
    trainer = _trainer(config, replace(variant, alignment_weight=0.0, label_weight=0.0), module, 0)
    state, _ = trainer.fit(key, batch, epochs=config.net.pretrain_epochs, loop="python")
    return lambda fresh: state.params


def _posterior_mean(module: models.MultimodalVAE, variables: Any, seen: Views, name: str) -> np.ndarray:
    inputs = {name: seen.audio if name == "audio" else seen.lyrics}
    masks = {} if seen.frames is None or name == "lyrics" else {"frames": seen.frames}
    return training.predict(module, variables, (inputs, masks), method="posteriors")[name][0]


def joint_mean(fitted: Fitted, seen: Views, part: Part, rows: np.ndarray, has_lyrics: np.ndarray) -> np.ndarray:
    """`[rows, latent]` means of the joint posterior, with lyrics where `has_lyrics` `[rows]` says so."""
    inputs = {"audio": seen.audio[rows], "lyrics": seen.lyrics[rows]}
    masks = {"audio": part.has_audio[rows], "lyrics": has_lyrics}
    if seen.frames is not None:
        masks["frames"] = seen.frames[rows]
    return training.predict(fitted.module, fitted.variables, (inputs, masks), method="encode")[0]
