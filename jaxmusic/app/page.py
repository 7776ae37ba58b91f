"""The map of a folder of clips as one HTML page that needs no network."""

from __future__ import annotations

import base64
import hashlib
import json
import os
import sys
from collections import Counter
from importlib.resources import files
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import quote

import numpy as np

from jaxmusic import data, evaluation, figures
from jaxmusic.app.model import ClipIndex, MusicModel
from jaxmusic.app.sentences import SentenceLyrics
from jaxmusic.app.unfinished import check_writable
from jaxmusic.audio import AUDIO_SUFFIXES
from jaxmusic.data.clip_files import files_by_id
from jaxmusic.report import write_atomically
from jaxmusic.text import detect_language

# With more values than this, colours cannot be distinguished.
_MOST_VALUES = 30

# Characters of one clip's lyrics on the page: ten times those of a long song.
_LONGEST_LYRICS = 20_000


class Map(NamedTuple):
    """What was drawn.

    Attributes:
        path: of the page.
        clips: on it.
        removed: ids of clips that the model was fitted on and the folder no longer has.
        added: ids of clips that are new since the fit.
        dropped: file and reason of what could not be read.
    """

    path: Path
    clips: int
    removed: list[str]
    added: list[str]
    dropped: list[str]


def write_map(
    model: MusicModel,
    folder: str | Path,
    out: str | Path,
    *,
    clusters: int = 8,
    cache: str | Path | None = None,
    progress: bool = False,
) -> Map:
    """Draw the clips of a folder on one self-contained page.

    The page plays the clips from where they lie, by paths relative to it; it holds the lyrics and, for TF-IDF lyrics,
    the model's lyrics tower, so that words are searched in the browser. Nothing from a file name, a label or a lyric
    becomes markup.

    Args:
        model: fitted on this folder or another.
        folder: the layout of `data.clips`; clips added since the fit are placed, too.
        out: the page to write.
        clusters: K-means clusters to colour by, fewer where there are fewer clips.
        cache: folder with computed spectrograms and sentence embeddings.
        progress: show progress bars.

    Raises:
        FileNotFoundError: no such folder, no clips in it, or the model's text encoder cannot be found.
        ValueError: fewer than one cluster; spectrograms with another number of bands than the model's; another text
            encoder than the model's.
    """
    if clusters < 1:
        raise ValueError(f"clusters must be at least 1, got {clusters}")
    out = Path(out).expanduser()
    check_page(out)
    dataset = model.read(folder, cache=cache, progress=progress)
    index = model.index_of(dataset, cache=cache, progress=progress)
    if progress:
        print(f"placing {len(dataset)} clips (UMAP)", file=sys.stderr)
    content = _document(_payload(model, dataset, index, out, clusters))
    write_atomically(out, content)
    known, present = set(model.index.ids.tolist()), set(index.ids.tolist())
    is_same = index.folder == model.index.folder
    dropped = [f"{entry['file']}: {entry['why']}" for entry in dataset.source["dropped"]]
    removed = sorted(known - present) if is_same else []
    return Map(out, len(dataset), removed, sorted(present - known) if is_same else [], dropped)


def check_page(out: Path) -> None:
    """Refuse a page that cannot be written.

    Raises:
        OSError: it is a folder, or its folder cannot be written.
    """
    if out.is_dir():
        raise IsADirectoryError(f"{out} is a folder: name a file for the page, such as {out / 'map.html'}")
    check_writable(out.absolute().parent, "for the page")


def coordinates(places: np.ndarray, seed: int) -> np.ndarray:
    """`[n, 2]` in [0, 1]: UMAP of four clips and more, a line below."""
    xy = figures.umap_coordinates(places, seed=seed) if len(places) > 3 else np.c_[np.arange(len(places)), places[:, 0]]
    span = np.ptp(xy, axis=0)
    return (xy - xy.min(0)) / np.where(span > 0, span, 1)


def _payload(model: MusicModel, dataset: data.Dataset, index: ClipIndex, out: Path, clusters: int) -> dict[str, Any]:
    texts = [str(text) for text in dataset.modalities["lyrics"]]
    colors = {"cluster": _clusters(index.joint, min(clusters, len(index.ids)), model.settings.seed)}
    if "language" not in dataset.labels and any(texts):
        colors["language (detected)"] = [detect_language(text) if text else "" for text in texts]
    for column, values in dataset.labels.items():
        # A column of that name does not hide the clusters.
        name = f"{column} (labels.csv)" if column in colors else column
        if 2 <= len(Counter(values.tolist())) <= _MOST_VALUES:
            colors[name] = [str(value) for value in values]
    titles = dataset.labels.get("title", index.ids)
    artists = dataset.labels.get("artist", np.full(len(index.ids), ""))
    sounds = files_by_id(Path(dataset.source["path"]) / "audio", AUDIO_SUFFIXES)
    return {
        "name": dataset.source["name"],
        "clips": [
            {
                "id": str(name),
                "title": str(titles[row]) or str(name),
                "artist": str(artists[row]),
                "lyrics": _shortened(texts[row]),
                "sound": _link(sounds[name], out) if name in sounds else "",
                "place": xy,
                "heard": bool(index.has_audio[row]),
            }
            for row, (name, xy) in enumerate(
                zip(index.ids.tolist(), coordinates(index.joint, model.settings.seed).round(4).tolist(), strict=True)
            )
        ],
        "colors": colors,
        "latent": index.joint.shape[1],
        "joint": _floats(index.joint),
        "audio": _floats(index.audio),
        "tower": _tower(model),
        "unsearchable": _unsearchable(model),
    }


def _clusters(places: np.ndarray, n: int, seed: int) -> list[str]:
    """The name of each clip's K-means cluster; the largest is number 1."""
    # Clips that are all alike are one cluster.
    assignment = evaluation.kmeans(places, min(n, len(np.unique(places, axis=0))), seed=seed)
    order = [cluster for cluster, _ in Counter(assignment.tolist()).most_common()]
    return [f"cluster {order.index(cluster) + 1}" for cluster in assignment.tolist()]


def _tower(model: MusicModel) -> dict[str, Any] | None:
    """Words → q(z | lyrics): TF-IDF, principal components, and the encoder's layers; None where no page can do it."""
    lyrics = model.views.lyrics
    if lyrics is None or isinstance(lyrics, SentenceLyrics):
        return None
    encoder = model.variables["params"]["lyrics_encoder"]
    layers = [encoder[f"Dense_{i}"] for i in range(len(encoder))]
    # Transposed, so that the browser reads a word's numbers in one stretch; standardisation and centre folded in.
    components = (lyrics.components / lyrics.scale[:, None]).T
    return {
        "words": lyrics.vocabulary.tolist(),
        "idf": _floats(lyrics.vectorizer.idf_),
        "components": _floats(components),
        "centre": _floats(lyrics.mean @ components),
        "layers": [
            {"kernel": _floats(layer["kernel"]), "bias": _floats(layer["bias"]), "out": len(layer["bias"])}
            for layer in layers
        ],
    }


def _unsearchable(model: MusicModel) -> str:
    """Why the page has no search by words; "" where it has one."""
    if not model.knows_lyrics:
        return "The model was fitted without lyrics: there is no search by words."
    if isinstance(model.views.lyrics, SentenceLyrics):
        return (
            "This model reads words with a pretrained text encoder, which no page can hold. Search on the command "
            'line: python -m jaxmusic search MODEL "rain on my window"'
        )
    return ""


def _shortened(text: str) -> str:
    if len(text) <= _LONGEST_LYRICS:
        return text
    return f"{text[:_LONGEST_LYRICS]} … ({len(text) - _LONGEST_LYRICS:,} more characters are in the file)"


def _floats(array: np.ndarray) -> str:
    """Little-endian float32 as base64."""
    return base64.b64encode(np.ascontiguousarray(array, "<f4").tobytes()).decode()


def _link(path: Path, page: Path) -> str:
    """A URL of a file, relative to the page; every special character escaped."""
    try:
        relative = Path(os.path.relpath(path.resolve(), page.resolve().parent))
    except ValueError:  # another drive on Windows
        return path.resolve().as_uri()
    # A leading ./ keeps a name with a colon from reading as a scheme.
    return "./" + quote(relative.as_posix())


def _document(payload: dict[str, Any]) -> str:
    template = files("jaxmusic.app").joinpath("page.html").read_text(encoding="utf-8")
    script = files("jaxmusic.app").joinpath("page.js").read_text(encoding="utf-8")
    # Lone surrogates come from file names that are not UTF-8; no page can hold them.
    text = json.dumps(payload, ensure_ascii=False).encode("utf-8", "replace").decode("utf-8")
    for character in "<>&\u2028\u2029":
        text = text.replace(character, f"\\u{ord(character):04x}")
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    # The data last: nothing in it is taken for a place to fill.
    before, after = template.split("@DATA@")
    fill = lambda part: part.replace("@DIGEST@", digest).replace("@SCRIPT@", script)  # noqa: E731
    return fill(before) + text + fill(after)
