"""A TensorFlow checkpoint → named arrays, without TensorFlow.

A checkpoint is a table of entries (`.index`, the layout of LevelDB's sorted tables, uncompressed) and one file of raw
little-endian arrays (`.data-00000-of-00001`). Nothing in either file is trusted: every offset, size, count and dtype is
held against what is there, and every checksum is computed again.
"""

from __future__ import annotations

import itertools
import math
import struct
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import Any, NoReturn

import numpy as np

__all__ = ["read_checkpoint"]

INDEX, DATA = ".index", ".data-00000-of-00001"
_MAGIC = 0xDB4775248B80FB57
_FOOTER = 48
# TensorFlow's numbers of the types that weights have.
_DTYPES: dict[int, np.dtype[Any]] = {
    1: np.dtype("<f4"),
    2: np.dtype("<f8"),
    3: np.dtype("<i4"),
    9: np.dtype("<i8"),
    19: np.dtype("<f2"),
}
_MOST_AXES = 8
# What TensorFlow adds to a rotated checksum, so that one of a file that holds checksums is no fixed point.
_MASK = 0xA282EAD8


def read_checkpoint(folder: str | Path, *, prefix: str = "", ignored: Collection[str] = ()) -> dict[str, np.ndarray]:
    """Read the tensors of a checkpoint of one shard.

    Args:
        folder: holds `<prefix>.index` and `<prefix>.data-00000-of-00001`.
        prefix: what the files' names begin with.
        ignored: endings of names that are left unread, such as an optimiser's slots (`"/Adam"`).

    Returns:
        Name → array, in the machine's byte order.

    Raises:
        FileNotFoundError: a file is missing; names it.
        ValueError: a file that is damaged, cut off, compressed, or not what it says; names the file and the entry.
    """
    folder = Path(folder)
    index, data = folder / f"{prefix}{INDEX}", folder / f"{prefix}{DATA}"
    for path in (index, data):
        if not path.is_file():
            raise FileNotFoundError(f"{path} is missing: a checkpoint is {prefix}{INDEX} and {prefix}{DATA}")
    entries = _Table(index).entries()
    if entries.pop(b"", None) is None:
        _refuse(index, "the header's entry is missing")
    size, tensors, taken = data.stat().st_size, {}, []
    with data.open("rb") as file:
        for key, value in entries.items():
            name = key.decode("utf-8", errors="replace")
            if name.endswith(tuple(ignored)):
                continue
            dtype, shape, offset, length, checksum = _entry(index, name, value)
            if offset + length > size:
                _refuse(data, f"tensor {name} lies at {offset} to {offset + length}, the file has {size} bytes")
            file.seek(offset)
            content = file.read(length)
            if masked_crc32c(crc32c(content)) != checksum:
                _refuse(data, f"the checksum of tensor {name} is another: its bytes were changed")
            taken.append((offset, offset + length, name))
            tensors[name] = np.frombuffer(content, dtype).reshape(shape).astype(dtype.newbyteorder("="))
    taken.sort()
    for (_, end, first), (start, _, second) in itertools.pairwise(taken):
        if start < end:
            _refuse(index, f"tensors {first} and {second} share bytes")
    return tensors


def _entry(path: Path, name: str, value: bytes) -> tuple[np.dtype, tuple[int, ...], int, int, int]:
    """Dtype, shape, offset, length in bytes and checksum of a tensor."""
    where = f"the entry of {name}"
    found: dict[int, Any] = {3: 0, 4: 0, 5: 0}
    for field, content in _fields(path, where, value):
        found[field] = content
    if found.keys() - {1, 2, 3, 4, 5, 6} or not {1, 2, 6} <= found.keys():
        _refuse(path, f"{where} has the fields {sorted(found)}: a sliced or an unknown form")
    if found[1] not in _DTYPES:
        _refuse(path, f"{where} has the dtype {found[1]}; known are TensorFlow's {sorted(_DTYPES)}")
    if found[3] != 0:
        _refuse(path, f"{where} lies in shard {found[3]}: only checkpoints of one shard are read")
    shape = _shape(path, where, found[2])
    dtype, length = _DTYPES[found[1]], math.prod(shape) * _DTYPES[found[1]].itemsize
    if found[5] != length:
        _refuse(path, f"{where} says {found[5]} bytes, its shape {shape} of {dtype.name} takes {length}")
    return dtype, shape, found[4], length, found[6]


def _shape(path: Path, where: str, value: Any) -> tuple[int, ...]:
    if not isinstance(value, bytes):
        _refuse(path, f"{where} has no shape")
    shape: list[int] = []
    for field, axis in _fields(path, where, value):
        sizes = dict(_fields(path, where, axis)) if field == 2 and isinstance(axis, bytes) else {0: 0}
        length = sizes.get(1, 0)
        if sizes.keys() - {1} or not isinstance(length, int):
            _refuse(path, f"{where} has an unknown shape")
        shape.append(length)
    if len(shape) > _MOST_AXES:
        _refuse(path, f"{where} has {len(shape)} axes, at most {_MOST_AXES} are read")
    return tuple(shape)


def _fields(path: Path, where: str, message: bytes) -> Iterator[tuple[int, int | bytes]]:
    """(number, value) of the fields of a protocol-buffer message."""
    place = 0
    while place < len(message):
        tag, place = _varint(path, where, message, place)
        number, kind = tag >> 3, tag & 7
        if kind == 0:
            value, place = _varint(path, where, message, place)
            yield number, value
        elif kind == 2:
            length, place = _varint(path, where, message, place)
            yield number, _slice(path, where, message, place, length)
            place += length
        elif kind == 5:
            yield number, struct.unpack("<I", _slice(path, where, message, place, 4))[0]
            place += 4
        else:
            _refuse(path, f"{where} has a field of the unknown kind {kind}")


def _varint(path: Path, where: str, content: bytes, place: int) -> tuple[int, int]:
    """A number of seven bits a byte, and the place behind it."""
    value = 0
    for i in range(10):
        if place + i >= len(content):
            break
        byte = content[place + i]
        value |= (byte & 127) << 7 * i
        if byte < 128:
            if value >= 2**63:
                break
            return value, place + i + 1
    _refuse(path, f"{where} holds a number that is cut off or too large")


def _slice(path: Path, where: str, content: bytes, start: int, length: int) -> bytes:
    if start + length > len(content):
        _refuse(path, f"{where} reaches {length} bytes behind {start}, of {len(content)}")
    return content[start : start + length]


class _Table:
    """A sorted table: blocks of entries, an index of the blocks, and a footer that says where the index is."""

    def __init__(self, path: Path) -> None:
        self._path, self._content = path, path.read_bytes()

    def entries(self) -> dict[bytes, bytes]:
        """All keys and values."""
        if len(self._content) < _FOOTER:
            _refuse(self._path, f"it has {len(self._content)} bytes, its footer alone has {_FOOTER}: cut off")
        footer = self._content[-_FOOTER:]
        if struct.unpack("<Q", footer[-8:])[0] != _MAGIC:
            _refuse(self._path, "it does not end as a table does: cut off, or no checkpoint's index")
        place = 0
        for _ in range(2):
            _, place = _varint(self._path, "the footer", footer, place)
        found: dict[bytes, bytes] = {}
        for _, handle in self._block(footer[place:]):
            for key, value in self._block(handle):
                if key in found:
                    _refuse(self._path, f"the entry {key!r} is there twice")
                found[key] = value
        return found

    def _block(self, handle: bytes) -> Iterator[tuple[bytes, bytes]]:
        start, place = _varint(self._path, "a block's place", handle, 0)
        length, _ = _varint(self._path, "a block's place", handle, place)
        # Behind a block stand one byte for its compression and four of its checksum.
        whole = _slice(self._path, "a block", self._content, start, length + 5)
        block, kind, checksum = whole[:length], whole[length], struct.unpack("<I", whole[length + 1 :])[0]
        if kind != 0:
            _refuse(self._path, f"a block is compressed (kind {kind}); TensorFlow writes plain ones")
        if masked_crc32c(crc32c(whole[: length + 1])) != checksum:
            _refuse(self._path, "the checksum of a block is another: its bytes were changed")
        restarts = struct.unpack("<I", _slice(self._path, "a block", block, length - 4, 4))[0] if length >= 4 else -1
        end = length - 4 * (restarts + 1)
        if restarts < 0 or end < 0:
            _refuse(self._path, "a block is shorter than the list at its end")
        return self._pairs(block[:end])

    def _pairs(self, block: bytes) -> Iterator[tuple[bytes, bytes]]:
        place, key = 0, b""
        while place < len(block):
            shared, place = _varint(self._path, "an entry", block, place)
            rest, place = _varint(self._path, "an entry", block, place)
            length, place = _varint(self._path, "an entry", block, place)
            if shared > len(key):
                _refuse(self._path, f"an entry shares {shared} bytes with a key of {len(key)}")
            key = key[:shared] + _slice(self._path, "a key", block, place, rest)
            yield key, _slice(self._path, f"the entry of {key!r}", block, place + rest, length)
            place += rest + length


def _crc_table() -> list[int]:
    table = []
    for value in range(256):
        for _ in range(8):
            value = value >> 1 ^ (0x82F63B78 if value & 1 else 0)
        table.append(value)
    return table


_CRC = _crc_table()


def crc32c(content: bytes) -> int:
    """The Castagnoli checksum.

    >>> hex(crc32c(b"123456789"))
    '0xe3069283'
    """
    value, table = 0xFFFFFFFF, _CRC
    for byte in content:
        value = table[(value ^ byte) & 255] ^ value >> 8
    return value ^ 0xFFFFFFFF


def masked_crc32c(value: int) -> int:
    """A CRC-32C as TensorFlow's files store it: rotated by 15 bits, plus a constant."""
    return ((value >> 15 | value << 17) + _MASK) & 0xFFFFFFFF


def _refuse(path: Path, what: str) -> NoReturn:
    raise ValueError(f"{path}: {what}; install the package or fetch the checkpoint again")
