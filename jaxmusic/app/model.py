"""A fitted model: files and words → places in one space, and what lies near them."""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from jaxtyping import Float

from jaxmusic import data, training
from jaxmusic._arrays import of_size_one
from jaxmusic.app.sentences import SentenceLyrics
from jaxmusic.app.settings import Settings
from jaxmusic.app.views import Views
from jaxmusic.data.spectrograms import read_audio, read_mels
from jaxmusic.models import MultimodalVAE
from jaxmusic.recommend import recommend, top_items
from jaxmusic.text import words


class ClipIndex(NamedTuple):
    """Clips and where they lie.

    Attributes:
        folder: that they were read from.
        ids: `[n]` str.
        has_audio: `[n]` bool.
        has_lyrics: `[n]` bool: lyrics with a word that the model knows.
        audio: `[n, latent]` mean of q(z | audio); 0 without.
        joint: `[n, latent]` mean of q(z | all that the clip has).
    """

    folder: str
    ids: np.ndarray
    has_audio: np.ndarray
    has_lyrics: np.ndarray
    audio: np.ndarray
    joint: np.ndarray


@dataclass(frozen=True, eq=False)
class MusicModel:
    """A JointVAE with all that stands before it.

    Attributes:
        settings: what it was made from.
        layout: `"audio"` or `"mels"`, what it was fitted on and what it encodes.
        views: the fitted transforms.
        module: the JointVAE.
        variables: its parameters.
        index: the clips it was fitted on.
        scores: what the search finds of clips left out of training; empty where none were.
        notes: what happened on the way that a user should know.
    """

    settings: Settings
    layout: str
    views: Views
    module: MultimodalVAE
    variables: Mapping[str, Any]
    index: ClipIndex
    scores: Mapping[str, float]
    notes: Sequence[str] = ()

    @property
    def knows_lyrics(self) -> bool:
        """Whether it was fitted with lyrics."""
        return self.views.lyrics is not None

    def encode(
        self, files: Sequence[str | Path] | str | Path, lyrics: Sequence[str] | None = None
    ) -> Float[np.ndarray, "files latent"]:
        """Means of the joint posterior.

        Args:
            files: sound files (`.npy` spectrograms in dB where the model was fitted on such), or one.
            lyrics: of each file; "" for none.

        Returns:
            `[files, latent]` float32, the same for a file whatever else is encoded beside it, up to rounding.

        Raises:
            FileNotFoundError: a file is missing (all are named), or lyrics are given and the text encoder is not to be
                had.
            ValueError: no files, a file that can't be read (all are named, with the reason), another number of lyrics,
                spectrograms with another number of bands.
        """
        paths = [Path(files)] if isinstance(files, str | Path) else [Path(path) for path in files]
        if not paths:
            raise ValueError("no files given")
        if lyrics is not None and len(lyrics) != len(paths):
            raise ValueError(f"{len(lyrics)} lyrics for {len(paths)} files")
        mel, mask = self._spectrograms(paths)
        texts = [""] * len(paths) if lyrics is None else [str(text) for text in lyrics]
        return self.locate(mel, mask, np.ones(len(paths), bool), texts)[1]

    def encode_text(self, text: str) -> Float[np.ndarray, " latent"]:
        """Mean of q(z | words).

        Raises:
            FileNotFoundError: the text encoder cannot be found.
            ValueError: the model was fitted without lyrics, it knows none of the words, or the text encoder is another.
        """
        if not self.knows_lyrics:
            raise ValueError(
                "this model was fitted without lyrics, so words find nothing: add lyrics.csv or lyrics/<id>.txt to the "
                "folder and fit again"
            )
        if not words(text):
            raise ValueError(f"{text!r} has no word: give one at least")
        vectors, known = self.views.lyric_vectors([text])
        if not known[0]:
            raise ValueError(f"no lyrics of the clips that were fitted have a word of {text!r}: try other words")
        return self._posterior("lyrics", vectors)[0]

    def locate(
        self, mel: np.ndarray, mask: np.ndarray, has_audio: np.ndarray, texts: Sequence[str]
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Spectrograms and lyrics → `[n, latent]` audio means (0 without), joint means, `[n]` which lyrics counted."""
        audio = np.where(has_audio[:, None], self.views.audio_vectors(mel, mask), 0).astype(np.float32)
        lyrics, has_lyrics = self.views.lyric_vectors(list(texts))
        inputs, masks = {"audio": audio, "lyrics": lyrics}, {"audio": has_audio, "lyrics": has_lyrics}
        joint, _ = training.predict(self.module, self.variables, (inputs, masks), method="encode")
        means = np.where(has_audio[:, None], self._posterior("audio", audio), 0)
        return means, joint, has_lyrics

    def index_of(self, dataset: data.Dataset, *, cache: str | Path | None = None, progress: bool = False) -> ClipIndex:
        """Where the clips of a data set lie; `cache` and `progress` are for sentence embeddings.

        Raises:
            FileNotFoundError: the text encoder cannot be found.
            ValueError: it is of the other layout, or its spectrograms have another number of bands.
        """
        bands = dataset.modalities["audio"].shape[1]
        if dataset.source["audio"]["from"] != self.layout or bands != self.views.n_mels:
            raise ValueError(
                f"{dataset.source['path']} holds {dataset.source['audio']['from']}/ with {bands} bands, the model was "
                f"fitted on {self.layout}/ with {self.views.n_mels}: fit a model to this folder"
            )
        texts = [str(text) for text in dataset.modalities["lyrics"]]
        mel, mask = dataset.modalities["audio"], dataset.masks["frames"]
        has_audio = dataset.masks["audio"]
        if isinstance(self.views.lyrics, SentenceLyrics):
            self.views.lyrics.embedder.open(cache=cache, progress=progress)
        audio, joint, has_lyrics = self.locate(mel, mask, has_audio, texts)
        folder = str(Path(dataset.source["path"]).resolve())
        return ClipIndex(folder, dataset.ids, has_audio, has_lyrics, audio, joint)

    def read(self, folder: str | Path, *, cache: str | Path | None = None, progress: bool = False) -> data.Dataset:
        """A folder of clips as the model hears them."""
        return read_folder(folder, self.settings, cache=cache, progress=progress)

    def search(self, text: str, n: int = 10) -> list[tuple[str, float]]:
        """The fitted clips whose sound is nearest to words: (id, cosine), the best first.

        Raises:
            ValueError: as `encode_text`; `n` below 1.
        """
        return self._nearest(self.encode_text(text), self.index.audio, self.index.has_audio, n)

    def like(self, ids: Sequence[str], n: int = 10) -> list[tuple[str, float]]:
        """The fitted clips nearest to some of them: (id, cosine to the middle of theirs), themselves left out.

        Raises:
            TypeError: a string in the place of a list of ids.
            ValueError: an unknown id; none; `n` below 1.
        """
        if isinstance(ids, str):
            raise TypeError(f"ids is one string, {ids!r}: give a list, [{ids!r}]")
        rows = [self._row(name) for name in ids]
        if not rows:
            raise ValueError("no clip given")
        if n < 1:
            raise ValueError(f"n must be at least 1, got {n}")
        found = recommend(dict.fromkeys(rows, 1.0), self.index.joint, n)
        similarity = _cosine(self.index.joint[rows].mean(0), self.index.joint)
        return [(str(self.index.ids[row]), float(similarity[row])) for row in found]

    def _row(self, name: str) -> int:
        import difflib

        # Systems hand names over in one Unicode form or another; ids have this one.
        name = unicodedata.normalize("NFC", name)
        rows = np.flatnonzero(self.index.ids == name)
        if len(rows):
            return int(rows[0])
        close = difflib.get_close_matches(name, self.index.ids.tolist(), 3)
        hint = f"did you mean {', '.join(map(repr, close))}?" if close else "ids are the files' names without suffix"
        raise ValueError(f"no clip {name!r} among the {len(self.index.ids)} that were fitted: {hint}")

    def _nearest(self, query: np.ndarray, places: np.ndarray, allowed: np.ndarray, n: int) -> list[tuple[str, float]]:
        found = top_items(query[None], places, n, allowed=allowed, similarity="cosine")[0]
        similarity = _cosine(query, places)
        return [(str(self.index.ids[row]), float(similarity[row])) for row in found if row >= 0]

    def _posterior(self, name: str, vectors: np.ndarray) -> np.ndarray:
        return training.predict(self.module, self.variables, ({name: vectors},), method="posteriors")[name][0]

    def _spectrograms(self, paths: list[Path]) -> tuple[np.ndarray, np.ndarray]:
        # Positions as names: two folders may hold files of one name.
        files = {str(row): path for row, path in enumerate(paths)}
        if missing := [str(path) for path in paths if not path.is_file()]:
            raise FileNotFoundError(f"no such file: {', '.join(missing)}")
        if self.layout == "mels":
            found = read_mels(files, self.views.frames)
        else:
            found = read_audio(
                files,
                sr=self.settings.sr,
                n_fft=self.settings.n_fft,
                hop_length=self.settings.hop_length,
                n_mels=self.settings.n_mels,
                duration=self.settings.duration,
                n_jobs=-1,
                cache=None,
                progress=False,
            )
        if found.skipped:
            raise ValueError("; ".join(f"{name} can't be read: {why}" for name, why in found.skipped))
        if found.values.shape[1] != self.views.n_mels:
            raise ValueError(f"{paths[0]} has {found.values.shape[1]} mel bands, the model knows {self.views.n_mels}")
        return found.values, np.arange(found.values.shape[2]) < found.lengths[:, None]


def read_folder(
    folder: str | Path, settings: Settings, *, cache: str | Path | None = None, progress: bool = False
) -> data.Dataset:
    """A folder of clips at the settings' sizes; clips with neither sound nor lyrics are left out."""
    dataset = data.clips(
        folder,
        sr=settings.sr,
        n_fft=settings.n_fft,
        hop_length=settings.hop_length,
        n_mels=settings.n_mels,
        duration=settings.duration,
        cache=cache,
        progress=progress,
    )
    return dataset.take(np.flatnonzero(dataset.masks["audio"] | dataset.masks["lyrics"]))


def _cosine(query: np.ndarray, places: np.ndarray) -> np.ndarray:
    query, places = of_size_one(query), of_size_one(places, axis=1)
    norms = np.linalg.norm(places, axis=1) * np.linalg.norm(query)
    return places @ query / np.where(norms > 0, norms, 1)
