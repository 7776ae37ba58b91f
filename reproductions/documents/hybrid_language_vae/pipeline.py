"""Hybrid-language clustering: from music or feature tables to hybrid features and fitted models."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax
import runs

from documents.hybrid_language_vae.config import Config, Net
from documents.hybrid_language_vae.variants import VARIANTS, Variant
from documents.readings import READINGS
from jaxmusic import audio, data, losses, models, training
from jaxmusic.data._feature_table import FILE_NAME
from jaxmusic.data.preprocessing import fit_standardizer
from jaxmusic.text import Terciles, describe, fit_terciles

# Columns of the document's text embeddings; descriptors that stand in for them are repeated to as many, so that text
# weighs against audio what it weighed there.
TEXT_COLUMNS = 384
_LANGUAGES = {"english": "gtzan", "bangla": "banglabeats"}


def prepare(config: Config) -> data.Dataset:
    """Load the tracks of both languages."""
    if config.data is None and config.gtzan is None and config.banglabeats is None:
        # Languages are drawn with equal chances: a few more clips, so that either has enough to sample from.
        clips = round(2.3 * config.per_language)
        if config.clip_seconds is None:
            raise ValueError("--clip-seconds None reads whole files: the embedded corpus needs a length")
        return data.synthetic_features(jax.random.key(0), clips, duration=config.clip_seconds)
    given = {"english": config.gtzan, "bangla": config.banglabeats}
    places: dict[str, str | Path] = {}
    for language, folder in _LANGUAGES.items():
        place = given[language] or (config.data / folder if config.data is not None else None)
        if place is not None and (given[language] is not None or place.exists()):
            places[language] = place
    if not places:
        raise FileNotFoundError(f"{config.data} holds neither of the folders {sorted(_LANGUAGES.values())}")
    has_tables = all(_has_table(Path(place)) for place in places.values())
    group_by = None if config.group_by == "none" else config.group_by
    if config.source == "tables" or (config.source == "auto" and has_tables):
        return data.feature_table(places, group_by=group_by)
    dataset = data.genre_folders(places, duration=config.clip_seconds, group_by=group_by, cache=config.cache)
    further, encoders = _pretrained(config, [_file(places, id) for id in dataset.ids])
    masks = {name: np.ones(len(dataset), bool) for name in further}
    return replace(
        dataset,
        modalities={**dataset.modalities, **further},
        masks={**dataset.masks, **masks},
        source={**dataset.source, **({"pretrained": encoders} if encoders else {})},
    )


def _file(places: Mapping[str, str | Path], id: str) -> Path:
    language, _, name = id.partition("/")
    place = Path(places[language])
    return next(path for path in (place / "genres_original" / name, place / name) if path.is_file())


def _pretrained(config: Config, files: list[Path]) -> tuple[dict[str, np.ndarray], list[str]]:
    """Columns of pretrained encoders that some variant asks for, and what the encoders are.

    Whole files are cached by their content.
    """
    wanted = {VARIANTS[name].columns for name in config.variant}
    names: dict[str, str | Path | None] = {"musicnn": config.musicnn, "tags": config.musicnn, "clap": config.clap}
    found, encoders = dict[str, np.ndarray](), []
    for encoder_name in dict.fromkeys(names[column] for column in names if column in wanted):
        if encoder_name is None:
            raise ValueError("the columns clap need --clap FOLDER, a CLAP model in the hub's layout")
        encoder = audio.sound_encoder(encoder_name, network=models.sound_network, cache=config.cache, progress=True)
        encoders.append(encoder.description)
        sounds: list[Any] = list(files)
        if config.clip_seconds is not None:
            sounds = [audio.load(file, sr=encoder.network.sr, duration=config.clip_seconds) for file in files]
        said = encoder.features(sounds)
        if said.skipped:
            raise ValueError(f"{said.skipped[0][1]}: {said.skipped[0][2]}")
        found |= {"clap": said.mean} if encoder_name == config.clap else {"musicnn": said.mean, "tags": said.logits}
    return found, encoders


def _has_table(place: Path) -> bool:
    return place.is_file() or (place / FILE_NAME).is_file()


def fingerprint(dataset: data.Dataset) -> str:
    """Changes when the data does."""
    arrays = [dataset.modalities[name] for name in sorted(dataset.modalities)]
    return runs.fingerprint(*arrays, dataset.ids, dataset.labels["genre"], dataset.groups)


class Part(NamedTuple):
    """One seed's tracks under one variant, and what is fitted on the training rows. Rows count within `tracks`."""

    tracks: data.Dataset
    fit: np.ndarray
    valid: np.ndarray | None
    score: np.ndarray
    levels: np.ndarray  # [n, 4] 0, 1 or 2: tempo, energy, brightness, rhythm
    sentences: list[str]
    audio: np.ndarray  # [n, columns] standardised
    text: np.ndarray  # [n, columns] standardised
    codes: np.ndarray  # [n] genre code
    genres: np.ndarray  # names of the codes

    @property
    def hybrid(self) -> np.ndarray:
        """Audio ⊕ text, `[n, columns]` float32."""
        return np.concatenate([self.audio, self.text], axis=1)

    @property
    def one_hot(self) -> np.ndarray:
        """Genre codes one-hot, `[n, genres]` float32."""
        return np.eye(len(self.genres), dtype=np.float32)[self.codes]


def part_of(config: Config, dataset: data.Dataset, variant: Variant, key: jax.Array) -> Part:
    """Sample both languages alike, split, describe, embed and standardise."""
    chosen = data.balanced_sample(jax.random.fold_in(key, 0), dataset, config.per_language)
    tracks = dataset.take(chosen)
    everything = np.arange(len(tracks))
    train, valid, test = data.split(jax.random.fold_in(key, 1), tracks, config.fit_fractions)
    fit, score = (everything, everything) if variant.fit_on_all else (train, test)
    found = tracks.modalities["descriptors"]
    terciles = fit_terciles(found[fit])
    sentences = describe(found, terciles)
    levels = levels_of(found, terciles)
    if variant.columns not in tracks.modalities:
        raise ValueError(
            f"the columns {variant.columns} are made of audio files: give --gtzan or --banglabeats folders"
        )
    sound = tracks.modalities[variant.columns]
    text, _ = embed(config, sentences, levels)
    genres, codes = np.unique(tracks.labels["genre"], return_inverse=True)
    return Part(
        tracks,
        fit,
        None if variant.fit_on_all else valid,
        score,
        levels,
        sentences,
        fit_standardizer(sound[fit])(sound),
        fit_standardizer(text[fit])(text),
        codes,
        genres,
    )


def levels_of(features: np.ndarray, terciles: Terciles) -> np.ndarray:
    """`[n, 4]` 0, 1 or 2: what `text.describe` says of tempo, energy, brightness and rhythm, as numbers."""
    from jaxmusic.text.descriptions import FAST, SLOW

    limits = np.array([[SLOW, FAST], *terciles])
    return (features > limits[:, 1]).astype(int) - (features < limits[:, 0]).astype(int) + 1


def embed(config: Config, sentences: list[str], levels: np.ndarray) -> tuple[np.ndarray, str]:
    """Text columns `[n, d]` of the sentences, and what made them; each distinct sentence is embedded once."""
    if config.text == "descriptors":
        return indicators(levels), (
            f"indicators of the descriptors' levels, repeated to {TEXT_COLUMNS} columns, in place of embeddings"
        )
    from jaxmusic.text import sentence_encoder

    encoder = sentence_encoder(config.text, transformer=models.TextTransformer)
    distinct, positions = np.unique(sentences, return_inverse=True)
    return np.asarray(encoder([str(text) for text in distinct]))[positions], encoder.description


def indicators(levels: np.ndarray) -> np.ndarray:
    """Indicators of each column's levels, repeated to `TEXT_COLUMNS` columns or a few less."""
    columns = [levels[:, i] == level for i in range(levels.shape[1]) for level in np.unique(levels[:, i])]
    once = np.stack(columns, axis=1).astype(np.float32)
    return np.tile(once, (1, max(1, TEXT_COLUMNS // once.shape[1])))


class Fitted(NamedTuple):
    """A trained model, and what it makes of every track."""

    latent: np.ndarray  # [n, latent]
    recon: np.ndarray  # [n, columns of its input] from the posterior mean
    target: np.ndarray  # [n, columns] what it reconstructs
    curves: dict[str, np.ndarray]
    seconds: float
    compile_seconds: float
    state: training.State
    module: Any
    kl: float  # mean over the scored rows, in nats; NaN for the autoencoder


def with_labels(batch: training.Batch) -> tuple[Any, ...]:
    """What the conditional VAE takes of a batch."""
    return batch["inputs"], batch["labels"]


def loss_of(reading: str, net: Net, beta: float, *, target: str = "inputs") -> losses.Loss:
    """Reconstruction + β · KL under one of `READINGS`."""
    read = READINGS[reading]
    return losses.elbo(beta=read.beta(beta, net.latent, net.batch), reduction=read.error, target=target)


def fit_net(config: Config, part: Part, variant: Variant, name: str, key: jax.Array, folder: Path) -> Fitted:
    """Train one of the models on the training rows."""
    net, hybrid = config.net, part.hybrid
    x = part.audio if name == "basic" else hybrid
    batch: dict[str, Any] = {"inputs": x}
    epochs, inputs, beta, target = net.epochs, training.batch_inputs, net.beta, "inputs"
    sizes: dict[str, Any] = {"features": x.shape[1], "latent_dim": net.latent}
    module: Any
    if name == "basic":
        module = models.FCVAE(widths=net.widths, **sizes)
    elif name == "conv":
        module = models.Conv1DVAE(**sizes)
    elif name == "conditional":
        module = models.ConditionalVAE(classes=len(part.genres), widths=net.widths, **sizes)
        batch |= {"labels": part.one_hot}
        epochs, inputs, beta = net.conditional_epochs, with_labels, net.conditional_beta
    elif name == "autoencoder":
        module = models.Autoencoder(widths=net.widths, **sizes)
    else:
        module = models.AdaptiveFusionVAE(widths=tuple(reversed(net.widths)), **sizes)
        batch, target = {"inputs": {"audio": part.audio, "text": part.text}, "hybrid": hybrid}, "hybrid"
    trainer = training.Trainer(
        module,
        losses.reconstruction() if name == "autoencoder" else loss_of(variant.reading, net, beta, target=target),
        optax.adam(net.learning_rate),
        batch_size=net.batch,
        inputs=inputs,
    )
    state, info = trainer.fit(
        key,
        jax.tree.map(lambda x: x[part.fit], batch),
        epochs=epochs,
        progress=name,
        checkpoint=training.Checkpoint(folder, save_every=25),
    )
    rest = (part.one_hot,) if name == "conditional" else ()
    encoded = training.predict(module, state.variables, (batch["inputs"], *rest), method="encode")
    latent = encoded if name == "autoencoder" else encoded[0]
    recon = training.predict(module, state.variables, (latent, *rest), method="decode")
    kl = np.nan
    if name != "autoencoder":
        divergence = losses.kl_divergence(jnp.asarray(latent[part.score]), jnp.asarray(encoded[1][part.score]))
        kl = float(divergence.mean())
    return Fitted(latent, recon, x, info.metrics, info.run_seconds, info.compile_seconds, state, module, kl)
