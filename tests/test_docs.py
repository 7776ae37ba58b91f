"""What a study page says is what its committed report holds."""

import json
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
# A comment above a table names the report and the family of rows whose columns its header names; where ids go on
# behind a row's name, it names their ending, too.
_TABLE = re.compile(
    r"<!-- numbers: (?P<report>\S+) (?P<family>\S.*?)(?: (?P<ending>\.\S+))? -->\n+(?P<table>(?:\|.*\n)+)"
)
PAGES = sorted((ROOT / "docs").glob("*.md"))


def _tables():
    return [found for page in PAGES for found in _TABLE.finditer(page.read_text())]


def _cells(line):
    return [cell.strip() for cell in line.strip().strip("|").split("|")]


def _id(name):
    """A row's name, or the one in backticks and parentheses behind it."""
    behind = re.search(r"\(`(.+)`\)$", name)
    return behind[1] if behind else name.strip("*` ")


@pytest.mark.parametrize("found", _tables(), ids=lambda m: f"{m['report']}-{m['family']}")
def test_every_number_of_a_table_is_the_reports(found):
    rows = {row["id"]: row for row in json.loads((ROOT / found["report"] / "report.json").read_text())["rows"]}
    header, _, *lines = found["table"].splitlines()
    titles = _cells(header)[1:]
    compared = 0
    for line in lines:
        name, *values = _cells(line)
        for title, value in zip(titles, values, strict=True):
            if value == "–":
                continue
            row = rows[f"{found['family']}.{_id(name)}{found['ending'] or ''}@variant:{title}"]
            shown = re.fullmatch(r"([−-]?[\d.]+)(?: ± ([\d.]+))?(?: \((.+) to (.+)\))?", value.strip("* "))
            assert shown, f"{name}, {title}: {value!r} is no number"
            mean, spread, low, high = shown.groups()
            assert float(mean.replace("−", "-")) == pytest.approx(row["fresh"], abs=0.00051), (name, title)
            if spread is not None:
                assert float(spread) == pytest.approx(row["std"], abs=0.00051), (name, title)
            if low is not None:
                bounds = [float(part) for part in re.findall(r"[+-]?\d+\.\d+", row["note"])]
                shown_bounds = [float(part.replace("−", "-").replace("+", "")) for part in (low, high)]
                assert shown_bounds == pytest.approx(bounds, abs=0.00051), (name, title)
            compared += 1
    assert compared > 0


def test_every_table_with_a_comment_is_found():
    comments = sum(page.read_text().count("<!-- numbers:") for page in PAGES)
    assert len(_tables()) == comments >= 9


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_links_lead_somewhere(page):
    for target in re.findall(r"\]\((?!https?:)([^)#]+)\)", page.read_text()):
        assert (page.parent / target).exists(), target
