"""The table of lyrics: what goes in, what stays out, and what is never overwritten."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from jaxmusic.data import clips
from jaxmusic.data.tables import read_table
from reproductions.prepare_lyrics import Config, Counts, gather

SCRIPT = Path(__file__).parents[2] / "reproductions" / "prepare_lyrics.py"
TEXTS = {"a": 'one, "two"\nthree', "b": "", "গান": "আমার সোনার বাংলা"}


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "lyrics").mkdir()
    for name, text in TEXTS.items():
        (tmp_path / "lyrics" / f"{name}.txt").write_text(text, encoding="utf-8")
    return tmp_path


def run(*arguments):
    return subprocess.run([sys.executable, str(SCRIPT), *map(str, arguments)], capture_output=True, text=True)


def test_the_table_holds_every_text(folder):
    (folder / "lyrics" / "latin.txt").write_bytes("été".encode("latin-1"))
    (folder / "lyrics" / "notes.md").write_text("no lyrics", encoding="utf-8")
    assert gather(Config(folder)) == Counts(written=3, empty=1, undecodable=1)
    rows = read_table(folder / "lyrics.csv", ("id", "filename", "lyrics"))
    assert list(rows[0]) == ["id", "filename", "lyrics"]
    assert {row["id"]: row["lyrics"] for row in rows} == TEXTS
    assert [row["filename"] for row in rows] == ["a.txt", "b.txt", "গান.txt"]


def test_clips_read_the_same_from_the_table_as_from_the_files(folder):
    (folder / "mels").mkdir()
    for name in TEXTS:
        np.save(folder / "mels" / f"{name}.npy", np.zeros((2, 3)))
    before = clips(folder)
    gather(Config(folder))
    after = clips(folder)
    assert before.ids.tolist() == after.ids.tolist()
    assert before.modalities["lyrics"].tolist() == after.modalities["lyrics"].tolist()


def test_the_command_counts_and_refuses_to_overwrite(folder):
    (folder / "lyrics" / "latin.txt").write_bytes(b"\xe9")
    first = run(folder)
    assert (first.returncode, first.stdout) == (0, "3 lyrics written, 1 of them empty; 1 files left out (not UTF-8)\n")
    assert "latin.txt is not UTF-8: byte 0" in first.stderr
    (folder / "lyrics.csv").write_text("by hand", encoding="utf-8")
    second = run(folder)
    assert second.returncode == 1
    assert "lyrics.csv exists: add --force" in second.stderr
    assert "Traceback" not in second.stderr
    assert (folder / "lyrics.csv").read_text(encoding="utf-8") == "by hand"
    assert run(folder, "--force").returncode == 0
    assert len(read_table(folder / "lyrics.csv", ("id", "lyrics"))) == 3


def test_another_place_for_the_table(folder, tmp_path):
    gather(Config(folder, out=tmp_path / "words.csv"))
    assert len(read_table(tmp_path / "words.csv", ("id", "lyrics"))) == 3
    assert not (folder / "lyrics.csv").exists()
    with pytest.raises(FileNotFoundError, match="no such folder"):
        gather(Config(folder, out=tmp_path / "nowhere" / "words.csv"))


def test_no_text_file_is_an_error(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"lyrics holds no \.txt file"):
        gather(Config(tmp_path))


def test_nothing_readable_writes_nothing(tmp_path):
    (tmp_path / "lyrics").mkdir()
    (tmp_path / "lyrics" / "a.txt").write_bytes(b"\xff\xfe")
    with pytest.raises(ValueError, match="none of 1 files"):
        gather(Config(tmp_path))
    assert not (tmp_path / "lyrics.csv").exists()


def test_an_interruption_leaves_the_old_table(folder, monkeypatch):
    gather(Config(folder))
    old = (folder / "lyrics.csv").read_bytes()
    monkeypatch.setattr("os.replace", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
    with pytest.raises(KeyboardInterrupt):
        gather(Config(folder, force=True))
    assert (folder / "lyrics.csv").read_bytes() == old
    assert sorted(path.name for path in folder.iterdir()) == ["lyrics", "lyrics.csv"]
