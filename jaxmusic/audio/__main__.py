"""`python -m jaxmusic.audio FOLDER --out features.csv`: the feature table of a folder of music."""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass
from pathlib import Path

from jaxmusic._interrupts import end_on_interrupt


@dataclass(frozen=True)
class Options:
    """Compute the 57 features of the common genre tables for every audio file of a folder and its subfolders.

    One row a file, in the layout of `features_30_sec.csv`; files that cannot be read are listed at the end.
    """

    folder: Path
    """Folder of music, in any subfolders; the name of a file's subfolder becomes its label."""
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
    follow_links: bool = False
    """Also read what links in the folder lead to outside of it."""
    quiet: bool = False
    """Show no progress bar."""


def main(arguments: list[str] | None = None) -> int:
    """Run the command; returns its exit status.

    0, or 1 if no file could be read, 2 for what the caller can fix (one line says what), 130 after Ctrl-C.
    """
    import tyro

    options = tyro.cli(tyro.conf.configure(tyro.conf.PositionalRequiredArgs)(Options), args=arguments)
    try:
        return _run(options)
    except KeyboardInterrupt:
        print("stopped", file=sys.stderr)
        return 130
    except BrokenPipeError:
        # Who read the output has gone; nothing may be written to it when the interpreter ends.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 141
    except (OSError, ValueError) as error:
        print(error, file=sys.stderr)
        return 2


def _run(options: Options) -> int:
    from jaxmusic._programs import keep_compiled_programs
    from jaxmusic.audio.io import check_sampling
    from jaxmusic.audio.table import extract_table, some_files, write_table
    from jaxmusic.audio.tree import music_tree

    check_sampling(options.sr, options.duration)
    out = options.out.expanduser()
    _check_place(out)
    tree = music_tree(options.folder, follow_links=options.follow_links)
    paths = list(some_files(tree).values())
    if out.exists() and any(path.samefile(out) for path in paths if path.exists()):
        raise ValueError(f"--out {out} is one of the files that are read: name another")
    keep_compiled_programs()
    extraction = extract_table(
        paths,
        sr=options.sr,
        duration=options.duration,
        n_jobs=options.jobs,
        cache=options.cache,
        progress=not options.quiet,
    )
    write_table(out, options.folder, paths, extraction)
    print(f"{len(extraction.rows)} of {len(paths)} files → {out}")
    cropped = int((extraction.lengths == round(options.duration * options.sr)).sum())
    if cropped:
        print(
            f"{cropped} files are {options.duration:g} s or longer: only their first {options.duration:g} s were read"
        )
    for note in tree.notes:
        print(f"note: {note}")
    if extraction.skipped:
        print(f"{len(extraction.skipped)} files were skipped:", file=sys.stderr)
    for path, reason in extraction.skipped:
        print(f"  {path}: {reason}", file=sys.stderr)
    sys.stdout.flush()
    return 0 if len(extraction.rows) else 1


def _check_place(out: Path) -> None:
    """Before the work that it should hold: a folder of that name, or one that may not be written to."""
    if out.is_dir():
        raise IsADirectoryError(f"--out {out} is a folder: name a file")
    parent = next(folder for folder in out.absolute().parents if folder.exists())
    if not parent.is_dir() or not os.access(parent, os.W_OK):
        raise PermissionError(f"--out {out}: {parent} is no folder that may be written to")


if __name__ == "__main__":
    end_on_interrupt("jaxmusic.audio: stopped; with --cache the same command goes on from here")
    sys.exit(main())
