"""Where training state lies on disk. The only file that knows Orbax."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Any

import jax
import jax.numpy as jnp
from orbax.checkpoint import v1 as ocp


class Checkpoints:
    """A folder of checkpoints, one per epoch saved, of which the latest are kept.

    A save is written in the background while training goes on, and is atomic: a run that is killed in the middle of
    one finds the one before it.

    Args:
        folder: made if it does not exist.
        config: what identifies the run; a folder that was written under another one is refused.
        keep: how many of the latest checkpoints stay.
    """

    def __init__(self, folder: str | Path, *, config: dict[str, Any], keep: int = 1) -> None:
        self._folder = Path(folder).absolute()
        self._config = config
        policies = ocp.training.preservation_policies
        self._checkpointer = ocp.training.Checkpointer(
            self._folder, preservation_policy=policies.LatestN(keep), cleanup_tmp_directories=True
        )
        self._pending: Any = None

    def __enter__(self) -> Checkpoints:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        try:
            self._finish()
        finally:
            with _told_as_os_error(self._folder):
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
            f"{name} was {saved['config'].get(name)!r} and is {value!r}"
            for name, value in self._config.items()
            if saved["config"].get(name) != value
        ]
        if differing:
            raise ValueError(
                f"{self._folder} holds a checkpoint of another run ({'; '.join(differing)}): "
                "choose another folder or delete this one"
            )
        abstract = jax.tree.map(
            lambda x: jax.ShapeDtypeStruct(x.shape, x.dtype, sharding=x.sharding), _without_keys(like)
        )
        return _with_keys(self._checkpointer.load(latest, abstract), like), saved["log"]

    def save(self, epoch: int, state: Any, log: dict[str, Any]) -> None:
        """Save `state` (a pytree of arrays) and `log` (JSON) as those after `epoch` epochs, in the background.

        An error in writing (no space, say) is raised by the next save, or when the checkpoints are closed.
        """
        self._finish()
        # Copies, since the next step is given the state's memory; the log is not written to after this, but its lists
        # grow.
        snapshot = jax.tree.map(jnp.copy, _without_keys(state))
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


def _is_key(x: Any) -> bool:
    return jax.dtypes.issubdtype(x.dtype, jax.dtypes.prng_key)


def _without_keys(tree: Any) -> Any:
    return jax.tree.map(lambda x: jax.random.key_data(x) if _is_key(x) else x, tree)


def _with_keys(tree: Any, like: Any) -> Any:
    def restore(x: Any, original: Any) -> Any:
        return jax.random.wrap_key_data(x, impl=jax.random.key_impl(original)) if _is_key(original) else x

    return jax.tree.map(restore, tree, like)
