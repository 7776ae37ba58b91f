"""What is known of the clips → columns that a map is coloured by."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from typing import NamedTuple

# A number with no more values than this is as good as a name: a disc, a rating, a year of few.
_FEW_NUMBERS = 12


class Column(NamedTuple):
    """Values of the clips, as a page has them.

    Attributes:
        name: of the column.
        values: the different values, the most frequent first; empty for numbers.
        codes: each clip's position in `values`, −1 where unknown; empty for numbers.
        numbers: each clip's number, None where unknown; empty for names.
        colours: whether the map can be coloured by it: two values at least, and one of them twice.
    """

    name: str
    values: list[str]
    codes: list[int]
    numbers: list[float | None]
    colours: bool


def column(name: str, values: Sequence[str]) -> Column:
    """Of text; "" is unknown. What reads as finite numbers throughout, more than a dozen different ones, is numeric.

    >>> column("mood", ["calm", "", "wild", "calm"])
    Column(name='mood', values=['calm', 'wild'], codes=[0, -1, 1, 0], numbers=[], colours=True)
    """
    numbers = [_number(value) for value in values]
    known = [value for value in values if value]
    if len(set(known)) > _FEW_NUMBERS and sum(number is not None for number in numbers) == len(known):
        return Column(name, [], [], numbers, True)
    counts = Counter(known)
    # Equal counts in the order of the alphabet, so that a page doesn't depend on the order of the files.
    order = sorted(counts, key=lambda value: (-counts[value], value))
    place = {value: i for i, value in enumerate(order)}
    is_coloured = len(order) > 1 and counts[order[0]] > 1
    return Column(name, order, [place.get(value, -1) for value in values], [], is_coloured)


def _number(value: str) -> float | None:
    try:
        number = float(value)
    except ValueError:
        return None
    return number if math.isfinite(number) else None
