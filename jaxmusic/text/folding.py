"""Texts as a person compares them: without case and accents, and with a slip of the finger."""

from __future__ import annotations

import unicodedata

from jaxmusic.text.checks import one_text

__all__ = ["fold", "is_near"]

# Letters that Unicode does not take apart.
_LETTERS = str.maketrans({"ø": "o", "æ": "ae", "œ": "oe", "ł": "l", "đ": "d", "ð": "d", "þ": "th", "ı": "i", "ħ": "h"})
# Classes of marks above and below letters; those of Indic, Arabic and Hebrew signs are lower and say what is read.
_FIRST_ACCENT, _LAST_ACCENT = 202, 240


def fold(text: str) -> str:
    """A text without case and accents; the signs of scripts that need them stay.

    Args:
        text: in any script.

    Returns:
        The text, NFC-normalised.

    Raises:
        TypeError: no string.

    >>> fold("Déjà VU, Straße Ørsted"), fold("গান")
    ('deja vu, strasse orsted', 'গান')
    """
    apart = unicodedata.normalize("NFKD", one_text(text))
    plain = "".join(c for c in apart if not _FIRST_ACCENT <= unicodedata.combining(c) <= _LAST_ACCENT)
    return unicodedata.normalize("NFC", plain.casefold().translate(_LETTERS))


def is_near(word: str, other: str) -> bool:
    """Whether two words differ by a slip: one letter more, less, other or swapped with its neighbour, and from eight
    letters on two such; words of three letters and fewer must be the same.

    Args:
        word: of `fold`.
        other: of `fold`.

    Returns:
        Whether they do.

    Raises:
        TypeError: no string.

    >>> is_near("thunder", "tunder"), is_near("thunder", "thudner"), is_near("rain", "ruin"), is_near("sun", "son")
    (True, True, True, False)
    """
    one_text(word, "word"), one_text(other, "other")
    most = 0 if len(word) < 4 else 1 if len(word) < 8 else 2
    if word == other or abs(len(word) - len(other)) > most:
        return word == other
    # The optimal string alignment distance, row by row.
    above, row = list[int](), list(range(len(other) + 1))
    for i, letter in enumerate(word):
        before, above, row = above, row, [i + 1]
        for j, mark in enumerate(other):
            cost = min(above[j + 1] + 1, row[j] + 1, above[j] + (letter != mark))
            if i and j and letter == other[j - 1] and word[i - 1] == mark:
                cost = min(cost, before[j - 1] + 1)
            row.append(cost)
    return row[-1] <= most
