"""Texts → WordPiece ids: BERT's vocabulary, or one trained on the texts at hand."""

from __future__ import annotations

import hashlib
import zlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple
from zipfile import BadZipFile

import numpy as np
from jaxtyping import Int

from jaxmusic._arrays import whole
from jaxmusic._files import written_whole
from jaxmusic.text.checks import list_of_texts

__all__ = ["Tokens", "Vocabulary", "token_ids", "train_wordpiece", "trained_vocabulary", "wordpiece_tokenizer"]

_SPECIAL = ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]")


class Tokens(NamedTuple):
    """Token ids and what is needed to read them.

    Attributes:
        ids: `[n, width]` int32, `[CLS] … [SEP]`, 0 behind each text's end; `width` is the longest text's length.
        lengths: `[n]` int32, tokens of each text.
        truncated: texts that were longer than the limit and lost their end.
    """

    ids: Int[np.ndarray, "n width"]
    lengths: Int[np.ndarray, " n"]
    truncated: int


def wordpiece_tokenizer(source: str | Path) -> Any:
    """A tokenizer of the hub (`google-bert/bert-base-uncased`) or of a local folder in the hub's layout.

    Args:
        source: the folder, or the name on the hub.

    Returns:
        A `tokenizers.Tokenizer`, whose padding id is 0.

    Raises:
        OSError: neither a folder nor a reachable name of the hub.
        ValueError: it has no WordPiece ids with padding 0.
    """
    from transformers import AutoTokenizer

    try:
        loaded = AutoTokenizer.from_pretrained(str(source))
    except (OSError, ValueError) as error:
        raise OSError(
            f"the tokenizer {str(source)!r} could not be loaded: {str(error).splitlines()[0]}. Give a folder that "
            "holds tokenizer_config.json and vocab.txt, or leave it out to train a vocabulary on the lyrics"
        ) from error
    if loaded.pad_token_id != 0:
        raise ValueError(f"the tokenizer {str(source)!r} pads with {loaded.pad_token_id}; expected 0, as BERT's does")
    return loaded.backend_tokenizer


def train_wordpiece(texts: Sequence[str], *, vocabulary_size: int = 8000) -> Any:
    """A WordPiece tokenizer as BERT's (uncased, `[CLS] … [SEP]`, padding 0), trained on `texts`: the training part.

    The same texts give the same vocabulary, in whatever order they come.

    Args:
        texts: the training part's.
        vocabulary_size: tokens, special ones and single characters included.

    Returns:
        A `tokenizers.Tokenizer`.

    Raises:
        TypeError: one string instead of texts, or a text that is none.
        ValueError: a vocabulary of less than one token.
    """
    from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers

    # Accents are kept: stripping marks would take the vowel signs out of Bangla.
    normalizer = normalizers.BertNormalizer(lowercase=True, strip_accents=False)
    learner = Tokenizer(models.WordPiece(unk_token="[UNK]"))
    learner.normalizer, learner.pre_tokenizer = normalizer, pre_tokenizers.BertPreTokenizer()
    # The trainer numbers a word's inner characters in the order of a hash table, which differs from run to run and
    # decides between merges of equal rank. Given in advance, they are numbered in their own order.
    texts, vocabulary_size = list_of_texts(texts), whole(vocabulary_size, "vocabulary_size")
    letters = sorted(set("".join(normalizer.normalize_str(text) for text in texts)) - {" "})
    inner = [f"##{letter}" for letter in letters]
    trainer = trainers.WordPieceTrainer(
        vocab_size=vocabulary_size, special_tokens=[*_SPECIAL, *inner], show_progress=False
    )
    learner.train_from_iterator(sorted(texts), trainer)
    # In a tokenizer of their own they are ordinary pieces.
    tokenizer = Tokenizer(models.WordPiece(learner.get_vocab(), unk_token="[UNK]"))
    tokenizer.normalizer, tokenizer.pre_tokenizer = normalizer, pre_tokenizers.BertPreTokenizer()
    tokenizer.add_special_tokens(list(_SPECIAL))
    tokenizer.decoder = decoders.WordPiece()
    ends = [(name, tokenizer.token_to_id(name)) for name in ("[CLS]", "[SEP]")]
    tokenizer.post_processor = processors.TemplateProcessing(single="[CLS] $A [SEP]", special_tokens=ends)
    return tokenizer


def token_ids(tokenizer: Any, texts: Sequence[str], *, max_length: int = 512, cache: Path | None = None) -> Tokens:
    """Token ids of `texts`.

    Args:
        tokenizer: from `wordpiece_tokenizer` or `train_wordpiece`.
        texts: `n` strings.
        max_length: tokens of a text at most, its end marks included; longer ones are cut and counted.
        cache: folder where the ids are kept under a name that changes with texts, tokenizer and limit; what is damaged
            there is computed again.

    Returns:
        `Tokens`, as wide as the longest text (`max_length` at most).

    Raises:
        TypeError: one string instead of texts, or a text that is none.
        ValueError: `max_length` below 2.
    """
    if max_length < 2:
        raise ValueError(f"max_length must leave room for [CLS] and [SEP], got {max_length}")
    texts = list_of_texts(texts)
    path = None
    if cache is not None:
        path = Path(cache).expanduser() / f"tokens_{_digest(tokenizer, texts, max_length)}.npz"
        if (kept := _kept(path, len(texts), max_length)) is not None:
            return kept
    tokenizer.no_padding()
    tokenizer.no_truncation()
    encoded = [encoding.ids for encoding in tokenizer.encode_batch(list(texts))]
    # The end mark stays in its place when the middle is cut, as BERT's tokenizer does.
    cut = [ids if len(ids) <= max_length else [*ids[: max_length - 1], ids[-1]] for ids in encoded]
    lengths = np.array([len(ids) for ids in cut], np.int32)
    ids = np.zeros((len(cut), int(lengths.max(initial=2))), np.int32)
    for row, values in zip(ids, cut, strict=True):
        row[: len(values)] = values
    tokens = Tokens(ids, lengths, sum(len(values) > max_length for values in encoded))
    if path is not None:
        with written_whole(path) as file:
            np.savez_compressed(file, ids=tokens.ids, lengths=tokens.lengths, truncated=tokens.truncated)
    return tokens


def _digest(tokenizer: Any, texts: Sequence[str], max_length: int) -> str:
    """Of all that decides the ids: the whole tokenizer, normaliser and end marks included, the limit and the texts."""
    digest = hashlib.sha256(f"{max_length}\n{tokenizer.to_str()}".encode())
    for text in texts:
        encoded = text.encode("utf-8", "surrogatepass")
        # Its length marks where a text ends, whatever characters it holds.
        digest.update(len(encoded).to_bytes(8, "little") + encoded)
    return digest.hexdigest()[:20]


def _kept(path: Path, texts: int, max_length: int) -> Tokens | None:
    """What the cache holds; None where there is nothing, or nothing that could have been written there."""
    try:
        with np.load(path) as arrays:
            tokens = Tokens(arrays["ids"], arrays["lengths"], int(arrays["truncated"]))
    except (OSError, ValueError, KeyError, EOFError, BadZipFile, zlib.error):
        return None
    ids, lengths = tokens.ids, tokens.lengths
    fits = (
        (ids.dtype, lengths.dtype, lengths.shape, ids.ndim) == (np.int32, np.int32, (texts,), 2)
        and ids.shape == (texts, max(int(lengths.max(initial=2)), 2))
        and ids.shape[1] <= max_length
        and bool((ids >= 0).all() and (lengths >= 0).all())
        and 0 <= tokens.truncated <= texts
    )
    return tokens if fits else None


class Vocabulary(NamedTuple):
    """An order of the token ids in which those that training uses come first; the padding is always row 0.

    Attributes:
        row_of: `[vocabulary_size]` int32, the embedding row of each token id.
        used: rows that training texts use, the padding included.
    """

    row_of: Int[np.ndarray, " vocabulary"]
    used: int


def trained_vocabulary(tokens: Tokens, vocabulary_size: int, *, min_frequency: int = 1) -> Vocabulary:
    """Order the ids by whether the training tokens use them.

    Args:
        tokens: of the training part only.
        vocabulary_size: number of token ids.
        min_frequency: ids that occur less often share the row of `[UNK]`'s kind: one common row, the last of the used.

    Returns:
        `Vocabulary`.

    >>> trained_vocabulary(Tokens(np.array([[3, 5, 0]]), np.array([2]), 0), 6).row_of.tolist()
    [0, 3, 4, 1, 5, 2]
    """
    is_token = np.arange(tokens.ids.shape[1]) < tokens.lengths[:, None]
    counts = np.bincount(tokens.ids[is_token], minlength=vocabulary_size)
    is_used = counts >= max(min_frequency, 1)
    is_used[0] = True
    row_of = np.empty(vocabulary_size, np.int32)
    row_of[is_used] = np.arange(is_used.sum())
    if min_frequency > 1:
        row_of[~is_used] = is_used.sum()
        return Vocabulary(row_of, int(is_used.sum()) + 1)
    row_of[~is_used] = np.arange(is_used.sum(), vocabulary_size)
    return Vocabulary(row_of, int(is_used.sum()))
