"""Active units and linear probes on planted latents."""

import numpy as np
import pytest

from jaxmusic import evaluation


def test_active_units_count_latents_that_vary():
    # Variances 0, 0.01 · 0.99, 0.01 · 1.01 and 4 with the threshold between the second and the third.
    signs = np.array([-1.0, 1.0])[:, None]
    mean = 5 + signs * np.sqrt([0, 0.0099, 0.0101, 4])
    assert evaluation.active_units(mean) == 2
    assert evaluation.active_units(mean, threshold=1.0) == 1
    # What has diverged has not collapsed.
    for broken in (np.full((3, 2), np.nan), np.zeros((0, 2))):
        with pytest.raises(ValueError, match="finite means"):
            evaluation.active_units(broken)


def test_a_probe_reads_what_is_there_and_no_more():
    rng = np.random.default_rng(0)
    labels = np.where(rng.random(400) < 0.3, "rare", "common")
    train, test = np.arange(300), np.arange(300, 400)
    noise = rng.normal(size=(400, 5))
    informed = noise + np.where(labels == "rare", 3, -3)[:, None]
    found = evaluation.linear_probe(informed[train], labels[train], informed[test], labels[test])
    assert found["accuracy"] > 0.98
    assert found["majority"] == pytest.approx(np.mean(labels[test] == "common"))
    blind = evaluation.linear_probe(noise[train], labels[train], noise[test], labels[test])
    assert blind["accuracy"] == pytest.approx(blind["majority"], abs=0.05)


def test_the_scaler_makes_units_irrelevant_and_unknown_labels_are_left_out():
    rng = np.random.default_rng(1)
    labels = np.repeat(["a", "b"], 50)
    x = rng.normal(size=(100, 3)) + (labels == "a")[:, None]
    order = rng.permutation(100)
    train, test = order[:70], order[70:]
    plain = evaluation.linear_probe(x[train], labels[train], x[test], labels[test])
    scaled = evaluation.linear_probe(1e6 * x[train] - 5, labels[train], 1e6 * x[test] - 5, labels[test])
    assert scaled == pytest.approx(plain)
    wild = np.concatenate([x[train], np.full((5, 3), 1e9)])
    unknown = evaluation.linear_probe(wild, np.r_[labels[train], np.full(5, "")], x[test], labels[test])
    assert unknown == plain
    with pytest.raises(ValueError, match="two classes"):
        evaluation.linear_probe(x[:50], labels[:50], x[50:], labels[50:])
    with pytest.raises(ValueError, match="labelled row"):
        evaluation.linear_probe(x[train], labels[train], x[:2], np.array(["", ""]))
