"""The sizes of a CLAP model, as the hub's `config.json` and `preprocessor_config.json` state them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from jaxmusic.audio import ClapInput
from jaxmusic.text import TransformerConfig

# Entries that every configuration of the hub's library may have: about training, generation, or files.
_GENERAL = frozenset({
    "_commit_hash", "_name_or_path", "add_cross_attention", "architectures", "bad_words_ids",
    "begin_suppress_tokens", "bos_token_id", "chunk_size_feed_forward", "cross_attention_hidden_size",
    "decoder_start_token_id", "diversity_penalty", "do_sample", "dtype", "early_stopping",
    "encoder_no_repeat_ngram_size", "eos_token_id", "exponential_decay_length_penalty", "finetuning_task",
    "forced_bos_token_id", "forced_eos_token_id", "id2label", "initializer_factor", "initializer_range",
    "is_decoder", "is_encoder_decoder", "label2id", "length_penalty", "max_length", "min_length", "model_type",
    "no_repeat_ngram_size", "num_beam_groups", "num_beams", "num_return_sequences", "output_attentions",
    "output_hidden_states", "output_scores", "pad_token_id", "prefix", "problem_type", "pruned_heads",
    "remove_invalid_values", "repetition_penalty", "return_dict", "return_dict_in_generate", "sep_token_id",
    "suppress_tokens", "task_specific_params", "temperature", "tf_legacy_loss", "tie_encoder_decoder",
    "tie_word_embeddings", "tokenizer_class", "top_k", "top_p", "torch_dtype", "torchscript",
    "transformers_version", "typical_p", "use_bfloat16", "use_cache",
})  # fmt: skip
_TRAINING = frozenset({"attention_probs_dropout_prob", "hidden_dropout_prob", "drop_path_rate", "classifier_dropout"})
_TOP = {
    "text_config",
    "audio_config",
    "projection_dim",
    "logit_scale_init_value",
    "projection_hidden_act",
    "hidden_size",
    "num_hidden_layers",
    "text_config_dict",
    "audio_config_dict",
}
_TEXT = {
    "vocab_size", "hidden_size", "num_hidden_layers", "num_attention_heads", "intermediate_size", "hidden_act",
    "max_position_embeddings", "type_vocab_size", "layer_norm_eps", "projection_dim", "projection_hidden_act",
    "position_embedding_type", "fusion_hidden_size", "fusion_num_hidden_layers",
}  # fmt: skip
# What the architecture fixes: another value is another architecture.
_FIXED = {
    "hidden_act": "gelu", "projection_hidden_act": "relu", "patch_embed_input_channels": 1,
    "flatten_patch_embeds": True, "enable_patch_layer_norm": True, "qkv_bias": True,
    "position_embedding_type": "absolute",
}  # fmt: skip
_LEFT_OUT = {"num_classes", "num_hidden_layers", "hidden_size", "projection_dim", "fusion_num_hidden_layers"}
_EXTRACTOR = {
    "feature_size", "sampling_rate", "hop_length", "max_length_s", "fft_window_size", "frequency_min", "frequency_max",
    "truncation", "padding", "top_db", "nb_max_samples", "nb_frequency_bins", "nb_max_frames", "n_fft", "padding_side",
    "padding_value", "return_attention_mask", "feature_extractor_type", "processor_class", "chunk_length_s",
}  # fmt: skip


@dataclass(frozen=True)
class ClapAudioConfig:
    """The sound tower, HTSAT; the fields have the names and defaults of the hub's `audio_config`.

    Attributes:
        spec_size: side of the image that a spectrogram is folded to.
        num_mel_bins: mel bands of the spectrogram; `spec_size` is a multiple of it.
        patch_size: side of a patch.
        patch_stride: step between patches.
        patch_embeds_hidden_size: width of a patch's embedding; every further stage doubles it.
        depths: blocks of each stage.
        num_attention_heads: heads of each stage.
        window_size: side of the windows within which patches attend to one another.
        mlp_ratio: inner width of the feed-forward parts, as a multiple of the stage's.
        enable_fusion: whether a long clip's crops are fused with a view of all of it.
        aff_block_r: how much narrower the fusion's bottleneck is.
        layer_norm_eps: ε of the blocks' norms.
    """

    spec_size: int = 256
    num_mel_bins: int = 64
    patch_size: int = 4
    patch_stride: int = 4
    patch_embeds_hidden_size: int = 96
    depths: tuple[int, ...] = (2, 2, 6, 2)
    num_attention_heads: tuple[int, ...] = (4, 8, 16, 32)
    window_size: int = 8
    mlp_ratio: float = 4.0
    enable_fusion: bool = False
    aff_block_r: int = 4
    layer_norm_eps: float = 1e-5

    def __post_init__(self) -> None:
        if self.spec_size % self.num_mel_bins or self.spec_size % (self.patch_stride * 2 ** (len(self.depths) - 1)):
            raise ValueError(
                f"spec_size {self.spec_size} is no multiple of num_mel_bins {self.num_mel_bins}, or its patches can't "
                f"be halved {len(self.depths) - 1} times"
            )
        if len(self.depths) != len(self.num_attention_heads):
            raise ValueError(
                f"depths {self.depths} and num_attention_heads {self.num_attention_heads} differ in length"
            )
        if self.grid // 2 ** (len(self.depths) - 1) < self.window_size:
            raise ValueError(f"the last stage has fewer patches than window_size {self.window_size}")

    @property
    def grid(self) -> int:
        """Patches along a side of the image."""
        return self.spec_size // self.patch_stride

    @property
    def hidden_size(self) -> int:
        """Width of the tower's pooled output."""
        return self.patch_embeds_hidden_size * 2 ** (len(self.depths) - 1)


@dataclass(frozen=True)
class ClapConfig:
    """Both towers and the space they share.

    Attributes:
        text: sizes of the text tower, a RoBERTa.
        audio: sizes of the sound tower.
        projection_dim: width of the space.
    """

    text: TransformerConfig = field(default_factory=lambda: TransformerConfig("roberta", 50_265, type_vocab_size=1))
    audio: ClapAudioConfig = field(default_factory=ClapAudioConfig)
    projection_dim: int = 512

    @classmethod
    def from_json(cls, values: Mapping[str, Any], where: str = "config.json") -> ClapConfig:
        """The fields of a parsed `config.json`.

        Raises:
            ValueError: another architecture, an unknown entry, or a size that is missing or none; names `where` and the
                entry.
        """
        if values.get("model_type") != "clap":
            raise ValueError(f"{where}: model_type is {values.get('model_type')!r}; ClapModel runs 'clap'")
        _check(where, "", values, _TOP)
        parts = {name: values.get(name) for name in ("text_config", "audio_config")}
        if missing := [name for name, part in parts.items() if not isinstance(part, Mapping)]:
            raise ValueError(f"{where}: {missing[0]} is missing")
        text, audio = parts["text_config"], parts["audio_config"]
        assert text is not None
        assert audio is not None
        _check(where, "text_config.", text, _TEXT)
        known = {*ClapAudioConfig.__dataclass_fields__, *_FIXED, *_LEFT_OUT, "fusion_type"}
        _check(where, "audio_config.", audio, known)
        if audio.get("enable_fusion") and audio.get("fusion_type") not in (None, "aff_2d"):
            raise ValueError(
                f"{where}: audio_config.fusion_type {audio['fusion_type']!r} is unknown: 'aff_2d' is known"
            )
        sizes = {name: audio[name] for name in ClapAudioConfig.__dataclass_fields__ if audio.get(name) is not None}
        for name in ("patch_size", "patch_stride"):
            sizes[name] = _side(where, name, sizes.get(name, 4))
        for name in ("depths", "num_attention_heads"):
            if name in sizes:
                sizes[name] = tuple(sizes[name])
        defaults = {"vocab_size": 50_265, "hidden_size": 768, "num_hidden_layers": 12, "num_attention_heads": 12,
                    "intermediate_size": 3072, "max_position_embeddings": 514, "type_vocab_size": 1}  # fmt: skip
        whole = {"layer_norm_eps": 1e-12, **defaults, **text, "model_type": "roberta"}
        try:
            return cls(
                TransformerConfig.from_json(whole, where), ClapAudioConfig(**sizes), values.get("projection_dim", 512)
            )
        except ValueError as error:
            raise ValueError(f"{where}: {str(error).removeprefix(f'{where}: ')}") from None


def clap_input(values: Mapping[str, Any], config: ClapConfig, where: str = "preprocessor_config.json") -> ClapInput:
    """The feature extractor of a parsed `preprocessor_config.json`.

    Raises:
        ValueError: an unknown entry, one that is no number, or settings that don't fit the model.
    """
    _check(where, "", values, _EXTRACTOR)
    is_fused = values.get("truncation", "fusion") == "fusion"
    if values.get("truncation", "fusion") not in ("fusion", "rand_trunc"):
        raise ValueError(f"{where}: truncation {values['truncation']!r} is neither 'fusion' nor 'rand_trunc'")
    if values.get("padding", "repeatpad") not in ("repeatpad", "repeat", "pad"):
        raise ValueError(f"{where}: padding {values['padding']!r} is none of 'repeatpad', 'repeat' and 'pad'")
    if values.get("top_db") is not None:
        raise ValueError(f"{where}: top_db is {values['top_db']!r}; CLAP's extractor has none")
    defaults = {"sampling_rate": 48_000, "hop_length": 480, "fft_window_size": 1024, "feature_size": 64,
                "max_length_s": 10}  # fmt: skip
    whole = {name: values.get(name, default) for name, default in defaults.items()}
    low, high = values.get("frequency_min", 0), values.get("frequency_max", 14_000)
    for name, value in {**whole, "frequency_min": low + 1, "frequency_max": high}.items():
        if not isinstance(value, int | float) or isinstance(value, bool) or value <= 0:
            raise ValueError(f"{where}: {name} is {value!r}, no positive number")
    samples = round(whole["max_length_s"] * whole["sampling_rate"])
    if values.get("nb_max_samples", samples) != samples:
        raise ValueError(
            f"{where}: nb_max_samples is {values['nb_max_samples']}, but {whole['max_length_s']} s at "
            f"{whole['sampling_rate']} Hz are {samples}: one of them was changed"
        )
    if high > whole["sampling_rate"] / 2:
        raise ValueError(f"{where}: frequency_max {high} lies above half of the sampling rate {whole['sampling_rate']}")
    made = ClapInput(
        whole["sampling_rate"],
        whole["fft_window_size"],
        whole["hop_length"],
        whole["feature_size"],
        float(low),
        float(high),
        samples,
        is_fused,
        values.get("padding", "repeatpad"),
    )
    widest = config.audio.spec_size * (config.audio.spec_size // config.audio.num_mel_bins)
    if made.n_mels != config.audio.num_mel_bins or made.frames > widest:
        raise ValueError(
            f"{where}: spectrograms of {made.n_mels} bands × {made.frames} frames don't fit the model, which takes "
            f"{config.audio.num_mel_bins} × {widest} at most"
        )
    if config.audio.enable_fusion != is_fused:
        raise ValueError(f"{where}: truncation {values.get('truncation', 'fusion')!r} is not that of the model")
    return made


def _check(where: str, prefix: str, values: Mapping[str, Any], known: set[str]) -> None:
    unknown = sorted(values.keys() - known - _GENERAL - _TRAINING)
    if unknown:
        raise ValueError(f"{where} has the unknown entry {prefix}{unknown[0]}: this jaxmusic can't tell what it means")
    for name, expected in _FIXED.items():
        if values.get(name) not in (None, expected):
            raise ValueError(f"{where}: {prefix}{name} is {values[name]!r}; ClapModel has {expected!r}")


def _side(where: str, name: str, value: int | Sequence[int]) -> int:
    sides = {value} if isinstance(value, int) else set(value)
    if len(sides) != 1:
        raise ValueError(f"{where}: audio_config.{name} {value} is no square")
    return sides.pop()
