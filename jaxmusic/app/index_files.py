"""A model's clips as entries of its `config.json` and tensors of its `model.safetensors`, and back."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from jaxmusic.app.index import ClipIndex, Files, Words

CLIP_KEYS = ("folder", "ids", "has_audio", "has_lyrics", "tags", "path", "content", "lyrics", "words")
_TEXTS = ("path", "content", "lyrics")
# Entries of settings that version 1 did not have, and what it did.
_BEFORE: dict[str, Any] = {"excerpts": 1, "sound": None, "clusters": 8, "follow_links": False}


def index_entries(index: ClipIndex) -> dict[str, Any]:
    """What `config.json` says of the clips."""
    return {
        "folder": index.folder,
        "ids": index.ids.tolist(),
        "has_audio": index.has_audio.tolist(),
        "has_lyrics": index.has_lyrics.tolist(),
        "tags": {name: values.tolist() for name, values in index.tags.items()},
        **{name: getattr(index.files, name).tolist() for name in _TEXTS},
        "words": index.words.vocabulary.tolist(),
    }


def index_tensors(index: ClipIndex) -> dict[str, np.ndarray]:
    """The numbers of the clips."""
    return {
        "index/audio": index.audio,
        "index/sound_tags": index.sound_tags,
        "index/seconds": index.seconds,
        "index/place": index.place,
        "index/cluster": index.cluster,
        "index/copy_of": index.copy_of,
        "index/size": index.files.size,
        "index/modified": index.files.modified,
        "index/word_offsets": index.words.offsets,
        "index/words": index.words.positions,
        **{f"index/spaces/{name}": places for name, places in index.spaces.items()},
    }


def index_shapes(config: Mapping[str, Any], tensors: Mapping[str, np.ndarray]) -> dict[str, tuple[int, ...]]:
    """Every tensor of the clips and its shape; the number of words is the data's own."""
    n, latent = len(config["clips"]["ids"]), config["settings"]["latent"]
    tags = 0 if config["sound"] is None else len(config["sound"]["tag_names"])
    width = {"joint": latent, "components": _size(tensors, "components/deviation")}
    if config["sound"] is not None:
        width["sound"] = _size(tensors, "sound/deviation")
    one = ("seconds", "cluster", "copy_of", "size", "modified")
    return {
        "index/audio": (n, latent),
        "index/sound_tags": (n, tags),
        "index/place": (n, 2),
        "index/word_offsets": (n + 1,),
        "index/words": (_size(tensors, "index/words"),),
        **{f"index/{name}": (n,) for name in one},
        **{f"index/spaces/{name}": (n, columns) for name, columns in width.items()},
    }


def read_index(path: Path, config: Mapping[str, Any], tensors: Mapping[str, np.ndarray]) -> ClipIndex:
    """The clips.

    Raises:
        ValueError: numbers that point to no clip or word; names the tensor.
    """
    clips, n = config["clips"], len(config["clips"]["ids"])
    offsets, positions = tensors["index/word_offsets"], tensors["index/words"]
    is_right = {
        "word_offsets": offsets[0] == 0 and offsets[-1] == len(positions) and (np.diff(offsets) >= 0).all(),
        "words": not len(positions) or 0 <= positions.min() <= positions.max() < len(clips["words"]),
        "copy_of": (tensors["index/copy_of"] >= 0).all() and (tensors["index/copy_of"] < n).all(),
        "cluster": (tensors["index/cluster"] >= 0).all()
        and (tensors["index/cluster"] < max(1, len(config["cluster_names"]))).all(),
    }
    if wrong := [name for name, right in is_right.items() if not right]:
        raise ValueError(f"{path}: tensor index/{wrong[0]} points to nothing: fit the model again")
    texts = {name: np.array(clips[name], str) for name in _TEXTS}
    return ClipIndex(
        folder=clips["folder"],
        ids=np.array(clips["ids"], str),
        has_audio=np.array(clips["has_audio"], bool),
        has_lyrics=np.array(clips["has_lyrics"], bool),
        audio=tensors["index/audio"],
        spaces={k.removeprefix("index/spaces/"): v for k, v in tensors.items() if k.startswith("index/spaces/")},
        sound_tags=tensors["index/sound_tags"],
        tags={name: np.array(values, str) for name, values in clips["tags"].items()},
        files=Files(texts["path"], tensors["index/size"], tensors["index/modified"], texts["content"], texts["lyrics"]),
        seconds=tensors["index/seconds"],
        words=Words(np.array(clips["words"], str), offsets, positions),
        place=tensors["index/place"],
        cluster=tensors["index/cluster"],
        copy_of=tensors["index/copy_of"],
    )


def of_version_1(
    config: dict[str, Any], tensors: dict[str, np.ndarray]
) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    """What a folder of version 1 holds as this version has it: its clips without files, words and places on a map."""
    clips, tensors = config["clips"], dict(tensors)
    n = len(clips["ids"]) if isinstance(clips, dict) and isinstance(clips.get("ids"), list) else 0
    joint = tensors.pop("index/joint", np.zeros((n, 0), np.float32))
    width = _size(tensors, "components/deviation")
    tensors |= {
        "index/spaces/joint": joint,
        "index/spaces/components": np.zeros((n, width), np.float32),
        "index/sound_tags": np.zeros((n, 0), np.float32),
        "index/seconds": np.zeros(n, np.float32),
        "index/place": np.zeros((n, 2), np.float32),
        "index/cluster": np.zeros(n, np.int32),
        "index/copy_of": np.arange(n, dtype=np.int32),
        "index/size": np.zeros(n, np.int64),
        "index/modified": np.zeros(n, np.int64),
        "index/word_offsets": np.zeros(n + 1, np.int64),
        "index/words": np.zeros(0, np.int32),
    }
    more = {"tags": {}, "words": [], **{name: [""] * n for name in _TEXTS}}
    config = {
        **config,
        "settings": {**_BEFORE, **config["settings"]},
        "clips": {**clips, **more},
        "sound": None,
        "space": "joint",
        "space_scores": {"measure": "", "scores": {}},
        "cluster_names": [],
    }
    return config, tensors


def _size(tensors: Mapping[str, np.ndarray], name: str) -> int:
    return tensors[name].size if name in tensors else 0
