"""Verdicts and the written report."""

import json
import math

import numpy as np
import pytest
from scipy import stats

from jaxmusic import report


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
    ],
)
def test_a_verdict_needs_the_same_data_and_enough_runs(reported, fresh, same, contradicted, expected):
    assert report.verdict(reported, fresh, is_same_data=same, is_contradicted=contradicted) == expected


def _row(id="a.b", fresh=(1.0, 3.0), **options):
    options = {"section": "4.1", "what": "model | k = 5", "metric": "silhouette", "reported": 0.5} | options
    return report.make_row(id, fresh=fresh, is_same_data=False, **options)


def test_a_row_holds_mean_std_and_n_and_counts_undefined_runs():
    row = _row(fresh=(1.0, 3.0, math.nan))
    assert (row.fresh, row.std, row.n) == (2.0, pytest.approx(2**0.5), 2)
    assert row.note == "undefined in 1 of 3 runs"
    nothing = _row(fresh=(math.nan,))
    assert (nothing.fresh, nothing.std, nothing.n) == (None, None, 0)


def _report(rows):
    return report.Report("Title (2026)", "quick", {"name": "synthetic", "counts": {"clips": 3}}, {"jax": "1"}, rows)


def test_the_written_report_holds_every_row_in_both_forms(tmp_path):
    rows = [_row(column="document"), _row(column="split", fresh=(5.0,)), _row("b", column="split", reported=None)]
    path = report.write(_report(rows), tmp_path / "new" / "folder")
    content = json.loads((path.parent / "report.json").read_text())
    assert set(content) == {"document", "preset", "data", "environment", "rows", "notes", "timing", "settings"}
    assert [(row["id"], row["column"]) for row in content["rows"]] == [(row.id, row.column) for row in rows]
    assert set(content["rows"][0]) == {
        "id", "column", "section", "what", "metric", "reported", "fresh", "std", "n", "verdict", "note",
    }  # fmt: skip
    text = path.read_text()
    assert "| what | metric | reported | document | split | verdict | note |" in text
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

    monkeypatch.setattr(report.os, "replace", full)
    with pytest.raises(OSError, match="No space"):
        report.write_atomically(path, "new")
    assert path.read_text() == "old"
    assert [p.name for p in tmp_path.iterdir()] == ["x.json"]


def test_the_environment_names_no_machine():
    text = json.dumps(report.environment())
    assert "/" not in text.replace("cuda/", "")
    assert report.environment()["jax"]
