"""One reported number beside fresh runs, and what may be said of it."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

import numpy as np

REPRODUCED = "reproduced"
"""Verdict: the reported value lies in the prediction interval of the fresh runs, on the same data."""
NOT_REPRODUCED = "not reproduced"
"""Verdict: it does not."""
CONTRADICTED = "contradicted by the document"
"""Verdict: the document itself says otherwise elsewhere; it goes before the other two."""
OTHER_DATA = "other data"
"""Why a row has no verdict: the document's data are not those of the runs."""
TOO_FEW_RUNS = "fewer than five runs"
"""Why a row has no verdict: an interval of so few runs says little."""
NOT_MEASURED = "not measured"
"""Why a row has no verdict: the value is undefined in some run, or nothing was run."""
NO_SPREAD = "the runs do not vary"
"""Why a row has no verdict: every run gave one value, another than the reported one, so nothing that the document left
open was varied, and no interval says how far that could lead."""


class PrintedNumber(float):
    """A number as a document prints it: 0.90 is known to a hundredth, 0.9 to a tenth.

    For `tomllib.loads(text, parse_float=report.PrintedNumber)`.

    Args:
        text: the number as it is printed.

    >>> PrintedNumber("0.90").tolerance, PrintedNumber("0.9").tolerance
    (0.005, 0.05)
    """

    text: str

    def __new__(cls, text: str | float) -> PrintedNumber:
        number = super().__new__(cls, text)
        number.text = str(text)
        return number

    @property
    def tolerance(self) -> float:
        """Half a unit of the last digit."""
        return 0.5 * 10.0 ** int(Decimal(self.text).as_tuple().exponent)


@dataclass(frozen=True)
class Row:
    """One reported number beside fresh runs.

    Attributes:
        id: of the number; with `column` unique in the report.
        column: under which the number stands in the table: a variant of the pipeline, or a measure; "" for none.
        section: of the document.
        what: model, method and parameters, for a reader.
        metric: the field's name of the number.
        reported: the document's number; None for a row that it lacks (a baseline, a chance level).
        reported_to: the upper end, where the document gives a range from `reported` on.
        fresh: mean over the runs; None where it could not be computed, the note says why.
        std: standard deviation over the runs (n − 1); None for fewer than two.
        n: number of runs.
        verdict: `"reproduced"`, `"not reproduced"`, `"contradicted by the document"` or None (undecided).
        undecided: why a reported number has no verdict; "" where it has one, or where nothing was reported.
        note: one line.
    """

    id: str
    column: str = field(default="", kw_only=True)
    section: str
    what: str
    metric: str
    reported: float | None
    reported_to: float | None = field(default=None, kw_only=True)
    fresh: float | None
    std: float | None
    n: int
    verdict: str | None
    undecided: str = field(default="", kw_only=True)
    note: str = ""

    def __post_init__(self) -> None:
        if self.verdict is None and self.reported is not None and not self.undecided:
            # A comparison that nobody decided was, without another word, not on the document's data.
            object.__setattr__(self, "undecided", NOT_MEASURED if self.fresh is None else OTHER_DATA)

    @property
    def interval(self) -> tuple[float, float] | None:
        """The 95 % prediction interval `(low, high)` of one more run; None for fewer than two runs."""
        if self.fresh is None or self.std is None:
            return None
        return _interval(self.fresh, self.std, self.n, 0.95)


def prediction_interval(values: Sequence[float], *, level: float = 0.95) -> tuple[float, float]:
    """The interval in which one more run of the same kind falls with probability `level`, for normal runs.

    Args:
        values: one of each run, two at least.
        level: probability.

    Returns:
        `(low, high)`.

    Raises:
        ValueError: fewer than two values.

    Source: mean ± t · s · √(1 + 1/n) with n − 1 degrees of freedom.

    >>> low, high = prediction_interval([1.0, 2.0, 3.0])
    >>> round(low, 2), round(high, 2)
    (-2.97, 6.97)
    """
    n = len(values)
    if n < 2:
        raise ValueError(f"an interval needs two runs at least, got {n}")
    return _interval(float(np.mean(values)), float(np.std(values, ddof=1)), n, level)


def _interval(mean: float, deviation: float, n: int, level: float) -> tuple[float, float]:
    from scipy import stats

    half = float(stats.t.ppf(0.5 + level / 2, n - 1)) * deviation * math.sqrt(1 + 1 / n)
    return mean - half, mean + half


def verdict(
    reported: float | tuple[float, float] | None,
    fresh: Sequence[float],
    *,
    is_same_data: bool,
    is_contradicted: bool = False,
    is_exact: bool = False,
) -> str | None:
    """What a row may claim.

    Args:
        reported: the document's number, or the ends of the range that it gives. It is known to half a unit of its last
            digit: that of the text of a `PrintedNumber`, else that of the shortest decimal that is this float.
        fresh: one value for each run.
        is_same_data: both were measured on the same data; otherwise they cannot be compared.
        is_contradicted: the document itself contradicts the number, which takes precedence.
        is_exact: no choice that the document left open can change the number (a count of parameters or clips).

    Returns:
        `"contradicted by the document"`; `"reproduced"` where what is reported and the 95 % prediction interval of five
        runs or more have a value in common; `"not reproduced"` where they have none; None where nothing can be said.
        Runs that agree in another value than the reported one have no interval: they say nothing, unless the number is
        exact.

    >>> verdict(0.5, [0.49, 0.51, 0.5, 0.52, 0.48], is_same_data=True)
    'reproduced'
    >>> verdict(0.0497, [0.04968] * 5, is_same_data=True)  # rounded
    'reproduced'
    >>> verdict((0.85, 0.95), [0.34, 0.35, 0.33, 0.34, 0.36], is_same_data=True)
    'not reproduced'
    >>> verdict(3834, [3830] * 5, is_same_data=True), verdict(3834, [3830] * 5, is_same_data=True, is_exact=True)
    (None, 'not reproduced')
    >>> verdict(0.5, [0.49, 0.51, 0.5, 0.52, 0.48], is_same_data=False)
    """
    return _judged(reported, fresh, is_same_data, is_contradicted, is_exact)[0]


def _judged(
    reported: float | tuple[float, float] | None,
    fresh: Sequence[float],
    is_same_data: bool,
    is_contradicted: bool,
    is_exact: bool,
) -> tuple[str | None, str]:
    """The verdict, and the reason where there is none of a reported number."""
    if is_contradicted:
        return CONTRADICTED, ""
    if reported is None:
        return None, ""
    if not all(math.isfinite(value) for value in fresh):
        return None, NOT_MEASURED
    if not is_same_data:
        return None, OTHER_DATA
    if len(fresh) < 5:
        return None, TOO_FEW_RUNS
    low, high = prediction_interval(fresh)
    first, last = bounds(reported)
    if low <= last and first <= high:
        return REPRODUCED, ""
    return (None, NO_SPREAD) if _agree(fresh) and not is_exact else (NOT_REPRODUCED, "")


def bounds(reported: float | tuple[float, float]) -> tuple[float, float]:
    """The values that are printed as a number, or that lie in a printed range: half a unit of the last digit around."""
    ends = reported if isinstance(reported, tuple) else (reported, reported)
    first, last = (end if isinstance(end, PrintedNumber) else PrintedNumber(repr(float(end))) for end in ends)
    return first - first.tolerance, last + last.tolerance


def make_row(
    id: str,
    *,
    section: str,
    what: str,
    metric: str,
    reported: float | tuple[float, float] | None,
    fresh: Sequence[float],
    is_same_data: bool,
    is_contradicted: bool = False,
    is_exact: bool = False,
    note: str = "",
    column: str = "",
) -> Row:
    """A row from the values of all runs; runs whose value is undefined (NaN) are left out and counted in the note.

    Where most are undefined no mean is shown: the few that are left would speak for all.

    Args:
        id: of the number; with `column` unique in the report.
        section: heading under which the row stands.
        what: what was measured.
        metric: its name and unit.
        reported: the document's figure, or the ends of its range; None for none.
        fresh: one value of each run.
        is_same_data: whether both were measured on the same data; else there is no verdict.
        is_contradicted: whether the document itself says otherwise elsewhere.
        is_exact: see `verdict`.
        note: shown with the row.
        column: variant or measure, see `Row`.

    Returns:
        `Row` with mean and standard deviation of the defined values, and the verdict.
    """
    usable = [float(value) for value in fresh if math.isfinite(value)]
    found, undecided = _judged(reported, fresh, is_same_data, is_contradicted, is_exact)
    if len(usable) < len(fresh):
        note = "; ".join(filter(None, [note, f"undefined in {len(fresh) - len(usable)} of {len(fresh)} runs"]))
    if 2 * len(usable) < len(fresh):
        usable = []
    ends: tuple[Any, Any] = reported if isinstance(reported, tuple) else (reported, None)
    return Row(
        id,
        section,
        what,
        metric,
        ends[0],
        float(np.mean(usable)) if usable else None,
        _deviation(usable),
        len(usable),
        found,
        note,
        column=column,
        undecided=undecided,
        reported_to=ends[1],
    )


def _deviation(values: Sequence[float]) -> float | None:
    if len(values) < 2:
        return None
    return 0.0 if _agree(values) else float(np.std(values, ddof=1))


def _agree(values: Sequence[float]) -> bool:
    """Whether all runs gave one number, but for the rounding of a mean."""
    return bool(np.ptp(values) <= 1e-12 * np.max(np.abs(values)))


def format_value(value: float | None) -> str:
    """Four significant digits, whole numbers whole; an en dash for None.

    Args:
        value: a number, or None.

    Returns:
        The text.

    >>> format_value(853.48), format_value(0.10529), format_value(0), format_value(977924), format_value(None)
    ('853.5', '0.1053', '0', '977924', '–')
    """
    if value is not None and float(value).is_integer() and abs(value) < 1e12:
        return f"{value:.0f}"
    return "–" if value is None else f"{value:.4g}"


def format_reported(row: Row) -> str:
    """What the document states of a row.

    Args:
        row: the row.

    Returns:
        Its number by `format_value`, or the two ends of its range.
    """
    number = format_value(row.reported)
    return number if row.reported_to is None else f"{number}–{format_value(row.reported_to)}"
