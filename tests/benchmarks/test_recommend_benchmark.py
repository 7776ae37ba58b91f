"""The recommending benchmark on little: its ways find the same songs, its workers measure, its tables are whole."""

import numpy as np
import pytest

from benchmarks import recommend as benchmark

OPTIONS = benchmark.Options(
    users=70,
    songs=90,
    n=5,
    dims=(4,),
    rounds=1,
    large_songs=300,
    slice_users=70,
    rows=40,
    columns=7,
    batch_sizes=(16,),
    epochs=1,
    triplets=500,
)


def test_all_ways_find_the_same_songs():
    users, items, history = benchmark.draw(70, 90, 4, plays=6)
    found = {name: way(users, items, history, 5) for name, way in benchmark.ways(OPTIONS).items()}
    expected = users @ items.T
    expected[history.toarray() > 0] = -np.inf
    for lists in found.values():
        np.testing.assert_array_equal(lists, np.argsort(-expected, axis=1)[:, :5])


def test_tables_of_lists_slice_and_reading():
    rows = benchmark.lists(OPTIONS)["rows"]
    assert {row[1] for row in rows} == {"jaxmusic", "implicit", "NumPy argpartition, blocks"}
    assert all(row[5] == 1 for row in rows)
    (row,) = benchmark.large(OPTIONS)["rows"]
    assert row[5] == pytest.approx(row[2] / 70 * 1e6 / 3600)
    (row,) = benchmark.reading(OPTIONS)["rows"]
    assert row[0] == 500
    assert row[5] > 400


def test_operations_by_hand():
    options = benchmark.Options(rows=10, columns=303)
    layers = 303 * 256 + 2 * 256**2 + 256 * 128 + 2 * 128**2 + 3 * 128**2 + 128 * 256 + 2 * 256**2 + 256 * 512
    layers += 2 * 512**2 + 512 * 6
    assert benchmark.flops(options) == 2 * 10 * (3 * layers - 303 * 256)


def test_the_network_is_trained_by_both():
    pytest.importorskip("torch", reason="PyTorch is not installed: it is only a peer of the benchmark")
    (row,) = benchmark.training(OPTIONS)["rows"]
    assert row[1] > 0
    assert row[2] > 0
    assert row[4] > 0
