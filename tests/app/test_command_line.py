"""`jaxmusic`: its commands, and one line where something is to be mended."""

import os
import subprocess
import sys

import pytest

from jaxmusic import app
from jaxmusic._locks import held
from jaxmusic.app.command_line import main
from tests.app.conftest import write_music

QUICK = ["--quiet", "--sound", "None", "--n-mels", "32", "--duration", "2", "--epochs", "2", "--latent", "4"]


def test_fit_map_search_recommend(music, tmp_path, capsys):
    model, page = str(tmp_path / "model"), tmp_path / "map.html"
    assert main(["fit", str(music.folder), "--out", model, *QUICK]) == 0
    assert "12 clips (12 with sound, 12 with lyrics)" in capsys.readouterr().out
    assert main(["map", model, str(music.folder), "--out", str(page), "--quiet"]) == 0
    assert page.read_text(encoding="utf-8").startswith("<!doctype html>")
    capsys.readouterr()
    assert main(["search", model, "thunder", "--n", "3"]) == 0
    lines = capsys.readouterr().out.splitlines()
    found = app.load(model).search("thunder", 3)
    literal, alike = ([hit for hit in found if (hit.where == "sound") == kind] for kind in (False, True))
    assert literal[0].id == music.ids[0]
    assert lines[len(literal)] == "sounds like these words:"
    for hits, told in ((literal, lines), (alike, lines[len(literal) + 1 :])):
        assert [hit.id in line for hit, line in zip(hits, told, strict=False)] == [True] * len(hits)
    assert len(lines) == len(found) + 1
    assert main(["recommend", model, music.ids[0], music.ids[4], "--n", "2"]) == 0
    assert len(capsys.readouterr().out.splitlines()) == 2


def test_a_clip_removed_after_the_fit_is_marked(tmp_path, capsys):
    music = write_music(tmp_path / "music", 4)
    model = str(tmp_path / "model")
    assert main(["fit", str(music.folder), "--out", model, *QUICK]) == 0
    (music.folder / "audio" / f"{music.ids[3]}.wav").unlink()
    capsys.readouterr()
    assert main(["recommend", model, music.ids[0]]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert ["no longer there" in line for line in lines] == [music.ids[3] in line for line in lines]
    assert any("no longer there" in line for line in lines)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["fit", "nowhere"], "no such folder: nowhere"),
        (["search", "nowhere", "love"], "nowhere is no model"),
        (["fit", "nowhere", "--out", __file__], "is a file"),
    ],
)
def test_what_is_wrong_is_one_line(arguments, message, capsys):
    assert main(arguments) == 1
    error = capsys.readouterr().err
    assert message in error
    assert error.count("\n") == 1


def test_help_runs_as_a_module():
    done = subprocess.run([sys.executable, "-m", "jaxmusic", "--help"], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert all(
        command in done.stdout
        for command in ("fit", "update", "map", "search", "recommend", "path", "mix", "playlists")
    )


@pytest.mark.parametrize("what", ["help", "list"])
def test_a_reader_that_has_enough_is_no_error(what, model, tmp_path):
    arguments = ["--help"] if what == "help" else ["search", str(app.save(model, tmp_path / "model")), "thunder"]
    command = [sys.executable, "-m", "jaxmusic", *arguments]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as started:
        started.stdout.close()
        assert started.stderr.read() == ""
    assert started.returncode == 141


def test_a_pipe_within_that_breaks_is_an_error(monkeypatch, capsys):
    def broken(command):
        raise BrokenPipeError(32, "Broken pipe")

    monkeypatch.setattr("jaxmusic.app.command_line.run", broken)
    assert main(["recommend", "model", "clip"]) == 1
    assert "Broken pipe" in capsys.readouterr().err


def test_help_answers_at_once():
    code = """
import sys
from jaxmusic.app.command_line import main
try:
    main(["fit", "--help"])
except SystemExit:
    pass
heavy = {"jax", "numpy", "flax", "orbax", "sklearn", "transformers"} & set(sys.modules)
assert not heavy, heavy
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert "--text" in done.stdout


def test_every_name_of_the_room_loads():
    assert all(getattr(app, name) is not None for name in app.__all__)
    assert set(dir(app)) == set(app.__all__)
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        _ = app.nothing


def test_two_fits_into_one_folder_name_each_other(tmp_path, capsys):
    (tmp_path / "music").mkdir()
    with held(tmp_path / "model"):
        assert main(["fit", str(tmp_path / "music"), "--out", str(tmp_path / "model")]) == 1
    assert f"is written to by process {os.getpid()}" in capsys.readouterr().err
