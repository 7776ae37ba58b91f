"""BERT and what came of it in one module: token ids → hidden states and one vector per text."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any, Literal, NamedTuple, get_args

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float, Int

from jaxmusic.text.transformer_config import ACTIVATIONS, TransformerConfig

Pooling = Literal["cls", "mean", "max", "pooler"]
_INITIAL = nn.initializers.normal(0.02)
_ACTIVATIONS: dict[str, Callable[[Array], Array]] = {
    "gelu": partial(nn.gelu, approximate=False),
    "gelu_tanh": partial(nn.gelu, approximate=True),
    "quick_gelu": lambda x: x * nn.sigmoid(1.702 * x),
    "relu": nn.relu,
    "silu": nn.silu,
    "tanh": jnp.tanh,
}


class TextTransformerOutput(NamedTuple):
    """What `TextTransformer` returns.

    Attributes:
        last_hidden_state: `[batch, length, hidden_size]`, in the module's `dtype`.
        pooled: `[batch, hidden_size]` float32.
    """

    last_hidden_state: Float[Array, "batch length hidden"]
    pooled: Float[Array, "batch hidden"]


class TextTransformer(nn.Module):
    """A BERT-like encoder with post-LayerNorm: BERT, DistilBERT, RoBERTa, XLM-R, CamemBERT, MPNet.

    Attributes:
        config: its sizes; `text.load_pretrained(folder).config` for a pretrained one.
        pooling: `"cls"` (the first token's state), `"mean"` or `"max"` over the tokens that the mask keeps, or
            `"pooler"` (BERT's dense layer and tanh on the first token's state).
        normalize: divide the pooled vector by its L2 norm.
        scan_layers: one compiled layer in a `lax.scan` over stacked parameters (`stack_layers`) instead of a loop:
            quicker to compile; the same numbers.
        remat: recompute each layer in the backward pass (`jax.checkpoint`), which saves memory.
        dropout_rate: of embeddings, attention weights and both sublayers, with `train=True`.
        dtype: of the activations; parameters, LayerNorm statistics, softmax and pooling stay float32.
        attention: `implementation` of `jax.nn.dot_product_attention`: `"xla"`, `"cudnn"` (half precision on NVIDIA
            GPUs) or None to let JAX choose.

    Source: Devlin et al., BERT (2019), section 3; Liu et al., RoBERTa (2019); Conneau et al., XLM-R (2020); Sanh et
    al., DistilBERT (2019); Song et al., MPNet (2020), whose relative positions are T5's (Raffel et al. 2020). The
    conventions (names of sizes, positions of RoBERTa) are those of Hugging Face's checkpoints.
    """

    config: TransformerConfig
    pooling: Pooling = "mean"
    normalize: bool = False
    scan_layers: bool = False
    remat: bool = False
    dropout_rate: float = 0.0
    dtype: Any = jnp.float32
    attention: Literal["xla", "cudnn"] | None = None

    @nn.compact
    def __call__(
        self,
        input_ids: Int[Array, "batch length"],
        attention_mask: Bool[Array, "batch length"] | None = None,
        token_type_ids: Int[Array, "batch length"] | None = None,
        *,
        train: bool = False,
    ) -> TextTransformerOutput:
        """Encode a batch.

        Args:
            input_ids: `[batch, length]` token ids below `vocab_size`.
            attention_mask: `[batch, length]`, true on tokens; None: wherever the id is not the padding id.
            token_type_ids: `[batch, length]`; None: all 0.
            train: apply dropout, from the rng stream `"dropout"`.

        Returns:
            `TextTransformerOutput`. The pooled vector of a row without any token is zero.

        Raises:
            ValueError: the batch is longer than `config.max_length`, or `pooling` is unknown.
        """
        config = self.config
        if self.pooling not in get_args(Pooling):
            raise ValueError(f"pooling {self.pooling!r} is none of {get_args(Pooling)}")
        if input_ids.shape[1] > config.max_length:
            raise ValueError(f"{input_ids.shape[1]} tokens, but the model has {config.max_length} positions: truncate")
        mask = input_ids != config.pad_token_id if attention_mask is None else attention_mask.astype(bool)
        x = self._embed(input_ids, token_type_ids)
        bias = self._relative_positions(input_ids.shape[1])
        x = nn.Dropout(self.dropout_rate, deterministic=not train)(x)
        layer: Any = nn.remat(TransformerLayer, static_argnums=(3,)) if self.remat else TransformerLayer
        options = (config, self.dropout_rate, self.dtype, self.attention)
        if self.scan_layers:
            scanned = nn.scan(
                _ScannedLayer,
                variable_axes={"params": 0},
                split_rngs={"params": True, "dropout": True},
                in_axes=(nn.broadcast, nn.broadcast, nn.broadcast),
                length=config.num_hidden_layers,
            )
            x, _ = scanned(layer, options, name="layers")(x, mask, train, bias)
        else:
            for i in range(config.num_hidden_layers):
                x = layer(*options, name=f"layer_{i}")(x, mask, train, bias)
        return TextTransformerOutput(x, self._pool(x, mask))

    def _embed(self, input_ids: Array, token_type_ids: Array | None) -> Array:
        config, width = self.config, self.config.hidden_size

        def table(name: str, rows: int) -> Array:
            return self.param(name, _INITIAL, (rows, width))

        positions = table("position_embedding", config.max_position_embeddings)
        x = table("word_embedding", config.vocab_size)[input_ids]
        if config.position_offset:
            # Padding has the padding id's position and does not count, wherever it stands.
            is_token = input_ids != config.pad_token_id
            x += positions[jnp.cumsum(is_token, axis=1) * is_token + config.pad_token_id]
        else:
            x += positions[: input_ids.shape[1]]
        if config.type_vocab_size:
            types = table("token_type_embedding", config.type_vocab_size)
            x += types[0] if token_type_ids is None else types[token_type_ids]
        elif token_type_ids is not None:
            raise ValueError(f"{config.model_type} has no token types: leave token_type_ids away")
        return _layer_norm(config, self.dtype, "embedding_norm")(x)

    def _relative_positions(self, length: int) -> Float[Array, "1 heads length length"] | None:
        """What MPNet adds to every layer's attention scores, by the distance of key and query."""
        config = self.config
        if not config.relative_attention_num_buckets:
            return None
        shape = config.relative_attention_num_buckets, config.num_attention_heads
        table = self.param("relative_attention_bias", _INITIAL, shape)
        places = np.arange(length)
        buckets = _position_buckets(places[None, :] - places[:, None], config.relative_attention_num_buckets)
        return jnp.moveaxis(table[buckets], -1, 0)[None].astype(self.dtype)

    def _pool(self, x: Array, mask: Array) -> Array:
        x = x.astype(jnp.float32)
        kept, any_token = mask[..., None], mask.any(axis=1)[:, None]
        if self.pooling == "mean":
            pooled = jnp.where(kept, x, 0).sum(1) / jnp.maximum(kept.sum(1), 1)
        elif self.pooling == "max":
            pooled = jnp.where(any_token, jnp.where(kept, x, -jnp.inf).max(1), 0)
        else:
            pooled = x[:, 0]
            if self.pooling == "pooler":
                pooled = jnp.tanh(nn.Dense(self.config.hidden_size, kernel_init=_INITIAL, name="pooler")(pooled))
            pooled = jnp.where(any_token, pooled, 0)
        if self.normalize:
            # The square root of a sum that is never 0 has a finite gradient for empty rows too.
            pooled = pooled * jax.lax.rsqrt(jnp.maximum(jnp.square(pooled).sum(-1, keepdims=True), 1e-24))
        return pooled


class TransformerLayer(nn.Module):
    """Self-attention and a feed-forward part, each added to its input and then normalised."""

    config: TransformerConfig
    dropout_rate: float = 0.0
    dtype: Any = jnp.float32
    attention: Literal["xla", "cudnn"] | None = None

    @nn.compact
    def __call__(
        self,
        x: Float[Array, "batch length hidden"],
        mask: Bool[Array, "batch length"],
        train: bool,
        bias: Float[Array, "1 heads length length"] | None = None,
    ) -> Array:
        """`[batch, length, hidden_size]` → the same shape; no token attends to those that the mask leaves out, and the
        bias is added to every score."""
        config = self.config
        heads = (config.num_attention_heads, config.hidden_size // config.num_attention_heads)

        def dense(features: int, name: str) -> nn.Dense:
            return nn.Dense(features, dtype=self.dtype, kernel_init=_INITIAL, name=name)

        def dropout(y: Array) -> Array:
            return nn.Dropout(self.dropout_rate, deterministic=not train)(y)

        query, key, value = (
            dense(config.hidden_size, name)(x).reshape(*x.shape[:2], *heads) for name in ("query", "key", "value")
        )
        if train and self.dropout_rate:
            attended = self._attention_with_dropout(query, key, value, mask, bias, dropout)
        else:
            attended = jax.nn.dot_product_attention(
                query, key, value, bias, mask[:, None, None, :], implementation=self.attention
            )
        attended = dropout(dense(config.hidden_size, "attention_output")(attended.reshape(x.shape)))
        x = _layer_norm(config, self.dtype, "attention_norm")(x + attended)
        inner = _ACTIVATIONS[ACTIVATIONS[config.hidden_act]](dense(config.intermediate_size, "intermediate")(x))
        return _layer_norm(config, self.dtype, "output_norm")(x + dropout(dense(config.hidden_size, "output")(inner)))

    def _attention_with_dropout(
        self, query: Array, key: Array, value: Array, mask: Array, bias: Array | None, dropout: Any
    ) -> Array:
        # `dot_product_attention` has no dropout of the weights.
        scores = jnp.einsum("bqhd,bkhd->bhqk", query, key).astype(jnp.float32) / jnp.sqrt(query.shape[-1])
        scores = scores if bias is None else scores + bias
        weights = jax.nn.softmax(jnp.where(mask[:, None, None, :], scores, jnp.finfo(jnp.float32).min))
        return jnp.einsum("bhqk,bkhd->bqhd", dropout(weights).astype(value.dtype), value)


class _ScannedLayer(nn.Module):
    """A layer in the form that `nn.scan` wants: the carry and nothing else comes back."""

    layer: Any
    options: tuple[Any, ...]

    @nn.compact
    def __call__(self, x: Array, mask: Array, train: bool, bias: Array | None) -> tuple[Array, None]:
        return self.layer(*self.options, name="layer")(x, mask, train, bias), None


def _position_buckets(distance: Int[np.ndarray, "n n"], count: int) -> Int[np.ndarray, "n n"]:
    """Buckets of distances: half for each direction, a bucket for each short one, the rest by the logarithm to 128."""
    half = count // 2
    short = half // 2
    size = np.abs(distance)
    # In float32, as the checkpoints' own code rounds it.
    ratio = np.log(np.maximum(size, 1).astype(np.float32) / short) / np.log(np.float32(128 / short))
    long = np.minimum(short + (ratio * (half - short)).astype(np.int32), half - 1)
    return np.where(distance > 0, half, 0) + np.where(size < short, size, long)


def _layer_norm(config: TransformerConfig, dtype: Any, name: str) -> nn.LayerNorm:
    # The two-pass variance: E[x²] − E[x]² loses digits that parity at 1e-5 needs.
    return nn.LayerNorm(epsilon=config.layer_norm_eps, dtype=dtype, use_fast_variance=False, name=name)


def stack_layers(params: Any) -> dict[str, Any]:
    """Parameters of `scan_layers=False` → those of `scan_layers=True`: every layer's leaf on a new first axis.

    Args:
        params: of a `TextTransformer` (`variables["params"]`).

    Returns:
        A copy; the leaves' values are the same.

    Raises:
        ValueError: no layers of that form.
    """
    names = sorted((name for name in params if name.startswith("layer_")), key=lambda name: int(name[6:]))
    if not names:
        raise ValueError(f"no layer_0, layer_1, … among {sorted(params)}")
    rest = {name: value for name, value in params.items() if name not in names}
    stacked = jax.tree.map(lambda *leaves: jnp.stack(leaves), *(params[name] for name in names))
    return {**rest, "layers": {"layer": stacked}}


def unstack_layers(params: Any) -> dict[str, Any]:
    """The inverse of `stack_layers`.

    Args:
        params: of a `TextTransformer` with `scan_layers=True`.

    Returns:
        A copy, one entry `layer_i` for each layer.

    Raises:
        ValueError: no layers of that form.
    """
    if "layers" not in params:
        raise ValueError(f"no stacked layers among {sorted(params)}")
    stacked = params["layers"]["layer"]
    count = len(jax.tree.leaves(stacked)[0])
    rest = {name: value for name, value in params.items() if name != "layers"}
    return {**rest, **{f"layer_{i}": jax.tree.map(lambda x, i=i: x[i], stacked) for i in range(count)}}
