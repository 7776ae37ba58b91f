"""Reported against fresh: rows with a verdict, written as `report.json`, `report.md` and `report.html`."""

from jaxmusic.report._environment import environment
from jaxmusic.report.content import Report
from jaxmusic.report.readings import Distance, distance, distances
from jaxmusic.report.rows import (
    CONTRADICTED,
    NO_SPREAD,
    NOT_MEASURED,
    NOT_REPRODUCED,
    OTHER_DATA,
    REPRODUCED,
    TOO_FEW_RUNS,
    PrintedNumber,
    Row,
    format_reported,
    format_value,
    make_row,
    prediction_interval,
    verdict,
)
from jaxmusic.report.sentences import findings
from jaxmusic.report.writing import read, write, write_atomically

__all__ = [
    "CONTRADICTED",
    "NOT_MEASURED",
    "NOT_REPRODUCED",
    "NO_SPREAD",
    "OTHER_DATA",
    "REPRODUCED",
    "TOO_FEW_RUNS",
    "Distance",
    "PrintedNumber",
    "Report",
    "Row",
    "distance",
    "distances",
    "environment",
    "findings",
    "format_reported",
    "format_value",
    "make_row",
    "prediction_interval",
    "read",
    "verdict",
    "write",
    "write_atomically",
]
