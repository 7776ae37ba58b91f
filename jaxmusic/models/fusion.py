"""Several Gaussian posteriors → one distribution of the latents: a Gaussian, or a mixture of Gaussians."""

from __future__ import annotations

from collections.abc import Callable
from itertools import combinations
from typing import Literal

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float

from jaxmusic.models.gaussian_mixture import GaussianMixture
from jaxmusic.models.layers import mixture_moments

# Keeps log and division finite where a row has no modality at all.
_EPSILON = 1e-8


class PosteriorFusion(nn.Module):
    """What every fusion does with its components; a subclass says what they are.

    A subclass defines `components`. Called, a fusion gives one Gaussian: its own where it has one component, else a
    component drawn for each row where an rng stream `"latent"` is given, and the mixture's moments where none is.
    """

    def components(
        self,
        means: Float[Array, "modalities batch latent"],
        logvars: Float[Array, "modalities batch latent"],
        mask: Bool[Array, "modalities batch"],
    ) -> GaussianMixture:
        """The fused distribution; masked entries do not reach it, whatever they hold.

        Args:
            means: `[modalities, batch, latent]`.
            logvars: `[modalities, batch, latent]`.
            mask: `[modalities, batch]` bool, True where the modality is present.

        Returns:
            `GaussianMixture`; the prior N(0, 1) for a row without any modality.

        Raises:
            NotImplementedError: by a subclass that lacks it.
        """
        raise NotImplementedError(f"{type(self).__name__} has no components(means, logvars, mask)")

    def draw(self, mixture: GaussianMixture) -> tuple[Array, Array, Array | None]:
        """One component for each row, drawn by its weight from the rng stream `"latent"`.

        Drawing the component makes a loss's expectation the mean over components: the mixture's bound.

        Args:
            mixture: what `components` gave.

        Returns:
            `(mean, logvar)`, each `[batch, latent]`, and the component's number `[batch]`, None where there is one.
        """
        if mixture.means.shape[0] == 1:
            return mixture.means[0], mixture.logvars[0], None
        logits = jnp.where(mixture.weights > 0, 0.0, -1e9)
        chosen = jax.random.categorical(self.make_rng("latent"), logits, axis=0)
        pick = chosen[None, :, None]
        mean, logvar = (jnp.take_along_axis(x, pick, 0)[0] for x in (mixture.means, mixture.logvars))
        return mean, logvar, chosen

    def moments(self, mixture: GaussianMixture) -> tuple[Array, Array]:
        """Mean and log-variance of the fused distribution.

        Args:
            mixture: what `components` gave.

        Returns:
            `(mean, logvar)`, each `[batch, latent]`.
        """
        if mixture.means.shape[0] == 1:
            return mixture.means[0], mixture.logvars[0]
        return mixture_moments(mixture.means, mixture.logvars, mixture.weights[..., None], floor=_EPSILON)

    def __call__(
        self,
        means: Float[Array, "modalities batch latent"],
        logvars: Float[Array, "modalities batch latent"],
        mask: Bool[Array, "modalities batch"],
    ) -> tuple[Float[Array, "batch latent"], Float[Array, "batch latent"]]:
        """Fuse into one Gaussian.

        Args:
            means: `[modalities, batch, latent]`.
            logvars: `[modalities, batch, latent]`.
            mask: `[modalities, batch]` bool, True where the modality is present.

        Returns:
            `(mean, logvar)`, each `[batch, latent]`; the prior, 0 and 0, for a row without any modality.
        """
        mixture = self.components(means, logvars, mask)
        return self.draw(mixture)[:2] if self.has_rng("latent") else self.moments(mixture)


class Average(PosteriorFusion):
    """Means and standard deviations averaged.

    Source: "Hybrid Multimodal Music Clustering via Joint VAE" (2026), §3.2.3; its log σ is used as a log-variance, so σ
    is averaged, not its logarithm.
    """

    def components(self, means: Array, logvars: Array, mask: Array) -> GaussianMixture:
        """See `PosteriorFusion.components`."""
        means, logvars, present = _present(means, logvars, mask)
        share = _share(means, present)
        deviation = (share * jnp.exp(0.5 * logvars)).sum(0)
        fused = (share * means).sum(0), 2 * jnp.log(jnp.maximum(deviation, _EPSILON))
        return _one(*fused, mask)


class Product(PosteriorFusion):
    """The product of the experts that are there, and of the prior.

    Source: Wu and Goodman (2018), eq. 4; without the prior, the joint posterior of Hwang et al. (2021), §3.2.

    Attributes:
        prior: whether the prior N(0, 1) is an expert, too.
    """

    prior: bool = True

    def components(self, means: Array, logvars: Array, mask: Array) -> GaussianMixture:
        """See `PosteriorFusion.components`."""
        means, logvars, present = _present(means, logvars, mask)
        mean, logvar = _product(means, logvars, present, self.prior)
        return GaussianMixture(mean[None], logvar[None], jnp.ones((1, *mask.shape[1:]), means.dtype))


class Mixture(PosteriorFusion):
    """The mixture of the experts that are there, each with the same weight.

    Source: Shi et al. (2019), eq. 2.
    """

    def components(self, means: Array, logvars: Array, mask: Array) -> GaussianMixture:
        """See `PosteriorFusion.components`."""
        means, logvars, _ = _present(means, logvars, mask)
        return GaussianMixture(means, logvars, _mixture_weights(mask, means.dtype))


class MixtureOfProducts(PosteriorFusion):
    """The mixture of the products of every subset of the experts that are there (MoPoE): 2^M − 1 components.

    Source: Sutter et al. (2021), eq. 4. Components are in the order of the subsets' sizes, then of their modalities.

    Attributes:
        prior: which products have the prior N(0, 1) as an expert: `"none"`, as the paper writes them; `"complete"`, the
            one of all modalities, as the paper's code has it; or `"every"`.
    """

    prior: Literal["none", "complete", "every"] = "none"

    def components(self, means: Array, logvars: Array, mask: Array) -> GaussianMixture:
        """See `PosteriorFusion.components`."""
        if self.prior not in ("none", "complete", "every"):
            raise ValueError(f"prior {self.prior!r} is none of ('none', 'complete', 'every')")
        means, logvars, present = _present(means, logvars, mask)
        members = subsets(means.shape[0])
        is_complete = members.all(1)
        has_prior = {"none": np.zeros_like(is_complete), "complete": is_complete, "every": np.ones_like(is_complete)}
        product = jax.vmap(lambda member, prior: _product(means, logvars, present & member[:, None, None], prior))
        fused = product(jnp.asarray(members), jnp.asarray(has_prior[self.prior]))
        is_there = (mask[None] | ~members[:, :, None]).all(1)
        fused_means, fused_logvars = (jnp.where(is_there[..., None], x, 0.0) for x in fused)
        return GaussianMixture(fused_means, fused_logvars, _mixture_weights(is_there, means.dtype))


class Gated(PosteriorFusion):
    """Moments of a mixture whose weights are softmax gates computed from all posteriors."""

    @nn.compact
    def components(self, means: Array, logvars: Array, mask: Array) -> GaussianMixture:
        """See `PosteriorFusion.components`."""
        means, logvars, present = _present(means, logvars, mask)
        posteriors = jnp.concatenate([means, logvars], axis=-1)
        together = jnp.moveaxis(posteriors, 0, 1).reshape(means.shape[1], -1)
        scores = nn.Dense(means.shape[0], name="gate")(together).T[..., None]
        return _one(*mixture_moments(means, logvars, masked_softmax(scores, present), floor=_EPSILON), mask)


class Attention(PosteriorFusion):
    """Moments of a mixture whose weights are the attention of a learned query to the posteriors."""

    @nn.compact
    def components(self, means: Array, logvars: Array, mask: Array) -> GaussianMixture:
        """See `PosteriorFusion.components`."""
        means, logvars, present = _present(means, logvars, mask)
        keys = nn.Dense(means.shape[-1], name="key")(jnp.concatenate([means, logvars], axis=-1))
        query = self.param("query", nn.initializers.normal(1.0), (means.shape[-1],))
        scores = (keys @ query)[..., None] / jnp.sqrt(means.shape[-1])
        return _one(*mixture_moments(means, logvars, masked_softmax(scores, present), floor=_EPSILON), mask)


_KINDS: dict[str, Callable[[], PosteriorFusion]] = {
    "average": Average,
    "poe": Product,
    "moe": Mixture,
    "mopoe": MixtureOfProducts,
    "gated": Gated,
    "attention": Attention,
}
FUSIONS = tuple(_KINDS)
"""Names of the ways to fuse posteriors, see `Fusion`."""


def Fusion(kind: str = "average") -> PosteriorFusion:
    """A fusion by its short name: `Average`, `Product`, `Mixture`, `MixtureOfProducts`, `Gated` or `Attention`.

    Args:
        kind: `"average"`, `"poe"`, `"moe"`, `"mopoe"`, `"gated"` or `"attention"`.

    Returns:
        The module, with its defaults.

    Raises:
        ValueError: an unknown kind.
    """
    if kind not in _KINDS:
        raise ValueError(f"fusion {kind!r} is none of {FUSIONS}")
    return _KINDS[kind]()


def subsets(modalities: int) -> Bool[np.ndarray, "subsets modalities"]:
    """Every subset of the modalities but the empty one, by size and then in order.

    >>> subsets(2).tolist()
    [[True, False], [False, True], [True, True]]
    """
    chosen = [c for size in range(1, modalities + 1) for c in combinations(range(modalities), size)]
    return np.array([[i in subset for i in range(modalities)] for subset in chosen])


def masked_softmax(scores: Array, present: Array, axis: int = 0) -> Array:
    """Softmax over one axis, of what is present; zeros where nothing is."""
    # A finite fill: with -inf, a row without any modality would have NaN for its gradient.
    return jax.nn.softmax(jnp.where(present, scores, -1e9), axis=axis) * present


def _present(means: Array, logvars: Array, mask: Array) -> tuple[Array, Array, Array]:
    """Both with 0 where the mask is off, and the mask: an absent entry must not come through, not even as 0 · NaN."""
    present = mask[..., None]
    return jnp.where(present, means, 0.0), jnp.where(present, logvars, 0.0), present


def _share(means: Array, present: Array) -> Array:
    weight = present.astype(means.dtype)
    return weight / jnp.maximum(weight.sum(0), 1.0)


def _mixture_weights(is_there: Array, dtype: jnp.dtype) -> Array:
    """`[components, batch]`: equal weights of those that are there; where none is, all are the prior, and count."""
    weight = is_there.astype(dtype)
    share = weight / jnp.maximum(weight.sum(0), 1.0)
    return jnp.where(is_there.any(0), share, 1 / is_there.shape[0])


def _one(mean: Array, logvar: Array, mask: Array) -> GaussianMixture:
    """One Gaussian, the prior for a row without any modality."""
    has_any = mask.any(0)[:, None]
    fused = jnp.where(has_any, mean, 0.0)[None], jnp.where(has_any, logvar, 0.0)[None]
    return GaussianMixture(*fused, jnp.ones((1, *mask.shape[1:]), mean.dtype))


def _product(means: Array, logvars: Array, present: Array, prior: bool | Array) -> tuple[Array, Array]:
    """Precisions add up; the prior is an expert of precision 1, and the only one where nothing else is there."""
    # In log space: the precision of a very sure expert overflows, its share of the sum does not. Absent experts have
    # precision 0, never an infinite variance.
    log_precision = jnp.where(present, -logvars, -jnp.inf)
    of_prior = jnp.where(prior | ~present.any(0), jnp.zeros_like(logvars[0]), -jnp.inf)
    total = jax.nn.logsumexp(jnp.concatenate([of_prior[None], log_precision]), axis=0)
    return (jnp.exp(log_precision - total) * means).sum(0), -total
