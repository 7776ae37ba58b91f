"""Whether a model's files hold what a fit writes; each error names the file, the entry and the fix."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

# A constant column's scale is infinite, so that it becomes 0.
_MAY_BE_INFINITE = ("scaler/scale", "sentences/scaler_scale", "sound/scaler_scale")


def check_values(path: Path, config: dict[str, Any]) -> None:
    """Types of what no dataclass checks.

    Raises:
        ValueError: one is another.
    """
    clips, sound, measured = config["clips"], config["sound"], config["space_scores"]
    n = len(clips["ids"]) if isinstance(clips["ids"], list) else 0
    is_sound = isinstance(sound, dict) and sound.keys() == {"digest", "tag_names"}
    is_measured = isinstance(measured, dict) and measured.keys() == {"measure", "scores"}
    is_right = {
        "layout": config["layout"] in ("audio", "mels"),
        "n_mels": type(config["n_mels"]) is int and config["n_mels"] > 0,
        "frames": type(config["frames"]) is int and config["frames"] > 0,
        "vocabulary": config["vocabulary"] is None or _is_list(config["vocabulary"], str),
        "text_digest": isinstance(config["text_digest"], str | None),
        "scores": _is_scores(config["scores"]),
        "notes": _is_list(config["notes"], str),
        "sound": sound is None or (is_sound and isinstance(sound["digest"], str) and _is_list(sound["tag_names"], str)),
        "settings.sound": (sound is None) == (config["settings"]["sound"] is None),
        "space": config["space"] in ("joint", "components", *(("sound",) if sound is not None else ())),
        "space_scores": is_measured and isinstance(measured["measure"], str) and _is_scores(measured["scores"]),
        "cluster_names": _is_list(config["cluster_names"], str),
        "clips.folder": isinstance(clips["folder"], str),
        "clips.ids": _is_list(clips["ids"], str) and len(set(clips["ids"])) == n > 0,
        "clips.has_audio": _is_list(clips["has_audio"], bool) and len(clips["has_audio"]) == n,
        "clips.has_lyrics": _is_list(clips["has_lyrics"], bool) and len(clips["has_lyrics"]) == n,
        "clips.tags": isinstance(clips["tags"], dict)
        and all(_is_list(values, str) and len(values) == n for values in clips["tags"].values()),
        "clips.words": _is_list(clips["words"], str) and clips["words"] == sorted(set(clips["words"])),
        **{
            f"clips.{name}": _is_list(clips[name], str) and len(clips[name]) == n
            for name in ("path", "content", "lyrics")
        },
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


def _is_scores(value: Any) -> bool:
    return isinstance(value, dict) and _is_list(list(value.values()), float)


def _is_list(value: Any, kind: type) -> bool:
    return isinstance(value, list) and all(type(entry) is kind for entry in value)
