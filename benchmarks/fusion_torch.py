"""One process of `benchmarks/recommend.py`: epochs of the fusion network by PyTorch, the same layers and optimiser."""

from __future__ import annotations

import json
import sys
import time

import numpy as np
import torch
from torch import nn

WIDTHS = (256, 128, 128, 256, 512)


class Block(nn.Module):
    """relu(x + BN(Linear(dropout(relu(BN(Linear(x)))))))."""

    def __init__(self, width: int, dropout: float) -> None:
        super().__init__()
        self.inner = nn.Sequential(
            nn.Linear(width, width),
            nn.BatchNorm1d(width),
            nn.ReLU(),
            nn.Dropout(dropout),
            nn.Linear(width, width),
            nn.BatchNorm1d(width),
        )

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return torch.relu(x + self.inner(x))


def network(columns: int, classes: int, dropout: float) -> nn.Sequential:
    """The document's five dense layers, each with its block."""
    layers: list[nn.Module] = []
    for width in WIDTHS:
        layers += [nn.Linear(columns, width), Block(width, dropout)]
        columns = width
    return nn.Sequential(*layers, nn.Linear(columns, classes))


def main(path: str, batch_size: str, epochs: str) -> None:
    """Train, print the measurement as one line of JSON."""
    with np.load(path) as arrays:
        x, labels = torch.from_numpy(arrays["x"]), torch.from_numpy(arrays["labels"]).long()
        weights = torch.from_numpy(arrays["class_weights"])
    torch.manual_seed(0)
    module = network(x.shape[1], len(weights), 0.5).train()
    loss, optimizer = nn.CrossEntropyLoss(weights), torch.optim.Adam(module.parameters(), lr=1e-3)

    def epoch() -> None:
        for rows in torch.randperm(len(x)).split(int(batch_size)):
            optimizer.zero_grad()
            loss(module(x[rows]), labels[rows]).backward()
            optimizer.step()

    epoch()
    start = time.perf_counter()
    for _ in range(int(epochs)):
        epoch()
    print(json.dumps({"seconds": (time.perf_counter() - start) / int(epochs)}))


if __name__ == "__main__":
    main(*sys.argv[1:])
