"""Word vectors: the same seed gives the same, what is unknown is masked, files are read strictly."""

import os
import subprocess
import sys

import numpy as np
import pytest

from jaxmusic import text

LISTS = [["rock", "metal"], ["rock", "punk"], ["jazz", "blues"], ["jazz", "soul"], ["lonely"]] * 20


def test_words_that_share_contexts_are_nearer():
    vectors = text.fit_word_vectors(LISTS, size=16, seed=0, epochs=50)
    unit = vectors.vectors / np.linalg.norm(vectors.vectors, axis=1, keepdims=True)
    near = unit[vectors.row_of["metal"]] @ unit[vectors.row_of["punk"]]
    assert near > unit[vectors.row_of["metal"]] @ unit[vectors.row_of["blues"]]
    assert "lonely" in vectors.row_of


def test_means_and_masks():
    vectors = text.WordVectors({"a": 0, "b": 1}, np.array([[1.0, 3.0], [3.0, 5.0]], np.float32))
    mean, mask = vectors.mean([["a", "b"], ["b", "new"], ["new"], []])
    assert mean.tolist() == [[2, 4], [3, 5], [0, 0], [0, 0]]
    assert mask.tolist() == [True, True, False, False]


def test_the_same_seed_gives_the_same_vectors_whatever_strings_hash_to():
    code = (
        "from jaxmusic import text\n"
        "v = text.fit_word_vectors([['a', 'b'], ['b', 'c']] * 10, size=4, seed=3)\n"
        "print(sorted(v.row_of), v.vectors[[v.row_of[w] for w in 'abc']].tolist())"
    )
    found = {
        subprocess.run(
            [sys.executable, "-c", code],
            capture_output=True,
            text=True,
            check=True,
            env={**os.environ, "PYTHONHASHSEED": seed},
        ).stdout
        for seed in ("1", "2")
    }
    assert len(found) == 1


def test_pretrained_vectors_are_where_training_starts():
    start = text.WordVectors({"rock": 0}, np.full((1, 8), 5.0, np.float32))
    tuned = text.fit_word_vectors(LISTS, seed=0, epochs=1, pretrained=start)
    assert tuned.vectors.shape[1] == 8
    assert abs(tuned.vectors[tuned.row_of["rock"]].mean() - 5) < 1
    assert abs(tuned.vectors[tuned.row_of["jazz"]].mean()) < 1


def test_too_rare_words_are_an_error():
    with pytest.raises(ValueError, match="occurs 9 times"):
        text.fit_word_vectors([["a", "b"]], min_count=9)


@pytest.mark.parametrize("head", ["", "2 3\n"])
def test_files_of_word2vec_and_glove(tmp_path, head):
    path = tmp_path / "vectors.txt"
    path.write_text(f"{head}rain 1 2 3\nmoon 0.5 0 -1\n")
    vectors = text.load_word_vectors(path)
    assert vectors.vectors[vectors.row_of["moon"]].tolist() == [0.5, 0, -1]


@pytest.mark.parametrize(
    ("content", "match"), [("a 1 2\nb 1\n", "line 2: 1 values, 2"), ("a x y\n", "line 1: 'a'"), ("", "no word vectors")]
)
def test_broken_files_are_named(tmp_path, content, match):
    (tmp_path / "v.txt").write_text(content)
    with pytest.raises(ValueError, match=match):
        text.load_word_vectors(tmp_path / "v.txt")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"love 1 2\nrain 1 nan\n", "line 2: the vector of 'rain' holds NaN"),
        (b"love 1 2\nrain inf 2\n", "line 2: the vector of 'rain' holds NaN or infinite"),
        ("love 1 2\nça 1 2\n".encode("latin-1"), "line 2 is not UTF-8"),
        (b"", "holds no word vectors"),
    ],
)
def test_a_file_of_broken_vectors_is_refused(content, message, tmp_path):
    (tmp_path / "v.txt").write_bytes(content)
    with pytest.raises(ValueError, match=message) as error:
        text.load_word_vectors(tmp_path / "v.txt")
    assert "v.txt" in str(error.value)
