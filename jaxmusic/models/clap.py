"""CLAP: sound and text in one space."""

from __future__ import annotations

from typing import Any, NamedTuple

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float, Int

from jaxmusic.models.clap_audio import ClapAudioTower
from jaxmusic.models.clap_config import ClapConfig
from jaxmusic.models.transformer import TextTransformer


class ClapOutput(NamedTuple):
    """Embeddings of both towers, each of length 1.

    Attributes:
        audio: `[batch, projection_dim]` float32.
        text: `[texts, projection_dim]` float32.
    """

    audio: Float[Array, "batch projection"]
    text: Float[Array, "texts projection"]


class ClapModel(nn.Module):
    """Two towers with projections: HTSAT for sound, RoBERTa for text. `load_clap` reads one from the hub.

    Attributes:
        config: its sizes.
        dtype: of the activations; embeddings are float32.

    Source: Wu et al., "Large-scale contrastive language-audio pretraining with feature fusion and keyword-to-caption
    augmentation" (ICASSP 2023). The conventions are those of Hugging Face's checkpoints.
    """

    config: ClapConfig
    dtype: Any = jnp.float32

    def setup(self) -> None:
        self.audio = ClapAudioTower(self.config.audio, self.dtype)
        self.text = TextTransformer(self.config.text, pooling="pooler", dtype=self.dtype)
        self.audio_projection = Projection(self.config.projection_dim)
        self.text_projection = Projection(self.config.projection_dim)
        start = nn.initializers.constant(np.log(1 / 0.07))
        self.logit_scale_audio = self.param("logit_scale_audio", start, ())
        self.logit_scale_text = self.param("logit_scale_text", start, ())

    def embed_audio(
        self,
        mel: Float[Array, "batch views n_mels frames"],
        is_longer: Bool[Array, " batch"] | None = None,
        train: bool = False,
    ) -> Float[Array, "batch projection"]:
        """Spectrograms → `[batch, projection_dim]` float32 of length 1.

        Args:
            mel: `[batch, views, n_mels, frames]` in dB, of `audio.ClapInput`: one view, or four with fusion.
            is_longer: `[batch]`, whether a clip's crops are fused in; None: none.
            train: batch norms use the batch's statistics.
        """
        return _unit(self.audio_projection(self.audio(mel, is_longer, train)))

    def embed_text(
        self, input_ids: Int[Array, "texts length"], attention_mask: Bool[Array, "texts length"] | None = None
    ) -> Float[Array, "texts projection"]:
        """Token ids → `[texts, projection_dim]` float32 of length 1; see `TextTransformer`."""
        return _unit(self.text_projection(self.text(input_ids, attention_mask).pooled))

    def __call__(
        self,
        mel: Float[Array, "batch views n_mels frames"],
        input_ids: Int[Array, "texts length"],
        is_longer: Bool[Array, " batch"] | None = None,
        attention_mask: Bool[Array, "texts length"] | None = None,
    ) -> ClapOutput:
        """Both towers.

        Args:
            mel, is_longer: see `embed_audio`.
            input_ids, attention_mask: see `embed_text`.

        Returns:
            `ClapOutput`; the product of its parts is the cosine of every sound with every text.
        """
        return ClapOutput(self.embed_audio(mel, is_longer), self.embed_text(input_ids, attention_mask))


class Projection(nn.Module):
    """Two dense layers with ReLU between them."""

    width: int

    @nn.compact
    def __call__(self, x: Float[Array, "batch features"]) -> Float[Array, "batch width"]:
        """In float32: embeddings are compared by small differences of their cosines."""
        hidden = nn.relu(nn.Dense(self.width, name="linear1")(x.astype(jnp.float32)))
        return nn.Dense(self.width, name="linear2")(hidden)


def project_text(
    module: ClapModel, params: Any, pooled: Float[Array, "texts hidden"]
) -> Float[Array, "texts projection"]:
    """The text tower's pooled vectors → embeddings, by the parameters of `text_projection`."""
    projected: Any = Projection(module.config.projection_dim).apply({"params": params}, pooled)
    return _unit(projected)


def _unit(x: Array) -> Array:
    return x * jax.lax.rsqrt(jnp.maximum(jnp.square(x).sum(-1, keepdims=True), 1e-24))
