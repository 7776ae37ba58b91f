"""What a fit keeps on disk until its model is saved, so that an interrupted one goes on where it was."""

from __future__ import annotations

import hashlib
import json
import re
import shutil
import tempfile
from collections.abc import Collection
from dataclasses import asdict
from importlib import metadata
from pathlib import Path
from typing import Any

import jax
import numpy as np

from jaxmusic.app.settings import Settings
from jaxmusic.audio._extract import MAX_DURATION
from jaxmusic.data.clip_files import find_media

# In the model's own folder, beside its files; and in it, beside the trainings, what a fit caches.
FOLDER, CACHE = "unfinished", "cache"
_TRAINING = "training-"
_DIGITS = 16
# Versions that can change a trained number.
_VERSIONED = ("jaxmusic", "jax", "jaxlib", "flax", "optax")
# A save takes as long as training on so many clips or more: no more often than that, but for a few in every run.
_CLIPS_BETWEEN_SAVES, _FEWEST_SAVES = 20_000, 4


def checkpoint_folder(work: Path, settings: Settings, batch: Any, *, keep: Collection[Path] = ()) -> Path:
    """Where the checkpoints of this training lie; those of another, with other clips or settings, are deleted.

    Args:
        work: the folder of unfinished work.
        settings: every option of training.
        batch: a pytree of arrays, all that training sees.
        keep: folders of other trainings of the same fit.
    """
    made_of = {"settings": asdict(settings), "versions": {name: metadata.version(name) for name in _VERSIONED}}
    digest = hashlib.sha256(json.dumps(made_of, sort_keys=True).encode())
    for path, leaf in jax.tree_util.tree_leaves_with_path(batch):
        array = np.ascontiguousarray(leaf)
        digest.update(f"{jax.tree_util.keystr(path)}{array.shape}{array.dtype}".encode())
        digest.update(array.tobytes())
    folder = work / f"{_TRAINING}{digest.hexdigest()[:_DIGITS]}"
    # By the whole name: a folder of the user's own, such as training-data, may lie there.
    for other in work.glob(_TRAINING + "[0-9a-f]" * _DIGITS):
        if other != folder and other not in keep:
            shutil.rmtree(other)
    return folder


def save_every(rows: int, epochs: int) -> int:
    """Epochs from one checkpoint to the next.

    >>> save_every(850, 60), save_every(100_000, 60), save_every(12, 2)
    (15, 1, 1)
    """
    return max(1, min(_CLIPS_BETWEEN_SAVES // rows, epochs // _FEWEST_SAVES))


def disk_shortage(work: Path, music: Path, settings: Settings) -> str:
    """Why spectrograms of a folder of clips are not kept: too little space on the disk; "" where there is enough."""
    try:
        media = find_media(music, [], follow_links=settings.follow_links)
    except FileNotFoundError:  # reading the folder says so
        return ""
    files = len(media.files) if media.layout == "audio" else 0
    seconds = MAX_DURATION if settings.duration is None else settings.duration
    # float32 values, in megabytes.
    needed = files * settings.n_mels * (1 + settings.sr * seconds / settings.hop_length) * 4 / 2**20
    free = shutil.disk_usage(_existing(work)).free / 2**20
    if needed <= free / 2:
        return ""
    return (
        f"spectrograms (up to {needed:,.1f} MB) are not kept where {free:,.1f} MB are free: a fit that is stopped "
        "computes them again; free space, or name a folder on another disk with --cache"
    )


def check_writable(folder: Path, what: str) -> None:
    """Refuse a folder that cannot be made or written, before any work.

    Raises:
        OSError: it cannot; `what` says what another one is wanted for.
    """
    try:
        with tempfile.TemporaryFile(dir=_existing(folder)):
            pass
    except OSError as error:
        raise OSError(f"{folder} cannot be written ({error.strerror}): name another folder {what}") from error


def foreign_files(folder: Path) -> list[str]:
    """What lies among the unfinished work in a model's folder and no fit has put there."""
    unfinished = folder / FOLDER
    names = [path.name for path in unfinished.iterdir()] if unfinished.is_dir() else []
    # The lock of a training is left behind where its process was killed.
    training = rf"{_TRAINING}[0-9a-f]{{{_DIGITS}}}"
    own = re.compile(rf"{CACHE}|{training}|\.{training}\.lock")
    return [f"{FOLDER}/{name}" for name in sorted(names) if not own.fullmatch(name)]


def remove(folder: Path) -> None:
    """Delete the unfinished work in a model's folder, where there is some."""
    if (folder / FOLDER).is_dir():
        shutil.rmtree(folder / FOLDER)


def _existing(folder: Path) -> Path:
    return next(path for path in (folder, *folder.absolute().parents) if path.exists())
