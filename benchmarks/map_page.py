"""How large is the map page of ten thousand clips, how soon is it open, at what rate does it pan and zoom, and does
a search find the lyrics that hold a word?

    python benchmarks/map_page.py     # a minute; needs chromium, chromedriver and selenium

The clips are drawn from a key: places in clusters with far-out ones, vectors of 32 numbers, titles, artists, albums,
genres, years. Lyrics are real with `--data`, else words at random. Writes `results/map_page-<machine>.json` and
`RESULTS.md`. Run it on a quiet machine.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import tyro

from benchmarks import machine, render
from jaxmusic.app.page import Page, column
from jaxmusic.app.page.document import document, floats
from jaxmusic.text import words

_VERSIONS = ("selenium", "numpy")
_WIDTH = 32
_WORDS = 4000
_LARGEST, _LATEST, _SLOWEST = 8.0, 2.0, 30.0
# A pan is the mouse that draws circles, one move a frame; a zoom is the wheel back and forth.
_MOVES = """
const [kind, seconds, done] = arguments;
const canvas = document.getElementById("map"), { left, top, width, height } = canvas.getBoundingClientRect();
const send = (type, more) => canvas.dispatchEvent(new (type === "wheel" ? WheelEvent : PointerEvent)(type, {
  pointerId: 7, pointerType: "mouse", bubbles: true, cancelable: true, clientX: left + width / 2,
  clientY: top + height / 2, ...more }));
const times = [];
if (kind === "pan") send("pointerdown", {});
requestAnimationFrame(function frame(time) {
  times.push(time);
  const turn = times.length / 20;
  if (kind === "pan") send("pointermove", {
    clientX: left + width * (0.5 + 0.2 * Math.cos(turn)), clientY: top + height * (0.5 + 0.2 * Math.sin(turn)) });
  else send("wheel", { deltaY: 60 * Math.sign(Math.sin(turn)) });
  if (time - times[0] < 1000 * seconds) return requestAnimationFrame(frame);
  if (kind === "pan") send("pointerup", {});
  const gaps = times.slice(1).map((t, i) => t - times[i]).sort((a, b) => a - b);
  done([1000 * gaps.length / (times[times.length - 1] - times[0]), gaps[Math.floor(0.95 * gaps.length)]]);
});
"""
# Each search is typed and sent; what is listed is read when its list is there.
_SEARCHES = """
const [queries, done] = arguments, box = document.getElementById("query"), found = [], times = [];
(async () => {
  for (const query of queries) {
    box.value = query;
    const start = performance.now();
    document.getElementById("search").requestSubmit();
    await new Promise((resolve) => setTimeout(resolve));
    times.push(performance.now() - start);
    const buttons = [...document.querySelectorAll("#results .clip")].slice(0, 10);
    found.push(buttons.map((button) => Number(button.dataset.row)));
  }
})().then(() => done([found, times]));
"""
_OPENED = """
const isReady = () => [arguments[0], "all"].includes(document.body.dataset.ready);
const look = () => isReady() ? arguments[1](performance.now() / 1000) : setTimeout(look, 5);
look();
"""


@dataclass(frozen=True)
class Options:
    """Size, opening, panning and zooming of the map page in headless chromium, which draws without a GPU."""

    clips: tuple[int, ...] = (1_000, 10_000)
    """Clips on the page."""
    rounds: int = 5
    """Openings; the median counts."""
    seconds: float = 3.0
    """Of panning, and of zooming."""
    queries: int = 200
    """Words of the lyrics to search for, each alone."""
    data: Path | None = None
    """Folder with lyrics_1950_2019/tcc_ceds_music.csv: real lyrics in the place of words at random."""
    out: Path = render.OWN
    """Folder of the results and of their page."""
    commit: bool = False
    """Replace the published results, in place of `out`, and write the pages that show them anew."""


def main(options: Options) -> None:
    """Measure, write the results, render the page."""
    table = measure(options)
    print(render.markdown(table), flush=True)
    path = render.save(
        "map_page",
        "The map page",
        command="python benchmarks/map_page.py" + (" --data DATA" if options.data else ""),
        machine=machine.describe(_VERSIONS),
        tables=[table],
        folder=options.out,
        commit=options.commit,
        not_measured=["Safari and Firefox, and a screen with a GPU behind it: not measured."],
    )
    print(f"→ {path}")


def measure(options: Options) -> dict[str, Any]:
    """The table: a row for each number of clips."""
    texts = None if options.data is None else _real_lyrics(options.data)
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        for n in options.clips:
            path = Path(folder, f"{n}.html")
            page = synthetic_page(n, texts)
            path.write_text(document(page), encoding="utf-8", newline="")
            with machine.Watch() as watch:
                measured = _in_browser(path, page, options)
            rows.append([f"{n:,}", path.stat().st_size / 1e6, *measured, watch.others])
    kind = "200 words at random" if texts is None else "real lyrics, each as often as it takes"
    note = (
        f"Each clip with {kind}. Opened: from navigation to a map that answers, the median of {options.rounds}. "
        f"Frames: for {options.seconds:g} s each, in a window of 1280 × 900, without a GPU; 60 at most. Late: the 95th "
        f"percentile of the time between two. Searches: {options.queries} words of the lyrics, each alone; the share "
        "of them with such lyrics among the first ten that are listed. "
        f"Targets for 10,000: below {_LARGEST:.0f} MB and {_LATEST:.0f} s, {_SLOWEST:.0f} frames a second."
    )
    columns = [
        "clips",
        "MB",
        "opened, s",
        "pan, frames/s",
        "pan, late, ms",
        "zoom, frames/s",
        "zoom, late, ms",
        "searches that hold",
        "a search, ms",
        "cores used by others",
    ]
    return render.table("The page in headless chromium", columns, rows, note)


def synthetic_page(n: int, texts: Sequence[str] | None = None, *, seed: int = 0) -> Page:
    """A page of clips that are drawn from a seed: 24 clusters, one clip in 500 far from all; lyrics repeat `texts`."""
    rng = np.random.default_rng(seed)
    centres = rng.uniform(0.3, 0.7, (24, 2))
    clusters = np.sort(rng.choice(24, n, p=rng.dirichlet(np.full(24, 3.0))))
    places = centres[clusters] + rng.normal(0, 0.02, (n, 2))
    far = rng.choice(n, n // 500, replace=False)
    places[far] = rng.uniform(0, 1, (len(far), 2))
    vocabulary = ["".join(rng.choice(list("abdeghiklmnoprstuvy"), rng.integers(2, 9))) for _ in range(_WORDS)]
    # Word frequencies fall as 1 / rank, as in any language.
    share = 1 / np.arange(1, _WORDS + 1)
    some = lambda size: " ".join(rng.choice(vocabulary, size, p=share / share.sum()))  # noqa: E731
    vectors = rng.normal(0, 1, (24, _WIDTH))[clusters] + rng.normal(0, 0.5, (n, _WIDTH))
    artists = [some(2).title() for _ in range(max(1, n // 12))]
    of = rng.integers(0, len(artists), n)
    names = [f"{i + 1} {some(2)}" for i in range(24)]
    titles = [some(3).capitalize() for _ in range(n)]
    return Page(
        name="ten thousand clips",
        ids=[f"clip_{i:06d}" for i in range(n)],
        titles=titles,
        artists=[artists[i] for i in of],
        albums=[f"{artists[i]} {rng.integers(1, 6)}" for i in of],
        lyrics=[_lines(some(200)) if texts is None else texts[i % len(texts)] for i in range(n)],
        sounds=[f"./Music/{artists[of[i]]}/{i:06d} {titles[i]}.mp3".replace(" ", "%20") for i in range(n)],
        places=places,
        columns=[
            column("cluster", [names[i] for i in clusters]),
            column("genre", rng.choice(vocabulary[:60], n).tolist()),
            column("artist", [artists[i] for i in of]),
            column("year", [str(year) for year in rng.integers(1950, 2025, n)]),
        ],
        clusters=clusters.tolist(),
        cluster_names=names,
        space=vectors,
        audio=vectors,
        heard=np.ones(n, bool),
        tower={
            "words": vocabulary,
            "idf": floats(np.ones(_WORDS)),
            "components": floats(rng.normal(size=(_WORDS, _WIDTH))),
            "centre": floats(np.zeros(_WIDTH)),
            "layers": [{"kernel": floats(np.eye(_WIDTH)), "bias": floats(np.zeros(_WIDTH)), "out": _WIDTH}],
        },
        unsearchable="",
    )


def _lines(text: str) -> str:
    found = text.split()
    return "\n".join(" ".join(found[i : i + 7]) for i in range(0, len(found), 7))


def _real_lyrics(folder: Path) -> list[str]:
    table = pd.read_csv(folder / "lyrics_1950_2019" / "tcc_ceds_music.csv", usecols=["lyrics"])
    return [_lines(text) for text in table["lyrics"].astype(str)]


def _in_browser(path: Path, page: Page, options: Options) -> list[float]:
    """Seconds to open; frames a second and ms between two, panning and zooming; share of searches, ms a search."""
    holders: dict[str, set[int]] = defaultdict(set)
    for row, text in enumerate(page.lyrics):
        for word in words(text):
            holders[word].add(row)
    queries = (
        np.random.default_rng(1).choice(sorted(holders), min(options.queries, len(holders)), replace=False).tolist()
    )
    driver = start_browser()
    try:
        opened = []
        for _ in range(options.rounds):
            driver.get(path.as_uri())
            opened.append(float(driver.execute_async_script(_OPENED, "map")))
        driver.execute_async_script(_OPENED, "all")
        pan = driver.execute_async_script(_MOVES, "pan", options.seconds)
        zoom = driver.execute_async_script(_MOVES, "zoom", options.seconds)
        found, times = driver.execute_async_script(_SEARCHES, queries)
    finally:
        driver.quit()
    share = np.mean([bool(holders[query] & set(rows)) for query, rows in zip(queries, found, strict=True)])
    return [float(np.median(opened)), *pan, *zoom, float(share), float(np.median(times))]


def start_browser() -> Any:
    """Headless chromium of 1280 × 900.

    Raises:
        FileNotFoundError: chromium or chromedriver is not installed.
    """
    from selenium import webdriver

    chromium = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    driver = shutil.which("chromedriver")
    if chromium is None or driver is None:
        raise FileNotFoundError("chromium or chromedriver is missing: apt-get install chromium chromium-driver")
    options = webdriver.ChromeOptions()
    options.binary_location = chromium
    for argument in ("--headless=new", "--disable-dev-shm-usage", "--window-size=1280,900"):
        options.add_argument(argument)
    if hasattr(os, "geteuid") and os.geteuid() == 0:
        options.add_argument("--no-sandbox")  # the sandbox does not start for root
    started = webdriver.Chrome(options=options, service=webdriver.ChromeService(driver))
    started.set_script_timeout(300)
    return started


if __name__ == "__main__":
    main(tyro.cli(Options, description=__doc__))
