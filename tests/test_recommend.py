"""Top-N in blocks against a full sort, what is excluded, profiles by hand, one person's list."""

import itertools

import jax
import numpy as np
import pytest
from scipy import sparse
from scipy.sparse import csr_array

from jaxmusic import recommend


def _vectors(users=37, items=50, d=8, seed=0):
    rng = np.random.default_rng(seed)
    return rng.normal(size=(users, d)).astype(np.float32), rng.normal(size=(items, d)).astype(np.float32)


@pytest.mark.parametrize("block", [1, 16, 64])
@pytest.mark.parametrize("similarity", ["dot", "cosine"])
def test_blocks_give_what_a_full_sort_gives(block, similarity):
    users, factors = _vectors()
    rng = np.random.default_rng(1)
    exclude = csr_array(rng.random((37, 50)) < 0.2)
    allowed = rng.random(50) < 0.8
    found = recommend.top_items(
        users, factors, 10, exclude=exclude, allowed=allowed, similarity=similarity, block=block
    )
    if similarity == "cosine":
        users, factors = (x / np.linalg.norm(x, axis=1, keepdims=True) for x in (users, factors))
    scores = users @ factors.T
    scores[exclude.toarray()] = -np.inf
    scores[:, ~allowed] = -np.inf
    np.testing.assert_array_equal(found, np.argsort(-scores, axis=1, kind="stable")[:, :10])


def test_short_lists_are_filled_and_never_show_what_is_excluded():
    users, factors = _vectors(3, 5)
    exclude = csr_array(np.array([[1, 1, 1, 1, 0], [0, 0, 0, 0, 0], [1, 1, 1, 1, 1]]))
    found = recommend.top_items(users, factors, 8, exclude=exclude)
    assert found[0].tolist() == [4] + [-1] * 7
    assert sorted(found[1, :5].tolist()) == [0, 1, 2, 3, 4]
    assert (found[1, 5:] == -1).all()
    assert (found[2] == -1).all()


def test_ties_go_to_the_lower_item():
    found = recommend.top_items(np.ones((1, 1)), np.ones((6, 1)), 6)
    assert found[0].tolist() == [0, 1, 2, 3, 4, 5]


def test_a_key_draws_the_order_of_equals_and_nothing_else():
    factors, exclude = np.array([[2.0], [1], [1], [1], [0]]), csr_array(np.array([[0, 0, 0, 1, 0], [0, 0, 0, 0, 0]]))
    lists = [
        recommend.top_items(np.ones((2, 1)), factors, 5, exclude=exclude, key=jax.random.key(i)).tolist()
        for i in range(30)
    ]
    assert {tuple(first) for first, _ in lists} == {(0, 1, 2, 4, -1), (0, 2, 1, 4, -1)}
    assert {tuple(second) for _, second in lists} == {(0, *order, 4) for order in itertools.permutations((1, 2, 3))}


@pytest.mark.parametrize("similarity", ["dot", "cosine"])
def test_blocks_of_scores_rank_as_the_lists_do_and_equal_items_score_alike(similarity):
    users, factors = _vectors()
    factors[40:] = factors[:10]
    exclude, allowed = csr_array(np.random.default_rng(1).random((37, 50)) < 0.2), np.arange(50) != 7
    options = {"exclude": exclude, "allowed": allowed, "similarity": similarity, "block": 10}
    scores = np.concatenate(list(recommend.score_blocks(users, factors, **options)))
    assert (np.isneginf(scores) == (exclude.toarray() | ~allowed)).all()
    shown = ~np.isneginf(scores[:, :10]) & ~np.isneginf(scores[:, 40:])
    np.testing.assert_array_equal(scores[:, :10][shown], scores[:, 40:][shown])
    np.testing.assert_array_equal(
        recommend.top_items(users, factors, 5, **options), np.argsort(-scores, axis=1, kind="stable")[:, :5]
    )


@pytest.mark.parametrize("n", [3, 20, 49])
def test_ties_at_the_end_of_a_list_go_to_the_lower_item_too(n):
    # Labels as factors: many songs are alike, and a partial selection would take any of them.
    rng = np.random.default_rng(0)
    # Of either sign and zero, of which there are two.
    users = rng.choice(np.array([-1, -0.5, -0.0, 0, 0.5, 1], np.float32), (70, 3))
    factors = np.eye(3, dtype=np.float32)[rng.integers(0, 3, 50)]
    exclude = csr_array(rng.random((70, 50)) < 0.1)
    scores = users @ factors.T
    scores[exclude.toarray()] = -np.inf
    expected = np.argsort(-scores, axis=1, kind="stable")[:, :n]
    expected = np.where(np.isneginf(np.take_along_axis(scores, expected, axis=1)), -1, expected)
    np.testing.assert_array_equal(recommend.top_items(users, factors, n, exclude=exclude, block=16), expected)


@pytest.mark.parametrize("backend", ["cpu", "tpu"])
def test_items_of_equal_factors_tie_on_every_platform(backend, monkeypatch):
    # Without `_GROUP`, a processor's product scores the last of these columns by another order of summation.
    monkeypatch.setattr(jax, "default_backend", lambda: backend)
    rng = np.random.default_rng(1)
    for items in (13, 59, 131):
        source = rng.integers(0, 5, items)
        users, factors = rng.normal(size=(7, 19)), rng.normal(size=(5, 19))
        order = np.argsort(-(users @ factors.T), axis=1)
        expected = [np.concatenate([np.flatnonzero(source == one) for one in row]) for row in order]
        found = recommend.top_items(users, factors[source], items, block=4)
        np.testing.assert_array_equal(found, expected)


def test_a_profile_is_the_mean_by_plays():
    factors = np.array([[1.0, 0.0], [0.0, 1.0], [2.0, 2.0]])
    plays = csr_array(np.array([[3.0, 1.0, 0.0], [0.0, 0.0, 0.0]]))
    np.testing.assert_allclose(recommend.profiles(plays, factors), [[0.75, 0.25], [0.0, 0.0]])
    with pytest.raises(ValueError, match="of 3 items, factors of 2"):
        recommend.profiles(plays, factors[:2])
    with pytest.raises(ValueError, match="negative"):
        recommend.profiles(-plays, factors)


def test_a_person_gets_near_songs_and_not_their_own():
    factors = np.array([[1, 0], [0.9, 0.1], [0, 1], [0.1, 0.9]], np.float32)
    assert recommend.recommend({0: 5.0}, factors, 1) == [1]
    assert recommend.recommend({2: 1.0}, factors, 10) == [3, 1, 0]
    with pytest.raises(ValueError, match="history is empty"):
        recommend.recommend({}, factors)
    with pytest.raises(ValueError, match="names item 9"):
        recommend.recommend({9: 1.0}, factors)


def test_similar_items_leave_out_the_item_itself():
    _, factors = _vectors()
    found = recommend.similar_items(np.array([7, 3]), factors, 5)
    normed = factors / np.linalg.norm(factors, axis=1, keepdims=True)
    for item, row in zip((7, 3), found, strict=True):
        assert item not in row
        order = np.argsort(-(normed @ normed[item]), kind="stable")
        assert row.tolist() == order[order != item][:5].tolist()


def test_what_does_not_fit_is_refused():
    users, factors = _vectors()
    with pytest.raises(ValueError, match="8 columns, factors 7"):
        recommend.top_items(users, factors[:, :7], 3)
    with pytest.raises(ValueError, match="none of"):
        recommend.top_items(users, factors, 3, similarity="euclid")
    with pytest.raises(ValueError, match="NaN"):
        recommend.top_items(users * np.nan, factors, 3)
    with pytest.raises(ValueError, match="at least 1"):
        recommend.top_items(users, factors, 0)
    with pytest.raises(ValueError, match="accelerator"):
        recommend.top_items(users, factors, 3, approximate=True)


@pytest.mark.parametrize("form", [sparse.csr_array, sparse.csc_array, sparse.coo_array, sparse.csr_matrix])
def test_any_sparse_history_is_excluded(form):
    users, factors = _vectors()
    history = np.random.default_rng(1).random((len(users), len(factors))) < 0.3
    found = recommend.top_items(users, factors, 50, exclude=form(history.astype(float)))
    for row, items in enumerate(found):
        assert set(items[items >= 0]) == set(np.flatnonzero(~history[row]))


def test_a_stored_zero_excludes_nothing_and_a_known_song_without_plays_is_not_shown():
    users, factors = _vectors(users=1, items=4)
    stored = sparse.csr_array((np.array([0.0, 1.0]), ([0, 0], [1, 2])), shape=(1, 4))
    assert sorted(recommend.top_items(users, factors, 4, exclude=stored)[0]) == [-1, 0, 1, 3]
    assert stored.nnz == 2  # the caller's own is left as it was
    assert sorted(recommend.recommend({0: 0.0, 2: 3.0}, factors)) == [1, 3]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"exclude": sparse.csr_array((2, 50))}, r"exclude has shape \(2, 50\), 37 users and 50 items"),
        ({"exclude": sparse.csr_array((37, 49))}, r"exclude has shape \(37, 49\)"),
        ({"allowed": np.ones(49, bool)}, r"allowed has shape \(49,\) for 50 items"),
        ({"block": 0}, "block must be at least 1"),
    ],
)
def test_shapes_that_do_not_fit_are_refused(options, message):
    with pytest.raises(ValueError, match=message):
        recommend.top_items(*_vectors(), 5, **options)


def test_without_items_lists_are_empty():
    users, factors = _vectors()
    assert (recommend.top_items(users, factors[:0], 3) == -1).all()
    with pytest.raises(ValueError, match="names item -1"):
        recommend.recommend({-1: 1.0, 2: 1.0}, factors)
