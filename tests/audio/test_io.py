"""Decoding: formats, channels, rates, and files that are refused with their name and the reason."""

import struct

import librosa
import numpy as np
import pytest
import soundfile

from jaxmusic import audio
from jaxmusic.audio.io import stream


def _tone(seconds=0.5, sr=22_050, channels=1, frequency=440.0):
    t = np.arange(int(seconds * sr)) / sr
    y = 0.5 * np.sin(2 * np.pi * frequency * t)
    return np.repeat(y[:, None], channels, axis=1)


def _write(path, seconds=0.5, sr=22_050, channels=1, **options):
    soundfile.write(path, _tone(seconds, sr, channels), sr, **options)
    return path


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("a.wav", {"subtype": "PCM_16"}),
        ("a.wav", {"subtype": "PCM_U8"}),
        ("a.wav", {"subtype": "PCM_24"}),
        ("a.flac", {}),
        ("a.ogg", {}),
        ("a.mp3", {}),
        ("গান ১.wav", {"channels": 6}),
        ("a.wav", {"sr": 8_000}),
        ("a.wav", {"sr": 96_000, "channels": 2}),
    ],
)
def test_formats_channels_and_rates_become_one_tone(tmp_path, name, options):
    y = audio.load(_write(tmp_path / name, 1.0, **options))
    assert y.dtype == np.float32
    assert abs(len(y) - 22_050) < 2_500  # lossy formats pad
    spectrum = np.abs(np.fft.rfft(y))
    assert np.argmax(spectrum) * 22_050 / len(y) == pytest.approx(440, abs=3)
    assert np.abs(y).max() == pytest.approx(0.5, abs=0.06)


def test_a_duration_reads_the_beginning_as_if_all_had_been_read(tmp_path):
    path = _write(tmp_path / "a.wav", 2.0, sr=44_100)
    whole, part = audio.load(path), audio.load(path, duration=0.7)
    assert len(part) == round(0.7 * 22_050)
    np.testing.assert_allclose(part, whole[: len(part)], atol=1e-4)


def test_broken_files_are_refused_with_their_name_and_the_reason(tmp_path):
    (tmp_path / "zero.wav").write_bytes(b"")
    (tmp_path / "text.wav").write_text("these are words")
    whole = _write(tmp_path / "whole.wav", 2.0).read_bytes()
    (tmp_path / "cut.wav").write_bytes(whole[: len(whole) // 2])
    flac = _write(tmp_path / "whole.flac", 2.0).read_bytes()
    (tmp_path / "cut.flac").write_bytes(flac[: len(flac) // 2])
    ogg = _write(tmp_path / "whole.ogg", 20.0).read_bytes()
    (tmp_path / "cut.ogg").write_bytes(ogg[: len(ogg) // 2])
    soundfile.write(tmp_path / "none.wav", np.zeros((0, 1)), 22_050)
    soundfile.write(tmp_path / "nan.wav", np.full((100, 1), np.nan), 22_050, subtype="FLOAT")
    for name, message in {
        "zero.wav": "empty",
        "text.wav": "not readable as audio",
        "cut.wav": "truncated",
        "none.wav": "no samples",
        "nan.wav": "100 of 100 samples are NaN",
    }.items():
        with pytest.raises(ValueError, match=f"{name}.*{message}"):
            audio.load(tmp_path / name)
    for name in ("cut.flac", "cut.ogg"):
        with pytest.raises(ValueError, match=name):
            audio.load(tmp_path / name)
    with pytest.raises(FileNotFoundError, match=r"missing\.wav"):
        audio.load(tmp_path / "missing.wav")


def test_whole_files_of_every_length_are_not_taken_for_truncated(tmp_path):
    for seconds in (0.01, 0.3, 5.0, 30.0):
        for suffix in (".wav", ".flac", ".ogg", ".mp3", ".aiff"):
            assert len(audio.load(_write(tmp_path / f"a{suffix}", seconds))) >= seconds * 22_050 - 1


def test_one_sample(tmp_path):
    soundfile.write(tmp_path / "one.wav", np.array([0.5]), 22_050)
    np.testing.assert_allclose(audio.load(tmp_path / "one.wav"), [0.5], atol=1e-4)


def test_a_wave_stream_that_was_never_finished_is_whole(tmp_path):
    path = _write(tmp_path / "a.wav")
    whole = bytearray(path.read_bytes())
    whole[4:8] = b"\xff\xff\xff\xff"
    path.write_bytes(whole)
    assert len(audio.load(path)) == 11_025


def test_links_that_loop_and_folders_are_refused(tmp_path):
    (tmp_path / "a.wav").symlink_to(tmp_path / "b.wav")
    (tmp_path / "b.wav").symlink_to(tmp_path / "a.wav")
    with pytest.raises(OSError, match="symbolic links"):
        audio.load(tmp_path / "a.wav")
    (tmp_path / "folder.wav").mkdir()
    with pytest.raises(IsADirectoryError):
        audio.load(tmp_path / "folder.wav")


@pytest.mark.parametrize("rate", [8_000, 44_100, 48_000, 96_000])
def test_conversion_equals_librosas(tmp_path, rate):
    path = tmp_path / "noise.wav"
    soundfile.write(path, 0.1 * np.random.default_rng(0).standard_normal((rate + 17, 2)), rate, subtype="FLOAT")
    oracle, _ = librosa.load(path)
    ours = audio.load(path)
    assert ours.shape == oracle.shape
    np.testing.assert_allclose(ours, oracle, atol=1e-6)


def _patched(path, fields):
    content = bytearray(path.read_bytes())
    for place, value in fields.items():
        struct.pack_into("<I", content, place, value)
    path.write_bytes(content)
    return path


# Riff's size stands at byte 4, that of the samples at 40; there are 11,025 of two bytes.
@pytest.mark.parametrize(
    "fields",
    [
        {4: 22_094},
        {4: 22_087},
        {4: 0},
        {4: 0x7FFFF024, 40: 0x7FFFF000},
        {4: 0x7FFFFFFF, 40: 0x7FFFFFDB},
        {4: 0xFFFFFFFF, 40: 0xFFFFFFFF},
        {40: 22_051},
    ],
)
def test_waves_whose_header_miscounts_are_read_as_the_oracle_reads_them(tmp_path, fields):
    path = _patched(_write(tmp_path / "a.wav"), fields)
    np.testing.assert_array_equal(audio.load(path), librosa.load(path, sr=22_050)[0])
    assert len(audio.load(path)) == 11_025


def test_an_odd_wave_without_its_pad_byte_is_whole(tmp_path):
    samples = np.arange(2001, dtype=np.uint8).tobytes()
    head = struct.pack(
        "<4sI4s4sIHHIIHH4sI", b"RIFF", 2038, b"WAVE", b"fmt ", 16, 1, 1, 22_050, 22_050, 1, 8, b"data", 2001
    )
    (tmp_path / "odd.wav").write_bytes(head + samples)
    assert len(audio.load(tmp_path / "odd.wav")) == 2001


@pytest.mark.parametrize("share", [0.1, 0.5, 0.9])
@pytest.mark.parametrize("chunks", ["", "before", "behind"])
def test_a_wave_that_is_cut_is_refused_wherever_it_keeps_its_notes(tmp_path, share, chunks):
    path = _write(tmp_path / "a.wav")
    content, note = path.read_bytes(), b"LIST" + struct.pack("<I", 300) + bytes(300)
    content = content[:36] + note * (chunks == "before") + content[36:] + note * (chunks == "behind")
    path.write_bytes(content)
    assert len(audio.load(path)) == 11_025
    end = len(content) - len(note) * (chunks == "behind")
    path.write_bytes(content[: 400 + int(share * (end - 400))])
    with pytest.raises(ValueError, match=r"a\.wav: truncated"):
        audio.load(path)


@pytest.mark.parametrize("name", ["a.wav", "a.ogg", "a.flac", "a.mp3"])
def test_a_file_cut_anywhere_in_its_header_is_refused(tmp_path, name):
    path = _write(tmp_path / name)
    content = path.read_bytes()
    for size in range(64):
        path.write_bytes(content[:size])
        with pytest.raises(ValueError, match=name.replace(".", r"\.")):
            audio.load(path)


def test_an_mp3_without_its_last_frame_or_with_a_wrong_count_is_read(tmp_path):
    path = _write(tmp_path / "a.mp3", 2.0)
    whole, content = audio.load(path), path.read_bytes()
    np.testing.assert_array_equal(np.concatenate(list(stream(path, sr=22_050, block=10_007))), whole)
    for cut in (1, 150, 400):
        path.write_bytes(content[:-cut])
        found = audio.load(path)
        assert 0 < len(whole) - len(found) < 2 * 1152
        np.testing.assert_allclose(found[:-1152], whole[: len(found) - 1152], atol=1e-3)
        np.testing.assert_array_equal(np.concatenate(list(stream(path, sr=22_050, block=10_007))), found)
    frames = content.find(b"Xing") + 8 if b"Xing" in content else content.find(b"Info") + 8
    path.write_bytes(content[:frames] + struct.pack(">I", 400) + content[frames + 4 :])
    np.testing.assert_allclose(audio.load(path)[: len(whole) - 1152], whole[:-1152], atol=1e-3)
    path.write_bytes(content[: len(content) // 2])
    with pytest.raises(ValueError, match=r"a\.mp3: truncated"):
        audio.load(path)
    with pytest.raises(ValueError, match=r"a\.mp3: truncated"):
        list(stream(path, sr=22_050))


@pytest.mark.parametrize("name", ["a.wav", "a.flac"])
def test_a_file_without_its_last_frames_is_read_with_a_warning(tmp_path, name):
    path = _write(tmp_path / name, 8.0)
    whole, content = audio.load(path), path.read_bytes()
    path.write_bytes(content[: -len(content) // 100])
    with pytest.warns(UserWarning, match=rf"{name} ends 0\.\d\d s before its header says: it is read without"):
        found = audio.load(path)
    assert 0.97 * len(whole) < len(found) < len(whole)
    np.testing.assert_allclose(found[:-200], whole[: len(found) - 200], atol=1e-4)
    # Where the cut lies behind what is wanted, nothing is missing.
    path.write_bytes(content[: len(content) // 2])
    with pytest.raises(ValueError, match="truncated"):
        audio.load(path)


@pytest.mark.parametrize("name", ["a.wav", "a.flac", "a.mp3", "a.ogg"])
def test_excerpts_are_from_start_middle_and_end(tmp_path, name):
    rate = 44_100
    y = np.random.default_rng(0).normal(0, 0.1, 10 * rate).cumsum()
    y = (y / np.abs(y).max() * 0.5).astype(np.float32)
    soundfile.write(tmp_path / name, y, rate)
    whole = audio.load(tmp_path / name, sr=None)
    found = audio.load(tmp_path / name, sr=None, duration=3.0, excerpts=3)
    assert len(found) == 3 * rate
    for i, start in enumerate((0.0, 4.5, 9.0)):
        first = round(start * rate)
        part = found[i * rate : (i + 1) * rate]
        np.testing.assert_allclose(part[:-2000], whole[first : first + rate - 2000], atol=2e-3)
    # A short file is read once, whole.
    np.testing.assert_array_equal(audio.load(tmp_path / name, duration=12.0, excerpts=3), audio.load(tmp_path / name))
    with pytest.raises(ValueError, match="excerpts must be 1, or more with a duration"):
        audio.load(tmp_path / name, excerpts=3)


@pytest.mark.parametrize(("name", "value"), [("sr", 0), ("sr", -1), ("sr", np.nan), ("duration", 0), ("duration", -1)])
def test_rates_and_durations_are_positive(tmp_path, name, value):
    with pytest.raises(ValueError, match=name):
        audio.load(_write(tmp_path / "a.wav"), **{name: value})
