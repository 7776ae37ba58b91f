"""Every figure is written, small, and stands odd input; the maps separate what is apart."""

import numpy as np
import pytest

from jaxmusic import figures


def _is_small_png(path):
    content = path.read_bytes()
    assert content.startswith(b"\x89PNG")
    assert 2_000 < len(content) < 150_000
    return True


@pytest.fixture
def clips():
    return np.random.default_rng(0).normal(size=(3, 16, 30))


def _share_of(path, hex_color):
    """Share of the picture's pixels within a few steps of a colour, which the palette may round."""
    from PIL import Image

    pixels = np.asarray(Image.open(path).convert("RGB"), int)
    wanted = [int(hex_color[i : i + 2], 16) for i in (1, 3, 5)]
    return (np.abs(pixels - wanted).max(-1) <= 4).mean()


def test_maps_with_unknown_classes_many_classes_and_bangla(tmp_path):
    xy = np.random.default_rng(0).normal(size=(90, 2))
    labels = np.array([f"class {i % 30}" for i in range(88)] + ["", "ভালোবাসা"])
    path = figures.latent_map({"one": xy, "two": -xy}, labels, path=tmp_path / "a" / "map.png", legend_title="x")
    assert _is_small_png(path)
    five = figures.latent_map(dict.fromkeys("abcde", xy), labels, path=tmp_path / "five.png", title="গান")
    assert _is_small_png(five)
    with pytest.raises(ValueError, match=r"has shape \(90, 2\) for 3 labels"):
        figures.latent_map({"one": xy}, labels[:3], path=tmp_path / "b.png")


def test_classes_are_in_their_natural_order_then_the_rest_then_the_unknown():
    from jaxmusic.figures.maps import classes_and_styles

    names = [f"class {i}" for i in range(20)]
    labels, styles = classes_and_styles(np.array([*names, *names[:15], ""]))
    assert list(styles) == [*names[:15], "5 others", "unknown"]
    assert len(set(styles.values())) == 17
    assert (labels == "5 others").sum() == 5


def test_reconstructions_and_interpolation(tmp_path, clips):
    names = ["A$AP $x_{", "a name that is much too long for the width of a panel", "গান"]
    path = tmp_path / "r.png"
    assert _is_small_png(figures.reconstructions(clips, {"VAE": clips / 2}, path=path, titles=names, seconds=10))
    assert _share_of(path, figures.canvas.GREY) < 0.01
    clips[0, :, 15:] = np.nan
    figures.reconstructions(clips, {"VAE": clips / 2}, path=path)
    assert _share_of(path, figures.canvas.GREY) > 0.03
    assert _is_small_png(figures.interpolation(clips, path=tmp_path / "i.png"))
    with pytest.raises(ValueError, match="VAE"):
        figures.reconstructions(clips, {"VAE": clips[:2]}, path=path)


def test_noise_of_the_longest_clips_makes_no_big_file(tmp_path):
    noise = np.random.default_rng(0).normal(size=(4, 128, 1290))
    assert _is_small_png(figures.reconstructions(noise, {"VAE": noise[:, ::-1]}, path=tmp_path / "r.png"))


def test_vectors(tmp_path):
    vectors = np.random.default_rng(0).normal(size=(2, 20))
    assert _is_small_png(figures.vector_reconstructions(vectors, vectors / 2, path=tmp_path / "v.png"))
    with pytest.raises(ValueError, match="2 · n_mels"):
        figures.vector_reconstructions(vectors[:, :5], vectors[:, :5], path=tmp_path / "v.png")


@pytest.mark.filterwarnings("error")
def test_curves_and_bars_with_gaps(tmp_path):
    curves = {"VAE": {"loss": np.ones((3, 5)), "valid_loss": np.full((3, 5), np.nan), "kl": np.zeros(5)}}
    assert _is_small_png(figures.training_curves(curves, path=tmp_path / "t.png"))
    assert _is_small_png(figures.explained_variance({"x": np.full(5, 0.1)}, path=tmp_path / "e.png"))
    lines = {"a": ([0.1, 0.2], [0.01, 0.02]), "b": ([0.3, np.nan], [0.0, 0.0])}
    options = {"xlabel": "pairs", "ylabel": "recall"}
    assert _is_small_png(figures.learning_curve([10, 100], lines, 0.05, path=tmp_path / "l.png", **options))
    bars = {"reported": [0.1, np.nan], "fresh": ([0.2, 0.3], [0.1, 0.1])}
    path = figures.metric_bars(["x", "y"], bars, path=tmp_path / "b.png", ylabel="silhouette")
    assert _is_small_png(path)
    lying = figures.metric_bars(["x", "y"], bars, path=tmp_path / "lying.png", ylabel="silhouette", lying=True)
    for drawn in (path, lying):
        first, second = (_share_of(drawn, color) for color in figures.canvas.COLORS[:2])
        # Bars of 0.1 and none against 0.2 and 0.3, and the legend's squares.
        assert 0 < first < second / 3
    with pytest.raises(ValueError, match="reported: 1 values for 2 groups"):
        figures.metric_bars(["x", "y"], {"reported": [0.1]}, path=path, ylabel="silhouette")


@pytest.mark.parametrize(
    ("values", "scale"),
    [
        (np.linspace(1, 3, 20), "linear"),
        (np.array([-3.0, -1.0]), "linear"),
        (np.full(3, np.nan), "linear"),
        (np.geomspace(0.05, 5, 20), "symlog"),
        (np.geomspace(1e-6, 1e4, 20), "symlog"),
        (np.array([0.0, 0.2, 3000.0]), "symlog"),
    ],
)
def test_an_axis_of_losses_has_a_few_ticks_at_any_range(values, scale):
    from jaxmusic.figures.charts import scale_of_losses

    axes = figures.canvas.new_figure(4, 3).subplots()
    axes.plot(values)
    # The band of a standard deviation may reach far below what was measured.
    axes.fill_between(np.arange(len(values)), values - 2 * np.nanmax(np.nan_to_num(values)), values, alpha=0.1)
    scale_of_losses(axes, values)
    assert axes.get_yscale() == scale
    low, high = axes.get_ylim()
    assert 2 <= sum(low <= tick <= high for tick in axes.get_yticks()) <= 11


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
    with pytest.raises(ValueError, match="1 of 60 points hold NaN"):
        project(np.where(np.arange(60)[:, None] == 7, np.nan, x), seed=0)


@pytest.mark.parametrize("project", [figures.tsne_coordinates, figures.umap_coordinates])
def test_collapsed_latents_are_one_point(project):
    # scikit-learn's t-SNE ends the process on these.
    np.testing.assert_array_equal(project(np.full((40, 3), 0.3), seed=0), np.zeros((40, 2)))


@pytest.mark.parametrize("scale", [1e-25, 1e25])
def test_small_and_large_units_are_mapped_alike(scale):
    x = np.random.default_rng(0).normal(size=(40, 3))
    ours, wanted = (figures.tsne_coordinates(factor * x, seed=0) for factor in (scale, 1.0))
    near = [np.linalg.norm(xy[:, None] - xy[None], axis=-1).argsort(axis=1)[:, 1] for xy in (ours, wanted)]
    assert (near[0] == near[1]).mean() > 0.9


def test_what_differs_by_little_far_from_zero_is_still_told_apart():
    # In float32 all of these would be 5.
    groups = np.repeat([0.0, 1e-8], 20)
    xy = figures.tsne_coordinates(5 + groups[:, None] + 1e-10 * np.random.default_rng(0).normal(size=(40, 3)), seed=0)
    distances = np.linalg.norm(xy[:, None] - xy[None], axis=-1)
    assert (groups[distances.argsort(axis=1)[:, 1]] == groups).all()


def test_a_single_column_is_mapped():
    assert figures.tsne_coordinates(np.arange(20.0)[:, None], seed=0).shape == (20, 2)


def test_a_forest_plot_draws_every_outcome_and_long_names(tmp_path):
    lines = [
        figures.ForestLine("1 " + "x" * 200, f"{outcome} $x$", metric, 0.5, 0.4 * scale, low, 0.6 * scale, outcome)
        for outcome, low in (("reproduced", 0.2), ("not reproduced", 0.3), ("undecided", None))
        for metric, scale in (("a", 1.0), ("b", 1e4), ("c", -1.0), ("d", 0.0))
    ]
    path = figures.forest_plot(lines, path=tmp_path / "forest.png")
    assert _is_small_png(path)
    for color in ("#009E73", "#D55E00", "#0072B2"):
        assert _share_of(path, color) > 0
    with pytest.raises(ValueError, match="a line at least"):
        figures.forest_plot([], path=path)
