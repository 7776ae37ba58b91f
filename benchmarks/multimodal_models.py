"""The four multimodal VAEs as jaxmusic has them, and held-out likelihoods of weights on disk."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
from flax.traverse_util import unflatten_dict

from jaxmusic import evaluation, losses, models

LATENT, HIDDEN, BATCH, SAMPLES, LEARNING_RATE = 16, 128, 64, 10, 1e-3
NAMES = ("a", "b", "c")
_LIKELIHOODS = dict.fromkeys(NAMES, losses.Gaussian())
MODELS = {
    "MVAE": (models.Product(), models.SubsetDraws(), losses.subset_elbo(likelihoods=_LIKELIHOODS)),
    "MMVAE": (models.Mixture(), models.ComponentDraws(SAMPLES), losses.dreg(likelihoods=_LIKELIHOODS)),
    "MoPoE": (models.MixtureOfProducts("complete"), None, losses.multimodal_elbo(likelihoods=_LIKELIHOODS)),
    "MVTCAE": (models.Product(prior=False), None, losses.mvtcae_elbo(likelihoods=_LIKELIHOODS)),
}
"""Name → fusion, further draws and objective."""


def module_of(model: str, columns: int, *, takes_draws: bool = False) -> models.MultimodalVAE:
    """The module, with its further draws for training alone."""
    fusion, draws, _ = MODELS[model]
    return models.MultimodalVAE(
        {name: models.MLP((HIDDEN, 2 * LATENT)) for name in NAMES},
        {name: models.MLP((HIDDEN, columns)) for name in NAMES},
        fusion,
        LATENT,
        draws if takes_draws else None,
    )


def starting_weights(columns: int, seed: int) -> dict[str, np.ndarray]:
    """Parameters to start from in both libraries, by jaxmusic's names and the law of PyTorch's `Linear`."""
    rng = np.random.default_rng(seed)
    sizes = {"encoder": (columns, HIDDEN, 2 * LATENT), "decoder": (LATENT, HIDDEN, columns)}
    found = {}
    for name in NAMES:
        for role, widths in sizes.items():
            for i, (inside, outside) in enumerate(pairwise(widths)):
                bound = 1 / np.sqrt(inside)
                for part, shape in (("kernel", (inside, outside)), ("bias", (outside,))):
                    drawn = rng.uniform(-bound, bound, shape).astype(np.float32)
                    found[f"{name}_{role}/Dense_{i}/{part}"] = drawn
    return found


def log_likelihoods(model: str, weights: Path, rows: dict[str, np.ndarray], samples: int) -> np.ndarray:
    """`[n]` importance-weighted log-likelihoods of held-out rows under the weights in a file."""
    with np.load(weights) as stored:
        params = unflatten_dict({name: jnp.asarray(stored[name]) for name in stored.files}, sep="/")
    module = module_of(model, rows["a"].shape[1])
    return evaluation.joint_log_likelihood(
        jax.random.key(0), module, {"params": params}, rows, likelihoods=_LIKELIHOODS, samples=samples
    )
