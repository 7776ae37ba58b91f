"""Genre classification: accuracy against the number of training songs, nets beside the baselines."""

from __future__ import annotations

from typing import Any

import jax
import numpy as np
from records import tidy

from documents.genre_classification import pipeline
from documents.genre_classification.config import Config
from documents.genre_classification.scores import baselines
from documents.genre_classification.variants import MODELS
from jaxmusic.data.preprocessing import fit_standardizer

SHARES = (0.125, 0.25, 0.5, 1.0)
# All repairs, and metadata layers that more songs could fill.
VARIANT = "repaired_wide"


def learning_curve(config: Config, corpus: pipeline.Corpus, seed: int) -> list[dict[str, Any]]:
    """Records: accuracy of models and baselines by training songs, always on the same test part.

    Where no tokenizer is given, the vocabulary of all sizes is that of the whole training part.
    """
    key = jax.random.fold_in(jax.random.key(1), seed)
    part = pipeline.part_of(config, corpus, "stratified", jax.random.fold_in(key, 0))
    order = np.random.default_rng(seed).permutation(part.train)
    labels = corpus.labels[part.test]
    found = []
    for share in SHARES:
        rows = order[: max(2, round(share * len(order)))]
        smaller = part._replace(train=rows, scaled=fit_standardizer(part.features[rows])(part.features))
        accuracies = {name: scores["accuracy"] for name, scores in baselines(corpus, smaller, seed).items()}
        for number, model in enumerate(MODELS):
            if model in corpus.models:
                fitted = pipeline.fit(config, corpus, smaller, model, VARIANT, jax.random.fold_in(key, 1 + number))
                accuracies[f"{model} model"] = float((fitted.probabilities.argmax(1) == labels).mean())
        found += tidy({len(rows): accuracies}, "size", "model")
    return found
