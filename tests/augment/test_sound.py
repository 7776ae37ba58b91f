"""Masks, crops, gain and noise against closed forms, within five standard deviations where they are rates."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxmusic import augment

KEY = jax.random.key(0)


@functools.partial(jax.jit, static_argnums=0)
def _run(transform, key, batch):
    return transform(key, batch)


def _masked_share(size, param, count):
    """`[size]`: probability that each frame is masked, by counting the places of every width."""
    one = np.zeros(size)
    for width in range(1, param):
        starts = size - width + 1
        for start in range(starts):
            one[start : start + width] += 1 / param / starts
    return 1 - (1 - one) ** count


@pytest.mark.parametrize(("param", "count"), [(8, 1), (20, 2), (1, 3), (5, 0)])
def test_spec_augment_masks_frames_and_bands_at_their_rates(param, count):
    rows, n_mels, frames = 20_000, 12, 20
    x = jnp.full((rows, n_mels, frames), 3.0)
    for axis, size in ((2, frames), (1, n_mels)):
        width = min(param, size)
        # The other axis has masks of width 0.
        widths = (width, 1) if axis == 2 else (1, width)
        transform = augment.SpecAugment(*widths, num_time_masks=count, num_freq_masks=count, mask_value=-1.0)
        masked = np.asarray(_run(transform, KEY, {"inputs": x})["inputs"]) == -1
        # A mask is whole columns, or whole rows, of the spectrogram.
        spans = masked.any(3 - axis)
        assert (masked.all(3 - axis) == spans).all()
        expected = _masked_share(size, width, count)
        assert (abs(spans.mean(0) - expected) <= 5 * np.sqrt(expected * (1 - expected) / rows)).all()


def test_spec_augment_leaves_unmasked_cells_and_draws_for_each_row():
    x = jax.random.normal(jax.random.key(1), (50, 16, 40))
    batch = {"inputs": {"audio": x, "lyrics": x}}
    out = _run(augment.SpecAugment(20, 8, entry=("inputs", "audio")), KEY, batch)
    got = np.asarray(out["inputs"]["audio"])
    masked = got == 0
    np.testing.assert_array_equal(got[~masked], np.asarray(x)[~masked])
    in_time, in_band = masked.all(1), masked.all(2)
    np.testing.assert_array_equal(masked, in_time[:, None, :] | in_band[:, :, None])
    # Each mask is one run, narrower than its parameter.
    for spans, param in ((in_time, 20), (in_band, 8)):
        widths = spans.sum(1)
        assert widths.max() < param
        assert (np.abs(np.diff(np.pad(spans, ((0, 0), (1, 1))).astype(int), axis=1)).sum(1) == 2 * (widths > 0)).all()
        assert len(np.unique(widths)) > 3
    np.testing.assert_array_equal(out["inputs"]["lyrics"], x)


def test_spec_augment_names_what_is_wrong():
    for options, match in [
        ({"time_mask_param": 0, "freq_mask_param": 1}, "time_mask_param 0 is below 1"),
        ({"time_mask_param": 1, "freq_mask_param": 1, "num_freq_masks": -1}, "num_freq_masks -1 is below 0"),
    ]:
        with pytest.raises(ValueError, match=match):
            augment.SpecAugment(**options)
    x = jnp.ones((2, 8, 10))
    for entry, value, match in [
        ("inputs", {"audio": x}, r"is a dict of \['audio'\]: name one of them, as in entry=\('inputs', 'audio'\)"),
        (("inputs", "audio"), x, r"entry \('inputs', 'audio'\) is not in the batch: 'audio' is looked for in an array"),
        ("inputs", x[0], r"shape \[8, 10\], not \[batch, n_mels, frames\]"),
        ("inputs", x.astype(jnp.int32), "int32, not floating point"),
        ("inputs", x[..., :5], "wider than a spectrogram of 5 frames and 8 mel bands"),
        ("inputs", x[:, :3], "wider than a spectrogram of 10 frames and 3 mel bands"),
    ]:
        with pytest.raises(ValueError, match=match):
            augment.SpecAugment(6, 4, entry=entry)(KEY, {"inputs": value})


def test_random_crop_starts_anywhere_equally_often_and_cuts_alike():
    rows, frames, length = 20_000, 12, 5
    x = jnp.broadcast_to(jnp.arange(float(frames)), (rows, frames))
    batch = {"inputs": {"audio": x[:, None, :] + jnp.array([[0.0], [100.0]])}, "target": x, "other": x}
    transform = augment.RandomCrop(length, entry=("inputs", "audio"), aligned=("target",))
    out = _run(transform, KEY, batch)
    got = np.asarray(out["inputs"]["audio"])
    assert got.shape == (rows, 2, length)
    start = got[:, 0, 0]
    np.testing.assert_array_equal(got[:, 0], start[:, None] + np.arange(length))
    np.testing.assert_array_equal(got[:, 1], got[:, 0] + 100)
    np.testing.assert_array_equal(out["target"], got[:, 0])
    np.testing.assert_array_equal(out["other"], x)
    share, places = np.bincount(start.astype(int)) / rows, frames - length + 1
    assert len(share) == places
    assert (abs(share - 1 / places) < 5 * np.sqrt(1 / places * (1 - 1 / places) / rows)).all()
    whole = augment.RandomCrop(frames, entry="target")(KEY, batch)["target"]
    np.testing.assert_array_equal(whole, x)


@pytest.mark.parametrize("middle", [(), (1,)])
def test_random_crop_stays_within_a_clips_own_frames(middle):
    lengths = jnp.tile(jnp.array([3, 5, 6, 9, 12]), 400)
    frames = jnp.arange(12)
    mask = (frames < lengths[:, None]).reshape(2000, *middle, 12)
    x = jnp.broadcast_to(frames.astype(jnp.float32), (2000, 4, 12))
    batch = {"inputs": x, "masks": {"frames": mask}}
    out = augment.RandomCrop(5, frame_mask=("masks", "frames"))(KEY, batch)
    start = np.asarray(out["inputs"])[:, 0, 0]
    for length in (3, 5, 6, 9, 12):
        assert set(start[np.asarray(lengths) == length]) == set(range(max(length - 5, 0) + 1))
    # The cropped mask is True where the cropped frames are the clip's own.
    own = np.asarray(out["inputs"])[:, 0] < np.asarray(lengths)[:, None]
    np.testing.assert_array_equal(out["masks"]["frames"].reshape(2000, 5), own)


def test_random_crop_names_what_is_wrong():
    with pytest.raises(ValueError, match=r"RandomCrop.length 0"):
        augment.RandomCrop(0)
    x = jnp.ones((2, 8, 10))
    with pytest.raises(ValueError, match="length 11 is more than the 10 frames of entry 'inputs'"):
        augment.RandomCrop(11)(KEY, {"inputs": x})
    with pytest.raises(ValueError, match="entry 'target' has 9 frames and 'inputs' has 10"):
        augment.RandomCrop(4, aligned=("target",))(KEY, {"inputs": x, "target": x[..., :9]})
    with pytest.raises(ValueError, match=r"entry 'labels' has shape \[2\]"):
        augment.RandomCrop(4, entry="labels")(KEY, {"labels": jnp.arange(2)})
    with pytest.raises(ValueError, match="frame_mask 'm' is float32, not bool"):
        augment.RandomCrop(4, frame_mask="m")(KEY, {"inputs": x, "m": x})


def test_gain_is_what_its_scale_says():
    x = jax.random.normal(jax.random.key(1), (3, 50))
    gain = lambda scale: augment.Gain(20.0, 20.0, scale=scale)(KEY, {"inputs": x})["inputs"]  # noqa: E731
    np.testing.assert_allclose(gain("amplitude"), 10 * x, rtol=1e-5)
    np.testing.assert_allclose(gain("power"), 100 * x, rtol=1e-5)
    np.testing.assert_allclose(gain("decibel"), x + 20, rtol=1e-6)


def test_gain_is_uniform_in_decibels_and_one_for_a_row():
    rows = 20_000
    out = np.asarray(augment.Gain(-9.0, 3.0)(KEY, {"inputs": jnp.ones((rows, 2, 3))})["inputs"])
    assert (out == out[:, :1, :1]).all()
    gain = 20 * np.log10(out[:, 0, 0])
    assert gain.min() >= -9.001
    assert gain.max() <= 3.001
    # A uniform variable on 12 dB: variance 12, fourth central moment 12⁴ / 80.
    assert abs(gain.mean() + 3) < 5 * np.sqrt(12 / rows)
    assert abs(gain.var() - 12) < 5 * np.sqrt((12**4 / 80 - 12**2) / rows)


def test_gaussian_noise_has_the_ratio_it_says():
    rows, samples = 30, 20_000
    scale = jnp.logspace(-4, 2, rows)[:, None]
    x = scale * jnp.sin(jnp.arange(samples) * 0.1)
    out = augment.GaussianNoise(10.0, 10.0)(KEY, {"inputs": x})["inputs"]
    noise = np.asarray(out - x, np.float64)
    ratio = np.square(np.asarray(x, np.float64)).mean(1) / np.square(noise).mean(1)
    # The power of n draws has the relative deviation √(2 / n).
    np.testing.assert_allclose(ratio, 10, rtol=5 * np.sqrt(2 / samples))
    standard = noise / noise.std(1, keepdims=True)
    assert abs(standard.mean()) < 5 / np.sqrt(standard.size)
    assert abs((standard**4).mean() - 3) < 5 * np.sqrt(96 / standard.size)
    assert abs(np.corrcoef(noise)[np.triu_indices(rows, 1)]).max() < 6 / np.sqrt(samples)


def test_gaussian_noise_draws_its_ratio_for_each_row():
    rows, samples = 2_000, 1_000
    x = jnp.ones((rows, samples))
    noise = np.asarray(augment.GaussianNoise(0.0, 24.0)(KEY, {"inputs": x})["inputs"] - x)
    snr = -10 * np.log10(np.square(noise).mean(1))
    assert abs(snr.mean() - 12) < 5 * np.sqrt(24**2 / 12 / rows) + 0.01
    assert abs(snr.std() - 24 / np.sqrt(12)) < 0.3


def test_gaussian_noise_leaves_silence_silent_with_a_finite_gradient():
    x = jnp.stack([jnp.zeros(100), jnp.ones(100)])
    noisy = lambda x: augment.GaussianNoise(5.0, 5.0)(KEY, {"inputs": x})["inputs"]  # noqa: E731
    assert not noisy(x)[0].any()
    assert noisy(x)[1].std() > 0.1
    np.testing.assert_array_equal(jax.grad(lambda x: noisy(x).sum())(x), jnp.ones((2, 100)))


def test_gain_and_noise_name_what_is_wrong():
    for make, match in [
        (lambda: augment.Gain(3.0, -3.0), "Gain.min_gain_db 3.0 and max_gain_db -3.0"),
        (lambda: augment.GaussianNoise(float("nan"), 3.0), "GaussianNoise.min_snr_db nan"),
        (lambda: augment.Gain(-3.0, 3.0, scale="log"), "scale 'log' is none of"),
    ]:
        with pytest.raises(ValueError, match=match):
            make()
    for transform in (augment.Gain(-3.0, 3.0), augment.GaussianNoise(3.0, 3.0)):
        with pytest.raises(ValueError, match="int32, not floating point"):
            transform(KEY, {"inputs": jnp.ones((2, 3), jnp.int32)})
        with pytest.raises(ValueError, match="entry 'inputs' is not in the batch"):
            transform(KEY, {"x": jnp.ones((2, 3))})
