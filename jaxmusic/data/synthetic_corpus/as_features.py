"""The embedded corpus → a `Dataset` of audio features, as `data.genre_folders` makes of recordings."""

from __future__ import annotations

import jax.numpy as jnp
import numpy as np
from jaxtyping import PRNGKeyArray

from jaxmusic.data._genre_folders import clip_features
from jaxmusic.data.dataset import Dataset
from jaxmusic.data.synthetic_corpus.corpus import draw_corpus, render_corpus

__all__ = ["synthetic_features"]

_BATCH = 50


def synthetic_features(
    key: PRNGKeyArray, n_clips: int = 400, *, duration: float = 3.0, sample_rate: int = 22_050
) -> Dataset:
    """Features of music made from known factors, the factors kept as labels.

    Args:
        key: a jax random key; the same key gives the same data.
        n_clips: number of clips.
        duration: seconds of each.
        sample_rate: Hz.

    Returns:
        A `Dataset` with the modalities of `clip_features`; labels `language`, `genre` (language and genre, as
        `genre_folders` has them), `genre_name`, `title`, and the other factors of `Corpus.factors`; groups the artists.
    """
    corpus = draw_corpus(key, n_clips, n_listeners=0)
    parts = []
    for first in range(0, n_clips, _BATCH):
        rows = np.arange(first, min(first + _BATCH, n_clips))
        y = np.zeros((min(_BATCH, n_clips), round(duration * sample_rate)), np.float32)
        y[: len(rows)] = render_corpus(corpus, duration=duration, sample_rate=sample_rate, rows=rows)
        made = clip_features(jnp.asarray(y), sr=sample_rate)
        parts.append({name: np.asarray(values)[: len(rows)] for name, values in made.items()})
    features = {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}
    factors = dict(corpus.factors)
    names = factors.pop("genre")
    languages = factors.pop("language")
    return Dataset(
        ids=corpus.ids,
        modalities=features,
        masks={name: np.ones(n_clips, bool) for name in features},
        labels={
            "language": languages,
            "genre": np.array([f"{a} {b}" for a, b in zip(languages, names, strict=True)]),
            "genre_name": names,
            "title": corpus.ids,
            **factors,
        },
        groups=corpus.metadata["artist"],
        source={
            "name": "synthetic",
            "path": None,
            "counts": {str(name): int((languages == name).sum()) for name in np.unique(languages)} | {"dropped": 0},
            "audio": {"from": "synthetic", "seconds": duration},
            "groups": "artist",
            "dropped": [],
            "notes": ["synthetic: rendered from known factors, not recorded; its figures say nothing of real music"],
        },
    )
