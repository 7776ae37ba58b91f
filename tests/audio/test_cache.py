"""The cache: a hit only for the same bytes, parameters and program; damage is found; a full disk is survived."""

import subprocess
import sys
from functools import partial

import jax.numpy as jnp
import numpy as np
import pytest
import soundfile

from jaxmusic import audio
from jaxmusic.audio import decoding


def energy(y, scale=1.0):
    return scale * (y**2).sum(-1, keepdims=True)


@pytest.fixture
def clip(tmp_path):
    path = tmp_path / "a.wav"
    soundfile.write(path, 0.1 * np.random.default_rng(0).standard_normal(11_025), 22_050)
    return path


@pytest.fixture
def run(clip, tmp_path, monkeypatch):
    """Extract the clip; returns what was found and whether it was decoded."""
    loads = []
    monkeypatch.setattr(decoding, "load", lambda *a, **k: (loads.append(a), audio.load(*a, **k))[1])

    def once(transform=energy, paths=(clip,), **options):
        loads.clear()
        options = {"duration": 0.5, "cache": tmp_path / "cache", "progress": False, "n_jobs": 1} | options
        return audio.extract(list(paths), transform, **options), len(loads)

    return once


def test_a_second_run_decodes_nothing_and_finds_the_same(run):
    first, decoded = run()
    again, decoded_again = run()
    assert (decoded, decoded_again) == (1, 0)
    np.testing.assert_array_equal(first.features, again.features)
    np.testing.assert_array_equal(first.lengths, again.lengths)


def test_another_name_of_the_same_bytes_is_a_hit_and_a_change_of_the_bytes_is_not(run, clip, tmp_path):
    run()
    copy = tmp_path / "copy.wav"
    copy.write_bytes(clip.read_bytes())
    assert run(paths=[copy])[1] == 0
    soundfile.write(clip, np.zeros(11_025), 22_050)
    assert run()[1] == 1


@pytest.mark.parametrize("options", [{"duration": 0.4}, {"sr": 16_000}])
def test_other_parameters_are_a_miss(run, options):
    run()
    assert run(**options)[1] == 1


def test_the_batch_size_does_not_matter(run):
    run()
    assert run(batch_size=3)[1] == 0


def test_another_program_is_a_miss_whatever_its_name(run, clip):
    run()

    def named_alike(factor, table):
        def energy(y):
            return factor * (y**2).sum(-1, keepdims=True) + table.sum()

        return energy

    assert run(partial(energy, scale=2.0))[1] == 1
    assert run(named_alike(3.0, np.zeros(4)))[1] == 1
    assert run(named_alike(4.0, np.zeros(4)))[1] == 1
    # Arrays that a function closes over count by their values.
    large = np.zeros(5000, np.float32)
    assert run(named_alike(4.0, jnp.asarray(large)))[1] == 1
    large[4321] = 1
    found, decoded = run(named_alike(4.0, jnp.asarray(large)))
    assert decoded == 1
    assert run(named_alike(4.0, jnp.asarray(large)))[1] == 0
    assert found.features[0, 0] == pytest.approx(4 * np.square(audio.load(clip)).sum() + 1, rel=1e-4)


def test_the_key_is_the_same_in_another_process(run, clip, tmp_path):
    code = f"""
import sys; sys.path.insert(0, {str(__file__.rsplit("/", 1)[0])!r})
from test_cache import energy
from jaxmusic import audio
audio.extract([{str(clip)!r}], energy, duration=0.5, cache={str(tmp_path / "cache")!r}, progress=False)
"""
    subprocess.run([sys.executable, "-c", code], check=True)
    assert run()[1] == 0


@pytest.mark.parametrize(
    "damage",
    [
        lambda b: b[: len(b) // 2],
        lambda b: b"",
        lambda b: b.replace(b"leaf0", b"leaf9"),
        lambda b: b[:150] + bytes([b[150] ^ 255]) + b[151:],
    ],
)
def test_a_damaged_entry_is_found_and_made_anew(run, tmp_path, damage):
    first, _ = run()
    (entry,) = (tmp_path / "cache").rglob("*.npz")
    whole = entry.read_bytes()
    assert damage(whole) != whole
    entry.write_bytes(damage(whole))
    again, decoded = run()
    assert decoded == 1
    np.testing.assert_array_equal(again.features, first.features)
    assert run()[1] == 0


def test_an_interrupted_run_goes_on(run, clip, tmp_path):
    others = []
    for i in range(6):
        others.append(tmp_path / f"{i}.wav")
        soundfile.write(others[-1], np.full(11_025, 0.1 * i), 22_050)
    run(paths=others[:4])
    found, decoded = run(paths=others)
    assert decoded == 2
    np.testing.assert_allclose(found.features[:, 0], 11_025 * (0.1 * np.arange(6)) ** 2, rtol=1e-3, atol=1e-6)


def test_a_full_disk_is_warned_of_and_the_features_are_there(run, tmp_path, monkeypatch):
    expected, _ = run(cache=None)

    def full(*_, **__):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(np, "savez", full)
    with pytest.warns(UserWarning, match="is not written any further: .*No space left on device"):
        found, _ = run()
    np.testing.assert_array_equal(found.features, expected.features)
    assert not [path for path in (tmp_path / "cache").rglob("*") if path.is_file()]


def test_trees_and_lengths_are_kept(run):
    def transform(y, lengths):
        return {"energy": (y**2).sum(-1), "pair": (lengths, y[:, :3])}

    first, _ = run(transform, with_lengths=True)
    again, decoded = run(transform, with_lengths=True)
    assert decoded == 0
    assert set(again.features) == {"energy", "pair"}
    np.testing.assert_array_equal(again.features["pair"][1], first.features["pair"][1])
    np.testing.assert_array_equal(again.features["pair"][0], [11_025])
