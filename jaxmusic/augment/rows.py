"""Transforms of rows as wholes: which modalities they have, which rows are mixed, which are changed at all."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import KW_ONLY, dataclass
from typing import Any

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Int

from jaxmusic.augment.entries import along_rows, find, replaced

Transform = Callable[[Array, Mapping[str, Any]], dict[str, Any]]
"""A transform: `(key, batch) -> batch`; those of this module, or any traceable function."""


@dataclass(frozen=True)
class Compose:
    """Transforms one after the other; the i-th draws from `fold_in(key, i)`.

    Attributes:
        transforms: applied in this order.
    """

    transforms: Sequence[Transform]

    def __post_init__(self) -> None:
        # A list could not be hashed.
        object.__setattr__(self, "transforms", tuple(self.transforms))

    def __call__(self, key: Array, batch: Mapping[str, Any]) -> dict[str, Any]:
        for i, transform in enumerate(self.transforms):
            batch = transform(jax.random.fold_in(key, i), batch)
        return dict(batch)


@dataclass(frozen=True)
class RandomApply:
    """A transform on some of the rows, each with the same probability; the others stay as they are.

    A transform that changes the shape or dtype of an entry (`RandomCrop`, `MixUp`) is refused: rows must stay alike.

    Attributes:
        transform: applied to the rows that are drawn.
        probability: of each row, 0 to 1.
    """

    transform: Transform
    probability: float

    def __post_init__(self) -> None:
        _check_rate("RandomApply.probability", self.probability)

    def __call__(self, key: Array, batch: Mapping[str, Any]) -> dict[str, Any]:
        row_key, own_key = jax.random.split(key)
        changed = self.transform(own_key, batch)
        before, after = (
            {jax.tree_util.keystr(path) for path, _ in jax.tree_util.tree_leaves_with_path(tree)}
            for tree in (dict(batch), changed)
        )
        if before != after:
            raise ValueError(
                f"{self.transform} adds or removes {sorted(before ^ after)}: it cannot be applied to some rows alone"
            )

        def choose(path: Any, old: Array, new: Array) -> Array:
            if new is old or old.ndim == 0:
                return new
            if (old.shape, old.dtype) != (new.shape, new.dtype):
                raise ValueError(
                    f"{self.transform} makes batch{jax.tree_util.keystr(path)} {new.dtype}{list(new.shape)} of "
                    f"{old.dtype}{list(old.shape)}: it cannot be applied to some rows alone"
                )
            # The same rows for every entry.
            drawn = jax.random.bernoulli(row_key, self.probability, (len(old),))
            return jnp.where(along_rows(drawn, old), new, old)

        return jax.tree_util.tree_map_with_path(choose, dict(batch), changed)


@dataclass(frozen=True)
class ModalityDropout:
    """Mark modalities as absent at random, never the last one of a row: only `batch["masks"]` changes.

    Each present modality is drawn with probability `rate`; where that would leave a row without any, one of its own,
    equally likely, stays. Of n present modalities each is dropped with probability rate − rateⁿ / n. A loss that reads
    the masks counts no term of a dropped modality.

    Source: Neverova et al. (2016), "ModDrop"; sub-sampled modalities as in Wu and Goodman (2018).

    Attributes:
        rate: 0 to 1; 1 leaves one modality of each row.
        modalities: names in `batch["masks"]`; None for all whose mask is `[batch]` (one of frames is no modality's).
    """

    rate: float
    modalities: Sequence[str] | None = None

    def __post_init__(self) -> None:
        _check_rate("ModalityDropout.rate", self.rate)
        if self.modalities is not None:
            object.__setattr__(self, "modalities", tuple(self.modalities))

    def __call__(self, key: Array, batch: Mapping[str, Any]) -> dict[str, Any]:
        masks = find(batch, "masks")
        names = self.modalities
        if names is None:
            names = tuple(sorted(name for name, mask in masks.items() if mask.ndim == 1))
        if len(names) < 2:
            raise ValueError(f"ModalityDropout needs two modalities or more, and has {list(names)} of batch['masks']")
        wrong = [name for name in names if name not in masks or masks[name].ndim != 1 or masks[name].dtype != bool]
        if wrong:
            raise ValueError(f"batch['masks'] has no [batch] bool array for {wrong}; its names are {sorted(masks)}")
        present = jnp.stack([masks[name] for name in names])
        draws = jax.random.uniform(key, present.shape)
        # The largest draw of a row stays whatever the rate: where all are below it, each is the largest equally often.
        largest = jnp.where(present, draws, -1.0).max(0)
        kept = present & ((draws >= self.rate) | (draws == largest))
        return {**batch, "masks": {**masks, **dict(zip(names, kept, strict=True))}}


@dataclass(frozen=True)
class MixUp:
    """Convex combinations of pairs of rows and of their labels: λ · xᵢ + (1 − λ) · xⱼ with λ ~ Beta(alpha, alpha).

    Partners are a permutation of the batch's real rows (`"row_mask"`), λ is drawn for each row. The labels, `[batch]`
    int, become `[batch, classes]` float32 probabilities, λ · onehot(yᵢ) + (1 − λ) · onehot(yⱼ), which
    `losses.cross_entropy` takes as it takes classes; an unknown label, −1, becomes a row of zeros, any other that is no
    class a row of NaN, which the losses do not take for an unknown one. A row and a partner of which one lacks a
    modality or a label that the other has are not mixed. Masks of frames stay the row's own.

    Source: Zhang et al. (2018), "mixup: Beyond Empirical Risk Minimization".

    Attributes:
        alpha: of the Beta distribution, above 0; the source takes 0.1 to 0.4 on ImageNet; 1 is uniform.
        classes: number of classes.
        entry: a floating-point array `[batch, …]`, or a dict of them, all mixed with the same λ.
        labels: key of the batch that holds `[batch]` int classes.
    """

    alpha: float
    classes: int
    _: KW_ONLY
    entry: str | tuple[str, ...] = "inputs"
    labels: str = "labels"

    def __post_init__(self) -> None:
        if not 0 < self.alpha < math.inf:
            raise ValueError(f"MixUp.alpha {self.alpha} is not a number above 0")
        if self.classes < 1:
            raise ValueError(f"MixUp.classes {self.classes} is not a number of classes")

    def __call__(self, key: Array, batch: Mapping[str, Any]) -> dict[str, Any]:
        inputs, labels = find(batch, self.entry), find(batch, self.labels)
        if labels.ndim != 1 or not jnp.issubdtype(labels.dtype, jnp.integer):
            raise ValueError(f"entry {self.labels!r} is {labels.dtype}{list(labels.shape)}, not [batch] int classes")
        for path, leaf in jax.tree_util.tree_leaves_with_path(inputs):
            if not jnp.issubdtype(leaf.dtype, jnp.floating):
                where = f"{self.entry!r}{jax.tree_util.keystr(path)}"
                raise ValueError(f"entry {where} is {leaf.dtype}: only floating-point arrays can be mixed")
        partner_key, weight_key = jax.random.split(key)
        own = jnp.arange(len(labels))
        partner = _partners(partner_key, batch.get("row_mask", jnp.ones(len(labels), bool)))
        alike = (labels >= 0) == (labels[partner] >= 0)
        for mask in batch.get("masks", {}).values():
            alike &= mask == mask[partner] if mask.ndim == 1 else True
        partner = jnp.where(alike, partner, own)
        weight = jnp.where(partner == own, 1.0, jax.random.beta(weight_key, self.alpha, self.alpha, own.shape))

        def mix(x: Array) -> Array:
            share = along_rows(weight, x).astype(x.dtype)
            return share * x + (1 - share) * x[partner]

        mixed = replaced(batch, self.entry, jax.tree.map(mix, inputs))
        outside = (labels < -1) | (labels >= self.classes)
        one_hot = jnp.where(outside[:, None], jnp.nan, jax.nn.one_hot(labels, self.classes, dtype=jnp.float32))
        return {**mixed, self.labels: mix(one_hot)}


def _partners(key: Array, row_mask: Bool[Array, " batch"]) -> Int[Array, " batch"]:
    """A random permutation of the rows whose mask is True; the others are their own partners."""
    draws = jnp.where(row_mask, jax.random.uniform(key, row_mask.shape), 2.0)
    # Both sorts are stable and put filler rows last, in their order; the i-th real row gets the i-th shuffled one.
    shuffled, real_first = jnp.argsort(draws), jnp.argsort(~row_mask)
    return shuffled[jnp.argsort(real_first)]


def _check_rate(name: str, rate: float) -> None:
    if not 0 <= rate <= 1:
        raise ValueError(f"{name} {rate} is not between 0 and 1")
