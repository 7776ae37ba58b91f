"""musicnn as one writes it in PyTorch, with librosa in front: the peer of `audio.sound_encoder`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import librosa
import numpy as np
import torch
from torch import nn
from torch.nn import functional


class MusicCNN(nn.Module):
    """The net of `models.MusicCNN` in inference, on `[batch, frames, 96]`; its penultimate layer."""

    def __init__(self, variables: Mapping[str, Any]) -> None:
        super().__init__()
        params, statistics = variables["params"], variables["batch_stats"]
        self.layers, self.norms = nn.ModuleDict(), nn.ModuleDict()
        for name, entry in params.items():
            if "scale" in entry:
                norm = (nn.BatchNorm2d if name.startswith(("input", "t")) else nn.BatchNorm1d)(
                    len(entry["scale"]), eps=1e-3
                )
                values = (entry["scale"], entry["bias"], statistics[name]["mean"], statistics[name]["var"])
                targets = (norm.weight, norm.bias, norm.running_mean, norm.running_var)
                self.norms[name] = norm
            else:
                kernel = np.asarray(entry["kernel"])
                kernel = kernel.transpose(*range(kernel.ndim - 1, kernel.ndim - 3, -1), *range(kernel.ndim - 2))
                kind = {2: nn.Linear, 3: nn.Conv1d, 4: nn.Conv2d}[kernel.ndim]
                layer = kind(kernel.shape[1], kernel.shape[0], *([kernel.shape[2:]] if kernel.ndim > 2 else []))
                values, targets = (kernel, entry["bias"]), (layer.weight, layer.bias)
                self.layers[name] = layer
            for target, value in zip(targets, values, strict=True):
                target.data = torch.tensor(np.asarray(value).copy())
        self.eval()

    def forward(self, patches: torch.Tensor) -> torch.Tensor:
        x = self.norms["input_norm"](patches[:, None])
        padded = functional.pad(x, (0, 0, 3, 3))
        features = [self._highest(padded, f"timbral_{i}") for i in range(2)]
        for i, length in enumerate((128, 64, 32)):
            before = (length - 1) // 2
            features.append(self._highest(functional.pad(x, (0, 0, before, length - 1 - before)), f"temporal_{i}"))
        maps = [torch.cat(features, dim=1)]
        for i in range(3):
            layer = self.layers[f"midend_{i}"]
            found = functional.conv1d(maps[-1], layer.weight, layer.bias, padding=3)
            found = self.norms[f"midend_norm_{i}"](functional.relu(found))
            maps.append(found if i == 0 else found + maps[-1])
        every = torch.cat(maps, dim=1)
        pools = torch.stack([every.amax(2), every.mean(2)], dim=-1).flatten(1)
        hidden = functional.relu(self.layers["penultimate"](self.norms["pool_norm"](pools)))
        return self.norms["penultimate_norm"](hidden)

    def _highest(self, x: torch.Tensor, name: str) -> torch.Tensor:
        return self.norms[f"{name}_norm"](functional.relu(self.layers[name](x))).amax(3)


def embed(net: MusicCNN, files: Sequence[Path]) -> np.ndarray:
    """The mean of the penultimate layer over each file's patches, file by file."""
    found = []
    for path in files:
        y, sr = librosa.load(path, sr=16_000)
        mel = librosa.feature.melspectrogram(y=y, sr=sr, n_fft=512, hop_length=256, n_mels=96)
        mel = np.log10(1 + 10_000 * mel).T
        patches = np.stack([mel[i : i + 187] for i in range(0, len(mel) - 186, 187)])
        with torch.inference_mode():
            found.append(net(torch.from_numpy(patches)).numpy().mean(0))
    return np.stack(found)
