"""Where training state lies on disk. The only file that knows Orbax."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from orbax.checkpoint import v1 as ocp

from jaxmusic._locks import held
from jaxmusic.training.state import with_keys, without_keys


@dataclass(frozen=True)
class Checkpoint:
    """Where a fit saves its state and log; a fit that finds some there goes on, bit for bit.

    Attributes:
        folder: made if it does not exist; `~` is the home folder.
        save_every: epochs from one save to the next; the last epoch is always saved.
        keep: how many of the latest checkpoints stay on disk.

    Raises:
        ValueError: a number below 1.
    """

    folder: Path
    save_every: int = 1
    keep: int = 1

    def __init__(self, folder: str | Path, save_every: int = 1, keep: int = 1) -> None:
        check_counts(save_every=save_every, keep=keep)
        for name, value in (("folder", Path(folder).expanduser()), ("save_every", save_every), ("keep", keep)):
            object.__setattr__(self, name, value)


def check_counts(**counts: Any) -> None:
    """Refuse what is no whole number of 1 or more."""
    for name, value in counts.items():
        if isinstance(value, bool) or not isinstance(value, int | np.integer) or value < 1:
            raise ValueError(f"{name} must be at least 1 and whole, got {value!r}")


class Checkpoints:
    """A folder of checkpoints, one per epoch saved, of which the latest are kept.

    A save is written in the background while training goes on, and is atomic: a run that is killed in the middle of
    one finds the one before it.

    Args:
        place: the folder, and how many checkpoints stay in it.
        config: what identifies the run; a folder that was written under another one is refused.

    Raises:
        OSError: another run writes to the folder; names its process.
    """

    def __init__(self, place: Checkpoint, *, config: dict[str, Any]) -> None:
        self._folder = place.folder.absolute()
        self._config = config
        self._pending: Any = None
        policies = ocp.training.preservation_policies
        with ExitStack() as stack:
            # Processes of one run write together.
            if jax.process_index() == 0:
                stack.enter_context(held(self._folder))
            self._checkpointer = ocp.training.Checkpointer(
                self._folder, preservation_policy=policies.LatestN(place.keep), cleanup_tmp_directories=True
            )
            self._lock = stack.pop_all()

    def __enter__(self) -> Checkpoints:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        try:
            self._finish()
        finally:
            with self._lock, _told_as_os_error(self._folder):
                self._checkpointer.close()

    def load(self, like: Any) -> tuple[Any, dict[str, Any]] | None:
        """The latest state and its log, or None where nothing was saved.

        Args:
            like: a pytree of arrays with the saved structure, shapes and dtypes (typed keys included).

        Raises:
            ValueError: the folder belongs to a run with another configuration.
        """
        latest = self._checkpointer.latest
        if latest is None:
            return None
        saved = self._checkpointer.metadata(latest).custom_metadata
        differing = [
            f"{name} was {saved['config'][name]!r} and is {value!r}"
            for name, value in self._config.items()
            if saved["config"].get(name, value) != value
        ]
        if differing:
            raise ValueError(
                f"{self._folder} holds a checkpoint of another run ({'; '.join(differing)}): "
                "choose another folder or delete this one"
            )
        abstract = jax.tree.map(
            lambda x: jax.ShapeDtypeStruct(x.shape, x.dtype, sharding=x.sharding), without_keys(like)
        )
        return with_keys(self._checkpointer.load(latest, abstract), like), saved["log"]

    def save(self, epoch: int, state: Any, log: dict[str, Any]) -> None:
        """Save `state` (a pytree of arrays) and `log` (JSON) as those after `epoch` epochs, in the background.

        An error in writing (no space, say) is raised by the next save, or when the checkpoints are closed.
        """
        self._finish()
        # Copies, since the next step is given the state's memory; the log is not written to after this, but its lists
        # grow.
        snapshot = jax.tree.map(jnp.copy, without_keys(state))
        metadata = {"config": self._config, "log": copy.deepcopy(log)}
        self._pending = self._checkpointer.save_async(epoch, snapshot, force=True, custom_metadata=metadata)

    def _finish(self) -> None:
        """Wait for the save under way."""
        pending, self._pending = self._pending, None
        if pending is not None:
            with _told_as_os_error(self._folder):
                pending.result()


@contextmanager
def _told_as_os_error(folder: Path) -> Iterator[None]:
    """A write that failed (no space, no permission) is a ValueError to Tensorstore, and an OSError to everyone else."""
    try:
        yield
    except ValueError as error:
        if "os_error_code" not in str(error):
            raise
        raise OSError(f"the checkpoint in {folder} cannot be written: {error}") from error
