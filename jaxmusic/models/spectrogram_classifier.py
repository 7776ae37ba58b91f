"""A supervised convolutional net on mel spectrograms: what labels alone would buy."""

from __future__ import annotations

from collections.abc import Sequence

import flax.linen as nn
from jaxtyping import Array, Float

from jaxmusic.models.layers import Convolution
from jaxmusic.models.vae import check_spectrogram


class SpectrogramClassifier(nn.Module):
    """Convolutions with pooling, the mean over what is left of band and time, a linear layer.

    The blocks are those of `ConvVAE`'s encoder; dropout before the last layer is from the rng stream `"dropout"`.

    Attributes:
        n_mels: mel bands of the spectrogram.
        frames: time frames of the spectrogram.
        classes: number of classes.
        channels: of the convolutions.
        dropout_rate: of the pooled features in training.
    """

    n_mels: int
    frames: int
    classes: int
    channels: Sequence[int] = (16, 32, 64)
    dropout_rate: float = 0.3

    def setup(self) -> None:
        self.convolutions = [Convolution(features, pool=True) for features in self.channels]
        self.dropout = nn.Dropout(self.dropout_rate)
        self.head = nn.Dense(self.classes)

    def embed(self, x: Float[Array, "batch n_mels frames"]) -> Float[Array, "batch channels"]:
        """The pooled features that the last layer reads.

        Args:
            x: `[batch, n_mels, frames]`.

        Returns:
            `[batch, channels[-1]]`.

        Raises:
            ValueError: a spectrogram of another size.
        """
        check_spectrogram(x, self.n_mels, self.frames)
        h = x[..., None]
        for convolution in self.convolutions:
            h = nn.relu(convolution(h))
        return h.mean((1, 2))

    def __call__(self, x: Float[Array, "batch n_mels frames"], train: bool = False) -> Float[Array, "batch classes"]:
        """Logits.

        Args:
            x: `[batch, n_mels, frames]`.
            train: whether dropout applies.

        Returns:
            `[batch, classes]`.

        Raises:
            ValueError: a spectrogram of another size.
        """
        return self.head(self.dropout(self.embed(x), deterministic=not train))
