"""Texts → WordPiece ids: BERT's vocabulary, or one trained on the texts at hand."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from jaxtyping import Int

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
    """
    from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers

    # Accents are kept: stripping marks would take the vowel signs out of Bangla.
    normalizer = normalizers.BertNormalizer(lowercase=True, strip_accents=False)
    learner = Tokenizer(models.WordPiece(unk_token="[UNK]"))
    learner.normalizer, learner.pre_tokenizer = normalizer, pre_tokenizers.BertPreTokenizer()
    # The trainer numbers a word's inner characters in the order of a hash table, which differs from run to run and
    # decides between merges of equal rank. Given in advance, they are numbered in their own order.
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
        cache: folder where the ids are kept under a name that changes with texts, vocabulary and limit.

    Returns:
        `Tokens`, as wide as the longest text (`max_length` at most).

    Raises:
        ValueError: `max_length` below 2.
    """
    if max_length < 2:
        raise ValueError(f"max_length must leave room for [CLS] and [SEP], got {max_length}")
    path = None
    if cache is not None:
        digest = hashlib.sha256(repr(sorted(tokenizer.get_vocab().items())).encode())
        for text in (str(max_length), *texts):
            digest.update(text.encode() + b"\0")
        path = cache / f"tokens_{digest.hexdigest()[:20]}.npz"
        if path.exists():
            with np.load(path) as arrays:
                return Tokens(arrays["ids"], arrays["lengths"], int(arrays["truncated"]))
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
        path.parent.mkdir(parents=True, exist_ok=True)
        partial = path.with_suffix(".partial.npz")
        np.savez_compressed(partial, ids=tokens.ids, lengths=tokens.lengths, truncated=tokens.truncated)
        partial.replace(path)
    return tokens


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
