"""A module, a loss and data → a fitted state; a fitted state and rows → predictions."""

from jaxmusic.training._fit import fit
from jaxmusic.training.checkpoint import Checkpoint
from jaxmusic.training.grid import Grid, fit_grid
from jaxmusic.training.hooks import CSVLog, TensorBoardLog
from jaxmusic.training.inference import predict
from jaxmusic.training.loop import Info
from jaxmusic.training.optimizers import restart_every
from jaxmusic.training.processes import start_processes
from jaxmusic.training.state import Batch, State, batch_inputs
from jaxmusic.training.trainer import Trainer

__all__ = [
    "Batch",
    "CSVLog",
    "Checkpoint",
    "Grid",
    "Info",
    "State",
    "TensorBoardLog",
    "Trainer",
    "batch_inputs",
    "fit",
    "fit_grid",
    "predict",
    "restart_every",
    "start_processes",
]
