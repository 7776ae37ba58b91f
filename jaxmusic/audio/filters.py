"""Filter banks as NumPy constants, made once for each set of parameters."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import Any

import numpy as np
from jaxtyping import Float

# Slaney's scale: linear below 1 kHz, then logarithmic with 27 bands to a factor of 6.4.
_LINEAR_STEP = 200.0 / 3
_BREAK_HZ, _BREAK_MEL = 1000.0, 15.0
_LOG_STEP = np.log(6.4) / 27

Window = str | float | tuple[Any, ...] | Callable[[int], Any]
"""A window: a name of SciPy's, with its parameters in a tuple; a function of the number of samples; samples."""


def hz_to_mel(frequencies: Float[np.ndarray, ...] | float, *, htk: bool = False) -> Float[np.ndarray, ...]:
    """Frequencies in Hz on the mel scale of Slaney (1998), or of HTK.

    Args:
        frequencies: Hz, of any shape.
        htk: HTK's formula in place of Slaney's.

    Returns:
        Mels, float64, of that shape. The oracle is `librosa.hz_to_mel`.

    >>> float(hz_to_mel(1000.0))
    15.0
    """
    frequencies = np.asarray(frequencies, np.float64)
    if htk:
        return 2595.0 * np.log10(1 + frequencies / 700.0)
    logarithmic = _BREAK_MEL + np.log(np.maximum(frequencies, 1e-10) / _BREAK_HZ) / _LOG_STEP
    return np.where(frequencies < _BREAK_HZ, frequencies / _LINEAR_STEP, logarithmic)


def mel_to_hz(mels: Float[np.ndarray, ...] | float, *, htk: bool = False) -> Float[np.ndarray, ...]:
    """The inverse of `hz_to_mel`.

    Args:
        mels: of any shape.
        htk: HTK's formula in place of Slaney's.

    Returns:
        Hz, float64, of that shape. The oracle is `librosa.mel_to_hz`.
    """
    mels = np.asarray(mels, np.float64)
    if htk:
        return 700.0 * (10.0 ** (mels / 2595.0) - 1)
    return np.where(mels < _BREAK_MEL, mels * _LINEAR_STEP, _BREAK_HZ * np.exp(_LOG_STEP * (mels - _BREAK_MEL)))


@lru_cache(maxsize=32)
def mel(
    *,
    sr: float,
    n_fft: int,
    n_mels: int = 128,
    fmin: float = 0.0,
    fmax: float | None = None,
    htk: bool = False,
    norm: str | float | None = "slaney",
) -> Float[np.ndarray, "n_mels bins"]:
    """Triangular mel filters.

    Args:
        sr: sampling rate in Hz.
        n_fft: FFT length; there are `1 + n_fft // 2` bins.
        n_mels: number of bands.
        fmin: lowest frequency in Hz.
        fmax: highest frequency in Hz; default `sr / 2`.
        htk: use HTK's scale instead of Slaney's.
        norm: `"slaney"` gives every filter unit area; a number is the order of the norm that becomes 1, `np.inf` among
            them; None leaves a peak of 1 in Hz.

    Returns:
        `[n_mels, 1 + n_fft // 2]` float32, read-only. The oracle is `librosa.filters.mel`.

    Raises:
        ValueError: an unknown `norm`, or no bands.
    """
    if not (norm in ("slaney", None) or (isinstance(norm, int | float) and norm > 0)):
        raise ValueError(f"norm {norm!r} is neither 'slaney', a positive order, nor None")
    if n_mels < 1:
        raise ValueError(f"n_mels must be at least 1, got {n_mels}")
    bins = np.fft.rfftfreq(n_fft, 1 / sr)
    low, high = hz_to_mel(np.array([fmin, sr / 2 if fmax is None else fmax]), htk=htk)
    edges = mel_to_hz(np.linspace(low, high, n_mels + 2), htk=htk)
    widths = np.diff(edges)
    ramps = edges[:, None] - bins
    rising, falling = -ramps[:-2] / widths[:-1, None], ramps[2:] / widths[1:, None]
    weights = np.maximum(0, np.minimum(rising, falling))
    if norm == "slaney":
        weights *= (2.0 / (edges[2:] - edges[:-2]))[:, None]
    elif norm is not None:
        lengths = np.linalg.norm(weights, ord=float(norm), axis=1, keepdims=True)
        weights /= np.where(lengths > 0, lengths, 1.0)
    return _constant(weights)


@lru_cache(maxsize=32)
def window(name: Window, win_length: int, n_fft: int) -> Float[np.ndarray, " n_fft"]:
    """A window, centred in `n_fft` samples; float32, read-only.

    Args:
        name: such as `"hann"` or `("kaiser", 4.0)`, as `scipy.signal.get_window` knows it, made periodic; a function of
            the number of samples; or the samples themselves, a tuple.
        win_length: samples of the window.
        n_fft: samples of the result, zeros on either side.

    Returns:
        `[n_fft]`.

    Raises:
        ValueError: `win_length` outside 1 to `n_fft`, an unknown name, or other than `win_length` samples.
    """
    if not 1 <= win_length <= n_fft:
        raise ValueError(f"win_length {win_length} must lie between 1 and n_fft {n_fft}")
    values = np.zeros(n_fft, np.float32)
    start = (n_fft - win_length) // 2
    if name == "hann":
        # Written out, since scipy.signal takes half a second to import.
        shape = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(win_length) / win_length) if win_length > 1 else np.ones(1)
    elif callable(name):
        shape = np.asarray(name(win_length))
    elif isinstance(name, tuple) and not isinstance(name[0], str):
        shape = np.asarray(name)
    else:
        from scipy.signal import get_window

        shape = get_window(name, win_length, fftbins=True)
    if shape.shape != (win_length,):
        raise ValueError(f"the window has {shape.shape} samples where win_length is {win_length}")
    values[start : start + win_length] = shape
    return _constant(values)


@lru_cache(maxsize=32)
def dct(
    n_mfcc: int, n_mels: int, *, dct_type: int = 2, norm: str | None = "ortho", lifter: float = 0
) -> Float[np.ndarray, "n_mfcc n_mels"]:
    """Cosine transform as a matrix, weighted by the lifter.

    Args:
        n_mfcc: coefficients kept.
        n_mels: bands transformed.
        dct_type, norm: as in `scipy.fft.dct`.
        lifter: row n is weighted by `1 + lifter/2 · sin(π (n + 1) / lifter)`; 0 for none.

    Returns:
        `[n_mfcc, n_mels]` float32, read-only. The oracle is `scipy.fft.dct`.

    Raises:
        ValueError: `n_mfcc` outside 1 to `n_mels`, or a negative `lifter`.
    """
    from scipy.fft import dct as transform

    if not 1 <= n_mfcc <= n_mels:
        raise ValueError(f"n_mfcc {n_mfcc} must lie between 1 and the {n_mels} bands")
    if not 0 <= lifter < np.inf:
        raise ValueError(f"lifter must be 0 or more, got {lifter}")
    basis = transform(np.eye(n_mels), axis=0, type=dct_type, norm=norm)[:n_mfcc]
    if lifter > 0:
        basis = basis * (1 + lifter / 2 * np.sin(np.pi * np.arange(1, n_mfcc + 1) / lifter))[:, None]
    return _constant(basis)


def chroma_positions(
    *, sr: float, n_fft: int, n_chroma: int = 12
) -> tuple[Float[np.ndarray, " bins"], Float[np.ndarray, " bins"]]:
    """Where each FFT bin lies on the chroma axis at tuning 0, and its width, both in chroma bins, float64.

    A tuning of x chroma bins moves every position by −x.

    Args:
        sr: sampling rate in Hz.
        n_fft: window length in samples.
        n_chroma: chroma bins in an octave.

    Returns:
        Positions and widths, `[1 + n_fft // 2]` each.
    """
    frequencies = np.linspace(0, sr, n_fft, endpoint=False)[1:]
    positions = n_chroma * np.log2(frequencies / (440.0 / 16))
    # 0 Hz has no pitch: it is put 1.5 octaves below the first bin, and so spread widely.
    positions = np.concatenate([positions[:1] - 1.5 * n_chroma, positions])
    widths = np.concatenate([np.maximum(np.diff(positions), 1.0), [1.0]])
    bins = 1 + n_fft // 2
    return positions[:bins], widths[:bins]


@lru_cache(maxsize=32)
def chroma(
    *,
    sr: float,
    n_fft: int,
    n_chroma: int = 12,
    tuning: float = 0.0,
    ctroct: float = 5.0,
    octwidth: float | None = 2.0,
    base_c: bool = True,
) -> Float[np.ndarray, "n_chroma bins"]:
    """Filters that fold FFT bins onto pitch classes.

    Args:
        sr: sampling rate in Hz.
        n_fft: FFT length; there are `1 + n_fft // 2` bins.
        n_chroma: pitch classes in an octave.
        tuning: deviation from A440 in chroma bins.
        ctroct, octwidth: centre and width, in octaves above A0, of a Gaussian weight over frequency; None for none.
        base_c: the first class is C, else A.

    Returns:
        `[n_chroma, 1 + n_fft // 2]` float32, read-only, each column of Euclidean norm 1 before the weight. The oracle
        is `librosa.filters.chroma`.
    """
    positions, widths = chroma_positions(sr=sr, n_fft=n_fft, n_chroma=n_chroma)
    positions = positions - tuning
    half = round(n_chroma / 2)
    distances = np.remainder(positions - np.arange(n_chroma)[:, None] + half, n_chroma) - half
    weights = np.exp(-0.5 * (2 * distances / widths) ** 2)
    weights /= np.linalg.norm(weights, axis=0)
    if octwidth is not None:
        weights *= np.exp(-0.5 * ((positions / n_chroma - ctroct) / octwidth) ** 2)
    if base_c:
        weights = np.roll(weights, -3 * (n_chroma // 12), axis=0)
    return _constant(weights)


def _constant(values: np.ndarray) -> np.ndarray:
    values = np.ascontiguousarray(values, np.float32)
    values.setflags(write=False)
    return values
