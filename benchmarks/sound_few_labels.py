"""A linear probe on an encoder of sound, a probe on MFCC moments and a convolutional net, with few labels a genre."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import jax
import numpy as np
import optax

from benchmarks import render
from jaxmusic import audio, losses, models, training

_NET = "SpectrogramClassifier, from scratch"
_LABELS = (1, 5, 20)
_EPOCHS = 60


def spectrograms(files: list[Path], cache: Path | None) -> np.ndarray:
    """`[n, 64, 259]` mel spectrograms in dB of the first six seconds, standardised as a whole."""
    found = audio.extract(
        files, lambda y: audio.power_to_db(audio.melspectrogram(y, n_mels=64)), duration=6.0, cache=cache
    )
    mel = np.asarray(found.features)
    return (mel - mel.mean()) / mel.std()


def few_labels_table(
    views: Mapping[str, np.ndarray], mel: np.ndarray, genres: np.ndarray, draws: int, net_draws: int
) -> dict[str, Any]:
    """Accuracy on the clips without a label, by how many of each genre have one."""
    rows = []
    # Of every genre some clips must be left to score: GTZAN's hundred clips have ten of each.
    smallest = min(np.unique(genres, return_counts=True)[1])
    for labels in (count for count in _LABELS if count < smallest):
        for name, view in views.items():
            found = [_probe(view, genres, *split(genres, labels, seed)) for seed in range(draws)]
            rows.append([name, labels, float(np.mean(found)), float(np.std(found)), draws])
        if net_draws:
            found = [_net(mel, genres, *split(genres, labels, seed), seed) for seed in range(net_draws)]
            rows.append([_NET, labels, float(np.mean(found)), float(np.std(found)), net_draws])
    note = (
        "The labelled clips of every genre are drawn; all others are scored. The probe is a logistic regression on "
        f"standardised columns; the net is trained for {_EPOCHS} epochs. Chance is one of "
        f"{len(np.unique(genres))} genres."
    )
    columns = ["columns", "labels a genre", "accuracy", "deviation over draws", "draws"]
    return render.table("Few labels", columns, rows, note)


def split(genres: np.ndarray, labels: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Rows with a label, `labels` of each genre, and all others."""
    order = np.random.default_rng(seed).permutation(len(genres))
    train = np.concatenate([order[genres[order] == genre][:labels] for genre in np.unique(genres)])
    return train, np.setdiff1d(order, train)


def _probe(view: np.ndarray, genres: np.ndarray, train: np.ndarray, test: np.ndarray) -> float:
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    probe = make_pipeline(StandardScaler(), LogisticRegression(max_iter=2000))
    return float(probe.fit(view[train], genres[train]).score(view[test], genres[test]))


def _net(mel: np.ndarray, genres: np.ndarray, train: np.ndarray, test: np.ndarray, seed: int) -> float:
    names, codes = np.unique(genres, return_inverse=True)
    module = models.SpectrogramClassifier(*mel.shape[1:], len(names))
    trainer = training.Trainer(module, losses.cross_entropy(), optax.adam(1e-3), batch_size=min(10, len(train)))
    rows = {"inputs": mel[train], "labels": codes[train]}
    state, _ = trainer.fit(jax.random.key(seed), rows, epochs=_EPOCHS, loop="python")
    logits = training.predict(module, state.variables, (mel[test],), method="__call__")
    return float((np.asarray(logits).argmax(1) == codes[test]).mean())
