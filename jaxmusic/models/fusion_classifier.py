"""Several modalities' vectors → one → classes, through layers that are each followed by a residual block."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal, get_args

import flax.linen as nn
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float

from jaxmusic.models.adaptive import AdaptiveFusion
from jaxmusic.models.fusion import masked_softmax

ModalityFusion = Literal["concat", "sum", "product", "min", "max", "average", "gated", "attention"]
MODALITY_FUSIONS: tuple[str, ...] = get_args(ModalityFusion)
"""Names of the ways to fuse modalities, see `FusionClassifier`."""


class ResidualBlock(nn.Module):
    """relu(x + BN(Dense(dropout(relu(BN(Dense(x))))))), at one width.

    Attributes:
        dropout: after the inner ReLU, in training.
        momentum: share of the running statistics that a step keeps; 0.9 is PyTorch's default.
    """

    dropout: float = 0.0
    momentum: float = 0.9

    @nn.compact
    def __call__(
        self, x: Float[Array, "batch width"], row_mask: Bool[Array, " batch"] | None = None, train: bool = False
    ) -> Float[Array, "batch width"]:
        """Rows with `row_mask` off take no part in the batch's statistics.

        Args:
            x: `[batch, width]`.
            row_mask: `[batch]` bool; None counts all.
            train: whether the batch's own statistics and dropout apply.

        Returns:
            `[batch, width]`.
        """
        mask = None if row_mask is None else row_mask[:, None]
        h = nn.Dense(x.shape[-1])(x)
        h = nn.relu(nn.BatchNorm(use_running_average=not train, momentum=self.momentum)(h, mask=mask))
        h = nn.Dropout(self.dropout, deterministic=not train)(h)
        h = nn.Dense(x.shape[-1])(h)
        h = nn.BatchNorm(use_running_average=not train, momentum=self.momentum)(h, mask=mask)
        return nn.relu(x + h)


class FusionClassifier(nn.Module):
    """Modalities, fused, then dense layers with a residual block behind each, then class logits.

    Source: "Multimodal Fusion Genre-Based Music Recommender", §3.2 and figures 1 to 3; the order inside the block is
    drawn there, not written. One modality alone is passed on as it is by `"concat"`.

    Attributes:
        classes: number of classes k.
        widths: of the dense layers.
        dropout: p of the blocks.
        fusion: `"concat"`: modalities side by side, an absent one as zeros, with a column for each that says whether
            it is there. All others first map each modality to `fused_dim` by a dense layer (nothing is padded or cut)
            and join those that are there element by element; `"gated"` is their mean weighted by a softmax over
            learned scores, `"attention"` is `AdaptiveFusion`, whose scores see the mapped vectors.
        fused_dim: width of an element-wise fusion.
        momentum: see `ResidualBlock`.
    """

    classes: int
    widths: tuple[int, ...] = (256, 128, 128, 256, 512)
    dropout: float = 0.5
    fusion: ModalityFusion = "concat"
    fused_dim: int = 256
    momentum: float = 0.9

    @nn.compact
    def __call__(
        self,
        inputs: Mapping[str, Float[Array, "batch _"]],
        masks: Mapping[str, Bool[Array, " batch"]] | None = None,
        row_mask: Bool[Array, " batch"] | None = None,
        train: bool = False,
    ) -> Float[Array, "batch classes"]:
        """Logits.

        Args:
            inputs: modality → `[batch, d]`, with any d.
            masks: modality → `[batch]` bool, True where a row has it; a modality without a mask is always there.
            row_mask: `[batch]`, rows that count in batch norm's statistics; None: all.
            train: whether dropout is on (rng stream `"dropout"`) and statistics are those of the batch.

        Raises:
            ValueError: an unknown fusion, no modality, or a mask of an unknown one.
        """
        if self.fusion not in MODALITY_FUSIONS:
            raise ValueError(f"fusion={self.fusion!r} is none of {MODALITY_FUSIONS}")
        if not inputs or (unknown := set(masks or {}) - set(inputs)):
            raise ValueError(f"masks of {sorted(unknown)}, inputs {sorted(inputs)}" if inputs else "no modality")
        # Before any layer: behind it, a hidden NaN would still reach the gradient as 0 · NaN.
        hidden = {name: jnp.where(mask[:, None], inputs[name], 0) for name, mask in (masks or {}).items()}
        x = self._fuse({**inputs, **hidden}, masks or {})
        for width in self.widths:
            x = nn.Dense(width)(x)
            x = ResidualBlock(self.dropout, self.momentum)(x, row_mask, train)
        return nn.Dense(self.classes)(x)

    def _fuse(self, inputs: Mapping[str, Array], masks: Mapping[str, Array]) -> Array:
        names = sorted(inputs)
        if self.fusion == "concat":
            columns = [masks[name][:, None].astype(inputs[name].dtype) for name in names if name in masks]
            return jnp.concatenate([*(inputs[name] for name in names), *columns], axis=-1)
        rows = inputs[names[0]].shape[0]
        everywhere = jnp.ones(rows, bool)
        there = jnp.stack([masks.get(name, everywhere) for name in names])[..., None]
        if self.fusion == "attention":
            return AdaptiveFusion(self.fused_dim, name="attention")(
                inputs, dict(zip(names, there[..., 0], strict=True))
            )[0]
        mapped = jnp.stack([nn.Dense(self.fused_dim, name=f"map_{name}")(inputs[name]) for name in names])
        if self.fusion == "gated":
            scores = jnp.stack([nn.Dense(1, name=f"gate_{name}")(inputs[name]) for name in names])
            return (masked_softmax(scores, there) * mapped).sum(0)
        if self.fusion == "product":
            joined = jnp.where(there, mapped, 1).prod(0)
        elif self.fusion == "min":
            joined = jnp.where(there, mapped, jnp.inf).min(0)
        elif self.fusion == "max":
            joined = jnp.where(there, mapped, -jnp.inf).max(0)
        else:
            joined = jnp.where(there, mapped, 0).sum(0)
            if self.fusion == "average":
                joined = joined / jnp.maximum(there.sum(0), 1)
        return jnp.where(there.any(0), joined, 0)
