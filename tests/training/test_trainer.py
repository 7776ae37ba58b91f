"""`Trainer`: a step that its caller holds, states to go on from, optimisers that ask for more, averages, transforms."""

import gc
import inspect
from pathlib import Path

import chex
import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from flax import serialization

from jaxmusic import augment, losses, models, training


def _equal(first, second):
    jax.tree.map(np.testing.assert_array_equal, first, second)


def _batches(rows, size=8):
    return [{"inputs": rows[i : i + size]} for i in range(0, len(rows), size)]


def test_an_own_loop_is_what_fit_does(make, rows, key):
    trainer = make()
    fitted, info = trainer.fit(key, lambda: _batches(rows), epochs=3)
    state = trainer.init(key, {"inputs": rows})
    for _ in range(3):
        losses_of_epoch = []
        for batch in _batches(rows[:16]):
            state, metrics = trainer.step(state, batch)
            losses_of_epoch.append(float(metrics["loss"]) * 8)
        # A last, smaller batch is filled up and masked.
        last = {"inputs": np.concatenate([rows[16:], rows[16:18]]), "row_mask": np.arange(8) < 6}
        state, metrics = trainer.step(state, last)
        losses_of_epoch.append(float(metrics["loss"]) * 6)
    _equal(state.params, fitted.params)
    np.testing.assert_allclose(info.metrics["loss"][-1], sum(losses_of_epoch) / 22, rtol=1e-6)


def test_steps_of_one_shape_share_one_trace(rows, key):
    @chex.assert_max_traces(n=1)
    def loss(outputs, batch):
        return losses.elbo()(outputs, batch)

    trainer = training.Trainer(models.FCVAE(2, 8, (4,)), loss, optax.adam(1e-2), batch_size=8)
    state = trainer.init(key, {"inputs": rows})
    assert trainer.module == models.FCVAE(2, 8, (4,))
    for _ in range(4):
        state, _ = trainer.step(state, {"inputs": rows[:8]})
    assert int(state.step) == 4


def test_a_step_donates_its_state_and_a_fit_leaves_its_own(make, rows, key):
    trainer = make()
    start = trainer.init(key, {"inputs": rows})
    trainer.fit(start, {"inputs": rows}, epochs=1, loop="python")
    assert int(start.step) == 0
    kernel = start.params["encoder"]["Dense_0"]["kernel"]
    after, _ = trainer.step(start, {"inputs": rows[:8]})
    assert kernel.is_deleted()
    assert int(after.step) == 1


def test_a_state_goes_on_as_if_it_had_never_stopped(make, rows, key, tmp_path):
    trainer, data = make(), {"inputs": rows}
    straight, info = trainer.fit(key, data, epochs=5)
    half, _ = trainer.fit(key, data, epochs=2)
    seen = []
    rest, rest_info = trainer.fit(half, data, epochs=3, on_epoch=lambda epoch, *_: seen.append(epoch))
    _equal(straight.params, rest.params)
    np.testing.assert_array_equal(rest_info.metrics["loss"], info.metrics["loss"][2:])
    assert seen == [2, 3, 4]
    # The same with a checkpoint, which knows the state that it started from.
    trainer.fit(half, data, epochs=1, checkpoint=tmp_path / "run")
    resumed, _ = trainer.fit(half, data, epochs=3, checkpoint=tmp_path / "run")
    _equal(straight.params, resumed.params)
    with pytest.raises(ValueError, match=r"another run.*start was"):
        trainer.fit(rest, data, epochs=3, checkpoint=tmp_path / "run")
    # Stacked states go on each on its own.
    keys = jax.random.split(key, 2)
    both, _ = trainer.fit(keys, data, epochs=2)
    both, _ = trainer.fit(both, data, epochs=3)
    _equal(jax.tree.map(lambda x: x[1], both.params), trainer.fit(keys[1], data, epochs=5)[0].params)


def test_a_state_is_written_by_flax_serialization(make, rows, key):
    trainer = make(average=0.9)
    state, _ = trainer.fit(key, {"inputs": rows}, epochs=1)
    like = trainer.init(jax.random.key(7), {"inputs": rows})
    restored = serialization.from_bytes(like, serialization.to_bytes(state))
    _equal(jax.random.key_data(restored.key), jax.random.key_data(state.key))
    _equal(restored._replace(key=0), state._replace(key=0))
    one, _ = trainer.fit(state, {"inputs": rows}, epochs=1)
    two, _ = trainer.fit(jax.tree.map(jnp.asarray, restored), {"inputs": rows}, epochs=1)
    _equal(one.params, two.params)


def test_evaluation_is_that_of_fit(make, rows, key):
    trainer = make()
    state, info = trainer.fit(key, {"inputs": rows[:8]}, valid={"inputs": rows[8:16]}, epochs=1)
    found = trainer.evaluate(state, {"inputs": rows[8:16]})
    np.testing.assert_allclose(found["loss"], info.metrics["valid_loss"][0], rtol=1e-6)


def test_what_compiled_goes_with_its_trainer(rows, key):
    if not Path("/proc/self/maps").exists():
        pytest.skip("memory maps are counted on Linux alone")

    def maps():
        return Path("/proc/self/maps").read_text().count("\n")

    counts = []
    gc.disable()
    try:
        for _ in range(8):
            training.fit(
                key,
                models.FCVAE(2, 8, (4,)),
                losses.elbo(),
                {"inputs": rows},
                valid={"inputs": rows},
                epochs=1,
                batch_size=8,
                optimizer=optax.adam(1e-3),
            )
            counts.append(maps())
    finally:
        gc.enable()
    # A call's programs take some hundred maps. Without the cycle collector: no cycle holds them.
    assert max(counts[3:]) - counts[2] < 20, counts


class _Quadratic(nn.Module):
    """½ Σ c (w − 1)², c the batch's inputs averaged."""

    @nn.compact
    def __call__(self, x):
        w = self.param("w", nn.initializers.zeros, (3,))
        return 0.5 * (x * jnp.square(w - 1)).sum(-1)


def _mean(outputs, batch):
    return losses.masked_mean(outputs, batch["row_mask"]), {}


def _fit_quadratic(optimizer, *, epochs=10, **options):
    data = {"inputs": np.tile(np.array([1.0, 10.0, 100.0], np.float32), (4, 1))}
    trainer = training.Trainer(_Quadratic(), _mean, optimizer, batch_size=4, **options)
    return trainer.fit(jax.random.key(0), data, epochs=epochs)


@pytest.mark.parametrize("parts", [1, 2])
def test_optimisers_that_ask_for_more_are_given_it(parts):
    # L-BFGS with a line search: gradient descent at this conditioning is far off after as many steps.
    state, _ = _fit_quadratic(optax.lbfgs(), accumulate=parts)
    np.testing.assert_allclose(state.params["w"], 1.0, atol=1e-4)
    descent, _ = _fit_quadratic(optax.sgd(1e-2), accumulate=parts)
    assert abs(descent.params["w"][0] - 1) > 0.5
    # Polyak's step is value / |gradient|², in closed form.
    state, _ = _fit_quadratic(optax.polyak_sgd(max_learning_rate=10.0), epochs=1, accumulate=parts)
    gradient = np.array([-1.0, -10.0, -100.0])
    np.testing.assert_allclose(state.params["w"], -gradient * 0.5 * 111 / (gradient**2).sum(), rtol=1e-5)
    # Sophia asks for obj_fn.
    _, info = _fit_quadratic(optax.contrib.sophia(1e-2), accumulate=parts)
    assert info.metrics["loss"][-1] < info.metrics["loss"][0]


def test_a_schedule_looks_at_the_loss():
    adam = optax.inject_hyperparams(optax.sgd)(learning_rate=0.5)
    plateau = optax.contrib.reduce_on_plateau(factor=0.5, patience=2)
    state, info = _fit_quadratic(optax.chain(adam, plateau), epochs=12, measures=("learning_rate",))
    # Steps of .5 at a curvature of 100 diverge, so the loss never falls and the rate halves until it does.
    rates = info.metrics["learning_rate"]
    assert rates[0] == 0.5
    assert rates[-1] < 0.2
    assert set(np.log2(rates)) <= set(range(-20, 0))
    assert state.step == 12


def test_measures_are_what_they_are_called():
    schedule = optax.linear_schedule(1e-3, 0.0, 4)
    _, info = _fit_quadratic(
        optax.chain(optax.clip(1.0), optax.inject_hyperparams(optax.sgd)(learning_rate=schedule)),
        epochs=3,
        measures=("learning_rate", "gradient_norm"),
    )
    np.testing.assert_allclose(info.metrics["learning_rate"], [1e-3, 0.75e-3, 0.5e-3], rtol=1e-5)
    # Before clipping.
    np.testing.assert_allclose(info.metrics["gradient_norm"][0], np.sqrt(1 + 100 + 10_000), rtol=1e-6)
    with pytest.raises(ValueError, match=r"0 injected learning rates.*inject_hyperparams"):
        _fit_quadratic(optax.sgd(1e-3), measures=("learning_rate",))
    with pytest.raises(ValueError, match="none of"):
        _fit_quadratic(optax.sgd(1e-3), measures=("loss_scale",))


def test_the_average_is_the_corrected_one_and_evaluation_sees_it(key):
    decay, weights = 0.7, []
    data = {"inputs": np.ones((4, 3), np.float32)}
    trainer = training.Trainer(_Quadratic(), _mean, optax.sgd(0.2), batch_size=4, average=decay)
    state, info = trainer.fit(
        key, data, valid=data, epochs=5, on_epoch=lambda *a: weights.append(np.asarray(a[2].params["w"]))
    )
    # Kingma and Ba (2015), section 7.2: (1 − d) Σ dᵗ⁻ⁱ θᵢ / (1 − dᵗ).
    shares = (1 - decay) * decay ** np.arange(4, -1, -1) / (1 - decay**5)
    expected = np.tensordot(shares, np.stack(weights), 1)
    np.testing.assert_allclose(state.average["w"], expected, rtol=1e-6)
    np.testing.assert_allclose(info.metrics["valid_loss"][-1], 0.5 * np.square(expected - 1).sum(), rtol=1e-5)
    assert state.averaged.params is state.average
    plain, _ = training.Trainer(_Quadratic(), _mean, optax.sgd(0.2), batch_size=4).fit(key, data, epochs=5)
    _equal(plain.params, state.params)
    # A state without one begins its own.
    going_on, _ = trainer.fit(plain, data, epochs=1)
    assert going_on.average != ()


def test_patience_keeps_the_best_average(key):
    data, away = ({"inputs": np.full((4, 3), c, np.float32)} for c in (1.0, -1.0))
    trainer = training.Trainer(_Quadratic(), _mean, optax.sgd(0.2), batch_size=4, average=0.9)
    # A loss of negative curvature falls the further the weights are from 1: the first epoch stays the best.
    state, info = trainer.fit(key, data, valid=away, epochs=9, patience=3)
    first, _ = trainer.fit(key, data, epochs=1)
    assert info.best_epoch == 0
    assert len(info.metrics["loss"]) == 4
    _equal(state.average, first.average)
    _equal(state.params, first.params)


def test_the_best_epoch_comes_back_with_its_own_statistics(key):
    class Normalized(nn.Module):
        @nn.compact
        def __call__(self, x, train: bool):
            return nn.Dense(1)(nn.BatchNorm(use_running_average=not train, momentum=0.5)(x))[:, 0]

    rng = np.random.default_rng(0)
    x = {"inputs": rng.normal(3.0, 1.0, size=(16, 3)).astype(np.float32)}

    def loss(outputs, batch):
        # Rises with every step in evaluation alone, so that the first epoch is the best.
        return losses.masked_mean(jnp.square(outputs - 5), batch["row_mask"]), {}

    trainer = training.Trainer(Normalized(), loss, optax.sgd(-1e-2), batch_size=16)
    state, info = trainer.fit(key, x, valid=x, epochs=6, patience=2)
    first, _ = trainer.fit(key, x, epochs=info.best_epoch + 1)
    assert info.stopped_early
    _equal(state.collections, first.collections)
    _equal(state.params, first.params)


def test_a_transform_is_drawn_anew_every_step_and_never_in_evaluation(make, rows, key, tmp_path):
    data, traced = {"inputs": rows}, []

    def loss(outputs, batch):
        return losses.masked_mean(jnp.square(batch["inputs"]).mean(-1), batch["row_mask"]), {}

    def noise(key, batch):
        traced.append(1)
        return {**batch, "inputs": batch["inputs"] + jax.random.normal(key, batch["inputs"].shape)}

    trainer = make(loss=loss, transform=noise)
    _, info = trainer.fit(key, data, valid=data, epochs=4)
    assert len(set(info.metrics["loss"])) == 4
    assert len(set(info.metrics["valid_loss"])) == 1
    np.testing.assert_allclose(info.metrics["valid_loss"][0], np.square(rows).mean(), rtol=1e-5)
    # Noise of unit variance adds 1 to a mean square; 4 epochs of 22 × 8 values.
    np.testing.assert_allclose(info.metrics["loss"].mean(), np.square(rows).mean() + 1, atol=5 * np.sqrt(6 / 704))


def test_a_transformed_run_resumes_bit_for_bit_and_its_seeds_are_single_runs(make, rows, key, tmp_path):
    data = {"inputs": rows}
    trainer = make(transform=augment.GaussianNoise(0.0, 10.0))
    straight, _ = trainer.fit(key, data, epochs=4)
    trainer.fit(key, data, epochs=2, checkpoint=tmp_path / "run")
    resumed, _ = trainer.fit(key, data, epochs=4, checkpoint=tmp_path / "run")
    _equal(straight.params, resumed.params)
    stepwise, _ = trainer.fit(key, data, epochs=4, loop="python")
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, atol=1e-6), straight.params, stepwise.params)
    with pytest.raises(ValueError, match=r"another run.*transform was"):
        make(transform=augment.GaussianNoise(0.0, 20.0)).fit(key, data, epochs=4, checkpoint=tmp_path / "run")


def test_a_transform_is_vectorised_over_seeds(make, rows, key, monkeypatch):
    trainer, keys = make(transform=augment.GaussianNoise(0.0, 10.0)), jax.random.split(key, 3)
    looped, _ = trainer.fit(keys, {"inputs": rows}, epochs=2)
    monkeypatch.setattr("jaxmusic.training.trainer.jax.default_backend", lambda: "gpu")
    together, _ = trainer.fit(keys, {"inputs": rows}, epochs=2)
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, atol=1e-5), looped.params, together.params)


def test_a_transform_may_change_shapes_and_must_keep_the_rows(rows, key):
    clips = np.random.default_rng(0).normal(size=(6, 16, 24)).astype(np.float32)
    module = models.ConvVAE(16, 16, 2)
    trainer = training.Trainer(module, losses.elbo(), optax.adam(1e-3), batch_size=3, transform=augment.RandomCrop(16))
    state, info = trainer.fit(key, {"inputs": clips}, valid={"inputs": clips[..., :16]}, epochs=1)
    assert np.isfinite(info.metrics["valid_loss"]).all()
    assert int(state.step) == 2
    for change in (lambda key, batch: {"inputs": batch["inputs"]}, lambda key, batch: {**batch, "row_mask": 1 > 0}):
        bad = training.Trainer(module, losses.elbo(), optax.adam(1e-3), batch_size=3, transform=change)
        with pytest.raises((ValueError, AttributeError), match=r"row_mask|shape"):
            bad.fit(key, {"inputs": clips[..., :16]}, epochs=1)


def test_functions_are_short_and_take_few_arguments():
    import ast

    import jaxmusic.training as package

    for path in Path(package.__file__).parent.glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.FunctionDef):
                body = [
                    part for part in node.body if not isinstance(part, ast.Expr) or part.lineno != node.body[0].lineno
                ]
                lines = node.end_lineno - (body or node.body)[0].lineno + 1
                assert lines <= 60, f"{path.name}: {node.name} has {lines} lines"
    for name in package.__all__:
        if inspect.isfunction(getattr(package, name)) or inspect.isclass(getattr(package, name)):
            assert len(inspect.signature(getattr(package, name)).parameters) <= 12, name
    for name, method in inspect.getmembers(package.Trainer, inspect.isfunction):
        assert len(inspect.signature(method).parameters) <= 12, name
