"""Rows of arrays that lie on disk, for data larger than memory: read one by one, when they are asked for."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from jaxmusic._files import written_whole

# A checkpoint knows its data again by so many rows, evenly spaced.
_SAMPLED_ROWS = 64


class RowSource(Protocol):
    """What streams into training: a number of rows, and each row as a dict of arrays; safe to read from threads.

    The random-access sources of `grain` have this form once their records are decoded to dicts.
    """

    def __len__(self) -> int:
        """Number of rows."""

    def __getitem__(self, row: int, /) -> Mapping[str, Any]:
        """One row: name → array without the row's axis."""


class ArrayStore:
    """Named arrays on disk with the rows on their first axis: `.npy` files and Zarr folders (format 2 or 3).

    Rows are read with plain file reads and not through a memory map, so that the process holds no more than the rows
    it works on, whatever the size of the files.

    >>> import numpy, tempfile
    >>> folder = Path(tempfile.mkdtemp())
    >>> numpy.save(folder / "mels.npy", numpy.zeros((5, 4, 3), "float32"))
    >>> store = ArrayStore({"inputs": folder / "mels.npy"})
    >>> len(store), store[2]["inputs"].shape, len(store.take([0, 3]))
    (5, (4, 3), 2)

    Args:
        arrays: name → path of a `.npy` file or of a Zarr folder.
        rows: the rows this view has, in order; None for all.

    Raises:
        FileNotFoundError: a path that does not exist.
        ValueError: a file that is no array, cut short, of Python objects or in column order; arrays that differ in
            their number of rows.
        IndexError: rows beyond the arrays.
    """

    def __init__(self, arrays: Mapping[str, str | Path], *, rows: Sequence[int] | np.ndarray | None = None) -> None:
        self._paths = {name: Path(path).expanduser() for name, path in arrays.items()}
        self._arrays = {name: _opened(path) for name, path in self._paths.items()}
        counts = {name: array.shape[0] for name, array in self._arrays.items()}
        if len(set(counts.values())) != 1:
            raise ValueError(f"the arrays of a store must have one number of rows, got {counts}")
        count = next(iter(counts.values()))
        self._rows = np.arange(count) if rows is None else np.arange(count)[np.asarray(rows, np.int64)]

    def __len__(self) -> int:
        return len(self._rows)

    def __getitem__(self, row: int) -> dict[str, np.ndarray]:
        position = int(self._rows[row])
        return {name: array.read(position) for name, array in self._arrays.items()}

    @property
    def shapes(self) -> dict[str, tuple[int, ...]]:
        """Name → shape, rows first."""
        return {name: (len(self), *array.shape[1:]) for name, array in self._arrays.items()}

    def take(self, rows: Sequence[int] | np.ndarray) -> ArrayStore:
        """A view of the rows at `rows` (integer positions or a bool mask), in that order.

        Args:
            rows: `[m]` int, or bool over the rows of this view.

        Returns:
            An `ArrayStore` over the same files; nothing is read.
        """
        rows = np.asarray(rows)
        return ArrayStore(self._paths, rows=self._rows[rows.astype(int) if rows.size == 0 else rows])


class ArrayWriter:
    """Named arrays on disk whose rows arrive part by part, for `ArrayStore`; whole when the block ends, or not there.

    >>> import tempfile
    >>> with ArrayWriter(Path(tempfile.mkdtemp()) / "latents", 3) as writer:
    ...     writer.write({"mean": np.zeros((2, 4)), "logvar": np.zeros((2, 4))})
    ...     writer.write({"mean": np.ones((1, 4)), "logvar": np.ones((1, 4))})
    >>> writer.store.shapes
    {'mean': (3, 4), 'logvar': (3, 4)}

    Args:
        out: a `.npy` file, for one array; else a folder, made if it does not exist, which gets `<name>.npy` for each.
        rows: how many will come.

    Raises:
        ValueError: several arrays for one file, other names or shapes than those of the first part, or another number
            of rows.
    """

    def __init__(self, out: str | Path, rows: int) -> None:
        self._out, self._rows, self._written = Path(out).expanduser(), rows, 0
        self._files: dict[str, Any] = {}
        self._stack = ExitStack()
        self._shapes: dict[str, tuple[Any, ...]] = {}

    def __enter__(self) -> ArrayWriter:
        return self

    def write(self, part: Mapping[str, np.ndarray]) -> None:
        """Append rows: name → `[rows of this part, …]`."""
        shapes = {name: (x.dtype, x.shape[1:]) for name, x in part.items()}
        if not self._files:
            self._open(shapes)
        if shapes != self._shapes or len({len(x) for x in part.values()}) != 1:
            raise ValueError(f"{self._out}: rows {self._written} on are {shapes}, those before are {self._shapes}")
        for name, x in part.items():
            self._files[name].write(np.ascontiguousarray(x).data)
        self._written += len(next(iter(part.values())))

    @property
    def store(self) -> ArrayStore:
        """What was written, once the block has ended."""
        return ArrayStore({name: self._path(name) for name in self._shapes})

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, traceback: Any) -> None:
        if kind is None and self._written != self._rows:
            error = ValueError(f"{self._out} was given {self._written} rows of {self._rows}")
            self._stack.__exit__(ValueError, error, None)
            raise error
        self._stack.__exit__(kind, error, traceback)

    def _open(self, shapes: dict[str, tuple[Any, ...]]) -> None:
        if self._out.suffix == ".npy" and len(shapes) > 1:
            raise ValueError(f"{self._out} is one file for {len(shapes)} arrays, {', '.join(shapes)}: give a folder")
        self._shapes = shapes
        for name, (dtype, shape) in shapes.items():
            self._files[name] = self._stack.enter_context(written_whole(self._path(name)))
            header = {"descr": np.lib.format.dtype_to_descr(dtype), "fortran_order": False}
            np.lib.format.write_array_header_1_0(self._files[name], {**header, "shape": (self._rows, *shape)})

    def _path(self, name: str) -> Path:
        return self._out if self._out.suffix == ".npy" else self._out / f"{name}.npy"


class RecordStore:
    """Rows in ArrayRecord files, as `write_records` writes them.

    Args:
        paths: one file or several, read as one after the other.

    Raises:
        FileNotFoundError: a path that does not exist.
        ValueError: a record that `write_records` did not write.
    """

    def __init__(self, paths: str | Path | Sequence[str | Path]) -> None:
        from array_record.python.array_record_data_source import ArrayRecordDataSource

        names = [Path(path).expanduser() for path in ([paths] if isinstance(paths, str | Path) else paths)]
        for path in names:
            if not path.is_file():
                raise FileNotFoundError(f"{path}: no such ArrayRecord file")
        self._names = [str(path) for path in names]
        self._source = ArrayRecordDataSource(self._names)

    def __len__(self) -> int:
        return len(self._source)

    def __getitem__(self, row: int) -> dict[str, np.ndarray]:
        from flax.serialization import msgpack_restore

        [record] = self._source.__getitems__([row])
        try:
            return dict(msgpack_restore(record))
        except (ValueError, TypeError) as error:
            raise ValueError(f"record {row} of {', '.join(self._names)} is not one of write_records: {error}") from None


def write_records(path: str | Path, rows: Sequence[Mapping[str, Any]] | RowSource) -> Path:
    """Write rows (dicts of arrays) to an ArrayRecord file, for `RecordStore`.

    Args:
        path: file to write; one that exists is replaced.
        rows: dicts of arrays (or numbers), one a row, or a row source such as `ArrayStore`.

    Returns:
        The path.
    """
    from array_record.python.array_record_module import ArrayRecordWriter
    from flax.serialization import msgpack_serialize

    # One row a group, since training reads rows in random order.
    path = Path(path).expanduser()
    writer = ArrayRecordWriter(str(path), "group_size:1")
    try:
        for row in range(len(rows)):
            writer.write(msgpack_serialize({name: np.asarray(value) for name, value in rows[row].items()}))
    finally:
        writer.close()
    return path


def source_fingerprint(source: RowSource) -> str:
    """Changes with the number of rows, their shapes, and the values of 64 of them, evenly spaced."""
    digest = hashlib.sha256(str(len(source)).encode())
    for row in np.unique(np.linspace(0, len(source) - 1, _SAMPLED_ROWS).astype(int)):
        for name, value in _named_values(source[int(row)]):
            array = np.asarray(value)
            digest.update(f"{name}{array.dtype}{array.shape}".encode() + array.tobytes())
    return digest.hexdigest()[:16]


def _named_values(row: Mapping[str, Any], before: str = "") -> Iterator[tuple[str, Any]]:
    for name, value in sorted(row.items()):
        if isinstance(value, Mapping):
            yield from _named_values(value, f"{before}{name}.")
        else:
            yield before + name, value


class _NpyRows:
    """A `.npy` file, read row by row."""

    def __init__(self, path: Path) -> None:
        self._path = path
        with path.open("rb") as file:
            try:
                version = np.lib.format.read_magic(file)
                read = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
                self.shape, columns_first, self.dtype = read(file)
            except ValueError as error:
                raise ValueError(f"{path} is no .npy file: {error}") from None
            self._offset = file.tell()
        if self.dtype.hasobject:
            raise ValueError(f"{path} holds Python objects; save it as an array of numbers")
        if columns_first and len(self.shape) > 1:
            raise ValueError(f"{path} is in column order; save it with numpy.save(path, numpy.ascontiguousarray(x))")
        if not self.shape:
            raise ValueError(f"{path} holds a single number, not rows")
        self._count = int(np.prod(self.shape[1:], dtype=np.int64))
        expected = self._offset + self.shape[0] * self._count * self.dtype.itemsize
        if path.stat().st_size < expected:
            raise ValueError(f"{path} is cut short: {path.stat().st_size} bytes of {expected}")

    def read(self, row: int) -> np.ndarray:
        offset = self._offset + row * self._count * self.dtype.itemsize
        values = np.fromfile(self._path, self.dtype, self._count, offset=offset)
        if len(values) < self._count:
            raise ValueError(f"{self._path} ends before row {row}: it was cut short after it was opened")
        return values.reshape(self.shape[1:])


class _ZarrRows:
    """A Zarr folder, read through TensorStore."""

    def __init__(self, path: Path, driver: str) -> None:
        import tensorstore

        spec = {"driver": driver, "kvstore": {"driver": "file", "path": str(path)}}
        try:
            self._array = tensorstore.open(spec, open=True, read=True).result()
        except ValueError as error:
            raise ValueError(f"{path} is no readable Zarr array: {error}") from None
        self.shape, self.dtype = tuple(self._array.shape), self._array.dtype.numpy_dtype

    def read(self, row: int) -> np.ndarray:
        return np.asarray(self._array[row].read().result())


def _opened(path: Path) -> Any:
    for file, driver in (("zarr.json", "zarr3"), (".zarray", "zarr")):
        if (path / file).is_file():
            if driver == "zarr3" and json.loads((path / file).read_text()).get("node_type") == "group":
                raise ValueError(f"{path} is a Zarr group; give the folder of one of its arrays")
            return _ZarrRows(path, driver)
    if path.is_dir():
        raise ValueError(f"{path} is a folder without zarr.json or .zarray, so no Zarr array")
    if not path.is_file():
        raise FileNotFoundError(f"{path}: no such .npy file or Zarr folder")
    return _NpyRows(path)
