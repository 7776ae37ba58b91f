"""Beyond the Joint VAE document: linear CCA with its ridge chosen on the validation part, and a JointVAE made of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import jax.numpy as jnp
import numpy as np

from documents.joint_vae_beyond.config import Config
from documents.joint_vae_beyond.views import Views
from jaxmusic import evaluation

RIDGES = (0.1, 0.5, 2.0, 8.0)


def validation_score(audio: np.ndarray, lyrics: np.ndarray, rows: np.ndarray) -> float:
    """What is maximised on the validation part: the mean of both directions' reciprocal ranks."""
    found = evaluation.cross_modal_retrieval(audio[rows], lyrics[rows])
    return float(np.mean([scores["mrr"] for scores in found.values()]))


def tuned_cca(
    config: Config, seen: Views, pairs: np.ndarray, ridges: Sequence[float], valid: np.ndarray
) -> tuple[evaluation.CCA, float]:
    """Linear CCA fitted on `pairs`, and its ridge: the one that does best on `valid`."""
    tried = []
    for ridge in ridges:
        components = min(config.sizes.cca_components, len(pairs) - 1, seen.audio.shape[1], seen.lyrics.shape[1])
        cca = evaluation.fit_cca(seen.audio[pairs], seen.lyrics[pairs], n_components=components, ridge=ridge)
        audio, lyrics = evaluation.project_x(cca, seen.audio), evaluation.project_y(cca, seen.lyrics)
        tried.append((validation_score(audio, lyrics, valid), cca, ridge))
    _, cca, ridge = max(tried, key=lambda found: found[0])
    return cca, ridge


def start_of(cca: evaluation.CCA, latent: int) -> Callable[[Mapping[str, Any]], dict[str, Any]]:
    """Fresh parameters of a JointVAE with linear encoders → the same with the posteriors of probabilistic CCA.

    With canonical correlations ρ and variates u of unit variance, q(z | one view) = N(√ρ · u, 1 − ρ). Latents beyond
    the components keep the prior. Decoders stay as they are.

    Source: Bach and Jordan, A probabilistic interpretation of canonical correlation analysis (2005), §2.
    """
    size = min(latent, len(cca.correlations))
    correlations = np.clip(cca.correlations[:size], 1e-6, 1 - 1e-3)

    def layer(mean: np.ndarray, weights: np.ndarray) -> dict[str, Any]:
        kernel, bias = np.zeros((len(mean), 2 * latent)), np.zeros(2 * latent)
        # The projections carry a factor ρ already.
        kernel[:, :size] = weights[:, :size] / np.sqrt(correlations)
        bias[:size] = -mean @ kernel[:, :size]
        bias[latent : latent + size] = np.log(1 - correlations)
        return {"Dense_0": {"kernel": jnp.asarray(kernel, jnp.float32), "bias": jnp.asarray(bias, jnp.float32)}}

    def start(fresh: Mapping[str, Any]) -> dict[str, Any]:
        return {
            **fresh,
            "audio_encoder": layer(cca.mean_x, cca.weights_x),
            "lyrics_encoder": layer(cca.mean_y, cca.weights_y),
        }

    return start
