"""What the commands of `jaxmusic` take; light, so that `--help` answers at once."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated

import tyro

from jaxmusic.app.settings import Settings

_Model = Annotated[tyro.conf.Positional[Path], tyro.conf.arg(metavar="MODEL")]
_Clip = Annotated[tyro.conf.Positional[str], tyro.conf.arg(metavar="CLIP")]


@dataclass(frozen=True)
class Output:
    """How clips are listed."""

    n: int = 10
    """Clips to list."""
    paths: bool = False
    """Print the paths of their files and nothing else, for other programs."""
    json: bool = False
    """Print a JSON array and nothing else."""
    m3u: Path | None = None
    """Write them to a playlist, too."""


_Output = Annotated[Output, tyro.conf.arg(name="")]


@dataclass(frozen=True)
class Fit:
    """Fit a model to a folder of music and keep it in a folder; stopped and called again, it goes on where it was."""

    folder: Annotated[tyro.conf.Positional[Path], tyro.conf.arg(metavar="FOLDER")]
    """Folder of music in any subfolders; or one with audio/ or mels/, and lyrics.csv or lyrics/, labels.csv."""
    out: Path = Path("music_model")
    """Folder for the model; one that lies there is replaced."""
    settings: Annotated[Settings, tyro.conf.arg(name="")] = field(default_factory=Settings)
    """Sizes and training."""
    cache: Path | None = None
    """Folder that keeps spectrograms and embeddings for later fits and for map; by default they lie in the model's
    folder until the fit is done."""
    quiet: bool = False
    """Show no progress bars."""


@dataclass(frozen=True)
class Update:
    """Take over what is new, changed or gone in a library, without training; the rest keeps its place on the map."""

    model: _Model
    """Folder of a fitted model."""
    folder: Path | None = None
    """Where the library lies now; by default where it lay at the fit."""
    cache: Path | None = None
    """Folder that keeps spectrograms and embeddings."""
    quiet: bool = False
    """Show no progress bars."""


@dataclass(frozen=True)
class Map:
    """Draw the clips of a folder on one page for the browser."""

    model: _Model
    """Folder of a fitted model."""
    folder: Annotated[tyro.conf.Positional[Path], tyro.conf.arg(metavar="FOLDER")]
    """Folder of clips."""
    out: Path = Path("map.html")
    """The page; it plays the clips from where they lie."""
    clusters: int | None = None
    """K-means clusters to colour by; None: those of the fit."""
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
    """List the clips that hold words in title, artist, album or lyrics, then those whose sound is nearest to them."""

    model: _Model
    """Folder of a fitted model."""
    words: Annotated[tyro.conf.Positional[tuple[str, ...]], tyro.conf.arg(metavar="WORD [WORD ...]")]
    """What to search for, in any order."""
    output: _Output = field(default_factory=Output)
    """How to list."""
    text: str | None = None
    """Where the model's text encoder lies now, if it was moved since the fit."""


@dataclass(frozen=True)
class Recommend:
    """List the clips nearest to some that are liked."""

    model: _Model
    """Folder of a fitted model."""
    clips: Annotated[tyro.conf.Positional[tuple[str, ...]], tyro.conf.arg(metavar="CLIP [CLIP ...]")]
    """Liked clips: ids, paths of their files, or titles."""
    output: _Output = field(default_factory=Output)
    """How to list."""


@dataclass(frozen=True)
class Way:
    """List songs that lead from one to another, no jump larger than it must be."""

    model: _Model
    """Folder of a fitted model."""
    first: _Clip
    """Where it starts: id, path or title."""
    last: _Clip
    """Where it ends."""
    output: _Output = field(default_factory=Output)
    """How to list; all of the way is, whatever n."""


@dataclass(frozen=True)
class Mix:
    """List clips that are like some and unlike others."""

    model: _Model
    """Folder of a fitted model."""
    like: tyro.conf.UseAppendAction[tuple[str, ...]]
    """A clip to be near to: id, path or title; may be given several times."""
    unlike: tyro.conf.UseAppendAction[tuple[str, ...]] = ()
    """A clip to keep away from; may be given several times."""
    output: _Output = field(default_factory=Output)
    """How to list."""


@dataclass(frozen=True)
class Fingerprint:
    """List clips that are like what is played most."""

    model: _Model
    """Folder of a fitted model."""
    plays: Annotated[tyro.conf.Positional[Path], tyro.conf.arg(metavar="PLAYS")]
    """CSV table of plays: id, path, or title and artist; and plays. Without that column each row is one play."""
    output: _Output = field(default_factory=Output)
    """How to list."""


@dataclass(frozen=True)
class Playlists:
    """Write a playlist for each cluster."""

    model: _Model
    """Folder of a fitted model."""
    out: Path = Path("playlists")
    """Folder for them."""


@dataclass(frozen=True)
class Export:
    """Write vectors and labels for Embedding Atlas (.parquet) or the TensorBoard projector (.tsv)."""

    model: _Model
    """Folder of a fitted model."""
    out: Path = Path("vectors.tsv")
    """The file; labels lie beside a .tsv."""
    space: str | None = None
    """Space of the vectors: joint, components or sound; None: the model's choice."""


Command = (
    Fit
    | Update
    | Map
    | Search
    | Recommend
    | Annotated[Way, tyro.conf.subcommand("path")]
    | Mix
    | Fingerprint
    | Playlists
    | Export
)
