"""A command that is told to end does: one line, the status of the signal, soon; a resumed run is equal; locks."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from jaxmusic._locks import held

ROOT = Path(__file__).parent.parent
LINE = "stopped, goes on"
# Says "ready" where the moment begins; the checkpoint of a net of 16 MB is written for a good part of the run.
COMMAND = f"""
from jaxmusic._interrupts import end_on_interrupt
end_on_interrupt("{LINE}")
import sys
moment, folder, epochs = sys.argv[1], sys.argv[2], int(sys.argv[3])
def ready():
    if moment != "none":
        print("ready", flush=True)
if moment == "imports":
    ready()
import numpy as np
if moment == "computing":
    ready()
    a = np.ones((3000, 3000))
    while True:
        a @ a
if moment == "asleep":
    import threading
    ready()
    threading.Thread(target=lambda: __import__("time").sleep(60)).start()
    threading.Event().wait()
import jax, optax
from jaxmusic import losses, models, training
x = np.random.default_rng(0).normal(size=(64, 64)).astype("float32")
trainer = training.Trainer(models.FCVAE(8, 64, (1000, 1000)), losses.elbo(), optax.adam(1e-3), batch_size=32)
said = []
def on_epoch(epoch, metrics, state):
    if epoch >= 2 and not said and moment == "saving":
        said.append(1)
        ready()
state, info = trainer.fit(jax.random.key(0), {{"inputs": x}}, epochs=epochs, checkpoint=folder, on_epoch=on_epoch)
np.savez(sys.argv[4], *jax.tree.leaves(state.params))
"""


def _start(moment: str, folder: Path, epochs: int, out: Path) -> subprocess.Popen[str]:
    arguments = [sys.executable, "-c", COMMAND, moment, str(folder), str(epochs), str(out)]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    return subprocess.Popen(
        arguments, cwd=ROOT, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )


@pytest.mark.parametrize(
    ("moment", "number"),
    [("imports", signal.SIGINT), ("computing", signal.SIGINT), ("asleep", signal.SIGTERM), ("saving", signal.SIGTERM)],
)
def test_a_command_that_is_told_to_end_says_one_line(moment, number, tmp_path):
    process = _start(moment, tmp_path / "checkpoint", 1000, tmp_path / "out.npz")
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n"
    time.sleep(0.05)
    process.send_signal(number)
    began = time.monotonic()
    _, errors = process.communicate(timeout=60)
    assert process.returncode == 128 + number
    assert errors.strip() == LINE
    # Three seconds and what a busy machine adds.
    assert time.monotonic() - began < 15


def test_a_training_that_was_interrupted_in_a_save_ends_with_the_same_numbers(tmp_path):
    straight = _start("none", tmp_path / "straight", 6, tmp_path / "straight.npz")
    interrupted = _start("saving", tmp_path / "resumed", 6, tmp_path / "resumed.npz")
    assert interrupted.stdout is not None
    assert interrupted.stdout.readline() == "ready\n"
    interrupted.send_signal(signal.SIGINT)
    interrupted.communicate(timeout=120)
    assert interrupted.returncode == 130
    assert not (tmp_path / "resumed.npz").exists()
    for process in (straight, _start("none", tmp_path / "resumed", 6, tmp_path / "resumed.npz")):
        assert process.communicate(timeout=120)[1] == ""
        assert process.returncode == 0
    with np.load(tmp_path / "straight.npz") as a, np.load(tmp_path / "resumed.npz") as b:
        assert a.files == b.files
        for name in a.files:
            np.testing.assert_array_equal(a[name], b[name])


def test_a_folder_has_one_writer_at_a_time(tmp_path):
    with held(tmp_path / "run"):
        with pytest.raises(OSError, match=rf"by process {os.getpid()} on .*, since 20"), held(tmp_path / "run"):
            pass
        with held(tmp_path / "other"):
            pass
    with held(tmp_path / "run"):
        pass
    assert list(tmp_path.iterdir()) == []


def test_a_lock_goes_with_its_process(tmp_path):
    code = f"""
from pathlib import Path
from jaxmusic._locks import held
with held(Path({str(tmp_path / "run")!r})):
    print(1, flush=True)
    input()
"""
    process = subprocess.Popen(
        [sys.executable, "-c", code],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "1\n"
    with pytest.raises(OSError, match=f"process {process.pid}"), held(tmp_path / "run"):
        pass
    process.kill()
    process.communicate()
    with held(tmp_path / "run"):
        pass
