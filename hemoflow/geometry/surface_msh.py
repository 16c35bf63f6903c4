"""Meshes of Gmsh (.msh), read by meshio after a look at the numbers that it would trust."""

from __future__ import annotations

import contextlib
import io
import re
from pathlib import Path

import numpy as np

from hemoflow.errors import InputError
from hemoflow.geometry.surface_raw import SOLIDS, RawSurface

CORNERS = {"triangle": 3, "quad": 4, "tetra": 4, "hexahedron": 8, "wedge": 6, "pyramid": 5}
"""Cells that have a surface; a number behind the word (triangle6) counts the nodes of a curved one, whose corners come first."""

SPARSE = 64
"""Largest node number in bytes of the file: tables are as long as the largest node number."""


def read_msh(path: Path) -> RawSurface:
    """Cells of a Gmsh file (2.x, 4.0 as text, 4.1). Raises InputError for files that are none, are broken off or damaged."""
    data = path.read_bytes()
    if not data.strip():
        raise InputError("the file is empty: export the mesh again")
    head = re.search(rb"\$MeshFormat\s+([\d.]+)\s+([01])\s+(\d+)", data[:4096])
    if head is None or not data.lstrip().startswith((b"$MeshFormat", b"$Comments")):
        raise InputError("a Gmsh file begins with $MeshFormat; this one does not: export the mesh again")
    for part in (b"Nodes", b"Elements"):
        if b"$" + part not in data or b"$End" + part not in data:
            raise InputError(
                f"a Gmsh file without all of ${part.decode()} to $End{part.decode()}: copy or export it again"
            )
    _check_numbers(data, head[1].decode(), head[2] == b"1")
    import meshio

    said = io.StringIO()
    try:
        with contextlib.redirect_stdout(said), contextlib.redirect_stderr(said), np.errstate(all="ignore"):
            mesh = meshio.gmsh.read(path)
        raw = RawSurface(np.asarray(mesh.points, float).reshape(-1, 3))
        for block in mesh.cells:
            _add(raw, block.type, np.asarray(block.data).astype(np.int64))
    except (Exception, SystemExit) as error:  # whatever a third-party reader meets in a damaged file
        reason = f"{type(error).__name__}: {str(error)[:120]}".rstrip(": ")
        raise InputError(f"a Gmsh file that cannot be read ({reason}): copy or export it again") from None
    return raw


def _add(raw: RawSurface, word: str, cells: np.ndarray) -> None:
    kind = re.sub(r"\d+$", "", word)
    corners = CORNERS.get(kind)
    if corners is None:
        raw.ignored[kind] = raw.ignored.get(kind, 0) + len(cells)
    elif len(cells):
        raw.cells.append((kind if kind in SOLIDS else "polygon", cells[:, :corners]))


def _check_numbers(data: bytes, version: str, binary: bool) -> None:
    """Raises InputError where the number of nodes, or the largest node number, would take more memory than such a file can need."""
    start = data.index(b"$Nodes") + len(b"$Nodes")
    section = data[start : data.index(b"$EndNodes")]
    if binary and version.startswith("4"):
        largest = _largest_binary(section.partition(b"\n")[2], version)
    elif binary:
        words = section.split(None, 1)
        largest = float(words[0]) if words and words[0].isdigit() else 0.0
    else:
        firsts = re.findall(rb"^[ \t]*(\d+(?:[eE]\+?\d+)?)(?=[ \t\r\n])", section, re.MULTILINE)
        counts = re.match(rb"\s*([\d \t]+)", section)
        largest = max(map(float, [*firsts, *(counts[1].split() if counts else [])]), default=0.0)
    if largest > SPARSE * len(data):
        raise InputError(
            f"a Gmsh file of {len(data)} bytes with a node number or count of {largest:.10g}: it is damaged, or its nodes need to be "
            "renumbered; export it again"
        )


def _largest_binary(section: bytes, version: str) -> float:
    """Largest number or count of nodes in the binary section of format 4.1."""
    if version != "4.1":
        raise InputError(f"a binary Gmsh file of format {version}: save it as format 4.1 or as text")
    try:
        blocks, total = (int(v) for v in np.frombuffer(section, "<u8", 2))
        largest, at = total, 32
        for _ in range(blocks):
            count = int(np.frombuffer(section, "<u8", 1, at + 12)[0])
            tags = np.frombuffer(section, "<u8", count, at + 20)
            largest = max(largest, count, int(tags.max(initial=0)))
            at += 20 + 32 * count
    except (ValueError, OverflowError):
        raise InputError("a binary Gmsh file whose $Nodes break off: copy or export it again") from None
    return float(largest)
