"""`python -m jaxmusic.audio`: its table equals librosa's; a folder of oddities becomes rows and a list of reasons."""

import csv
import os
import subprocess
import sys

import librosa
import numpy as np
import pytest
import soundfile

from jaxmusic import audio
from jaxmusic.audio import table
from jaxmusic.audio.__main__ import main
from jaxmusic.audio.summary import DESCRIPTOR_COLUMNS, TABLE_COLUMNS
from jaxmusic.audio.table import audio_files

SR = 22_050


def librosas_row(y, sr=SR):
    """The 57 columns, as the scripts that made the common tables compute them."""
    harmonic, percussive = librosa.effects.hpss(y)
    tracks = [
        librosa.feature.chroma_stft(y=y, sr=sr),
        librosa.feature.rms(y=y),
        librosa.feature.spectral_centroid(y=y, sr=sr),
        librosa.feature.spectral_bandwidth(y=y, sr=sr),
        librosa.feature.spectral_rolloff(y=y, sr=sr),
        librosa.feature.zero_crossing_rate(y),
        harmonic,
        percussive,
    ]
    row = [moment(track) for track in tracks for moment in (np.mean, np.var)]
    row += [librosa.feature.tempo(y=y, sr=sr)[0]]
    return np.array(row + [moment(c) for c in librosa.feature.mfcc(y=y, sr=sr) for moment in (np.mean, np.var)])


def assert_rows_equal(ours, oracle):
    """Relative to each column's size; the means of a waveform, which cancel to nearly nothing, to its deviation."""
    scale = np.abs(oracle).copy()
    for name in ("harmony", "perceptr"):
        place = TABLE_COLUMNS.index(f"{name}_mean")
        scale[..., place] = np.sqrt(oracle[..., place + 1])
    off = np.abs(ours - oracle) > 1e-4 * np.maximum(scale, 1e-6)
    assert not off.any(), [(TABLE_COLUMNS[i], ours[i], oracle[i]) for i in np.flatnonzero(off)]


def read(path):
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def test_columns_are_those_of_the_common_table(real_data):
    with (real_data / "gtzan" / "features_30_sec.csv").open() as file:
        assert next(csv.reader(file)) == ["filename", "length", *TABLE_COLUMNS, "label"]
    assert len(TABLE_COLUMNS) == 57


def test_gtzan_clips_equal_librosas(real_data, tmp_path):
    """Clips of different lengths, padded to the same ones inside, each equal the unpadded clip's."""
    source = real_data / "gtzan" / "genres_original"
    chosen = [f"{genre}/{genre}.0000{i}.ogg" for i, genre in enumerate(("blues", "classical", "disco", "metal", "pop"))]
    for name in chosen:
        (tmp_path / "music" / name).parent.mkdir(parents=True)
        (tmp_path / "music" / name).symlink_to(source / name)
    # What links lead to outside of the folder is read when it is asked for.
    assert main([str(tmp_path / "music"), "--out", str(tmp_path / "features.csv"), "--quiet"]) == 2
    options = ["--out", str(tmp_path / "features.csv"), "--quiet", "--follow-links"]
    assert main([str(tmp_path / "music"), *options]) == 0
    rows = read(tmp_path / "features.csv")
    assert [row["filename"] for row in rows] == [name.split("/")[1] for name in chosen]
    assert [row["label"] for row in rows] == [name.split("/")[0] for name in chosen]
    assert len({row["length"] for row in rows}) > 2
    for row, name in zip(rows, chosen, strict=True):
        y, _ = librosa.load(source / name)
        assert int(row["length"]) == len(y)
        assert_rows_equal(np.array([float(row[column]) for column in TABLE_COLUMNS]), librosas_row(y))


# Not two frames (512 to 1,023 samples): there SciPy's median filter, and so librosa's separation, departs from its own
# reflection at the ends; ours keeps to it.
@pytest.mark.parametrize("samples", [500, 1_200, 5_000, 22_050, 40_001])
@pytest.mark.filterwarnings("ignore:n_fft=2048 is too large")
def test_padding_changes_nothing(samples):
    rng = np.random.default_rng(samples)
    y = np.zeros(50_000, np.float32)
    # A loud end: frames beyond the clip still hold some of it, and must not count.
    y[:samples] = 0.1 * rng.standard_normal(samples)
    y[max(0, samples - 400) : samples] *= 9
    padded = np.asarray(audio.summary.table_features(y, samples))
    assert_rows_equal(padded, librosas_row(y[:samples]))
    described = dict(zip(DESCRIPTOR_COLUMNS, np.asarray(audio.summary.descriptors(y, samples)), strict=True))
    named = dict(zip(TABLE_COLUMNS, padded, strict=True))
    assert described["tempo"] == named["tempo"]
    assert described["rms_mean"] == pytest.approx(named["rms_mean"], rel=1e-5)
    assert described["spectral_centroid_mean"] == pytest.approx(named["spectral_centroid_mean"], rel=1e-5)
    assert described["chroma_stft_std"] == pytest.approx(np.sqrt(named["chroma_stft_var"]), rel=1e-4)


@pytest.fixture
def oddities(tmp_path):
    """A folder with every kind of file that people have, and how many of them are music."""
    folder = tmp_path / "odd"
    (folder / "sub").mkdir(parents=True)
    tone = 0.3 * np.sin(2 * np.pi * 440 * np.arange(SR) / SR)
    good = {
        "eight bits.wav": (tone, SR, "PCM_U8"),
        "twenty four bits.wav": (tone, SR, "PCM_24"),
        "six channels.wav": (np.repeat(tone[:, None], 6, 1), SR, None),
        "slow.wav": (tone[:8000], 8_000, None),
        "fast.wav": (np.repeat(tone, 4), 96_000, None),
        "silence.wav": (0 * tone, SR, None),
        "dc.wav": (0 * tone + 0.5, SR, None),
        "one sample.wav": (np.array([0.5]), SR, None),
        "আমার গান.flac": (tone, SR, None),
        "sub/twice.wav": (tone, SR, None),
        "twice.wav": (tone, SR, None),
    }
    for name, (y, sr, subtype) in good.items():
        soundfile.write(folder / name, y, sr, subtype=subtype)
    whole = (folder / "twice.wav").read_bytes()
    (folder / "truncated.wav").write_bytes(whole[: len(whole) // 2])
    (folder / "zero.mp3").write_bytes(b"")
    (folder / "text.wav").write_text("not music")
    soundfile.write(folder / "nan.wav", np.full(100, np.nan), SR, subtype="FLOAT")
    (folder / "loop.wav").symlink_to(folder / "loop.wav")
    (folder / "sub" / "again").symlink_to(folder)
    (folder / "cover.jpg").write_bytes(b"\xff\xd8")
    (folder / ".hidden.wav").write_bytes(b"")
    return folder, len(good)


def test_oddities_become_finite_rows_or_reasons(oddities, tmp_path, capsys):
    folder, good = oddities
    assert main([str(folder), "--out", str(tmp_path / "deep" / "table.csv"), "--quiet"]) == 0
    rows = read(tmp_path / "deep" / "table.csv")
    assert len(rows) == good
    values = np.array([[float(row[column]) for column in TABLE_COLUMNS] for row in rows])
    assert np.isfinite(values).all()
    named = {row["filename"]: row for row in rows}
    assert "আমার গান.flac" in named
    # Two files of one name differ by their folder, and are the same music.
    assert named["sub/twice.wav"]["mfcc1_mean"] == named["twice.wav"]["mfcc1_mean"]
    assert named["sub/twice.wav"]["label"] == "sub"
    assert named["twice.wav"]["label"] == ""
    said = capsys.readouterr()
    assert f"{good} of {good + 4} files" in said.out
    for name, reason in {
        "truncated.wav": "truncated",
        "zero.mp3": "empty",
        "text.wav": "not readable as audio",
        "nan.wav": "100 of 100 samples are NaN",
    }.items():
        (line,) = [line for line in said.err.splitlines() if f"/{name}:" in line]
        assert reason in line
    assert "cover.jpg" not in said.err
    assert "loop.wav" not in said.err


def test_a_duration_is_said(tmp_path, capsys):
    soundfile.write(tmp_path / "a.wav", np.zeros(SR), SR)
    assert main([str(tmp_path), "--out", str(tmp_path / "t.csv"), "--duration", "0.5", "--quiet"]) == 0
    assert "1 files are 0.5 s or longer: only their first 0.5 s were read" in capsys.readouterr().out
    assert read(tmp_path / "t.csv")[0]["length"] == str(SR // 2)


def test_exit_status_tells_no_music_from_none_that_can_be_read(tmp_path, capsys):
    assert main([str(tmp_path), "--out", str(tmp_path / "t.csv")]) == 2
    assert main([str(tmp_path / "missing"), "--out", str(tmp_path / "t.csv")]) == 2
    assert "no such folder" in capsys.readouterr().err
    (tmp_path / "a.wav").write_bytes(b"")
    assert main([str(tmp_path), "--out", str(tmp_path / "t.csv"), "--quiet"]) == 1


def test_files_are_found_in_order_whatever_the_case_of_their_suffix(tmp_path):
    for name in ("b.WAV", "a.mp3", "c.txt", "sub.wav/d.ogg"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    assert [path.name for path in audio_files(tmp_path)] == ["a.mp3", "b.WAV", "d.ogg"]


def test_the_command_runs(tmp_path):
    soundfile.write(tmp_path / "a.wav", 0.1 * np.ones(SR), SR)
    command = [sys.executable, "-m", "jaxmusic.audio", str(tmp_path), "--out", str(tmp_path / "t.csv")]
    done = subprocess.run(command, capture_output=True, text=True, env=os.environ)
    assert done.returncode == 0, done.stderr
    assert "1 of 1 files" in done.stdout
    assert "1/1" in done.stderr  # the progress bar


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--duration", "-1"], "duration must be above 0"),
        (["--sr", "0"], "sr must be 1 Hz or more"),
        (["--out", "."], "is a folder"),
        (["--out", "a.wav/t.csv"], "no folder that may be written to"),
        (["--out", "a.wav"], "one of the files that are read"),
    ],
)
def test_the_command_tells_what_is_wrong_in_one_line_before_the_work(tmp_path, monkeypatch, capsys, options, message):
    soundfile.write(tmp_path / "a.wav", np.zeros(4096), 22_050)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(table, "extract_table", lambda *_, **__: pytest.fail("the work began"))
    assert main([".", *options]) == 2
    told = capsys.readouterr()
    assert message in told.err
    assert told.err.count("\n") == 1
    assert told.out == ""


def test_the_command_ends_with_130_when_it_is_interrupted(tmp_path, monkeypatch, capsys):
    from jaxmusic import _programs

    def interrupt(*_, **__):
        raise KeyboardInterrupt

    soundfile.write(tmp_path / "a.wav", np.zeros(4096), 22_050)
    monkeypatch.setattr(table, "extract_table", interrupt)
    monkeypatch.setattr(_programs, "keep_compiled_programs", lambda: None)
    assert main([str(tmp_path), "--out", str(tmp_path / "t.csv")]) == 130
    assert capsys.readouterr().err == "stopped\n"
    assert not (tmp_path / "t.csv").exists()
