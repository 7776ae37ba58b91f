"""Texts and lists of words as arguments: a string in the place of either would be cut into letters."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Sequence


def one_text(text: str, what: str = "text") -> str:
    """The text itself.

    Raises:
        TypeError: no string.
    """
    if not isinstance(text, str):
        raise TypeError(f"{what} is {text!r}, no string: give a text, and '' for a missing one")
    return text


def list_of_texts(texts: Sequence[str]) -> list[str]:
    """The texts as a list.

    Raises:
        TypeError: one string instead of several, or a text that is no string; names its position.
    """
    if isinstance(texts, (str, bytes)):
        raise TypeError(f"texts is one string, {texts[:40]!r}: give a list of texts, [text] for a single one")
    texts = list(texts)
    for i, text in enumerate(texts):
        if not isinstance(text, str):
            raise TypeError(f"text {i} is {text!r}, no string: replace missing texts by ''")
    return texts


def list_of_words(words: Iterable[str], what: str) -> list[str]:
    """The words of one list in the Unicode form NFC, which `words` gives.

    Raises:
        TypeError: a string instead of a list, or a word that is no string.
    """
    if isinstance(words, (str, bytes)):
        raise TypeError(f"{what} is the string {words[:40]!r}: give a list of words, such as text.words(…) of it")
    try:
        words = list(words)
    except TypeError:
        raise TypeError(f"{what} is {words!r}: give a list of words") from None
    for word in words:
        if not isinstance(word, str):
            raise TypeError(f"{what} holds {word!r}, no string")
    return [unicodedata.normalize("NFC", word) for word in words]


def lists_of_words(lists: Iterable[Iterable[str]]) -> list[list[str]]:
    """`list_of_words` of every list.

    Raises:
        TypeError: as `list_of_words`; one string, or one list of words, instead of several lists.
    """
    if isinstance(lists, (str, bytes)):
        raise TypeError(f"one string, {lists[:40]!r}, in the place of lists of words: give [text.words(…)]")
    return [list_of_words(words, f"list {i}") for i, words in enumerate(lists)]
