"""The three classifiers: the document's sizes, and the fast forms against the plain ones."""

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from scipy.stats import binom

from jaxmusic import losses, models, training
from jaxmusic.models import token_parts
from jaxmusic.models.token_parts import kept_pads
from jaxmusic.models.token_pooling import token_sum

TOKENS, LENGTHS = jnp.zeros((2, 512), jnp.int32), jnp.array([512, 3])
FEATURES = jnp.ones((2, 22))


@pytest.mark.parametrize(
    ("module", "inputs", "count"),
    [
        (models.LyricsClassifier(30_522), (TOKENS, LENGTHS), 977_924),
        (models.LyricsClassifier(30_522, trained_rows=1024), (TOKENS, LENGTHS), 977_924),
        (models.MetadataClassifier(), (FEATURES,), 782),
        (models.CombinedClassifier(30_522), (TOKENS, LENGTHS, FEATURES), 978_090),
    ],
)
def test_parameters_are_the_documents(module, inputs, count):
    shapes = jax.eval_shape(module.init, jax.random.key(0), *inputs)
    assert sum(x.size for x in jax.tree.leaves(shapes)) == count
    assert jax.eval_shape(lambda v: module.apply(v, *inputs), shapes).shape == (2, 4)


def _songs(seed, n=5, width=70, vocabulary=40):
    rng = np.random.default_rng(seed)
    lengths = rng.integers(2, width + 1, n).astype(np.int32)
    lengths[0] = width
    tokens = rng.integers(1, vocabulary, (n, width)).astype(np.int32)
    return np.where(np.arange(width) < lengths[:, None], tokens, 0), lengths


def _plain_lyrics(params, tokens, positions, *, mask_padding=False):
    """The document's forward pass over every position, padding included."""
    real = jnp.asarray(tokens > 0)
    tokens = jnp.pad(jnp.asarray(tokens), ((0, 0), (0, positions - tokens.shape[1])))
    part = params["tokens"]
    hidden = jax.nn.relu(part["embedding"][tokens] @ part["kernel"] + part["bias"])
    mean = hidden.mean(1)
    if mask_padding:
        real = jnp.pad(real, ((0, 0), (0, positions - real.shape[1])))
        mean = (hidden * real[..., None]).sum(1) / real.sum(1)[:, None]
    return mean @ params["Dense_0"]["kernel"] + params["Dense_0"]["bias"]


@pytest.mark.parametrize("mask_padding", [False, True])
@pytest.mark.parametrize("chunk", [16, 64, 100_000])
def test_skipped_padding_is_exact_in_value_and_gradient(mask_padding, chunk, monkeypatch):
    monkeypatch.setattr(token_parts, "_CHUNK", chunk)
    tokens, lengths = _songs(0)
    module = models.LyricsClassifier(50, positions=128, dropout=0.0, mask_padding=mask_padding)
    with jax.enable_x64(True):
        params = module.init(jax.random.key(1), tokens, lengths)["params"]
        params = jax.tree.map(lambda x: x.astype(jnp.float64), params)
        mixed = jnp.arange(20.0).reshape(5, 4)
        fast = lambda p: (module.apply({"params": p}, tokens, lengths, True) * mixed).sum()  # noqa: E731
        plain = lambda p: (_plain_lyrics(p, tokens, 128, mask_padding=mask_padding) * mixed).sum()  # noqa: E731
        value, gradient = jax.jit(jax.value_and_grad(fast))(params)
        expected, expected_gradient = jax.value_and_grad(plain)(params)
        np.testing.assert_allclose(value, expected, rtol=1e-12)
        jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-9, atol=1e-12), gradient, expected_gradient)
        # The padding's row is trained, unless it is masked.
        assert bool(jnp.any(gradient["tokens"]["embedding"][0] != 0)) is not mask_padding


@pytest.mark.parametrize("form", ["packed", "blocks"])
@pytest.mark.parametrize(
    ("dim", "dropout", "width", "has_linear", "songs"),
    [(3, 0.3, 150, True, 5), (4, 0.3, 70, False, 5), (3, 0, 64, True, 2)],
)
def test_the_forms_of_a_sum_over_tokens_agree_units_dropped_included(form, dim, dropout, width, has_linear, songs):
    tokens, lengths = _songs(6, songs, width)
    lengths[1] = 0
    normal = jax.random.normal
    with jax.enable_x64(True):
        table, rest = normal(jax.random.key(0), (30, dim)), normal(jax.random.key(1), (10, dim))
        weights = (normal(jax.random.key(2), (dim, dim)), normal(jax.random.key(3), (dim,))) if has_linear else None

        def sums(table, weights, form):
            key = jax.random.key(4)
            return token_sum(table, rest, weights, tokens, lengths, dropout=dropout, key=key, form=form)

        def value_and_gradient(form):
            value = lambda table, weights: (sums(table, weights, form) * jnp.arange(1.0, dim + 1)).sum()  # noqa: E731
            return sums(table, weights, form), jax.jit(jax.grad(value, (0, 1)))(table, weights)

        found, expected = value_and_gradient(form), value_and_gradient("plain")
        jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-9, atol=1e-12), found, expected)
        assert (np.asarray(found[0])[1] == 0).all()
        assert (np.asarray(found[0])[0] != 0).any()


def test_an_unknown_form_of_the_sum_is_refused():
    with pytest.raises(ValueError, match="'fast' is none of"):
        token_sum(jnp.ones((2, 3)), None, None, jnp.ones((1, 2), jnp.int32), jnp.array([2]), form="fast")


def test_the_combined_models_lyrics_branch_is_the_mean_over_all_positions():
    tokens, lengths = _songs(2)
    module = models.CombinedClassifier(50, positions=128)
    features = jax.random.normal(jax.random.key(3), (5, 22))
    variables = module.init(jax.random.key(1), tokens, lengths, features)
    p = variables["params"]
    layer = lambda i, x: x @ p[f"Dense_{i}"]["kernel"] + p[f"Dense_{i}"]["bias"]  # noqa: E731
    padded = jnp.pad(jnp.asarray(tokens), ((0, 0), (0, 58)))
    lyrics = layer(0, jax.nn.relu(p["tokens"]["embedding"][padded]).mean(1))
    metadata = layer(3, nn.relu(layer(2, nn.relu(layer(1, features)))))
    expected = layer(6, nn.relu(layer(5, nn.relu(layer(4, jnp.concatenate([lyrics, metadata], -1))))))
    np.testing.assert_allclose(module.apply(variables, tokens, lengths, features), expected, atol=1e-5)


def test_what_stands_behind_a_songs_end_is_not_read():
    tokens, lengths = _songs(4)
    module = models.LyricsClassifier(50, positions=128)
    variables = module.init(jax.random.key(0), tokens, lengths)
    rubbish = np.where(np.arange(70) < lengths[:, None], tokens, 49)
    np.testing.assert_array_equal(module.apply(variables, tokens, lengths), module.apply(variables, rubbish, lengths))


def test_rows_at_rest_end_where_dense_adam_leaves_them():
    """Training with the used rows alone equals training all rows, and the others stay."""
    tokens, lengths = _songs(5, n=12)
    labels = np.arange(12, dtype=np.int32) % 4
    batch = {"tokens": tokens, "lengths": lengths, "labels": labels}

    def trained(module, params):
        trainer = training.Trainer(
            module,
            losses.cross_entropy(),
            training.restart_every(optax.adam(1e-2), 3),
            batch_size=4,
            inputs=lambda batch: (batch["tokens"], batch["lengths"]),
        )
        state = trainer.init(jax.random.key(0), batch, start=lambda fresh: params)
        return trainer.fit(state, batch, epochs=3)[0]

    full = models.LyricsClassifier(99, positions=128, dropout=0.0)
    start = full.init(jax.random.key(7), tokens, lengths)["params"]
    dense = trained(full, start)
    few = models.LyricsClassifier(99, positions=128, dropout=0.0, trained_rows=40)
    cut = {**start, "tokens": {**start["tokens"], "embedding": start["tokens"]["embedding"][:40]}}
    sparse = trained(few, cut)
    table = dense.params["tokens"]["embedding"]
    np.testing.assert_array_equal(table[40:], start["tokens"]["embedding"][40:])
    np.testing.assert_allclose(sparse.params["tokens"]["embedding"], table[:40], rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(sparse.params["Dense_0"]["kernel"], dense.params["Dense_0"]["kernel"], atol=1e-6)


def test_unseen_tokens_read_the_rows_at_rest():
    module = models.LyricsClassifier(99, positions=8, trained_rows=10)
    tokens, lengths = jnp.array([[3, 60, 0]]), jnp.array([2])
    variables = module.init(jax.random.key(0), tokens, lengths)
    table = jnp.concatenate([variables["params"]["tokens"]["embedding"], variables["resting"]["tokens"]["rest"]])
    params = {**variables["params"], "tokens": {**variables["params"]["tokens"], "embedding": table}}
    np.testing.assert_allclose(
        module.apply(variables, tokens, lengths), _plain_lyrics(params, np.array([[3, 60, 0]]), 8), atol=1e-6
    )


def test_dropout_keeps_its_share_of_real_tokens_and_its_mean():
    table = jnp.ones((2, 32))
    tokens, lengths = jnp.ones((2, 500), jnp.int32), jnp.array([500, 100])
    keys = jax.random.split(jax.random.key(0), 200)
    sums = jax.vmap(lambda k: token_sum(table, None, None, tokens, lengths, dropout=0.2, key=k))(keys)
    kept = np.asarray(sums) * 0.8
    for song, n in enumerate((500, 100)):
        # 6,400 Binomial counts: five standard errors of their mean, and their variance.
        assert kept[:, song].mean() == pytest.approx(0.8 * n, abs=5 * np.sqrt(0.16 * n / 6400))
        assert kept[:, song].var() == pytest.approx(0.16 * n, rel=0.1)
    assert np.unique(kept.round(3)[:, 0]).size > 20


def test_dropouts_gradient_is_that_of_the_units_it_kept():
    tokens, lengths = jnp.array([[1, 2, 3]]), jnp.array([3])
    table = jax.random.uniform(jax.random.key(1), (4, 6)) + 0.1
    total = lambda t: token_sum(t, None, None, tokens, lengths, dropout=0.5, key=jax.random.key(2)).sum()  # noqa: E731
    gradient = jax.grad(total)(table)
    # Linear where the table is positive, so the gradient times the table is the value.
    np.testing.assert_allclose((gradient * table).sum(), total(table), rtol=1e-5)
    assert set(np.unique(np.asarray(gradient[1:]).round(3))) == {0.0, 2.0}


@pytest.mark.parametrize("n", [1, 7, 420, 512])
def test_the_pads_that_survive_are_binomial(n):
    drawn = np.asarray(kept_pads(jax.random.key(n), jnp.full(2000, n), 32, dropout=0.2, longest=512)).ravel()
    assert drawn.min() >= 0
    assert drawn.max() <= n
    counts = np.arange(n + 1)
    observed = (drawn[:, None] <= counts).mean(0)
    # Kolmogorov-Smirnov at 64,000 draws: a deviation above .0077 has a probability below 0.1 %.
    assert np.abs(observed - binom.cdf(counts, n, 0.8)).max() < 0.0077


def test_no_pads_survive_of_none():
    assert float(kept_pads(jax.random.key(0), jnp.zeros(3, jnp.int32), 4, dropout=0.2, longest=512).sum()) == 0
