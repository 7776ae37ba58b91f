"""Losses against closed forms, masks, reductions and gradients."""

import pickle

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from scipy import stats

from jaxmusic import losses, models


def test_kl_is_the_closed_form_and_never_negative():
    # KL(N(m, s²) ‖ N(0, 1)) = ln(1/s) + (s² + m²)/2 − ½.
    m, s = 0.7, 1.8
    expected = np.log(1 / s) + (s**2 + m**2) / 2 - 0.5
    np.testing.assert_allclose(losses.kl_divergence(jnp.array([m]), jnp.array([2 * np.log(s)])), expected, rtol=1e-6)
    means, logvars = jax.random.normal(jax.random.key(0), (2, 1000, 4))
    assert float(losses.kl_divergence(means, logvars).min()) >= 0
    assert float(losses.kl_divergence(jnp.zeros(4), jnp.zeros(4))) == 0


@pytest.mark.parametrize("size", [1e-18, 1e-9, 1e-4, 0.04, 0.06])
def test_kl_of_little_is_not_lost_beside_one(size):
    mean, logvar = jnp.array([size, 0.0]), jnp.array([0.0, -size])
    expected = size**2 / 2 + (size**2 / 4 - size**3 / 12 + size**4 / 48)
    np.testing.assert_allclose(losses.kl_divergence(mean, logvar), expected, rtol=3e-5)
    other = jnp.zeros(2)
    np.testing.assert_allclose(losses.gaussian_divergence(mean, logvar, other, other), expected, rtol=3e-5)
    np.testing.assert_allclose(jax.grad(losses.kl_divergence)(mean, logvar), mean)


@pytest.mark.parametrize("scale", [1e-18, 1e-9, 1e15])
def test_contrastive_losses_have_no_unit(scale):
    x, y = jax.random.normal(jax.random.key(0), (2, 6, 4))
    for term in (losses.info_nce, losses.triplet):
        value, gradient = jax.value_and_grad(term)(x, y)
        scaled, of_scaled = jax.value_and_grad(term)(x * scale, y / scale)
        np.testing.assert_allclose(scaled, value, rtol=1e-5)
        np.testing.assert_allclose(of_scaled * scale, gradient, atol=1e-5)
        assert jnp.isfinite(jax.grad(term)(jnp.zeros_like(x), y)).all()


def test_kl_agrees_with_sampling():
    mean, logvar = jnp.array([0.5, -1.0]), jnp.array([0.3, -0.7])
    z = mean + jnp.exp(logvar / 2) * jax.random.normal(jax.random.key(0), (400_000, 2))
    log_q = -0.5 * (logvar + jnp.square(z - mean) / jnp.exp(logvar))
    estimate = (log_q + 0.5 * jnp.square(z)).sum(1).mean()
    np.testing.assert_allclose(losses.kl_divergence(mean, logvar), estimate, rtol=1e-2)


def test_squared_error_by_hand():
    recon, target = jnp.array([[1.0, 2.0], [0.0, 0.0]]), jnp.array([[0.0, 0.0], [3.0, 1.0]])
    np.testing.assert_allclose(losses.squared_error(recon, target), [2.5, 5.0])
    np.testing.assert_allclose(losses.squared_error(recon, target, reduction="sum"), [5.0, 10.0])
    mask = jnp.array([[True, False], [True, True]])
    np.testing.assert_allclose(losses.squared_error(recon, target, element_mask=mask), [1.0, 5.0])
    np.testing.assert_allclose(losses.squared_error(recon, target, reduction="sum", element_mask=mask), [1.0, 10.0])
    with pytest.raises(ValueError, match="differ in shape"):
        losses.squared_error(recon, target[:1])
    with pytest.raises(ValueError, match="is none of"):
        losses.squared_error(recon, target, reduction="median")


def _outputs(rows=4, size=3, latent=2, seed=0):
    rng = np.random.default_rng(seed)
    arrays = [jnp.asarray(rng.normal(size=(rows, n)), jnp.float32) for n in (size, latent, latent, latent)]
    return models.VAEOutput(*arrays)


def test_the_elbo_ignores_filler_rows_even_if_they_are_nan():
    outputs = _outputs()
    batch = {"inputs": jnp.ones((4, 3))}
    whole, metrics = losses.elbo(beta=2.0)(outputs, batch)
    assert float(whole) == pytest.approx(float(metrics["reconstruction"] + 2 * metrics["kl"]))
    padded = jax.tree.map(lambda x: jnp.concatenate([x, jnp.full((2, *x.shape[1:]), jnp.nan)]), outputs)
    masked = {"inputs": jnp.ones((6, 3)), "row_mask": jnp.arange(6) < 4}
    value, _ = losses.elbo(beta=2.0)(padded, masked)
    assert float(value) == pytest.approx(float(whole), rel=1e-6)


def test_sum_and_mean_reductions_differ_by_the_number_of_elements():
    outputs, batch = _outputs(), {"inputs": jnp.ones((4, 3))}
    mean = losses.elbo(beta=0.0)(outputs, batch)[0]
    total = losses.elbo(beta=0.0, reduction="sum")(outputs, batch)[0]
    assert float(total) == pytest.approx(3 * float(mean), rel=1e-6)


def test_a_schedule_needs_the_step():
    loss = losses.elbo(beta=optax.linear_schedule(0.0, 1.0, 10))
    batch = {"inputs": jnp.ones((4, 3)), "step": jnp.array(5)}
    assert float(loss(_outputs(), batch)[1]["beta"]) == 0.5
    with pytest.raises(ValueError, match="needs batch"):
        loss(_outputs(), {"inputs": jnp.ones((4, 3))})


def _joint_outputs(rows=4):
    rng = np.random.default_rng(0)
    draw = lambda *shape: jnp.asarray(rng.normal(size=shape), jnp.float32)  # noqa: E731
    recon = {"audio": draw(rows, 3, 5), "lyrics": draw(rows, 2)}
    posteriors = {name: (draw(rows, 2), draw(rows, 2)) for name in recon}
    return models.JointVAEOutput(recon, draw(rows, 2), draw(rows, 2), draw(rows, 2), posteriors)


def test_the_joint_loss_adds_what_its_formula_says():
    outputs = _joint_outputs()
    inputs = {"audio": jnp.zeros((4, 3, 5)), "lyrics": jnp.zeros((4, 2))}
    masks = {"audio": jnp.ones(4, bool), "lyrics": jnp.array([True, True, False, True])}
    value, metrics = losses.joint_elbo(weights={"audio": 1.0, "lyrics": 3.0}, beta=0.5)(
        outputs, {"inputs": inputs, "masks": masks}
    )
    audio = float(jnp.square(outputs.recon["audio"]).mean())
    lyrics = float(jnp.square(outputs.recon["lyrics"]).mean(1)[np.array([0, 1, 3])].sum() / 4)
    kl = float(losses.kl_divergence(outputs.mean, outputs.logvar).mean())
    assert float(value) == pytest.approx(audio + 3 * lyrics + 0.5 * kl, rel=1e-5)
    assert float(metrics["reconstruction_lyrics"]) == pytest.approx(lyrics, rel=1e-5)
    assert "info_nce" not in metrics


def test_the_contrastive_term_counts_only_complete_pairs():
    outputs = _joint_outputs()
    inputs = {"audio": jnp.zeros((4, 3, 5)), "lyrics": jnp.zeros((4, 2))}
    masks = {"audio": jnp.array([True, True, True, False]), "lyrics": jnp.array([True, True, False, True])}
    loss = losses.joint_elbo(weights={"audio": 1.0, "lyrics": 1.0}, contrastive_weight=2.0)
    value, metrics = loss(outputs, {"inputs": inputs, "masks": masks})
    pairs = (mean[:2] for mean, _ in outputs.posteriors.values())
    assert float(metrics["info_nce"]) == pytest.approx(float(losses.info_nce(*pairs)), rel=1e-5)
    rest = metrics["kl"] + metrics["reconstruction_audio"] + metrics["reconstruction_lyrics"]
    assert float(value) == pytest.approx(float(rest + 2 * metrics["info_nce"]), rel=1e-6)


def test_a_decoder_is_not_updated_by_rows_without_its_modality():
    module = models.JointVAE(n_mels=8, frames=8, lyrics_dim=4, latent_dim=2)
    inputs = {"audio": jnp.ones((3, 8, 8)), "lyrics": jnp.ones((3, 4))}
    masks = {"audio": jnp.ones(3, bool), "lyrics": jnp.zeros(3, bool)}
    params = jax.jit(module.init)({"params": jax.random.key(0), "latent": jax.random.key(1)}, inputs, masks)["params"]
    loss = losses.joint_elbo(weights={"audio": 1.0, "lyrics": 1.0})

    def value(params):
        outputs = module.apply({"params": params}, inputs, masks, rngs={"latent": jax.random.key(2)})
        return loss(outputs, {"inputs": inputs, "masks": masks})[0]

    gradients = jax.jit(jax.grad(value))(params)
    for name in ("lyrics_encoder", "lyrics_decoder"):
        assert all(float(jnp.abs(x).max()) == 0 for x in jax.tree.leaves(gradients[name])), name
    assert all(float(jnp.abs(x).max()) > 0 for x in jax.tree.leaves(gradients["audio_decoder"]))


def test_info_nce_is_low_for_aligned_and_high_for_opposed_pairs():
    x = jnp.eye(6)
    aligned = losses.info_nce(x, x, temperature=0.1)
    # Own similarity 1, the others 0: −log(e^10 / (e^10 + 5)).
    assert float(aligned) == pytest.approx(float(np.log1p(5 * np.exp(-10))), rel=1e-3)
    assert float(losses.info_nce(x, jnp.roll(x, 1, 0))) > np.log(6)
    assert float(losses.info_nce(x, 100 * x)) == pytest.approx(float(aligned), rel=1e-4)
    gradient = jax.grad(lambda x: losses.info_nce(x, jnp.eye(6)))(jnp.zeros((6, 6)))
    assert bool(jnp.isfinite(gradient).all())


def test_info_nce_without_a_pair_is_zero_with_a_finite_gradient():
    nothing = jnp.zeros(3, bool)
    value, gradient = jax.jit(jax.value_and_grad(lambda x: losses.info_nce(x, x + 1.0, mask=nothing)))(jnp.ones((3, 2)))
    assert float(value) == 0
    assert bool(jnp.isfinite(gradient).all())


def test_cross_entropy_is_optax_s_over_the_rows_that_count():
    logits = jax.random.normal(jax.random.key(0), (5, 4))
    labels = jnp.array([0, 3, 1, 2, 2])
    mask = jnp.array([True, True, False, True, False])
    rows = optax.softmax_cross_entropy_with_integer_labels(logits, labels)
    loss = losses.cross_entropy()
    value, metrics = loss(logits, {"labels": labels})
    np.testing.assert_allclose(value, rows.mean(), rtol=1e-6)
    np.testing.assert_allclose(metrics["accuracy"], (logits.argmax(1) == labels).mean())
    broken = logits.at[2].set(jnp.nan)
    value, _ = loss(broken, {"labels": labels, "row_mask": mask})
    np.testing.assert_allclose(value, rows[mask].mean(), rtol=1e-6)
    weights = (1.0, 2.0, 3.0, 4.0)
    value, _ = losses.cross_entropy(class_weights=weights)(logits, {"labels": labels})
    w = jnp.array(weights)[labels]
    np.testing.assert_allclose(value, (w * rows).sum() / w.sum(), rtol=1e-6)
    by_row = losses.cross_entropy(weights="w")
    np.testing.assert_allclose(by_row(logits, {"labels": labels, "w": w})[0], value, rtol=1e-6)
    masked, _ = by_row(logits, {"labels": labels, "w": w, "row_mask": mask})
    np.testing.assert_allclose(masked, (w * rows)[mask].sum() / w[mask].sum(), rtol=1e-6)
    with pytest.raises(ValueError, match="not both"):
        losses.cross_entropy(class_weights=weights, weights="w")


def test_cross_entropy_takes_probabilities_as_it_takes_classes():
    logits = jax.random.normal(jax.random.key(0), (5, 4))
    labels, weights = jnp.array([0, 3, 1, 2, 2]), (1.0, 2.0, 3.0, 4.0)
    mask = jnp.array([True, True, False, True, False])
    for loss in (
        losses.cross_entropy(),
        losses.cross_entropy(class_weights=weights),
        losses.cross_entropy(weights="w"),
    ):
        batch = {"labels": labels, "row_mask": mask, "w": jnp.arange(1.0, 6.0)}
        whole, metrics = loss(logits, batch)
        same, same_metrics = loss(logits, {**batch, "labels": jax.nn.one_hot(labels, 4)})
        np.testing.assert_allclose(same, whole, rtol=1e-6)
        assert float(same_metrics["accuracy"]) == float(metrics["accuracy"])
    soft = jax.nn.softmax(3 * jax.random.normal(jax.random.key(1), (5, 4)))
    value, metrics = losses.cross_entropy()(logits, {"labels": soft})
    np.testing.assert_allclose(value, optax.softmax_cross_entropy(logits, soft).mean(), rtol=1e-6)
    np.testing.assert_allclose(metrics["accuracy"], (logits.argmax(1) == soft.argmax(1)).mean())
    # Weighted by classes: Σ w_c y_c (−log p_c) over Σ w_c y_c.
    value, _ = losses.cross_entropy(class_weights=weights)(logits, {"labels": soft})
    of_classes = soft * jnp.array(weights)
    np.testing.assert_allclose(value, -(of_classes * jax.nn.log_softmax(logits)).sum() / of_classes.sum(), rtol=1e-5)
    # A class that is ruled out and has no share costs nothing.
    ruled_out = jnp.array([[0.0, -jnp.inf]])
    value, gradient = jax.value_and_grad(lambda x: losses.cross_entropy()(x, {"labels": jnp.array([[1.0, 0.0]])})[0])(
        ruled_out
    )
    assert float(value) == 0
    assert bool(jnp.isfinite(gradient).all())
    with pytest.raises(ValueError, match=r"labels \(5, 3\) and logits \(5, 4\) differ in their classes"):
        losses.cross_entropy()(logits, {"labels": soft[:, :3]})


def test_unknown_labels_have_one_meaning_as_classes_and_as_probabilities():
    logits = jax.random.normal(jax.random.key(0), (4, 3))
    labels = jnp.array([2, -1, 0, 1])
    soft = jax.nn.one_hot(labels, 3)
    rows = jnp.array([True, True, True, False])
    known = jnp.array([0, 2])
    expected = optax.softmax_cross_entropy_with_integer_labels(logits[known], labels[known]).mean()
    for target in (labels, soft, soft.at[3].set(jnp.nan)):
        for loss in (losses.cross_entropy(), losses.cross_entropy(class_weights=(1.0, 1.0, 1.0))):
            value, gradient = jax.value_and_grad(lambda x, f=loss, y=target: f(x, {"labels": y, "row_mask": rows})[0])(
                logits
            )
            np.testing.assert_allclose(value, expected, rtol=1e-6)
            assert bool(jnp.isfinite(gradient).all())
            assert not gradient[jnp.array([1, 3])].any()


@pytest.mark.parametrize(
    ("labels", "message"),
    [
        (jnp.array([0, 3, 1]), r"labels hold \[3\], and classes are 0 to 2: an unknown label is -1"),
        (jnp.array([0, -2, 1]), r"labels hold \[-2\]"),
        (
            jnp.array([[1.0, 0, 0], [1.5, -0.5, 0], [0, 1, 0]]),
            r"labels hold \[-0\.5\], and probabilities are 0 or more",
        ),
        (jnp.array([[1.0, 0, 0], [0, jnp.nan, 0], [0, 1, 0]]), r"labels hold \[nan\]"),
    ],
)
def test_a_label_that_is_no_class_is_an_error_and_nan_where_nothing_can_be_raised(labels, message):
    outputs = _joint_outputs(3)._replace(logits=jnp.zeros((3, 3)))
    batch = {"labels": labels, "inputs": {"audio": jnp.zeros((3, 3, 5))}, "masks": {"audio": jnp.ones(3, bool)}}
    # A row that does not count may hold anything.
    without = {**batch, "row_mask": jnp.array([True, False, True])}
    joint = losses.joint_elbo(weights={"audio": 1.0}, label_weight=1.0)
    for loss, found in ((losses.cross_entropy(), outputs.logits), (losses.label_head(), outputs), (joint, outputs)):
        with pytest.raises(ValueError, match=message):
            loss(found, batch)
        assert bool(jnp.isnan(jax.jit(loss)(found, batch)[0]))
        assert bool(jnp.isfinite(loss(found, without)[0]))


def test_the_triplet_loss_by_hand_and_under_a_mask():
    x, y = jnp.eye(3), jnp.array([[1.0, 0.0, 0.0], [1.0, 0.0, 0.0], [0.0, 0.0, 1.0]])
    # Similarities x·y: own pairs 1, 0, 1. From x: row 0 has y₁ at 1; row 1 has y₀ and y₂ at 0, as its own; row 2 none.
    # From y: y₀ (own 1) has x₁ and x₂ at 0; y₁ (own 0) has x₀ at 1 and x₂ at 0; y₂ (own 1) none.
    forward, backward = 0.2 + 0.2 + 0.2, 1.2 + 0.2
    assert float(losses.triplet(x, y, margin=0.2)) == pytest.approx((forward + backward) / 2 / 6)
    broken = y.at[1].set(jnp.nan)
    mask = jnp.array([True, False, True])
    gradient = jax.grad(lambda x: losses.triplet(x, y, mask=mask))(x)
    assert float(losses.triplet(x, jnp.where(mask[:, None], broken, 0.0), mask=mask)) == 0
    assert bool(jnp.isfinite(gradient).all())
    assert float(losses.triplet(x, y, mask=jnp.zeros(3, bool))) == 0
    with pytest.raises(ValueError, match="differ in shape"):
        losses.triplet(x, y[:2])


def _joint_batch(rows=4):
    outputs = _joint_outputs(rows)
    inputs = {name: jnp.zeros_like(recon) for name, recon in outputs.recon.items()}
    return outputs, {"inputs": inputs, "masks": {name: jnp.ones(rows, bool) for name in inputs}}


def test_free_bits_are_a_floor_for_each_latent():
    outputs, batch = _joint_batch()
    outputs = outputs._replace(mean=jnp.array([[2.0, 0.0]] * 4), logvar=jnp.zeros((4, 2)))
    plain, metrics = losses.joint_elbo(weights={"audio": 1.0})(outputs, batch)
    free, same = losses.joint_elbo(weights={"audio": 1.0}, free_bits=0.5)(outputs, batch)
    # The latents' divergences are 2 and 0; the second counts as 0.5.
    assert float(metrics["kl"]) == float(same["kl"]) == 2.0
    assert float(free - plain) == pytest.approx(0.5)


def test_learned_weights_are_the_documents_at_zero_and_best_at_the_error():
    outputs, batch = _joint_batch()
    for reduction, elements in (("mean", 1), ("sum", 15)):
        loss = losses.joint_elbo(weights={"audio": 1.0}, reduction=reduction, beta=0.0)
        fixed, metrics = loss(outputs, batch)

        def scaled(scale, loss=loss):
            return loss(outputs._replace(log_scales={"audio": scale}), batch)[0]

        assert float(scaled(jnp.array(0.0))) == pytest.approx(float(fixed))
        # ∂/∂s of exp(−s)·E + ½·elements·s is 0 at s = log(2E / elements).
        best = jnp.log(2 * metrics["reconstruction_audio"] / elements)
        assert float(jax.grad(scaled)(best)) == pytest.approx(0.0, abs=1e-4)


def test_unknown_labels_do_not_count():
    outputs, batch = _joint_batch()
    outputs = outputs._replace(logits=jnp.array([[3.0, 0.0], [0.0, 3.0], [9.0, 9.0], [0.0, 0.0]]))
    batch |= {"labels": jnp.array([0, -1, -1, 1]), "row_mask": jnp.array([True, True, True, False])}
    loss = losses.joint_elbo(weights={"audio": 1.0}, label_weight=2.0)
    value, metrics = loss(outputs, batch)
    assert float(metrics["cross_entropy"]) == pytest.approx(np.log(1 + np.exp(-3.0)), rel=1e-5)
    plain, _ = losses.joint_elbo(weights={"audio": 1.0})(outputs, batch)
    assert float(value - plain) == pytest.approx(2 * float(metrics["cross_entropy"]), rel=1e-4)
    # Probabilities, as mixup makes them: an unknown label is a row of zeros.
    same, _ = loss(outputs, {**batch, "labels": jax.nn.one_hot(batch["labels"], 2)})
    assert float(same) == pytest.approx(float(value), rel=1e-6)


def test_the_alignment_is_named_and_an_unknown_one_refused():
    outputs, batch = _joint_batch()
    _, metrics = losses.joint_elbo(weights={"audio": 1.0}, contrastive_weight=1.0, alignment="triplet")(outputs, batch)
    first, second = (mean for mean, _ in outputs.posteriors.values())
    assert float(metrics["triplet"]) == pytest.approx(float(losses.triplet(first, second)), rel=1e-5)
    with pytest.raises(ValueError, match="is none of"):
        losses.joint_elbo(weights={"audio": 1.0}, alignment="cosine")


def test_losses_of_equal_options_are_equal_values():
    made = (
        lambda: losses.elbo(beta=4.0),
        lambda: losses.joint_elbo(weights={"audio": 1.0, "lyrics": 3.0}, element_masks={"audio": "frames"}),
        lambda: losses.reconstruction(reduction="sum"),
        lambda: losses.cross_entropy(class_weights=jnp.array([1.0, 2.0])),
        lambda: losses.contrastive(temperature=0.5),
    )
    assert len({make() for make in made}) == len({make() for make in (*made, *made)}) == len(made)
    for make in made:
        assert make() == make()
        assert hash(make()) == hash(make())
        assert pickle.loads(pickle.dumps(make())) == make()
        assert eval(repr(make()), vars(losses)) == make()
    assert losses.elbo(beta=4.0) != losses.elbo(beta=2.0)
    assert losses.elbo() != losses.reconstruction()
    assert repr(losses.elbo(beta=4.0)) == "elbo(beta=4.0)"
    first, second = {"audio": 1.0, "lyrics": 3.0}, {"lyrics": 3.0, "audio": 1.0}
    assert losses.joint_elbo(weights=first) == losses.joint_elbo(weights=second)


def test_a_schedule_is_compared_by_identity_and_printed_without_its_address():
    schedule = optax.linear_schedule(0.0, 1.0, 10)
    assert losses.elbo(beta=schedule) == losses.elbo(beta=schedule)
    assert losses.elbo(beta=schedule) != losses.elbo(beta=optax.linear_schedule(0.0, 1.0, 10))
    assert "0x" not in repr(losses.elbo(beta=schedule))


def test_an_option_without_a_hash_is_named():
    with pytest.raises(TypeError, match=r"joint_elbo: weights\['audio'\] is a set"):
        losses.joint_elbo(weights={"audio": {1.0}})


def test_a_weight_may_be_differentiated():
    outputs, batch = _outputs(), {"inputs": jnp.ones((4, 3))}
    gradient = jax.grad(lambda beta: losses.elbo(beta=beta)(outputs, batch)[0])(1.0)
    assert float(gradient) == pytest.approx(float(losses.elbo()(outputs, batch)[1]["kl"]))


def _normals(seed, *shape):
    return jnp.asarray(np.random.default_rng(seed).normal(size=shape), jnp.float32)


def test_likelihoods_are_scipy_s():
    recon, target = _normals(0, 4, 3), _normals(1, 4, 3)
    for likelihood, expected in (
        (losses.Gaussian(0.3), stats.norm(recon, 0.3**0.5).logpdf(target)),
        (losses.Laplace(0.7), stats.laplace(recon, 0.7).logpdf(target)),
        (losses.Bernoulli(), stats.bernoulli(jax.nn.sigmoid(recon)).logpmf(target > 0)),
    ):
        values = target > 0 if likelihood == losses.Bernoulli() else target
        found = losses.log_likelihood(likelihood, recon, values.astype(jnp.float32))
        np.testing.assert_allclose(found, expected.sum(1), rtol=1e-4)
    scaled = losses.log_likelihood(losses.Laplace(), recon, target, log_scale=jnp.log(0.7))
    np.testing.assert_allclose(scaled, stats.laplace(recon, 0.7).logpdf(target).sum(1), rtol=1e-4)
    logits, labels = _normals(2, 4, 3, 5), jnp.array([[0, 4, -1]] * 4)
    each = jax.nn.log_softmax(logits)
    np.testing.assert_allclose(
        losses.log_likelihood(losses.Categorical(), logits, labels), each[:, 0, 0] + each[:, 1, 4], rtol=1e-5
    )


def test_a_log_likelihood_takes_samples_and_masks():
    recon, target = _normals(0, 2, 6, 4, 3), _normals(1, 4, 3)
    mask, elements = jnp.array([True, True, False, True]), jnp.array([True, False, True])
    broken = jnp.where(mask[:, None] & elements, target, jnp.nan)
    value = lambda recon: losses.log_likelihood(losses.Gaussian(), recon, broken, mask=mask, element_mask=elements)  # noqa: E731
    kept = stats.norm(recon).logpdf(target)[..., np.array([0, 2])].sum(-1) * np.asarray(mask)
    np.testing.assert_allclose(value(recon), kept, rtol=1e-4)
    assert bool(jnp.isfinite(jax.grad(lambda recon: value(recon).sum())(recon)).all())
    with pytest.raises(ValueError, match="do not fit the values"):
        losses.log_likelihood(losses.Gaussian(), recon, target[:, :2])
    with pytest.raises(ValueError, match="do not fit the values"):
        losses.log_likelihood(losses.Gaussian(), target[:, :1], target)
    with pytest.raises(ValueError, match="has no scale to learn"):
        losses.log_likelihood(losses.Bernoulli(), target, target, log_scale=jnp.zeros(()))
    with pytest.raises(ValueError, match="variance must be positive"):
        losses.Gaussian(0.0)


def test_gaussian_divergence_agrees_with_the_prior_s_and_with_sampling():
    mean, logvar, other, other_logvar = _normals(0, 4, 3)
    zero = jnp.zeros(3)
    np.testing.assert_allclose(
        losses.gaussian_divergence(mean, logvar, zero, zero), losses.kl_divergence(mean, logvar), rtol=1e-5
    )
    z = mean + jnp.exp(logvar / 2) * _normals(1, 200_000, 3)
    own, theirs = (stats.norm(m, np.exp(v / 2)).logpdf(z).sum(1) for m, v in ((mean, logvar), (other, other_logvar)))
    found = losses.gaussian_divergence(mean, logvar, other, other_logvar)
    assert float(found) == pytest.approx((own - theirs).mean(), rel=0.02)


def test_a_label_that_is_no_class_is_an_error_and_nan_when_compiled():
    logits = jnp.array([[2.0, 0.0, 0.0], [0.0, 2.0, 0.0], [5.0, 5.0, 5.0]])
    loss = losses.cross_entropy()
    known, _ = loss(logits[:2], {"labels": jnp.array([0, 1])})
    unknown, metrics = loss(logits, {"labels": jnp.array([0, 1, -1])})
    assert float(unknown) == pytest.approx(float(known))
    assert float(metrics["accuracy"]) == 1
    weighted = losses.cross_entropy(class_weights=(1.0, 1.0, 100.0))(logits, {"labels": jnp.array([0, 1, -1])})[0]
    assert float(weighted) == pytest.approx(float(known))
    gradient = jax.grad(lambda x: loss(x, {"labels": jnp.array([0, 1, -1])})[0])(logits)
    np.testing.assert_array_equal(gradient[2], 0.0)
    for bad in (3, -2):
        batch = {"labels": jnp.array([0, 1, bad])}
        with pytest.raises(ValueError, match=rf"labels hold \[{bad}\], and classes are 0 to 2"):
            loss(logits, batch)
        assert bool(jnp.isnan(jax.jit(loss)(logits, batch)[0]))
        assert bool(jnp.isfinite(loss(logits, {**batch, "row_mask": jnp.array([True, True, False])})[0]))


def _three(rows=6):
    names = ("sound", "tags", "words")
    posteriors = {name: (_normals(i, rows, 2), _normals(9 + i, rows, 2)) for i, name in enumerate(names)}
    recon = {name: _normals(20 + i, rows, 3) for i, name in enumerate(names)}
    means, logvars = (jnp.stack([pair[i] for pair in posteriors.values()]) for i in (0, 1))
    mixture = models.GaussianMixture(means, logvars, jnp.full((3, rows), 1 / 3))
    outputs = models.MultimodalVAEOutput(recon, means[0], logvars[0], means[0], posteriors, mixture=mixture)
    masks = {name: jnp.arange(rows) != i for i, name in enumerate(names)}
    return outputs, {"inputs": {name: jnp.zeros((rows, 3)) for name in names}, "masks": masks}


def test_alignment_is_over_all_pairs_of_modalities_with_weights():
    outputs, batch = _three()

    def pair(first, second):
        mask = batch["masks"][first] & batch["masks"][second]
        return losses.info_nce(outputs.posteriors[first][0], outputs.posteriors[second][0], mask=mask)

    expected = (pair("sound", "tags") + pair("sound", "words") + pair("tags", "words")) / 3
    assert float(losses.alignment()(outputs, batch)[0]) == pytest.approx(float(expected), rel=1e-5)
    chosen = losses.alignment(pairs=[("sound", "tags", 1.0), ("words", "tags", 3.0)])
    expected = (pair("sound", "tags") + 3 * pair("words", "tags")) / 4
    assert float(chosen(outputs, batch)[0]) == pytest.approx(float(expected), rel=1e-5)
    joint = losses.joint_elbo(weights=dict.fromkeys(batch["masks"], 1.0), contrastive_weight=1.0)
    assert "info_nce" in joint(outputs, batch)[1]
    with pytest.raises(ValueError, match=r"not \['video'\]"):
        losses.alignment(pairs=[("sound", "video", 1.0)])(outputs, batch)
    with pytest.raises(ValueError, match="sum is positive"):
        losses.alignment(pairs=[])


def test_terms_add_up_with_weights_and_refuse_a_metric_twice():
    outputs, batch = _three()
    terms = losses.mixture_divergence(), losses.negative_log_likelihood(modality="tags"), losses.expert_divergence()
    values = [term(outputs, batch)[0] for term in terms]
    summed = terms[0] + 2.0 * terms[1] + 0.5 * terms[2]
    value, metrics = summed(outputs, batch)
    assert float(value) == pytest.approx(float(values[0] + 2 * values[1] + 0.5 * values[2]), rel=1e-5)
    assert set(metrics) == {"kl", "beta", "nll_tags", "expert_kl"}
    assert float(metrics["nll_tags"]) == pytest.approx(float(values[1]))
    assert summed == terms[0] + 2.0 * terms[1] + 0.5 * terms[2]
    with pytest.raises(ValueError, match=r"report \['beta', 'kl'\]"):
        (losses.divergence() + losses.mixture_divergence())(outputs, batch)
    kl = losses.kl_divergence(outputs.mixture.means, outputs.mixture.logvars).mean()
    assert float(values[0]) == pytest.approx(float(kl), rel=1e-5)


def test_the_total_correlation_s_parts_add_up_to_the_kl_and_weigh_alone():
    outputs, batch = _outputs(rows=8), {"inputs": jnp.ones((8, 3)), "row_mask": jnp.arange(8) < 6}
    plain, parts = losses.beta_tc_elbo(rows=100, beta=1.0)(outputs, batch)
    log_ratio = stats.norm(outputs.mean, np.exp(outputs.logvar / 2)).logpdf(outputs.z) - stats.norm.logpdf(outputs.z)
    expected = log_ratio[:6].sum(1).mean() + np.square(np.asarray(outputs.recon) - 1)[:6].sum(1).mean()
    assert float(plain) == pytest.approx(expected, rel=1e-4)
    heavy, _ = losses.beta_tc_elbo(rows=100, beta=3.0)(outputs, batch)
    assert float(heavy - plain) == pytest.approx(2 * float(parts["total_correlation"]), rel=1e-4)
    # Filler rows are in no estimate.
    moved = outputs._replace(mean=outputs.mean.at[6:].add(50.0), z=outputs.z.at[6:].add(50.0))
    assert float(losses.beta_tc_elbo(rows=100, beta=3.0)(moved, batch)[0]) == pytest.approx(float(heavy), rel=1e-5)
    with pytest.raises(ValueError, match="rows must be 1 or more"):
        losses.beta_tc_elbo(rows=0)


def test_bounds_name_what_they_lack():
    outputs, batch = _three()
    likelihoods = dict.fromkeys(batch["masks"], losses.Gaussian())
    with pytest.raises(ValueError, match=r"make it with draws=ComponentDraws"):
        losses.iwae(likelihoods=likelihoods)(outputs, batch)
    with pytest.raises(ValueError, match=r"make it with draws=SubsetDraws"):
        losses.subset_elbo(likelihoods=likelihoods)(outputs, batch)
    with pytest.raises(ValueError, match=r"\['video'\], which have no likelihood"):
        losses.multimodal_elbo(likelihoods=likelihoods, weights={"video": 1.0})
    with pytest.raises(ValueError, match="no likelihood"):
        losses.multimodal_elbo(likelihoods={})
    with pytest.raises(ValueError, match="alpha must lie"):
        losses.mvtcae_elbo(likelihoods=likelihoods, alpha=2.0)
