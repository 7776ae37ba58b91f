"""CLAP: transformers' numbers on random weights, and folders that must not be read."""

import json
import shutil
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from safetensors.numpy import load_file, save_file

from jaxmusic import audio, models
from jaxmusic.models.clap_audio import stretch

GOLDEN = Path(__file__).parent.parent / "golden"
KINDS = ("unfused", "fused")


@pytest.fixture(scope="module", params=KINDS)
def clap(request):
    folder = GOLDEN / f"clap_{request.param}"
    return models.load_clap(folder), np.load(folder / "expected.npz")


def test_both_towers_are_those_of_transformers(clap):
    pretrained, expected = clap
    mel = expected["input_features"].swapaxes(2, 3)
    found = jax.jit(pretrained.module.apply)(
        pretrained.variables, mel, expected["input_ids"], expected["is_longer"], expected["attention_mask"]
    )
    np.testing.assert_allclose(found.audio, expected["audio_embeds"], atol=1e-5)
    np.testing.assert_allclose(found.text, expected["text_embeds"], atol=1e-5)


def test_the_feature_extractor_is_that_of_transformers(clap):
    pretrained, expected = clap
    for i, starts in ((0, None), (1, expected["starts"].tolist())):
        mel, is_longer = pretrained.inputs(expected[f"sound_{i}"], starts=starts)
        wanted = expected["input_features"][i].swapaxes(1, 2)
        # Decibels: the quietest band lies at −100.
        np.testing.assert_allclose(mel, wanted, atol=1e-4 * np.abs(wanted).max())
        assert is_longer == expected["is_longer"][i]
    default, _ = pretrained.inputs(expected["sound_1"])
    assert default.shape == mel.shape
    with pytest.raises(ValueError, match=r"starts \(10000000,"):
        pretrained.inputs(expected["sound_1"], starts=[10_000_000] * len(expected["starts"]))
    with pytest.raises(ValueError, match="a clip is"):
        pretrained.inputs(np.zeros(0, np.float32))


def test_a_clip_barely_longer_has_no_crops():
    inputs = audio.ClapInput(8000, 512, 80, 64, 50.0, 3900.0, 8000, is_fused=True)
    mel, is_longer = inputs(np.ones(8001, np.float32))
    assert mel.shape == (4, 64, 101)
    assert not is_longer
    np.testing.assert_array_equal(mel[0], mel[3])


def test_texts_are_tokenized_embedded_and_projected(clap):
    pretrained, expected = clap
    found = pretrained.embed_text(["the sound of a slow", "loud drums", "rain", " "])
    np.testing.assert_allclose(found[:3], expected["text_embeds"], atol=1e-5)
    np.testing.assert_array_equal(found[3], 0)


def test_an_encoder_of_sounds_and_texts(clap, tmp_path):
    pretrained, expected = clap
    encoder = audio.sound_encoder(pretrained.folder, network=models.sound_network, cache=tmp_path)
    found = encoder([expected["sound_0"], expected["sound_1"]])
    # A short clip is the extractor's; a long one is cut into clips, the last of which ends with it.
    apply = jax.jit(lambda v, x: pretrained.module.apply(v, x, method="embed_audio"))
    y, size = expected["sound_1"], pretrained.inputs.max_samples
    cut = np.stack([y[:size], y[size : 2 * size], y[-size:]])
    parts = apply(pretrained.variables, pretrained.inputs.mel(jnp.asarray(cut))[:, None])
    np.testing.assert_allclose(found[1], parts.mean(0), atol=1e-5)
    if not pretrained.inputs.is_fused:
        np.testing.assert_allclose(found[0], expected["audio_embeds"][0], atol=1e-5)
    assert encoder.text(["rain"]).shape == (1, encoder.width)
    assert encoder.tag_names == ()
    assert encoder.record["sampling_rate"] == 8000
    assert "CLAP" in encoder.description
    with pytest.raises(ValueError, match="has no tags"):
        encoder.tags([expected["sound_0"]])


def test_half_precision_stays_near():
    folder = GOLDEN / "clap_fused"
    low, expected = models.load_clap(folder, dtype=jnp.bfloat16), np.load(folder / "expected.npz")
    mel = expected["input_features"].swapaxes(2, 3)
    apply = jax.jit(lambda v, *x: low.module.apply(v, *x, method="embed_audio"))
    found = apply(low.variables, mel, expected["is_longer"])
    assert found.dtype == jnp.float32
    np.testing.assert_allclose(found, expected["audio_embeds"], atol=0.05)


def test_cubic_weights_by_hand():
    np.testing.assert_array_equal(stretch(5, 5), np.eye(5))
    # At half a step the four neighbours weigh −3/32 and 19/32; beyond the ends the last value is repeated.
    np.testing.assert_allclose(stretch(4, 7)[:, 3], np.array([-3, 19, 19, -3]) / 32, atol=1e-6)
    np.testing.assert_allclose(stretch(4, 7)[:, 1], np.array([16, 19, -3, 0]) / 32, atol=1e-6)
    np.testing.assert_allclose(stretch(101, 1024).sum(0), 1, atol=1e-5)


@pytest.fixture
def folder(tmp_path):
    return Path(shutil.copytree(GOLDEN / "clap_fused", tmp_path / "clap"))


def _configure(folder, file, part, **values):
    config = json.loads((folder / file).read_text())
    (config[part] if part else config).update(values)
    (folder / file).write_text(json.dumps(config))


MODEL, EXTRACTOR = "config.json", "preprocessor_config.json"


@pytest.mark.parametrize(
    ("file", "part", "values", "message"),
    [
        (MODEL, "", {"model_type": "clip"}, "model_type is 'clip'"),
        (MODEL, "", {"new_thing": 1}, "unknown entry new_thing"),
        (MODEL, "audio_config", {"new_thing": 1}, r"unknown entry audio_config\.new_thing"),
        (MODEL, "text_config", {"new_thing": 1}, r"unknown entry text_config\.new_thing"),
        (MODEL, "", {"audio_config": None}, "audio_config is missing"),
        (MODEL, "audio_config", {"hidden_act": "relu"}, r"audio_config\.hidden_act is 'relu'"),
        (MODEL, "audio_config", {"fusion_type": "channel_map"}, "fusion_type .*channel_map"),
        (MODEL, "audio_config", {"patch_size": [4, 8]}, r"patch_size \[4, 8\] is no square"),
        (MODEL, "audio_config", {"num_mel_bins": 60}, "no multiple of num_mel_bins 60"),
        (MODEL, "audio_config", {"depths": [1]}, "num_attention_heads .* differ in length"),
        (MODEL, "audio_config", {"window_size": 9}, "fewer patches than window_size 9"),
        (MODEL, "audio_config", {"depths": [2, 2, 2]}, r"missing: params/audio/stage_2_block_1"),
        (MODEL, "", {"projection_dim": 10}, "has shape .* config.json gives another"),
        (MODEL, "text_config", {"num_hidden_layers": 1}, r"unexpected: encoder\.layer\.1"),
        (EXTRACTOR, "", {"sampling_rate": 16_000}, "nb_max_samples is 8000, but 1 s at 16000 Hz are 16000"),
        (EXTRACTOR, "", {"sampling_rate": 0}, "sampling_rate is 0, no positive number"),
        (EXTRACTOR, "", {"frequency_max": 9000}, "frequency_max 9000 lies above half"),
        (EXTRACTOR, "", {"new_thing": 1}, "unknown entry new_thing"),
        (EXTRACTOR, "", {"truncation": "start"}, "truncation 'start'"),
        (EXTRACTOR, "", {"truncation": "rand_trunc"}, "is not that of the model"),
        (EXTRACTOR, "", {"padding": "wrap"}, "padding 'wrap'"),
        (EXTRACTOR, "", {"top_db": 80}, "top_db is 80"),
        (EXTRACTOR, "", {"feature_size": 32}, "32 bands .* don't fit the model"),
    ],
)
def test_a_configuration_of_another_model_is_refused_by_name(folder, file, part, values, message):
    _configure(folder, file, part, **values)
    with pytest.raises(ValueError, match=message) as error:
        models.load_clap(folder)
    assert str(folder) in str(error.value)


def test_another_sampling_rate_is_the_encoders(folder):
    _configure(folder, EXTRACTOR, "", sampling_rate=16_000, nb_max_samples=16_000, hop_length=160)
    inputs = models.load_clap(folder).inputs
    assert (inputs.sampling_rate, inputs.frames) == (16_000, 101)
    assert models.sound_network(folder).sr == 16_000


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda t: t.pop("audio_projection.linear1.bias"), "missing: params/audio_projection/linear1/bias"),
        (lambda t: t.update({"audio_model.more": np.zeros(1, np.float32)}), r"unexpected: audio_model\.more"),
        (lambda t: t.update({"logit_scale_a": np.zeros(2, np.float32)}), r"tensor logit_scale_a has shape \(2,\)"),
        (lambda t: t.pop("text_model.pooler.dense.bias"), r"missing: pooler\.dense\.bias"),
    ],
)
def test_tensors_of_another_model_are_refused_by_name(folder, change, message):
    tensors = load_file(folder / "model.safetensors")
    change(tensors)
    save_file(tensors, folder / "model.safetensors")
    with pytest.raises(ValueError, match=message):
        models.load_clap(folder)


def test_what_is_no_folder_of_clap_is_said(folder, tmp_path):
    (folder / EXTRACTOR).unlink()
    with pytest.raises(FileNotFoundError, match=r"preprocessor_config\.json is missing"):
        models.load_clap(folder)
    with pytest.raises(FileNotFoundError, match="is no folder"):
        models.load_clap(tmp_path / "nothing")
    broken = Path(shutil.copytree(GOLDEN / "clap_unfused", tmp_path / "cut"))
    content = (broken / "model.safetensors").read_bytes()
    (broken / "model.safetensors").write_bytes(content[:-100])
    with pytest.raises(ValueError, match="damaged or truncated"):
        models.load_clap(broken)
    (broken / "model.safetensors").rename(broken / "pytorch_model.bin")
    with pytest.raises(ValueError, match="is a pickle"):
        models.load_clap(broken)


def test_a_spectrogram_of_another_size_is_refused(clap):
    pretrained, _ = clap
    for shape in ((1, 2, 64, 101), (1, 1, 60, 101), (64, 101)):
        with pytest.raises(ValueError, match="expected"):
            pretrained.module.apply(pretrained.variables, np.zeros(shape), method="embed_audio")
    with pytest.raises(ValueError, match="the image holds 1024"):
        pretrained.module.apply(pretrained.variables, np.zeros((1, 1, 64, 1025)), method="embed_audio")
