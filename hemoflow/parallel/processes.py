"""Several processes that share a run: how they find each other, and what they tell each other on the host."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any, TypeVar

import jax
import numpy as np
from numpy.typing import NDArray

from hemoflow.errors import InputError

COORDINATOR, PROCESSES, PROCESS = "HEMOFLOW_COORDINATOR", "HEMOFLOW_PROCESSES", "HEMOFLOW_PROCESS"
T = TypeVar("T")


def join() -> None:
    """Join the processes that `HEMOFLOW_COORDINATOR` names, if it is set; before anything else asks JAX for a device.

    "host:port" needs `HEMOFLOW_PROCESSES` and `HEMOFLOW_PROCESS` (from 0) as well; "auto" leaves all to JAX, which knows SLURM and Open
    MPI. Raises InputError.
    """
    address = os.environ.get(COORDINATOR)
    if not address or jax.distributed.is_initialized():
        return
    jax.config.update("jax_cpu_collectives_implementation", "gloo")
    jax.config.update(
        "jax_enable_preemption_service", False
    )  # it would take TERM, on which a run stops and saves, for itself
    try:
        if address == "auto":
            jax.distributed.initialize()
        else:
            jax.distributed.initialize(address, _whole_number(PROCESSES), _whole_number(PROCESS))
    except (RuntimeError, ValueError) as error:
        raise InputError(f"{COORDINATOR}={address}: the processes do not find each other ({error})") from error


def leads() -> bool:
    """Whether this is the process that decides and writes files. Starts nothing."""
    return not jax.distributed.is_initialized() or jax.process_index() == 0


def agreed(begin: Callable[[], T]) -> T:
    """What `begin` gives, once all processes have begun. Raises InputError in all of them where it does in one."""
    if jax.process_count() == 1:
        return begin()
    done, error = None, None
    try:
        done = begin()
    except InputError as found:
        error = found
    failed = _gathered(np.asarray([error is not None], np.int32))
    if error is not None:
        raise error
    if failed.any():
        raise InputError(f"process {int(np.argmax(failed))} cannot begin; it says why")
    return done  # type: ignore[return-value]


def told(values: T) -> T:
    """The leading process's values, in all processes; in the others `values` only has their shapes and types."""
    from jax.experimental.multihost_utils import broadcast_one_to_all

    return broadcast_one_to_all(jax.tree.map(np.asarray, values))


def everywhere(array: Any) -> NDArray[Any]:
    """An array on the host of every process, whoever holds its parts."""
    if not isinstance(array, jax.Array) or array.is_fully_addressable or array.is_fully_replicated:
        return np.asarray(array)
    from jax.experimental.multihost_utils import process_allgather

    return np.asarray(process_allgather(array, tiled=True))


def total(array: Any) -> float:
    """The sum of an array in double precision, each process adding up its own part."""
    part = sum((float(np.asarray(shard.data).sum(dtype=np.float64)) for shard in array.addressable_shards), 0.0)
    if jax.process_count() == 1:
        return part
    # as integers: JAX would round to single precision where that is in use
    return float(_gathered(np.array([part]).view(np.int32)).reshape(-1, 2).view(np.float64).sum())


def _gathered(values: NDArray[Any]) -> NDArray[Any]:
    from jax.experimental.multihost_utils import process_allgather

    return np.ascontiguousarray(process_allgather(values))


def _whole_number(name: str) -> int:
    text = os.environ.get(name, "")
    if not text.isdigit():
        raise InputError(f"{name} is '{text}': {COORDINATOR} needs a whole number there, or the value auto")
    return int(text)
