"""The restarting optimiser."""

import jax.numpy as jnp
import numpy as np
import optax
import pytest

from jaxmusic.training import restart_every


def test_a_restart_equals_a_new_optimiser():
    params = {"w": jnp.array([1.0, -2.0])}
    gradients = [{"w": jnp.array([0.1 * i, 1.0 - 0.3 * i])} for i in range(7)]
    restarting, plain = restart_every(optax.adam(1e-2), 3), optax.adam(1e-2)
    ours, state = params, restarting.init(params)
    theirs, theirs_state = params, plain.init(params)
    for i, gradient in enumerate(gradients):
        if i % 3 == 0:
            theirs_state = plain.init(theirs)
        updates, state = restarting.update(gradient, state, ours)
        ours = optax.apply_updates(ours, updates)
        updates, theirs_state = plain.update(gradient, theirs_state, theirs)
        theirs = optax.apply_updates(theirs, updates)
        np.testing.assert_array_equal(ours["w"], theirs["w"])


def test_no_steps_are_refused():
    with pytest.raises(ValueError, match="at least 1"):
        restart_every(optax.adam(1e-3), 0)
