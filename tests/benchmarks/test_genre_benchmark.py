"""The genre benchmark on little: its table's shape, and a worker's measurement."""

import jax
import numpy as np
import pytest

from benchmarks import genre


@pytest.fixture(scope="module")
def table(tmp_path_factory):
    path = tmp_path_factory.mktemp("genre") / "table.npz"
    source, padding = genre.generate(genre.Options(songs=64), path)
    assert source == "the embedded corpus"
    assert 0.5 < padding < 0.95
    return path


def test_the_generated_table_has_the_documents_shape(table):
    with np.load(table) as arrays:
        assert arrays["tokens"].shape == (64, 512)
        assert arrays["features"].shape == (64, 22)
        behind = np.arange(512) >= arrays["lengths"][:, None]
        assert (arrays["tokens"][behind] == 0).all()
        assert (arrays["tokens"][~behind] > 0).all()
        assert set(arrays["labels"]) <= {0, 1, 2, 3}


@pytest.mark.skipif(jax.default_backend() != "cpu", reason="the figures are the CPU's")
def test_a_worker_measures_an_epoch(table):
    found = genre.run_worker("jaxmusic", "metadata", table)
    assert 0 < found["seconds"] < 60
    assert found["memory"] > 50
    assert found["first"] > 0


def test_pytorchs_worker_measures_the_same_models(table):
    pytest.importorskip("torch", reason="PyTorch is not installed: it is only a peer of the benchmark")
    for model in genre.MODELS:
        assert genre.run_worker("PyTorch eager, fused Adam", model, table)["seconds"] > 0


def test_a_worker_that_fails_says_why(tmp_path):
    with pytest.raises(RuntimeError, match="No such file"):
        genre.run_worker("jaxmusic", "metadata", tmp_path / "none.npz")


def test_a_way_that_is_unknown_is_not_measured_as_another(tmp_path):
    with pytest.raises(ValueError, match="'PyTorch compiled' is none of the ways"):
        genre.main(genre.Options(songs=8, ways=("PyTorch compiled",), out=tmp_path))
    assert not list(tmp_path.iterdir())
