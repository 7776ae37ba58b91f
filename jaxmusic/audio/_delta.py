"""Local estimates of derivatives along frames."""

from __future__ import annotations

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from jaxmusic.audio.checks import checking, real

_MODES = {"interp": None, "nearest": "edge", "mirror": "reflect", "constant": "constant", "wrap": "wrap"}


@checking(data=partial(real, axes=1))
def delta(
    data: Float[Array, "*batch frames"], *, width: int = 9, order: int = 1, axis: int = -1, mode: str = "interp"
) -> Float[Array, "*batch frames"]:
    """Derivative along frames, by the polynomial of `order` through `width` of them (Savitzky and Golay 1964).

    Args:
        data: such as MFCC, `[…, frames]`.
        width: frames looked at, odd and at least 3.
        order: of the derivative and of the polynomial.
        axis: of the frames.
        mode: the ends: `"interp"` reads the derivative off the first and the last polynomial; `"nearest"`, `"mirror"`,
            `"constant"` (zeros) and `"wrap"` pad.

    Returns:
        The shape of `data`, float32. The oracle is `librosa.feature.delta`.

    Raises:
        ValueError: an even or small `width`, an `order` below 1 or not below `width`, an unknown mode, or fewer frames
            than `width` with `"interp"`.

    >>> np.asarray(delta(jnp.arange(12.0) ** 2))[4:8].round(3).tolist()  # 2 t
    [8.0, 10.0, 12.0, 14.0]
    """
    if width < 3 or width % 2 == 0:
        raise ValueError(f"width must be odd and at least 3, got {width}")
    if not 1 <= order < width:
        raise ValueError(f"order must be at least 1 and below the width {width}, got {order}")
    if mode not in _MODES:
        raise ValueError(f"mode {mode!r} is none of {tuple(_MODES)}")
    data = jnp.asarray(data)
    if mode == "interp" and data.shape[axis] < width:
        raise ValueError(f"{data.shape[axis]} frames are fewer than the width {width}: lower it or change mode")
    return _delta(data, width, order, axis, mode)


@partial(jax.jit, static_argnums=(1, 2, 3, 4))
def _delta(data: Array, width: int, order: int, axis: int, mode: str) -> Array:
    from scipy.signal import savgol_coeffs

    x = jnp.moveaxis(data.astype(jnp.result_type(data, jnp.float32)), axis, -1)
    half, frames = width // 2, x.shape[-1]
    # Derivatives at each place of a window, as weights of its frames: the middle one for all but the ends.
    weights = np.stack([savgol_coeffs(width, order, deriv=order, pos=place, use="dot") for place in range(width)])
    padding = _MODES[mode]
    padded = x if padding is None else jnp.pad(x, [(0, 0)] * (x.ndim - 1) + [(half, half)], mode=padding)
    count = padded.shape[-1] - width + 1
    inner = sum(padded[..., i : i + count] * float(weights[half, i]) for i in range(width))
    if padding is None:
        left = x[..., :width] @ jnp.asarray(weights[:half].T, x.dtype)
        right = x[..., frames - width :] @ jnp.asarray(weights[half + 1 :].T, x.dtype)
        inner = jnp.concatenate([left, inner, right], axis=-1)
    return jnp.moveaxis(inner, -1, axis)
