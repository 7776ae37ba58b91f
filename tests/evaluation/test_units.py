"""Questions without a unit: neither scale nor shift of the points changes an answer."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jaxmusic import evaluation
from jaxmusic.recommend import top_items

SCALES = st.floats(-20, 20).map(lambda exponent: 10.0**exponent)
OFFSETS = st.sampled_from([0.0, 1.0, -30.0, 1e4, -1e6])


def _views(n=24, d=5, seed=0):
    queries = np.random.default_rng(seed).normal(size=(n, d))
    return queries, queries + 0.4 * np.random.default_rng(seed + 1).normal(size=(n, d))


def _exact_ranks(queries, gallery):
    distance = np.square(queries[:, None] - gallery[None]).sum(-1)
    return 1 + (distance < np.diagonal(distance)[:, None]).sum(1)


@settings(max_examples=25, deadline=None)
@given(SCALES, SCALES)
def test_ranks_have_no_unit(scale, other):
    queries, gallery = _views()
    for similarity in ("cosine", "dot"):
        expected = evaluation.ranks(queries, gallery, similarity=similarity)
        found = evaluation.ranks(queries * scale, gallery * other, similarity=similarity)
        np.testing.assert_array_equal(found, expected)
    found = evaluation.ranks(queries * scale, gallery * scale, similarity="euclidean")
    np.testing.assert_array_equal(found, _exact_ranks(queries, gallery))


@settings(max_examples=15, deadline=None)
@given(OFFSETS)
def test_distances_have_no_origin(offset):
    queries, gallery = _views()
    found = evaluation.ranks(queries + offset, gallery + offset, similarity="euclidean")
    np.testing.assert_array_equal(found, _exact_ranks(queries, gallery))


@pytest.mark.parametrize(("centre", "width"), [(10, 0.01), (30, 0.01), (100, 0.1), (1e5, 1e-3)])
def test_near_neighbours_of_far_groups_are_told_apart(centre, width):
    rng = np.random.default_rng(0)
    gallery = np.where(np.arange(100) % 2, -centre, centre)[:, None] + rng.normal(size=(100, 4)) * width
    queries = gallery + rng.normal(size=(100, 4)) * width * 0.2
    found = evaluation.ranks(queries, gallery, similarity="euclidean")
    np.testing.assert_array_equal(found, _exact_ranks(queries, gallery))


@pytest.mark.parametrize("far", [1e6, 1e30])
def test_one_far_item_hides_no_other(far):
    queries, gallery = _views()
    gallery[0] = far
    found = evaluation.ranks(queries, gallery, similarity="euclidean")
    np.testing.assert_array_equal(found, _exact_ranks(queries, gallery))


@pytest.mark.parametrize("spread", [1e-3, 1e-4, 1e-6])
def test_nearly_parallel_vectors_are_told_apart(spread):
    rng = np.random.default_rng(0)
    gallery = rng.normal(size=(1, 64)) + spread * rng.normal(size=(60, 64))
    queries = gallery + 0.2 * spread * rng.normal(size=(60, 64))
    unit = [x / np.linalg.norm(x, axis=1, keepdims=True) for x in (queries, gallery)]
    np.testing.assert_array_equal(evaluation.ranks(queries, gallery), _exact_ranks(*unit))
    classes = np.repeat(np.arange(15), 4).astype(str)
    order = np.argsort(np.square(unit[0][:, None] - unit[1][None]).sum(-1) + np.diag(np.full(60, 99.0)), axis=1)
    expected = (classes[order[:, 0]] == classes).mean()
    found = evaluation.retrieval_scores(queries, gallery, labels=classes, ks=(1,))
    assert found["class/recall@1"] == pytest.approx(expected)


@settings(max_examples=10, deadline=None)
@given(SCALES)
def test_class_scores_have_no_unit(scale):
    queries, gallery = _views()
    labels = np.repeat(list("abcdef"), 4)
    for similarity in ("cosine", "dot", "euclidean"):
        expected = evaluation.retrieval_scores(queries, gallery, labels=labels, similarity=similarity)
        found = evaluation.retrieval_scores(queries * scale, gallery * scale, labels=labels, similarity=similarity)
        assert found == pytest.approx(expected)


def test_rows_of_zeros_have_no_direction():
    gallery = np.array([[0.0, 0.0], [-1.0, 0.0], [1e-18, 0.0]])
    np.testing.assert_array_equal(evaluation.ranks(np.array([[1.0, 0.0]] * 3), gallery), [2, 3, 1])
    np.testing.assert_array_equal(evaluation.ranks(np.zeros((3, 2)), gallery), [2, 2, 2])


@settings(max_examples=25, deadline=None)
@given(SCALES, SCALES)
def test_lists_have_no_unit(scale, other):
    users, factors = _views()
    for similarity in ("dot", "cosine"):
        expected = top_items(users, factors, 5, similarity=similarity)
        np.testing.assert_array_equal(top_items(users * scale, factors * other, 5, similarity=similarity), expected)


def test_lists_by_cosine_know_vectors_of_every_length():
    factors = np.array([[1e-25, 0.0], [0.0, 1e25], [1.0, 1.0]])
    assert top_items(np.array([[3e-30, 1e-30]]), factors, 3, similarity="cosine").tolist() == [[0, 2, 1]]


@settings(max_examples=20, deadline=None)
@given(SCALES, OFFSETS)
def test_clustering_scores_have_neither_unit_nor_origin(scale, offset):
    rng = np.random.default_rng(0)
    x = np.concatenate([rng.normal(0, 1, (15, 2)), rng.normal(6, 1, (15, 2))])
    assignment = np.repeat([0, 1], 15)
    expected = evaluation.clustering_scores(x, assignment)
    assert evaluation.clustering_scores((x + offset) * scale, assignment) == pytest.approx(expected, rel=1e-7)


def test_clusters_with_one_centre_are_the_worst_not_the_best():
    found = evaluation.clustering_scores(np.array([[-1.0], [1.0], [-2.0], [2.0]]) + 0.1, np.array([0, 0, 1, 1]))
    assert found["davies_bouldin"] == np.inf
    assert found["calinski_harabasz"] == pytest.approx(0, abs=1e-20)


def test_clusters_without_spread_are_infinitely_apart():
    found = evaluation.clustering_scores(np.array([[0.1], [0.1], [0.1], [0.7]]), np.array([0, 0, 0, 1]))
    assert (found["davies_bouldin"], found["calinski_harabasz"]) == (0.0, np.inf)
    found = evaluation.clustering_scores(np.full((4, 2), 0.1), np.array([0, 0, 1, 1]))
    assert np.isnan([found["davies_bouldin"], found["calinski_harabasz"], found["silhouette"]]).all()


@pytest.mark.parametrize("scale", [1e-20, 1e-9, 1e9])
def test_disentanglement_has_no_unit(scale):
    rng = np.random.default_rng(0)
    codes = rng.normal(size=(60, 3))
    for factor in (codes[:, 0] * 3 + 1, codes[:, 1] > 0):
        expected = evaluation.disentanglement_scores(codes, {"a": factor})
        number = factor * scale if factor.dtype.kind == "f" else factor
        assert evaluation.disentanglement_scores(codes * scale, {"a": number}) == pytest.approx(expected, abs=0.02)


@settings(max_examples=10, deadline=None)
@given(SCALES)
def test_a_sweep_of_k_has_no_unit(scale):
    x = np.concatenate([np.random.default_rng(i).normal(6 * i, 1, (10, 2)) for i in range(3)])
    expected, found = evaluation.kmeans_sweep(x, range(2, 6)), evaluation.kmeans_sweep(x * scale, range(2, 6))
    assert found.elbow == expected.elbow
    np.testing.assert_allclose(found.normalized_inertia, expected.normalized_inertia, rtol=1e-9)
    np.testing.assert_allclose(found.inertia, expected.inertia * scale**2, rtol=1e-9)


@settings(max_examples=15, deadline=None)
@given(SCALES, SCALES)
def test_correlations_have_no_unit(scale, other):
    x, y = _views(40, 3)
    for fit in (evaluation.fit_cca, evaluation.fit_kernel_cca):
        expected = fit(x, y, n_components=2, ridge=0.1)
        found = fit(x * scale, y * other, n_components=2, ridge=0.1)
        expected, found = (getattr(each, "cca", each).correlations for each in (expected, found))
        np.testing.assert_allclose(found, expected, rtol=1e-6)
