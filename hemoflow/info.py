"""What this installation is: versions, devices, and which kernels do the work."""

from __future__ import annotations

import platform
from importlib import metadata
from typing import Any

from hemoflow import native

_PACKAGES = ("hemoflow", "jax", "jaxlib", "numpy", "scipy", "h5py", "libigl", "equinox")
_GPU_STATUS = (
    "no result in this version comes from a GPU: the code is meant to run there, its kernels are tested in emulation on a CPU, "
    "and nobody has recorded a run yet"
)


def describe() -> dict[str, Any]:
    """Versions, devices and kernels of this installation, as `hemoflow info` prints them."""
    import jax

    return {
        "versions": {name: _version(name) for name in _PACKAGES},
        "python": platform.python_version(),
        "platform": platform.platform(),
        "backend": jax.default_backend(),
        "devices": [
            {"platform": device.platform, "kind": device.device_kind, "id": device.id} for device in jax.devices()
        ],
        "native_kernels": _native_kernels(),
        "gpu_kernels": native.device_report(),
        "gpu_results": _GPU_STATUS,
    }


def format_info(report: dict[str, Any]) -> str:
    """The report of `describe` as lines of text."""
    versions = ", ".join(f"{name} {version}" for name, version in report["versions"].items())
    devices = ", ".join(f"{device['kind']} ({device['platform']}:{device['id']})" for device in report["devices"])
    kernels = report["native_kernels"]
    used = ", ".join(kernels["in_use"]) or "none, pure JAX does all the work"
    if kernels["in_use"] and kernels["pure_jax"]:
        used += f"; pure JAX does {', '.join(kernels['pure_jax'])}"
    how = f", {kernels['instruction_set']}" if kernels["in_use"] else ""
    how += f", {kernels['threads']} threads" if kernels["threads"] else ""
    return "\n".join(
        [
            versions,
            f"Python {report['python']} on {report['platform']}",
            f"devices: {devices}",
            f"native kernels in use: {used} ({kernels['why']}{how})",
            f"GPU kernels: {report['gpu_kernels']}",
            f"GPU: {report['gpu_results']}",
        ]
    )


def _native_kernels() -> dict[str, Any]:
    status = native.status()
    missing = [name for name in native.KERNELS if name not in status.kernels]
    return {
        "backend": status.backend, "in_use": list(status.kernels), "pure_jax": missing, "why": status.why,
        "instruction_set": status.instruction_set, "threads": status.threads,
    }  # fmt: skip


def _version(name: str) -> str:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return "not installed"
