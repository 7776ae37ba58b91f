"""One process of `benchmarks/genre.py`: an epoch by jaxmusic."""

from __future__ import annotations

import json
import sys

import jax
import numpy as np
import optax

from benchmarks.machine import peak_memory
from jaxmusic import losses, models, training
from jaxmusic.text.vocabulary import Tokens, trained_vocabulary

VOCABULARY = 30_522
_ROW_STEP = 1024
_COLUMNS = {"lyrics": ("tokens", "lengths"), "metadata": ("features",), "combined": ("tokens", "lengths", "features")}


def main(model: str, path: str, epochs: int) -> None:
    """Train, print the measurement as one line of JSON."""
    with np.load(path) as arrays:
        batch = dict(arrays)
    columns = _COLUMNS[model]
    trained = None
    if model != "metadata":
        tokens = Tokens(batch["tokens"], batch["lengths"], 0)
        order = trained_vocabulary(tokens, VOCABULARY)
        batch["tokens"] = order.row_of[batch["tokens"]]
        trained = -(-order.used // _ROW_STEP) * _ROW_STEP
    module = {
        "metadata": models.MetadataClassifier(),
        "lyrics": models.LyricsClassifier(VOCABULARY, trained_rows=trained),
        "combined": models.CombinedClassifier(VOCABULARY, trained_rows=trained),
    }[model]
    optimizer = training.restart_every(optax.adam(1e-3), -(-len(batch["labels"]) // 8))
    trainer = training.Trainer(
        module,
        losses.cross_entropy(),
        optimizer,
        batch_size=8,
        inputs=lambda batch: tuple(batch[name] for name in columns),
    )
    data = {name: batch[name] for name in (*columns, "labels")}
    _, info = trainer.fit(jax.random.key(0), data, epochs=epochs)
    print(json.dumps({"seconds": info.run_seconds / epochs, "epochs": epochs, "memory": peak_memory()}))


if __name__ == "__main__":
    main(*sys.argv[2:4], epochs=int(sys.argv[4]))
