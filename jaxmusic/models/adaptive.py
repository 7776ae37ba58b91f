"""Learned attention over modalities: how much of each goes into a common vector, example by example."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import flax.linen as nn
import jax.numpy as jnp
from jaxtyping import Array, Float

from jaxmusic.models.fusion import masked_softmax
from jaxmusic.models.layers import MLP, split_gaussian
from jaxmusic.models.vae import sample_latent


class AdaptiveFusion(nn.Module):
    """Softmax attention over modalities: each is projected to a common size, scored, and summed by its weight.

    Source: the `adaptive_fusion()` of "Unsupervised Representation Learning for Hybrid-Language Music Clustering
    Using Variational Autoencoders", named in its appendix without formulas; here one hidden layer scores a projection.

    >>> import jax
    >>> x = {"audio": jnp.ones((2, 5)), "text": jnp.ones((2, 3))}
    >>> (fused, weights), _ = AdaptiveFusion(4).init_with_output(jax.random.key(0), x)
    >>> fused.shape, weights.sum(-1).round(5).tolist()
    ((2, 4), [1.0, 1.0])

    Attributes:
        size: of the common vector.
        hidden: units that score a projection.
    """

    size: int = 64
    hidden: int = 16

    @nn.compact
    def __call__(
        self, inputs: Mapping[str, Float[Array, "batch _"]], masks: Mapping[str, Array] | None = None
    ) -> tuple[Float[Array, "batch size"], Float[Array, "batch modalities"]]:
        """Fuse.

        Args:
            inputs: modality → `[batch, features]`, taken in the order of their names.
            masks: modality → `[batch]` bool, False where an example lacks it; it then gets no weight. An example that
                lacks all gets a vector of zeros.

        Returns:
            The fused `[batch, size]`, and the weights `[batch, modalities]` in the order of the names.
        """
        names = sorted(inputs)
        if masks is not None:
            masks = {n: jnp.broadcast_to(masks[n], inputs[n].shape[:1]) for n in names}
            # Before the projection: behind it, a hidden NaN would still reach the gradient as 0 · NaN.
            inputs = {n: jnp.where(masks[n][:, None], inputs[n], 0.0) for n in names}
        projected = jnp.stack([nn.relu(nn.Dense(self.size, name=f"project_{n}")(inputs[n])) for n in names], axis=1)
        scores = [MLP((self.hidden, 1), name=f"score_{n}")(projected[:, i])[:, 0] for i, n in enumerate(names)]
        logits = jnp.stack(scores, axis=1)
        if masks is not None:
            present = jnp.stack([masks[n] for n in names], axis=1)
            weights = masked_softmax(logits, present, axis=1)
        else:
            weights = nn.softmax(logits, axis=1)
        return (weights[..., None] * projected).sum(1), weights


class AdaptiveFusionOutput(NamedTuple):
    """What `AdaptiveFusionVAE` returns.

    Attributes:
        recon: `[batch, features]`, all modalities' columns one after another in the order of their names.
        mean, logvar, z: `[batch, latent_dim]`, as of every VAE.
        weights: `[batch, modalities]`, the attention.
    """

    recon: Array
    mean: Array
    logvar: Array
    z: Array
    weights: Array


class AdaptiveFusionVAE(nn.Module):
    """VAE on `AdaptiveFusion`: attention and autoencoder are trained together.

    Takes its noise from the rng stream `"latent"`.

    Attributes:
        features: columns of all modalities together, which the decoder gives back.
        latent_dim: number of latent dimensions.
        size: of the fused vector.
        widths: the decoder's hidden widths.
    """

    features: int
    latent_dim: int = 16
    size: int = 64
    widths: Sequence[int] = (64, 128)

    def setup(self) -> None:
        self.fusion = AdaptiveFusion(self.size)
        self.posterior = nn.Dense(2 * self.latent_dim)
        self.decoder = MLP((*self.widths, self.features))

    def encode(self, inputs: Mapping[str, Array], masks: Mapping[str, Array] | None = None) -> tuple[Array, Array]:
        """Mean and log-variance of q(z|x), each `[batch, latent_dim]`.

        Args:
            inputs: see `__call__`.
            masks: see `__call__`.

        Returns:
            `(mean, logvar)`.
        """
        mean, logvar, _ = self._encode(inputs, masks)
        return mean, logvar

    def weights(self, inputs: Mapping[str, Array], masks: Mapping[str, Array] | None = None) -> Array:
        """The attention, `[batch, modalities]`.

        Args:
            inputs: see `__call__`.
            masks: see `__call__`.

        Returns:
            Weights that sum to 1 over the modalities.
        """
        return self.fusion(inputs, masks)[1]

    def decode(self, z: Float[Array, "batch latent"]) -> Float[Array, "batch features"]:
        """The reconstruction of `z`, `[batch, features]`."""
        return self.decoder(z)

    def __call__(self, inputs: Mapping[str, Array], masks: Mapping[str, Array] | None = None) -> AdaptiveFusionOutput:
        """Fuse, encode, draw z, decode.

        Args:
            inputs: modality → `[batch, features of the modality]`.
            masks: modality → `[batch]` bool, True where it is present; None: everywhere.

        Returns:
            `AdaptiveFusionOutput`.
        """
        mean, logvar, weights = self._encode(inputs, masks)
        z = sample_latent(self.make_rng("latent"), mean, logvar)
        return AdaptiveFusionOutput(self.decode(z), mean, logvar, z, weights)

    def _encode(self, inputs: Mapping[str, Array], masks: Mapping[str, Array] | None) -> tuple[Array, Array, Array]:
        fused, weights = self.fusion(inputs, masks)
        mean, logvar = split_gaussian(self.posterior(fused))
        return mean, logvar, weights
