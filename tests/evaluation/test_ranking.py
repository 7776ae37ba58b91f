"""Ranking scores against lists worked out by hand, and against scikit-learn."""

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
