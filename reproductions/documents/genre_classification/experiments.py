"""Genre classification: accuracy against the number of training songs, nets beside the baselines."""

from __future__ import annotations

from typing import Any

import jax
import numpy as np
import pandas as pd
from records import tidy

from documents.genre_classification import pipeline
from documents.genre_classification.config import Config
from documents.genre_classification.scores import baselines
from documents.genre_classification.variants import MODELS
from jaxmusic.data.preprocessing import fit_standardizer

# Training songs of the document: four fifths of 11,281, rounded down.
DOCUMENT_SONGS = 9024


def learning_curve(config: Config, corpus: pipeline.Corpus, seed: int) -> list[dict[str, Any]]:
    """Records: accuracy of models and baselines by training songs, always on the same test part.

    Where no tokenizer is given, the vocabulary of all sizes is that of the whole training part.
    """
    key = jax.random.fold_in(jax.random.key(1), seed)
    part = pipeline.part_of(config, corpus, "stratified", jax.random.fold_in(key, 0))
    order = np.random.default_rng(seed).permutation(part.train)
    labels = corpus.labels[part.test]
    found = []
    for share in config.curve_shares:
        rows = order[: max(2, round(share * len(order)))]
        smaller = part._replace(train=rows, scaled=fit_standardizer(part.features[rows])(part.features))
        accuracies = {name: scores["accuracy"] for name, scores in baselines(corpus, smaller, seed).items()}
        for number, model in enumerate(MODELS):
            if model in corpus.models:
                own = jax.random.fold_in(key, 1 + number)
                for variant in config.curve_variants:
                    fitted = pipeline.fit(config, corpus, smaller, model, variant, own)
                    accuracies[line_of(model, variant)] = float((fitted.probabilities.argmax(1) == labels).mean())
        found += tidy({len(rows): accuracies}, "size", "model")
    return found


def line_of(model: str, variant: str) -> str:
    """What the curve of a model is called; the repaired one is called by the model alone."""
    return f"{model} model" if variant == "repaired_wide" else f"{model} model, {variant}"


def extrapolated(curves: pd.DataFrame, songs: int = DOCUMENT_SONGS) -> pd.DataFrame:
    """Each seed's accuracies, by least squares a line in the logarithm of the training songs, at another number.

    Args:
        curves: records with `where`, `model`, `seed`, `size` and `value`.
        songs: where the line is read.

    Returns:
        Records with `where`, `model`, `seed` and `value`; one for each seed, so that their spread is that of the whole
        line and not of a point. The majority rate has none: it does not depend on the size.
    """
    found = []
    for (where, model, seed), points in curves.groupby(["where", "model", "seed"], sort=False):
        if model != "majority" and points["size"].nunique() > 1:
            slope, level = np.polyfit(np.log2(points["size"].astype(float)), points["value"], 1)
            value = slope * np.log2(songs) + level
            found.append({"where": where, "model": model, "seed": seed, "value": float(value)})
    return pd.DataFrame(found, columns=["where", "model", "seed", "value"])
