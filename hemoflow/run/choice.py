"""The devices that a run is made on."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import jax

from hemoflow.errors import InputError


@contextmanager
def on_device(device: str, precision: str, count: int | None = None) -> Iterator[Sequence[jax.Device]]:
    """JAX set to a kind of device ("auto", "cpu" or "gpu") and a precision, and as many devices of that kind as a run takes: `count`, by
    default one, or all where several processes run together.

    A run on several is planned on the host, which has more memory than any of them. Raises InputError where there are not so many.
    """
    with jax.enable_x64(precision == "float64"):
        devices = _devices(device, count)
        if len(devices) > 1:
            with jax.default_device(jax.local_devices(backend="cpu")[0]):
                yield devices
        elif device == "auto":
            yield devices
        else:
            with jax.default_device(devices[0]):
                yield devices


def _devices(device: str, count: int | None) -> Sequence[jax.Device]:
    try:
        found = jax.devices() if device == "auto" else jax.devices("cpu" if device == "cpu" else "gpu")
    except RuntimeError as error:
        raise InputError(
            f"--device {device}: JAX finds no such device; install jax[cuda12] or use --device cpu"
        ) from error
    together = jax.process_count()
    count = count or (1 if together == 1 else len(found))
    if together > 1 and count < len(found):
        raise InputError(
            f"--devices {count}: {together} processes run together and share all of their {len(found)} devices; leave it out"
        )
    if not 1 <= count <= len(found):
        kind = found[0].platform
        more = (
            "; JAX makes several of one processor with XLA_FLAGS=--xla_force_host_platform_device_count=N"
            if kind == "cpu"
            else ""
        )
        raise InputError(f"--devices {count}: JAX finds {len(found)} here ({kind}); choose 1 to {len(found)}{more}")
    return found[:count]
