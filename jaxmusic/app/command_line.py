"""`python -m jaxmusic`: fit, map, search, recommend."""

from __future__ import annotations

import io
import logging
import os
import sqlite3
import sys
import warnings
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated

import tyro

from jaxmusic._programs import keep_compiled_programs
from jaxmusic.app.settings import Settings

_DESCRIPTION = """A model of your own music: fit one to a folder of clips, then map, search and recommend.

  python -m jaxmusic fit my_music --out my_model
  python -m jaxmusic map my_model my_music --out map.html
  python -m jaxmusic search my_model rain on my window
  python -m jaxmusic recommend my_model clip_17 clip_42"""


@dataclass(frozen=True)
class Fit:
    """Fit a model to a folder of clips and keep it in a folder; stopped and called again, it goes on where it was."""

    folder: Annotated[tyro.conf.Positional[Path], tyro.conf.arg(metavar="FOLDER")]
    """Folder with audio/ or mels/, and lyrics.csv or lyrics/, labels.csv where there are some."""
    out: Path = Path("music_model")
    """Folder for the model; one that lies there is replaced."""
    settings: Annotated[Settings, tyro.conf.arg(name="")] = field(default_factory=Settings)
    """Sizes and training."""
    cache: Path | None = None
    """Folder that keeps spectrograms and sentence embeddings for later fits and for map; by default they lie in the
    model's folder until the fit is done."""
    quiet: bool = False
    """Show no progress bars."""


@dataclass(frozen=True)
class Map:
    """Draw the clips of a folder on one page for the browser."""

    model: Annotated[tyro.conf.Positional[Path], tyro.conf.arg(metavar="MODEL")]
    """Folder of a fitted model."""
    folder: Annotated[tyro.conf.Positional[Path], tyro.conf.arg(metavar="FOLDER")]
    """Folder of clips."""
    out: Path = Path("map.html")
    """The page; it plays the clips from where they lie."""
    clusters: int = 8
    """K-means clusters to colour by."""
    music_root: str | None = None
    """Where the page finds FOLDER once it has travelled: a folder, absolute or as seen from the page, or an http(s)
    address; by default the folder where it lies now, as seen from the page."""
    embed_previews: float | None = None
    """Seconds from the middle of each clip that the page holds itself, so that it can be heard anywhere; a preview of
    10 s takes about 50 kB."""
    cache: Path | None = None
    """Folder that keeps spectrograms and sentence embeddings."""
    text: str | None = None
    """Where the model's text encoder lies now, if it was moved since the fit."""
    quiet: bool = False
    """Show no progress bars."""


@dataclass(frozen=True)
class Search:
    """List the clips whose sound is nearest to words."""

    model: Annotated[tyro.conf.Positional[Path], tyro.conf.arg(metavar="MODEL")]
    """Folder of a fitted model."""
    words: Annotated[tyro.conf.Positional[tuple[str, ...]], tyro.conf.arg(metavar="WORD [WORD ...]")]
    """What to search for, in any order."""
    n: int = 10
    """Clips to list."""
    text: str | None = None
    """Where the model's text encoder lies now, if it was moved since the fit."""


@dataclass(frozen=True)
class Recommend:
    """List the clips nearest to some that are liked."""

    model: Annotated[tyro.conf.Positional[Path], tyro.conf.arg(metavar="MODEL")]
    """Folder of a fitted model."""
    clips: Annotated[tyro.conf.Positional[tuple[str, ...]], tyro.conf.arg(metavar="CLIP [CLIP ...]")]
    """Ids of liked clips: their files' names without suffix."""
    n: int = 10
    """Clips to list."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command; the exit status is 0, 1 with one line on standard error that says what to fix, 130 if stopped.

    Where nobody reads what is printed any longer, as behind `| head`, it is 141.
    """
    # A write that fails is reported in one line; Orbax would log a thousand before it.
    logging.getLogger("absl").setLevel(logging.CRITICAL)
    # Of no use to anyone who has just stopped a command.
    warnings.filterwarnings("ignore", message=r".*tasks have been successfully executed")
    for stream in (sys.stdout, sys.stderr):
        # A name that the console's encoding lacks is written with escapes, and no reason to end.
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
    command: Fit | Map | Search | Recommend | None = None
    try:
        command = tyro.cli(
            Fit | Map | Search | Recommend, args=arguments, prog="python -m jaxmusic", description=_DESCRIPTION
        )
        keep_compiled_programs()
        with warnings.catch_warnings():
            warnings.showwarning = lambda message, *_, **__: _note(message)
            _run(command)
        sys.stdout.flush()
    except KeyboardInterrupt:
        goes_on = "; the same command goes on from here" if isinstance(command, Fit) else ""
        print(f"jaxmusic: stopped{goes_on}", file=sys.stderr)
        return 130
    except sqlite3.Error as error:
        print(f"jaxmusic: the cache of sentence embeddings cannot be used: {error}", file=sys.stderr)
        return 1
    except (ValueError, OSError, FloatingPointError) as error:
        if isinstance(error, BrokenPipeError) and _is_unread():
            return 141
        print(f"jaxmusic: {error}", file=sys.stderr)
        return 1
    return 0


def _is_unread() -> bool:
    """Whether standard output has no reader; Python's own flush at the end then says nothing of it, either."""
    try:
        # What could not be written is forgotten by now: a flush alone would be content.
        print(flush=True)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return True
    return False


def _note(message: Warning | str) -> None:
    """Say what a library warns of; above the progress bar, not in it."""
    from tqdm import tqdm

    tqdm.write(f"jaxmusic: note: {message}", file=sys.stderr)


def _run(command: Fit | Map | Search | Recommend) -> None:
    match command:
        case Fit():
            _fit(command)
        case Map():
            _map(command)
        case Search():
            _search(command)
        case Recommend():
            _recommend(command)


def _fit(command: Fit) -> None:
    from jaxmusic.app import unfinished
    from jaxmusic.app.fitting import fit
    from jaxmusic.app.model_folder import check_place, save

    # Before the work, not after it.
    check_place(command.out)
    work = command.out / unfinished.FOLDER
    if work.is_dir():
        print(f"a fit to {command.out} was stopped before: what it computed is used for the same clips and settings")
    model = fit(command.folder, command.settings, cache=command.cache, work=work, progress=not command.quiet)
    save(model, command.out)
    unfinished.remove(command.out)
    for note in model.notes:
        print(f"note: {note}")
    index = model.index
    counts = f"{index.has_audio.sum()} with sound, {index.has_lyrics.sum()} with lyrics"
    print(f"{len(index.ids)} clips ({counts}) → {command.out}")
    if scores := model.scores:
        print(
            f"search by lyrics among {scores['pairs']:.0f} clips that training did not see: "
            f"recall@10 {scores['recall@10']:.3f} (chance {scores['chance/recall@10']:.3f}), "
            f"MRR {scores['mrr']:.3f} (chance {scores['chance/mrr']:.3f})"
        )


def _map(command: Map) -> None:
    from jaxmusic.app.model_folder import load
    from jaxmusic.app.page import write_map

    keep_compiled_umap()
    drawn = write_map(
        load(command.model, text=command.text),
        command.folder,
        command.out,
        clusters=command.clusters,
        music_root=command.music_root,
        preview_seconds=command.embed_previews,
        cache=command.cache,
        progress=not command.quiet,
    )
    for reason in drawn.dropped:
        print(f"note: left out: {reason}")
    if drawn.removed:
        print(f"note: {len(drawn.removed)} clips of the fit are no longer in the folder: {_some(drawn.removed)}")
    if drawn.added:
        print(f"note: {len(drawn.added)} clips are new since the fit: {_some(drawn.added)}")
    previews = f", {drawn.preview_size / 1e6:.1f} MB of previews in it" if drawn.preview_size else ""
    print(f"{drawn.clips} clips → {drawn.path} ({drawn.size / 1e6:.1f} MB{previews})")


def _search(command: Search) -> None:
    from jaxmusic.app.model_folder import load

    model = load(command.model, text=command.text)
    _list(model.index.folder, model.search(" ".join(command.words), command.n))


def _recommend(command: Recommend) -> None:
    from jaxmusic.app.model_folder import load

    model = load(command.model)
    _list(model.index.folder, model.like(command.clips, command.n))


def _list(folder: str, found: Sequence[tuple[str, float]]) -> None:
    from jaxmusic.audio import AUDIO_SUFFIXES
    from jaxmusic.data.clip_files import files_by_id

    files = files_by_id(Path(folder) / "audio", AUDIO_SUFFIXES) | files_by_id(Path(folder) / "mels", (".npy",))
    for place, (name, cosine) in enumerate(found, 1):
        gone = "" if name in files else "  (its file is no longer there)"
        print(f"{place:3d}  {cosine:+.3f}  {name}{gone}")


def _some(names: Sequence[str]) -> str:
    return ", ".join(names[:5]) + (", …" if len(names) > 5 else "")


def keep_compiled_umap() -> None:
    """The same for UMAP, most of whose time on a few thousand clips is compilation; Numba says where it is kept."""
    import umap.layouts
    import umap.umap_
    import umap.utils
    from numba.core.dispatcher import Dispatcher

    for module in (umap.umap_, umap.utils, umap.layouts):
        for function in list(vars(module).values()):
            if isinstance(function, Dispatcher) and function.py_func.__module__ == module.__name__:
                try:
                    function.enable_caching()
                except RuntimeError:  # no place to write to: it compiles every time, as it does without this
                    return
