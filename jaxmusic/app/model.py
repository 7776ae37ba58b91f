"""A fitted model: files and words → places in one space, and what lies near them."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float

from jaxmusic import data, training
from jaxmusic.app import finding
from jaxmusic.app.index import ClipIndex
from jaxmusic.app.indexing import Heard, index_of
from jaxmusic.app.literal import Hit
from jaxmusic.app.sentences import SentenceLyrics
from jaxmusic.app.settings import Settings
from jaxmusic.app.sound import SoundView
from jaxmusic.app.spaces import SpaceScores
from jaxmusic.app.views import Views
from jaxmusic.data.clip_folder import SoundReading, read_clips
from jaxmusic.data.spectrograms import read_audio, read_mels
from jaxmusic.models import MultimodalVAE
from jaxmusic.text import words


@dataclass(frozen=True, eq=False)
class MusicModel:
    """A JointVAE with all that stands before it, and a library of clips.

    Attributes:
        settings: what it was made from.
        layout: `"audio"` or `"mels"`, what it was fitted on and what it encodes.
        views: the fitted transforms.
        module: the JointVAE.
        variables: its parameters.
        index: the clips.
        scores: what the search by words finds of clips left out of training; empty where none were.
        notes: what happened on the way that a user should know.
        sound: a pretrained net as a further space; None without.
        space: which of `index.spaces` answers "more like this", map and clusters.
        space_scores: how it was chosen.
        cluster_names: of the numbers in `index.cluster`.
    """

    settings: Settings
    layout: str
    views: Views
    module: MultimodalVAE
    variables: Mapping[str, Any]
    index: ClipIndex
    scores: Mapping[str, float]
    notes: Sequence[str] = ()
    sound: SoundView | None = None
    space: str = "joint"
    space_scores: SpaceScores = field(default_factory=lambda: SpaceScores("", {}))
    cluster_names: Sequence[str] = ()

    @property
    def knows_lyrics(self) -> bool:
        """Whether it was fitted with lyrics."""
        return self.views.lyrics is not None

    @property
    def tag_names(self) -> tuple[str, ...]:
        """What the columns of `index.sound_tags` stand for."""
        return () if self.sound is None else self.sound.tag_names

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
        return self.locate(self.views.audio_vectors(mel, mask), np.ones(len(paths), bool), texts)[1]

    def encode_text(self, text: str) -> Float[np.ndarray, " latent"]:
        """Mean of q(z | words).

        Raises:
            FileNotFoundError: the text encoder cannot be found.
            ValueError: the model was fitted without lyrics, it knows none of the words, or the text encoder is another.
        """
        if not self.knows_lyrics:
            raise ValueError(
                "this model was fitted without lyrics, so words find no sound: add lyrics.csv, lyrics/<id>.txt, or "
                ".lrc files beside the music, and fit again"
            )
        if not words(text):
            raise ValueError(f"{text!r} has no word: give one at least")
        vectors, known = self.views.lyric_vectors([text])
        if not known[0]:
            raise ValueError(f"no lyrics of the clips that were fitted have a word of {text!r}: try other words")
        return self._posterior("lyrics", vectors)[0]

    def locate(
        self, audio: np.ndarray, has_audio: np.ndarray, texts: Sequence[str]
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Audio vectors and lyrics → `[n, latent]` audio means (0 without), joint means, `[n]` which lyrics counted."""
        audio = np.where(has_audio[:, None], audio, 0).astype(np.float32)
        lyrics, has_lyrics = self.views.lyric_vectors(list(texts))
        inputs, masks = {"audio": audio, "lyrics": lyrics}, {"audio": has_audio, "lyrics": has_lyrics}
        joint, _ = training.predict(self.module, self.variables, (inputs, masks), method="encode")
        means = np.where(has_audio[:, None], self._posterior("audio", audio), 0)
        return means, joint, has_lyrics

    def index_of(
        self,
        dataset: data.Dataset,
        *,
        heard: Heard | None = None,
        cache: str | Path | None = None,
        progress: bool = False,
    ) -> ClipIndex:
        """Where the clips of a data set lie, but for their places on the map.

        Args:
            dataset: of `read`.
            heard: what the pretrained net found in its files; None: it listens now.
            cache: for sentence embeddings and the pretrained net.
            progress: show progress bars.

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
        if isinstance(self.views.lyrics, SentenceLyrics):
            self.views.lyrics.embedder.open(cache=cache, progress=progress)
        return index_of(self, dataset, heard=heard, cache=cache, progress=progress)

    def read(self, folder: str | Path, *, cache: str | Path | None = None, progress: bool = False) -> data.Dataset:
        """A folder of clips as the model hears them."""
        return read_folder(folder, self.settings, cache=cache, progress=progress)

    def places(self, index: ClipIndex | None = None) -> Float[np.ndarray, "n d"]:
        """Of the model's clips, or others, in the chosen space; zeros for a clip that has no place there."""
        return (self.index if index is None else index).spaces[self.space]

    def search(self, text: str | Sequence[str], n: int = 10) -> list[Hit]:
        """Clips that hold words, and then those that sound like them.

        Args:
            text: words, in one text or a list.
            n: of each kind, at most.

        Returns:
            `Hit`s: literal ones, the best first (their `where` says in title, artist, album or lyrics), then those
            whose `where` is `"sound"`, by `sounds_like`.

        Raises:
            FileNotFoundError: the text encoder cannot be found.
            ValueError: nothing is found, and the reason that the sound can't be searched; no word; `n` below 1.
        """
        return finding.search(self, text, n)

    def sounds_like(self, text: str, n: int = 10) -> list[tuple[str, float]]:
        """The clips whose sound is nearest to words: (id, score), the best first.

        Tags of the pretrained net that the words name are compared with what it heard, by their standard score; other
        words by their cosine in the space that sound and lyrics share.

        Raises:
            ValueError: as `encode_text`; `n` below 1.
        """
        return finding.sounds_like(self, text, n)

    def like(
        self, clips: str | Sequence[str], n: int = 10, *, unlike: str | Sequence[str] = ()
    ) -> list[tuple[str, float]]:
        """The clips nearest to some in the chosen space: (id, cosine to the middle of theirs), themselves left out.

        Args:
            clips: ids, paths or titles, or one.
            n: clips at most; of equal recordings one is listed.
            unlike: clips to keep away from: the middle of theirs is taken off.

        Raises:
            ValueError: an unknown clip, or a title of several; none; `n` below 1.
        """
        return finding.like(self, clips, n, unlike=unlike)

    def row(self, clip: str) -> int:
        """The row of a clip in the index, by its id, the path of its file, or its title.

        Raises:
            ValueError: none, or several; names them.
        """
        return finding.row_of(self.index, clip)

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
                excerpts=self.settings.excerpts,
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
    folder: str | Path,
    settings: Settings,
    *,
    only: Collection[str] | None = None,
    cache: str | Path | None = None,
    progress: bool = False,
) -> data.Dataset:
    """A folder of clips at the settings' sizes; clips with neither sound nor lyrics are left out."""
    reading = SoundReading(
        sr=settings.sr,
        n_fft=settings.n_fft,
        hop_length=settings.hop_length,
        n_mels=settings.n_mels,
        duration=settings.duration,
        excerpts=settings.excerpts,
        n_jobs=-1,
        cache=cache,
        progress=progress,
    )
    dataset = read_clips(folder, reading, only=only, follow_links=settings.follow_links)
    return dataset.take(np.flatnonzero(dataset.masks["audio"] | dataset.masks["lyrics"]))
