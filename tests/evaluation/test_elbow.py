"""Elbows of curves that have one, and a sweep over groups that are there."""

import numpy as np
import pytest

from jaxmusic.evaluation import elbow, kmeans_sweep


def test_an_elbow_does_not_depend_on_units():
    k = np.arange(2, 30)
    y = np.where(k < 10, 100.0 - 9 * (k - 2), 28 - 0.5 * (k - 10))
    assert elbow(k, y) == 10
    assert elbow(k, 7e4 * y + 3) == 10


def test_a_straight_or_flat_curve_has_its_first_point():
    assert elbow(np.array([1, 2, 3]), np.array([2.0, 2.0, 2.0])) in (1, 2, 3)
    with pytest.raises(ValueError, match="two points"):
        elbow(np.array([1]), np.array([1.0]))


def test_a_sweep_finds_the_groups():
    rng = np.random.default_rng(0)
    x = np.repeat(np.eye(5) * 20, 30, axis=0) + rng.normal(size=(150, 5))
    found = kmeans_sweep(x, range(2, 15), seed=0, n_init=5)
    assert found.elbow == 5
    assert found.k[np.argmax(found.silhouette)] == 5
    at = found.k.tolist().index(5)
    assert found.normalized_inertia[at] < 0.1
    assert found.largest_share[at] == pytest.approx(0.2)
    assert found.entropy[at] == pytest.approx(1.0)
    assert (np.diff(found.inertia) < 0).mean() > 0.8


def test_k_beyond_the_distinct_points_is_left_out():
    x = np.array([[0.0], [1.0], [5.0], [5.0]])
    assert kmeans_sweep(x, range(2, 10), seed=0).k.tolist() == [2, 3]
    with pytest.raises(ValueError, match="2 distinct points"):
        kmeans_sweep(x[:2], range(2, 10), seed=0)


@pytest.mark.parametrize(("x", "y"), [([1, 2, 3], [3, np.nan, 1]), ([1, 2, 3], [np.inf, 2, 1]), ([1, 3, 2], [3, 2, 1])])
def test_a_curve_without_an_answer_is_refused(x, y):
    with pytest.raises(ValueError, match="finite heights over an x that rises"):
        elbow(np.array(x), np.array(y))


def test_a_sweep_refuses_nan():
    with pytest.raises(ValueError, match="NaN"):
        kmeans_sweep(np.array([[0.0], [np.nan], [1.0], [2.0]]), [2, 3])
