"""The map page of a model in chromium: it selects, plays, searches and ranks as Python does."""

import dataclasses
import importlib
import re

import numpy as np
import pytest

from jaxmusic import app
from jaxmusic.app.journeys import path_between
from tests.app.conftest import HOSTILE, NAMES, SMALL, write_music
from tests.app.page_file import opened, read, select


def test_a_click_selects_and_nothing_of_the_clips_runs(browser, page, music):
    find = opened(browser, page)
    ids = read(page)["ids"]
    for name in NAMES:
        select(browser, ids.index(name))
        assert browser.execute_script("return document.getElementById('title').textContent") == name
        assert find("#lyrics")[0].get_property("textContent") == music.lyrics[music.ids.index(name)]
    find("#color option[value='genre']")[0].click()
    assert HOSTILE in find("#legend")[0].text
    assert browser.title.startswith("Music map: it's <my> music 🎵")
    assert not find("img")
    find("#query")[0].send_keys("<img src=x onerror=alert(1)>\n")
    assert "<img src=x" in find("#status")[0].text
    assert not find("img")
    # Lyrics and their lines in the results, the names of clips on the map: all of it stays text.
    find("#query")[0].clear()
    find("#query")[0].send_keys("document.title owned\n")
    assert HOSTILE[:20] in find("#results")[0].text
    assert browser.title.startswith("Music map")
    assert browser.get_log("browser") == []


def test_the_sound_is_found(browser, page):
    opened(browser, page)
    ids = read(page)["ids"]
    for name in (*NAMES, "clip_000005"):
        select(browser, ids.index(name))
        seconds = browser.execute_async_script(
            "const done = arguments[0], player = document.getElementById('player');"
            "player.onloadedmetadata = () => done(player.duration);"
            "player.onerror = () => done('error'); player.load(); player.preload = 'metadata'; player.load();"
        )
        assert seconds == pytest.approx(2.0, abs=0.01)


def _section(find, heading):
    """Rows and texts of the clips below a heading."""
    for section in find("#results section"):
        if [h.text for h in section.find_elements("css selector", "h3")] == [heading]:
            return [(int(b.get_attribute("data-row")), b.text) for b in section.find_elements("css selector", ".clip")]
    return []


@pytest.mark.parametrize("query", ["thunder", "love the NIGHT", "don’t আমার", "বাংলা ভালোবাসা night's"])
def test_the_sound_of_words_ranks_as_in_python(browser, page, model, query):
    find = opened(browser, page)
    find("#query")[0].send_keys(query + "\n")
    shown = _section(find, "Sounds like these words")
    try:
        place = model.encode_text(query)
    except ValueError:
        assert shown == []
        return
    norms = np.linalg.norm(model.index.audio, axis=1) * np.linalg.norm(place)
    cosines = model.index.audio @ place / norms
    assert [row for row, _ in shown] == np.argsort(-cosines, kind="stable").tolist()
    found = [float(text.rsplit("(", 1)[1].rstrip(")")) for _, text in shown]
    np.testing.assert_allclose(found, np.sort(cosines)[::-1], atol=6e-4)


def test_every_word_of_the_lyrics_finds_them_among_the_first_ten(browser, page, music):
    opened(browser, page)
    data = read(page)
    holders: dict[str, set[int]] = {}
    for row, text in enumerate(data["lyrics"]):
        for word in importlib.import_module("jaxmusic.text").words(text):
            holders.setdefault(word, set()).add(row)
    assert len(holders) > 100
    found = browser.execute_async_script(
        """const [queries, done] = arguments, box = document.getElementById("query"), all = [];
        (async () => {
          for (const query of queries) {
            box.value = query;
            document.getElementById("search").requestSubmit();
            await new Promise((resolve) => setTimeout(resolve));
            const buttons = [...document.querySelectorAll("#results .clip")];
            all.push(buttons.slice(0, 10).map((b) => Number(b.dataset.row)));
          }
        })().then(() => done(all));""",
        list(holders),
    )
    missed = [word for (word, rows), first in zip(holders.items(), found, strict=True) if not rows & set(first)]
    assert missed == []


def test_more_like_this_ranks_as_in_python(browser, page, model):
    find = opened(browser, page)
    select(browser, 5)
    find("#like")[0].click()
    shown = [model.index.ids[int(button.get_attribute("data-row"))] for button in find("#results .clip")]
    assert shown == [name for name, _ in model.like([str(model.index.ids[5])], 20)]


def test_a_path_is_that_of_python(browser, page, model):
    find = opened(browser, page)
    ids = read(page)["ids"]
    for first, last in ((2, 9), (7, 0), (4, 4)):
        select(browser, first)
        find("#way")[0].click()
        assert "Choose where the way" in find("#status")[0].text
        select(browser, last)
        if first == last:
            find("#way")[0].click()
            assert find("#status")[0].text == ""
            continue
        importlib.import_module("selenium.webdriver.support.wait").WebDriverWait(browser, 5).until(
            lambda _: find("#status")[0].text.startswith("From “")
        )
        shown = [ids[int(button.get_attribute("data-row"))] for button in find("#results .clip")]
        expected = path_between(model, ids[first], ids[last])
        assert shown == [name for name, _ in expected]
        cosines = [float(button.text.rsplit("(", 1)[1].rstrip(")")) for button in find("#results .clip")]
        np.testing.assert_allclose(cosines, [cosine for _, cosine in expected], atol=1e-3)


def test_a_value_of_the_legend_shows_its_clips_alone(browser, page):
    find = opened(browser, page)
    column = read(page)["columns"]["cluster"]
    sizes = [int(re.search(r"\((\d+)\)$", button.text)[1]) for button in find("#legend button")]
    assert sizes == sorted(sizes, reverse=True)
    names = [f"{name} ({n})" for name, n in zip(column["values"], sizes, strict=True)]
    assert [button.text for button in find("#legend button")] == names
    find("#legend button")[1].click()
    listed = {int(button.get_attribute("data-row")) for button in find("#results .clip")}
    assert listed == {row for row, code in enumerate(column["codes"]) if code == 1}
    assert find("#status")[0].text == f"cluster: {column['values'][1]}"
    find("#legend button")[1].click()
    assert not find("#results .clip")
    find("#legend button")[0].click()
    find("#clear")[0].click()
    assert not find("#results .clip")


def test_a_sound_that_is_gone_is_told_and_a_preview_takes_its_place(browser, model, tmp_path):
    music = write_music(tmp_path / "music", 4)
    drawn = app.write_map(model, music.folder, tmp_path / "map.html")
    travels = app.write_map(model, music.folder, tmp_path / "travels.html", music_root="away", preview_seconds=1)
    ids = read(drawn.path)["ids"]
    gone = ids.index(music.ids[3])
    (music.folder / "audio" / f"{music.ids[3]}.wav").unlink()
    wait = importlib.import_module("selenium.webdriver.support.wait").WebDriverWait(browser, 5)
    find = opened(browser, drawn.path)
    select(browser, gone)
    wait.until(lambda _: "can't be played" in find("#silence")[0].text)
    select(browser, ids.index(music.ids[2]))
    assert find("#silence")[0].text == ""
    find = opened(browser, travels.path)
    select(browser, gone)
    wait.until(lambda _: "This is a preview" in find("#silence")[0].text)
    wait.until(lambda _: (find("#player")[0].get_property("duration") or 0) == pytest.approx(1, abs=0.1))
    browser.get_log("browser")


def test_a_page_without_lyrics_says_so_and_finds_titles(browser, silent_model, tmp_path):
    music, model = silent_model
    find = opened(browser, app.write_map(model, music.folder, tmp_path / "map.html").path)
    assert "fitted without lyrics" in find("#limits")[0].text
    find("#query")[0].send_keys("000007\n")
    assert [button.text for button in find("#results .clip")] == ["clip_000007"]


def test_a_page_of_sentence_embeddings_says_where_sounds_are_searched(browser, music, encoder, tmp_path):
    model = app.fit(music.folder, dataclasses.replace(SMALL, text=str(encoder)))
    find = opened(browser, app.write_map(model, music.folder, tmp_path / "map.html").path)
    assert "python -m jaxmusic search MODEL" in find("#limits")[0].text
    select(browser, 5)
    find("#like")[0].click()
    shown = [model.index.ids[int(button.get_attribute("data-row"))] for button in find("#results .clip")]
    assert shown == [name for name, _ in model.like([str(model.index.ids[5])], 20)]
    find("#query")[0].send_keys("thunder\n")
    assert [heading.text for heading in find("#results h3")] == ["Lyrics"]
