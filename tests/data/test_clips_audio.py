"""Folders of audio files: spectrograms equal librosa's, and odd or broken files are converted, masked or skipped."""

import librosa
import numpy as np
import pytest
import soundfile

from jaxmusic.data import clips

SR = 22_050


def tone(seconds, sr=SR, frequency=440.0):
    return 0.5 * np.sin(2 * np.pi * frequency * np.arange(round(seconds * sr)) / sr)


@pytest.fixture
def folder(tmp_path):
    """Two clips of noise, of 1 s and 0.6 s."""
    (tmp_path / "audio").mkdir()
    rng = np.random.default_rng(0)
    for name, seconds in {"long": 1.0, "short": 0.6}.items():
        soundfile.write(tmp_path / "audio" / f"{name}.wav", 0.1 * rng.standard_normal(round(seconds * SR)), SR)
    return tmp_path


def read(folder, **options):
    return clips(folder, n_jobs=1, progress=False, **options)


def whys(dataset):
    return {entry["file"]: entry["why"] for entry in dataset.source["dropped"]}


def test_spectrograms_equal_librosa_and_padding_is_masked(folder):
    data = read(folder, n_mels=32)
    assert data.ids.tolist() == ["long", "short"]
    # 22,050 and 13,230 samples at hops of 512, frames centred on 0, 512, …
    assert data.modalities["audio"].shape == (2, 32, 44)
    assert data.masks["frames"].sum(axis=1).tolist() == [44, 26]
    for row, name in enumerate(data.ids):
        y, _ = soundfile.read(folder / "audio" / f"{name}.wav", dtype="float32")
        mel = librosa.power_to_db(librosa.feature.melspectrogram(y=y, sr=SR, n_mels=32))
        np.testing.assert_allclose(data.modalities["audio"][row, :, data.masks["frames"][row]].T, mel, atol=1e-2)
        padding = data.modalities["audio"][row, :, ~data.masks["frames"][row]]
        np.testing.assert_allclose(padding, mel.min(), atol=1e-2)


def test_duration_crops(folder):
    data = read(folder, duration=0.5)
    assert data.modalities["audio"].shape == (2, 128, 1 + 11_025 // 512)
    assert data.masks["frames"].all()


def test_stereo_and_other_rates_are_converted(tmp_path):
    (tmp_path / "audio").mkdir()
    soundfile.write(tmp_path / "audio" / "mono.wav", tone(1.0), SR)
    left = tone(1.0, sr=44_100)
    soundfile.write(tmp_path / "audio" / "stereo.flac", np.stack([1.5 * left, 0.5 * left], axis=1), 44_100)
    data = read(tmp_path)
    mono, stereo = data.modalities["audio"]
    assert data.masks["frames"].all()
    # Away from the ends, where a resampler rings, the loud bands are the same to a tenth of a dB.
    middle = slice(5, -5)
    loud = mono[:, middle] > mono.max() - 30
    np.testing.assert_allclose(stereo[:, middle][loud], mono[:, middle][loud], atol=0.1)


def test_broken_files_are_skipped_and_counted(folder):
    whole = (folder / "audio" / "long.wav").read_bytes()
    (folder / "audio" / "header.wav").write_bytes(whole[:30])
    (folder / "audio" / "half.wav").write_bytes(whole[: len(whole) // 2])
    (folder / "audio" / "nothing.mp3").write_bytes(b"")
    (folder / "audio" / "text.ogg").write_text("this is no music")
    (folder / "audio" / "cover.jpg").write_bytes(b"\xff\xd8")
    (folder / "lyrics").mkdir()
    (folder / "lyrics" / "header.txt").write_text("words of a broken file", encoding="utf-8")
    data = read(folder)
    broken = {"header.wav", "half.wav", "nothing.mp3", "text.ogg", "cover.jpg"}
    assert set(whys(data)) == {f"audio/{name}" for name in broken}
    assert all(whys(data).values())
    assert "truncated" in whys(data)["audio/half.wav"]
    assert "not a format of sound" in whys(data)["audio/cover.jpg"]
    assert data.source["counts"]["dropped"] == 5
    # The broken file's lyrics are whole: that clip stays, without audio.
    assert data.ids.tolist() == ["header", "long", "short"]
    assert data.masks["audio"].tolist() == [False, True, True]


def test_a_tenth_of_a_second_is_kept_and_less_than_a_window_is_not(folder):
    soundfile.write(folder / "audio" / "tenth.wav", tone(0.1), SR)
    soundfile.write(folder / "audio" / "click.wav", tone(0.05), SR)
    data = read(folder)
    assert data.ids.tolist() == ["long", "short", "tenth"]
    assert data.masks["frames"].sum(axis=1).tolist() == [44, 26, 5]
    assert "less than one window of 2048" in whys(data)["audio/click.wav"]


def test_nothing_readable_is_an_error(tmp_path):
    (tmp_path / "audio").mkdir()
    (tmp_path / "audio" / "a.wav").write_bytes(b"")
    with pytest.raises(ValueError, match=r"none of 1 files in .*audio can be read; the first is a\.wav"):
        read(tmp_path)


def test_the_first_of_two_files_of_one_clip_is_read_and_the_other_noted(folder):
    soundfile.write(folder / "audio" / "long.flac", tone(1.0), SR)
    found = read(folder)
    assert found.ids.tolist() == ["long", "short"]
    assert any(
        "1 files are of a clip that another" in note and "audio/long.wav" in note for note in found.source["notes"]
    )


def test_suffixes_in_capitals_and_bangla_names(tmp_path):
    (tmp_path / "audio").mkdir()
    soundfile.write(tmp_path / "audio" / "আমার গান.WAV", tone(0.3), SR)
    (tmp_path / "lyrics.csv").write_text("id,filename,lyrics\nআমার গান,,সোনার বাংলা\n", encoding="utf-8")
    data = read(tmp_path)
    assert data.ids.tolist() == ["আমার গান"]
    assert data.masks["audio"].all()
    assert data.masks["lyrics"].all()


def test_a_cache_gives_the_same_numbers(folder, tmp_path):
    first = read(folder, cache=tmp_path / "cache")
    second = read(folder, cache=tmp_path / "cache")
    np.testing.assert_array_equal(first.modalities["audio"], second.modalities["audio"])
    np.testing.assert_array_equal(first.modalities["audio"], read(folder).modalities["audio"])
    # Another resolution is another spectrogram, whatever the cache holds.
    assert read(folder, n_mels=16, cache=tmp_path / "cache").modalities["audio"].shape[1] == 16


def test_real_clips_with_their_words(real_data):
    data = clips(real_data / "clips_cc", n_mels=64, duration=3.0, progress=False)
    assert data.modalities["audio"].shape == (266, 64, 1 + 3 * SR // 512)
    assert data.source["counts"]["with_both"] == 266
    assert data.source["groups"] == "song"
    assert len(np.unique(data.groups)) == 21
    assert data.source["attribution"]["licences"]["CC BY-SA"] == 8
    assert len(data.source["attribution"]["credits"]) == 21
