"""The compiled kernels behind jax.ffi: whether they are there, why not, and how they are called.

They are twins of the pure-JAX code above this package and compute the same numbers to round-off. `HEMOFLOW_BACKEND` chooses:
"native" (an error where they cannot be used), "jax", or nothing for the fastest that works.
"""

from __future__ import annotations

import ctypes
import functools
import os
from dataclasses import dataclass
from pathlib import Path

import jax

from hemoflow.errors import InputError

KERNELS = (
    "step", "export", "import", "sources", "stencil", "wall", "spread", "interpolate", "press", "keep", "membrane", "displace",
)  # fmt: skip
DEVICE_KERNELS = (
    "step", "export", "import", "sources", "stencil", "wall", "spread", "interpolate", "press", "keep",
)  # fmt: skip
CHOICES = ("jax", "native")
VARIABLE = "HEMOFLOW_BACKEND"


@dataclass(frozen=True)
class Status:
    """Which tier does the work, why, and for the native one its instruction set and threads."""

    backend: str
    why: str
    instruction_set: str = ""
    threads: int = 0


def in_use() -> bool:
    """Whether models built now use the native kernels. Raises InputError where they are demanded and cannot be used."""
    return status().backend == "native"


def status() -> Status:
    """The tier that models built now use. Raises InputError for an unknown or unmet `HEMOFLOW_BACKEND`."""
    wanted = os.environ.get(VARIABLE, "")
    if wanted not in ("", *CHOICES):
        raise InputError(
            f"{VARIABLE} is '{wanted}': choose {' or '.join(CHOICES)}, or leave it unset for the fastest that works"
        )
    if wanted == "jax":
        return Status("jax", f"{VARIABLE}=jax")
    problem = _problem()
    if problem and wanted == "native":
        raise InputError(f"{VARIABLE}=native, but {problem}")
    if problem:
        return Status("jax", f"{problem}: this is the slow tier")
    library, _ = _library()
    assert library is not None
    return Status(
        "native", "compiled with the package", library.hemoflow_instruction_set().decode(), library.hemoflow_threads()
    )


def set_threads(count: int) -> None:
    """Threads that the native kernels use from now on; results do not depend on it."""
    library, _ = _library()
    if library is not None:
        library.hemoflow_set_threads(count)


def copy_bandwidth(size: int, repeats: int) -> float:
    """Bytes read and written per second (B/s) when arrays of `size` bytes are copied with non-temporal stores; 0 without the library."""
    library, _ = _library()
    return library.hemoflow_copy_bandwidth(ctypes.c_int64(size), ctypes.c_int(repeats)) if library is not None else 0.0


def available_cores() -> int:
    """Cores that this process may use: its affinity, and the quota of its control group."""
    count = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    try:
        quota, period = Path("/sys/fs/cgroup/cpu.max").read_text().split()
        return count if quota == "max" else max(1, min(count, int(int(quota) / int(period))))
    except (OSError, ValueError):
        return count


def _problem() -> str:
    """What keeps the native kernels from being used, or nothing."""
    _, problem = _library()
    if not problem and jax.default_backend() != "cpu":
        return f"the compiled kernels serve the CPU and this device is '{jax.default_backend()}'"
    return problem


@functools.cache
def _library() -> tuple[ctypes.CDLL | None, str]:
    """The loaded library with its kernels registered, or None and the reason."""
    found = sorted(Path(p) / "kernels.so" for p in __path__ if (Path(p) / "kernels.so").is_file())
    if not found:
        return None, "no compiled kernels came with this installation (no C++ compiler when it was installed)"
    try:
        library = ctypes.CDLL(str(found[0]))
        for name in KERNELS:
            for kind in ("f32", "f64"):
                handler = jax.ffi.pycapsule(getattr(library, f"hemoflow_{name}_{kind}"))
                jax.ffi.register_ffi_target(f"hemoflow_{name}_{kind}", handler, platform="cpu")
    except (OSError, AttributeError, RuntimeError, ValueError) as error:
        return None, f"the compiled kernels do not load here ({error})"
    library.hemoflow_copy_bandwidth.restype = ctypes.c_double
    library.hemoflow_instruction_set.restype = ctypes.c_char_p
    library.hemoflow_set_threads(available_cores())
    return library, ""
