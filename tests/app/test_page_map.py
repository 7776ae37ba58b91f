"""The map of a page in chromium, on six clips whose places are known: pan, zoom, touch, lasso, keyboard, address."""

import importlib

import numpy as np
import pytest

from tests.app.page_file import listed, opened, plain_page, search, select

# The point of the map below a clip: the mark of the keyboard's focus lies there.
_AT = """const mark = document.querySelector(".here:not([hidden])"), box = mark.getBoundingClientRect();
  return [box.x + box.width / 2, box.y + box.height / 2];"""
_DRAG = """const [type, points, more] = arguments, map = document.getElementById("map");
  points.forEach(([clientX, clientY], i) => map.dispatchEvent(new PointerEvent(
    i === 0 ? "pointerdown" : i === points.length - 1 ? "pointerup" : "pointermove",
    { pointerId: 7, pointerType: type, bubbles: true, clientX, clientY, ...more })));"""
_FRAME = "const done = arguments[0]; requestAnimationFrame(() => requestAnimationFrame(() => done()))"


def _frame(browser):
    browser.execute_async_script(_FRAME)


def _pixel(browser, x, y):
    return browser.execute_script(
        "const map = document.getElementById('map'), box = map.getBoundingClientRect();"
        "return [...map.getContext('2d').getImageData((arguments[0] - box.x) * devicePixelRatio,"
        " (arguments[1] - box.y) * devicePixelRatio, 1, 1).data].slice(0, 3)",
        x,
        y,
    )


def _focused(browser):
    return browser.execute_script("return Number(document.activeElement.dataset.row ?? -1)")


def _focus(browser, row):
    """Put the keyboard's mark on a clip; returns where in the window it lies."""
    select(browser, row)
    browser.execute_script("document.getElementById('clear').click()")
    _frame(browser)
    return browser.execute_script(_AT)


def test_pan_zoom_and_the_whole_map(browser, six):
    find = opened(browser, six)
    x, y = _focus(browser, 5)
    browser.execute_script(_DRAG, "mouse", [[x, y], [x + 30, y + 10], [x + 60, y - 40], [x + 60, y - 40]], {})
    _frame(browser)
    assert browser.execute_script(_AT) == pytest.approx([x + 60, y - 40], abs=1)
    # A pan, as the zooms below, selects nothing.
    # The wheel keeps what is below the pointer where it is.
    browser.execute_script(
        "document.getElementById('map').dispatchEvent(new WheelEvent('wheel', {deltaY: -240, cancelable: true,"
        "clientX: arguments[0], clientY: arguments[1]}))",
        x + 60,
        y - 40,
    )
    _frame(browser)
    assert browser.execute_script(_AT) == pytest.approx([x + 60, y - 40], abs=1)
    find("#whole")[0].click()
    _frame(browser)
    assert browser.execute_script(_AT) == pytest.approx([x, y], abs=1)
    # Two fingers twice as far apart.
    box = find("#map")[0].rect
    middle = [box["x"] + box["width"] / 2, box["y"] + box["height"] / 2]
    browser.execute_script(
        """const [[x, y]] = arguments, map = document.getElementById("map");
        const send = (type, pointerId, dx) => map.dispatchEvent(new PointerEvent(type,
          { pointerId, pointerType: "touch", bubbles: true, clientX: x + dx, clientY: y }));
        for (const [type, dx] of [["pointerdown", 50], ["pointermove", 100], ["pointerup", 100]]) {
          send(type, 1, -dx); send(type, 2, dx);
        }""",
        middle,
    )
    _frame(browser)
    after = browser.execute_script(_AT)
    np.testing.assert_allclose(np.subtract(after, middle), 2 * np.subtract([x, y], middle), atol=2)
    assert find("#title")[0].text == "আমার গান"
    assert browser.get_log("browser") == []


def test_a_touch_beside_a_clip_means_it_and_what_is_found_lies_on_top(browser, six):
    find = opened(browser, six)
    x, y = _focus(browser, 3)
    select(browser, 0)
    browser.execute_script("document.getElementById('clear').click()")
    browser.execute_script(_DRAG, "touch", [[x + 15, y + 8], [x + 15, y + 8]], {})
    assert find("#title")[0].text == "Heart"
    browser.execute_script(_DRAG, "mouse", [[x + 40, y + 8], [x + 40, y + 8]], {})
    assert find("#title")[0].text == "Heart"
    # Clips 1 and 2 lie in one place; the one that is found is seen and touched, whichever it is.
    find("#names")[0].click()
    find("#color option[value='mood']")[0].click()
    x, y = _focus(browser, 1)
    colours = {}
    for row, query in ((1, "wind"), (2, "art")):
        assert search(find, query) == [row]
        _frame(browser)
        colours[row] = _pixel(browser, x, y)
        browser.execute_script(_DRAG, "mouse", [[x, y], [x, y]], {})
        assert find("#title")[0].text == ["The Rain", "Art of Night"][row - 1]
    # The second of the colours is that of "wild", the first that of "calm"; a name is written beside a point.
    assert colours == {1: [0xD5, 0x5E, 0x00], 2: [0x00, 0x72, 0xB2]}


def test_the_lasso_lists_what_lies_in_it(browser, six):
    find = opened(browser, six)
    find("#lasso")[0].click()
    box = find("#map")[0].rect
    left, right = box["x"] + 2, box["x"] + box["width"] - 2
    top, middle = box["y"] + 2, box["y"] + box["height"] * 0.4
    corners = [[left, top], [right, top], [right, middle], [left, middle], [left, top]]
    browser.execute_script(_DRAG, "mouse", corners, {})
    assert sorted(listed(find)) == [1, 2, 4]
    find("#color option[value='mood']")[0].click()
    assert sorted(listed(find)) == [1, 2, 4]
    assert find("#status")[0].text == "3 clips in the lasso"
    assert find("#lasso")[0].get_attribute("aria-pressed") == "false"
    browser.execute_script(_DRAG, "mouse", [[x, 2 * middle - y + 1] for x, y in corners], {"shiftKey": True})
    assert sorted(listed(find)) != [1, 2, 4]
    find("#clear")[0].click()
    assert listed(find) == []


def test_the_keyboard_does_all(browser, six):
    find = opened(browser, six)
    keys = importlib.import_module("selenium.webdriver.common.keys").Keys
    assert len(find(".here:not([hidden])")) == 1  # one stop of the Tab key, not one for each clip
    browser.execute_script("document.querySelector('.here').focus()")
    assert _focused(browser) == 0
    seen = []
    for key in (keys.ARROW_UP, keys.ARROW_RIGHT, keys.ARROW_RIGHT, keys.ARROW_DOWN, keys.ARROW_LEFT, keys.ARROW_LEFT):
        browser.switch_to.active_element.send_keys(key)
        seen.append(_focused(browser))
    # Of two clips in one place the second is a step away, and at the border nothing moves.
    assert seen == [4, 1, 2, 3, 0, 0]
    browser.switch_to.active_element.send_keys(keys.ARROW_UP)
    assert len(find(".here:not([hidden])")) == 1
    assert browser.switch_to.active_element.get_attribute("aria-label") == "Löwenzahn – Zoë"
    row = _focused(browser)
    browser.switch_to.active_element.send_keys(keys.ENTER)
    assert find("#title")[0].text == plain_page().titles[row]
    search(find, "rain")
    # Arrow keys go from found to found.
    browser.execute_script("document.querySelector('.here:not([hidden])').focus()")
    for key in (keys.ARROW_RIGHT, keys.ARROW_UP, keys.ARROW_LEFT, keys.ARROW_DOWN):
        browser.switch_to.active_element.send_keys(key)
        assert _focused(browser) in (0, 1, 2, row)
    find("#results .clip")[1].send_keys(keys.ENTER)
    assert find("#results .clip[aria-current='true']")[0].text == find("#results .clip")[1].text
    browser.switch_to.active_element.send_keys(keys.ESCAPE)
    assert not find("#results .clip")
    assert find("#query")[0].get_property("value") == ""


def test_the_address_holds_the_state(browser, six):
    find = opened(browser, six)
    select(browser, 3)
    find("#color option[value='mood']")[0].click()
    search(find, "rain")
    find("#closer")[0].click()
    wait = importlib.import_module("selenium.webdriver.support.wait").WebDriverWait(browser, 5)
    wait.until(lambda _: all(part in browser.current_url for part in ("clip=", "q=rain", "color=mood", "view=")))
    address = browser.current_url.split("#")[1]
    place = browser.execute_script(_AT)
    find = opened(browser, six, f"#{address}")
    wait.until(lambda _: find("#title")[0].text == "Heart")
    assert listed(find) == [1, 2, 0]
    assert find("#color")[0].get_property("value") == "mood"
    assert browser.execute_script(_AT) == pytest.approx(place, abs=2)


@pytest.mark.parametrize(
    "address",
    [
        "#clip=nothing&q=&color=__proto__&view=NaN,1,2",
        "#view=1e999,0,1&color=toString&clip=%00",
        "#view=-9,9,1e12",
        "#q=<img src=x onerror=alert(1)>&view=1,2",
        "#%",
    ],
)
def test_an_address_of_anyone_harms_nothing(browser, six, address):
    find = opened(browser, six, address)
    assert find("#color")[0].get_property("value") == "cluster"
    assert not find("img")
    find("#whole")[0].click()
    assert search(find, "rain") == [1, 2, 0]
    assert browser.get_log("browser") == []
