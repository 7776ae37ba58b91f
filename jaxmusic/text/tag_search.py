"""From words to sound without lyrics: a query becomes weights on the tags that a net of sound knows."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from jaxtyping import Float

from jaxmusic._arrays import unit_rows
from jaxmusic.text.checks import list_of_texts

__all__ = ["tag_scores", "tag_weights"]


def tag_weights(
    queries: Sequence[str],
    tags: Sequence[str],
    encode: Callable[[Sequence[str]], Float[np.ndarray, "n width"]],
    *,
    temperature: float = 0.05,
) -> Float[np.ndarray, "queries tags"]:
    """How much each tag has to do with a query: a softmax of cosines.

    Args:
        queries: words to search by.
        tags: names of tags, such as those of `audio.SoundEncoder.tag_names`; of several nets one behind the other.
        encode: texts → vectors, such as a `sentence_encoder`.
        temperature: of the softmax; lower is nearer to the one tag that fits best.

    Returns:
        `[queries, tags]` float32, each row of sum 1; zeros for a query without a vector (an empty one).

    Raises:
        ValueError: no tags, a temperature that is not positive, or a tag without a vector; names it.

    >>> meaning = {"rain": [1.0, 0.0], "wet": [1.0, 0.0], "sun": [0.0, 1.0]}
    >>> tag_weights(["rain"], ["wet", "sun"], lambda texts: np.array([meaning[text] for text in texts])).round(3)
    array([[1., 0.]], dtype=float32)
    """
    queries, tags = list_of_texts(queries), list_of_texts(tags)
    if not len(tags):
        raise ValueError("no tags given: the net has none")
    if isinstance(temperature, str) or not hasattr(temperature, "__float__") or not temperature > 0:
        raise ValueError(f"temperature must be a positive number, got {temperature!r}")
    named, asked = (unit_rows(np.asarray(encode(list(texts)), np.float64)) for texts in (tags, queries))
    silent = np.flatnonzero(~named.any(axis=1))
    if len(silent):
        raise ValueError(f"the tag {tags[silent[0]]!r} has no vector: use an encoder that knows its words")
    cosines = asked @ named.T / temperature
    weights = np.exp(cosines - cosines.max(axis=1, keepdims=True))
    weights /= weights.sum(axis=1, keepdims=True)
    return (weights * asked.any(axis=1, keepdims=True)).astype(np.float32)


def tag_scores(
    weights: Float[np.ndarray, "queries tags"], logits: Float[np.ndarray, "n tags"]
) -> Float[np.ndarray, "queries n"]:
    """How well each sound of a library answers each query.

    Logits are standardised over the library first: a tag that every sound has, or that a net is seldom sure of, would
    decide by its level alone.

    Args:
        weights: of `tag_weights`.
        logits: `[n, tags]` of the whole library (`audio.SoundFeatures.logits`), of several nets side by side.

    Returns:
        `[queries, n]` float32; a higher score is a better answer.

    Raises:
        ValueError: another number of tags, or logits that are not finite.

    >>> tag_scores(np.array([[1.0, 0.0]]), np.array([[1.0, 9.0], [3.0, 7.0]])).tolist()
    [[-1.0, 1.0]]
    """
    for name, x in (("weights", weights), ("logits", logits)):
        if np.asarray(x).dtype.kind not in "fiub":
            raise ValueError(f"{name} hold {np.asarray(x).dtype}: give real numbers")
    weights, logits = np.asarray(weights, np.float64), np.asarray(logits, np.float64)
    if weights.ndim != 2 or logits.ndim != 2 or weights.shape[1] != logits.shape[1]:
        raise ValueError(f"weights {weights.shape} and logits {logits.shape} must be of the same tags")
    if not np.isfinite(logits).all():
        raise ValueError("logits hold NaN or infinite values")
    centred = logits - logits.mean(axis=0)
    deviation = centred.std(axis=0)
    standardised = np.divide(centred, deviation, out=np.zeros_like(centred), where=deviation > 0)
    return (weights @ standardised.T).astype(np.float32)
