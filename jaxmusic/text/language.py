"""Words of any script, and the language of a text by its own words: no labels, no model, no download."""

from __future__ import annotations

import math
import unicodedata
from collections import Counter, defaultdict
from functools import cache
from typing import Any

from jaxmusic.text._stop_words import LANGUAGES, stop_words
from jaxmusic.text.checks import one_text

__all__ = ["UNDETERMINED", "content_words", "detect_language", "words"]

UNDETERMINED = "und"
"""What `detect_language` answers where it cannot tell: ISO 639-2's code for an undetermined language."""

# Scripts that serve, in practice, one language of song each. Others (Cyrillic, Arabic, Devanagari, Han) serve
# many, and no list here separates them.
_LANGUAGE_OF_SCRIPT = {
    "ARMENIAN": "hy", "BENGALI": "bn", "GEORGIAN": "ka", "GREEK": "el", "GUJARATI": "gu", "GURMUKHI": "pa",
    "HANGUL": "ko", "HEBREW": "he", "HIRAGANA": "ja", "KANNADA": "kn", "KATAKANA": "ja", "KHMER": "km", "LAO": "lo",
    "MALAYALAM": "ml", "SINHALA": "si", "TAMIL": "ta", "TELUGU": "te", "THAI": "th",
}  # fmt: skip

# Letters that only some of the listed Latin-script languages use: half a word's evidence each.
_LETTERS = {
    "ß": ("de",), "ä": ("de",), "ö": ("de",), "ü": ("de",), "ñ": ("es",), "á": ("es", "pt"), "í": ("es", "pt"),
    "ó": ("es", "pt"), "ú": ("es", "pt"), "ã": ("pt",), "õ": ("pt",), "ç": ("fr", "pt"), "â": ("fr", "pt"),
    "ê": ("fr", "pt"), "é": ("fr", "es", "pt"), "è": ("fr", "it"), "à": ("fr", "it"), "ù": ("fr", "it"),
    "ì": ("it",), "ò": ("it",), "î": ("fr",), "ô": ("fr", "pt"), "û": ("fr",), "œ": ("fr",), "ï": ("fr", "nl"),
    "ë": ("fr", "nl"),
}  # fmt: skip

# Every Latin letter of the listed languages. Others are of a language that is not listed, or of a foreign name.
_LISTED_LETTERS = frozenset("abcdefghijklmnopqrstuvwxyzÿªº") | _LETTERS.keys()
_MOST_FOREIGN = 0.02
# Lyrics of a listed language have a fifth of function words and more, those of others that share a few words less.
_LEAST_KNOWN = 0.15
_LATIN = tuple(language for language in LANGUAGES if language != "bn")
_ELIDING = frozenset({"fr", "it"})  # l'amour, dell'amore: the article before the apostrophe is a word of its own
_APOSTROPHES = dict.fromkeys(map(ord, "’ʼ＇‘"), "'")
_ZERO_WIDTH_SPACE = "\u200b"


@cache
def _role(character: str) -> str:
    """`character` itself where it is part of a word, "" where it is dropped, " " where it ends a word."""
    category = unicodedata.category(character)
    if category[0] in "LMN" or character == "'":
        return character
    # Joiners and soft hyphens only steer how a word is drawn: the same word is written with and without them.
    return "" if category == "Cf" and character != _ZERO_WIDTH_SPACE else " "


@cache
def _script(character: str) -> str:
    """The first word of a letter's Unicode name, which is its script: `"LATIN"`, `"BENGALI"`; "" for no letter."""
    if not unicodedata.category(character).startswith("L"):
        return ""
    return unicodedata.name(character, "").split(" ")[0]


def words(text: str) -> list[str]:
    """The words of a text in any script that puts spaces between them: lower case, NFC, in order.

    A word is a run of letters, marks and digits (Unicode categories L, M and N), with apostrophes inside it.
    Marks count because the vowel signs of Bangla and of its sister scripts are marks: a pattern of `\\w` alone, as
    scikit-learn's default has it, ends a word at each of them and keeps scraps. Joiners (U+200C, U+200D) are
    dropped. Chinese, Japanese, Thai and other scripts without spaces come out as whole phrases.

    Args:
        text: in any script.

    Returns:
        The words; none for a text of punctuation and spaces.

    Raises:
        TypeError: no string.

    >>> words("Don’t stop, আমার সোনার বাংলা!")
    ["don't", 'stop', 'আমার', 'সোনার', 'বাংলা']
    """
    text = unicodedata.normalize("NFC", one_text(text)).translate(_APOSTROPHES).lower()
    spaced = text.translate({ord(character): _role(character) for character in set(text)})
    return [word for word in (token.strip("'") for token in spaced.split()) if word]


@cache
def _latin_stop_words() -> dict[str, tuple[str, ...]]:
    """Every stop word of the Latin-script languages → the languages that have it."""
    every = frozenset().union(*map(stop_words, _LATIN))
    return {word: tuple(language for language in _LATIN if word in stop_words(language)) for word in every}


def _latin_language(tokens: list[str]) -> str:
    """The language with most evidence; `UNDETERMINED` where it is little, two tie, or letters are of none of them."""
    foreign = sum(
        any(_script(letter) == "LATIN" and letter not in _LISTED_LETTERS for letter in set(t)) for t in tokens
    )
    if foreign > _MOST_FOREIGN * len(tokens):
        return UNDETERMINED
    known = 0
    evidence: defaultdict[str, float] = defaultdict(float)
    owners_of = _latin_stop_words()
    for token in tokens:
        parts = [token, *token.split("'")] if "'" in token else [token]
        for part in parts:
            # A word that k languages share speaks for each of them, but k times as softly.
            owners = owners_of.get(part, ())
            known += bool(owners)
            for language in owners:
                evidence[language] += 1 / len(owners)
        for letter in set(token) & _LETTERS.keys():
            for language in _LETTERS[letter]:
                evidence[language] += 0.5 / len(_LETTERS[letter])
    if known < _LEAST_KNOWN * len(tokens):
        return UNDETERMINED
    ranked = sorted(evidence, key=evidence.__getitem__, reverse=True)[:2]
    if not ranked or (len(ranked) == 2 and math.isclose(evidence[ranked[0]], evidence[ranked[1]])):
        return UNDETERMINED
    return ranked[0]


@cache
def _lingua() -> Any:
    try:
        from lingua import LanguageDetectorBuilder
    except ModuleNotFoundError as error:
        raise ModuleNotFoundError(
            'detector="lingua" needs a package: pip install lingua-language-detector', name=error.name
        ) from None
    return LanguageDetectorBuilder.from_all_languages().build()


def detect_language(text: str, *, detector: str = "words") -> str:
    """The language of a text, from its script and its function words, or by lingua.

    Most letters decide the script. Bengali, Hangul, Greek and other scripts of one language settle it; among the
    Latin-script languages en, de, fr, es, it, nl and pt the stop words and the accented letters vote.

    Args:
        text: lyrics of any length; a line of ten words is usually enough.
        detector: `"words"`, described above; or `"lingua"`, n-gram models of 75 languages (the package
            lingua-language-detector, about 100 MB), which is slower and right more often where a text is of a language
            that is not listed here.

    Returns:
        An ISO 639-1 code, or `"und"` where too little in the text speaks for one language: fewer than 15 % function
        words of the listed languages, more than 2 % words with a letter that none of them writes, a tie, or a script
        that many languages share, such as Cyrillic or Arabic. A language that is not listed and shares the words and
        letters of one that is, such as Catalan with Spanish, is taken for it.

    Raises:
        TypeError: no string.
        ValueError: an unknown detector.
        ModuleNotFoundError: `"lingua"` without its package.

    >>> [detect_language(text) for text in ("the love that we had", "আমার সোনার বাংলা", "und du bist nicht da", "la la")]
    ['en', 'bn', 'de', 'und']
    """
    one_text(text)
    if detector == "lingua":
        found = _lingua().detect_language_of(text)
        return UNDETERMINED if found is None else found.iso_code_639_1.name.lower()
    if detector != "words":
        raise ValueError(f"detector {detector!r} is none of ('words', 'lingua')")
    letters = Counter(text)
    scripts: Counter[str] = Counter()
    for character, count in letters.items():
        if script := _script(character):
            scripts[script] += count
    if not scripts:
        return UNDETERMINED
    # Japanese mixes kana with more Han characters than kana; no other language writes kana at all.
    if scripts["HIRAGANA"] + scripts["KATAKANA"] and scripts["CJK"] + scripts["HIRAGANA"] > scripts["LATIN"]:
        return "ja"
    script = scripts.most_common(1)[0][0]
    if script == "LATIN":
        return _latin_language(words(text))
    return _LANGUAGE_OF_SCRIPT.get(script, UNDETERMINED)


def content_words(text: str) -> list[str]:
    """The words of a text without its own language's stop words.

    The language is `detect_language(text)`. French and Italian words are cut at the apostrophe (`l'amour` gives
    `amour`) and an English possessive loses its `'s`. As in scikit-learn's default, a word has at least two characters.

    Args:
        text: in any script with spaces between words.

    Returns:
        The words in order, lower case, NFC; repeated ones are repeated.

    Raises:
        TypeError: no string.

    >>> content_words("Don't forget the girl's heart"), content_words("আমি তোমার গান গাই")
    (['forget', 'girl', 'heart'], ['গান', 'গাই'])
    """
    language = detect_language(text)
    ignored = stop_words(language)
    kept = []
    for word in words(text):
        parts = word.split("'") if language in _ELIDING and word not in ignored else [word]
        for part in parts:
            if part not in ignored:
                part = part.removesuffix("'s") if language == "en" else part
                if len(part) > 1 and part not in ignored:
                    kept.append(part)
    return kept
