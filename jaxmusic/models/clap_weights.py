"""A CLAP checkpoint in the hub's layout → `ClapModel` with its variables, feature extractor and tokenizer."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from flax.traverse_util import flatten_dict, unflatten_dict
from jaxtyping import Float

from jaxmusic.audio import ClapInput
from jaxmusic.models.clap import ClapModel, project_text
from jaxmusic.models.clap_config import ClapConfig, clap_input
from jaxmusic.models.transformer import TextTransformer
from jaxmusic.text._encode import Encoder, encode
from jaxmusic.text.hub import WEIGHTS, hub_folder, read_json, read_tensors, some
from jaxmusic.text.weights import Pretrained, to_params

__all__ = ["PretrainedClap", "load_clap"]

# Buffers that hold nothing of their own.
_BUFFERS = re.compile(r"(num_batches_tracked|position_ids|token_type_ids|relative_position_index)$")
# Torch's names → ours, in this order.
_NAMES = (
    (r"^audio_model\.audio_encoder\.", "audio/"),
    (r"patch_embed\.proj\.", "patch/"),
    (r"patch_embed\.norm\.", "patch_norm/"),
    (r"patch_embed\.mel_conv2d\.", "crop_patch/"),
    (r"patch_embed\.fusion_model\.local_att\.0\.", "fusion/local_0/"),
    (r"patch_embed\.fusion_model\.local_att\.1\.", "fusion/local_norm_0/"),
    (r"patch_embed\.fusion_model\.local_att\.3\.", "fusion/local_1/"),
    (r"patch_embed\.fusion_model\.local_att\.4\.", "fusion/local_norm_1/"),
    (r"patch_embed\.fusion_model\.global_att\.1\.", "fusion/global_0/"),
    (r"patch_embed\.fusion_model\.global_att\.2\.", "fusion/global_norm_0/"),
    (r"patch_embed\.fusion_model\.global_att\.4\.", "fusion/global_1/"),
    (r"patch_embed\.fusion_model\.global_att\.5\.", "fusion/global_norm_1/"),
    (r"layers\.(\d+)\.blocks\.(\d+)\.", r"stage_\1_block_\2/"),
    (r"layers\.(\d+)\.downsample\.reduction\.", r"merge_\1/"),
    (r"layers\.(\d+)\.downsample\.norm\.", r"merge_norm_\1/"),
    (r"attention\.self\.relative_position_bias_table$", "position_bias"),
    (r"attention\.self\.(query|key|value)\.", r"\1/"),
    (r"attention\.output\.dense\.", "attention_output/"),
    (r"intermediate\.dense\.", "intermediate/"),
    (r"output\.dense\.", "output/"),
    (r"layernorm_(before|after)\.", r"norm_\1/"),
    (r"^(audio|text)_projection\.(linear\d)\.", r"\1_projection/\2/"),
    (r"^logit_scale_a$", "logit_scale_audio"),
    (r"^logit_scale_t$", "logit_scale_text"),
    (r"(batch_norm|/norm)\.", r"\1/"),
)
_STATISTICS = {"running_mean": "mean", "running_var": "var"}
_TEXT = "text_model."


@dataclass(frozen=True, eq=False)
class PretrainedClap:
    """A checkpoint of CLAP.

    Attributes:
        module: `ClapModel` of its sizes.
        variables: `"params"` and `"batch_stats"`, nested dicts of float32 arrays.
        inputs: the feature extractor.
        folder: where it lies, with its tokenizer.
        max_length: tokens of a text at most, special ones included.
    """

    module: ClapModel
    variables: dict[str, Any]
    inputs: ClapInput
    folder: Path
    max_length: int

    @cached_property
    def _encoder(self) -> Encoder:
        config, params = self.module.config.text, self.variables["params"]["text"]
        tower = TextTransformer(config, "pooler", dtype=self.module.dtype)
        return Encoder(tower, Pretrained(config, params, self.folder, max_length=self.max_length))

    def embed_text(self, texts: Sequence[str]) -> Float[np.ndarray, "n projection"]:
        """`n` texts → `[n, projection_dim]` float32 of length 1, zeros for an empty text.

        Raises:
            FileNotFoundError: the folder has no tokenizer.
            TypeError: a text is no string; names its position.
        """
        found = encode(texts, self._encoder)
        projected = project_text(self.module, self.variables["params"]["text_projection"], jnp.asarray(found.vectors))
        return np.where(found.mask[:, None], np.asarray(projected), 0)


def load_clap(name_or_folder: str | os.PathLike[str], *, dtype: Any = None) -> PretrainedClap:
    """Read a CLAP checkpoint: both towers, the feature extractor's settings, and where the tokenizer lies.

    Args:
        name_or_folder: a folder with `config.json`, `preprocessor_config.json` and `model.safetensors` (one file, or
            shards with an index), or a model's name on the hub (`"laion/clap-htsat-unfused"`,
            `"laion/larger_clap_music"`), which is downloaded, or found in the hub's cache.
        dtype: of the activations, such as bfloat16; None: float32.

    Returns:
        `PretrainedClap`; weights in half precision become float32.

    Raises:
        FileNotFoundError: no such folder and no such model at hand, or a file of the folder is missing.
        ValueError: pickled weights, another architecture, an unknown entry of a configuration, settings that
            contradict one another, or a tensor that is missing, unexpected or of another shape; names file and entry.
    """
    folder = hub_folder(name_or_folder)
    paths = [folder / name for name in ("config.json", "preprocessor_config.json")]
    for path in paths:
        if not path.is_file():
            raise FileNotFoundError(f"{path} is missing: give the folder of a CLAP model in the hub's layout")
    config = ClapConfig.from_json(read_json(paths[0]), str(paths[0]))
    inputs = clap_input(read_json(paths[1]), config, str(paths[1]))
    module = ClapModel(config) if dtype is None else ClapModel(config, dtype)
    tensors = {name: np.asarray(x, np.float32) for name, x in read_tensors(folder).items() if not _BUFFERS.search(name)}
    variables = _variables(module, inputs, tensors, folder)
    settings = folder / "tokenizer_config.json"
    limit = read_json(settings).get("model_max_length") if settings.is_file() else None
    longest = config.text.max_length
    return PretrainedClap(module, variables, inputs, folder, longest if limit is None else int(min(limit, longest)))


def _variables(module: ClapModel, inputs: ClapInput, tensors: Mapping[str, np.ndarray], folder: Path) -> dict[str, Any]:
    """The module's variables, once the tensors are found to be those and no others."""
    of_text = {name.removeprefix(_TEXT): x for name, x in tensors.items() if name.startswith(_TEXT)}
    variables: dict[str, Any] = {"params": {"text": to_params(module.config.text, of_text, folder)}, "batch_stats": {}}
    views = 4 if module.config.audio.enable_fusion else 1
    mel = jax.ShapeDtypeStruct((1, views, inputs.n_mels, inputs.frames), np.float32)
    shapes = jax.eval_shape(module.init, jax.random.key(0), mel, jax.ShapeDtypeStruct((1, 4), np.int32))
    expected = {
        name: leaf.shape
        for collection in ("params", "batch_stats")
        for name, leaf in flatten_dict({collection: shapes[collection]}, sep="/").items()
        if not name.startswith("params/text/")
    }
    found: dict[str, tuple[str, np.ndarray]] = {}
    for theirs, tensor in tensors.items():
        if not theirs.startswith(_TEXT):
            ours, array = _renamed(theirs, tensor)
            found[ours] = theirs, array
    missing = sorted(expected.keys() - found.keys())
    unexpected = sorted(found[name][0] for name in found.keys() - expected.keys())
    if missing or unexpected:
        raise ValueError(
            f"{folder / WEIGHTS}: the weights don't fit config.json; missing: {some(missing)}; "
            f"unexpected: {some(unexpected)}"
        )
    for ours, (theirs, array) in found.items():
        if array.shape != expected[ours]:
            raise ValueError(
                f"{folder / WEIGHTS}: tensor {theirs} has shape {tensors[theirs].shape}, config.json gives another"
            )
    for collection, part in unflatten_dict({name: array for name, (_, array) in found.items()}, sep="/").items():
        variables[collection] |= part
    return variables


def _renamed(name: str, tensor: np.ndarray) -> tuple[str, np.ndarray]:
    """Our name of a tensor of torch's, collection first, and the array in our layout."""
    for pattern, replacement in _NAMES:
        name = re.sub(pattern, replacement, name)
    path, _, leaf = name.rpartition("/")
    if leaf in _STATISTICS:
        return f"batch_stats/{path}/{_STATISTICS[leaf]}", tensor
    if leaf == "weight":
        leaf = "scale" if tensor.ndim == 1 else "kernel"
        if tensor.ndim == 4:
            # A convolution of one place is a dense layer here.
            tensor = tensor[:, :, 0, 0].T if tensor.shape[2:] == (1, 1) else tensor.transpose(2, 3, 1, 0)
        elif tensor.ndim == 2:
            tensor = tensor.T
    return f"params/{path}/{leaf}" if path else f"params/{leaf}", np.ascontiguousarray(tensor).reshape(tensor.shape)
