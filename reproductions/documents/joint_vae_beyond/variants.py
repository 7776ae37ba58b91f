"""Beyond the Joint VAE document: the variants, all of them settings of one `JointVAE`."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from jaxmusic import augment


@dataclass(frozen=True)
class Variant:
    """One JointVAE; the defaults are the base that every other variant changes in one or two places."""

    audio: str = "features"
    """features (statistics and dynamics of the mels on their principal components), sound (a pretrained net's embedding
    on its own), features+sound (both), statistics (the document's FC-VAE input), or frames (the spectrogram itself,
    standardised per band)."""
    encoder: str = "vector"
    """vector (an MLP), transformer or convolution (these two on frames)."""
    lyrics: str = "base"
    """base (sentence+lexical, or tfidf+lexical where there is no sentence encoder), or any of tfidf, language_aware,
    unpaired (TF-IDF fitted with further lyrics), sentence, each alone or with +lexical."""
    fusion: str = "poe"
    alignment: str = "info_nce"
    alignment_weight: float = 100.0
    """Against a reconstruction error summed over elements; about a hundred of them here."""
    temperature: float = 0.1
    latent: int = 32
    beta: float = 1.0
    reduction: str = "sum"
    warmup_epochs: int = 0
    """Epochs over which beta rises from 0."""
    free_bits: float = 0.0
    learned_weights: bool = False
    label_weight: float = 0.0
    """Of the cross-entropy of a linear head that names the training part's genre."""
    start: str = ""
    """unpaired: train first on the same clips with no pair kept, and on further lyrics where the lyrics are
    of the unpaired kind. cca: start from the posteriors of probabilistic CCA, for linear encoders."""
    widths: tuple[int, ...] | None = None
    """Hidden widths; None: the config's."""
    epochs: int | None = None
    """None: the config's."""
    transform: augment.Transform | None = None
    """What changes a training batch; see jaxmusic.augment."""


BASE = Variant()
_PLAIN = replace(BASE, alignment_weight=0.0)
RECONSTRUCTION_ONLY = {
    "averaged error, reconstruction only": replace(_PLAIN, fusion="average", reduction="mean"),
    **{
        f"{fusion}, reconstruction only": replace(_PLAIN, fusion=fusion)
        for fusion in ("average", "poe", "moe", "gated", "attention")
    },
}
_CONVOLUTION = {"audio": "frames", "encoder": "convolution", "alignment_weight": 2000.0}
_CHANGES: dict[str, dict[str, Any]] = {
    "document's inputs": {"audio": "statistics", "lyrics": "tfidf"},
    "TF-IDF lyrics": {"lyrics": "tfidf"},
    "TF-IDF + lexical": {"lyrics": "tfidf+lexical"},
    "unpaired TF-IDF + lexical": {"lyrics": "unpaired+lexical"},
    "sentence encoder": {"lyrics": "sentence"},
    "statistics audio": {"audio": "statistics"},
    "sound encoder": {"audio": "sound"},
    "sound encoder + features": {"audio": "features+sound"},
    "triplet": {"alignment": "triplet", "alignment_weight": 500.0},
    "average": {"fusion": "average"},
    "moe": {"fusion": "moe"},
    "gated": {"fusion": "gated"},
    "attention": {"fusion": "attention"},
    "temperature 0.3": {"temperature": 0.3},
    "latent 8": {"latent": 8},
    "latent 64": {"latent": 64},
    "β 0.1": {"beta": 0.1},
    "β 4": {"beta": 4.0},
    "averaged error": {"reduction": "mean", "alignment_weight": 1.0},
    "alignment 300": {"alignment_weight": 300.0},
    "KL warm-up": {"warmup_epochs": 20},
    "free bits": {"free_bits": 0.1},
    "learned weights": {"learned_weights": True},
    "labels": {"label_weight": 20.0},
    "labels, reconstruction only": {"label_weight": 20.0, "alignment_weight": 0.0},
    "pretrained, unpaired": {"start": "unpaired"},
    "pretrained, temperature 0.3": {"start": "unpaired", "temperature": 0.3},
    "pretrained, average, temperature 0.3, labels": {
        "start": "unpaired",
        "temperature": 0.3,
        "fusion": "average",
        "label_weight": 20.0,
    },
    "pretrained, further lyrics": {"start": "unpaired", "lyrics": "unpaired+lexical"},
    "linear": {"widths": ()},
    "linear, started from CCA": {"widths": (), "start": "cca", "epochs": 20},
    "linear, started from CCA, labels": {"widths": (), "start": "cca", "epochs": 20, "label_weight": 20.0},
    # A spectrogram has some thousand elements, not some hundred.
    "transformer": {"audio": "frames", "encoder": "transformer", "alignment_weight": 2000.0},
    "convolution": _CONVOLUTION,
    "modality dropout": {"transform": augment.ModalityDropout(0.3, ("audio", "lyrics"))},
    "noise": {"transform": augment.GaussianNoise(10.0, 20.0, entry=("inputs", "audio"))},
    "convolution, SpecAugment": _CONVOLUTION | {"transform": augment.SpecAugment(8, 16, entry=("inputs", "audio"))},
}
VARIANTS: dict[str, Variant] = {
    **RECONSTRUCTION_ONLY,
    "base": BASE,
    **{name: replace(BASE, **changes) for name, changes in _CHANGES.items()},
}
# What a user's first run shows; the rest is the ablation.
QUICK = (
    "average, reconstruction only", "poe, reconstruction only", "document's inputs", "base", "sound encoder",
    "sound encoder + features", "average", "moe", "gated", "attention", "triplet", "learned weights", "labels",
    "pretrained, unpaired", "pretrained, average, temperature 0.3, labels", "linear, started from CCA",
)  # fmt: skip


def is_choosable(name: str) -> bool:
    """Whether a variant is in the search; one without alignment is there for comparison."""
    return VARIANTS[name].alignment_weight > 0
