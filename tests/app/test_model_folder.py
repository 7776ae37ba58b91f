"""A model's folder: what is saved comes back the same, and what is not known is refused."""

import hashlib
from pathlib import Path

import jax
import numpy as np
import pytest
from safetensors.numpy import load_file, save_file

import jaxmusic
from jaxmusic import app
from tests.saved_folders import edit_config


@pytest.fixture
def saved(model, tmp_path):
    return app.save(model, tmp_path / "model")


def _edit_tensors(folder, change):
    tensors = dict(load_file(folder / "model.safetensors"))
    change(tensors)
    save_file(tensors, folder / "model.safetensors")
    digest = hashlib.sha256((folder / "model.safetensors").read_bytes()).hexdigest()
    edit_config(folder, lambda config: config.update(weights_sha256=digest))


def test_a_loaded_model_encodes_bit_for_bit_as_the_saved_one(model, music, saved):
    files = [music.folder / "audio" / f"{name}.wav" for name in music.ids[:4]]
    again = jaxmusic.load(saved)
    np.testing.assert_array_equal(again.encode(files, music.lyrics[:4]), model.encode(files, music.lyrics[:4]))
    np.testing.assert_array_equal(again.encode_text("thunder"), model.encode_text("thunder"))
    assert again.settings == model.settings
    assert again.notes == model.notes
    assert again.search("thunder") == model.search("thunder")
    jax.tree.map(np.testing.assert_array_equal, again.index, model.index)
    assert again.cluster_names == model.cluster_names
    assert (again.space, again.space_scores) == (model.space, model.space_scores)


def test_a_folder_that_was_saved_earlier_still_loads():
    """`saved_earlier` was written before the app shared code with `models.save`; the vector is what it gave then."""
    model = app.load(Path(__file__).parent / "saved_earlier")
    assert model.settings.latent == 2
    assert model.index.ids.tolist() == [f"clip_{row:06}" for row in range(6)]
    np.testing.assert_allclose(model.encode_text("road slowly"), [0.03498764, 0.01119482], rtol=1e-4)
    assert model.space == "joint"
    assert len(model.like([model.index.ids[0]], 9)) == 5


def test_a_model_that_was_saved_earlier_is_updated(music, tmp_path, capsys):
    import shutil

    from jaxmusic.app.command_line import main

    folder = shutil.copytree(Path(__file__).parent / "saved_earlier", tmp_path / "model")
    (tmp_path / "music" / "audio").mkdir(parents=True)
    for name in music.ids[3:7]:
        shutil.copy(music.folder / "audio" / f"{name}.wav", tmp_path / "music" / "audio")
    assert main(["update", str(folder), "--folder", str(tmp_path / "music"), "--quiet"]) == 0
    again = app.load(folder)
    assert again.index.ids.tolist() == music.ids[3:7]
    assert len(again.cluster_names) == again.index.cluster.max() + 1
    assert again.index.place.any()


def test_a_model_without_lyrics_loads(silent_model, tmp_path):
    music, model = silent_model
    again = app.load(app.save(model, tmp_path / "model"))
    assert not again.knows_lyrics
    file = music.folder / "audio" / f"{music.ids[5]}.wav"
    np.testing.assert_array_equal(again.encode(file), model.encode(file))


def test_saving_twice_replaces_and_is_the_same(model, saved):
    before = (saved / "config.json").read_bytes(), (saved / "model.safetensors").read_bytes()
    app.save(model, saved)
    assert before == ((saved / "config.json").read_bytes(), (saved / "model.safetensors").read_bytes())


def test_lyrics_are_not_in_the_folder_whole(model, music, saved):
    text = (saved / "config.json").read_text() + (saved / "model.safetensors").read_bytes().decode("latin-1")
    assert music.lyrics[5][:40] not in text


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda c: c.update(version=3), "version 3 and this jaxmusic knows 2"),
        (lambda c: c.update(kind="other"), "not of a model of jaxmusic"),
        (lambda c: c.update(novelty=1), "unknown key novelty"),
        (lambda c: c["settings"].update(heads=4), "unknown key settings.heads"),
        (lambda c: c["clips"].pop("ids"), "no key clips.ids"),
        (lambda c: c.pop("frames"), "no key frames"),
        (lambda c: c["settings"].update(latent=5), "has shape .* makes it"),
        (lambda c: c["settings"].update(width=17), "has shape .* makes it"),
        (lambda c: c["settings"].update(width="wide"), "width must be a whole number"),
        (lambda c: c["vocabulary"].pop(), "lyrics/.* has shape"),
        (lambda c: c.update(vocabulary=None), "unknown tensor lyrics/"),
        (lambda c: c["clips"]["ids"].pop(), "value of clips.ids|value of clips.has_audio"),
        (
            lambda c: (
                [c["clips"][name].pop() for name in ("ids", "has_audio", "has_lyrics", "path", "content", "lyrics")],
                c["clips"]["tags"].clear(),
            ),
            "index/.* has shape",
        ),
        (lambda c: c["clips"].update(ids=[1] * 12), "value of clips.ids"),
        (lambda c: c["clips"].update(has_lyrics="yes"), "value of clips.has_lyrics"),
        (lambda c: c["clips"].update(folder=None), "value of clips.folder"),
        (lambda c: c["clips"]["tags"]["genre"].pop(), "value of clips.tags"),
        (lambda c: c["clips"]["words"].reverse(), "value of clips.words"),
        (lambda c: c["clips"]["path"].pop(), "value of clips.path"),
        (lambda c: c.update(space="sound"), "value of space"),
        (lambda c: c.update(sound={"digest": "0", "tag_names": []}), "value of settings.sound"),
        (lambda c: c.update(cluster_names=[]), "index/cluster points to nothing"),
        (lambda c: c.update(clips=[]), "clips is no object"),
        (lambda c: c.update(layout="../.."), "value of layout"),
        (lambda c: c.update(frames="9"), "value of frames"),
        (lambda c: c.update(n_mels=-1), "value of n_mels"),
        (lambda c: c.update(notes=[{}]), "value of notes"),
        (lambda c: c.update(scores={"recall@10": "high"}), "value of scores"),
        (lambda c: c.update(text_digest="0" * 64), r"no settings\.text"),
    ],
)
def test_what_is_not_known_is_refused_even_with_a_right_digest(saved, change, message):
    edit_config(saved, change)
    with pytest.raises(ValueError, match=message):
        app.load(saved)


def test_an_edited_configuration_is_refused(saved):
    edit_config(saved, lambda config: config["settings"].update(n_fft=1024), sign=False)
    with pytest.raises(ValueError, match=r"config\.json was changed after it was saved"):
        app.load(saved)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda t: t.pop("scaler/mean"), "lacks the tensor scaler/mean"),
        (lambda t: t.update({"extra": np.zeros(1)}), "unknown tensor extra"),
        (lambda t: t.update({"variables/params/label_head": np.zeros(1)}), "unknown tensor params/label_head"),
        (lambda t: t.update({"index/spaces/joint": t["index/spaces/joint"][:, :2].copy()}), "joint has shape"),
        (lambda t: t.update({"index/copy_of": t["index/copy_of"] + 99}), "index/copy_of points to nothing"),
        (lambda t: t.update({"index/words": t["index/words"] + 99_999}), "index/words points to nothing"),
        (lambda t: t.update({"lyrics/idf": np.full_like(t["lyrics/idf"], np.nan)}), "NaN or infinite"),
    ],
)
def test_tensors_that_do_not_fit_are_refused(saved, change, message):
    _edit_tensors(saved, change)
    with pytest.raises(ValueError, match=message):
        app.load(saved)


def test_swapped_weights_are_refused(saved):
    tensors = dict(load_file(saved / "model.safetensors"))
    tensors["index/audio"] = tensors["index/audio"] + 1
    save_file(tensors, saved / "model.safetensors")
    with pytest.raises(ValueError, match="not the one"):
        app.load(saved)


def test_damaged_files_are_named(saved):
    (saved / "model.safetensors").write_bytes(b"short")
    with pytest.raises(ValueError, match=r"model\.safetensors is damaged"):
        app.load(saved)
    (saved / "config.json").write_text("[" * 100_000)
    with pytest.raises(ValueError, match=r"config\.json is not JSON"):
        app.load(saved)
    (saved / "config.json").write_text("{")
    with pytest.raises(ValueError, match=r"config\.json is not JSON"):
        app.load(saved)
    (saved / "config.json").unlink()
    with pytest.raises(FileNotFoundError, match=r"no config\.json"):
        app.load(saved)


def test_a_folder_of_other_things_is_not_written_into(model, tmp_path):
    (tmp_path / "diary.txt").write_text("mine")
    with pytest.raises(FileExistsError, match=r"diary\.txt"):
        app.save(model, tmp_path)
    (tmp_path / "diary.txt").unlink()
    (tmp_path / "config.json").write_text("{}")
    with pytest.raises(FileExistsError, match="another program"):
        app.save(model, tmp_path)
    assert (tmp_path / "config.json").read_text() == "{}"
