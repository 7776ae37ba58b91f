"""A Transformer over the frames of a spectrogram: order in time, which pooled statistics leave out."""

from __future__ import annotations

from typing import Any

import flax.linen as nn
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float

from jaxmusic.models.layers import split_gaussian
from jaxmusic.models.vae import check_spectrogram


class TemporalEncoder(nn.Module):
    """Frames as tokens, pre-LayerNorm Transformer layers, mean over the frames → mean and log-variance.

    Source: Vaswani et al. (2017), with the normalisation before each sublayer (Xiong et al. 2020) and GELU; it is the
    temporal model that "Hybrid Multimodal Music Clustering via Joint VAE" (2026), §5, names as future work.

    Attributes:
        latent_dim: number of latent dimensions.
        width: of the tokens, divisible by `heads`.
        layers: number of layers.
        heads: of the attention.
        dropout_rate: of the tokens and of both sublayers, with `train=True`.
        dtype: of the activations; mean and log-variance stay float32.
        n_mels: mel bands of the spectrogram; 0 takes any.
        frames: time frames of the spectrogram; 0 takes any.
    """

    latent_dim: int = 64
    width: int = 64
    layers: int = 2
    heads: int = 4
    dropout_rate: float = 0.0
    dtype: Any = None
    n_mels: int = 0
    frames: int = 0

    @nn.compact
    def __call__(
        self,
        x: Float[Array, "batch n_mels frames"],
        mask: Bool[Array, "batch frames"] | None = None,
        train: bool = False,
    ) -> tuple[Float[Array, "batch latent"], Float[Array, "batch latent"]]:
        """Encode a spectrogram.

        Args:
            x: `[batch, n_mels, frames]`.
            mask: `[batch, frames]` bool, False where a frame is padding, whatever it holds; None counts all.
            train: whether dropout applies.

        Returns:
            `(mean, logvar)`, each `[batch, latent_dim]` float32 at least.

        Raises:
            ValueError: a spectrogram of another size.
        """
        check_spectrogram(x, self.n_mels, self.frames)

        def drop(h: Array) -> Array:
            return nn.Dropout(self.dropout_rate, deterministic=not train)(h) if self.dropout_rate else h

        batch, _, frames = x.shape
        counted = jnp.ones((batch, frames), bool) if mask is None else mask
        # Padding gets no attention, but 0 · NaN would still come through.
        x = x if mask is None else jnp.where(mask[:, None, :], x, 0.0)
        h = nn.Dense(self.width, dtype=self.dtype)(jnp.swapaxes(x, 1, 2)) + jnp.asarray(
            sinusoids(frames, self.width), self.dtype or x.dtype
        )
        h = drop(h)
        # A clip without any frame attends to all of its padding: finite, and masked by the modality's own mask.
        attended = counted | ~counted.any(1, keepdims=True)
        for _ in range(self.layers):
            normed = nn.LayerNorm(dtype=self.dtype)(h)
            h = h + drop(
                nn.MultiHeadDotProductAttention(self.heads, dtype=self.dtype)(normed, mask=attended[:, None, None, :])
            )
            wide = nn.Dense(4 * self.width, dtype=self.dtype)(nn.LayerNorm(dtype=self.dtype)(h))
            h = h + drop(nn.Dense(self.width, dtype=self.dtype)(nn.gelu(wide)))
        weight = attended[..., None].astype(h.dtype)
        pooled = (nn.LayerNorm(dtype=self.dtype)(h) * weight).sum(1) / weight.sum(1)
        return split_gaussian(nn.Dense(2 * self.latent_dim, dtype=self.dtype)(pooled))


def sinusoids(length: int, width: int) -> Float[np.ndarray, "length width"]:
    """Positions as sines and cosines of geometrically spaced wavelengths (Vaswani et al. 2017, §3.5).

    >>> sinusoids(2, 4).astype(float).round(3).tolist()
    [[0.0, 0.0, 1.0, 1.0], [0.841, 0.01, 0.54, 1.0]]
    """
    angles = np.arange(length)[:, None] / 10_000 ** (np.arange(width // 2) / (width / 2))
    return np.concatenate([np.sin(angles), np.cos(angles)], axis=1).astype(np.float32)
