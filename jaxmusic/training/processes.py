"""Several processes that train as one: on one machine, a cluster, or a TPU pod."""

from __future__ import annotations

import jax
from jax.sharding import Mesh


def start_processes(coordinator: str | None = None, processes: int | None = None, process: int | None = None) -> Mesh:
    """Join the other processes of this run, and make the mesh of all devices for `fit(mesh=…)`.

    Call it once, before anything else touches a device. Every process then makes the same calls with the same
    arguments; `fit` gives each device its rows of a batch, and a process reads only those of its own devices from a row
    source. Checkpoints go to one folder that all processes see. Write other files in one process only:
    `jax.process_index() == 0`.

    Args:
        coordinator: `host:port` of process 0, the same in every process. With none of the three arguments, they are
            taken from the cluster's own variables (SLURM, Open MPI, Kubernetes, Cloud TPU), as
            `jax.distributed.initialize` finds them.
        processes: how many take part.
        process: this one's number, from 0.

    Returns:
        A mesh of one axis, `"data"`, over the devices of all processes.

    Raises:
        ValueError: some of the arguments but not all, a number out of range, or no cluster to ask.
        RuntimeError: the coordinator did not answer, or a device was already in use.
    """
    given = {"coordinator": coordinator, "processes": processes, "process": process}
    missing = [name for name, value in given.items() if value is None]
    if missing and len(missing) < len(given):
        raise ValueError(f"give coordinator, processes and process together; {', '.join(missing)} is missing")
    if processes is not None and process is not None and not 0 <= process < processes:
        raise ValueError(f"process {process} is not among {processes} processes, counted from 0")
    try:
        jax.distributed.initialize(coordinator, processes, process)
    except ValueError as error:
        raise ValueError(
            f"no cluster answers ({error}): give coordinator='host:port', processes=… and process=…"
        ) from error
    return jax.make_mesh((jax.device_count(),), ("data",))
