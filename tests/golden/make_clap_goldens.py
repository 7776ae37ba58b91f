"""Embeddings of small random CLAP models by PyTorch transformers: `clap_{unfused,fused}/`.

    python tests/golden/make_clap_goldens.py      # needs torch and transformers (tested: 2.13.0, 5.23.0)

Each folder holds a model in the hub's layout as that library writes it (`config.json`, `model.safetensors`,
`preprocessor_config.json`, and a tokenizer of few words), and `expected.npz`: waveforms and what the feature extractor
makes of them, `input_features` and `is_longer` of both towers' inputs, and the normalised embeddings of audio and text.
"""

import json
from pathlib import Path

import numpy as np
import torch
from tokenizers import Tokenizer, models, pre_tokenizers, processors
from transformers import ClapConfig, ClapFeatureExtractor, ClapModel

FOLDER = Path(__file__).parent
WORDS = [
    "<s>",
    "<pad>",
    "</s>",
    "<unk>",
    "<mask>",
    "the",
    "sound",
    "of",
    "a",
    "slow",
    "piano",
    "loud",
    "drums",
    "rain",
    "sings",
    "and",
    "in",
    "music",
]
TEXT = {
    "vocab_size": len(WORDS),
    "hidden_size": 16,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "intermediate_size": 24,
    "max_position_embeddings": 20,
}
# A grid of 32 × 32 patches that each stage halves; the extractor's fusion is written for 64 bands.
AUDIO = {
    "spec_size": 256, "num_mel_bins": 64, "window_size": 8, "patch_size": 8, "patch_stride": [8, 8],
    "depths": [2, 2, 1], "num_attention_heads": [1, 2, 2], "patch_embeds_hidden_size": 8, "hidden_size": 32,
    "num_hidden_layers": 3,
}  # fmt: skip
EXTRACTOR = {
    "feature_size": 64, "sampling_rate": 8000, "hop_length": 80, "fft_window_size": 512, "max_length_s": 1,
    "frequency_min": 50, "frequency_max": 3900,
}  # fmt: skip
SECONDS = (0.35, 2.6)


def main() -> None:
    """Write the two folders."""
    for seed, name in enumerate(("unfused", "fused")):
        torch.manual_seed(seed)
        np.random.seed(seed)  # noqa: NPY002 - the extractor draws from it
        is_fused = name == "fused"
        fused = {"enable_fusion": True, "fusion_type": "aff_2d"} if is_fused else {}
        config = ClapConfig(
            text_config=TEXT,
            audio_config={**AUDIO, **fused},
            projection_dim=12,
        )
        model = ClapModel(config).eval()
        with torch.no_grad():
            # Fresh biases are 0 and norms 1, which would hide a mix-up; variances stay positive.
            for parameter in model.parameters():
                parameter.add_(0.2 * torch.randn_like(parameter))
            for key, buffer in model.named_buffers():
                if key.endswith(("running_mean", "running_var")):
                    buffer.add_(0.5 * torch.rand_like(buffer))
        folder = FOLDER / f"clap_{name}"
        model.save_pretrained(folder)
        (folder / "model.safetensors").chmod(0o644)
        truncation = "fusion" if is_fused else "rand_trunc"
        extractor = ClapFeatureExtractor(**EXTRACTOR, truncation=truncation, padding="repeatpad")
        extractor.save_pretrained(folder)
        write_tokenizer(folder)
        np.savez_compressed(folder / "expected.npz", **expected(model, extractor, is_fused))


def expected(model: ClapModel, extractor: ClapFeatureExtractor, is_fused: bool) -> dict[str, np.ndarray]:
    """Inputs and outputs of both towers."""
    rng = np.random.default_rng(7)
    rate = EXTRACTOR["sampling_rate"]
    sounds = [(0.1 * rng.standard_normal(round(rate * seconds))).astype(np.float32) for seconds in SECONDS]
    # Where the crops of the long sound begin is random: what the generator gave is found again by its seed.
    np.random.seed(3)  # noqa: NPY002
    inputs = extractor(sounds, sampling_rate=rate, return_tensors="np")
    features, is_longer = np.asarray(inputs["input_features"], np.float32), np.asarray(inputs["is_longer"], bool)[:, 0]
    ids = torch.tensor([[0, 5, 6, 7, 8, 9, 2], [0, 11, 12, 2, 1, 1, 1], [0, 13, 2, 1, 1, 1, 1]])
    with torch.no_grad():
        audio = model.get_audio_features(torch.tensor(features), is_longer=torch.tensor(is_longer)[:, None])
        text = model.get_text_features(input_ids=ids, attention_mask=(ids != 1).long())
        hidden = model.audio_model(torch.tensor(features), is_longer=torch.tensor(is_longer)[:, None])
    return {
        **{f"sound_{i}": sound for i, sound in enumerate(sounds)},
        "input_features": features,
        "is_longer": is_longer,
        "starts": starts(is_fused, len(sounds[-1])),
        "input_ids": ids.numpy(),
        "attention_mask": (ids != 1).numpy(),
        "audio_embeds": audio.pooler_output.numpy(),
        "text_embeds": text.pooler_output.numpy(),
        "audio_pooled": hidden.pooler_output.numpy(),
    }


def starts(is_fused: bool, samples: int) -> np.ndarray:
    """Where the extractor's random crops begin: the sample of the one, or the frames of the three."""
    np.random.seed(3)  # noqa: NPY002
    longest = EXTRACTOR["max_length_s"] * EXTRACTOR["sampling_rate"]
    if not is_fused:
        return np.array([np.random.randint(0, samples - longest + 1)])  # noqa: NPY002
    frames, chunk = samples // EXTRACTOR["hop_length"] + 1, longest // EXTRACTOR["hop_length"] + 1
    parts = np.array_split(range(frames - chunk + 1), 3)
    return np.array([np.random.choice(part) for part in parts])  # noqa: NPY002


def write_tokenizer(folder: Path) -> None:
    """Whole words between RoBERTa's marks."""
    tokenizer = Tokenizer(models.WordLevel({word: i for i, word in enumerate(WORDS)}, unk_token="<unk>"))
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    tokenizer.post_processor = processors.RobertaProcessing(("</s>", 2), ("<s>", 0))
    tokenizer.save(str(folder / "tokenizer.json"))
    settings = {"model_max_length": 18, "pad_token": "<pad>", "tokenizer_class": "PreTrainedTokenizerFast"}
    (folder / "tokenizer_config.json").write_text(json.dumps(settings, indent=2) + "\n")


if __name__ == "__main__":
    main()
