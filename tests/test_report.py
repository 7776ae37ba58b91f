"""Verdicts and the written report."""

import dataclasses
import json
import math
import time
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest
from scipy import stats

from jaxmusic import figures, report

DOCUMENTS = Path(__file__).parent.parent / "reproductions" / "documents"


def test_the_prediction_interval_covers_a_sixth_run_at_its_level():
    rng = np.random.default_rng(0)
    draws = rng.normal(size=(4000, 6))
    hits = [low <= row[5] <= high for row in draws for low, high in [report.prediction_interval(list(row[:5]))]]
    assert np.mean(hits) == pytest.approx(0.95, abs=0.012)
    low, high = report.prediction_interval([1.0, 2.0, 3.0, 4.0, 5.0])
    half = stats.t.ppf(0.975, 4) * np.sqrt(2.5) * np.sqrt(1.2)
    assert (low, high) == pytest.approx((3 - half, 3 + half))
    with pytest.raises(ValueError, match="two runs"):
        report.prediction_interval([1.0])


RUNS = [0.49, 0.51, 0.50, 0.52, 0.48]


@pytest.mark.parametrize(
    ("reported", "fresh", "same", "contradicted", "expected"),
    [
        (0.5, RUNS, True, False, "reproduced"),
        (0.9, RUNS, True, False, "not reproduced"),
        (0.5, RUNS, False, False, None),
        (0.5, RUNS, False, True, "contradicted by the document"),
        (0.5, RUNS[:4], True, False, None),
        (0.5, [*RUNS, math.nan], True, False, None),
        (None, RUNS, True, False, None),
        (0.0497, [0.04968] * 5, True, False, "reproduced"),
        # Without spread there is no interval to lie outside of.
        (0.0496, [0.04968] * 5, True, False, None),
        (report.PrintedNumber("0.90"), [0.91] * 5, True, False, None),
        (report.PrintedNumber("0.90"), [0.91, 0.911, 0.912, 0.911, 0.91], True, False, "not reproduced"),
        (report.PrintedNumber("0.9"), [0.91] * 5, True, False, "reproduced"),
        (12, [12.0] * 5, True, False, "reproduced"),
        ((0.85, 0.95), [0.9] * 5, True, False, "reproduced"),
        ((0.85, 0.95), [0.7, 0.71, 0.7, 0.69, 0.7], True, False, "not reproduced"),
    ],
)
def test_a_verdict_needs_the_same_data_and_enough_runs(reported, fresh, same, contradicted, expected):
    assert report.verdict(reported, fresh, is_same_data=same, is_contradicted=contradicted) == expected


def test_runs_without_spread_decide_only_what_no_run_can_change():
    options = {"section": "s", "what": "w", "metric": "clips", "reported": 3834, "is_same_data": True}
    open_, exact = (report.make_row("a", fresh=[3830.0] * 5, is_exact=exact, **options) for exact in (False, True))
    assert (open_.verdict, open_.undecided) == (None, "the runs do not vary")
    assert (exact.verdict, exact.undecided) == ("not reproduced", "")


def _row(id="a.b", fresh=(1.0, 3.0), **options):
    options = {"section": "4.1", "what": "model | k = 5", "metric": "silhouette", "reported": 0.5} | options
    return report.make_row(id, fresh=fresh, is_same_data=False, **options)


def test_a_range_is_shown_as_its_ends_and_survives_the_report(tmp_path):
    ends = report.PrintedNumber("0.85"), report.PrintedNumber("0.95")
    row = report.make_row("a", section="s", what="w", metric="m", reported=ends, fresh=[0.9, 0.8], is_same_data=False)
    assert (row.reported, row.reported_to, report.format_reported(row)) == (0.85, 0.95, "0.85–0.95")
    report.write(report.Report("d", "quick", {}, {}, [row]), tmp_path)
    assert "0.85–0.95" in (tmp_path / "report.md").read_text()
    assert report.read(tmp_path).rows == [row]


def test_a_row_holds_mean_std_and_n_and_counts_undefined_runs():
    row = _row(fresh=(1.0, 3.0, math.nan))
    assert (row.fresh, row.std, row.n) == (2.0, pytest.approx(2**0.5), 2)
    assert row.note == "undefined in 1 of 3 runs"
    # Thirds that were averaged in another order are no spread.
    assert _row(fresh=(1 / 6, 1 / 6 + 3e-17)).std == 0
    nothing = _row(fresh=(math.nan,))
    assert (nothing.fresh, nothing.std, nothing.n) == (None, None, 0)


def test_distances_are_half_widths_of_the_interval_and_never_beyond_ten():
    half = stats.t.ppf(0.975, 1) * 2**0.5 * 1.5**0.5  # of the runs 1 and 3
    for reported, fresh, expected in (
        (2 + half, (1.0, 3.0), 1.0),
        (2 - half / 4, (1.0, 3.0), 0.25),
        (1e9, (1.0, 3.0), 10.0),
        (report.PrintedNumber("0.5"), (0.51, 0.53), 0.0),  # the mean is printed as 0.5
        ((5.0, 9.0), (1.0, 3.0), 3 / half),
        (0.5, (0.4, 0.4), 10.0),
        (0.5, (0.5, 0.5), 0.0),
        (0.5, (math.nan, math.nan), 10.0),
    ):
        assert report.distance(_row(reported=reported, fresh=fresh)) == pytest.approx(expected)


def test_the_reading_that_fits_the_numbers_that_all_have_comes_first():
    near, far = (0.49, 0.51), (0.89, 0.91)
    rows = [
        *(_row(name, column=column, fresh=fresh) for column, fresh in (("sum", near), ("mean", far)) for name in "ab"),
        _row("only in mean", column="mean", fresh=near),
        _row("not reported", column="sum", reported=None),
        _row("a", column="other", fresh=near),
    ]
    best, worst = report.distances(rows, ["mean", "sum"])
    assert (best.column, best.mean, best.inside, best.numbers) == ("sum", 0.0, 2, 2)
    assert (worst.column, worst.inside, worst.numbers) == ("mean", 0, 2)
    with pytest.raises(ValueError, match="no reported number in common"):
        report.distances([row for row in rows if row.id == "not reported"], ["mean", "sum"])


def _report(rows):
    return report.Report("Title (2026)", "quick", {"name": "synthetic", "counts": {"clips": 3}}, {"jax": "1"}, rows)


def test_the_written_report_holds_every_row_in_both_forms(tmp_path):
    rows = [_row(column="document"), _row(column="split", fresh=(5.0,)), _row("b", column="split", reported=None)]
    path = report.write(_report(rows), tmp_path / "new" / "folder")
    content = json.loads((path.parent / "report.json").read_text())
    assert set(content) == {
        "document",
        "preset",
        "data",
        "environment",
        "rows",
        "notes",
        "timing",
        "settings",
        "figures",
        "findings",
    }
    assert [(row["id"], row["column"]) for row in content["rows"]] == [(row.id, row.column) for row in rows]
    assert set(content["rows"][0]) == {
        "id",
        "column",
        "section",
        "what",
        "metric",
        "reported",
        "fresh",
        "std",
        "n",
        "verdict",
        "undecided",
        "note",
    }
    text = path.read_text()
    assert "| what | metric | reported | document | split |\n" in text
    assert "| model \\| k = 5 | silhouette | 0.5 | 2 ± 1.4 (n=2) | 5 (n=1) |" in text


def test_nan_never_reaches_the_json_and_ids_are_unique(tmp_path):
    path = report.write(_report([_row(fresh=(math.nan, math.nan))]), tmp_path)
    assert "NaN" not in (path.parent / "report.json").read_text()
    with pytest.raises(ValueError, match="not unique"):
        report.write(_report([_row(), _row()]), tmp_path)


def test_a_failed_write_leaves_the_old_file(tmp_path, monkeypatch):
    path = report.write_atomically(tmp_path / "x.json", "old")

    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.replace", full)
    with pytest.raises(OSError, match="No space"):
        report.write_atomically(path, "new")
    assert path.read_text() == "old"
    assert [p.name for p in tmp_path.iterdir()] == ["x.json"]


def test_the_environment_names_no_machine():
    text = json.dumps(report.environment())
    assert "/" not in text.replace("cuda/", "")
    assert report.environment()["jax"]


def _finished(rows, folder, **fields):
    return report.write(dataclasses.replace(_report(rows), **fields), folder).parent


def test_a_report_is_read_as_it_was_written_and_drawn_anew_to_the_same_pages(tmp_path):
    rows = [_row(column="document"), _row("b", reported=None), _row("c", fresh=(math.nan, math.nan))]
    folder = _finished(rows, tmp_path, findings=["One thing matters."], timing={"all": 1.0})
    before = {path.name: path.read_bytes() for path in folder.iterdir()}
    assert set(before) == {"report.json", "report.md", "report.html", "report.png"}
    found = report.read(folder)
    assert found.rows == rows
    report.write(found, folder)
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == before


def test_both_pages_begin_with_the_finding(tmp_path):
    rows = [
        report.make_row(id, section="1", what=id, metric="m", reported=reported, fresh=fresh, is_same_data=same)
        for id, reported, fresh, same in (
            ("a", 0.5, RUNS, True),
            ("b", 0.9, RUNS, True),
            ("c", 0.5, RUNS, False),
            ("d", 0.5, RUNS[:4], True),
            ("e", 0.5, [math.nan], True),
            ("f", None, RUNS, True),
        )
    ]
    folder = _finished(rows, tmp_path, findings=["One thing matters."])
    finding = (
        "Reported numbers: 5. Reproduced: 1, not reproduced: 1, contradicted by the document: 0, undecided: 3 "
        "(other data: 1, fewer than five runs: 1, not measured: 1)."
    )
    text = (folder / "report.md").read_text()
    assert text.startswith(f"# Title (2026)\n\n**{finding}**\n\n- One thing matters.\n\n![")
    page = (folder / "report.html").read_text()
    assert f"<p>{finding}</p>" in page
    assert page.index("<p>Reported") < page.index("One thing matters") < page.index("<img") < page.index("<table")
    assert [row.undecided for row in rows] == ["", "", "other data", "fewer than five runs", "not measured", ""]


def test_a_report_without_reported_numbers_has_no_forest_plot(tmp_path):
    (tmp_path / "report.png").write_bytes(b"of an earlier run")
    folder = _finished([_row(reported=None)], tmp_path)
    assert "No number of a document is compared here; 1 values are measured." in (folder / "report.md").read_text()
    assert not (folder / "report.png").exists()


def test_lines_without_a_value_for_one_reason_fold_into_one(tmp_path):
    noise = [
        _row(f"dbscan.{eps}.{metric}", fresh=(math.nan,), what=f"DBSCAN eps = {eps}", metric=metric, note="all noise")
        for eps in (0.5, 1.0, 1.5)
        for metric in ("silhouette", "Davies-Bouldin")
    ]
    folder = _finished([*noise, _row(what="K-means")], tmp_path)
    lines = [line for line in (folder / "report.md").read_text().splitlines() if "DBSCAN" in line]
    assert len(lines) == 1
    assert lines[0].startswith("| DBSCAN eps = 0.5; DBSCAN eps = 1.0; DBSCAN eps = 1.5 | silhouette, Davies-Bouldin |")
    assert len(report.read(folder).rows) == 7


class _Tags(HTMLParser):
    def __init__(self):
        super().__init__()
        self.tags, self.addresses = [], []

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.addresses += [value for name, value in attrs if name in ("src", "href")]


def test_names_and_captions_are_escaped_and_nothing_is_fetched(tmp_path):
    hostile = '<img src=x onerror=alert(1)> & "quoted" | piped'
    figures.forest_plot([figures.ForestLine("s", "w", "m", 0.5, 0.4, 0.3, 0.6, "undecided")], path=tmp_path / "f.png")
    rows = [_row(what=hostile, section=hostile, metric=hostile, note=hostile, column=hostile)]
    folder = _finished(rows, tmp_path, figures=[("f.png", hostile)], notes=[hostile], findings=[hostile])
    found = _Tags()
    found.feed((folder / "report.html").read_text())
    assert found.tags.count("img") == 2
    assert found.tags.count("script") == 1
    assert all(address.startswith("data:image/png;base64,") for address in found.addresses)


FINDINGS = """
[[finding]]
text = "Reported {stated}, here {fresh}; one run gave {one}."
values.stated = ["a", "document", "reported"]
values.fresh = ["a", "document"]
values.one = ["count", ""]

[[finding]]
text = "The variant gave {fresh}."
values.fresh = ["a", "not run"]

[[finding]]
text = "Noise gave {fresh}."
values.fresh = ["noise", ""]
"""


def test_findings_hold_the_runs_own_values_and_what_was_not_run_has_none(tmp_path):
    path = tmp_path / "findings.toml"
    path.write_text(FINDINGS)
    rows = [_row("a", column="document"), _row("count", fresh=(977_924.0,)), _row("noise", fresh=(math.nan,))]
    assert report.findings(path, rows) == ["Reported 0.5, here 2 ± 1.4; one run gave 977924."]
    path.write_text(FINDINGS.replace("{stated}", "{nobody}"))
    with pytest.raises(ValueError, match=r"findings\.toml: 'Reported {nobody}.*KeyError\('nobody'\)"):
        report.findings(path, rows)
    path.write_text(FINDINGS.replace('"reported"]', '"stated"]'))
    with pytest.raises(ValueError, match="'stated' is neither 'fresh' nor 'reported'"):
        report.findings(path, rows)


@pytest.mark.parametrize("path", sorted(DOCUMENTS.glob("*/findings.toml")), ids=lambda path: path.parent.name)
def test_every_finding_of_a_document_is_in_one_of_its_committed_reports(path, tmp_path):
    results = [
        report.read(folder.parent) for folder in DOCUMENTS.parent.glob(f"results/{path.parent.name}/*/report.json")
    ]
    _, *each = path.read_text().split("[[finding]]")
    for i, one in enumerate(each):
        (tmp_path / f"{i}.toml").write_text(f"[[finding]]{one}")
        assert any(report.findings(tmp_path / f"{i}.toml", found.rows) for found in results), one
    assert all(found.findings == report.findings(path, found.rows) for found in results)


def test_a_missing_figure_is_named(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"figure gone\.png does not lie in"):
        _finished([_row()], tmp_path, figures=[("gone.png", "caption")])


def test_a_click_on_a_title_sorts_by_number_and_a_dash_stands_last(tmp_path, browser):
    values = {"a": 9.0, "b": 10.0, "c": None, "d": -1.0}
    rows = [_row(name, what=name, fresh=() if value is None else (value,)) for name, value in values.items()]
    browser.get((_finished(rows, tmp_path) / "report.html").as_uri())
    browser.find_element("css selector", "details summary").click()
    title = next(th for th in browser.find_elements("css selector", "th") if th.text == "fresh")

    def order():
        return "".join(td.text for td in browser.find_elements("css selector", "tbody td:first-child"))

    orders = []
    for _ in range(2):
        title.click()
        deadline = time.monotonic() + 5
        while order() == (orders or ["abcd"])[-1] and time.monotonic() < deadline:
            time.sleep(0.02)
        orders.append(order())
    assert orders == ["badc", "dabc"]
    assert not browser.execute_script("return document.documentElement.scrollWidth > window.innerWidth")
