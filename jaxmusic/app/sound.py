"""A pretrained net of sound as one of a model's spaces."""

from __future__ import annotations

import importlib.util
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
from jaxtyping import Float

from jaxmusic import audio, models
from jaxmusic.app.settings import Settings
from jaxmusic.data.preprocessing import Standardizer, TemperedPCA, fit_standardizer, fit_tempered_pca

# What is taken where it is installed and nothing else is named.
_DEFAULT, _DEFAULT_PACKAGE = "musicnn-msd", "musicnn"
MAX_COMPONENTS = 64


def resolved(settings: Settings) -> str | None:
    """The net that `Settings.sound` means on this machine."""
    if settings.sound != "auto":
        return settings.sound
    return _DEFAULT if importlib.util.find_spec(_DEFAULT_PACKAGE) is not None else None


class Listener:
    """A pretrained net that opens on first use.

    Args:
        name: as `models.sound_network` takes it; a folder is kept by its full path.
        duration: seconds heard of each file.
        excerpts: parts that these are taken in.
        digest: of the net that a model was fitted with; another one is refused. None: any.
    """

    def __init__(self, name: str, *, duration: float, excerpts: int, digest: str | None = None) -> None:
        folder = Path(name).expanduser()
        self.name = str(folder.resolve()) if folder.is_dir() else name
        self.digest, self._duration, self._excerpts = digest, duration, excerpts
        self._encoder: audio.SoundEncoder | None = None

    def open(self, *, cache: str | Path | None = None, progress: bool = False) -> audio.SoundEncoder:
        """The net, loaded on the first call; `cache` and `progress` are those of that call.

        Raises:
            FileNotFoundError: it cannot be found.
            ValueError: it is another than the model was fitted with.
        """
        if self._encoder is None:
            try:
                encoder = audio.sound_encoder(
                    self.name,
                    network=models.sound_network,
                    duration=self._duration,
                    excerpts=self._excerpts,
                    cache=cache,
                    progress=progress,
                )
            except (FileNotFoundError, ModuleNotFoundError) as error:
                raise FileNotFoundError(f"the net of sound {self.name!r} cannot be found: {error}") from error
            if self.digest not in (None, encoder.digest):
                raise ValueError(
                    f"the net of sound {self.name!r} is not the one that the model was fitted with (its digest is "
                    f"{encoder.digest[:12]}, not {str(self.digest)[:12]}): fit the model again"
                )
            self.digest, self._encoder = encoder.digest, encoder
        return self._encoder

    def hear(
        self, paths: Sequence[Path | None], *, cache: str | Path | None = None, progress: bool = False
    ) -> tuple[Float[np.ndarray, "n width"], Float[np.ndarray, "n tags"], np.ndarray]:
        """Vectors and logits of the tags of each file, zeros where it can't be read or there is none, and which are."""
        encoder = self.open(cache=cache, progress=progress)
        vectors = np.zeros((len(paths), encoder.network.width), np.float32)
        logits = np.zeros((len(paths), len(encoder.tag_names)), np.float32)
        is_heard = np.zeros(len(paths), bool)
        rows = [row for row, path in enumerate(paths) if path is not None]
        if rows:
            found = encoder.features([path for path in paths if path is not None])
            at = np.array(rows)[found.rows]
            vectors[at], logits[at], is_heard[at] = found.mean, found.logits, True
        return vectors, logits, is_heard


class SoundView(NamedTuple):
    """A net's vectors on the principal components of the clips that were fitted.

    Attributes:
        listener: the net.
        tag_names: what its tags stand for.
        scaler: of its vectors.
        components: of the standardised ones.
    """

    listener: Listener
    tag_names: tuple[str, ...]
    scaler: Standardizer
    components: TemperedPCA

    def places(self, vectors: np.ndarray, is_heard: np.ndarray) -> Float[np.ndarray, "n d"]:
        """Vectors of the net → rows of the space, zeros where nothing was heard."""
        return np.where(is_heard[:, None], self.components(self.scaler(vectors)), 0).astype(np.float32)


def fit_sound_view(listener: Listener, vectors: Float[np.ndarray, "n width"]) -> SoundView:
    """Fit scaler and components on the vectors of the clips that were heard, two at least."""
    scaler = fit_standardizer(vectors)
    return SoundView(listener, listener.open().tag_names, scaler, fit_tempered_pca(scaler(vectors), MAX_COMPONENTS))
