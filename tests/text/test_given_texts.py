"""Strings where texts or lists of words are wanted, files of word vectors as they are found, Unicode forms."""

import unicodedata

import numpy as np
import pytest

from jaxmusic import text

VECTORS = text.WordVectors({"rock": 0}, np.ones((1, 2), np.float32))
TOKENIZER = text.train_wordpiece(["rock pop", "jazz"], vocabulary_size=40)
FITTED = text.fit_tfidf_pca(["rock pop", "jazz blues", "pop jazz"], n_components=2)
OF_TEXTS = [
    text.train_wordpiece,
    lambda texts: text.token_ids(TOKENIZER, texts),
    text.lexical_statistics,
    text.fit_tfidf_pca,
    FITTED.tfidf,
    FITTED.transform,
    FITTED.has_known_words,
    text.sentence_encoder("lsa", fit_on=["rock pop", "jazz blues", "pop jazz"], n_components=2),
]
OF_LISTS = [VECTORS.mean, text.fit_word_vectors, lambda lists: text.multi_hot(lists, ["rock"])]


@pytest.mark.parametrize("function", OF_TEXTS)
def test_one_string_is_no_list_of_texts(function):
    with pytest.raises(TypeError, match="texts is one string, 'rock pop': give a list"):
        function("rock pop")
    with pytest.raises(TypeError, match="text 1 is None, no string"):
        function(["rock pop", None])


@pytest.mark.parametrize("function", OF_LISTS)
@pytest.mark.parametrize("given", ["rock", ["rock pop", "jazz"], [["rock"], "pop"], [["rock", 3]]])
def test_a_string_is_no_list_of_words(function, given):
    with pytest.raises(TypeError, match="string"):
        function(given)


def test_a_vocabulary_is_a_list_of_distinct_words():
    with pytest.raises(TypeError, match="vocabulary is the string 'rock'"):
        text.multi_hot([["rock"]], "rock")
    with pytest.raises(ValueError, match="3 words, of which 2 are distinct"):
        text.multi_hot([["rock"]], ["rock", "cafe\u0301", "caf\u00e9"])


@pytest.mark.parametrize("word", ["caf\u00e9", "cafe\u0301", "\u09b9\u09df", "\u09b9\u09af\u09bc"])
def test_a_words_unicode_form_changes_nothing(tmp_path, word):
    for form in ("NFC", "NFD"):
        path = tmp_path / f"{form}.vec"
        path.write_text(f"1 2\n{unicodedata.normalize(form, word)} 1 2\n", encoding="utf-8")
        vectors = text.load_word_vectors(path)
        for given in (text.words(word), [unicodedata.normalize("NFD", word)], [word]):
            assert vectors.mean([given])[1].tolist() == [True]
        assert text.multi_hot([[unicodedata.normalize(form, word)]], [word]).tolist() == [[1.0]]
        assert text.fit_word_vectors([[unicodedata.normalize(form, word)]], size=2).mean([[word]])[1].all()


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (b"rain 1 2\n. . . 3 4\n", {"rain": [1, 2], ". . .": [3, 4]}),
        (b"at name@domain.com 1 2\nrain 3 4\n", {"at name@domain.com": [1, 2], "rain": [3, 4]}),
        (b"1999 1 2\nrain 3 4\n", {"1999": [1, 2], "rain": [3, 4]}),
        (b"\xef\xbb\xbfrain 1 2\nlove 3 4\n", {"rain": [1, 2], "love": [3, 4]}),
        (b"\xef\xbb\xbf2 2\nrain 1 2\nlove 3 4\n", {"rain": [1, 2], "love": [3, 4]}),
        (b"rain 1 2\r\nlove 3 4\r\n\r\n", {"rain": [1, 2], "love": [3, 4]}),
        (b"rain\t1\t2\n\nlove\t3\t4", {"rain": [1, 2], "love": [3, 4]}),
        ("\u00a0 1 2\n\u2028 3 4\n".encode(), {"\u00a0": [1, 2], "\u2028": [3, 4]}),
        (b"2 1\nrain 1\nrain 2\n", {"rain": [1]}),
    ],
)
def test_files_of_word_vectors_are_read_as_they_are_found(tmp_path, content, expected):
    (tmp_path / "v.txt").write_bytes(content)
    found = text.load_word_vectors(tmp_path / "v.txt")
    assert {word: found.vectors[row].tolist() for word, row in found.row_of.items()} == expected


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"3 2\nrain 1 2\nlove 3 4\n", "holds 3 words, and holds 2: it is cut off"),
        (b"1 2\nrain 1 2\nlove 3 4\n", "holds 1 words, and holds 2"),
        (b"2 3\nrain 1 2\nlove 3 4\n", "line 2: 2 values, 3 expected"),
        (b"rain 1 2\nlove 1 2 3\n", "line 2: 3 values, 2 expected"),
        (b"rain 1 2\nlove 1\n", "line 2: 1 values, 2 expected"),
        (b"2 2\n", "holds 2 words, and holds 0"),
    ],
)
def test_files_that_are_cut_or_disagree_with_themselves_are_refused(tmp_path, content, message):
    (tmp_path / "v.txt").write_bytes(content)
    with pytest.raises(ValueError, match=message):
        text.load_word_vectors(tmp_path / "v.txt")
