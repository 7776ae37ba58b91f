"""Every module of the library at a small size, with inputs for any batch and the calls that a user makes of it."""

import dataclasses
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import flax.linen as nn
import jax
import numpy as np

from jaxmusic import models
from jaxmusic.text import TransformerConfig

LATENT, FEATURES, LYRICS, CLASSES, BANDS, FRAMES, WORDS, LENGTH = 4, 12, 5, 3, 16, 20, 20, 7
BERT = TransformerConfig(
    vocab_size=WORDS,
    hidden_size=8,
    num_hidden_layers=2,
    num_attention_heads=2,
    intermediate_size=16,
    max_position_embeddings=16,
)


CLAP = models.ClapConfig(
    dataclasses.replace(BERT, model_type="roberta", num_hidden_layers=1, type_vocab_size=1, pad_token_id=1),
    models.ClapAudioConfig(
        spec_size=16,
        num_mel_bins=8,
        patch_size=2,
        patch_stride=2,
        patch_embeds_hidden_size=4,
        depths=(2,),
        num_attention_heads=(2,),
        window_size=4,
        enable_fusion=True,
        aff_block_r=2,
    ),
    projection_dim=6,
)


class Case(NamedTuple):
    """A module, its inputs by batch size, and other methods with what each takes of the inputs and of latents."""

    module: Any
    inputs: Callable[[int], tuple[Any, ...]]
    methods: tuple[tuple[str, Callable[[tuple[Any, ...], Any], tuple[Any, ...]]], ...] = ()

    def variables(self):
        keys = {"params": jax.random.key(0), "latent": jax.random.key(1)}
        return jax.jit(self.module.init)(keys, *self.inputs(2))

    def everything(self, variables, key, latents, *inputs):
        """The outputs of the module and of its methods, as of one function of arrays."""
        calls = [(None, inputs), *((method, arguments(inputs, latents)) for method, arguments in self.methods)]
        return [self.module.apply(variables, *given, method=method, rngs={"latent": key}) for method, given in calls]


def latents(batch: int) -> np.ndarray:
    return _normal(batch, LATENT)


def _normal(*shape: int) -> np.ndarray:
    return np.random.default_rng(sum(shape)).normal(size=shape).astype(np.float32)


def _vectors(batch):
    return (_normal(batch, FEATURES),)


def _spectrograms(batch):
    return (_normal(batch, BANDS, FRAMES),)


def _classes(batch):
    return np.eye(CLASSES, dtype=np.float32)[np.arange(batch) % CLASSES]


def _tokens(batch):
    tokens = np.random.default_rng(batch).integers(1, WORDS, (batch, LENGTH)).astype(np.int32)
    return tokens, np.arange(batch, dtype=np.int32) % (LENGTH + 1)


def _masks(batch):
    return {"audio": np.arange(batch) % 2 == 0, "lyrics": np.arange(batch) % 3 < 2}


def _both(batch):
    return {"audio": _normal(batch, FEATURES), "lyrics": _normal(batch, LYRICS)}, _masks(batch)


def _spectrogram_and_lyrics(batch):
    return {"audio": _normal(batch, BANDS, FRAMES), "lyrics": _normal(batch, LYRICS)}, _masks(batch)


def _posteriors(batch):
    return _normal(2, batch, LATENT), _normal(2, batch, LATENT) / 9, np.stack(list(_masks(batch).values()))


_ENCODE = ("encode", lambda inputs, z: inputs)
_DECODE = ("decode", lambda inputs, z: (z,))
_MIXTURE = ("encode_mixture", lambda inputs, z: inputs)
_JOINT = (
    _ENCODE,
    _MIXTURE,
    ("encode", lambda inputs, z: ({"lyrics": inputs[0]["lyrics"]},)),
    ("posteriors", lambda inputs, z: inputs[:1]),
    ("decode", lambda inputs, z: (z, "audio")),
    ("decode", lambda inputs, z: (z, "lyrics")),
)


def _three(batch):
    inputs, masks = _both(batch)
    return {**inputs, "tags": _classes(batch)}, {**masks, "tags": np.arange(batch) % 2 == 1}


def _multimodal(fusion, **options):
    """Vectors, lyrics and tags, the last of which are encoded and not decoded."""
    return models.MultimodalVAE(
        {name: models.MLP((8, 2 * LATENT)) for name in ("audio", "lyrics", "tags")},
        {"audio": models.MLP((8, FEATURES)), "lyrics": models.MLP((8, LYRICS))},
        fusion,
        LATENT,
        **options,
    )


def _joint(**options):
    return models.JointVAE(BANDS, FRAMES, LYRICS, LATENT, widths=(8,), **options)


def _fusion_classifier(fusion):
    return models.FusionClassifier(CLASSES, (8, 8), fusion=fusion, fused_dim=6)


def modules_in(value: Any) -> set[type]:
    """Classes of a module and of the modules in its fields."""
    if isinstance(value, Mapping):
        return set().union(*map(modules_in, value.values()))
    if not isinstance(value, nn.Module):
        return set()
    fields = (getattr(value, field.name) for field in dataclasses.fields(value) if field.name != "parent")
    return {type(value)}.union(*map(modules_in, fields))


CASES = {
    "FCVAE": Case(models.FCVAE(LATENT, FEATURES, (8,)), _vectors, (_ENCODE, _DECODE)),
    "ConvVAE": Case(models.ConvVAE(BANDS, FRAMES, LATENT), _spectrograms, (_ENCODE, _DECODE)),
    "Conv1DVAE": Case(models.Conv1DVAE(FEATURES, LATENT, (2, 3)), _vectors, (_ENCODE, _DECODE)),
    "Autoencoder": Case(models.Autoencoder(FEATURES, LATENT, (8,)), _vectors, (_ENCODE, _DECODE)),
    "ConditionalVAE": Case(
        models.ConditionalVAE(FEATURES, CLASSES, LATENT, (8,)),
        lambda batch: (*_vectors(batch), _classes(batch)),
        (
            _ENCODE,
            ("encode_marginal", lambda inputs, z: inputs[:1]),
            ("decode", lambda inputs, z: (z, inputs[1])),
        ),
    ),
    "JointVAE": Case(_joint(), _spectrogram_and_lyrics, _JOINT),
    "JointVAE transformer": Case(
        _joint(audio_encoder_kind="transformer", fusion="poe"),
        lambda batch: (
            _spectrogram_and_lyrics(batch)[0],
            {**_masks(batch), "frames": np.arange(FRAMES) < 3 + np.arange(batch)[:, None]},
        ),
        _JOINT,
    ),
    "JointVAE vector": Case(
        _joint(
            audio_encoder_kind="vector", audio_dim=FEATURES, fusion="attention", classes=CLASSES, learned_weights=True
        ),
        _both,
        (*_JOINT, ("classify", lambda inputs, z: (z,))),
    ),
    "MultimodalVAE": Case(_multimodal(models.Product(prior=False)), _three, _JOINT),
    "MultimodalVAE samples": Case(
        _multimodal(models.MixtureOfProducts("complete"), draws=models.ComponentDraws(3), classes=CLASSES),
        _three,
        (*_JOINT, ("classify", lambda inputs, z: (z,))),
    ),
    "MultimodalVAE subsets": Case(
        _multimodal(models.Product(), draws=models.SubsetDraws(2), learned_scales=("audio",)),
        _three,
        (*_JOINT, ("decoder_log_scales", lambda inputs, z: ())),
    ),
    "MultimodalVAE of one's own parts": Case(
        models.MultimodalVAE(
            {
                "audio": models.TemporalEncoder(LATENT, 8, 1, 2),
                "cover": models.SpectrogramEncoder(LATENT, (2, 4), 8),
                "lyrics": models.MLP((8, 2 * LATENT), dropout_rate=0.1),
            },
            {"audio": models.SpectrogramDecoder(BANDS, FRAMES, (8, 4)), "lyrics": models.MLP((8, LYRICS))},
            models.Gated(),
            LATENT,
            element_masks={"audio": "frames"},
        ),
        lambda batch: (
            {**_spectrogram_and_lyrics(batch)[0], "cover": _normal(batch, BANDS, BANDS)},
            {
                **_masks(batch),
                "cover": np.arange(batch) % 2 == 1,
                "frames": np.arange(FRAMES) < 3 + np.arange(batch)[:, None],
            },
        ),
        _JOINT,
    ),
    **{
        f"Fusion {kind}": Case(models.Fusion(kind), _posteriors, (("components", lambda inputs, z: inputs),))
        for kind in models.FUSIONS
    },
    "MLP": Case(models.MLP((8, 3), dropout_rate=0.1, features=FEATURES), _vectors),
    "SpectrogramEncoder": Case(models.SpectrogramEncoder(LATENT, (2, 4), 8), _spectrograms),
    "SpectrogramDecoder": Case(models.SpectrogramDecoder(BANDS, FRAMES, (8, 4)), lambda batch: (latents(batch),)),
    "AdaptiveFusion": Case(models.AdaptiveFusion(6), _both),
    "AdaptiveFusionVAE": Case(
        models.AdaptiveFusionVAE(FEATURES + LYRICS, LATENT, 6, (8,)),
        _both,
        (_ENCODE, ("weights", lambda inputs, z: inputs[:1]), _DECODE),
    ),
    "DualEncoder": Case(models.DualEncoder(LATENT, (8,)), lambda batch: _both(batch)[:1]),
    "TemporalEncoder": Case(models.TemporalEncoder(LATENT, 8, 1, 2), _spectrograms),
    "LyricsClassifier": Case(models.LyricsClassifier(WORDS, CLASSES, 4, positions=9, trained_rows=10), _tokens),
    "LyricsClassifier mask_padding": Case(models.LyricsClassifier(WORDS, CLASSES, 4, mask_padding=True), _tokens),
    "MetadataClassifier": Case(models.MetadataClassifier(CLASSES), _vectors),
    "CombinedClassifier": Case(
        models.CombinedClassifier(WORDS, CLASSES, 4, positions=9), lambda batch: (*_tokens(batch), *_vectors(batch))
    ),
    **{f"FusionClassifier {kind}": Case(_fusion_classifier(kind), _both) for kind in models.MODALITY_FUSIONS},
    "ResidualBlock": Case(models.ResidualBlock(), _vectors),
    "SpectrogramClassifier": Case(
        models.SpectrogramClassifier(BANDS, FRAMES, CLASSES, (2, 4)),
        _spectrograms,
        (("embed", lambda inputs, z: inputs),),
    ),
    "ClapModel": Case(
        models.ClapModel(CLAP),
        lambda batch: (
            _normal(batch, 4, 8, 30),
            _tokens(batch)[0],
            np.arange(batch) % 2 == 0,
            _tokens(batch)[0] > 4,
        ),
    ),
    "MusicCNN": Case(models.MusicCNN(("rock", "jazz"), 3, 2, (4, 2), midend_features=3, units=4), _spectrograms),
    "MusicVGG": Case(models.MusicVGG(("rock", "jazz"), 2), lambda batch: (_normal(batch, 96, 187),)),
    "TextTransformer": Case(models.TextTransformer(BERT), lambda batch: _tokens(batch)[:1]),
    "TextTransformer scanned": Case(
        models.TextTransformer(BERT, "pooler", normalize=True, scan_layers=True, remat=True),
        lambda batch: (_tokens(batch)[0], np.arange(LENGTH) < _tokens(batch)[1][:, None]),
    ),
}
