"""The forms for accelerators, run on this processor, give what its own forms give: values and gradients."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from every_model import CASES, latents
from jax import lax

from jaxmusic import audio


@pytest.fixture
def elsewhere(monkeypatch):
    """A function that computes as on an accelerator."""

    def run(function, *arguments):
        # What was traced before holds the choice of then.
        jax.clear_caches()
        with monkeypatch.context() as patched:
            patched.setattr(lax, "platform_dependent", lambda *args, default, **_: default(*args))
            found = function(*arguments)
        jax.clear_caches()
        return found

    return run


def _close(found, expected):
    for mine, theirs in zip(jax.tree.leaves(found), jax.tree.leaves(expected), strict=True):
        np.testing.assert_allclose(mine, theirs, rtol=2e-4, atol=2e-4 * max(1, np.abs(theirs).max()))


@pytest.mark.parametrize("name", ["ConvVAE", "SpectrogramClassifier", "LyricsClassifier", "CombinedClassifier"])
def test_a_models_values_and_gradients_are_those_of_the_processor(name, elsewhere):
    case = CASES[name]
    variables, inputs = case.variables(), case.inputs(5)
    rest = {collection: values for collection, values in variables.items() if collection != "params"}

    def objective(params):
        outputs = case.everything({"params": params, **rest}, jax.random.key(3), latents(5), *inputs)
        return sum(jnp.sin(x).sum() for x in jax.tree.leaves(outputs)), outputs

    compute = lambda params: jax.value_and_grad(objective, has_aux=True)(params)  # noqa: E731
    _close(elsewhere(compute, variables["params"]), compute(variables["params"]))


def test_silence_moves_a_convolutional_model_alike(elsewhere):
    """Every square of a silent spectrogram is a tie."""
    case = CASES["SpectrogramClassifier"]
    params = case.variables()["params"]
    silence = jnp.full_like(case.inputs(2)[0], -80.0)
    gradient = lambda params: jax.grad(lambda p: case.module.apply({"params": p}, silence)[:, 0].sum())(params)  # noqa: E731
    _close(elsewhere(gradient, params), gradient(params))


@pytest.mark.parametrize("function", [audio.mfcc, audio.effects.hpss, audio.tempo])
def test_sound_is_that_of_the_processor(function, elsewhere):
    y = np.random.default_rng(0).normal(size=(2, 22_050)).astype(np.float32)
    _close(elsewhere(function, y), function(y))
