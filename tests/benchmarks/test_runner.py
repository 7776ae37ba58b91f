"""The runner of all benchmarks: what it would run, what it leaves out and why, and that little of it works."""

import dataclasses
import json
from pathlib import Path

import pytest

from benchmarks import __main__ as runner
from benchmarks import retrieval, scaling, scaling_worker


def test_what_cannot_run_is_named_with_its_reason(monkeypatch):
    monkeypatch.setattr(runner.importlib.util, "find_spec", lambda name: None)
    assert "needs torch" in runner.command("vae", runner.Options())
    monkeypatch.setattr(runner.importlib.util, "find_spec", lambda name: object())
    assert "--model" in runner.command("text", runner.Options(data=None))


def test_every_benchmark_is_a_script_with_the_options_it_is_given():
    import subprocess
    import sys

    for name in runner.BENCHMARKS:
        options = runner.Options(quick=True, data=Path("data"), model=Path("bert"))
        found = runner.command(name, options)
        if isinstance(found, str):
            assert any(what in found for what in ("torch", "musicnn", "selenium", "chromium"))
            continue
        assert Path(found[1]).is_file()
        assert found[-1] == "--no-commit"
        assert runner.command(name, dataclasses.replace(options, commit=True))[-1] == "--commit"
    with pytest.raises(SystemExit, match="name some of"):
        runner.run(runner.Options(only=("nothing",)))
    done = subprocess.run([sys.executable, "-m", "benchmarks", "--help"], capture_output=True, text=True, check=False)
    assert "--quick" in done.stdout


def _in_this_process(task):
    """Starting a process takes longer than what these sizes measure."""
    if task["kind"] == "store":
        return scaling_worker.epoch_from_store(task)
    return {
        "seconds": scaling_worker.epoch_seconds(**task | {"size": 1 if task["kind"] == "devices" else task["size"]})
    }


def test_scaling_measures_and_fits(tmp_path, monkeypatch):
    monkeypatch.setattr(scaling, "run_worker", _in_this_process)
    options = scaling.Options(
        rows=(200, 400), seeds=(1, 2), devices=(1, 2), rounds=1, gigabytes=0.001, streamed=32, out=tmp_path
    )
    (tmp_path / "results").mkdir()
    scaling.main(options)
    [written] = (tmp_path / "results").glob("scaling-*.json")
    content = json.loads(written.read_text())
    assert {row[0] for row in content["tables"][0]["rows"]} == {"rows", "seeds", "devices"}
    disk, memory = content["tables"][1]["rows"]
    assert disk[0] == "disk"
    assert disk[5] > 0
    assert memory[4] > 0
    figure = (tmp_path / content["figures"][0][0]).read_bytes()
    assert figure.startswith(b"\x89PNG")
    assert content["figures"][0][0] in (tmp_path / "RESULTS.md").read_text()


def test_a_worker_has_the_devices_it_is_asked_for():
    assert len(scaling.run_worker({"kind": "devices", "size": 2, "rounds": 1})["seconds"]) == 1


def test_ranks_agree_with_sorting():
    [row] = retrieval.measure(retrieval.Options(sizes=(300,), rounds=1))["rows"]
    assert row[4] == 0
