"""What is written of a measurement, and how a measurement is watched."""

import dataclasses
import doctest
import importlib
import json
import subprocess
import sys
import time

import numpy as np
import pytest

from benchmarks import machine, render, retrieval
from benchmarks.__main__ import BENCHMARKS
from benchmarks.__main__ import main as runner_main
from docs import page_numbers

MACHINE = {"processor": "Some CPU", "cores": 4, "device": "1 × cpu (cpu)"}


def test_doctests():
    for module in (machine, render):
        found = doctest.testmod(module)
        assert found.attempted > 0
        assert found.failed == 0


def test_a_result_is_written_and_on_the_page(tmp_path):
    rows = [["ours", 0.00012345, None], ["a|b", 123456.0, True]]
    path = render.save(
        "speed",
        "Speed",
        command="python x.py",
        machine=MACHINE,
        folder=tmp_path,
        tables=[render.table("A table", ["way", "figure", "met"], rows, "A note.")],
        not_measured=["GPU: not measured."],
    )
    assert path == tmp_path / "results" / "speed-some-cpu-4-cores.json"
    assert json.loads(path.read_text())["tables"][0]["rows"] == rows
    page = (tmp_path / "RESULTS.md").read_text()
    for line in (
        "## Speed",
        "### A table",
        "| ours | 1.2e-04 | not measured |",
        "| a\\|b | 123,456 | yes |",
        "A note.",
        "- GPU: not measured.",
    ):
        assert line in page.splitlines()
    assert "cores 4" in page


def test_a_second_machine_adds_a_section_and_the_same_one_replaces_its_own(tmp_path):
    for cores, title in ((4, "first"), (8, "second"), (4, "third")):
        render.save("a", title, command="c", machine=MACHINE | {"cores": cores}, tables=[], folder=tmp_path)
    page = (tmp_path / "RESULTS.md").read_text()
    assert [line for line in page.splitlines() if line.startswith("## ")] == ["## third", "## second"]


def test_a_row_without_a_cell_for_each_column_is_refused():
    with pytest.raises(ValueError, match="has 2 columns"):
        render.table("T", ["a", "b"], [[1, 2], [1]])


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.0, "0"),
        (1.0, "1.00"),
        (12.34, "12.3"),
        (1999.7, "2,000"),
        (-0.05, "-0.0500"),
        (1e-7, "1.0e-07"),
        (10000, "10,000"),
    ],
)
def test_cells(value, text):
    assert f"| {text} |" in render.markdown(render.table("T", ["a"], [[value]]))


def test_own_work_and_that_of_children_is_not_others():
    work = "import time\nend = time.process_time() + 0.7\nwhile time.process_time() < end: pass"
    child = subprocess.Popen([sys.executable, "-c", work])
    with machine.Watch() as alone:
        end = time.process_time() + 0.5
        while time.process_time() < end:
            pass
        child.wait()
    assert alone.seconds >= 0.5
    # A child's and this process's own second of work are no one else's, however busy the machine is.
    assert alone.others <= machine.describe(["numpy"])["cores"] - 0.5 * 1.2 / alone.seconds


def test_the_machine_is_described_without_names():
    described = machine.describe(["numpy"])
    assert described["numpy"] == np.__version__
    assert described["cores"] >= 1
    assert described["memory"].endswith(" GiB")
    assert machine.slug(described) == machine.slug(described).strip("-").lower()


def _published():
    return {path: path.read_bytes() for path in render.FOLDER.rglob("*") if path.suffix in (".json", ".md", ".png")}


def test_a_run_of_ones_own_leaves_the_published_results_alone(tmp_path):
    before = _published()
    for name in BENCHMARKS:
        module = importlib.import_module(f"benchmarks.{name.partition('-')[0]}")
        fields = {field.name: field.default for field in dataclasses.fields(module.Options)}
        assert fields["commit"] is False
        assert fields["out"] == render.FOLDER.parent / "build" / "benchmarks"
    retrieval.main(retrieval.Options(sizes=(50,), rounds=1, out=tmp_path))
    assert [path.suffix for path in (tmp_path / "results").iterdir()] == [".json"]
    assert (tmp_path / "RESULTS.md").is_file()
    assert _published() == before


def test_commit_replaces_the_published_results_and_writes_the_pages(tmp_path, monkeypatch):
    monkeypatch.setattr(render, "FOLDER", tmp_path / "published")
    pages = []
    monkeypatch.setattr(page_numbers, "main", lambda arguments: pages.append(arguments) or 0)
    retrieval.main(retrieval.Options(sizes=(50,), rounds=1, out=tmp_path / "own", commit=True))
    assert (tmp_path / "published" / "RESULTS.md").is_file()
    assert pages == [[]]
    assert not (tmp_path / "own").exists()
    monkeypatch.setattr(page_numbers, "main", lambda arguments: 1)
    with pytest.raises(SystemExit, match="the results are published; see above"):
        retrieval.main(retrieval.Options(sizes=(50,), rounds=1, commit=True))
    with pytest.raises(SystemExit, match="measures no speed"):
        runner_main(["--quick", "--commit"])
