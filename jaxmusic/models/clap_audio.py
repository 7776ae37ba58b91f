"""CLAP's sound tower: HTSAT, a Swin transformer on folded mel spectrograms, with or without fusion of views."""

from __future__ import annotations

from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float

from jaxmusic.models.clap_config import ClapAudioConfig

# PyTorch's defaults.
_EPSILON, _MOMENTUM = 1e-5, 0.9


class ClapAudioTower(nn.Module):
    """Spectrogram → image → patches → stages of windowed attention → one vector.

    Attributes:
        config: its sizes.
        dtype: of the activations; norms' statistics and softmax stay float32.

    Source: Chen et al., HTS-AT (ICASSP 2022); Liu et al., Swin transformer (ICCV 2021), section 3; the fusion of Wu et
    al. (ICASSP 2023), section 2.4, by Dai et al., attentional feature fusion (WACV 2021).
    """

    config: ClapAudioConfig
    dtype: Any = None

    @nn.compact
    def __call__(
        self,
        mel: Float[Array, "batch views n_mels frames"],
        is_longer: Bool[Array, " batch"] | None = None,
        train: bool = False,
    ) -> Float[Array, "batch hidden"]:
        """Pool a batch.

        Args:
            mel: `[batch, 1, n_mels, frames]`, or with fusion `[batch, 4, n_mels, frames]` (`[batch, 1, …]` where no
                clip is longer than a window), in dB, of `audio.ClapInput`.
            is_longer: `[batch]`, whether the crops are to be fused in; None: none.
            train: batch norms use the batch's statistics.

        Returns:
            `[batch, hidden]`.

        Raises:
            ValueError: another number of bands or views, or more frames than the image holds.
        """
        config = self.config
        ratio = config.spec_size // config.num_mel_bins
        views = (1, 4) if config.enable_fusion else (1,)
        if mel.ndim != 4 or mel.shape[1] not in views or mel.shape[2] != config.num_mel_bins:
            raise ValueError(f"expected [batch, {views[-1]}, {config.num_mel_bins}, frames], got shape {mel.shape}")
        if mel.shape[3] > config.spec_size * ratio:
            raise ValueError(f"{mel.shape[3]} frames, the image holds {config.spec_size * ratio}")
        x = _batch_norm(train, "batch_norm")(mel.swapaxes(2, 3)).swapaxes(2, 3)
        x = x @ jnp.asarray(stretch(mel.shape[3], config.spec_size * ratio))
        # Time is cut into `ratio` parts, which are put below one another.
        x = x.reshape(*x.shape[:3], ratio, config.spec_size).swapaxes(2, 3)
        image = x.reshape(*x.shape[:2], config.spec_size, config.spec_size)
        x = self._patches(image, is_longer, train)
        for i, (depth, heads) in enumerate(zip(config.depths, config.num_attention_heads, strict=True)):
            for j in range(depth):
                x = SwinBlock(config, heads, j % 2 == 1, self.dtype, name=f"stage_{i}_block_{j}")(x)
            if i + 1 < len(config.depths):
                x = self._merged(x, i)
        return _norm(_EPSILON, self.dtype, "norm")(x).mean((1, 2))

    def _patches(self, image: Array, is_longer: Array | None, train: bool) -> Array:
        """`[batch, grid, grid, width]`."""
        config, size, step = self.config, self.config.patch_size, self.config.patch_stride
        pad = (size - step) // 2
        width = config.patch_embeds_hidden_size
        whole = nn.Conv(width, (size, size), step, ((pad, pad), (pad, pad)), dtype=self.dtype, name="patch")
        x = whole(image[:, 0, :, :, None])
        if config.enable_fusion:
            local = nn.Conv(
                width, (size, 3 * size), (step, 3 * step), ((pad, pad), (pad, pad)), dtype=self.dtype, name="crop_patch"
            )
            crops = (
                image[:, 1:] if image.shape[1] > 1 else jnp.zeros_like(image, shape=(len(image), 3, *image.shape[2:]))
            )
            found = jnp.concatenate([local(crops[:, i, :, :, None]) for i in range(3)], axis=2)
            found = jnp.pad(found, ((0, 0), (0, 0), (0, x.shape[2] - found.shape[2]), (0, 0)))
            fused = Fusion(width // config.aff_block_r, self.dtype, name="fusion")(x, found, train)
            chosen = jnp.zeros(len(x), bool) if is_longer is None else is_longer
            x = jnp.where(chosen[:, None, None, None], fused, x)
        return _norm(_EPSILON, self.dtype, "patch_norm")(x)

    def _merged(self, x: Array, i: int) -> Array:
        """Squares of four patches become one of twice the width."""
        parts = [x[:, row::2, column::2] for column in range(2) for row in range(2)]
        x = _norm(_EPSILON, self.dtype, f"merge_norm_{i}")(jnp.concatenate(parts, axis=-1))
        return nn.Dense(x.shape[-1] // 2, use_bias=False, dtype=self.dtype, name=f"merge_{i}")(x)


class Fusion(nn.Module):
    """Attentional fusion: what is local and what is global decide how much of either view counts."""

    features: int
    dtype: Any = None

    @nn.compact
    def __call__(self, x: Array, other: Array, train: bool) -> Array:
        both = x + other
        weight = nn.sigmoid(
            self._attention(both, train, "local") + self._attention(both.mean((1, 2), keepdims=True), train, "global")
        )
        return 2 * x * weight + 2 * other * (1 - weight)

    def _attention(self, x: Array, train: bool, name: str) -> Array:
        inner = nn.Dense(self.features, dtype=self.dtype, name=f"{name}_0")(x)
        inner = nn.relu(_batch_norm(train, f"{name}_norm_0")(inner))
        return _batch_norm(train, f"{name}_norm_1")(nn.Dense(x.shape[-1], dtype=self.dtype, name=f"{name}_1")(inner))


class SwinBlock(nn.Module):
    """Attention within windows, every second time within shifted ones, and a feed-forward part; pre-LayerNorm."""

    config: ClapAudioConfig
    heads: int
    is_shifted: bool
    dtype: Any = None

    @nn.compact
    def __call__(self, x: Float[Array, "batch height width channels"]) -> Array:
        """The same shape."""
        config, channels, window = self.config, x.shape[-1], self.config.window_size
        shift = window // 2 if self.is_shifted and x.shape[1] > window else 0
        normed = jnp.roll(self._norm("norm_before")(x), (-shift, -shift), (1, 2))
        attended = self._attend(normed, shift)
        x = x + jnp.roll(attended, (shift, shift), (1, 2))
        inner = nn.Dense(int(config.mlp_ratio * channels), dtype=self.dtype, name="intermediate")
        inner_x = nn.gelu(inner(self._norm("norm_after")(x)), approximate=False)
        return x + nn.Dense(channels, dtype=self.dtype, name="output")(inner_x)

    def _norm(self, name: str) -> nn.LayerNorm:
        return _norm(self.config.layer_norm_eps, self.dtype, name)

    def _attend(self, x: Array, shift: int) -> Array:
        batch, side, _, channels = x.shape
        window, parts = self.config.window_size, side // self.config.window_size
        x = x.reshape(batch, parts, window, parts, window, channels).swapaxes(2, 3)
        x = x.reshape(batch, parts * parts, window * window, channels)

        def split(name: str) -> Array:
            found = nn.Dense(channels, dtype=self.dtype, name=name)(x)
            return found.reshape(*x.shape[:3], self.heads, channels // self.heads)

        query, key, value = split("query"), split("key"), split("value")
        scores = jnp.einsum("bwqhd,bwkhd->bwhqk", query, key).astype(jnp.float32) / np.sqrt(channels // self.heads)
        table = self.param("position_bias", nn.initializers.zeros, ((2 * window - 1) ** 2, self.heads))
        scores = scores + table[position_index(window)].transpose(2, 0, 1)
        if shift:
            # Patches that the shift brought together from opposite edges do not attend to one another.
            scores = scores + jnp.asarray(shift_mask(side, window, shift))[:, None]
        weights = jax.nn.softmax(scores).astype(value.dtype)
        x = jnp.einsum("bwhqk,bwkhd->bwqhd", weights, value).reshape(*x.shape)
        x = nn.Dense(channels, dtype=self.dtype, name="attention_output")(x)
        x = x.reshape(batch, parts, parts, window, window, channels).swapaxes(2, 3)
        return x.reshape(batch, side, side, channels)


def position_index(window: int) -> np.ndarray:
    """`[window², window²]`: the row of the bias table for each pair of a window's places."""
    places = np.stack(np.meshgrid(np.arange(window), np.arange(window), indexing="ij")).reshape(2, -1)
    down, right = places[:, :, None] - places[:, None, :] + window - 1
    return down * (2 * window - 1) + right


def shift_mask(side: int, window: int, shift: int) -> np.ndarray:
    """`[windows, window², window²]`: −100 for pairs that are neighbours only by the shift, else 0."""
    region = (np.arange(side) >= side - window).astype(int) + (np.arange(side) >= side - shift)
    regions = region[:, None] * 3 + region
    parts = side // window
    regions = regions.reshape(parts, window, parts, window).swapaxes(1, 2).reshape(parts * parts, -1)
    return np.where(regions[:, :, None] != regions[:, None, :], -100.0, 0.0).astype(np.float32)


def stretch(frames: int, wanted: int) -> np.ndarray:
    """`[frames, wanted]` weights of PyTorch's cubic interpolation with aligned corners (a = −0.75)."""
    if frames == wanted:
        return np.eye(frames, dtype=np.float32)
    place = np.arange(wanted) * (frames - 1) / (wanted - 1)
    low = np.floor(place).astype(int)
    matrix, columns, a = np.zeros((frames, wanted)), np.arange(wanted), -0.75
    for step in range(-1, 3):
        d = np.abs(place - (low + step))
        near = ((a + 2) * d - (a + 3)) * d * d + 1
        far = ((a * d - 5 * a) * d + 8 * a) * d - 4 * a
        np.add.at(matrix, (np.clip(low + step, 0, frames - 1), columns), np.where(d <= 1, near, far))
    return matrix.astype(np.float32)


def _norm(epsilon: float, dtype: Any, name: str) -> nn.LayerNorm:
    return nn.LayerNorm(epsilon=epsilon, dtype=dtype, use_fast_variance=False, name=name)


def _batch_norm(train: bool, name: str) -> nn.BatchNorm:
    return nn.BatchNorm(not train, momentum=_MOMENTUM, epsilon=_EPSILON, name=name)
