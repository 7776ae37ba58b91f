"""What a multimodal VAE makes: from the prior, from one modality to another, between two rows; and whether it fits."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from jaxmusic.models import MultimodalVAE


def sample_prior(
    key: Array,
    module: MultimodalVAE,
    variables: Mapping[str, Any],
    count: int,
    *,
    modalities: Sequence[str] | None = None,
    block: int = 256,
) -> dict[str, np.ndarray]:
    """Rows that the model makes up: z ~ N(0, 1), decoded into every modality.

    Args:
        key: a jax random key.
        module: a `MultimodalVAE`.
        variables: its parameters and whatever else it holds.
        count: how many.
        modalities: into which to decode; None: all that have a decoder.
        block: rows decoded at once.

    Returns:
        modality → `[count, …]`, what its decoder gives: means, or logits. Row i of each belongs to row i of the others.

    Raises:
        ValueError: fewer than one row, or a modality without decoder.
    """
    if count < 1:
        raise ValueError(f"count must be 1 or more, got {count}")
    z = jax.random.normal(key, (count, module.latent_dim))
    return {name: _decode(module, variables, z, name, block) for name in _targets(module, modalities)}


def generate(
    key: Array,
    module: MultimodalVAE,
    variables: Mapping[str, Any],
    inputs: Mapping[str, Array | np.ndarray],
    masks: Mapping[str, Array | np.ndarray] | None = None,
    *,
    targets: Sequence[str] | None = None,
    samples: int = 0,
    block: int = 256,
) -> dict[str, np.ndarray]:
    """Modalities made of others: encode `inputs`, decode what is asked for.

    Args:
        key: a jax random key, for samples.
        module: a `MultimodalVAE`.
        variables: its parameters and whatever else it holds.
        inputs: modality → `[n, …]`, what is known.
        masks: modality → `[n]` bool; None: every row has all of `inputs`.
        targets: into which to decode; None: all that have a decoder and are not in `inputs`.
        samples: draws of the posterior for each row; 0 takes its mean.
        block: rows decoded at once.

    Returns:
        modality → `[n, …]`, with samples `[samples, n, …]`: what its decoder gives, means or logits.

    Raises:
        ValueError: a negative number of samples, a modality without decoder, or whatever the module refuses.
    """
    if samples < 0:
        raise ValueError(f"samples must be 0 or more, got {samples}")
    chosen = targets if targets is not None else [name for name in module.decoders if name not in inputs]
    mixture = _mixture(dict(inputs), masks, variables, module=module)
    if not samples:
        z = (mixture.weights[..., None] * mixture.means).sum(0)
        return {name: _decode(module, variables, z, name, block) for name in _targets(module, chosen)}
    of_component, of_noise = jax.random.split(key)
    shape = (samples, mixture.weights.shape[1])
    component = jax.random.categorical(of_component, jnp.log(mixture.weights).T, shape=shape)
    mean, logvar = (x[component, jnp.arange(shape[1])] for x in (mixture.means, mixture.logvars))
    z = mean + jnp.exp(0.5 * logvar) * jax.random.normal(of_noise, mean.shape, mean.dtype)
    decoded = {n: _decode(module, variables, z.reshape(-1, z.shape[-1]), n, block) for n in _targets(module, chosen)}
    return {name: x.reshape(*shape, *x.shape[1:]) for name, x in decoded.items()}


def interpolate(
    module: MultimodalVAE,
    variables: Mapping[str, Any],
    start: Float[Array, "n latent"],
    end: Float[Array, "n latent"],
    *,
    steps: int = 10,
    modalities: Sequence[str] | None = None,
    block: int = 256,
) -> dict[str, np.ndarray]:
    """Decoded points of the straight line between two latents, both ends among them.

    Args:
        module: a `MultimodalVAE`.
        variables: its parameters and whatever else it holds.
        start: `[n, latent_dim]`, such as posterior means.
        end: `[n, latent_dim]`.
        steps: points of each line.
        modalities: into which to decode; None: all that have a decoder.
        block: rows decoded at once.

    Returns:
        modality → `[steps, n, …]`, what its decoder gives.

    Raises:
        ValueError: shapes that differ, fewer than two steps, or a modality without decoder.
    """
    start, end = jnp.asarray(start), jnp.asarray(end)
    if start.ndim != 2 or start.shape != end.shape:
        raise ValueError(f"start {start.shape} and end {end.shape} must be [n, {module.latent_dim}] both")
    if steps < 2:
        raise ValueError(f"steps must be 2 or more, got {steps}")
    at = jnp.linspace(0.0, 1.0, steps)[:, None, None]
    z = (1 - at) * start + at * end
    flat = z.reshape(-1, z.shape[-1])
    decoded = {name: _decode(module, variables, flat, name, block) for name in _targets(module, modalities)}
    return {name: x.reshape(steps, -1, *x.shape[1:]) for name, x in decoded.items()}


def coherence(
    generated: Mapping[str, np.ndarray],
    labels: np.ndarray,
    classifiers: Mapping[str, Callable[[np.ndarray], np.ndarray]],
    *,
    real: Mapping[str, np.ndarray] | None = None,
) -> dict[str, dict[str, float]]:
    """How often what was generated is of the class of what it was generated from, by a classifier of each modality.

    Source: Shi et al. (2019), §5.1, cross coherence.

    Args:
        generated: modality → `[n, …]` or `[samples, n, …]`, as `generate` gives.
        labels: `[n]` classes of the rows it was generated from; "" and −1 are unknown and do not count.
        classifiers: modality → function `[n, …] → [n]` classes, fitted on real rows.
        real: modality → `[n, …]`, the rows' own values, for what the classifier reaches on them.

    Returns:
        modality → `coherence`, `chance/coherence` (the share of the largest class), `n`, and with `real` also
        `real/coherence`, the classifier's own accuracy.

    Raises:
        ValueError: a modality without classifier, lengths that differ, or no known label.
    """
    labels = np.asarray(labels)
    known = labels != ("" if labels.dtype.kind in "US" else -1)
    if not known.any():
        raise ValueError("no label is known: coherence needs one at least")
    if missing := sorted(set(generated) - set(classifiers)):
        raise ValueError(f"no classifier of {missing}; classifiers are of {sorted(classifiers)}")
    largest = np.unique(labels[known], return_counts=True)[1].max() / known.sum()
    found = {}
    for name, values in generated.items():
        of_real = None if real is None else np.asarray(real[name])
        # With samples there is one axis more than rows have; each sample is judged by itself.
        is_sampled = of_real.ndim < values.ndim if of_real is not None else values.shape[0] != len(labels)
        sets = values if is_sampled else values[None]
        if sets.shape[1] != len(labels):
            raise ValueError(f"{name}: {sets.shape[1]} rows were generated, and there are {len(labels)} labels")
        right = np.mean([np.mean(np.asarray(classifiers[name](x))[known] == labels[known]) for x in sets])
        found[name] = {"coherence": float(right), "chance/coherence": float(largest), "n": int(known.sum())}
        if of_real is not None:
            predicted = np.asarray(classifiers[name](of_real))
            found[name]["real/coherence"] = float(np.mean(predicted[known] == labels[known]))
    return found


def _targets(module: MultimodalVAE, modalities: Sequence[str] | None) -> list[str]:
    names = sorted(module.decoders) if modalities is None else list(modalities)
    if not names or (unknown := sorted(set(names) - set(module.decoders))):
        what = f"{unknown} have no decoder" if names else "nothing to decode"
        raise ValueError(f"{what}; decoders are {sorted(module.decoders)}")
    return names


def _decode(module: MultimodalVAE, variables: Mapping[str, Any], z: Array, name: str, block: int) -> np.ndarray:
    parts = []
    for start in range(0, z.shape[0], block):
        # The last block is filled with its own last row: one shape, one compilation.
        rows = np.minimum(np.arange(start, start + block), z.shape[0] - 1)
        decoded = _decoded(variables, z[rows], module=module, modality=name)
        parts.append(np.asarray(decoded)[: z.shape[0] - start])
    return np.concatenate(parts)


@partial(jax.jit, static_argnames=("module", "modality"))
def _decoded(variables: Mapping[str, Any], z: Array, *, module: MultimodalVAE, modality: str) -> Array:
    decoded: Any = module.apply(variables, z, modality, method="decode")
    return decoded


@partial(jax.jit, static_argnames=("module",))
def _mixture(inputs: Any, masks: Any, variables: Mapping[str, Any], *, module: MultimodalVAE) -> Any:
    return module.apply(variables, inputs, masks, method="encode_mixture")
