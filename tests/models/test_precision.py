"""Activations of lower precision: parameters, latents and outputs stay float32, and the numbers stay near."""

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from jaxmusic import losses, models, training

_X = np.random.default_rng(0).normal(size=(4, 24)).astype(np.float32)
_MEL = np.random.default_rng(1).normal(size=(4, 16, 24)).astype(np.float32)
_LABELS = np.eye(3, dtype=np.float32)[[0, 1, 2, 0]]
_JOINT = {"audio": _MEL, "lyrics": _X}
MODELS = {
    "FCVAE": (models.FCVAE, {"features": 24, "latent_dim": 3, "widths": (8,)}, (_X,)),
    "ConvVAE": (models.ConvVAE, {"n_mels": 16, "frames": 24, "latent_dim": 3}, (_MEL,)),
    "Conv1DVAE": (models.Conv1DVAE, {"features": 24, "latent_dim": 3}, (_X,)),
    "ConditionalVAE": (models.ConditionalVAE, {"features": 24, "classes": 3, "latent_dim": 3}, (_X, _LABELS)),
    "Autoencoder": (models.Autoencoder, {"features": 24, "latent_dim": 3}, (_X,)),
    "MusicCNN": (models.MusicCNN, {"tags": ("a", "b"), "timbral_features": 4, "units": 4}, (_MEL,)),
    "MusicVGG": (models.MusicVGG, {"tags": ("a", "b"), "features": 2}, (np.tile(_MEL, (1, 6, 8))[..., :187],)),
    "JointVAE": (models.JointVAE, {"n_mels": 16, "frames": 24, "lyrics_dim": 24, "latent_dim": 3}, (_JOINT,)),
    "JointVAE, transformer": (
        models.JointVAE,
        {"n_mels": 16, "frames": 24, "lyrics_dim": 24, "latent_dim": 3, "audio_encoder_kind": "transformer"},
        (_JOINT,),
    ),
}


@pytest.mark.parametrize("name", MODELS)
def test_outputs_and_parameters_stay_float32_and_near(name):
    kind, sizes, inputs = MODELS[name]
    keys = {"params": jax.random.key(0), "latent": jax.random.key(1)}
    full, low = kind(**sizes), kind(**sizes, dtype=jnp.bfloat16)
    variables = jax.jit(full.init)(keys, *inputs)
    assert jax.tree.map(jnp.shape, jax.eval_shape(low.init, keys, *inputs)) == jax.tree.map(jnp.shape, variables)
    expected, found = (
        jax.jit(lambda v, *x, m=m: m.apply(v, *x, rngs={"latent": keys["latent"]}))(variables, *inputs)
        for m in (full, low)
    )
    for a, b in zip(jax.tree.leaves(found), jax.tree.leaves(expected), strict=True):
        assert a.dtype == jnp.float32
        # Eight bits of mantissa through a handful of layers.
        np.testing.assert_allclose(a, b, atol=0.06 * max(1.0, float(jnp.abs(b).max())))
    if "Autoencoder" not in name:
        lowered = str(
            jax.make_jaxpr(lambda v, *x: low.apply(v, *x, rngs={"latent": keys["latent"]}))(variables, *inputs)
        )
        assert "bf16" in lowered


def test_a_model_trains_in_lower_precision():
    x = {"inputs": np.random.default_rng(0).normal(size=(32, 24)).astype(np.float32)}
    module = models.FCVAE(features=24, latent_dim=3, widths=(16,), dtype=jnp.bfloat16)
    state, info = training.fit(
        jax.random.key(0), module, losses.elbo(), x, epochs=20, batch_size=8, optimizer=optax.adam(1e-2)
    )
    assert info.metrics["loss"][-1] < info.metrics["loss"][0]
    assert {leaf.dtype for leaf in jax.tree.leaves(state.params)} == {jnp.dtype("float32")}
