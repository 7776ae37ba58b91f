"""Names and folders of pretrained nets → what `audio.sound_encoder` runs."""

from __future__ import annotations

import os
import warnings
from importlib import metadata
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from jaxmusic.audio import musicnn_mel
from jaxmusic.audio.network_inputs import MUSICNN_FFT, MUSICNN_FRAMES, MUSICNN_HOP, MUSICNN_RATE
from jaxmusic.audio.sound_features import SoundNetwork
from jaxmusic.audio.windows import WindowForm
from jaxmusic.data._download import cache_folder
from jaxmusic.models.clap_weights import PretrainedClap, load_clap
from jaxmusic.models.folders import CONFIG
from jaxmusic.models.music_cnn import MusicCNN, MusicVGG
from jaxmusic.models.musicnn_weights import NETS, convert_musicnn, musicnn_folder
from jaxmusic.models.saving import load, save
from jaxmusic.text.hub import hub_folder, read_json

__all__ = ["sound_network"]

# Patches follow one another without overlap, each centred as if the whole sound's spectrogram were cut.
_MUSICNN_WINDOW = WindowForm(
    samples=(MUSICNN_FRAMES - 1) * MUSICNN_HOP + MUSICNN_FFT,
    hop=MUSICNN_FRAMES * MUSICNN_HOP,
    margin=MUSICNN_FFT // 2,
    # As in the training of the public weights.
    short="repeat",
)


def sound_network(name: str | os.PathLike[str], *, dtype: Any = None) -> SoundNetwork:
    """Open a pretrained net of sound.

    The checkpoints of the package musicnn are converted once and kept in the user's cache folder, as `models.save`
    writes them.

    Args:
        name: `"musicnn-msd"`, `"musicnn-mtt"`, `"musicnn-msd-vgg"`, `"musicnn-mtt-vgg"`; a folder in which
            `models.save` has put a `MusicCNN` or a `MusicVGG`; or a CLAP model, by its folder in the hub's layout or
            its name on the hub (`"laion/clap-htsat-unfused"`). A sound longer than CLAP's clip is cut into clips, and
            what is left is the end of one more; nothing is drawn, and views are not fused.
        dtype: of the activations, such as bfloat16; None: float32.

    Returns:
        `SoundNetwork`, for `audio.sound_encoder`.

    Raises:
        ModuleNotFoundError: the package musicnn is not installed; says the command.
        FileNotFoundError: no such folder, and the hub has no such model at hand.
        ValueError: a folder or a checkpoint that is damaged or of another model; names the file and the entry.
    """
    name = os.fspath(name)
    if name in NETS:
        return _musicnn(name, *_converted(name), dtype)
    try:
        folder = hub_folder(name)
    except FileNotFoundError as error:
        raise FileNotFoundError(f"{error}; nor is it one of {', '.join(NETS)}") from None
    kind = _kind(folder)
    if kind == "clap":
        return _clap(Path(name).resolve().name if Path(name).is_dir() else name, load_clap(folder, dtype=dtype))
    if kind == "jaxmusic.models module":
        module, variables = load(folder)
        if not isinstance(module, MusicCNN | MusicVGG):
            raise ValueError(f"{folder} holds a {type(module).__name__}: MusicCNN and MusicVGG take sound")
        return _musicnn(folder.resolve().name, module, variables, dtype)
    raise ValueError(f"{folder / CONFIG} is of {kind!r}, no net of sound: MusicCNN, MusicVGG and 'clap' are")


def _kind(folder: Path) -> Any:
    path = folder / CONFIG
    if not path.is_file():
        raise FileNotFoundError(f"{folder} has no {CONFIG}: give the folder of a net of sound")
    config = read_json(path)
    if not isinstance(config, dict):
        raise ValueError(f"{path} is no object of JSON")
    return config.get("kind", config.get("model_type"))


def _converted(name: str) -> tuple[MusicCNN | MusicVGG, Any]:
    """A net of the package, from the folder that it was converted to, or converted now."""
    musicnn_folder(name)
    folder = cache_folder().parent / "sound" / f"musicnn-{metadata.version('musicnn')}" / name
    if (folder / CONFIG).is_file():
        try:
            module, variables = load(folder)
        except ValueError as error:
            # What it was made from is at hand: a damaged copy is made again.
            warnings.warn(f"{name} is converted once more: {error}", stacklevel=3)
        else:
            if isinstance(module, MusicCNN | MusicVGG):
                return module, variables
    module, variables = convert_musicnn(name)
    try:
        save(folder, module, variables, inputs=(jax.ShapeDtypeStruct((1, 96, MUSICNN_FRAMES), np.float32),))
    except OSError as error:
        warnings.warn(f"{name} is converted anew each time, as {folder} can't be written: {error}", stacklevel=3)
    return module, variables


def _musicnn(name: str, module: MusicCNN | MusicVGG, variables: Any, dtype: Any) -> SoundNetwork:
    module = module.clone(dtype=dtype)

    def apply(variables: Any, y: jax.Array) -> tuple[jax.Array, jax.Array]:
        found: Any = module.apply(variables, musicnn_mel(y, center=False))
        return found.penultimate, found.logits

    shape = jax.ShapeDtypeStruct((1, _MUSICNN_WINDOW.samples), np.float32)
    embedding, _ = jax.eval_shape(apply, variables, shape)
    record = {
        "encoder": name,
        "architecture": type(module).__name__,
        "dtype": jnp.dtype(dtype or jnp.float32).name,
    }
    return SoundNetwork(
        apply, variables, MUSICNN_RATE, _MUSICNN_WINDOW, embedding.shape[-1], tuple(module.tags), record
    )


def _clap(name: str, pretrained: PretrainedClap) -> SoundNetwork:
    module, inputs = pretrained.module, pretrained.inputs

    def apply(variables: Any, y: jax.Array) -> tuple[jax.Array, jax.Array]:
        found: Any = module.apply(variables, inputs.mel(y)[:, None], method="embed_audio")
        return found, jnp.zeros((len(y), 0))

    record = {
        "encoder": name,
        "architecture": f"CLAP, {'fused' if inputs.is_fused else 'unfused'}",
        "input": repr(inputs),
        "dtype": jnp.dtype(module.dtype).name,
    }
    form = WindowForm(inputs.max_samples, inputs.max_samples, short=inputs.padding, keeps_rest=True)
    return SoundNetwork(
        apply,
        pretrained.variables,
        inputs.sampling_rate,
        form,
        module.config.projection_dim,
        (),
        record,
        pretrained.embed_text,
    )
