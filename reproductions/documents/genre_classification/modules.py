"""Genre classification: the models at the document's sizes, whatever the data."""

from __future__ import annotations

from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp

from documents.genre_classification.config import Config
from documents.genre_classification.pipeline import make_module
from documents.genre_classification.variants import MODELS, VARIANTS
from jaxmusic.data._lyrics_table import FEATURES


def document_module(model: str) -> Any:
    """A model at the document's sizes: 30,522 token ids, 512 positions, four genres."""
    return make_module(Config(), model, VARIANTS["paper"], 4, 30_522)


def layer_counts(model: str) -> list[int]:
    """Parameters of each layer in the document's order, at its sizes."""
    shapes = jax.eval_shape(document_module(model).init, jax.random.key(0), *_example(model))["params"]
    size = lambda tree: sum(x.size for x in jax.tree.leaves(tree))  # noqa: E731
    dense = [size(shapes[f"Dense_{i}"]) for i in range(sum(name.startswith("Dense") for name in shapes))]
    if model == "metadata":
        return dense
    embedding = shapes["tokens"]["embedding"].size
    if model == "lyrics":
        return [embedding, size(shapes["tokens"]) - embedding, *dense]
    return [*dense[1:4], embedding, dense[0], *dense[4:]]


def _example(model: str) -> tuple[Any, ...]:
    tokens, lengths = jnp.zeros((8, 512), jnp.int32), jnp.full(8, 512)
    features = jnp.zeros((8, len(FEATURES)))
    return {"lyrics": (tokens, lengths), "metadata": (features,), "combined": (tokens, lengths, features)}[model]


def summaries() -> dict[str, str]:
    """`linen.tabulate` of each model at the document's sizes."""
    options: Any = {"console_kwargs": {"force_terminal": False, "width": 140}}
    return {
        name: nn.tabulate(document_module(name), jax.random.key(0), **options)(*_example(name)) + "\n"
        for name in MODELS
    }
