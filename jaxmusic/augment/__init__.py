"""Augmentation: transforms `(key, batch) -> batch` that run inside a compiled training step.

Each is a value: a frozen dataclass that compares and hashes by its fields, so that equal ones share what is compiled.
Shapes are static, the same key gives the same draw, rows draw independently, and the batch that came in is left as it
is. `entry` names the array to work on: a key of the batch, or the keys that lead to it, `("inputs", "audio")` for one
modality of several. Transforms see training batches alone; evaluation takes rows as they are.

A target that should stay clean, as a denoising autoencoder's does, is an entry of its own: train on
`{"inputs": x, "target": x}` with `losses.elbo(target="target")`.

>>> import jax, jax.numpy as jnp
>>> transform = Compose([Gain(-6.0, 6.0, scale="decibel"), SpecAugment(40, 16)])
>>> batch = transform(jax.random.key(0), {"inputs": jnp.ones((8, 64, 128)), "labels": jnp.arange(8)})
>>> batch["inputs"].shape
(8, 64, 128)
"""

from jaxmusic.augment.rows import Compose, MixUp, ModalityDropout, RandomApply, Transform
from jaxmusic.augment.sound import SCALES, Gain, GaussianNoise, RandomCrop, SpecAugment

__all__ = [
    "SCALES",
    "Compose",
    "Gain",
    "GaussianNoise",
    "MixUp",
    "ModalityDropout",
    "RandomApply",
    "RandomCrop",
    "SpecAugment",
    "Transform",
]
