"""The public weights of musicnn, from the package that holds them, as `MusicCNN` and `MusicVGG`."""

from __future__ import annotations

from collections.abc import Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np

from jaxmusic.models.music_cnn import MusicCNN, MusicVGG
from jaxmusic.models.tensorflow_checkpoint import INDEX, read_checkpoint

__all__ = ["MSD_TAGS", "MTT_TAGS", "convert_musicnn"]

MSD_TAGS = (
    "rock", "pop", "alternative", "indie", "electronic", "female vocalists", "dance", "00s", "alternative rock", "jazz",
    "beautiful", "metal", "chillout", "male vocalists", "classic rock", "soul", "indie rock", "Mellow", "electronica",
    "80s", "folk", "90s", "chill", "instrumental", "punk", "oldies", "blues", "hard rock", "ambient", "acoustic",
    "experimental", "female vocalist", "guitar", "Hip-Hop", "70s", "party", "country", "easy listening", "sexy",
    "catchy", "funk", "electro", "heavy metal", "Progressive rock", "60s", "rnb", "indie pop", "sad", "House", "happy",
)  # fmt: skip
"""Tags of the nets trained on the Million Song Dataset, in the order of their logits."""
MTT_TAGS = (
    "guitar", "classical", "slow", "techno", "strings", "drums", "electronic", "rock", "fast", "piano", "ambient",
    "beat", "violin", "vocal", "synth", "female", "indian", "opera", "male", "singing", "vocals", "no vocals",
    "harpsichord", "loud", "quiet", "flute", "woman", "male vocal", "no vocal", "pop", "soft", "sitar", "solo", "man",
    "classic", "choir", "voice", "new age", "dance", "male voice", "female vocal", "beats", "harp", "cello", "no voice",
    "weird", "country", "metal", "female voice", "choral",
)  # fmt: skip
"""Tags of the nets trained on MagnaTagATune, in the order of their logits."""

# Slots and counters of the optimiser that stand beside the weights.
_OPTIMIZER = ("/Adam", "/Adam_1", "beta1_power", "beta2_power")
_MUSICNN = (
    ("batch_normalization", "input_norm"),
    ("conv2d", "timbral_0"), ("batch_normalization_1", "timbral_0_norm"),
    ("conv2d_1", "timbral_1"), ("batch_normalization_2", "timbral_1_norm"),
    ("conv2d_2", "temporal_0"), ("batch_normalization_3", "temporal_0_norm"),
    ("conv2d_3", "temporal_1"), ("batch_normalization_4", "temporal_1_norm"),
    ("conv2d_4", "temporal_2"), ("batch_normalization_5", "temporal_2_norm"),
    ("conv2d_5", "midend_0"), ("batch_normalization_6", "midend_norm_0"),
    ("conv2d_6", "midend_1"), ("batch_normalization_7", "midend_norm_1"),
    ("conv2d_7", "midend_2"), ("batch_normalization_8", "midend_norm_2"),
    ("batch_normalization_9", "pool_norm"),
    ("dense", "penultimate"), ("batch_normalization_10", "penultimate_norm"),
    ("dense_1", "tags_layer"),
)  # fmt: skip
VGG_NAMES = (
    ("batch_normalization", "input_norm"),
    *(
        pair
        for i in range(5)
        for pair in ((f"{i + 1}CNN", f"convolution_{i}"), (f"batch_normalization_{i + 1}", f"norm_{i}"))
    ),
    ("dense", "tags_layer"),
)
# TensorFlow's variable → collection and name in the parameters.
NORM_NAMES = {
    "gamma": ("params", "scale"), "beta": ("params", "bias"),
    "moving_mean": ("batch_stats", "mean"), "moving_variance": ("batch_stats", "var"),
}  # fmt: skip
LAYER_NAMES = {"kernel": ("params", "kernel"), "bias": ("params", "bias")}
# Name of an encoder → folder in the package, module, its layers, frames of a patch that it must have.
NETS: dict[str, tuple[str, MusicCNN | MusicVGG, tuple[tuple[str, str], ...]]] = {
    "musicnn-msd": ("MSD_musicnn", MusicCNN(MSD_TAGS), _MUSICNN),
    "musicnn-mtt": ("MTT_musicnn", MusicCNN(MTT_TAGS), _MUSICNN),
    "musicnn-msd-vgg": ("MSD_vgg", MusicVGG(MSD_TAGS), VGG_NAMES),
    "musicnn-mtt-vgg": ("MTT_vgg", MusicVGG(MTT_TAGS), VGG_NAMES),
}


def convert_musicnn(name: str) -> tuple[MusicCNN | MusicVGG, dict[str, Any]]:
    """Read a net of the package musicnn 0.1.0: its TensorFlow checkpoint, without TensorFlow.

    Args:
        name: `"musicnn-msd"` or `"musicnn-mtt"`, trained on the Million Song Dataset or on MagnaTagATune;
            `"musicnn-msd-vgg"` or `"musicnn-mtt-vgg"` for the VGG.

    Returns:
        The module, and its variables (`"params"` and `"batch_stats"`) as nested dicts of float32 arrays; `models.save`
        keeps them.

    Raises:
        ModuleNotFoundError: the package is not installed; says the command.
        ValueError: another name, or a checkpoint that is damaged, hostile or another net's; names file and tensor.
    """
    if name not in NETS:
        raise ValueError(f"{name!r} is none of the nets of musicnn: {', '.join(NETS)}")
    folder, module, layers = NETS[name]
    place = musicnn_folder(name) / folder
    tensors = read_checkpoint(place, ignored=_OPTIMIZER)
    return module, _variables(place / INDEX, tensors, layers, module)


def musicnn_folder(name: str) -> Path:
    """The folder of the package musicnn, found and not imported: importing it would import TensorFlow.

    Raises:
        ModuleNotFoundError: it is not installed.
    """
    found = find_spec("musicnn")
    if found is None or found.origin is None:
        # The package names TensorFlow and an old librosa among its dependencies; its weights need neither.
        raise ModuleNotFoundError(
            f'"{name}" is in the package musicnn, which is not installed: pip install --no-deps musicnn==0.1.0, '
            "or give the folder of a model instead",
            name="musicnn",
        )
    return Path(found.origin).parent


def _variables(
    path: Path, tensors: Mapping[str, np.ndarray], layers: tuple[tuple[str, str], ...], module: MusicCNN | MusicVGG
) -> dict[str, Any]:
    """The module's variables, once the tensors are found to be those and no others."""
    import jax

    # 187 frames of 96 bands: what the widths of the checkpoint belong to.
    shapes = jax.eval_shape(lambda key: module.init(key, np.zeros((1, 96, 187), np.float32)), jax.random.key(0))
    variables: dict[str, Any] = {"params": {}, "batch_stats": {}}
    rest = dict(tensors)
    for theirs, ours in layers:
        for variable, (collection, name) in (NORM_NAMES if theirs.startswith("batch") else LAYER_NAMES).items():
            full = f"{theirs}/{variable}"
            if full not in rest:
                raise ValueError(f"{path}: tensor {full} is missing: no checkpoint of {type(module).__name__}")
            tensor, shape = rest.pop(full), shapes[collection][ours][name].shape
            if ours.startswith("midend") and variable == "kernel":
                # The checkpoint has the features on an image's axis, one input channel.
                tensor = tensor[:, :, 0] if tensor.ndim == 4 and tensor.shape[2] == 1 else tensor
            if tensor.shape != shape or tensor.dtype != np.float32:
                raise ValueError(f"{path}: tensor {full} is {tensor.dtype.name}{tensor.shape}, {ours} takes {shape}")
            if not np.isfinite(tensor).all():
                raise ValueError(f"{path}: tensor {full} holds NaN or infinite values")
            variables[collection].setdefault(ours, {})[name] = tensor
    if rest:
        raise ValueError(f"{path}: tensor {sorted(rest)[0]} is no part of {type(module).__name__}")
    return variables
