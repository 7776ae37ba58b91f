"""Hooks: called after every epoch of every model, stopped and resumed runs included; what the ready ones write."""

import csv
import struct

import jax
import numpy as np
import optax
import pytest

from jaxmusic import losses, models, training


def _rows_of(path):
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


@pytest.mark.parametrize("loop", ["scan", "python"])
def test_a_hook_is_called_after_every_epoch_and_stops_by_true(make, rows, key, loop, tmp_path):
    seen = []

    def hook(epoch, metrics, state):
        seen.append((epoch, metrics["loss"], metrics["valid_loss"], int(state.step)))
        return epoch == 2

    trainer, data = make(), {"inputs": rows}
    state, info = trainer.fit(key, data, valid=data, epochs=9, on_epoch=hook, loop=loop, checkpoint=tmp_path / "run")
    assert [row[0] for row in seen] == [0, 1, 2]
    assert [row[3] for row in seen] == [3, 6, 9]
    np.testing.assert_array_equal([row[1] for row in seen], info.metrics["loss"])
    np.testing.assert_array_equal([row[2] for row in seen], info.metrics["valid_loss"])
    assert all(isinstance(row[1], float) for row in seen)
    assert info.stopped_early
    straight, _ = trainer.fit(key, data, epochs=3, loop=loop)
    jax.tree.map(np.testing.assert_array_equal, state.params, straight.params)
    # A run that its hook has stopped stays stopped.
    again, _ = trainer.fit(key, data, valid=data, epochs=9, on_epoch=hook, loop=loop, checkpoint=tmp_path / "run")
    assert len(seen) == 3
    jax.tree.map(np.testing.assert_array_equal, state.params, again.params)


def test_a_hook_that_raises_loses_only_its_epoch(make, rows, key, tmp_path):
    trainer, data = make(), {"inputs": rows}

    def hook(epoch, metrics, state):
        if epoch == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        trainer.fit(key, data, epochs=4, on_epoch=hook, checkpoint=tmp_path / "run")
    seen = []
    resumed, _ = trainer.fit(
        key, data, epochs=4, on_epoch=lambda epoch, *_: seen.append(epoch), checkpoint=tmp_path / "run"
    )
    assert seen == [2, 3]
    jax.tree.map(np.testing.assert_array_equal, resumed.params, trainer.fit(key, data, epochs=4)[0].params)


def test_hooks_of_a_grid_know_their_model(rows, key, tmp_path):
    seen = []
    found = training.fit_grid(
        key,
        models.FCVAE(2, 8, (4,)),
        losses.elbo(beta="beta"),
        {"inputs": rows},
        grid={"beta": (0.5, 2.0)},
        seeds=2,
        epochs=3,
        batch_size=8,
        optimizer=optax.adam(1e-2),
        checkpoint=tmp_path,
        on_epoch=lambda epoch, metrics, state: seen.append(
            (metrics["model"], epoch, float(state.hyperparameters["beta"]), metrics["loss"])
        ),
    )
    assert [row[:3] for row in seen] == [(m, e, 0.5 if m < 2 else 2.0) for m in range(4) for e in range(3)]
    np.testing.assert_array_equal([row[3] for row in seen], found.info.metrics["loss"].ravel())


def test_a_csv_log_has_every_epoch_once(make, rows, key, tmp_path):
    data, path, run = {"inputs": rows}, tmp_path / "logs" / "log.csv", tmp_path / "run"
    place = training.Checkpoint(run, save_every=2)

    class Stop(Exception):
        pass

    def broken(log):
        def hook(epoch, metrics, state):
            log(epoch, metrics, state)
            if epoch == 2:
                raise Stop

        return hook

    # Stopped after it wrote epoch 2, whose save never came: the next run writes that epoch again.
    with pytest.raises(Stop):
        make().fit(key, data, epochs=5, on_epoch=broken(training.CSVLog(path)), checkpoint=place)
    assert [row["epoch"] for row in _rows_of(path)] == ["0", "1", "2"]
    _, info = make().fit(key, data, epochs=5, on_epoch=training.CSVLog(path), checkpoint=place)
    found = _rows_of(path)
    assert [row["epoch"] for row in found] == ["0", "1", "2", "3", "4"]
    np.testing.assert_array_equal([float(row["loss"]) for row in found], info.metrics["loss"])
    with pytest.raises(ValueError, match=r"log\.csv has the columns"):
        make().fit(key, data, valid=data, epochs=1, on_epoch=training.CSVLog(path))


def test_a_csv_log_of_several_models(make, rows, key, tmp_path):
    path, keys = tmp_path / "log.csv", jax.random.split(key, 2)
    for _ in range(2):
        _, info = make().fit(keys, {"inputs": rows}, epochs=2, on_epoch=training.CSVLog(path))
    found = {(int(row["model"]), int(row["epoch"])): float(row["loss"]) for row in _rows_of(path)}
    assert len(_rows_of(path)) == 4
    assert found == {(m, e): info.metrics["loss"][m, e] for m in range(2) for e in range(2)}


def _scalars(folder):
    """(tag, step) → value of a folder's event files, whose records are length, checksum, bytes, checksum."""
    from tensorboardX.proto.event_pb2 import Event

    found = {}
    for path in folder.glob("events.*"):
        content, at = path.read_bytes(), 0
        while at < len(content):
            (length,) = struct.unpack_from("<Q", content, at)
            event = Event.FromString(content[at + 12 : at + 12 + length])
            found |= {(value.tag, event.step): value.simple_value for value in event.summary.value}
            at += 16 + length
    return found


def test_tensorboard_reads_what_was_logged(make, rows, key, tmp_path):
    data = {"inputs": rows}
    one, two = (training.TensorBoardLog(tmp_path / name) for name in ("one", "two"))
    _, info = make().fit(key, data, valid=data, epochs=2, on_epoch=one)
    one.close()
    found = _scalars(tmp_path / "one")
    for name, part in (("loss", "train"), ("valid_loss", "valid")):
        np.testing.assert_allclose([found[f"loss/{part}", i] for i in range(2)], info.metrics[name], rtol=1e-6)
    make().fit(jax.random.split(key, 2), data, epochs=1, on_epoch=two)
    two.close()
    assert ("loss/train", 0) in _scalars(tmp_path / "two" / "model_1")


def test_a_missing_tensorboard_says_how_to_have_it(monkeypatch, tmp_path):
    monkeypatch.setitem(__import__("sys").modules, "tensorboardX", None)
    with pytest.raises(ImportError, match=r"pip install 'jaxmusic\[tensorboard\]'"):
        training.TensorBoardLog(tmp_path)
