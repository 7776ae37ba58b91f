"""Beyond one device's memory and one process: streams, parts of batches, kills, meshes and processes."""

import os
import signal
import socket
import subprocess
import sys
import time

import jax
import numpy as np
import optax
import pytest

from jaxmusic import data, losses, models, training

_ADAM = optax.adam(1e-3)
_ELBO = losses.elbo()


@pytest.fixture
def mels(tmp_path):
    array = np.random.default_rng(1).normal(size=(11, 16, 16)).astype(np.float32)
    np.save(tmp_path / "mels.npy", array)
    return array


def _fit(train, *, module=None, epochs=2, batch_size=4, **options):
    module = module or models.ConvVAE(16, 16, 4)
    own = {name: options.pop(name) for name in ("accumulate",) if name in options}
    keys = jax.random.key(0)
    if "seeds" in options:
        keys = jax.random.split(keys, options.pop("seeds"))
    return training.Trainer(module, _ELBO, _ADAM, batch_size=batch_size, **own).fit(
        keys, train, epochs=epochs, **options
    )


def _assert_equal(first, second):
    for state in (first, second):
        assert int(state.step) > 0
    jax.tree.map(np.testing.assert_array_equal, first.params, second.params)


def test_rows_that_stream_give_the_numbers_of_rows_in_memory(tmp_path, mels):
    store = data.ArrayStore({"inputs": tmp_path / "mels.npy"})
    rows = {"inputs": mels}
    memory, info = _fit(rows, valid={"inputs": mels[:5]}, seeds=2, loop="python")
    stream, stream_info = _fit(store, valid=store.take(range(5)), seeds=2)
    _assert_equal(jax.tree.map(lambda x: x[0], memory), jax.tree.map(lambda x: x[0], stream))
    for name, values in info.metrics.items():
        np.testing.assert_allclose(stream_info.metrics[name], values, rtol=1e-6, err_msg=name)


def test_a_stream_resumes_and_knows_its_data(tmp_path, mels):
    store = data.ArrayStore({"inputs": tmp_path / "mels.npy"})
    straight, _ = _fit(store, epochs=3)
    _fit(store, epochs=1, checkpoint=tmp_path / "run")
    resumed, _ = _fit(store, epochs=3, checkpoint=tmp_path / "run")
    _assert_equal(straight, resumed)
    with pytest.raises(ValueError, match="checkpoint of another run"):
        _fit(store.take(range(9)), epochs=3, checkpoint=tmp_path / "run")


def test_streams_that_cannot_be_used_are_refused(tmp_path, mels):
    store = data.ArrayStore({"inputs": tmp_path / "mels.npy"})
    with pytest.raises(ValueError, match="cannot be scanned"):
        _fit(store, loop="scan")
    with pytest.raises(ValueError, match="has no rows"):
        _fit(store.take([]))
    (tmp_path / "mels.npy").write_bytes((tmp_path / "mels.npy").read_bytes()[:-8])
    with pytest.raises(ValueError, match=r"mels\.npy ends before row"):
        _fit(store)


def test_a_batch_in_parts_takes_the_step_of_the_whole():
    # No noise: the mean of q(z|x) alone would do, and a plain autoencoder has nothing else.
    module = models.Autoencoder(features=12, latent_dim=3, widths=(8,))
    x = {"inputs": np.random.default_rng(0).normal(size=(21, 12)).astype(np.float32)}
    loss = losses.reconstruction()
    results = [
        training.Trainer(module, loss, _ADAM, batch_size=8, accumulate=parts).fit(
            jax.random.key(0), x, epochs=3, valid=x
        )
        for parts in (1, 4)
    ]
    for a, b in zip(*(jax.tree.leaves(state.params) for state, _ in results), strict=True):
        np.testing.assert_allclose(a, b, atol=1e-6)
    np.testing.assert_allclose(results[0][1].metrics["loss"], results[1][1].metrics["loss"], rtol=1e-5)
    with pytest.raises(ValueError, match="no multiple of accumulate 3"):
        _fit(x, accumulate=3)


def test_the_latest_checkpoints_are_kept(tmp_path, mels):
    _fit({"inputs": mels}, epochs=4, checkpoint=training.Checkpoint(tmp_path / "run", keep=2))
    assert {path.name for path in (tmp_path / "run").iterdir() if path.name.isdigit()} == {"3", "4"}


_KILLED = """
import sys, jax, numpy as np, optax
from jaxmusic import losses, models, training
x = {"inputs": np.random.default_rng(0).normal(size=(64, 16)).astype(np.float32)}
state, _ = training.fit(jax.random.key(0), models.FCVAE(latent_dim=2, features=16, widths=(512, 512)), losses.elbo(), x,
                        epochs=40, batch_size=8, optimizer=optax.adam(1e-2), checkpoint=sys.argv[1] or None)
np.savez(sys.argv[2], *jax.tree.leaves(state.params))
"""


def test_a_run_that_is_killed_at_any_moment_resumes_to_the_same_numbers(tmp_path):
    def start(folder, out):
        return subprocess.Popen([sys.executable, "-c", _KILLED, str(folder), str(out)])

    def saving(folder):
        return any("tmp" in path.name for path in folder.glob("*"))

    def epochs(folder):
        return [int(path.name) for path in folder.glob("*") if path.name.isdigit()]

    straight = start("", tmp_path / "straight.npz")
    run, killed_while_saving = tmp_path / "run", 0
    for least in (1, 12):
        process = start(run, tmp_path / "killed.npz")
        deadline = time.monotonic() + 120
        while not (max(epochs(run), default=0) >= least and saving(run)):
            assert process.poll() is None, "the run ended before it was killed"
            assert time.monotonic() < deadline
        process.send_signal(signal.SIGKILL)
        process.wait()
        killed_while_saving += saving(run)
        assert not (tmp_path / "killed.npz").exists()
    assert killed_while_saving, "no kill came in the middle of a save"
    assert start(run, tmp_path / "killed.npz").wait() == 0
    assert straight.wait() == 0
    with np.load(tmp_path / "straight.npz") as a, np.load(tmp_path / "killed.npz") as b:
        assert len(a.files) > 0
        for name in a.files:
            np.testing.assert_array_equal(a[name], b[name])


_TOGETHER = """
import sys, jax, numpy as np, optax
from jaxmusic import data, losses, models, training
folder, mesh = sys.argv[1], None
if len(sys.argv) > 2:
    mesh = training.start_processes(f"127.0.0.1:{sys.argv[2]}", 2, int(sys.argv[3]))
    assert mesh.size == 8, mesh
x = np.load(folder + "/x.npy")
store = data.ArrayStore({"inputs": folder + "/x.npy"})
module, loss = models.FCVAE(latent_dim=2, features=16, widths=(8,)), losses.elbo()
trainer = training.Trainer(module, loss, optax.adam(1e-2), batch_size=8, mesh=mesh)
_, memory = trainer.fit(jax.random.key(0), {"inputs": x}, epochs=3)
checkpoint = None if mesh is None else folder + "/run"
for epochs in (1, 3):
    _, stream = trainer.fit(jax.random.key(0), store, valid=store, epochs=epochs, checkpoint=checkpoint)
np.savez(f"{folder}/{'one' if mesh is None else jax.process_index()}.npz", memory=memory.metrics["loss"],
         stream=stream.metrics["loss"], valid=stream.metrics["valid_loss"])
"""


def test_two_processes_of_four_devices_have_the_losses_of_one_device(tmp_path):
    np.save(tmp_path / "x.npy", np.random.default_rng(0).normal(size=(22, 16)).astype(np.float32))
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = str(probe.getsockname()[1])
    environment = {**os.environ, "XLA_FLAGS": "--xla_force_host_platform_device_count=4", "JAX_PLATFORMS": "cpu"}
    calls = [(), (port, "0"), (port, "1")]
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", _TOGETHER, str(tmp_path), *call], env=environment, stderr=subprocess.PIPE, text=True
        )
        for call in calls
    ]
    errors = [process.communicate(timeout=240)[1] for process in processes]
    assert [process.returncode for process in processes] == [0, 0, 0], errors
    with np.load(tmp_path / "one.npz") as one:
        for process in (0, 1):
            with np.load(tmp_path / f"{process}.npz") as found:
                for name in ("memory", "stream", "valid"):
                    np.testing.assert_allclose(found[name], one[name], rtol=1e-5, err_msg=name)


def test_processes_are_numbered_whole():
    with pytest.raises(ValueError, match="process is missing"):
        training.start_processes("127.0.0.1:1", 2)
    with pytest.raises(ValueError, match="not among 2 processes"):
        training.start_processes("127.0.0.1:1", 2, 2)
