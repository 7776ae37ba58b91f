"""Variational autoencoders of one modality."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import flax.linen as nn
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from jaxmusic.models.layers import MLP, Convolution, TransposedConvolution, at_least_float32, split_gaussian
from jaxmusic.models.pooling import adaptive_average_pool


class VAEOutput(NamedTuple):
    """What a VAE returns.

    Attributes:
        recon: the decoder's output, shaped as the input.
        mean: `[batch, latent_dim]`, mean of q(z|x).
        logvar: `[batch, latent_dim]`, log-variance of q(z|x).
        z: `[batch, latent_dim]`, one sample of q(z|x).
    """

    recon: Array
    mean: Array
    logvar: Array
    z: Array


def sample_latent(
    key: Array, mean: Float[Array, "batch latent"], logvar: Float[Array, "batch latent"]
) -> Float[Array, "batch latent"]:
    """One draw of N(mean, exp(logvar)) by the reparameterisation of Kingma and Welling (2014), §2.4.

    Args:
        key: a jax random key.
        mean: `[batch, latent]`.
        logvar: `[batch, latent]`.

    Returns:
        `[batch, latent]`.
    """
    return mean + jnp.exp(0.5 * logvar) * jax.random.normal(key, mean.shape, mean.dtype)


def autoencode(module: Any, x: Array, *conditions: Array) -> VAEOutput:
    """Encode, draw z from the rng stream `"latent"`, decode: the pass of every VAE of one modality.

    Args:
        module: has `encode(x, *conditions) -> (mean, logvar)` and `decode(z, *conditions)`.
        x: `[batch, …]`.
        *conditions: what both see besides.

    Returns:
        `VAEOutput`.
    """
    mean, logvar = module.encode(x, *conditions)
    z = sample_latent(module.make_rng("latent"), mean, logvar)
    return VAEOutput(module.decode(z, *conditions), mean, logvar, z)


class FCVAE(nn.Module):
    """Fully connected VAE: 256 → 512 → 256 → latent and back at the default widths.

    Source: "Hybrid Multimodal Music Clustering via Joint VAE" (2026), §3.2.1; ReLU between layers is ours, the
    document draws none. Takes its noise from the rng stream `"latent"`.

    >>> import jax
    >>> model = FCVAE(latent_dim=2)
    >>> keys = {"params": jax.random.key(0), "latent": jax.random.key(1)}
    >>> output, _ = model.init_with_output(keys, jax.numpy.ones((3, 256)))
    >>> output.recon.shape, output.mean.shape
    ((3, 256), (3, 2))

    Attributes:
        latent_dim: number of latent dimensions.
        features: size of the input vector.
        widths: the encoder's hidden widths; the decoder has them in reverse.
        dtype: of the activations, such as bfloat16; parameters, latents and outputs stay float32.
    """

    latent_dim: int = 32
    features: int = 256
    widths: Sequence[int] = (512, 256)
    dtype: Any = None

    def setup(self) -> None:
        self.encoder = MLP((*self.widths, 2 * self.latent_dim), dtype=self.dtype)
        self.decoder = MLP((*reversed(self.widths), self.features), dtype=self.dtype)

    def encode(self, x: Float[Array, "batch features"]) -> tuple[Array, Array]:
        """Mean and log-variance of q(z|x), each `[batch, latent_dim]`."""
        if x.shape[-1] != self.features:
            raise ValueError(f"expected {self.features} features on the last axis, got shape {x.shape}")
        return split_gaussian(self.encoder(x))

    def decode(self, z: Float[Array, "batch latent"]) -> Float[Array, "batch features"]:
        """The reconstruction of `z`, `[batch, features]`."""
        return self.decoder(z)

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


class SpectrogramEncoder(nn.Module):
    """Four convolutions with pooling, then two linear layers: a spectrogram → mean and log-variance.

    Source: "Hybrid Multimodal Music Clustering via Joint VAE" (2026), §3.2.2, as drawn: no activation stands between
    the two linear layers.

    Attributes:
        latent_dim: number of latent dimensions.
        channels: of the convolutions.
        hidden: width of the first linear layer.
        dtype: of the activations, such as bfloat16; mean and log-variance stay float32.
        n_mels: mel bands of the spectrogram; 0 takes any.
        frames: time frames of the spectrogram; 0 takes any.
    """

    latent_dim: int = 64
    channels: Sequence[int] = (32, 64, 128, 256)
    hidden: int = 512
    dtype: Any = None
    n_mels: int = 0
    frames: int = 0

    @nn.compact
    def __call__(self, x: Float[Array, "batch n_mels frames"]) -> tuple[Array, Array]:
        """Mean and log-variance, each `[batch, latent_dim]`, of `x` `[batch, n_mels, frames]`."""
        check_spectrogram(x, self.n_mels, self.frames)
        h = x[..., None]
        for features in self.channels[:-1]:
            # Pooling before the ReLU gives the same values as after it, on a quarter of the elements.
            h = nn.relu(Convolution(features, pool=True, dtype=self.dtype)(h))
        h = adaptive_average_pool(nn.relu(Convolution(self.channels[-1], dtype=self.dtype)(h)), (4, 4))
        h = nn.Dense(self.hidden, dtype=self.dtype)(h.reshape(h.shape[0], -1))
        return split_gaussian(nn.Dense(2 * self.latent_dim, dtype=self.dtype)(h))


class SpectrogramDecoder(nn.Module):
    """A linear layer and four transposed convolutions to 64 × 64, resized bilinearly to the spectrogram.

    Source: "Hybrid Multimodal Music Clustering via Joint VAE" (2026), §3.2.2; the document names no interpolation.

    Attributes:
        n_mels: mel bands of the spectrogram.
        frames: time frames of the spectrogram.
        channels: of the transposed convolutions' inputs.
        dtype: of the activations, such as bfloat16; the spectrogram is float32 at least.
    """

    n_mels: int
    frames: int
    channels: Sequence[int] = (256, 128, 64, 32)
    dtype: Any = None

    @nn.compact
    def __call__(self, z: Float[Array, "batch latent"]) -> Float[Array, "batch n_mels frames"]:
        """The spectrogram `[batch, n_mels, frames]` of `z` `[batch, latent]`."""
        h = nn.Dense(16 * self.channels[0], dtype=self.dtype)(z).reshape(z.shape[0], 4, 4, self.channels[0])
        for features in self.channels[1:]:
            h = nn.relu(TransposedConvolution(features, dtype=self.dtype)(h))
        h = at_least_float32(TransposedConvolution(1, dtype=self.dtype)(h))[..., 0]
        return jax.image.resize(h, (z.shape[0], self.n_mels, self.frames), "bilinear", antialias=False)


class ConvVAE(nn.Module):
    """Convolutional VAE of a mel spectrogram, any size from 8 × 8.

    Source: "Hybrid Multimodal Music Clustering via Joint VAE" (2026), §3.2.2. Takes its noise from the rng stream
    `"latent"`.

    Attributes:
        n_mels: mel bands of the spectrogram.
        frames: time frames of the spectrogram.
        latent_dim: number of latent dimensions.
        dtype: of the activations, such as bfloat16; parameters, latents and outputs stay float32.
    """

    n_mels: int = 128
    frames: int = 1290
    latent_dim: int = 64
    dtype: Any = None

    def setup(self) -> None:
        sizes = {"n_mels": self.n_mels, "frames": self.frames, "dtype": self.dtype}
        self.encoder = SpectrogramEncoder(self.latent_dim, **sizes)
        self.decoder = SpectrogramDecoder(**sizes)

    def encode(self, x: Float[Array, "batch n_mels frames"]) -> tuple[Array, Array]:
        """Mean and log-variance of q(z|x), each `[batch, latent_dim]`."""
        return self.encoder(x)

    def decode(self, z: Float[Array, "batch latent"]) -> Float[Array, "batch n_mels frames"]:
        """The reconstruction of `z`, `[batch, n_mels, frames]`."""
        return self.decoder(z)

    def __call__(self, x: Float[Array, "batch n_mels frames"]) -> VAEOutput:
        """Encode, draw z, decode.

        Args:
            x: `[batch, n_mels, frames]`.

        Returns:
            `VAEOutput`.

        Raises:
            ValueError: an input of another size.
        """
        return autoencode(self, x)


def check_spectrogram(x: Array, n_mels: int, frames: int) -> None:
    """Refuse an array that is not `[batch, n_mels, frames]` (0: any), or one too small for three poolings."""
    if x.ndim != 3 or n_mels not in (0, x.shape[1]) or frames not in (0, x.shape[2]):
        expected = f"[batch, {n_mels or 'n_mels'}, {frames or 'frames'}]"
        raise ValueError(f"expected a spectrogram {expected}, got shape {x.shape}")
    if min(x.shape[1:]) < 8:
        raise ValueError(f"a spectrogram of {x.shape[1]} × {x.shape[2]} is smaller than 8 × 8")
