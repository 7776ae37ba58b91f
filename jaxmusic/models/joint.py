"""The multimodal VAE of a spectrogram (or its features) and a lyric vector."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import flax.linen as nn

from jaxmusic.models.fusion import Fusion, PosteriorFusion
from jaxmusic.models.layers import MLP
from jaxmusic.models.multimodal import MultimodalVAE, MultimodalVAEOutput
from jaxmusic.models.temporal import TemporalEncoder
from jaxmusic.models.vae import SpectrogramDecoder, SpectrogramEncoder

AUDIO_ENCODERS = ("convolution", "transformer", "vector")
"""Names of the audio encoders of `JointVAE`."""
JointVAEOutput = MultimodalVAEOutput
"""What a `JointVAE` returns: `MultimodalVAEOutput`."""


def JointVAE(
    n_mels: int = 128,
    frames: int = 1290,
    lyrics_dim: int = 64,
    latent_dim: int = 64,
    fusion: str | PosteriorFusion = "average",
    audio_encoder_kind: str = "convolution",
    audio_dim: int = 0,
    widths: Sequence[int] = (256, 128),
    dropout_rate: float = 0.0,
    classes: int = 0,
    learned_weights: bool = False,
    dtype: Any = None,
) -> MultimodalVAE:
    """A `MultimodalVAE` of `"audio"` and `"lyrics"`, music and a lyric vector; either may be missing.

    Source: "Hybrid Multimodal Music Clustering via Joint VAE" (2026), §3.2.3, at the default settings; the others are
    repairs and extensions that its §5 names. The convolutional audio encoder and the spectrogram decoder are those of
    `ConvVAE`: its parameters start them (`start_from`).

    Args:
        n_mels: mel bands of the spectrogram.
        frames: time frames of the spectrogram.
        lyrics_dim: size of the lyric vector.
        latent_dim: number of latent dimensions.
        fusion: a module such as `Product()`, or `"average" | "poe" | "moe" | "mopoe" | "gated" | "attention"`, see
            `Fusion`.
        audio_encoder_kind: `"convolution"` and `"transformer"` (`TemporalEncoder`) take audio as a spectrogram
            `[batch, n_mels, frames]`, `"vector"` as features `[batch, audio_dim]` into an MLP. The transformer attends
            to the frames that the mask `"frames"` `[batch, frames]` bool counts, where there is one.
        audio_dim: size of the audio vector, for `"vector"` alone.
        widths: hidden widths of the vector encoders; the decoders have them in reverse.
        dropout_rate: of inputs and hidden layers of vector and transformer encoders in training, from the rng stream
            `"dropout"`.
        classes: of a linear label head on the joint mean, for weak labels; 0 for none.
        learned_weights: learn each modality's decoder variance, and so the weight of its reconstruction, with the
            rest (Kendall et al. 2018; Rybkin et al. 2021): `losses.joint_elbo` reads `log_scales`.
        dtype: of the activations, such as bfloat16; parameters, latents and outputs stay float32.

    Returns:
        The module.

    Raises:
        ValueError: an unknown fusion or audio encoder, or an `audio_dim` that does not go with it.
    """
    if audio_encoder_kind not in AUDIO_ENCODERS:
        raise ValueError(f"audio encoder {audio_encoder_kind!r} is none of {AUDIO_ENCODERS}")
    if (audio_encoder_kind == "vector") != (audio_dim > 0):
        raise ValueError(
            f'audio_dim {audio_dim} with the audio encoder {audio_encoder_kind!r}: "vector" needs the '
            "features' number, and no other takes it"
        )

    def vectors(size: int) -> tuple[nn.Module, nn.Module]:
        encoder = MLP((*widths, 2 * latent_dim), dropout_rate, dtype, features=size)
        return encoder, MLP((*reversed(widths), size), dtype=dtype)

    encoders: dict[str, nn.Module] = {}
    decoders: dict[str, nn.Module] = {}
    encoders["lyrics"], decoders["lyrics"] = vectors(lyrics_dim)
    if audio_encoder_kind == "vector":
        encoders["audio"], decoders["audio"] = vectors(audio_dim)
    else:
        sizes = {"n_mels": n_mels, "frames": frames, "dtype": dtype}
        decoders["audio"] = SpectrogramDecoder(**sizes)
        if audio_encoder_kind == "convolution":
            encoders["audio"] = SpectrogramEncoder(latent_dim, **sizes)
        else:
            encoders["audio"] = TemporalEncoder(latent_dim, dropout_rate=dropout_rate, **sizes)
    return MultimodalVAE(
        encoders=encoders,
        decoders=decoders,
        fusion=Fusion(fusion) if isinstance(fusion, str) else fusion,
        latent_dim=latent_dim,
        classes=classes,
        learned_scales=("audio", "lyrics") if learned_weights else (),
        element_masks={"audio": "frames"},
    )


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
