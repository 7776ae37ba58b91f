"""What a page holds → one HTML document that needs no network and runs one script only."""

from __future__ import annotations

import base64
import gzip
import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from importlib.resources import files
from typing import Any

import numpy as np
from jaxtyping import Bool, Float

from jaxmusic.app.page.columns import Column

# Joined in this order. Each file declares functions and state; the last one starts them.
SCRIPTS = (
    "data.js",
    "view.js",
    "colours.js",
    "draw.js",
    "points.js",
    "search.js",
    "sound.js",
    "results.js",
    "journey.js",
    "player.js",
    "pointer.js",
    "keyboard.js",
    "address.js",
    "start.js",
)
_LARGEST_INTEGER = 2**15 - 1

# More numbers a clip than this make a page of ten thousand clips too large: 10,000 × 64 are 1.5 MB.
_WIDEST_SPACE = 64


@dataclass(frozen=True, eq=False)
class Page:
    """What a page shows; every list has one entry a clip.

    Attributes:
        name: of the library.
        ids: of the clips, no two the same.
        titles: of the clips.
        artists: "" where unknown.
        albums: "" where unknown.
        lyrics: "" where there are none.
        sounds: URLs of the sound files; "" where there is none.
        places: `[n, 2]` in [0, 1], both axes on one scale.
        columns: what the map is coloured by, and what is said of a clip.
        clusters: each clip's cluster, a position in `cluster_names`.
        cluster_names: written on the map.
        space: `[n, d]` vectors whose cosine says how much two clips are alike.
        audio: `[n, latent]` places of the sound alone, which words are compared with.
        heard: `[n]` whether a clip has sound.
        tower: words → the space of `audio`; None where no page can hold it.
        copies: row of an equal recording → row of the first of them, which lists show alone.
        likeness: how well `space` finds what belongs together, in words; "" where it was not measured.
        unsearchable: why there is no search by the sound of words; "" where there is one.
        previews: the sound itself as MP3; b"" where there is none; empty for a page without previews.
        sound_origin: origin that sounds are fetched from beside the page's own, such as https://music.example; "" for
            none.
    """

    name: str
    ids: Sequence[str]
    titles: Sequence[str]
    artists: Sequence[str]
    albums: Sequence[str]
    lyrics: Sequence[str]
    sounds: Sequence[str]
    places: Float[np.ndarray, "n 2"]
    columns: Sequence[Column]
    clusters: Sequence[int]
    cluster_names: Sequence[str]
    space: Float[np.ndarray, "n d"]
    audio: Float[np.ndarray, "n latent"]
    heard: Bool[np.ndarray, " n"]
    tower: Mapping[str, Any] | None
    unsearchable: str
    copies: Mapping[int, int] = field(default_factory=dict)
    likeness: str = ""
    previews: Sequence[bytes] = field(default=())
    sound_origin: str = ""


def document(page: Page) -> str:
    """The page's HTML.

    Everything from a file name, a label or a lyric is in compressed blocks without a < in them, and is set as text:
    none of it is ever markup. The only script and the only style sheet are named by their digests in the content
    security policy.
    """
    source = files("jaxmusic.app.page")
    template = source.joinpath("page.html").read_text(encoding="utf-8")
    script = "\n".join(source.joinpath("script", name).read_text(encoding="utf-8") for name in SCRIPTS)
    style = source.joinpath("page.css").read_text(encoding="utf-8")
    parts = {
        "@STYLE_DIGEST@": _digest(style),
        "@SCRIPT_DIGEST@": _digest(script),
        "@SOUND_ORIGIN@": f" {page.sound_origin}" if page.sound_origin else "",
        "@STYLE@": style,
        "@SCRIPT@": script,
        "@DATA@": _packed(_content(page)),
        "@LYRICS@": _packed(list(page.lyrics)),
        # MP3 does not get smaller by compression.
        "@PREVIEWS@": json.dumps([base64.b64encode(sound).decode() for sound in page.previews]),
    }
    for place, part in parts.items():
        before, after = template.split(place)
        template = before + part + after
    return template


def floats(array: Any) -> str:
    """Little-endian float32 as base64."""
    return base64.b64encode(np.ascontiguousarray(array, "<f4").tobytes()).decode()


def narrowed(vectors: Float[np.ndarray, "n d"], width: int = _WIDEST_SPACE) -> Float[np.ndarray, "n k"]:
    """Vectors of at most `width` numbers: wide ones on their principal axes, uncentred, which keep cosines best."""
    if vectors.shape[1] <= width:
        return vectors
    unit = vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-12)
    axes = np.linalg.eigh(unit.T @ unit)[1][:, : -width - 1 : -1]
    return unit @ axes


def _content(page: Page) -> dict[str, Any]:
    return {
        "name": page.name,
        "ids": list(page.ids),
        "titles": list(page.titles),
        "artists": list(page.artists),
        "albums": list(page.albums),
        "sounds": list(page.sounds),
        "places": floats(page.places),
        "columns": [column._asdict() for column in page.columns],
        "clusters": list(page.clusters),
        "clusterNames": list(page.cluster_names),
        "space": _directions(narrowed(page.space)),
        "audio": _directions(page.audio),
        "heard": np.flatnonzero(page.heard).tolist(),
        "tower": page.tower,
        "unsearchable": page.unsearchable,
        "copies": list(page.copies.items()),
        "likeness": page.likeness,
    }


def _directions(vectors: np.ndarray) -> dict[str, Any]:
    """Rows of unit length, or of zeros, as 16-bit integers: cosines to 1e-4 in half of float32's size."""
    rows = np.asarray(vectors, np.float64)
    norms = np.linalg.norm(rows, axis=1, keepdims=True)
    unit = np.divide(rows, norms, out=np.zeros_like(rows), where=norms > 0)
    values = np.round(unit * _LARGEST_INTEGER).astype("<i2")
    return {"width": rows.shape[1], "values": base64.b64encode(values.tobytes()).decode()}


def _packed(content: Any) -> str:
    """JSON, compressed, as text; lone surrogates of file names that are not UTF-8 become question marks."""
    text = json.dumps(content, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "replace")
    return as_text(gzip.compress(text, 9, mtime=0))


def as_text(content: bytes) -> str:
    """Bytes as characters of a script element, seven bits each: an eighth less than base64.

    What ends an element (<), and what is changed by parsers and files (null, both ends of a line), has 128 added.
    """
    bits = np.unpackbits(np.frombuffer(content, np.uint8))
    values = np.pad(bits, (0, -len(bits) % 7)).reshape(-1, 7) @ (1 << np.arange(6, -1, -1))
    codes = np.where(np.isin(values, [ord(character) for character in "\0\n\r<"]), values + 128, values)
    return codes.astype("<u4").tobytes().decode("utf-32-le")


def _digest(text: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"
