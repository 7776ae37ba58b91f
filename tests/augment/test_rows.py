"""Modality dropout, mixup and applying to some rows: closed forms, rates within five standard deviations, masks."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxmusic import augment, losses

KEY = jax.random.key(0)


@functools.partial(jax.jit, static_argnums=0)
def _run(transform, key, batch):
    return transform(key, batch)


def _assert_share(hits, expected):
    """The share of True is the expected probability, within five standard deviations of independent draws."""
    hits = np.asarray(hits)
    assert abs(hits.mean() - expected) <= 5 * np.sqrt(expected * (1 - expected) / hits.size) + 1e-12


@pytest.mark.parametrize("rate", [0.0, 0.2, 0.7, 1.0])
@pytest.mark.parametrize("count", [1, 2, 3])
def test_modality_dropout_drops_at_its_rate_and_never_the_last(rate, count):
    names, rows = ("audio", "lyrics", "tags"), 40_000
    masks = {name: jnp.full(rows, i < count) for i, name in enumerate(names)}
    out = _run(augment.ModalityDropout(rate), KEY, {"inputs": {}, "masks": masks})["masks"]
    kept = np.stack([out[name] for name in names])
    assert not kept[count:].any(), "an absent modality came back"
    assert kept.any(0).all(), "a row has lost its last modality"
    for modality in kept[:count]:
        _assert_share(~modality, rate - rate**count / count)
    # All others dropped: the draws are independent but for the last.
    alone = kept[:count].sum(0) == 1
    _assert_share(alone, 1.0 if count == 1 else count * rate ** (count - 1) * (1 - rate) + rate**count)


def test_modality_dropout_changes_masks_of_modalities_alone():
    frames = jnp.zeros((50, 7), bool)
    inputs = {"audio": jnp.ones((50, 7))}
    masks = {name: jnp.ones(50, bool) for name in ("audio", "lyrics", "tags")}
    batch = {"inputs": inputs, "masks": {**masks, "frames": frames}}
    out = augment.ModalityDropout(1.0, ("audio", "lyrics"))(KEY, batch)
    assert out["inputs"] is inputs
    assert out["masks"]["frames"] is frames
    assert out["masks"]["tags"] is masks["tags"]
    assert bool((out["masks"]["audio"] ^ out["masks"]["lyrics"]).all())
    assert bool(batch["masks"]["audio"].all()), "the batch that came in was changed"
    # A row without any modality stays one.
    nothing = {"masks": {name: jnp.zeros(50, bool) for name in masks}}
    assert not np.stack(list(augment.ModalityDropout(0.5)(KEY, nothing)["masks"].values())).any()


def test_modality_dropout_names_what_is_wrong():
    with pytest.raises(ValueError, match=r"ModalityDropout.rate 1.5 is not between 0 and 1"):
        augment.ModalityDropout(1.5)
    with pytest.raises(ValueError, match="rate nan"):
        augment.ModalityDropout(float("nan"))
    present = jnp.ones(4, bool)
    for batch, names, match in [
        ({"inputs": present}, None, "'masks' is looked for in a dict of \\['inputs'\\]"),
        ({"masks": {"audio": present, "frames": jnp.ones((4, 3), bool)}}, None, "needs two modalities or more"),
        ({"masks": {"audio": present, "lyrics": present}}, ("audio", "tags"), r"no \[batch\] bool .* \['tags'\]"),
        ({"masks": {"audio": present, "lyrics": jnp.ones(4)}}, None, r"no \[batch\] bool array for \['lyrics'\]"),
    ]:
        with pytest.raises(ValueError, match=match):
            augment.ModalityDropout(0.5, names)(KEY, batch)


def _mixed(transform, key, batch):
    """The transform's batch, and each row's partner and own share, read from its labels: all rows differ in theirs."""
    out = _run(transform, key, batch)
    labels, own = np.asarray(out["labels"]), np.arange(len(batch["labels"]))
    share = labels[own, own]
    others = labels.copy()
    others[own, own] = 0
    return out, np.where(share == 1, own, others.argmax(1)), share


def test_mixup_is_the_convex_combination_of_rows_and_labels():
    rows = 64
    x = jax.random.normal(jax.random.key(1), (rows, 5, 3))
    batch = {"inputs": {"audio": x, "lyrics": x[:, 0]}, "labels": jnp.arange(rows), "step": jnp.array(3)}
    out, partner, share = _mixed(augment.MixUp(1.0, rows), KEY, batch)
    assert sorted(partner) == list(range(rows)), "partners are no permutation"
    assert (partner != np.arange(rows)).sum() > rows - 6
    assert ((share > 0) & (share <= 1)).all()
    assert out["labels"].dtype == jnp.float32
    np.testing.assert_allclose(out["labels"].sum(1), 1, rtol=1e-6)
    expected = share[:, None, None] * np.asarray(x) + (1 - share[:, None, None]) * np.asarray(x)[partner]
    np.testing.assert_allclose(out["inputs"]["audio"], expected, atol=1e-6)
    np.testing.assert_allclose(out["inputs"]["lyrics"], expected[:, 0], atol=1e-6)
    one = _run(augment.MixUp(1.0, rows, entry=("inputs", "lyrics")), KEY, batch)
    np.testing.assert_array_equal(one["inputs"]["audio"], x)
    np.testing.assert_array_equal(one["inputs"]["lyrics"], out["inputs"]["lyrics"])


@pytest.mark.parametrize("alpha", [0.2, 1.0, 4.0])
def test_mixup_draws_its_shares_from_the_beta_distribution(alpha):
    # Two classes apart by halves: rows whose partner is of the other class show their share.
    rows = 40_000
    batch = {"inputs": jnp.zeros((rows, 1)), "labels": jnp.arange(rows) % 2}
    labels = np.asarray(_run(augment.MixUp(alpha, 2), KEY, batch)["labels"])
    share = labels[np.arange(rows), np.arange(rows) % 2]
    # A partner of the same class gives share 1 whatever λ is; half of the partners are of the other.
    variance = 1 / (4 * (2 * alpha + 1))
    moments = {1: 0.5, 2: variance + 0.25}
    for power, moment in moments.items():
        expected = 0.5 + 0.5 * moment
        assert abs((share**power).mean() - expected) < 5 * 0.5 / np.sqrt(rows)


def test_mixup_leaves_filler_rows_and_takes_none_as_a_partner():
    real = jnp.array([True, True, False, True, True, False, True, False])
    x = jnp.where(real[:, None], jnp.arange(8.0)[:, None], jnp.nan)
    batch = {"inputs": x, "labels": jnp.arange(8), "row_mask": real}
    for key in jax.random.split(KEY, 20):
        out, partner, _ = _mixed(augment.MixUp(1.0, 8), key, batch)
        assert bool(jnp.isfinite(out["inputs"][real]).all()), "a filler row was mixed in"
        assert sorted(partner[np.asarray(real)]) == list(np.flatnonzero(real))
        np.testing.assert_array_equal(partner[~np.asarray(real)], np.flatnonzero(~real))


def test_mixup_pairs_every_two_real_rows_equally_often():
    real = jnp.arange(6) < 4
    batch = {"inputs": jnp.zeros((6, 1)), "labels": jnp.arange(6), "row_mask": real}
    mix = jax.jit(jax.vmap(lambda key: augment.MixUp(1.0, 6)(key, batch)["labels"]))
    labels = mix(jax.random.split(KEY, 20_000))
    for i in range(4):
        for j in set(range(4)) - {i}:
            _assert_share(labels[:, i, j] > 0, 0.25)


def test_mixup_keeps_rows_apart_that_lack_a_modality_or_a_label():
    rows = 200
    lyrics, known = jnp.arange(rows) % 2 == 0, jnp.arange(rows) % 3 > 0
    batch = {
        "inputs": jnp.where(lyrics & known, 1.0, jnp.where(lyrics, 2.0, jnp.where(known, 3.0, 4.0)))[:, None],
        "masks": {"lyrics": lyrics, "audio": jnp.ones(rows, bool), "frames": jnp.ones((rows, 9), bool)},
        "labels": jnp.where(known, jnp.arange(rows), -1),
    }
    out = _run(augment.MixUp(1.0, rows), KEY, batch)
    np.testing.assert_allclose(out["inputs"], batch["inputs"], rtol=1e-6)
    np.testing.assert_allclose(out["labels"].sum(1), known, rtol=1e-6)
    assert int(((out["labels"] > 0).sum(1) == 2).sum()) > 40
    jax.tree.map(np.testing.assert_array_equal, out["masks"], batch["masks"])


def test_mixup_hides_no_label_that_is_no_class():
    batch = {"inputs": jnp.ones((6, 2)), "labels": jnp.array([0, 1, -1, 2, 1, 0])}
    loss = losses.cross_entropy()
    for labels, is_sound in ((batch["labels"], True), (batch["labels"].at[3].set(3), False)):
        mixed = _run(augment.MixUp(1.0, 3), KEY, {**batch, "labels": labels})
        value, _ = jax.jit(loss)(jnp.zeros((6, 3)), mixed)
        assert bool(jnp.isfinite(value)) is is_sound
    with pytest.raises(ValueError, match=r"labels hold \[nan\], and probabilities are 0 or more"):
        loss(jnp.zeros((6, 3)), mixed)


def test_mixup_names_what_is_wrong():
    for alpha in (0.0, -1.0, float("inf"), float("nan")):
        with pytest.raises(ValueError, match=r"MixUp.alpha .* is not a number above 0"):
            augment.MixUp(alpha, 3)
    with pytest.raises(ValueError, match=r"MixUp.classes 0"):
        augment.MixUp(1.0, 0)
    x, labels = jnp.ones((4, 2)), jnp.arange(4)
    for batch, match in [
        ({"inputs": x}, "entry 'labels' is not in the batch"),
        ({"inputs": x, "labels": jnp.ones((4, 3))}, r"'labels' is float32\[4, 3\], not \[batch\] int classes"),
        ({"inputs": {"tokens": labels[:, None]}, "labels": labels}, r"'inputs'\['tokens'\] is int32: only floating"),
    ]:
        with pytest.raises(ValueError, match=match):
            augment.MixUp(1.0, 4)(KEY, batch)


def test_random_apply_changes_rows_at_its_rate_and_leaves_the_others():
    rows = 20_000
    batch = {"inputs": {"audio": jnp.ones((rows, 4))}, "labels": jnp.zeros(rows, jnp.int32), "step": jnp.array(1)}
    louder = augment.Gain(6.0, 12.0, entry=("inputs", "audio"))
    out = _run(augment.RandomApply(louder, 0.3), KEY, batch)
    changed = np.asarray(out["inputs"]["audio"] != 1)
    assert (changed.all(1) == changed.any(1)).all(), "a part of a row was changed"
    _assert_share(changed[:, 0], 0.3)
    assert not out["labels"].any()
    # Two entries of a row are changed together.
    both = augment.Compose([augment.Gain(6.0, 6.0, entry="a"), augment.Gain(6.0, 6.0, entry="b")])
    out = _run(augment.RandomApply(both, 0.5), KEY, {"a": jnp.ones((100, 1)), "b": jnp.ones((100, 1))})
    np.testing.assert_array_equal(out["a"], out["b"])
    for probability, share in ((0.0, 0), (1.0, 1)):
        out = _run(augment.RandomApply(louder, probability), KEY, batch)["inputs"]["audio"]
        assert float((out != 1).mean()) == share


def test_random_apply_refuses_what_changes_an_entrys_shape():
    batch = {"inputs": jnp.ones((4, 8)), "labels": jnp.arange(4)}
    with pytest.raises(ValueError, match=r"batch\['inputs'\] float32\[4, 5\] of float32\[4, 8\]"):
        augment.RandomApply(augment.RandomCrop(5), 0.5)(KEY, batch)
    with pytest.raises(ValueError, match=r"batch\['labels'\] float32\[4, 4\] of int32\[4\]"):
        _run(augment.RandomApply(augment.MixUp(1.0, 4), 0.5), KEY, batch)
    with pytest.raises(ValueError, match=r"adds or removes .*'new'"):
        augment.RandomApply(lambda key, batch: {**batch, "new": batch["labels"]}, 0.5)(KEY, batch)
    with pytest.raises(ValueError, match=r"RandomApply.probability -0.1"):
        augment.RandomApply(augment.Gain(0.0, 1.0), -0.1)


def test_compose_is_one_after_the_other_with_keys_of_their_own():
    transforms = [augment.Gain(-6.0, 6.0), augment.GaussianNoise(0.0, 20.0), augment.Gain(-6.0, 6.0)]
    batch = {"inputs": jnp.ones((4, 10))}
    expected = batch
    for i, transform in enumerate(transforms):
        expected = transform(jax.random.fold_in(KEY, i), expected)
    composed = augment.Compose(transforms)
    np.testing.assert_array_equal(composed(KEY, batch)["inputs"], expected["inputs"])
    assert composed == augment.Compose(tuple(transforms))
    # The gains before and after the noise are other draws.
    gains = [augment.Compose(transforms[:1]), augment.Compose([lambda key, batch: dict(batch), transforms[2]])]
    first, second = (transform(KEY, batch)["inputs"] for transform in gains)
    assert not np.allclose(first, second)
