"""How a clip moves: what means and deviations of mel bands leave out, as one vector."""

from __future__ import annotations

from functools import partial
from itertools import pairwise

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float

from jaxmusic.audio.checks import checking, real
from jaxmusic.audio.filters import dct
from jaxmusic.audio.spectral import root

# Keeps the logarithm finite where nothing moves; in squared dB, far below what music has.
_FLOOR = 1e-3


@checking(mel=partial(real, axes=2))
@partial(jax.jit, static_argnames=("n_mfcc", "n_bands"))
def mel_dynamics(
    mel: Float[Array, "*batch n_mels frames"],
    mask: Bool[Array, "*batch frames"] | None = None,
    *,
    n_mfcc: int = 10,
    n_bands: int = 8,
) -> Float[Array, "*batch features"]:
    """Frame-to-frame change of every mel band, covariance of the MFCCs, and their modulation spectrum.

    Args:
        mel: `[…, n_mels, frames]`, in dB, two frames at least.
        mask: `[…, frames]` bool, False where a frame is padding; None counts all.
        n_mfcc: cepstral coefficients taken of the mel bands, at most `n_mels`.
        n_bands: bands of modulation frequency, evenly spaced on a logarithmic axis from one cycle per `frames` to the
            Nyquist frequency; short spectrograms have fewer, as `modulation_bands` says.

    Returns:
        `[…, n_mels + n_mfcc (n_mfcc + 1) / 2 + n_mfcc · bands]` float32: the root mean square difference of
        neighbouring frames in dB for each band; the upper triangle of the coefficients' covariance over time in
        dB²; the logarithm of their modulation power in each band.

    Raises:
        ValueError: fewer than two frames, or more coefficients than bands.

    Source: modulation energies after McKinney and Breebaart, Features for audio and music classification (2003); the
    covariance of MFCCs after Mandel and Ellis, Song-level features and support vector machines (2005).

    >>> mel_dynamics(jnp.zeros((2, 16, 32)), n_mfcc=4, n_bands=2).shape
    (2, 34)
    """
    mel = jnp.asarray(mel, jnp.float32)
    n_mels, frames = mel.shape[-2:]
    if frames < 2 or not 1 <= n_mfcc <= n_mels:
        raise ValueError(f"{n_mfcc} coefficients of {n_mels} bands and {frames} frames: two frames at least")
    counted = jnp.ones((*mel.shape[:-2], frames), bool) if mask is None else jnp.asarray(mask)
    counted = jnp.broadcast_to(counted, (*mel.shape[:-2], frames))[..., None, :]
    both = counted[..., 1:] & counted[..., :-1]
    change = jnp.where(both, mel[..., 1:] - mel[..., :-1], 0.0)
    flux = root(jnp.square(change).sum(-1) / jnp.maximum(both.sum(-1), 1))

    count = jnp.maximum(counted.sum(-1, keepdims=True), 1)
    cepstra = jnp.einsum("cm,...mt->...ct", jnp.asarray(dct(n_mfcc, n_mels), jnp.float32), mel)
    mean = jnp.where(counted, cepstra, 0.0).sum(-1, keepdims=True) / count
    centred = jnp.where(counted, cepstra - mean, 0.0)
    covariance = jnp.einsum("...ct,...dt->...cd", centred, centred) / count
    rows, columns = np.triu_indices(n_mfcc)

    power = jnp.square(jnp.abs(jnp.fft.rfft(centred, axis=-1))) / count
    edges = modulation_bands(frames, n_bands)
    bands = jnp.stack([power[..., a:b].mean(-1) for a, b in pairwise(edges)], axis=-1)
    modulation = jnp.log(bands + _FLOOR)
    return jnp.concatenate(
        [flux, covariance[..., rows, columns], modulation.reshape(*modulation.shape[:-2], -1)], axis=-1
    )


def modulation_bands(frames: int, n_bands: int) -> tuple[int, ...]:
    """Edges, in bins of a transform over `frames`, of at most `n_bands` bands of modulation frequency.

    >>> modulation_bands(64, 4), modulation_bands(6, 4)
    ((1, 2, 5, 13, 33), (1, 2, 4))
    """
    edges = np.geomspace(1, frames // 2 + 1, n_bands + 1)
    # Bands narrower than one bin are merged with the next.
    return tuple(int(edge) for edge in np.unique(np.floor(edges + 1e-9).astype(int)))
