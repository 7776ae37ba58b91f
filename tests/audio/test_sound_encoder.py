"""Sound encoders: windows, pools, batches, the cache, and what they refuse; with a small net of random numbers."""

import importlib
import json
import tracemalloc

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import soundfile

from jaxmusic import audio, models
from jaxmusic.audio.io import stream
from jaxmusic.audio.windows import Seen, WindowForm, ahead, windows

TAGS = ("low", "loud")
RNG = np.random.default_rng(0)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A small MusicCNN, saved."""
    folder = tmp_path_factory.mktemp("net") / "small"
    module = models.MusicCNN(TAGS, 3, 2, (8, 4, 2), midend_features=4, units=5)
    mel = np.zeros((1, 96, 187), np.float32)
    variables = jax.jit(module.init)(jax.random.key(0), mel)
    models.save(folder, module, variables, inputs=(mel,))
    return folder


def encoder(folder, **options):
    return audio.sound_encoder(folder, network=models.sound_network, **{"batch_size": 4, **options})


def write(path, seconds, sr=16_000, channels=1, seed=0):
    y = 0.1 * np.random.default_rng(seed).standard_normal((round(seconds * sr), channels))
    soundfile.write(path, y, sr, subtype="FLOAT")
    return path


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    place = tmp_path_factory.mktemp("clips")
    return [
        write(place / "two.wav", 7, seed=1),
        write(place / "short.wav", 1, seed=2),
        write(place / "stereo.wav", 4, 22_050, 2, seed=3),
    ]


def _whole(folder, path):
    """Penultimate layer and logits of every patch, by the module itself on the whole spectrogram."""
    module, variables = models.load(folder)
    mel = audio.musicnn_mel(audio.load(path, sr=16_000))
    patches = jnp.stack([mel[:, i : i + 187] for i in range(0, mel.shape[1] - 186, 187)])
    found = jax.jit(module.apply)(variables, patches)
    return np.asarray(found.penultimate), np.asarray(found.logits)


def test_features_are_pools_over_the_patches_of_the_whole_spectrogram(folder, files):
    found = encoder(folder).features(files)
    for row in (0, 2):
        penultimate, logits = _whole(folder, files[row])
        assert found.windows[row] == len(penultimate)
        np.testing.assert_allclose(found.mean[row], penultimate.mean(0), rtol=1e-4, atol=1e-5)
        np.testing.assert_allclose(found.std[row], penultimate.std(0), rtol=1e-3, atol=1e-4)
        np.testing.assert_allclose(found.logits[row], logits.mean(0), rtol=1e-4, atol=1e-5)
        np.testing.assert_allclose(found.tags[row], jax.nn.sigmoid(logits).mean(0), rtol=1e-4, atol=1e-5)
    np.testing.assert_array_equal(found.windows, [2, 1, 1])
    np.testing.assert_array_equal(found.is_padded, [False, True, False])
    np.testing.assert_array_equal(found.samples, [112_000, 16_000, 64_000])


def test_one_vector_a_sound_whatever_the_batch(folder, files):
    single, batched = encoder(folder, batch_size=1), encoder(folder, pooling="mean_std")
    vectors = batched(files)
    assert vectors.shape == (3, 10) == (3, batched.width)
    assert vectors.dtype == np.float32
    np.testing.assert_allclose(single(files), vectors[:, :5], rtol=1e-5, atol=1e-6)
    assert batched.tags(files).shape == (3, 2)
    assert batched.tag_names == TAGS
    counts = {"sounds": 6, "skipped": 0, "padded": 2, "silent": 0, "windows": 8, "computed": 6, "from_cache": 0}
    assert batched.record["counts"] == counts


def test_files_may_be_heard_in_excerpts(folder, files, tmp_path):
    heard = encoder(folder, duration=3.0, excerpts=3, cache=tmp_path)
    parts = audio.load(files[0], sr=16_000, duration=3.0, excerpts=3)
    np.testing.assert_allclose(heard([files[0]]), encoder(folder)([parts]), atol=1e-5)
    assert np.abs(heard([files[0]]) - encoder(folder, cache=tmp_path)([files[0]])).max() > 1e-4
    with pytest.raises(ValueError, match="excerpts must be 1, or more with a duration"):
        encoder(folder, excerpts=3)


def test_waveforms_are_as_files_and_are_resampled(folder, files):
    made = encoder(folder)
    expected = made(files[2:])
    np.testing.assert_allclose(made([audio.load(files[2], sr=16_000)]), expected, rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(made([audio.load(files[2], sr=None)], sr=22_050), expected, rtol=1e-3, atol=1e-4)
    assert made(np.zeros((2, 50_000), np.float32)).shape == (2, 5)


def test_silence_is_counted_and_finite(folder):
    made = encoder(folder)
    found = made.features([np.zeros(48_000, np.float32), RNG.normal(size=48_000)])
    np.testing.assert_array_equal(found.is_silent, [True, False])
    assert np.isfinite(found.mean).all()
    assert made.record["counts"]["silent"] == 1


def test_the_description_and_the_digest_tell_a_net(folder, files, tmp_path):
    made = encoder(folder)
    assert made.description.startswith("small (architecture MusicCNN, dtype float32, width 5, pooling mean")
    assert json.loads(json.dumps(made.record)) == made.record
    assert encoder(folder).digest == made.digest
    module, variables = models.load(folder)
    variables["params"]["penultimate"]["bias"] = variables["params"]["penultimate"]["bias"] + 1
    models.save(tmp_path / "small", module, variables)
    assert encoder(tmp_path / "small").digest != made.digest
    low = models.sound_network(folder, dtype=jnp.bfloat16)
    assert low.digest != made.digest
    near = audio.SoundEncoder(low)(files)
    np.testing.assert_allclose(near, made(files), atol=0.05 * np.abs(near).max())


def test_the_cache_keeps_what_was_found_and_a_run_goes_on(folder, files, tmp_path):
    first = encoder(folder, cache=tmp_path / "cache")
    expected = first.features(files[:2])
    again = encoder(folder, cache=tmp_path / "cache")
    found = again.features(files)
    assert (again.record["counts"]["from_cache"], again.record["counts"]["computed"]) == (2, 1)
    np.testing.assert_array_equal(found.mean[:2], expected.mean)
    np.testing.assert_array_equal(found.is_padded[:2], expected.is_padded)
    np.testing.assert_array_equal(found.samples[:2], expected.samples)
    # Another net takes nothing from it.
    other = audio.SoundEncoder(models.sound_network(folder, dtype=jnp.bfloat16), cache=tmp_path / "cache")
    other.features(files[:1])
    assert other.record["counts"]["from_cache"] == 0


def test_a_file_that_cannot_be_read_is_skipped_or_named(folder, files, tmp_path):
    (tmp_path / "broken.wav").write_bytes(files[0].read_bytes()[:100_000])
    soundfile.write(tmp_path / "nan.wav", np.full(80_000, np.nan, np.float32), 16_000, subtype="FLOAT")
    soundfile.write(tmp_path / "empty.wav", np.zeros(0, np.float32), 16_000)
    given = [files[0], tmp_path / "broken.wav", tmp_path / "none.wav", tmp_path / "nan.wav", tmp_path / "empty.wav"]
    made = encoder(folder)
    found = made.features([*given, files[1]])
    np.testing.assert_array_equal(found.rows, [0, 5])
    reasons = [(row, reason) for row, _, reason in found.skipped]
    assert [row for row, _ in reasons] == [1, 2, 3, 4]
    for (_, reason), part in zip(reasons, ("truncated", "No such file", "NaN", "no samples"), strict=True):
        assert part in reason
    np.testing.assert_allclose(found.mean, made([files[0], files[1]]), rtol=1e-5, atol=1e-6)
    with pytest.raises(ValueError, match=r"broken\.wav: truncated.* and 3 more"):
        made(given)
    assert len(made.features([tmp_path / "none.wav"]).mean) == 0


@pytest.mark.parametrize(
    ("sounds", "error", "message"),
    [
        ([np.array([0.1, np.nan, np.inf])], ValueError, "waveform 0: 2 of 3 samples are NaN"),
        ([np.zeros(3), np.zeros(0)], ValueError, r"waveform 1 is float64\[0\]"),
        ([np.zeros((2, 100))], ValueError, "one channel"),
        ([np.zeros(100, np.int16)], ValueError, "waveform 0 is int16"),
        ([3.0], TypeError, "sound 0 is a float"),
        ("one.wav", TypeError, "one path, 'one.wav': give a list"),
        ([], ValueError, "no sounds"),
    ],
)
def test_what_is_no_sound_is_refused(folder, sounds, error, message):
    with pytest.raises(error, match=message):
        encoder(folder)(sounds)


def test_bad_names_folders_and_options(folder, tmp_path):
    with pytest.raises(FileNotFoundError, match="is no folder; nor is it one of musicnn-msd"):
        encoder(tmp_path / "nothing")
    (tmp_path / "config.json").write_text('{"model_type": "bert"}')
    with pytest.raises(ValueError, match=r"config\.json is of 'bert', no net of sound"):
        encoder(tmp_path)
    (tmp_path / "config.json").write_text("{")
    with pytest.raises(ValueError, match=r"config\.json is no valid JSON"):
        encoder(tmp_path)
    module = models.MLP((3,))
    models.save(tmp_path / "mlp", module, module.init(jax.random.key(0), np.zeros((1, 2))))
    with pytest.raises(ValueError, match="holds a MLP"):
        encoder(tmp_path / "mlp")
    with pytest.raises(ValueError, match="pooling 'max' is none"):
        encoder(folder, pooling="max")
    with pytest.raises(ValueError, match="batch_size must be at least 1"):
        encoder(folder, batch_size=0)
    with pytest.raises(ValueError, match="no tower for text"):
        encoder(folder).text(["rain"])
    with pytest.raises(ValueError, match="waveform 0 holds no samples at the net's rate"):
        encoder(folder)([np.ones(1, np.float32)], sr=10**6)
    with pytest.raises(ValueError, match="sr must be positive"):
        encoder(folder)([np.zeros(9)], sr=0)


def test_a_net_of_the_package_is_converted_once(tmp_path, monkeypatch):
    pytest.importorskip("musicnn", reason="musicnn is not installed: pip install --no-deps musicnn==0.1.0")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    first = models.sound_network("musicnn-msd-vgg")
    assert (first.width, len(first.tags)) == (256, 50)
    (folder,) = (tmp_path / "jaxmusic" / "sound").glob("musicnn-*/musicnn-msd-vgg")
    with monkeypatch.context() as patched:
        patched.setattr(importlib.import_module("jaxmusic.models._sound_network"), "convert_musicnn", None)
        assert models.sound_network("musicnn-msd-vgg").digest == first.digest
    # A copy that was damaged is made again.
    content = (folder / "model.safetensors").read_bytes()
    (folder / "model.safetensors").write_bytes(content[:-4])
    with pytest.warns(UserWarning, match="converted once more"):
        again = models.sound_network("musicnn-msd-vgg")
    assert again.digest == first.digest
    assert (folder / "model.safetensors").read_bytes() == content


@pytest.mark.parametrize("sr", [16_000, 44_100])
def test_a_file_in_pieces_is_the_file(files, sr):
    pieces = list(stream(files[2], sr=sr, block=10_007))
    assert len(pieces) > 5
    np.testing.assert_array_equal(np.concatenate(pieces), audio.load(files[2], sr=sr))


def _cut(y, form, block=7):
    seen = Seen()
    found = list(windows([y[i : i + block] for i in range(0, len(y), block)], form, seen))
    assert seen.samples == len(y)
    assert seen.windows == len(found)
    return np.array(found), seen


def test_windows_by_hand():
    y = np.arange(1.0, 24.0, dtype=np.float32)
    found, _ = _cut(y, WindowForm(10, 8, margin=2))
    np.testing.assert_array_equal(found[:, 0], [0, 7, 15])
    found, _ = _cut(y, WindowForm(10, 10))
    np.testing.assert_array_equal(found[:, 0], [1, 11])
    found, _ = _cut(y, WindowForm(10, 10, keeps_rest=True))
    np.testing.assert_array_equal(found[:, 0], [1, 11, 14])
    found, _ = _cut(y[:20], WindowForm(10, 10, keeps_rest=True))
    np.testing.assert_array_equal(found[:, 0], [1, 11])


@pytest.mark.parametrize(
    ("short", "expected"), [("repeat", [1, 2, 3, 1, 2, 3, 1, 2]), ("repeatpad", [1, 2, 3, 1, 2, 3, 0, 0])]
)
def test_a_sound_shorter_than_a_window_is_repeated(short, expected):
    found, seen = _cut(np.array([1, 2, 3], np.float32), WindowForm(10, 10, margin=1, short=short))
    np.testing.assert_array_equal(found, [[0, *expected, 0]])
    assert seen.is_padded


def test_items_made_ahead_keep_their_order_and_their_error():
    assert list(ahead(iter(range(50)), 3)) == list(range(50))

    def fails():
        yield 1
        raise OSError("disk")

    items = ahead(fails(), 3)
    assert next(items) == 1
    with pytest.raises(OSError, match="disk"):
        next(items)
    # A user who stops early ends the thread.
    endless = ahead(iter(int, 1), 2)
    next(endless)
    endless.close()


def test_memory_does_not_grow_with_the_length_of_a_file(folder, tmp_path):
    path = tmp_path / "long.flac"
    with soundfile.SoundFile(path, "w", 16_000, 1) as file:
        block = 0.1 * np.random.default_rng(0).standard_normal(16_000 * 30)
        for _ in range(20):
            file.write(block)
    made = encoder(folder)
    made([np.zeros(50_000, np.float32)])
    tracemalloc.start()
    found = made.features([path])
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert found.samples[0] == 16_000 * 600
    # The waveform alone has 38 MB.
    assert peak < 20e6, peak
