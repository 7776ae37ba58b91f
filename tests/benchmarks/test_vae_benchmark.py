"""The VAEs' benchmark on little: a row for each model, losses that agree with the peer's, memory of a process."""

import pytest

from benchmarks import vae
from benchmarks.vae_cells import cells


def test_every_model_is_measured_and_the_peer_agrees(monkeypatch):
    pytest.importorskip("torch", reason="PyTorch is not installed; the benchmark needs it, the library does not")
    # After so few steps the loss still falls steeply.
    monkeypatch.setattr(vae, "_AGREEMENT", 0.3)
    names = ("FC-VAE", "Basic VAE, 52", "Autoencoder", "Conditional VAE, 52", "Conv1D")
    options = vae.Options(models=names, rows=256, clips=2, epochs=20, rounds=1, ways=("eager", "tuned"), memory=False)
    training, encoding = vae.measure(options)
    chosen = [cell.name for cell in cells(256, 2) if cell.name.startswith(names)]
    assert [row[0] for row in training["rows"]] == [row[0] for row in encoding["rows"]] == chosen
    for row in training["rows"]:
        assert row[1] > 0
        assert 0 < row[5] < 1


def test_spectrogram_models_and_their_memory():
    pytest.importorskip("torch", reason="PyTorch is not installed; the benchmark needs it, the library does not")
    options = vae.Options(models=("JointVAE",), clips=2, epochs=10, rounds=1, ways=("tuned",))
    training, _, memory = vae.measure(options)
    [[name, ours, theirs]] = memory["rows"]
    assert name.startswith("JointVAE")
    assert ours > 100
    assert theirs > 100
    assert len(training["rows"]) == 1
