"""One's own music: fit a model to a folder of clips, keep it in a folder, map it, search it."""

from jaxmusic.app.fitting import fit
from jaxmusic.app.model import ClipIndex, MusicModel
from jaxmusic.app.page import write_map
from jaxmusic.app.settings import Settings
from jaxmusic.app.storage import FORMAT_VERSION, load, save

__all__ = ["FORMAT_VERSION", "ClipIndex", "MusicModel", "Settings", "fit", "load", "save", "write_map"]
