"""Every model leaves JAX by `jax.export` with a batch of any size, and comes back the same."""

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from every_model import CASES, latents, modules_in
from jax import export

from jaxmusic import models
from jaxmusic.models.convolutions import convolution
from jaxmusic.models.pooling import max_pool


def _specs(few, many, symbol):
    """Shapes and dtypes of a tree of arrays, with the symbol where the two trees' sizes differ."""

    def spec(x, y):
        x, y = jnp.asarray(x), jnp.asarray(y)
        shape = tuple(symbol if m != n else m for m, n in zip(x.shape, y.shape, strict=True))
        return jax.ShapeDtypeStruct(shape, x.dtype)

    return jax.tree.map(spec, few, many)


def _exported(function, few, many):
    (symbol,) = export.symbolic_shape("batch")
    return export.export(jax.jit(function))(*_specs(few, many, symbol))


def _agree(found, expected):
    assert jax.tree.structure(found) == jax.tree.structure(expected)
    for mine, theirs in zip(jax.tree.leaves(found), jax.tree.leaves(expected), strict=True):
        np.testing.assert_allclose(mine, theirs, rtol=1e-5, atol=1e-6)


def test_every_module_of_the_library_is_tried():
    public = {value for name in models.__all__ if isinstance(value := getattr(models, name), type)}
    modules = {value for value in public if issubclass(value, nn.Module)}
    assert len(modules) > 10
    # What all fusions have in common is no module to run.
    assert modules - {models.PosteriorFusion} <= set().union(*(modules_in(case.module) for case in CASES.values()))


@pytest.mark.parametrize("name", CASES)
def test_a_model_exports_with_a_symbolic_batch(name):
    case = CASES[name]
    variables, key = case.variables(), jax.random.key(5)
    few, many = ((variables, key, latents(batch), *case.inputs(batch)) for batch in (3, 40))
    exported = _exported(case.everything, few, many)
    for arguments in (few, many):
        _agree(exported.call(*arguments), jax.jit(case.everything)(*arguments))


@pytest.mark.parametrize(
    "name", ["ConvVAE", "JointVAE vector", "MultimodalVAE samples", "TextTransformer", "LyricsClassifier"]
)
def test_an_exported_model_is_the_same_from_bytes(name):
    pytest.importorskip("flatbuffers", reason="flatbuffers is not installed: pip install -e '.[export]'")
    case = CASES[name]
    variables, key = case.variables(), jax.random.key(5)
    few, many = ((variables, key, latents(batch), *case.inputs(batch)) for batch in (3, 4))
    exported = _exported(case.everything, few, many)
    again = export.deserialize(exported.serialize())
    _agree(again.call(*few), exported.call(*few))


def test_every_output_is_known_to_the_serialisation():
    pytest.importorskip("flatbuffers", reason="flatbuffers is not installed: pip install -e '.[export]'")
    public = [getattr(models, name) for name in models.__all__]
    outputs = [value for value in public if isinstance(value, type) and issubclass(value, tuple)]
    assert len(outputs) > 4
    for output in outputs:
        exported = export.export(jax.jit(lambda x, output=output: output(*[x] * len(output._fields))))(1.0)
        assert type(export.deserialize(exported.serialize()).call(1.0)) is output


@pytest.mark.parametrize("form", ["plain", "patches", "blocks"])
def test_a_gradient_exports_with_a_symbolic_batch(form):
    def gradient(x, kernel):
        return jax.grad(lambda *a: jnp.sin(max_pool(convolution(*a, form=form))).sum(), argnums=(0, 1))(x, kernel)

    kernel = latents(9 * 2 * 3)[:, 0].reshape(3, 3, 2, 3)
    few, many = ((latents(batch * 18).reshape(batch, 6, 6, 2), kernel) for batch in (3, 4))
    exported = _exported(gradient, few, many)
    for arguments in (few, many):
        _agree(exported.call(*arguments), jax.jit(gradient)(*arguments))
