"""The VAEs that are measured: their sizes, their data, and both forms of each."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import optax

from jaxmusic import losses, models, training

_LATENT, _WIDTHS, _CLASSES, _LYRICS = 16, (128, 64), 18, 64
_MEL = (128, 215)


@dataclass(frozen=True)
class Cell:
    """One model at one size.

    Attributes:
        name: of the row.
        module: ours.
        loss: its loss.
        arrays: the inputs, `[rows, …]` float32 each.
        targets: the first so many inputs are rebuilt.
        batch: rows of a training step.
        peer: makes PyTorch's model; imports PyTorch only then.
        least: how many times as long PyTorch eager should take.
    """

    name: str
    module: nn.Module
    loss: losses.LossFunction
    arrays: tuple[np.ndarray, ...]
    targets: int
    batch: int
    peer: Callable[[], Any]
    least: float | None

    @property
    def data(self) -> training.Batch:
        """What `Trainer.fit` takes."""
        if isinstance(self.module, models.MultimodalVAE):
            present = np.ones(len(self.arrays[0]), bool)
            audio, lyrics = self.arrays
            return {"inputs": {"audio": audio, "lyrics": lyrics}, "masks": {"audio": present, "lyrics": present}}
        return {"inputs": self.arrays[0], **({"labels": self.arrays[1]} if len(self.arrays) > 1 else {})}

    @property
    def encoded(self) -> tuple[Any, ...]:
        """What the module's `encode` takes."""
        return (self.data["inputs"],) if isinstance(self.module, models.MultimodalVAE) else self.arrays

    def trainer(self) -> Callable[[int], tuple[list[float], float]]:
        """A function that trains a fresh model for some epochs: the mean loss of each, and the seconds."""
        data = self.data
        trainer = training.Trainer(
            self.module,
            self.loss,
            optax.adam(1e-3),
            batch_size=self.batch,
            inputs=_labelled if "labels" in data else training.batch_inputs,
        )

        def run(epochs: int) -> tuple[list[float], float]:
            _, info = trainer.fit(jax.random.key(0), data, epochs=epochs)
            return info.metrics["loss"].tolist(), info.run_seconds

        return run

    def encoder(self, batch: int) -> Callable[[], float]:
        """A function that encodes all rows once: the seconds."""
        encoded = self.encoded
        keys = {"params": jax.random.key(0), "latent": jax.random.key(1)}
        first = jax.tree.map(lambda x: jnp.asarray(x[:1]), encoded)
        variables = jax.jit(self.module.init)(keys, *first)

        def run() -> float:
            began = time.perf_counter()
            training.predict(self.module, variables, encoded, method="encode", batch_size=batch)
            return time.perf_counter() - began

        return run

    def multiplications(self) -> float:
        """Multiplications of a forward pass for one row, as XLA counts them."""
        inputs = jax.tree.map(lambda x: jnp.asarray(x[:1]), self.encoded)
        keys = {"params": jax.random.key(0), "latent": jax.random.key(1)}
        variables = self.module.init(keys, *inputs)
        forward = jax.jit(lambda v, *x: self.module.apply(v, *x, rngs={"latent": jax.random.key(0)}).recon)
        return forward.lower(variables, *inputs).compile().cost_analysis()["flops"] / 2


def cells(rows: int, clips: int) -> list[Cell]:
    """All of them: feature vectors of `rows` rows, spectrograms of `clips` clips."""
    rng = np.random.default_rng(0)
    labels = np.eye(_CLASSES, dtype=np.float32)[rng.integers(0, _CLASSES, rows)]
    wide, narrow, pooled = (_columns(rng, rows, columns) for columns in (436, 52, 256))
    mels = _columns(rng, clips, _MEL[0] * _MEL[1]).reshape(clips, *_MEL)
    lyrics = _columns(rng, clips, _LYRICS)
    dense = {"latent_dim": _LATENT, "widths": _WIDTHS}
    # Sums: with means the KL outweighs the rest, and a few steps in, losses say more of the noise than of the model.
    summed = losses.elbo(reduction="sum")
    joint = losses.joint_elbo(weights={"audio": 1.0, "lyrics": 1.0}, reduction="sum")
    return [
        Cell(
            "FC-VAE, 256 columns",
            models.FCVAE(),
            summed,
            (pooled,),
            1,
            64,
            lambda: _torch().DenseVAE(256, 32, (512, 256)),
            2.0,
        ),
        Cell(
            "ConvVAE, 128 × 215",
            models.ConvVAE(*_MEL),
            summed,
            (mels,),
            1,
            32,
            lambda: _torch().SpectrogramVAE(*_MEL, 64),
            1.0,
        ),
        Cell(
            "JointVAE, 128 × 215 and 64",
            models.JointVAE(*_MEL, _LYRICS),
            joint,
            (mels, lyrics),
            2,
            32,
            lambda: _torch().SpectrogramVAE(*_MEL, 64, _LYRICS),
            1.0,
        ),
        Cell(
            "Basic VAE, 52 columns",
            models.FCVAE(features=52, **dense),
            summed,
            (narrow,),
            1,
            64,
            lambda: _torch().DenseVAE(52, _LATENT, _WIDTHS),
            6.0,
        ),
        Cell(
            "Autoencoder, 52 columns",
            models.Autoencoder(features=52, **dense),
            losses.reconstruction(reduction="sum"),
            (narrow,),
            1,
            64,
            lambda: _torch().Autoencoder(52, _LATENT, _WIDTHS),
            6.0,
        ),
        Cell(
            "Conditional VAE, 52 columns",
            models.ConditionalVAE(features=52, classes=_CLASSES, **dense),
            summed,
            (narrow, labels),
            1,
            64,
            lambda: _torch().ConditionalVAE(52, _CLASSES, _LATENT, _WIDTHS),
            6.0,
        ),
        Cell(
            "Basic VAE, 436 columns",
            models.FCVAE(features=436, **dense),
            summed,
            (wide,),
            1,
            64,
            lambda: _torch().DenseVAE(436, _LATENT, _WIDTHS),
            2.5,
        ),
        Cell(
            "Conditional VAE, 436 columns",
            models.ConditionalVAE(features=436, classes=_CLASSES, **dense),
            summed,
            (wide, labels),
            1,
            64,
            lambda: _torch().ConditionalVAE(436, _CLASSES, _LATENT, _WIDTHS),
            None,
        ),
        Cell(
            "Conv1D VAE, 436 columns",
            models.Conv1DVAE(436, _LATENT),
            summed,
            (wide,),
            1,
            64,
            lambda: _torch().Conv1DVAE(436, _LATENT),
            3.0,
        ),
    ]


def _labelled(batch: training.Batch) -> tuple[Any, ...]:
    return batch["inputs"], batch["labels"]


def _torch() -> Any:
    from benchmarks import torch_vae

    return torch_vae


def _columns(rng: np.random.Generator, rows: int, columns: int) -> np.ndarray:
    """Standardised columns that share ten factors, as features of music do."""
    x = rng.normal(size=(rows, 10)) @ rng.normal(size=(10, columns)) + rng.normal(size=(rows, columns))
    return ((x - x.mean(0)) / x.std(0)).astype(np.float32)
