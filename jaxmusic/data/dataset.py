"""The one form every loader returns and every pipeline takes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np


@dataclass(frozen=True)
class Dataset:
    """Examples of one or more modalities, in one order.

    Every array's first axis is the example; an absent modality is a filler row with its mask off, never a gap.

    Attributes:
        ids: `[n]` str, unique.
        modalities: name → array `[n, …]`: `"audio"` is a float32 mel spectrogram in dB `[n, n_mels, frames]`,
            `"lyrics"` an object array `[n]` of str.
        masks: name → bool array: `[n]` for each modality (True where the example has it), and
            `"frames"` `[n, frames]` (True where a spectrogram's frame is music, False where it is padding).
        labels: name → array `[n]`, for scoring only; "" marks an unknown one.
        groups: `[n]` str or None: examples of one group (artist, song) never cross a split.
        source: name, path or "synthetic", counts, and what was dropped and why.
    """

    ids: np.ndarray
    modalities: Mapping[str, np.ndarray]
    masks: Mapping[str, np.ndarray]
    labels: Mapping[str, np.ndarray] = field(default_factory=dict)
    groups: np.ndarray | None = None
    source: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        n = len(self.ids)
        if len(np.unique(self.ids)) != n:
            raise ValueError("ids are not unique")
        for kind, arrays in (("modality", self.modalities), ("mask", self.masks), ("label", self.labels)):
            for name, array in arrays.items():
                if len(array) != n:
                    raise ValueError(f"{kind} {name!r} has {len(array)} rows for {n} ids")
        missing = set(self.modalities) - set(self.masks)
        if missing:
            raise ValueError(f"modalities without a mask: {sorted(missing)}")
        if self.groups is not None and len(self.groups) != n:
            raise ValueError(f"groups has {len(self.groups)} rows for {n} ids")

    def __len__(self) -> int:
        return len(self.ids)

    def take(self, rows: np.ndarray | Sequence[int]) -> Dataset:
        """The examples at `rows` (integer positions or a bool mask), in that order.

        Args:
            rows: `[m]` int, or `[n]` bool.

        Returns:
            A `Dataset` of copies; `source` stays that of the whole.
        """
        rows = np.asarray(rows)
        return replace(
            self,
            ids=self.ids[rows],
            modalities={name: array[rows] for name, array in self.modalities.items()},
            masks={name: array[rows] for name, array in self.masks.items()},
            labels={name: array[rows] for name, array in self.labels.items()},
            groups=None if self.groups is None else self.groups[rows],
        )
