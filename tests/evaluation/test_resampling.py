"""Bootstrap intervals: the normal one where it holds, wider for groups that are alike, the same for a seed."""

import numpy as np
import pytest

from jaxmusic import evaluation


def test_the_interval_of_a_mean_is_the_normal_one():
    values = np.random.default_rng(0).normal(3.0, 2.0, size=400)
    found = evaluation.bootstrap_interval(values, seed=0)
    half = 1.96 * values.std() / np.sqrt(400)
    assert found.mean == pytest.approx(values.mean())
    assert found.low == pytest.approx(values.mean() - half, abs=0.05)
    assert found.high == pytest.approx(values.mean() + half, abs=0.05)


def test_songs_of_one_artist_are_not_independent_evidence():
    values = np.repeat(np.random.default_rng(0).normal(size=40), 10)
    alone = evaluation.bootstrap_interval(values, seed=0)
    grouped = evaluation.bootstrap_interval(values, groups=np.repeat(np.arange(40), 10), seed=0)
    assert grouped.high - grouped.low > 2.5 * (alone.high - alone.low)
    assert grouped.mean == alone.mean


def test_a_seed_repeats_and_bad_values_are_refused():
    values = np.arange(10.0)
    assert evaluation.bootstrap_interval(values, seed=1) == evaluation.bootstrap_interval(values, seed=1)
    with pytest.raises(ValueError, match="finite values"):
        evaluation.bootstrap_interval(np.array([1.0, np.nan]), seed=0)
    with pytest.raises(ValueError, match="groups have shape"):
        evaluation.bootstrap_interval(values, groups=np.zeros(3), seed=0)


def test_query_scores_have_the_means_of_the_retrieval_scores():
    rng = np.random.default_rng(0)
    a, b = rng.normal(size=(2, 30, 3))
    b[:8] = b[0]  # ties
    means, each = evaluation.retrieval_scores(a, b), evaluation.query_scores(a, b)
    for name in ("recall@1", "recall@5", "recall@10", "mrr"):
        assert each[name].shape == (30,)
        assert each[name].mean() == pytest.approx(means[name], abs=1e-12)
    assert np.median(each["rank"]) == means["median_rank"]
