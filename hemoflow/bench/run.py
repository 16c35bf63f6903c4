"""The benchmarks by name, and what is reported of each."""

from __future__ import annotations

import platform
from collections.abc import Callable, Sequence
from importlib import metadata
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp

from hemoflow import native
from hemoflow.bench import cells, fluid
from hemoflow.bench.fluid import Timed
from hemoflow.bench.machine import copy_bandwidth, peak_memory
from hemoflow.errors import InputError

CASES: dict[str, Callable[[int | None, int | None], Timed]] = {
    "fluid-box": fluid.fluid_box,
    "fluid-vessel": fluid.fluid_vessel,
    "cells-0": lambda size, steps: cells.red_cells(0.0, size, steps),
    "cells-10": lambda size, steps: cells.red_cells(0.1, size, steps),
    "cells-20": lambda size, steps: cells.red_cells(0.2, size, steps),
    "cells-40": lambda size, steps: cells.red_cells(0.4, size, steps),
    "transit": cells.transit,
    "ensemble": cells.ensemble,
}
NAMES = tuple(CASES)

VALUES_PER_UPDATE = 2 * 19
"""Populations read and written per node update: the least that has to move."""


def bench(
    names: Sequence[str] = (), size: int | None = None, steps: int | None = None, precision: str = "float32"
) -> list[dict[str, Any]]:
    """Run benchmarks (all without `names`) and return what interface says of each; rates are medians of several runs.

    `size` scales a case (nodes along a side, nodes per 50 um, replicas) and `steps` its length. Raises InputError for an unknown
    name, precision, or a size or number of steps below one.
    """
    unknown = [name for name in names if name not in CASES]
    if unknown:
        raise InputError(f"bench: no benchmark '{unknown[0]}'; there is: {', '.join(NAMES)}")
    for what, value in (("size", size), ("steps", steps)):
        if value is not None and value < 1:
            raise InputError(f"bench: --{what} {value} must be at least 1")
    if precision not in ("float32", "float64"):
        raise InputError(f"bench: precision '{precision}' must be float32 or float64")
    with jax.enable_x64(precision == "float64"):
        return [_record(name, CASES[name](size, steps)) for name in names or NAMES]


def _record(name: str, timed: Timed) -> dict[str, Any]:
    real = jnp.result_type(float)
    rate = timed.nodes * timed.steps / timed.seconds
    bytes_per_update = VALUES_PER_UPDATE * real.itemsize
    bandwidth = copy_bandwidth()
    vertices = int(timed.extra.get("vertices", 0))
    hematocrit = timed.extra.get("hematocrit", 0.0)
    red_cells = {"red_cell_steps_per_s": vertices / 642 * timed.steps / timed.seconds} if hematocrit else {}
    return {
        "name": name,
        "device": _device(),
        "backend": native.status().backend,
        "threads": native.status().threads,
        "precision": str(real),
        "nodes": timed.nodes,
        "steps": timed.steps,
        "seconds": timed.seconds,
        "mlups": rate / 1e6,
        "bytes_per_update": bytes_per_update,
        "copy_bandwidth_gb_s": bandwidth / 1e9,
        "roofline_fraction": rate * bytes_per_update / bandwidth,
        "vertices": vertices,
        "vertex_updates_per_s": vertices * timed.steps / timed.seconds,
        "hematocrit": hematocrit,
        "peak_memory_bytes": peak_memory(),
        "bytes_per_node": timed.memory / timed.nodes,
        "compile_seconds": timed.compile_seconds,
        "version": metadata.version("hemoflow"),
        "jaxlib": metadata.version("jaxlib"),
        **red_cells,
        **{key: value for key, value in timed.extra.items() if key not in ("vertices", "hematocrit")},
    }


def _device() -> str:
    device = jax.devices()[0]
    return device.device_kind if device.platform != "cpu" else _processor()


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
        return next(line.split(":", 1)[1].strip() for line in lines if line.startswith("model name"))
    except (OSError, StopIteration):
        return platform.processor() or "CPU"


def format_results(results: Sequence[dict[str, Any]]) -> str:
    """The results as a table, with what they are measured against."""
    first = results[0]
    threads = f", {first['threads']} threads" if first["threads"] else ""
    bandwidth = f"copy bandwidth {first['copy_bandwidth_gb_s']:.1f} GB/s"
    head = f"{first['device']}, {first['backend']} tier{threads}, {first['precision']}; {bandwidth}"
    rows = [
        f"{'':14s}{'nodes':>10s}{'MLUPS':>9s}{'of limit':>10s}{'steps/s':>10s}{'vertices':>10s}{'B/node':>8s}{'compile s':>11s}"
    ]
    for r in results:
        rows.append(
            f"{r['name']:14s}{r['nodes']:10d}{r['mlups']:9.1f}{r['roofline_fraction']:10.0%}{r['steps'] / r['seconds']:10.1f}"
            f"{r['vertices']:10d}{r['bytes_per_node']:8.0f}{r['compile_seconds']:11.1f}"
        )
    rows += [f"{r['name']}: one whole run in {r['transit_wall_s']:.1f} s" for r in results if "transit_wall_s" in r]
    return "\n".join([head, *rows])
