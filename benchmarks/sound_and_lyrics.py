"""Words as queries on sung clips: the way through a net's tags beside the way through the lyrics."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from benchmarks import render
from jaxmusic import audio, models, text

_NET = "musicnn-msd"
_FOLDER = "clips_cc"


def lyrics_table(folder: Path, cache: Path | None) -> dict[str, Any]:
    """Precision of the first answers to genre names, on the clips of `folder/clips_cc` that have a genre.

    Args:
        folder: holds clips_cc, with `audio/`, `lyrics.csv` and `labels.csv`.
        cache: folder of features; None for none.
    """
    clips = pd.read_csv(folder / _FOLDER / "labels.csv").merge(pd.read_csv(folder / _FOLDER / "lyrics.csv"), on="id")
    clips = clips[clips["genre"].notna()]
    genres, lyrics = clips["genre"].to_numpy(str), clips["lyrics"].fillna("").tolist()
    encoder = audio.sound_encoder(_NET, network=models.sound_network, cache=cache, progress=True)
    features = encoder.features([folder / _FOLDER / "audio" / name for name in clips["filename"]])
    if features.skipped:
        raise ValueError(f"{features.skipped[0][1]}: {features.skipped[0][2]}")
    english = text.sentence_encoder("minilm-l6", transformer=models.TextTransformer)
    names = sorted(np.unique(genres))
    weights = text.tag_weights(names, encoder.tag_names, english)
    scores = {f"tags of {_NET}": text.tag_scores(weights, features.logits)}
    for name, encode in (("all-MiniLM-L6-v2", english), ("multilingual-e5-small", text.sentence_encoder("e5-small"))):
        scores[f"lyrics by {name}"] = _cosines(encode(names), encode(lyrics))
    rows = [[way, *precision(found, names, genres)] for way, found in scores.items()]
    artists = clips["artist"].nunique()
    note = (
        f"{len(clips)} clips of {artists} artists, in {clips['language'].nunique()} languages, that have one of "
        f"{len(names)} genres; the first ten answers, or as many as a genre has clips. Lyrics answer by the cosine of "
        "centred embeddings. A genre here is a few artists, so that this says which way is better, not how well it "
        "would do elsewhere."
    )
    return render.table("Genre names as queries on sung clips", ["way", "precision", "chance", "by query"], rows, note)


def precision(scores: np.ndarray, names: list[str], genres: np.ndarray) -> tuple[float, float, str]:
    """Mean over the queries of the first answers' precision, its chance, and each query's."""
    hits = []
    for name, row in zip(names, scores, strict=True):
        first = np.argsort(-row, kind="stable")[: min(10, int((genres == name).sum()))]
        hits.append(float((genres[first] == name).mean()))
    chance = float(np.mean([(genres == name).mean() for name in names]))
    return float(np.mean(hits)), chance, ", ".join(f"{name} {hit:.1f}" for name, hit in zip(names, hits, strict=True))


def _cosines(queries: np.ndarray, gallery: np.ndarray) -> np.ndarray:
    # Centred, as the cosines of e5 are all high.
    centre = gallery.mean(0)
    queries, gallery = queries - queries.mean(0), gallery - centre
    lengths = np.linalg.norm(queries, axis=1)[:, None] * np.linalg.norm(gallery, axis=1)
    return queries @ gallery.T / np.maximum(lengths, 1e-12)
