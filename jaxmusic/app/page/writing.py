"""A model and a folder of clips → the page."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from jaxmusic.app.index import ClipIndex
from jaxmusic.app.model import MusicModel
from jaxmusic.app.page.columns import column
from jaxmusic.app.page.document import Page, document, floats
from jaxmusic.app.page.sounds import check_preview, checked_root, links, previews
from jaxmusic.app.places import arranged, names_of
from jaxmusic.app.sentences import SentenceLyrics
from jaxmusic.app.surveying import Survey, survey
from jaxmusic.app.unfinished import check_writable
from jaxmusic.report import write_atomically
from jaxmusic.text import detect_language

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
        size: bytes of the page.
        preview_size: bytes of the previews among them.
    """

    path: Path
    clips: int
    removed: list[str]
    added: list[str]
    dropped: list[str]
    size: int
    preview_size: int


def write_map(
    model: MusicModel,
    folder: str | Path,
    out: str | Path,
    *,
    clusters: int | None = None,
    music_root: str | None = None,
    preview_seconds: float | None = None,
    cache: str | Path | None = None,
    progress: bool = False,
) -> Map:
    """Draw the clips of a folder on one self-contained page.

    The page plays the clips from where they lie, by paths relative to it, unless `music_root` says where they will lie;
    it holds the lyrics and, for TF-IDF lyrics, the model's lyrics tower, so that words are searched in the browser.
    Nothing from a file name, a label or a lyric becomes markup.

    Args:
        model: fitted on this folder or another.
        folder: the layout of `data.clips`; clips added since the fit are placed, too.
        out: the page to write.
        clusters: K-means clusters to colour by, fewer where there are fewer clips; None: those of the fit.
        music_root: where the page finds `folder`: a folder, absolute or as seen from the page, or an http(s) address.
        preview_seconds: seconds from the middle of each clip that the page holds itself; None for none.
        cache: folder with computed spectrograms and sentence embeddings.
        progress: show progress bars.

    Raises:
        FileNotFoundError: no such folder, no clips in it, or the model's text encoder cannot be found.
        ValueError: fewer than one cluster; a music root that is no folder and no http(s) address; previews of no
            seconds or of more than 60; spectrograms with another number of bands than the model's; another text encoder
            than the model's.
    """
    if clusters is not None and clusters < 1:
        raise ValueError(f"clusters must be at least 1, got {clusters}")
    root, origin = checked_root(music_root)
    check_preview(preview_seconds)
    out = Path(out).expanduser()
    check_page(out)
    found = survey(model, folder, cache=cache, progress=progress)
    dataset, index = found.texts, found.clips
    base = Path(dataset.source["path"])
    sounds = {
        str(name): base / path
        for name, path in zip(index.ids, index.files.path, strict=True)
        if path and not path.endswith(".npy")
    }
    short: Sequence[bytes] = ()
    if preview_seconds is not None:
        short = previews([sounds.get(str(name)) for name in index.ids], preview_seconds, progress=progress)
    urls = links(sounds, base, out, root)
    page = replace(
        _page(model, found, clusters),
        sounds=[urls.get(str(name), "") for name in index.ids],
        sound_origin=origin,
        previews=short,
    )
    content = document(page)
    write_atomically(out, content)
    is_same = index.folder == model.index.folder
    return Map(
        path=out,
        clips=len(dataset),
        removed=sorted({*found.removed, *found.moved} - set(index.ids.tolist())) if is_same else [],
        added=sorted({*found.added, *found.moved.values()}) if is_same else [],
        dropped=found.dropped,
        size=len(content.encode()),
        preview_size=sum(map(len, short)),
    )


def check_page(out: Path) -> None:
    """Refuse a page that cannot be written.

    Raises:
        OSError: it is a folder, or its folder cannot be written.
    """
    if out.is_dir():
        raise IsADirectoryError(f"{out} is a folder: name a file for the page, such as {out / 'map.html'}")
    check_writable(out.absolute().parent, "for the page")


def _page(model: MusicModel, found: Survey, clusters: int | None) -> Page:
    """All but the sounds."""
    dataset, index = found.texts, found.clips
    ids = [str(name) for name in index.ids]
    texts = [str(text) for text in dataset.modalities["lyrics"]]
    labels = {name: [str(value) for value in values] for name, values in dataset.labels.items()}
    names = found.cluster_names
    if clusters is not None:
        # Clusters of their own, at the places that the clips have.
        index = arranged(index, model.space, clusters, model.settings.seed)._replace(place=index.place)
        names = names_of(index, texts, model.tag_names)
    assignment = index.cluster.tolist()
    columns = [column("cluster", [names[cluster] for cluster in assignment])]
    if "language" not in labels and any(texts):
        columns.append(column("language (detected)", [detect_language(text) if text else "" for text in texts]))
    # Titles have a place of their own, and a column named cluster does not hide the clusters.
    columns += [
        column("cluster (labels.csv)" if name == "cluster" else name, values)
        for name, values in labels.items()
        if name != "title" and any(values)
    ]
    if index.seconds.any():
        columns.append(column("length in seconds", [f"{value:.0f}" if value > 0 else "" for value in index.seconds]))
    none = [""] * len(ids)
    return Page(
        name=dataset.source["name"],
        ids=ids,
        titles=[title or name for title, name in zip(labels.get("title", ids), ids, strict=True)],
        artists=labels.get("artist", none),
        albums=labels.get("album", none),
        lyrics=[_shortened(text) for text in texts],
        sounds=none,
        places=index.place,
        columns=columns,
        clusters=assignment,
        cluster_names=names,
        space=_answering(model, index),
        audio=index.audio,
        heard=index.has_audio,
        tower=_tower(model),
        unsearchable=_unsearchable(model),
        copies={row: int(first) for row, first in enumerate(index.copy_of) if first != row},
        likeness=model.space_scores.sentence(model.space),
    )


def _answering(model: MusicModel, index: ClipIndex) -> np.ndarray:
    """Vectors that answer "more like this": of the chosen space, or the joint one where some clips have no place."""
    places = model.places(index)
    return places if places.any(axis=1).all() else index.joint


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
        "idf": floats(lyrics.vectorizer.idf_),
        "components": floats(components),
        "centre": floats(lyrics.mean @ components),
        "layers": [
            {"kernel": floats(layer["kernel"]), "bias": floats(layer["bias"]), "out": len(layer["bias"])}
            for layer in layers
        ],
    }


def _unsearchable(model: MusicModel) -> str:
    """Why the page cannot say which clips sound like words; "" where it can."""
    if not model.knows_lyrics:
        return "The model was fitted without lyrics: words find titles and names only."
    if isinstance(model.views.lyrics, SentenceLyrics):
        return (
            "This model reads words with a pretrained text encoder, which no page can hold: here they find titles, "
            "names and lyrics, and on the command line sounds, too: "
            'python -m jaxmusic search MODEL "rain on my window"'
        )
    return ""


def _shortened(text: str) -> str:
    if len(text) <= _LONGEST_LYRICS:
        return text
    return f"{text[:_LONGEST_LYRICS]} … ({len(text) - _LONGEST_LYRICS:,} more characters are in the file)"
