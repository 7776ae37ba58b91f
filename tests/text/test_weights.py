"""Checkpoints in the hub's layout: round trips, sentence-transformers' folders, and every kind of bad folder."""

import dataclasses
import json
import shutil
from pathlib import Path

import jax
import numpy as np
import pytest
from safetensors.numpy import load_file, save_file

from jaxmusic import models
from jaxmusic.text import load_pretrained, save_pretrained

GOLDEN = Path(__file__).parent.parent / "golden"


@pytest.fixture
def folder(tmp_path):
    return Path(shutil.copytree(GOLDEN / "transformer_bert", tmp_path / "bert"))


def _edit(folder, change):
    tensors = load_file(folder / "model.safetensors")
    change(tensors)
    save_file(tensors, folder / "model.safetensors")


def _configure(folder, **values):
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps({**config, **values}))


def _equal(a, b):
    jax.tree.map(np.testing.assert_array_equal, a, b)


@pytest.mark.parametrize("name", ["bert", "roberta", "xlm_roberta", "mpnet", "distilbert", "camembert"])
def test_saving_writes_the_tensors_that_were_read(tmp_path, name):
    loaded = load_pretrained(GOLDEN / f"transformer_{name}")
    save_pretrained(loaded, tmp_path / "copy")
    theirs, ours = (load_file(f / "model.safetensors") for f in (GOLDEN / f"transformer_{name}", tmp_path / "copy"))
    assert set(theirs) == set(ours)
    _equal(theirs, ours)
    again = load_pretrained(tmp_path / "copy")
    assert again.config == loaded.config
    _equal(again.params, loaded.params)


@pytest.mark.parametrize("prefix", ["bert.", "roberta."])
def test_prefixes_heads_and_old_names_are_understood(folder, prefix):
    plain = load_pretrained(folder).params

    def change(tensors):
        old = {name: tensors.pop(name) for name in list(tensors)}
        for name, x in old.items():
            renamed = name.replace("LayerNorm.weight", "LayerNorm.gamma").replace("LayerNorm.bias", "LayerNorm.beta")
            tensors[prefix + renamed] = x
        tensors["cls.predictions.bias"] = np.zeros(3, np.float32)

    _edit(folder, change)
    found = load_pretrained(folder)
    _equal(found.params, plain)
    assert found.ignored == ("cls.predictions.bias",)


def test_shards_with_an_index(folder):
    plain = load_pretrained(folder).params
    tensors = load_file(folder / "model.safetensors")
    (folder / "model.safetensors").unlink()
    names = sorted(tensors)
    parts = {"one.safetensors": names[::2], "two.safetensors": names[1::2]}
    for file, part in parts.items():
        save_file({name: tensors[name] for name in part}, folder / file)
    weight_map = {name: file for file, part in parts.items() for name in part}
    (folder / "model.safetensors.index.json").write_text(json.dumps({"weight_map": weight_map}))
    _equal(load_pretrained(folder).params, plain)
    save_file({name: tensors[name] for name in names[1::2][1:]}, folder / "two.safetensors")
    with pytest.raises(ValueError, match=f"no shard holds: {names[1]}"):
        load_pretrained(folder)
    (folder / "two.safetensors").unlink()
    with pytest.raises(FileNotFoundError, match=r"two\.safetensors is missing"):
        load_pretrained(folder)


def test_half_precision_becomes_float32(folder):
    import ml_dtypes

    plain = load_pretrained(folder).params
    for dtype, tolerance in ((np.float16, 2e-3), (ml_dtypes.bfloat16, 2e-2)):
        tensors = {name: np.asarray(x, dtype) for name, x in load_file(folder / "model.safetensors").items()}
        other = folder.parent / np.dtype(dtype).name
        shutil.copytree(folder, other)
        save_file(tensors, other / "model.safetensors")
        found = load_pretrained(other).params
        assert {x.dtype for x in jax.tree.leaves(found)} == {np.dtype("float32")}
        jax.tree.map(lambda a, b, t=tolerance: np.testing.assert_allclose(a, b, atol=t), found, plain)


def test_folders_of_sentence_transformers(folder, tmp_path):
    loaded = dataclasses.replace(load_pretrained(folder), pooling="cls", normalize=True, max_length=9, lower_case=True)
    assert load_pretrained(folder).pooling is None
    found = load_pretrained(save_pretrained(loaded, tmp_path / "sentences"))
    assert (found.pooling, found.normalize, found.max_length, found.lower_case) == ("cls", True, 9, True)
    path = tmp_path / "sentences" / "1_Pooling" / "config.json"
    path.write_text(json.dumps({"pooling_mode_weightedmean_tokens": True}))
    with pytest.raises(ValueError, match="weightedmean"):
        load_pretrained(tmp_path / "sentences")
    modules = json.loads((tmp_path / "sentences" / "modules.json").read_text())
    modules[1]["type"] = "sentence_transformers.models.Dense"
    (tmp_path / "sentences" / "modules.json").write_text(json.dumps(modules))
    with pytest.raises(ValueError, match=r"models\.Dense is not supported"):
        load_pretrained(tmp_path / "sentences")


def test_a_pooler_stays_where_the_pooling_may_read_it(folder, tmp_path):
    plain = load_pretrained(folder)
    ids = np.array([[5, 7, 9, 11]])
    without = {name: value for name, value in plain.params.items() if name != "pooler"}
    sentences = save_pretrained(dataclasses.replace(plain, pooling="mean"), tmp_path / "sentences")
    assert "pooler" in plain.params
    for found in (load_pretrained(sentences), load_pretrained(folder, pooler=False)):
        _equal(found.params, without)
        assert found.ignored == ("pooler.dense.bias", "pooler.dense.weight")
        # The module has these parameters, no more and no fewer: they can be the start of a training.
        module = models.TextTransformer(found.config, pooling=found.pooling or "mean")
        fresh = module.init(jax.random.key(0), ids)["params"]
        assert jax.tree.map(np.shape, fresh) == jax.tree.map(np.shape, found.params)
    again = load_pretrained(sentences, pooler=True)
    _equal(again.params, plain.params)
    module = models.TextTransformer(again.config, pooling="pooler")
    _equal(module.apply({"params": again.params}, ids), module.apply({"params": plain.params}, ids))


KEY = "encoder.layer.1.attention.self.key.weight"


def test_wrong_tensors_are_named(folder):
    missing, unexpected, misshapen = (shutil.copytree(folder, folder.parent / str(i)) for i in range(3))
    _edit(missing, lambda t: t.pop(KEY))
    with pytest.raises(ValueError, match=f"missing: {KEY}; unexpected: none"):
        load_pretrained(missing)
    _edit(unexpected, lambda t: t.update({"encoder.layer.0.adapter.weight": np.zeros(2, np.float32)}))
    with pytest.raises(ValueError, match=r"missing: none; unexpected: encoder\.layer\.0\.adapter\.weight"):
        load_pretrained(unexpected)
    _edit(misshapen, lambda t: t.update({KEY: np.zeros((32, 8), np.float32)}))
    with pytest.raises(ValueError, match=rf"{KEY} has shape \(32, 8\), config.json says \(32, 32\)"):
        load_pretrained(misshapen)
    _configure(folder, vocab_size=51)
    with pytest.raises(ValueError, match=r"word_embeddings\.weight has shape \(50, 32\), config.json says \(51, 32\)"):
        load_pretrained(folder)


def test_folders_that_cannot_be_read(folder, tmp_path):
    with pytest.raises(FileNotFoundError, match=r"has no config\.json"):
        load_pretrained(tmp_path)
    for values, message in (
        ({"model_type": "gpt2"}, "'gpt2', another architecture"),
        ({"hidden_act": "mish"}, "hidden_act is 'mish'"),
        ({"position_embedding_type": "relative_key"}, "relative_key"),
    ):
        broken = shutil.copytree(folder, tmp_path / message[:5])
        _configure(broken, **values)
        with pytest.raises(ValueError, match=message):
            load_pretrained(broken)
    weights = folder / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:-100])
    with pytest.raises(ValueError, match=r"model\.safetensors is damaged or truncated"):
        load_pretrained(folder)
    weights.rename(folder / "pytorch_model.bin")
    with pytest.raises(ValueError, match=r"pytorch_model\.bin is a pickle, which can run code"):
        load_pretrained(folder)
    (folder / "pytorch_model.bin").unlink()
    with pytest.raises(FileNotFoundError, match="neither"):
        load_pretrained(folder)
    (folder / "config.json").write_text("{")
    with pytest.raises(ValueError, match="no valid JSON"):
        load_pretrained(folder)


def test_without_network_and_cache_one_line_says_what_to_do(monkeypatch, tmp_path):
    import huggingface_hub

    def offline(*args, **kwargs):
        raise ConnectionError("no route")

    monkeypatch.setattr(huggingface_hub, "snapshot_download", offline)
    with pytest.raises(FileNotFoundError, match=r"looked for 'owner/model'.*give the path of a folder") as caught:
        load_pretrained("owner/model")
    assert "\n" not in str(caught.value)
    with pytest.raises(FileNotFoundError, match="is no folder"):
        load_pretrained(tmp_path / "nothing")


def test_stacked_parameters_are_not_saved(folder, tmp_path):
    loaded = load_pretrained(folder)
    params = {name: x for name, x in loaded.params.items() if name != "layer_1"}
    with pytest.raises(ValueError, match=r"'layer_1' for encoder\.layer\.1"):
        save_pretrained(dataclasses.replace(loaded, params=params), tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_the_default_prompt_of_a_folder_goes_before_every_text(folder, tmp_path):
    prompts = {"prompts": {"query": "query: ", "passage": "passage: "}, "default_prompt_name": "query"}
    (folder / "config_sentence_transformers.json").write_text(json.dumps(prompts))
    loaded = load_pretrained(folder)
    assert loaded.prompt == "query: "
    assert loaded.prompts["passage"] == "passage: "
    again = load_pretrained(save_pretrained(dataclasses.replace(loaded, pooling="mean"), tmp_path / "copy"))
    assert (again.prompts, again.prompt) == (loaded.prompts, loaded.prompt)
    (folder / "config_sentence_transformers.json").write_text(json.dumps({**prompts, "default_prompt_name": "song"}))
    with pytest.raises(ValueError, match="default_prompt_name 'song' is none of its prompts"):
        load_pretrained(folder)
