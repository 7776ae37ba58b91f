"""Genre from lyrics, from metadata and from both: three small classifiers.

Source: "Deep Music Genre Classification" (2025), sections "Lyrical Classification", "Engineered Features
Classification" and "Combined Feature Classification". At its sizes they have 977,924, 782 and 978,090 parameters.
Weights start as PyTorch's layers do, which the document used: embeddings from N(0, 1), linear layers uniform within
±1/√(inputs).
"""

from __future__ import annotations

from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Int

from jaxmusic.models.token_parts import kept_pads, token_activation
from jaxmusic.models.token_pooling import token_sum

_METADATA_WIDTHS = (18, 12, 8)
_uniform_kernel = nn.initializers.variance_scaling(1 / 3, "fan_in", "uniform")


class TokenMean(nn.Module):
    """Mean over a song's positions of dropout(relu(Linear(embedding))), or of relu(embedding).

    Adam leaves an embedding row without gradients where it is, so rows that no training text uses need no optimiser:
    with `trained_rows` only the first of them are parameters, the others lie in the collection `"resting"`. Training
    then reads the first rows alone.

    Attributes:
        vocabulary_size: token ids; the table has one row more, as the document's.
        embedding_dim: width.
        has_linear: whether a linear layer follows the embedding.
        dropout: after the ReLU, in training.
        positions: that the mean runs over, padding included.
        mask_padding: average over the real tokens instead.
        trained_rows: rows that are parameters; None: all.
        embedding_scale: standard deviation of the embedding at the start.
    """

    vocabulary_size: int
    embedding_dim: int = 32
    has_linear: bool = True
    dropout: float = 0.0
    positions: int = 512
    mask_padding: bool = False
    trained_rows: int | None = None
    embedding_scale: float = 1.0

    @nn.compact
    def __call__(
        self, tokens: Int[Array, "batch width"], lengths: Int[Array, " batch"], *, train: bool, drop: bool
    ) -> Float[Array, "batch dim"]:
        """Pool `tokens` `[batch, width]`, `lengths` `[batch]` of which are real; 0 is the padding's id."""
        rows, dim = self.vocabulary_size + 1, self.embedding_dim
        trained = min(self.trained_rows or rows, rows)
        normal = nn.initializers.normal(self.embedding_scale)
        table = self.param("embedding", normal, (trained, dim))
        rest = None
        if trained < rows:
            # By a name of its own: in NNX the collections share one tree of names.
            rest = self.variable("resting", "rest", lambda: normal(self.make_rng("params"), (rows - trained, dim)))
        weights = None
        if self.has_linear:
            kernel = self.param("kernel", _uniform_kernel, (dim, dim))
            weights = (kernel, self.param("bias", _uniform_bias(dim), (dim,)))
        drops = drop and self.dropout > 0
        of_tokens, of_pads = jax.random.split(self.make_rng("dropout")) if drops else (None, None)
        resting = None if train or rest is None else rest.value
        total = token_sum(table, resting, weights, tokens, lengths, dropout=self.dropout, key=of_tokens)
        if self.mask_padding:
            return total / jnp.maximum(lengths, 1)[:, None]
        pads = self.positions - lengths
        counts = jnp.broadcast_to(pads[:, None], total.shape).astype(total.dtype)
        if of_pads is not None:
            kept = kept_pads(of_pads, pads, dim, dropout=self.dropout, longest=self.positions)
            counts = kept / (1 - self.dropout)
        return (total + counts * token_activation(table[:1], weights)) / self.positions


class LyricsClassifier(nn.Module):
    """Token embedding → linear → ReLU → dropout → mean over all positions → linear.

    Attributes:
        vocabulary_size: token ids.
        classes: genres.
        embedding_dim, dropout, positions, mask_padding, trained_rows, embedding_scale: see `TokenMean`.
    """

    vocabulary_size: int
    classes: int = 4
    embedding_dim: int = 32
    dropout: float = 0.2
    positions: int = 512
    mask_padding: bool = False
    trained_rows: int | None = None
    embedding_scale: float = 1.0

    @nn.compact
    def __call__(
        self,
        tokens: Int[Array, "batch width"],
        lengths: Int[Array, " batch"],
        train: bool = False,
        drop: bool | None = None,
    ) -> Float[Array, "batch classes"]:
        """Logits.

        Args:
            tokens: `[batch, width]` int32 ids, below `trained_rows` in training.
            lengths: `[batch]` int32, tokens that are real; what stands behind them is padding.
            train: whether only the trained rows are read.
            drop: whether dropout is on, which takes the rng stream `"dropout"`; None: in training only.

        Returns:
            `[batch, classes]`.
        """
        pooled = TokenMean(
            self.vocabulary_size,
            self.embedding_dim,
            dropout=self.dropout,
            positions=self.positions,
            mask_padding=self.mask_padding,
            trained_rows=self.trained_rows,
            embedding_scale=self.embedding_scale,
            name="tokens",
        )(tokens, lengths, train=train, drop=train if drop is None else drop)
        return _linear(self.classes, self.embedding_dim)(pooled)


class MetadataClassifier(nn.Module):
    """Features → 18 → 12 → 8 → classes, with ReLU between.

    Attributes:
        classes: genres.
        widths: of the hidden layers.
    """

    classes: int = 4
    widths: tuple[int, ...] = _METADATA_WIDTHS

    @nn.compact
    def __call__(self, features: Float[Array, "batch features"]) -> Float[Array, "batch classes"]:
        """Logits.

        Args:
            features: `[batch, features]`.

        Returns:
            `[batch, classes]`.
        """
        return _layers(features, (*self.widths, self.classes))


class CombinedClassifier(nn.Module):
    """Features → 18 → 12 → 8 beside token embedding → ReLU → mean → linear 8; then 16 → 12 → 8 → classes.

    Attributes:
        vocabulary_size: token ids.
        classes: genres.
        widths: of the features' branch; its last layer and the lyrics' have no ReLU.
        head_widths: hidden layers behind the two branches.
        embedding_dim, positions, mask_padding, trained_rows, embedding_scale: see `TokenMean`.
    """

    vocabulary_size: int
    classes: int = 4
    embedding_dim: int = 32
    widths: tuple[int, ...] = _METADATA_WIDTHS
    head_widths: tuple[int, ...] = (12, 8)
    positions: int = 512
    mask_padding: bool = False
    trained_rows: int | None = None
    embedding_scale: float = 1.0

    @nn.compact
    def __call__(
        self,
        tokens: Int[Array, "batch width"],
        lengths: Int[Array, " batch"],
        features: Float[Array, "batch features"],
        train: bool = False,
    ) -> Float[Array, "batch classes"]:
        """Logits.

        Args:
            tokens: see `LyricsClassifier`.
            lengths: see `LyricsClassifier`.
            features: `[batch, features]`.
            train: whether only the trained rows are read.

        Returns:
            `[batch, classes]`.
        """
        pooled = TokenMean(
            self.vocabulary_size,
            self.embedding_dim,
            has_linear=False,
            positions=self.positions,
            mask_padding=self.mask_padding,
            trained_rows=self.trained_rows,
            embedding_scale=self.embedding_scale,
            name="tokens",
        )(tokens, lengths, train=train, drop=False)
        of_lyrics = _linear(self.widths[-1], self.embedding_dim)(pooled)
        of_features = _layers(features, self.widths)
        return _layers(jnp.concatenate([of_lyrics, of_features], -1), (*self.head_widths, self.classes))


def _layers(x: Array, widths: tuple[int, ...]) -> Array:
    """Linear layers with ReLU between, none behind the last."""
    for i, width in enumerate(widths):
        x = _linear(width, x.shape[-1])(jax.nn.relu(x) if i else x)
    return x


def _linear(width: int, inputs: int) -> nn.Dense:
    return nn.Dense(width, kernel_init=_uniform_kernel, bias_init=_uniform_bias(inputs))


def _uniform_bias(inputs: int) -> Any:
    bound = inputs**-0.5
    return lambda key, shape, dtype=jnp.float32, **_: jax.random.uniform(key, shape, dtype, -bound, bound)
