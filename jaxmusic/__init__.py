"""Multimodal music learning in JAX and Flax.

The subpackages load on first use, so that `import jaxmusic` itself loads neither jax nor anything heavy:

>>> import jaxmusic
>>> jaxmusic.models.FCVAE(latent_dim=32).latent_dim
32
"""

import importlib
from typing import Any

__version__ = "0.1.0"

_PACKAGES = (
    "app",
    "audio",
    "augment",
    "data",
    "evaluation",
    "figures",
    "losses",
    "models",
    "recommend",
    "report",
    "text",
    "training",
)
__all__ = ["__version__", "load", *_PACKAGES]


def __getattr__(name: str) -> Any:
    if name in _PACKAGES:
        return importlib.import_module(f"jaxmusic.{name}")
    if name == "load":
        return importlib.import_module("jaxmusic.app").load
    raise AttributeError(f"module 'jaxmusic' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)
