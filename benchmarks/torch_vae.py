"""The PyTorch peers of the VAEs: the same layers, losses, optimiser and batches, as a user would write them."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import Any

import numpy as np
import torch
from torch import nn

WAYS = ("eager", "tuned", "compiled")
_LINEAR = nn.Linear | nn.Conv1d | nn.Conv2d | nn.ConvTranspose1d | nn.ConvTranspose2d
# Reconstructions, in the order of their targets, with mean and log-variance (None where there are none).
Found = tuple[tuple[torch.Tensor, ...], torch.Tensor | None, torch.Tensor | None]


def initialized(model: nn.Module) -> nn.Module:
    """Weights drawn as Flax draws them (LeCun normal, no bias), so that losses compare from the first epoch."""
    for layer in model.modules():
        if isinstance(layer, _LINEAR):
            kernel = 1 if isinstance(layer, nn.Linear) else int(np.prod(layer.kernel_size))
            inner = layer.in_features if isinstance(layer, nn.Linear) else layer.in_channels
            nn.init.normal_(layer.weight, std=(kernel * inner) ** -0.5)
            assert layer.bias is not None
            nn.init.zeros_(layer.bias)
    return model


def mlp(widths: list[int]) -> nn.Sequential:
    """Linear layers with ReLU between them."""
    layers: list[nn.Module] = []
    for i, (inner, outer) in enumerate(pairwise(widths)):
        layers += [nn.Linear(inner, outer), *([nn.ReLU()] if i < len(widths) - 2 else [])]
    return nn.Sequential(*layers)


def _sampled(mean: torch.Tensor, logvar: torch.Tensor) -> torch.Tensor:
    return mean + torch.exp(0.5 * logvar) * torch.randn_like(mean)


class DenseVAE(nn.Module):
    """`models.FCVAE`."""

    def __init__(self, features: int, latent: int, widths: tuple[int, ...]) -> None:
        super().__init__()
        self.encoder = mlp([features, *widths, 2 * latent])
        self.decoder = mlp([latent, *reversed(widths), features])

    def encode(self, x: torch.Tensor) -> Any:
        return self.encoder(x).chunk(2, dim=-1)

    def forward(self, x: torch.Tensor) -> Found:
        mean, logvar = self.encode(x)
        return (self.decoder(_sampled(mean, logvar)),), mean, logvar


class ConditionalVAE(nn.Module):
    """`models.ConditionalVAE`."""

    def __init__(self, features: int, classes: int, latent: int, widths: tuple[int, ...]) -> None:
        super().__init__()
        self.encoder = mlp([features + classes, *widths, 2 * latent])
        self.decoder = mlp([latent + classes, *reversed(widths), features])

    def encode(self, x: torch.Tensor, y: torch.Tensor) -> Any:
        return self.encoder(torch.cat([x, y], dim=-1)).chunk(2, dim=-1)

    def forward(self, x: torch.Tensor, y: torch.Tensor) -> Found:
        mean, logvar = self.encode(x, y)
        return (self.decoder(torch.cat([_sampled(mean, logvar), y], dim=-1)),), mean, logvar


class Autoencoder(nn.Module):
    """`models.Autoencoder`."""

    def __init__(self, features: int, latent: int, widths: tuple[int, ...]) -> None:
        super().__init__()
        self.encoder = mlp([features, *widths, latent])
        self.decoder = mlp([latent, *reversed(widths), features])

    def encode(self, x: torch.Tensor) -> Any:
        return self.encoder(x)

    def forward(self, x: torch.Tensor) -> Found:
        return (self.decoder(self.encode(x)),), None, None


class Conv1DVAE(nn.Module):
    """`models.Conv1DVAE`."""

    def __init__(self, features: int, latent: int) -> None:
        super().__init__()
        self.features, shortest = features, -(-features // 4)
        self.padding = 4 * shortest - features
        self.encoder = nn.Sequential(
            nn.Conv1d(1, 16, 3, 2, 1),
            nn.ReLU(),
            nn.Conv1d(16, 32, 3, 2, 1),
            nn.ReLU(),
            nn.Flatten(),
            nn.Linear(32 * shortest, 2 * latent),
        )
        self.decoder = nn.Sequential(
            nn.Linear(latent, 32 * shortest),
            nn.ReLU(),
            nn.Unflatten(1, (32, shortest)),
            nn.ConvTranspose1d(32, 16, 4, 2, 1),
            nn.ReLU(),
            nn.ConvTranspose1d(16, 1, 4, 2, 1),
        )

    def encode(self, x: torch.Tensor) -> Any:
        return self.encoder(nn.functional.pad(x, (0, self.padding))[:, None]).chunk(2, dim=-1)

    def forward(self, x: torch.Tensor) -> Found:
        mean, logvar = self.encode(x)
        return (self.decoder(_sampled(mean, logvar))[:, 0, : self.features],), mean, logvar


class SpectrogramVAE(nn.Module):
    """`models.ConvVAE`, and `models.JointVAE` where it is given lyric vectors, too."""

    def __init__(self, n_mels: int, frames: int, latent: int, lyrics: int | None = None) -> None:
        super().__init__()
        self.size, self.lyrics = (n_mels, frames), lyrics
        convolutions: list[nn.Module] = []
        for inner, outer in pairwise((1, 32, 64, 128)):
            convolutions += [nn.Conv2d(inner, outer, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2)]
        self.encoder = nn.Sequential(
            *convolutions,
            nn.Conv2d(128, 256, 3, padding=1),
            nn.ReLU(),
            nn.AdaptiveAvgPool2d(4),
            nn.Flatten(),
            nn.Linear(4096, 512),
            nn.Linear(512, 2 * latent),
        )
        transposed: list[nn.Module] = []
        for inner, outer in pairwise((256, 128, 64, 32)):
            transposed += [nn.ConvTranspose2d(inner, outer, 4, 2, 1), nn.ReLU()]
        self.decoder = nn.Sequential(
            nn.Linear(latent, 4096), nn.Unflatten(1, (256, 4, 4)), *transposed, nn.ConvTranspose2d(32, 1, 4, 2, 1)
        )
        if lyrics is not None:
            self.lyrics_encoder = mlp([lyrics, 256, 128, 2 * latent])
            self.lyrics_decoder = mlp([latent, 128, 256, lyrics])

    def encode(self, mel: torch.Tensor, lyrics: torch.Tensor | None = None) -> Any:
        mean, logvar = self.encoder(mel[:, None]).chunk(2, dim=-1)
        if lyrics is None:
            return mean, logvar
        lyrics_mean, lyrics_logvar = self.lyrics_encoder(lyrics).chunk(2, dim=-1)
        deviation = (torch.exp(0.5 * logvar) + torch.exp(0.5 * lyrics_logvar)) / 2
        return (mean + lyrics_mean) / 2, 2 * torch.log(deviation)

    def forward(self, mel: torch.Tensor, lyrics: torch.Tensor | None = None) -> Found:
        mean, logvar = self.encode(mel, lyrics)
        z = _sampled(mean, logvar)
        recon = nn.functional.interpolate(self.decoder(z), self.size, mode="bilinear")[:, 0]
        return (recon,) if lyrics is None else (recon, self.lyrics_decoder(z)), mean, logvar


def negative_elbo(found: Found, targets: Sequence[torch.Tensor]) -> torch.Tensor:
    """Squared error of each target, summed over its elements, plus the KL; averaged over the batch."""
    recons, mean, logvar = found
    total = torch.zeros(())
    for recon, target in zip(recons, targets, strict=True):
        total = total + torch.square(recon - target).flatten(1).sum(1).mean()
    if mean is None or logvar is None:
        return total
    return total - 0.5 * (1 + logvar - mean.square() - logvar.exp()).sum(1).mean()


def _prepared(make: Callable[[], nn.Module], way: str) -> nn.Module:
    torch.manual_seed(0)
    model = initialized(make())
    # The layout that PyTorch's convolutions are fastest in.
    return model if way == "eager" else model.to(memory_format=torch.channels_last)


def _forget_compiled() -> None:
    """Start anew: after eight programs of one function PyTorch silently goes on without compiling."""
    torch._dynamo.reset()


def trainer(
    make: Callable[[], nn.Module], arrays: Sequence[np.ndarray], targets: int, *, batch: int, way: str
) -> Callable[[int], tuple[list[float], float]]:
    """A function that trains a fresh model for some epochs: the mean loss of each, and the seconds.

    Args:
        make: makes the model.
        arrays: its inputs, `[n, …]` float32 each.
        targets: the first so many of them are rebuilt.
        batch: rows of a step.
        way: `"eager"` as people write it (a DataLoader, Adam), `"tuned"` (permuted tensors, channels last, fused Adam)
            or `"compiled"` (the same, the forward pass and loss through `torch.compile`).
    """
    data = [torch.from_numpy(x) for x in arrays]
    loss_of: Any = lambda model, rows: negative_elbo(model(*rows), rows[:targets])  # noqa: E731
    if way == "compiled":
        _forget_compiled()
        loss_of = torch.compile(loss_of)

    def run(epochs: int) -> tuple[list[float], float]:
        model = _prepared(make, way)
        optimizer = torch.optim.Adam(model.parameters(), lr=1e-3, fused=way != "eager")
        losses = []
        began = time.perf_counter()
        for _ in range(epochs):
            total = 0.0
            if way == "eager":
                batches: Any = torch.utils.data.DataLoader(torch.utils.data.TensorDataset(*data), batch, shuffle=True)
            else:
                order = torch.randperm(len(data[0]))
                batches = ([x[rows] for x in data] for rows in order.split(batch))
            for rows in batches:
                optimizer.zero_grad()
                loss = loss_of(model, list(rows))
                loss.backward()
                optimizer.step()
                total += loss.item() * len(rows[0])
            losses.append(total / len(data[0]))
        return losses, time.perf_counter() - began

    return run


def encoder(
    make: Callable[[], nn.Module], arrays: Sequence[np.ndarray], *, batch: int, way: str
) -> Callable[[], float]:
    """A function that encodes all rows once: the seconds."""
    model = _prepared(make, way).eval()
    data = [torch.from_numpy(x) for x in arrays]
    encode: Any = model.encode
    if way == "compiled":
        _forget_compiled()
        encode = torch.compile(encode)

    def run() -> float:
        began = time.perf_counter()
        with torch.inference_mode():
            for start in range(0, len(data[0]), batch):
                encode(*(x[start : start + batch] for x in data))
        return time.perf_counter() - began

    return run
