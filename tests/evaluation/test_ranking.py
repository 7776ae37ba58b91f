"""Ranking scores against lists worked out by hand, and against scikit-learn."""

import itertools
import math

import numpy as np
import pytest
from scipy.sparse import csr_array
from sklearn.metrics import average_precision_score, ndcg_score

from jaxmusic import evaluation


def test_average_precision_of_lists_worked_out_by_hand():
    relevant = csr_array(np.array([[1, 0, 1, 0, 1], [0, 0, 0, 0, 1], [1, 1, 0, 0, 0], [0, 0, 0, 0, 0]]))
    recommended = np.array([[0, 1, 2, 3], [0, 1, 2, 3], [1, 0, -1, -1], [0, 1, 2, 3]])
    found = evaluation.average_precision(recommended, relevant)
    np.testing.assert_allclose(found, [(1 + 2 / 3) / 3, 0, 1, np.nan])
    # Cut at two, no more than two can be found.
    np.testing.assert_allclose(evaluation.average_precision(recommended, relevant, k=2)[:3], [1 / 2, 0, 1])


def test_scores_of_lists_worked_out_by_hand():
    relevant = csr_array(np.array([[1, 0, 1, 0], [0, 0, 0, 1], [0, 0, 0, 0]]))
    recommended = np.array([[1, 0], [3, 0], [0, 1]])
    found = evaluation.ranking_scores(recommended, relevant, k=2, cutoffs=(2,))
    assert found["users"] == 2
    assert found["map@2"] == pytest.approx((0.25 + 1) / 2)
    assert found["precision@2"] == pytest.approx(0.5)
    assert found["recall@2"] == pytest.approx((0.5 + 1) / 2)
    first = (1 / math.log2(3)) / (1 + 1 / math.log2(3))
    assert found["ndcg@2"] == pytest.approx((first + 1) / 2)
    assert found["coverage@2"] == pytest.approx(3 / 4)


def test_full_lists_score_as_scikit_learn_scores_them():
    rng = np.random.default_rng(0)
    scores, truth = rng.random((20, 30)), rng.random((20, 30)) < 0.3
    recommended = np.argsort(-scores, axis=1)
    expected = [average_precision_score(t, s) for t, s in zip(truth, scores, strict=True)]
    np.testing.assert_allclose(evaluation.average_precision(recommended, csr_array(truth)), expected)
    found = evaluation.ranking_scores(recommended, csr_array(truth), cutoffs=(10,))
    assert found["ndcg@10"] == pytest.approx(ndcg_score(truth, scores, k=10))


def test_lists_that_cannot_be_are_refused():
    relevant = csr_array(np.ones((1, 3)))
    with pytest.raises(ValueError, match="twice"):
        evaluation.average_precision(np.array([[1, 1]]), relevant)
    with pytest.raises(ValueError, match="name item 3, there are 3"):
        evaluation.average_precision(np.array([[3]]), relevant)
    with pytest.raises(ValueError, match="for 1 users"):
        evaluation.average_precision(np.array([[0], [1]]), relevant)
    with pytest.raises(ValueError, match="no user has"):
        evaluation.ranking_scores(np.array([[0]]), csr_array(np.zeros((1, 3))))
    for cutoff in (0, 2):
        with pytest.raises(ValueError, match=rf"cut-offs \[{cutoff}\] of lists of 1 items"):
            evaluation.ranking_scores(np.array([[0]]), relevant, cutoffs=(cutoff,))


def _orders(scores):
    """All lists that are in descending order of score, −1 for what is hidden."""
    for order in itertools.permutations(range(len(scores))):
        if all(scores[a] >= scores[b] for a, b in itertools.pairwise(order)):
            yield [item if scores[item] > -np.inf else -1 for item in order]


@pytest.mark.parametrize("k", [1, 2, 3, 5, 9])
def test_expected_average_precision_is_the_mean_over_all_orders_of_equals(k):
    rng = np.random.default_rng(k)
    scores = rng.choice([-np.inf, 0.0, 0.5, 1.0], (12, 5), p=[0.2, 0.4, 0.2, 0.2])
    relevant = csr_array(rng.random((12, 5)) < 0.5)
    found = evaluation.expected_average_precision(scores, relevant, k=k)
    for user, row in enumerate(scores):
        lists = np.array(list(_orders(row)))
        wanted = csr_array(np.repeat(relevant[[user]].toarray(), len(lists), axis=0))
        np.testing.assert_allclose(found[user], evaluation.average_precision(lists, wanted, k=k).mean(), rtol=1e-12)
    blocks = (scores[:5], scores[5:])
    np.testing.assert_array_equal(evaluation.expected_average_precision(blocks, relevant, k=k), found)


def test_expected_scores_are_the_means_over_all_orders_of_equals():
    scores = np.array([[1.0, 1.0, 1.0, 0.0], [0.5, 0.5, -np.inf, 0.5], [0.0, 0.0, 0.0, 0.0]])
    relevant = csr_array(np.array([[1, 0, 1, 1], [0, 1, 1, 0], [0, 0, 0, 0]]))
    found = evaluation.expected_ranking_scores(scores, relevant, k=3, cutoffs=(1, 2))
    lists = [list(_orders(row)) for row in scores]
    # The third user has nothing relevant, but is shown something.
    runs = [
        evaluation.ranking_scores(np.array(chosen), relevant, k=3, cutoffs=(1, 2))
        for chosen in itertools.product(*lists)
    ]
    assert found == pytest.approx({name: np.mean([run[name] for run in runs]) for name in runs[0]}, abs=1e-12)


def test_without_equals_the_expected_scores_are_those_of_the_list():
    rng = np.random.default_rng(0)
    scores, relevant = rng.random((300, 40)), csr_array(rng.random((300, 40)) < 0.1)
    lists = np.argsort(-scores, axis=1)
    expected = evaluation.ranking_scores(lists, relevant, k=20, cutoffs=(5, 40))
    assert evaluation.expected_ranking_scores(scores, relevant, k=20, cutoffs=(5, 40)) == pytest.approx(expected)


def test_a_constant_score_is_chance_whatever_the_order_of_the_items():
    relevant = np.zeros((1, 50))
    relevant[0, :5] = 1
    for order in (slice(None), slice(None, None, -1)):
        found = evaluation.expected_ranking_scores(np.zeros((1, 50)), csr_array(relevant[:, order]), cutoffs=(10,))
        assert found["precision@10"] == pytest.approx(0.1)
        assert found["recall@10"] == pytest.approx(0.2)
        assert found["coverage@10"] == pytest.approx(0.2)


def test_scores_that_cannot_be_are_refused():
    relevant = csr_array(np.ones((2, 3)))
    with pytest.raises(ValueError, match="NaN or"):
        evaluation.expected_average_precision(np.full((2, 3), np.nan), relevant)
    with pytest.raises(ValueError, match="2 users, 3 items"):
        evaluation.expected_average_precision(np.zeros((2, 4)), relevant)
    with pytest.raises(ValueError, match="scores are of 1 users"):
        evaluation.expected_average_precision(np.zeros((1, 3)), relevant)
    with pytest.raises(ValueError, match="no user has"):
        evaluation.expected_ranking_scores(np.zeros((1, 3)), csr_array((1, 3)))
