"""Which clips a name means, which lie near others, and which answer words."""

from __future__ import annotations

import difflib
import unicodedata
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from jaxmusic import text
from jaxmusic._arrays import unit_rows, whole
from jaxmusic.app.index import ClipIndex, folded_words
from jaxmusic.app.literal import Hit, literal_hits
from jaxmusic.data.tables import without_suffix

if TYPE_CHECKING:
    from jaxmusic.app.model import MusicModel


def row_of(index: ClipIndex, clip: str) -> int:
    """The row of a clip: see `MusicModel.row`."""
    # Systems hand names over in one Unicode form or another; ids have this one.
    name = unicodedata.normalize("NFC", clip)
    rows = np.flatnonzero(index.ids == name)
    if not len(rows):
        rows = _by_path(index, name)
    if not len(rows):
        rows = _by_title(index, name)
    if len(rows) == 1:
        return int(rows[0])
    if len(rows):
        raise ValueError(f"{len(rows)} clips are called {clip!r}: give the id of one: {_some(index, rows)}")
    known = [*index.ids.tolist(), *(str(title) for title in index.tags.get("title", ()) if title)]
    close = difflib.get_close_matches(name, known, 3)
    hint = f"did you mean {', '.join(map(repr, close))}?" if close else "give an id, a path or a title"
    raise ValueError(f"no clip {clip!r} among the {len(index.ids)} that were fitted: {hint}")


def like(
    model: MusicModel, clips: str | Sequence[str], n: int, *, unlike: str | Sequence[str] = ()
) -> list[tuple[str, float]]:
    """See `MusicModel.like`."""
    rows, away = ([model.row(clip) for clip in _listed(names)] for names in (clips, unlike))
    if not rows:
        raise ValueError("no clip given")
    query = direction(model, rows)
    if away:
        query = query - direction(model, away)
    return nearest(model, query, whole(n, "n"), without=[*rows, *away], is_joint=_is_joint(model, [*rows, *away]))


def direction(model: MusicModel, rows: Sequence[int], weights: np.ndarray | None = None) -> np.ndarray:
    """The middle of clips in the chosen space, each of length 1; in the joint one where some have no place there."""
    places = unit_rows(_space(model, _is_joint(model, rows))[list(rows)])
    return np.average(places, axis=0, weights=weights)


def nearest(
    model: MusicModel, query: np.ndarray, n: int, *, without: Sequence[int], is_joint: bool = False
) -> list[tuple[str, float]]:
    """The clips nearest to a place, by cosine; of equal recordings one, and none of those left out."""
    index, places = model.index, _space(model, is_joint)
    similarity = unit_rows(places) @ unit_rows(np.asarray(query, places.dtype)[None])[0]
    left_out = {int(index.copy_of[row]) for row in without}
    is_listed = (index.copy_of == np.arange(len(index.ids))) & places.any(axis=1)
    is_listed[list(left_out)] = False
    rows = np.flatnonzero(is_listed)
    best = rows[np.argsort(-similarity[rows], kind="stable")][:n]
    return [(str(index.ids[row]), float(similarity[row])) for row in best]


def search(model: MusicModel, query: str | Sequence[str], n: int) -> list[Hit]:
    """See `MusicModel.search`."""
    query = " ".join(_listed(query))
    whole(n, "n")
    if not text.words(query):
        raise ValueError(f"{query!r} has no word: give one at least")
    found = literal_hits(model.index, query, n)
    try:
        alike = sounds_like(model, query, n)
    except ValueError:
        if not found:
            raise
        alike = []
    return [*found, *(Hit(name, score, "sound") for name, score in alike)]


def sounds_like(model: MusicModel, query: str, n: int) -> list[tuple[str, float]]:
    """See `MusicModel.sounds_like`."""
    n, index = whole(n, "n"), model.index
    named = [] if model.sound is None else _named_tags(model.sound.tag_names, query)
    if named:
        logits = index.sound_tags
        deviation = logits.std(axis=0)
        scores = ((logits - logits.mean(axis=0)) / np.where(deviation > 0, deviation, 1))[:, named].mean(axis=1)
        allowed = logits.any(axis=1)
    else:
        scores = unit_rows(index.audio) @ unit_rows(model.encode_text(query)[None])[0]
        allowed = index.has_audio
    rows = np.flatnonzero(allowed & (index.copy_of == np.arange(len(index.ids))))
    best = rows[np.argsort(-scores[rows], kind="stable")][:n]
    return [(str(index.ids[row]), float(scores[row])) for row in best]


def _named_tags(tag_names: Sequence[str], query: str) -> list[int]:
    """Tags whose every word is in the query, where all of its words are of tags."""
    wanted = set(folded_words(query))
    named = [i for i, tag in enumerate(tag_names) if set(folded_words(tag)) <= wanted]
    covered = {word for i in named for word in folded_words(tag_names[i])}
    return named if covered == wanted else []


def _is_joint(model: MusicModel, rows: Sequence[int]) -> bool:
    """Whether clips without a place in the chosen space are compared in the joint one, in which all have one."""
    return not model.places()[list(rows)].any(axis=1).all()


def _space(model: MusicModel, is_joint: bool) -> np.ndarray:
    return model.index.joint if is_joint else model.places()


def _by_path(index: ClipIndex, name: str) -> np.ndarray:
    path = Path(name).expanduser()
    try:
        inside = path.absolute().resolve().relative_to(index.folder).as_posix()
    except (ValueError, OSError):
        inside = name
    files = np.array([unicodedata.normalize("NFC", str(file)) for file in index.files.path])
    rows = np.flatnonzero(files == unicodedata.normalize("NFC", inside))
    if not len(rows):
        stem = without_suffix(name)
        rows = np.flatnonzero(
            [stem in (without_suffix(own), without_suffix(own).rpartition("/")[2]) for own in index.ids]
        )
    return rows


def _by_title(index: ClipIndex, name: str) -> np.ndarray:
    """Clips of a title, or of artist and title; of equal recordings the first."""
    wanted = folded_words(name)
    titles = index.tags.get("title", np.full(len(index.ids), ""))
    artists = index.tags.get("artist", np.full(len(index.ids), ""))
    rows = [
        row
        for row, (title, artist) in enumerate(zip(titles, artists, strict=True))
        if title and wanted in (folded_words(str(title)), folded_words(f"{artist} {title}"))
    ]
    return np.unique(index.copy_of[rows]) if rows else np.array([], int)


def _listed(names: str | Sequence[str]) -> list[str]:
    return [names] if isinstance(names, str) else list(names)


def _some(index: ClipIndex, rows: np.ndarray) -> str:
    return ", ".join(str(name) for name in index.ids[rows[:5]]) + (", …" if len(rows) > 5 else "")
