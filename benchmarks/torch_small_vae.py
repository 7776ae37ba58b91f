"""The PyTorch peers of the small VAEs: the same layers, loss, optimiser and batches, as a user would write them."""

from __future__ import annotations

import time
from collections.abc import Callable
from itertools import pairwise
from typing import Any

import numpy as np
import torch
from torch import nn


def initialized(model: nn.Module) -> nn.Module:
    """Weights drawn as Flax draws them (LeCun normal, no bias), so that losses compare from the first epoch."""
    for layer in model.modules():
        if isinstance(layer, nn.Linear | nn.Conv1d | nn.ConvTranspose1d):
            kernel = layer.kernel_size[0] if not isinstance(layer, nn.Linear) else 1
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


class DenseVAE(nn.Module):
    """`models.FCVAE`."""

    def __init__(self, features: int, latent: int, widths: tuple[int, ...]) -> None:
        super().__init__()
        self.encoder = mlp([features, *widths, 2 * latent])
        self.decoder = mlp([latent, *reversed(widths), features])

    def forward(self, x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        mean, logvar = self.encoder(x).chunk(2, dim=-1)
        z = mean + torch.exp(0.5 * logvar) * torch.randn_like(mean)
        return self.decoder(z), mean, logvar


class ConditionalVAE(nn.Module):
    """`models.ConditionalVAE`; the input is x ⊕ y, of which the first `features` columns are rebuilt."""

    def __init__(self, features: int, classes: int, latent: int, widths: tuple[int, ...]) -> None:
        super().__init__()
        self.features = features
        self.encoder = mlp([features + classes, *widths, 2 * latent])
        self.decoder = mlp([latent + classes, *reversed(widths), features])

    def forward(self, x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        mean, logvar = self.encoder(x).chunk(2, dim=-1)
        z = mean + torch.exp(0.5 * logvar) * torch.randn_like(mean)
        return self.decoder(torch.cat([z, x[:, self.features :]], dim=-1)), mean, logvar


class Conv1DVAE(nn.Module):
    """`models.Conv1DVAE`."""

    def __init__(self, features: int, latent: int) -> None:
        super().__init__()
        self.features, shortest = features, -(-features // 4)
        self.padding = 4 * shortest - features
        self.encoder = nn.Sequential(
            nn.Conv1d(1, 16, 3, 2, 1), nn.ReLU(), nn.Conv1d(16, 32, 3, 2, 1), nn.ReLU(), nn.Flatten(),
            nn.Linear(32 * shortest, 2 * latent),
        )  # fmt: skip
        self.decoder = nn.Sequential(
            nn.Linear(latent, 32 * shortest), nn.ReLU(), nn.Unflatten(1, (32, shortest)),
            nn.ConvTranspose1d(32, 16, 4, 2, 1), nn.ReLU(), nn.ConvTranspose1d(16, 1, 4, 2, 1),
        )  # fmt: skip

    def forward(self, x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        mean, logvar = self.encoder(nn.functional.pad(x, (0, self.padding))[:, None]).chunk(2, dim=-1)
        z = mean + torch.exp(0.5 * logvar) * torch.randn_like(mean)
        return self.decoder(z)[:, 0, : self.features], mean, logvar


def negative_elbo(
    found: tuple[torch.Tensor, torch.Tensor, torch.Tensor], target: torch.Tensor, beta: float
) -> torch.Tensor:
    """Squared error summed over columns, plus β times the KL divergence, averaged over the batch."""
    recon, mean, logvar = found
    error = torch.square(recon - target).sum(1)
    kl = -0.5 * (1 + logvar - mean.square() - logvar.exp()).sum(1)
    return (error + beta * kl).mean()


def trainer(
    make: Callable[[], nn.Module], x: np.ndarray, columns: int, *, beta: float, batch: int, way: str
) -> Callable[[int], tuple[list[float], float]]:
    """A function that trains a fresh model for some epochs: the mean loss of each, and the seconds.

    Args:
        make: makes the model.
        x: `[n, …]` float32 inputs.
        columns: how many of the inputs' columns are the target.
        beta: of the loss.
        batch: rows of a step.
        way: `"eager"` as people write it (a DataLoader, Adam), `"tuned"` (permuted tensors, fused Adam) or
            `"compiled"` (the same, the forward pass and loss through `torch.compile`).
    """
    data = torch.from_numpy(x)
    loss_of: Any = lambda model, rows: negative_elbo(model(rows), rows[:, :columns], beta)  # noqa: E731
    if way == "compiled":
        loss_of = torch.compile(loss_of)

    def run(epochs: int) -> tuple[list[float], float]:
        torch.manual_seed(0)
        model = initialized(make())
        optimizer = torch.optim.Adam(model.parameters(), lr=1e-3, fused=way != "eager")
        losses = []
        began = time.perf_counter()
        for _ in range(epochs):
            total = 0.0
            if way == "eager":
                loader = torch.utils.data.DataLoader(torch.utils.data.TensorDataset(data), batch, shuffle=True)
                batches = (rows for (rows,) in loader)
            else:
                batches = iter(data[torch.randperm(len(data))].split(batch))
            for rows in batches:
                optimizer.zero_grad()
                loss = loss_of(model, rows)
                loss.backward()
                optimizer.step()
                total += loss.item() * len(rows)
            losses.append(total / len(data))
        return losses, time.perf_counter() - began

    return run
