"""The VAEs: parameter counts of the document, shapes at any size, masks, fusions against hand numbers."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxmusic import models

_KEYS = {"params": jax.random.key(0), "latent": jax.random.key(1)}


def _parameter_count(module, *inputs):
    shapes = jax.eval_shape(module.init, _KEYS, *inputs)
    return sum(int(np.prod(x.shape)) for x in jax.tree.leaves(shapes["params"]))


def _pair(batch=3, n_mels=16, frames=20, lyrics=8, seed=0):
    rng = np.random.default_rng(seed)
    return {
        "audio": jnp.asarray(rng.normal(size=(batch, n_mels, frames)), jnp.float32),
        "lyrics": jnp.asarray(rng.normal(size=(batch, lyrics)), jnp.float32),
    }


def _joint(fusion="average"):
    return models.JointVAE(n_mels=16, frames=20, lyrics_dim=8, latent_dim=4, fusion=fusion)


def test_parameter_counts_are_the_documents():
    spectrogram = jnp.zeros((1, 128, 1290))
    assert _parameter_count(models.FCVAE(), jnp.zeros((1, 256))) == 550_720
    assert _parameter_count(models.ConvVAE(), spectrogram) == 3_506_273
    assert _parameter_count(models.JointVAE(), {"audio": spectrogram, "lyrics": jnp.zeros((1, 64))}) == 3_630_113


@pytest.mark.parametrize(("n_mels", "frames"), [(8, 8), (13, 37), (64, 64)])
def test_the_convolutional_vae_takes_any_size(n_mels, frames):
    module = models.ConvVAE(n_mels, frames, latent_dim=5)
    output, variables = jax.jit(module.init_with_output)(_KEYS, jnp.ones((2, n_mels, frames)))
    assert output.recon.shape == (2, n_mels, frames)
    assert output.mean.shape == output.logvar.shape == output.z.shape == (2, 5)
    mean, logvar = module.apply(variables, jnp.ones((2, n_mels, frames)), method="encode")
    # The same function compiled on its own may round differently.
    np.testing.assert_allclose(mean, output.mean, atol=1e-5)
    np.testing.assert_allclose(
        output.z, mean + jnp.exp(logvar / 2) * ((output.z - mean) / jnp.exp(logvar / 2)), atol=1e-5
    )
    assert module.apply(variables, output.z, method="decode").shape == (2, n_mels, frames)


def test_the_latent_sample_has_the_posteriors_moments():
    mean, logvar = jnp.full((200_000, 1), 2.0), jnp.full((200_000, 1), np.log(9.0))
    z = models.sample_latent(jax.random.key(0), mean, logvar)
    assert float(z.mean()) == pytest.approx(2.0, abs=0.03)
    assert float(z.std()) == pytest.approx(3.0, abs=0.03)


def test_wrong_shapes_are_refused_with_the_expected_one():
    with pytest.raises(ValueError, match="expected 256 features"):
        models.FCVAE().init(_KEYS, jnp.ones((2, 100)))
    with pytest.raises(ValueError, match=r"\[batch, 128, 1290\]"):
        models.ConvVAE().init(_KEYS, jnp.ones((2, 64, 64)))
    with pytest.raises(ValueError, match="smaller than 8"):
        models.ConvVAE(4, 64).init(_KEYS, jnp.ones((2, 4, 64)))
    with pytest.raises(ValueError, match=r"vectors \[batch, 8\][^|]*\n.*encoder of 'lyrics'"):
        _joint().init(_KEYS, _pair(lyrics=9))
    with pytest.raises(ValueError, match=r"\['video'\], which have no encoder"):
        _joint().init(_KEYS, {"video": jnp.ones((2, 3))})
    with pytest.raises(ValueError, match="no mask for"):
        _joint().init(_KEYS, _pair(), {"audio": jnp.ones(3, bool)})
    with pytest.raises(ValueError, match="is none of"):
        _joint("sum").init(_KEYS, _pair())


@pytest.mark.parametrize("fusion", models.FUSIONS)
def test_any_subset_encodes_and_any_modality_decodes(fusion):
    module, inputs = _joint(fusion), _pair()
    variables = jax.jit(module.init)(_KEYS, inputs)
    for subset in (["audio"], ["lyrics"], ["audio", "lyrics"]):
        mean, logvar = module.apply(variables, {name: inputs[name] for name in subset}, method="encode")
        assert mean.shape == logvar.shape == (3, 4)
        assert module.apply(variables, mean, "audio", method="decode").shape == (3, 16, 20)
        assert module.apply(variables, mean, "lyrics", method="decode").shape == (3, 8)
    with pytest.raises(ValueError, match="'tags' has no decoder"):
        module.apply(variables, mean, "tags", method="decode")


@pytest.mark.parametrize("fusion", models.FUSIONS)
def test_a_masked_modality_is_an_absent_one_whatever_it_holds(fusion):
    module, inputs = _joint(fusion), _pair()
    variables = jax.jit(module.init)(_KEYS, inputs)
    broken = inputs | {"lyrics": jnp.full_like(inputs["lyrics"], jnp.nan)}
    masks = {"audio": jnp.ones(3, bool), "lyrics": jnp.zeros(3, bool)}
    masked = module.apply(variables, broken, masks, method="encode")
    alone = module.apply(variables, {"audio": inputs["audio"]}, method="encode")
    for a, b in zip(masked, alone, strict=True):
        np.testing.assert_allclose(a, b, atol=1e-6)


@pytest.mark.parametrize("fusion", ["average", "gated", "attention", "moe"])
def test_one_modality_alone_keeps_its_own_posterior(fusion):
    module, inputs = _joint(fusion), _pair()
    variables = jax.jit(module.init)(_KEYS, inputs)
    posteriors = module.apply(variables, inputs, method="posteriors")
    for name in ("audio", "lyrics"):
        mean, logvar = module.apply(variables, {name: inputs[name]}, method="encode")
        np.testing.assert_allclose(mean, posteriors[name][0], atol=1e-5)
        np.testing.assert_allclose(logvar, posteriors[name][1], atol=1e-5)


@pytest.mark.parametrize("fusion", models.FUSIONS)
def test_gradients_are_finite_when_a_row_has_no_modality(fusion):
    module, inputs = _joint(fusion), _pair()
    variables = jax.jit(module.init)(_KEYS, inputs)
    masks = {"audio": jnp.array([True, False, False]), "lyrics": jnp.array([True, True, False])}

    def value(params):
        output = module.apply({"params": params}, inputs, masks, rngs={"latent": jax.random.key(2)})
        return sum(jnp.sum(jnp.square(x)) for x in (output.z, output.logvar, *output.recon.values()))

    gradients = jax.jit(jax.grad(value))(variables["params"])
    assert all(bool(jnp.isfinite(x).all()) for x in jax.tree.leaves(gradients))
    mean, logvar = module.apply(variables, inputs, masks, method="encode")
    np.testing.assert_allclose(mean[2], 0.0, atol=1e-6)
    np.testing.assert_allclose(logvar[2], 0.0, atol=1e-6)


def _fuse(kind, means, deviations, mask=(True, True), key=None):
    means, deviations = (jnp.asarray(x, jnp.float32).reshape(2, 1, 1) for x in (means, deviations))
    rngs = None if key is None else {"latent": key}
    mean, logvar = models.Fusion(kind).apply(
        {}, means, 2 * jnp.log(deviations), jnp.asarray(mask).reshape(2, 1), rngs=rngs
    )
    return float(mean[0, 0]), float(jnp.exp(logvar[0, 0] / 2))


def test_average_is_the_mean_of_means_and_of_standard_deviations():
    assert _fuse("average", (1.0, 3.0), (1.0, 2.0)) == pytest.approx((2.0, 1.5), rel=1e-5)


def test_product_of_experts_adds_precisions_with_the_priors():
    # Precisions 1 (prior), 4 and 1: mean (4·1 + 1·3) / 6, variance 1/6.
    assert _fuse("poe", (1.0, 3.0), (0.5, 1.0)) == pytest.approx((7 / 6, 6**-0.5), rel=1e-5)
    assert _fuse("poe", (1.0, 3.0), (0.5, 1.0), mask=(True, False)) == pytest.approx((0.8, 5**-0.5), rel=1e-5)


def test_mixture_of_experts_has_the_mixtures_moments_and_samples_its_experts():
    # Variance ½(1 + 4) + ½(1 + 1) about the mean 2.
    assert _fuse("moe", (1.0, 3.0), (1.0, 2.0)) == pytest.approx((2.0, 3.5**0.5), rel=1e-5)
    drawn = {round(_fuse("moe", (1.0, 3.0), (1.0, 2.0), key=jax.random.key(i))[0]) for i in range(20)}
    assert drawn == {1, 3}
    only = {round(_fuse("moe", (1.0, 3.0), (1.0, 2.0), (False, True), jax.random.key(i))[0]) for i in range(20)}
    assert only == {3}


def test_the_joint_encoder_starts_from_the_convolutional_one():
    audio, inputs = models.ConvVAE(16, 20, 4), _pair()
    trained = audio.init({"params": jax.random.key(9), "latent": jax.random.key(1)}, inputs["audio"])["params"]
    joint = _joint()
    params = models.start_from(joint.init(_KEYS, inputs)["params"], trained)
    expected = audio.apply({"params": trained}, inputs["audio"], method="encode")
    started = joint.apply({"params": params}, {"audio": inputs["audio"]}, method="encode")
    np.testing.assert_allclose(started[0], expected[0], atol=1e-6)


def test_jit_and_vmap_agree_with_plain_calls():
    module, inputs = _joint(), _pair()
    variables = jax.jit(module.init)(_KEYS, inputs)

    def encode(inputs):
        return module.apply(variables, inputs, method="encode")[0]

    plain = encode(inputs)
    np.testing.assert_allclose(jax.jit(encode)(inputs), plain, atol=1e-5)
    stacked = jax.tree.map(lambda x: jnp.stack([x, 2 * x]), inputs)
    np.testing.assert_allclose(jax.vmap(encode)(stacked)[0], plain, atol=1e-5)
