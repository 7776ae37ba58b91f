"""What a page says is what a committed report or benchmark holds, and links lead somewhere."""

import json
import re
from pathlib import Path

import pytest
from cogapp import Cog

from docs import page_numbers

ROOT = Path(__file__).parent.parent
PAGES = (
    *(ROOT / name for name in ("README.md", "CONTRIBUTING.md", "CHANGELOG.md")),
    *sorted((ROOT / "docs").rglob("*.md")),
)


@pytest.mark.parametrize("page", page_numbers.pages(), ids=lambda page: page.stem)
def test_every_number_is_its_sources(page):
    assert page_numbers.without_source(page) == []
    status = Cog().main([*page_numbers.COG, "--check", "--verbosity=0", str(page)])
    assert status == 0, "python -m docs.page_numbers writes it anew"


def test_every_part_that_is_made_is_shown():
    for path in page_numbers.NUMBERS.glob("*.py"):
        (page,) = (page for page in page_numbers.pages() if page.stem.lower() == path.stem)
        module = page_numbers.numbers_of(page)
        own = {name for name, value in vars(module).items() if getattr(value, "__module__", "") == module.__name__}
        made = {name for name in own if not name.startswith("_")}
        assert made == set(page_numbers.MARKER.findall(page.read_text(encoding="utf-8"))), page


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_links_lead_somewhere(page):
    for target in re.findall(r"\]\((?!https?:)([^)#]+)\)", page.read_text(encoding="utf-8")):
        assert (page.parent / target).exists(), target


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_no_code_is_cut_off_at_the_usual_width(page):
    """What code prints is the exception: it is shown as it is."""
    text = page.read_text(encoding="utf-8")
    fenced = re.compile(r"^```(\w*)\n(.*?)^```$", re.DOTALL | re.MULTILINE)
    blocks = [code for language, code in fenced.findall(text) if language != "text"]
    commands = re.findall(r"(?<=\n\n)(?: {4}.*\n)+", fenced.sub("", text))
    wide = [line for block in [*blocks, *commands] for line in block.splitlines() if len(line) > 88]
    assert not wide


def test_the_front_page_is_short_and_opens_with_a_picture():
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    assert len(text) <= 11_000
    assert text.startswith("# jaxmusic\n\n![")


@pytest.fixture
def sources(tmp_path, monkeypatch):
    """A report, a benchmark and a page of a few numbers, where pages and sources are looked for."""
    rows = [
        {"id": "a", "column": "x", "fresh": 0.1234, "std": 0.0456, "reported": 0.5, "note": "95 % 0.100 to 0.150"},
        {"id": "a", "column": "y", "fresh": -0.25, "std": None, "reported": 0.5, "note": None},
        {"id": "none", "column": "x", "fresh": None, "std": None, "reported": 0.9, "note": ""},
    ]
    speed = {"title": "Speed", "columns": ["way", "n", "ratio"], "rows": [["ours", 1, 1.0], ["peer", 2, "2.67 (2–3)"]]}
    for file, content in {
        "reproductions/results/some/report.json": {"rows": rows},
        "benchmarks/results/speed.json": {"tables": [speed]},
    }.items():
        path = tmp_path / file
        path.parent.mkdir(parents=True)
        path.write_text(json.dumps(content))
    monkeypatch.setattr(page_numbers, "ROOT", tmp_path)
    monkeypatch.setattr(page_numbers, "NUMBERS", tmp_path)
    cached = (page_numbers.report, page_numbers.benchmark, page_numbers.numbers_of)
    for function in cached:
        function.cache_clear()
    yield tmp_path
    for function in cached:
        function.cache_clear()


def test_a_value_is_formatted_as_pages_write_it(sources):
    some, speed = page_numbers.report("some"), page_numbers.benchmark("speed")
    x, y = some("a", "x"), some("a", "y")
    shown = [f"{x:.3f}", f"{x:.3f±}", f"{x:.2fto}", f"{x:.0%}", f"{y:.2f±}", f"{x.part('reported'):.1f}"]
    assert shown == ["0.123", "0.123 ± 0.046", "0.12 (0.10 to 0.15)", "12 %", "−0.25", "0.5"]
    assert (
        f"{page_numbers.Value(-0.0001):.2f} {page_numbers.Value(12345.6):,.0f} {some('none', 'x'):.1f}"
        == "0.00 12,346 –"
    )
    assert f"{page_numbers.Value(0.5, 0.0):.1f±}" == "0.5"
    peer = speed("Speed", "peer", "ratio")
    assert (peer.mean, speed("Speed", "peer, 2", "ratio").mean) == (2.67, 2.67)
    assert (peer.over(2).mean, peer.minus(speed("Speed", "ours", "ratio")).mean) == (1.335, pytest.approx(1.67))
    with pytest.raises(ValueError, match="no value here"):
        some("none", "x").over(2)
    with pytest.raises(KeyError):
        some("a", "z")


def test_a_table_has_a_line_an_id_and_a_cell_a_column(sources):
    found = page_numbers.table(
        page_numbers.report("some"),
        "what",
        ["reported", "x", "y"],
        [("A", "a"), ("None", "none", ".1f")],
        cells={("none", "x"): "all noise"},
    )
    assert found.splitlines() == [
        "| what | reported | x | y |",
        "| --- | --- | --- | --- |",
        "| A | 0.500 | 0.123 ± 0.046 | −0.250 |",
        "| None | 0.9 | all noise | – |",
    ]


PAGE = """# Title

The document has 0.7, Apache-2.0.

<!-- [[[cog show("score") ]]] -->

The score is 0.12 of 99 %.

<!-- [[[end]]] -->
"""
MODULE = """from docs.page_numbers import report

some = report("some")
GIVEN = {"0.7", "99 %"}


def score():
    return f"The score is {some('a', 'x'):.2f} of 99 %."
"""


def test_a_stale_number_fails_and_is_put_right(sources):
    page = sources / "page.md"
    (sources / "page.py").write_text(MODULE)
    page.write_text(PAGE)
    assert page_numbers.without_source(page) == []
    page.write_text(PAGE.replace("0.12", "0.13"))
    assert page_numbers.without_source(page) == ["line 7: '0.13' has no source"]
    assert Cog().main([*page_numbers.COG, "--check", "--verbosity=0", str(page)]) != 0
    assert Cog().main([*page_numbers.COG, "-r", "--verbosity=0", str(page)]) == 0
    assert page.read_text() == PAGE


def test_a_number_without_a_source_is_named(sources):
    page = sources / "page.md"
    (sources / "page.py").write_text(MODULE.replace('"0.7", ', ""))
    page.write_text(PAGE.replace("The score is 0.12", "The score is 0.12"))
    assert page_numbers.without_source(page) == ["line 3: '0.7' has no source"]
    page.write_text(PAGE.replace('show("score")', 'show("gone")'))
    with pytest.raises(KeyError, match=r"shows 'gone', which .*page\.py does not define"):
        page_numbers.without_source(page)
