"""Small modules and data that the tests of training share."""

import jax
import numpy as np
import optax
import pytest

from jaxmusic import losses, models, training


@pytest.fixture
def rows():
    """`[22, 8]` float32."""
    return np.random.default_rng(0).normal(size=(22, 8)).astype(np.float32)


@pytest.fixture
def make(rows):
    """A trainer of a small VAE, with other arguments where they are given."""

    def trainer(**options):
        options = {"module": models.FCVAE(2, 8, (4,)), "loss": losses.elbo(), "optimizer": optax.adam(1e-2)} | options
        return training.Trainer(**({"batch_size": 8} | options))

    return trainer


@pytest.fixture
def key():
    return jax.random.key(0)
