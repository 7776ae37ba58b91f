"""Words → tags → sounds, by hand."""

import numpy as np
import pytest

from jaxmusic import text

MEANING = {"metal": (1.0, 0.0), "heavy": (0.8, 0.6), "harp": (0.0, 1.0), "": (0.0, 0.0), "unknown": (0.0, 0.0)}


def encode(texts):
    # Lengths of vectors must not matter.
    return np.array([np.multiply(MEANING[word], 1 + i) for i, word in enumerate(texts)])


def test_weights_are_a_softmax_of_cosines():
    weights = text.tag_weights(["heavy", ""], ["metal", "harp"], encode, temperature=0.5)
    assert weights.shape == (2, 2)
    assert weights.dtype == np.float32
    expected = np.exp([0.8 / 0.5, 0.6 / 0.5])
    np.testing.assert_allclose(weights[0], expected / expected.sum(), rtol=1e-6)
    np.testing.assert_array_equal(weights[1], 0)


def test_scores_are_of_standardised_logits():
    logits = np.array([[0.0, 5.0, 1.0], [2.0, 5.0, 3.0], [4.0, 5.0, 2.0]])
    scores = text.tag_scores(np.array([[1.0, 0, 0], [0, 1, 0], [0.5, 0, 0.5]]), logits)
    one = np.sqrt(1.5)
    np.testing.assert_allclose(scores, [[-one, 0, one], [0, 0, 0], [-one, one / 2, one / 2]], atol=1e-6)
    # The level and the scale of a tag don't matter.
    np.testing.assert_allclose(text.tag_scores(np.eye(3), 7 * logits + [1, 2, 3]), text.tag_scores(np.eye(3), logits))


def test_what_does_not_fit_is_refused():
    with pytest.raises(ValueError, match="no tags"):
        text.tag_weights(["heavy"], [], encode)
    with pytest.raises(ValueError, match="temperature must be a positive number"):
        text.tag_weights(["heavy"], ["metal"], encode, temperature=0)
    with pytest.raises(ValueError, match="tag 'unknown' has no vector"):
        text.tag_weights(["heavy"], ["metal", "unknown"], encode)
    with pytest.raises(ValueError, match="must be of the same tags"):
        text.tag_scores(np.eye(2), np.zeros((4, 3)))
    with pytest.raises(ValueError, match="NaN"):
        text.tag_scores(np.eye(2), np.full((4, 2), np.nan))
