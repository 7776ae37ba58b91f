"""What a clumsy or a hostile user puts in: one line that names file, column and fix, or left out and counted."""

import csv
import os
import shutil

import numpy as np
import pytest
import soundfile

from jaxmusic import app
from jaxmusic.app.command_line import main
from tests.app.conftest import HOSTILE, NAMES, SMALL, write_music
from tests.app.page_file import read

QUICK = [
    "--quiet", "--sound", "None", "--n-mels", "32", "--duration", "2", "--epochs", "1", "--latent", "4",
    "--width", "16", "--audio-dim", "4", "--lyrics-dim", "4",
]  # fmt: skip


@pytest.fixture
def music(tmp_path):
    return write_music(tmp_path / "it's <b>আমার</b> 🎵", 5)


def _fails(arguments, capsys):
    """The one line that a command says."""
    assert main(arguments) == 1
    error = capsys.readouterr().err
    assert error.count("\n") == 1, error
    assert error.startswith("jaxmusic: ")
    return error


def _fit(music, tmp_path):
    return ["fit", str(music.folder), "--out", str(tmp_path / "model"), *QUICK]


def _write(path, rows):
    with path.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows(rows)


@pytest.mark.parametrize(
    ("name", "rows", "message"),
    [
        ("labels.csv", ["name,genre", "a,b"], "labels.csv has no column 'id': its first line reads 'name,genre'"),
        ("labels.csv", ["id,genre", "a,b", "a,c"], "values of 'id' occur more than once: a; keep one row"),
        ("labels.csv", ["id,genre,genre", "a,b,c"], "has the column 'genre' more than once: rename"),
        ("labels.csv", ["id,genre", "a,b,c"], "line 2: 3 values for 2 columns; put a value that holds commas"),
        ("lyrics.csv", ["id,text", "a,b"], "lyrics.csv has no column 'lyrics'"),
        ("lyrics.csv", ["id,lyrics", "a,b", "a,c"], "lyrics.csv: 1 values of 'id' occur more than once: a"),
        ("lyrics.csv", [], "lyrics.csv has no column 'id', 'lyrics'"),
        (
            "lyrics.csv",
            ["id,lyrics", 'a,"' + "la " * 50_000],
            "field limit (131072); look for a double quote",
        ),
    ],
)
def test_tables_that_are_wrong(music, name, rows, message, tmp_path, capsys):
    (music.folder / name).write_text("\n".join(rows), encoding="utf-8")
    error = _fails(_fit(music, tmp_path), capsys)
    assert message in error
    assert str(music.folder) in error


def test_lyrics_in_another_encoding(music, tmp_path, capsys):
    (music.folder / "lyrics.csv").write_bytes("id,lyrics\nclip_000003,ça va\n".encode("latin-1"))
    assert "lyrics.csv is not UTF-8: byte 22 (line 2) is 0xe7" in _fails(_fit(music, tmp_path), capsys)


def test_lyrics_of_no_clip_are_noted(music, tmp_path, capsys):
    _write(music.folder / "lyrics.csv", [("id", "lyrics"), ("else", "love")])
    assert main(_fit(music, tmp_path)) == 0
    error = capsys.readouterr().err
    assert "jaxmusic: note: " in error
    assert "do their ids match the file names?" in error
    assert "warn" not in error.lower()


def test_two_files_of_one_clip(music, tmp_path, capsys):
    sound = music.folder / "audio" / f"{music.ids[3]}.wav"
    shutil.copy(sound, sound.with_suffix(".flac"))
    assert main(_fit(music, tmp_path)) == 0
    assert "not read: audio/clip_000003.wav (clip_000003.flac is read)" in capsys.readouterr().out


def test_files_that_cannot_be_read_are_left_out_and_counted(music, tmp_path, capsys):
    for name, content in (("bad <b>🎵.wav", b"no sound"), ("empty.mp3", b""), ("notes.txt", b"hm")):
        (music.folder / "audio" / name).write_bytes(content)
    assert main(_fit(music, tmp_path)) == 0
    out = capsys.readouterr().out
    assert "audio/bad <b>🎵.wav was left out: not readable" in out
    assert "audio/empty.mp3 was left out: the file is empty" in out
    assert "audio/notes.txt was left out: not a format of sound" in out
    assert "5 clips (5 with sound, 5 with lyrics)" in out


def test_no_sound_at_all(music, tmp_path, capsys):
    for path in (music.folder / "audio").iterdir():
        path.write_bytes(b"no sound")
    assert "none of 5 files" in _fails(_fit(music, tmp_path), capsys)
    shutil.rmtree(music.folder / "audio")
    assert "holds no sound" in _fails(_fit(music, tmp_path), capsys)
    # Nothing was made where the model would have been but what was computed.
    assert not (tmp_path / "model" / "config.json").exists()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--epochs", "0"], "epochs must be a whole number from 1 on, not 0"),
        (["--learning-rate", "nan"], "learning_rate must be a number from 0 on"),
        (["--learning-rate", "1e30", "--epochs", "5"], "lower the learning rate"),
        (["--duration", "-3"], "duration must be seconds above 0"),
        (["--duration", "inf"], "duration must be seconds above 0"),
        (["--seed", "4294967296"], "seed must be a whole number from 0 to 4294967295"),
        (["--text-prefix", "query: "], "wants text beside it"),
    ],
)
def test_options_that_mean_nothing(music, options, message, tmp_path, capsys):
    assert message in _fails([*_fit(music, tmp_path), *options], capsys)


def test_commands_that_lack_something(music, tmp_path, capsys):
    model = str(tmp_path / "model")
    assert "is no model" in _fails(["map", str(music.folder), str(music.folder), "--quiet"], capsys)
    assert "holds other files" in _fails([*_fit(music, tmp_path), "--out", str(music.folder)], capsys)
    assert main(_fit(music, tmp_path)) == 0
    capsys.readouterr()
    page = ["--out", str(tmp_path / "map.html"), "--quiet"]
    assert "no such folder" in _fails(["map", model, str(tmp_path / "nowhere"), *page], capsys)
    assert "is a folder: name a file" in _fails(["map", model, str(music.folder), "--out", model, "--quiet"], capsys)
    assert "clusters must be at least 1" in _fails(["map", model, str(music.folder), *page, "--clusters", "0"], capsys)
    assert "has no word: give one at least" in _fails(["search", model], capsys)
    assert "has no word" in _fails(["search", model, "…", "!"], capsys)
    assert "no clip given" in _fails(["recommend", model], capsys)
    assert "did you mean 'clip_000003'" in _fails(["recommend", model, "clip_0003"], capsys)
    assert "n must be at least 1" in _fails(["recommend", model, NAMES[1], "--n", "0"], capsys)
    assert "n must be" in _fails(["search", model, "thunder", "--n", "0"], capsys)
    # Names with quotes, markup, Bangla and emoji are names.
    assert main(["recommend", model, *NAMES, "--n", "9"]) == 0
    listed = [line.split("  ")[-1] for line in capsys.readouterr().out.splitlines()]
    assert sorted(listed) == sorted(set(music.ids) - set(NAMES))
    assert main(["search", model, HOSTILE]) == 0


def test_words_of_a_search_need_no_quotes(music, tmp_path, capsys):
    model = str(tmp_path / "model")
    assert main(_fit(music, tmp_path)) == 0
    capsys.readouterr()
    assert main(["search", model, "thunder", "love"]) == 0
    apart = capsys.readouterr().out
    assert main(["search", model, "thunder love"]) == 0
    assert capsys.readouterr().out == apart


def test_huge_lyrics_are_read_whole_and_shown_in_part(tmp_path):
    music = write_music(tmp_path / "music", 4)
    (music.folder / "lyrics.csv").unlink()
    (music.folder / "lyrics").mkdir()
    for name, text in zip(music.ids[3:], ("love rain " * 100_000 + "unheard",), strict=True):
        (music.folder / "lyrics" / f"{name}.txt").write_text(text, encoding="utf-8")
    (music.folder / "lyrics" / "clip_000009.txt").write_text("the night", encoding="utf-8")
    model = app.fit(music.folder, SMALL)
    assert "unheard" in model.views.lyrics.vocabulary
    drawn = app.write_map(model, music.folder, tmp_path / "map.html")
    data = read(drawn.path)
    assert data["lyrics"][data["ids"].index(music.ids[3])].endswith("980,007 more characters are in the file)")
    assert drawn.size < 200_000


def test_clips_that_are_all_alike_or_silent(tmp_path, capsys):
    (tmp_path / "music" / "audio").mkdir(parents=True)
    for row in range(4):
        soundfile.write(tmp_path / "music" / "audio" / f"{row}.wav", np.zeros(44_100), 22_050)
    model = str(tmp_path / "model")
    assert main(["fit", str(tmp_path / "music"), "--out", model, *QUICK]) == 0
    out = capsys.readouterr().out
    assert "hears sound alone" in out
    assert "too few to leave some out" not in out
    assert main(["map", model, str(tmp_path / "music"), "--out", str(tmp_path / "map.html"), "--quiet"]) == 0
    assert capsys.readouterr().err == ""
    assert np.isfinite(app.load(model).index.joint).all()


def test_columns_with_the_names_of_the_pages_own(music, tmp_path):
    rows = [("id", "cluster", "__proto__", "language (detected)")]
    _write(
        music.folder / "labels.csv", rows + [(name, f"c{i % 2}", f"p{i % 2}", "x") for i, name in enumerate(music.ids)]
    )
    drawn = app.write_map(app.fit(music.folder, SMALL), music.folder, tmp_path / "map.html", clusters=2)
    columns = read(drawn.path)["columns"]
    assert [value[:2] for value in columns["cluster"]["values"]] == ["1 ", "2 "]
    assert columns["cluster (labels.csv)"]["values"] == ["c0", "c1"]
    assert columns["__proto__"]["values"] == ["p0", "p1"]


@pytest.mark.skipif(os.name == "nt", reason="Windows has no such names")
def test_names_that_are_not_text(tmp_path, capsys):
    folder = tmp_path / "music" / "mels"
    folder.mkdir(parents=True)
    rng = np.random.default_rng(0)
    for row in range(4):
        with open(os.fsencode(folder) + b"/\xff%d.npy" % row, "wb") as file:
            np.save(file, rng.normal(-40, 10, (16, 20)).astype(np.float32))
    model = str(tmp_path / "model")
    assert main(["fit", str(tmp_path / "music"), "--out", model, *QUICK]) == 0
    assert main(["map", model, str(tmp_path / "music"), "--out", str(tmp_path / "map.html"), "--quiet"]) == 0
    assert (tmp_path / "map.html").read_text(encoding="utf-8")
    assert len(app.load(model).like([os.fsdecode(b"\xff1")])) == 3
