"""A checkpoint in the hub's layout → parameters as nested dicts of NumPy arrays, and back.

The parameters are those of `models.TextTransformer`; `text` knows their names and shapes, not the module.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from jaxmusic.text.checkpoint_layout import LAYOUTS, Layout, modules, tables, tensor_shapes
from jaxmusic.text.hub import WEIGHTS, hub_folder, read_json, read_tensors, some
from jaxmusic.text.transformer_config import TransformerConfig

__all__ = ["Pretrained", "load_pretrained", "save_pretrained"]

_POOLINGS = {"pooling_mode_cls_token": "cls", "pooling_mode_mean_tokens": "mean", "pooling_mode_max_tokens": "max"}


@dataclass(frozen=True, eq=False)
class Pretrained:
    """A checkpoint.

    Attributes:
        config: sizes of the encoder.
        params: nested dict of float32 arrays, those of `models.TextTransformer(config)`; with `"pooler"`, which only
            the pooling of that name has, where `load_pretrained` kept it.
        folder: where it lies.
        pooling: what the folder's sentence-transformers files say; None where there are none.
        normalize: whether they end in an L2 norm.
        max_length: tokens of a text at most, special ones included.
        lower_case: whether they lower the text's case before the tokenizer.
        ignored: tensors that are no part of it (heads, a pooler that was left out).
        prompts: name → what stands before a text of that kind, as sentence-transformers' files have them.
        default_prompt_name: the prompt of a text of no kind; None for none.
    """

    config: TransformerConfig
    params: dict[str, Any]
    folder: Path
    pooling: str | None = None
    normalize: bool = False
    max_length: int = 512
    lower_case: bool = False
    ignored: tuple[str, ...] = field(default=())
    prompts: Mapping[str, str] = field(default_factory=dict)
    default_prompt_name: str | None = None

    @property
    def prompt(self) -> str:
        """What stands before a text where nothing else is asked for."""
        return "" if self.default_prompt_name is None else self.prompts[self.default_prompt_name]


def load_pretrained(name_or_folder: str | os.PathLike[str], *, pooler: bool | None = None) -> Pretrained:
    """Read a checkpoint of one of `TransformerConfig`'s families, with or without sentence-transformers' files.

    Args:
        name_or_folder: a folder with `config.json` and `model.safetensors` (one file, or shards with an index), or
            a model's name on the hub, which is downloaded, or found in the hub's cache.
        pooler: whether to keep the pooler of a checkpoint that has one, for `TextTransformer(pooling="pooler")`; None:
            unless sentence-transformers' files state a pooling, since all of theirs do without.

    Returns:
        `Pretrained`; weights in half precision become float32.

    Raises:
        FileNotFoundError: no such folder and no such model at hand, or a file of the folder is missing.
        ValueError: pickled weights, another architecture, a truncated file, or a tensor that is missing, unexpected
            or of another shape; names the file and the tensor.
    """
    folder = hub_folder(name_or_folder)
    where = folder / "config.json"
    if not where.is_file():
        modules = read_json(folder / "modules.json") if (folder / "modules.json").is_file() else []
        paths = [module["path"] for module in modules if module["type"].endswith(".Transformer")]
        if not (paths and (folder / paths[0] / "config.json").is_file()):
            raise FileNotFoundError(f"{folder} has no config.json: give the folder of a model in the hub's layout")
        where = folder / paths[0] / "config.json"
    config = TransformerConfig.from_json(read_json(where), str(where))
    options = _sentence_options(folder, where.parent, config)
    keeps_pooler = "pooling" not in options if pooler is None else pooler
    tensors, ignored = _encoder_tensors(where.parent, LAYOUTS[config.model_type], pooler=keeps_pooler)
    return Pretrained(config, to_params(config, tensors, where.parent), where.parent, ignored=ignored, **options)


def save_pretrained(pretrained: Pretrained, folder: str | os.PathLike[str]) -> Path:
    """Write `config.json`, `model.safetensors` and, where the pooling is known, sentence-transformers' files.

    Args:
        pretrained: what to write; after training, `dataclasses.replace(loaded, params=…)`. Layers must be apart
            (`models.unstack_layers`).
        folder: made if missing. The tokenizer's files of `pretrained.folder` are copied.

    Returns:
        The folder.

    Raises:
        ValueError: a parameter is missing or has another shape; names the tensor.
    """
    import shutil

    from safetensors.numpy import save_file

    folder = Path(folder).expanduser()
    tensors = _from_params(pretrained)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "config.json").write_text(json.dumps(pretrained.config.to_json(), indent=2))
    partial = folder / f"{WEIGHTS}.part"
    save_file(tensors, partial, metadata={"format": "pt"})
    os.replace(partial, folder / WEIGHTS)
    for name in ("tokenizer.json", "tokenizer_config.json", "vocab.txt", "vocab.json", "merges.txt"):
        source = pretrained.folder / name
        if source.is_file() and source.resolve() != (folder / name).resolve():
            shutil.copyfile(source, folder / name)
    if pretrained.pooling is not None:
        _write_sentence_options(pretrained, folder)
    return folder


def to_params(config: TransformerConfig, tensors: Mapping[str, np.ndarray], folder: Path) -> dict[str, Any]:
    """The parameters of `models.TextTransformer(config)` of an encoder's tensors, their names without prefix.

    Raises:
        ValueError: a tensor that is missing, unexpected or of another shape; names the folder and the tensor.
    """
    pooler = any(name.startswith("pooler.") for name in tensors)
    expected = tensor_shapes(config, pooler=pooler)
    missing = sorted(set(expected) - set(tensors))
    unexpected = sorted(set(tensors) - set(expected))
    if missing or unexpected:
        raise ValueError(
            f"{folder}: the weights don't fit config.json ({config.model_type}, {config.num_hidden_layers} layers); "
            f"missing: {some(missing)}; unexpected: {some(unexpected)}"
        )
    for name, shape in expected.items():
        if tensors[name].shape != shape:
            raise ValueError(f"{folder}: tensor {name} has shape {tensors[name].shape}, config.json says {shape}")
    params: dict[str, Any] = {ours: tensors[name] for name, (ours, _) in tables(config).items()}
    for name, path, kind in modules(config, pooler=pooler):
        weight, bias = tensors[f"{name}.weight"], tensors[f"{name}.bias"]
        part = params
        for step in path[:-1]:
            part = part.setdefault(step, {})
        first = {"kernel": np.ascontiguousarray(weight.T)} if kind == "dense" else {"scale": weight}
        part[path[-1]] = {**first, "bias": bias}
    return params


def _from_params(pretrained: Pretrained) -> dict[str, np.ndarray]:
    params, pooler = pretrained.params, "pooler" in pretrained.params
    tensors: dict[str, np.ndarray] = {}
    try:
        for name, (ours, _) in tables(pretrained.config).items():
            tensors[name] = np.asarray(params[ours], np.float32)
        for name, path, kind in modules(pretrained.config, pooler=pooler):
            part: Any = params
            for step in path:
                part = part[step]
            weight = np.asarray(part["kernel"] if kind == "dense" else part["scale"], np.float32)
            tensors[f"{name}.weight"] = np.ascontiguousarray(weight.T)
            tensors[f"{name}.bias"] = np.asarray(part["bias"], np.float32)
    except KeyError as error:
        raise ValueError(f"the parameters have no {error} for {name}; stacked layers must be unstacked first") from None
    for name, shape in tensor_shapes(pretrained.config, pooler=pooler).items():
        if tensors[name].shape != shape:
            raise ValueError(f"{name} has shape {tensors[name].shape}, the config says {shape}")
    return tensors


def _encoder_tensors(folder: Path, layout: Layout, *, pooler: bool) -> tuple[dict[str, np.ndarray], tuple[str, ...]]:
    """Tensors of the encoder, without prefix, float32; and the names of all others."""
    raw = read_tensors(folder)
    tensors: dict[str, np.ndarray] = {}
    ignored = []
    for original, tensor in raw.items():
        name = original
        for prefix in {known.prefix for known in LAYOUTS.values()}:
            name = name.removeprefix(prefix)
        # The names that checkpoints converted from TensorFlow have.
        name = name.replace("LayerNorm.gamma", "LayerNorm.weight").replace("LayerNorm.beta", "LayerNorm.bias")
        if name.startswith(layout.heads if pooler else (*layout.heads, "pooler.")):
            ignored.append(original)
            continue
        if name in tensors:
            raise ValueError(f"{folder}: tensor {name} is there twice, with prefix and without")
        tensors[name] = np.asarray(tensor, np.float32)
    return tensors, tuple(sorted(ignored))


def _sentence_options(folder: Path, weights: Path, config: TransformerConfig) -> dict[str, Any]:
    """Pooling, norm and length, from sentence-transformers' files and the tokenizer's."""
    options: dict[str, Any] = {"max_length": config.max_length}
    limits = [(weights / "tokenizer_config.json", "model_max_length")]
    limits += [(weights / "sentence_bert_config.json", "max_seq_length")]
    for path, name in limits:
        value = read_json(path).get(name) if path.is_file() else None
        if value is not None:
            options["max_length"] = int(min(options["max_length"], value))
    if (weights / "sentence_bert_config.json").is_file():
        options["lower_case"] = bool(read_json(weights / "sentence_bert_config.json").get("do_lower_case", False))
    options |= _prompts(folder / "config_sentence_transformers.json")
    if not (folder / "modules.json").is_file():
        return options
    for module in read_json(folder / "modules.json"):
        kind = module["type"].rsplit(".", 1)[-1]
        if kind == "Pooling":
            path = folder / module["path"] / "config.json"
            options["pooling"] = _pooling(read_json(path), path)
        elif kind == "Normalize":
            options["normalize"] = True
        elif kind != "Transformer":
            raise ValueError(f"{folder / 'modules.json'}: module {module['type']} is not supported")
    return options


def _prompts(path: Path) -> dict[str, Any]:
    values = read_json(path) if path.is_file() else {}
    prompts, default = values.get("prompts") or {}, values.get("default_prompt_name")
    if not (isinstance(prompts, dict) and all(isinstance(text, str) for text in prompts.values())):
        raise ValueError(f"{path}: prompts is {prompts!r}: it maps names to texts")
    if default is not None and default not in prompts:
        raise ValueError(f"{path}: default_prompt_name {default!r} is none of its prompts {sorted(prompts)}")
    return {"prompts": prompts, "default_prompt_name": default}


def _pooling(values: Mapping[str, Any], path: Path) -> str:
    if "pooling_mode" in values:
        chosen = [values["pooling_mode"]]
    else:
        chosen = [_POOLINGS.get(name, name) for name, on in values.items() if name.startswith("pooling_mode_") and on]
    if values.get("include_prompt") is False:
        raise ValueError(f"{path}: include_prompt is false; pooling without the prompt's tokens is not supported")
    if len(chosen) != 1 or chosen[0] not in _POOLINGS.values():
        raise ValueError(f"{path}: pooling {chosen} is not supported; one of {sorted(_POOLINGS.values())} is")
    return chosen[0]


def _write_sentence_options(pretrained: Pretrained, folder: Path) -> None:
    modules = [("", "Transformer"), ("1_Pooling", "Pooling")]
    modules += [("2_Normalize", "Normalize")] if pretrained.normalize else []
    listed = [
        {"idx": i, "name": str(i), "path": path, "type": f"sentence_transformers.models.{kind}"}
        for i, (path, kind) in enumerate(modules)
    ]
    modes = {name: mode == pretrained.pooling for name, mode in _POOLINGS.items()}
    pooling = {"word_embedding_dimension": pretrained.config.hidden_size, **modes}
    options = {"max_seq_length": pretrained.max_length, "do_lower_case": pretrained.lower_case}
    (folder / "1_Pooling").mkdir(exist_ok=True)
    for name, values in (("modules.json", listed), ("1_Pooling/config.json", pooling)):
        (folder / name).write_text(json.dumps(values, indent=2))
    (folder / "sentence_bert_config.json").write_text(json.dumps(options, indent=2))
    if pretrained.prompts:
        prompts = {"prompts": dict(pretrained.prompts), "default_prompt_name": pretrained.default_prompt_name}
        (folder / "config_sentence_transformers.json").write_text(json.dumps(prompts, indent=2))
