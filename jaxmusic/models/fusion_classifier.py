"""Genre from several modalities: fusion and a residual net."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import flax.linen as nn
import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float

FEATURE_FUSIONS = ("concat", "add", "multiply", "min", "max", "mean", "gated")


class FusionClassifier(nn.Module):
    """Dense layers with residual blocks over fused modalities.

    Source: "Multimodal Fusion Genre-Based Music Recommender", §3.2 and figures 1 to 3: hidden sizes 256, 128, 128, 256
    and 512, each followed by a residual block, batch normalisation, ReLU, dropout. The block is drawn, not written: we
    take Dense → BatchNorm → ReLU → Dropout → Dense → BatchNorm, added to its input, ReLU.

    Attributes:
        classes: number of classes.
        widths: of the hidden layers.
        dropout: in the residual blocks and before the last layer, in training, from the rng stream `"dropout"`.
        fusion: `"concat"` sets the modalities side by side (an absent one as zeros). The others bring each to one width
            by a linear layer and combine what is present element by element: `"add"`, `"multiply"`, `"min"`, `"max"`,
            `"mean"`, or `"gated"`, a mean weighted by a softmax over the modalities. The document names padding or
            cutting instead, which it warns loses features.
        fused_width: of what is combined element by element.
    """

    classes: int
    widths: Sequence[int] = (256, 128, 128, 256, 512)
    dropout: float = 0.5
    fusion: str = "concat"
    fused_width: int = 256

    @nn.compact
    def __call__(
        self,
        inputs: Mapping[str, Float[Array, "batch _"]],
        masks: Mapping[str, Bool[Array, " batch"]] | None = None,
        rows: Bool[Array, " batch"] | None = None,
        *,
        train: bool = False,
    ) -> Float[Array, "batch classes"]:
        """Logits.

        Args:
            inputs: modality → `[batch, features]`.
            masks: modality → `[batch]`, True where the row has it; None: every row has all.
            rows: `[batch]`, False on filler rows, which must not count in the batch's statistics.
            train: dropout, and batch statistics in place of the running ones.
        """
        h = self._fuse(inputs, masks)

        def normalized(x: Array) -> Array:
            mask = None if rows is None else rows[:, None]
            return nn.BatchNorm(use_running_average=not train, momentum=0.9)(x, mask=mask)

        for width in self.widths:
            h = nn.relu(normalized(nn.Dense(width)(h)))
            block = nn.relu(normalized(nn.Dense(width)(h)))
            block = nn.Dropout(self.dropout, deterministic=not train)(block)
            h = nn.relu(h + normalized(nn.Dense(width)(block)))
        h = nn.Dropout(self.dropout, deterministic=not train)(h)
        return nn.Dense(self.classes)(h)

    def _fuse(self, inputs: Mapping[str, Array], masks: Mapping[str, Array] | None) -> Array:
        if self.fusion not in FEATURE_FUSIONS:
            raise ValueError(f"fusion {self.fusion!r} is none of {FEATURE_FUSIONS}")
        if not inputs:
            raise ValueError("inputs must hold at least one modality")
        names = sorted(inputs)
        batch = len(inputs[names[0]])
        for name in names:
            if inputs[name].ndim != 2 or len(inputs[name]) != batch:
                raise ValueError(f"modality {name!r} has shape {inputs[name].shape}, not [{batch}, features]")
        if masks is not None and (missing := set(names) - set(masks)):
            raise ValueError(f"no mask for {sorted(missing)}: give each modality a bool array [batch]")
        present = [jnp.ones(batch, bool) if masks is None else jnp.asarray(masks[name], bool) for name in names]
        # What an absent modality holds must not matter, not even as NaN.
        x = [jnp.where(here[:, None], inputs[name], 0.0) for name, here in zip(names, present, strict=True)]
        if self.fusion == "concat":
            return jnp.concatenate(x, axis=-1)
        h = jnp.stack([nn.Dense(self.fused_width, name=f"project_{name}")(v) for name, v in zip(names, x, strict=True)])
        here = jnp.stack(present)[..., None]
        count = jnp.maximum(here.sum(0), 1)
        any_here = here.any(0)
        if self.fusion == "multiply":
            return jnp.where(any_here, jnp.where(here, h, 1.0).prod(0), 0.0)
        if self.fusion in ("min", "max"):
            extreme = jnp.inf if self.fusion == "min" else -jnp.inf
            combine = jnp.min if self.fusion == "min" else jnp.max
            return jnp.where(any_here, combine(jnp.where(here, h, jnp.where(any_here, extreme, 0.0)), axis=0), 0.0)
        total = jnp.where(here, h, 0.0).sum(0)
        if self.fusion == "gated":
            scores = jnp.stack([nn.Dense(1, name=f"gate_{name}")(v) for name, v in zip(names, h, strict=True)])
            gates = jax.nn.softmax(jnp.where(here, scores, -1e9), axis=0)
            return jnp.where(here, gates * h, 0.0).sum(0)
        return total if self.fusion == "add" else total / count
