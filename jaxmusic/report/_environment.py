"""What a run was made with and on."""

from __future__ import annotations

import os
import platform
from collections.abc import Iterable
from pathlib import Path
from typing import Any


def environment(packages: Iterable[str] = ("jax", "flax", "optax", "numpy", "scikit-learn")) -> dict[str, Any]:
    """Versions and machine, without names or paths of either.

    Args:
        packages: distributions whose versions are named.

    Returns:
        name → version or description, JSON types.
    """
    from importlib import metadata

    import jax

    versions = {name: metadata.version(name) for name in packages}
    device = jax.devices()[0]
    return {
        "python": platform.python_version(),
        **versions,
        "platform": f"{platform.system()} {platform.machine()}",
        "processor": _processor(),
        "cores": os.cpu_count(),
        "device": f"{jax.device_count()} × {device.device_kind} ({device.platform})",
    }


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor() or "unknown"
    return next((line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")), "unknown")
