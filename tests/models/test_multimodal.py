"""MultimodalVAE: own modules, any modalities, masks, fusions against hand numbers, draws, bad input."""

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from jaxmusic import losses, models, training

_KEYS = {"params": jax.random.key(0), "latent": jax.random.key(1)}
_SIZES = {"sound": 5, "tags": 3, "words": 4}
_LIKELIHOODS = {"sound": losses.Gaussian(), "tags": losses.Bernoulli(), "words": losses.Laplace()}
_FUSIONS = (
    models.Average(),
    models.Product(),
    models.Product(prior=False),
    models.Mixture(),
    models.MixtureOfProducts(),
    models.Gated(),
    models.Attention(),
)
_OBJECTIVES = (
    (losses.multimodal_elbo(likelihoods=_LIKELIHOODS), models.MixtureOfProducts(), None),
    (losses.mvtcae_elbo(likelihoods=_LIKELIHOODS), models.Product(prior=False), None),
    (losses.subset_elbo(likelihoods=_LIKELIHOODS), models.Product(), models.SubsetDraws(2)),
    (losses.iwae(likelihoods=_LIKELIHOODS), models.Mixture(), models.ComponentDraws(3)),
    (losses.dreg(likelihoods=_LIKELIHOODS), models.Mixture(), models.ComponentDraws(3)),
    (losses.multimodal_elbo(likelihoods=_LIKELIHOODS) + 0.5 * losses.alignment(), models.Product(), None),
    (
        losses.joint_elbo(weights={"sound": 1.0, "tags": 2.0, "words": 0.5}, contrastive_weight=0.5, reduction="sum"),
        models.Average(),
        None,
    ),
)


def _module(fusion=None, draws=None, **options):
    return models.MultimodalVAE(
        encoders={name: models.MLP((8, 4)) for name in _SIZES},
        decoders={name: models.MLP((8, size)) for name, size in _SIZES.items()},
        fusion=fusion or models.Product(),
        latent_dim=2,
        draws=draws,
        **options,
    )


def _inputs(rows=6, seed=0):
    rng = np.random.default_rng(seed)
    found = {name: jnp.asarray(rng.normal(size=(rows, size)), jnp.float32) for name, size in _SIZES.items()}
    return found | {"tags": (found["tags"] > 0).astype(jnp.float32)}


def _masks():
    return {
        "sound": jnp.array([1, 1, 0, 1, 0, 1], bool),
        "tags": jnp.array([1, 0, 1, 0, 0, 1], bool),
        "words": jnp.array([0, 1, 1, 1, 0, 1], bool),
    }


def test_modules_of_ones_own_are_fields_under_names_of_their_own():
    class Reversed(nn.Module):
        @nn.compact
        def __call__(self, x):
            return nn.Dense(4, name="only")(x[:, ::-1])

    module = models.MultimodalVAE({"a": Reversed(), "b": Reversed()}, {"a": models.MLP((5,))}, latent_dim=2)
    x = {"a": jnp.ones((3, 5)), "b": jnp.ones((3, 7))}
    output, variables = module.init_with_output(_KEYS, x)
    assert set(variables["params"]) == {"a_encoder", "b_encoder", "a_decoder"}
    assert variables["params"]["b_encoder"]["only"]["kernel"].shape == (7, 4)
    assert set(output.recon) == {"a"}
    assert output.component is output.draws is output.logits is output.log_scales is None
    same = models.MultimodalVAE({"a": Reversed(), "b": Reversed()}, {"a": models.MLP((5,))}, latent_dim=2)
    assert (hash(same), same) == (hash(module), module)


def test_an_encoder_is_told_of_training_and_of_its_elements():
    class Pooling(nn.Module):
        @nn.compact
        def __call__(self, x, mask=None, train=False):
            count = jnp.ones(x.shape[:2]) if mask is None else mask
            mean = (x * count[..., None]).sum(1) / count.sum(1, keepdims=True)
            return mean, jnp.full_like(mean, 1.0 if train else 0.0)

    module = models.MultimodalVAE({"a": Pooling()}, {}, models.Average(), 2, element_masks={"a": "steps"})
    x = {"a": jnp.arange(12.0).reshape(1, 6, 2)}
    masks = {"a": jnp.ones(1, bool), "steps": jnp.arange(6)[None] < 2}
    posterior = module.apply({}, x, masks, train=True, method="posteriors")["a"]
    np.testing.assert_allclose(posterior[0], [[1.0, 2.0]])
    np.testing.assert_allclose(posterior[1], 1.0)
    np.testing.assert_allclose(module.apply({}, x, method="encode")[0], [[5.0, 6.0]], rtol=1e-6)


@pytest.mark.parametrize("fusion", _FUSIONS, ids=repr)
def test_any_subset_encodes_as_its_mask_does(fusion):
    module, inputs = _module(fusion), _inputs()
    variables = jax.jit(module.init)(_KEYS, inputs)
    for subset in (["tags"], ["sound", "words"]):
        some = module.apply(variables, {name: inputs[name] for name in subset}, method="encode")
        masks = {name: jnp.full(6, name in subset) for name in inputs}
        broken = {name: x if name in subset else jnp.full_like(x, jnp.nan) for name, x in inputs.items()}
        for a, b in zip(some, module.apply(variables, broken, masks, method="encode"), strict=True):
            np.testing.assert_array_equal(a, b)
    nothing = module.apply(variables, inputs, {name: jnp.zeros(6, bool) for name in inputs}, method="encode")
    np.testing.assert_array_equal(nothing, np.zeros((2, 6, 2)))


@pytest.mark.parametrize(("loss", "fusion", "draws"), _OBJECTIVES, ids=lambda x: type(x).__name__)
def test_what_a_mask_hides_reaches_neither_value_nor_gradient(loss, fusion, draws):
    module, inputs, masks = _module(fusion, draws, learned_scales=("sound",)), _inputs(), _masks()
    params = jax.jit(module.init)(_KEYS, inputs)["params"]
    broken = {name: jnp.where(masks[name][:, None], x, jnp.nan) for name, x in inputs.items()}

    @jax.jit
    def found(params, inputs):
        def value(params):
            outputs = module.apply({"params": params}, inputs, masks, rngs={"latent": jax.random.key(2)})
            return loss(outputs, {"inputs": inputs, "masks": masks})[0]

        return jax.value_and_grad(value)(params)

    whole, hidden = found(params, inputs), found(params, broken)
    assert all(bool(jnp.isfinite(x).all()) for x in jax.tree.leaves(whole))
    jax.tree.map(np.testing.assert_array_equal, whole, hidden)


@pytest.mark.parametrize("fusion", models.MODALITY_FUSIONS)
def test_the_fusion_classifier_sees_nothing_under_a_mask(fusion):
    inputs, masks = _inputs(), _masks()
    module = models.FusionClassifier(3, (8,), fusion=fusion, fused_dim=4)
    variables = jax.jit(module.init)(_KEYS["params"], inputs, masks)
    broken = {name: jnp.where(masks[name][:, None], x, jnp.nan) for name, x in inputs.items()}
    gradient = jax.jit(jax.grad(lambda v, x: (module.apply(v, x, masks) ** 2).sum()))
    jax.tree.map(np.testing.assert_array_equal, gradient(variables, inputs), gradient(variables, broken))


def test_the_adaptive_fusion_sees_nothing_under_a_mask():
    inputs, masks = _inputs(), _masks()
    module = models.AdaptiveFusion(4)
    variables = module.init(_KEYS["params"], inputs, masks)
    broken = {name: jnp.where(masks[name][:, None], x, jnp.nan) for name, x in inputs.items()}
    gradient = jax.jit(jax.grad(lambda v, x: (module.apply(v, x, masks)[0] ** 2).sum()))
    jax.tree.map(np.testing.assert_array_equal, gradient(variables, inputs), gradient(variables, broken))


def _components(fusion, means, variances, mask=(True, True)):
    means, variances = (jnp.asarray(x, jnp.float32).reshape(-1, 1, 1) for x in (means, variances))
    mixture = fusion.apply({}, means, jnp.log(variances), jnp.asarray(mask)[:, None], method="components")
    rows = zip(mixture.means[:, 0, 0], jnp.exp(mixture.logvars[:, 0, 0]), mixture.weights[:, 0], strict=True)
    return [tuple(round(float(x), 4) for x in row) for row in rows]


def test_the_mixture_of_products_has_every_subset_by_hand():
    # Precisions 1 and 4: the product's mean is (1·1 + 4·3) / 5, with the prior's precision (13) / 6.
    third = round(1 / 3, 4)
    assert _components(models.MixtureOfProducts(), (1.0, 3.0), (1.0, 0.25)) == [
        (1.0, 1.0, third),
        (3.0, 0.25, third),
        (2.6, 0.2, third),
    ]
    complete = _components(models.MixtureOfProducts(prior="complete"), (1.0, 3.0), (1.0, 0.25))
    assert complete == [(1.0, 1.0, third), (3.0, 0.25, third), (round(13 / 6, 4), round(1 / 6, 4), third)]
    every = _components(models.MixtureOfProducts(prior="every"), (1.0, 3.0), (1.0, 0.25))
    assert every[:2] == [(0.5, 0.5, third), (2.4, 0.2, third)]
    alone = _components(models.MixtureOfProducts(), (1.0, 3.0), (1.0, 0.25), (False, True))
    assert alone == [(0.0, 1.0, 0.0), (3.0, 0.25, 1.0), (0.0, 1.0, 0.0)]
    assert _components(models.Product(prior=False), (1.0, 3.0), (1.0, 0.25)) == [(2.6, 0.2, 1.0)]
    with pytest.raises(ValueError, match="is none of"):
        _components(models.MixtureOfProducts(prior="all"), (1.0,), (1.0,), (True,))


def test_a_mixture_s_density_is_the_sum_of_its_components():
    rng = np.random.default_rng(0)
    means, logvars, z = rng.normal(size=(3, 4, 2)), rng.normal(size=(3, 4, 2)), rng.normal(size=(7, 4, 2))
    weights = np.array([[0.5, 1.0, 0.2, 0.0], [0.5, 0.0, 0.3, 0.0], [0.0, 0.0, 0.5, 1.0]])
    density = np.exp(-0.5 * np.square(z[:, None] - means) / np.exp(logvars)) / np.sqrt(2 * np.pi * np.exp(logvars))
    expected = np.log((weights * density.prod(-1)).sum(1))
    mixture = models.GaussianMixture(*(jnp.asarray(x, jnp.float32) for x in (means, logvars, weights)))
    np.testing.assert_allclose(mixture.log_prob(jnp.asarray(z, jnp.float32)), expected, rtol=1e-4)


def test_the_outputs_tell_the_mixture_from_the_drawn_component():
    module, inputs = _module(models.Mixture()), _inputs()
    output, variables = module.init_with_output(_KEYS, inputs, _masks())
    assert output.mixture.means.shape == (3, 6, 2)
    np.testing.assert_allclose(output.mixture.weights.sum(0), 1.0, rtol=1e-6)
    rows = jnp.arange(6)
    np.testing.assert_array_equal(output.mean, output.mixture.means[output.component, rows])
    np.testing.assert_array_equal(output.mixture.weights[output.component, rows] > 0, True)
    mean, _ = module.apply(variables, inputs, _masks(), method="encode")
    np.testing.assert_allclose(mean, (output.mixture.weights[..., None] * output.mixture.means).sum(0), atol=1e-6)
    whole = module.apply(variables, inputs, _masks(), method="encode_mixture")
    np.testing.assert_allclose(whole.means, output.mixture.means, atol=1e-6)


def test_draws_have_their_strata_and_what_they_saw():
    inputs, masks = _inputs(), _masks()
    output, _ = _module(models.Mixture(), models.ComponentDraws(5)).init_with_output(_KEYS, inputs, masks)
    assert output.draws.z.shape == (3, 5, 6, 2)
    assert output.draws.recon["tags"].shape == (3, 5, 6, 3)
    np.testing.assert_array_equal(
        output.draws.is_there, jnp.stack([masks[name] for name in sorted(masks)]).at[:, 4].set(True)
    )
    subsets, _ = _module(models.Product(), models.SubsetDraws(4)).init_with_output(_KEYS, inputs, masks)
    assert subsets.draws.z.shape == (7, 1, 6, 2)
    np.testing.assert_array_equal(subsets.draws.seen[:3, :, 5], jnp.eye(3, dtype=bool))
    assert set(np.asarray(subsets.draws.seen[3:, :, 5].sum(1)).tolist()) == {2}
    np.testing.assert_array_equal(subsets.draws.is_there[:, 4], False)
    two, _ = models.MultimodalVAE(
        {name: models.MLP((4,)) for name in "ab"}, {}, latent_dim=2, draws=models.SubsetDraws(3)
    ).init_with_output(_KEYS, {name: jnp.ones((2, 3)) for name in "ab"})
    assert two.draws.z.shape[0] == 2  # two modalities have no subset between one and all


def test_a_scale_is_learned_for_the_modalities_named():
    module = _module(learned_scales=("sound", "words"))
    output, variables = module.init_with_output(_KEYS, _inputs())
    assert variables["params"]["log_scales"].shape == (2,)
    assert set(output.log_scales) == {"sound", "words"}


def test_bad_input_is_named():
    inputs = _inputs()
    for module, given, masks, match in (
        (_module(), {"video": jnp.ones((2, 3))}, None, r"\['video'\], which have no encoder"),
        (_module(), {}, None, "no modality"),
        (_module(), inputs, {name: jnp.ones(5, bool) for name in inputs}, r"mask of 'sound' has shape \(5,\)"),
        (_module(), inputs, {"sound": jnp.ones(6, bool)}, r"no mask for \['tags', 'words'\]"),
        (_module(), inputs | {"tags": jnp.ones((2, 3))}, None, "different numbers of rows"),
        (_module(draws=models.ComponentDraws(0)), inputs, None, "samples must be 1 or more"),
        (_module(models.Mixture(), models.SubsetDraws()), inputs, None, "subsets are drawn from a fusion"),
    ):
        with pytest.raises(ValueError, match=match):
            module.init(_KEYS, given, masks)
    for encoders, decoders, options, match in (
        ((), (), {}, "needs an encoder"),
        (("a",), ("b",), {}, r"decoder without an encoder: \['b'\]"),
        (("a",), ("a",), {"learned_scales": ("video",)}, r"learned_scales of \['video'\]"),
        (("a/b",), (), {}, "must not be empty or hold"),
        (("a",), (), {"latent_dim": 0}, "latent_dim must be 1 or more"),
    ):
        with pytest.raises(ValueError, match=match):
            models.MultimodalVAE(
                {name: models.MLP((4,)) for name in encoders}, {name: models.MLP((4,)) for name in decoders}, **options
            )
    disagreeing = models.MultimodalVAE({"sound": models.MLP((4,)), "words": models.MLP((6,))}, {}, latent_dim=2)
    with pytest.raises(ValueError, match=r"encoder of 'words' gives mean \(6, 3\).*latent_dim is 2"):
        disagreeing.init(_KEYS, {name: inputs[name] for name in ("sound", "words")})


def test_batches_of_any_size_export_once():
    module, inputs = _module(models.MixtureOfProducts()), _inputs()
    variables = jax.jit(module.init)(_KEYS, inputs)
    (batch,) = jax.export.symbolic_shape("batch")
    shapes = {name: jax.ShapeDtypeStruct((batch, size), jnp.float32) for name, size in _SIZES.items()}
    masks = {name: jax.ShapeDtypeStruct((batch,), bool) for name in _SIZES}
    encode = jax.jit(lambda x, masks: module.apply(variables, x, masks, method="encode"))
    exported = jax.export.export(encode)(shapes, masks)
    for a, b in zip(exported.call(inputs, _masks()), encode(inputs, _masks()), strict=True):
        np.testing.assert_allclose(a, b, atol=1e-6)


@pytest.mark.parametrize(("loss", "fusion", "draws"), _OBJECTIVES[2:5], ids=lambda x: type(x).__name__)
def test_training_lowers_the_bound(loss, fusion, draws):
    rng = np.random.default_rng(0)
    z = rng.normal(size=(64, 2))
    inputs = {name: (z @ rng.normal(size=(2, size))).astype(np.float32) for name, size in _SIZES.items()}
    inputs["tags"] = (inputs["tags"] > 0).astype(np.float32)
    masks = {name: rng.random(64) > 0.2 for name in inputs}
    _, info = training.fit(
        jax.random.key(0),
        _module(fusion, draws),
        loss,
        {"inputs": inputs, "masks": masks},
        epochs=40,
        batch_size=32,
        optimizer=optax.adam(1e-2),
    )
    history = np.asarray(info.metrics["loss"])
    assert history[-1] < history[0] - 1
