"""One matrix, stored in many ways: scores, profiles and lists are those of the matrix."""

import numpy as np
import pytest
from scipy import sparse

from jaxmusic import evaluation
from jaxmusic.recommend import profiles, top_items

MATRIX = np.array([[1, 0, 2, 0], [0, 0, 0, 3], [0, 1, 0, 1]])
LISTS = np.array([[2, 1], [0, 3], [1, 3]])


def _forms():
    rows, columns = np.nonzero(MATRIX)
    values = MATRIX[rows, columns].astype(float)
    order = np.lexsort((-columns, rows))
    ends = np.searchsorted(rows, np.arange(4))
    stored = sparse.csr_array((np.ones(12), np.tile(np.arange(4), 3), np.arange(0, 13, 4)), shape=(3, 4))
    stored.data[:] = MATRIX.ravel()
    double = sparse.csr_array((np.repeat(values / 2, 2), np.repeat(columns, 2), ends * 2), shape=MATRIX.shape)
    cancelled = sparse.coo_array(
        (np.concatenate([values, [5, -5]]), (np.append(rows, [1, 1]), np.append(columns, [0, 0]))), shape=MATRIX.shape
    )
    return {
        "dense": MATRIX,
        "csr": sparse.csr_array(MATRIX),
        "csr_matrix": sparse.csr_matrix(MATRIX),
        "csc": sparse.csc_array(MATRIX),
        "coo": sparse.coo_array(MATRIX),
        "lil": sparse.lil_array(MATRIX),
        "stored zeros": stored,
        "double entries": double,
        "entries that cancel": cancelled,
        "unsorted": sparse.csr_array((values[order], columns[order], ends), shape=MATRIX.shape),
    }


@pytest.mark.parametrize("name", _forms())
def test_the_storage_changes_nothing(name):
    form = _forms()[name]
    before = form.data.copy() if name == "stored zeros" else None
    expected = evaluation.ranking_scores(LISTS, sparse.csr_array(MATRIX), k=2, cutoffs=(2,))
    assert evaluation.ranking_scores(LISTS, form, k=2, cutoffs=(2,)) == expected
    np.testing.assert_allclose(evaluation.average_precision(LISTS, form, k=2), [0.5, 0.5, 1])
    factors = np.random.default_rng(0).normal(size=(4, 3))
    users = MATRIX @ factors / MATRIX.sum(1, keepdims=True)
    np.testing.assert_allclose(profiles(form, factors), users, rtol=1e-6)
    if name != "dense":
        shown = top_items(users, factors, 4, exclude=form)
        assert [sorted(row[row >= 0]) for row in shown] == [[1, 3], [0, 1, 2], [0, 2]]
    if before is not None:
        np.testing.assert_array_equal(form.data, before)  # the caller's own


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_values_that_are_no_numbers_are_refused(bad):
    matrix = sparse.csr_array(np.array([[bad, 1.0]]))
    with pytest.raises(ValueError, match="relevant holds NaN"):
        evaluation.ranking_scores(np.array([[0]]), matrix, k=1, cutoffs=(1,))
    with pytest.raises(ValueError, match="plays holds NaN"):
        profiles(matrix, np.ones((2, 2)))


def test_lists_of_no_numbers_and_no_length_are_refused():
    with pytest.raises(ValueError, match="item numbers"):
        evaluation.average_precision(LISTS.astype(float), sparse.csr_array(MATRIX))
    with pytest.raises(ValueError, match="k must be at least 1"):
        evaluation.average_precision(LISTS, sparse.csr_array(MATRIX), k=0)
