"""Labels as one array, or several sets of them by name."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np

Labels = np.ndarray | Mapping[str, np.ndarray]


def scores_by_labels(labels: Labels | None, score: Callable[[np.ndarray], Mapping[str, float]]) -> dict[str, float]:
    """`score` of every set of labels: one array's under their own names, a mapping's as `<score>/<name>`."""
    if labels is None:
        return {}
    if not isinstance(labels, Mapping):
        return dict(score(np.asarray(labels)))
    return {f"{key}/{name}": v for name, each in labels.items() for key, v in score(np.asarray(each)).items()}
