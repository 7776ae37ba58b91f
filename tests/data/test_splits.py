"""Splits: exact sizes, whole groups, balanced labels, one key one split."""

import jax
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jaxmusic.data.dataset import Dataset
from jaxmusic.data.splits import split
from jaxmusic.data.tables import read_table

KEY = jax.random.key(0)


def dataset(n: int, groups=None, **labels) -> Dataset:
    return Dataset(ids=np.arange(n).astype(str), modalities={}, masks={}, groups=groups, labels=labels)


def check_partition(parts, n):
    np.testing.assert_array_equal(np.sort(np.concatenate(parts)), np.arange(n))
    for rows in parts:
        assert len(rows)
        np.testing.assert_array_equal(rows, np.sort(rows))


@pytest.mark.parametrize(
    ("n", "fractions", "sizes"),
    [
        (3834, (0.7, 0.15, 0.15), [2683, 575, 576]),  # the document's
        (800, (0.7, 0.15, 0.15), [560, 120, 120]),
        (10, (0.6, 0.2, 0.2), [6, 2, 2]),  # .6 + .2 is a hair below .8 in floating point
        (11282, (0.8, 0.2), [9025, 2257]),
        (5, (1.0,), [5]),
    ],
)
def test_sizes_without_groups_are_exact(n, fractions, sizes):
    parts = split(KEY, dataset(n), fractions)
    assert [len(rows) for rows in parts] == sizes
    check_partition(parts, n)


def test_one_key_gives_one_split_and_another_key_another():
    data = dataset(200, groups=np.arange(200) // 3)
    one, same = split(KEY, data), split(KEY, data)
    other = split(jax.random.key(1), data)
    assert all(np.array_equal(a, b) for a, b in zip(one, same, strict=True))
    assert not np.array_equal(one[2], other[2])


def test_every_example_is_as_likely_to_be_in_the_test_part():
    n, draws = 40, 300
    hits = np.zeros(n)
    for seed in range(draws):
        hits[split(jax.random.key(seed), dataset(n))[2]] += 1
    # 6 of 40 each time: mean 45, standard deviation 6.2; five of those either way.
    assert hits.min() > 14
    assert hits.max() < 76


@settings(max_examples=40, deadline=None)
@given(st.lists(st.integers(1, 12), min_size=7, max_size=40), st.integers(0, 2**31 - 1))
def test_a_group_never_crosses_a_split(sizes, seed):
    groups = np.repeat([f"song {index}" for index in range(len(sizes))], sizes)
    n = len(groups)
    parts = split(jax.random.key(seed), dataset(n, groups=groups))
    check_partition(parts, n)
    members = [set(groups[rows]) for rows in parts]
    assert not members[0] & members[1] | members[0] & members[2] | members[1] & members[2]
    # No part is further from its share than the largest group can push it.
    for rows, share in zip(parts, (0.7, 0.15, 0.15), strict=True):
        assert abs(len(rows) - share * n) <= max(sizes) + 1


def test_sizes_with_many_small_groups_are_exact():
    rng = np.random.default_rng(0)
    groups = np.concatenate([rng.integers(0, 300, 560), np.arange(1000, 1240)])
    assert [len(rows) for rows in split(KEY, dataset(800, groups=groups))] == [560, 120, 120]


def test_every_group_may_land_in_every_part():
    groups = np.repeat(np.arange(8), [30, 10, 10, 10, 10, 10, 10, 10])
    seen = {index: set() for index in range(8)}
    for seed in range(60):
        for part, rows in enumerate(split(jax.random.key(seed), dataset(100, groups=groups), (0.4, 0.3, 0.3))):
            for group in np.unique(groups[rows]):
                seen[group].add(part)
    assert all(parts == {0, 1, 2} for parts in seen.values())


def test_groups_by_label_name_and_by_ids():
    data = dataset(60, groups=np.zeros(60), artist=np.repeat(np.arange(20).astype(str), 3))
    parts = split(KEY, data, groups="artist")
    assert [len(np.unique(data.labels["artist"][rows])) * 3 for rows in parts] == [len(rows) for rows in parts]
    assert [len(rows) for rows in split(KEY, data, groups=data.ids)] == [42, 9, 9]


def test_an_unknown_group_ties_nothing_together():
    assert [len(rows) for rows in split(KEY, dataset(100, groups=np.full(100, "")))] == [70, 15, 15]


def test_stratified_parts_have_each_labels_share():
    labels = np.repeat(["rock", "pop", "rap", "folk"], [100, 60, 33, 7])
    data = dataset(200, genre=labels)
    parts = split(KEY, data, stratify="genre")
    assert [len(rows) for rows in parts] == [140, 30, 30]
    for rows, share in zip(parts, (0.7, 0.15, 0.15), strict=True):
        for genre in np.unique(labels):
            assert abs((labels[rows] == genre).sum() - share * (labels == genre).sum()) <= 1
    by_array = split(KEY, data, stratify=labels)
    assert all(np.array_equal(a, b) for a, b in zip(parts, by_array, strict=True))


def test_stratified_groups_are_balanced_as_far_as_groups_allow():
    rng = np.random.default_rng(1)
    language = np.repeat(["en", "de"], [300, 100])
    groups = np.char.add(language, rng.integers(0, 60, 400).astype(str))
    parts = split(KEY, dataset(400, groups=groups, language=language), stratify="language")
    check_partition(parts, 400)
    for rows in parts:
        assert abs((language[rows] == "de").mean() - 0.25) < 0.03


@pytest.mark.parametrize(
    ("fractions", "message"),
    [
        ((0.7, 0.2), "sum to 1"),
        ((0.7, 0.3, 0.0), "positive"),
        ((1.2, -0.2), "positive"),
        ((), "sum to 1"),
        ((0.98, 0.01, 0.01), "would be empty"),
    ],
)
def test_impossible_fractions_are_refused(fractions, message):
    with pytest.raises(ValueError, match=message):
        split(KEY, dataset(20), fractions)


def test_fewer_groups_than_parts_is_an_error():
    with pytest.raises(ValueError, match="2 groups cannot fill 3 parts"):
        split(KEY, dataset(20, groups=np.arange(20) % 2))
    parts = split(KEY, dataset(30, groups=np.repeat(np.arange(3), [10, 10, 10])))
    assert [len(rows) for rows in parts] == [10, 10, 10]


def test_unknown_labels_are_refused():
    with pytest.raises(ValueError, match="stratify='mood' is no label"):
        split(KEY, dataset(20), stratify="mood")
    with pytest.raises(ValueError, match="groups has 3 rows for 20 examples"):
        split(KEY, dataset(20), groups=np.arange(3))


def test_real_clips_are_split_by_song_near_the_fractions(real_data):
    rows = read_table(real_data / "clips_cc" / "labels.csv", ("id", "song"))
    songs = np.array([row["song"] for row in rows])
    test_songs = set()
    for seed in range(10):
        parts = split(jax.random.key(seed), dataset(len(rows), groups=songs))
        assert not set(songs[parts[0]]) & set(songs[parts[2]])
        np.testing.assert_allclose([len(part) for part in parts], [186, 40, 40], atol=4)
        test_songs |= set(songs[parts[2]])
    assert len(test_songs) > 10  # the seeds test on different songs
