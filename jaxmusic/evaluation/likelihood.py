"""Importance-weighted log-likelihoods of multimodal VAEs: how probable held-out rows are, whole or given a part."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from jaxtyping import Array, Bool, Float

from jaxmusic.evaluation.importance import Sizes, Term, by_blocks, log_values
from jaxmusic.losses import Likelihood
from jaxmusic.models import MultimodalVAE


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
    return log_values(module, variables, mixture, inputs, masks, z, likelihoods, element_masks or {})


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
    if not likelihoods or (unknown := sorted(set(likelihoods) - set(inputs))):
        what = f"likelihoods of {unknown}, which have no inputs" if likelihoods else "no likelihoods"
        raise ValueError(f"{what}; inputs hold {sorted(inputs)}")
    rows = next(iter(inputs.values())).shape[0]
    present = {name: np.ones(rows, bool) if masks is None else np.asarray(masks[name], bool) for name in inputs}
    _refuse_empty(present, sorted(likelihoods), "any of")
    everything = Term(tuple(sorted(likelihoods)), is_weighted=True)
    arrays = (dict(inputs), {**_other_masks(masks, inputs), **present}, dict(element_masks or {}))
    sizes = Sizes(samples, block, samples_at_once)
    return by_blocks(key, module, variables, arrays, likelihoods, (tuple(sorted(inputs)),), (everything,), sizes)[0]


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
    """log p(x_targets | x_given) of every row: the joint's estimate less that of what is given, over the same draws.

    log Σ_k p(x_targets, x_given, z_k) / r(z_k) − log Σ_k p(x_given, z_k) / r(z_k), z_k ~ r: in equal parts q(z | both),
    q(z | given) and the prior. Draws from q(z | given) alone in the second sum would flatter a model: where its encoder
    misses the posterior of what is given, p(x_given) is estimated too low. The estimate converges with K, from neither
    side. What the encoder's own draws make of the target is `predictive_log_likelihood`.

    Source: importance sampling by the balance heuristic of Veach and Guibas (1995), eq. 14; the ratio is
    self-normalised.

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
    arrays = _conditioned(inputs, masks, targets, given, likelihoods, element_masks)
    asked = tuple(sorted((*targets, *given)))
    terms = Term(asked, is_weighted=True), Term(tuple(sorted(given)), is_weighted=True)
    proposals = asked, tuple(sorted(given)), ()
    sizes = Sizes(samples, block, samples_at_once)
    both, condition = by_blocks(key, module, variables, arrays, likelihoods, proposals, terms, sizes)
    return both - condition


def predictive_log_likelihood(
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
    """How probable cross-modal generation makes a row: log 1/K Σ_k p(x_targets | z_k), z_k ~ q(z | x_given).

    A lower bound in expectation, rising with K, on the log predictive density ∫ q(z | x_given) p(x_targets | z) dz of
    what encoding one modality and decoding another gives; where the encoder is the posterior, that is
    log p(x_targets | x_given).

    Args:
        key, module, variables, inputs, masks, element_masks, samples, block, samples_at_once: see
            `joint_log_likelihood`.
        targets: modalities whose probability is asked for.
        given: modalities that are encoded, none of them a target.
        likelihoods: of the targets at least.

    Returns:
        `[n]` float32, in nats.

    Raises:
        ValueError: targets that are given, or none; a target without likelihood, or a modality that a row lacks.
    """
    arrays = _conditioned(inputs, masks, targets, given, {**dict.fromkeys(given), **likelihoods}, element_masks)
    term = Term(tuple(sorted(targets)), is_weighted=False)
    known = {name: likelihoods[name] for name in targets}
    sizes = Sizes(samples, block, samples_at_once)
    return by_blocks(key, module, variables, arrays, known, (tuple(sorted(given)),), (term,), sizes)[0]


def _conditioned(
    inputs: Mapping[str, Any],
    masks: Mapping[str, Any] | None,
    targets: Sequence[str],
    given: Sequence[str],
    likelihoods: Mapping[str, Any],
    element_masks: Mapping[str, Any] | None,
) -> tuple[dict[str, Any], ...]:
    """Inputs, masks and element masks of targets and condition, after a look at all of them."""
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
    rows = inputs[asked[0]].shape[0]
    present = {name: np.ones(rows, bool) for name in asked}
    return (
        {name: inputs[name] for name in asked},
        {**_other_masks(masks, inputs), **present},
        {name: mask for name, mask in (element_masks or {}).items() if name in asked},
    )


def _other_masks(masks: Mapping[str, Any] | None, inputs: Mapping[str, Any]) -> dict[str, Any]:
    """Masks that are no modality's, such as one of frames."""
    return {} if masks is None else {name: mask for name, mask in masks.items() if name not in inputs}


def _refuse_empty(present: Mapping[str, Bool[np.ndarray, " n"]], names: Sequence[str], what: str) -> None:
    has_any = np.stack([present[name] for name in names]).any(0)
    if not has_any.all():
        raise ValueError(
            f"{int((~has_any).sum())} rows lack {what} {list(names)}, the first being row {int(np.argmin(has_any))}: "
            "leave them out"
        )
