"""Openings of a triangulated wall: open rims are capped, and every opening gets its plane and its name."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from hemoflow.errors import InputError
from hemoflow.geometry.vessel import Opening

Array = NDArray[np.float64]
Faces = NDArray[np.int64]

NOT_FLAT = 0.02
"""Largest departure of a rim from its plane, in radii of the opening, that counts as flat."""

CRACK = 1e-3
"""Area over perimeter squared below which a rim encloses nothing: 0.08 for a circle."""

INWARD = 1e-6
"""Every opening lies this fraction of its radius behind its rim, so that points on it are inside without doubt."""


@dataclass(frozen=True)
class Rim:
    """One opening found: cap triangles in outward orientation over `vertices` of the whole mesh, its vector area (3,), centre (3,), how
    far it reaches into the lumen (`sag`) and at most in either way (`off`) from its plane, and from its centre (`reach`), m."""

    cap: Faces
    area: Array
    centre: Array
    sag: float
    off: float
    reach: float

    @classmethod
    def measured(cls, cap: Faces, area: Array, centre: Array, points: Array) -> Rim:
        """A rim through `points` (n, 3)."""
        height = (points - centre) @ (area / np.linalg.norm(area))
        reach = float(np.linalg.norm(points - centre, axis=1).max())
        return cls(cap, area, centre, max(float(-height.min()), 0.0), float(np.abs(height).max()), reach)

    @property
    def normal(self) -> Array:
        """Unit normal out of the lumen."""
        return np.asarray(self.area / np.linalg.norm(self.area))

    @property
    def radius(self) -> float:
        """Radius (m) of the circle of equal area."""
        return float(np.sqrt(np.linalg.norm(self.area) / np.pi))

    @property
    def shift(self) -> float:
        """How far (m) the plane of the opening lies behind the centre: no point of the rim is behind it."""
        return self.sag + INWARD * self.radius

    def opening(self, name: str) -> Opening:
        """The opening of this rim."""
        centre = self.centre - self.shift * self.normal
        return Opening(name, centre, self.normal, self.radius, float(np.linalg.norm(self.area)))


def open_rims(vertices: Array, faces: Faces, where: str) -> tuple[Array, list[Rim]]:
    """Cap every open rim with a fan around its middle; returns the vertices with the middles appended.

    Raises InputError where rims do not close or are mere cracks.
    """
    rims: list[Rim] = []
    added: list[Array] = []
    for loop in _loops(border(faces), where):
        ring = vertices[loop]
        following = np.roll(ring, -1, axis=0)
        weight = np.linalg.norm(following - ring, axis=1)
        middle = np.average(0.5 * (ring + following), axis=0, weights=weight)
        index = len(vertices) + len(added)
        added.append(middle)
        cap = np.stack([np.roll(loop, -1), loop, np.full(len(loop), index)], axis=1)
        parts = 0.5 * np.cross(following - middle, ring - middle)
        area = parts.sum(axis=0)
        if np.linalg.norm(area) < CRACK * float(weight.sum()) ** 2:
            raise InputError(
                f"{where}: a crack of {len(loop)} edges near ({um(middle)}) um encloses no area; close it, or repair the mesh"
            )
        normal = area / np.linalg.norm(area)
        share = parts @ normal / np.linalg.norm(area)
        centre = middle + share @ ((ring + following - 2.0 * middle) / 3.0)
        # the plane of a rim passes through its middle, wherever the centroid of a wavy fan comes to lie
        centre = centre - ((centre - middle) @ normal) * normal
        rims.append(Rim.measured(cap, area, centre, ring))
    extended = np.concatenate([vertices, np.array(added)]) if added else vertices
    return extended, rims


def named(name: str, at: Array, rims: list[Rim]) -> int | None:
    """Which opening a user means by a place (3,) m: the nearest one, if its centre is within two radii."""
    distance = [float(np.linalg.norm(rim.centre - at)) for rim in rims]
    best = int(np.argmin(distance)) if rims else -1
    return best if best >= 0 and distance[best] <= 2.0 * rims[best].radius else None


def name_openings(rims: list[Rim], wanted: list[tuple[str, Array]], where: str) -> list[tuple[Opening, Rim]]:
    """Openings with names: those the user places, then the widest is the inlet, the others outlets; of equal ones the one at the lowest
    coordinates comes first. Raises InputError for a place that belongs to no opening, or a name or an opening used twice."""
    names: dict[int, str] = {}
    for name, at in wanted:
        best = named(name, np.asarray(at, float), rims)
        if best is None or best in names or name in names.values():
            listed = "; ".join(f"({um(rim.centre)}) um, radius {rim.radius * 1e6:.4g} um" for rim in rims) or "none"
            raise InputError(
                f"vessel.openings: {name!r} at ({um(at)}) um belongs to no opening of {where} of its own; openings are at {listed}; "
                "a blind end is cut open at a place on its axis"
            )
        names[best] = name
    size = np.array([np.linalg.norm(rim.area) for rim in rims])
    rest = [k for k in range(len(rims)) if k not in names]
    rest.sort(key=lambda k: (-round(float(np.log(size[k])) / 0.1), *np.round(rims[k].centre * 1e9).tolist()))
    free = iter(_free_names(set(names.values()), len(rest)))
    for k in rest:
        names[k] = next(free)
    order = sorted(range(len(rims)), key=lambda k: (not names[k].startswith("inlet"), names[k]))
    return [(rims[k].opening(names[k]), rims[k]) for k in order]


def _free_names(taken: set[str], count: int) -> list[str]:
    names = [] if any(name.startswith("inlet") for name in taken) else ["inlet"]
    number = 1
    while len(names) < count:
        name = "outlet" if number == 1 else f"outlet_{number}"
        number += 1
        if name not in taken:
            names.append(name)
    return names


def border(faces: Faces) -> Faces:
    """Directed edges (E, 2) that have a face on one side only, as they run in that face."""
    directed = np.concatenate([faces[:, [0, 1]], faces[:, [1, 2]], faces[:, [2, 0]]])
    key = np.sort(directed, axis=1)
    _, inverse, count = np.unique(key, axis=0, return_inverse=True, return_counts=True)
    return directed[count[inverse.ravel()] == 1]


def _loops(edges: Faces, where: str) -> list[NDArray[np.int64]]:
    """Closed walks along the border that pass every vertex once; holes that touch at a vertex are walked one by one."""
    after: dict[int, list[int]] = {}
    for start, end in edges.tolist():
        after.setdefault(start, []).append(end)
    loops = []
    for first in list(after):
        path, place = [first], {first: 0}
        while after.get(path[-1]):
            following = after[path[-1]].pop()
            back = place.get(following)
            if back is None:
                place[following] = len(path)
                path.append(following)
                continue
            loops.append(np.array(path[back:], np.int64))
            for gone in path[back + 1 :]:
                del place[gone]
            del path[back + 1 :]
        if len(path) > 1:
            raise InputError(f"{where}: the open rim at vertex {path[-1]} does not close; repair the mesh there")
    return loops


def um(point: Array) -> str:
    """A place in micrometres, for messages."""
    return ", ".join(f"{v * 1e6:.4g}" for v in np.asarray(point, float))
