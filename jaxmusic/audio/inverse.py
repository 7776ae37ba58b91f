"""Spectra → waveforms: the inverse STFT, and Griffin-Lim where the phase is unknown."""

from __future__ import annotations

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from jaxtyping import Array, Complex, Float, PRNGKeyArray

from jaxmusic._arrays import whole
from jaxmusic.audio import filters
from jaxmusic.audio.batching import each_clip
from jaxmusic.audio.checks import checking, magnitudes, transform
from jaxmusic.audio.filters import Window
from jaxmusic.audio.spectral import STFT_ARGUMENTS, TINY, spectra, window_and_hop


@checking(stft_matrix=transform, length=whole)
@partial(jax.jit, static_argnames=("hop_length", "win_length", "n_fft", "window", "center", "length"))
def istft(
    stft_matrix: Complex[Array, "*batch bins frames"],
    *,
    hop_length: int | None = None,
    win_length: int | None = None,
    n_fft: int | None = None,
    window: Window = "hann",
    center: bool = True,
    length: int | None = None,
) -> Float[Array, "*batch samples"]:
    """Inverse short-time Fourier transform: overlapped, added, and divided by the squared windows' sum.

    Args:
        stft_matrix: `[…, 1 + n_fft // 2, frames]` complex64.
        hop_length, win_length, window, center: as given to `stft`.
        n_fft: FFT length in samples; default twice the bins less one.
        length: samples of the result, cropped or padded with zeros; default what the frames cover.

    Returns:
        `[…, samples]` float32. The oracle is `librosa.istft`.

    >>> from jaxmusic.audio import stft
    >>> y = jnp.sin(jnp.arange(4096) / 10)
    >>> bool(jnp.abs(istft(stft(y), length=4096) - y).max() < 1e-5)
    True
    """
    stft_matrix = jnp.asarray(stft_matrix)
    n_fft = 2 * (stft_matrix.shape[-2] - 1) if n_fft is None else n_fft
    win_length, hop_length = window_and_hop(n_fft, win_length, hop_length)

    def of_clip(X: Array) -> Array:
        return overlap_add(X.T, n_fft, hop_length, win_length, window, center, length)

    return each_clip(of_clip, stft_matrix, axes=(2,))


def overlap_add(
    X: Complex[Array, "frames bins"],
    n_fft: int,
    hop_length: int,
    win_length: int,
    window: Window,
    center: bool,
    length: int | None,
    valid: Array | None = None,
) -> Float[Array, " samples"]:
    """One clip's inverse STFT; frames where `valid` is False are left out, as if the clip had ended before."""
    shape = filters.window(window, win_length, n_fft)
    frames = X.shape[0]
    used = jnp.ones(frames, jnp.float32) if valid is None else valid.astype(jnp.float32)
    pieces = jnp.fft.irfft(X * used[:, None], n=n_fft, axis=-1) * shape
    y = _add_up(pieces, hop_length)
    weight = _add_up(used[:, None] * np.square(shape), hop_length)
    y = y / jnp.where(weight > TINY, weight, 1.0)
    start = n_fft // 2 if center else 0
    size = y.shape[-1] - 2 * start if length is None else length
    y = y[start : start + size]
    return jnp.pad(y, (0, size - y.shape[-1]))


def _add_up(pieces: Float[Array, "frames length"], hop_length: int) -> Float[Array, " samples"]:
    frames, length = pieces.shape
    overlap = -(-length // hop_length)
    pieces = jnp.pad(pieces, ((0, 0), (0, overlap * hop_length - length)))
    blocks = pieces.reshape(frames, overlap, hop_length)
    total = sum(jnp.pad(blocks[:, i], ((i, overlap - 1 - i), (0, 0))) for i in range(overlap))
    return jnp.ravel(total)[: (frames - 1) * hop_length + length]


@checking(S=magnitudes, n_iter=whole, length=whole)
@partial(jax.jit, static_argnames=(*STFT_ARGUMENTS, "n_iter", "length", "momentum"))
def griffinlim(
    S: Float[Array, "*batch bins frames"],
    *,
    key: PRNGKeyArray | None = None,
    n_iter: int = 32,
    hop_length: int | None = None,
    win_length: int | None = None,
    n_fft: int | None = None,
    window: Window = "hann",
    center: bool = True,
    length: int | None = None,
    pad_mode: str = "constant",
    momentum: float = 0.99,
) -> Float[Array, "*batch samples"]:
    """A waveform whose magnitude spectrogram is close to `S`, found by the fast Griffin-Lim algorithm.

    Args:
        S: `[…, bins, frames]` magnitude spectrogram.
        key: the first phases are drawn from it; None starts with all phases 0, as `init=None` does in librosa.
        n_iter: iterations.
        hop_length, win_length, n_fft, window, center, length: see `istft`.
        pad_mode: see `stft`.
        momentum: 0 for the original algorithm; near 1 converges faster.

    Returns:
        `[…, samples]` float32. The oracle is `librosa.griffinlim` with `init=None`.

    Raises:
        ValueError: a momentum outside [0, 1].

    Source: Perraudin, Balazs and Søndergaard, "A fast Griffin-Lim algorithm", WASPAA 2013, algorithm 2.
    """
    if not 0 <= momentum <= 1:
        raise ValueError(f"momentum must lie between 0 and 1, got {momentum}")
    S = jnp.asarray(S)
    S = S.astype(jnp.result_type(S, jnp.float32))
    size = 2 * (S.shape[-2] - 1) if n_fft is None else n_fft
    win_length, hop_length = window_and_hop(size, win_length, hop_length)
    back = (size, hop_length, win_length, window, center, length)
    forth = (size, hop_length, win_length, window, center, pad_mode)

    def of_clip(S: Array, phases: Array) -> Array:
        S = S.T

        def improve(_: int, state: tuple[Array, Array]) -> tuple[Array, Array]:
            estimate, previous = state
            rebuilt = spectra(overlap_add(estimate, *back), *forth)
            accelerated = rebuilt - momentum / (1 + momentum) * previous
            return S * accelerated / (jnp.abs(accelerated) + TINY), rebuilt

        # The first iteration has no predecessor to lean on: zeros leave it out.
        start = S * jnp.exp(1j * phases.T), jnp.zeros(S.shape, jnp.result_type(S, jnp.complex64))
        return overlap_add(lax.fori_loop(0, n_iter, improve, start)[0], *back)

    # Of the spectrogram's own width, in 64-bit mode, too.
    zeros = jnp.zeros(S.shape, S.dtype)
    phases = zeros if key is None else jax.random.uniform(key, S.shape, S.dtype, maxval=2 * np.pi)
    return each_clip(of_clip, S, phases, axes=(2, 2))
