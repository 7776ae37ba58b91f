"""Hooks for `on_epoch` that write what happens: a CSV table, and TensorBoard's files."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from jaxmusic._files import written_whole
from jaxmusic.training.state import State


class CSVLog:
    """Writes a row an epoch to a CSV table: epoch, the model's number where several train, and the metrics.

    A run that is given again, resumed or from its beginning, replaces the rows from its first epoch on, so that every
    epoch stands there once.

    >>> import tempfile
    >>> path = Path(tempfile.mkdtemp()) / "log.csv"
    >>> log = CSVLog(path)
    >>> log(0, {"loss": 0.5}, None), log(1, {"loss": 0.25}, None)
    (None, None)
    >>> path.read_text().splitlines()
    ['epoch,loss', '0,0.5', '1,0.25']

    Args:
        path: of the table; folders are made.

    Raises:
        ValueError: a table that holds other columns.
    """

    def __init__(self, path: str | Path) -> None:
        self._path = Path(path).expanduser()
        self._begun: set[Any] = set()

    def __call__(self, epoch: int, metrics: Mapping[str, Any], state: State | None) -> None:
        """Write one epoch; what `on_epoch` is."""
        row = {"epoch": epoch, **{name: _plain(value) for name, value in metrics.items()}}
        if metrics.get("model") not in self._begun:
            self._begun.add(metrics.get("model"))
            self._keep_earlier(row)
        with self._path.open("a", newline="", encoding="utf-8") as file:
            csv.DictWriter(file, list(row)).writerow(row)

    def _keep_earlier(self, row: dict[str, Any]) -> None:
        """Begin the table, or cut what this model's run will write again."""
        kept: list[dict[str, Any]] = []
        if self._path.exists() and self._path.stat().st_size:
            with self._path.open(newline="", encoding="utf-8") as file:
                table = csv.DictReader(file)
                if table.fieldnames != list(row):
                    raise ValueError(f"{self._path} has the columns {table.fieldnames}, this run {list(row)}")
                model = str(row.get("model"))
                kept = [old for old in table if str(old.get("model")) != model or int(old["epoch"]) < row["epoch"]]
        with written_whole(self._path) as whole, io.TextIOWrapper(whole, encoding="utf-8", newline="") as text:
            writer = csv.DictWriter(text, list(row))
            writer.writeheader()
            writer.writerows(kept)


class TensorBoardLog:
    """Writes the metrics of every epoch as TensorBoard scalars, through tensorboardX.

    A resumed run purges the steps from its first epoch on, as TensorBoard's readers understand it. Several models get a
    folder each. It writes in the background, within ten seconds.

    Args:
        folder: of the run.

    Raises:
        ImportError: tensorboardX is not installed; `pip install 'jaxmusic[tensorboard]'`.
    """

    def __init__(self, folder: str | Path) -> None:
        try:
            from tensorboardX import SummaryWriter
        except ImportError as error:
            raise ImportError("TensorBoardLog needs tensorboardX: pip install 'jaxmusic[tensorboard]'") from error
        self._folder, self._make = Path(folder).expanduser(), SummaryWriter
        self._writers: dict[Any, Any] = {}

    def __call__(self, epoch: int, metrics: Mapping[str, Any], state: State | None) -> None:
        """Write one epoch; what `on_epoch` is."""
        model = metrics.get("model")
        if model not in self._writers:
            folder = self._folder if model is None else self._folder / f"model_{model}"
            self._writers[model] = self._make(str(folder), purge_step=epoch, flush_secs=10)
        for name, value in metrics.items():
            if name != "model":
                # "valid_loss" beside "loss" in one group of the page.
                group = name.removeprefix("valid_")
                part = "valid" if name.startswith("valid_") else "train"
                self._writers[model].add_scalar(f"{group}/{part}", _plain(value), epoch)

    def close(self) -> None:
        """Write what is still on its way and close the files; the end of the program does, too."""
        for writer in self._writers.values():
            writer.close()
        self._writers.clear()


def _plain(value: Any) -> Any:
    return value if isinstance(value, int) else float(np.asarray(value))
