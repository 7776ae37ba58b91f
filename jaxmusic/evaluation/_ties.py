"""Rankings with ties: what each place holds on average over every order of the equals."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Float, Int


class Places(NamedTuple):
    """Expectations for every place of rankings, `[rows, items]` each.

    Attributes:
        first: the place at which the group of equals begins, counted from 0.
        size: items of the group.
        relevant: relevant items of the group.
        before: relevant items before the group.
        share: probability that the place holds a relevant item.
        ahead: expected number of relevant items up to the place and with it, where it holds one.
    """

    first: Int[np.ndarray, "rows items"]
    size: Int[np.ndarray, "rows items"]
    relevant: Int[np.ndarray, "rows items"]
    before: Int[np.ndarray, "rows items"]
    share: Float[np.ndarray, "rows items"]
    ahead: Float[np.ndarray, "rows items"]


def expected_places(opens: Bool[np.ndarray, "rows items"], is_relevant: Bool[np.ndarray, "rows items"]) -> Places:
    """Expectations over all orders of equally scored items; `opens` where a group of them begins.

    In a group of t equals with r relevant items, every place holds one with probability r / t; and where it does, each
    of the group's places before it does so with probability (r − 1) / (t − 1).

    Source: McSherry and Najork (2008), "Computing information retrieval performance measures efficiently in the
    presence of tied scores".
    """
    place = np.arange(opens.shape[1])
    closes = np.roll(opens, -1, axis=1)
    first = np.maximum.accumulate(np.where(opens, place, 0), axis=1)
    last = np.minimum.accumulate(np.where(closes, place, opens.shape[1])[:, ::-1], axis=1)[:, ::-1]
    total = np.pad(np.cumsum(is_relevant, axis=1), ((0, 0), (1, 0)))
    before = np.take_along_axis(total, first, axis=1)
    relevant, size = np.take_along_axis(total, last + 1, axis=1) - before, last - first + 1
    ahead = 1 + before + (place - first) * (relevant - 1) / np.maximum(size - 1, 1)
    return Places(first, size, relevant, before, relevant / size, ahead)
