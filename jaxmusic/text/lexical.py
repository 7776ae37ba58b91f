"""How a text is written, whatever it says: length, repetition, length of words."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import numpy as np
from jaxtyping import Float

from jaxmusic.text.checks import list_of_texts
from jaxmusic.text.language import words

__all__ = ["LEXICAL_COLUMNS", "lexical_statistics"]

LEXICAL_COLUMNS = (
    "log_words",
    "log_distinct",
    "distinct_share",
    "word_length",
    "commonest_share",
    "three_commonest_share",
)
"""Names of the columns of `lexical_statistics`, in its order."""


def lexical_statistics(texts: Sequence[str]) -> Float[np.ndarray, "n 6"]:
    """Six numbers of each text that need no fitting; TF-IDF with its unit length knows none of them.

    Args:
        texts: `n` texts in any script.

    Returns:
        `[n, 6]` float32 in the order of `LEXICAL_COLUMNS`: the logarithm of 1 + words and of 1 + distinct words,
        distinct words per word (the type-token ratio), mean characters of a word, and the shares of the commonest and
        of the three commonest words. A text without words is all zeros.

    Raises:
        TypeError: one string instead of texts, or a text that is none.

    >>> lexical_statistics(["la la la lo", ""]).astype(float).round(3).tolist()
    [[1.609, 1.099, 0.5, 2.0, 0.75, 1.0], [0.0, 0.0, 0.0, 0.0, 0.0, 0.0]]
    """
    texts = list_of_texts(texts)
    rows = np.zeros((len(texts), len(LEXICAL_COLUMNS)), np.float32)
    for row, text in zip(rows, texts, strict=True):
        found = words(text)
        if not found:
            continue
        counts = Counter(found)
        commonest = [count for _, count in counts.most_common(3)]
        row[:] = (
            np.log1p(len(found)),
            np.log1p(len(counts)),
            len(counts) / len(found),
            np.mean([len(word) for word in found]),
            commonest[0] / len(found),
            sum(commonest) / len(found),
        )
    return rows
