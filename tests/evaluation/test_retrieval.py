"""Ranks and recalls: planted alignment, shuffled pairs, ties, classes, blocks; and linear CCA."""

import itertools

import numpy as np
import pytest
from sklearn.cross_decomposition import CCA as OracleCCA

from jaxmusic import evaluation


def _views(n=300, seed=0):
    """Two views of six shared factors, each rotated and with noise of its own."""
    rng = np.random.default_rng(seed)
    shared = rng.normal(size=(n, 6))
    return [shared @ rng.normal(size=(6, d)) + 0.02 * rng.normal(size=(n, d)) for d in (20, 12)]


def test_ranks_by_hand():
    gallery = np.array([[1.0, 0.0], [0.0, 1.0], [1.0, 1.0]])
    queries = np.array([[1.0, 0.1], [1.0, 0.1], [1.0, 0.9]])
    np.testing.assert_array_equal(evaluation.ranks(queries, gallery), [1, 3, 1])
    np.testing.assert_array_equal(evaluation.ranks(queries, gallery, target=[2, 0, 1]), [2, 1, 3])
    np.testing.assert_array_equal(evaluation.ranks(queries, gallery, similarity="dot"), [2, 3, 1])
    np.testing.assert_array_equal(evaluation.ranks(queries, gallery, similarity="euclidean"), [1, 3, 1])


def test_the_block_size_changes_nothing():
    x, y = np.random.default_rng(0).normal(size=(2, 50, 8))
    labels = np.repeat(list("abcde"), 10)
    whole = evaluation.retrieval_scores(x, y, labels=labels)
    assert evaluation.retrieval_scores(x, y, labels=labels, block=7) == pytest.approx(whole)


def test_a_planted_alignment_is_found_and_shuffled_pairs_are_at_chance():
    audio, lyrics = _views()
    cca = evaluation.fit_cca(audio[:200], lyrics[:200], n_components=6, ridge=1e-6)
    aligned = evaluation.cross_modal_retrieval(
        evaluation.project_x(cca, audio[200:]), evaluation.project_y(cca, lyrics[200:])
    )
    assert aligned["lyrics_to_audio"]["recall@1"] == aligned["audio_to_lyrics"]["recall@1"] == 1.0
    recalls = []
    for seed in range(20):
        order = np.random.default_rng(seed).permutation(200)
        cca = evaluation.fit_cca(audio[:200], lyrics[:200][order], n_components=6, ridge=1e-6)
        found = evaluation.retrieval_scores(
            evaluation.project_y(cca, lyrics[200:]), evaluation.project_x(cca, audio[200:])
        )
        recalls.append(found["recall@10"])
    assert found["chance/recall@10"] == 0.1
    assert np.mean(recalls) == pytest.approx(0.1, abs=3 * np.std(recalls) / 20**0.5)


def test_a_constant_embedding_scores_chance():
    constant, labels = np.ones((40, 3)), np.repeat(["a", "b"], 20)
    scores = evaluation.retrieval_scores(constant, constant, labels=labels)
    assert scores["recall@1"] == scores["recall@10"] == 0
    assert scores["median_rank"] == scores["chance/median_rank"] == 20.5
    assert scores["class/precision@10"] == pytest.approx(scores["chance/class/precision@10"], abs=0.15)


def test_chance_levels_are_the_means_over_all_orders():
    n, labels = 5, np.array(["a", "a", "a", "b", "b"])
    rng = np.random.default_rng(0)
    runs = []
    for _ in range(4000):
        runs.append(evaluation.retrieval_scores(*rng.normal(size=(2, n, 3)), labels=labels, ks=(1, 2)))
    for name in [key for key in runs[0] if not key.startswith("chance/")]:
        mean = np.mean([run[name] for run in runs])
        tolerance = 5 * np.std([run[name] for run in runs]) / len(runs) ** 0.5
        # The median of five ranks is 3 in expectation, too.
        assert mean == pytest.approx(runs[0][f"chance/{name}"], abs=max(tolerance, 1e-12)), name


def test_expected_average_precision_by_enumeration():
    from jaxmusic.evaluation.retrieval import _chance_average_precision

    values = []
    for positions in itertools.combinations(range(1, 7), 2):
        values.append(np.mean([(i + 1) / p for i, p in enumerate(positions)]))
    assert _chance_average_precision(2, 6) == pytest.approx(np.mean(values))


def test_the_own_pair_counts_for_nothing_in_class_scores():
    # Every query finds its own item first and its class last.
    x = np.eye(4)
    scores = evaluation.retrieval_scores(x, x, labels=np.array(["a", "a", "b", "b"]), ks=(1,))
    assert scores["recall@1"] == 1
    assert scores["class/recall@1"] < 1


def test_unknown_classes_are_neither_queries_nor_hits():
    x = np.random.default_rng(0).normal(size=(6, 3))
    labels = np.array(["a", "a", "", "", "", ""])
    assert evaluation.retrieval_scores(x, x, labels=labels)["chance/class/precision@1"] == pytest.approx(1 / 5)
    nothing = evaluation.retrieval_scores(x, x, labels=np.full(6, ""))
    assert np.isnan(nothing["class/map"])


def test_wrong_shapes_and_nan_are_refused():
    x = np.ones((4, 3))
    with pytest.raises(ValueError, match="row i of both"):
        evaluation.retrieval_scores(x, x[:3])
    with pytest.raises(ValueError, match="gallery: 1 of 4 rows"):
        evaluation.ranks(x, np.where(np.arange(4)[:, None] == 1, np.nan, x))
    with pytest.raises(ValueError, match="two pairs"):
        evaluation.retrieval_scores(x[:1], x[:1])
    with pytest.raises(ValueError, match="none of"):
        evaluation.ranks(x, x, similarity="manhattan")


def test_cca_agrees_with_scikit_learn():
    x, y = _views(200, seed=3)
    cca = evaluation.fit_cca(x, y, n_components=3)
    u, v = OracleCCA(3, max_iter=5000, tol=1e-12).fit(x, y).transform(x, y)
    oracle = [np.corrcoef(u[:, i], v[:, i])[0, 1] for i in range(3)]
    np.testing.assert_allclose(cca.correlations, oracle, atol=1e-4)
    ours = [np.corrcoef(evaluation.project_x(cca, x)[:, i], evaluation.project_y(cca, y)[:, i])[0, 1] for i in range(3)]
    np.testing.assert_allclose(ours, cca.correlations, atol=1e-8)


def test_cca_survives_constant_columns_and_fewer_rows_than_columns():
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(10, 30)), rng.normal(size=(10, 5))
    x[:, 3] = 1.0
    cca = evaluation.fit_cca(x, y, n_components=4, ridge=0.1)
    assert np.isfinite(evaluation.project_x(cca, x)).all()
    with pytest.raises(ValueError, match="9 components"):
        evaluation.fit_cca(x, y, n_components=9)
    with pytest.raises(ValueError, match="same number"):
        evaluation.fit_cca(x, y[:4], n_components=1)
