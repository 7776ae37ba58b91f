"""The map page: what is in it, and that nothing in it is markup."""

import base64
import csv
import hashlib
import io
import re
from importlib.resources import files
from urllib.parse import unquote

import numpy as np
import pytest
import soundfile

from jaxmusic import app
from jaxmusic.app.cluster_names import cluster_names
from jaxmusic.app.page import column
from jaxmusic.app.page.document import SCRIPTS, narrowed
from jaxmusic.app.places import coordinates
from tests.app.conftest import HOSTILE, NAMES, SMALL, write_music
from tests.app.page_file import Outline, read


def test_nothing_of_the_clips_is_markup(page, music):
    outline = Outline(page)
    assert [tag for tag, _ in outline.tags].count("script") == 4
    assert "img" not in dict(outline.tags)
    assert not [attrs for _, attrs in outline.tags if any(name.startswith("on") for name in attrs)]
    for block in outline.scripts[:3]:
        assert not set("<\0\r\n") & set(block)
    # And yet it is all there, letter by letter.
    data = read(page)
    assert data["lyrics"][data["ids"].index(NAMES[0])] == music.lyrics[0]
    assert data["lyrics"][data["ids"].index(NAMES[0])].startswith(HOSTILE)
    assert set(data["ids"]) >= set(NAMES)
    assert HOSTILE in data["columns"]["genre"]["values"]
    for word in ("innerHTML", "outerHTML", "insertAdjacentHTML", "document.write", "eval(", "new Function"):
        assert word not in outline.scripts[3]


def test_the_page_needs_no_network_and_runs_one_script_only(page):
    outline = Outline(page)
    assert not [attrs for tag, attrs in outline.tags if tag in ("link", "img", "iframe")]
    assert not [attrs for tag, attrs in outline.tags if tag == "script" and "src" in attrs]
    assert not [attrs for _, attrs in outline.tags if "style" in attrs]
    policy = next(attrs["content"] for tag, attrs in outline.tags if "http-equiv" in attrs)
    for directive, text in (("script-src", outline.scripts[3]), ("style-src", outline.styles[0])):
        digest = base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
        assert f"{directive} 'sha256-{digest}';" in policy
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert not re.findall(r"https?://[^\s\"']+", page.read_text(encoding="utf-8"))


def test_every_script_is_on_the_page():
    folder = files("jaxmusic.app.page").joinpath("script")
    assert sorted(path.name for path in folder.iterdir()) == sorted(SCRIPTS)


def test_links_lead_to_the_files(page):
    data = read(page)
    for name, sound in zip(data["ids"], data["sounds"], strict=True):
        target = page.parent / unquote(sound)
        assert target.resolve().is_file()
        assert target.resolve().stem == name


def test_places_and_vectors_are_those_of_the_model(page, model):
    data = read(page)
    for name, places in (("space", model.places()), ("audio", model.index.audio)):
        unit = places / np.linalg.norm(places, axis=1, keepdims=True)
        np.testing.assert_allclose(data[name], unit, atol=2e-5)
    assert data["places"].min() == 0
    assert data["places"].max() == 1
    assert len(data["columns"]["cluster"]["values"]) == 3
    assert [data["clusterNames"][cluster] for cluster in data["clusters"]] == [
        data["columns"]["cluster"]["values"][code] for code in data["columns"]["cluster"]["codes"]
    ]
    assert data["columns"]["language (detected)"]["values"][0] in ("en", "bn")


def test_both_axes_of_the_map_have_one_scale():
    xy = coordinates(np.array([[0.0], [8.0], [2.0]]), seed=0)
    np.testing.assert_allclose(xy, np.array([[0, 0], [1, 8], [2, 2]]) / 8)


def test_wide_vectors_keep_their_cosines():
    rng = np.random.default_rng(0)
    vectors = rng.normal(size=(30, 3)) @ rng.normal(size=(3, 10))
    narrow = narrowed(vectors, 4)
    assert narrow.shape == (30, 4)
    unit = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    np.testing.assert_allclose(narrow @ narrow.T, unit @ unit.T, atol=1e-9)


def test_columns():
    years = column("year", [*map(str, range(1990, 2005)), ""])
    assert years.numbers == [*map(float, range(1990, 2005)), None]
    assert years.values == []
    assert column("disc", ["1", "2", "1"]).values == ["1", "2"]
    assert column("year", [*map(str, range(1990, 2005)), "nan"]).numbers == []
    assert column("mood", ["b", "a", "b", ""]).codes == [0, 1, 0, -1]
    assert not column("file", ["a", "b", "c"]).colours
    assert not column("all", ["a", "a", "a"]).colours
    assert len(column("artist", [f"artist {i // 2}" for i in range(100)]).values) == 50


def test_clusters_are_named_by_what_tells_them_apart():
    genres = {"genre": ["rock"] * 4 + ["folk"] * 4, "title": [f"{i}" for i in range(8)], "year": ["1990"] * 8}
    texts = ["the night is long", "a night in town", "night", "", "rain on the hill", "the rain", "rain, rain", "sun"]
    assert cluster_names([0] * 4 + [1] * 4, genres, texts) == {0: "rock, night", 1: "folk, rain"}
    assert cluster_names([0, 0, 1, 1], {}, ["", "", "", ""]) == {0: "", 1: ""}
    assert cluster_names([0, 0, 0], {"genre": ["rock"] * 3}, ["one word"] * 3) == {0: ""}


def test_clips_that_came_and_went_after_the_fit_are_told(tmp_path):
    music = write_music(tmp_path / "music", 6)
    model = app.fit(music.folder, SMALL)
    (music.folder / "audio" / f"{music.ids[3]}.wav").rename(music.folder / "audio" / "new.wav")
    (music.folder / "audio" / f"{music.ids[4]}.wav").write_bytes(b"broken")
    drawn = app.write_map(model, music.folder, tmp_path / "map.html")
    assert "new" in drawn.added
    assert any("clip_000004" in reason for reason in drawn.dropped)
    data = read(drawn.path)
    row = data["ids"].index("clip_000003")
    assert row not in data["heard"]  # its lyrics are left
    assert data["sounds"][row] == ""
    # Without lyrics, too, nothing of it is left.
    (music.folder / "lyrics.csv").unlink()
    drawn = app.write_map(model, music.folder, tmp_path / "map.html")
    assert "clip_000003" in drawn.removed


def test_a_page_without_lyrics_has_no_tower(silent_model, tmp_path):
    music, model = silent_model
    drawn = app.write_map(model, music.folder, tmp_path / "map.html")
    assert read(drawn.path)["tower"] is None
    with pytest.raises(ValueError, match="clusters must be at least 1"):
        app.write_map(model, music.folder, tmp_path / "map.html", clusters=0)


def test_a_page_that_travels(model, tmp_path):
    music = write_music(tmp_path / "music", 4)
    (music.folder / "audio" / f"{music.ids[3]}.wav").write_bytes(b"broken")
    root = "https://nas.example:8080/my music/"
    drawn = app.write_map(model, music.folder, tmp_path / "map.html", music_root=root, preview_seconds=0.5)
    data = read(drawn.path)
    assert data["sounds"][data["ids"].index(NAMES[1])].startswith("https://nas.example:8080/my%20music/audio/%E0%A6")
    policy = next(attrs["content"] for tag, attrs in Outline(drawn.path).tags if "http-equiv" in attrs)
    assert "media-src 'self' file: data: https://nas.example:8080;" in policy
    sounds = [base64.b64decode(sound) for sound in data["previews"]]
    assert drawn.preview_size == sum(map(len, sounds))
    assert drawn.size == drawn.path.stat().st_size
    assert sounds[data["ids"].index("clip_000003")] == b""
    y, rate = soundfile.read(io.BytesIO(sounds[data["ids"].index(NAMES[0])]))
    assert rate == 22_050
    assert len(y) / rate == pytest.approx(0.5, abs=0.1)  # MP3 is made of whole frames
    assert np.abs(y).max() > 0.01


@pytest.mark.parametrize("root", ["https://", "https://me@host/music", "https://host/a?b", "ftp://host/music", " "])
def test_a_music_root_that_is_none_is_refused(root, model, music, tmp_path):
    with pytest.raises(ValueError, match="music-root"):
        app.write_map(model, music.folder, tmp_path / "map.html", music_root=root)


def test_a_length_of_previews_that_is_none_is_refused(model, music, tmp_path):
    with pytest.raises(ValueError, match="embed-previews must be above 0"):
        app.write_map(model, music.folder, tmp_path / "map.html", preview_seconds=0)


def test_the_order_of_labels_is_no_matter_of_the_page(model, tmp_path):
    music = write_music(tmp_path / "music", 4)
    labels = music.folder / "labels.csv"
    rows = list(csv.reader(labels.open(encoding="utf-8")))
    first = app.write_map(model, music.folder, tmp_path / "map.html").path.read_bytes()
    with labels.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows([rows[0], *rows[:0:-1]])
    assert app.write_map(model, music.folder, tmp_path / "map.html").path.read_bytes() == first
