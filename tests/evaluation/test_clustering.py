"""Assignments on planted groups, scores by hand, degenerate cases, and the coinciding-group formula."""

import numpy as np
import pytest
from sklearn import metrics

from jaxmusic import evaluation


def _groups(n=20, k=3, d=4, spread=0.1, seed=0):
    rng = np.random.default_rng(seed)
    truth = np.repeat(np.arange(k), n)
    centres = 10 * np.eye(k, d)
    return centres[truth] + rng.normal(0, spread, size=(k * n, d)), truth


@pytest.mark.parametrize(
    "assign",
    [
        lambda x: evaluation.kmeans(x, 3, seed=0),
        lambda x: evaluation.kmeans(x, 3, seed=0, init="random"),
        lambda x: evaluation.agglomerative(x, 3),
        lambda x: evaluation.spectral(x, 3, seed=0),
        lambda x: evaluation.dbscan(x, 1.0),
    ],
)
def test_planted_groups_are_found(assign):
    x, truth = _groups()
    assert metrics.adjusted_rand_score(truth, assign(x)) == 1.0


def test_scores_by_hand():
    # Two pairs on a line: a = 1 inside, b = mean distance to the other pair.
    x, assignment = np.array([[0.0], [1.0], [10.0], [11.0]]), np.array([0, 0, 1, 1])
    scores = evaluation.clustering_scores(x, assignment, labels=np.array(["a", "a", "b", ""]))
    silhouettes = [(10.5 - 1) / 10.5, (9.5 - 1) / 9.5, (9.5 - 1) / 9.5, (10.5 - 1) / 10.5]
    assert scores["silhouette"] == pytest.approx(np.mean(silhouettes))
    # Mean radius ½ each, centroids 10 apart.
    assert scores["davies_bouldin"] == pytest.approx(0.1)
    # Between 4 · 5² / 1, within 4 · ½² / 2.
    assert scores["calinski_harabasz"] == pytest.approx(100 / 0.5)
    assert scores["adjusted_rand"] == scores["purity"] == 1.0
    assert scores["labelled"] == 3
    assert (scores["n_clusters"], scores["noise_share"], scores["largest_share"]) == (2, 0, 0.5)


def test_noise_counts_as_a_cluster_except_where_the_name_says_so():
    x, truth = _groups()
    assignment = np.where(truth == 2, -1, truth)
    scores = evaluation.clustering_scores(x, assignment)
    assert scores["silhouette"] == pytest.approx(metrics.silhouette_score(x, assignment))
    assert scores["silhouette_without_noise"] == pytest.approx(metrics.silhouette_score(x[:40], assignment[:40]))
    assert scores["n_clusters"] == 2
    assert scores["noise_share"] == pytest.approx(1 / 3)
    assert scores["degenerate"] == 0


@pytest.mark.parametrize(
    "assignment", [np.full(60, -1), np.zeros(60, int), np.r_[np.full(58, -1), 0, 0], np.arange(60)]
)
def test_assignments_that_say_nothing_are_marked_or_undefined(assignment):
    x, _ = _groups()
    scores = evaluation.clustering_scores(x, assignment)
    if len(np.unique(assignment)) in (1, 60):
        assert np.isnan(scores["silhouette"])
    if len(np.unique(assignment)) < 60:
        assert scores["degenerate"] == 1


@pytest.mark.parametrize(("noise", "largest", "is_degenerate"), [(1, 18, 0), (2, 18, 1), (0, 19, 0), (3, 16, 0)])
def test_exactly_95_per_cent_is_not_degenerate_yet(noise, largest, is_degenerate):
    # As floats, 0.05 + 0.9 exceeds 0.95.
    assignment = np.r_[np.full(noise, -1), np.zeros(largest, int), np.ones(20 - noise - largest, int)]
    x = np.random.default_rng(0).normal(size=(20, 2))
    expected = 1 if len(set(assignment) - {-1}) < 2 else is_degenerate
    assert evaluation.clustering_scores(x, assignment)["degenerate"] == expected


def test_external_scores_by_hand_leave_unknown_labels_out():
    x = np.arange(7.0)[:, None]
    assignment = np.array([0, 0, 0, 1, 1, -1, -1])
    labels = np.array(["a", "a", "b", "b", "b", "b", ""])
    scores = evaluation.clustering_scores(x, assignment, labels=labels)
    # Majorities: 2 of 3 in the first cluster, 2 of 2 in the second, 1 of 1 in the noise.
    assert scores["purity"] == pytest.approx(5 / 6)
    # Pairs: 2 agree, of 4 within clusters and 7 within classes, of 15 in all.
    expected = 4 * 7 / 15
    assert scores["adjusted_rand"] == pytest.approx((2 - expected) / ((4 + 7) / 2 - expected))
    # Entropies in nats: labels (1/3, 2/3), clusters (1/2, 1/3, 1/6); jointly 2/6, 1/6, 2/6, 1/6.
    entropy = [-sum(p * np.log(p) for p in shares) for shares in ((1 / 3, 2 / 3), (1 / 2, 1 / 3, 1 / 6))]
    joint = -sum(p * np.log(p) for p in (2 / 6, 1 / 6, 2 / 6, 1 / 6))
    shared = 2 * (sum(entropy) - joint) / sum(entropy)
    assert scores["normalized_mutual_information"] == pytest.approx(shared)
    assert scores["v_measure"] == pytest.approx(shared)
    assert scores["labelled"] == 6
    nothing = evaluation.clustering_scores(x, assignment, labels=np.full(7, ""))
    assert np.isnan(nothing["purity"])
    assert nothing["labelled"] == 0
    with pytest.raises(ValueError, match="labels have shape"):
        evaluation.clustering_scores(x, assignment, labels=labels[:3])
    with pytest.raises(ValueError, match="assignment has shape"):
        evaluation.clustering_scores(x, assignment[:3])


def test_the_grid_holds_every_cell_and_is_deterministic():
    x, truth = _groups()
    labels = {"truth": truth.astype(str)}
    rows = evaluation.clustering_grid(x, seed=3, labels=labels)
    assert len(rows) == 4 * 3 + 7
    again = evaluation.clustering_grid(x, seed=3, labels=labels)
    for a, b in zip(rows, again, strict=True):
        np.testing.assert_array_equal(a.assignment, b.assignment)
    best = next(row for row in rows if row.method == "dbscan" and row.parameters["eps"] == 0.7)
    assert best.scores["adjusted_rand/truth"] == 1.0
    assert best.scores == pytest.approx(
        evaluation.clustering_scores(x, best.assignment)
        | {f"{name}/truth": 1.0 for name in ("adjusted_rand", "normalized_mutual_information", "v_measure", "purity")}
        | {"labelled/truth": 60}
    )


def test_too_few_points_are_skipped_in_a_grid_and_refused_alone():
    x = np.random.default_rng(0).normal(size=(7, 2))
    rows = evaluation.clustering_grid(x, seed=0)
    assert {row.skipped for row in rows} == {"", "10 clusters of 7 points", "15 clusters of 7 points"}
    with pytest.raises(ValueError, match="8 clusters need as many points at least, and there are 7"):
        evaluation.kmeans(x, 8, seed=0)
    with pytest.raises(ValueError, match="1 of 7 points hold NaN"):
        evaluation.agglomerative(np.where(np.arange(7)[:, None] == 2, np.nan, x), 2)


@pytest.mark.parametrize("m", [5, 6, 10])
def test_the_product_of_the_two_scores_counts_coinciding_points(m):
    rng = np.random.default_rng(0)
    x = np.concatenate([rng.normal(size=(2000, 64)), np.repeat(rng.normal(3, 1, size=(1, 64)), m, 0)])
    assignment = evaluation.dbscan(x, 0.5)
    assert (assignment >= 0).sum() == m
    scores = evaluation.clustering_scores(x, assignment)
    group = evaluation.coinciding_group_size(scores["calinski_harabasz"], scores["davies_bouldin"])
    noise = x[:2000] - x[:2000].mean(0)
    radii = np.linalg.norm(noise, axis=1)
    exact = m * (radii.mean() / np.sqrt((radii**2).mean())) ** 2 * (m + 2000 - 2) / (m + 2000)
    assert group == pytest.approx(exact, rel=1e-6)
    assert group == pytest.approx(m, rel=0.02)
    ratio = radii.mean() / np.sqrt((radii**2).mean())
    assert ratio == pytest.approx(1 - 1 / (4 * 64), abs=1e-3)
    inverted = evaluation.coinciding_group_size(
        scores["calinski_harabasz"], scores["davies_bouldin"], n=len(x), radius_ratio=ratio
    )
    assert inverted == pytest.approx(m, rel=1e-6)
