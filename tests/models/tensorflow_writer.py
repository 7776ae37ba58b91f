"""Writes TensorFlow checkpoints for tests, sound ones and such as no one should read."""

import struct

import numpy as np

from jaxmusic.models.tensorflow_checkpoint import crc32c, masked_crc32c


def varint(value: int) -> bytes:
    out = b""
    while value >= 128:
        out, value = out + bytes([value & 127 | 128]), value >> 7
    return out + bytes([value])


def field(number: int, value: int | bytes) -> bytes:
    if isinstance(value, bytes):
        return varint(number << 3 | 2) + varint(len(value)) + value
    return varint(number << 3) + varint(value)


def entry(array, place, changes):
    """One tensor's record; `changes` replace what it says."""
    said = {"dtype": 1, "shape": array.shape, "shard": 0, "offset": place, "size": array.nbytes, **changes}
    shape = b"".join(field(2, field(1, axis)) for axis in said["shape"])
    checksum = said.get("checksum", masked_crc32c(crc32c(array.tobytes())))
    record = field(1, said["dtype"]) + field(2, shape)
    for number, name in ((3, "shard"), (4, "offset"), (5, "size")):
        record += field(number, said[name]) if said[name] else b""
    return record + varint(6 << 3 | 5) + struct.pack("<I", checksum)


def block(pairs, kind=0):
    """A block of a table; every key shares what it can with the one before."""
    out, before = b"", b""
    for key, value in pairs:
        shared = next(
            (i for i, (a, b) in enumerate(zip(key, before, strict=False)) if a != b), min(len(key), len(before))
        )
        out += varint(shared) + varint(len(key) - shared) + varint(len(value)) + key[shared:] + value
        before = key
    out += struct.pack("<II", 0, 1)
    return out + bytes([kind]) + struct.pack("<I", masked_crc32c(crc32c(out + bytes([kind]))))


def table(records, kind=0):
    content = block(sorted(records.items()), kind)
    handle = varint(0) + varint(len(content) - 5)
    index = block([(b"~", handle)])
    footer = varint(0) + varint(0) + varint(len(content)) + varint(len(index) - 5)
    return content + index + footer.ljust(40, b"\0") + struct.pack("<Q", 0xDB4775248B80FB57)


def write(folder, tensors, changes=(), kind=0):
    """A checkpoint of float32 tensors; `changes` are what their records say instead, by name."""
    changes = dict(changes)
    folder.mkdir(parents=True, exist_ok=True)
    records, data = {b"": field(1, 1)}, b""
    for name, array in tensors.items():
        array = np.asarray(array, np.float32)
        records[name.encode()] = entry(array, len(data), changes.get(name, {}))
        data += array.tobytes()
    (folder / ".index").write_bytes(table(records, kind))
    (folder / ".data-00000-of-00001").write_bytes(data)
    return folder
