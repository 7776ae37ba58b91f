"""What a caller hands over: a waveform of floats; a spectrogram of magnitudes or decibels, never complex numbers."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from functools import wraps
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np


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


def real(S: Any, what: str = "S") -> Any:
    """`S`, which must be real.

    Raises:
        ValueError: complex numbers, or none.
    """
    dtype = np.asarray(S).dtype if not hasattr(S, "dtype") else S.dtype
    if jnp.issubdtype(dtype, jnp.complexfloating):
        raise ValueError(f"{what} is {dtype}: take its magnitude first, such as jnp.abs(stft(y))")
    if not (jnp.issubdtype(dtype, jnp.floating) or jnp.issubdtype(dtype, jnp.integer)):
        raise ValueError(f"{what} is {dtype}: give a spectrogram of real numbers")
    return S


def magnitudes(S: Any) -> Any:
    """`S`, real and, where its values can be seen, not negative; NaN passes, to come out as NaN.

    Raises:
        ValueError: complex or negative values.
    """
    real(S)
    if not isinstance(S, jax.core.Tracer) and bool((jnp.asarray(S) < 0).any()):
        raise ValueError("S holds negative values: give magnitudes or power, not decibels")
    return S


def spectrogram_checked(check: Callable[[Any], Any]) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """A decorator: the argument `S` of a compiled function goes through `check` where it is given."""

    def decorate(function: Callable[..., Any]) -> Callable[..., Any]:
        @wraps(function)
        def checked(*args: Any, **arguments: Any) -> Any:
            if arguments.get("S") is not None:
                arguments["S"] = check(arguments["S"])
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
