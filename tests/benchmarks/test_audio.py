"""The audio benchmark on little: its tables have a row for each function and way, with figures within the targets."""

import numpy as np
import pytest
import soundfile

from benchmarks import audio_memory, audio_parity, audio_speed
from jaxmusic import audio

SR = 22_050


@pytest.fixture(scope="module")
def clip():
    t = np.arange(3 * SR) / SR
    noise = 0.01 * np.random.default_rng(0).standard_normal(len(t))
    return (0.3 * np.sin(2 * np.pi * 440 * t) * (1 + np.sin(2 * np.pi * 2 * t)) + noise).astype(np.float32)


def test_parity_of_a_clip_is_within_the_target(clip):
    found = audio_parity.measure({"tone": [clip]}, SR)
    assert found["columns"] == [
        *("function", "figure", "tone (1 clips)", "librosa in float64 for ours (1 clips)", "target")
    ]
    figures = {row[0]: row[2] for row in found["rows"]}
    assert len(figures) == len(found["rows"]) == 16
    assert max(figures[name] for name in audio_parity.DEVIATIONS) <= audio_parity.TARGET
    assert figures["onset_strength (r)"] <= 0.001
    assert figures["tempo"] == figures["estimate_tuning"] == 0


def test_a_wrong_feature_shows_in_the_table(clip, monkeypatch):
    rms = audio.rms
    monkeypatch.setattr(audio, "rms", lambda y: 1.01 * rms(y))
    figures = {row[0]: row[2] for row in audio_parity.measure({"tone": [clip]}, SR)["rows"]}
    assert figures["rms"] == pytest.approx(0.01, rel=1e-3)


def test_every_way_is_timed_and_compared_with_ours(clip, tmp_path):
    soundfile.write(tmp_path / "a.wav", clip, SR)
    in_memory = audio_speed.mel_and_mfcc(clip[None], rounds=1)
    from_files = audio_speed.files_to_table([tmp_path / "a.wav"], rounds=1)
    for found, ways in ((in_memory, 4), (from_files, 3)):
        assert len(found["rows"]) == ways
        (ours,) = [row for row in found["rows"] if row[0] == "jaxmusic"]
        for way, seconds, rate, ratio, first, others in found["rows"]:
            assert way.startswith(("jaxmusic", "librosa"))
            assert rate == pytest.approx(1 / seconds)
            assert ratio == pytest.approx(seconds / ours[1])
            assert first > 0
            assert others >= 0


def test_an_accelerators_table_has_a_row_for_each_batch(clip):
    found = audio_speed.on_accelerator(clip[None], rounds=1, batches=(1, 2))
    assert [row[:2] for row in found["rows"]] == [
        ["mel in dB + MFCC", 1],
        ["mel in dB + MFCC", 2],
        ["57 columns", 1],
        ["57 columns", 2],
    ]


def test_memory_of_a_few_files(monkeypatch):
    runs = ("57 columns, cache written", "57 columns, read from the cache")
    monkeypatch.setattr(audio_memory, "RUNS", {name: audio_memory.RUNS[name] for name in runs})
    found = audio_memory.measure(20)
    assert [row[0] for row in found["rows"]] == list(runs)
    for _, size, seconds, rate, peak, _ in found["rows"]:
        assert 0 < size < 1
        assert rate == pytest.approx(20 / seconds)
        assert 100 < peak < 2048
