"""What a caller hands over: a waveform, a spectrogram, a transform, a window, sizes and numbers; one rule by name."""

from __future__ import annotations

import inspect
import os
from collections.abc import Callable, Sequence
from functools import partial, wraps
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from jaxmusic._arrays import whole


def checked_waveform(y: Any) -> jax.Array:
    """`y` as an array.

    Raises:
        ValueError: numbers that are not floating, or no samples.
    """
    y = jnp.asarray(y)
    if not jnp.issubdtype(y.dtype, jnp.floating):
        raise ValueError(f"y is {y.dtype}: give a float waveform between −1 and 1")
    if y.ndim == 0 or y.shape[-1] == 0:
        raise ValueError("y holds no samples")
    return y


def real(S: Any, what: str = "S", *, axes: int = 0) -> Any:
    """`S`, which must be real numbers, with so many axes at least.

    Raises:
        ValueError: complex numbers, or none; too few axes, or an empty one.
    """
    if not hasattr(S, "dtype"):
        S = np.asarray(S)
    if jnp.issubdtype(S.dtype, jnp.complexfloating):
        raise ValueError(f"{what} is {S.dtype}: take its magnitude first, such as jnp.abs(stft(y))")
    if not (jnp.issubdtype(S.dtype, jnp.floating) or jnp.issubdtype(S.dtype, jnp.integer)):
        raise ValueError(f"{what} is {S.dtype}: give real numbers")
    if S.ndim < axes or 0 in S.shape:
        raise ValueError(f"{what} has shape {S.shape}: give {axes} axes or more, and none of them empty")
    return S


def magnitudes(S: Any, what: str = "S") -> Any:
    """`S` of `[…, bins, frames]`, real and, where its values can be seen, not negative; NaN passes, to come out as NaN.

    Raises:
        ValueError: complex or negative values, or fewer than two axes.
    """
    S = real(S, what, axes=2)
    if not isinstance(S, jax.core.Tracer) and bool((jnp.asarray(S) < 0).any()):
        raise ValueError(f"{what} holds negative values: give magnitudes or power, not decibels")
    return S


def static_window(window: Any, what: str = "window") -> Any:
    """`window` as what a compiled function can be compiled for: the samples of an array become a tuple.

    Raises:
        ValueError: samples that are not one axis of finite numbers.
    """
    if isinstance(window, list) or hasattr(window, "__array__"):
        samples = np.asarray(window, np.float64)
        if samples.ndim != 1 or not np.isfinite(samples).all():
            raise ValueError(f"{what} has shape {samples.shape}: give one axis of finite samples, or a name")
        return tuple(samples.tolist())
    return window


def transform(X: Any, what: str = "stft_matrix") -> Any:
    """A short-time Fourier transform, `[…, bins, frames]` complex numbers, or real ones of phase 0.

    Raises:
        ValueError: no numbers, or fewer than two axes.
    """
    if not hasattr(X, "dtype"):
        X = np.asarray(X)
    if not jnp.issubdtype(X.dtype, jnp.inexact) or X.ndim < 2 or 0 in X.shape:
        raise ValueError(f"{what} is {X.dtype} of shape {X.shape}: give complex numbers [bins, frames]")
    return X


def _real_number(value: Any, what: str) -> Any:
    if isinstance(value, str | bytes) or not hasattr(value, "__float__"):
        raise ValueError(f"{what} is {value!r}: give a number")
    return value


def _numbers(y: Any, what: str) -> Any:
    if not hasattr(y, "dtype"):
        y = np.asarray(y)
    if y.dtype == object or y.dtype.kind in "US":
        raise ValueError(f"{what} is {y.dtype}: give a float waveform between −1 and 1")
    return y


# What the arguments of that name are in every function.
_CHECKS: dict[str, Callable[[Any, str], Any]] = {
    "y": _numbers,
    "window": static_window,
    "onset_envelope": partial(real, axes=1),
    **dict.fromkeys(("n_fft", "hop_length", "win_length", "frame_length", "n_mels", "n_mfcc"), whole),
    **dict.fromkeys(("n_chroma", "n_bands", "lag", "max_size", "width", "order"), whole),
    **dict.fromkeys(("sr", "fmin", "fmax", "amin", "top_db", "power", "p"), _real_number),
    **dict.fromkeys(("quantile", "roll_percent", "momentum"), _real_number),
}


def checking(**checks: Callable[[Any, str], Any]) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """A decorator: each argument that is given goes through the check of its name, before anything is compiled."""

    def decorate(function: Callable[..., Any]) -> Callable[..., Any]:
        first = next(iter(inspect.signature(function).parameters))
        of_name = {**_CHECKS, **checks}

        @wraps(function)
        def checked(*args: Any, **arguments: Any) -> Any:
            if args and args[0] is not None and first in of_name:
                args = (of_name[first](args[0], first), *args[1:])
            for name in arguments.keys() & of_name.keys():
                if arguments[name] is not None:
                    arguments[name] = of_name[name](arguments[name], name)
            return function(*args, **arguments)

        return checked

    return decorate


def check_waveforms(sounds: Sequence[Any]) -> None:
    """Waveforms are finite floats of one channel.

    Raises:
        TypeError, ValueError: one is not; names its position.
    """
    for i, sound in enumerate(sounds):
        if isinstance(sound, str | os.PathLike):
            continue
        if not isinstance(sound, np.ndarray):
            raise TypeError(f"sound {i} is a {type(sound).__name__}: give paths of files or waveforms as arrays")
        if sound.ndim != 1 or not len(sound) or not np.issubdtype(sound.dtype, np.floating):
            raise ValueError(
                f"waveform {i} is {sound.dtype}{list(sound.shape)}: give [samples] of one channel, floats about −1 to 1"
            )
        if wrong := int((~np.isfinite(sound)).sum()):
            raise ValueError(f"waveform {i}: {wrong} of {len(sound)} samples are NaN or infinite")
