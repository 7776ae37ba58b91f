"""Lists of words or tags → vectors: one column a word, or the mean of learned word vectors."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Float

__all__ = ["WordVectors", "fit_word_vectors", "load_word_vectors", "multi_hot"]


class WordVectors(NamedTuple):
    """Vectors of words.

    Attributes:
        row_of: word → row of `vectors`.
        vectors: `[words, m]` float32.
    """

    row_of: dict[str, int]
    vectors: np.ndarray

    def mean(self, lists: Sequence[Sequence[str]]) -> tuple[Float[np.ndarray, "n m"], Bool[np.ndarray, " n"]]:
        """Mean vector of each list's known words, and a mask that is False (and the vector 0) where it has none.

        Args:
            lists: `n` lists of words.

        Returns:
            `[n, m]` float32 and `[n]` bool.
        """
        out = np.zeros((len(lists), self.vectors.shape[1]), np.float32)
        mask = np.zeros(len(lists), bool)
        for i, words in enumerate(lists):
            rows = [self.row_of[word] for word in words if word in self.row_of]
            if rows:
                out[i], mask[i] = self.vectors[rows].mean(0), True
        return out, mask


def fit_word_vectors(
    sentences: Sequence[Sequence[str]],
    *,
    size: int = 100,
    seed: int = 0,
    epochs: int = 5,
    min_count: int = 1,
    window: int | None = None,
    pretrained: WordVectors | None = None,
) -> WordVectors:
    """Word2Vec, skip-gram with negative sampling; give it the training part only.

    One thread, because several would draw in an order that nobody controls.

    Args:
        sentences: lists of words; those with one word train nothing but give it a vector.
        size: width m; of pretrained vectors theirs counts.
        seed: the same seed gives the same vectors.
        epochs: passes.
        min_count: rarer words get no vector.
        window: words on either side that count as context; None: all of the longest sentence, for tags, which have
            no order.
        pretrained: start from these where they know a word (fine-tuning), from random vectors elsewhere.

    Returns:
        `WordVectors`, float32.

    Raises:
        ValueError: no word is frequent enough.

    Source: Mikolov et al. (2013), by gensim.
    """
    from gensim.models import Word2Vec

    sentences = [list(words) for words in sentences]
    if window is None:
        window = max((len(words) for words in sentences), default=1)
    if pretrained is not None:
        size = pretrained.vectors.shape[1]
    model = Word2Vec(
        vector_size=size, window=max(window, 1), min_count=min_count, sg=1, seed=seed, workers=1, epochs=epochs
    )
    model.build_vocab(sentences)
    if not len(model.wv):
        raise ValueError(f"none of {len(sentences)} sentences has a word that occurs {min_count} times")
    if pretrained is not None:
        for word, row in model.wv.key_to_index.items():
            if word in pretrained.row_of:
                model.wv.vectors[row] = pretrained.vectors[pretrained.row_of[word]]
    model.train(sentences, total_examples=len(sentences), epochs=epochs)
    return WordVectors(dict(model.wv.key_to_index), np.array(model.wv.vectors, np.float32))


def load_word_vectors(path: str | Path) -> WordVectors:
    """Vectors from a text file in word2vec's or GloVe's format: a word and its numbers on each line.

    Args:
        path: UTF-8 text; word2vec's header line is skipped.

    Returns:
        `WordVectors`; of a word that occurs again, the first vector.

    Raises:
        ValueError: a line with another number of values or none, or with NaN or infinite ones; names the file and the
            line. A file without vectors, or that is not UTF-8.
        OSError: the file cannot be read.
    """
    path = Path(path).expanduser()
    row_of: dict[str, int] = {}
    vectors: list[np.ndarray] = []
    # Bytes that are not UTF-8 come through as surrogates, to be named with their line.
    with path.open(encoding="utf-8", errors="surrogateescape") as file:
        for number, line in enumerate(file, 1):
            word, *values = line.rstrip("\n").rstrip().split(" ")
            if any("\udc80" <= character <= "\udcff" for character in word):
                raise ValueError(f"{path}, line {number} is not UTF-8: save the file as UTF-8")
            if number == 1 and len(values) == 1:
                continue  # word2vec's header: words and width
            try:
                vector = np.array(values, np.float32)
            except ValueError:
                raise ValueError(f"{path}, line {number}: {word!r} is not followed by numbers") from None
            if not np.isfinite(vector).all():
                raise ValueError(f"{path}, line {number}: the vector of {word!r} holds NaN or infinite values")
            if (vectors and len(vector) != len(vectors[0])) or not len(vector):
                raise ValueError(
                    f"{path}, line {number}: {len(vector)} values, {len(vectors[0]) if vectors else 1} expected"
                )
            if word not in row_of:
                row_of[word] = len(vectors)
                vectors.append(vector)
    if not vectors:
        raise ValueError(f"{path} holds no word vectors")
    return WordVectors(row_of, np.stack(vectors))


def multi_hot(lists: Sequence[Sequence[str]], vocabulary: Sequence[str]) -> Float[np.ndarray, "n words"]:
    """1 where a list holds a word of the vocabulary; words outside it are ignored.

    Args:
        lists: `n` lists of words.
        vocabulary: distinct words, one a column.

    Returns:
        `[n, words]` float32, 0 or 1.

    >>> multi_hot([["rock", "pop"], ["jazz"]], ["jazz", "rock"]).tolist()
    [[0.0, 1.0], [1.0, 0.0]]
    """
    column = {word: i for i, word in enumerate(vocabulary)}
    out = np.zeros((len(lists), len(column)), np.float32)
    for i, words in enumerate(lists):
        out[i, [column[word] for word in words if word in column]] = 1
    return out
