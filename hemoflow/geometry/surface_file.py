"""Reading vessel walls from surface and volume meshes: one function, the format chosen by the file's ending, the result ready to use."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from hemoflow.errors import InputError
from hemoflow.geometry.network_file import LARGEST_FILE, parse_length
from hemoflow.geometry.surface_msh import read_msh
from hemoflow.geometry.surface_obj_ply import parse_obj, parse_ply
from hemoflow.geometry.surface_off import parse_off
from hemoflow.geometry.surface_raw import RawSurface, triangles
from hemoflow.geometry.surface_repair import repair
from hemoflow.geometry.surface_stl import parse_stl
from hemoflow.geometry.surface_vtk import parse_vtk_legacy, parse_vtk_xml

SMALLEST, LARGEST = 1e-6, 1.0
"""Bounding diagonals (m) a vessel may have; others come from a wrong unit."""

COARSE_GRAIN = 0.05
"""Largest step of the coordinates, in mean edges, at which facets still have their shape."""


@dataclass(frozen=True)
class TriangleSurface:
    """The wall of a vessel: `vertices` (V, 3) m, `faces` (F, 3) with normals out of the lumen, and a sentence in `notes` for every
    change made on reading. One connected body, at most two faces on an edge; edges with one face are the rims of openings."""

    vertices: NDArray[np.float64]
    faces: NDArray[np.int64]
    notes: tuple[str, ...]


def read_surface(path: str | Path, unit: str | None = None) -> TriangleSurface:
    """Read a surface mesh, check and mend it, and return it in metres.

    `path`: .stl, .obj, .ply, .off, .vtp, .vtu, .vtk or .msh; of volume meshes the boundary is the wall. `unit`: length of one unit of the
    file, "um" or "0.65 um", demanded where the file does not say. Raises InputError that names the file, the fault with its place,
    and the remedy.
    """
    return _read(Path(path), lambda raw, faces: _scale(raw, faces, unit))


def read_shape(path: str | Path) -> TriangleSurface:
    """As `read_surface`, for a surface whose size does not matter: its longest side is made 10 um."""
    return _read(Path(path), _to_ten_micrometres)


def _to_ten_micrometres(raw: RawSurface, faces: NDArray[np.int64]) -> float:
    extent = float(np.ptp(raw.points[np.unique(faces)], axis=0).max())
    if not np.isfinite(extent) or extent <= 0:
        raise InputError(f"the surface spans {extent:g}: export it again, with finite points and more digits")
    return 1e-5 / extent


def _read(path: Path, scale_of: Callable[[RawSurface, NDArray[np.int64]], float]) -> TriangleSurface:
    reader = READERS.get(path.suffix.lower())
    if reader is None:
        raise InputError(
            f"{path}: not a surface format hemoflow reads ({', '.join(READERS)}), judged by the file's ending"
        )
    if not path.is_file():
        raise InputError(f"{path}: no such file")
    if path.stat().st_size > LARGEST_FILE:
        raise InputError(
            f"{path}: {path.stat().st_size / 2**30:.1f} GiB, more than the {LARGEST_FILE >> 30} GiB allowed; use a coarser mesh"
        )
    try:
        raw = reader(path)
        faces = triangles(raw)
        scale = scale_of(raw, faces)
        _check_points(raw, faces)
        vertices, faces, notes = repair(raw.points * scale, faces)
    except InputError as error:
        raise InputError(f"{path}: {error}") from None
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror})") from None
    except MemoryError:
        raise InputError(f"{path}: larger than the memory of this machine; use a coarser mesh") from None
    return TriangleSurface(vertices, faces, tuple(raw.notes + notes))


def _scale(raw: RawSurface, faces: NDArray[np.int64], unit: str | None) -> float:
    """Metres in one unit of the file. Raises InputError without a unit, with two, or for a vessel of impossible size."""
    own = parse_length(raw.unit, "unit in the file") if raw.unit else None
    given = parse_length(unit, "vessel.unit") if unit else None
    if own is not None and given is not None and abs(own / given - 1) > 1e-9:
        raise InputError(f"the file's lengths are in {raw.unit} by its own words, but the unit given is {unit}")
    mine = np.zeros(len(raw.points), bool)
    mine[faces] = True
    used = raw.points[mine & np.isfinite(raw.points).all(axis=1)]
    with np.errstate(over="ignore"):
        extent = np.asarray(np.ptp(used, axis=0)) if len(used) else np.zeros(3)
        diagonal = float(np.linalg.norm(extent))
    measures = " x ".join(f"{v:.4g}" for v in extent)
    scale = own if own is not None else given
    if scale is None:
        raise InputError(
            f'this file, which spans {measures}, does not say its unit of length; give one, for example unit = "um"'
        )
    if np.isfinite(diagonal) and diagonal > 0 and not SMALLEST <= diagonal * scale <= LARGEST:
        raise InputError(
            f"the file spans {measures} of the unit {unit or raw.unit}, {diagonal * scale:.3g} m across: a vessel is between 1 um and "
            f"1 m; correct the unit"
        )
    return scale


def _check_points(raw: RawSurface, faces: NDArray[np.int64]) -> None:
    """Finite points that are finer than the facets. Raises InputError with the first point at fault."""
    finite = np.asarray(np.isfinite(raw.points).all(axis=1))
    broken = np.asarray(~finite[faces].all(axis=1))
    if broken.any():
        first = int(np.argmax(broken))
        corner = int(faces[first][~finite[faces[first]]][0])
        raise InputError(
            f"{int((~finite).sum())} points have coordinates that are no finite numbers; the first, point {corner + 1} in facet "
            f"{first + 1}, is ({', '.join(f'{v:g}' for v in raw.points[corner])}); export the surface again"
        )
    a, b, c = (raw.points[faces[:, k]] for k in range(3))
    with np.errstate(over="ignore"):
        mean = float(np.mean([np.linalg.norm(p - q, axis=1).mean() for p, q in ((a, b), (b, c), (c, a))]))
        step = raw.grain * float(np.abs(a).max())
    if not np.isfinite(mean) or step > COARSE_GRAIN * mean:
        raise InputError(
            f"the mesh lies so far from the origin (coordinates to {np.abs(a).max():.3g}) that single precision resolves no more than "
            f"{step:.2g}, and its mean edge is {mean:.2g}: move it to the origin in the program that made it and export it again"
        )


def _bytes(parse: Callable[[bytes], RawSurface]) -> Callable[[Path], RawSurface]:
    def read(path: Path) -> RawSurface:
        data = path.read_bytes()
        if not data.strip():
            raise InputError("the file is empty: export the surface again")
        return parse(data)

    return read


READERS: dict[str, Callable[[Path], RawSurface]] = {
    ".stl": _bytes(parse_stl),
    ".obj": _bytes(parse_obj),
    ".ply": _bytes(parse_ply),
    ".off": _bytes(parse_off),
    ".vtp": _bytes(parse_vtk_xml),
    ".vtu": _bytes(parse_vtk_xml),
    ".vtk": _bytes(parse_vtk_legacy),
    ".msh": read_msh,
}
