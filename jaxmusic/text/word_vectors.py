"""Word vectors learned from short lists of words: tags, titles, names."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import Bool, Float

__all__ = ["WordVectors", "fit_word_vectors", "multi_hot"]


@dataclass(frozen=True)
class WordVectors:
    """A vector for each word.

    Attributes:
        words: the words.
        vectors: `[words, dim]` float32.
        pretrained: how many of them started from a given file.
    """

    words: tuple[str, ...]
    vectors: Float[np.ndarray, "words dim"]
    pretrained: int = 0

    def mean(self, lists: Sequence[Sequence[str]]) -> tuple[Float[np.ndarray, "n dim"], Bool[np.ndarray, " n"]]:
        """The mean vector of each list's known words, `[n, dim]`, and whether it has any, `[n]`; zeros where not."""
        row = {word: i for i, word in enumerate(self.words)}
        means = np.zeros((len(lists), self.vectors.shape[1]), np.float32)
        known = np.zeros(len(lists), bool)
        for i, words in enumerate(lists):
            found = [row[word] for word in words if word in row]
            if found:
                means[i], known[i] = self.vectors[found].mean(0), True
        return means, known


def fit_word_vectors(
    sentences: Sequence[Sequence[str]],
    *,
    dim: int = 100,
    epochs: int = 5,
    seed: int = 0,
    pretrained: str | Path | None = None,
) -> WordVectors:
    """Skip-gram vectors of all words in some lists of words.

    Args:
        sentences: lists of words, of the training part.
        dim: size of a vector.
        epochs: passes over the lists. gensim's default of 5 hardly moves the vectors of a few thousand short lists.
        seed: of the starting vectors and the negative samples; one worker, so that a seed gives one result.
        pretrained: a text file of vectors (word2vec's format, or GloVe's without a first line) that words found there
            start from.

    Returns:
        `WordVectors`.

    Raises:
        ValueError: no words, or pretrained vectors of another size.
        FileNotFoundError: no such file of vectors.

    Source: Mikolov et al. (2013), "Distributed Representations of Words and Phrases and their Compositionality", as
    implemented by gensim with its defaults (window 5, 5 negative samples), every word kept.

    >>> found = fit_word_vectors([("jazz", "fusion"), ("rock", "metal"), ("jazz", "swing")], dim=4)
    >>> sorted(found.words), found.mean([("jazz", "rock"), ("polka",)])[1].tolist()
    (['fusion', 'jazz', 'metal', 'rock', 'swing'], [True, False])
    """
    from gensim.models import Word2Vec

    lists = [list(words) for words in sentences if len(words)]
    if not lists:
        raise ValueError("there is no word to learn vectors of")
    model = Word2Vec(vector_size=dim, sg=1, min_count=1, workers=1, seed=seed, epochs=epochs)
    model.build_vocab(lists)
    given = {} if pretrained is None else _read_vectors(Path(pretrained), set(model.wv.key_to_index), dim)
    for word, vector in given.items():
        model.wv.vectors[model.wv.key_to_index[word]] = vector
    model.train(lists, total_examples=len(lists), epochs=epochs)
    return WordVectors(tuple(model.wv.index_to_key), np.array(model.wv.vectors, np.float32), len(given))


def multi_hot(lists: Sequence[Sequence[str]], words: Sequence[str]) -> Float[np.ndarray, "n words"]:
    """`[n, words]` float32: 1 where a list holds a word.

    >>> multi_hot([("jazz",), ("rock", "jazz")], ["jazz", "rock"]).tolist()
    [[1.0, 0.0], [1.0, 1.0]]
    """
    column = {word: i for i, word in enumerate(words)}
    hot = np.zeros((len(lists), len(words)), np.float32)
    for i, found in enumerate(lists):
        hot[i, [column[word] for word in found if word in column]] = 1
    return hot


def _read_vectors(path: Path, wanted: set[str], dim: int) -> dict[str, np.ndarray]:
    if not path.is_file():
        raise FileNotFoundError(f"{path}: no such file of word vectors")
    found: dict[str, np.ndarray] = {}
    with path.open(encoding="utf-8", errors="replace") as file:
        for number, line in enumerate(file, 1):
            word, *values = line.rstrip().split(" ")
            if number == 1 and len(values) == 1:
                continue
            if len(values) != dim:
                raise ValueError(f"{path}: line {number} has a vector of {len(values)} numbers, not of {dim}")
            if word in wanted:
                found[word] = np.array(values, np.float32)
    return found
