"""What pretrained nets of sound take: waveforms → the spectrogram that each was trained on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from jaxmusic.audio.checks import checking
from jaxmusic.audio.decibels import power_to_db
from jaxmusic.audio.spectral import melspectrogram

MUSICNN_RATE, MUSICNN_HOP, MUSICNN_FFT, MUSICNN_FRAMES = 16_000, 256, 512, 187


@checking()
def musicnn_mel(y: Float[Array, "*batch samples"], *, center: bool = True) -> Float[Array, "*batch 96 frames"]:
    """The input of `models.MusicCNN` and `models.MusicVGG`: `log10(1 + 10,000 · mel)`.

    Args:
        y: `[…, samples]` float32 waveform at 16 kHz.
        center: pad the ends with silence, so that frame t is centred on sample 256 t; else it starts there.

    Returns:
        `[…, 96, frames]` float32: frames of 512 samples, 256 apart. The nets were trained on 187 of them.

    Raises:
        ValueError: no samples, or fewer than one frame.

    Source: Pons and Serra (2019). The authors' loader rounds the mel spectrogram to half precision before the
    logarithm; this does not.

    >>> musicnn_mel(jnp.zeros(16_000)).shape
    (96, 63)
    """
    mel = melspectrogram(y, sr=MUSICNN_RATE, n_fft=MUSICNN_FFT, hop_length=MUSICNN_HOP, n_mels=96, center=center)
    return jnp.log10(1 + 10_000 * mel)


@dataclass(frozen=True)
class ClapInput:
    """The feature extractor of a CLAP model; `models.load_clap` reads its settings from the model's folder.

    Attributes:
        sampling_rate: of the waveforms in Hz.
        n_fft: FFT length in samples.
        hop_length: samples between frames.
        n_mels: mel bands.
        fmin: lowest frequency in Hz.
        fmax: highest frequency in Hz.
        max_samples: length of a clip; longer ones are cropped.
        is_fused: whether the model fuses a long clip's crops with a view of all of it. The mel scale is HTK's then,
            else Slaney's.
        padding: of a shorter clip: `"repeatpad"` (as often as it fits whole, silence behind), `"repeat"` or `"pad"`.

    Source: Wu et al., "Large-scale contrastive language-audio pretraining with feature fusion and keyword-to-caption
    augmentation" (ICASSP 2023), section 2.4; the numbers are those of Hugging Face's ClapFeatureExtractor.
    """

    sampling_rate: int = 48_000
    n_fft: int = 1024
    hop_length: int = 480
    n_mels: int = 64
    fmin: float = 50.0
    fmax: float = 14_000.0
    max_samples: int = 480_000
    is_fused: bool = False
    padding: Literal["repeatpad", "repeat", "pad"] = "repeatpad"

    @property
    def frames(self) -> int:
        """Frames of a clip of `max_samples`."""
        return 1 + self.max_samples // self.hop_length

    def mel(self, y: Float[Array, "*batch samples"]) -> Float[Array, "*batch n_mels frames"]:
        """Waveforms of any length → their mel spectrograms in dB, `[…, n_mels, frames]` float32, centred frames."""
        mel = melspectrogram(
            y,
            sr=self.sampling_rate,
            n_fft=self.n_fft,
            hop_length=self.hop_length,
            n_mels=self.n_mels,
            fmin=self.fmin,
            fmax=self.fmax,
            htk=self.is_fused,
            norm=None if self.is_fused else "slaney",
            pad_mode="reflect",
        )
        return power_to_db(mel, top_db=None)

    def __call__(
        self, y: Float[Array, " samples"], *, starts: Sequence[int] | None = None
    ) -> tuple[Float[Array, "views n_mels frames"], bool]:
        """One clip → what the model's sound tower takes, and whether the clip is longer than `max_samples`.

        Args:
            y: `[samples]` float32 waveform.
            starts: where the crops of a longer clip begin: one sample, or with `is_fused` three frames. The original
                draws them; None: the first third's first, the middle third's middle and the last third's last frame,
                and without fusion the middle of the clip.

        Returns:
            `[1, n_mels, frames]`, or `[4, n_mels, frames]` with `is_fused`: all of the clip shrunk, and three crops;
            and a bool.

        Raises:
            ValueError: no samples, or another number of starts, or one beyond the clip.
        """
        y = jnp.asarray(y)
        if y.ndim != 1 or not len(y):
            raise ValueError(f"a clip is [samples] with one sample at least, got shape {y.shape}")
        is_longer = len(y) > self.max_samples
        if not is_longer:
            mel = self.mel(self._padded(y))
        elif not self.is_fused:
            (start,) = self._starts(starts, len(y) - self.max_samples + 1, 1)
            mel = self.mel(y[start : start + self.max_samples])
        else:
            mel = self.mel(y)
            places = mel.shape[-1] - self.frames + 1
            if places > 1:
                crops = [mel[:, i : i + self.frames] for i in self._starts(starts, places, 3)]
                return jnp.stack([mel @ jnp.asarray(_shrink(mel.shape[-1], self.frames)), *crops]), True
            is_longer = False
        return jnp.stack([mel] * (4 if self.is_fused else 1)), is_longer

    def _padded(self, y: Array) -> Array:
        times = self.max_samples // len(y)
        if self.padding == "repeat":
            y = jnp.tile(y, times + 1)[: self.max_samples]
        elif self.padding == "repeatpad":
            y = jnp.tile(y, times)
        return jnp.pad(y, (0, self.max_samples - len(y)))

    def _starts(self, starts: Sequence[int] | None, places: int, count: int) -> Sequence[int]:
        if starts is None:
            starts = ((places - 1) // 2,) if count == 1 else (0, (places - 1) // 2, places - 1)
        if len(starts) != count or min(starts) < 0 or max(starts) >= places:
            raise ValueError(f"starts {tuple(starts)} must be {count} of 0 to {places - 1}")
        return starts


def _shrink(frames: int, wanted: int) -> np.ndarray:
    """`[frames, wanted]` weights of PyTorch's linear interpolation without aligned corners."""
    place = np.maximum((np.arange(wanted) + 0.5) * frames / wanted - 0.5, 0)
    low = np.floor(place).astype(int)
    matrix = np.zeros((frames, wanted), np.float32)
    columns = np.arange(wanted)
    np.add.at(matrix, (low, columns), 1 - (place - low))
    np.add.at(matrix, (np.minimum(low + 1, frames - 1), columns), place - low)
    return matrix
