"""`python -m jaxmusic.audio FOLDER --out features.csv`: the feature table of a folder of music."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path

from jaxmusic._programs import keep_compiled_programs


@dataclass(frozen=True)
class Options:
    """Compute the 57 features of the common genre tables for every audio file of a folder and its subfolders.

    One row a file, in the layout of `features_30_sec.csv`; files that cannot be read are listed at the end.
    """

    folder: Path
    """Folder of wav, flac, ogg and mp3 files; the name of a file's subfolder becomes its label."""
    out: Path = Path("features.csv")
    """The table to write."""
    sr: int = 22_050
    """Sampling rate in Hz that files are converted to."""
    duration: float = 600.0
    """Seconds read of each file, from its start."""
    jobs: int = -1
    """Files decoded at a time; -1 for one per core."""
    cache: Path | None = None
    """Folder that keeps each file's features, so that a stopped run goes on and a second one is quick."""
    quiet: bool = False
    """Show no progress bar."""


def main(arguments: list[str] | None = None) -> int:
    """Run the command; returns its exit status: 0, or 1 if no file could be read, 2 if there is none."""
    import tyro

    from jaxmusic.audio.table import audio_files, extract_table, write_table

    options = tyro.cli(tyro.conf.configure(tyro.conf.PositionalRequiredArgs)(Options), args=arguments)
    try:
        paths = audio_files(options.folder)
    except FileNotFoundError as error:
        print(error, file=sys.stderr)
        return 2
    keep_compiled_programs()
    extraction = extract_table(
        paths, sr=options.sr, duration=options.duration, n_jobs=options.jobs, cache=options.cache,
        progress=not options.quiet,
    )  # fmt: skip
    write_table(options.out, options.folder, paths, extraction)
    print(f"{len(extraction.rows)} of {len(paths)} files → {options.out}")
    cropped = int((extraction.lengths == round(options.duration * options.sr)).sum())
    if cropped:
        print(
            f"{cropped} files are {options.duration:g} s or longer: only their first {options.duration:g} s were read"
        )
    if extraction.skipped:
        print(f"{len(extraction.skipped)} files were skipped:", file=sys.stderr)
    for path, reason in extraction.skipped:
        print(f"  {path}: {reason}", file=sys.stderr)
    return 0 if len(extraction.rows) else 1


if __name__ == "__main__":
    sys.exit(main())
