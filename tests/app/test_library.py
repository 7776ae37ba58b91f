"""A nested library of nine formats, from one command to playlists: every line of it by what a person does."""

import dataclasses
import shutil

import jax
import numpy as np
import pytest
import soundfile

from jaxmusic import app, audio, models, text
from jaxmusic.app.command_line import main
from jaxmusic.app.index import folded_words, gather_words
from jaxmusic.app.literal import literal_hits
from jaxmusic.app.spaces import SpaceScores, equal_recordings, is_no_better_than_chance, score_spaces
from jaxmusic.app.surveying import survey
from tests.app.conftest import SMALL
from tests.music_folders import SR


@pytest.fixture
def model(library_model):
    return library_model


@pytest.fixture
def saved(model, tmp_path):
    return str(app.save(model, tmp_path / "model"))


def test_every_playable_file_is_in_and_the_rest_is_noted(library, model):
    assert model.index.ids.tolist() == library.ids
    assert model.index.has_audio.all()
    assert any(note.startswith("broken.mp3 was left out") for note in model.notes)
    assert any("lead out of the folder" in note for note in model.notes)
    assert model.index.tags["title"].tolist() == [library.titles[name] for name in library.ids]
    assert (model.index.seconds > 1.9).all()
    # A link inside, or a name of another, is no recording of its own.
    assert (model.index.copy_of == np.arange(len(library.ids))).all()


def test_every_word_of_the_lyrics_finds_a_clip_that_holds_it(library, model):
    held = {name: set(folded_words(lyrics)) for name, lyrics in library.lyrics.items()}
    words = {word for own in held.values() for word in own}
    assert len(words) > 50
    for word in sorted(words)[::3]:
        assert any(word in held[hit.id] for hit in literal_hits(model.index, word, 10)), word
    assert model.search("night", 10)[: len(literal_hits(model.index, "night", 10))] == literal_hits(
        model.index, "night", 10
    )


def test_a_search_finds_title_artist_and_slips_without_case_and_accents(model, library):
    assert model.search("SONG 7", 3)[0][0::2] == (next(n for n in library.ids if "Söng 7." in n), "title")
    artists = [hit.id for hit in model.search("artist 4", 20) if hit.where == "artist"]
    assert artists == [name for name in library.ids if name.startswith("Ártist 4/")]
    word = max((str(word) for word in model.index.words.vocabulary), key=len)
    slip = word[:3] + word[4:]
    hits = literal_hits(model.index, slip, 5)
    assert hits
    assert {hit.where for hit in hits} == {"a similar spelling"}
    assert any(text.is_near(own, slip) for own in folded_words(library.lyrics[hits[0].id]))
    assert model.search(["song", "7"], 3) == model.search("song 7", 3)


def test_clips_go_by_id_path_and_title(model, library):
    name = library.ids[3]
    row = model.row(name)
    ways = [
        str(library.folder / name),
        name.rpartition(".")[0],
        library.titles[name],
        f"Artist 0 {library.titles[name]}",
    ]
    artist = model.index.tags["artist"][row]
    ways[-1] = f"{artist} {library.titles[name]}"
    assert [model.row(way) for way in ways] == [row] * 4
    assert model.like(library.titles[name], 3) == model.like([name], 3)
    with pytest.raises(ValueError, match="no clip 'Sönk 3' among the 42 that were fitted: did you mean"):
        model.row("Sönk 3")


def test_the_space_is_chosen_by_its_score(model):
    best = max(("components", "joint"), key=lambda name: model.space_scores.scores.get(name, 0))
    if model.space_scores.measure:
        assert model.space == best
        assert "chance" in model.space_scores.sentence(model.space)
    else:
        assert model.space == "components"
    places = model.places() / np.linalg.norm(model.places(), axis=1, keepdims=True)
    found = model.like([model.index.ids[0]], 5)
    expected = np.argsort(-(places[1:] @ places[0]), kind="stable")[:5] + 1
    assert [name for name, _ in found] == model.index.ids[expected].tolist()


def test_scores_of_spaces_are_those_counted_by_hand():
    # Four albums of four clips; one space has each in a corner, the other in none.
    albums = np.repeat(["a", "b", "c", "d"], 4)
    corners = np.eye(4, dtype=np.float32)[[0] * 4 + [1] * 4 + [2] * 4 + [3] * 4]
    noise = np.random.default_rng(0).normal(size=(16, 4)).astype(np.float32)
    scores = score_spaces({"components": corners, "joint": noise}, {"album": albums}, np.arange(16))
    assert scores.measure == "same album among the 5 nearest of 16 clips not trained on"
    assert scores.scores["components"] == pytest.approx(3 / 5)
    assert scores.scores["chance"] == pytest.approx(3 / 15)
    assert scores.best({"components": corners, "joint": noise}) == "components"
    assert scores.is_above_chance("components")
    assert not scores.is_above_chance("joint")
    assert scores.sentence("joint").endswith("joint is used; no better than chance")
    assert score_spaces({"joint": noise}, {"album": np.array([""] * 16)}, np.arange(16)) == SpaceScores("", {})
    assert is_no_better_than_chance(0.95, 0.909, 11)
    assert not is_no_better_than_chance(0.5, 0.1, 100)


def test_equal_recordings_fold_and_others_do_not():
    rng = np.random.default_rng(0)
    song, other = rng.normal(size=8), rng.normal(size=8)
    features = np.stack([song, song, song + 0.01, song + 0.02, other, song + 0.03]).astype(np.float32)
    seconds = np.array([100, 100, 100.2, 140, 100, 100.0])
    titles = np.array(["x", "", "x", "x", "x", ""], object)
    # A copy; the same in another format; a longer take; another song; no title to know it by.
    assert equal_recordings(features, np.ones(6, bool), seconds, titles).tolist() == [0, 0, 0, 3, 4, 5]


def test_a_recording_in_two_formats_is_listed_once(library, model, tmp_path):
    folder = tmp_path / "Music"
    shutil.copytree(library.folder / "Ártist 2", folder / "Ártist 2")
    ours = sorted(path for path in folder.rglob("*.ogg"))[0]
    y, _ = soundfile.read(ours)
    again = ours.with_suffix(".flac")
    soundfile.write(again, y, SR)
    import mutagen

    tags = mutagen.File(again)
    tags["title"], tags["artist"] = mutagen.File(ours)["title"], mutagen.File(ours)["artist"]
    tags.save()
    found = survey(model, folder).clips
    rows = [found.ids.tolist().index(path.relative_to(folder).as_posix()) for path in (again, ours)]
    assert found.copy_of[rows].tolist() == [min(rows)] * 2
    one = dataclasses.replace(model, index=found)
    listed = [name for name, _ in one.like([found.ids[-1]], 50)]
    assert len({*listed} & {str(found.ids[row]) for row in rows}) == 1


def test_an_update_places_what_is_new_and_leaves_the_rest(library, model, saved, tmp_path, capsys, monkeypatch):
    folder = tmp_path / "Music"
    shutil.copytree(
        library.folder, folder, symlinks=True, ignore=lambda _, names: [n for n in names if n == "pipe.wav"]
    )
    # The whole library is in another place: what it holds is known by its content.
    first = survey(model, folder)
    assert (first.added, first.changed, first.removed) == ([], [], [])
    np.testing.assert_array_equal(first.clips.place, model.index.place)
    app.save(dataclasses.replace(model, index=first.clips), saved)
    gone, moved = (folder / name for name in library.ids[:2])
    gone.unlink()
    moved.rename(folder / f"moved{moved.suffix}")
    y = np.sin(np.arange(3 * SR) / 7) * 0.2
    soundfile.write(folder / "new.wav", y, SR)
    soundfile.write(folder / "other.flac", y[::-1], SR)
    (folder / "lyrics.csv").write_text(f'id,lyrics\n"{library.ids[3]}",entirely otherwise\n', encoding="utf-8")
    heard = []
    import jaxmusic.data.clip_folder as reader

    read = reader.read_audio
    monkeypatch.setattr(reader, "read_audio", lambda files, **options: heard.extend(files) or read(files, **options))
    assert main(["update", saved, "--folder", str(folder), "--quiet"]) == 0
    out = capsys.readouterr().out
    assert "2 new: new.wav, other.flac" in out
    assert f"1 changed: {library.ids[3]}" in out
    assert f"1 no longer there: {library.ids[0]}" in out
    # A file that can't be read is tried again; nothing that is known is.
    assert set(heard) == {"new.wav", "other.flac", "broken.mp3"}
    index = app.load(saved).index
    assert len(index.ids) == 43
    before = dict(zip(model.index.ids.tolist(), model.index.place, strict=True))
    names = {f"moved{moved.suffix}": library.ids[1]}
    for name, place in zip(index.ids.tolist(), index.place, strict=True):
        if "new" not in name and "other" not in name:
            np.testing.assert_array_equal(place, before[names.get(name, name)])
    again = app.load(saved)
    assert (again.index.place >= 0).all()
    assert [hit.id for hit in again.search("otherwise", 3) if hit.where == "lyrics"] == [library.ids[3]]
    assert again.cluster_names == model.cluster_names


@pytest.fixture(scope="module")
def net(tmp_path_factory):
    """A small random net of sound with two tags."""
    folder = tmp_path_factory.mktemp("net") / "small"
    module = models.MusicCNN(("low", "very loud"), 3, 2, (8, 4, 2), midend_features=4, units=5)
    mel = np.zeros((1, 96, 187), np.float32)
    return models.save(folder, module, jax.jit(module.init)(jax.random.key(0), mel), inputs=(mel,))


def test_a_net_of_sound_is_a_space_of_its_own(net, music, tmp_path, capsys):
    fitted = app.fit(music.folder, dataclasses.replace(SMALL, sound=str(net), epochs=1))
    assert fitted.space == "sound"
    assert fitted.places().shape[0] == 12
    again = app.load(app.save(fitted, tmp_path / "model"))
    files = [music.folder / "audio" / f"{name}.wav" for name in music.ids]
    encoder = audio.sound_encoder(net, network=models.sound_network, duration=2.0, excerpts=3)
    rows = [again.row(name) for name in music.ids]
    vectors = encoder(files)
    expected = again.sound.components(again.sound.scaler(vectors))
    np.testing.assert_allclose(again.places()[rows], expected, atol=1e-4)
    # Words that are tags are compared with what was heard.
    loudness = encoder.features(files).logits[:, 1]
    assert again.sounds_like("very LOUD", 1)[0][0] == music.ids[int(loudness.argmax())]
    other = models.save(tmp_path / "other", *_changed(net), inputs=(np.zeros((1, 96, 187), np.float32),))
    shutil.move(net, tmp_path / "away")
    shutil.move(other, net)
    new = music.folder / "audio" / "new.wav"
    shutil.copy(files[3], new)
    try:
        # A copy is known by its content; another sound needs the net, and this is another.
        assert len(survey(again, music.folder).clips.ids) == 13
        soundfile.write(new, np.sin(np.arange(2 * SR) / 5) * 0.1, SR)
        with pytest.raises(ValueError, match="is not the one that the model was fitted with"):
            survey(app.load(tmp_path / "model"), music.folder)
    finally:
        new.unlink()
        shutil.rmtree(net)
        shutil.move(tmp_path / "away", net)


def _changed(folder):
    module, variables = models.load(folder)
    return module, jax.tree.map(lambda x: np.asarray(x) * np.float32(1.01), variables)


def test_words_are_kept_without_their_order():
    words = gather_words([["b", "a", "b"], [], ["c", "a"]])
    assert words.vocabulary.tolist() == ["a", "b", "c"]
    assert [words.of(row) for row in range(3)] == [["a", "b"], [], ["a", "c"]]
