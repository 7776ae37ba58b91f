"""What cannot be trained on is named, with the way out; nothing that is not finite is returned or saved."""

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from jaxmusic import losses, models, training


@pytest.mark.parametrize(
    ("loss", "error", "message"),
    [
        (lambda outputs, batch: outputs.mean.mean(), TypeError, r"returns \(scalar, metrics\).*array of shape \(\)"),
        (lambda outputs, batch: (outputs.mean.mean(-1), {}), ValueError, r"the loss has shape \(8,\) where a scalar"),
        (
            lambda outputs, batch: (outputs.mean.mean(), {"a": outputs.mean}),
            ValueError,
            r"metric 'a' has shape \(8, 2\)",
        ),
        (lambda outputs, batch: (outputs.mean.mean(), 1.0), TypeError, r"returns \(scalar, metrics\)"),
        (losses.elbo(beta="beta"), ValueError, "the loss reads 'beta'.*holds inputs, row_mask, step.*fit_grid"),
        (losses.elbo(target="clean"), ValueError, "the loss reads 'clean'"),
    ],
)
def test_a_loss_is_held_to_its_contract(make, rows, key, loss, error, message):
    with pytest.raises(error, match=message):
        make(loss=loss).fit(key, {"inputs": rows}, epochs=1)
    trainer = make(loss=loss)
    with pytest.raises(error, match=message):
        trainer.step(trainer.init(key, {"inputs": rows}), {"inputs": rows[:8]})


def test_a_batch_without_masks_has_all_and_one_without_inputs_is_named(make, rows, key):
    module = models.JointVAE(8, 8, 4, 2, audio_encoder_kind="vector", audio_dim=8, widths=(4,))
    data = {"inputs": {"audio": rows, "lyrics": rows[:, :4]}}
    trainer = make(module=module, loss=losses.joint_elbo(weights={"audio": 1.0, "lyrics": 1.0}))
    without, _ = trainer.fit(key, data, epochs=1)
    present = {"audio": np.ones(22, bool), "lyrics": np.ones(22, bool)}
    given, _ = trainer.fit(key, {**data, "masks": present}, epochs=1)
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, atol=1e-6), without.params, given.params)
    with pytest.raises(ValueError, match=r"reads 'lyrics'"):
        trainer.fit(key, {"inputs": {"audio": rows}}, epochs=1)
    with pytest.raises(ValueError, match=r"the module reads 'inputs'.*holds row_mask, x"):
        make().fit(key, {"x": rows}, epochs=1)


def test_keys_of_both_styles_are_taken_and_nothing_else(make, rows):
    data, trainer = {"inputs": rows}, make()
    new, _ = trainer.fit(jax.random.key(3), data, epochs=1)
    old, _ = trainer.fit(jax.random.PRNGKey(3), data, epochs=1)
    jax.tree.map(np.testing.assert_array_equal, new.params, old.params)
    several, _ = trainer.fit(jax.random.split(jax.random.PRNGKey(3), 2), data, epochs=1)
    assert several.step.shape == (2,)
    for wrong in (0, None, np.arange(3), "key"):
        with pytest.raises(TypeError, match=r"give jax\.random\.key\(0\)"):
            trainer.fit(wrong, data, epochs=1)
    with pytest.raises(TypeError, match=r"key is 0, of int: give jax\.random\.key\(0\)"):
        training.fit(0, models.FCVAE(), losses.elbo(), data, epochs=1, batch_size=8, optimizer=optax.adam(1e-3))


@pytest.mark.parametrize("wrong", [0, -1, 2.5, True, "3", None, np.float32(2), float("nan")])
def test_counts_are_whole(make, rows, key, wrong):
    for name in ("epochs", "patience"):
        if (name, wrong) == ("patience", None):
            continue
        with pytest.raises(ValueError, match=f"{name} must be at least 1 and whole"):
            make().fit(key, {"inputs": rows}, valid={"inputs": rows}, **({"epochs": 1} | {name: wrong}))
    for name in ("batch_size", "accumulate"):
        with pytest.raises(ValueError, match=f"{name} must be at least 1 and whole"):
            make(**{name: wrong})
    with pytest.raises(ValueError, match="save_every must be"):
        training.Checkpoint("run", save_every=wrong)
    assert make(batch_size=np.int64(4)).fit(key, {"inputs": rows}, epochs=np.int32(1))[0].step == 6


def test_more_parts_than_rows_and_other_ranges_are_refused(make):
    with pytest.raises(ValueError, match="no multiple of accumulate 16"):
        make(accumulate=16)
    for wrong in (0, 1, -0.5, 1.5):
        with pytest.raises(ValueError, match="average is a decay between 0 and 1"):
            make(average=wrong)
    with pytest.raises(ValueError, match="loop 'fast' is none of"):
        make().fit(jax.random.key(0), {"inputs": np.ones((4, 8))}, epochs=1, loop="fast")


def test_a_home_folder_is_expanded(make, rows, key, tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.chdir(tmp_path)
    make().fit(key, {"inputs": rows}, epochs=1, checkpoint="~/run")
    assert (tmp_path / "home" / "run" / "1").is_dir()
    assert not (tmp_path / "~").exists()


@pytest.mark.parametrize(
    ("name", "where"),
    [
        ("save_every", r"training\.Checkpoint\(folder, save_every=…\)"),
        ("keep", r"training\.Checkpoint\(folder, keep=…\)"),
        ("mesh", r"training\.Trainer\(mesh=…\)"),
        ("inputs", r"training\.Trainer\(inputs=…\)"),
        ("accumulate", r"training\.Trainer\(accumulate=…\)"),
        ("loop", r"fit\(loop=…\)"),
        ("progress", r"fit\(progress=…\)"),
        ("start", r"init\(key, train, start=…\)"),
        ("hyperparameters", r"fit_grid\(grid=…\)"),
    ],
)
def test_an_argument_that_moved_says_where_to(rows, key, name, where):
    options = {"epochs": 1, "batch_size": 8, "optimizer": optax.adam(1e-3)}
    with pytest.raises(TypeError, match=f"fit takes no '{name}'.*{where}"):
        training.fit(key, models.FCVAE(2, 8, (4,)), losses.elbo(), {"inputs": rows}, **options, **{name: 1})
    with pytest.raises(TypeError, match="unexpected keyword argument 'epoch'"):
        training.fit(key, models.FCVAE(2, 8, (4,)), losses.elbo(), {"inputs": rows}, **options, epoch=1)


class _Length(nn.Module):
    """The length of its weights, whose gradient at 0 is 0 · ∞."""

    @nn.compact
    def __call__(self, x):
        w = self.param("w", nn.initializers.zeros, (8,))
        return jnp.sqrt(jnp.square(w - x.mean(0)).sum()) + 0 * x.sum(-1)


def _mean(outputs, batch):
    return losses.masked_mean(outputs, batch["row_mask"]), {}


def _saved(folder):
    return {path.name for path in folder.iterdir() if path.name.isdigit()} if folder.exists() else set()


@pytest.mark.parametrize("loop", ["scan", "python"])
def test_a_gradient_that_is_not_finite_stops_and_is_never_saved(key, tmp_path, loop):
    # Two steps of two rows: the gradient of the second epoch's second step is that of a square root at 0.
    trainer = training.Trainer(_Length(), _mean, optax.sgd(1e-3), batch_size=2)
    ones = {"inputs": np.ones((4, 8), np.float32)}
    good, _ = trainer.fit(key, ones, epochs=1, loop=loop)

    def batches(epoch):
        yield {"inputs": np.ones((2, 8), np.float32)}
        # The weights as they will be then: where they are, the length is 0.
        yield {"inputs": np.ones((2, 8), np.float32) if epoch == 0 else np.tile(at, (2, 1))}

    third, _ = trainer.step(jax.tree.map(lambda x: x.copy(), good), {"inputs": np.ones((2, 8), np.float32)})
    at = np.asarray(third.params["w"])
    run = tmp_path / "run"
    with pytest.raises(FloatingPointError, match=r"the gradient made the parameters NaN.* in epoch 2, step 2"):
        trainer.fit(key, batches, epochs=3, checkpoint=run)
    assert _saved(run) == {"1"}
    resumed, _ = trainer.fit(key, batches, epochs=1, checkpoint=run)
    jax.tree.map(np.testing.assert_array_equal, resumed.params, good.params)
    # From the beginning, on arrays: the first step of all.
    zeros = {"inputs": np.zeros((4, 8), np.float32)}
    with pytest.raises(FloatingPointError, match=r"the gradient made the parameters NaN.* in epoch 1, step 1"):
        trainer.fit(key, zeros, epochs=1, loop=loop, checkpoint=tmp_path / "first")
    assert _saved(tmp_path / "first") == set()


@pytest.mark.parametrize("loop", ["scan", "python"])
def test_a_loss_that_is_not_finite_stops_with_its_step(make, rows, key, loop, tmp_path):
    def loss(outputs, batch):
        value, _ = losses.elbo()(outputs, batch)
        return jnp.where(batch["step"] == 7, jnp.nan, value), {}

    # Three steps an epoch: step 7, counted from 0, is the third epoch's second.
    with pytest.raises(FloatingPointError, match="the loss became NaN or infinite in epoch 3, step 2"):
        make(loss=loss).fit(key, {"inputs": rows}, epochs=5, loop=loop, checkpoint=tmp_path / "run")
    assert _saved(tmp_path / "run") == {"2"}


def test_long_epochs_are_looked_at_on_the_way(key):
    seen = []

    def loss(outputs, batch):
        jax.debug.callback(lambda step: seen.append(int(step)), batch["step"])
        return jnp.where(batch["step"] == 70, jnp.inf, 1.0) + 0 * losses.masked_mean(outputs, batch["row_mask"]), {}

    trainer = training.Trainer(_Length(), loss, optax.sgd(0.0), batch_size=1)
    with pytest.raises(FloatingPointError, match="epoch 1, step 71"):
        trainer.fit(key, {"inputs": np.ones((1000, 8), np.float32)}, epochs=1, loop="python")
    jax.effects_barrier()
    assert max(seen) < 200


def test_validation_data_that_are_not_finite_are_named(make, rows, key):
    bad = rows.copy()
    bad[3, 2] = np.nan
    with pytest.raises(FloatingPointError, match="the validation loss became nan in epoch 1"):
        make().fit(key, {"inputs": rows}, valid={"inputs": bad}, epochs=2)


def test_an_optimiser_that_starts_from_infinity_is_fine(make, rows, key):
    optimizer = optax.chain(optax.adam(1e-3), optax.contrib.reduce_on_plateau(patience=2))
    state, _ = make(optimizer=optimizer).fit(key, {"inputs": rows}, epochs=1)
    assert any(
        np.isinf(leaf).any()
        for leaf in jax.tree.leaves(make(optimizer=optimizer).init(key, {"inputs": rows}).opt_state)
    )
    assert int(state.step) == 3
