"""What pretrained nets of sound take: waveforms → the spectrogram that each was trained on."""

from __future__ import annotations

import jax.numpy as jnp
from jaxtyping import Array, Float

from jaxmusic.audio.spectral import melspectrogram

MUSICNN_RATE, MUSICNN_HOP, MUSICNN_FFT, MUSICNN_FRAMES = 16_000, 256, 512, 187


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
