"""What a page says is what a committed report or benchmark holds, and links lead somewhere."""

import json
import re
from pathlib import Path

import pytest

from docs import page_figures

ROOT = Path(__file__).parent.parent
PAGES = (
    *(ROOT / name for name in ("README.md", "CONTRIBUTING.md", "CHANGELOG.md")),
    *sorted((ROOT / "docs").rglob("*.md")),
)
# Pages whose figures have sources, and how many at least: a comment that is lost loses its figures.
LEAST = {
    "README.md": 60,
    "beyond.md": 250,
    "fusion_recommender.md": 65,
    "genre_classification.md": 60,
    "hybrid_language_vae.md": 40,
    "joint_vae.md": 50,
    "scaling.md": 12,
}


@pytest.mark.parametrize("page", page_figures.PAGES, ids=lambda page: page.stem)
def test_every_figure_is_its_sources(page):
    text = page.read_text(encoding="utf-8")
    assert page_figures.wrong(text) == [], "python docs/page_figures.py --write puts them right"
    assert page_figures.without_source(text) == []
    assert len(page_figures.figures(text)) >= LEAST.get(page.name, 0)
    assert text.count("<!-- numbers:") + text.count("<!-- figures:") == len(page_figures._COMMENT.findall(text))


def test_every_page_that_should_have_figures_is_there():
    assert set(LEAST) <= {page.name for page in page_figures.PAGES}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_links_lead_somewhere(page):
    for target in re.findall(r"\]\((?!https?:)([^)#]+)\)", page.read_text(encoding="utf-8")):
        assert (page.parent / target).exists(), target


@pytest.fixture
def sources(tmp_path, monkeypatch):
    """A report and a benchmark of a few rows, where the pages' sources are looked for."""
    rows = [
        {
            "id": "a.score",
            "column": "x",
            "fresh": 0.1234,
            "std": 0.0456,
            "reported": 0.5,
            "note": "95 % 0.100 to 0.150",
        },
        {"id": "a.score", "column": "y", "fresh": -0.25, "std": None, "reported": 0.5, "note": None},
        {"id": "none.score", "column": "x", "fresh": None, "std": None, "reported": 0.9, "note": ""},
    ]
    (tmp_path / "report.json").write_text(json.dumps({"rows": rows}))
    table = {"title": "Speed", "columns": ["way", "n", "ratio"], "rows": [["ours", 1, 1.0], ["peer", 2, "2.67 (2–3)"]]}
    (tmp_path / "speed.json").write_text(json.dumps({"tables": [table]}))
    monkeypatch.setattr(page_figures, "ROOT", tmp_path)
    page_figures._rows.cache_clear()
    page_figures._cells.cache_clear()
    yield
    page_figures._rows.cache_clear()
    page_figures._cells.cache_clear()


TABLE = """# Title

<!-- numbers: .
a.score
none.score
-->
| what | reported | x | y |
| --- | --- | --- | --- |
| a | 0.500 | 0.123 ± 0.046 | −0.25 |
| none | 0.85–0.95 | all noise | – |
"""
PROSE = """## Section

The score is .123 ± .046 (12 %, between
.10 and .15), the other −.25; reported .5 and 99 %.
The peer takes 2.7 times as long, {} a half.

<!-- figures: .
score is {} ({}, ← a.score@variant:x; a.score@variant:x
between {} and {}), ← a.score@variant:x#low; a.score@variant:x#high
the other {}; reported {} and ← a.score@variant:y; a.score@variant:x#reported
given: 99 %
-->
<!-- figures: speed.json
peer takes {} times ← Speed | peer | ratio // Speed | ours, 1 | ratio
-->
"""


@pytest.mark.parametrize("page", [TABLE, PROSE])
def test_right_figures_pass(sources, page):
    assert page_figures.wrong(page) == []
    assert page_figures.without_source(page) == []
    assert page_figures.refreshed(page) == page


@pytest.mark.parametrize(
    ("page", "right", "stale"),
    [
        (TABLE, "0.123 ±", "0.124 ±"),
        (TABLE, "± 0.046", "± 0.047"),
        (TABLE, "0.500", "0.600"),
        (TABLE, "−0.25", "0.25"),
        (TABLE, "0.85–0.95", "0.95–0.99"),
        (PROSE, ".123 ± .046", ".132 ± .046"),
        (PROSE, "12 %", "13 %"),
        (PROSE, "−.25", "−.26"),
        (PROSE, ".15)", ".16)"),
        (PROSE, "2.7", "2.5"),
    ],
)
def test_a_stale_figure_fails_and_is_put_right(sources, page, right, stale):
    assert page.count(right) == 1
    old = page.replace(right, stale)
    assert len(page_figures.wrong(old)) == 1
    if "–" in right:
        with pytest.raises(ValueError, match="edit the page by hand"):
            page_figures.refreshed(old)
    else:
        assert page_figures.refreshed(old) == page


def test_words_where_there_is_a_number_fail(sources):
    assert len(page_figures.wrong(TABLE.replace("0.123 ± 0.046", "all noise"))) == 1
    assert len(page_figures.wrong(TABLE.replace("all noise", "0.5"))) == 1
    assert len(page_figures.wrong(TABLE.replace("−0.25", "–"))) == 1


def test_what_the_section_does_not_have_is_an_error(sources):
    with pytest.raises(ValueError, match="the section has 0 of"):
        page_figures.figures(PROSE.replace("score is", "score was", 1))
    with pytest.raises(ValueError, match="the section has 2 of"):
        page_figures.figures(
            PROSE.replace("The peer", "The other −.25; reported .5 and so on. The peer").replace("The o", "the o")
        )
    with pytest.raises(KeyError):
        page_figures.figures(PROSE.replace("a.score@variant:y;", "b.score@variant:y;"))
    with pytest.raises(KeyError, match="missing"):
        page_figures.figures(TABLE.replace("none.score", "missing"))
    with pytest.raises(ValueError, match="1 numbers, 2 addresses"):
        page_figures.figures(PROSE.replace("← Speed", "← Speed | peer | ratio; Speed"))
    with pytest.raises(ValueError, match="2 ids for a table of 1 lines"):
        page_figures.figures(TABLE.replace("| none | 0.85–0.95 | all noise | – |\n", ""))


def test_a_figure_without_a_source_is_named(sources):
    assert page_figures.without_source(PROSE.replace("a half", "0.5 of it")) == ["line 5: '0.5'"]
    assert page_figures.without_source(PROSE.replace("given: 99 %\n", "")) == ["line 4: '99 %'"]
    # Nor in a section without a comment, or behind the last one; a licence's name is no figure.
    assert page_figures.without_source(f"{PROSE}\n## Next\n\nIt is 0.7, Apache-2.0.\n") == ["line 19: '0.7'"]
    assert page_figures.without_source(f"{PROSE}\nIt is 7 %.\n") == ["line 17: '7 %'"]
    assert page_figures.without_source("## Next\n\nIt is 0.7.\n\n<!-- figures: -\ngiven: 0.7\n-->\n") == []
