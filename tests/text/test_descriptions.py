"""Sentences from measured features."""

import numpy as np
import pytest

from jaxmusic.text import Terciles, describe, fit_terciles

LIMITS = Terciles(np.array([0.1, 0.2]), np.array([1000.0, 2000.0]), np.array([0.25, 0.3]))


def test_the_sources_example():
    sentence = "Audio with medium tempo, high energy, bright sound, complex rhythm"
    assert describe([[120, 0.25, 2500, 0.35]], LIMITS) == [sentence]


@pytest.mark.parametrize(
    ("tempo", "word"), [(89.9, "slow"), (90.0, "medium"), (130.0, "medium"), (130.1, "fast"), (0.0, "slow")]
)
def test_tempo_has_fixed_limits_that_belong_to_the_middle(tempo, word):
    assert f"{word} tempo" in describe([[tempo, 0.15, 1500, 0.27]], LIMITS)[0]


def test_values_on_a_tercile_belong_to_the_middle():
    low, edge = describe([[100, 0.09, 999, 0.24], [100, 0.1, 2000, 0.3]], LIMITS)
    assert low == "Audio with medium tempo, low energy, dark sound, simple rhythm"
    assert edge == "Audio with medium tempo, medium energy, balanced sound, moderate rhythm"


def test_terciles_split_33_34_33():
    rng = np.random.default_rng(0)
    train = np.column_stack([rng.uniform(60, 180, 1000), rng.lognormal(size=(1000, 3))])
    sentences = describe(train, fit_terciles(train))
    for words in (
        ("low energy", "medium energy", "high energy"),
        ("dark", "balanced", "bright"),
        ("simple", "moderate", "complex"),
    ):
        shares = [np.mean([word in sentence for sentence in sentences]) for word in words]
        np.testing.assert_allclose(shares, [0.33, 0.34, 0.33], atol=0.002)
    assert len(set(sentences)) <= 81


def test_terciles_are_those_of_the_training_part():
    train = np.column_stack([np.full(101, 100.0), *[np.arange(101.0)] * 3])
    terciles = fit_terciles(train)
    np.testing.assert_allclose(terciles.energy, [33, 67])
    assert "high energy" in describe([[100, 1000, 0, 0]], terciles)[0]


@pytest.mark.parametrize(
    ("features", "message"),
    [
        (np.zeros((0, 4)), r"give \[n, 4\]: tempo, energy, brightness, rhythm"),
        (np.zeros((3, 5)), r"\(3, 5\)"),
        ([[1.0, 2.0, np.nan, 3.0]], "row 0 has brightness nan"),
    ],
)
def test_refusals_say_why(features, message):
    with pytest.raises(ValueError, match=message):
        describe(features, LIMITS)
    with pytest.raises(ValueError, match=message):
        fit_terciles(features)
