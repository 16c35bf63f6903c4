"""The compiled kernels behind jax.ffi: whether they are there, why not, and how they are called.

They are twins of the pure-JAX code above this package and compute the same numbers to round-off. `HEMOFLOW_BACKEND` chooses:
"native" (an error where they cannot be used), "jax", or nothing for the fastest that works. One library serves the CPU, another one
NVIDIA GPUs; a kernel has the same name in both, and JAX calls that of the device it runs on. What a GPU has no kernel for, pure JAX does.
"""

from __future__ import annotations

import ctypes
import functools
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import jax

from hemoflow.errors import InputError

KERNELS = (
    "step", "export", "import", "sources", "stencil", "wall", "spread", "interpolate", "press", "keep", "membrane", "displace",
    "contact", "apart",
)  # fmt: skip
DEVICE_KERNELS = (
    "step", "export", "import", "sources", "stencil", "wall", "spread", "interpolate", "press", "keep",
)  # fmt: skip
"""Those that a GPU has as well: the fluid, and what points exchange with its nodes."""

CHOICES = ("jax", "native")
VARIABLE = "HEMOFLOW_BACKEND"


@dataclass(frozen=True)
class Status:
    """Which tier does the work, why, and for the native one its kernels, its instruction set and its threads on a CPU."""

    backend: str
    why: str
    kernels: tuple[str, ...] = ()
    instruction_set: str = ""
    threads: int = 0


def in_use(kernel: str = "step") -> bool:
    """Whether models built now use this native kernel. Raises InputError where they are demanded and cannot be used."""
    return kernel in status().kernels


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
    if jax.default_backend() == "gpu":
        return Status("native", device_report(), DEVICE_KERNELS, "CUDA")
    return Status(
        "native",
        "compiled with the package",
        KERNELS,
        library.hemoflow_instruction_set().decode(),
        library.hemoflow_threads(),
    )


def device_report() -> str:
    """What came of the kernels for GPUs when the package was installed."""
    found = sorted(Path(p) / "kernels_cuda.txt" for p in __path__ if (Path(p) / "kernels_cuda.txt").is_file())
    return found[0].read_text().strip() if found else "none came with this installation"


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
    kind = jax.default_backend()
    if problem or kind == "cpu":
        return problem
    if kind != "gpu":
        return f"there are compiled kernels for the CPU and for NVIDIA GPUs, and this device is '{kind}'"
    library, problem = _device_library()
    return problem if library is None else _too_old(library.hemoflow_oldest_device())


def _too_old(needed: int) -> str:
    """What keeps the kernels from GPUs of a lower compute capability (80 for 8.0) than they are compiled for, or nothing."""
    for device in jax.devices("gpu"):
        capability = str(getattr(device, "compute_capability", ""))
        if capability.replace(".", "", 1).isdigit() and round(10 * float(capability)) < needed:
            return (
                f"the compiled kernels need compute capability {needed / 10} and {device.device_kind} has {capability} "
                "(HEMOFLOW_CUDA_ARCHITECTURES chooses when the package is installed)"
            )
    return ""


@functools.cache
def _library() -> tuple[ctypes.CDLL | None, str]:
    """The loaded library with its kernels registered, or None and the reason."""
    found = sorted(Path(p) / "kernels.so" for p in __path__ if (Path(p) / "kernels.so").is_file())
    if not found:
        return None, "no compiled kernels came with this installation (no C++ compiler when it was installed)"
    try:
        library = register(found[0], KERNELS, "cpu")
    except (OSError, AttributeError, RuntimeError, ValueError) as error:
        return None, f"the compiled kernels do not load here ({error})"
    library.hemoflow_copy_bandwidth.restype = ctypes.c_double
    library.hemoflow_instruction_set.restype = ctypes.c_char_p
    library.hemoflow_set_threads(available_cores())
    return library, ""


@functools.cache
def _device_library() -> tuple[ctypes.CDLL | None, str]:
    """The same for GPUs."""
    found = sorted(Path(p) / "kernels_cuda.so" for p in __path__ if (Path(p) / "kernels_cuda.so").is_file())
    if not found:
        return None, f"no compiled kernels for a GPU: {device_report()}"
    try:
        return register(found[0], DEVICE_KERNELS, "CUDA"), ""
    except (OSError, AttributeError, RuntimeError, ValueError) as error:
        return None, f"the compiled kernels for a GPU do not load here ({error})"


def register(path: Path, kernels: Sequence[str], platform: str, names: str = "hemoflow") -> ctypes.CDLL:
    """Load a library and make its kernels known to JAX for one of its platforms, under names that begin with `names`."""
    library = ctypes.CDLL(str(path))
    for name in kernels:
        for kind in ("f32", "f64"):
            handler = jax.ffi.pycapsule(getattr(library, f"hemoflow_{name}_{kind}"))
            jax.ffi.register_ffi_target(f"{names}_{name}_{kind}", handler, platform=platform)
    return library
