"""Means over draws of a multimodal VAE's latents, in blocks of rows: what its likelihoods are made of."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from flax.core import FrozenDict
from jax import lax
from jaxtyping import Array, Float

from jaxmusic.losses import Likelihood, log_likelihood
from jaxmusic.models import GaussianMixture, MultimodalVAE


class Sizes(NamedTuple):
    samples: int
    block: int
    samples_at_once: int


class Term(NamedTuple):
    """A mean over the draws: of Π p(x_m | z), weighted by p(z) over the draws' density or not."""

    names: tuple[str, ...]
    is_weighted: bool


def by_blocks(
    key: Array,
    module: MultimodalVAE,
    variables: Mapping[str, Any],
    arrays: tuple[dict[str, Any], ...],
    likelihoods: Mapping[str, Likelihood],
    proposals: tuple[tuple[str, ...], ...],
    terms: tuple[Term, ...],
    sizes: Sizes,
) -> Float[np.ndarray, "terms n"]:
    """Estimates of all terms by draws from the posteriors of `proposals`; no names stand for the prior."""
    if min(sizes) < 1:
        raise ValueError(f"samples, block and samples_at_once must be 1 or more, got {tuple(sizes)}")
    rows = next(iter(arrays[0].values())).shape[0]
    found = []
    for start in range(0, rows, sizes.block):
        # The last block is filled with its own last row: one shape, one compilation.
        numbers = np.minimum(np.arange(start, start + sizes.block), rows - 1)
        part = jax.tree.map(lambda x, numbers=numbers: x[numbers], arrays)
        estimate = _estimate(
            key,
            variables,
            jnp.asarray(numbers),
            *part,
            module=module,
            likelihoods=FrozenDict(likelihoods),
            proposals=proposals,
            terms=terms,
            samples=sizes.samples,
            at_once=min(sizes.samples_at_once, sizes.samples),
        )
        found.append(np.asarray(estimate)[:, : rows - start])
    return np.concatenate(found, axis=1) if found else np.zeros((len(terms), 0), np.float32)


@partial(jax.jit, static_argnames=("module", "likelihoods", "proposals", "terms", "samples", "at_once"))
def _estimate(
    key: Array,
    variables: Mapping[str, Any],
    numbers: Array,
    inputs: Mapping[str, Array | np.ndarray],
    masks: Mapping[str, Array],
    element_masks: Mapping[str, Array],
    *,
    module: MultimodalVAE,
    likelihoods: Mapping[str, Likelihood],
    proposals: tuple[tuple[str, ...], ...],
    terms: tuple[Term, ...],
    samples: int,
    at_once: int,
) -> Array:
    """`[terms, block]` estimates; `numbers` are the rows', and with a sample's number its key."""
    mixture = _proposal(module, variables, inputs, masks, proposals)
    keys = jax.vmap(jax.random.fold_in, (None, 0))(key, numbers)

    def add(total: Array, first: Array) -> tuple[Array, None]:
        sample = first + jnp.arange(at_once)
        z = jax.vmap(lambda i: jax.vmap(_draw, (0, None, 1))(keys, i, mixture))(sample)
        values = jnp.stack(
            [
                log_values(
                    module,
                    variables,
                    mixture if term.is_weighted else None,
                    inputs,
                    masks,
                    z,
                    {name: likelihoods[name] for name in term.names},
                    element_masks,
                )
                for term in terms
            ]
        )
        counted = jnp.where((sample < samples)[:, None], values, -jnp.inf)
        return jnp.logaddexp(total, jax.nn.logsumexp(counted, axis=1)), None

    start = jnp.full((len(terms), *numbers.shape), -jnp.inf)
    total, _ = lax.scan(add, start, jnp.arange(0, samples, at_once))
    return total - np.log(samples)


def _proposal(
    module: MultimodalVAE,
    variables: Mapping[str, Any],
    inputs: Mapping[str, Any],
    masks: Mapping[str, Array],
    proposals: tuple[tuple[str, ...], ...],
) -> GaussianMixture:
    """The posteriors of several sets of modalities, and the prior for an empty one, in equal parts."""
    parts: list[GaussianMixture] = []
    for names in proposals:
        if names:
            some = {name: inputs[name] for name in names}
            parts.append(module.apply(variables, some, masks, method="encode_mixture"))  # type: ignore[arg-type]
        else:
            zeros = jnp.zeros_like(parts[0].means[:1])
            parts.append(GaussianMixture(zeros, zeros, jnp.ones_like(parts[0].weights[:1])))
    if len(parts) == 1:
        return parts[0]
    together = jax.tree.map(lambda *x: jnp.concatenate(x), *parts)
    return together._replace(weights=together.weights / len(parts))


def _draw(key: Array, sample: Array, mixture: GaussianMixture) -> Array:
    """One draw `[latent]` from a row's mixture."""
    of_component, of_noise = jax.random.split(jax.random.fold_in(key, sample))
    chosen = jax.random.categorical(of_component, jnp.log(mixture.weights))
    mean, logvar = mixture.means[chosen], mixture.logvars[chosen]
    return mean + jnp.exp(0.5 * logvar) * jax.random.normal(of_noise, mean.shape, mean.dtype)


def log_values(
    module: MultimodalVAE,
    variables: Mapping[str, Any],
    mixture: GaussianMixture | None,
    inputs: Mapping[str, Array | np.ndarray],
    masks: Mapping[str, Array | np.ndarray] | None,
    z: Float[Array, "samples batch latent"],
    likelihoods: Mapping[str, Likelihood],
    element_masks: Mapping[str, Array],
) -> Float[Array, "samples batch"]:
    """log p(x|z), plus log p(z) − log q(z) of a mixture that the latents were drawn from."""
    found = jnp.zeros(z.shape[:2], z.dtype)
    if mixture is not None:
        found = -0.5 * (np.log(2 * np.pi) + jnp.square(z)).sum(-1) - mixture.log_prob(z)
    scales: Any = module.apply(variables, method="decoder_log_scales") or {}
    flat = z.reshape(-1, z.shape[-1])
    for name, likelihood in likelihoods.items():
        recon: Any = module.apply(variables, flat, name, method="decode")
        found += log_likelihood(
            likelihood,
            recon.reshape(*z.shape[:2], *recon.shape[1:]),
            jnp.asarray(inputs[name]),
            mask=None if masks is None else jnp.asarray(masks[name]),
            element_mask=element_masks.get(name),
            log_scale=scales.get(name),
        )
    return found
