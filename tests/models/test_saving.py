"""A module in a folder: what is saved comes back the same, and what is not known is refused by name."""

import dataclasses
import hashlib
import json
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple, get_type_hints

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from every_model import CASES
from flax.core import FrozenDict
from safetensors.numpy import load_file, save_file

from jaxmusic import _files, models
from jaxmusic.models import folders
from jaxmusic.models.folders import config_digest
from jaxmusic.models.module_config import fits, library_classes
from jaxmusic.text import TransformerConfig
from tests.saved_folders import edit_config


class Sizes(NamedTuple):
    first: int
    second: int = 3


@dataclasses.dataclass(frozen=True)
class Options:
    rate: float
    sizes: Sizes


class Net(nn.Module):
    """One's own module with a field of every kind."""

    encoders: Any
    options: Options
    widths: Sequence[int] = (4, 2)
    bounds: Any = (float("-inf"), float("inf"))
    names: Any = None
    dtype: Any = None
    activation: Callable = nn.relu

    @nn.compact
    def __call__(self, x):
        for encoder in self.encoders.values():
            x = encoder(x)
        return self.activation(x)


def _net(**fields):
    return Net({"b": models.Autoencoder(4, 2, (3,)), "a": nn.Dense(4)}, Options(0.5, Sizes(1)), **fields)


def _zeros(module, *inputs):
    """Variables of the right shapes, quicker than initialised ones, each with values of its own."""
    made = jax.eval_shape(module.init, {"params": jax.random.key(0), "latent": jax.random.key(1)}, *inputs)
    leaves, tree = jax.tree.flatten(made)
    filled = [np.arange(leaf.size).reshape(leaf.shape).astype(leaf.dtype) + i for i, leaf in enumerate(leaves)]
    return jax.tree.unflatten(tree, filled)


def _same(mine, theirs):
    assert jax.tree.structure(mine) == jax.tree.structure(theirs)
    for a, b in zip(jax.tree.leaves(mine), jax.tree.leaves(theirs), strict=True):
        assert a.dtype == b.dtype
        np.testing.assert_array_equal(a, b)


@pytest.mark.parametrize("name", CASES)
def test_every_model_comes_back(name, tmp_path):
    case = CASES[name]
    variables = _zeros(case.module, *case.inputs(2))
    models.save(tmp_path, case.module, variables, inputs=case.inputs(2))
    module, loaded = models.load(tmp_path)
    assert module == case.module
    _same(loaded, variables)


def test_a_loaded_model_gives_the_same_numbers(tmp_path):
    case = CASES["ResidualBlock"]  # which has running statistics beside its parameters
    variables = case.variables()
    module, loaded = models.load(models.save(tmp_path / "new" / "folder", case.module, variables))
    assert set(loaded) == {"params", "batch_stats"}
    np.testing.assert_array_equal(module.apply(loaded, *case.inputs(3)), case.module.apply(variables, *case.inputs(3)))


def test_every_class_of_the_library_has_fields_that_can_be_checked():
    known = library_classes()
    assert {"jaxmusic.models.FCVAE", "jaxmusic.models.VAEOutput", "jaxmusic.text.TransformerConfig"} <= set(known)
    for kind in known.values():
        hints = get_type_hints(kind)
        for field in dataclasses.fields(kind) if dataclasses.is_dataclass(kind) else ():
            if field.name != "parent" and field.default is not dataclasses.MISSING:
                assert fits(field.default, hints[field.name]), f"{kind.__name__}.{field.name}"


def test_modules_of_ones_own_with_modules_and_plain_data_inside(tmp_path):
    net = _net(names=["x", {"y": 1, 2: None}, FrozenDict({"z": True})], dtype=jnp.bfloat16)
    models.save(tmp_path, net, {"params": {"scale": np.ones(3, jnp.bfloat16)}})
    again, _ = models.load(tmp_path, modules=(Net, Options, Sizes, nn.Dense))
    assert again == net
    assert list(again.encoders) == ["b", "a"]  # the order of a dict is kept
    assert isinstance(again.options, Options)
    assert isinstance(again.options.sizes, Sizes)
    assert [type(entry) for entry in again.names] == [str, dict, FrozenDict]
    assert again.activation is nn.relu


def test_a_module_that_stands_twice_comes_back_as_one(tmp_path):
    class Twice(nn.Module):
        encoders: Any

        def __call__(self, x):
            return self.encoders["second"](self.encoders["first"](x))

    shared = models.ResidualBlock()
    net, x = Twice({"first": shared, "second": shared}), np.ones((2, 3), np.float32)
    variables = net.init(jax.random.key(0), x)
    again, loaded = models.load(models.save(tmp_path, net, variables, inputs=(x,)), modules=(Twice,))
    assert again.encoders["first"] is again.encoders["second"]
    np.testing.assert_array_equal(again.apply(loaded, x), net.apply(variables, x))


def test_a_modules_own_name_is_kept(tmp_path):
    class Holder(nn.Module):
        inner: nn.Module
        preserve_adopted_names = True  # flax's way to take a module's name from the caller

        def __call__(self, x):
            return self.inner(x)

    net, x = Holder(models.ResidualBlock(name="chosen")), np.ones((2, 3), np.float32)
    variables = net.init(jax.random.key(0), x)
    assert set(variables["params"]) == {"chosen"}
    again, loaded = models.load(models.save(tmp_path, net, variables), modules=(Holder,))
    np.testing.assert_array_equal(again.apply(loaded, x), net.apply(variables, x))


@pytest.mark.parametrize(
    "variables",
    [{}, {"params": {}}, {"params": {"a": {}, "b": np.ones(2, np.float32)}, "state": {}}],
)
def test_empty_trees_are_kept(variables, tmp_path):
    _, loaded = models.load(models.save(tmp_path, models.Fusion("poe"), variables))
    _same(loaded, variables)
    assert _dicts(loaded) == _dicts(variables)


def _dicts(tree):
    return {key: _dicts(value) if isinstance(value, dict) else None for key, value in tree.items()}


@pytest.mark.parametrize("dtype", sorted(folders.DTYPES))
def test_every_dtype_comes_back_bit_for_bit(dtype, tmp_path):
    values = np.array([[0, 1], [1, 0], [1, 1]]).astype(jnp.dtype(dtype))
    variables = {"state": {"x": values, "scalar": values[0, 1], "none": values[:0], "turned": values.T}}
    _, loaded = models.load(models.save(tmp_path, models.Fusion(), variables))
    _same(loaded, jax.tree.map(np.asarray, variables))


def test_numbers_of_numpy_are_saved_as_numbers(tmp_path):
    net = models.FCVAE(np.int64(4), np.int32(12), (np.int16(8),))
    assert models.load(models.save(tmp_path, net, {}))[0] == models.FCVAE(4, 12, (8,))


def test_a_dtype_comes_back_as_what_a_module_takes(tmp_path):
    for dtype in (jnp.bfloat16, np.dtype("float16"), np.float32, jnp.bool_, None):
        module, _ = models.load(models.save(tmp_path, models.FCVAE(dtype=dtype), {}))
        assert module == models.FCVAE(dtype=dtype)
        assert dtype is None or module.dtype  # `self.dtype or x.dtype` takes it


@pytest.mark.parametrize(
    ("module", "error"),
    [
        (_net(activation=nn.gelu), r"module\.activation is .*, a .*, which is not saved"),
        (_net(names=(1, {"a": np.ones(2)})), r"module\.names\[1\]\['a'\] is array.* which is not saved"),
        (_net(names={(1, 2): 3}), r"module\.names has the key \(1, 2\)"),
        (_net(names={1, 2}), r"module\.names is \{1, 2\}, a set"),
        (_net(dtype=jnp.float8_e4m3fn), r"module\.dtype has the dtype float8_e4m3fn"),
        (Net({"a": nn.Dense(4, kernel_init=nn.initializers.ones)}, None), r"module\.encoders\['a'\]\.kernel_init"),
    ],
)
def test_a_field_that_has_no_form_is_refused_by_name(module, error, tmp_path):
    with pytest.raises(TypeError, match=error):
        models.save(tmp_path / "x", module, {})
    assert not (tmp_path / "x").exists()


@pytest.mark.parametrize(
    ("variables", "error"),
    [
        ({"params": {"key": jax.random.key(0)}}, "params/key is a random key"),
        ({"params": {"a": [np.ones(2)]}}, "params/a is a list, no array"),
        ({"params": {"a": None}}, "params/a is a NoneType"),
        ({"params": {"a/b": np.ones(2)}}, "params has the key 'a/b'"),
        ({"params": {"a": {1: np.ones(2)}}}, "params/a has the key 1"),
        ({"params": {"a": np.array(["x"])}}, "params/a has the dtype <U1"),
        ({"params": {"a": np.array([1, np.nan], np.float32)}}, "params/a holds NaN or infinite"),
        ({"params": {"a": jnp.array([1, np.inf], jnp.bfloat16)}}, "params/a holds NaN or infinite"),
        (np.ones(2), "variables is a ndarray"),
    ],
)
def test_a_variable_that_is_none_is_refused_by_name(variables, error, tmp_path):
    with pytest.raises((TypeError, ValueError), match=error):
        models.save(tmp_path, models.Fusion(), variables)
    assert not list(tmp_path.iterdir())


def test_variables_of_another_module_are_refused_where_inputs_are_given(tmp_path):
    x = jax.ShapeDtypeStruct((1, 12), jnp.float32)
    variables = _zeros(models.FCVAE(4, 12, (8,)), np.ones((1, 12), np.float32))
    with pytest.raises(ValueError, match=r"variables: tensor params/.* has shape .*, FCVAE makes it .*; give the"):
        models.save(tmp_path, models.FCVAE(5, 12, (8,)), variables, inputs=(x,))
    with pytest.raises(ValueError, match="variables lacks the tensor params/decoder/Dense_2/bias"):
        models.save(tmp_path, models.FCVAE(4, 12, (8, 8)), variables, inputs=(x,))
    with pytest.raises(ValueError, match="expected 13 features"):
        models.save(tmp_path, models.FCVAE(4, 13, (8,)), variables, inputs=(x,))
    assert not list(tmp_path.iterdir())


def test_what_stands_first_and_what_is_no_module(tmp_path):
    with pytest.raises(TypeError, match=r"module is a dict, no linen module: save\(folder, module, variables\)"):
        models.save(tmp_path, {}, models.FCVAE())
    with pytest.raises(TypeError, match="give classes of modules"):
        models.load(models.save(tmp_path, models.FCVAE(), {}), modules=(_net(),))


@pytest.fixture
def saved(tmp_path):
    x = np.ones((1, 12), np.float32)
    module = models.FCVAE(4, 12, (8,))
    return models.save(tmp_path / "vae", module, _zeros(module, x), inputs=(x,))


def _field(name, value):
    return lambda config: config["module"]["fields"].update({name: value})


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda c: c.update(version=2), "version 2 and this jaxmusic knows 1: install the jaxmusic that saved it"),
        (lambda c: c.update(kind="jaxmusic.app model"), "its 'kind' is 'jaxmusic.app model', not"),
        (lambda c: c.update(novelty=1), "unknown key novelty"),
        (lambda c: c.pop("inputs"), "no key inputs"),
        (
            lambda c: c["module"].update({"class": "jaxmusic.models.XVAE"}),
            "module is of the class 'jaxmusic.models.XVAE'",
        ),
        (lambda c: c["module"].update({"class": "os.system"}), "module is of the class 'os.system'"),
        (lambda c: c["module"].update({"class": "jaxmusic.models.sample_latent"}), "is of the class"),
        (lambda c: c["module"].update({"class": "jaxmusic.models.VAEOutput"}), "module has the unknown field"),
        (lambda c: c["module"].update({"class": ["x"]}), "module is damaged"),
        (lambda c: c["module"].update(fields=[]), "module is damaged"),
        (lambda c: c["module"].update(name=3), "module is damaged"),
        (lambda c: c["module"].update({"class": "jaxmusic.models.Conv1DVAE", "fields": {}}), "module has no features"),
        (_field("heads", 4), "module has the unknown field heads; install the jaxmusic that saved it"),
        (_field("parent", None), "unknown field parent"),
        (_field("latent_dim", 10**9), r"module\.latent_dim holds 1000000000, out of bounds"),
        (_field("latent_dim", -1), r"module\.latent_dim holds -1, out of bounds"),
        (_field("widths", [8, 10**12]), r"module\.widths holds 1000000000000, out of bounds"),
        (_field("latent_dim", "wide"), r"module\.latent_dim is 'wide', not"),
        (_field("latent_dim", True), r"module\.latent_dim is True, not"),
        (_field("latent_dim", 4.0), r"module\.latent_dim is 4\.0, not"),
        (_field("widths", 8), r"module\.widths is 8, not"),
        (_field("widths", {"type": "same", "as": 0}), r"module\.widths is damaged"),
        (_field("dtype", {"type": "dtype", "name": "object"}), r"module\.dtype is of the unknown form 'dtype'"),
        (_field("dtype", {"type": "dtype"}), r"module\.dtype is damaged"),
        (_field("dtype", {"type": "pickle"}), r"module\.dtype is of the unknown form 'pickle'"),
        (_field("dtype", {"type": "dict", "items": [[["x"], 1]]}), r"module\.dtype is damaged"),
        (_field("dtype", {"type": "float", "value": "1"}), r"module\.dtype is damaged"),
        (_field("latent_dim", 5), "tensor params/.* has shape .*, FCVAE makes it"),
        (_field("widths", [8, 8]), "lacks the tensor params/"),
        (lambda c: c.update(module=None), "module or inputs is none that models.save writes"),
        (lambda c: c.update(inputs=3), "module or inputs is none that models.save writes"),
        (lambda c: c["inputs"][0].update(shape=[1, 10**12]), "inputs.0. is damaged"),
        (lambda c: c["inputs"][0].update(dtype="O"), "inputs.0. is of the unknown form 'array'"),
        (lambda c: c.update(tensors=[]), "tensors or empty is none that models.save writes"),
        (lambda c: c.update(empty=[1]), "tensors or empty is none that models.save writes"),
        (lambda c: c["tensors"].popitem(), "has the unknown tensor params/"),
        (lambda c: c["tensors"].update({"params/x": "float32[1]"}), "lacks the tensor params/x"),
        (
            lambda c: c["tensors"].update({"params/encoder/Dense_0/bias": "float16[8]"}),
            r"tensor params/encoder/Dense_0/bias is float32\[8\], config\.json says float16\[8\]",
        ),
        (
            lambda c: c.update(empty=["params/encoder/Dense_0/bias/x"]),
            "params/encoder/Dense_0/bias/x lies where another entry lies",
        ),
    ],
)
def test_what_is_not_known_is_refused_even_with_a_right_digest(saved, change, message):
    edit_config(saved, change)
    with pytest.raises(ValueError, match=message):
        models.load(saved)


def test_a_class_of_ones_own_is_made_only_where_the_caller_gives_it(tmp_path):
    models.save(tmp_path, _net(), {})
    with pytest.raises(
        ValueError, match=r"module is of the class 'Net': give it with models\.load\(.*modules=\(Net,\)\)"
    ):
        models.load(tmp_path)
    with pytest.raises(ValueError, match=r"module\.options is of the class 'Options'"):
        models.load(tmp_path, modules=(Net, nn.Dense))

    class Net2(nn.Module):
        encoders: Any

    Net2.__name__ = "Net"
    with pytest.raises(ValueError, match="two classes called Net"):
        models.load(tmp_path, modules=(Net, Net2))
    with pytest.raises(ValueError, match="module has the unknown field activation; give Net as it was"):
        models.load(tmp_path, modules=(Net2, Options, Sizes, nn.Dense))


def test_a_field_that_came_later_has_its_default(saved):
    edit_config(saved, lambda config: config["module"]["fields"].pop("dtype"))
    assert models.load(saved)[0] == models.FCVAE(4, 12, (8,))


def test_an_edited_configuration_is_refused(saved):
    edit_config(saved, _field("dtype", {"type": "dtype", "name": "bfloat16"}), sign=False)
    with pytest.raises(ValueError, match=r"config\.json was changed after it was saved"):
        models.load(saved)


def test_swapped_weights_are_refused(saved):
    tensors = load_file(saved / "model.safetensors")
    save_file({name: x + 1 for name, x in tensors.items()}, saved / "model.safetensors")
    with pytest.raises(ValueError, match=r"model\.safetensors is not the one that config\.json was saved with"):
        models.load(saved)


@pytest.mark.parametrize("length", [0, 7, 100, -1])
def test_truncated_weights_are_named(saved, length):
    path = saved / "model.safetensors"
    path.write_bytes(path.read_bytes()[:length])
    with pytest.raises(ValueError, match=r"model\.safetensors is damaged"):
        models.load(saved)


def test_a_damaged_configuration_is_named(saved):
    path = saved / "config.json"
    whole = path.read_text()
    deep = json.loads(whole)
    for _ in range(300):
        deep["module"] = {"type": "list", "items": [deep["module"]]}
    deep["config_sha256"] = config_digest(deep)
    for text, message in {
        whole[:100]: "is not JSON",
        "[" * 100_000: "is not JSON",
        whole.replace("12", "NaN"): "is not JSON",
        "[]": "its 'kind' is None",
        json.dumps(deep): "too deep|module or inputs is none",
    }.items():
        path.write_text(text)
        with pytest.raises(ValueError, match=message):
            models.load(saved)
    path.write_bytes(b"\xff\xfe")
    with pytest.raises(ValueError, match="is not JSON"):
        models.load(saved)


def test_a_missing_file_or_folder_is_named(saved, tmp_path):
    with pytest.raises(FileNotFoundError, match=r"nowhere is no model: it has no config\.json"):
        models.load(tmp_path / "nowhere")
    (saved / "model.safetensors").unlink()
    with pytest.raises(FileNotFoundError, match=r"no model\.safetensors"):
        models.load(saved)


def test_saving_again_replaces_and_is_the_same(saved):
    before = {path.name: path.read_bytes() for path in saved.iterdir()}
    assert set(before) == {"config.json", "model.safetensors"}
    module, variables = models.load(saved)
    models.save(saved, module, variables, inputs=(np.ones((1, 12), np.float32),))
    assert before == {path.name: path.read_bytes() for path in saved.iterdir()}


def test_what_another_program_keeps_there_stays(tmp_path):
    (tmp_path / "notes.txt").write_text("mine")
    models.save(tmp_path, models.FCVAE(), {})
    assert (tmp_path / "notes.txt").read_text() == "mine"
    for name, content in {"config.json": '{"model_type": "bert"}', "model.safetensors": "weights"}.items():
        other = tmp_path / name.partition(".")[0]
        other.mkdir()
        (other / name).write_text(content)
        with pytest.raises(FileExistsError, match="of another program"):
            models.save(other, models.FCVAE(), {})
        assert (other / name).read_text() == content
    with pytest.raises(FileExistsError, match="is a file"):
        models.save(tmp_path / "notes.txt", models.FCVAE(), {})


class _CutOff(BaseException):
    pass


@pytest.mark.parametrize("step", range(1, 8))
def test_a_write_that_is_cut_off_anywhere_leaves_a_whole_model(saved, step, monkeypatch):
    """The process ends at the n-th thing that it does to the folder: what is read then is the old model or the new."""
    old, variables = models.load(saved)
    new = models.FCVAE(4, 12, (8,), jnp.bfloat16)
    steps = 0

    def counted(real):
        def call(*arguments, **options):
            nonlocal steps
            steps += 1
            if steps == step:
                raise _CutOff
            result = real(*arguments, **options)
            steps += 1
            if steps == step:
                raise _CutOff
            return result

        return call

    with monkeypatch.context() as patched:
        patched.setattr(_files.os, "replace", counted(_files.os.replace))
        try:
            models.save(saved, new, jax.tree.map(lambda x: x + 1, variables))
        except _CutOff:
            pass
        else:
            assert step == 7  # three renamings, before and after each
    module, loaded = models.load(saved)
    assert module == (old if step < 4 else new)
    _same(loaded, variables if step < 4 else jax.tree.map(lambda x: x + 1, variables))
    # What was left there goes with the next write.
    models.save(saved, old, variables)
    assert {path.name for path in saved.iterdir()} == {"config.json", "model.safetensors"}
    assert models.load(saved)[0] == old


def test_a_full_disk_leaves_the_old_model_and_nothing_beside_it(saved, monkeypatch):
    old, variables = models.load(saved)

    def full(source, target):
        if target.name == "config.json":
            raise OSError(28, "No space left on device")
        return real(source, target)

    real = _files.os.replace
    with monkeypatch.context() as patched:
        patched.setattr(_files.os, "replace", full)
        with pytest.raises(OSError, match="No space left"):
            models.save(saved, old, jax.tree.map(lambda x: x + 1, variables))
    assert {path.name for path in saved.iterdir()} == {"config.json", "model.safetensors"}
    _same(models.load(saved)[1], variables)


def test_nothing_is_left_of_a_first_save_that_was_cut_off_before_its_configuration(tmp_path, monkeypatch):
    def cut_off(source, target):
        raise _CutOff

    with monkeypatch.context() as patched:
        patched.setattr(_files.os, "replace", cut_off)
        with pytest.raises(_CutOff):
            models.save(tmp_path / "new", models.FCVAE(), {})
    with pytest.raises(FileNotFoundError, match=r"no config\.json"):
        models.load(tmp_path / "new")
    models.save(tmp_path / "new", models.FCVAE(), {})
    assert models.load(tmp_path / "new")[0] == models.FCVAE()


def test_the_digests_are_those_of_the_files(saved):
    config = json.loads((saved / "config.json").read_text())
    assert config["weights_sha256"] == hashlib.sha256((saved / "model.safetensors").read_bytes()).hexdigest()
    assert set(load_file(saved / "model.safetensors")) == set(config["tensors"])


def test_a_transformers_sizes_are_checked_as_they_are_made(tmp_path):
    config = TransformerConfig(hidden_size=8, num_attention_heads=2, vocab_size=9, num_hidden_layers=1)
    folder = models.save(tmp_path, models.TextTransformer(config), {})
    assert models.load(folder)[0].config == config
    edit_config(folder, lambda c: c["module"]["fields"]["config"]["fields"].update(num_attention_heads=3))
    with pytest.raises(ValueError, match=r"module\.config can't be made: hidden_size 8 is no multiple"):
        models.load(folder)
