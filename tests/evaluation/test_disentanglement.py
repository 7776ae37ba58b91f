"""MIG, SAP and DCI on aligned and on noise codes, on the embedded corpus's factors; the permutation test's size."""

import jax
import numpy as np
import pytest

from jaxmusic import evaluation
from jaxmusic.data.synthetic_corpus import draw_corpus


def _factors(n=2000, seed=0):
    rng = np.random.default_rng(seed)
    return {"class": rng.integers(0, 5, n).astype(str), "level": rng.integers(0, 4, n).astype(float)}


def test_a_code_for_each_factor_has_a_gap_of_one():
    factors = _factors()
    codes = np.stack([factors["class"].astype(float), factors["level"], np.zeros(2000)], axis=1)
    found = evaluation.disentanglement_scores(codes, factors)
    assert found["mig"] == pytest.approx(1, abs=0.01)
    assert found["disentanglement"] > 0.98
    assert found["completeness"] > 0.98
    assert found["informativeness"] > 0.98
    # A line from the best code explains the numbers wholly, the classes in part.
    assert found["sap"] > 0.5


def test_noise_has_a_gap_of_nearly_nothing():
    found = evaluation.disentanglement_scores(np.random.default_rng(1).normal(size=(2000, 6)), _factors())
    assert 0 <= found["mig"] < 0.02
    assert 0 <= found["sap"] < 0.05
    assert found["disentanglement"] < 0.1
    assert found["informativeness"] < 0.3


def test_two_codes_that_know_the_same_leave_no_gap():
    factors = {"class": _factors()["class"]}
    code = factors["class"].astype(float)
    found = evaluation.disentanglement_scores(np.stack([code, code], axis=1), factors)
    assert found["mig"] == pytest.approx(0, abs=1e-9)
    assert found["completeness"] < 0.1


def test_the_embedded_corpus_factors_are_found_where_codes_hold_them():
    corpus = draw_corpus(jax.random.key(0), 600, n_listeners=0)
    factors = {name: corpus.factors[name] for name in ("genre", "energy", "density")}
    aligned = np.stack([np.unique(values, return_inverse=True)[1] for values in factors.values()], axis=1)
    noise = np.random.default_rng(0).normal(size=(600, 3))
    assert evaluation.mutual_information_gap(aligned, factors) > 0.5
    assert evaluation.mutual_information_gap(noise, factors) < 0.05


def test_what_cannot_be_scored_is_refused():
    codes = np.ones((4, 2))
    with pytest.raises(ValueError, match="two latents at least"):
        evaluation.mutual_information_gap(np.ones((4, 1)), {"a": np.arange(4)})
    with pytest.raises(ValueError, match="none of the factors varies"):
        evaluation.mutual_information_gap(codes, {"a": np.zeros(4)})
    with pytest.raises(ValueError, match="5 values for 4 codes"):
        evaluation.mutual_information_gap(codes, {"a": np.arange(5)})
    with pytest.raises(ValueError, match="NaN"):
        evaluation.mutual_information_gap(np.full((4, 2), np.nan), {"a": np.arange(4)})


def test_the_permutation_test_finds_dependence_and_rarely_invents_it():
    rng = np.random.default_rng(0)
    a = rng.integers(0, 3, 300)
    dependent = np.where(rng.random(300) < 0.3, a, rng.integers(0, 3, 300))
    found = evaluation.permutation_test(a, dependent, seed=0, permutations=199)
    assert found.p_value == pytest.approx(1 / 200)
    assert found.mutual_information > 3 * found.expected
    p_values = [
        evaluation.permutation_test(a, rng.integers(0, 3, 300), seed=i, permutations=99).p_value for i in range(60)
    ]
    # Under independence p is uniform: 10 % of the tests lie below .1, ± three standard errors.
    assert np.mean(np.array(p_values) <= 0.1) < 0.1 + 3 * np.sqrt(0.09 / 60)
    with pytest.raises(ValueError, match="300 and 4"):
        evaluation.permutation_test(a, np.arange(4), seed=0)


def test_mutual_information_is_sklearns():
    from sklearn.metrics import mutual_info_score

    rng = np.random.default_rng(0)
    a, b = rng.integers(0, 4, 50), rng.integers(0, 3, 50)
    found = evaluation.permutation_test(a, b, seed=0, permutations=1)
    assert found.mutual_information == pytest.approx(mutual_info_score(a, b))
