"""One's own music: fit a model to a folder of clips, keep it in a folder, map it, search it.

The names load on first use, so that `python -m jaxmusic --help` answers at once.
"""

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from jaxmusic.app.fitting import fit
    from jaxmusic.app.index import ClipIndex
    from jaxmusic.app.model import MusicModel
    from jaxmusic.app.model_folder import FORMAT_VERSION, load, save
    from jaxmusic.app.page import write_map
    from jaxmusic.app.settings import Settings

_PLACES = {
    "FORMAT_VERSION": "model_folder",
    "ClipIndex": "index",
    "MusicModel": "model",
    "Settings": "settings",
    "fit": "fitting",
    "load": "model_folder",
    "save": "model_folder",
    "write_map": "page",
}
__all__ = ["FORMAT_VERSION", "ClipIndex", "MusicModel", "Settings", "fit", "load", "save", "write_map"]


def __getattr__(name: str) -> Any:
    if name in _PLACES:
        return getattr(importlib.import_module(f"jaxmusic.app.{_PLACES[name]}"), name)
    raise AttributeError(f"module 'jaxmusic.app' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)
