"""`training.fit`: one compile, both loops alike, resume bit for bit, masks, seeds, early stopping, a mesh."""

import subprocess
import sys
from typing import NamedTuple

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from jaxmusic import losses, models, training


class _Output(NamedTuple):
    prediction: jax.Array


class _Linear(nn.Module):
    @nn.compact
    def __call__(self, x):
        return _Output(nn.Dense(1, use_bias=False)(x)[:, 0])


class _Normalized(nn.Module):
    """Has batch statistics and dropout: what classifiers need of the loop."""

    @nn.compact
    def __call__(self, x, train: bool):
        x = nn.BatchNorm(use_running_average=not train)(x)
        x = nn.Dropout(0.5, deterministic=not train)(x)
        return _Output(nn.Dense(1)(x)[:, 0])


def _mean_squared(outputs, batch):
    value = losses.masked_mean(jnp.square(outputs.prediction - batch["target"]), batch["row_mask"])
    return value, {"squared": value}


def _regression(rows=37, features=3):
    rng = np.random.default_rng(0)
    x = rng.normal(size=(rows, features)).astype(np.float32)
    return {"inputs": x, "target": x @ np.array([1.0, -2.0, 0.5], np.float32)}


def _spectrograms(rows=10, size=16):
    rng = np.random.default_rng(1)
    return {"inputs": rng.normal(size=(rows, size, size)).astype(np.float32)}


def _fit(data, *, key=0, epochs=5, batch_size=8, module=None, loss=_mean_squared, optimizer=None, seeds=1, **options):
    trainer = training.Trainer(module or _Linear(), loss, optimizer or _ADAM, batch_size=batch_size)
    keys = jax.random.key(key) if seeds == 1 else jax.random.split(jax.random.key(key), seeds)
    if "start" in options:
        keys = trainer.init(keys, data, start=options.pop("start"))
    return trainer.fit(keys, data, epochs=epochs, **options)


_ADAM = optax.adam(1e-2)
_SLOW = optax.adam(1e-4)
_ELBO = losses.elbo()


def _assert_equal(first, second):
    jax.tree.map(np.testing.assert_array_equal, first, second)


def _arrays(state):
    return state._replace(key=jax.random.key_data(state.key))


def test_a_linear_model_finds_the_weights_that_made_the_data():
    state, info = _fit(_regression(), epochs=200, optimizer=optax.adam(0.05))
    np.testing.assert_allclose(state.params["Dense_0"]["kernel"][:, 0], [1.0, -2.0, 0.5], atol=1e-3)
    assert info.metrics["loss"].shape == (200,)
    assert info.metrics["loss"][-1] < 1e-5 < info.metrics["loss"][0]


def test_the_last_partial_batch_is_masked_not_dropped_or_repeated():
    # One step of gradient descent over all 37 rows in batches of 64 is the full-batch gradient step.
    data = _regression()
    state, _ = _fit(data, epochs=1, batch_size=64, optimizer=optax.sgd(0.1))
    start, _ = _fit(data, epochs=1, batch_size=64, optimizer=optax.sgd(0.0))
    kernel = start.params["Dense_0"]["kernel"][:, 0]
    gradient = 2 * data["inputs"].T @ (data["inputs"] @ kernel - data["target"]) / 37
    np.testing.assert_allclose(state.params["Dense_0"]["kernel"][:, 0], kernel - 0.1 * gradient, rtol=1e-5)


def test_an_epoch_visits_every_row_once():
    seen = []

    def record(outputs, batch):
        jax.debug.callback(lambda ids, mask: seen.append(ids[mask]), batch["ids"], batch["row_mask"])
        return _mean_squared(outputs, batch)

    _fit(_regression() | {"ids": np.arange(37)}, epochs=2, loss=record)
    jax.effects_barrier()
    rows = np.concatenate(seen)
    assert len(rows) == 74
    np.testing.assert_array_equal(np.bincount(rows), np.full(37, 2))
    assert not np.array_equal(rows[:37], rows[37:])


def test_all_epochs_share_one_trace():
    traces = []

    def counted(outputs, batch):
        traces.append(1)
        return _mean_squared(outputs, batch)

    trainer = training.Trainer(_Linear(), counted, _ADAM, batch_size=8)
    trainer.fit(jax.random.key(0), _regression(), epochs=1)
    after_one = len(traces)
    # The same trainer: what the first call compiled serves the second, and whether the module convolves is known.
    trainer.fit(jax.random.key(1), _regression(), epochs=6)
    assert after_one <= 2
    assert len(traces) == after_one


def test_scanned_and_stepwise_epochs_agree():
    for module, loss, data in (
        (None, _mean_squared, _regression()),
        (models.ConvVAE(16, 16, 4), _ELBO, _spectrograms()),
    ):
        results = [
            _fit(data, module=module, loss=loss, epochs=2, batch_size=4, valid=data, loop=loop, optimizer=_SLOW)
            for loop in ("scan", "python")
        ]
        for a, b in zip(*map(jax.tree.leaves, (results[0][0].params, results[1][0].params)), strict=True):
            np.testing.assert_allclose(a, b, atol=2e-5)
        for name, values in results[0][1].metrics.items():
            np.testing.assert_allclose(values, results[1][1].metrics[name], rtol=1e-4, err_msg=name)


def test_the_same_key_gives_the_same_state_and_another_key_another():
    first, again, other = (_fit(_regression(), key=key)[0] for key in (0, 0, 1))
    _assert_equal(_arrays(first), _arrays(again))
    assert not np.array_equal(first.params["Dense_0"]["kernel"], other.params["Dense_0"]["kernel"])


@pytest.mark.parametrize("patience", [None, 3])
def test_a_resumed_run_equals_a_straight_one_bit_for_bit(tmp_path, patience):
    data, options = (
        _spectrograms(),
        {"module": models.ConvVAE(16, 16, 4), "loss": _ELBO, "batch_size": 4, "optimizer": _SLOW},
    )
    if patience:
        options |= {"patience": patience, "valid": data}
    straight, info = _fit(data, epochs=4, **options)
    _fit(data, epochs=2, checkpoint=tmp_path / "run", **options)
    resumed, resumed_info = _fit(data, epochs=4, checkpoint=tmp_path / "run", **options)
    _assert_equal(_arrays(straight), _arrays(resumed))
    _assert_equal(info.metrics, resumed_info.metrics)
    # Nothing is left to do: the same call returns what is on disk.
    finished, _ = _fit(data, epochs=4, checkpoint=tmp_path / "run", **options)
    _assert_equal(_arrays(straight), _arrays(finished))


def test_an_interrupt_in_an_epoch_loses_only_that_epoch(tmp_path):
    calls = []

    def interrupted(outputs, batch):
        def tick(step):
            calls.append(int(step))

        jax.debug.callback(tick, batch["step"])
        return _mean_squared(outputs, batch)

    straight, _ = _fit(_regression(), epochs=4, loss=interrupted)
    import jaxmusic.training.engine as engine

    original, epochs = engine.Engine.run_epoch, []

    def run_epoch(self, state, data, *, scan):
        if len(epochs) == 2:
            raise KeyboardInterrupt
        epochs.append(1)
        return original(self, state, data, scan=scan)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(engine.Engine, "run_epoch", run_epoch)
        with pytest.raises(KeyboardInterrupt):
            _fit(_regression(), epochs=4, loss=interrupted, checkpoint=tmp_path / "run")
    resumed, _ = _fit(_regression(), epochs=4, loss=interrupted, checkpoint=tmp_path / "run")
    _assert_equal(_arrays(straight), _arrays(resumed))


def test_saves_can_be_rarer_and_the_last_epoch_is_always_there(tmp_path):
    straight, _ = _fit(_regression(), epochs=7)
    _fit(_regression(), epochs=5, checkpoint=training.Checkpoint(tmp_path / "run", save_every=3))
    saved = {path.name for path in (tmp_path / "run").iterdir() if path.name.isdigit()}
    assert "5" in saved
    assert not saved & {"1", "2", "4"}
    resumed, _ = _fit(_regression(), epochs=7, checkpoint=training.Checkpoint(tmp_path / "run", save_every=3))
    _assert_equal(_arrays(straight), _arrays(resumed))


def test_a_checkpoint_of_another_run_is_refused(tmp_path):
    _fit(_regression(), epochs=1, checkpoint=tmp_path / "run")
    with pytest.raises(ValueError, match="checkpoint of another run"):
        _fit(_regression(), epochs=2, key=5, checkpoint=tmp_path / "run")


def test_several_seeds_are_the_single_runs_stacked():
    keys = jax.random.split(jax.random.key(0), 3)
    stacked, info = _fit(_regression(), seeds=3)
    assert info.metrics["loss"].shape == (3, 5)
    for i, key in enumerate(keys):
        single, _ = training.fit(key, _Linear(), _mean_squared, _regression(), epochs=5, batch_size=8, optimizer=_ADAM)
        np.testing.assert_array_equal(stacked.params["Dense_0"]["kernel"][i], single.params["Dense_0"]["kernel"])


def test_vectorised_seeds_equal_the_loop_over_seeds(monkeypatch):
    looped, looped_info = _fit(_regression(), seeds=3)
    # An accelerator takes the vectorised path; the numbers must not depend on it.
    monkeypatch.setattr("jaxmusic.training.trainer.jax.default_backend", lambda: "gpu")
    vectorised, info = _fit(_regression(), seeds=3, valid=_regression())
    np.testing.assert_allclose(vectorised.params["Dense_0"]["kernel"], looped.params["Dense_0"]["kernel"], rtol=1e-6)
    np.testing.assert_allclose(info.metrics["loss"], looped_info.metrics["loss"], rtol=1e-5)
    assert info.metrics["valid_loss"].shape == (3, 5)


def test_early_stopping_returns_the_best_epoch():
    data = _regression(8)
    noise = {"inputs": -data["inputs"], "target": data["target"]}
    # Every step on the training part makes this validation part worse, so the first epoch stays the best.
    state, info = _fit(data, epochs=50, valid=noise, patience=4, optimizer=optax.sgd(0.05))
    first, _ = _fit(data, epochs=1, optimizer=optax.sgd(0.05))
    assert info.stopped_early
    assert info.best_epoch == 0
    assert len(info.metrics["loss"]) == 5
    _assert_equal(state.params, first.params)


def test_batch_statistics_and_dropout_are_carried():
    state, info = _fit(_regression() | {}, module=_Normalized(), epochs=20, valid=_regression())
    statistics = state.collections["batch_stats"]["BatchNorm_0"]["mean"]
    assert not np.allclose(statistics, 0)
    # Dropout makes the training loss noisier and higher than the same epoch's validation loss.
    assert info.metrics["valid_loss"][-1] < info.metrics["loss"][-1]


def test_training_starts_from_given_parameters_and_leaves_them_alive():
    pretrained = jnp.array([[1.0], [-2.0], [0.5]])
    state, info = _fit(_regression(), epochs=1, start=lambda _: {"Dense_0": {"kernel": pretrained}})
    assert info.metrics["loss"][0] < 1e-4
    assert float(pretrained.sum()) == -0.5
    assert int(state.epoch) == 1


def test_seeds_trained_together_start_from_given_parameters(monkeypatch):
    # Weights that an optimiser keeps in its own state must be those that training starts from, too.
    optimizer = optax.chain(optax.adam(0.05), optax.ema(0.5))
    options = {"seeds": 2, "epochs": 2, "optimizer": optimizer, "start": lambda p: jax.tree.map(lambda x: x * 0 + 2, p)}
    looped, _ = _fit(_regression(), **options)
    monkeypatch.setattr("jaxmusic.training.trainer.jax.default_backend", lambda: "gpu")
    together, _ = _fit(_regression(), **options)
    np.testing.assert_allclose(together.params["Dense_0"]["kernel"], looped.params["Dense_0"]["kernel"], rtol=1e-6)
    assert jax.tree.structure(together.opt_state) == jax.tree.structure(looped.opt_state)


def test_a_schedule_sees_the_step():
    loss = losses.elbo(beta=optax.linear_schedule(0.0, 1.0, 4))
    x = {"inputs": np.ones((8, 16), np.float32)}
    module = models.FCVAE(latent_dim=2, features=16, widths=(8,))
    _, info = _fit(x, module=module, loss=loss, epochs=3, batch_size=4)
    np.testing.assert_allclose(info.metrics["beta"], [0.125, 0.625, 1.0])


@pytest.mark.parametrize("loop", ["scan", "python"])
def test_validation_sees_schedules_at_their_end(loop):
    loss = losses.elbo(beta=optax.linear_schedule(0.0, 1.0, 100))
    x = {"inputs": np.ones((8, 16), np.float32)}
    module = models.FCVAE(latent_dim=2, features=16, widths=(8,))
    _, info = _fit(x, module=module, loss=loss, epochs=3, batch_size=4, valid=x, loop=loop)
    np.testing.assert_allclose(info.metrics["valid_beta"], 1.0)
    assert info.metrics["beta"].max() < 0.1


def test_a_mesh_gives_the_numbers_of_one_device():
    code = """
import jax, numpy as np, optax
from jaxmusic import losses, models, training
x = {"inputs": np.random.default_rng(0).normal(size=(22, 16)).astype(np.float32)}
module = models.FCVAE(latent_dim=2, features=16, widths=(8,))
mesh = jax.make_mesh((4,), ("data",))
results = [training.Trainer(module, losses.elbo(), optax.adam(1e-2), batch_size=8, mesh=m)
           .fit(jax.random.key(0), x, epochs=3)[0] for m in (None, mesh)]
assert len(results[1].params["encoder"]["Dense_0"]["kernel"].sharding.device_set) == 4
# A state from elsewhere goes on over the mesh.
further = [training.Trainer(module, losses.elbo(), optax.adam(1e-2), batch_size=8, mesh=m)
           .fit(results[0], x, epochs=1)[0] for m in (None, mesh)]
assert len(further[1].step.sharding.device_set) == 4
for a, b in zip(*(jax.tree.leaves(r.params) for r in further)):
    np.testing.assert_allclose(np.asarray(a), np.asarray(b), atol=1e-6)
for a, b in zip(*(jax.tree.leaves(r.params) for r in results)):
    np.testing.assert_allclose(np.asarray(a), np.asarray(b), atol=1e-6)
try:
    training.Trainer(module, losses.elbo(), optax.adam(1e-2), batch_size=6, mesh=mesh)
except ValueError as error:
    assert "4 devices" in str(error)
else:
    raise AssertionError("a batch that the mesh does not divide was accepted")
print("same")
"""
    environment = {"XLA_FLAGS": "--xla_force_host_platform_device_count=4", "JAX_PLATFORMS": "cpu", "PATH": ""}
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True)
    assert done.stdout.strip() == "same", done.stderr[-2000:]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"target": np.ones(5, np.float32)}, "differ in their number of rows"),
        ({"inputs": np.ones((0, 3), np.float32), "target": np.ones(0, np.float32)}, "has no rows"),
    ],
)
def test_rows_that_do_not_fit_are_refused(change, message):
    with pytest.raises(ValueError, match=message):
        _fit(_regression() | change)


def test_arguments_out_of_range_are_refused():
    with pytest.raises(ValueError, match="epochs must be at least 1"):
        _fit(_regression(), epochs=0)
    with pytest.raises(ValueError, match="save_every must be at least 1"):
        training.Checkpoint("run", save_every=0)
    with pytest.raises(ValueError, match="patience needs validation data"):
        _fit(_regression(), patience=2)


def test_nan_in_the_data_is_an_error_that_names_the_epoch():
    data = _regression()
    data["inputs"][3, 1] = np.nan
    with pytest.raises(FloatingPointError, match="epoch 1"):
        _fit(data)
