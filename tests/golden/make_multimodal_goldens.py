"""Bounds, posteriors and likelihoods of small random multimodal VAEs by MultiVae: `multimodal.npz`.

    python tests/golden/make_multimodal_goldens.py      # tested: multivae 1.0.3, pythae 0.1.2, torch 2.13.0 (CPU)

MultiVae pins older releases of what it needs; beside these versions it installs with `--no-deps`, together with
pydantic, nltk, torchmetrics, lightning-utilities and cloudpickle. It imports torchvision for image data sets alone,
which this script leaves empty. Three modalities of 5, 4 and 3 columns with normal, Bernoulli and Laplace decoders go
through MVAE, MMVAE, MoPoE and MVTCAE with the same weights and with noise that is stored beside the results. The last
part is a linear Gaussian model, whose likelihood is known: MultiVae's own estimates of it are stored beside it.
"""

import sys
import types
from itertools import pairwise
from pathlib import Path

import numpy as np
import torch
from torch import nn

FILE = Path(__file__).parent / "multimodal.npz"
SIZES = {"a": 5, "b": 4, "c": 3}
HIDDEN, LATENT, ROWS, SAMPLES = 6, 2, 14, 8
DISTRIBUTIONS = {"a": "normal", "b": "bernoulli", "c": "laplace"}
LINEAR_SAMPLES, LINEAR_ROWS = 20_000, 6
MMVAE = {"K": SAMPLES, "prior_and_posterior_dist": "normal", "learn_prior": False}


class _Missing(types.ModuleType):
    def __getattr__(self, name: str) -> object:
        if name.startswith("__"):
            raise AttributeError(name)
        return object


for path in ("", ".transforms", ".utils", ".models", ".datasets", ".datasets.utils"):
    sys.modules[f"torchvision{path}"] = _Missing(f"torchvision{path}")

from multivae import models  # noqa: E402
from multivae.data.datasets.base import MultimodalBaseDataset  # noqa: E402
from pythae.models.base.base_utils import ModelOutput  # noqa: E402
from pythae.models.nn.base_architectures import BaseDecoder, BaseEncoder  # noqa: E402


class Encoder(BaseEncoder):
    """Vectors → mean and log-variance."""

    def __init__(self, *widths: int) -> None:
        super().__init__()
        self.latent_dim = LATENT
        self.layers = _layers(widths)

    def forward(self, x: torch.Tensor) -> ModelOutput:
        """As MultiVae asks for it."""
        mean, logvar = self.layers(x).chunk(2, dim=-1)
        return ModelOutput(embedding=mean, log_covariance=logvar)


class Decoder(BaseDecoder):
    """Latents → the parameters of a likelihood."""

    def __init__(self, *widths: int) -> None:
        super().__init__()
        self.layers = _layers(widths)

    def forward(self, z: torch.Tensor) -> ModelOutput:
        """As MultiVae asks for it."""
        return ModelOutput(reconstruction=self.layers(z.reshape(-1, LATENT)).reshape(*z.shape[:-1], -1))


class Noise:
    """Stands for torch's normal draws: hands out what is stored."""

    def __init__(self, seed: int) -> None:
        self._rng, self.drawn = np.random.default_rng(seed), []

    def __call__(self, shape, dtype, device) -> torch.Tensor:
        self.drawn.append(self._rng.normal(size=tuple(shape)).astype(np.float32))
        return torch.tensor(self.drawn[-1])


def main() -> None:
    """Write the file."""
    stored: dict[str, np.ndarray] = {}
    torch.manual_seed(0)
    encoders = {name: Encoder(size, HIDDEN, 2 * LATENT) for name, size in SIZES.items()}
    decoders = {name: Decoder(LATENT, HIDDEN, size) for name, size in SIZES.items()}
    for role, networks in (("encoder", encoders), ("decoder", decoders)):
        for name, network in networks.items():
            for i, layer in enumerate(layer for layer in network.layers if isinstance(layer, nn.Linear)):
                stored[f"{name}_{role}/Dense_{i}/kernel"] = layer.weight.detach().numpy().T.copy()
                stored[f"{name}_{role}/Dense_{i}/bias"] = layer.bias.detach().numpy().copy()
    rng = np.random.default_rng(1)
    x = {name: rng.normal(size=(ROWS, size)).astype(np.float32) for name, size in SIZES.items()}
    x["b"] = (x["b"] > 0).astype(np.float32)
    stored |= {f"inputs/{name}": value for name, value in x.items()}
    inputs = MultimodalBaseDataset({name: torch.tensor(value) for name, value in x.items()})
    for name, encoder in encoders.items():
        found = encoder(inputs.data[name])
        stored[f"posterior/{name}"] = torch.stack([found.embedding, found.log_covariance]).detach().numpy()
    for kind, options in (
        ("MVAE", {"use_subsampling": True, "k": 0, "warmup": 0}),
        ("MMVAE", {**MMVAE, "loss": "iwae_looser"}),
        ("MMVAE_dreg", {**MMVAE, "loss": "dreg_looser"}),
        ("MoPoE", {}),
        ("MVTCAE", {"alpha": 0.1, "beta": 2.5}),
    ):
        stored |= {f"{kind}/{name}": value for name, value in _one(kind, options, encoders, decoders, inputs).items()}
    stored |= {f"linear/{name}": value for name, value in _linear().items()}
    np.savez_compressed(FILE, **stored)


def _one(kind: str, options: dict, encoders: dict, decoders: dict, inputs: MultimodalBaseDataset) -> dict:
    model = _model(kind.split("_")[0], options, encoders, decoders, DISTRIBUTIONS)
    noise = Noise(2)
    torch.distributions.normal._standard_normal = noise
    model.zero_grad()
    output = model(inputs)
    output.loss.backward()
    found = {"loss": output.loss.item()}
    found |= {f"metric/{name}": float(value) for name, value in (output.get("metrics") or {}).items()}
    found |= {f"noise/{i}": value for i, value in enumerate(noise.drawn)}
    for name in SIZES:
        for role, networks in (("encoder", encoders), ("decoder", decoders)):
            found[f"gradient/{name}_{role}"] = networks[name].layers[0].weight.grad.numpy().T.copy()
    if kind == "MVTCAE":
        found["posterior"] = torch.stack(model._inference(inputs)["joint"]).detach().numpy()
    if kind == "MoPoE":
        found["posterior"] = torch.stack([model.inference(inputs)[k] for k in ("mus", "logvars")]).detach().numpy()
    if kind == "MVAE":
        subset = model.compute_mu_log_var_subset(inputs, list(SIZES))
        found["posterior"] = torch.stack(subset).detach().numpy()
    if kind == "MMVAE_dreg":
        return found
    torch.distributions.normal._standard_normal = noise = Noise(3)
    np.random.choice, choice = (lambda names: names[0]), np.random.choice  # MMVAE: all samples from the first expert
    found["joint_nll"] = model.compute_joint_nll(inputs, K=SAMPLES).item()
    np.random.choice = choice
    return found | {"joint_nll_noise": noise.drawn[0]}


def _linear() -> dict:
    """x_m = W_m z + noise of variance 1; encoders give the exact q(z|x_m)."""
    rng = np.random.default_rng(4)
    maps = {name: rng.normal(size=(LATENT, size)) for name, size in SIZES.items()}
    z = rng.normal(size=(LINEAR_ROWS, LATENT))
    x = {name: (z @ w + rng.normal(size=(LINEAR_ROWS, w.shape[1]))).astype(np.float32) for name, w in maps.items()}
    encoders = {name: Encoder(size, 2 * LATENT) for name, size in SIZES.items()}
    decoders = {name: Decoder(LATENT, size) for name, size in SIZES.items()}
    found = {f"inputs/{name}": value for name, value in x.items()}
    with torch.no_grad():
        for name, w in maps.items():
            covariance = np.linalg.inv(np.eye(LATENT) + w @ w.T)
            to_mean = w.T @ covariance
            encoder, decoder = encoders[name].layers[0], decoders[name].layers[0]
            encoder.weight.copy_(torch.tensor(np.concatenate([to_mean, 0 * to_mean], axis=1).T))
            encoder.bias.copy_(torch.tensor(np.r_[np.zeros(LATENT), np.log(np.diag(covariance))]))
            decoder.weight.copy_(torch.tensor(w.T))
            decoder.bias.zero_()
            for role, layer in (("encoder", encoder), ("decoder", decoder)):
                found[f"{name}_{role}/Dense_0/kernel"] = layer.weight.numpy().T.copy()
                found[f"{name}_{role}/Dense_0/bias"] = layer.bias.numpy().copy()
    inputs = MultimodalBaseDataset({name: torch.tensor(value) for name, value in x.items()})
    torch.distributions.normal._standard_normal = Noise(5)
    np.random.seed(0)  # noqa: NPY002 (MultiVae draws its expert from it)
    whole = np.concatenate([maps[name] for name in SIZES], axis=1)
    rows = np.concatenate([x[name] for name in SIZES], axis=1)
    covariance = whole.T @ whole + np.eye(whole.shape[1])
    distances = np.einsum("ij,jk,ik->i", rows, np.linalg.inv(covariance), rows)
    found["exact"] = -0.5 * (distances + np.linalg.slogdet(2 * np.pi * covariance)[1])
    normal = dict.fromkeys(SIZES, "normal")
    for kind, options in (
        ("MVAE", {"use_subsampling": True, "k": 0, "warmup": 0}),
        ("MoPoE", {}),
        ("MVTCAE", {}),
        ("MMVAE", MMVAE),
    ):
        model = _model(kind, options, encoders, decoders, normal)
        found[f"{kind}_nll"] = model.compute_joint_nll(inputs, K=LINEAR_SAMPLES, batch_size_K=LINEAR_SAMPLES).item()
    return found


def _model(kind: str, options: dict, encoders: dict, decoders: dict, distributions: dict) -> nn.Module:
    config = getattr(models, f"{kind}Config")(
        n_modalities=len(SIZES),
        latent_dim=LATENT,
        input_dims={name: (size,) for name, size in SIZES.items()},
        decoders_dist=dict(distributions),
        **options,
    )
    return getattr(models, kind)(config, encoders=dict(encoders), decoders=dict(decoders)).eval()


def _layers(widths: tuple[int, ...]) -> nn.Sequential:
    layers: list[nn.Module] = []
    for size, width in pairwise(widths):
        layers += [nn.Linear(size, width), nn.ReLU()]
    return nn.Sequential(*layers[:-1])


if __name__ == "__main__":
    main()
