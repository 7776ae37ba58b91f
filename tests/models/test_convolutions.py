"""The fast forms of convolutions equal their plain ones, in value and gradient."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxmusic.models import convolutions, pooling


def _normal(seed, *shape):
    return jnp.asarray(np.random.default_rng(seed).normal(size=shape))


@pytest.fixture
def float64():
    with jax.enable_x64(True):
        yield


@pytest.mark.parametrize("form", ["patches", "blocks"])
@pytest.mark.parametrize("shape", [(2, 8, 6, 1), (1, 5, 7, 3), (3, 1, 1, 2), (4, 6, 5, 3)])
@pytest.mark.usefixtures("float64")
def test_the_forms_of_convolution_agree(shape, form):
    x, kernel = _normal(0, *shape), _normal(1, 3, 3, shape[-1], 4)
    _assert_forms_agree(convolutions.convolution, x, kernel, form)


@pytest.mark.parametrize("form", ["phases", "recomputed"])
@pytest.mark.parametrize("shape", [(2, 8, 6, 1), (1, 5, 7, 3), (3, 9, 4, 1)])
@pytest.mark.usefixtures("float64")
def test_pooling_by_phases_equals_pooling_after_convolution(shape, form):
    x, kernel = _normal(0, *shape), _normal(1, 3, 3, shape[-1], 4)
    _assert_forms_agree(pooling.pooled_convolution, x, kernel, form)
    # Silence: all four are the maximum and share its gradient.
    silence = jnp.full_like(x, -80.0)
    _assert_forms_agree(pooling.pooled_convolution, silence, kernel, form)


def test_the_form_is_that_of_the_platform_that_a_program_is_lowered_for():
    def lowered(x, platform):
        kernel = _normal(1, 3, 3, x.shape[-1], 4)
        gradient = jax.jit(jax.grad(lambda kernel: convolutions.convolution(x, kernel).sum()))
        return jax.export.export(gradient, platforms=[platform])(kernel).mlir_module()

    one, more = _normal(0, 2, 8, 8, 1), _normal(0, 2, 8, 8, 3)
    assert "stablehlo.convolution" not in lowered(one, "cpu")
    assert "stablehlo.while" in lowered(more, "cpu")
    for platform in ("cuda", "rocm", "tpu"):
        assert "stablehlo.convolution" in lowered(one, platform)
        assert "stablehlo.while" not in lowered(more, platform)


@pytest.mark.parametrize("shape", [(2, 4, 4, 3), (1, 1, 1, 2), (2, 5, 3, 1)])
@pytest.mark.usefixtures("float64")
def test_transposed_convolution_by_phases_equals_the_plain_one(shape):
    x, kernel = _normal(0, *shape), _normal(1, 4, 4, shape[-1], 2)
    _assert_forms_agree(convolutions.transposed_convolution, x, kernel, "phases")


def _assert_forms_agree(function, x, kernel, form):
    def value(x, kernel, form):
        return jnp.sum(jnp.sin(function(x, kernel, form=form)))

    np.testing.assert_allclose(function(x, kernel, form=form), function(x, kernel, form="plain"), atol=1e-12)
    fast, plain = (jax.grad(value, (0, 1))(x, kernel, f) for f in (form, "plain"))
    for a, b in zip(fast, plain, strict=True):
        np.testing.assert_allclose(a, b, atol=1e-12)


def test_transposed_convolution_scatters_as_defined():
    x, kernel = _normal(0, 1, 2, 3, 2), _normal(1, 4, 4, 2, 1)
    expected = np.zeros((4 + 2, 6 + 2))
    for i in range(2):
        for j in range(3):
            expected[2 * i : 2 * i + 4, 2 * j : 2 * j + 4] += np.einsum("c,hwcf->hw", x[0, i, j], kernel)
    result = convolutions.transposed_convolution(x, kernel)[0, :, :, 0]
    np.testing.assert_allclose(result, expected[1:-1, 1:-1], atol=1e-5)


def test_max_pool_takes_the_maximum_of_each_square_and_drops_an_odd_edge():
    x = jnp.arange(15.0).reshape(1, 3, 5, 1)
    np.testing.assert_array_equal(pooling.max_pool(x)[0, :, :, 0], [[6.0, 8.0]])


@pytest.mark.usefixtures("float64")
def test_the_gradient_of_max_pool_is_that_of_the_plain_form():
    x = _normal(0, 2, 5, 6, 3)
    # Several maxima in one square, as in silence: each gets an equal part, as `jnp.max` has it.
    x = x.at[:, :2, :2].set(1.0)

    def plain(x):
        squares = x[:, :4].reshape(2, 2, 2, 3, 2, 3)
        return jnp.sum(jnp.sin(squares.max((2, 4))))

    np.testing.assert_allclose(jnp.sin(pooling.max_pool(x)).sum(), plain(x))
    fast = jax.grad(lambda x: jnp.sin(pooling.max_pool(x)).sum())(x)
    np.testing.assert_allclose(fast, jax.grad(plain)(x), atol=1e-12)


def test_adaptive_pooling_averages_overlapping_bins_where_sizes_do_not_divide():
    x = jnp.arange(5.0).reshape(1, 1, 5, 1)
    # Bins of 5 into 2: [0, 3) and [2, 5).
    np.testing.assert_allclose(pooling.adaptive_average_pool(x, (1, 2))[0, 0, :, 0], [1.0, 3.0])
    np.testing.assert_allclose(pooling.pooling_matrix(7, 3).sum(1), 1.0)
    with pytest.raises(ValueError, match="at least 1"):
        pooling.pooling_matrix(0, 2)


def test_nan_goes_through_every_pooled_form():
    x, kernel = jnp.full((2, 16, 16, 1), jnp.nan), jnp.ones((3, 3, 1, 32))
    for form in ("plain", "phases", "recomputed"):
        assert jnp.isnan(pooling.pooled_convolution(x, kernel, form=form)).all(), form
