"""A module and its variables in a folder, and back."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import flax.linen as nn
import jax
import numpy as np
from flax.traverse_util import flatten_dict

from jaxmusic.models.folders import CONFIG, DTYPES, WEIGHTS, FolderFormat, check_names, check_tensors
from jaxmusic.models.module_config import Reader, Writer

_FORMAT = FolderFormat(
    kind="jaxmusic.models module",
    version=1,
    keys=frozenset({"module", "inputs", "tensors", "empty"}),
    origin="models.save makes one",
    fix="save the module again",
)


def save(
    folder: str | Path, module: nn.Module, variables: Mapping[str, Any], *, inputs: Sequence[Any] | None = None
) -> Path:
    """Write a module and its variables: `config.json` and `model.safetensors`.

    A module that lies there is replaced; where the writing is cut off, the folder holds the one or the other, whole. A
    module is written by its fields: numbers, texts, dtypes, modules, dataclasses, NamedTuples, and tuples, lists and
    dicts of these. A field of another kind, such as an activation function, must hold its default.

    Args:
        folder: made if missing; other files in it stay.
        module: of `jaxmusic.models`, or one's own, of fields as above.
        variables: what `module.init` returns or `training.State.variables` holds: collection → nested dicts of arrays.
        inputs: arguments that `module.init` takes behind the key, arrays or `jax.ShapeDtypeStruct`. Their shapes are
            kept, and saving and loading then check every tensor against those that the module makes of them.

    Returns:
        The folder.

    Raises:
        FileExistsError: its `config.json` or `model.safetensors` is another program's.
        OSError: it cannot be written.
        TypeError: a field or a variable of a kind that is not saved; names it.
        ValueError: a parameter that is NaN or infinite, a name with a slash, or variables that are not the module's.
    """
    folder = Path(folder).expanduser()
    if not isinstance(module, nn.Module):
        raise TypeError(f"module is a {type(module).__name__}, no linen module: save(folder, module, variables)")
    tensors, empty = _flatten(variables)
    writer = Writer()
    written = writer.value(module, "module")
    specs = None if inputs is None else jax.tree.map(_spec, tuple(inputs))
    config = {
        "module": written,
        "inputs": None if specs is None else writer.value(specs, "inputs"),
        "tensors": {name: _form(x) for name, x in tensors.items()},
        "empty": empty,
    }
    # What can't be read is not written.
    reader = _reader(folder, tuple(writer.classes.values()), tensors)
    reader.value(written, "module")
    if specs is not None:
        _check_against(module, specs, tensors, "variables", "give the variables of this very module")
    _FORMAT.write(folder, config, tensors)
    return folder


def load(folder: str | Path, *, modules: Sequence[type] = ()) -> tuple[nn.Module, dict[str, Any]]:
    """Read what `save` has written.

    Only classes of this library and those in `modules` are made: nothing is imported by a name in the file.

    Args:
        folder: of the module.
        modules: the caller's own classes, for modules and what stands in their fields; they are known by their name.

    Returns:
        The module, and its variables as nested dicts of NumPy arrays.

    Raises:
        FileNotFoundError: the folder or a file of it is missing.
        ValueError: another version, a changed, damaged or truncated file, an unknown class or field, a value out of
            bounds, a tensor that is missing, unexpected, or of another shape or dtype; names it and the fix.
    """
    folder = Path(folder).expanduser()
    config, tensors = _FORMAT.read(folder)
    reader = _reader(folder, modules, tensors)
    try:
        module = reader.value(config["module"], "module")
        inputs = reader.value(config["inputs"], "inputs")
    except RecursionError as error:
        raise ValueError(f"{folder / CONFIG}: modules lie in modules too deep; {_FORMAT.fix}") from error
    if not isinstance(module, nn.Module) or not isinstance(inputs, tuple | None):
        raise ValueError(f"{folder / CONFIG}: module or inputs is none that models.save writes; {_FORMAT.fix}")
    variables = _unflatten(folder, config, tensors)
    if inputs is not None:
        _check_against(module, inputs, tensors, folder / WEIGHTS, _FORMAT.fix)
    return module, variables


def _reader(folder: Path, classes: Sequence[type], tensors: Mapping[str, np.ndarray]) -> Reader:
    return Reader(folder / CONFIG, classes, sum(x.nbytes for x in tensors.values()), _FORMAT.fix)


def _spec(x: Any) -> Any:
    """An argument's shape and dtype; what is no array is kept as it is."""
    return jax.ShapeDtypeStruct(x.shape, x.dtype) if hasattr(x, "shape") and hasattr(x, "dtype") else x


def _check_against(
    module: nn.Module, inputs: tuple[Any, ...], tensors: Mapping[str, np.ndarray], where: str | Path, fix: str
) -> None:
    """The tensors are those that the module makes of these inputs."""
    leaves, tree = jax.tree.flatten(inputs)
    is_array = [isinstance(leaf, jax.ShapeDtypeStruct) for leaf in leaves]

    def init(arrays: list[jax.Array]) -> Any:
        rest = iter(arrays)
        given = [next(rest) if dynamic else leaf for leaf, dynamic in zip(leaves, is_array, strict=True)]
        return module.init(jax.random.key(0), *jax.tree.unflatten(tree, given))

    arrays = [leaf for leaf, dynamic in zip(leaves, is_array, strict=True) if dynamic]
    made = nn.meta.unbox(jax.eval_shape(init, arrays))
    shapes = {name: leaf.shape for name, leaf in flatten_dict(made, sep="/").items()}
    check_tensors(where, tensors, shapes, type(module).__name__, fix)


def _flatten(variables: Mapping[str, Any]) -> tuple[dict[str, np.ndarray], list[str]]:
    """Names joined by slashes → arrays, and the names of empty dicts."""
    tensors: dict[str, np.ndarray] = {}
    empty: list[str] = []

    def add(found: Any, path: tuple[str, ...]) -> None:
        name = "/".join(path) or "variables"
        if isinstance(found, Mapping):
            if not found and path:
                empty.append(name)
            for key, value in found.items():
                if not isinstance(key, str) or not key or "/" in key:
                    raise ValueError(f"{name} has the key {key!r}: names are texts without slashes")
                add(value, (*path, key))
        elif isinstance(found, jax.Array | np.ndarray | np.generic) and path:
            tensors[name] = _array(name, found)
        else:
            raise TypeError(f"{name} is a {type(found).__name__}, no array: leave the collection away or unbox it")

    add(variables, ())
    return dict(sorted(tensors.items())), empty


def _array(name: str, found: Any) -> np.ndarray:
    if jax.dtypes.issubdtype(found.dtype, jax.dtypes.extended):
        raise TypeError(f"{name} is a random key, no variable of a module: leave its collection away")
    array = np.asarray(found)
    if array.dtype.name not in DTYPES:
        raise TypeError(f"{name} has the dtype {array.dtype}, which is not saved: only {', '.join(sorted(DTYPES))} are")
    if name.startswith("params/") and not np.isfinite(array).all():
        raise ValueError(f"{name} holds NaN or infinite values: save a state from before it did")
    return array


def _form(array: np.ndarray) -> str:
    """Dtype and shape, such as `float32[8,16]`."""
    return f"{array.dtype.name}[{','.join(map(str, array.shape))}]"


def _unflatten(folder: Path, config: Mapping[str, Any], tensors: Mapping[str, np.ndarray]) -> dict[str, Any]:
    """Nested dicts, once the tensors are found to be those that the configuration lists."""
    listed, empty = config["tensors"], config["empty"]
    if not isinstance(listed, dict) or not isinstance(empty, list) or not all(isinstance(name, str) for name in empty):
        raise ValueError(f"{folder / CONFIG}: tensors or empty is none that models.save writes; {_FORMAT.fix}")
    check_names(folder / WEIGHTS, tensors, listed, _FORMAT.fix)
    for name, form in listed.items():
        if _form(tensors[name]) != form:
            raise ValueError(
                f"{folder / WEIGHTS}: tensor {name} is {_form(tensors[name])}, {CONFIG} says {form}; {_FORMAT.fix}"
            )
    variables: dict[str, Any] = {}
    for name, value in [*((name, tensors[name]) for name in listed), *((name, {}) for name in empty)]:
        *path, last = name.split("/")
        part = variables
        for step in path:
            part = part.setdefault(step, {})
            if not isinstance(part, dict):
                break
        if not isinstance(part, dict) or last in part:
            raise ValueError(f"{folder / CONFIG}: {name} lies where another entry lies; {_FORMAT.fix}")
        part[last] = value
    return variables
