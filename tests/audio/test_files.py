"""Decoding and extraction: formats, broken files, the cache, order and bounded shapes."""

import numpy as np
import pytest
import soundfile

from jaxmusic import audio


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
    with pytest.raises(ValueError, match=r"cut\.flac"):
        audio.load(tmp_path / "cut.flac")
    with pytest.raises(FileNotFoundError, match=r"missing\.wav"):
        audio.load(tmp_path / "missing.wav")


CALLS = []


def _energy(y, scale=1.0):
    CALLS.append(y.shape)
    return scale * (y**2).sum(-1, keepdims=True)


def test_extraction_keeps_order_pads_and_counts_what_it_skips(tmp_path):
    paths = [_write(tmp_path / f"{i}.wav", seconds) for i, seconds in enumerate((0.5, 0.2, 1.0))]
    (tmp_path / "broken.wav").write_bytes(b"RIFF")
    paths.insert(1, tmp_path / "broken.wav")
    CALLS.clear()
    found = audio.extract(paths, _energy, duration=0.6, batch_size=2, n_jobs=2, progress=False)
    np.testing.assert_array_equal(found.rows, [0, 2, 3])
    np.testing.assert_array_equal(found.lengths, [11_025, 4_410, 13_230])
    assert [(path.rsplit("/", 1)[-1]) for path, _ in found.skipped] == ["broken.wav"]
    for feature, path in zip(found.features, np.array(paths)[[0, 2, 3]], strict=True):
        assert feature[0] == pytest.approx((audio.load(path)[:13_230] ** 2).sum(), rel=1e-4)
    # One trace for the one shape.
    assert CALLS == [(2, 13_230)]
    assert len(audio.extract([paths[1]], _energy, duration=0.6, progress=False).rows) == 0


def test_the_longest_clip_decides_where_no_duration_is_given(tmp_path):
    paths = [_write(tmp_path / f"{i}.wav", seconds) for i, seconds in enumerate((0.5, 1.0))]
    np.testing.assert_array_equal(audio.extract(paths, _energy, progress=False).lengths, [11_025, 22_050])


def test_the_cache_is_keyed_by_content_parameters_and_transform(tmp_path, monkeypatch):
    from functools import partial

    import jaxmusic.audio.extract as module

    path, cache = _write(tmp_path / "a.wav"), tmp_path / "cache"
    loads = []
    original = module.load
    monkeypatch.setattr(module, "load", lambda *a, **k: (loads.append(1), original(*a, **k))[1])

    def run(transform=_energy, duration=0.5):
        return audio.extract([path], transform, duration=duration, cache=cache, progress=False)

    first = run()
    again = run()
    assert len(loads) == 1
    np.testing.assert_array_equal(first.features, again.features)
    np.testing.assert_array_equal(first.lengths, again.lengths)
    run(duration=0.4)
    run(partial(_energy, scale=2.0))
    assert len(loads) == 3
    _write(path, 0.5, channels=2)
    run()
    assert len(loads) == 4
    for entry in cache.iterdir():
        entry.write_bytes(entry.read_bytes()[:50])
    np.testing.assert_allclose(run().features, first.features, rtol=1e-5)
    assert len(loads) == 5
    run()
    assert len(loads) == 5
    assert not list(cache.glob("*.part"))
    with pytest.raises(ValueError, match="no name that a cache could know"):
        run(lambda y: y)


def test_a_full_disk_is_an_error_and_leaves_no_half_entry(tmp_path, monkeypatch):
    path = _write(tmp_path / "a.wav")

    def full(*_, **__):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(np, "savez", full)
    with pytest.raises(OSError, match="No space left"):
        audio.extract([path], _energy, duration=0.5, cache=tmp_path / "cache", progress=False)
    assert not list((tmp_path / "cache").iterdir())


def test_no_paths_and_no_duration_are_refused():
    with pytest.raises(ValueError, match="no paths"):
        audio.extract([], _energy)
    with pytest.raises(ValueError, match="duration must be positive"):
        audio.extract(["a.wav"], _energy, duration=0)
