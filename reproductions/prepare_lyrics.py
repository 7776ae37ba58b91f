"""Gather the lyrics of a folder of clips, one text file each, in one table.

    python reproductions/prepare_lyrics.py FOLDER

reads FOLDER/lyrics/<id>.txt (UTF-8) and writes FOLDER/lyrics.csv with the columns id, filename and lyrics.

Source: the lyrics utility of "Hybrid Multimodal Music Clustering via Joint VAE", sections 3.1.3 and 7.3.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path

import tyro

from jaxmusic.data.clip_files import files_by_id
from jaxmusic.data.tables import read_text, write_table


@dataclass(frozen=True)
class Config:
    """Gather FOLDER/lyrics/<id>.txt in one table with the columns id, filename and lyrics."""

    folder: tyro.conf.Positional[Path]
    """Folder of clips: the one that holds lyrics/."""
    out: Path | None = None
    """Where the table goes; by default FOLDER/lyrics.csv."""
    force: bool = False
    """Replace a table that is already there."""


@dataclass(frozen=True)
class Counts:
    """What became of the text files."""

    written: int
    empty: int
    undecodable: int


def gather(config: Config) -> Counts:
    """Write the table, whole or not at all.

    Texts are NFC-normalised and stripped. An empty file gets a row without lyrics; a file that isn't UTF-8 is
    named on standard error and left out.

    Raises:
        FileNotFoundError: if there is no text file, or no folder for the table.
        FileExistsError: if the table exists and `force` is off.
        ValueError: if none of the files is UTF-8.
    """
    out = config.folder / "lyrics.csv" if config.out is None else config.out
    files = files_by_id(config.folder / "lyrics", (".txt",))
    if not files:
        raise FileNotFoundError(f"no lyrics: {config.folder / 'lyrics'} holds no .txt file")
    if not out.parent.is_dir():
        raise FileNotFoundError(f"no such folder: {out.parent}")
    if out.exists() and not config.force:
        raise FileExistsError(f"{out} exists: add --force to replace it, or --out for another file")
    rows = []
    for name, path in files.items():
        try:
            rows.append((name, path.name, read_text(path).strip()))
        except ValueError as error:
            print(f"left out: {error}", file=sys.stderr)
    if not rows:
        raise ValueError(f"none of {len(files)} files in {config.folder / 'lyrics'} is UTF-8")
    write_table(out, ("id", "filename", "lyrics"), rows)
    return Counts(len(rows), sum(not lyrics for _, _, lyrics in rows), len(files) - len(rows))


def main() -> None:
    config = tyro.cli(Config, description=__doc__)
    try:
        counts = gather(config)
    except (OSError, ValueError) as error:
        sys.exit(f"error: {error}")
    print(
        f"{counts.written} lyrics written, {counts.empty} of them empty; "
        f"{counts.undecodable} files left out (not UTF-8)"
    )


if __name__ == "__main__":
    main()
