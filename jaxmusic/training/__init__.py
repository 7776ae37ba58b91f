"""A module, a loss and data → a fitted state."""

from jaxmusic.training.engine import State, batch_inputs
from jaxmusic.training.loop import Info, fit

__all__ = ["Info", "State", "batch_inputs", "fit"]
