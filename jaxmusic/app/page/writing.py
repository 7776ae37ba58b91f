"""A model and a folder of clips → the page."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from jaxmusic import data, evaluation, figures
from jaxmusic.app.cluster_names import cluster_names
from jaxmusic.app.model import ClipIndex, MusicModel
from jaxmusic.app.page.columns import column
from jaxmusic.app.page.document import Page, document, floats
from jaxmusic.app.page.sounds import check_preview, checked_root, links, previews
from jaxmusic.app.sentences import SentenceLyrics
from jaxmusic.app.unfinished import check_writable
from jaxmusic.audio import AUDIO_SUFFIXES
from jaxmusic.data.clip_files import files_by_id
from jaxmusic.report import write_atomically
from jaxmusic.text import detect_language

# Characters of one clip's lyrics on the page: ten times those of a long song.
_LONGEST_LYRICS = 20_000

# More numbers a clip than this make a page of ten thousand clips too large: 10,000 × 64 are 1.7 MB.
_WIDEST_SPACE = 64


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
    clusters: int = 8,
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
        clusters: K-means clusters to colour by, fewer where there are fewer clips.
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
    if clusters < 1:
        raise ValueError(f"clusters must be at least 1, got {clusters}")
    root, origin = checked_root(music_root)
    check_preview(preview_seconds)
    out = Path(out).expanduser()
    check_page(out)
    dataset = model.read(folder, cache=cache, progress=progress)
    index = model.index_of(dataset, cache=cache, progress=progress)
    if progress:
        print(f"placing {len(dataset)} clips (UMAP)", file=sys.stderr)
    base = Path(dataset.source["path"])
    sounds = files_by_id(base / "audio", AUDIO_SUFFIXES)
    short: Sequence[bytes] = ()
    if preview_seconds is not None:
        short = previews([sounds.get(str(name)) for name in index.ids], preview_seconds, progress=progress)
    urls = links(sounds, base, out, root)
    page = replace(
        _page(model, dataset, index, clusters),
        sounds=[urls.get(str(name), "") for name in index.ids],
        sound_origin=origin,
        previews=short,
    )
    content = document(page)
    write_atomically(out, content)
    known, present = set(model.index.ids.tolist()), set(index.ids.tolist())
    is_same = index.folder == model.index.folder
    dropped = [f"{entry['file']}: {entry['why']}" for entry in dataset.source["dropped"]]
    return Map(
        path=out,
        clips=len(dataset),
        removed=sorted(known - present) if is_same else [],
        added=sorted(present - known) if is_same else [],
        dropped=dropped,
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


def coordinates(places: np.ndarray, seed: int) -> np.ndarray:
    """`[n, 2]` in [0, 1], both axes on one scale: UMAP of four clips and more, a line below."""
    xy = figures.umap_coordinates(places, seed=seed) if len(places) > 3 else np.c_[np.arange(len(places)), places[:, 0]]
    span = np.ptp(xy, axis=0).max()
    return (xy - xy.min(0)) / (span if span > 0 else 1)


def _page(model: MusicModel, dataset: data.Dataset, index: ClipIndex, clusters: int) -> Page:
    """All but the sounds."""
    ids = [str(name) for name in index.ids]
    texts = [str(text) for text in dataset.modalities["lyrics"]]
    labels = {name: [str(value) for value in values] for name, values in dataset.labels.items()}
    assignment, names = _clusters(index.joint, min(clusters, len(ids)), model.settings.seed, labels, texts)
    columns = [column("cluster", [names[cluster] for cluster in assignment])]
    if "language" not in labels and any(texts):
        columns.append(column("language (detected)", [detect_language(text) if text else "" for text in texts]))
    # Titles have a place of their own, and a column named cluster does not hide the clusters.
    columns += [
        column("cluster (labels.csv)" if name == "cluster" else name, values)
        for name, values in labels.items()
        if name != "title" and any(values)
    ]
    none = [""] * len(ids)
    return Page(
        name=dataset.source["name"],
        ids=ids,
        titles=[title or name for title, name in zip(labels.get("title", ids), ids, strict=True)],
        artists=labels.get("artist", none),
        albums=labels.get("album", none),
        lyrics=[_shortened(text) for text in texts],
        sounds=none,
        places=coordinates(index.joint, model.settings.seed),
        columns=columns,
        clusters=assignment,
        cluster_names=names,
        space=_narrowed(index.joint),
        audio=index.audio,
        heard=index.has_audio,
        tower=_tower(model),
        unsearchable=_unsearchable(model),
    )


def _clusters(
    places: np.ndarray, n: int, seed: int, labels: dict[str, list[str]], texts: list[str]
) -> tuple[list[int], list[str]]:
    """Each clip's K-means cluster, the largest first, and the clusters' names."""
    # Clips that are all alike are one cluster.
    assignment = evaluation.kmeans(places, min(n, len(np.unique(places, axis=0))), seed=seed)
    order = {cluster: i for i, (cluster, _) in enumerate(Counter(assignment.tolist()).most_common())}
    numbers = [order[cluster] for cluster in assignment.tolist()]
    found = cluster_names(numbers, labels, texts)
    return numbers, [f"{i + 1} {found[i]}" if found[i] else f"cluster {i + 1}" for i in range(len(order))]


def _narrowed(vectors: np.ndarray) -> np.ndarray:
    """On the principal axes of wide vectors, uncentred: what keeps their cosines best."""
    if vectors.shape[1] <= _WIDEST_SPACE:
        return vectors
    unit = vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-12)
    axes = np.linalg.eigh(unit.T @ unit)[1][:, : -_WIDEST_SPACE - 1 : -1]
    return unit @ axes


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
