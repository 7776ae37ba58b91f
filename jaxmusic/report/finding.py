"""What a report comes to: how many of the document's numbers were reproduced, and why others were not decided."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence

from jaxmusic.report.rows import CONTRADICTED, NOT_REPRODUCED, REPRODUCED, Row

UNDECIDED = "undecided"
OUTCOMES = (REPRODUCED, NOT_REPRODUCED, CONTRADICTED, UNDECIDED)


def leading(rows: Iterable[Row]) -> list[Row]:
    """One row of each reported number: that in its first column, which is the document's own way."""
    first: dict[str, Row] = {}
    for row in rows:
        if row.reported is not None:
            first.setdefault(row.id, row)
    return list(first.values())


def outcomes(rows: Sequence[Row]) -> Counter[str]:
    """Outcome → how many of the document's numbers have it; every outcome is there."""
    counts = Counter(row.verdict or UNDECIDED for row in leading(rows))
    return Counter({name: counts[name] for name in OUTCOMES})


def sentence(rows: Sequence[Row]) -> str:
    """The finding in one sentence.

    >>> print(sentence([Row("a", "1", "model", "accuracy", 0.5, 0.4, 0.1, 5, None)]))
    Reported numbers: 1. Reproduced: 0, not reproduced: 0, contradicted by the document: 0,
    undecided: 1 (other data: 1).
    """
    numbers = leading(rows)
    if not numbers:
        return f"No number of a document is compared here; {len(rows):,} values are measured."
    counts = ", ".join(f"{name}: {count:,}" for name, count in outcomes(rows).items())
    reasons = Counter(row.undecided for row in numbers if row.verdict is None)
    why = ", ".join(f"{reason}: {count:,}" for reason, count in reasons.items())
    return f"Reported numbers: {len(numbers):,}. {counts[0].upper()}{counts[1:]}{f' ({why})' if why else ''}."
