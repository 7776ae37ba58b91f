"""Beyond the Joint VAE document: what stands beside the variants on the same splits, none of it a VAE of both."""

from __future__ import annotations

from typing import Any, NamedTuple

import jax
import numpy as np
import optax

from documents.joint_vae_beyond.cca import RIDGES, tuned_cca, validation_score
from documents.joint_vae_beyond.config import Config
from documents.joint_vae_beyond.views import Part, Prepared, Views, genre_codes, genre_names, views
from jaxmusic import evaluation, losses, models, training

BANDWIDTHS = (1.0, 2.0)
DOCUMENT = ("statistics", "tfidf")
BASE = ("features", "base")


class Reference(NamedTuple):
    """Embeddings of every row; either may be missing."""

    audio: np.ndarray | None  # [n, d]
    lyrics: np.ndarray | None  # [n, d]
    space: np.ndarray | None  # [n, d] what is clustered
    note: str = ""


def references(config: Config, prepared: Prepared, part: Part, key: jax.Array) -> dict[str, Reference]:
    """Name → reference. Ridge and bandwidth of the CCAs are chosen on the validation part."""
    pairs, valid = part.pairs(part.fit), part.pairs(part.valid)
    document, base = (views(config, prepared, part, *names) for names in (DOCUMENT, BASE))
    both = np.concatenate([base.audio, base.lyrics], axis=1)
    found = {
        "linear CCA, document's inputs": linear_cca(config, document, pairs, (0.1,), valid),
        "linear CCA": linear_cca(config, base, pairs, RIDGES, valid),
        "kernel CCA": _kernel_cca(config, base, pairs, valid),
        "dual encoder": _dual_encoder(config, base, pairs, jax.random.fold_in(key, 0)),
        "dual encoder, document's inputs": _dual_encoder(config, document, pairs, jax.random.fold_in(key, 1)),
        "PCA of both, document's inputs": Reference(None, None, _pca(document, part)),
        "PCA of both": Reference(None, None, both),
        "PCA of the audio": Reference(None, None, base.audio),
        "FC-VAE": Reference(None, None, _fc_vae(config, document.audio, part, jax.random.fold_in(key, 2))),
    }
    languages = prepared.dataset.labels.get("language")
    if languages is not None and len(set(languages)) > 1:
        known = (languages[:, None] == np.unique(languages)).astype(np.float32)
        found["the language alone"] = Reference(known, known, None)
    if prepared.sounds is not None:
        sound = views(config, prepared, part, "sound", "base")
        found["linear CCA, sound encoder"] = linear_cca(config, sound, pairs, RIDGES, valid)
        found["PCA of the sound encoder"] = Reference(None, None, sound.audio)
    if config.net.spectrogram_epochs and len(genre_names(prepared)) > 1:
        found["supervised CNN"] = _cnn(config, prepared, part, jax.random.fold_in(key, 3))
    return found


def linear_cca(
    config: Config, seen: Views, pairs: np.ndarray, ridges: tuple[float, ...], valid: np.ndarray
) -> Reference:
    """Linear CCA with the ridge that does best on the validation part."""
    cca, ridge = tuned_cca(config, seen, pairs, ridges, valid)
    audio, lyrics = evaluation.project_x(cca, seen.audio), evaluation.project_y(cca, seen.lyrics)
    return Reference(audio, lyrics, _unit(audio) + _unit(lyrics), f"ridge {ridge:g}")


def _kernel_cca(config: Config, seen: Views, pairs: np.ndarray, valid: np.ndarray) -> Reference:
    tried = []
    for bandwidth in BANDWIDTHS:
        for ridge in RIDGES:
            components = min(config.sizes.cca_components, len(pairs) - 1)
            cca = evaluation.fit_kernel_cca(
                seen.audio[pairs], seen.lyrics[pairs], n_components=components, ridge=ridge, bandwidth=bandwidth
            )
            audio, lyrics = (
                evaluation.project_kernel_x(cca, seen.audio),
                evaluation.project_kernel_y(cca, seen.lyrics),
            )
            note = f"ridge {ridge:g}, bandwidth {bandwidth:g}"
            tried.append((validation_score(audio, lyrics, valid), note, audio, lyrics))
    _, note, audio, lyrics = max(tried, key=lambda found: found[0])
    return Reference(audio, lyrics, _unit(audio) + _unit(lyrics), note)


def _unit(x: np.ndarray) -> np.ndarray:
    return x / np.maximum(np.linalg.norm(x, axis=1, keepdims=True), 1e-12)


def _trainer(config: Config, module: Any, loss: losses.LossFunction) -> training.Trainer:
    optimizer = optax.adamw(config.net.learning_rate, weight_decay=config.net.weight_decay)
    return training.Trainer(module, loss, optimizer, batch_size=config.net.batch)


def _dual_encoder(config: Config, seen: Views, pairs: np.ndarray, key: jax.Array) -> Reference:
    """The base's towers and training without decoder, prior and fusion."""
    module = models.DualEncoder(embedding_dim=32, widths=config.net.widths, dropout_rate=config.net.dropout)
    inputs = {"audio": seen.audio, "lyrics": seen.lyrics}
    trainer = _trainer(config, module, losses.contrastive(temperature=0.1))
    train = {"inputs": jax.tree.map(lambda x: x[pairs], inputs)}
    state, _ = trainer.fit(key, train, epochs=config.net.epochs, loop="python")
    embedded = training.predict(module, state.variables, (inputs,), method="__call__")
    return Reference(embedded.audio, embedded.lyrics, _unit(embedded.audio) + _unit(embedded.lyrics))


def _pca(seen: Views, part: Part) -> np.ndarray:
    from sklearn.decomposition import PCA

    both = np.concatenate([seen.audio, seen.lyrics], axis=1)
    fit = part.pairs(part.fit)
    return PCA(min(64, len(fit) - 1, both.shape[1]), random_state=0).fit(both[fit]).transform(both)


def _fc_vae(config: Config, audio: np.ndarray, part: Part, key: jax.Array) -> np.ndarray:
    """The document's FC-VAE, the error summed: with the averaged one no unit stays active."""
    module = models.FCVAE(features=audio.shape[1])
    fit = part.fit[part.has_audio[part.fit]]
    trainer = _trainer(config, module, losses.elbo(reduction="sum"))
    state, _ = trainer.fit(key, {"inputs": audio[fit]}, epochs=config.net.epochs, loop="python")
    return training.predict(module, state.variables, (audio,), method="encode")[0]


def _cnn(config: Config, prepared: Prepared, part: Part, key: jax.Array) -> Reference:
    """Genre from spectrograms with all labels of the training part; its pooled features are what is clustered."""
    seen = views(config, prepared, part, "frames", "tfidf")
    codes = genre_codes(prepared)
    rows = part.fit[(part.has_audio & (codes >= 0))[part.fit]]
    n_mels, frames = seen.audio.shape[1:]
    module = models.SpectrogramClassifier(n_mels, frames, len(genre_names(prepared)))
    trainer = _trainer(config, module, losses.cross_entropy())
    train = {"inputs": seen.audio[rows], "labels": codes[rows]}
    state, _ = trainer.fit(key, train, epochs=config.net.spectrogram_epochs, loop="python")
    return Reference(None, None, training.predict(module, state.variables, (seen.audio,), method="embed"))
