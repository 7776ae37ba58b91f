"""Records of all seeds → rows: grouping, order, reported numbers, notes; and a script without its libraries."""

import dataclasses
import subprocess
import sys
from pathlib import Path

import pytest
import records
import runs
from records import Table

ROOT = Path(__file__).parents[2]


def _seed(*values, variant="v"):
    """One seed's silhouettes of spaces a, b, …"""
    spaces = {space: {"silhouette": value} for space, value in zip("abc", values, strict=False)}
    return records.tidy(spaces, "space", "metric", variant=variant)


def test_rows_are_means_over_seeds_in_the_order_asked_for():
    found = records.table_of([_seed(1.0, 2.0), _seed(3.0, 2.0)])
    table = Table("S", "{space}.{metric}", "{space}", where={"space": {"b": "B", "a": "A"}})
    rows = records.make_rows(found, [table], seeds=2)
    assert [(row.id, row.column, row.what, row.fresh, row.n) for row in rows] == [
        ("b.silhouette", "v", "B", 2.0, 2),
        ("a.silhouette", "v", "A", 2.0, 2),
    ]
    assert rows[1].std == pytest.approx(2**0.5)
    assert rows[0].std == 0


def test_a_seed_without_a_record_is_counted_and_a_record_without_a_field_is_another_tables():
    found = records.table_of([_seed(1.0, 2.0), _seed(3.0), _seed(5.0), [{"variant": "v", "model": "m", "value": 9.0}]])
    by_id = {row.id: row for row in records.make_rows(found, [Table("S", "{space}", "{space}")], seeds=4)}
    assert set(by_id) == {"a", "b"}
    assert (by_id["a"].fresh, by_id["a"].n, by_id["a"].note) == (3.0, 3, "undefined in 1 of 4 runs")
    # One run of four says nothing of the others.
    assert by_id["b"].fresh is None


def test_reported_numbers_join_by_id_and_those_with_a_section_stand_even_if_nothing_was_measured(tmp_path):
    (tmp_path / "reported.toml").write_text(
        """
        document = "D"
        [[entries]]
        id = "{space}.{metric}"
        columns = ["space", "silhouette"]
        metrics = ["silhouette"]
        rows = [["a", 0.5]]
        [[entries]]
        id = "missing"
        section = "4"
        what = "space {space}, seen as {variant}"
        title = "Davies-Bouldin"
        space = "b"
        metric = "davies_bouldin"
        reported = 0.25
        contradicted = "elsewhere it is 1"
        """
    )
    reported = records.read_reported(tmp_path / "reported.toml")
    assert reported["document"] == "D"
    entries = reported["entries"]
    assert {name: entry["reported"] for name, entry in entries.items()} == {"a.silhouette": 0.5, "missing": 0.25}
    found = records.table_of([_seed(0.5, 1.0)] * 5)
    (joined, other) = records.make_rows(
        found, [Table("S", "{space}.{metric}", "{space}")], entries, seeds=5, comparable=["v"]
    )
    assert (joined.reported, joined.verdict, other.reported, other.verdict) == (0.5, "reproduced", None, None)
    (row,) = records.reported_rows(found, entries, seeds=5, titles={"space": {"b": "B"}})
    assert (row.id, row.section, row.what, row.metric) == ("missing", "4", "space B, seen as v", "Davies-Bouldin")
    assert (row.fresh, row.n, row.verdict, row.note) == (
        None,
        0,
        "contradicted by the document",
        "elsewhere it is 1; undefined in 5 of 5 runs",
    )


def test_a_contradiction_marks_both_twins_and_hides_no_other_note(tmp_path):
    path = tmp_path / "reported.toml"
    path.write_text(
        """
        [[entries]]
        section = "4"
        what = "space {space}"
        id = "{space}.{metric}"
        columns = ["space", "silhouette"]
        metrics = ["silhouette"]
        rows = [["a", 0.5], ["b", 0.5], ["c", 0.5]]
        [[contradictions]]
        ids = ["a.silhouette", "c.silhouette"]
        text = "one result under two names"
        """
    )
    entries = records.read_reported(path)["entries"]
    found = records.table_of([_seed(0.5, 0.5, 0.5)] * 5)
    rows = records.reported_rows(
        found, entries, seeds=5, titles={}, note=lambda values: f"{values['space']} degenerate"
    )
    assert [(row.verdict, row.note) for row in rows] == [
        ("contradicted by the document", "one result under two names; a degenerate"),
        (None, "b degenerate"),
        ("contradicted by the document", "one result under two names; c degenerate"),
    ]
    path.write_text(path.read_text().replace('"c.silhouette"]', '"d.silhouette"]'))
    with pytest.raises(ValueError, match=r"reported\.toml: a contradiction names d\.silhouette"):
        records.read_reported(path)


def test_notes_are_filled_expanded_and_left_out(tmp_path):
    path = tmp_path / "notes.md"
    path.write_text("# Notes\n\n- Share\n  {share:.1%}.\n- {several}\n- {none}\n- Braces {{stay}}.\n")
    values = {"share": 0.25, "several": ["One.", "Two."], "none": ""}
    assert records.read_notes(path, values) == ["Share 25.0%.", "One.", "Two.", "Braces {stay}."]


def test_a_table_of_spreads_has_mean_deviation_and_runs():
    found = records.table_of([_seed(1.0), _seed(3.0)])
    line = records.spread_table(found, ["variant", "space"]).iloc[0].to_dict()
    assert line == {
        "variant": "v",
        "space": "a",
        "silhouette": 2.0,
        "silhouette_std": pytest.approx(2**0.5),
        "n": 2,
    }


@pytest.mark.parametrize("name", ["joint_vae", "genre_classification", "multimodal_vae"])
def test_outside_the_environment_a_script_says_how_to_make_it(name):
    # Without site packages, as on a machine where nothing is installed.
    done = subprocess.run(
        [sys.executable, "-S", "-E", f"reproductions/{name}.py"], cwd=ROOT, capture_output=True, text=True
    )
    assert done.returncode == 1
    assert len(done.stderr.splitlines()) == 1
    assert "make environment" in done.stderr


def test_a_note_of_what_was_not_run_is_left_out(tmp_path):
    (tmp_path / "notes.md").write_text("# Notes\n\n- Always {a:.1f}.\n- With {a:.1f} and {b}.\n- {several}\n")
    found = records.read_notes(tmp_path / "notes.md", {"a": 1.0, "b": None, "several": ["x", "y"]})
    assert found == ["Always 1.0.", "x", "y"]
    with pytest.raises(KeyError, match="b"):
        records.read_notes(tmp_path / "notes.md", {"a": 1.0, "several": []})


def test_a_file_that_two_patterns_name_is_deleted_once(tmp_path):
    @dataclasses.dataclass(frozen=True)
    class Config:
        epochs: int = 1

    options = {"resume": False, "data_fingerprint": "x", "own": ("report.*", "*.png")}
    runs.open_output(tmp_path, Config(), **options)
    (tmp_path / "report.png").touch()
    (tmp_path / "notes.txt").touch()
    runs.open_output(tmp_path, Config(), **options)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["config.json", "notes.txt"]


def test_what_was_changed_names_no_folder_of_the_machine():
    @dataclasses.dataclass
    class Config:
        tokenizer: str | None = None
        seeds: int = 1
        kind: str = "a/b"

    changed = runs.settings_changed(Config("/home/somebody/bert", 2), Config())
    assert changed == "tokenizer bert (preset: None), seeds 2 (preset: 1)"
