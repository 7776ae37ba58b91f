"""Fits that are stopped go on: the same numbers bit for bit, nothing computed twice, nothing left behind."""

import dataclasses
import os
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from jaxmusic import app
from jaxmusic.app import fitting, unfinished
from jaxmusic.app.command_line import main
from tests.app.conftest import SMALL, write_music

ROOT = Path(__file__).parents[2]
LONG = dataclasses.replace(SMALL, epochs=8)
# Kills its own process, as a power cut would, when the n-th checkpoint, or the n-th clip's features, are on disk.
KILLED = """
import os, signal, sys
import jax
jax.config.update("jax_compilation_cache_dir", os.environ["COMPILED"])
from jaxmusic import app
from jaxmusic.app.command_line import main
if sys.argv[1] == "training":
    from jaxmusic.training.checkpoint import Checkpoints as watched
    name = "save"
else:
    from jaxmusic.audio.cache import FeatureCache as watched
    name = "write"
real, calls = getattr(watched, name), []
def counted(self, *arguments):
    calls.append(real(self, *arguments))
    if len(calls) == 3:
        if name == "save":
            self._finish()
        os.kill(os.getpid(), signal.SIGKILL)
setattr(watched, name, counted)
main(["fit", *sys.argv[2:]])
"""
OPTIONS = [
    "--quiet", "--sound", "None", "--n-mels", "32", "--duration", "2", "--audio-dim", "8", "--lyrics-dim", "8",
    "--latent", "4", "--width", "16", "--epochs", "8", "--batch", "8",
]  # fmt: skip


@pytest.fixture(scope="module")
def straight(music):
    return app.fit(music.folder, LONG)


def _same(found, expected):
    import jax

    jax.tree.map(np.testing.assert_array_equal, found.variables, expected.variables)
    np.testing.assert_array_equal(found.index.joint, expected.index.joint)
    assert found.notes == expected.notes
    assert found.scores == expected.scores


@pytest.mark.parametrize("stage", ["training", "sound"])
def test_a_killed_fit_goes_on_to_the_same_model(stage, music, straight, tmp_path, capsys, monkeypatch):
    import jax

    out = tmp_path / "model"
    environment = {
        **os.environ,
        "PYTHONPATH": os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")]),
        "COMPILED": jax.config.jax_compilation_cache_dir,
    }
    command = [sys.executable, "-c", KILLED, stage, str(music.folder), "--out", str(out), *OPTIONS]
    killed = subprocess.run(command, env=environment, capture_output=True, text=True)
    assert killed.returncode == -signal.SIGKILL, killed.stderr
    assert not (out / "config.json").exists()
    kept = len(list((out / unfinished.FOLDER / "cache").rglob("*.npz")))
    assert kept == (12 if stage == "training" else 3)
    epochs, trainer = [], fitting.training.Trainer
    real = trainer.fit
    monkeypatch.setattr(
        trainer, "fit", lambda *a, **o: (epochs.append(_done(o["checkpoint"].folder)), real(*a, **o))[1]
    )
    assert main(["fit", str(music.folder), "--out", str(out), *OPTIONS]) == 0
    assert "was stopped before" in capsys.readouterr().out
    assert epochs == ([6] if stage == "training" else [0])
    _same(app.load(out), straight)
    assert {path.name for path in out.iterdir()} == {"config.json", "model.safetensors"}


def _done(checkpoint):
    """Epochs of the latest checkpoint."""
    return max((int(path.name) for path in checkpoint.glob("*") if path.name.isdigit()), default=0)


def _stop_after(monkeypatch, epoch):
    from jaxmusic.training.checkpoint import Checkpoints

    real = Checkpoints.save

    def save(self, done, *arguments):
        real(self, done, *arguments)
        if done == epoch:
            raise KeyboardInterrupt

    monkeypatch.setattr(Checkpoints, "save", save)


def test_ctrl_c_is_heard_while_a_file_is_renamed(tmp_path, monkeypatch):
    from jaxmusic.audio.cache import FeatureCache
    from jaxmusic.data.tables import write_table
    from jaxmusic.report import write_atomically

    real = os.replace

    def stopped(*arguments):
        real(*arguments)
        raise KeyboardInterrupt

    cache = FeatureCache(tmp_path, (), [((1,), np.dtype(np.float32))])
    monkeypatch.setattr(os, "replace", stopped)
    with pytest.raises(KeyboardInterrupt):
        cache.write("ab", [np.zeros(1, np.float32)], 1)
    with pytest.raises(KeyboardInterrupt):
        write_atomically(tmp_path / "page.html", "whole")
    with pytest.raises(KeyboardInterrupt):
        write_table(tmp_path / "table.csv", ["id"], [["a"]])
    assert (tmp_path / "page.html").read_text() == "whole"
    assert not list(tmp_path.glob(".*"))


def test_ctrl_c_says_that_it_goes_on(music, straight, tmp_path, capsys):
    out = tmp_path / "model"
    with pytest.MonkeyPatch.context() as patched:
        _stop_after(patched, 4)
        assert main(["fit", str(music.folder), "--out", str(out), *OPTIONS]) == 130
    error = capsys.readouterr().err
    assert "stopped; the same command goes on from here" in error
    assert error.count("\n") == 1
    assert main(["fit", str(music.folder), "--out", str(out), *OPTIONS]) == 0
    _same(app.load(out), straight)


def test_other_settings_or_clips_start_anew(tmp_path):
    music = write_music(tmp_path / "music", 6)
    with pytest.MonkeyPatch.context() as patched:
        _stop_after(patched, 4)
        with pytest.raises(KeyboardInterrupt):
            app.fit(music.folder, LONG, work=tmp_path / "work")
    (first,) = (tmp_path / "work").glob("training-*")
    other = dataclasses.replace(LONG, learning_rate=2e-3)
    _same(app.fit(music.folder, other, work=tmp_path / "work"), app.fit(music.folder, other))
    (second,) = (tmp_path / "work").glob("training-*")
    assert first != second
    (music.folder / "audio" / f"{music.ids[5]}.wav").unlink()
    (tmp_path / "work" / "training-data").mkdir()
    assert len(app.fit(music.folder, other, work=tmp_path / "work").index.ids) == 6  # its lyrics are left
    third, theirs = sorted((tmp_path / "work").glob("training-*"))
    assert third != second
    # What someone else keeps there is theirs.
    assert theirs.name == "training-data"


def test_a_stopped_fit_leaves_the_model_that_lies_there(model, music, tmp_path):
    out = app.save(model, tmp_path / "model")
    with pytest.MonkeyPatch.context() as patched:
        _stop_after(patched, 4)
        assert main(["fit", str(music.folder), "--out", str(out), *OPTIONS]) == 130
    _same(app.load(out), model)


def test_a_save_that_is_cut_off_between_its_files_leaves_the_model_that_lies_there(model, music, straight, tmp_path):
    out, real = app.save(model, tmp_path / "model"), os.replace

    def cut_off(source, target):
        if Path(target).name == "config.json":
            raise KeyboardInterrupt
        real(source, target)

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(os, "replace", cut_off)
        assert main(["fit", str(music.folder), "--out", str(out), *OPTIONS]) == 130
    _same(app.load(out), model)
    assert main(["fit", str(music.folder), "--out", str(out), *OPTIONS]) == 0
    _same(app.load(out), straight)


def test_a_folder_of_ones_own_that_is_called_unfinished_is_not_deleted(music, tmp_path, capsys):
    song = tmp_path / "projects" / unfinished.FOLDER / "song.txt"
    song.parent.mkdir(parents=True)
    song.write_text("la")
    assert main(["fit", str(music.folder), "--out", str(tmp_path / "projects"), *OPTIONS]) == 1
    assert "holds other files (unfinished/song.txt)" in capsys.readouterr().err
    assert song.read_text() == "la"


def test_what_a_cut_off_write_left_is_cleared(model, tmp_path):
    out = app.save(model, tmp_path / "model")
    (out / ".model.safetensors.x8dk2").write_bytes(b"half")
    app.save(model, out)
    assert {path.name for path in out.iterdir()} == {"config.json", "model.safetensors"}


def test_a_place_that_cannot_be_written_is_told_before_any_work(music, tmp_path, capsys, monkeypatch):
    (tmp_path / "file").write_text("")
    assert main(["fit", str(music.folder), "--out", str(tmp_path / "file" / "model"), "--quiet"]) == 1
    assert "cannot be written" in capsys.readouterr().err

    def full(*arguments, **options):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("tempfile.TemporaryFile", full)
    assert main(["fit", str(music.folder), "--out", str(tmp_path / "new" / "model"), "--quiet"]) == 1
    error = capsys.readouterr().err
    assert "cannot be written (No space left on device): name another folder" in error
    assert error.count("\n") == 1
    assert not (tmp_path / "new").exists()


def test_a_disk_with_little_room_is_not_filled_with_spectrograms(music, straight, tmp_path, monkeypatch):
    import shutil

    usage = shutil.disk_usage(tmp_path)
    # 12 clips of 32 bands and 2 s, at 22,050 Hz some 87 frames each: 0.13 MB.
    monkeypatch.setattr(shutil, "disk_usage", lambda path: usage._replace(free=2**20 // 5))
    with pytest.warns(UserWarning, match=r"spectrograms \(up to 0\.1 MB\) are not kept where 0\.2 MB are free"):
        found = app.fit(music.folder, LONG, work=tmp_path / "work")
    assert not (tmp_path / "work" / "cache").exists()
    _same(found, straight)
    assert list((tmp_path / "work").glob("training-*"))
    # Larger ones need more.
    monkeypatch.setattr(shutil, "disk_usage", lambda path: usage._replace(free=2**20))
    assert unfinished.disk_shortage(tmp_path, music.folder, LONG) == ""
    assert "up to 1.3 MB" in unfinished.disk_shortage(tmp_path, music.folder, dataclasses.replace(LONG, duration=20.0))


def test_a_checkpoint_that_cannot_be_written_is_one_line(music, tmp_path, capsys, monkeypatch):
    from jaxmusic.training.checkpoint import Checkpoints

    class Full:
        def result(self):
            raise ValueError("RESOURCE_EXHAUSTED: Failed to write: No space left on device [os_error_code='28']")

    real = Checkpoints.save

    def save(self, *arguments):
        real(self, *arguments)
        self._finish()
        self._pending = Full()

    monkeypatch.setattr(Checkpoints, "save", save)
    assert main(["fit", str(music.folder), "--out", str(tmp_path / "model"), *OPTIONS]) == 1
    error = capsys.readouterr().err
    assert "cannot be written: " in error
    assert "No space left on device" in error
    assert error.count("\n") == 1
