"""Sampling, cross-modal generation, interpolation and coherence on a model whose answers are known."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxmusic import evaluation, models


def _identity():
    """z = a, b = 2 z: the encoder of "a" is exact and very sure, and the decoders are linear."""
    module = models.MultimodalVAE(
        {"a": models.MLP((4,)), "b": models.MLP((4,))},
        {"a": models.MLP((2,)), "b": models.MLP((2,))},
        models.Product(prior=False),
        2,
    )
    eye, zeros = jnp.eye(2), jnp.zeros((2, 2))
    sure = {"kernel": jnp.concatenate([eye, zeros], 1), "bias": jnp.array([0.0, 0.0, -12.0, -12.0])}
    params = {
        "a_encoder": {"Dense_0": sure},
        "b_encoder": {"Dense_0": {**sure, "kernel": sure["kernel"] / 2}},
        "a_decoder": {"Dense_0": {"kernel": eye, "bias": jnp.zeros(2)}},
        "b_decoder": {"Dense_0": {"kernel": 2 * eye, "bias": jnp.zeros(2)}},
    }
    return module, {"params": params}


def test_one_modality_becomes_the_other():
    module, variables = _identity()
    a = np.random.default_rng(0).normal(size=(7, 2)).astype(np.float32)
    made = evaluation.generate(jax.random.key(0), module, variables, {"a": a}, block=3)
    assert set(made) == {"b"}
    np.testing.assert_allclose(made["b"], 2 * a, atol=1e-5)
    drawn = evaluation.generate(jax.random.key(0), module, variables, {"a": a}, targets=("a", "b"), samples=5, block=3)
    assert drawn["b"].shape == (5, 7, 2)
    np.testing.assert_allclose(drawn["b"], np.broadcast_to(2 * a, (5, 7, 2)), atol=0.05)
    assert np.std(drawn["b"], axis=0).min() > 0


def test_the_prior_s_samples_belong_together():
    module, variables = _identity()
    made = evaluation.sample_prior(jax.random.key(0), module, variables, 2000, block=300)
    np.testing.assert_allclose(made["b"], 2 * made["a"], rtol=1e-5)
    assert made["a"].mean() == pytest.approx(0, abs=0.05)
    assert made["a"].std() == pytest.approx(1, abs=0.05)


def test_interpolation_is_a_straight_line_with_its_ends():
    module, variables = _identity()
    start, end = np.zeros((2, 2)), np.array([[1.0, 2.0], [3.0, 4.0]])
    found = evaluation.interpolate(module, variables, start, end, steps=3, modalities=("b",))
    np.testing.assert_allclose(found["b"], np.stack([start, end, 2 * end]), atol=1e-6)


def test_coherence_counts_what_the_classifier_finds_again():
    labels = np.array([0, 1, 1, -1])
    generated = {"b": np.array([[-1.0], [1.0], [-1.0], [1.0]])}
    classifiers = {"b": lambda x: (x[:, 0] > 0).astype(int)}
    found = evaluation.coherence(generated, labels, classifiers, real={"b": np.array([[-1.0], [1.0], [1.0], [1.0]])})
    assert found == {"b": {"coherence": 2 / 3, "chance/coherence": 2 / 3, "n": 3, "real/coherence": 1.0}}
    sampled = {"b": np.stack([generated["b"], -generated["b"]])}
    assert evaluation.coherence(sampled, labels, classifiers)["b"]["coherence"] == pytest.approx(0.5)


def test_bad_input_is_named():
    module, variables = _identity()
    key, a = jax.random.key(0), {"a": np.ones((2, 2), np.float32)}
    for call, match in (
        (lambda: evaluation.sample_prior(key, module, variables, 0), "count must be 1"),
        (lambda: evaluation.sample_prior(key, module, variables, 1, modalities=("c",)), r"\['c'\] have no decoder"),
        (lambda: evaluation.generate(key, module, variables, a, samples=-1), "samples must be 0"),
        (lambda: evaluation.generate(key, module, variables, a, targets=()), "nothing to decode"),
        (lambda: evaluation.interpolate(module, variables, np.ones((2, 2)), np.ones((3, 2))), "must be"),
        (lambda: evaluation.interpolate(module, variables, np.ones((2, 2)), np.ones((2, 2)), steps=1), "steps must be"),
        (lambda: evaluation.coherence({"b": np.ones((2, 1))}, np.array([-1, -1]), {}), "no label is known"),
        (lambda: evaluation.coherence({"b": np.ones((2, 1))}, np.array([0, 1]), {}), "no classifier of"),
    ):
        with pytest.raises(ValueError, match=match):
            call()
