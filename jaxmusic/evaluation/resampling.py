"""Intervals by resampling: how far a mean over songs would move with other songs."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from jaxtyping import Float

from jaxmusic._arrays import float64, positive, whole


class Interval(NamedTuple):
    """A mean and its interval.

    Attributes:
        mean: of the values.
        low: lower end of the interval.
        high: upper end.
    """

    mean: float
    low: float
    high: float


def bootstrap_interval(
    values: Float[np.ndarray, " n"],
    *,
    groups: np.ndarray | None = None,
    seed: int = 0,
    level: float = 0.95,
    resamples: int = 2000,
) -> Interval:
    """The mean of some values with its percentile bootstrap interval, whole groups being drawn.

    Songs of one artist are alike, and drawn one by one they would pass for more evidence than they are. For a paired
    comparison give the differences of two models on the same songs.

    Args:
        values: `[n]`, one of each song.
        groups: `[n]` group of each; None: every value is its own.
        seed: of the draws.
        level: coverage of the interval.
        resamples: number of draws.

    Returns:
        `Interval`.

    Raises:
        ValueError: no values, NaN, groups of another length, a level not between 0 and 1, no resamples.

    Source: Efron and Tibshirani (1993), §13.3; by clusters, Davison and Hinkley (1997), §3.8.

    >>> bootstrap_interval(np.ones(4), seed=0)
    Interval(mean=1.0, low=1.0, high=1.0)
    """
    values = float64(values, "values")
    if values.ndim != 1 or not len(values) or not np.isfinite(values).all():
        raise ValueError(f"an interval needs finite values [n], got shape {values.shape}")
    resamples = whole(resamples, "resamples")
    if not 0 < positive(level, "level") < 1:
        raise ValueError(f"level must lie between 0 and 1, got {level}")
    names = np.arange(len(values)) if groups is None else np.asarray(groups)
    if names.shape != values.shape:
        raise ValueError(f"groups have shape {names.shape} for {len(values)} values")
    _, members = np.unique(names, return_inverse=True)
    sums, counts = np.bincount(members, values), np.bincount(members).astype(np.float64)
    drawn = np.random.default_rng(seed).integers(len(sums), size=(resamples, len(sums)))
    means = sums[drawn].sum(1) / counts[drawn].sum(1)
    low, high = np.quantile(means, [0.5 - level / 2, 0.5 + level / 2])
    return Interval(float(values.mean()), float(low), float(high))
