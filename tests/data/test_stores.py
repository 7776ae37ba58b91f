"""Rows on disk: the same rows back from every format, views, and files that are no arrays."""

import numpy as np
import pytest
import tensorstore

from jaxmusic import data
from jaxmusic.data.stores import source_fingerprint


@pytest.fixture
def mels():
    return np.random.default_rng(0).normal(size=(7, 4, 3)).astype(np.float32)


def _zarr(path, array, driver):
    metadata = {"shape": array.shape} | ({"dtype": "<f4"} if driver == "zarr" else {"data_type": "float32"})
    spec = {"driver": driver, "kvstore": {"driver": "file", "path": str(path)}, "metadata": metadata}
    tensorstore.open(spec, create=True).result().write(array).result()
    return path


@pytest.mark.parametrize("kind", ["npy", "zarr", "zarr3", "records"])
def test_rows_come_back_as_they_were_written(tmp_path, mels, kind):
    ids = np.arange(7)
    if kind == "npy":
        np.save(tmp_path / "mels.npy", mels)
        np.save(tmp_path / "ids.npy", ids)
        store = data.ArrayStore({"inputs": tmp_path / "mels.npy", "ids": tmp_path / "ids.npy"})
        assert store.shapes == {"inputs": (7, 4, 3), "ids": (7,)}
    elif kind == "records":
        rows = [{"inputs": mel, "ids": i} for mel, i in zip(mels, ids, strict=True)]
        half = [data.write_records(tmp_path / f"{i}.array_record", part) for i, part in enumerate((rows[:4], rows[4:]))]
        store = data.RecordStore(half)
    else:
        store = data.ArrayStore({"inputs": _zarr(tmp_path / "mels", mels, kind)})
    assert len(store) == 7
    for row in (3, 0, 6):
        np.testing.assert_array_equal(store[row]["inputs"], mels[row])
        if "ids" in store[row]:
            assert store[row]["ids"] == row


def test_a_view_has_the_rows_it_was_asked_for(tmp_path, mels):
    np.save(tmp_path / "mels.npy", mels)
    store = data.ArrayStore({"inputs": tmp_path / "mels.npy"})
    odd = store.take(np.arange(7) % 2 == 1)
    assert len(odd) == 3
    np.testing.assert_array_equal(odd.take([2, 0])[0]["inputs"], mels[5])
    with pytest.raises(IndexError):
        store.take([7])


def test_a_fingerprint_changes_with_values_and_with_rows(tmp_path, mels):
    np.save(tmp_path / "mels.npy", mels)
    store = data.ArrayStore({"inputs": tmp_path / "mels.npy"})
    first = source_fingerprint(store)
    assert source_fingerprint(data.ArrayStore({"inputs": str(tmp_path / "mels.npy")})) == first
    assert source_fingerprint(store.take(np.arange(6))) != first
    mels[3, 0, 0] += 1
    np.save(tmp_path / "mels.npy", mels)
    assert source_fingerprint(store) != first


def test_files_that_are_no_arrays_are_refused_by_name(tmp_path, mels):
    def refused(name, message, error=ValueError):
        with pytest.raises(error, match=message) as caught:
            data.ArrayStore({"inputs": tmp_path / name})
        assert name in str(caught.value)

    refused("absent.npy", "no such", FileNotFoundError)
    (tmp_path / "text.npy").write_text("id,lyrics\n")
    refused("text.npy", "is no .npy file")
    np.save(tmp_path / "objects.npy", np.array([{}, {}]))
    refused("objects.npy", "Python objects")
    np.save(tmp_path / "columns.npy", np.asfortranarray(np.ones((3, 2))))
    refused("columns.npy", "column order")
    np.save(tmp_path / "single.npy", np.float32(3))
    refused("single.npy", "single number")
    np.save(tmp_path / "short.npy", mels)
    with (tmp_path / "short.npy").open("r+b") as file:
        file.truncate((tmp_path / "short.npy").stat().st_size - 4)
    refused("short.npy", "cut short")
    (tmp_path / "folder").mkdir()
    refused("folder", "no Zarr array")
    np.save(tmp_path / "more.npy", mels[:5])
    np.save(tmp_path / "mels.npy", mels)
    with pytest.raises(ValueError, match="one number of rows"):
        data.ArrayStore({"a": tmp_path / "more.npy", "b": tmp_path / "mels.npy"})
    with pytest.raises(FileNotFoundError, match=r"absent\.array_record"):
        data.RecordStore(tmp_path / "absent.array_record")
