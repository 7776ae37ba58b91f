"""What a measurement ran on, and how much of it was left to the measurement."""

from __future__ import annotations

import os
import re
import resource
import sys
import time
from collections.abc import Iterable
from pathlib import Path
from types import TracebackType
from typing import Any

from jaxmusic import report


def describe(packages: Iterable[str]) -> dict[str, Any]:
    """Processor, cores, memory, device and versions; no names of hosts or users."""
    described = report.environment(packages)
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    return {**described, "cores": len(os.sched_getaffinity(0)), "memory": f"{memory:.0f} GiB"}


def slug(machine: dict[str, Any]) -> str:
    """A file name for a machine, the same for machines of the same kind.

    >>> slug({"processor": "AMD EPYC", "cores": 2, "device": "1 × cpu (cpu)"})
    'amd-epyc-2-cores'
    >>> slug({"processor": "AMD EPYC", "cores": 16, "device": "1 × NVIDIA H200 (gpu)"})
    'amd-epyc-16-cores-1-nvidia-h200'
    """
    parts = [machine["processor"], f"{machine['cores']} cores"]
    if not machine["device"].endswith("(cpu)"):
        parts.append(machine["device"].rsplit("(", 1)[0])
    return re.sub(r"[^a-z0-9]+", "-", " ".join(parts).lower()).strip("-")


class Watch:
    """Times a block, and counts the cores that other processes kept busy meanwhile.

    Attributes, once the block is left:
        seconds: wall-clock time.
        others: cores that processes outside this one's tree used, on average; None where the system doesn't say.
    """

    def __enter__(self) -> Watch:
        self._busy, self._own, self._start = _busy_seconds(), _own_seconds(), time.perf_counter()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.seconds = time.perf_counter() - self._start
        busy, own = _busy_seconds(), _own_seconds()
        self.others = None
        if busy is not None and self._busy is not None:
            self.others = max(0.0, (busy - self._busy - (own - self._own)) / self.seconds)


def matmul_rate(dtype: str = "float32") -> float:
    """Floating-point operations per second of a 2,048² matrix product on the default device, the best of ten."""
    import jax
    import jax.numpy as jnp

    size = 2048
    a = jnp.ones((size, size), dtype)
    product = jax.jit(lambda a: a @ a)
    jax.block_until_ready(product(a))
    seconds = []
    for _ in range(10):
        with Watch() as watch:
            jax.block_until_ready(product(a))
        seconds.append(watch.seconds)
    return 2 * size**3 / min(seconds)


def peak_memory() -> float:
    """Most memory this process has had resident, in MiB.

    `ru_maxrss` would not do where the kernel says more: it keeps the peak of the program that started this one.
    """
    try:
        status = Path("/proc/self/status").read_text()
    except OSError:
        unit = 1 if sys.platform == "darwin" else 2**10
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit / 2**20
    return int(re.findall(r"^VmHWM:\s+(\d+) kB$", status, re.MULTILINE)[0]) / 2**10


def _busy_seconds() -> float | None:
    """Processor seconds used by everyone on this machine, and by the host's other guests, since it started."""
    try:
        user, nice, system, _, _, irq, softirq, steal, *_ = map(int, _words("/proc/stat")[1:11])
    except OSError:
        return None
    return (user + nice + system + irq + softirq + steal) / os.sysconf("SC_CLK_TCK")


def _own_seconds() -> float:
    """Processor seconds of this process and all below it."""
    parents, seconds = {}, {}
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            # The name in parentheses may hold spaces; what is counted stands behind it.
            fields = (folder / "stat").read_text().rpartition(")")[2].split()
        except OSError:
            continue
        parents[int(folder.name)] = int(fields[1])
        # Own time, and that of children that have ended.
        seconds[int(folder.name)] = sum(map(int, fields[11:15])) / os.sysconf("SC_CLK_TCK")
    own, found = {os.getpid()}, 0
    while len(own) > found:
        found = len(own)
        own |= {process for process, parent in parents.items() if parent in own}
    return sum(seconds.get(process, 0.0) for process in own)


def _words(path: str) -> list[str]:
    return Path(path).read_text().split()
