"""What a surface file holds before it is checked: points and cells; polygons are cut into triangles, volume meshes give their boundary."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from hemoflow.errors import InputError

Array = NDArray[np.float64]
Faces = NDArray[np.int64]

SOLIDS: dict[str, tuple[int, tuple[tuple[int, ...], ...]]] = {
    "tetra": (4, ((0, 2, 1), (0, 1, 3), (1, 2, 3), (0, 3, 2))),
    "pyramid": (5, ((0, 3, 2, 1), (0, 1, 4), (1, 2, 4), (2, 3, 4), (3, 0, 4))),
    "wedge": (6, ((0, 1, 2), (3, 5, 4), (0, 3, 4, 1), (1, 4, 5, 2), (2, 5, 3, 0))),
    "hexahedron": (8, ((0, 3, 2, 1), (4, 5, 6, 7), (0, 1, 5, 4), (1, 2, 6, 5), (2, 3, 7, 6), (3, 0, 4, 7))),
    "voxel": (8, ((0, 2, 3, 1), (4, 5, 7, 6), (0, 1, 5, 4), (1, 3, 7, 5), (3, 2, 6, 7), (2, 0, 4, 6))),
}
"""Corners of a volume cell and its sides, by position among the corners."""


@dataclass
class RawSurface:
    """Points (N, 3) in units of the file and cells: (kind, (n, corners)) with kind "polygon", "strip" or a key of SOLIDS.

    `unit`: the file's own unit of length, if it has one. `notes`: what was left out on reading. `ignored`: kinds of cells that have
    no surface (points, lines), with their number. `grain`: smallest step of the coordinates, as a fraction of the largest one (single
    precision: 6e-8), 0 for double.
    """

    points: Array
    cells: list[tuple[str, Faces]] = field(default_factory=list)
    unit: str | None = None
    notes: list[str] = field(default_factory=list)
    ignored: dict[str, int] = field(default_factory=dict)
    grain: float = 0.0


def triangles(raw: RawSurface) -> Faces:
    """All of the surface as triangles (F, 3): the boundary of the volume cells where there are any, else the polygons and strips.

    Raises InputError for a file without cells that have a surface, and for corners that are no point of the file.
    """
    _check_corners(raw)
    solids = [(kind, cells) for kind, cells in raw.cells if kind in SOLIDS and len(cells)]
    flat = [(kind, cells) for kind, cells in raw.cells if kind not in SOLIDS and len(cells)]
    if solids:
        volume = sum(len(cells) for _, cells in solids)
        faces = boundary(solids)
        parts = [_cut(raw.points, polygons) for polygons in faces]
        raw.notes.append(f"took the boundary of the volume mesh of {volume} cells as the wall")
        if flat:
            raw.notes.append(f"did not use {sum(len(c) for _, c in flat)} surface cells beside the volume cells")
    else:
        parts = [_cut(raw.points, cells) if kind == "polygon" else _unroll(cells) for kind, cells in flat]
        many = sum(len(cells) for kind, cells in flat if kind == "polygon" and cells.shape[1] > 3)
        if many:
            raw.notes.append(f"cut facets with more than three corners into triangles: {many}")
    result = np.concatenate(parts) if parts else np.empty((0, 3), np.int64)
    if not len(result):
        others = ", ".join(f"{n} {kind}" for kind, n in raw.ignored.items())
        raise InputError(
            f"no facets in it{f' (only {others})' if others else ''}: export the wall as a triangulated surface"
        )
    return result


def boundary(solids: list[tuple[str, Faces]]) -> list[Faces]:
    """Sides that belong to one volume cell only: triangles (n, 3) and quadrilaterals (m, 4)."""
    sides: dict[int, list[Faces]] = {3: [], 4: []}
    for kind, cells in solids:
        for side in SOLIDS[kind][1]:
            sides[len(side)].append(cells[:, side])
    found = []
    for parts in sides.values():
        if not parts:
            continue
        every = np.concatenate(parts)
        key = np.sort(every, axis=1)
        order = np.lexsort(key.T)
        same = (key[order[1:]] == key[order[:-1]]).all(axis=1)
        alone = np.ones(len(every), bool)
        alone[order[1:][same]] = False
        alone[order[:-1][same]] = False
        found.append(every[alone])
    return found


def _check_corners(raw: RawSurface) -> None:
    number = 0
    for _, cells in raw.cells:
        bad = (cells < 0) | (cells >= len(raw.points))
        if bad.any():
            row = int(np.flatnonzero(bad.any(axis=1))[0])
            name = int(cells[row][bad[row]][0])
            raise InputError(
                f"cell {number + row + 1} has corner {name} (counted from 0), but there are {len(raw.points)} points: "
                "the file is damaged, export it again"
            )
        number += len(cells)


def _unroll(strips: Faces) -> Faces:
    """Triangles of strips (n, k) that all have k corners; every second one is turned round."""
    parts = []
    for k in range(strips.shape[1] - 2):
        corners = strips[:, k : k + 3]
        parts.append(corners if k % 2 == 0 else corners[:, [1, 0, 2]])
    return np.concatenate(parts) if parts else np.empty((0, 3), np.int64)


def _cut(points: Array, polygons: Faces) -> Faces:
    """Triangles of polygons (n, k) that all have k corners: along the diagonal that keeps both halves facing one way, and corner by
    corner where a polygon is not convex."""
    corners = polygons.shape[1]
    if corners < 3:
        return np.empty((0, 3), np.int64)
    if corners == 3:
        return polygons
    with np.errstate(all="ignore"):
        place = points[polygons]
        normal = np.cross(place, np.roll(place, -1, axis=1)).sum(axis=1)
        turn = np.cross(place - np.roll(place, 1, axis=1), np.roll(place, -1, axis=1) - place)
        bent = np.einsum("ncj,nj->nc", turn, normal) < 0
    fan = [polygons[:, [0, k, k + 1]] for k in range(1, corners - 1)]
    if corners == 4:
        # of a quadrilateral with an inward corner the cut has to start there
        other = bent[:, 1] | bent[:, 3]
        fan = [
            np.where(other[:, None], polygons[:, pick], f) for pick, f in zip(([1, 2, 3], [1, 3, 0]), fan, strict=True)
        ]
        return np.concatenate(fan)
    hollow = bent.any(axis=1)
    parts = [f[~hollow] for f in fan]
    parts += [_ears(polygons[k], place[k], normal[k]) for k in np.flatnonzero(hollow)]
    return np.concatenate(parts)


def _ears(polygon: Faces, place: Array, normal: Array) -> Faces:
    """Triangles of one polygon that is not convex, cut off one protruding corner at a time."""
    size = float(np.linalg.norm(normal))
    axis = np.argmin(np.abs(normal))
    first = np.cross(normal, np.eye(3)[axis])
    flat = place @ np.stack([first, np.cross(normal, first) / (size or 1.0)], axis=1)
    left = list(range(len(polygon)))
    found = []
    while len(left) > 3:
        for k in range(len(left)):
            a, b, c = left[k - 1], left[k], left[(k + 1) % len(left)]
            if _protrudes(flat, a, b, c, left):
                break
        found.append([polygon[a], polygon[b], polygon[c]])
        left.remove(b)
    found.append([polygon[k] for k in left])
    return np.array(found, np.int64)


def _protrudes(flat: Array, a: int, b: int, c: int, left: list[int]) -> bool:
    def side(p: Array, q: Array, r: Array) -> float:
        return float((q[0] - p[0]) * (r[1] - p[1]) - (q[1] - p[1]) * (r[0] - p[0]))

    p, q, r = flat[a], flat[b], flat[c]
    if not side(p, q, r) > 0:
        return False
    others = (flat[k] for k in left if k not in (a, b, c))
    return not any(side(p, q, o) >= 0 and side(q, r, o) >= 0 and side(r, p, o) >= 0 for o in others)
