"""One way in for vessels from files: surface mesh or network, told apart by extension and content."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from hemoflow.errors import InputError
from hemoflow.geometry.vessel import AbstractVessel

Array = NDArray[np.float64]
SURFACES = (".stl", ".obj", ".ply", ".vtu", ".vtk", ".msh")
NETWORKS = (".swc", ".graphml", ".csv", ".tsv", ".dgf", ".dat", ".txt")
EITHER = (".vtp",)

HEAD = 1 << 20
"""Bytes of a file that are looked at to tell its kind."""


def read_vessel(
    path: str | Path,
    unit: str | None = None,
    kind: str | None = None,
    openings: Sequence[tuple[str, Array]] = (),
    piece: tuple[Array | None, str | None] = (None, None),
    viscosity: float | Callable[[Array, Array], Array] = 1.2e-3,
) -> AbstractVessel:
    """The vessel in a file.

    `unit` of its lengths where the file has none; `kind` "surface" or "network" where neither extension nor content tells; `openings`
    (name, place (3,) m) names openings of a surface; `piece` of a network: a box (2, 3) m and a node of the connected part wanted; its
    0-D flow uses `viscosity`. Raises InputError for a file that is none of these, is damaged, or does not fit the options.
    """
    path = Path(path)
    if not path.is_file():
        raise InputError(
            f"{path}: {'a folder, not a file' if path.is_dir() else 'no such file'}; give a mesh or network"
        )
    crop, component = piece
    if (kind or kind_of(path)) == "network":
        if openings:
            raise InputError("vessel.openings: a network's openings are its ends and keep their names; remove this key")
        from hemoflow.geometry.network import network_vessel
        from hemoflow.geometry.network_file import read_network

        return network_vessel(read_network(path, unit), crop, component, viscosity)
    if crop is not None or component is not None:
        what = "crop" if crop is not None else "component"
        raise InputError(f"vessel.{what}: only networks can be cut; cut a surface mesh in the program that made it")
    from hemoflow.geometry.surface_file import read_surface
    from hemoflow.geometry.surface_vessel import SurfaceVessel

    mesh = read_surface(path, unit)
    return SurfaceVessel(mesh.vertices, mesh.faces, openings, {"source": path.name, "notes": mesh.notes})


def vessel_files(path: Path) -> list[Path]:
    """All files that a vessel is read from: the one named, and its partner where a network comes as two tables."""
    from hemoflow.geometry.network_file import table_pair

    return list(table_pair(path) or (path,))


def kind_of(path: Path) -> str:
    """ "surface" or "network", by extension, and for VTK's formats by whether the file holds polygons or only lines."""
    extension = path.suffix.lower()
    if extension == ".vtk" and _only_lines(path):
        raise InputError(
            f"{path.name}: holds lines and no surface; a network of lines is read from VTP, so save it as .vtp (or export its surface)"
        )
    if extension in SURFACES:
        return "surface"
    if extension in NETWORKS:
        return "network"
    if extension in EITHER:
        return "surface" if _holds_polygons(path) else "network"
    raise InputError(
        f"{path.name}: no vessel is read from {extension or 'a file without an extension'}; surfaces: "
        f"{', '.join(SURFACES + EITHER)}; networks: {', '.join((*NETWORKS, '.vtp'))}"
    )


def _head(path: Path) -> str:
    try:
        with path.open("rb") as file:
            return file.read(HEAD).decode("latin-1")
    except OSError as error:
        raise InputError(f"{path.name}: cannot be read ({error.strerror})") from None


def _holds_polygons(path: Path) -> bool:
    """Whether a VTP file lists polygons or strips."""
    return any(int(n) for n in re.findall(r'NumberOf(?:Polys|Strips)\s*=\s*"(\d{1,18})"', _head(path)))


def _only_lines(path: Path) -> bool:
    """Whether a legacy VTK file lists lines and nothing with a surface, all within its head."""
    text = _head(path)
    sections = set(re.findall(r"^(LINES|POLYGONS|TRIANGLE_STRIPS|CELLS)\s+\d", text, re.MULTILINE))
    return sections == {"LINES"} and len(text) < HEAD
