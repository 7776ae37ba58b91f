"""Where rows come from: arrays, row sources, iterables; what they hold is checked, what is written is bounded."""

import subprocess
import sys

import grain
import jax
import numpy as np
import pytest

from jaxmusic import data, losses, models, training


def _equal(first, second):
    jax.tree.map(np.testing.assert_array_equal, first, second)


class _Loader:
    """What a PyTorch DataLoader is to `fit`: batches in a new order at each pass."""

    def __init__(self, rows, size):
        self._rows, self._size, self.passes = rows, size, 0

    def __len__(self):
        return -(-len(self._rows) // self._size)

    def __iter__(self):
        order = np.random.default_rng(self.passes).permutation(len(self._rows))
        self.passes += 1
        for start in range(0, len(order), self._size):
            yield {"inputs": self._rows[order[start : start + self._size]]}


def test_an_iterable_starts_anew_for_each_epoch(make, rows, key):
    loader, traces = _Loader(rows, 8), []

    def loss(outputs, batch):
        traces.append(1)
        return losses.elbo()(outputs, batch)

    state, info = make(loss=loss).fit(key, loader, valid=lambda: [{"inputs": rows[:5]}], epochs=4)
    # One pass to look at the shapes.
    assert loader.passes == 5
    assert int(state.step) == 12
    # One compilation of the step, one of the evaluation; the last batch of six rows is filled up.
    assert len(traces) == 2
    assert info.metrics["valid_loss"].shape == (4,)


def test_a_function_of_the_epoch_resumes_bit_for_bit(make, rows, key, tmp_path):
    def batches(epoch):
        order = np.random.default_rng(epoch).permutation(22)
        return ({"inputs": rows[order[i : i + 8]]} for i in range(0, 22, 8))

    trainer = make()
    straight, _ = trainer.fit(key, batches, epochs=4)
    trainer.fit(key, batches, epochs=2, checkpoint=tmp_path / "run")
    resumed, _ = trainer.fit(key, batches, epochs=4, checkpoint=tmp_path / "run")
    _equal(straight.params, resumed.params)
    half, _ = trainer.fit(key, batches, epochs=2)
    _equal(straight.params, trainer.fit(half, batches, epochs=2)[0].params)


def test_grain_iterates_and_reads_by_number(make, rows, key):
    records = [{"inputs": row} for row in rows]
    source = grain.MapDataset.source(records)
    by_number, _ = make().fit(key, source, epochs=2)
    arrays, _ = make().fit(key, {"inputs": rows}, epochs=2, loop="python")
    _equal(by_number.params, arrays.params)
    state, _ = make().fit(key, source.shuffle(seed=1).batch(8).to_iter_dataset(), epochs=2)
    assert int(state.step) == 6


def test_grain_draws_its_random_transformations_anew_in_every_epoch(make, rows, key):
    seen = []

    class Noise(grain.transforms.RandomMap):
        def random_map(self, element, rng):
            value = rng.normal()
            seen.append((int(element["row"]), float(value)))
            return {"inputs": element["inputs"] + np.float32(value)}

    records = [{"inputs": row, "row": np.int32(i)} for i, row in enumerate(rows)]
    source = grain.MapDataset.source(records).seed(3).random_map(Noise())
    first, _ = make().fit(key, source, epochs=3)
    reads = {}
    for row, value in seen:
        reads.setdefault(row, set()).add(value)
    # A draw an epoch and row; row 0 is looked at before, with its first draw, and fills up the last batch.
    assert {row: len(values) for row, values in reads.items()} == dict.fromkeys(range(22), 3)
    again, _ = make().fit(key, source, epochs=3)
    _equal(first.params, again.params)
    half, _ = make().fit(key, source, epochs=1)
    _equal(first.params, make().fit(half, source, epochs=2)[0].params)


@pytest.mark.parametrize(
    ("train", "message"),
    [
        (
            lambda x: {"inputs": x, "lyrics": np.array(["la"] * 22)},
            r"column 'lyrics' of train holds text.*remove_columns",
        ),
        (lambda x: {"inputs": x, "more": np.array([None] * 22)}, "column 'more' of train holds object"),
        (
            lambda x: [{"inputs": row, "lyrics": "la"} for row in x],
            r"column 'lyrics' of row 0 of train.*remove_columns",
        ),
        (lambda x: [{"inputs": [[1.0], [1.0, 2.0]]}], "column 'inputs' of row 0 of train is no array"),
        (lambda x: list(x), "row 0 of train is of type ndarray where a dict"),
        (lambda x: [None] * 3, "row 0 of train is None where a dict"),
        (lambda x: {"inputs": x, "beta": 0.5}, "differ in their number of rows.*beta"),
        (lambda x: {}, "train has no rows"),
        (lambda x: [], "train has no rows"),
        (lambda x: lambda: [], "train has no rows: its first epoch gives no batch"),
        (lambda x: iter([{"inputs": x}]), "runs once: give what starts anew for each epoch"),
        (lambda x: lambda: [[x[:8], x[:8]]], "first batch of train is of type list where a dict"),
        (lambda x: lambda: [{"inputs": x[:9]}], "batch 1 of epoch 1 of train has 9 rows, more than batch_size 8"),
        (
            lambda x: lambda: [{"inputs": x[:8]}, {"inputs": x[:8, :4]}],
            r"batch 2 of epoch 1 of train has .*float32\[4\].*where the first had .*float32\[8\].*one shape",
        ),
        (lambda x: lambda: [{"inputs": x[:8]}, {"inputs": x[:8].astype(np.float64)}], "batch 2 of epoch 1.*float64"),
        (lambda x: lambda: [{"inputs": x[:8]}, {"inputs": x[:8], "labels": np.ones(8)}], "batch 2 of epoch 1.*labels"),
        (lambda x: lambda: [{"inputs": x[:8], "labels": np.ones(7)}], "differ in their number of rows"),
        (lambda x: lambda: [{"inputs": x[:8], "lyrics": ["la"] * 8}], "column 'lyrics' of the first batch of train"),
    ],
)
def test_what_no_rows_can_come_from_is_named(make, rows, key, train, message):
    with pytest.raises(ValueError, match=message):
        make().fit(key, train(rows), epochs=1)


def test_what_is_no_source_is_named(make, key):
    with pytest.raises(TypeError, match="train is of type int: give a dict of arrays, a row source, or an iterable"):
        make().fit(key, 3, epochs=1)


def test_rows_of_lists_are_arrays(make, rows, key):
    lists, _ = make().fit(key, [{"inputs": row.tolist()} for row in rows], epochs=1)
    arrays, _ = make().fit(key, [{"inputs": row} for row in rows], epochs=1)
    _equal(lists.params, arrays.params)


def test_nested_rows_know_their_data_again(rows):
    first = [{"inputs": {"audio": row}} for row in rows]
    again = [{"inputs": {"audio": row.copy()}} for row in rows]
    other = [{"inputs": {"audio": row + 1}} for row in rows]
    marks = [data.stores.source_fingerprint(source) for source in (first, again, other)]
    assert marks[0] == marks[1] != marks[2]


def test_predictions_of_a_store_are_those_of_arrays(make, rows, key, tmp_path):
    state, _ = make().fit(key, {"inputs": rows}, epochs=1)
    np.save(tmp_path / "x.npy", rows)
    store = data.ArrayStore({"inputs": tmp_path / "x.npy"})
    module = models.FCVAE(2, 8, (4,))
    mean, logvar = training.predict(module, state.variables, (rows,), method="encode", batch_size=8)
    read = training.predict(module, state.variables, store, method="encode", batch_size=8)
    _equal((mean, logvar), read)
    written = training.predict(module, state.variables, store, method="encode", batch_size=8, out=tmp_path / "latents")
    assert written.shapes == {"0": (22, 2), "1": (22, 2)}
    _equal(np.load(tmp_path / "latents" / "1.npy"), logvar)
    decoded = training.predict(module, state.variables, (mean,), method="decode", batch_size=5, out=tmp_path / "r.npy")
    assert decoded.shapes == {"outputs": (22, 8)}
    _equal(np.load(tmp_path / "r.npy"), training.predict(module, state.variables, (mean,), method="decode"))
    named = training.predict(
        module, state.variables, store, method="decode", arguments=lambda batch: (batch["inputs"][:, :2],)
    )
    assert named.shape == (22, 8)


def test_predictions_are_whole_or_not_there(make, rows, key, tmp_path):
    state, _ = make().fit(key, {"inputs": rows}, epochs=1)
    module = models.FCVAE(2, 8, (4,))
    with pytest.raises(ValueError, match=r"one file for 2 arrays, 0, 1: give a folder"):
        training.predict(module, state.variables, (rows,), method="encode", out=tmp_path / "z.npy")

    class Broken:
        def __len__(self):
            return 22

        def __getitem__(self, row):
            if row == 20:
                raise OSError("the disk is gone")
            return {"inputs": rows[row]}

    with pytest.raises(OSError, match="the disk is gone"):
        training.predict(module, state.variables, Broken(), method="encode", batch_size=8, out=tmp_path / "latents")
    assert list(tmp_path.rglob("*.npy")) == []
    assert list(tmp_path.rglob("*unfinished*")) == []


_LARGE = """
import resource, sys, jax, numpy as np
from jaxmusic import data, models, training
module = models.FCVAE(features=256)
variables = module.init({"params": jax.random.key(0), "latent": jax.random.key(1)}, np.zeros((1, 256), "float32"))
store = data.ArrayStore({"inputs": sys.argv[1]})
base = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
found = training.predict(module, variables, store, method="encode", batch_size=256, out=sys.argv[2])
print(base, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024, found.shapes["0"][0])
"""


def test_many_rows_take_little_memory(tmp_path):
    # 20,000 rows of 256 numbers, of 100 MB in parts that the process never holds at once: 40 MB in, 5 MB out.
    array = np.lib.format.open_memmap(tmp_path / "x.npy", mode="w+", dtype=np.float32, shape=(20_000, 256))
    array[:] = 1.0
    array.flush()
    done = subprocess.run(
        [sys.executable, "-c", _LARGE, str(tmp_path / "x.npy"), str(tmp_path / "z")], capture_output=True, text=True
    )
    base, peak, count = map(float, done.stdout.split())
    assert count == 20_000, done.stderr
    assert peak - base < 150, (base, peak)
