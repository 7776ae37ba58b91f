"""Several Gaussian posteriors → one."""

from __future__ import annotations

import flax.linen as nn
import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float

from jaxmusic.models.layers import mixture_moments

FUSIONS = ("average", "poe", "moe", "gated", "attention")
"""Names of the ways to fuse posteriors, see `Fusion`."""
# Keeps log and division finite where a row has no modality at all.
_EPSILON = 1e-8


class Fusion(nn.Module):
    """One Gaussian from several, over the modalities that are present.

    `means` and `logvars` are `[modalities, batch, latent]`, `mask` is `[modalities, batch]` bool. A row without any
    modality gets the prior N(0, 1).

    Attributes:
        kind: `"average"` averages means and standard deviations ("Hybrid Multimodal Music Clustering via Joint VAE",
            §3.2.3; its log σ is used as a log-variance, so σ is averaged, not its logarithm);
            `"poe"` is the product of the experts and the prior (Wu and Goodman 2018, eq. 4);
            `"moe"` the mixture of the experts (Shi et al. 2019): one present expert is drawn for each row where an
            rng stream `"latent"` is given, else mean and variance of the mixture;
            `"gated"` weighs the means and variances by softmax gates computed from all posteriors;
            `"attention"` by the attention of a learned query to the posteriors.
    """

    kind: str = "average"

    @nn.compact
    def __call__(
        self,
        means: Float[Array, "modalities batch latent"],
        logvars: Float[Array, "modalities batch latent"],
        mask: Bool[Array, "modalities batch"],
    ) -> tuple[Float[Array, "batch latent"], Float[Array, "batch latent"]]:
        """Fuse; masked rows do not reach the result, whatever they hold.

        Args:
            means: `[modalities, batch, latent]`.
            logvars: `[modalities, batch, latent]`.
            mask: `[modalities, batch]` bool, True where the modality is present.

        Returns:
            `(mean, logvar)`, each `[batch, latent]`; the prior, 0 and 0, for a row without any modality.

        Raises:
            ValueError: an unknown kind.
        """
        if self.kind not in FUSIONS:
            raise ValueError(f"fusion {self.kind!r} is none of {FUSIONS}")
        # A masked row's contents must not reach the result, not even as 0 · NaN.
        present = mask[..., None]
        means, logvars = jnp.where(present, means, 0.0), jnp.where(present, logvars, 0.0)
        weight = present.astype(means.dtype)
        share = weight / jnp.maximum(weight.sum(0), 1.0)
        if self.kind == "poe":
            # The prior is an expert of precision 1; masked experts have precision 0, never an infinite variance. In log
            # space: the precision of a very sure expert overflows, its share of the sum does not.
            log_precision = jnp.where(present, -logvars, -jnp.inf)
            total = jax.nn.logsumexp(jnp.concatenate([jnp.zeros_like(logvars[:1]), log_precision]), axis=0)
            return (jnp.exp(log_precision - total) * means).sum(0), -total
        if self.kind == "average":
            deviation = (share * jnp.exp(0.5 * logvars)).sum(0)
            fused = (share * means).sum(0), 2 * jnp.log(jnp.maximum(deviation, _EPSILON))
        elif self.kind == "moe":
            fused = self._mixture(means, logvars, share, mask)
        else:
            gates = self._gates(means, logvars, present)
            fused = mixture_moments(means, logvars, gates, floor=_EPSILON)
        has_any = mask.any(0)[:, None]
        return jnp.where(has_any, fused[0], 0.0), jnp.where(has_any, fused[1], 0.0)

    def _mixture(self, means: Array, logvars: Array, share: Array, mask: Array) -> tuple[Array, Array]:
        if not self.has_rng("latent"):
            return mixture_moments(means, logvars, share, floor=_EPSILON)
        # Drawing the expert makes the loss's expectation the mean over experts: the mixture's bound.
        logits = jnp.where(mask, 0.0, -1e9)
        chosen = jax.random.categorical(self.make_rng("latent"), logits, axis=0)
        pick = chosen[None, :, None]
        return jnp.take_along_axis(means, pick, 0)[0], jnp.take_along_axis(logvars, pick, 0)[0]

    def _gates(self, means: Array, logvars: Array, present: Array) -> Array:
        posteriors = jnp.concatenate([means, logvars], axis=-1)
        modalities = len(means)
        if self.kind == "gated":
            together = jnp.moveaxis(posteriors, 0, 1).reshape(means.shape[1], -1)
            scores = nn.Dense(modalities, name="gate")(together).T[..., None]
        else:
            keys = nn.Dense(means.shape[-1], name="key")(posteriors)
            query = self.param("query", nn.initializers.normal(1.0), (means.shape[-1],))
            scores = (keys @ query)[..., None] / jnp.sqrt(means.shape[-1])
        return jax.nn.softmax(jnp.where(present, scores, -1e9), axis=0) * present
