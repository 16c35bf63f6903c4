"""How much memory a case takes, and whether the machine has it: asked before anything large is built."""

from __future__ import annotations

import os
from pathlib import Path

from hemoflow.errors import InputError

BYTES_PER_NODE = 1500
"""Peak memory per fluid node: populations three times over in float32, source table, layout, moments, host-side lumen."""

BYTES_PER_VERTEX = 4000

_GROUP_LIMIT = Path("/sys/fs/cgroup/memory.max")


def memory_needed(nodes: float, precision: str, vertices: int = 0) -> int:
    """Bytes for fluid nodes and membrane vertices, roughly."""
    return int(nodes * BYTES_PER_NODE * (2 if precision == "float64" else 1) + vertices * BYTES_PER_VERTEX)


def memory_there() -> int:
    """Bytes that this process may use: the machine's, or less where a container or batch job sets a limit."""
    machine = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    try:
        limit = _GROUP_LIMIT.read_text(encoding="ascii").strip()
    except (OSError, UnicodeDecodeError):
        return machine
    return min(machine, int(limit)) if limit.isdigit() else machine


def check_memory(needed: float, spacing: float) -> None:
    """Raises InputError where a lattice of this node spacing (m) needs more than there is."""
    there = memory_there()
    if needed > 0.9 * there:
        wanted = spacing * (needed / (0.5 * there)) ** (1 / 3)
        raise InputError(
            f"resolution.node_spacing: at {spacing * 1e6:.3g} um this lumen needs about {needed / 2**30:.3g} GiB and there are "
            f"{there / 2**30:.3g}; choose a spacing of {wanted * 1e6:.3g} um or more, or crop the vessel"
        )
