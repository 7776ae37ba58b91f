"""Search, legend, queue and layout of a page in chromium, on clips whose words are known."""

import numpy as np
import pytest

from jaxmusic.app.page import column
from tests.app.conftest import HOSTILE
from tests.app.page_file import listed, opened, plain_page, search, select


def test_search_finds_what_holds_the_letters(browser, six):
    find = opened(browser, six)
    headings = lambda: [heading.text for heading in find("#results h3")]  # noqa: E731
    assert search(find, "lowe") == [0, 4]  # accents folded; the whole word before the beginning of one
    assert headings() == ["Title, artist, album"]
    assert search(find, "ZOE") == [0, 4]
    assert search(find, "the rain") == [1, 0, 2]  # the others have one of the words
    assert search(find, "rain") == [1, 2, 0]  # the title, then the lyrics that have it most often
    assert headings() == ["Title, artist, album", "Lyrics"]
    assert find("#results .line")[1].text == "a night of rain"
    assert search(find, "dont stop") == [3]  # apostrophes make no difference
    assert search(find, "art") == [2]  # not "Heart", where something begins with it
    assert search(find, "ear") == [3]  # but where nothing does
    assert search(find, "bo night")[0] == 2  # words in different places
    assert search(find, "wind thunder xyz") == [1, 4]
    assert headings() == ["Some of the words"]
    assert find("#status")[0].text == "Nothing here has all of “wind thunder xyz”."
    assert search(find, "আমার") == [5]
    assert search(find, "আমা") == [5]
    assert search(find, "thnuder") == [4]
    assert "This is for “thunder”" in find("#status")[0].text
    assert search(find, "xylophone") == []
    assert "Nothing here has “xylophone”" in find("#status")[0].text
    assert search(find, "…") == []
    assert find("#status")[0].text == "Type some words."


def test_queue_and_playlist(browser, write_page):
    sounds = [f"./my%20music/{row}%23.mp3" for row in range(5)] + [""]
    page = write_page(sounds=sounds)
    find = opened(browser, page)
    search(find, "rain")
    find("#queue-all")[0].click()
    # Nothing was playing: the first plays at once, two wait.
    assert find("#title")[0].text == "The Rain"
    assert find("#queue-size")[0].text == "Queue (2)"
    find("#next")[0].click()
    assert find("#title")[0].text == "Art of Night"
    find("#previous")[0].click()
    assert find("#title")[0].text == "The Rain"
    browser.execute_script("document.getElementById('player').dispatchEvent(new Event('ended'))")
    assert find("#title")[0].text == "Café Löwe"
    assert find("#next")[0].get_property("disabled")
    find("#queue-size")[0].click()
    find("#play-on")[0].click()
    find("#next")[0].click()
    # The nearest that was not played and has a sound.
    vectors = plain_page().space
    unit = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    left = [row for row in range(5) if row not in (0, 1, 2)]
    nearest = max(left, key=lambda row: unit[row] @ unit[0])
    assert find("#title")[0].text == plain_page().titles[nearest]
    search(find, "rain")
    saved = browser.execute_async_script(
        "const done = arguments[0]; URL.createObjectURL = (blob) => { blob.text().then(done); return '#'; };"
        "HTMLAnchorElement.prototype.click = () => {}; document.getElementById('save').click();"
    )
    folder = page.parent.as_posix()
    assert saved.splitlines() == [
        "#EXTM3U",
        "#EXTINF:-1,The Rain – Rain Dogs",
        f"{folder}/my music/1#.mp3",
        "#EXTINF:-1,Art of Night – Bo",
        f"{folder}/my music/2#.mp3",
        "#EXTINF:-1,Café Löwe – Zoë",
        f"{folder}/my music/0#.mp3",
    ]
    browser.get_log("browser")  # of sounds that are not there


def test_more_values_than_colours_and_numbers(browser, write_page):
    n = 200
    years = [str(1950 + row % 70) for row in range(n)]
    page = write_page(
        **{name: [f"{name} {row}" for row in range(n)] for name in ("ids", "titles")},
        **{name: [""] * n for name in ("artists", "albums", "lyrics", "sounds")},
        places=np.r_[np.random.default_rng(0).uniform(0.4, 0.6, (n - 1, 2)), [[0.0, 1.0]]],
        columns=[column("artist", [f"artist {row % 50}" for row in range(n)]), column("year", [*years[:-1], ""])],
        clusters=[0] * n,
        cluster_names=[HOSTILE],
        space=np.ones((n, 2)),
        audio=np.ones((n, 2)),
        heard=np.ones(n, bool),
    )
    find = opened(browser, page)
    labels = [button.text for button in find("#legend button")]
    assert len(labels) == 31
    assert labels[-1] == "20 others (80)"
    find("#legend button")[0].click()
    assert len(listed(find)) == 4
    find("#color option[value='year']")[0].click()
    assert listed(find) == []
    labels = [button.text for button in find("#legend button")]
    assert labels[-1] == "unknown (1)"
    assert len(labels) == 6
    assert sum(int(label.rsplit("(", 1)[1].rstrip(")")) for label in labels) == n
    assert find("#low")[0].text == "≤ 1951"
    # One clip far out does not squeeze the rest.
    assert find("#outlying")[0].text == "1 clip far out"
    find("#in-view")[0].click()
    assert find("#status")[0].text == "199 clips in view"
    find("#outlying")[0].click()
    find("#clear")[0].click()
    find("#in-view")[0].click()
    assert find("#status")[0].text == "200 clips in view"
    assert browser.get_log("browser") == []


@pytest.mark.parametrize(("width", "height"), [(390, 844), (1280, 900)])
def test_results_before_the_fold_and_nothing_cut_off_at_the_side(browser, write_page, width, height):
    long = [*plain_page().titles[:5], "word" * 40]
    page = write_page(titles=long, sounds=[f"./{row}.mp3" for row in range(6)])
    size = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 600}
    browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
    try:
        find = opened(browser, page)
        search(find, "rain")
        select_first = "document.querySelector('#results .clip').click()"
        tops = "return [...document.querySelectorAll('#results .clip')].map((b) => b.getBoundingClientRect().bottom)"
        assert max(browser.execute_script(tops)) < height
        browser.execute_script(select_first)
        top_of_player = browser.execute_script("return document.getElementById('now').getBoundingClientRect().top")
        assert browser.execute_script(tops)[0] < top_of_player < height
        select(browser, 5)
        wide = browser.execute_script(
            "return [...document.querySelectorAll('body *')].filter((e) => e.getBoundingClientRect().right > innerWidth"
            " + 1).map((e) => e.id || e.tagName)"
        )
        assert wide == []
        unnamed = browser.execute_script(
            "const isNamed = (e) => e.ariaLabel || e.textContent.trim() || e.labels?.length || e.controls;"
            "return [...document.querySelectorAll('button, input, select, audio')].filter((e) => e.checkVisibility()"
            " && !isNamed(e)).map((e) => e.outerHTML)"
        )
        assert unnamed == []
    finally:
        browser.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})
    browser.get_log("browser")


def test_of_equal_recordings_one_is_listed_and_likeness_has_its_score(browser, write_page):
    find = opened(browser, write_page(copies={4: 0}, likeness="same artist among the 5 nearest: joint 0.5"))
    assert search(find, "thunder") == [0]  # the copy alone has the word; its first is what is listed
    assert search(find, "lowe") == [0]
    find("#results .clip")[0].click()
    find("#like")[0].click()
    assert 4 not in listed(find)
    assert len(listed(find)) == 4
    assert find("#results")[0].text.endswith("same artist among the 5 nearest: joint 0.5")
