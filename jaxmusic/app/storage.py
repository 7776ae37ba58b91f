"""A `MusicModel` in a folder: `config.json` and `model.safetensors`."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, fields
from pathlib import Path
from typing import Any

import numpy as np

from jaxmusic.app import work
from jaxmusic.app.checks import CONFIG, WEIGHTS, check_keys, check_tensors, check_values
from jaxmusic.app.fitting import make_module
from jaxmusic.app.model import ClipIndex, MusicModel
from jaxmusic.app.sentences import Embedder, SentenceLyrics
from jaxmusic.app.settings import Settings
from jaxmusic.app.views import Views
from jaxmusic.data.preprocessing import Standardizer, TemperedPCA
from jaxmusic.report import write_atomically
from jaxmusic.text import TfidfPCA, words

FORMAT_VERSION = 1
_KIND = "jaxmusic.app model"
_KEYS = {
    "kind", "version", "settings", "layout", "n_mels", "frames", "vocabulary", "lyrics_counts", "text_digest",
    "clips", "scores", "notes", "weights_sha256", "config_sha256",
}  # fmt: skip
_CLIP_KEYS = {"folder", "ids", "has_audio", "has_lyrics"}


def save(model: MusicModel, folder: str | Path) -> Path:
    """Write a model; a folder that holds something else is refused.

    Args:
        model: what to write. It holds the clips' ids and places and the words of their lyrics, not the lyrics.
        folder: made if missing; a model that lies there is replaced.

    Returns:
        The folder.

    Raises:
        FileExistsError: the folder holds other files than a model's.
        OSError: it cannot be written.
    """
    from safetensors.numpy import save as to_bytes

    folder = Path(folder)
    check_place(folder)
    index = model.index
    tfidf, sentences = _kinds(model.views.lyrics)
    content = to_bytes({name: np.ascontiguousarray(array) for name, array in _tensors(model).items()})
    config = {
        "kind": _KIND,
        "version": FORMAT_VERSION,
        "settings": asdict(model.settings),
        "layout": model.layout,
        "n_mels": model.views.n_mels,
        "frames": model.views.frames,
        "vocabulary": None if tfidf is None else tfidf.vocabulary.tolist(),
        "lyrics_counts": None if tfidf is None else dict(tfidf.counts),
        "text_digest": None if sentences is None else sentences.embedder.digest,
        "clips": {
            "folder": index.folder,
            "ids": index.ids.tolist(),
            "has_audio": index.has_audio.tolist(),
            "has_lyrics": index.has_lyrics.tolist(),
        },
        "scores": dict(model.scores),
        "notes": list(model.notes),
        "weights_sha256": hashlib.sha256(content).hexdigest(),
    }
    config["config_sha256"] = _digest(config)
    # The configuration last: an interruption between the two is seen by the weights' digest.
    write_atomically(folder / WEIGHTS, content)
    write_atomically(folder / CONFIG, json.dumps(config, indent=1) + "\n")
    return folder


def check_place(folder: Path) -> None:
    """Refuse a folder for a model that holds something else or cannot be written; clear what a cut-off write left.

    Raises:
        FileExistsError: it holds something else, or it is a file.
        OSError: it cannot be written.
    """
    if folder.exists() and not folder.is_dir():
        raise FileExistsError(f"{folder} is a file: name a folder for the model")
    found = [path.name for path in folder.iterdir()] if folder.exists() else []
    # A write that was cut off leaves a file with a point before its name.
    remains = [name for name in found if name.startswith((f".{CONFIG}.", f".{WEIGHTS}."))]
    # An unfinished fit is deleted when its model is saved, so nothing else may lie there.
    if others := set(found) - {CONFIG, WEIGHTS, work.FOLDER, *remains} | set(work.strangers(folder)):
        raise FileExistsError(f"{folder} holds other files ({sorted(others)[0]}): name an empty or new folder")
    config = folder / CONFIG
    if config.exists() and _KIND not in config.read_text(encoding="utf-8", errors="replace")[:200]:
        raise FileExistsError(f"{config} is of another program: name an empty or new folder")
    work.check_writable(folder, "for the model")
    for name in remains:
        (folder / name).unlink()


def load(folder: str | Path, *, text: str | None = None) -> MusicModel:
    """Read a model that `save` wrote.

    A pretrained text encoder is no part of it: it is opened where it lay at the fit, the first time that it is needed,
    and refused where it is another.

    Args:
        folder: of the model.
        text: where the text encoder lies now, if not there: as `Settings.text`.

    Raises:
        FileNotFoundError: the folder or a file of it is missing.
        ValueError: a newer version, a changed or damaged file, unknown or missing keys, a tensor that is missing,
            unexpected, of another shape or not finite; names the file, the key and the fix.
    """
    from safetensors import SafetensorError
    from safetensors.numpy import load as from_bytes

    folder = Path(folder)
    for name in (CONFIG, WEIGHTS):
        if not (folder / name).is_file():
            raise FileNotFoundError(f"{folder} is no model: it has no {name}; make one with python -m jaxmusic fit")
    config = _config(folder / CONFIG)
    content = (folder / WEIGHTS).read_bytes()
    try:
        tensors = from_bytes(content)
    except (SafetensorError, ValueError) as error:
        raise ValueError(f"{folder / WEIGHTS} is damaged: {error}; fit the model again") from error
    if text is not None and config["text_digest"] is None:
        raise ValueError(f"{folder} was fitted without a text encoder: leave --text (text=) away")
    model = _model(config, tensors, folder, text)
    if hashlib.sha256(content).hexdigest() != config["weights_sha256"]:
        raise ValueError(f"{folder / WEIGHTS} is not the one that {CONFIG} was saved with: fit the model again")
    return model


def _digest(config: dict[str, Any]) -> str:
    text = json.dumps({k: v for k, v in config.items() if k != "config_sha256"}, sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()


def _config(path: Path) -> dict[str, Any]:
    try:
        config = json.loads(path.read_text(encoding="utf-8"))
    except (ValueError, RecursionError) as error:
        raise ValueError(f"{path} is not JSON: {error}; fit the model again") from error
    if not isinstance(config, dict) or config.get("kind") != _KIND:
        raise ValueError(f"{path} is not of a model of jaxmusic: its 'kind' is not {_KIND!r}")
    if config.get("version") != FORMAT_VERSION:
        raise ValueError(
            f"{path} has version {config.get('version')!r} and this jaxmusic knows {FORMAT_VERSION}: "
            "install the jaxmusic that saved it, or fit the model again"
        )
    check_keys(path, "", config, _KEYS)
    check_keys(path, "settings.", config["settings"], {field.name for field in fields(Settings)})
    check_keys(path, "clips.", config["clips"], _CLIP_KEYS)
    check_values(path, config)
    if config["config_sha256"] != _digest(config):
        raise ValueError(f"{path} was changed after it was saved: restore it, or fit the model with other settings")
    return config


def _tensors(model: MusicModel) -> dict[str, np.ndarray]:
    from flax.traverse_util import flatten_dict

    views, index = model.views, model.index
    tensors = {
        "scaler/mean": views.scaler.mean,
        "scaler/scale": views.scaler.scale,
        "components/mean": views.components.mean,
        "components/components": views.components.components,
        "components/deviation": views.components.deviation,
        "index/audio": index.audio,
        "index/joint": index.joint,
    }
    tfidf, sentences = _kinds(views.lyrics)
    if tfidf is not None:
        tensors["lyrics/idf"] = tfidf.vectorizer.idf_
        for name in ("components", "mean", "scale", "explained_variance_ratio"):
            tensors[f"lyrics/{name}"] = getattr(tfidf, name)
    if sentences is not None:
        tensors |= {f"sentences/scaler_{name}": x for name, x in sentences.scaler._asdict().items()}
        tensors |= {f"sentences/{name}": x for name, x in sentences.components._asdict().items()}
    flat = flatten_dict(model.variables, sep="/")
    return tensors | {f"variables/{name}": np.asarray(value) for name, value in flat.items()}


def _kinds(lyrics: TfidfPCA | SentenceLyrics | None) -> tuple[TfidfPCA | None, SentenceLyrics | None]:
    """One of the two, or neither."""
    if isinstance(lyrics, SentenceLyrics):
        return None, lyrics
    return lyrics, None


def _model(config: dict[str, Any], tensors: dict[str, np.ndarray], folder: Path, text: str | None) -> MusicModel:
    import jax
    from flax.traverse_util import flatten_dict, unflatten_dict

    settings = Settings(**config["settings"])
    if config["text_digest"] is not None and settings.text is None:
        raise ValueError(f"{folder / CONFIG} has a text_digest and no settings.text: fit the model again")
    frames, n_mels, clips = config["frames"], config["n_mels"], config["clips"]
    shapes = _fixed_shapes(config, tensors)
    check_tensors(folder, {k: v for k, v in tensors.items() if not k.startswith("variables/")}, shapes)
    scaler = Standardizer(tensors["scaler/mean"], tensors["scaler/scale"])
    components = TemperedPCA(*(tensors[f"components/{name}"] for name in TemperedPCA._fields))
    lyrics = _tfidf(config, tensors) if config["text_digest"] is None else _sentences(config, tensors, text)
    views = Views(frames, n_mels, scaler, components, lyrics)
    module = make_module(settings, views)
    example = {
        "audio": np.zeros((1, len(components.components)), np.float32),
        "lyrics": np.zeros((1, views.lyrics_dim), np.float32),
    }
    keys = {"params": jax.random.key(0), "latent": jax.random.key(1)}
    expected = flatten_dict(jax.eval_shape(module.init, keys, example), sep="/")
    variables = {k.removeprefix("variables/"): v for k, v in tensors.items() if k.startswith("variables/")}
    check_tensors(folder, variables, {name: leaf.shape for name, leaf in expected.items()})
    index = ClipIndex(
        clips["folder"], np.array(clips["ids"], str), np.array(clips["has_audio"], bool),
        np.array(clips["has_lyrics"], bool), tensors["index/audio"], tensors["index/joint"],
    )  # fmt: skip
    return MusicModel(
        settings, config["layout"], views, module, unflatten_dict(variables, sep="/"), index, config["scores"],
        tuple(config["notes"]),
    )  # fmt: skip


def _fixed_shapes(config: dict[str, Any], tensors: dict[str, np.ndarray]) -> dict[str, tuple[int, ...]]:
    """Every tensor but the network's and its shape; two sizes are the data's own and taken from one tensor each."""
    latent, n = config["settings"]["latent"], len(config["clips"]["ids"])
    features = tensors["scaler/mean"].size if "scaler/mean" in tensors else 0
    kept = tensors["components/deviation"].size if "components/deviation" in tensors else 0
    shapes: dict[str, tuple[int, ...]] = {
        "scaler/mean": (features,),
        "scaler/scale": (features,),
        "components/mean": (features,),
        "components/components": (kept, features),
        "components/deviation": (kept,),
        "index/audio": (n, latent),
        "index/joint": (n, latent),
    }
    if config["vocabulary"] is not None:
        size, width = len(config["vocabulary"]), config["settings"]["lyrics_dim"]
        shapes |= {
            "lyrics/idf": (size,),
            "lyrics/components": (width, size),
            "lyrics/mean": (size,),
            "lyrics/scale": (width,),
            "lyrics/explained_variance_ratio": (width,),
        }
    if config["text_digest"] is not None:
        embedded = tensors["sentences/scaler_mean"].size if "sentences/scaler_mean" in tensors else 0
        kept = tensors["sentences/deviation"].size if "sentences/deviation" in tensors else 0
        shapes |= {f"sentences/{name}": (embedded,) for name in ("scaler_mean", "scaler_scale", "mean")}
        shapes |= {"sentences/components": (kept, embedded), "sentences/deviation": (kept,)}
    return shapes


def _tfidf(config: dict[str, Any], tensors: dict[str, np.ndarray]) -> TfidfPCA | None:
    if config["vocabulary"] is None:
        return None
    from sklearn.feature_extraction.text import TfidfVectorizer

    vectorizer = TfidfVectorizer(
        analyzer=words, vocabulary=config["vocabulary"], max_features=config["settings"]["max_features"]
    )
    vectorizer.idf_ = tensors["lyrics/idf"]
    return TfidfPCA(
        vectorizer=vectorizer,
        components=tensors["lyrics/components"],
        mean=tensors["lyrics/mean"],
        scale=tensors["lyrics/scale"],
        explained_variance_ratio=tensors["lyrics/explained_variance_ratio"],
        counts=config["lyrics_counts"],
    )


def _sentences(config: dict[str, Any], tensors: dict[str, np.ndarray], text: str | None) -> SentenceLyrics:
    settings = config["settings"]
    return SentenceLyrics(
        Embedder(text or settings["text"], prefix=settings["text_prefix"], digest=config["text_digest"]),
        Standardizer(*(tensors[f"sentences/scaler_{name}"] for name in Standardizer._fields)),
        TemperedPCA(*(tensors[f"sentences/{name}"] for name in TemperedPCA._fields)),
    )
