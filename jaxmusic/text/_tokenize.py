"""Texts → token ids, with the tokenizer that lies in a model's folder."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from jaxtyping import Bool

if TYPE_CHECKING:
    from tokenizers import Tokenizer

__all__ = ["load_tokenizer", "tokenize"]

# The tokenizer's own objects are many times larger than the ids: they exist for so many texts at a time.
_AT_ONCE = 4096


def load_tokenizer(folder: str | Path, *, vocab_size: int | None = None) -> Tokenizer:
    """The tokenizer of a model's folder: `tokenizer.json`, or `vocab.txt` (BERT), or `vocab.json` and `merges.txt`.

    Args:
        folder: where they lie.
        vocab_size: rows of the model's word embedding; a tokenizer that can give a higher id is refused.

    Returns:
        A `tokenizers.Tokenizer` without padding and truncation of its own.

    Raises:
        FileNotFoundError: the folder has none of these.
        ValueError: its vocabulary is larger than the embedding.
    """
    from tokenizers import Tokenizer

    folder = Path(folder).expanduser()
    if (folder / "tokenizer.json").is_file():
        tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
    elif (folder / "vocab.txt").is_file():
        tokenizer = _wordpiece(folder)
    elif (folder / "vocab.json").is_file() and (folder / "merges.txt").is_file():
        tokenizer = _byte_pairs(folder)
    else:
        raise FileNotFoundError(
            f"{folder} has no tokenizer: neither tokenizer.json, nor vocab.txt, nor vocab.json with merges.txt"
        )
    # Both are the caller's: batches are padded to the bucket's length, and truncation is counted.
    tokenizer.no_padding()
    tokenizer.no_truncation()
    highest = max(tokenizer.get_vocab(with_added_tokens=True).values(), default=-1)
    if vocab_size is not None and highest >= vocab_size:
        raise ValueError(
            f"the tokenizer in {folder} has ids up to {highest}, the model's embedding has {vocab_size} rows: "
            "they are of different models"
        )
    return tokenizer


def tokenize(
    tokenizer: Tokenizer, texts: Sequence[str], *, max_length: int
) -> tuple[list[np.ndarray], Bool[np.ndarray, " n"]]:
    """Token ids of `n` texts, each `[length]` int32 with its special tokens; and which were cut to `max_length`.

    Args:
        tokenizer: from `load_tokenizer`; it is not changed.
        texts: `n` strings.
        max_length: tokens of a text at most, special ones included.

    Returns:
        `n` arrays `[length]` int32, and `[n]` bool.

    Raises:
        ValueError: `max_length` leaves no token beside the special ones.
    """
    from tokenizers import Tokenizer

    special = tokenizer.num_special_tokens_to_add(is_pair=False)
    if max_length <= special:
        raise ValueError(f"max_length {max_length} leaves no token beside the {special} special ones")
    # A copy, because truncation is a state of the tokenizer.
    cutting = Tokenizer.from_str(tokenizer.to_str())
    cutting.enable_truncation(max_length)
    ids: list[np.ndarray] = []
    is_cut: list[bool] = []
    for start in range(0, len(texts), _AT_ONCE):
        for encoding in cutting.encode_batch(list(texts[start : start + _AT_ONCE])):
            ids.append(np.asarray(encoding.ids, np.int32))
            is_cut.append(bool(encoding.overflowing))
    return ids, np.array(is_cut, bool)


def _wordpiece(folder: Path) -> Tokenizer:
    from tokenizers.implementations import BertWordPieceTokenizer

    options = _options(folder)
    return _unwrapped(
        BertWordPieceTokenizer(
            str(folder / "vocab.txt"),
            lowercase=options.get("do_lower_case", True),
            strip_accents=options.get("strip_accents"),
            handle_chinese_chars=options.get("tokenize_chinese_chars", True),
        )
    )


def _byte_pairs(folder: Path) -> Tokenizer:
    from tokenizers.implementations import ByteLevelBPETokenizer
    from tokenizers.processors import RobertaProcessing

    prefix = _options(folder).get("add_prefix_space", False)
    tokenizer = _unwrapped(
        ByteLevelBPETokenizer(str(folder / "vocab.json"), str(folder / "merges.txt"), add_prefix_space=prefix)
    )
    start, end = (tokenizer.token_to_id(token) for token in ("<s>", "</s>"))
    if start is None or end is None:
        raise ValueError(f"{folder / 'vocab.json'} has no <s> and </s>: it is no RoBERTa vocabulary")
    tokenizer.post_processor = RobertaProcessing(("</s>", end), ("<s>", start), add_prefix_space=prefix)
    return tokenizer


def _unwrapped(implementation: Any) -> Tokenizer:
    return implementation._tokenizer


def _options(folder: Path) -> dict[str, Any]:
    import json

    path = folder / "tokenizer_config.json"
    return json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}
