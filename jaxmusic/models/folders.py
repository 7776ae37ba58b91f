"""A folder of `config.json` and `model.safetensors` that belong together: written whole, read strictly.

What `models.save` and the app's models share. Each error names the file, the entry and the fix.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn

import jax.numpy as jnp
import numpy as np

from jaxmusic._files import written_whole

CONFIG, WEIGHTS = "config.json", "model.safetensors"
# Every dtype of an array that the files hold, by safetensors' name.
_DTYPES = {
    "F64": "float64", "F32": "float32", "F16": "float16", "BF16": "bfloat16", "C64": "complex64", "BOOL": "bool",
    "I64": "int64", "I32": "int32", "I16": "int16", "I8": "int8",
    "U64": "uint64", "U32": "uint32", "U16": "uint16", "U8": "uint8",
}  # fmt: skip
DTYPES = frozenset(_DTYPES.values())
_DIGESTS = {"weights_sha256", "config_sha256"}
# Of the tensors' digest, in the name that they have until their configuration stands beside them.
_DIGITS = 16
_REMAINS = re.compile(rf"\.+({re.escape(CONFIG)}|{re.escape(WEIGHTS)})\.")


@dataclass(frozen=True)
class FolderFormat:
    """What one kind of folder holds.

    Attributes:
        kind: says in the configuration what it is.
        version: of the layout.
        keys: entries of the configuration beside kind, version and digests.
        origin: what makes such a folder, for the one who has none.
        fix: what to do about one that can't be read.
    """

    kind: str
    version: int
    keys: frozenset[str]
    origin: str
    fix: str

    def check_place(self, folder: Path) -> None:
        """Refuse a folder whose files of these names are another program's.

        Raises:
            FileExistsError: they are, or the folder is a file.
        """
        if folder.exists() and not folder.is_dir():
            raise FileExistsError(f"{folder} is a file: name a folder for the model")
        config = folder / CONFIG
        # The beginning is enough to know one's own by, damaged or not.
        if config.exists() and self.kind not in config.read_text(encoding="utf-8", errors="replace")[:200]:
            raise FileExistsError(f"{config} is of another program: name an empty or new folder")
        if (folder / WEIGHTS).exists() and not config.exists():
            raise FileExistsError(f"{folder / WEIGHTS} is of another program: name an empty or new folder")

    def write(self, folder: Path, config: Mapping[str, Any], tensors: Mapping[str, np.ndarray]) -> None:
        """Write both files, or leave the folder as it was: whenever it is cut off, what can be read is one whole model.

        Args:
            folder: made if missing.
            config: the entries of `keys`, as JSON has them.
            tensors: name → array of one of `DTYPES`.

        Raises:
            FileExistsError: the folder is another program's.
            OSError: it cannot be written.
        """
        self.check_place(folder)
        content = _to_bytes(tensors)
        digest = hashlib.sha256(content).hexdigest()
        whole = {"kind": self.kind, "version": self.version, **config, "weights_sha256": digest}
        whole["config_sha256"] = config_digest(whole)
        text = json.dumps(whole, indent=1, allow_nan=False) + "\n"
        waiting = folder / _waiting_name(digest)
        with written_whole(waiting) as file:
            file.write(content)
        try:
            with written_whole(folder / CONFIG) as file:
                file.write(text.encode())
        except OSError:
            waiting.unlink()
            raise
        # From the configuration on the folder is the new model, whose tensors are found under either name.
        os.replace(waiting, folder / WEIGHTS)
        for name in remains(path.name for path in folder.iterdir()):
            (folder / name).unlink()

    def read(self, folder: Path) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
        """Read what `write` has written: the configuration with all its entries, and the tensors.

        Raises:
            FileNotFoundError: a file is missing.
            ValueError: another kind or version, unknown or missing keys, a changed, damaged or truncated file.
        """
        for name in (CONFIG, WEIGHTS):
            if not (folder / name).is_file() and not (name == WEIGHTS and list(folder.glob(f".{WEIGHTS}.*"))):
                raise FileNotFoundError(f"{folder} is no model: it has no {name}; {self.origin}")
        config = self._config(folder / CONFIG)
        content = _content(folder, config["weights_sha256"])
        try:
            tensors = _from_bytes(content)
        except ValueError as error:
            self._refuse(folder / WEIGHTS, f" is damaged: {error}", error)
        if hashlib.sha256(content).hexdigest() != config["weights_sha256"]:
            self._refuse(folder / WEIGHTS, f" is not the one that {CONFIG} was saved with")
        return config, tensors

    def _config(self, path: Path) -> dict[str, Any]:
        try:
            config = json.loads(path.read_text(encoding="utf-8"), parse_constant=_no_constant)
        except (ValueError, RecursionError) as error:
            self._refuse(path, f" is not JSON: {error}", error)
        if not isinstance(config, dict) or config.get("kind") != self.kind:
            found = config.get("kind") if isinstance(config, dict) else None
            raise ValueError(f"{path} is not of a model of jaxmusic: its 'kind' is {found!r}, not {self.kind!r}")
        if config.get("version") != self.version:
            raise ValueError(
                f"{path} has version {config.get('version')!r} and this jaxmusic knows {self.version}: "
                f"install the jaxmusic that saved it, or {self.fix}"
            )
        self.check_keys(path, "", config, self.keys | {"kind", "version"} | _DIGESTS)
        if config["config_sha256"] != config_digest(config):
            self._refuse(path, " was changed after it was saved: restore it", join=", or ")
        return config

    def check_keys(self, path: Path, prefix: str, found: Any, known: Iterable[str]) -> None:
        """An object with these keys and no others.

        Raises:
            ValueError: it is not.
        """
        if not isinstance(found, dict):
            self._refuse(path, f": {prefix.rstrip('.')} is no object")
        if unknown := sorted(found.keys() - set(known)):
            raise ValueError(f"{path} has the unknown key {prefix}{unknown[0]}: this jaxmusic can't tell what it means")
        if missing := sorted(set(known) - found.keys()):
            self._refuse(path, f" has no key {prefix}{missing[0]}")

    def _refuse(self, path: Path, what: str, cause: Exception | None = None, *, join: str = "; ") -> NoReturn:
        raise ValueError(f"{path}{what}{join}{self.fix}") from cause


def check_names(where: str | Path, tensors: Iterable[str], expected: Iterable[str], fix: str) -> None:
    """These tensors and no others.

    Raises:
        ValueError: one is missing or unknown.
    """
    found, known = set(tensors), set(expected)
    if missing := sorted(known - found):
        raise ValueError(f"{where} lacks the tensor {missing[0]}; {fix}")
    if unknown := sorted(found - known):
        raise ValueError(f"{where} has the unknown tensor {unknown[0]}; {fix}")


def check_tensors(
    where: str | Path,
    tensors: Mapping[str, np.ndarray],
    shapes: Mapping[str, tuple[int, ...]],
    maker: str,
    fix: str,
) -> None:
    """These tensors and no others, of these shapes.

    Args:
        where: what holds them, for errors.
        tensors: name → array.
        shapes: name → shape.
        maker: what makes them of these shapes.
        fix: what to do about others.

    Raises:
        ValueError: one is not.
    """
    check_names(where, tensors, shapes, fix)
    for name, shape in shapes.items():
        if tensors[name].shape != shape:
            raise ValueError(f"{where}: tensor {name} has shape {tensors[name].shape}, {maker} makes it {shape}; {fix}")


def config_digest(config: Mapping[str, Any]) -> str:
    """SHA-256 of a configuration, its own digest left out."""
    text = json.dumps({k: v for k, v in config.items() if k != "config_sha256"}, sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()


def remains(names: Iterable[str]) -> list[str]:
    """Names in a folder that a write which was cut off has left there."""
    return [name for name in names if _REMAINS.match(name)]


def _waiting_name(digest: str) -> str:
    return f".{WEIGHTS}.{digest[:_DIGITS]}"


def _content(folder: Path, digest: Any) -> bytes:
    """The tensors' bytes: under their own name, or, after a write that was cut off, the one before."""
    found = b""
    for path in (folder / WEIGHTS, folder / _waiting_name(str(digest))):
        if path.is_file():
            content = path.read_bytes()
            found = found or content
            if hashlib.sha256(content).hexdigest() == digest:
                return content
    return found


def _to_bytes(tensors: Mapping[str, np.ndarray]) -> bytes:
    from safetensors.numpy import save

    return save({name: np.ascontiguousarray(array).reshape(array.shape) for name, array in tensors.items()})


def _from_bytes(content: bytes) -> dict[str, np.ndarray]:
    from safetensors import SafetensorError, deserialize

    try:
        found = deserialize(content)
    except SafetensorError as error:
        raise ValueError(str(error)) from error
    tensors = {}
    for name, entry in found:
        if entry["dtype"] not in _DTYPES:
            raise ValueError(f"tensor {name} has the unknown dtype {entry['dtype']}")
        dtype = jnp.dtype(_DTYPES[entry["dtype"]])
        tensors[name] = np.frombuffer(entry["data"], dtype).reshape(entry["shape"])
    return tensors


def _no_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is no number of JSON")
