"""Programs compile for a TPU, and for eight, within a budget of memory, where libtpu is installed; none is run.

The budgets are a tenth above what jax 0.10.2 with libtpu 0.0.42 needs. `JAXMUSIC_LIBTPU` names the folder of
`pip install --target FOLDER --no-deps 'libtpu==0.0.42.*'`; without it build/libtpu is looked for.
"""

import json
import os
from pathlib import Path

import pytest

from benchmarks import accelerators

FOLDER = Path(os.environ.get("JAXMUSIC_LIBTPU", Path(__file__).parents[2] / "build" / "libtpu"))
# (program, rows, chips) → MiB of temporary memory of a chip; a TPU keeps what is small outside of it.
BUDGETS = {
    ("FC-VAE", 256, 1): 1,
    ("FC-VAE", 256, 8): 1,
    ("LyricsClassifier", 4096, 1): 200,
    ("LyricsClassifier", 1024, 8): 4,
    ("top items", 256, 1): 1250,
    ("ConvVAE", 32, 1): 2420,
}


@pytest.fixture(scope="module")
def compiled():
    """What the compiler says of each."""
    options = accelerators.Options(libtpu=FOLDER)
    if reason := accelerators.unavailable("v5e", options):
        pytest.skip(f"libtpu is not there: {reason}")
    tasks = [
        {"program": program, "chip": "v5e", "batch": batch, "devices": devices} for program, batch, devices in BUDGETS
    ]
    found = accelerators.compiled(tasks, options)
    return dict(zip(BUDGETS, found, strict=True))


@pytest.mark.parametrize("case", BUDGETS, ids=str)
def test_a_program_for_tpu_stays_within_its_budget(case, compiled):
    assert compiled[case]["temporary"] / 2**20 <= BUDGETS[case]
    # A step over several chips adds up its gradients; what it holds of a batch stays where it is.
    assert not {"all-gather", "all-to-all"} & set(compiled[case]["collectives"])
    assert ("all-reduce" in compiled[case]["collectives"]) is (case[2] > 1)


def test_what_is_missing_is_named():
    nowhere = accelerators.Options(libtpu=None, cuda=None, target=None)
    assert "pip install --target" in accelerators.unavailable("v5e", nowhere)
    assert "--cuda" in accelerators.unavailable("h100", nowhere)
    assert "unknown" in accelerators.unavailable("v99", nowhere)


def test_the_binding_limit_is_the_longer_time():
    task = {"program": "FC-VAE", "chip": "v5e", "batch": 1024, "devices": 8, "dtype": "bfloat16"}
    found = {**task, "temporary": 2**21, "arguments": 2**20, "seconds": 1.0}
    slow = accelerators.row({**found, "flops": 197e9, "bytes": 819e7, "collectives": {"all-reduce": 2}})
    assert slow[:4] == ["FC-VAE", "8 × v5e, 1,024, bfloat16", 2.0, 1.0]
    assert slow[6:10] == [pytest.approx(1.0), pytest.approx(10.0), "bandwidth", "2 all-reduce"]
    unknown = accelerators.row({**found, "flops": None, "bytes": None, "collectives": {}})
    assert unknown[4:10] == [None, None, None, None, None, "none"]


def test_a_run_that_was_stopped_goes_on_and_names_what_does_not_compile(tmp_path, monkeypatch):
    asked = []

    def compiled(tasks, options):
        asked.append(tasks[0]["batch"])
        if tasks[0]["batch"] == 64:
            raise RuntimeError("RESOURCE_EXHAUSTED: too much\nsomewhere")
        figures = {"temporary": 2**20, "arguments": 0, "flops": 1.0, "bytes": 1.0, "collectives": {}, "seconds": 1.0}
        return [{**tasks[0], **figures}]

    monkeypatch.setattr(accelerators, "compiled", compiled)
    (tmp_path / "libtpu").mkdir()
    options = accelerators.Options(
        ("FC-VAE",), ("v5e", "h100"), (32, 64), ("float32",), devices=(), libtpu=tmp_path, out=tmp_path
    )
    (tmp_path / "results").mkdir()
    for _ in range(2):
        accelerators.main(options)
    assert asked == [32, 64, 64]
    [written] = (tmp_path / "results").glob("accelerators-*.json")
    content = json.loads(written.read_text())
    assert [row[:3] for row in content["tables"][0]["rows"]] == [["FC-VAE", "1 × v5e, 32, float32", 1.0]]
    assert "RESOURCE_EXHAUSTED: too much" in content["not_measured"][1]
    assert "--cuda" in content["not_measured"][2]
