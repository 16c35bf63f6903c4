"""Cells of a shape that the user brings: any surface file, checked, mended where that is safe, and made as fine as the lattice needs."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from hemoflow.cells.surface import Surface, area, face_areas, volume
from hemoflow.cells.topology import check_surface
from hemoflow.errors import InputError
from hemoflow.geometry.surface_file import read_shape

Floats = NDArray[np.float64]

VERTEX_SPACING_AREA = 1.4
"""Membrane area per vertex in node spacings squared: vertices about 1.2 nodes apart leave no holes between 3-point kernels."""

SMALLEST_ANGLE = 10.0
"""Degrees. Sharper triangles make the membrane stiff in one direction and the time step short."""

LARGEST_EDGE_RATIO = 8.0
"""Longest over shortest edge of a template: one membrane resists and bends everywhere as if its triangles were alike."""

MOST_VERTICES = 200_000


def read_template(path: str) -> tuple[Floats, NDArray[np.int32]]:
    """Vertices and faces of a cell from a surface file, its longest side 10 um, oriented outward.

    Cracks, doubled points and facets, facets that look inward and small holes are mended as in a vessel's wall. Raises InputError,
    naming the file and the fault, for a surface that is open, of several pieces, with a hole through it, or of bad triangles.
    """
    return _read(path, Path(path).stat().st_mtime_ns if Path(path).is_file() else 0)


@lru_cache(maxsize=8)
def _read(path: str, changed: int) -> tuple[Floats, NDArray[np.int32]]:
    found = read_shape(path)
    shape = Surface(found.vertices, found.faces.astype(np.int32))
    if volume(shape.vertices, shape.faces) < 0.0:
        shape = Surface(shape.vertices, shape.faces[:, ::-1].copy())
    try:
        check_surface(shape)
        _check_sphere(shape)
        _check_triangles(shape)
    except InputError as error:
        raise InputError(f"{path} as a cell: {error}") from None
    return shape.vertices, shape.faces


def template_surface(shape: Surface, diameter: float) -> Surface:
    """The shape with its longest side `diameter` (nodes), its volume around the origin, and so many vertices that
    there are no holes on the lattice: where it is too coarse it is subdivided (Loop's scheme) and made as long as before."""
    import igl

    points, faces = shape.vertices, shape.faces
    while True:
        points = points * (diameter / np.ptp(points, axis=0).max())
        if area(points, faces) <= VERTEX_SPACING_AREA * len(points):
            break
        if 4 * len(points) > MOST_VERTICES:
            raise InputError(
                f"a template needs more than {MOST_VERTICES} vertices at this node spacing: coarsen the lattice"
            )
        points, faces = igl.loop(points, faces.astype(np.int64))
    faces = np.ascontiguousarray(faces, np.int32)
    return Surface(np.ascontiguousarray(points - _centroid(points, faces)), faces)


def _centroid(points: Floats, faces: NDArray[np.int32]) -> Floats:
    a, b, c = np.moveaxis(points[faces], 1, 0)
    part = np.einsum("fi,fi->f", a, np.cross(b, c))
    return np.asarray(0.25 * (part[:, None] * (a + b + c)).sum(axis=0) / part.sum())


def _check_sphere(shape: Surface) -> None:
    edges = len(shape.faces) * 3 // 2
    handles = 1 - (len(shape.vertices) - edges + len(shape.faces)) // 2
    if handles:
        raise InputError(
            f"{handles} hole{'s' if handles > 1 else ''} through it like that of a ring: a cell is one bag; close it"
        )


def _check_triangles(shape: Surface) -> None:
    corners = shape.vertices[shape.faces]
    sides = np.linalg.norm(np.roll(corners, -1, axis=1) - corners, axis=2)
    # the sine rule: twice the area over the product of the two longest sides is the sine of the smallest angle
    ordered = np.sort(sides, axis=1)
    angle = np.degrees(np.arcsin(np.clip(2.0 * face_areas(*_parts(shape)) / (ordered[:, 1] * ordered[:, 2]), 0.0, 1.0)))
    worst = int(np.argmin(angle))
    if angle[worst] < SMALLEST_ANGLE:
        place = ", ".join(f"{v * 1e6:.3g}" for v in corners[worst].mean(axis=0))
        raise InputError(
            f"{int((angle < SMALLEST_ANGLE).sum())} of {len(angle)} triangles have an angle below {SMALLEST_ANGLE:g} degrees, the sharpest "
            f"{angle[worst]:.2g} degrees near ({place}) (longest side 10): remesh it with even triangles"
        )
    if sides.max() > LARGEST_EDGE_RATIO * sides.min():
        raise InputError(
            f"its longest edge is {sides.max() / sides.min():.3g} times its shortest, {LARGEST_EDGE_RATIO:g} is the most: remesh it with "
            "even triangles"
        )


def _parts(shape: Surface) -> tuple[Floats, NDArray[np.int32]]:
    return shape.vertices, shape.faces
