"""The JointVAE's other settings: encoders, label head, learned weights; what the default keeps."""

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from jaxmusic import losses, models, training

_KEYS = {"params": jax.random.key(0), "latent": jax.random.key(1), "dropout": jax.random.key(2)}
_SIZES = {"n_mels": 16, "frames": 20, "lyrics_dim": 8, "latent_dim": 4}


def _pair(kind, batch=3, seed=0):
    rng = np.random.default_rng(seed)
    shape = (batch, 6) if kind == "vector" else (batch, 16, 20)
    return {
        name: jnp.asarray(rng.normal(size=s), jnp.float32) for name, s in (("audio", shape), ("lyrics", (batch, 8)))
    }


def _module(kind="vector", **options):
    audio_dim = 6 if kind == "vector" else 0
    return models.JointVAE(**_SIZES, audio_encoder_kind=kind, audio_dim=audio_dim, widths=(16,), **options)


@pytest.mark.parametrize("kind", models.AUDIO_ENCODERS)
def test_every_encoder_takes_any_subset_and_decodes_its_own_input(kind):
    module, inputs = _module(kind), _pair(kind)
    output, variables = jax.jit(module.init_with_output)(_KEYS, inputs)
    assert output.recon["audio"].shape == inputs["audio"].shape
    assert output.logits is None
    assert output.log_scales is None
    for subset in (["audio"], ["lyrics"]):
        mean, logvar = module.apply(variables, {name: inputs[name] for name in subset}, method="encode")
        assert mean.shape == logvar.shape == (3, 4)


def test_the_default_has_the_documents_parts_and_no_others():
    variables = jax.eval_shape(models.JointVAE(**_SIZES).init, _KEYS, _pair("convolution"))
    assert set(variables["params"]) == {"audio_encoder", "audio_decoder", "lyrics_encoder", "lyrics_decoder"}
    assert set(variables["params"]["lyrics_encoder"]) == {"Dense_0", "Dense_1", "Dense_2"}


def test_a_vector_encoder_needs_its_size_and_no_other_takes_one():
    with pytest.raises(ValueError, match="audio_dim 0"):
        models.JointVAE(**_SIZES, audio_encoder_kind="vector").init(_KEYS, _pair("vector"))
    with pytest.raises(ValueError, match="audio_dim 6"):
        models.JointVAE(**_SIZES, audio_dim=6).init(_KEYS, _pair("convolution"))
    with pytest.raises(ValueError, match="is none of"):
        models.JointVAE(**_SIZES, audio_encoder_kind="wavelet").init(_KEYS, _pair("convolution"))
    with pytest.raises(ValueError, match=r"vectors \[batch, 6\][^|]*\n.*encoder of 'audio'"):
        _module().init(_KEYS, _pair("convolution"))
    with pytest.raises(ValueError, match="no label head"):
        _module().init(_KEYS, jnp.ones((2, 4)), method="classify")


def test_the_transformer_reads_order_and_ignores_padding():
    module, inputs = _module("transformer"), _pair("transformer")
    variables = jax.jit(module.init)(_KEYS, inputs)
    audio = {"audio": inputs["audio"]}
    whole = module.apply(variables, audio, method="posteriors")["audio"][0]
    backwards = module.apply(variables, {"audio": inputs["audio"][..., ::-1]}, method="posteriors")["audio"][0]
    assert float(jnp.abs(whole - backwards).max()) > 1e-3
    frames = jnp.arange(20) < jnp.array([[20], [12], [5]])
    noisy = {"audio": jnp.where(frames[:, None], inputs["audio"], 50.0)}
    masked = [module.apply(variables, x, {"frames": frames}, method="posteriors")["audio"][0] for x in (audio, noisy)]
    np.testing.assert_allclose(masked[0], masked[1], atol=1e-5)
    assert float(jnp.abs(masked[0][0] - whole[0]).max()) < 1e-5
    assert float(jnp.abs(masked[0][2] - whole[2]).max()) > 1e-3
    nothing = module.apply(variables, audio, {"frames": jnp.zeros((3, 20), bool)}, method="posteriors")["audio"][0]
    assert bool(jnp.isfinite(nothing).all())


@pytest.mark.parametrize("kind", ["vector", "transformer"])
def test_dropout_acts_in_training_only(kind):
    module, inputs = _module(kind, dropout_rate=0.5), _pair(kind)
    variables = jax.jit(module.init)(_KEYS, inputs)

    def mean(train, key):
        rngs = {"latent": jax.random.key(0), "dropout": jax.random.key(key)}
        return module.apply(variables, inputs, train=train, rngs=rngs).mean

    np.testing.assert_array_equal(mean(False, 0), mean(False, 1))
    assert float(jnp.abs(mean(True, 0) - mean(True, 1)).max()) > 1e-3


def test_label_head_and_learned_weights_train_with_the_rest():
    module = _module(classes=2, learned_weights=True)
    rng = np.random.default_rng(0)
    labels = np.repeat([0, 1], 20)
    audio = rng.normal(size=(40, 6)) * 0.1 + labels[:, None]
    batch = {
        "inputs": {"audio": audio.astype(np.float32), "lyrics": rng.normal(size=(40, 8)).astype(np.float32)},
        "masks": {"audio": np.ones(40, bool), "lyrics": np.ones(40, bool)},
        # Half of the labels are unknown.
        "labels": np.where(np.arange(40) % 2 == 0, labels, -1).astype(np.int32),
    }
    loss = losses.joint_elbo(weights={"audio": 1.0, "lyrics": 1.0}, label_weight=5.0)
    state, info = training.fit(
        jax.random.key(0), module, loss, batch, epochs=60, batch_size=20, optimizer=optax.adam(1e-2)
    )
    assert info.metrics["cross_entropy"][-1] < 0.1 < info.metrics["cross_entropy"][0]
    mean, _ = training.predict(module, state.variables, (batch["inputs"], batch["masks"]), method="encode")
    logits = training.predict(module, state.variables, (mean,), method="classify")
    assert (logits.argmax(1) == labels).mean() > 0.95
    # The audio can be rebuilt well, the random lyrics cannot: their decoders' variances say so.
    scales = state.variables["params"]["log_scales"]
    assert float(scales[0]) < float(scales[1]) - 0.3


def test_a_spectrogram_classifier_overfits_a_few_clips():
    rng = np.random.default_rng(0)
    labels = np.arange(12) % 3
    mel = rng.normal(size=(12, 16, 16)) * 0.1
    mel[np.arange(12), labels * 5] += 2.0
    module = models.SpectrogramClassifier(16, 16, 3, channels=(8, 8), dropout_rate=0.0)
    _, info = training.fit(
        jax.random.key(0),
        module,
        losses.cross_entropy(),
        {"inputs": mel.astype(np.float32), "labels": labels},
        epochs=80,
        batch_size=12,
        optimizer=optax.adam(1e-2),
    )
    assert info.metrics["accuracy"][-1] == 1


def test_the_product_of_very_sure_experts_stays_finite():
    logvars = jnp.array([-300.0, -300.0]).reshape(2, 1, 1)
    means, mask = jnp.array([1.0, 3.0]).reshape(2, 1, 1), jnp.ones((2, 1), bool)

    def fused(logvars):
        return models.Fusion("poe").apply({}, means, logvars, mask)

    mean, logvar = fused(logvars)
    assert float(mean[0, 0]) == pytest.approx(2.0, rel=1e-4)
    assert float(logvar[0, 0]) == pytest.approx(-300 - np.log(2), rel=1e-5)
    gradient = jax.grad(lambda x: sum(part.sum() for part in fused(x)))(logvars)
    assert bool(jnp.isfinite(gradient).all())
