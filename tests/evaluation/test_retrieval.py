"""Ranks and recalls: planted alignment, shuffled pairs, ties, classes, blocks."""

import itertools

import numpy as np
import pytest
from sklearn.metrics import average_precision_score

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


@pytest.mark.parametrize("similarity", ["cosine", "dot", "euclidean"])
@pytest.mark.parametrize("n", [2, 5, 41, 300])
def test_a_constant_embedding_scores_chance_exactly(similarity, n):
    # Classes of unequal size, one of a single song and one unknown.
    labels = np.array(["a", "b", "b", "c", "a", "b", ""] * 50)[:n]
    constant = np.broadcast_to(np.random.default_rng(0).normal(size=64), (n, 64))
    np.testing.assert_array_equal(evaluation.ranks(constant, constant, similarity=similarity), np.full(n, (n + 1) / 2))
    scores = evaluation.retrieval_scores(constant, constant, labels=labels, similarity=similarity)
    for name in [key for key in scores if not key.startswith("chance/")]:
        assert scores[name] == pytest.approx(scores[f"chance/{name}"], rel=1e-9, nan_ok=True), name
    assert scores["recall@1"] == pytest.approx(1 / n)


def test_ties_are_scored_as_the_mean_over_their_orders():
    # One query class; similarities 3 > 2 = 2 = 2 > 1, relevant at the second, third and last place.
    from jaxmusic.evaluation.retrieval import expected_scores

    opens, relevant = np.array([[True, True, False, False, True]]), np.array([[False, True, True, False, True]])
    runs = []
    for order in itertools.permutations(range(1, 4)):
        hit = relevant[0, [0, *order, 4]]
        precision = np.cumsum(hit) / np.arange(1, 6)
        run = {"class/map": precision[hit].mean()}
        for k in (1, 2, 3, 9):
            run |= {f"class/recall@{k}": hit[:k].any(), f"class/precision@{k}": hit[:k].mean()}
        runs.append(run)
    found = expected_scores(opens, relevant, (1, 2, 3, 9))
    assert found.keys() == runs[0].keys()
    for name, values in found.items():
        assert values[0] == pytest.approx(np.mean([run[name] for run in runs])), name


def test_class_scores_agree_with_scikit_learn():
    n = 40
    rng = np.random.default_rng(1)
    x, y = rng.normal(size=(2, n, 6))
    labels = np.array(list("abcd"))[rng.integers(4, size=n)]
    found = evaluation.retrieval_scores(x, y, labels=labels, similarity="dot")
    precisions, hits = [], []
    for i in range(n):
        others = np.arange(n) != i
        is_relevant = labels[others] == labels[i]
        precisions.append(average_precision_score(is_relevant, (x[i] @ y.T)[others]))
        hits.append(is_relevant[np.argsort(-(x[i] @ y.T)[others])])
    assert found["class/map"] == pytest.approx(np.mean(precisions), abs=1e-6)
    assert found["class/recall@5"] == pytest.approx(np.mean([hit[:5].any() for hit in hits]))
    assert found["class/precision@5"] == pytest.approx(np.mean([hit[:5].mean() for hit in hits]))


def test_distances_keep_their_ranks_far_from_the_origin():
    x, y = np.random.default_rng(0).normal(size=(2, 60, 8))
    near = evaluation.ranks(x, y, similarity="euclidean")
    exact = np.linalg.norm(x[:, None] - y[None], axis=-1)
    np.testing.assert_array_equal(near, 1 + (exact < np.diag(exact)[:, None]).sum(1))
    np.testing.assert_array_equal(evaluation.ranks(x + 1e4, y + 1e4, similarity="euclidean"), near)


def test_chance_levels_are_the_means_over_all_orders():
    n, labels = 5, np.array(["a", "a", "a", "b", "b"])
    rng = np.random.default_rng(0)
    runs = []
    for _ in range(2000):
        runs.append(evaluation.retrieval_scores(*rng.normal(size=(2, n, 3)), labels=labels, ks=(1, 2)))
    for name in [key for key in runs[0] if not key.startswith("chance/")]:
        mean = np.mean([run[name] for run in runs])
        tolerance = 5 * np.std([run[name] for run in runs]) / len(runs) ** 0.5
        # The median of five ranks is 3 in expectation, too.
        assert mean == pytest.approx(runs[0][f"chance/{name}"], abs=max(tolerance, 1e-12)), name


def test_expected_average_precision_by_enumeration():
    # Two of six items are relevant: one query class of three songs among seven.
    values = []
    for positions in itertools.combinations(range(1, 7), 2):
        values.append(np.mean([(i + 1) / p for i, p in enumerate(positions)]))
    x, labels = np.random.default_rng(0).normal(size=(7, 3)), np.array(["a", "a", "a", "b", "c", "", ""])
    assert evaluation.retrieval_scores(x, x, labels=labels)["chance/class/map"] == pytest.approx(np.mean(values))


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
    with pytest.raises(ValueError, match="labels have shape"):
        evaluation.retrieval_scores(x, x, labels=np.array(["a", "b"]))
    with pytest.raises(ValueError, match="positions from 0 to 3"):
        evaluation.ranks(x, x, target=[0, 1, 2, 4])
    with pytest.raises(ValueError, match="target="):
        evaluation.ranks(x, x[:3])
    for ks in ((0, 1), ()):
        with pytest.raises(ValueError, match="cut-offs"):
            evaluation.retrieval_scores(x, x, ks=ks)
    with pytest.raises(ValueError, match="none of"):
        evaluation.ranks(x, x, similarity="manhattan")


def test_any_modalities_and_several_labels_by_name():
    rng = np.random.default_rng(0)
    embedded = {name: rng.normal(size=(12, 3)) for name in ("sound", "tags", "words")}
    labels = {"genre": np.arange(12) % 3, "mood": np.arange(12) % 2}
    found = evaluation.cross_modal_retrieval(embedded, labels=labels, ks=(1,))
    assert set(found) == {f"{a}_to_{b}" for a in embedded for b in embedded if a != b}
    two = evaluation.cross_modal_retrieval(embedded["sound"], embedded["words"], labels=labels["mood"], ks=(1,))
    assert list(two) == ["lyrics_to_audio", "audio_to_lyrics"]
    assert found["words_to_sound"]["mrr"] == two["lyrics_to_audio"]["mrr"]
    assert found["words_to_sound"]["class/map/mood"] == two["lyrics_to_audio"]["class/map"]
    for given in (({"sound": embedded["sound"]},), (embedded, embedded["sound"]), (embedded["sound"],)):
        with pytest.raises(ValueError, match=r"needs two|give two arrays"):
            evaluation.cross_modal_retrieval(*given)
