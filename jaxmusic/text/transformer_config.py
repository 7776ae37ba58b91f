"""The sizes of a BERT-like encoder, as its `config.json` states them, and back."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

# Model types whose positions start behind the padding id (fairseq's convention).
_OFFSET_TYPES = ("roberta", "xlm-roberta", "camembert", "mpnet")
MODEL_TYPES = ("bert", "distilbert", *_OFFSET_TYPES)
ACTIVATIONS = {
    **dict.fromkeys(("gelu", "gelu_python"), "gelu"),
    **dict.fromkeys(("gelu_new", "gelu_fast", "gelu_pytorch_tanh"), "gelu_tanh"),
    **dict.fromkeys(("silu", "swish"), "silu"),
    "quick_gelu": "quick_gelu",
    "relu": "relu",
    "tanh": "tanh",
}
"""What checkpoints call an activation → what it is; `"gelu"` is exact (erf)."""
# What DistilBERT calls the same sizes.
_DISTILBERT = {
    "hidden_size": "dim",
    "num_hidden_layers": "n_layers",
    "num_attention_heads": "n_heads",
    "intermediate_size": "hidden_dim",
    "hidden_act": "activation",
}
_REQUIRED = ("vocab_size", "hidden_size", "num_hidden_layers", "num_attention_heads", "intermediate_size")
# What the architecture fixes: another value in config.json is another architecture.
_FIXED = {"position_embedding_type": "absolute", "is_decoder": False}


@dataclass(frozen=True)
class TransformerConfig:
    """BERT, DistilBERT, RoBERTa, XLM-R, CamemBERT or MPNet; names and defaults are those of the hub's `config.json`.

    Attributes:
        model_type: `"bert"` or `"distilbert"`; `"roberta"`, `"xlm-roberta"`, `"camembert"` or `"mpnet"`, which number
            positions from `pad_token_id + 1`.
        vocab_size: rows of the word embedding.
        hidden_size: width of the hidden states, a multiple of `num_attention_heads`.
        num_hidden_layers: layers.
        num_attention_heads: heads of each layer.
        intermediate_size: width inside the feed-forward part.
        max_position_embeddings: rows of the position embedding.
        type_vocab_size: rows of the token type embedding; 0 for DistilBERT and MPNet, which have none.
        layer_norm_eps: ε of every LayerNorm.
        pad_token_id: the id of padding.
        hidden_act: the activation of the feed-forward part, see `ACTIVATIONS`.
        relative_attention_num_buckets: rows of MPNet's table of relative positions; 0 for the others.
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
    hidden_act: str = "gelu"
    relative_attention_num_buckets: int = 0

    def __post_init__(self) -> None:
        if self.model_type not in MODEL_TYPES:
            raise ValueError(f"model_type {self.model_type!r} is none of {MODEL_TYPES}")
        if self.hidden_act not in ACTIVATIONS:
            raise ValueError(f"hidden_act {self.hidden_act!r} is none of {tuple(ACTIVATIONS)}")
        if (self.model_type == "mpnet") != (self.relative_attention_num_buckets > 0):
            raise ValueError(f"{self.model_type} with {self.relative_attention_num_buckets} buckets of positions")
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
        names = _DISTILBERT if model_type == "distilbert" else {}
        missing = [names.get(name, name) for name in _REQUIRED if names.get(name, name) not in values]
        if missing:
            raise ValueError(f"{where}: {', '.join(missing)} missing; take config.json from the model's own folder")
        own = {name: values.get(names.get(name, name)) for name in cls.__dataclass_fields__}
        known = {name: value for name, value in own.items() if value is not None}
        known.setdefault("pad_token_id", 1 if model_type in _OFFSET_TYPES else 0)
        if model_type in ("distilbert", "mpnet"):
            known["type_vocab_size"] = 0
        if model_type == "mpnet":
            known.setdefault("relative_attention_num_buckets", 32)
        if known.get("hidden_act", "gelu") not in ACTIVATIONS:
            raise ValueError(f"{where}: hidden_act is {known['hidden_act']!r}, none of {tuple(ACTIVATIONS)}")
        return cls(**known)

    def to_json(self) -> dict[str, Any]:
        """What `from_json` reads: a `config.json` in the names of the model's family."""
        names = _DISTILBERT if self.model_type == "distilbert" else {}
        return {names.get(name, name): value for name, value in asdict(self).items()}
