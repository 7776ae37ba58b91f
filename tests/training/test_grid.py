"""A grid's cells are the single runs of their values, from one compilation."""

import jax
import numpy as np
import optax
import pytest

from jaxmusic import losses, models, training

_MODULE = models.FCVAE(latent_dim=2, features=12, widths=(8,))
_INJECTED = optax.inject_hyperparams(optax.adam)(learning_rate=1e-3)
_LOSS = losses.elbo(beta="beta")


def _data():
    return {"inputs": np.random.default_rng(0).normal(size=(22, 12)).astype(np.float32)}


def _grid(loss=_LOSS, optimizer=_INJECTED, **options):
    options = {"grid": {"beta": (0.5, 2.0), "learning_rate": (1e-2, 1e-3)}, "seeds": 2} | options
    return training.fit_grid(
        jax.random.key(0), _MODULE, loss, _data(), epochs=3, batch_size=8, optimizer=optimizer, **options
    )


@pytest.mark.parametrize("backend", ["cpu", "gpu"])
def test_cells_are_the_single_runs_of_their_values(monkeypatch, backend):
    # On an accelerator the cells train as one, vectorised.
    monkeypatch.setattr("jaxmusic.training.trainer.jax.default_backend", lambda: backend)
    found = _grid(valid=_data())
    assert [cell["beta"] for cell in found.cells] == [0.5, 0.5, 2.0, 2.0]
    for i, cell in enumerate(found.cells):
        single, info = training.fit(
            jax.random.key(0),
            _MODULE,
            losses.elbo(beta=cell["beta"]),
            _data(),
            valid=_data(),
            seeds=2,
            epochs=3,
            batch_size=8,
            optimizer=optax.adam(cell["learning_rate"]),
        )
        of_cell = jax.tree.map(lambda x, i=i: x[i], found.state.params)
        jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, atol=1e-6), of_cell, single.params)
        for name in ("loss", "valid_loss", "beta"):
            np.testing.assert_allclose(found.info.metrics[name][i], info.metrics[name], rtol=1e-5)


def test_one_compilation_serves_all_cells():
    traces = []

    def counted(outputs, batch):
        traces.append(1)
        return _LOSS(outputs, batch)

    _grid(loss=counted, grid={"beta": (1.0,)}, seeds=1)
    one_cell = len(traces)
    traces.clear()
    _grid(loss=lambda outputs, batch: counted(outputs, batch), grid={"beta": tuple(range(6))}, seeds=1)
    assert len(traces) == one_cell


def test_a_grid_resumes(tmp_path):
    straight = _grid()
    training.fit_grid(
        jax.random.key(0),
        _MODULE,
        _LOSS,
        _data(),
        epochs=1,
        batch_size=8,
        optimizer=_INJECTED,
        seeds=2,
        grid={"beta": (0.5, 2.0), "learning_rate": (1e-2, 1e-3)},
        checkpoint=tmp_path,
    )
    resumed = _grid(checkpoint=tmp_path)
    jax.tree.map(np.testing.assert_array_equal, straight.state.params, resumed.state.params)
    with pytest.raises(ValueError, match="another run"):
        _grid(checkpoint=tmp_path, grid={"beta": (0.5, 2.5), "learning_rate": (1e-2, 1e-3)})


def test_a_name_that_nothing_reads_is_refused():
    with pytest.raises(ValueError, match="neither the loss nor the optimiser reads learning_rate"):
        _grid(optimizer=optax.adam(1e-3))
    with pytest.raises(ValueError, match="reads beta"):
        _grid(loss=losses.elbo())
    with pytest.raises(ValueError, match="at least one value"):
        _grid(grid={"beta": ()})
    with pytest.raises(ValueError, match="not both"):
        training.fit(
            jax.random.split(jax.random.key(0), 2),
            _MODULE,
            losses.elbo(),
            _data(),
            seeds=2,
            epochs=1,
            batch_size=8,
            optimizer=_INJECTED,
        )
    with pytest.raises(ValueError, match="not a key for each model"):
        training.fit_grid(
            jax.random.split(jax.random.key(0), 2),
            _MODULE,
            _LOSS,
            _data(),
            grid={"beta": (1.0, 2.0)},
            epochs=1,
            batch_size=8,
            optimizer=_INJECTED,
        )
