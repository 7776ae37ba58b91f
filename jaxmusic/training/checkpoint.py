"""Where training state lies on disk. The only file that knows Orbax."""

from __future__ import annotations

from pathlib import Path
from types import TracebackType
from typing import Any

import jax
from orbax.checkpoint import v1 as ocp


class Checkpoints:
    """A folder of checkpoints, one per epoch saved, of which the latest is kept.

    A save is atomic: a run that is killed in the middle of one finds the one before it.

    Args:
        folder: made if it does not exist.
        config: what identifies the run; a folder that was written under another one is refused.
    """

    def __init__(self, folder: str | Path, *, config: dict[str, Any]) -> None:
        self._folder = Path(folder).absolute()
        self._config = config
        policies = ocp.training.preservation_policies
        self._checkpointer = ocp.training.Checkpointer(
            self._folder, preservation_policy=policies.LatestN(1), cleanup_tmp_directories=True
        )

    def __enter__(self) -> Checkpoints:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
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
        """Save `state` (a pytree of arrays) and `log` (JSON) as those after `epoch` epochs."""
        metadata = {"config": self._config, "log": log}
        self._checkpointer.save(epoch, _without_keys(state), force=True, custom_metadata=metadata)


def _is_key(x: Any) -> bool:
    return jax.dtypes.issubdtype(x.dtype, jax.dtypes.prng_key)


def _without_keys(tree: Any) -> Any:
    return jax.tree.map(lambda x: jax.random.key_data(x) if _is_key(x) else x, tree)


def _with_keys(tree: Any, like: Any) -> Any:
    def restore(x: Any, original: Any) -> Any:
        return jax.random.wrap_key_data(x, impl=jax.random.key_impl(original)) if _is_key(original) else x

    return jax.tree.map(restore, tree, like)
