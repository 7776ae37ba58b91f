"""Multimodal music learning in JAX and Flax.

The subpackages load on first use, so that `import jaxmusic` itself loads neither jax nor anything heavy:

>>> import jaxmusic
>>> jaxmusic.models.FCVAE(latent_dim=32).latent_dim
32
"""

import importlib
from types import ModuleType

__version__ = "0.1.0"

_ROOMS = ("audio", "data", "evaluation", "figures", "losses", "models", "recommend", "report", "text", "training")
__all__ = ["__version__", *_ROOMS]


def __getattr__(name: str) -> ModuleType:
    if name in _ROOMS:
        return importlib.import_module(f"jaxmusic.{name}")
    raise AttributeError(f"module 'jaxmusic' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)
