"""Two towers and no decoder: the plain contrastive model that a joint VAE competes with in retrieval."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import flax.linen as nn
from jaxtyping import Array

from jaxmusic.models.layers import MLP


class DualEncoderOutput(NamedTuple):
    """Embeddings of both modalities.

    Attributes:
        audio: `[batch, embedding_dim]`, not normalised.
        lyrics: `[batch, embedding_dim]`, not normalised.
    """

    audio: Array
    lyrics: Array


class DualEncoder(nn.Module):
    """An MLP for each of two vectors into one embedding space, for a contrastive loss (`losses.contrastive`).

    Attributes:
        embedding_dim: size of the common space.
        widths: hidden widths of both towers.
        dropout_rate: of inputs and hidden layers in training, from the rng stream `"dropout"`.
    """

    embedding_dim: int = 32
    widths: Sequence[int] = (128,)
    dropout_rate: float = 0.0

    def setup(self) -> None:
        self.audio_tower = MLP((*self.widths, self.embedding_dim), self.dropout_rate)
        self.lyrics_tower = MLP((*self.widths, self.embedding_dim), self.dropout_rate)

    def __call__(self, inputs: Mapping[str, Array], train: bool = False) -> DualEncoderOutput:
        """Embed both modalities.

        Args:
            inputs: `"audio"` `[batch, features]` and `"lyrics"` `[batch, lyrics_dim]`.
            train: whether dropout applies.

        Returns:
            `DualEncoderOutput`.
        """
        return DualEncoderOutput(self.audio_tower(inputs["audio"], train), self.lyrics_tower(inputs["lyrics"], train))
