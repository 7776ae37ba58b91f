"""Power and amplitude ⇄ decibels."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from jaxmusic.audio.checks import checking, real


@checking(S=real)
def power_to_db(
    S: Float[Array, "*batch n_mels frames"],
    *,
    ref: float | Array | Callable[[Array], Array] = 1.0,
    amin: float = 1e-10,
    top_db: float | None = 80.0,
) -> Float[Array, "*batch n_mels frames"]:
    """Power in decibels, `10 log10(S / ref)`.

    Args:
        S: `[…, n_mels, frames]` power.
        ref: power that becomes 0 dB; or a function of one clip's power that gives it, such as `jnp.max`.
        amin: lowest power counted.
        top_db: nothing lies further below the peak than this. The peak is that of each clip (the last two axes), so
            that a batch equals its clips; None keeps everything.

    Returns:
        The shape of `S`, float32, dB. The oracle is `librosa.power_to_db`, which takes one peak for all channels.

    Raises:
        ValueError: `amin` not above 0, a negative `top_db`, or a complex `S`.

    >>> power_to_db(jnp.array([[1.0, 100.0]])).round(3).tolist()
    [[0.0, 20.0]]
    >>> power_to_db(jnp.array([[1.0, 100.0]]), ref=jnp.min).round(3).tolist()
    [[0.0, 20.0]]
    """
    if amin <= 0:
        raise ValueError(f"amin must be positive, got {amin}")
    if top_db is not None and top_db < 0:
        raise ValueError(f"top_db must not be negative, got {top_db}")
    S = jnp.asarray(S)
    level: Any = ref
    if callable(ref):
        clips = S.reshape(-1, *S.shape[-2:])
        level = jax.vmap(ref)(clips).reshape(S.shape[:-2] + (1,) * min(2, S.ndim))
    return _power_to_db(S, level, amin, top_db)


@partial(jax.jit, static_argnames=("amin", "top_db"))
def _power_to_db(S: Array, ref: float | Array, amin: float, top_db: float | None) -> Array:
    decibels = 10.0 * jnp.log10(jnp.maximum(S, amin)) - 10.0 * jnp.log10(jnp.maximum(amin, jnp.abs(ref)))
    if top_db is None:
        return decibels
    return jnp.maximum(decibels, decibels.max(axis=tuple(range(-min(2, S.ndim), 0)), keepdims=True) - top_db)


@checking(S=real)
def amplitude_to_db(
    S: Float[Array, "*batch bins frames"],
    *,
    ref: float | Array | Callable[[Array], Array] = 1.0,
    amin: float = 1e-5,
    top_db: float | None = 80.0,
) -> Float[Array, "*batch bins frames"]:
    """Amplitude in decibels, `20 log10(S / ref)`.

    Args:
        S: `[…, bins, frames]` amplitude; of negative numbers the magnitude counts.
        ref: amplitude that becomes 0 dB; or a function of one clip's amplitude that gives it, such as `jnp.max`.
        amin: lowest amplitude counted.
        top_db: see `power_to_db`.

    Returns:
        The shape of `S`, float32, dB. The oracle is `librosa.amplitude_to_db`, which takes one peak for all channels.

    Raises:
        ValueError: `amin` not above 0, a negative `top_db`, or a complex `S`.

    >>> amplitude_to_db(jnp.array([[1.0, 10.0]])).round(3).tolist()
    [[0.0, 20.0]]
    """
    S = jnp.abs(S)
    power_ref: Any = (lambda clip: jnp.square(ref(jnp.sqrt(clip)))) if callable(ref) else jnp.square(jnp.asarray(ref))
    return power_to_db(jnp.square(S), ref=power_ref, amin=amin**2, top_db=top_db)


@checking(S_db=real)
def db_to_power(S_db: Float[Array, ...], *, ref: float = 1.0) -> Float[Array, ...]:
    """Decibels back to power, `ref · 10^(S_db / 10)`.

    Args:
        S_db: dB, of any shape.
        ref: power at 0 dB.

    Returns:
        The shape of `S_db`, float32. The oracle is `librosa.db_to_power`.

    >>> db_to_power(jnp.array([0.0, 20.0])).tolist()
    [1.0, 100.0]
    """
    return ref * jnp.power(10.0, jnp.asarray(S_db) * 0.1)


@checking(S_db=real)
def db_to_amplitude(S_db: Float[Array, ...], *, ref: float = 1.0) -> Float[Array, ...]:
    """Decibels back to amplitude, `ref · 10^(S_db / 20)`.

    Args:
        S_db: dB, of any shape.
        ref: amplitude at 0 dB.

    Returns:
        The shape of `S_db`, float32. The oracle is `librosa.db_to_amplitude`.

    >>> db_to_amplitude(jnp.array([0.0, 20.0])).round(4).tolist()
    [1.0, 10.0]
    """
    return ref * jnp.power(10.0, jnp.asarray(S_db) * 0.05)
