"""A VAE of several modalities with one latent space."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import flax.linen as nn
import jax.numpy as jnp
from jaxtyping import Array, Float

from jaxmusic.models.fusion import Fusion
from jaxmusic.models.layers import MLP, split_gaussian
from jaxmusic.models.temporal import TemporalEncoder
from jaxmusic.models.vae import SpectrogramDecoder, SpectrogramEncoder, check_spectrogram, sample_latent

AUDIO_ENCODERS = ("convolution", "transformer", "vector")
"""Names of the audio encoders of `JointVAE`."""


class JointVAEOutput(NamedTuple):
    """What a JointVAE returns.

    Attributes:
        recon: modality → reconstruction, shaped as the input.
        mean: `[batch, latent_dim]`, mean of the joint q(z|x).
        logvar: `[batch, latent_dim]`, its log-variance.
        z: `[batch, latent_dim]`, one sample.
        posteriors: modality → (mean, logvar) of that modality alone, each `[batch, latent_dim]`.
        logits: `[batch, classes]` of the label head on the joint mean; None without one.
        log_scales: modality → scalar, the logarithm of the decoder's variance over ½; None where it is fixed.
    """

    recon: dict[str, Array]
    mean: Array
    logvar: Array
    z: Array
    posteriors: dict[str, tuple[Array, Array]]
    logits: Array | None = None
    log_scales: dict[str, Array] | None = None


class JointVAE(nn.Module):
    """One latent space for music and a lyric vector; either may be missing.

    Source: "Hybrid Multimodal Music Clustering via Joint VAE" (2026), §3.2.3, at the default settings; the others are
    repairs and extensions that its §5 names. Any subset of the modalities encodes, any modality decodes. Takes its
    noise from the rng stream `"latent"`. The convolutional audio encoder and the spectrogram decoder are those of
    `ConvVAE`: its parameters start them (`start_from`).

    Attributes:
        n_mels: mel bands of the spectrogram.
        frames: time frames of the spectrogram.
        lyrics_dim: size of the lyric vector.
        latent_dim: number of latent dimensions.
        fusion: `"average" | "poe" | "moe" | "gated" | "attention"`, see `Fusion`.
        audio_encoder_kind: `"convolution"` and `"transformer"` (`TemporalEncoder`) take audio as a spectrogram
            `[batch, n_mels, frames]`, `"vector"` as features `[batch, audio_dim]` into an MLP.
        audio_dim: size of the audio vector, for `"vector"` alone.
        widths: hidden widths of the vector encoders; the decoders have them in reverse.
        dropout_rate: of inputs and hidden layers of vector and transformer encoders in training, from the rng stream
            `"dropout"`.
        classes: of a linear label head on the joint mean, for weak labels; 0 for none.
        learned_weights: learn each modality's decoder variance, and so the weight of its reconstruction, with the
            rest (Kendall et al. 2018; Rybkin et al. 2021): `losses.joint_elbo` reads `log_scales`.
        dtype: of the activations, such as bfloat16; parameters, latents and outputs stay float32.
    """

    n_mels: int = 128
    frames: int = 1290
    lyrics_dim: int = 64
    latent_dim: int = 64
    fusion: str = "average"
    audio_encoder_kind: str = "convolution"
    audio_dim: int = 0
    widths: Sequence[int] = (256, 128)
    dropout_rate: float = 0.0
    classes: int = 0
    learned_weights: bool = False
    dtype: Any = None

    def setup(self) -> None:
        self._make_audio()
        self.lyrics_encoder = MLP((*self.widths, 2 * self.latent_dim), self.dropout_rate, self.dtype)
        self.lyrics_decoder = MLP((*reversed(self.widths), self.lyrics_dim), dtype=self.dtype)
        self.fuse = Fusion(self.fusion)
        if self.classes:
            self.label_head = nn.Dense(self.classes)
        if self.learned_weights:
            self.log_scales = self.param("log_scales", nn.initializers.zeros, (2,))

    def _make_audio(self) -> None:
        if self.audio_encoder_kind not in AUDIO_ENCODERS:
            raise ValueError(f"audio encoder {self.audio_encoder_kind!r} is none of {AUDIO_ENCODERS}")
        if (self.audio_encoder_kind == "vector") != (self.audio_dim > 0):
            raise ValueError(
                f'audio_dim {self.audio_dim} with the audio encoder {self.audio_encoder_kind!r}: "vector" needs the '
                "features' number, and no other takes it"
            )
        self.audio_encoder: Any
        self.audio_decoder: Any
        if self.audio_encoder_kind == "vector":
            self.audio_encoder = MLP((*self.widths, 2 * self.latent_dim), self.dropout_rate, self.dtype)
            self.audio_decoder = MLP((*reversed(self.widths), self.audio_dim), dtype=self.dtype)
            return
        self.audio_encoder = (
            SpectrogramEncoder(self.latent_dim, dtype=self.dtype)
            if self.audio_encoder_kind == "convolution"
            else TemporalEncoder(self.latent_dim, dropout_rate=self.dropout_rate, dtype=self.dtype)
        )
        self.audio_decoder = SpectrogramDecoder(self.n_mels, self.frames, dtype=self.dtype)

    def posteriors(
        self, inputs: Mapping[str, Array], masks: Mapping[str, Array] | None = None, train: bool = False
    ) -> dict[str, tuple[Array, Array]]:
        """Modality → (mean, logvar) of q(z | that modality alone), for the modalities in `inputs`.

        Args:
            inputs: see `encode`.
            masks: read for `"frames"` `[batch, frames]` bool alone, which the transformer attends to; None: all.
            train: whether dropout applies.
        """
        unknown = set(inputs) - {"audio", "lyrics"}
        if unknown or not inputs:
            raise ValueError(f"inputs must hold 'audio', 'lyrics' or both, got {sorted(inputs)}")
        posteriors = {}
        if "audio" in inputs:
            posteriors["audio"] = self._encode_audio(inputs["audio"], (masks or {}).get("frames"), train)
        if "lyrics" in inputs:
            _check_vectors("lyric", inputs["lyrics"], self.lyrics_dim)
            posteriors["lyrics"] = split_gaussian(self.lyrics_encoder(inputs["lyrics"], train))
        return posteriors

    def _encode_audio(self, audio: Array, frames: Array | None, train: bool) -> tuple[Array, Array]:
        if self.audio_encoder_kind == "vector":
            _check_vectors("audio", audio, self.audio_dim)
            return split_gaussian(self.audio_encoder(audio, train))
        check_spectrogram(audio, self.n_mels, self.frames)
        if self.audio_encoder_kind == "transformer":
            return self.audio_encoder(audio, frames, train)
        return self.audio_encoder(audio)

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
            inputs: any of `"audio"` `[batch, n_mels, frames]` (`[batch, audio_dim]` for the vector encoder) and
                `"lyrics"` `[batch, lyrics_dim]`.
            masks: modality → `[batch]` bool, True where the row has it; None means that every row has all of `inputs`.
        """
        return self._fuse(self.posteriors(inputs, masks), masks)

    def classify(self, mean: Float[Array, "batch latent"]) -> Float[Array, "batch classes"]:
        """The label head's logits for joint means.

        Args:
            mean: `[batch, latent_dim]`.

        Returns:
            `[batch, classes]`.

        Raises:
            ValueError: the model has no label head.
        """
        if not self.classes:
            raise ValueError("this model has no label head: make it with classes > 0")
        return self.label_head(mean)

    def decode(self, z: Float[Array, "batch latent"], modality: str) -> Array:
        """The reconstruction of `modality` (`"audio"` or `"lyrics"`) from `z`.

        Args:
            z: `[batch, latent_dim]`.
            modality: `"audio"` or `"lyrics"`.

        Returns:
            `[batch, n_mels, frames]`, or a vector `[batch, audio_dim]` or `[batch, lyrics_dim]`.

        Raises:
            ValueError: another modality.
        """
        if modality == "audio":
            return self.audio_decoder(z)
        if modality == "lyrics":
            return self.lyrics_decoder(z)
        raise ValueError(f"modality {modality!r} is neither 'audio' nor 'lyrics'")

    def __call__(
        self, inputs: Mapping[str, Array], masks: Mapping[str, Array] | None = None, train: bool = False
    ) -> JointVAEOutput:
        """Encode what is there, fuse, draw z, decode every modality.

        Args:
            inputs: see `encode`.
            masks: see `encode`; `"frames"` `[batch, frames]` bool may be among them, which the transformer attends to.
            train: whether dropout applies, from the rng stream `"dropout"`.

        Returns:
            `JointVAEOutput`.

        Raises:
            ValueError: inputs of unknown modalities or other sizes, or a modality without its mask.
        """
        posteriors = self.posteriors(inputs, masks, train)
        mean, logvar = self._fuse(posteriors, masks)
        z = sample_latent(self.make_rng("latent"), mean, logvar)
        recon = {name: self.decode(z, name) for name in ("audio", "lyrics")}
        logits = self.classify(mean) if self.classes else None
        scales = {"audio": self.log_scales[0], "lyrics": self.log_scales[1]} if self.learned_weights else None
        return JointVAEOutput(recon, mean, logvar, z, posteriors, logits, scales)


def _check_vectors(name: str, x: Array, size: int) -> None:
    if x.ndim != 2 or x.shape[-1] != size:
        raise ValueError(f"expected {name} vectors [batch, {size}], got shape {x.shape}")


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
