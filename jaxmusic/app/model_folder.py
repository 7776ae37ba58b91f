"""A `MusicModel` in a folder: `config.json` and `model.safetensors`."""

from __future__ import annotations

import json
from dataclasses import asdict, fields, replace
from pathlib import Path
from typing import Any

import numpy as np

from jaxmusic.app import unfinished
from jaxmusic.app.checks import check_finite, check_values
from jaxmusic.app.fitting import make_module
from jaxmusic.app.index_files import CLIP_KEYS, index_entries, index_shapes, index_tensors, of_version_1, read_index
from jaxmusic.app.model import MusicModel
from jaxmusic.app.sentences import Embedder, SentenceLyrics
from jaxmusic.app.settings import Settings
from jaxmusic.app.sound import Listener, SoundView
from jaxmusic.app.spaces import SpaceScores
from jaxmusic.app.views import Views
from jaxmusic.audio._extract import MAX_DURATION
from jaxmusic.data.preprocessing import Standardizer, TemperedPCA
from jaxmusic.models.folders import CONFIG, WEIGHTS, FolderFormat, check_tensors, remains
from jaxmusic.text import TfidfPCA, words

FORMAT_VERSION = 2
_KEYS_OF_1 = frozenset(
    {
        "settings",
        "layout",
        "n_mels",
        "frames",
        "vocabulary",
        "lyrics_counts",
        "text_digest",
        "clips",
        "scores",
        "notes",
    }
)
_FORMAT = FolderFormat(
    kind="jaxmusic.app model",
    version=FORMAT_VERSION,
    keys=_KEYS_OF_1 | {"sound", "space", "space_scores", "cluster_names"},
    origin="make one with jaxmusic fit",
    fix="fit the model again",
)
_EARLIER = replace(_FORMAT, version=1, keys=_KEYS_OF_1)


def save(model: MusicModel, folder: str | Path) -> Path:
    """Write a model; a folder that holds something else is refused.

    Args:
        model: what to write. It holds the clips' ids, tags and places and the words of their lyrics, not the lyrics.
        folder: made if missing; a model that lies there is replaced.

    Returns:
        The folder.

    Raises:
        FileExistsError: the folder holds other files than a model's.
        OSError: it cannot be written.
    """
    folder = Path(folder).expanduser()
    check_place(folder)
    tfidf, sentences = _kinds(model.views.lyrics)
    config = {
        "settings": asdict(model.settings),
        "layout": model.layout,
        "n_mels": model.views.n_mels,
        "frames": model.views.frames,
        "vocabulary": None if tfidf is None else tfidf.vocabulary.tolist(),
        "lyrics_counts": None if tfidf is None else dict(tfidf.counts),
        "text_digest": None if sentences is None else sentences.embedder.digest,
        "clips": index_entries(model.index),
        "sound": None
        if model.sound is None
        else {"digest": model.sound.listener.digest, "tag_names": list(model.sound.tag_names)},
        "space": model.space,
        "space_scores": {"measure": model.space_scores.measure, "scores": dict(model.space_scores.scores)},
        "cluster_names": list(model.cluster_names),
        "scores": dict(model.scores),
        "notes": list(model.notes),
    }
    _FORMAT.write(folder, config, _tensors(model))
    return folder


def check_place(folder: Path) -> None:
    """Refuse a folder for a model that holds something else or cannot be written.

    Raises:
        FileExistsError: it holds something else, or it is a file.
        OSError: it cannot be written.
    """
    _FORMAT.check_place(folder)
    found = {path.name for path in folder.iterdir()} if folder.exists() else set()
    # An unfinished fit is deleted when its model is saved, so nothing else may lie there.
    if others := found - {CONFIG, WEIGHTS, unfinished.FOLDER, *remains(found)} | set(unfinished.foreign_files(folder)):
        raise FileExistsError(f"{folder} holds other files ({sorted(others)[0]}): name an empty or new folder")
    unfinished.check_writable(folder, "for the model")


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
    folder = Path(folder).expanduser()
    if _is_earlier(folder / CONFIG):
        config, tensors = of_version_1(*_EARLIER.read(folder))
    else:
        config, tensors = _FORMAT.read(folder)
    _FORMAT.check_keys(folder / CONFIG, "settings.", config["settings"], [field.name for field in fields(Settings)])
    _FORMAT.check_keys(folder / CONFIG, "clips.", config["clips"], CLIP_KEYS)
    check_values(folder / CONFIG, config)
    if text is not None and config["text_digest"] is None:
        raise ValueError(f"{folder} was fitted without a text encoder: leave --text (text=) away")
    return _model(config, tensors, folder, text)


def _is_earlier(path: Path) -> bool:
    """Whether a configuration is of version 1; what is damaged is for the reader of this version to say."""
    try:
        config = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        return False
    return isinstance(config, dict) and config.get("version") == 1


def _tensors(model: MusicModel) -> dict[str, np.ndarray]:
    from flax.traverse_util import flatten_dict

    views = model.views
    tensors = {
        "scaler/mean": views.scaler.mean,
        "scaler/scale": views.scaler.scale,
        "components/mean": views.components.mean,
        "components/components": views.components.components,
        "components/deviation": views.components.deviation,
    } | index_tensors(model.index)
    if model.sound is not None:
        tensors |= {f"sound/scaler_{name}": x for name, x in model.sound.scaler._asdict().items()}
        tensors |= {f"sound/{name}": x for name, x in model.sound.components._asdict().items()}
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
    frames, n_mels = config["frames"], config["n_mels"]
    variables = {k.removeprefix("variables/"): v for k, v in tensors.items() if k.startswith("variables/")}
    fixed = {k: v for k, v in tensors.items() if not k.startswith("variables/")}
    check_tensors(folder / WEIGHTS, fixed, _fixed_shapes(config, tensors), CONFIG, _FORMAT.fix)
    check_finite(folder / WEIGHTS, tensors)
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
    shapes = {name: leaf.shape for name, leaf in expected.items()}
    check_tensors(folder / WEIGHTS, variables, shapes, CONFIG, _FORMAT.fix)
    index = read_index(folder / WEIGHTS, config, tensors)
    return MusicModel(
        settings,
        config["layout"],
        views,
        module,
        unflatten_dict(variables, sep="/"),
        index,
        config["scores"],
        tuple(config["notes"]),
        _sound(config, tensors),
        config["space"],
        SpaceScores(**config["space_scores"]),
        tuple(config["cluster_names"]),
    )


def _fixed_shapes(config: dict[str, Any], tensors: dict[str, np.ndarray]) -> dict[str, tuple[int, ...]]:
    """Every tensor but the network's and its shape; two sizes are the data's own and taken from one tensor each."""
    features = tensors["scaler/mean"].size if "scaler/mean" in tensors else 0
    kept = tensors["components/deviation"].size if "components/deviation" in tensors else 0
    shapes: dict[str, tuple[int, ...]] = {
        "scaler/mean": (features,),
        "scaler/scale": (features,),
        "components/mean": (features,),
        "components/components": (kept, features),
        "components/deviation": (kept,),
    } | index_shapes(config, tensors)
    if config["sound"] is not None:
        shapes |= _pca_shapes("sound", tensors)
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
        shapes |= _pca_shapes("sentences", tensors)
    return shapes


def _pca_shapes(prefix: str, tensors: dict[str, np.ndarray]) -> dict[str, tuple[int, ...]]:
    """Of a scaler and principal components."""
    width = tensors[f"{prefix}/scaler_mean"].size if f"{prefix}/scaler_mean" in tensors else 0
    kept = tensors[f"{prefix}/deviation"].size if f"{prefix}/deviation" in tensors else 0
    shapes: dict[str, tuple[int, ...]] = {
        f"{prefix}/{name}": (width,) for name in ("scaler_mean", "scaler_scale", "mean")
    }
    return shapes | {f"{prefix}/components": (kept, width), f"{prefix}/deviation": (kept,)}


def _sound(config: dict[str, Any], tensors: dict[str, np.ndarray]) -> SoundView | None:
    if config["sound"] is None:
        return None
    settings = config["settings"]
    return SoundView(
        Listener(
            settings["sound"],
            duration=settings["duration"] or MAX_DURATION,
            excerpts=settings["excerpts"],
            digest=config["sound"]["digest"],
        ),
        tuple(config["sound"]["tag_names"]),
        Standardizer(*(tensors[f"sound/scaler_{name}"] for name in Standardizer._fields)),
        TemperedPCA(*(tensors[f"sound/{name}"] for name in TemperedPCA._fields)),
    )


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
