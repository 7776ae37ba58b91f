"""Spectra over time → one vector a clip."""

from __future__ import annotations

import jax.numpy as jnp
from jaxtyping import Array, Bool, Float


def mel_statistics(
    mel: Float[Array, "*batch n_mels frames"], mask: Bool[Array, "*batch frames"] | None = None
) -> Float[Array, "*batch 2*n_mels"]:
    """Mean and standard deviation of every mel band over time: first all means, then all deviations.

    Source: the FC-VAE's input in "Hybrid Multimodal Music Clustering via Joint VAE" (2026), §3.2.1.

    Args:
        mel: `[…, n_mels, frames]`, in dB.
        mask: `[…, frames]` bool, False where a frame is padding; None counts all.

    Returns:
        `[…, 2 · n_mels]` float32, in dB; 0 for a clip without any frame.
    """
    mel = jnp.asarray(mel)
    counted = jnp.ones(mel.shape[-1:], bool) if mask is None else jnp.asarray(mask)
    counted = jnp.broadcast_to(counted[..., None, :], mel.shape)
    count = jnp.maximum(counted.sum(-1), 1)
    mean = jnp.where(counted, mel, 0).sum(-1) / count
    centred = jnp.where(counted, mel - mean[..., None], 0)
    return jnp.concatenate([mean, jnp.sqrt(jnp.square(centred).sum(-1) / count)], axis=-1)
