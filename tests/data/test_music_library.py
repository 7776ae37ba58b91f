"""Music as it lies on a disk: every playable file is a clip, with its tags and words; the rest is counted by kind."""

import csv

import numpy as np
import pytest
import soundfile

from jaxmusic import data
from jaxmusic.audio import foreign, load
from jaxmusic.audio.io import seconds_of, stream
from jaxmusic.audio.tree import music_tree
from jaxmusic.data.clip_folder import read_clips
from jaxmusic.data.tags import lyrics_beside, read_tags, without_times
from tests.music_folders import FORMATS, SR, add_oddities, write_library


@pytest.fixture(scope="module")
def library(tmp_path_factory):
    folder = tmp_path_factory.mktemp("library")
    library = write_library(folder / "Músic")
    add_oddities(library, folder / "outside")
    return library


@pytest.fixture(scope="module")
def found(library):
    return data.clips(library.folder, n_mels=16, progress=False)


def test_every_playable_file_is_a_clip_and_the_rest_is_named_by_kind(library, found):
    assert [name for name in found.ids if "é" not in name] == library.ids
    assert {name.rpartition(".")[2] for name in library.ids} == set(FORMATS)
    assert found.masks["audio"].all()
    assert [entry["file"] for entry in found.source["dropped"]] == ["broken.mp3"]
    said = "\n".join(found.source["notes"])
    assert "1 files hold no recording that can be decoded (1 .mid)" in said
    assert "1 links lead out of the folder and are not read: --follow-links reads them" in said
    assert "1 files differ from another in the Unicode form of their name alone: all are kept" in said
    for silent in ("cover", "cue", "pipe", "loop", "nowhere", "again", "hidden", "._01"):
        assert silent not in said
    assert "é.wav" in found.ids
    assert "é.wav (2)" in found.ids


def test_links_are_followed_when_asked_and_loops_end(library):
    tree = music_tree(library.folder, follow_links=True)
    assert tree.files.keys() - music_tree(library.folder).files.keys() == {"outside/private.wav"}


def test_tags_and_lyrics_of_every_format(library, found):
    rows = {name: row for row, name in enumerate(found.ids.tolist())}
    for name in library.ids:
        row = rows[name]
        assert found.labels["title"][row] == library.titles[name], name
        assert found.labels["artist"][row] == name.split("/")[0]
        assert found.labels["album"][row] == name.split("/")[1]
        assert found.labels["year"][row] == "2001"
        assert " ".join(found.modalities["lyrics"][row].split()) == library.lyrics[name], name
    assert found.source["groups"] == "album artist, artist or folder"
    artists = {found.groups[rows[name]] for name in library.ids if name.startswith("Ártist 2/")}
    assert artists == {"artist ártist 2"}
    # Without tags and in no folder of its own: a group for itself.
    assert found.groups[rows["é.wav"]] == ""


def test_tables_override_tags_and_embedded_words(tmp_path):
    library = write_library(tmp_path, 3)
    with (tmp_path / "labels.csv").open("w", newline="") as file:
        csv.writer(file).writerows(
            [("id", "title", "mood"), ("00 - Söng 0", "Other", "calm"), (library.ids[1], "", "x")]
        )
    with (tmp_path / "lyrics.csv").open("w", newline="") as file:
        csv.writer(file).writerows([("id", "lyrics"), ("01 - Söng 1.flac", "my own words")])
    found = data.clips(tmp_path, n_mels=16, progress=False)
    assert found.labels["title"].tolist() == ["Other", "Söng 1", "Söng 2"]
    assert found.labels["mood"].tolist() == ["calm", "x", ""]
    assert found.modalities["lyrics"][1] == "my own words"
    texts = read_clips(tmp_path, None, only=library.ids[2:])
    assert texts.ids.tolist() == library.ids[2:]
    assert texts.labels["title"].tolist() == ["Söng 2"]
    assert set(texts.modalities) == {"lyrics"}


@pytest.mark.parametrize("decoder", ["av", "ffmpeg"])
@pytest.mark.parametrize("ending", ["m4a", "wma", "wv"])
def test_formats_that_libsndfile_lacks_sound_the_same(library, decoder, ending, monkeypatch):
    if decoder == "av":
        pytest.importorskip("av")
    else:
        find = foreign.importlib.util.find_spec
        monkeypatch.setattr(foreign.importlib.util, "find_spec", lambda name: None if name == "av" else find(name))
    path = next(library.folder / name for name in library.ids if name.endswith(ending))
    y = load(path)
    assert abs(seconds_of(path) - 2.0) < 0.25
    assert abs(len(y) / SR - 2.0) < 0.25
    assert y.std() > 0.01
    np.testing.assert_array_equal(np.concatenate(list(stream(path, sr=SR)))[: len(y)], y)
    # Windows Media counts in what its decoder starts with.
    assert abs(len(load(path, duration=1.5, excerpts=3)) - 1.5 * SR) < (0.25 * SR if ending == "wma" else 3)
    if ending == "wma":  # its length is reckoned from the size of the file
        return
    path.with_name(f"cut.{ending}").write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    with pytest.raises(ValueError, match=rf"cut\.{ending}: (truncated|not readable|holds no)"):
        load(path.with_name(f"cut.{ending}"))
    path.with_name(f"cut.{ending}").unlink()


def test_what_no_decoder_is_there_for_is_counted(library, monkeypatch):
    monkeypatch.setattr("jaxmusic.audio.tree.has_decoder", lambda: False)
    tree = music_tree(library.folder)
    assert any(
        note.startswith("6 files are not read (2 .m4a, 2 .wma, 2 .wv): pip install 'jaxmusic[formats]'")
        for note in tree.notes
    )


def test_a_playlist_that_poses_as_sound_opens_nothing_else(library, tmp_path):
    (tmp_path / "song.m4a").write_text("ffconcat version 1.0\nfile 'http://localhost:9/a.wav'\n")
    with pytest.raises(ValueError, match=r"song\.m4a: "):
        load(tmp_path / "song.m4a")


def test_words_beside_a_file(tmp_path):
    (tmp_path / "a.mp3").write_bytes(b"")
    assert lyrics_beside(tmp_path / "a.mp3") == ""
    (tmp_path / "a.txt").write_text("plain", encoding="utf-16")
    assert lyrics_beside(tmp_path / "a.mp3") == "plain"
    (tmp_path / "a.lrc").write_bytes(b"[00:01.00]\xff\xe9")
    with pytest.raises(ValueError, match=r"a\.lrc is neither UTF-8 nor UTF-16"):
        lyrics_beside(tmp_path / "a.mp3")
    assert without_times("[ti:x]\r\n[offset:+10]\r\n[00:01]One [live]\r\n\r\n[1:02.345]two") == "One [live]\ntwo"


def test_damaged_tags_are_a_reason(tmp_path):
    (tmp_path / "a.flac").write_bytes(b"fLaC\x00\x00")
    with pytest.raises(ValueError, match="its tags can't be read"):
        read_tags(tmp_path / "a.flac")


def test_a_folder_without_sound_says_what_it_holds(tmp_path):
    (tmp_path / "song.mid").write_bytes(b"MThd")
    with pytest.raises(FileNotFoundError, match=r"holds no sound.*1 files hold no recording.*1 \.mid"):
        data.clips(tmp_path, progress=False)


def test_a_tag_of_a_book_is_cut(tmp_path):
    path = tmp_path / "a.flac"
    soundfile.write(path, np.zeros(SR), SR)
    mutagen = pytest.importorskip("mutagen")
    file = mutagen.File(path)
    file["title"], file["artist"], file["date"], file["tracknumber"] = (
        "x" * 9999,
        ["A", "B", "A"],
        "c. 1999-05",
        "03/12",
    )
    file["bpm"], file["syncedlyrics"] = "fast", "[00:01.00]la\n[00:02.00]lo"
    file.save()
    assert read_tags(path) == {
        "title": "x" * 300,
        "artist": "A; B",
        "year": "1999",
        "track": "3",
        "lyrics": "la\nlo",
    }
