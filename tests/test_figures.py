"""Every figure is written, small, and stands odd input; the maps separate what is apart."""

import numpy as np
import pytest

from jaxmusic import figures


def _is_small_png(path):
    content = path.read_bytes()
    assert content.startswith(b"\x89PNG")
    assert 2_000 < len(content) < 250_000
    return True


@pytest.fixture
def clips():
    return np.random.default_rng(0).normal(size=(3, 16, 30))


def test_maps_with_unknown_classes_many_classes_and_bangla(tmp_path):
    xy = np.random.default_rng(0).normal(size=(90, 2))
    labels = np.array([f"class {i % 30}" for i in range(88)] + ["", "ভালোবাসা"])
    path = figures.latent_map({"one": xy, "two": -xy}, labels, path=tmp_path / "a" / "map.png", legend_title="x")
    assert _is_small_png(path)


def test_reconstructions_and_interpolation(tmp_path, clips):
    names = ["short", "a name that is much too long for the width of a panel", "গান"]
    assert _is_small_png(figures.reconstructions(clips, {"VAE": clips / 2}, path=tmp_path / "r.png", titles=names))
    clips[0, 0, 0] = np.nan
    assert _is_small_png(figures.interpolation(clips, path=tmp_path / "i.png"))
    vectors = np.random.default_rng(0).normal(size=(2, 20))
    assert _is_small_png(figures.vector_reconstructions(vectors, vectors / 2, path=tmp_path / "v.png"))


def test_curves_and_bars(tmp_path):
    curves = {"VAE": {"loss": np.ones((3, 5)), "valid_loss": np.full((3, 5), np.nan), "kl": np.zeros(5)}}
    assert _is_small_png(figures.training_curves(curves, path=tmp_path / "t.png"))
    assert _is_small_png(figures.explained_variance({"x": np.full(5, 0.1)}, path=tmp_path / "e.png"))
    lines = {"a": ([0.1, 0.2], [0.01, 0.02]), "b": ([0.3, np.nan], [0.0, 0.0])}
    options = {"xlabel": "pairs", "ylabel": "recall"}
    assert _is_small_png(figures.learning_curve([10, 100], lines, 0.05, path=tmp_path / "l.png", **options))
    bars = {"reported": ([0.1, np.nan], None), "fresh": ([0.2, 0.3], [0.1, 0.1])}
    assert _is_small_png(figures.metric_bars(["x", "y"], bars, path=tmp_path / "b.png", ylabel="silhouette"))


def test_figures_leave_matplotlibs_global_state_alone(tmp_path, clips):
    import matplotlib.pyplot as plt

    figures.interpolation(clips, path=tmp_path / "i.png")
    assert plt.get_fignums() == []


@pytest.mark.parametrize("project", [figures.tsne_coordinates, figures.umap_coordinates])
def test_maps_keep_groups_apart_and_repeat(project):
    rng = np.random.default_rng(0)
    x = np.concatenate([rng.normal(size=(30, 5)), rng.normal(20, 1, size=(30, 5))])
    first, again = project(x, seed=0), project(x, seed=0)
    np.testing.assert_array_equal(first, again)
    centres = first[:30].mean(0), first[30:].mean(0)
    inside = max(first[:30].std(), first[30:].std())
    assert np.linalg.norm(centres[0] - centres[1]) > inside
    assert project(x[:4], seed=0).shape == (4, 2)
    with pytest.raises(ValueError, match="three points"):
        project(x[:2], seed=0)
