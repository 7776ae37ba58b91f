"""The map page: what is in it, that nothing in it is markup, and that it works in a browser."""

import base64
import dataclasses
import hashlib
import importlib
import json
import re
from html.parser import HTMLParser
from urllib.parse import unquote

import numpy as np
import pytest

from jaxmusic import app
from tests.app.conftest import HOSTILE, NAMES, SMALL, write_music


@pytest.fixture(scope="module")
def page(model, music, tmp_path_factory):
    return app.write_map(model, music.folder, tmp_path_factory.mktemp("pages") / "map.html", clusters=3).path


class _Outline(HTMLParser):
    """Every tag with its attributes, and the text of the scripts."""

    def __init__(self):
        super().__init__()
        self.tags, self.scripts, self._in_script = [], [], False

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))
        self._in_script = tag == "script"
        if self._in_script:
            self.scripts.append("")

    def handle_endtag(self, tag):
        self._in_script = False

    def handle_data(self, content):
        if self._in_script:
            self.scripts[-1] += content


def _outline(page):
    outline = _Outline()
    outline.feed(page.read_text(encoding="utf-8"))
    return outline


def test_nothing_of_the_clips_is_markup(page, tmp_path):
    outline = _outline(page)
    assert [tag for tag, _ in outline.tags].count("script") == 2
    assert "img" not in dict(outline.tags)
    assert not [attrs for _, attrs in outline.tags if any(name.startswith("on") for name in attrs)]
    content = outline.scripts[0]
    assert not set("<>&") & set(content)
    data = json.loads(content)
    # And yet it is all there, letter by letter.
    assert data["clips"][[c["id"] for c in data["clips"]].index(NAMES[0])]["lyrics"].startswith(HOSTILE)
    assert {clip["id"] for clip in data["clips"]} >= set(NAMES)
    assert HOSTILE in data["colors"]["genre"]
    assert "innerHTML" not in outline.scripts[1].replace("no innerHTML here", "")


def test_the_page_needs_no_network_and_runs_one_script_only(page):
    outline = _outline(page)
    assert not [attrs for tag, attrs in outline.tags if tag in ("link", "img", "iframe")]
    assert not [attrs for tag, attrs in outline.tags if tag == "script" and "src" in attrs]
    policy = next(attrs["content"] for tag, attrs in outline.tags if "http-equiv" in attrs)
    digest = base64.b64encode(hashlib.sha256(outline.scripts[1].encode()).digest()).decode()
    assert f"script-src 'sha256-{digest}'" in policy
    assert "default-src 'none'" in policy
    addresses = set(re.findall(r"https?://[^\s\"']+", page.read_text(encoding="utf-8")))
    assert addresses == {"http://www.w3.org/2000/svg"}  # a name, not an address to load


def test_links_lead_to_the_files(page, music):
    for clip in json.loads(_outline(page).scripts[0])["clips"]:
        target = page.parent / unquote(clip["sound"])
        assert target.resolve().is_file()
        assert target.resolve().stem == clip["id"]


def test_places_and_vectors_are_those_of_the_model(page, model):
    data = json.loads(_outline(page).scripts[0])
    joint = np.frombuffer(base64.b64decode(data["joint"]), "<f4").reshape(-1, data["latent"])
    np.testing.assert_allclose(joint, model.index.joint, atol=1e-5)
    places = np.array([clip["place"] for clip in data["clips"]])
    assert places.min() == 0
    assert places.max() == 1
    assert len(set(data["colors"]["cluster"])) == 3
    assert data["colors"]["language (detected)"][0] in ("en", "bn", "und")


def test_clips_that_came_and_went_after_the_fit_are_told(tmp_path):
    music = write_music(tmp_path / "music", 6)
    model = app.fit(music.folder, SMALL)
    (music.folder / "audio" / f"{music.ids[3]}.wav").rename(music.folder / "audio" / "new.wav")
    (music.folder / "audio" / f"{music.ids[4]}.wav").write_bytes(b"broken")
    drawn = app.write_map(model, music.folder, tmp_path / "map.html")
    assert "new" in drawn.added
    assert any("clip_000004" in reason for reason in drawn.dropped)
    clips = {clip["id"]: clip for clip in json.loads(_outline(drawn.path).scripts[0])["clips"]}
    assert not clips["clip_000003"]["heard"]  # its lyrics are left
    assert clips["clip_000003"]["sound"] == ""
    # Without lyrics, too, nothing of it is left.
    (music.folder / "lyrics.csv").unlink()
    drawn = app.write_map(model, music.folder, tmp_path / "map.html")
    assert "clip_000003" in drawn.removed


def test_a_page_without_lyrics_has_no_tower(silent_model, tmp_path):
    music, model = silent_model
    drawn = app.write_map(model, music.folder, tmp_path / "map.html")
    assert json.loads(_outline(drawn.path).scripts[0])["tower"] is None
    with pytest.raises(ValueError, match="clusters must be at least 1"):
        app.write_map(model, music.folder, tmp_path / "map.html", clusters=0)


def _open(browser, page):
    browser.get_log("browser")  # leave what an earlier page said
    browser.get(page.as_uri())
    return lambda css: browser.find_elements("css selector", css)


def test_in_a_browser_a_click_selects_and_nothing_of_the_clips_runs(browser, page, music):
    find = _open(browser, page)
    assert len(find("circle")) == len(music.ids)
    ids = [clip["id"] for clip in json.loads(_outline(page).scripts[0])["clips"]]
    for name in NAMES:
        # Points may lie upon each other: the keyboard reaches each.
        find(f"circle[data-row='{ids.index(name)}']")[0].send_keys("\n")
        assert browser.execute_script("return document.getElementById('title').textContent") == name
        assert find("#lyrics")[0].get_property("textContent") == music.lyrics[music.ids.index(name)]
    find("#color option[value='genre']")[0].click()
    assert HOSTILE in find("#legend")[0].text
    assert browser.title.startswith("Music map: it's <my> music 🎵")
    assert not find("img")
    assert browser.get_log("browser") == []
    top = browser.execute_script(
        "const box = document.querySelector('circle[data-row=\"4\"]').getBoundingClientRect();"
        "return document.elementFromPoint(box.x + box.width / 2, box.y + box.height / 2).dataset.row"
    )
    find(f"circle[data-row='{top}']")[0].click()
    assert find("#title")[0].text == ids[int(top)]


def test_in_a_browser_the_sound_is_found(browser, page):
    find = _open(browser, page)
    ids = [clip["id"] for clip in json.loads(_outline(page).scripts[0])["clips"]]
    for name in (*NAMES, "clip_000005"):
        find(f"circle[data-row='{ids.index(name)}']")[0].send_keys("\n")
        seconds = browser.execute_async_script(
            "const done = arguments[0], player = document.getElementById('player');"
            "player.onloadedmetadata = () => done(player.duration);"
            "player.onerror = () => done('error'); player.load(); player.preload = 'metadata'; player.load();"
        )
        assert seconds == pytest.approx(2.0, abs=0.01)


@pytest.mark.parametrize("query", ["thunder", "love the NIGHT", "don’t আমার", "বাংলা ভালোবাসা night's"])
def test_in_a_browser_a_search_ranks_as_python_does(browser, page, model, query):
    find = _open(browser, page)
    find("#query")[0].send_keys(query + "\n")
    shown = [(int(button.get_attribute("data-row")), button.text) for button in find("#results button")]
    try:
        expected = model.search(query, 20)
    except ValueError:
        assert shown == []
        assert "try other words" in find("#status")[0].text
        return
    assert [model.index.ids[row] for row, _ in shown] == [name for name, _ in expected]
    cosines = [float(text.rsplit("(", 1)[1].rstrip(")")) for _, text in shown]
    np.testing.assert_allclose(cosines, [value for _, value in expected], atol=6e-4)


def test_in_a_browser_more_like_this_ranks_as_python_does(browser, page, model):
    find = _open(browser, page)
    find("circle[data-row='5']")[0].send_keys("\n")
    find("#like")[0].click()
    shown = [model.index.ids[int(button.get_attribute("data-row"))] for button in find("#results button")]
    assert shown == [name for name, _ in model.like([str(model.index.ids[5])], 20)]


def test_in_a_browser_a_search_of_markup_stays_text(browser, page):
    find = _open(browser, page)
    find("#query")[0].send_keys("<img src=x onerror=alert(1)>\n")
    assert "<img src=x" in find("#status")[0].text
    assert not find("img")


def _shown(find):
    return {int(circle.get_attribute("data-row")) for circle in find("circle:not(.faded)")}


def test_in_a_browser_the_keyboard_does_all(browser, page, music):
    find = _open(browser, page)
    keys = importlib.import_module("selenium.webdriver.common.keys").Keys
    assert len(find("circle[tabindex='0']")) == 1  # one stop of the Tab key, not one for each clip
    focused = lambda: browser.switch_to.active_element  # noqa: E731
    find("circle[tabindex='0']")[0].send_keys("")
    browser.execute_script("document.querySelector('circle').focus()")
    seen = {focused().get_attribute("data-row")}
    for key in (keys.ARROW_RIGHT, keys.ARROW_UP, keys.ARROW_LEFT, keys.ARROW_DOWN) * 12:
        before = focused().rect
        focused().send_keys(key)
        after = focused().rect
        moved = {
            keys.ARROW_RIGHT: after["x"] - before["x"],
            keys.ARROW_LEFT: before["x"] - after["x"],
            keys.ARROW_UP: before["y"] - after["y"],
            keys.ARROW_DOWN: after["y"] - before["y"],
        }[key]
        assert moved >= 0
        seen.add(focused().get_attribute("data-row"))
    assert len(seen) >= 4
    assert len(find("circle[tabindex='0']")) == 1
    row = int(focused().get_attribute("data-row"))
    focused().send_keys(keys.ENTER)
    assert find("circle.selected")[0].get_attribute("data-row") == str(row)
    find("#query")[0].send_keys("thunder\n")
    assert find("#results button")
    find("#results button")[1].send_keys(keys.ENTER)
    assert find("#results button[aria-current='true']")[0].text == find("#results button")[1].text
    focused().send_keys(keys.ESCAPE)
    assert not find("#results button")
    assert len(_shown(find)) == len(music.ids)


def test_in_a_browser_a_value_of_the_legend_shows_its_clips_alone(browser, page):
    find = _open(browser, page)
    data = json.loads(_outline(page).scripts[0])
    sizes = [int(re.search(r"\((\d+)\)$", button.text)[1]) for button in find("#legend button")]
    assert sizes == sorted(sizes, reverse=True)
    assert [button.text for button in find("#legend button")] == [f"cluster {i + 1} ({n})" for i, n in enumerate(sizes)]
    find("#legend button")[1].click()
    assert _shown(find) == {row for row, value in enumerate(data["colors"]["cluster"]) if value == "cluster 2"}
    assert find("#status")[0].text == "cluster: cluster 2"
    find("#legend button")[1].click()
    assert len(_shown(find)) == len(data["clips"])
    find("#legend button")[0].click()
    find("#clear")[0].click()
    assert len(_shown(find)) == len(data["clips"])


def test_in_a_browser_a_touch_beside_a_clip_means_it(browser, page):
    find = _open(browser, page)
    row = browser.execute_script(
        "const all = [...document.querySelectorAll('circle')].map((c) => c.getBoundingClientRect());"
        "const far = (a, b) => Math.hypot(a.x - b.x, a.y - b.y);"
        "const i = all.findIndex((a, i) => all.every((b, j) => i === j || far(a, b) > 60)); if (i < 0) return -1;"
        "const box = all[i]; document.getElementById('map').dispatchEvent(new MouseEvent('click',"
        "{bubbles: true, clientX: box.right + 5, clientY: box.y + box.height / 2})); return i"
    )
    assert row >= 0
    assert find("circle.selected")[0].get_attribute("data-row") == str(row)


@pytest.mark.parametrize("width", [360, 1200])
def test_in_a_browser_nothing_is_cut_off_at_the_side(browser, page, width):
    size = {"width": width, "height": 800, "deviceScaleFactor": 1, "mobile": width < 600}
    browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
    try:
        find = _open(browser, page)
        find("circle[data-row='2']")[0].send_keys("\n")
        find("#query")[0].send_keys("thunder\n")
        find("#color option[value='genre']")[0].click()
        wide = browser.execute_script(
            "return [...document.querySelectorAll('body *')].filter((e) => e.getBoundingClientRect().right > innerWidth"
            " + 1).map((e) => e.id || e.tagName)"
        )
        assert wide == []
    finally:
        browser.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})


def test_in_a_browser_a_sound_that_is_gone_is_told(browser, model, tmp_path):
    music = write_music(tmp_path / "music", 4)
    drawn = app.write_map(model, music.folder, tmp_path / "map.html")
    (music.folder / "audio" / f"{music.ids[3]}.wav").unlink()
    find = _open(browser, drawn.path)
    ids = [clip["id"] for clip in json.loads(_outline(drawn.path).scripts[0])["clips"]]
    find(f"circle[data-row='{ids.index(music.ids[3])}']")[0].send_keys("\n")
    wait = importlib.import_module("selenium.webdriver.support.wait").WebDriverWait(browser, 5)
    wait.until(lambda _: "can't be played" in find("#silence")[0].text)
    find(f"circle[data-row='{ids.index(music.ids[2])}']")[0].send_keys("\n")
    assert find("#silence")[0].text == ""
    browser.get_log("browser")


def test_in_a_browser_a_page_without_lyrics_says_so(browser, silent_model, tmp_path):
    music, model = silent_model
    find = _open(browser, app.write_map(model, music.folder, tmp_path / "map.html").path)
    assert "no search by words" in find("#status")[0].text
    assert not find("#search")[0].is_displayed()
    assert len(find("circle")) == len(music.ids)


def test_in_a_browser_a_page_of_sentence_embeddings_has_no_search_box(browser, music, encoder, tmp_path):
    model = app.fit(music.folder, dataclasses.replace(SMALL, text=str(encoder)))
    find = _open(browser, app.write_map(model, music.folder, tmp_path / "map.html").path)
    assert not find("#search")[0].is_displayed()
    assert "python -m jaxmusic search MODEL" in find("#status")[0].text
    find("circle[data-row='5']")[0].send_keys("\n")
    find("#like")[0].click()
    shown = [model.index.ids[int(button.get_attribute("data-row"))] for button in find("#results button")]
    assert shown == [name for name, _ in model.like([str(model.index.ids[5])], 20)]
    find("#clear")[0].click()
    assert "python -m jaxmusic search MODEL" in find("#status")[0].text
