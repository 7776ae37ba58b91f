"""Texts → vectors with a transformer: batches of few shapes, results in input order, kept on disk."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Iterator, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from jaxtyping import Bool, Float

from jaxmusic.text._tokenize import load_tokenizer, tokenize
from jaxmusic.text.checks import list_of_texts
from jaxmusic.text.embedding_cache import EmbeddingCache
from jaxmusic.text.weights import Pretrained

if TYPE_CHECKING:
    from jax.sharding import Mesh

__all__ = ["Encoder", "TextEmbeddings", "encode"]


class TextEmbeddings(NamedTuple):
    """What `encode` returns.

    Attributes:
        vectors: `[n, hidden_size]` float32, in the order of the texts; zeros for an empty text.
        mask: `[n]`, false for empty texts (nothing but white space).
        counts: `texts`, of them `empty` and `truncated` (cut to the model's length), `from_cache`, `computed` (each
            distinct text once).
    """

    vectors: Float[np.ndarray, "n hidden"]
    mask: Bool[np.ndarray, " n"]
    counts: dict[str, int]


class Encoder:
    """A module, its parameters and its tokenizer.

    The module is given and not chosen here: `text` stands before `models`, which builds on its sizes.

    Args:
        module: `models.TextTransformer(pretrained.config, pooling=…, normalize=…)`, or a module with its interface.
        pretrained: parameters, folder of the tokenizer, and the length at which texts are cut.
        prefix: put before every text, as the e5 models want (`"query: "`).
        tokenizer_folder: where the tokenizer lies; None: with the weights.

    Raises:
        FileNotFoundError, ValueError: no tokenizer, or one of another model.

    Attributes:
        module, pretrained, prefix, tokenizer: the above.
    """

    def __init__(
        self,
        module: Any,
        pretrained: Pretrained,
        *,
        prefix: str | None = None,
        tokenizer_folder: str | os.PathLike[str] | None = None,
    ) -> None:
        import jax

        folder = pretrained.folder if tokenizer_folder is None else tokenizer_folder
        self.module, self.pretrained = module, pretrained
        self.prefix = pretrained.prompt if prefix is None else prefix
        self.tokenizer = load_tokenizer(os.fspath(folder), vocab_size=pretrained.config.vocab_size)
        self._params = jax.device_put(pretrained.params)
        self._apply = jax.jit(lambda params, ids, mask: module.apply({"params": params}, ids, mask).pooled)
        self._replicated: dict[Mesh, Any] = {}

    @property
    def width(self) -> int:
        """Length of a vector."""
        return self.pretrained.config.hidden_size

    @cached_property
    def digest(self) -> str:
        """Changes with anything that changes a vector: parameters, module, tokenizer, length, versions, backend."""
        import flax
        import jax

        made_of = (
            self.module,
            self.prefix,
            self.pretrained.max_length,
            self.pretrained.lower_case,
            jax.__version__,
            flax.__version__,
            jax.default_backend(),
        )
        return self._digest(repr(made_of))

    @cached_property
    def weights_digest(self) -> str:
        """Of parameters, tokenizer and the options that a text meets: the same on every machine, in every version."""
        config = self.pretrained.config
        # Sizes that change a vector and stand in no tensor's shape, one by one: another version may know more fields.
        sizes: tuple[Any, ...] = (
            config.model_type,
            config.num_attention_heads,
            config.layer_norm_eps,
            config.pad_token_id,
        )
        if config.hidden_act != "gelu":
            sizes = (*sizes, config.hidden_act)
        options = (self.module.pooling, self.module.normalize, self.prefix, *sizes)
        return self._digest(repr((*options, self.pretrained.max_length, self.pretrained.lower_case)))

    def _digest(self, made_of: str) -> str:
        import jax

        digest = hashlib.sha256(made_of.encode())
        digest.update(self.tokenizer.to_str().encode())
        for path, leaf in jax.tree_util.tree_leaves_with_path(self.pretrained.params):
            digest.update(f"{jax.tree_util.keystr(path)}{leaf.shape}{leaf.dtype}".encode())
            digest.update(np.asarray(leaf).tobytes())
        return digest.hexdigest()

    def token_ids(self, texts: Sequence[str]) -> tuple[list[np.ndarray], Bool[np.ndarray, " n"]]:
        """Ids of each text, special tokens included; and which texts were cut to the model's length."""
        # As sentence-transformers does: the prompt goes before, then the whole is stripped and put into lower case.
        prepared = [(self.prefix + text).strip() for text in texts]
        if self.pretrained.lower_case:
            prepared = [text.lower() for text in prepared]
        return tokenize(self.tokenizer, prepared, max_length=self.pretrained.max_length)

    def __call__(self, ids: np.ndarray, mask: np.ndarray, mesh: Mesh | None = None) -> Any:
        """`[batch, length]` ids and mask → `[batch, width]` on the device, spread over the mesh's first axis."""
        if mesh is None:
            return self._apply(self._params, ids, mask)
        import jax
        from jax.sharding import NamedSharding, PartitionSpec

        if mesh not in self._replicated:
            self._replicated[mesh] = jax.device_put(self._params, NamedSharding(mesh, PartitionSpec()))
        rows = NamedSharding(mesh, PartitionSpec(mesh.axis_names[0]))
        return self._apply(self._replicated[mesh], *(jax.device_put(x, rows) for x in (ids, mask)))


def encode(
    texts: Sequence[str],
    encoder: Encoder,
    *,
    batch_tokens: int | None = None,
    cache: str | os.PathLike[str] | None = None,
    mesh: Mesh | None = None,
    progress: str | None = None,
) -> TextEmbeddings:
    """Embed texts.

    The texts are sorted by length and cut into batches of about `batch_tokens` tokens, padding included, whose lengths
    come from a short list: few shapes to compile, little padding. No vector depends on the batch it was computed in,
    beyond the rounding of float32.

    Args:
        texts: `n` texts.
        encoder: an `Encoder`.
        batch_tokens: tokens of a batch at most (at least one text); None: 2,048 on CPU, 65,536 elsewhere.
        cache: a folder; vectors are kept there by text and model, each batch as soon as it is there.
        mesh: spreads each batch over the mesh's first axis.
        progress: label of a progress bar; None shows none.

    Returns:
        `TextEmbeddings`.

    Raises:
        TypeError: one string instead of texts, or a text that is none (a missing value, say); names its position.
        ValueError: `batch_tokens` is below 1.
    """
    texts = list_of_texts(texts)
    if batch_tokens is not None and batch_tokens < 1:
        raise ValueError(f"batch_tokens must be at least 1, got {batch_tokens}")
    if mesh is not None:
        from jax.sharding import Mesh

        # The compiler places what lies between the batch and the vectors: axes that it may shard ("auto").
        mesh = Mesh(mesh.devices, mesh.axis_names)
    mask = np.array([bool(text.strip()) for text in texts], bool)
    vectors = np.zeros((len(texts), encoder.width), np.float32)
    # A chorus or a song that stands there twice is computed once.
    places: dict[str, list[int]] = {}
    for row in np.flatnonzero(mask).tolist():
        places.setdefault(texts[row], []).append(row)
    distinct = list(places)
    store = None if cache is None else EmbeddingCache(cache, encoder.digest, encoder.width)
    try:
        kept = {} if store is None else store.read(distinct)
        is_cut = np.zeros(len(texts), bool)
        for i, (vector, truncated) in kept.items():
            vectors[places[distinct[i]]] = vector
            is_cut[places[distinct[i]]] = truncated
        missing = [text for i, text in enumerate(distinct) if i not in kept]
        ids, missing_is_cut = encoder.token_ids(missing)

        def keep(rows: np.ndarray, found: np.ndarray) -> None:
            for row, vector in zip(rows, found, strict=True):
                vectors[places[missing[row]]] = vector
                is_cut[places[missing[row]]] = missing_is_cut[row]
            if store is not None:
                store.write([missing[row] for row in rows], found, missing_is_cut[rows])

        compute(ids, encoder, keep, batch_tokens=batch_tokens, mesh=mesh, progress=progress)
    finally:
        if store is not None:
            store.close()
    counts = {
        "texts": len(texts),
        "empty": int((~mask).sum()),
        "truncated": int(is_cut.sum()),
        "from_cache": sum(len(places[distinct[i]]) for i in kept),
        "computed": len(missing),
    }
    return TextEmbeddings(vectors, mask, counts)


def padded_length(length: int, longest: int) -> int:
    """The next length of the list 16, 32, …, 128, 160, …, 256, 320, 384, …; at most `longest`.

    >>> [padded_length(n, 512) for n in (1, 17, 129, 200, 257, 500)]
    [16, 32, 160, 224, 320, 512]
    """
    step = 16 if length <= 128 else 32 if length <= 256 else 64
    return min(-(-length // step) * step, longest)


def batches(
    lengths: np.ndarray, *, batch_tokens: int, longest: int, multiple: int = 1
) -> Iterator[tuple[np.ndarray, int, int]]:
    """Rows of each batch, longest first; the number of rows it is filled up to; its length.

    A batch has the padded length of its longest text and as many rows as fit; all but the last are full, so there is
    one shape for each padded length.
    """
    order = np.argsort(-lengths, kind="stable")
    start = 0
    while start < len(order):
        length = padded_length(int(lengths[order[start]]), longest)
        rows = max(batch_tokens // length // multiple, 1) * multiple
        yield order[start : start + rows], rows, length
        start += rows


def compute(
    ids: list[np.ndarray],
    encoder: Encoder,
    keep: Callable[[np.ndarray, np.ndarray], None],
    *,
    batch_tokens: int | None = None,
    mesh: Mesh | None = None,
    progress: str | None = None,
) -> None:
    """Vectors of token ids, batch by batch.

    Args:
        ids: `n` arrays of ids, special tokens included.
        encoder: an `Encoder`.
        keep: called with the rows of each batch, `[k]`, and their vectors, `[k, width]`.
        batch_tokens, mesh, progress: as for `encode`.
    """
    import jax
    from tqdm import tqdm

    if not ids:
        return
    if batch_tokens is None:
        batch_tokens = 2048 if jax.default_backend() == "cpu" else 65_536
    lengths = np.array([len(row) for row in ids])
    pad = encoder.pretrained.config.pad_token_id
    devices = 1 if mesh is None else mesh.shape[mesh.axis_names[0]]
    plan = batches(lengths, batch_tokens=batch_tokens, longest=encoder.pretrained.config.max_length, multiple=devices)
    waiting: tuple[np.ndarray, Any] | None = None
    with tqdm(total=len(ids), desc=progress, unit="text", disable=progress is None, leave=False) as bar:
        for rows, count, length in plan:
            batch = np.full((count, length), pad, np.int32)
            # Rows that fill up the last batch have one token: attention over nothing would be 0/0.
            mask = np.zeros((count, length), bool)
            mask[:, 0] = True
            for place, row in enumerate(rows):
                batch[place, : lengths[row]] = ids[row]
                mask[place, : lengths[row]] = True
            # The device computes this batch while the one before it is copied back and kept.
            found = encoder(batch, mask, mesh)
            if waiting is not None:
                keep(waiting[0], np.asarray(waiting[1])[: len(waiting[0])])
                bar.update(len(waiting[0]))
            waiting = rows, found
        assert waiting is not None
        keep(waiting[0], np.asarray(waiting[1])[: len(waiting[0])])
        bar.update(len(waiting[0]))
