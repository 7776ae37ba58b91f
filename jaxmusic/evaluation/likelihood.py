"""Importance-weighted log-likelihoods of multimodal VAEs: how probable held-out rows are, whole or given a part."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from flax.core import FrozenDict
from jax import lax
from jaxtyping import Array, Bool, Float

from jaxmusic.losses import Likelihood, log_likelihood
from jaxmusic.models import GaussianMixture, MultimodalVAE


def importance_log_weights(
    module: MultimodalVAE,
    variables: Mapping[str, Any],
    inputs: Mapping[str, Array | np.ndarray],
    masks: Mapping[str, Array | np.ndarray] | None,
    z: Float[Array, "samples batch latent"],
    *,
    likelihoods: Mapping[str, Likelihood],
    element_masks: Mapping[str, Array] | None = None,
) -> Float[Array, "samples batch"]:
    """log p(x, z) − log q(z|x) at given latents, in nats, x being what the masks leave.

    Args:
        module: a `MultimodalVAE`.
        variables: its parameters and whatever else it holds.
        inputs: modality → `[batch, …]`.
        masks: modality → `[batch]` bool; None: every row has all of `inputs`.
        z: `[samples, batch, latent_dim]`.
        likelihoods: modality → what its decoder's output means; a modality left out is not part of x.
        element_masks: modality → array that broadcasts to its inputs, False on elements that are not part of x.

    Returns:
        `[samples, batch]`.

    Raises:
        ValueError: likelihoods of a modality without inputs, or whatever the module refuses.
    """
    if unknown := sorted(set(likelihoods) - set(inputs)):
        raise ValueError(f"likelihoods of {unknown}, which have no inputs; inputs hold {sorted(inputs)}")
    mixture: Any = module.apply(variables, inputs, masks, method="encode_mixture")
    return _log_weights(module, variables, mixture, inputs, masks, z, likelihoods, element_masks or {})


def joint_log_likelihood(
    key: Array,
    module: MultimodalVAE,
    variables: Mapping[str, Any],
    inputs: Mapping[str, Array | np.ndarray],
    masks: Mapping[str, Array | np.ndarray] | None = None,
    *,
    likelihoods: Mapping[str, Likelihood],
    element_masks: Mapping[str, Array] | None = None,
    samples: int = 1000,
    block: int = 64,
    samples_at_once: int = 100,
) -> Float[np.ndarray, " n"]:
    """log p(x) of every row, x being all the modalities that it has: log 1/K Σ_k p(x, z_k) / q(z_k|x), z_k ~ q(z|x).

    A lower bound in expectation that rises to log p(x) with K. The samples come from the whole posterior, every
    component of a mixture by its weight. A row's estimate does not depend on the rows beside it.

    Source: Burda et al. (2016), eq. 8; for mixtures, Shi et al. (2019), eq. 3.

    Args:
        key: a jax random key.
        module: a `MultimodalVAE`.
        variables: its parameters and whatever else it holds.
        inputs: modality → `[n, …]`.
        masks: modality → `[n]` bool; None: every row has all of `inputs`.
        likelihoods: modality → what its decoder's output means; a modality left out is not part of x.
        element_masks: see `importance_log_weights`.
        samples: K of each row.
        block: rows at once.
        samples_at_once: of each of these rows, which bounds the memory to `block · samples_at_once` decoder outputs.

    Returns:
        `[n]` float32, in nats.

    Raises:
        ValueError: no samples, a row without any of the modalities, or likelihoods of one without inputs.
    """
    if min(samples, block, samples_at_once) < 1:
        raise ValueError(
            f"samples, block and samples_at_once must be 1 or more, got {(samples, block, samples_at_once)}"
        )
    if not likelihoods or (unknown := sorted(set(likelihoods) - set(inputs))):
        what = f"likelihoods of {unknown}, which have no inputs" if likelihoods else "no likelihoods"
        raise ValueError(f"{what}; inputs hold {sorted(inputs)}")
    rows = next(iter(inputs.values())).shape[0]
    present = {name: np.ones(rows, bool) if masks is None else np.asarray(masks[name], bool) for name in inputs}
    _refuse_empty(present, sorted(likelihoods), "any of")
    others = {} if masks is None else {name: mask for name, mask in masks.items() if name not in inputs}
    arrays = (dict(inputs), {**others, **present}, dict(element_masks or {}))
    fixed: FrozenDict[str, Likelihood] = FrozenDict(likelihoods)
    found = []
    for start in range(0, rows, block):
        # The last block is filled with its own last row: one shape, one compilation.
        numbers = np.minimum(np.arange(start, start + block), rows - 1)
        part = jax.tree.map(lambda x, numbers=numbers: x[numbers], arrays)
        estimate = _estimate(
            key, variables, jnp.asarray(numbers), *part, module=module, likelihoods=fixed, samples=samples,
            at_once=min(samples_at_once, samples),
        )  # fmt: skip
        found.append(np.asarray(estimate)[: rows - start])
    return np.concatenate(found) if found else np.zeros(0, np.float32)


def conditional_log_likelihood(
    key: Array,
    module: MultimodalVAE,
    variables: Mapping[str, Any],
    inputs: Mapping[str, Array | np.ndarray],
    masks: Mapping[str, Array | np.ndarray] | None = None,
    *,
    targets: Sequence[str],
    given: Sequence[str],
    likelihoods: Mapping[str, Likelihood],
    element_masks: Mapping[str, Array] | None = None,
    samples: int = 1000,
    block: int = 64,
    samples_at_once: int = 100,
) -> Float[np.ndarray, " n"]:
    """log p(x_targets | x_given) of every row: `joint_log_likelihood` of both less that of what is given.

    Args:
        key, module, variables, inputs, masks, element_masks, samples, block, samples_at_once: see
            `joint_log_likelihood`.
        targets: modalities whose probability is asked for.
        given: modalities that are known, none of them a target.
        likelihoods: of all these modalities.

    Returns:
        `[n]` float32, in nats.

    Raises:
        ValueError: targets that are given, or none; a modality without likelihood, or that a row lacks.
    """
    asked = [*targets, *given]
    if not targets or not given or len(set(asked)) < len(asked):
        raise ValueError(f"targets {tuple(targets)} and given {tuple(given)} must be some modalities each, and others")
    if missing := sorted(set(asked) - (set(likelihoods) & set(inputs))):
        raise ValueError(
            f"{missing} lack inputs or likelihoods: inputs {sorted(inputs)}, likelihoods {sorted(likelihoods)}"
        )
    if masks is not None:
        for name in asked:
            _refuse_empty({name: np.asarray(masks[name], bool)}, [name], "the modality")
    others = {} if masks is None else {name: mask for name, mask in masks.items() if name not in inputs}

    def estimate(names: Sequence[str]) -> np.ndarray:
        rows = inputs[names[0]].shape[0]
        return joint_log_likelihood(
            key, module, variables, {name: inputs[name] for name in names},
            {**others, **{name: jnp.ones(rows, bool) for name in names}},
            likelihoods={name: likelihoods[name] for name in names},
            element_masks={name: (element_masks or {})[name] for name in names if name in (element_masks or {})},
            samples=samples, block=block, samples_at_once=samples_at_once,
        )  # fmt: skip

    return estimate(asked) - estimate(list(given))


@partial(jax.jit, static_argnames=("module", "likelihoods", "samples", "at_once"))
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
    samples: int,
    at_once: int,
) -> Array:
    """`[block]` estimates; `numbers` are the rows', and with a sample's number its key."""
    mixture: Any = module.apply(variables, inputs, masks, method="encode_mixture")
    keys = jax.vmap(jax.random.fold_in, (None, 0))(key, numbers)

    def add(total: Array, first: Array) -> tuple[Array, None]:
        sample = first + jnp.arange(at_once)
        z = jax.vmap(lambda i: jax.vmap(_draw, (0, None, 1))(keys, i, mixture))(sample)
        weights = _log_weights(module, variables, mixture, inputs, masks, z, likelihoods, element_masks)
        counted = jnp.where((sample < samples)[:, None], weights, -jnp.inf)
        return jnp.logaddexp(total, jax.nn.logsumexp(counted, axis=0)), None

    start = jnp.full(numbers.shape, -jnp.inf)
    total, _ = lax.scan(add, start, jnp.arange(0, samples, at_once))
    return total - np.log(samples)


def _draw(key: Array, sample: Array, mixture: GaussianMixture) -> Array:
    """One draw `[latent]` from a row's mixture."""
    of_component, of_noise = jax.random.split(jax.random.fold_in(key, sample))
    chosen = jax.random.categorical(of_component, jnp.log(mixture.weights))
    mean, logvar = mixture.means[chosen], mixture.logvars[chosen]
    return mean + jnp.exp(0.5 * logvar) * jax.random.normal(of_noise, mean.shape, mean.dtype)


def _log_weights(
    module: MultimodalVAE,
    variables: Mapping[str, Any],
    mixture: GaussianMixture,
    inputs: Mapping[str, Array | np.ndarray],
    masks: Mapping[str, Array | np.ndarray] | None,
    z: Float[Array, "samples batch latent"],
    likelihoods: Mapping[str, Likelihood],
    element_masks: Mapping[str, Array],
) -> Float[Array, "samples batch"]:
    found = -0.5 * (np.log(2 * np.pi) + jnp.square(z)).sum(-1) - mixture.log_prob(z)
    scales: Any = module.apply(variables, method="decoder_log_scales") or {}
    flat = z.reshape(-1, z.shape[-1])
    for name, likelihood in likelihoods.items():
        recon: Any = module.apply(variables, flat, name, method="decode")
        found += log_likelihood(
            likelihood, recon.reshape(*z.shape[:2], *recon.shape[1:]), jnp.asarray(inputs[name]),
            mask=None if masks is None else jnp.asarray(masks[name]),
            element_mask=element_masks.get(name),
            log_scale=scales.get(name),
        )  # fmt: skip
    return found


def _refuse_empty(present: Mapping[str, Bool[np.ndarray, " n"]], names: Sequence[str], what: str) -> None:
    has_any = np.stack([present[name] for name in names]).any(0)
    if not has_any.all():
        raise ValueError(
            f"{int((~has_any).sum())} rows lack {what} {list(names)}, the first being row {int(np.argmin(has_any))}: "
            "leave them out"
        )
