"""The text benchmark on little: a row, and vectors that agree with the peer's."""

import shutil
from pathlib import Path

import pytest

from benchmarks import text as benchmark

GOLDEN = Path(__file__).parent.parent / "golden"


@pytest.fixture
def options(tmp_path):
    folder = Path(shutil.copytree(GOLDEN / "transformer_bert", tmp_path / "model"))
    (folder / "vocab.txt").write_text("\n".join(["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *"abcdefghijklm"]))
    lyrics = tmp_path / "lyrics.csv"
    lyrics.write_text("id,lyrics\n" + "".join(f"{i},{'a b c ' * (1 + i % 5)}\n" for i in range(20)))
    return benchmark.Options(folder, lyrics, texts=12, batch_tokens=64, rounds=1)


def test_a_row_for_float32_and_the_peer_agrees(options, monkeypatch):
    pytest.importorskip("torch", reason="PyTorch is not installed; the benchmark needs it, the library does not")
    pytest.importorskip("transformers", reason="transformers is not installed; the benchmark needs it")
    found = benchmark.measure(options)
    assert [row[0] for row in found["rows"]] == ["float32"]
    assert min(found["rows"][0][1:5]) > 0
    monkeypatch.setattr(benchmark, "_AGREEMENT", {"float32": 0.0})
    with pytest.raises(RuntimeError, match="vectors differ"):
        benchmark.measure(options)


def test_a_table_without_lyrics_is_refused(options):
    options.lyrics.write_text("id,words\n1,a\n")
    with pytest.raises(ValueError, match="no column lyrics; it has id, words"):
        benchmark.measure(options)
