"""`python -m jaxmusic`: fit, map, search, recommend."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated

import tyro

from jaxmusic.app.settings import Settings


@dataclass(frozen=True)
class Fit:
    """Fit a model to a folder of clips and keep it in a folder."""

    folder: tyro.conf.Positional[Path]
    """Folder with audio/ or mels/, and lyrics.csv or lyrics/, labels.csv where there are some."""
    out: Path = Path("music_model")
    """Folder for the model; one that lies there is replaced."""
    settings: Annotated[Settings, tyro.conf.arg(name="")] = field(default_factory=Settings)
    """Sizes and training."""
    cache: Path | None = None
    """Folder that keeps spectrograms, for a stopped run and for map."""
    quiet: bool = False
    """Show no progress bars."""


@dataclass(frozen=True)
class Map:
    """Draw the clips of a folder on one page for the browser."""

    model: tyro.conf.Positional[Path]
    """Folder of a fitted model."""
    folder: tyro.conf.Positional[Path]
    """Folder of clips."""
    out: Path = Path("map.html")
    """The page; it plays the clips from where they lie."""
    clusters: int = 8
    """K-means clusters to colour by."""
    cache: Path | None = None
    """Folder that keeps spectrograms."""
    quiet: bool = False
    """Show no progress bars."""


@dataclass(frozen=True)
class Search:
    """List the clips whose sound is nearest to words."""

    model: tyro.conf.Positional[Path]
    """Folder of a fitted model."""
    words: tyro.conf.Positional[str]
    """What to search for."""
    n: int = 10
    """Clips to list."""


@dataclass(frozen=True)
class Recommend:
    """List the clips nearest to some that are liked."""

    model: tyro.conf.Positional[Path]
    """Folder of a fitted model."""
    clips: tyro.conf.Positional[tuple[str, ...]]
    """Ids of liked clips: their files' names without suffix."""
    n: int = 10
    """Clips to list."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command; returns the exit status: 0, or 1 with one line on standard error that says what to mend."""
    command = tyro.cli(Fit | Map | Search | Recommend, args=arguments, prog="python -m jaxmusic")
    _keep_compiled_programs()
    try:
        match command:
            case Fit():
                _fit(command)
            case Map():
                _map(command)
            case Search():
                _search(command)
            case Recommend():
                _recommend(command)
    except (ValueError, OSError) as error:
        print(f"jaxmusic: {error}", file=sys.stderr)
        return 1
    return 0


def _fit(command: Fit) -> None:
    from jaxmusic.app.fitting import fit
    from jaxmusic.app.storage import check_place, save

    # Before the work, not after it.
    check_place(command.out)
    model = fit(command.folder, command.settings, cache=command.cache, progress=not command.quiet)
    save(model, command.out)
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
    from jaxmusic.app.page import write_map
    from jaxmusic.app.storage import load

    drawn = write_map(
        load(command.model), command.folder, command.out, clusters=command.clusters, cache=command.cache,
        progress=not command.quiet,
    )  # fmt: skip
    for reason in drawn.dropped:
        print(f"note: left out: {reason}")
    if drawn.removed:
        print(f"note: {len(drawn.removed)} clips of the fit are no longer in the folder: {_some(drawn.removed)}")
    if drawn.added:
        print(f"note: {len(drawn.added)} clips are new since the fit: {_some(drawn.added)}")
    print(f"{drawn.clips} clips → {drawn.path}")


def _search(command: Search) -> None:
    from jaxmusic.app.storage import load

    model = load(command.model)
    _list(model.index.folder, model.search(command.words, command.n))


def _recommend(command: Recommend) -> None:
    from jaxmusic.app.storage import load

    model = load(command.model)
    _list(model.index.folder, model.like(command.clips, command.n))


def _list(folder: str, found: Sequence[tuple[str, float]]) -> None:
    from jaxmusic.audio import AUDIO_SUFFIXES
    from jaxmusic.data.clip_folder import files_by_id

    files = files_by_id(Path(folder) / "audio", AUDIO_SUFFIXES) | files_by_id(Path(folder) / "mels", (".npy",))
    for place, (name, cosine) in enumerate(found, 1):
        gone = "" if name in files else "  (its file is no longer there)"
        print(f"{place:3d}  {cosine:+.3f}  {name}{gone}")


def _some(names: Sequence[str]) -> str:
    return ", ".join(names[:5]) + (", …" if len(names) > 5 else "")


def _keep_compiled_programs() -> None:
    """Compile once on this machine, not once a run."""
    import jax

    folder = Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache")) / "jaxmusic" / "jax"
    jax.config.update("jax_compilation_cache_dir", str(folder))
