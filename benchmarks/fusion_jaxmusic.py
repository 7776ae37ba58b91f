"""One process of `benchmarks/recommend.py`: epochs of the fusion network by jaxmusic."""

from __future__ import annotations

import json
import sys

import jax
import numpy as np
import optax

from jaxmusic import losses, models, training


def main(path: str, batch_size: str, epochs: str) -> None:
    """Train, print the measurement as one line of JSON."""
    with np.load(path) as arrays:
        x, labels, weights = arrays["x"], arrays["labels"], arrays["class_weights"]
    data = {"inputs": {"features": x}, "labels": labels, "weights": weights[labels]}
    module, loss = models.FusionClassifier(len(weights)), losses.cross_entropy(weights="weights")
    trainer = training.Trainer(
        module,
        loss,
        optax.adam(1e-3),
        batch_size=int(batch_size),
        inputs=lambda batch: (batch["inputs"], None, batch.get("row_mask")),
    )
    _, info = trainer.fit(jax.random.key(0), data, epochs=int(epochs))
    print(json.dumps({"seconds": info.run_seconds / int(epochs), "compile": info.compile_seconds}))


if __name__ == "__main__":
    main(*sys.argv[1:])
