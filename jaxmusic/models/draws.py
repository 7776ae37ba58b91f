"""Further draws of the latents beside the joint posterior's one: what bounds with subsets or many samples need."""

from __future__ import annotations

from typing import NamedTuple

import flax.linen as nn
import jax
import jax.numpy as jnp
from jaxtyping import Array

from jaxmusic.models.fusion import PosteriorFusion, subsets


class Draws(NamedTuple):
    """Samples of the latents in strata, each stratum from a Gaussian of its own.

    Attributes:
        mean: `[strata, batch, latent]` of the Gaussians.
        logvar: `[strata, batch, latent]`.
        is_there: `[strata, batch]` bool, whether the row has this stratum.
        seen: `[strata, modalities, batch]` bool, which modalities a subset's Gaussian saw, in the order of their names;
            None for the components of a fusion.
        z: `[strata, samples, batch, latent]`.
        recon: modality → `[strata, samples, batch, …]`, the decoder's output for `z`.
        weight_taps: two arrays `[strata, samples, batch]` of zeros, by which `losses.dreg` weighs the gradient that
            reaches the encoders through `z`: by the first's gradient over the second's.
    """

    mean: Array
    logvar: Array
    is_there: Array
    seen: Array | None
    z: Array
    recon: dict[str, Array]
    weight_taps: tuple[Array, Array]


class ComponentDraws(nn.Module):
    """`samples` draws from every component of the fusion: strata, as Shi et al. (2019), eq. 3, take of a mixture.

    A fusion with one component is one stratum: the samples of Burda et al. (2016), eq. 8.

    Attributes:
        samples: drawn for each stratum and row, K.
    """

    samples: int = 10

    def __call__(self, fusion: PosteriorFusion, means: Array, logvars: Array, mask: Array) -> Draws:
        """Draw from the rng stream `"latent"`.

        Args:
            fusion: of the posteriors.
            means: `[modalities, batch, latent]`.
            logvars: `[modalities, batch, latent]`.
            mask: `[modalities, batch]` bool.

        Returns:
            `Draws` without reconstructions.

        Raises:
            ValueError: fewer than one sample.
        """
        if self.samples < 1:
            raise ValueError(f"samples must be 1 or more, got {self.samples}")
        mixture = fusion.components(means, logvars, mask)
        z, taps = _sample(self.make_rng("latent"), mixture.means, mixture.logvars, self.samples)
        return Draws(mixture.means, mixture.logvars, mixture.weights > 0, None, z, {}, taps)


class SubsetDraws(nn.Module):
    """One draw from each modality alone and from `random` further subsets of two or more, but not all.

    Source: Wu and Goodman (2018), §3.2.

    Attributes:
        random: how many subsets are drawn for a batch, with repetition; 0 for none.
    """

    random: int = 0

    def __call__(self, fusion: PosteriorFusion, means: Array, logvars: Array, mask: Array) -> Draws:
        """Draw from the rng stream `"latent"`.

        Args:
            fusion: of the posteriors, with one component.
            means: `[modalities, batch, latent]`.
            logvars: `[modalities, batch, latent]`.
            mask: `[modalities, batch]` bool.

        Returns:
            `Draws` without reconstructions. A row has a subset if it has any modality of it.

        Raises:
            ValueError: a fusion of several components, or a negative number.
        """
        modalities = means.shape[0]
        if self.random < 0:
            raise ValueError(f"random must be 0 or more, got {self.random}")
        members = jnp.eye(modalities, dtype=bool)
        if self.random and modalities > 2:
            chosen = _random_subsets(self.make_rng("latent"), modalities, self.random)
            members = jnp.concatenate([members, chosen])
        seen = members[:, :, None] & mask[None]
        fused = [fusion.components(means, logvars, subset) for subset in seen]
        if fused[0].means.shape[0] != 1:
            raise ValueError(
                f"{type(fusion).__name__} has {fused[0].means.shape[0]} components: subsets are drawn from a fusion "
                "with one, such as Product"
            )
        mean, logvar = (jnp.stack([part[i][0] for part in fused]) for i in (0, 1))
        z, taps = _sample(self.make_rng("latent"), mean, logvar, 1)
        return Draws(mean, logvar, seen.any(1), seen, z, {}, taps)


def _random_subsets(key: Array, modalities: int, count: int) -> Array:
    """`[count, modalities]` bool: sizes from 2 to all but one, weighted by how many subsets have them."""
    members = subsets(modalities)
    sizes = members.sum(1)
    between = members[(sizes > 1) & (sizes < modalities)]
    return jnp.asarray(between)[jax.random.randint(key, (count,), 0, len(between))]


def _sample(key: Array, mean: Array, logvar: Array, samples: int) -> tuple[Array, tuple[Array, Array]]:
    strata, batch, latent = mean.shape
    noise = jax.random.normal(key, (strata, samples, batch, latent), mean.dtype)
    z = mean[:, None] + jnp.exp(0.5 * logvar)[:, None] * noise
    z, first, second = _tapped(z)
    return z, (first, second)


@jax.custom_vjp
def _tapped(z: Array) -> tuple[Array, Array, Array]:
    """`z`, and two arrays of zeros whose gradients' ratio multiplies the gradient of `z`.

    The doubly reparameterised gradient weighs what reaches the encoder once more than what reaches the decoder. The
    weights come from the decoder's own output, so that they are known only behind it: a loss states them as the
    gradient of an array of zeros, which changes no value, and that of the second array divides out how the loss is
    scaled in a sum. Without either, the gradient of `z` passes as it is.
    """
    zeros = jnp.zeros(z.shape[:-1], z.dtype)
    return z, zeros, zeros


def _tapped_forward(z: Array) -> tuple[tuple[Array, Array, Array], None]:
    return _tapped(z), None


def _tapped_backward(_: None, gradients: tuple[Array, Array, Array]) -> tuple[Array]:
    of_z, first, second = gradients
    is_weighed = second != 0
    weight = jnp.where(is_weighed, first / jnp.where(is_weighed, second, 1.0), 1.0)
    return (weight[..., None] * of_z,)


_tapped.defvjp(_tapped_forward, _tapped_backward)
