"""Extraction: order, padding, lengths, bounded shapes and memory, workers of any kind, and what is skipped."""

import os
import signal
from functools import partial

import jax.numpy as jnp
import numpy as np
import pytest
import soundfile
from joblib import parallel_config, register_parallel_backend
from joblib.parallel import ThreadingBackend

from jaxmusic import audio
from jaxmusic.audio import decoding, row_buffer

SR = 22_050
TRACES = []


def energy(y, scale=1.0):
    TRACES.append(y.shape)
    return scale * (y**2).sum(-1, keepdims=True)


def masked_energy(y, lengths):
    TRACES.append(y.shape)
    inside = jnp.arange(y.shape[1]) < lengths[:, None]
    return {"energy": jnp.where(inside, y**2, 0).sum(1), "samples": lengths}


def write(path, seconds=0.5, seed=0):
    soundfile.write(path, 0.1 * np.random.default_rng(seed).standard_normal(round(seconds * SR)), SR)
    return path


@pytest.fixture
def clips(tmp_path):
    return [write(tmp_path / f"{i}.wav", seconds, i) for i, seconds in enumerate((0.5, 0.2, 1.0, 0.7, 0.3))]


def of_files(paths):
    return np.array([np.square(audio.load(path)).sum() for path in paths])


def extract(paths, transform=energy, **options):
    return audio.extract(paths, transform, **{"progress": False, "n_jobs": 2, **options})


def test_order_padding_and_what_is_skipped(clips, tmp_path):
    (tmp_path / "broken.wav").write_bytes(b"RIFF")
    paths = [clips[0], tmp_path / "broken.wav", *clips[1:3]]
    TRACES.clear()
    found = extract(paths, duration=0.6, batch_size=2)
    np.testing.assert_array_equal(found.rows, [0, 2, 3])
    np.testing.assert_array_equal(found.lengths, [11_025, 4_410, 13_230])
    assert [path for path, _ in found.skipped] == [str(tmp_path / "broken.wav")]
    expected = [np.square(audio.load(path)[:13_230]).sum() for path in clips[:3]]
    np.testing.assert_allclose(found.features[:, 0], expected, rtol=1e-4)
    # One trace for the one shape.
    assert TRACES == [(2, 13_230)]


def test_nothing_readable_gives_no_features(tmp_path):
    (tmp_path / "broken.wav").write_bytes(b"RIFF")
    found = extract([tmp_path / "broken.wav"])
    assert len(found.rows) == 0
    assert found.features is None
    assert len(found.skipped) == 1


def test_the_longest_clip_decides_where_no_duration_is_given(clips):
    np.testing.assert_array_equal(extract(clips[:3]).lengths, [11_025, 4_410, 22_050])


def test_the_same_file_twice_is_two_rows(clips):
    found = extract([clips[0], clips[1], clips[0]])
    assert found.features[0] == found.features[2] != found.features[1]


def test_lengths_and_few_padded_lengths(clips):
    TRACES.clear()
    found = extract(clips, masked_energy, with_lengths=True, batch_size=2)
    np.testing.assert_array_equal(found.features["samples"], found.lengths)
    np.testing.assert_array_equal(found.lengths, [11_025, 4_410, 22_050, 15_435, 6_615])
    np.testing.assert_allclose(found.features["energy"], of_files(clips), rtol=1e-4)
    # Padded to the longest, or that divided by powers of √2; never below 8,192 samples.
    assert sorted(TRACES) == [(2, 11_025), (2, 15_592), (2, 22_050)]


def test_features_of_clips_of_any_length_are_those_of_the_clip_alone(clips):
    found = extract(clips, audio.summary.descriptors, with_lengths=True)
    for row, path in enumerate(clips):
        alone = np.asarray(audio.summary.descriptors(audio.load(path)))
        np.testing.assert_allclose(found.features[row], alone, rtol=2e-4, atol=1e-6)


@pytest.mark.parametrize(
    ("transform", "options", "message"),
    [
        (lambda y: y.sum(), {}, "must return arrays of 5 rows"),
        (lambda y, lengths: y, {"with_lengths": True}, "shapes must not depend on it"),
        (energy, {"duration": 0}, "at least one sample"),
        (energy, {"batch_size": 0}, "batch_size must be at least 1"),
    ],
)
def test_refusals_say_why(clips, transform, options, message):
    with pytest.raises(ValueError, match=message):
        extract(clips, transform, **{"batch_size": 5, **options})


def test_no_paths_are_refused():
    with pytest.raises(ValueError, match="no paths given"):
        extract([])


def test_large_features_are_mapped_from_disk_and_small_ones_are_not(clips, tmp_path, monkeypatch):
    (tmp_path / "broken.wav").write_bytes(b"")
    paths = [tmp_path / "broken.wav", *clips]
    small = extract(paths)
    monkeypatch.setattr(row_buffer, "_LARGE", 8)
    large = extract(paths)
    assert isinstance(large.features, np.memmap)
    assert not isinstance(small.features, np.memmap)
    np.testing.assert_array_equal(large.features, small.features)
    np.testing.assert_array_equal(large.rows, [1, 2, 3, 4, 5])


def test_no_disk_for_large_features_is_an_error(clips, monkeypatch):
    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(row_buffer, "_LARGE", 8)
    monkeypatch.setattr(os, "posix_fallocate", full)
    with pytest.raises(OSError, match="No space left"):
        extract(clips)


class WithoutGenerators(ThreadingBackend):
    """As Ray's backend is."""

    supports_return_generator = False


register_parallel_backend("without generators", WithoutGenerators)


@pytest.mark.parametrize("backend", ["sequential", "threading", "loky", "without generators"])
def test_workers_of_any_kind_give_the_same(clips, backend):
    expected = of_files(clips)
    with parallel_config(backend=backend, n_jobs=2):
        found = extract(clips, n_jobs=2)
    np.testing.assert_allclose(found.features[:, 0], expected, rtol=1e-4)


def test_a_dask_cluster_gives_the_same(clips):
    import distributed

    with (
        distributed.LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=None) as cluster,
        distributed.Client(cluster),
        parallel_config(backend="dask"),
    ):
        found = extract(clips, n_jobs=-1)
    np.testing.assert_allclose(found.features[:, 0], of_files(clips), rtol=1e-4)


class Deadly:
    """A path that kills the process that opens it, unless it is the one that made it."""

    def __init__(self, path):
        self.path, self.home = str(path), os.getpid()

    def __fspath__(self):
        if os.getpid() != self.home:
            os.kill(os.getpid(), signal.SIGKILL)
        return self.path

    def __str__(self):
        return self.path


def test_a_worker_that_is_killed_ends_in_a_list_of_what_is_missing(clips):
    paths = [*clips[:2], Deadly(clips[2]), *clips[3:]]
    with parallel_config(backend="loky", n_jobs=2):
        found = extract(paths, duration=1.0)
    assert [path for path, _ in found.skipped] == [str(clips[2])]
    assert "the worker that decoded it died" in found.skipped[0][1]
    np.testing.assert_array_equal(found.rows, [0, 1, 3, 4])
    np.testing.assert_allclose(found.features[:, 0], of_files([*clips[:2], *clips[3:]]), rtol=1e-4)


def test_an_error_of_the_transform_is_not_hidden(clips):
    def wrong(y):
        raise RuntimeError("a mistake")

    with pytest.raises(RuntimeError, match="a mistake"):
        extract(clips, wrong)


def test_unreadable_files_are_skipped_with_the_reason(clips, monkeypatch):
    # Root may read everything, so the refusal is simulated.
    def refuse(path, **_):
        if path == clips[1]:
            raise PermissionError(13, "Permission denied", str(path))
        return audio.load(path)

    monkeypatch.setattr(decoding, "load", refuse)
    found = extract(clips, duration=1.0)
    assert found.skipped == [(str(clips[1]), "Permission denied")]


def test_decoding_does_not_run_ahead_of_the_computation(tmp_path, monkeypatch):
    """At most two chunks of waveforms exist, however slow the transform."""
    write(tmp_path / "a.wav", 0.1)
    done = []

    def noted(path):
        done.append(path)
        return decoding.Decoded(np.zeros(10, np.float32))

    results = decoding.decode_all(noted, [tmp_path / "a.wav"] * 100, n_jobs=2, chunk=10)
    for _ in range(5):
        next(results)
    assert len(done) <= 20
    assert len(list(results)) == 95


@pytest.mark.parametrize("suffix", ["wav", "flac"])
def test_a_real_clip_gives_the_features_of_its_samples(real_data, tmp_path, suffix):
    (source,) = (real_data / "gtzan" / "genres_original" / "jazz").glob("jazz.00003.*")
    y, rate = soundfile.read(source, stop=3 * SR, dtype="float32")
    soundfile.write(tmp_path / f"a.{suffix}", y, rate, subtype="PCM_24")
    found = extract([tmp_path / f"a.{suffix}"], partial(audio.melspectrogram, n_mels=40))
    expected = np.asarray(audio.melspectrogram(y, n_mels=40))
    np.testing.assert_allclose(found.features[0], expected, atol=1e-5 * expected.max())
