"""Nets that tag music: musicnn, whose filters are shaped by music, and a VGG beside it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import flax.linen as nn
import jax.numpy as jnp
from jaxtyping import Array, Float

from jaxmusic.models.layers import at_least_float32

# TensorFlow's, which the public weights were trained with.
_EPSILON, _MOMENTUM = 1e-3, 0.99


class MusicCNNOutput(NamedTuple):
    """What `MusicCNN` returns, float32 at least.

    Attributes:
        logits: `[batch, tags]`; their sigmoid is the probability of each tag.
        penultimate: `[batch, units]`, behind its batch norm.
        mean_pool: `[batch, features]`, the mean over the frames of all features of the front-end and the mid-end.
        max_pool: `[batch, features]`, their maximum.
    """

    logits: Float[Array, "batch tags"]
    penultimate: Float[Array, "batch units"]
    mean_pool: Float[Array, "batch features"]
    max_pool: Float[Array, "batch features"]


class MusicVGGOutput(NamedTuple):
    """What `MusicVGG` returns, float32 at least.

    Attributes:
        logits: `[batch, tags]`; their sigmoid is the probability of each tag.
        penultimate: `[batch, features]`, the last pool, which the last layer reads.
    """

    logits: Float[Array, "batch tags"]
    penultimate: Float[Array, "batch features"]


class MusicCNN(nn.Module):
    """A convolutional tagger with filters for timbre (tall) and for time (long), dense connections and two pools.

    Attributes:
        tags: what the logits stand for; their number is the width of the output.
        timbral_features: filters of each of the two timbral shapes, 0.4 and 0.7 of the bands tall.
        temporal_features: filters of each of the three temporal shapes.
        temporal_lengths: their lengths in frames.
        midend_features: filters of each layer of the mid-end.
        units: width of the penultimate layer.
        dtype: of the activations, such as bfloat16; parameters and outputs stay float32.

    Source: Pons and Serra, "musicnn: pre-trained convolutional neural networks for music audio tagging" (ISMIR 2019
    late-breaking); Pons et al., "End-to-end learning for music audio tagging at scale" (ISMIR 2018), section 2.
    """

    tags: Sequence[str]
    timbral_features: int = 204
    temporal_features: int = 51
    temporal_lengths: Sequence[int] = (128, 64, 32)
    midend_features: int = 64
    units: int = 200
    dtype: Any = None

    @nn.compact
    def __call__(self, mel: Float[Array, "batch n_mels frames"], train: bool = False) -> MusicCNNOutput:
        """Tag patches.

        Args:
            mel: `[batch, n_mels, frames]`, `audio.log_mel` of 16 kHz; the public weights take 96 bands and were
                trained on 187 frames (3 s), but take any number.
            train: dropout of one half in the back-end, from the rng stream `"dropout"`, and batch norms that use the
                batch's statistics and update the collection `"batch_stats"`.

        Returns:
            `MusicCNNOutput`.
        """
        bands = mel.shape[-2]
        x = _norm(self, train, "input_norm")(mel.swapaxes(-1, -2)[..., None])
        padded = jnp.pad(x, ((0, 0), (3, 3), (0, 0), (0, 0)))
        features = [
            self._highest(padded, (7, int(share * bands)), self.timbral_features, train, f"timbral_{i}")
            for i, share in enumerate((0.4, 0.7))
        ]
        features += [
            self._highest(x, (length, 1), self.temporal_features, train, f"temporal_{i}")
            for i, length in enumerate(self.temporal_lengths)
        ]
        maps = [jnp.concatenate(features, axis=-1)]
        for i in range(3):
            layer = nn.Conv(self.midend_features, (7,), padding=((3, 3),), dtype=self.dtype, name=f"midend_{i}")
            found = _norm(self, train, f"midend_norm_{i}")(nn.relu(layer(maps[-1])))
            # The first layer changes the width; the others add to what they read.
            maps.append(found if i == 0 else found + maps[-1])
        every = at_least_float32(jnp.concatenate(maps, axis=-1))
        mean_pool, max_pool = every.mean(1), every.max(1)
        # Interleaved, maximum first, as the public weights have it.
        pools = jnp.stack([max_pool, mean_pool], axis=-1).reshape(mel.shape[0], -1)
        pools = self._drop(_norm(self, train, "pool_norm")(pools), train)
        hidden = nn.relu(nn.Dense(self.units, dtype=self.dtype, name="penultimate")(pools))
        hidden = _norm(self, train, "penultimate_norm")(hidden)
        logits = nn.Dense(len(self.tags), dtype=self.dtype, name="tags_layer")(self._drop(hidden, train))
        return MusicCNNOutput(*map(at_least_float32, (logits, hidden, mean_pool, max_pool)))

    def _highest(self, x: Array, kernel: tuple[int, int], features: int, train: bool, name: str) -> Array:
        """`[batch, frames, features]`: a convolution's highest value over the bands."""
        padding = "VALID" if kernel[1] > 1 else "SAME"
        found = nn.Conv(features, kernel, padding=padding, dtype=self.dtype, name=name)(x)
        return _norm(self, train, f"{name}_norm")(nn.relu(found)).max(2)

    def _drop(self, x: Array, train: bool) -> Array:
        return nn.Dropout(0.5, deterministic=not train)(x)


class MusicVGG(nn.Module):
    """Five 3×3 convolutions with pooling and a linear layer: the baseline published with `MusicCNN`.

    Attributes:
        tags: what the logits stand for; their number is the width of the output.
        features: filters of each convolution.
        dtype: of the activations, such as bfloat16; parameters and outputs stay float32.

    Source: Choi, Fazekas and Sandler, "Automatic tagging using deep convolutional neural networks" (ISMIR 2016), in the
    form of Pons and Serra (2019).
    """

    tags: Sequence[str]
    features: int = 128
    dtype: Any = None

    @nn.compact
    def __call__(self, mel: Float[Array, "batch n_mels frames"], train: bool = False) -> MusicVGGOutput:
        """Tag patches.

        Args:
            mel: `[batch, n_mels, frames]`, `audio.log_mel` of 16 kHz; the public weights take 96 bands and 187 frames
                and no others.
            train: dropout behind each pool, from the rng stream `"dropout"`, and batch norms that use the batch's
                statistics and update the collection `"batch_stats"`.

        Returns:
            `MusicVGGOutput`.
        """
        x = _norm(self, train, "input_norm")(mel.swapaxes(-1, -2)[..., None])
        # Frames and bands of a pool, and its steps.
        pools = (((4, 1), (2, 2)), ((2, 2), (2, 2)), ((2, 2), (2, 2)), ((2, 2), (2, 2)), ((4, 4), (4, 4)))
        for i, (window, strides) in enumerate(pools):
            x = nn.relu(nn.Conv(self.features, (3, 3), dtype=self.dtype, name=f"convolution_{i}")(x))
            x = nn.max_pool(_norm(self, train, f"norm_{i}")(x), window, strides)
            x = nn.Dropout(0.25 if i < 4 else 0.5, deterministic=not train)(x)
        flat = x.reshape(x.shape[0], -1)
        logits = nn.Dense(len(self.tags), dtype=self.dtype, name="tags_layer")(flat)
        return MusicVGGOutput(at_least_float32(logits), at_least_float32(flat))


def _norm(module: MusicCNN | MusicVGG, train: bool, name: str) -> nn.BatchNorm:
    return nn.BatchNorm(not train, momentum=_MOMENTUM, epsilon=_EPSILON, dtype=module.dtype, name=name)
