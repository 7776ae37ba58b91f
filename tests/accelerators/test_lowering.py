"""Models, audio functions, text encoding and the selection of items lower for CUDA, ROCm and TPU on any machine."""

import jax
import jax.numpy as jnp
import pytest
from every_model import CASES, latents
from jax import export

from jaxmusic import audio
from jaxmusic._item_scores import products

ACCELERATORS = ("cuda", "rocm", "tpu")
_Y = jax.ShapeDtypeStruct((2, 8_192), jnp.float32)
_S = jax.ShapeDtypeStruct((2, 1_025, 64), jnp.float32)
AUDIO = {
    "stft": (lambda y: audio.stft(y), _Y),
    "melspectrogram": (lambda y: audio.melspectrogram(y=y), _Y),
    "power_to_db": (lambda S: audio.power_to_db(S), _S),
    "amplitude_to_db": (lambda S: audio.amplitude_to_db(S), _S),
    "db_to_power": (lambda S: audio.db_to_power(S), _S),
    "db_to_amplitude": (lambda S: audio.db_to_amplitude(S), _S),
    "mfcc": (lambda y: audio.mfcc(y=y), _Y),
    "delta": (lambda S: audio.delta(S), _S),
    "musicnn_mel": (lambda y: audio.musicnn_mel(y), _Y),
    "mel_statistics": (lambda S: audio.mel_statistics(audio.melspectrogram(S=S)), _S),
    "mel_dynamics": (lambda S: audio.mel_dynamics(audio.power_to_db(audio.melspectrogram(S=S))), _S),
    "rms": (lambda y: audio.rms(y=y), _Y),
    "zero_crossing_rate": (lambda y: audio.zero_crossing_rate(y), _Y),
    "spectral_centroid": (lambda y: audio.spectral_centroid(y=y), _Y),
    "spectral_bandwidth": (lambda y: audio.spectral_bandwidth(y=y), _Y),
    "spectral_rolloff": (lambda y: audio.spectral_rolloff(y=y), _Y),
    "spectral_flatness": (lambda y: audio.spectral_flatness(y=y), _Y),
    "spectral_contrast": (lambda y: audio.spectral_contrast(y=y), _Y),
    "chroma_stft": (lambda y: audio.chroma_stft(y=y), _Y),
    "tonnetz": (lambda y: audio.tonnetz(y=y), _Y),
    "estimate_tuning": (lambda y: audio.estimate_tuning(y=y), _Y),
    "onset_strength": (lambda y: audio.onset_strength(y=y), _Y),
    "tempo": (lambda y: audio.tempo(y=y), _Y),
    "hpss": (lambda y: audio.effects.hpss(y), _Y),
    "istft": (lambda y: audio.istft(audio.stft(y)), _Y),
    "griffinlim": (lambda S: audio.griffinlim(S, key=jax.random.key(0), n_iter=2), _S),
}
# What takes files or no arrays.
_NO_ARRAYS = {"AUDIO_SUFFIXES", "ClapInput", "Extraction", "SoundEncoder", "SoundFeatures", "SoundNetwork"}
_NO_ARRAYS |= {"WindowForm", "effects", "extract", "filters", "frame_mask", "load", "sound_encoder", "summary"}


def _lower(function, *arguments):
    exported = export.export(jax.jit(function), platforms=ACCELERATORS)(*arguments)
    assert exported.platforms == ACCELERATORS
    return exported


@pytest.mark.parametrize("name", CASES)
def test_a_models_outputs_and_gradient_lower(name):
    case = CASES[name]
    inputs = case.inputs(4)
    keys = {"params": jax.random.key(0), "latent": jax.random.key(1)}
    variables = jax.eval_shape(case.module.init, keys, *inputs)
    rest = {collection: values for collection, values in variables.items() if collection != "params"}

    def step(params, rest, key):
        def objective(params):
            outputs = case.everything({"params": params, **rest}, key, latents(4), *inputs)
            values = [x for x in jax.tree.leaves(outputs) if jnp.issubdtype(x.dtype, jnp.floating)]
            return sum(jnp.sin(x).sum() for x in values), outputs

        (_, outputs), gradient = jax.value_and_grad(objective, has_aux=True)(params)
        return outputs, gradient

    exported = _lower(step, variables.get("params", {}), rest, jax.random.key(2))
    assert len(exported.out_avals) > len(jax.tree.leaves(variables.get("params", {})))


def test_every_public_audio_function_is_tried():
    assert set(audio.__all__) - _NO_ARRAYS <= set(AUDIO)


@pytest.mark.parametrize("name", AUDIO)
def test_an_audio_function_lowers(name):
    function, shape = AUDIO[name]
    assert _lower(function, shape).out_avals


def test_the_selection_of_items_lowers():
    def best(users, factors, mask):
        scores = products(users, factors) + mask
        return jax.lax.top_k(scores, 5), jax.lax.approx_max_k(scores, 5)

    shapes = (jax.ShapeDtypeStruct(shape, jnp.float32) for shape in ((4, 8), (50, 8), (4, 50)))
    assert len(_lower(best, *shapes).out_avals) == 4
