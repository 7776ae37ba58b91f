"""Importance-weighted log-likelihoods against a linear Gaussian model, whose own are known in closed form."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.stats import multivariate_normal

from jaxmusic import evaluation, losses, models

_SIZES = {"a": 3, "b": 2, "c": 4}
_VARIANCES = {"a": 0.5, "b": 0.3, "c": 1.0}
_LIKELIHOODS = {name: losses.Gaussian(variance) for name, variance in _VARIANCES.items()}
_FUSIONS = (
    models.Average(),
    models.Product(),
    models.Product(prior=False),
    models.Mixture(),
    models.MixtureOfProducts(),
    models.Gated(),
    models.Attention(),
)
_LATENT = 2


def _linear(fusion, rows=5):
    """x_m = W_m z + noise: a model with single-layer networks, whose encoders give the exact q(z|x_m)."""
    rng = np.random.default_rng(0)
    maps = {name: rng.normal(size=(_LATENT, size)) for name, size in _SIZES.items()}
    z = rng.normal(size=(rows, _LATENT))
    inputs = {
        name: (z @ w + rng.normal(size=(rows, _SIZES[name])) * _VARIANCES[name] ** 0.5).astype(np.float32)
        for name, w in maps.items()
    }
    encoders = {name: models.MLP((2 * _LATENT,)) for name in _SIZES}
    decoders = {name: models.MLP((size,)) for name, size in _SIZES.items()}
    module = models.MultimodalVAE(encoders, decoders, fusion, _LATENT)
    variables = module.init({"params": jax.random.key(0), "latent": jax.random.key(1)}, inputs)
    params = dict(variables["params"])
    for name, w in maps.items():
        precision = np.eye(_LATENT) + w @ w.T / _VARIANCES[name]
        to_mean = w.T / _VARIANCES[name] @ np.linalg.inv(precision)
        logvar = np.log(np.diag(np.linalg.inv(precision)))
        kernel = np.concatenate([to_mean, np.zeros_like(to_mean)], axis=1)
        layer = {
            "kernel": jnp.asarray(kernel, jnp.float32),
            "bias": jnp.asarray(np.r_[np.zeros(_LATENT), logvar], jnp.float32),
        }
        params[f"{name}_encoder"] = {"Dense_0": layer}
        decoder = {"kernel": jnp.asarray(w, jnp.float32), "bias": jnp.zeros(_SIZES[name])}
        params[f"{name}_decoder"] = {"Dense_0": decoder}
    return module, {"params": params}, inputs, maps


def _exact(inputs, maps, names):
    w = np.concatenate([maps[name] for name in names], axis=1)
    noise = np.concatenate([np.full(_SIZES[name], _VARIANCES[name]) for name in names])
    x = np.concatenate([inputs[name] for name in names], axis=1)
    return multivariate_normal(np.zeros(len(noise)), w.T @ w + np.diag(noise)).logpdf(x)


@pytest.mark.parametrize("fusion", _FUSIONS, ids=repr)
def test_the_joint_estimate_is_the_closed_form_for_every_fusion(fusion):
    module, variables, inputs, maps = _linear(fusion)
    found = evaluation.joint_log_likelihood(
        jax.random.key(0), module, variables, inputs, likelihoods=_LIKELIHOODS, samples=20_000, samples_at_once=2000
    )
    np.testing.assert_allclose(found, _exact(inputs, maps, "abc"), atol=0.05)


def test_absent_modalities_are_left_out_and_what_they_hold_is_not_seen():
    module, variables, inputs, maps = _linear(models.MixtureOfProducts())
    masks = {
        "a": np.array([1, 1, 0, 1, 0], bool),
        "b": np.array([1, 0, 1, 0, 0], bool),
        "c": np.array([1, 1, 0, 0, 1], bool),
    }
    broken = {name: np.where(masks[name][:, None], x, np.nan) for name, x in inputs.items()}
    found = evaluation.joint_log_likelihood(
        jax.random.key(0),
        module,
        variables,
        broken,
        masks,
        likelihoods=_LIKELIHOODS,
        samples=20_000,
        samples_at_once=2000,
    )
    expected = [_exact(inputs, maps, [n for n in "abc" if masks[n][row]])[row] for row in range(5)]
    np.testing.assert_allclose(found, expected, atol=0.05)


def test_the_conditional_estimate_is_the_closed_form():
    module, variables, inputs, maps = _linear(models.Product())
    found = evaluation.conditional_log_likelihood(
        jax.random.key(0),
        module,
        variables,
        inputs,
        targets=("b",),
        given=("a", "c"),
        likelihoods=_LIKELIHOODS,
        samples=20_000,
        samples_at_once=2000,
    )
    np.testing.assert_allclose(found, _exact(inputs, maps, "acb") - _exact(inputs, maps, "ac"), atol=0.05)


@pytest.mark.parametrize("fusion", [models.Average(), models.Mixture()], ids=repr)
def test_an_encoder_that_misses_the_posterior_does_not_flatter_the_conditional(fusion):
    module, variables, inputs, maps = _linear(fusion)
    bias = variables["params"]["a_encoder"]["Dense_0"]["bias"]
    # Far away and far too sure.
    variables["params"]["a_encoder"]["Dense_0"]["bias"] = bias + jnp.array([3.0, 3.0, -4.0, -4.0])
    found = evaluation.conditional_log_likelihood(
        jax.random.key(0),
        module,
        variables,
        inputs,
        targets=("b",),
        given=("a",),
        likelihoods=_LIKELIHOODS,
        samples=20_000,
        samples_at_once=2000,
    )
    np.testing.assert_allclose(found, _exact(inputs, maps, "ab") - _exact(inputs, maps, "a"), atol=0.1)


@pytest.mark.parametrize("fusion", [models.Average(), models.Mixture()], ids=repr)
def test_the_predictive_estimate_is_the_closed_form_of_encoding_and_decoding(fusion):
    module, variables, inputs, maps = _linear(fusion)
    found = evaluation.predictive_log_likelihood(
        jax.random.key(0),
        module,
        variables,
        inputs,
        targets=("b",),
        given=("a",),
        likelihoods={"b": _LIKELIHOODS["b"]},
        samples=20_000,
        samples_at_once=2000,
    )
    mean, logvar = module.apply(variables, {"a": inputs["a"]}, method="encode")
    w = maps["b"]
    for row, x in enumerate(inputs["b"]):
        spread = w.T @ np.diag(np.exp(logvar[row])) @ w + np.eye(_SIZES["b"]) * _VARIANCES["b"]
        assert found[row] == pytest.approx(multivariate_normal(w.T @ mean[row], spread).logpdf(x), abs=0.05)


def test_an_estimate_does_not_depend_on_how_it_is_cut():
    module, variables, inputs, _ = _linear(models.Mixture())
    options = {"likelihoods": _LIKELIHOODS, "samples": 50}
    key = jax.random.key(0)
    whole = evaluation.joint_log_likelihood(key, module, variables, inputs, **options)
    cut = evaluation.joint_log_likelihood(key, module, variables, inputs, **options, block=2, samples_at_once=7)
    np.testing.assert_allclose(whole, cut, rtol=1e-4)


def test_one_sample_s_mean_is_the_elbo():
    module, variables, inputs, _ = _linear(models.Product())
    estimates = [
        evaluation.joint_log_likelihood(
            jax.random.key(i), module, variables, inputs, likelihoods=_LIKELIHOODS, samples=1
        )
        for i in range(400)
    ]
    loss = losses.multimodal_elbo(likelihoods=_LIKELIHOODS)
    values = [
        loss(module.apply(variables, inputs, rngs={"latent": jax.random.key(i)}), {"inputs": inputs})[0]
        for i in range(50)
    ]
    assert np.mean(estimates) == pytest.approx(-np.mean(values), abs=0.15)


def test_a_learned_scale_counts():
    _, _, inputs, _ = _linear(models.Product())
    module = models.MultimodalVAE({"a": models.MLP((4,))}, {"a": models.MLP((3,))}, latent_dim=2, learned_scales=("a",))
    x = {"a": inputs["a"]}
    variables = module.init({"params": jax.random.key(0), "latent": jax.random.key(1)}, x)
    wide = {"params": {**variables["params"], "log_scales": jnp.log(jnp.array([4.0]))}}
    z = jax.random.normal(jax.random.key(2), (3, 5, 2))
    one = evaluation.importance_log_weights(module, wide, x, None, z, likelihoods={"a": losses.Gaussian()})
    other = evaluation.importance_log_weights(module, variables, x, None, z, likelihoods={"a": losses.Gaussian(4.0)})
    np.testing.assert_allclose(one, other, rtol=1e-4)


def test_elements_that_do_not_count_are_not_seen():
    module, variables, inputs, _ = _linear(models.Product())
    z = jax.random.normal(jax.random.key(2), (3, 5, 2))
    only = {"a": losses.Gaussian()}
    counted = np.array([[True, False, True]])
    broken = inputs | {"a": np.where(counted, inputs["a"], np.nan)}
    found = evaluation.importance_log_weights(
        module, variables, inputs, None, z, likelihoods=only, element_masks={"a": counted}
    )
    kept = losses.log_likelihood(
        only["a"], z @ variables["params"]["a_decoder"]["Dense_0"]["kernel"], broken["a"], element_mask=counted
    )
    prior = -0.5 * (np.log(2 * np.pi) + z**2).sum(-1)
    whole = module.apply(variables, inputs, method="encode_mixture")
    np.testing.assert_allclose(found, kept + prior - whole.log_prob(z), rtol=1e-4)


def test_bad_input_is_named():
    module, variables, inputs, _ = _linear(models.Product())
    for masks, options, match in (
        (None, {"likelihoods": _LIKELIHOODS, "samples": 0}, "must be 1 or more"),
        (None, {"likelihoods": {}}, "no likelihoods"),
        (None, {"likelihoods": {"d": losses.Gaussian()}}, r"likelihoods of \['d'\]"),
        ({name: np.arange(5) != 3 for name in inputs}, {"likelihoods": _LIKELIHOODS}, "1 rows lack any of .* row 3"),
    ):
        with pytest.raises(ValueError, match=match):
            evaluation.joint_log_likelihood(jax.random.key(0), module, variables, inputs, masks, **options)
    for targets, given, match in (
        (("a",), ("a",), "must be some modalities"),
        ((), ("a",), "must be some"),
        (("d",), ("a",), r"\['d'\] lack"),
    ):
        with pytest.raises(ValueError, match=match):
            evaluation.conditional_log_likelihood(
                jax.random.key(0), module, variables, inputs, targets=targets, given=given, likelihoods=_LIKELIHOODS
            )
        with pytest.raises(ValueError, match=match):
            evaluation.predictive_log_likelihood(
                jax.random.key(0), module, variables, inputs, targets=targets, given=given, likelihoods=_LIKELIHOODS
            )
