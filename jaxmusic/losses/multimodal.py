"""Bounds of multimodal VAEs, and two of one modality: each is a short composition of terms."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from jaxtyping import Array

from jaxmusic.losses import terms as term
from jaxmusic.losses.likelihoods import Likelihood
from jaxmusic.losses.parts import kl_divergence, masked_mean, squared_error
from jaxmusic.losses.value import Loss, LossFunction, Schedule, loss, total, weight_at


@loss
def multimodal_elbo(
    *,
    likelihoods: Mapping[str, Likelihood],
    weights: Mapping[str, float] | None = None,
    beta: float | str | Schedule = 1.0,
    element_masks: Mapping[str, str] | None = None,
) -> LossFunction:
    """Negative ELBO of a multimodal VAE: Σ w_m · −log p(x_m|z) + β · Σ_c w_c KL(q_c(z|x) ‖ p(z)).

    With the fusion `Product()` it is that of Wu and Goodman (2018), eq. 3; with `Mixture()`, which draws one expert,
    the ELBO of Shi et al. (2019), eq. 2; with `MixtureOfProducts()` that of Sutter et al. (2021), eq. 6.

    Args:
        likelihoods: modality → what its decoder's output means, e.g. `{"audio": Gaussian(), "tags": Bernoulli()}`.
        weights: modality → weight of its log-likelihood; None or left out: 1.
        beta: weight of the KL, as in `elbo`.
        element_masks: modality → key of the batch that holds a mask of its elements.

    Returns:
        A `Loss` with the metrics `nll_<modality>`, `kl` and `beta`.
    """
    return total(terms=[term.mixture_divergence(beta=beta), *_weighted(likelihoods, weights, element_masks)])


@loss
def mvtcae_elbo(
    *,
    likelihoods: Mapping[str, Likelihood],
    weights: Mapping[str, float] | None = None,
    alpha: float = 0.1,
    beta: float | str | Schedule = 2.5,
    element_masks: Mapping[str, str] | None = None,
) -> LossFunction:
    """Negative bound on the total correlation: (M − α)/M · Σ −log p(x_m|z) + β · ((1 − α) KL + α/M Σ KL(q ‖ q_m)).

    Source: Hwang et al. (2021), eq. 9, for the fusion `Product(prior=False)`.

    Args:
        likelihoods: see `multimodal_elbo`; all M modalities of the model.
        weights: see `multimodal_elbo`.
        alpha: share of the conditional bottlenecks, from 0 to 1.
        beta: weight of both divergences, as in `elbo`.
        element_masks: see `multimodal_elbo`.

    Returns:
        A `Loss` with the metrics `nll_<modality>`, `kl`, `beta` and `expert_kl`.

    Raises:
        ValueError: `alpha` outside 0 to 1.
    """
    if not 0 <= alpha <= 1:
        raise ValueError(f"alpha must lie from 0 to 1, got {alpha}")
    count = len(likelihoods)
    terms = [(count - alpha) / count * part for part in _weighted(likelihoods, weights, element_masks)]
    experts = beta * (alpha / count * term.expert_divergence())
    return total(terms=[*terms, (1 - alpha) * term.divergence(beta=beta), experts])


@loss
def subset_elbo(
    *,
    likelihoods: Mapping[str, Likelihood],
    weights: Mapping[str, float] | None = None,
    beta: float | str | Schedule = 1.0,
    element_masks: Mapping[str, str] | None = None,
) -> LossFunction:
    """Sum of the negative ELBOs of all modalities together, of each alone, and of random subsets: `SubsetDraws`.

    Each is averaged over all rows, a row that has nothing of a subset counting 0. A subset's ELBO reconstructs what it
    saw.

    Source: Wu and Goodman (2018), eq. 5.

    Args:
        likelihoods: see `multimodal_elbo`; all modalities of the model.
        weights: see `multimodal_elbo`.
        beta: weight of every KL, as in `elbo`.
        element_masks: see `multimodal_elbo`.

    Returns:
        A `Loss` with the metrics of `multimodal_elbo` and `subset_nll` and `subset_kl`, sums over the subsets; it needs
        outputs of a module with `draws=SubsetDraws()`.

    Raises:
        ValueError: when called, outputs without such draws, or likelihoods of other modalities.
    """
    complete = multimodal_elbo(likelihoods=likelihoods, weights=weights, beta=beta, element_masks=element_masks)

    def function(outputs: Any, batch: Mapping[str, Any]) -> tuple[Array, dict[str, Array]]:
        draws, rows = _draws(outputs, "SubsetDraws"), batch.get("row_mask")
        if draws.seen is None or set(likelihoods) != set(outputs.posteriors):
            raise ValueError(
                f"subset_elbo needs draws=SubsetDraws() and a likelihood of each of {sorted(outputs.posteriors)}, got "
                f"{'those of components' if draws.seen is None else sorted(likelihoods)}"
            )
        nll = jnp.zeros(draws.is_there.shape[1])
        for i, name in enumerate(sorted(likelihoods)):
            keys = element_masks or {}
            each = term.modality_log_likelihood(outputs, draws.recon, batch, name, likelihoods[name], keys.get(name))
            nll -= (weights or {}).get(name, 1.0) * jnp.where(draws.seen[:, i], each[:, 0], 0.0).sum(0)
        kl = jnp.where(draws.is_there, kl_divergence(draws.mean, draws.logvar), 0.0).sum(0)
        value, metrics = complete(outputs, batch)
        of_subsets = {"subset_nll": masked_mean(nll, rows), "subset_kl": masked_mean(kl, rows)}
        more = of_subsets["subset_nll"] + weight_at(beta, batch) * of_subsets["subset_kl"]
        return value + more, {**metrics, **of_subsets}

    return function


@loss
def iwae(
    *,
    likelihoods: Mapping[str, Likelihood],
    weights: Mapping[str, float] | None = None,
    element_masks: Mapping[str, str] | None = None,
) -> LossFunction:
    """Negative importance-weighted bound with K samples of every component of the joint posterior: `ComponentDraws`.

    −Σ_c w_c log 1/K Σ_k p(x, z_ck) / q(z_ck|x), with z_ck from component c and q the whole posterior.

    Source: Burda et al. (2016), eq. 8, for one Gaussian; of a mixture's experts Shi et al. (2019), the looser of the
    bounds of their appendix, with the mean over experts outside the logarithm.

    Args:
        likelihoods: see `multimodal_elbo`.
        weights: see `multimodal_elbo`.
        element_masks: see `multimodal_elbo`.

    Returns:
        A `Loss` without metrics; it needs outputs of a module with `draws=ComponentDraws(samples=K)`.
    """

    def function(outputs: Any, batch: Mapping[str, Any]) -> tuple[Array, dict[str, Array]]:
        mixture = outputs.mixture
        log_weights = _log_weights(outputs, batch, mixture, likelihoods, weights, element_masks)
        return -masked_mean(_bound(log_weights, mixture.weights), batch.get("row_mask")), {}

    return function


@loss
def dreg(
    *,
    likelihoods: Mapping[str, Likelihood],
    weights: Mapping[str, float] | None = None,
    element_masks: Mapping[str, str] | None = None,
) -> LossFunction:
    """The value of `iwae` with the doubly reparameterised gradient, whose signal does not sink with more samples.

    Decoders get the importance-weighted gradient, encoders one weighted twice and through the samples alone.

    Source: Tucker et al. (2019), eq. 8, as Shi et al. (2019) use it.

    Args:
        likelihoods: see `multimodal_elbo`.
        weights: see `multimodal_elbo`.
        element_masks: see `multimodal_elbo`.

    Returns:
        A `Loss` without metrics; it needs outputs of a module with `draws=ComponentDraws(samples=K)`.
    """

    def function(outputs: Any, batch: Mapping[str, Any]) -> tuple[Array, dict[str, Array]]:
        still = jax.tree.map(lax.stop_gradient, outputs.mixture)
        log_weights = _log_weights(outputs, batch, still, likelihoods, weights, element_masks)
        share = lax.stop_gradient(jax.nn.softmax(log_weights, axis=1))
        surrogate = (still.weights * (share * log_weights).sum(1)).sum(0)
        value = surrogate + lax.stop_gradient(_bound(log_weights, still.weights) - surrogate)
        # Zeros: they tell the draws by what to weigh the gradient of z.
        of_weight, of_one = outputs.draws.weight_taps
        return (share * of_weight + of_one).sum() - masked_mean(value, batch.get("row_mask")), {}

    return function


@loss
def beta_tc_elbo(*, rows: int, beta: float = 6.0, target: str = "inputs", reduction: str = "sum") -> LossFunction:
    """Negative ELBO of a VAE of one modality whose KL is split in three, the total correlation weighing β.

    Reconstruction + mutual information + β · total correlation + KL of each latent, each by one sample of z and the
    batch's posteriors (minibatch-weighted sampling).

    Source: Chen et al. (2018), eqs. 2 to 4.

    Args:
        rows: of the whole training set, N.
        beta: weight of the total correlation.
        target: key of the batch that holds what `outputs.recon` reconstructs.
        reduction: see `squared_error`.

    Returns:
        A `Loss` with the metrics `reconstruction`, `mutual_information`, `total_correlation` and `latent_kl`, for
        outputs with `recon, mean, logvar, z`.

    Raises:
        ValueError: fewer than one row.
    """
    if rows < 1:
        raise ValueError(f"rows must be 1 or more, got {rows}")

    def function(outputs: Any, batch: Mapping[str, Any]) -> tuple[Array, dict[str, Array]]:
        counted = batch.get("row_mask")
        mask = jnp.ones(outputs.z.shape[0], bool) if counted is None else counted
        # [of z, of posterior, latent]
        pairs = _log_normal(outputs.z[:, None], outputs.mean[None], outputs.logvar[None])
        own = _log_normal(outputs.z, outputs.mean, outputs.logvar).sum(-1)
        prior = _log_normal(outputs.z, jnp.zeros(()), jnp.zeros(())).sum(-1)
        count = jnp.log(jnp.maximum(mask.sum(), 1) * rows)
        joint = jax.nn.logsumexp(jnp.where(mask, pairs.sum(-1), -jnp.inf), axis=1) - count
        product = (jax.nn.logsumexp(jnp.where(mask[:, None], pairs, -jnp.inf), axis=1) - count).sum(-1)
        error = squared_error(outputs.recon, batch[target], reduction=reduction)
        parts = {
            "reconstruction": error,
            "mutual_information": own - joint,
            "total_correlation": joint - product,
            "latent_kl": product - prior,
        }
        means = {name: masked_mean(value, counted) for name, value in parts.items()}
        shares = {"total_correlation": beta}
        return sum((shares.get(name, 1.0) * value for name, value in means.items()), start=jnp.zeros(())), means

    return function


def _weighted(
    likelihoods: Mapping[str, Likelihood], weights: Mapping[str, float] | None, element_masks: Mapping[str, str] | None
) -> list[Loss]:
    keys = element_masks or {}
    shares = weights or {}
    if not likelihoods or (unknown := sorted((set(keys) | set(shares)) - set(likelihoods))):
        raise ValueError(
            f"weights or element masks of {unknown}, which have no likelihood" if likelihoods else "no likelihood"
        )
    return [
        shares.get(name, 1.0)
        * term.negative_log_likelihood(modality=name, likelihood=likelihood, element_mask=keys.get(name))
        for name, likelihood in likelihoods.items()
    ]


def _draws(outputs: Any, kind: str) -> Any:
    if getattr(outputs, "draws", None) is None:
        raise ValueError(f"the module takes no further draws: make it with draws={kind}(…)")
    return outputs.draws


def _log_weights(
    outputs: Any,
    batch: Mapping[str, Any],
    mixture: Any,
    likelihoods: Mapping[str, Likelihood],
    weights: Mapping[str, float] | None,
    element_masks: Mapping[str, str] | None,
) -> Array:
    """`[strata, samples, batch]`: log p(x, z) − log q(z|x) at the draws."""
    draws = _draws(outputs, "ComponentDraws")
    found = _log_normal(draws.z, jnp.zeros(()), jnp.zeros(())).sum(-1) - mixture.log_prob(draws.z)
    for name, likelihood in likelihoods.items():
        key = (element_masks or {}).get(name)
        each = term.modality_log_likelihood(outputs, draws.recon, batch, name, likelihood, key)
        found += (weights or {}).get(name, 1.0) * each
    return found


def _bound(log_weights: Array, shares: Array) -> Array:
    """`[batch]`: the mean over strata of the logarithm of the mean weight."""
    of_strata = jax.nn.logsumexp(log_weights, axis=1) - np.log(log_weights.shape[1])
    return (shares * of_strata).sum(0)


def _log_normal(z: Array, mean: Array, logvar: Array) -> Array:
    return -0.5 * (np.log(2 * np.pi) + logvar + jnp.square(z - mean) * jnp.exp(-logvar))
