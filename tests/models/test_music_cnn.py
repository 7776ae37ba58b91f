"""musicnn: the original's numbers with its weights, training, and checkpoints that must not be read."""

import importlib.util
import json
from importlib.machinery import ModuleSpec

import jax
import numpy as np
import pytest
import tensorflow_writer

from jaxmusic import audio, models
from jaxmusic.models import musicnn_weights
from jaxmusic.models.tensorflow_checkpoint import read_checkpoint

SMALL = {"kernel": np.arange(6.0).reshape(2, 3), "kernel/bias": np.arange(3.0), "kernel/Adam": np.ones(3)}


@pytest.fixture(scope="module")
def reference(real_data):
    if importlib.util.find_spec("musicnn") is None:
        pytest.skip("musicnn is not installed: pip install --no-deps musicnn==0.1.0")
    folder = real_data.parent / "fixtures"
    if not (folder / "musicnn_reference.npz").is_file():
        pytest.skip("the outputs of the original are not at hand")
    return np.load(folder / "musicnn_reference.npz"), json.loads((folder / "musicnn_reference.json").read_text())


def _near(found, expected):
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-5 * np.abs(expected).max())


@pytest.mark.parametrize("name", musicnn_weights.NETS)
def test_outputs_are_those_of_the_original_implementation(reference, name):
    numbers, told = reference
    module, variables = models.convert_musicnn(name)
    found = jax.jit(module.apply)(variables, numbers["patches"].swapaxes(1, 2))
    folder = musicnn_weights.NETS[name][0]
    _near(jax.nn.sigmoid(found.logits), numbers[f"{folder}.tags"])
    for pool in ("penultimate", "mean_pool", "max_pool") if "vgg" not in name else ():
        _near(getattr(found, pool), numbers[f"{folder}.{pool}"])
    assert list(module.tags) == told[f"tags_{'MSD' if 'msd' in name else 'MTT'}"]


def test_the_input_is_that_of_librosa(reference, real_data):
    numbers, _ = reference
    for clip, patch in zip(numbers["clips"], numbers["patches"], strict=True):
        y = audio.load(real_data / "librosa_examples" / str(clip), sr=16_000, duration=4.0)
        _near(audio.musicnn_mel(y)[:, :187], patch.T)


def test_a_net_that_was_converted_is_kept_in_a_folder(reference, tmp_path):
    module, variables = models.convert_musicnn("musicnn-msd")
    models.save(tmp_path / "net", module, variables, inputs=(np.zeros((1, 96, 187), np.float32),))
    again, loaded = models.load(tmp_path / "net")
    assert again == module
    jax.tree.map(np.testing.assert_array_equal, loaded, variables)


def test_a_step_of_training_moves_statistics_and_passes_a_gradient():
    module = models.MusicCNN(("rock", "jazz"), 3, 2, (4, 2), midend_features=3, units=4)
    mel = np.random.default_rng(0).normal(size=(4, 20, 30)).astype(np.float32)
    variables = jax.jit(module.init)(jax.random.key(0), mel)

    def loss(params):
        found, changed = module.apply(
            {**variables, "params": params}, mel, True, mutable="batch_stats", rngs={"dropout": jax.random.key(1)}
        )
        return found.logits.sum(), changed

    gradient, changed = jax.jit(jax.grad(loss, has_aux=True))(variables["params"])
    assert all(np.isfinite(x).all() for x in jax.tree.leaves(gradient))
    assert max(float(np.abs(x).max()) for x in jax.tree.leaves(gradient["timbral_0"])) > 0
    before = variables["batch_stats"]["penultimate_norm"]["mean"]
    assert not np.array_equal(changed["batch_stats"]["penultimate_norm"]["mean"], before)


def test_silence_is_finite_input():
    mel = audio.musicnn_mel(np.zeros(16_000, np.float32))
    assert mel.shape == (96, 63)
    np.testing.assert_array_equal(mel, 0)


def test_a_checkpoint_is_read_without_what_is_ignored(tmp_path):
    found = read_checkpoint(tensorflow_writer.write(tmp_path, SMALL), ignored=("/Adam",))
    assert set(found) == {"kernel", "kernel/bias"}
    np.testing.assert_array_equal(found["kernel"], SMALL["kernel"])


@pytest.mark.parametrize(
    ("said", "message"),
    [
        ({"offset": 10**6}, "kernel lies at 1000000 to 1000024, the file has 48 bytes"),
        ({"offset": 4}, "the checksum of tensor kernel is another"),
        ({"size": 20}, r"kernel says 20 bytes, its shape \(2, 3\) of float32 takes 24"),
        ({"shape": (2**40, 2**40), "size": 24}, "its shape"),
        ({"shape": (2**40, 2**20), "size": 2**62}, "the file has 48 bytes"),
        ({"shape": (1,) * 9, "size": 4}, "9 axes, at most 8"),
        ({"dtype": 7}, "has the dtype 7"),
        ({"shard": 1}, "lies in shard 1"),
        ({"checksum": 1}, "the checksum of tensor kernel is another"),
    ],
)
def test_a_checkpoint_that_lies_is_refused_by_name(tmp_path, said, message):
    folder = tensorflow_writer.write(tmp_path, SMALL, {"kernel": said})
    with pytest.raises(ValueError, match=message) as error:
        read_checkpoint(folder)
    assert str(folder) in str(error.value)


def test_tensors_that_share_bytes_are_refused(tmp_path):
    folder = tensorflow_writer.write(tmp_path, {"a": np.ones(3), "b": np.ones(3)}, {"b": {"offset": 0}})
    with pytest.raises(ValueError, match="tensors a and b share bytes"):
        read_checkpoint(folder)


@pytest.mark.parametrize("name", [".index", ".data-00000-of-00001"])
def test_a_checkpoint_that_is_cut_off_or_missing_is_refused(tmp_path, name):
    path = tensorflow_writer.write(tmp_path, SMALL) / name
    content = path.read_bytes()
    for length in range(0, len(content), 7):
        path.write_bytes(content[:length])
        with pytest.raises(ValueError, match=name):
            read_checkpoint(tmp_path)
    path.unlink()
    with pytest.raises(FileNotFoundError, match=f"{name} is missing"):
        read_checkpoint(tmp_path)


def test_any_changed_byte_of_the_table_is_noticed_or_harmless(tmp_path):
    path = tensorflow_writer.write(tmp_path, SMALL) / ".index"
    content, expected = path.read_bytes(), read_checkpoint(tmp_path)
    for i in range(len(content)):
        path.write_bytes(content[:i] + bytes([content[i] ^ 0x55]) + content[i + 1 :])
        try:
            found = read_checkpoint(tmp_path)
        except ValueError as error:
            assert str(path.parent) in str(error)  # noqa: PT017 - either way is right
        else:
            # Padding of the footer, and the place of a list that no one reads.
            jax.tree.map(np.testing.assert_array_equal, found, expected)


def test_a_compressed_table_is_refused(tmp_path):
    with pytest.raises(ValueError, match=r"compressed \(kind 1\)"):
        read_checkpoint(tensorflow_writer.write(tmp_path, SMALL, kind=1))


@pytest.fixture
def package(tmp_path, monkeypatch):
    """A package musicnn whose folder a test fills."""
    origin = str(tmp_path / "musicnn" / "__init__.py")
    monkeypatch.setattr(musicnn_weights, "find_spec", lambda name: ModuleSpec(name, None, origin=origin))
    return tmp_path / "musicnn"


def _vgg(change):
    """The tensors of a VGG checkpoint, changed."""
    shapes = jax.eval_shape(
        lambda key: models.MusicVGG(models.MSD_TAGS).init(key, np.zeros((1, 96, 187), np.float32)), jax.random.key(0)
    )
    tensors = {}
    for theirs, ours in musicnn_weights.VGG_NAMES:
        names = musicnn_weights.NORM_NAMES if theirs.startswith("batch") else musicnn_weights.LAYER_NAMES
        for variable, (collection, name) in names.items():
            tensors[f"{theirs}/{variable}"] = np.zeros(shapes[collection][ours][name].shape, np.float32)
    change(tensors)
    return tensors


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda t: t.pop("dense/bias"), "tensor dense/bias is missing"),
        (lambda t: t.update({"dense/bias": np.zeros(49)}), r"dense/bias is float32\(49,\), tags_layer takes \(50,\)"),
        (lambda t: t.update({"other": np.zeros(1)}), "tensor other is no part of MusicVGG"),
        (lambda t: t.update({"dense/bias": np.full(50, np.nan)}), "dense/bias holds NaN"),
    ],
)
def test_another_nets_checkpoint_is_refused_by_name(package, change, message):
    tensorflow_writer.write(package / "MSD_vgg", _vgg(change))
    with pytest.raises(ValueError, match=message):
        models.convert_musicnn("musicnn-msd-vgg")


def test_without_the_package_the_command_is_said(monkeypatch):
    monkeypatch.setattr(musicnn_weights, "find_spec", lambda name: None)
    with pytest.raises(ModuleNotFoundError, match=r"pip install --no-deps musicnn==0\.1\.0"):
        models.convert_musicnn("musicnn-msd")
    with pytest.raises(ValueError, match="'musicnn' is none of the nets"):
        models.convert_musicnn("musicnn")
