"""Lyrics as sentence embeddings: a pretrained encoder's vectors on their principal components."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import Bool, Float

from jaxmusic import models
from jaxmusic.data.preprocessing import Standardizer, TemperedPCA, fit_standardizer, fit_tempered_pca
from jaxmusic.text import SentenceEncoder, sentence_encoder, words

# Of the largest component's spread; what is below is rounding error.
_NEGLIGIBLE = 1e-4


class Embedder:
    """A pretrained text encoder that opens on first use and remembers what it embedded.

    Args:
        name: as `text.sentence_encoder` takes it; a folder is kept by its full path.
        prefix: put before every text.
        digest: of the encoder that a model was fitted with; another one is refused. None: any.

    Attributes:
        name, prefix, digest: the above; `digest` is the encoder's own once it is open.
    """

    def __init__(self, name: str, *, prefix: str = "", digest: str | None = None) -> None:
        folder = Path(name).expanduser()
        self.name = str(folder.resolve()) if folder.is_dir() else name
        self.prefix, self.digest = prefix, digest
        self._encoder: SentenceEncoder | None = None
        self._vectors: dict[str, np.ndarray] = {}

    def open(self, *, cache: str | Path | None = None, progress: bool = False) -> SentenceEncoder:
        """The encoder, loaded on the first call; `cache` and `progress` are those of that call.

        Raises:
            FileNotFoundError: it cannot be found.
            ValueError: it is another than the model was fitted with, or no sentence encoder.
        """
        if self._encoder is not None:
            return self._encoder
        if self.name == "lsa":
            raise ValueError("--text lsa is no pretrained encoder: leave --text away for TF-IDF lyrics")
        try:
            encoder = sentence_encoder(
                self.name,
                transformer=models.TextTransformer,
                prefix=self.prefix or None,
                cache=cache,
                progress="lyrics" if progress else None,
            )
        except (FileNotFoundError, ModuleNotFoundError) as error:
            before = "" if self.digest is None else " that the model was fitted with"
            raise FileNotFoundError(
                f"the text encoder {self.name!r}{before} cannot be found: {error}; "
                "say where it is with --text (text= in Python)"
            ) from error
        if self.digest not in (None, encoder.digest):
            raise ValueError(
                f"the text encoder {self.name!r} is not the one that the model was fitted with: weights, tokenizer and "
                f"options have the digest {str(encoder.digest)[:12]}, those of the fit had {str(self.digest)[:12]}; "
                "give that one with --text (text= in Python), or fit the model again"
            )
        self.digest, self._encoder = encoder.digest, encoder
        return encoder

    def __call__(
        self, texts: Sequence[str], *, cache: str | Path | None = None, progress: bool = False
    ) -> Float[np.ndarray, "n width"]:
        """Embeddings; each distinct text is computed once in the life of this object."""
        encoder = self.open(cache=cache, progress=progress)
        if new := [text for text in dict.fromkeys(texts) if text not in self._vectors]:
            self._vectors |= dict(zip(new, encoder(new), strict=True))
        return np.stack([self._vectors[text] for text in texts]) if texts else np.zeros((0, encoder.width), np.float32)


@dataclass(frozen=True, eq=False)
class SentenceLyrics:
    """Sentence embeddings, standardised, on their principal components; in the place of TF-IDF.

    Attributes:
        embedder: the pretrained encoder.
        scaler: of its vectors.
        components: of the standardised ones.
    """

    embedder: Embedder
    scaler: Standardizer
    components: TemperedPCA

    @property
    def n_components(self) -> int:
        """The width of every lyric vector."""
        return len(self.components.components)

    def transform(self, texts: Sequence[str]) -> tuple[Float[np.ndarray, "n d"], Bool[np.ndarray, " n"]]:
        """`[n, d]` float32 vectors, 0 where a text has no words, and which texts have some."""
        has_words = np.array([bool(words(text)) for text in texts], bool)
        vectors = np.zeros((len(texts), self.n_components), np.float32)
        if has_words.any():
            embedded = self.embedder([text for text, has in zip(texts, has_words, strict=True) if has])
            vectors[has_words] = self.components(self.scaler(embedded))
        return vectors, has_words


def fit_sentence_lyrics(embedder: Embedder, texts: Sequence[str], lyrics_dim: int) -> SentenceLyrics:
    """Fit scaler and components on lyrics that have words, two at least; give it the training part only.

    Few different lyrics span few directions; those beyond them are left out, where a new text would be blown up.
    """
    embedded = embedder(texts)
    scaler = fit_standardizer(embedded)
    mean, components, deviation = fit_tempered_pca(scaler(embedded), lyrics_dim)
    rank = max(1, int((deviation > _NEGLIGIBLE * deviation[0]).sum()))
    return SentenceLyrics(embedder, scaler, TemperedPCA(mean, components[:rank], deviation[:rank]))
