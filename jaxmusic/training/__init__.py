"""A module, a loss and data → a fitted state; a fitted state and rows → predictions."""

from jaxmusic.training.grid import Grid, fit_grid
from jaxmusic.training.inference import predict
from jaxmusic.training.loop import Info, fit
from jaxmusic.training.optimizers import restart_every
from jaxmusic.training.processes import start_processes
from jaxmusic.training.steps import State, batch_inputs

__all__ = ["Grid", "Info", "State", "batch_inputs", "fit", "fit_grid", "predict", "restart_every", "start_processes"]
