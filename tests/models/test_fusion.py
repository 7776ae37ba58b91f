"""The fusion classifier: sizes, masks, every fusion, statistics of the batch, gradients, one trace."""

import chex
import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from jaxmusic import losses, models, training

KEY = jax.random.key(0)


def _inputs(n=6):
    rng = np.random.default_rng(0)
    x = {"a": jnp.asarray(rng.normal(size=(n, 5)), jnp.float32), "b": jnp.asarray(rng.normal(size=(n, 3)), jnp.float32)}
    return x, {"b": jnp.arange(n) % 2 == 0}


def test_parameters_by_hand():
    module = models.FusionClassifier(6, (8, 4))
    variables = module.init(KEY, {"x": jnp.zeros((2, 10))})
    dense = lambda a, b: a * b + b  # noqa: E731
    block = lambda w: 2 * dense(w, w) + 4 * w  # noqa: E731
    expected = dense(10, 8) + block(8) + dense(8, 4) + block(4) + dense(4, 6)
    assert sum(x.size for x in jax.tree.leaves(variables["params"])) == expected


@pytest.mark.parametrize("fusion", models.MODALITY_FUSIONS)
def test_an_absent_modality_does_not_matter_and_a_present_one_does(fusion):
    x, masks = _inputs()
    module = models.FusionClassifier(3, (8,), fusion=fusion, fused_dim=7)
    variables = module.init(KEY, x, masks)
    first = module.apply(variables, x, masks)
    assert first.shape == (6, 3)
    changed = {**x, "b": x["b"].at[1].add(9.0).at[2].add(9.0)}
    second = module.apply(variables, changed, masks)
    np.testing.assert_array_equal(first[1], second[1])
    assert np.abs(first[2] - second[2]).max() > 1e-4
    np.testing.assert_allclose(jax.jit(module.apply)(variables, x, masks), first, atol=1e-5)


@pytest.mark.parametrize("fusion", models.MODALITY_FUSIONS)
def test_a_row_without_any_modality_is_finite_and_so_are_gradients(fusion):
    x, _ = _inputs(4)
    masks = {"a": jnp.array([True, False, False, True]), "b": jnp.array([True, True, False, False])}
    module = models.FusionClassifier(3, (8,), fusion=fusion, fused_dim=7)
    variables = module.init(KEY, x, masks)
    assert jnp.isfinite(module.apply(variables, x, masks)).all()
    gradients = jax.grad(lambda v: (module.apply(v, x, masks) ** 2).sum())(variables)
    assert all(jnp.isfinite(g).all() for g in jax.tree.leaves(gradients))


def test_element_wise_fusions_are_what_they_are_called():
    x, masks = _inputs(2)
    masks = {"b": jnp.array([True, False])}
    values = {}
    for fusion in models.MODALITY_FUSIONS[1:-1]:
        module = models.FusionClassifier(2, (), fusion=fusion, fused_dim=4)
        variables = module.init(KEY, x, masks)
        p = variables["params"]
        head = lambda h, p=p: h @ p["Dense_0"]["kernel"] + p["Dense_0"]["bias"]  # noqa: E731
        a, b = (x[n] @ p[f"map_{n}"]["kernel"] + p[f"map_{n}"]["bias"] for n in "ab")
        joined = {
            "sum": a + b,
            "product": a * b,
            "min": jnp.minimum(a, b),
            "max": jnp.maximum(a, b),
            "average": (a + b) / 2,
        }.get(fusion)
        found = module.apply(variables, x, masks)
        if joined is not None:
            np.testing.assert_allclose(found[0], head(joined)[0], atol=1e-5)
        np.testing.assert_allclose(found[1], head(a)[1], atol=1e-5)  # alone, whatever the operation
        values[fusion] = found
    assert len(values) == 6


def test_attention_is_the_adaptive_fusion():
    x, _ = _inputs(2)
    masks = {"b": jnp.array([True, False])}
    module = models.FusionClassifier(2, (), fusion="attention", fused_dim=4)
    variables = module.init(KEY, x, masks)
    p = variables["params"]
    complete = {"a": jnp.ones(2, bool), **masks}
    fused, weights = models.AdaptiveFusion(4).apply({"params": p["attention"]}, x, complete)
    assert weights[1].tolist() == [1.0, 0.0]
    expected = fused @ p["Dense_0"]["kernel"] + p["Dense_0"]["bias"]
    np.testing.assert_allclose(module.apply(variables, x, masks), expected, atol=1e-6)


def test_rows_that_only_fill_a_batch_take_no_part_in_its_statistics():
    x, _ = _inputs()
    module = models.FusionClassifier(3, (8,), dropout=0.0)
    variables = module.init(KEY, x)
    rows = jnp.arange(6) < 4

    def run(values):
        return module.apply(variables, values, None, rows, train=True, mutable=["batch_stats"])

    (first, stats), (second, other) = run(x), run(jax.tree.map(lambda v: v.at[4:].mul(50.0), x))
    np.testing.assert_allclose(first[:4], second[:4], atol=1e-5)
    chex.assert_trees_all_close(stats, other)
    unmasked, _ = module.apply(variables, x, None, None, train=True, mutable=["batch_stats"])
    assert np.abs(unmasked[:4] - first[:4]).max() > 1e-3


def test_wrong_arguments_are_named():
    x, masks = _inputs()
    with pytest.raises(ValueError, match="is none of"):
        models.FusionClassifier(3, fusion="outer").init(KEY, x, masks)
    with pytest.raises(ValueError, match="no modality"):
        models.FusionClassifier(3).init(KEY, {})
    with pytest.raises(ValueError, match=r"masks of \['c'\]"):
        models.FusionClassifier(3).init(KEY, x, {"c": masks["b"]})


def test_a_tiny_set_overfits():
    x, masks = _inputs(30)
    labels = np.arange(30) % 3
    batch = {"inputs": x, "masks": masks, "labels": labels, "weights": np.ones(30, np.float32)}
    trainer = training.Trainer(
        models.FusionClassifier(3, (32, 32), dropout=0.0),
        losses.cross_entropy(weights="weights"),
        optax.adam(3e-3),
        batch_size=16,
        inputs=lambda b: (b["inputs"], b["masks"], b.get("row_mask")),
    )
    state, info = trainer.fit(KEY, batch, epochs=60)
    assert info.metrics["accuracy"][-1] > 0.95
    logits = training.predict(models.FusionClassifier(3, (32, 32)), state.variables, (x, masks), method="__call__")
    assert (logits.argmax(1) == labels).mean() > 0.8
