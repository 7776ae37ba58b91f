"""A map page, read back."""

import base64
import dataclasses
import gzip
import json
from collections.abc import Callable
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import numpy as np

from jaxmusic.app.page import Page, column


class Outline(HTMLParser):
    """Every tag with its attributes, and the text of the scripts and styles.

    Attributes:
        tags: (name, attributes) in their order.
        scripts: data, lyrics, previews and the script.
        styles: the style sheets.
    """

    def __init__(self, page: Path) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.scripts: list[str] = []
        self.styles: list[str] = []
        self._open: list[str] | None = None
        self.feed(page.read_text(encoding="utf-8"))

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))
        self._open = {"script": self.scripts, "style": self.styles}.get(tag)
        if self._open is not None:
            self._open.append("")

    def handle_endtag(self, tag):
        self._open = None

    def handle_data(self, content):
        if self._open is not None:
            self._open[-1] += content


def read(page: Path) -> dict[str, Any]:
    """What the page holds: its data, `lyrics`, `previews`, and `space`, `audio` and `places` as arrays."""
    data, lyrics, previews, _ = Outline(page).scripts
    content = _unpacked(data)
    for name in ("space", "audio"):
        rows = np.frombuffer(base64.b64decode(content[name]["values"]), "<i2")
        content[name] = rows.reshape(-1, content[name]["width"]) / (2**15 - 1)
    content["places"] = np.frombuffer(base64.b64decode(content["places"]), "<f4").reshape(-1, 2)
    content["columns"] = {column["name"]: column for column in content["columns"]}
    return {**content, "lyrics": _unpacked(lyrics), "previews": json.loads(previews)}


def _unpacked(text: str) -> Any:
    bits = np.unpackbits(np.array([ord(character) & 127 for character in text], np.uint8)[:, None], axis=1)[:, 1:]
    return json.loads(gzip.decompress(np.packbits(bits.ravel()[: bits.size // 8 * 8]).tobytes()))


def plain_page(**changes: Any) -> Page:
    """A page of six clips in two places, whose titles, lyrics and vectors are known; changed where a test wants it."""
    titles = ["Café Löwe", "The Rain", "Art of Night", "Heart", "Löwenzahn", "আমার গান"]
    vectors = np.eye(6)[:, :4] + 0.1 * np.arange(24).reshape(6, 4)
    page = Page(
        name="six clips",
        ids=[f"clip {i}" for i in range(6)],
        titles=titles,
        artists=["Zoë", "Rain Dogs", "Bo", "Bo", "Zoë", ""],
        albums=["", "", "First", "First", "", ""],
        lyrics=["a night of rain\nand more", "wind", "rain rain\ngo away", "don’t stop", "thunder", "ভালোবাসা আমার"],
        sounds=[""] * 6,
        places=np.array([[0.0, 0.0], [1, 1], [1, 1], [1, 0], [0, 1], [0.5, 0.5]]),
        columns=[
            column("cluster", ["1 low", "2 high", "2 high", "1 low", "2 high", "1 low"]),
            column("mood", ["calm", "wild", "calm", "", "wild", "calm"]),
        ],
        clusters=[0, 1, 1, 0, 1, 0],
        cluster_names=["1 low", "2 high"],
        space=vectors,
        audio=vectors,
        heard=np.ones(6, bool),
        tower=None,
        unsearchable="",
    )
    return dataclasses.replace(page, **changes)


def opened(browser: Any, page: Path, address: str = "") -> Callable[[str], list[Any]]:
    """Open a page; returns what finds elements by a selector."""
    browser.get_log("browser")  # leave what an earlier page said
    browser.get("about:blank")  # another fragment alone would not load the page
    browser.get(page.as_uri() + address)
    browser.execute_async_script(
        "const done = arguments[0], isReady = () => document.body.dataset.ready === 'all';"
        "const look = () => isReady() ? done() : setTimeout(look, 5); look();"
    )
    return lambda css: browser.find_elements("css selector", css)


def select(browser: Any, row: int) -> None:
    """Press a clip in the list of all that are seen."""
    browser.execute_script(
        "document.getElementById('clear').click(); document.getElementById('whole').click();"
        "document.getElementById('in-view').click(); document.querySelector('#results .more')?.click();"
        "document.querySelector(`#results .clip[data-row='${arguments[0]}']`).click()",
        row,
    )


def listed(find: Callable[[str], list[Any]]) -> list[int]:
    """Rows of the clips that are listed."""
    return [int(button.get_attribute("data-row")) for button in find("#results .clip")]


def search(find: Callable[[str], list[Any]], text: str) -> list[int]:
    """Type words into the search box; returns the rows that are listed."""
    find("#query")[0].clear()
    find("#query")[0].send_keys(text + "\n")
    return listed(find)
