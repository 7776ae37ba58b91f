"""Fitting, encoding, searching, and folders that lack something."""

import dataclasses

import numpy as np
import pytest

from jaxmusic import app
from tests.app.conftest import SMALL, write_music


def test_clips_of_the_fit_are_encoded_to_their_places_in_the_index(model, music):
    files = [music.folder / "audio" / f"{name}.wav" for name in music.ids]
    order = [model.index.ids.tolist().index(name) for name in music.ids]
    np.testing.assert_allclose(model.encode(files, music.lyrics), model.index.joint[order], atol=1e-5)
    # Without lyrics it is another place: they count.
    assert np.abs(model.encode(files) - model.index.joint[order]).max() > 1e-3


def test_a_file_alone_has_the_place_it_has_among_others(model, music):
    files = [music.folder / "audio" / f"{name}.wav" for name in music.ids[3:6]]
    np.testing.assert_allclose(model.encode(files[1]), model.encode(files)[1:2], atol=1e-5)


def test_the_same_seed_gives_the_same_model(model, music):
    again = app.fit(music.folder, SMALL)
    np.testing.assert_array_equal(again.index.joint, model.index.joint)
    other = app.fit(music.folder, dataclasses.replace(SMALL, seed=1))
    assert not np.array_equal(other.index.joint, model.index.joint)


def test_sounds_like_ranks_by_cosine_to_the_sound(model):
    found = model.sounds_like("thunder", 12)
    query = model.encode_text("thunder")
    places = model.index.audio
    cosine = places @ query / np.linalg.norm(places, axis=1) / np.linalg.norm(query)
    assert [name for name, _ in found] == model.index.ids[np.argsort(-cosine)].tolist()
    np.testing.assert_allclose([value for _, value in found], np.sort(cosine)[::-1], rtol=1e-4)


def test_clips_like_others_leave_those_out(model, music):
    found = model.like(music.ids[:2], 20)
    assert {name for name, _ in found} == set(music.ids[2:])
    values = [value for _, value in found]
    assert values == sorted(values, reverse=True)


def test_words_and_ids_that_are_not_known_are_named(model, music):
    with pytest.raises(ValueError, match="have a word of 'xylophonic'"):
        model.search("xylophonic")
    with pytest.raises(ValueError, match="did you mean 'clip_000004'"):
        model.like(["clip_00004"])
    with pytest.raises(ValueError, match="no clip given"):
        model.like([])


def test_encode_names_what_it_cannot_read(model, music, tmp_path):
    (tmp_path / "broken.wav").write_bytes(b"no sound")
    with pytest.raises(FileNotFoundError, match=r"missing\.wav"):
        model.encode([tmp_path / "missing.wav"])
    with pytest.raises(ValueError, match=r"broken\.wav can't be read"):
        model.encode([tmp_path / "broken.wav"])
    with pytest.raises(ValueError, match="2 lyrics for 1 files"):
        model.encode([music.folder / "audio" / f"{music.ids[0]}.wav"], ["a", "b"])
    with pytest.raises(ValueError, match="no files"):
        model.encode([])


def test_a_folder_without_lyrics_makes_a_model_of_sound(silent_model):
    _, model = silent_model
    assert any("hears sound alone" in note for note in model.notes)
    assert not model.index.has_lyrics.any()
    assert np.isfinite(model.index.joint).all()
    with pytest.raises(ValueError, match=r"fitted without lyrics.*add lyrics\.csv"):
        model.search("love")
    assert len(model.like([model.index.ids[0]], 3)) == 3


def test_a_folder_of_spectrograms_has_a_model_of_its_own(model, music, tmp_path):
    (tmp_path / "mels").mkdir()
    rng = np.random.default_rng(0)
    for row in range(4):
        np.save(tmp_path / "mels" / f"m{row}.npy", rng.normal(-40, 10, (16, 20 + row)).astype(np.float32))
    own = app.load(app.save(app.fit(tmp_path, SMALL), tmp_path / "model"))
    np.testing.assert_allclose(own.encode([tmp_path / "mels" / "m2.npy"]), own.index.joint[2:3], atol=1e-5)
    np.save(tmp_path / "other.npy", np.zeros((8, 20), np.float32))
    with pytest.raises(ValueError, match="has 8 mel bands, the model knows 16"):
        own.encode([tmp_path / "other.npy"])
    with pytest.raises(ValueError, match="holds audio/ with 32 bands, the model was fitted on mels/ with 16"):
        app.write_map(own, music.folder, tmp_path / "map.html")


def test_two_clips_are_enough_and_one_is_not(tmp_path):
    music = write_music(tmp_path / "two", 2)
    model = app.fit(music.folder, SMALL)
    assert np.isfinite(model.index.joint).all()
    assert len(model.sounds_like("thunder")) == 2
    assert model.search(["thunder"])[0].where == "lyrics"
    drawn = app.write_map(app.load(app.save(model, tmp_path / "model")), music.folder, tmp_path / "map.html")
    assert drawn.clips == 2
    (music.folder / "audio" / f"{music.ids[1]}.wav").unlink()
    with pytest.raises(ValueError, match="has 1 clip with sound, two are needed"):
        app.fit(music.folder, SMALL)


def test_held_out_scores_are_of_clips_that_nothing_was_fitted_on(tmp_path, monkeypatch):
    music = write_music(tmp_path / "music", 48)
    seen = []
    import jaxmusic.app.fitting as fitting

    trainer = fitting.training.Trainer
    real = trainer.fit
    monkeypatch.setattr(trainer, "fit", lambda self, key, batch, **o: seen.append(batch) or real(self, key, batch, **o))
    model = app.fit(music.folder, dataclasses.replace(SMALL, epochs=1))
    trained = len(seen[0]["masks"]["audio"])
    assert 30 < trained < 48
    assert model.scores["pairs"] == 48 - trained
    # What was held out to measure is in the model in the end.
    assert len(seen) == 2
    assert len(seen[1]["masks"]["audio"]) == 48
    assert 0 <= model.scores["recall@10"] <= 1
    assert len(model.index.ids) == 48


def test_a_search_that_cannot_be_measured_is_noted(tmp_path):
    rng = np.random.default_rng(0)
    for folder in ("mels", "lyrics"):
        (tmp_path / folder).mkdir()
    # Nearly all clips are of one artist, whose clips stay in one part.
    artists = ["many"] * 41 + ["single"]
    for row in range(len(artists)):
        np.save(tmp_path / "mels" / f"m{row}.npy", rng.normal(-40, 10, (16, 20)).astype(np.float32))
        (tmp_path / "lyrics" / f"m{row}.txt").write_text(f"love rain night{row % 5}")
    lines = [f"m{row},{artist}" for row, artist in enumerate(artists)]
    (tmp_path / "labels.csv").write_text("\n".join(["id,artist", *lines]))
    model = app.fit(tmp_path, dataclasses.replace(SMALL, epochs=1))
    assert model.scores == {}
    assert any("the search is not measured" in note and "of which 1 with both" in note for note in model.notes)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"epochs": 0}, "epochs must be a whole number from 1"),
        ({"latent": True}, "latent must be a whole number"),
        ({"holdout": 1.0}, "shares below 1"),
        ({"temperature": 0.0}, "above 0"),
        ({"duration": -1.0}, "duration must be seconds above 0"),
        ({"weight_decay": float("nan")}, "weight_decay must be a number"),
    ],
)
def test_settings_that_mean_nothing_are_refused(change, message):
    with pytest.raises(ValueError, match=message):
        dataclasses.replace(SMALL, **change)
