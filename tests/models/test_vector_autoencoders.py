"""Autoencoders of feature vectors: forms against XLA, parameter counts, what labels do, what attention learns."""

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from jaxmusic import losses, models, training
from jaxmusic.models.layers import strided_convolution_1d, transposed_convolution_1d

_KEYS = {"params": jax.random.key(0), "latent": jax.random.key(1)}
_DIMENSIONS = ("NHC", "HIO", "NHC")


def _close_with_gradients(ours, plain, *arguments):
    with jax.enable_x64(True):
        arguments = [jnp.asarray(np.asarray(a), jnp.float64) for a in arguments]
        np.testing.assert_allclose(ours(*arguments), plain(*arguments), atol=1e-12)
        for i in range(len(arguments)):
            gradients = [
                jax.grad(lambda *a, f=f: jnp.sum(jnp.sin(f(*a))), argnums=i)(*arguments) for f in (ours, plain)
            ]
            np.testing.assert_allclose(*gradients, atol=1e-12)


def test_the_strided_convolution_is_xlas():
    rng = np.random.default_rng(0)

    def plain(x, kernel):
        return jax.lax.conv_general_dilated(x, kernel, (2,), [(1, 0)], dimension_numbers=_DIMENSIONS)

    _close_with_gradients(strided_convolution_1d, plain, rng.normal(size=(3, 10, 2)), rng.normal(size=(3, 2, 5)))


def test_the_transposed_convolution_is_xlas():
    rng = np.random.default_rng(0)

    def plain(x, kernel):
        return jax.lax.conv_general_dilated(
            x, kernel[::-1], (1,), [(2, 2)], lhs_dilation=(2,), dimension_numbers=_DIMENSIONS
        )

    _close_with_gradients(transposed_convolution_1d, plain, rng.normal(size=(3, 6, 2)), rng.normal(size=(4, 2, 5)))


@pytest.mark.parametrize("features", [52, 57, 436])
def test_the_convolutional_vae_gives_back_any_length(features):
    module = models.Conv1DVAE(features=features, latent_dim=16)
    output, variables = module.init_with_output(_KEYS, jnp.ones((2, features)))
    assert output.recon.shape == (2, features)
    assert output.mean.shape == output.z.shape == (2, 16)
    count = sum(x.size for x in jax.tree.leaves(variables["params"]))
    shortest = -(-features // 4) * 32
    convolutions = (3 * 1 * 16 + 16) + (3 * 16 * 32 + 32) + (4 * 32 * 16 + 16) + (4 * 16 * 1 + 1)
    assert count == convolutions + (shortest * 32 + 32) + (16 * shortest + shortest)


def _labelled(rows=512, seed=0):
    """Four classes that shift two columns, and one more factor in two others."""
    rng = np.random.default_rng(seed)
    classes = rng.integers(0, 4, rows)
    factor = rng.normal(size=rows)
    x = 0.1 * rng.normal(size=(rows, 6))
    x[:, 0] += classes
    x[:, 1] -= classes
    x[:, 2] += factor
    x[:, 3] -= factor
    return ((x - x.mean(0)) / x.std(0)).astype(np.float32), classes, np.eye(4, dtype=np.float32)[classes]


@pytest.fixture(scope="module")
def conditional():
    x, classes, labels = _labelled()
    module = models.ConditionalVAE(features=6, classes=4, latent_dim=2, widths=(32,))
    trainer = training.Trainer(
        module,
        losses.elbo(reduction="sum", beta=1.0),
        optax.adam(3e-3),
        batch_size=64,
        inputs=lambda batch: (batch["inputs"], batch["labels"]),
    )
    state, _ = trainer.fit(jax.random.key(0), {"inputs": x, "labels": labels}, epochs=150)
    return module, state, x, classes, labels


def _class_share(latent, classes):
    """Share of the latents' variance that lies between classes."""
    means = np.array([latent[classes == c].mean(0) for c in range(4)])[classes]
    return float(np.square(means - latent.mean(0)).sum() / np.square(latent - latent.mean(0)).sum())


def test_latents_leave_out_a_label_that_is_given_and_hold_one_that_is_appended(conditional):
    module, state, x, classes, labels = conditional
    mean, _ = training.predict(module, state.variables, (x, labels), method="encode")
    marginal, _ = training.predict(module, state.variables, (x,), method="encode_marginal")
    appended = np.concatenate([mean / mean.std(0), labels], axis=1)
    assert _class_share(mean, classes) < 0.05
    assert _class_share(marginal, classes) > 3 * _class_share(mean, classes)
    assert _class_share(appended, classes) > 0.2


def test_the_decoder_makes_a_track_of_the_class_it_is_told(conditional):
    module, state, x, _, labels = conditional
    mean, _ = training.predict(module, state.variables, (x, labels), method="encode")
    told = [np.tile(np.eye(4, dtype=np.float32)[c], (len(x), 1)) for c in range(4)]
    made = [training.predict(module, state.variables, (mean, y), method="decode")[:, 0].mean() for y in told]
    assert np.all(np.diff(made) > 0.3)


def test_marginal_moments_are_those_of_the_mixture():
    module = models.ConditionalVAE(features=3, classes=2, latent_dim=2, widths=(4,))
    x = jnp.asarray(np.random.default_rng(0).normal(size=(5, 3)), jnp.float32)
    variables = module.init(_KEYS, x, jnp.eye(2)[jnp.zeros(5, int)])
    prior = jnp.array([0.25, 0.75])
    mean, logvar = module.apply(variables, x, prior, method="encode_marginal")
    parts = [module.apply(variables, x, jnp.eye(2)[jnp.full(5, c)], method="encode") for c in range(2)]
    rng = np.random.default_rng(1)
    n = 200_000
    chosen = rng.random((n, 1, 1)) < 0.25
    draws = [np.asarray(m) + np.exp(0.5 * np.asarray(v)) * rng.normal(size=(n, 5, 2)) for m, v in parts]
    mixture = np.where(chosen, draws[0], draws[1])
    np.testing.assert_allclose(mean, mixture.mean(0), atol=0.02)
    np.testing.assert_allclose(np.exp(logvar), mixture.var(0), rtol=0.03)
    with pytest.raises(ValueError, match="expected 2 features"):
        module.apply(variables, x, jnp.ones((5, 3)), method="encode")


def test_an_autoencoder_of_two_codes_rebuilds_two_factors():
    rng = np.random.default_rng(0)
    x = (rng.normal(size=(256, 2)) @ rng.normal(size=(2, 10))).astype(np.float32)
    module = models.Autoencoder(features=10, latent_dim=2, widths=(32,))
    state, info = training.fit(
        jax.random.key(0),
        module,
        losses.reconstruction(),
        {"inputs": x},
        epochs=200,
        batch_size=64,
        optimizer=optax.adam(3e-3),
    )
    assert info.metrics["loss"][-1] < 0.05 * x.var()
    code = training.predict(module, state.variables, (x,), method="encode")
    assert code.shape == (256, 2)


def test_attention_sums_to_one_and_leaves_out_what_is_absent():
    inputs = {"text": jnp.ones((3, 4)), "audio": jnp.ones((3, 6))}
    module = models.AdaptiveFusion(5)
    variables = module.init(jax.random.key(0), inputs)
    _, weights = module.apply(variables, inputs)
    np.testing.assert_allclose(weights.sum(1), 1, rtol=1e-6)
    masks = {"audio": jnp.array([True, False, False]), "text": jnp.array([True, True, False])}
    fused, weights = module.apply(variables, inputs, masks)
    np.testing.assert_allclose(weights[1], [0, 1])
    np.testing.assert_allclose(weights[2], [0, 0])
    np.testing.assert_allclose(fused[2], 0)


@pytest.mark.parametrize("informative", ["audio", "text"])
def test_attention_moves_toward_the_modality_that_says_something(informative):
    rng = np.random.default_rng(0)
    factors = rng.normal(size=(512, 2))
    signal = (factors @ rng.normal(size=(2, 8))).astype(np.float32)
    noise = rng.normal(size=(512, 8)).astype(np.float32)
    inputs = {"audio": signal, "text": noise} if informative == "audio" else {"audio": noise, "text": signal}
    module = models.AdaptiveFusionVAE(features=8, latent_dim=2, size=16, widths=(16,))
    loss = losses.elbo(target="wanted", reduction="sum", beta=0.1)
    batch = {"inputs": inputs, "wanted": signal}
    state, _ = training.fit(
        jax.random.key(0), module, loss, batch, epochs=100, batch_size=64, optimizer=optax.adam(3e-3)
    )
    weights = training.predict(module, state.variables, (inputs,), method="weights").mean(0)
    assert weights[sorted(inputs).index(informative)] > 0.65
