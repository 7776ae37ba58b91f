"""Where a folder's clips come from and under which licence, as far as the folder says."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

_CREDIT_FILES = re.compile(r"(licen[cs]e|copying|provenance|attribution|credits)(\.\w+)?", re.IGNORECASE)
_CREDIT_LINES = re.compile(
    r"^[-*]?\s*((?:sources?|licen[cs]e)\b.*(?:\n(?![-*#|]|\s*\n).*)*)", re.IGNORECASE | re.MULTILINE
)


def attribution(folder: Path, labels: Mapping[str, np.ndarray]) -> dict[str, Any]:
    """Where the clips come from and under which licence, as far as the folder says."""
    files = sorted(path for path in folder.iterdir() if _CREDIT_FILES.fullmatch(path.name))
    statements = []
    for path in files:
        found = _CREDIT_LINES.findall(path.read_text(encoding="utf-8", errors="replace"))
        statements += [" ".join(statement.split()) for statement in found]
    licences = next((labels[name] for name in ("licence", "license") if name in labels), None)
    named = [labels[name] for name in ("artist", "song", "title") if name in labels]
    credited: set[str] = set()
    if licences is not None:
        credited.update(" / ".join(filter(None, row)) for row in zip(*named, licences, strict=True))
    return {
        "files": [path.name for path in files],
        "statements": statements,
        "licences": {} if licences is None else dict(Counter(licences.tolist()).most_common()),
        "credits": sorted(credited),
    }
