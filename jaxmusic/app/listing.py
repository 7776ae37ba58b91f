"""Clips that were found, as people and programs want them: lines, paths, JSON, playlists."""

from __future__ import annotations

import io
import json
import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from jaxmusic._files import written_whole

if TYPE_CHECKING:
    from jaxmusic.app.index import ClipIndex


def lines(index: ClipIndex, found: Sequence[tuple[str, float]]) -> list[str]:
    """A numbered line for each clip: its score, what it is called, and its id."""
    row_of = {str(name): row for row, name in enumerate(index.ids)}
    told = []
    for place, (name, score) in enumerate(found, 1):
        title = index.title(row_of[name])
        called = f"{title}  " if title != name else ""
        gone = "" if _is_there(index, row_of[name]) else "  (its file is no longer there)"
        told.append(f"{place:3d}  {score:+.3f}  {called}{name}{gone}")
    return told


def entries(index: ClipIndex, found: Sequence[Sequence[Any]]) -> str:
    """A JSON array of objects: id, score, path, title and artist, and where words were found."""
    row_of = {str(name): row for row, name in enumerate(index.ids)}
    told = []
    for name, score, *where in found:
        row = row_of[name]
        entry = {"id": name, "score": round(float(score), 6), "path": str(path_of(index, row) or "")}
        entry |= {
            column: str(index.tags[column][row]) for column in ("title", "artist", "album") if column in index.tags
        }
        told.append(entry | ({"where": where[0]} if where else {}))
    return json.dumps(told, ensure_ascii=False, indent=1)


def paths(index: ClipIndex, names: Sequence[str]) -> list[str]:
    """The files of clips, those that have one."""
    row_of = {str(name): row for row, name in enumerate(index.ids)}
    return [str(path) for name in names if (path := path_of(index, row_of[name])) is not None]


def write_playlist(out: Path, index: ClipIndex, names: Sequence[str]) -> int:
    """Write a playlist in the extended M3U format, UTF-8, that players open.

    Args:
        out: its file; paths in it are relative to its folder where that lies in the library or the library below it, so
            that both may move together; else absolute.
        index: the clips.
        names: their ids.

    Returns:
        Clips in it: those that have a file.

    Raises:
        OSError: it cannot be written.
    """
    row_of = {str(name): row for row, name in enumerate(index.ids)}
    base, told = out.expanduser().absolute().parent, ["#EXTM3U"]
    is_together = base.is_relative_to(index.folder) or Path(index.folder).is_relative_to(base)
    for name in names:
        row = row_of[name]
        if (path := path_of(index, row)) is None:
            continue
        inside = os.path.relpath(path, base) if is_together else str(path)
        # A line is an entry: a name that breaks lines can't be in such a file.
        if "\n" in inside or "\r" in inside:
            continue
        title = " ".join(index.title(row).split())
        # A file's name must not be taken for a comment.
        told += [
            f"#EXTINF:{round(float(index.seconds[row])) or -1},{title}",
            f"./{inside}" if inside[0] == "#" else inside,
        ]
    with written_whole(out.expanduser()) as file:
        file.write(("\n".join(told) + "\n").encode("utf-8", "surrogateescape"))
    return len(told) // 2


def write_vectors(out: Path, index: ClipIndex, space: str) -> list[Path]:
    """Write clips' vectors and labels for other programs.

    Args:
        out: `.parquet`, one table with a column of vectors, as Embedding Atlas takes it (needs pyarrow); or `.tsv`:
            vectors there and labels in `<name>_metadata.tsv` beside it, as the TensorBoard projector takes them.
        index: the clips.
        space: one of `index.spaces`.

    Returns:
        The files.

    Raises:
        ValueError: another ending, an unknown space, or no pyarrow.
        OSError: they cannot be written.
    """
    import pandas as pd

    if space not in index.spaces:
        raise ValueError(f"{space!r} is no space of the model: it has {', '.join(index.spaces)}")
    out, vectors = out.expanduser(), index.spaces[space]
    labels = pd.DataFrame({"id": index.ids, "path": index.files.path, **index.tags, "cluster": index.cluster + 1})
    if out.suffix == ".parquet":
        labels = labels.assign(x=index.place[:, 0], y=index.place[:, 1], vector=list(vectors))
        buffer = io.BytesIO()
        try:
            labels.to_parquet(buffer)
        except ImportError as error:
            raise ValueError(
                f"{out}: pandas writes parquet with pyarrow: pip install pyarrow, or name a .tsv"
            ) from error
        with written_whole(out) as file:
            file.write(buffer.getvalue())
        return [out]
    if out.suffix != ".tsv":
        raise ValueError(f"{out}: name a file that ends with .tsv or .parquet")
    beside = out.with_name(f"{out.stem}_metadata.tsv")
    plain = labels.map(lambda value: " ".join(value.split()) if isinstance(value, str) else value)
    numbers = "".join("\t".join(f"{x:.6g}" for x in row) + "\n" for row in vectors)
    for path, content in ((out, numbers), (beside, plain.to_csv(sep="\t", index=False))):
        with written_whole(path) as file:
            file.write(content.encode("utf-8", "replace"))
    return [out, beside]


def path_of(index: ClipIndex, row: int) -> Path | None:
    """The file of a clip; None without."""
    return Path(index.folder, str(index.files.path[row])) if index.files.path[row] else None


def _is_there(index: ClipIndex, row: int) -> bool:
    path = path_of(index, row)
    # Of a model from an earlier version the files are not known, and clips of lyrics alone have none.
    return path is None or path.is_file()
