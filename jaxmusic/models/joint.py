"""A VAE of several modalities with one latent space."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import flax.linen as nn
import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float

from jaxmusic.models.layers import MLP
from jaxmusic.models.vae import SpectrogramDecoder, SpectrogramEncoder, check_spectrogram, sample_latent

FUSIONS = ("average", "poe", "moe", "gated", "attention")
# Keeps log and division finite where a row has no modality at all.
_EPSILON = 1e-8


class JointVAEOutput(NamedTuple):
    """What a JointVAE returns.

    Attributes:
        recon: modality → reconstruction, shaped as the input.
        mean: `[batch, latent_dim]`, mean of the joint q(z|x).
        logvar: `[batch, latent_dim]`, its log-variance.
        z: `[batch, latent_dim]`, one sample.
        posteriors: modality → (mean, logvar) of that modality alone, each `[batch, latent_dim]`.
    """

    recon: dict[str, Array]
    mean: Array
    logvar: Array
    z: Array
    posteriors: dict[str, tuple[Array, Array]]


class Fusion(nn.Module):
    """One Gaussian from several, over the modalities that are present.

    `means` and `logvars` are `[modalities, batch, latent]`, `mask` is `[modalities, batch]` bool. A row without any
    modality gets the prior N(0, 1).

    Attributes:
        kind: `"average"` averages means and standard deviations ("Hybrid Multimodal Music Clustering via Joint VAE",
            §3.2.3; its log σ is used as a log-variance, so σ is averaged, not its logarithm);
            `"poe"` is the product of the experts and the prior (Wu and Goodman 2018, eq. 4);
            `"moe"` the mixture of the experts (Shi et al. 2019): one present expert is drawn for each row where an
            rng stream `"latent"` is given, else mean and variance of the mixture;
            `"gated"` weighs the means and variances by softmax gates computed from all posteriors;
            `"attention"` by the attention of a learned query to the posteriors.
    """

    kind: str = "average"

    @nn.compact
    def __call__(
        self,
        means: Float[Array, "modalities batch latent"],
        logvars: Float[Array, "modalities batch latent"],
        mask: Bool[Array, "modalities batch"],
    ) -> tuple[Float[Array, "batch latent"], Float[Array, "batch latent"]]:
        if self.kind not in FUSIONS:
            raise ValueError(f"fusion {self.kind!r} is none of {FUSIONS}")
        # A masked row's contents must not reach the result, not even as 0 · NaN.
        present = mask[..., None]
        means, logvars = jnp.where(present, means, 0.0), jnp.where(present, logvars, 0.0)
        weight = present.astype(means.dtype)
        share = weight / jnp.maximum(weight.sum(0), 1.0)
        if self.kind == "poe":
            # The prior is an expert of precision 1; masked experts have precision 0, never an infinite variance.
            precision = 1.0 + (weight * jnp.exp(-logvars)).sum(0)
            return (weight * jnp.exp(-logvars) * means).sum(0) / precision, -jnp.log(precision)
        if self.kind == "average":
            deviation = (share * jnp.exp(0.5 * logvars)).sum(0)
            fused = (share * means).sum(0), 2 * jnp.log(jnp.maximum(deviation, _EPSILON))
        elif self.kind == "moe":
            fused = self._mixture(means, logvars, share, mask)
        else:
            gates = self._gates(means, logvars, present)
            fused = _moments(means, logvars, gates)
        has_any = mask.any(0)[:, None]
        return jnp.where(has_any, fused[0], 0.0), jnp.where(has_any, fused[1], 0.0)

    def _mixture(self, means: Array, logvars: Array, share: Array, mask: Array) -> tuple[Array, Array]:
        if not self.has_rng("latent"):
            return _moments(means, logvars, share)
        # Drawing the expert makes the loss's expectation the mean over experts: the mixture's bound.
        logits = jnp.where(mask, 0.0, -1e9)
        chosen = jax.random.categorical(self.make_rng("latent"), logits, axis=0)
        pick = chosen[None, :, None]
        return jnp.take_along_axis(means, pick, 0)[0], jnp.take_along_axis(logvars, pick, 0)[0]

    def _gates(self, means: Array, logvars: Array, present: Array) -> Array:
        posteriors = jnp.concatenate([means, logvars], axis=-1)
        modalities = len(means)
        if self.kind == "gated":
            together = jnp.moveaxis(posteriors, 0, 1).reshape(means.shape[1], -1)
            scores = nn.Dense(modalities, name="gate")(together).T[..., None]
        else:
            keys = nn.Dense(means.shape[-1], name="key")(posteriors)
            query = self.param("query", nn.initializers.normal(1.0), (means.shape[-1],))
            scores = (keys @ query)[..., None] / jnp.sqrt(means.shape[-1])
        return jax.nn.softmax(jnp.where(present, scores, -1e9), axis=0) * present


def _moments(means: Array, logvars: Array, weights: Array) -> tuple[Array, Array]:
    """Mean and log-variance of a mixture of Gaussians with `weights` that sum to 1 over the first axis."""
    mean = (weights * means).sum(0)
    variance = (weights * (jnp.exp(logvars) + jnp.square(means - mean))).sum(0)
    return mean, jnp.log(jnp.maximum(variance, _EPSILON))


class JointVAE(nn.Module):
    """One latent space for a mel spectrogram and a lyric vector; either may be missing.

    Source: "Hybrid Multimodal Music Clustering via Joint VAE" (2026), §3.2.3. Any subset of the modalities encodes,
    any modality decodes. Takes its noise from the rng stream `"latent"`. The audio encoder and decoder are those of
    `ConvVAE`: its parameters start them (`start_from`).

    Attributes:
        n_mels: mel bands of the spectrogram.
        frames: time frames of the spectrogram.
        lyrics_dim: size of the lyric vector.
        latent_dim: number of latent dimensions.
        fusion: `"average" | "poe" | "moe" | "gated" | "attention"`, see `Fusion`.
    """

    n_mels: int = 128
    frames: int = 1290
    lyrics_dim: int = 64
    latent_dim: int = 64
    fusion: str = "average"

    def setup(self) -> None:
        self.audio_encoder = SpectrogramEncoder(self.latent_dim)
        self.audio_decoder = SpectrogramDecoder(self.n_mels, self.frames)
        self.lyrics_encoder = MLP((256, 128, 2 * self.latent_dim))
        self.lyrics_decoder = MLP((128, 256, self.lyrics_dim))
        self.fuse = Fusion(self.fusion)

    def posteriors(self, inputs: Mapping[str, Array]) -> dict[str, tuple[Array, Array]]:
        """Modality → (mean, logvar) of q(z | that modality alone), for the modalities in `inputs`."""
        unknown = set(inputs) - {"audio", "lyrics"}
        if unknown or not inputs:
            raise ValueError(f"inputs must hold 'audio', 'lyrics' or both, got {sorted(inputs)}")
        posteriors = {}
        if "audio" in inputs:
            check_spectrogram(inputs["audio"], self.n_mels, self.frames)
            posteriors["audio"] = self.audio_encoder(inputs["audio"])
        if "lyrics" in inputs:
            lyrics = inputs["lyrics"]
            if lyrics.ndim != 2 or lyrics.shape[-1] != self.lyrics_dim:
                raise ValueError(f"expected lyric vectors [batch, {self.lyrics_dim}], got shape {lyrics.shape}")
            mean, logvar = jnp.split(self.lyrics_encoder(lyrics), 2, axis=-1)
            posteriors["lyrics"] = (mean, logvar)
        return posteriors

    def _fuse(
        self, posteriors: Mapping[str, tuple[Array, Array]], masks: Mapping[str, Array] | None
    ) -> tuple[Array, Array]:
        batch = next(iter(posteriors.values()))[0].shape[0]
        missing = set(posteriors) - set(masks or posteriors)
        if missing:
            raise ValueError(f"no mask for {sorted(missing)}: give each modality a bool array [batch]")
        mask = jnp.stack([jnp.ones(batch, bool) if masks is None else masks[name].astype(bool) for name in posteriors])
        # Modalities that are left out are absent ones, so that the fusion's own parameters keep their shape.
        stacked = [jnp.stack(parts) for parts in zip(*posteriors.values(), strict=True)]
        if len(posteriors) == 1:
            present_first = "audio" in posteriors
            zeros = jnp.zeros_like(stacked[0])
            stacked = [jnp.concatenate([s, zeros] if present_first else [zeros, s]) for s in stacked]
            absent = jnp.zeros_like(mask)
            mask = jnp.concatenate([mask, absent] if present_first else [absent, mask])
        means, logvars = stacked
        return self.fuse(means, logvars, mask)

    def encode(self, inputs: Mapping[str, Array], masks: Mapping[str, Array] | None = None) -> tuple[Array, Array]:
        """Mean and log-variance of the joint q(z|x), each `[batch, latent_dim]`.

        Args:
            inputs: any of `"audio"` `[batch, n_mels, frames]` and `"lyrics"` `[batch, lyrics_dim]`.
            masks: modality → `[batch]` bool, True where the row has it; None means that every row has all of `inputs`.
        """
        return self._fuse(self.posteriors(inputs), masks)

    def decode(self, z: Float[Array, "batch latent"], modality: str) -> Array:
        """The reconstruction of `modality` (`"audio"` or `"lyrics"`) from `z`."""
        if modality == "audio":
            return self.audio_decoder(z)
        if modality == "lyrics":
            return self.lyrics_decoder(z)
        raise ValueError(f"modality {modality!r} is neither 'audio' nor 'lyrics'")

    def __call__(self, inputs: Mapping[str, Array], masks: Mapping[str, Array] | None = None) -> JointVAEOutput:
        posteriors = self.posteriors(inputs)
        mean, logvar = self._fuse(posteriors, masks)
        z = sample_latent(self.make_rng("latent"), mean, logvar)
        recon = {name: self.decode(z, name) for name in ("audio", "lyrics")}
        return JointVAEOutput(recon, mean, logvar, z, posteriors)


def start_from(joint: Mapping, audio: Mapping) -> dict:
    """JointVAE parameters whose audio encoder (only) is that of a trained ConvVAE.

    Source: "Hybrid Multimodal Music Clustering via Joint VAE" (2026), §4.3 ("audio encoder initialized from ConvVAE").

    Args:
        joint: the JointVAE's parameters (`variables["params"]`).
        audio: the ConvVAE's parameters, of the same sizes.

    Returns:
        A copy of `joint` with `audio_encoder` replaced.
    """
    return {**joint, "audio_encoder": audio["encoder"]}
