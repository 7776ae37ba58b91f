"""How a text is written: six numbers in any script, whatever the order of the words."""

import numpy as np

from jaxmusic.text import LEXICAL_COLUMNS, lexical_statistics


def test_the_order_of_the_words_does_not_matter():
    rng, words = np.random.default_rng(0), ["the", "moon", "the", "sea", "the", "night", "and", "the", "moon"]
    shuffled = [" ".join(rng.permutation(words)) for _ in range(5)]
    found = lexical_statistics(shuffled)
    assert found.shape == (5, len(LEXICAL_COLUMNS))
    assert np.ptp(found, axis=0).max() == 0


def test_repetition_and_length_are_told_apart():
    chant, prose = lexical_statistics(["hey " * 50, " ".join(f"word{i}" for i in range(50))])
    by_name = {name: i for i, name in enumerate(LEXICAL_COLUMNS)}
    assert chant[by_name["log_words"]] == prose[by_name["log_words"]] == np.float32(np.log1p(50))
    assert chant[by_name["distinct_share"]] < 0.03 < prose[by_name["distinct_share"]]
    assert chant[by_name["commonest_share"]] == 1


def test_bangla_words_are_words_and_nothing_is_zero():
    bangla, nothing, signs = lexical_statistics(["আমি বাংলায় গান গাই", "", "!!! ..."])
    assert bangla[0] == np.float32(np.log1p(4))
    assert not nothing.any()
    assert not signs.any()
