"""Autoencoders of feature vectors: one-dimensional convolutions, a conditional VAE, a plain autoencoder."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import flax.linen as nn
import jax.numpy as jnp
from jaxtyping import Array, Float

from jaxmusic.models.layers import (
    MLP,
    StridedConvolution1D,
    TransposedConvolution1D,
    at_least_float32,
    mixture_moments,
    split_gaussian,
)
from jaxmusic.models.vae import VAEOutput, autoencode


class Conv1DVAE(nn.Module):
    """VAE that reads a feature vector as a sequence of one channel: 1 → 16 → 32, latent, 32 → 16 → 1.

    Source: "Unsupervised Representation Learning for Hybrid-Language Music Clustering Using Variational Autoencoders",
    §3.1.2. It states the channels only: kernels of 3 (encoder) and 4 (decoder), stride 2, padding 1 and one linear
    layer on either side of the latents are ours. Takes its noise from the rng stream `"latent"`.

    Attributes:
        features: length of the input vector.
        latent_dim: number of latent dimensions.
        channels: of the encoder's convolutions; the decoder has them in reverse.
        dtype: of the activations, such as bfloat16; parameters, latents and outputs stay float32.
    """

    features: int
    latent_dim: int = 16
    channels: Sequence[int] = (16, 32)
    dtype: Any = None

    def setup(self) -> None:
        self.down = [StridedConvolution1D(width, self.dtype) for width in self.channels]
        self.posterior = nn.Dense(2 * self.latent_dim, dtype=self.dtype)
        self.start = nn.Dense(self._shortest * self.channels[-1], dtype=self.dtype)
        self.up = [TransposedConvolution1D(width, self.dtype) for width in (*reversed(self.channels[:-1]), 1)]

    @property
    def _shortest(self) -> int:
        """Length after the last convolution; the vector is padded to a whole number of strides."""
        return -(-self.features // 2 ** len(self.channels))

    def encode(self, x: Float[Array, "batch features"]) -> tuple[Array, Array]:
        """Mean and log-variance of q(z|x), each `[batch, latent_dim]`."""
        _check(x, self.features)
        h = jnp.pad(x, ((0, 0), (0, self._shortest * 2 ** len(self.channels) - self.features)))[..., None]
        for layer in self.down:
            h = nn.relu(layer(h))
        return split_gaussian(self.posterior(h.reshape(h.shape[0], -1)))

    def decode(self, z: Float[Array, "batch latent"]) -> Float[Array, "batch features"]:
        """The reconstruction of `z`, `[batch, features]`."""
        h = nn.relu(self.start(z)).reshape(z.shape[0], self._shortest, self.channels[-1])
        for layer in self.up[:-1]:
            h = nn.relu(layer(h))
        return at_least_float32(self.up[-1](h)[:, : self.features, 0])

    def __call__(self, x: Float[Array, "batch features"]) -> VAEOutput:
        """Encode, draw z, decode.

        Args:
            x: `[batch, features]`.

        Returns:
            `VAEOutput`.

        Raises:
            ValueError: an input of another size.
        """
        return autoencode(self, x)


class ConditionalVAE(nn.Module):
    """VAE whose encoder sees x ⊕ y and whose decoder sees z ⊕ y.

    Source: Sohn et al. (2015), as in "Unsupervised Representation Learning for Hybrid-Language Music Clustering Using
    Variational Autoencoders", §3.1.3, with β = 4 in the loss. Given the true labels the latents need not hold them:
    what is clustered says less about y, not more. Takes its noise from the rng stream `"latent"`.

    Attributes:
        features: length of the input vector.
        classes: number of classes of y.
        latent_dim: number of latent dimensions.
        widths: the encoder's hidden widths; the decoder has them in reverse.
        dtype: of the activations, such as bfloat16; parameters, latents and outputs stay float32.
    """

    features: int
    classes: int
    latent_dim: int = 16
    widths: Sequence[int] = (128, 64)
    dtype: Any = None

    def setup(self) -> None:
        self.encoder = MLP((*self.widths, 2 * self.latent_dim), dtype=self.dtype)
        self.decoder = MLP((*reversed(self.widths), self.features), dtype=self.dtype)

    def encode(self, x: Float[Array, "batch features"], y: Float[Array, "batch classes"]) -> tuple[Array, Array]:
        """Mean and log-variance of q(z|x, y), each `[batch, latent_dim]`; `y` is one-hot."""
        _check(x, self.features)
        _check(y, self.classes)
        return split_gaussian(self.encoder(jnp.concatenate([x, y], axis=-1)))

    def encode_marginal(
        self, x: Float[Array, "batch features"], prior: Float[Array, " classes"] | None = None
    ) -> tuple[Array, Array]:
        """Mean and log-variance of Σ_y p(y) q(z|x, y), the labels unknown; each `[batch, latent_dim]`.

        Args:
            x: `[batch, features]`.
            prior: `[classes]` p(y), summing to 1; None: all alike.
        """
        prior = jnp.full(self.classes, 1 / self.classes) if prior is None else jnp.asarray(prior)
        repeated = jnp.repeat(x, self.classes, axis=0)
        labels = jnp.tile(jnp.eye(self.classes, dtype=x.dtype), (x.shape[0], 1))
        means, logvars = (v.reshape(x.shape[0], self.classes, -1) for v in self.encode(repeated, labels))
        return mixture_moments(jnp.moveaxis(means, 1, 0), jnp.moveaxis(logvars, 1, 0), prior[:, None, None])

    def decode(
        self, z: Float[Array, "batch latent"], y: Float[Array, "batch classes"]
    ) -> Float[Array, "batch features"]:
        """The reconstruction of `z` as one of class `y`, `[batch, features]`."""
        return self.decoder(jnp.concatenate([z, y], axis=-1))

    def __call__(self, x: Float[Array, "batch features"], y: Float[Array, "batch classes"]) -> VAEOutput:
        """Encode with the classes, draw z, decode with them.

        Args:
            x: `[batch, features]`.
            y: `[batch, classes]`, one-hot.

        Returns:
            `VAEOutput`.

        Raises:
            ValueError: an input of another size.
        """
        return autoencode(self, x, y)


class AutoencoderOutput(NamedTuple):
    """What an autoencoder returns.

    Attributes:
        recon: the decoder's output, shaped as the input.
        z: `[batch, latent_dim]`, the code.
    """

    recon: Array
    z: Array


class Autoencoder(nn.Module):
    """Deterministic autoencoder of a feature vector.

    Source: "Unsupervised Representation Learning for Hybrid-Language Music Clustering Using Variational Autoencoders",
    Table 2, which states no widths.

    Attributes:
        features: length of the input vector.
        latent_dim: size of the code.
        widths: the encoder's hidden widths; the decoder has them in reverse.
        dtype: of the activations, such as bfloat16; parameters, latents and outputs stay float32.
    """

    features: int
    latent_dim: int = 16
    widths: Sequence[int] = (128, 64)
    dtype: Any = None

    def setup(self) -> None:
        self.encoder = MLP((*self.widths, self.latent_dim), dtype=self.dtype)
        self.decoder = MLP((*reversed(self.widths), self.features), dtype=self.dtype)

    def encode(self, x: Float[Array, "batch features"]) -> Float[Array, "batch latent"]:
        """The code of `x`, `[batch, latent_dim]`."""
        _check(x, self.features)
        return self.encoder(x)

    def decode(self, z: Float[Array, "batch latent"]) -> Float[Array, "batch features"]:
        """The reconstruction of `z`, `[batch, features]`."""
        return self.decoder(z)

    def __call__(self, x: Float[Array, "batch features"]) -> AutoencoderOutput:
        """Encode and decode.

        Args:
            x: `[batch, features]`.

        Returns:
            `AutoencoderOutput`.

        Raises:
            ValueError: an input of another size.
        """
        z = self.encode(x)
        return AutoencoderOutput(self.decode(z), z)


def _check(x: Array, features: int) -> None:
    if x.shape[-1] != features:
        raise ValueError(f"expected {features} features on the last axis, got shape {x.shape}")
