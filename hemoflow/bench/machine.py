"""What the machine can do: copy bandwidth, memory in use."""

from __future__ import annotations

import functools
import resource
import statistics
import sys
import time
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from hemoflow import native

COPY_BYTES = 256 * 2**20
"""Size of each array of the bandwidth measurement: several times the largest cache of a CPU core complex."""

REPEATS = 5


@functools.cache
def copy_bandwidth() -> float:
    """Bytes read and written per second by a plain copy (B/s), the best of a few; non-temporal stores and all threads on a CPU."""
    if jax.default_backend() != "cpu":
        return _copy_on_device()
    return native.copy_bandwidth(COPY_BYTES, REPEATS) or _copy_with_numpy()


def _copy_on_device() -> float:
    source = jnp.zeros(COPY_BYTES // 4, jnp.float32)
    copy = jax.jit(lambda x: x + 1.0)
    jax.block_until_ready(copy(source))
    return 2.0 * COPY_BYTES / min(_timed(lambda: jax.block_until_ready(copy(source))) for _ in range(REPEATS))


def _copy_with_numpy() -> float:
    source, target = np.zeros(COPY_BYTES // 8), np.zeros(COPY_BYTES // 8)
    return 2.0 * COPY_BYTES / min(_timed(lambda: np.copyto(target, source)) for _ in range(REPEATS))


def measure(advance: Callable[[], Any], repeats: int = REPEATS) -> tuple[float, float]:
    """Seconds of one call (the median of `repeats`, after it has been compiled), and the seconds that compiling added."""
    first = _timed(lambda: jax.block_until_ready(advance()))
    seconds = statistics.median(_timed(lambda: jax.block_until_ready(advance())) for _ in range(repeats))
    return seconds, max(first - seconds, 0.0)


def peak_memory() -> int:
    """Largest memory of this process so far, in bytes; of the device where it keeps count."""
    stats = jax.devices()[0].memory_stats() or {}
    unit = 1 if sys.platform == "darwin" else 1024
    return int(stats.get("peak_bytes_in_use", resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit))


def _timed(action: Callable[[], Any]) -> float:
    start = time.perf_counter()
    action()
    return time.perf_counter() - start
