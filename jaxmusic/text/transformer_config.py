"""The sizes of a BERT-like encoder, as its `config.json` states them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

# Model types whose positions start behind the padding id (fairseq's convention).
_OFFSET_TYPES = ("roberta", "xlm-roberta")
MODEL_TYPES = ("bert", *_OFFSET_TYPES)
_REQUIRED = ("vocab_size", "hidden_size", "num_hidden_layers", "num_attention_heads", "intermediate_size")
# What the architecture fixes: another value in config.json is another architecture.
_FIXED = {"hidden_act": "gelu", "position_embedding_type": "absolute", "is_decoder": False}


@dataclass(frozen=True)
class TransformerConfig:
    """BERT, RoBERTa or XLM-R; the fields have the names and defaults of the hub's `config.json`.

    Attributes:
        model_type: `"bert"`, `"roberta"` or `"xlm-roberta"`; the last two number positions from `pad_token_id + 1`.
        vocab_size: rows of the word embedding.
        hidden_size: width of the hidden states, a multiple of `num_attention_heads`.
        num_hidden_layers: layers.
        num_attention_heads: heads of each layer.
        intermediate_size: width inside the feed-forward part.
        max_position_embeddings: rows of the position embedding.
        type_vocab_size: rows of the token type embedding.
        layer_norm_eps: ε of every LayerNorm.
        pad_token_id: the id of padding.
    """

    model_type: str = "bert"
    vocab_size: int = 30_522
    hidden_size: int = 768
    num_hidden_layers: int = 12
    num_attention_heads: int = 12
    intermediate_size: int = 3072
    max_position_embeddings: int = 512
    type_vocab_size: int = 2
    layer_norm_eps: float = 1e-12
    pad_token_id: int = 0

    def __post_init__(self) -> None:
        if self.model_type not in MODEL_TYPES:
            raise ValueError(f"model_type {self.model_type!r} is none of {MODEL_TYPES}")
        if self.hidden_size % self.num_attention_heads:
            raise ValueError(
                f"hidden_size {self.hidden_size} is no multiple of num_attention_heads {self.num_attention_heads}"
            )

    @property
    def position_offset(self) -> int:
        """The position of a text's first token."""
        return self.pad_token_id + 1 if self.model_type in _OFFSET_TYPES else 0

    @property
    def max_length(self) -> int:
        """Tokens of a text at most."""
        return self.max_position_embeddings - self.position_offset

    @classmethod
    def from_json(cls, values: Mapping[str, Any], where: str = "config.json") -> TransformerConfig:
        """The fields of a parsed `config.json`; other entries are left alone.

        Raises:
            ValueError: another architecture, or a size is missing; names `where` and the entry.
        """
        model_type = values.get("model_type")
        if model_type not in MODEL_TYPES:
            raise ValueError(
                f"{where}: model_type is {model_type!r}, another architecture; TextTransformer runs {MODEL_TYPES}"
            )
        for name, expected in _FIXED.items():
            if values.get(name, expected) not in (expected, None):
                raise ValueError(f"{where}: {name} is {values[name]!r}; TextTransformer has {expected!r}")
        missing = [name for name in _REQUIRED if name not in values]
        if missing:
            raise ValueError(f"{where}: {', '.join(missing)} missing; take config.json from the model's own folder")
        known = {name: values[name] for name in cls.__dataclass_fields__ if values.get(name) is not None}
        if "pad_token_id" not in known:
            known["pad_token_id"] = 0 if model_type == "bert" else 1
        return cls(**known)
