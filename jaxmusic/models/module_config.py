"""A linen module as JSON and back: its class by name, its fields as plain data, modules within modules.

Reading makes objects of known classes alone: those of this library and those that the caller hands over. Nothing is
imported or looked up by a name in the file.
"""

from __future__ import annotations

import dataclasses
import types
from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
from flax.core import FrozenDict

from jaxmusic.models.folders import DTYPES
from jaxmusic.text.transformer_config import TransformerConfig

_PREFIX = "jaxmusic.models."
# Sizes that no tensor shows, such as frames, go up to here; all others lie below the bytes of the tensors.
_LARGEST = 2**20
# flax gives every module these; the name counts where it is given.
_LINEN = ("parent", "name")
# Of jnp.float32 and the like, which are no types of NumPy's.
_SCALAR_TYPE = type(jnp.float32)
_MAPPINGS = {"dict": dict, "frozen_dict": FrozenDict}
_NO_NUMBERS = {repr(value): value for value in (float("inf"), float("-inf"), float("nan"))}


@cache
def library_classes() -> dict[str, type]:
    """Name → class, of every public class of `jaxmusic.models` that has fields, and of the sizes of a transformer."""
    from jaxmusic import models

    public = {_PREFIX + name: getattr(models, name) for name in models.__all__}
    found = {name: value for name, value in public.items() if isinstance(value, type) and _has_fields(value)}
    return {**found, "jaxmusic.text.TransformerConfig": TransformerConfig}


def _has_fields(kind: type) -> bool:
    return dataclasses.is_dataclass(kind) or (issubclass(kind, tuple) and hasattr(kind, "_fields"))


def _field_names(kind: type) -> list[str]:
    if dataclasses.is_dataclass(kind):
        linen = _LINEN if issubclass(kind, nn.Module) else ()
        return [field.name for field in dataclasses.fields(kind) if field.init and field.name not in linen]
    return list(kind._fields)  # type: ignore[attr-defined]


def _defaults(kind: type) -> dict[str, Any]:
    """Field → default, of those that have one; a factory's is `None`, as it makes a new one each time."""
    if not dataclasses.is_dataclass(kind):
        return dict(kind._field_defaults)  # type: ignore[attr-defined]
    found = {}
    for field in dataclasses.fields(kind):
        if field.default is not dataclasses.MISSING or field.default_factory is not dataclasses.MISSING:
            found[field.name] = None if field.default is dataclasses.MISSING else field.default
    return found


class Writer:
    """Values → JSON.

    Attributes:
        classes: name → class of the caller's own that were met.
    """

    def __init__(self) -> None:
        self.classes: dict[str, type] = {}
        self._names = {kind: name for name, kind in library_classes().items()}
        self._written: dict[int, int] = {}

    def value(self, value: Any, where: str) -> Any:
        """One value as JSON.

        Args:
            value: plain data, dtypes, arrays' shapes, modules, dataclasses, and sequences and mappings of them.
            where: its place, for errors.

        Raises:
            TypeError: another kind of value; names its place.
        """
        if isinstance(value, np.generic):
            value = value.item()
        if value is None or type(value) in (bool, int, str):
            return value
        if type(value) is float:
            return value if np.isfinite(value) else {"type": "float", "value": repr(value)}
        if type(value) in (tuple, list):
            items = [self.value(item, f"{where}[{i}]") for i, item in enumerate(value)]
            return items if type(value) is tuple else {"type": "list", "items": items}
        for name, kind in _MAPPINGS.items():
            if type(value) is kind:
                return {"type": name, "items": [self._item(key, item, where) for key, item in value.items()]}
        if isinstance(value, np.dtype | type(jnp.float32)) or (
            isinstance(value, type) and issubclass(value, np.generic)
        ):
            return {"type": "dtype", "name": self._dtype(value, where)}
        if isinstance(value, jax.ShapeDtypeStruct):
            return {"type": "array", "shape": list(value.shape), "dtype": self._dtype(value.dtype, where)}
        if not isinstance(value, type) and _has_fields(type(value)):
            return self._object(value, where)
        raise TypeError(f"{where} is {value!r}, a {type(value).__name__}, which is not saved: {_KINDS}")

    def _item(self, key: Any, item: Any, where: str) -> list[Any]:
        if type(key) not in (str, int):
            raise TypeError(f"{where} has the key {key!r}: keys are saved where they are str or int")
        return [key, self.value(item, f"{where}[{key!r}]")]

    def _dtype(self, value: Any, where: str) -> str:
        # A random key's is no dtype of NumPy's.
        name = str(value) if jax.dtypes.issubdtype(value, jax.dtypes.extended) else jnp.dtype(value).name
        if name not in DTYPES:
            raise TypeError(f"{where} has the dtype {name}, which is not saved: only {', '.join(sorted(DTYPES))} are")
        return name

    def _object(self, value: Any, where: str) -> dict[str, Any]:
        # A module that stands in two places is one module, with one set of parameters.
        if id(value) in self._written:
            return {"type": "same", "as": self._written[id(value)]}
        kind = type(value)
        if kind not in self._names:
            name = kind.__name__
            if self.classes.setdefault(name, kind) is not kind:
                raise TypeError(f"{where}: two classes are called {name}: rename one")
        defaults = _defaults(kind)
        fields = {}
        for name in _field_names(kind):
            field, written = getattr(value, name), dict(self._written)
            try:
                fields[name] = self.value(field, f"{where}.{name}")
            except TypeError:
                # What has no form in JSON, such as an activation function, is known by being the default.
                if field is None or defaults.get(name) is not field:
                    raise
                fields[name], self._written = {"type": "default"}, written
        found: dict[str, Any] = {"class": self._names.get(kind, kind.__name__), "fields": fields}
        if isinstance(value, nn.Module):
            found |= {"name": value.name} if value.name is not None else {}
            self._written[id(value)] = len(self._written)
        return found


_KINDS = (
    "fields may be None, numbers, texts, dtypes, modules, dataclasses, NamedTuples, and tuples, lists and dicts of "
    "these; make it one, or the field's default"
)


class Reader:
    """JSON → values; the counterpart of `Writer`.

    Args:
        path: of the file, for errors.
        classes: the caller's own.
        size: bytes of the tensors, which bound every size in a class of the library.
        fix: what to do about a file that can't be read.
    """

    def __init__(self, path: Any, classes: Sequence[type], size: int, fix: str) -> None:
        self._path, self._fix = path, fix
        self._largest = max(_LARGEST, size)
        self._own: dict[str, type] = {}
        for kind in classes:
            if not isinstance(kind, type) or not _has_fields(kind):
                raise TypeError(f"modules holds {kind!r}: give classes of modules, dataclasses or NamedTuples")
            if self._own.setdefault(kind.__name__, kind) is not kind:
                raise ValueError(f"modules holds two classes called {kind.__name__}: rename one")
        self._read: list[nn.Module] = []

    def value(self, found: Any, where: str) -> Any:
        """One value from its JSON.

        Raises:
            ValueError: an unknown class, field or form; a value of another type than its field or out of bounds.
        """
        if found is None or isinstance(found, bool | int | float | str):
            return found
        if isinstance(found, list):
            return tuple(self.value(item, f"{where}[{i}]") for i, item in enumerate(found))
        if "class" in found:
            return self._object(found, where)
        kind = found.get("type")
        try:
            if kind == "float":
                return _NO_NUMBERS[found["value"]]
            if kind == "list":
                return list(self.value(found["items"], where))
            if kind in _MAPPINGS:
                return _MAPPINGS[kind]({key: self.value(item, f"{where}[{key!r}]") for key, item in found["items"]})
            if kind == "dtype" and found["name"] in DTYPES:
                return getattr(jnp, found["name"] if found["name"] != "bool" else "bool_")
            if kind == "array" and found["dtype"] in DTYPES:
                return jax.ShapeDtypeStruct(self._shape(found["shape"]), jnp.dtype(found["dtype"]))
            if kind == "same":
                return self._read[found["as"]]
        except (KeyError, IndexError, TypeError) as error:
            raise self._error(f"{where} is damaged ({error})") from error
        raise self._error(f"{where} is of the unknown form {kind!r}")

    def _shape(self, shape: list[int]) -> tuple[int, ...]:
        if not all(type(length) is int and 0 <= length <= self._largest for length in shape):
            raise TypeError(f"the shape {shape}")
        return tuple(shape)

    def _object(self, found: dict[str, Any], where: str) -> Any:
        name = found["class"]
        if not isinstance(name, str) or not isinstance(found.get("fields"), dict):
            raise self._error(f"{where} is damaged (class or fields)")
        if not isinstance(found.get("name"), str | None):
            raise self._error(f"{where} is damaged (name)")
        own = self._own.get(name)
        kind = own or library_classes().get(name)
        if kind is None:
            raise ValueError(f"{self._path}: {where} is of the class {name!r}: {_missing_class(name)}")
        names, defaults = _field_names(kind), _defaults(kind)
        if unknown := sorted(found["fields"].keys() - set(names)):
            fix = "install the jaxmusic that saved it" if own is None else f"give {name} as it was"
            raise ValueError(f"{self._path}: {where} has the unknown field {unknown[0]}; {fix}")
        # What a later version of a class adds has a default, and what was saved before means that.
        given = {key: entry for key, entry in found["fields"].items() if entry != {"type": "default"}}
        if missing := [key for key in names if key not in given and key not in defaults]:
            raise self._error(f"{where} has no {missing[0]}")
        fields = {key: self.value(entry, f"{where}.{key}") for key, entry in given.items()}
        if own is None:
            self._check(kind, fields, where)
        if found.get("name") is not None:
            fields["name"] = found["name"]
        try:
            made = kind(**fields)
        except (TypeError, ValueError) as error:
            raise self._error(f"{where} can't be made: {error}") from error
        if isinstance(made, nn.Module):
            self._read.append(made)
        return made

    def _check(self, kind: type, fields: Mapping[str, Any], where: str) -> None:
        hints = get_type_hints(kind)
        for name, value in fields.items():
            if not fits(value, hints[name]):
                raise self._error(f"{where}.{name} is {value!r}, not {hints[name]}")
            for number in _numbers(value):
                if not 0 <= number <= self._largest:
                    raise self._error(
                        f"{where}.{name} holds {number}, out of bounds: 0 to {self._largest} fit such tensors"
                    )

    def _error(self, what: str) -> ValueError:
        return ValueError(f"{self._path}: {what}; {self._fix}")


def _missing_class(name: str) -> str:
    if name.startswith("jaxmusic."):
        return "this jaxmusic has none such; install the jaxmusic that saved it"
    return f"give it with models.load(folder, modules=({name},))"


def _numbers(value: Any) -> list[int]:
    """Whole numbers in a value, those of modules left out, which are checked as their own fields."""
    if isinstance(value, tuple | list):
        return [number for item in value for number in _numbers(item)]
    if isinstance(value, Mapping):
        return [number for item in value.values() for number in _numbers(item)]
    return [value] if type(value) is int else []


def fits(value: Any, hint: Any) -> bool:
    """Whether a value is of a type, as far as the annotations of this library's fields go.

    >>> fits((3, 4), Sequence[int]), fits(True, int), fits(None, int | None), fits("a", Literal["a", "b"])
    (True, False, True, True)
    """
    origin, inside = get_origin(hint), get_args(hint)
    if hint is Any:
        return True
    if origin in (Union, types.UnionType):
        return any(fits(value, one) for one in inside)
    if origin is Literal:
        return value in inside
    if origin is tuple and inside[-1] is not Ellipsis:
        return isinstance(value, tuple) and len(value) == len(inside) and all(map(fits, value, inside))
    if isinstance(origin, type) and issubclass(origin, Mapping):
        return isinstance(value, Mapping) and all(fits(item, inside[1]) for item in value.values())
    if isinstance(origin, type) and issubclass(origin, Sequence):
        return isinstance(value, tuple | list) and all(fits(item, inside[0]) for item in value)
    if hint is float:
        return type(value) in (int, float)
    return type(value) is hint if hint in (int, bool, str) else isinstance(value, origin or hint)
