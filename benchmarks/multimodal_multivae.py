"""One process of `multimodal.py`: MultiVae. Arguments: model, data, first weights, file for the weights, epochs."""

from __future__ import annotations

import json
import sys
import time
import types

import numpy as np
import torch
from torch import nn

from benchmarks import machine
from benchmarks.multimodal_models import BATCH, HIDDEN, LATENT, LEARNING_RATE, NAMES, SAMPLES

_OPTIONS = {
    "MVAE": {"use_subsampling": True, "k": 0, "warmup": 0},
    "MMVAE": {"K": SAMPLES, "prior_and_posterior_dist": "normal", "learn_prior": False, "loss": "dreg_looser"},
    "MoPoE": {},
    "MVTCAE": {"alpha": 0.1, "beta": 2.5},
}


def main(model: str, data: str, start: str, weights: str, epochs: int) -> None:
    """Train, write the weights in jaxmusic's names, print seconds and memory."""
    _without_torchvision()
    from multivae import models
    from multivae.data.datasets.base import MultimodalBaseDataset

    torch.manual_seed(0)
    with np.load(data) as stored:
        inputs = {name: torch.from_numpy(stored[name]) for name in stored.files}
    rows, columns = inputs["a"].shape
    config = getattr(models, f"{model}Config")(
        n_modalities=len(NAMES), latent_dim=LATENT, input_dims=dict.fromkeys(NAMES, (columns,)), **_OPTIONS[model]
    )
    encoders, decoders = _networks(columns)
    layers = _layers(encoders, decoders)
    with np.load(start) as stored, torch.no_grad():
        for name, layer in layers.items():
            layer.weight.copy_(torch.from_numpy(stored[f"{name}/kernel"].T))
            layer.bias.copy_(torch.from_numpy(stored[f"{name}/bias"]))
    network = getattr(models, model)(config, encoders=dict(encoders), decoders=dict(decoders)).train()
    optimizer = torch.optim.Adam(network.parameters(), lr=LEARNING_RATE)

    def epoch() -> None:
        for chosen in torch.randperm(rows).split(BATCH):
            optimizer.zero_grad()
            output = network(MultimodalBaseDataset({name: x[chosen] for name, x in inputs.items()}))
            # MMVAE's is a sum over rows, the others' a mean; Adam does not see the difference.
            output.loss.backward()
            optimizer.step()

    began = time.perf_counter()
    for _ in range(epochs):
        epoch()
    seconds = time.perf_counter() - began
    found = {}
    for name, layer in layers.items():
        found[f"{name}/kernel"] = layer.weight.detach().numpy().T
        found[f"{name}/bias"] = layer.bias.detach().numpy()
    np.savez(weights, **found)
    print(json.dumps({"seconds": seconds, "memory": machine.peak_memory()}))


def _networks(columns: int) -> tuple[dict[str, nn.Module], dict[str, nn.Module]]:
    from pythae.models.base.base_utils import ModelOutput
    from pythae.models.nn.base_architectures import BaseDecoder, BaseEncoder

    class Encoder(BaseEncoder):
        def __init__(self) -> None:
            super().__init__()
            self.latent_dim = LATENT
            self.layers = nn.Sequential(nn.Linear(columns, HIDDEN), nn.ReLU(), nn.Linear(HIDDEN, 2 * LATENT))

        def forward(self, x: torch.Tensor) -> ModelOutput:
            mean, logvar = self.layers(x).chunk(2, dim=-1)
            return ModelOutput(embedding=mean, log_covariance=logvar)

    class Decoder(BaseDecoder):
        def __init__(self) -> None:
            super().__init__()
            self.layers = nn.Sequential(nn.Linear(LATENT, HIDDEN), nn.ReLU(), nn.Linear(HIDDEN, columns))

        def forward(self, z: torch.Tensor) -> ModelOutput:
            return ModelOutput(reconstruction=self.layers(z))

    return {name: Encoder() for name in NAMES}, {name: Decoder() for name in NAMES}


def _layers(encoders: dict[str, nn.Module], decoders: dict[str, nn.Module]) -> dict[str, nn.Linear]:
    """jaxmusic's name of each dense layer → the layer."""
    return {
        f"{name}_{role}/Dense_{i}": layer
        for role, networks in (("encoder", encoders), ("decoder", decoders))
        for name, each in networks.items()
        for i, layer in enumerate(layer for layer in each.layers if isinstance(layer, nn.Linear))
    }


def _without_torchvision() -> None:
    """MultiVae imports it for image data sets alone, which are not used here."""

    class Missing(types.ModuleType):
        def __getattr__(self, name: str) -> object:
            if name.startswith("__"):
                raise AttributeError(name)
            return object

    for path in ("", ".transforms", ".utils", ".models", ".datasets", ".datasets.utils"):
        sys.modules[f"torchvision{path}"] = Missing(f"torchvision{path}")


if __name__ == "__main__":
    main(*sys.argv[1:5], int(sys.argv[5]))
