"""What every transform holds to: values, keys, compilation, vectorisation, dtypes."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxmusic import augment, losses

KEY = jax.random.key(7)
MAKE = {
    "spec_augment": lambda: augment.SpecAugment(9, 5, num_time_masks=2, entry=("inputs", "audio")),
    "random_crop": lambda: augment.RandomCrop(13, entry=("inputs", "audio"), frame_mask=("masks", "frames")),
    "gain": lambda: augment.Gain(-6.0, 6.0, entry=("inputs", "audio")),
    "gaussian_noise": lambda: augment.GaussianNoise(5.0, 20.0, entry=("inputs", "lyrics")),
    "modality_dropout": lambda: augment.ModalityDropout(0.4, ["audio", "lyrics"]),
    "mixup": lambda: augment.MixUp(0.4, 3),
    "random_apply": lambda: augment.RandomApply(augment.GaussianNoise(5.0, 20.0, entry=("inputs", "audio")), 0.5),
    "compose": lambda: augment.Compose([augment.ModalityDropout(0.4), augment.MixUp(0.4, 3)]),
}


@functools.partial(jax.jit, static_argnums=0)
def _run(transform, key, batch):
    return transform(key, batch)


def _batch(dtype=jnp.float32):
    audio, lyrics = jax.random.normal(KEY, (8, 6, 20), dtype), jax.random.normal(KEY, (8, 4), dtype)
    lengths = jnp.array([20, 18, 5, 13, 14, 20, 20, 1])
    return {
        "inputs": {"audio": audio, "lyrics": lyrics},
        "masks": {
            "audio": jnp.ones(8, bool),
            "lyrics": jnp.arange(8) % 3 > 0,
            "frames": jnp.arange(20) < lengths[:, None],
        },
        "labels": jnp.arange(8) % 3,
        "row_mask": jnp.arange(8) < 7,
        "step": jnp.array(5),
    }


def _assert_close(first, second):
    assert jax.tree.structure(first) == jax.tree.structure(second)
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, rtol=2e-6, atol=1e-6), first, second)


@pytest.mark.parametrize("name", MAKE)
def test_a_transform_is_a_value_that_compiles_once_and_leaves_what_came_in(name):
    first, second = MAKE[name](), MAKE[name]()
    assert first == second
    assert hash(first) == hash(second)
    assert first != augment.Gain(-1.0, 1.0)
    traces = []

    def apply(transform, key, batch):
        traces.append(name)
        return transform(key, batch)

    jitted = jax.jit(apply, static_argnums=0)
    batch = _batch()
    before = jax.tree.map(np.array, batch)
    eager = first(KEY, batch)
    jax.tree.map(np.testing.assert_array_equal, batch, before)
    _assert_close(jitted(first, KEY, batch), eager)
    jitted(second, jax.random.key(1), batch)
    assert len(traces) == 1


@pytest.mark.parametrize("name", MAKE)
def test_a_transform_depends_on_its_key_alone(name):
    transform, batch = MAKE[name](), _batch()
    first, again, other = (_run(transform, key, batch) for key in (KEY, KEY, jax.random.key(8)))
    jax.tree.map(np.testing.assert_array_equal, first, again)
    assert any(not np.array_equal(a, b) for a, b in zip(*map(jax.tree.leaves, (first, other)), strict=True))
    for entry in ("step", "row_mask"):
        np.testing.assert_array_equal(first[entry], batch[entry])


@pytest.mark.parametrize("name", MAKE)
def test_a_transform_vectorises_over_keys_and_over_batches(name):
    transform, keys = MAKE[name](), jax.random.split(KEY, 3)
    batches = [_batch(), jax.tree.map(lambda x: x[::-1] if x.ndim else x, _batch()), _batch()]
    several = jax.jit(jax.vmap(transform, in_axes=(0, None)))(keys, batches[0])
    stacked = jax.tree.map(lambda *x: jnp.stack(x), *batches)
    of_each = jax.jit(jax.vmap(transform))(keys, stacked)
    for i, key in enumerate(keys):
        # Under vmap an entry that a transform leaves alone is repeated like the others.
        _assert_close(jax.tree.map(lambda x, i=i: x[i], several), _run(transform, key, batches[0]))
        _assert_close(jax.tree.map(lambda x, i=i: x[i], of_each), _run(transform, key, batches[i]))


@pytest.mark.parametrize("name", MAKE)
def test_a_transform_keeps_half_precision_and_has_finite_gradients(name):
    transform, batch = MAKE[name](), _batch(jnp.bfloat16)
    out = jax.eval_shape(transform, KEY, batch)
    assert all(value.dtype == jnp.bfloat16 for value in out["inputs"].values())

    def total(inputs):
        return sum(x.sum() for x in jax.tree.leaves(transform(KEY, {**_batch(), "inputs": inputs})["inputs"]))

    gradients = jax.jit(jax.grad(total))(_batch()["inputs"])
    assert all(bool(jnp.isfinite(x).all()) for x in jax.tree.leaves(gradients))


def test_a_classifier_trains_on_mixed_rows_and_is_evaluated_on_classes_by_the_same_loss():
    centres = jnp.array([[3.0, 0.0], [-3.0, 0.0], [0.0, 3.0]])
    labels = jnp.arange(60) % 3
    batch = {
        "inputs": centres[labels] + jax.random.normal(KEY, (60, 2)),
        "labels": labels,
        "row_mask": jnp.arange(60) < 57,
    }
    loss = losses.cross_entropy()
    transform = augment.Compose([augment.GaussianNoise(10.0, 20.0), augment.MixUp(0.4, 3)])

    def step(weights, i):
        augmented = transform(jax.random.fold_in(KEY, i), batch)
        gradient = jax.grad(lambda weights: loss(augmented["inputs"] @ weights, augmented)[0])(weights)
        return weights - 0.5 * gradient, None

    weights, _ = jax.jit(lambda weights: jax.lax.scan(step, weights, jnp.arange(100)))(jnp.zeros((2, 3)))
    assert float(loss(batch["inputs"] @ weights, batch)[1]["accuracy"]) > 0.95
