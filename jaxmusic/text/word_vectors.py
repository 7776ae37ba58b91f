"""Lists of words or tags → vectors: one column a word, or the mean of learned word vectors."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Float

from jaxmusic._arrays import whole
from jaxmusic.text.checks import list_of_words, lists_of_words

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
            lists: `n` lists of words, in any Unicode form.

        Returns:
            `[n, m]` float32 and `[n]` bool.

        Raises:
            TypeError: a string in the place of a list.
        """
        given = lists_of_words(lists)
        out = np.zeros((len(given), self.vectors.shape[1]), np.float32)
        mask = np.zeros(len(given), bool)
        for i, words in enumerate(given):
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
        TypeError: a string in the place of a list of words.
        ValueError: no word is frequent enough, or a size or number of epochs that is no whole number of 1 or more.

    Source: Mikolov et al. (2013), by gensim.
    """
    from gensim.models import Word2Vec

    sentences = lists_of_words(sentences)
    size, epochs = whole(size, "size"), whole(epochs, "epochs")
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
        path: UTF-8 text, numbers apart by spaces or tabs. word2vec's header line, words and width, is held against what
            follows. A word may hold spaces (GloVe's `. . .`); empty lines count for nothing.

    Returns:
        `WordVectors`, words in the Unicode form NFC; of a word that occurs again, the first vector.

    Raises:
        ValueError: a line with another number of values or none, or with NaN or infinite ones; names the file and the
            line. A file without vectors, that is not UTF-8, or with fewer or more words than its header says.
        OSError: the file cannot be read.
    """
    path = Path(path).expanduser()
    row_of: dict[str, int] = {}
    vectors: list[np.ndarray] = []
    header: tuple[int, int] | None = None
    width, read = 0, 0
    # Bytes that are not UTF-8 come through as surrogates, to be named with their line.
    with path.open(encoding="utf-8-sig", errors="surrogateescape", newline="\n") as file:
        for number, line in enumerate(file, 1):
            fields = line.rstrip("\r\n\t ").replace("\t", " ").split(" ")
            if fields == [""]:
                continue
            place = f"{path}, line {number}"
            if number == 1 and len(fields) == 2 and all(field.isascii() and field.isdigit() for field in fields):
                header = (int(fields[0]), int(fields[1]))
                width = header[1]
                continue
            width = width or _trailing_numbers(fields)
            word, vector = _word_and_vector(fields, width, place)
            read += 1
            if word not in row_of:
                row_of[word] = len(vectors)
                vectors.append(vector)
    if header is not None and read != header[0]:
        raise ValueError(
            f"{path} says that it holds {header[0]:,} words, and holds {read:,}: it is cut off, download it again; or "
            "correct the number in its first line"
        )
    if not vectors:
        raise ValueError(f"{path} holds no word vectors")
    return WordVectors(row_of, np.stack(vectors))


def _word_and_vector(fields: list[str], width: int, place: str) -> tuple[str, np.ndarray]:
    word = " ".join(fields[:-width] if 0 < width < len(fields) else fields[:1])
    if any("\udc80" <= character <= "\udcff" for character in word):
        raise ValueError(f"{place} is not UTF-8: save the file as UTF-8")
    if not width:
        raise ValueError(f"{place}: {word!r} is not followed by numbers")
    # A word that holds spaces ends in no number: else the line has too many.
    found = _trailing_numbers(fields) if len(fields) > width + 1 else min(len(fields) - 1, width)
    if found != width:
        raise ValueError(f"{place}: {found} values, {width} expected")
    try:
        vector = np.array(fields[-width:], np.float32)
    except ValueError:
        raise ValueError(f"{place}: {word!r} is not followed by numbers") from None
    if not np.isfinite(vector).all():
        raise ValueError(f"{place}: the vector of {word!r} holds NaN or infinite values")
    return unicodedata.normalize("NFC", word), vector


def _trailing_numbers(fields: list[str]) -> int:
    """How many of the last fields are numbers, the first one never counting: it is the word."""
    for count, field in enumerate(reversed(fields[1:])):
        try:
            float(field)
        except ValueError:
            return count
    return len(fields) - 1


def multi_hot(lists: Sequence[Sequence[str]], vocabulary: Sequence[str]) -> Float[np.ndarray, "n words"]:
    """1 where a list holds a word of the vocabulary; words outside it are ignored.

    Args:
        lists: `n` lists of words, in any Unicode form.
        vocabulary: distinct words, one a column.

    Returns:
        `[n, words]` float32, 0 or 1.

    Raises:
        TypeError: a string in the place of a list.
        ValueError: a word of the vocabulary occurs twice.

    >>> multi_hot([["rock", "pop"], ["jazz"]], ["jazz", "rock"]).tolist()
    [[0.0, 1.0], [1.0, 0.0]]
    """
    names, given = list_of_words(vocabulary, "vocabulary"), lists_of_words(lists)
    column = {word: i for i, word in enumerate(names)}
    if len(column) < len(names):
        raise ValueError(f"the vocabulary holds {len(names)} words, of which {len(column)} are distinct")
    out = np.zeros((len(given), len(column)), np.float32)
    for i, words in enumerate(given):
        out[i, [column[word] for word in words if word in column]] = 1
    return out
