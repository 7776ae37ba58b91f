"""A folder of music → the table of features that the common genre data sets come with."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from functools import partial
from pathlib import Path

import numpy as np

from jaxmusic.audio._extract import Extraction, extract
from jaxmusic.audio.summary import TABLE_COLUMNS, table_features
from jaxmusic.audio.tree import MusicTree, music_tree, sound_suffixes


def audio_files(folder: str | Path, *, follow_links: bool = False) -> list[Path]:
    """Audio files in a folder and all its subfolders, in the order of their paths: those of `music_tree`.

    Raises:
        FileNotFoundError: no such folder, or no audio file in it.
    """
    return list(some_files(music_tree(folder, follow_links=follow_links)).values())


def some_files(tree: MusicTree) -> dict[str, Path]:
    """The files of a tree.

    Raises:
        FileNotFoundError: there are none.
    """
    if not tree.files:
        why = "; ".join(["", *tree.notes])
        raise FileNotFoundError(f"{tree.root} holds no audio file: none ends with {', '.join(sound_suffixes())}{why}")
    return tree.files


def extract_table(
    paths: Sequence[str | Path],
    *,
    sr: int = 22_050,
    duration: float | None = None,
    n_jobs: int = -1,
    cache: str | Path | None = None,
    progress: bool = True,
) -> Extraction:
    """The 57 feature columns of files of any lengths.

    Args:
        paths: audio files.
        sr: sampling rate in Hz to convert to.
        duration: seconds of each file, from its start; None: all.
        n_jobs, cache, progress: see `extract`.

    Returns:
        `Extraction` with `[m, 57]` features in the order of `summary.TABLE_COLUMNS`, each row that of the clip alone.
    """
    return extract(
        paths,
        partial(table_features, sr=sr),
        sr=sr,
        duration=duration,
        with_lengths=True,
        n_jobs=n_jobs,
        cache=cache,
        progress=progress,
    )


def write_table(out: str | Path, folder: str | Path, paths: Sequence[Path], extraction: Extraction) -> None:
    """Write a table in the layout of `features_30_sec.csv`: filename, length in samples, 57 features, label.

    The label is the name of the subfolder that a file lies in, and empty for one in the folder itself. Files are named
    without their folder where that is unique, else by their path within it. The table appears whole or not at all.

    Args:
        out: the table's file; its folder is made.
        folder: what the paths lie in.
        paths: all files, of which the extraction has some.
        extraction: of `extract_table`.
    """
    out, folder = Path(out).expanduser(), Path(folder).expanduser()
    out.parent.mkdir(parents=True, exist_ok=True)
    inside = [path.relative_to(folder) for path in paths]
    is_unique = len({path.name for path in inside}) == len(inside)
    part = out.with_name(out.name + ".part")
    with part.open("w", newline="", encoding="utf-8") as file:
        table = csv.writer(file)
        table.writerow(["filename", "length", *TABLE_COLUMNS, "label"])
        features = extraction.features if extraction.features is not None else np.empty((0, len(TABLE_COLUMNS)))
        for row, values, length in zip(extraction.rows, features, extraction.lengths, strict=True):
            path = inside[row]
            name = path.name if is_unique else path.as_posix()
            # The shortest digits that read back as the same float32.
            table.writerow([name, int(length), *(str(value) for value in values), path.parent.name])
    part.replace(out)
