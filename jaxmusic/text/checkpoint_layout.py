"""The names that each family of encoders gives its tensors, and where each lies in the parameters."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

from jaxmusic.text.transformer_config import TransformerConfig


@dataclass(frozen=True)
class Layout:
    """One family's names; "dense" has a kernel (transposed) and a bias, "norm" a scale and a bias.

    Attributes:
        prefix: what checkpoints with a head put before every tensor of the encoder.
        tables: torch tensor → name in the parameters.
        embedding_norm: the norm behind the embeddings.
        layer: what stands before a layer's names, "{i}" its number.
        modules: a layer's torch module → (name in the parameters, kind).
        heads: beginnings of names that are no part of the encoder.
    """

    prefix: str
    tables: Mapping[str, str]
    embedding_norm: str
    layer: str
    modules: Mapping[str, tuple[str, str]]
    heads: tuple[str, ...] = ("cls.", "lm_head.", "classifier.", "qa_outputs.", "embeddings.position_ids")


_EMBEDDINGS = {
    "embeddings.word_embeddings.weight": "word_embedding",
    "embeddings.position_embeddings.weight": "position_embedding",
}
_FEED_FORWARD = {
    "intermediate.dense": ("intermediate", "dense"),
    "output.dense": ("output", "dense"),
    "output.LayerNorm": ("output_norm", "norm"),
}
_BERT = Layout(
    "bert.",
    {**_EMBEDDINGS, "embeddings.token_type_embeddings.weight": "token_type_embedding"},
    "embeddings.LayerNorm",
    "encoder.layer.{i}.",
    {
        "attention.self.query": ("query", "dense"),
        "attention.self.key": ("key", "dense"),
        "attention.self.value": ("value", "dense"),
        "attention.output.dense": ("attention_output", "dense"),
        "attention.output.LayerNorm": ("attention_norm", "norm"),
        **_FEED_FORWARD,
    },
)
_ROBERTA = replace(_BERT, prefix="roberta.")
LAYOUTS = {
    "bert": _BERT,
    "roberta": _ROBERTA,
    "xlm-roberta": _ROBERTA,
    "camembert": _ROBERTA,
    "mpnet": Layout(
        "mpnet.",
        {**_EMBEDDINGS, "encoder.relative_attention_bias.weight": "relative_attention_bias"},
        "embeddings.LayerNorm",
        "encoder.layer.{i}.",
        {
            "attention.attn.q": ("query", "dense"),
            "attention.attn.k": ("key", "dense"),
            "attention.attn.v": ("value", "dense"),
            "attention.attn.o": ("attention_output", "dense"),
            "attention.LayerNorm": ("attention_norm", "norm"),
            **_FEED_FORWARD,
        },
    ),
    "distilbert": Layout(
        "distilbert.",
        _EMBEDDINGS,
        "embeddings.LayerNorm",
        "transformer.layer.{i}.",
        {
            "attention.q_lin": ("query", "dense"),
            "attention.k_lin": ("key", "dense"),
            "attention.v_lin": ("value", "dense"),
            "attention.out_lin": ("attention_output", "dense"),
            "sa_layer_norm": ("attention_norm", "norm"),
            "ffn.lin1": ("intermediate", "dense"),
            "ffn.lin2": ("output", "dense"),
            "output_layer_norm": ("output_norm", "norm"),
        },
        heads=("vocab_", "pre_classifier.", "classifier.", "qa_outputs.", "embeddings.position_ids"),
    ),
}
"""Model type of `config.json` → its names."""


def tables(config: TransformerConfig) -> dict[str, tuple[str, tuple[int, int]]]:
    """Torch tensor → (name in the parameters, shape) of every table."""
    shapes = {
        "word_embedding": (config.vocab_size, config.hidden_size),
        "position_embedding": (config.max_position_embeddings, config.hidden_size),
        "token_type_embedding": (config.type_vocab_size, config.hidden_size),
        "relative_attention_bias": (config.relative_attention_num_buckets, config.num_attention_heads),
    }
    return {name: (ours, shapes[ours]) for name, ours in LAYOUTS[config.model_type].tables.items()}


def modules(config: TransformerConfig, *, pooler: bool) -> Iterator[tuple[str, tuple[str, ...], str]]:
    """(torch name, path in the parameters, kind) of every dense layer and norm."""
    layout = LAYOUTS[config.model_type]
    yield layout.embedding_norm, ("embedding_norm",), "norm"
    for i in range(config.num_hidden_layers):
        for name, (ours, kind) in layout.modules.items():
            yield layout.layer.format(i=i) + name, (f"layer_{i}", ours), kind
    if pooler:
        yield "pooler.dense", ("pooler",), "dense"


def tensor_shapes(config: TransformerConfig, *, pooler: bool = False) -> dict[str, tuple[int, ...]]:
    """Every tensor of a checkpoint, without prefix, and its shape in torch's layout."""
    width, inner = config.hidden_size, config.intermediate_size
    shapes: dict[str, tuple[int, ...]] = {name: shape for name, (_, shape) in tables(config).items()}
    for name, path, kind in modules(config, pooler=pooler):
        out, into = {"intermediate": (inner, width), "output": (width, inner)}.get(path[-1], (width, width))
        shapes[f"{name}.weight"] = (out, into) if kind == "dense" else (width,)
        shapes[f"{name}.bias"] = (out,)
    return shapes
