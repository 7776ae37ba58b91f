"""A good call with one argument made bad, and what came of it."""

import traceback
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import jax
import numpy as np

import jaxmusic

PACKAGE = str(Path(jaxmusic.__file__).parent)
# Values that no answer may be made of as if they were none: what comes out must not be finite throughout.
POISON = ("nan", "inf", "-inf", "one nan")


class Outcome(NamedTuple):
    """What a call came to.

    Attributes:
        kind: `"named error"` (raised by this library), `"foreign traceback"` (by what lies below it), `"returned"`
            (something that is not finite throughout) or `"finite"`.
        what: the error, for reports.
    """

    kind: str
    what: str = ""


def bad_values(value: Any) -> Iterator[tuple[str, Any]]:
    """(name, value) of all that is put in the place of a good value; by its type."""
    if isinstance(value, np.ndarray):
        yield from _bad_arrays(value)
    elif isinstance(value, bool) or value is None:
        return
    elif isinstance(value, str):
        yield from [("bytes", value.encode()), ("object", object()), ("number", 3)]
    elif isinstance(value, int | float):
        yield from [("nan", float("nan")), ("negative", -1), ("str", "many"), ("object", object())]
        if isinstance(value, int):
            yield "zero", 0
    elif isinstance(value, list):
        yield from [("one string", "abc"), ("objects", [object()]), ("none", [None])]


def _bad_arrays(value: np.ndarray) -> Iterator[tuple[str, Any]]:
    if value.dtype.kind == "f":
        for name in POISON[:3]:
            yield name, np.full_like(value, float(name))
        one = value.copy()
        one[(0,) * one.ndim] = np.nan
        yield "one nan", one
        yield "complex", value.astype(np.complex64)
        yield "str", value.astype(str)
    if value.dtype.kind in "iu":
        yield "out of range", value + 10_000
        yield "negative", value - 10_000
        yield "float", value + 0.5
    yield "object", np.full(value.shape, object())
    yield "empty", value[:0]
    yield "scalar", value.ravel()[0]
    yield "one axis more", value[..., None]
    yield "shorter", value[:-1]


def outcome(function: Any, arguments: dict[str, Any]) -> Outcome:
    """Call and look."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            result = jax.block_until_ready(function(**arguments))
    except Exception as error:
        frame = traceback.extract_tb(error.__traceback__)[-1]
        last, line = frame.filename, frame.line or ""
        kind = "named error" if last.startswith(PACKAGE) and "raise" in line and str(error) else "foreign traceback"
        return Outcome(kind, f"{type(error).__name__}: {str(error).splitlines()[0] if str(error) else ''}")
    numbers = [np.asarray(leaf) for leaf in jax.tree.leaves(result) if not isinstance(leaf, str)]
    floats = [x for x in numbers if x.dtype.kind in "fc"]
    return Outcome("finite" if all(np.isfinite(x).all() for x in floats) else "returned")
