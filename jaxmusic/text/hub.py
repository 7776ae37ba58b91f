"""Folders in the hub's layout: where a name leads, their tensors and their JSON."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import numpy as np

WEIGHTS, INDEX = "model.safetensors", "model.safetensors.index.json"


def hub_folder(name_or_folder: str | os.PathLike[str]) -> Path:
    """A folder as it is; for a model's name on the hub, the folder of the hub's cache, filled where it was not.

    Raises:
        FileNotFoundError: neither; says where it was looked for.
    """
    folder = Path(name_or_folder).expanduser()
    if folder.is_dir():
        return folder
    name = str(name_or_folder)
    if folder.is_absolute() or name.startswith((".", "~")) or name.count("/") > 1 or not name:
        raise FileNotFoundError(f"{name} is no folder")
    from huggingface_hub import snapshot_download

    wanted = ["*.json", "*.safetensors", "*.txt"]
    try:
        return Path(snapshot_download(name, allow_patterns=wanted))
    except Exception as error:  # the hub's client raises those of several HTTP libraries
        raise FileNotFoundError(
            f"looked for {name!r}: it is no folder here, not in the hub's cache, and the hub did not give it "
            f"({type(error).__name__}); give the path of a folder with config.json and {WEIGHTS}"
        ) from None


def read_tensors(folder: Path) -> dict[str, np.ndarray]:
    """All tensors of `model.safetensors`, or of the shards that its index lists, as the files have them.

    Raises:
        FileNotFoundError: no such file.
        ValueError: pickled weights, a damaged or truncated file, or a listed tensor that no shard holds.
    """
    if (folder / INDEX).is_file():
        listed = read_json(folder / INDEX)["weight_map"]
        raw: dict[str, np.ndarray] = {}
        for file in sorted(set(listed.values())):
            raw |= _read(folder / file)
        absent = sorted(set(listed) - set(raw))
        if absent:
            raise ValueError(f"{folder / INDEX} lists tensors that no shard holds: {some(absent)}")
    elif (folder / WEIGHTS).is_file():
        raw = _read(folder / WEIGHTS)
    else:
        pickled = [path.name for suffix in ("bin", "pt", "pkl", "ckpt") for path in sorted(folder.glob(f"*.{suffix}"))]
        if pickled:
            raise ValueError(
                f"{folder / pickled[0]} is a pickle, which can run code when it is read, and is refused: "
                f"convert it to {WEIGHTS} (transformers' save_pretrained writes it)"
            )
        raise FileNotFoundError(f"{folder} has neither {WEIGHTS} nor {INDEX}")
    return raw


def _read(path: Path) -> dict[str, np.ndarray]:
    from safetensors import SafetensorError
    from safetensors.numpy import load_file

    if not path.is_file():
        raise FileNotFoundError(f"{path} is missing: the index names it")
    try:
        return load_file(path)
    except SafetensorError as error:
        raise ValueError(f"{path} is damaged or truncated ({error}): fetch it again") from None


def read_json(path: Path) -> Any:
    """A parsed file; a ValueError names one that is no JSON."""
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise ValueError(f"{path} is no valid JSON: {error}") from None


def some(names: list[str]) -> str:
    """The first few names, and how many more there are."""
    return ", ".join(names[:5]) + (f" and {len(names) - 5} more" if len(names) > 5 else "") if names else "none"
