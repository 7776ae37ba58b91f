"""The small VAEs' benchmark on little: a row for each model, losses that agree with the peer's."""

import pytest

from benchmarks import small_vae


def test_every_model_has_a_row_and_the_peer_agrees(monkeypatch):
    pytest.importorskip("torch", reason="PyTorch is not installed; the benchmark needs it, the library does not")
    from benchmarks import torch_small_vae

    trainer = torch_small_vae.trainer
    # torch.compile takes longer than everything else here.
    monkeypatch.setattr(
        torch_small_vae, "trainer", lambda *a, way, **k: trainer(*a, way="tuned" if way == "compiled" else way, **k)
    )
    # After so few steps the loss still falls steeply.
    monkeypatch.setattr(small_vae, "_AGREEMENT", 0.3)
    found = small_vae.measure(small_vae.Options(rows=256, epochs=20, rounds=1))
    assert [row[0] for row in found["rows"]] == [
        "Basic VAE, 52 columns", "Basic VAE, 436 columns", "Conv1D VAE, 436 columns", "Conditional VAE, 436 columns",
    ]  # fmt: skip
    for row in found["rows"]:
        assert row[1] > 0
        assert 0 < row[6] < 1
