"""What array arguments of losses must be; looked at when a program is traced, so that running it costs nothing."""

from __future__ import annotations

import numbers
from typing import Any

import jax.numpy as jnp
import numpy as np


def real_numbers(**values: Any) -> None:
    """Refuse what holds no real numbers.

    Raises:
        ValueError: complex numbers, texts or objects; names the argument.
    """
    for name, value in values.items():
        dtype = value.dtype if hasattr(value, "dtype") else np.asarray(value).dtype
        if not any(jnp.issubdtype(dtype, kind) for kind in (jnp.floating, jnp.integer, jnp.bool_)):
            raise ValueError(f"{name} is {dtype}: give real numbers")


def one_number(**values: Any) -> None:
    """Refuse what is no scalar, on the device or off it.

    Raises:
        ValueError: another kind of value; names the argument.
    """
    for name, value in values.items():
        if not (isinstance(value, numbers.Real) or (hasattr(value, "dtype") and jnp.ndim(value) == 0)):
            raise ValueError(f"{name} is {value!r}: give a number")
