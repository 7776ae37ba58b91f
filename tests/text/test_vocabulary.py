"""WordPiece ids: BERT's, trained ones, cutting, caching, and the order of embedding rows."""

import numpy as np
import pytest

from jaxmusic import text
from jaxmusic.text.vocabulary import Tokens

SONGS = ["love me tender love me sweet", "blue moon you saw me standing alone", "love love love all you need"]


@pytest.fixture(scope="module")
def tokenizer():
    return text.train_wordpiece(SONGS, vocabulary_size=120)


def test_a_trained_vocabulary_marks_both_ends_and_pads_with_0(tokenizer):
    tokens = text.token_ids(tokenizer, [*SONGS, "xyz 7"])
    assert tokens.ids.dtype == np.int32
    assert tokens.ids.shape == (4, tokens.lengths.max())
    names = [tokenizer.id_to_token(i) for i in tokens.ids[0][: tokens.lengths[0]]]
    assert (names[0], names[-1]) == ("[CLS]", "[SEP]")
    assert names[1] == "love"
    assert (tokens.ids[3, tokens.lengths[3] :] == 0).all()
    assert tokenizer.token_to_id("[PAD]") == 0
    assert tokens.truncated == 0


def test_the_order_of_texts_does_not_change_the_vocabulary(tokenizer):
    for _ in range(5):
        assert text.train_wordpiece(SONGS[::-1], vocabulary_size=120).get_vocab() == tokenizer.get_vocab()


def test_long_texts_are_cut_counted_and_keep_their_end_mark(tokenizer):
    tokens = text.token_ids(tokenizer, ["love " * 600, "love"], max_length=512)
    assert tokens.ids.shape == (2, 512)
    assert tokens.truncated == 1
    assert tokens.lengths.tolist() == [512, 3]
    assert tokens.ids[0, -1] == tokenizer.token_to_id("[SEP]")
    with pytest.raises(ValueError, match="max_length"):
        text.token_ids(tokenizer, SONGS, max_length=1)


def test_ids_are_tokenised_once_and_found_again(tokenizer, tmp_path):
    first = text.token_ids(tokenizer, SONGS, cache=tmp_path)
    (path,) = tmp_path.iterdir()
    written = path.stat().st_mtime_ns
    second = text.token_ids(tokenizer, SONGS, cache=tmp_path)
    assert path.stat().st_mtime_ns == written
    np.testing.assert_array_equal(first.ids, second.ids)
    assert second.truncated == first.truncated
    text.token_ids(tokenizer, SONGS, max_length=5, cache=tmp_path)
    text.token_ids(tokenizer, SONGS[:2], cache=tmp_path)
    assert len(list(tmp_path.iterdir())) == 3


def test_used_ids_come_first_and_rare_ones_share_a_row():
    tokens = Tokens(np.array([[2, 5, 5, 0], [2, 4, 0, 0]]), np.array([3, 2]), 0)
    order = text.trained_vocabulary(tokens, 7)
    assert order.used == 4
    assert order.row_of.tolist() == [0, 4, 1, 5, 2, 3, 6]
    thresholded = text.trained_vocabulary(tokens, 7, min_frequency=2)
    # 2 and 5 occur twice; the padding has its own row, all others the last.
    assert thresholded.row_of.tolist() == [0, 3, 1, 3, 3, 2, 3]
    assert thresholded.used == 4


def test_a_tokenizer_that_is_not_there_is_an_error_with_a_way_out(tmp_path):
    with pytest.raises(OSError, match=r"could not be loaded.*vocab\.txt"):
        text.wordpiece_tokenizer(tmp_path / "none")


def test_a_folder_in_the_hubs_layout_gives_berts_ids(tmp_path):
    words = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "i", "love", "reg", "##gae", "!"]
    (tmp_path / "vocab.txt").write_text("\n".join(words) + "\n")
    (tmp_path / "tokenizer_config.json").write_text('{"tokenizer_class": "BertTokenizer", "do_lower_case": true}')
    tokenizer = text.wordpiece_tokenizer(tmp_path)
    tokens = text.token_ids(tokenizer, ["I love Reggae!", "zzz"])
    assert tokens.ids.tolist() == [[2, 5, 6, 7, 8, 9, 3], [2, 1, 3, 0, 0, 0, 0]]


def test_the_cache_knows_all_that_decides(tmp_path):
    from tokenizers import normalizers

    cased, uncased = (text.train_wordpiece(["Love love"], vocabulary_size=60) for _ in range(2))
    cased.normalizer = normalizers.BertNormalizer(lowercase=False)
    assert cased.get_vocab() == uncased.get_vocab()
    for tokenizer in (uncased, cased):
        expected = text.token_ids(tokenizer, ["Love"])
        assert text.token_ids(tokenizer, ["Love"], cache=tmp_path).ids.tolist() == expected.ids.tolist()
    # The same bytes, parted elsewhere.
    for texts in (["a\0love", "love"], ["a", "love\0love"]):
        expected = text.token_ids(uncased, texts)
        assert text.token_ids(uncased, texts, cache=tmp_path).ids.tolist() == expected.ids.tolist()


@pytest.mark.parametrize("damage", [b"", b"PK\x03\x04", b"not a zip file", "cut", "other arrays", "other shape"])
def test_what_is_damaged_in_the_cache_is_computed_again(tmp_path, damage):
    tokenizer = text.train_wordpiece(SONGS, vocabulary_size=60)
    expected = text.token_ids(tokenizer, SONGS, cache=tmp_path)
    (path,) = tmp_path.glob("*.npz")
    whole = path.read_bytes()
    if damage == "other arrays":
        np.savez(path, ids=expected.ids)
    elif damage == "other shape":
        np.savez(path, ids=expected.ids[:, :1], lengths=expected.lengths, truncated=0)
    else:
        path.write_bytes(whole[: len(whole) // 2] if damage == "cut" else damage)
    for _ in range(2):
        np.testing.assert_array_equal(text.token_ids(tokenizer, SONGS, cache=tmp_path).ids, expected.ids)
    assert [file.name for file in tmp_path.iterdir()] == [path.name]
    assert path.read_bytes() == whole
