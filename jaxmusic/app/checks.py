"""Whether a model's files hold what a fit writes; each error names the file, the entry and the fix."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

# A constant column's scale is infinite, so that it becomes 0.
_MAY_BE_INFINITE = ("scaler/scale", "sentences/scaler_scale")


def check_values(path: Path, config: dict[str, Any]) -> None:
    """Types of what no dataclass checks.

    Raises:
        ValueError: one is another.
    """
    clips = config["clips"]
    n = len(clips["ids"]) if isinstance(clips["ids"], list) else 0
    is_right = {
        "layout": config["layout"] in ("audio", "mels"),
        "n_mels": type(config["n_mels"]) is int and config["n_mels"] > 0,
        "frames": type(config["frames"]) is int and config["frames"] > 0,
        "vocabulary": config["vocabulary"] is None or _is_list(config["vocabulary"], str),
        "text_digest": isinstance(config["text_digest"], str | None),
        "scores": isinstance(config["scores"], dict) and _is_list(list(config["scores"].values()), float),
        "notes": _is_list(config["notes"], str),
        "clips.folder": isinstance(clips["folder"], str),
        "clips.ids": _is_list(clips["ids"], str) and len(set(clips["ids"])) == n > 0,
        "clips.has_audio": _is_list(clips["has_audio"], bool) and len(clips["has_audio"]) == n,
        "clips.has_lyrics": _is_list(clips["has_lyrics"], bool) and len(clips["has_lyrics"]) == n,
    }
    if wrong := [name for name, right in is_right.items() if not right]:
        raise ValueError(f"{path}: the value of {wrong[0]} is none that a fit writes: fit the model again")


def check_finite(path: Path, tensors: dict[str, np.ndarray]) -> None:
    """No tensor holds NaN, and few infinite values.

    Raises:
        ValueError: one does.
    """
    for name, array in tensors.items():
        if np.isnan(array).any() or (name not in _MAY_BE_INFINITE and not np.isfinite(array).all()):
            raise ValueError(f"{path}: tensor {name} holds NaN or infinite values: fit the model again")


def _is_list(value: Any, kind: type) -> bool:
    return isinstance(value, list) and all(type(entry) is kind for entry in value)
