"""One process of `benchmarks/genre.py`: an epoch by PyTorch, the same models, batch and optimiser."""

from __future__ import annotations

import json
import sys
import time
from itertools import pairwise

import numpy as np
import torch
from torch import nn

from benchmarks.machine import peak_memory

VOCABULARY = 30_522
_WARM_STEPS = 20


class Lyrics(nn.Module):
    """Embedding, linear, ReLU, dropout, mean over 512 positions, linear."""

    def __init__(self) -> None:
        super().__init__()
        self.embedding = nn.Embedding(VOCABULARY + 1, 32)
        self.hidden, self.output, self.dropout = nn.Linear(32, 32), nn.Linear(32, 4), nn.Dropout(0.2)

    def forward(self, tokens: torch.Tensor) -> torch.Tensor:
        return self.output(self.dropout(torch.relu(self.hidden(self.embedding(tokens)))).mean(1))


def _layers(*sizes: int) -> nn.Sequential:
    layers: list[nn.Module] = []
    for i, (a, b) in enumerate(pairwise(sizes)):
        layers += [nn.ReLU(), nn.Linear(a, b)] if i else [nn.Linear(a, b)]
    return nn.Sequential(*layers)


class Combined(nn.Module):
    """Lyrics' mean embedding and the features' layers, concatenated."""

    def __init__(self) -> None:
        super().__init__()
        self.features, self.embedding = _layers(22, 18, 12, 8), nn.Embedding(VOCABULARY + 1, 32)
        self.lyrics, self.head = nn.Linear(32, 8), _layers(16, 12, 8, 4)

    def forward(self, tokens: torch.Tensor, features: torch.Tensor) -> torch.Tensor:
        lyrics = self.lyrics(torch.relu(self.embedding(tokens)).mean(1))
        return self.head(torch.cat([lyrics, self.features(features)], 1))


def main(way: str, model: str, path: str, epochs: int) -> None:
    """Train, print the measurement as one line of JSON."""
    with np.load(path) as arrays:
        batch = {name: torch.from_numpy(arrays[name]) for name in ("tokens", "features", "labels")}
    columns = {"lyrics": ("tokens",), "metadata": ("features",), "combined": ("tokens", "features")}[model]
    inputs = [batch[name].long() if name == "tokens" else batch[name] for name in columns]
    labels = batch["labels"].long()
    torch.manual_seed(0)
    module: nn.Module = {"lyrics": Lyrics, "metadata": lambda: _layers(22, 18, 12, 8, 4), "combined": Combined}[model]()
    forward = torch.compile(module) if "compile" in way else module
    loss = nn.CrossEntropyLoss()

    def epoch(limit: int | None = None) -> None:
        optimizer = torch.optim.Adam(module.parameters(), lr=1e-3, fused="fused" in way)
        hits = 0
        for rows in torch.randperm(len(labels)).split(8)[:limit]:
            optimizer.zero_grad()
            logits = forward(*(x[rows] for x in inputs))
            value = loss(logits, labels[rows])
            value.backward()
            optimizer.step()
            # The document counts its training accuracy batch by batch.
            hits += (logits.argmax(1) == labels[rows]).sum().item()

    epoch(_WARM_STEPS)
    start = time.perf_counter()
    for _ in range(epochs):
        epoch()
    seconds = (time.perf_counter() - start) / epochs
    print(json.dumps({"seconds": seconds, "epochs": epochs, "memory": peak_memory()}))


if __name__ == "__main__":
    main(*sys.argv[1:4], epochs=int(sys.argv[4]))
