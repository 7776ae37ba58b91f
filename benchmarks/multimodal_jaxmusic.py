"""One process of `multimodal.py`: jaxmusic. Arguments: model, data, first weights, file for the weights, epochs."""

from __future__ import annotations

import json
import sys

import jax
import numpy as np
import optax
from flax.traverse_util import flatten_dict, unflatten_dict

from benchmarks import machine
from benchmarks.multimodal_models import BATCH, LEARNING_RATE, MODELS, module_of
from jaxmusic import training


def main(model: str, data: str, start: str, weights: str, epochs: int) -> None:
    """Train, write the weights, print seconds and memory."""
    with np.load(data) as stored:
        inputs = {name: stored[name] for name in stored.files}
    masks = {name: np.ones(len(x), bool) for name, x in inputs.items()}
    module = module_of(model, inputs["a"].shape[1], takes_draws=True)
    with np.load(start) as stored:
        params = unflatten_dict({name: stored[name] for name in stored.files}, sep="/")
    trainer = training.Trainer(module, MODELS[model][2], optax.adam(LEARNING_RATE), batch_size=BATCH)
    train = trainer.opened({"inputs": inputs, "masks": masks}, "train")
    state = trainer.init(jax.random.key(0), train, start=lambda _: params)
    state, info = trainer.fit(state, train, epochs=epochs)
    np.savez(weights, **{k: np.asarray(v) for k, v in flatten_dict(dict(state.variables["params"]), sep="/").items()})
    print(json.dumps({"seconds": info.run_seconds, "memory": machine.peak_memory()}))


if __name__ == "__main__":
    main(*sys.argv[1:5], int(sys.argv[5]))
