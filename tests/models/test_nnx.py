"""Every model becomes an NNX module by `flax.nnx.bridge.ToNNX`, with the parameters and outputs of linen."""

import jax
import numpy as np
import pytest
from every_model import CASES, latents
from flax import nnx


def _streams():
    return nnx.Rngs(params=0, latent=1)


@pytest.mark.parametrize("name", CASES)
def test_a_model_bridges_to_nnx(name):
    case, inputs = CASES[name], CASES[name].inputs(3)
    bridged = nnx.bridge.ToNNX(case.module, rngs=_streams()).lazy_init(*inputs)
    # The bridge draws from a fork of the streams that it is given.
    variables = case.module.init({name: stream() for name, stream in _streams().fork().items()}, *inputs)
    key = nnx.Rngs(latent=2).latent()
    calls = [(None, inputs), *((method, given(inputs, latents(3))) for method, given in case.methods)]
    for method, given in calls:
        expected = case.module.apply(variables, *given, method=method, rngs={"latent": key})
        found = bridged(*given, method=method and getattr(type(case.module), method), rngs=nnx.Rngs(latent=2))
        jax.tree.map(np.testing.assert_array_equal, found, expected)
