"""A mixture of diagonal Gaussians for each row, as a value."""

from __future__ import annotations

from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float


class GaussianMixture(NamedTuple):
    """A mixture of diagonal Gaussians for each row; one Gaussian is a mixture of one component.

    Attributes:
        means: `[components, batch, latent]`.
        logvars: `[components, batch, latent]`.
        weights: `[components, batch]`, summing to 1 over the components; 0 for one that a row lacks.
    """

    means: Array
    logvars: Array
    weights: Array

    def log_prob(self, z: Float[Array, "*samples batch latent"]) -> Float[Array, "*samples batch"]:
        """log q(z), in nats.

        Args:
            z: `[…, batch, latent]`.

        Returns:
            `[…, batch]`.
        """
        # Components first: each is held against every sample.
        shape = (self.means.shape[0], *(1,) * (z.ndim - 2), *self.means.shape[1:])
        means, logvars = self.means.reshape(shape), self.logvars.reshape(shape)
        each = -0.5 * (np.log(2 * np.pi) + logvars + jnp.square(z - means) * jnp.exp(-logvars)).sum(-1)
        if self.means.shape[0] == 1:
            return each[0]
        weights = self.weights.reshape(*shape[:-1])
        return jax.nn.logsumexp(each, axis=0, b=jnp.broadcast_to(weights, each.shape))
