"""Where a triangulated lumen is open: rims left open by the mesh, or flat caps across the ends of a closed one."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from scipy.sparse import csgraph

from hemoflow.errors import InputError
from hemoflow.geometry.vessel import Opening

Array = NDArray[np.float64]
Faces = NDArray[np.int64]

SAME_PLANE = np.cos(np.radians(2.0))
SHARP_RIM = np.cos(np.radians(35.0))
ROUNDEST = 2.2
"""Perimeter squared over 4 pi area up to which a flat region may be a cap: 1 for a circle, 1.27 for a square, 2 for 4:1."""

NOT_FLAT = 0.02
"""Largest departure of a rim from its plane, in radii of the opening, that counts as flat."""


@dataclass(frozen=True)
class Rim:
    """One opening found: cap triangles in outward orientation over `vertices` of the whole mesh (new ones appended), its vector
    area (3,), centre (3,), and how far its rim reaches into the lumen from its plane (m)."""

    cap: Faces
    area: Array
    centre: Array
    sag: float

    @property
    def normal(self) -> Array:
        """Unit normal out of the lumen."""
        return np.asarray(self.area / np.linalg.norm(self.area))

    @property
    def radius(self) -> float:
        """Radius (m) of the circle of equal area."""
        return float(np.sqrt(np.linalg.norm(self.area) / np.pi))


def open_rims(vertices: Array, faces: Faces, where: str) -> tuple[Array, list[Rim]]:
    """Cap every open rim with a fan around its middle; returns the vertices with the middles appended.

    Raises InputError where rims touch each other or are mere cracks.
    """
    loops = _loops(_border(faces), where)
    rims, added = [], []
    for loop in loops:
        ring = vertices[loop]
        following = np.roll(ring, -1, axis=0)
        weight = np.linalg.norm(following - ring, axis=1)
        middle = np.average(0.5 * (ring + following), axis=0, weights=weight)
        index = len(vertices) + len(added)
        added.append(middle)
        cap = np.stack([np.roll(loop, -1), loop, np.full(len(loop), index)], axis=1)
        area = 0.5 * np.cross(following - middle, ring - middle).sum(axis=0)
        perimeter = float(weight.sum())
        if np.linalg.norm(area) < 1e-3 * perimeter**2:
            raise InputError(
                f"{where}: a crack of {len(loop)} edges near ({_um(middle)}) um encloses no area; close it, or repair the mesh"
            )
        sag = float(np.max(-((ring - middle) @ (area / np.linalg.norm(area))), initial=0.0))
        rims.append(Rim(cap, area, middle, sag))
    extended = np.concatenate([vertices, np.array(added)]) if added else vertices
    return extended, rims


def flat_caps(vertices: Array, faces: Faces) -> list[tuple[Faces, Rim]]:
    """Flat, compact regions with a sharp rim all around: (face indices, rim). A region that turns into the wall without an edge is
    no cap; of a box, whose sides all qualify, the two smallest opposite ones are, when they are smaller than the others."""
    a, b, c = (vertices[faces[:, k]] for k in range(3))
    vector = 0.5 * np.cross(b - a, c - a)
    size = np.linalg.norm(vector, axis=1)
    unit = vector / np.maximum(size, 1e-300)[:, None]
    pairs, edges = _neighbours(faces)
    cosine = np.einsum("ij,ij->i", unit[pairs[:, 0]], unit[pairs[:, 1]])
    flat = cosine > SAME_PLANE
    graph = sparse.csr_matrix((np.ones(int(flat.sum())), tuple(pairs[flat].T)), shape=(len(faces),) * 2)
    count, label = csgraph.connected_components(graph, directed=False)
    rim = label[pairs[:, 0]] != label[pairs[:, 1]]
    length = np.linalg.norm(vertices[edges[:, 0]] - vertices[edges[:, 1]], axis=1)
    both = np.concatenate([label[pairs[rim, 0]], label[pairs[rim, 1]]])
    perimeter = np.bincount(both, np.tile(length[rim], 2), count)
    soft = np.bincount(both, np.tile(length[rim] * (cosine[rim] > SHARP_RIM), 2), count)
    area = np.stack([np.bincount(label, vector[:, k], count) for k in range(3)], axis=1)
    total = np.bincount(label, size, count)
    vector_area = np.linalg.norm(area, axis=1)
    with np.errstate(divide="ignore", invalid="ignore"):
        roundness = perimeter**2 / (4.0 * np.pi * total)
        good = (vector_area > 0.999 * total) & (soft <= 0.02 * perimeter) & (roundness < ROUNDEST) & (perimeter > 0)
    found = []
    for k in np.flatnonzero(good):
        mine = np.flatnonzero(label == k)
        centre = np.average((a[mine] + b[mine] + c[mine]) / 3.0, axis=0, weights=size[mine])
        corners = vertices[np.unique(faces[mine])]
        off = np.abs((corners - centre) @ (area[k] / vector_area[k])).max()
        if off < NOT_FLAT * np.sqrt(total[k] / np.pi):
            found.append((mine, Rim(faces[mine], area[k], centre, 0.0)))
    return _without_sides(found, float(total.sum()))


def _without_sides(found: list[tuple[Faces, Rim]], surface: float) -> list[tuple[Faces, Rim]]:
    """Drop specks, and the sides of a box."""
    if not found:
        return []
    area = np.array([np.linalg.norm(rim.area) for _, rim in found])
    found = [one for one, size in zip(found, area, strict=True) if size >= 0.02 * area.max()]
    area = area[area >= 0.02 * area.max()]
    if area.sum() < 0.6 * surface:
        return found
    # nearly everything is flat: a box or a channel with flat sides, whose ends are its smallest pair of sides
    order = np.argsort(area)
    if len(order) > 2 and area[order[2]] > 1.2 * area[order[1]]:
        return [found[k] for k in order[:2]]
    return []


def name_openings(rims: list[Rim], wanted: list[tuple[str, Array]], where: str) -> list[Opening]:
    """Openings with names: those the user places (nearest centre, within two radii), then the widest is the inlet, the others outlets;
    of equal ones the one at the lowest coordinates comes first."""
    names: dict[int, str] = {}
    for name, at in wanted:
        distance = [float(np.linalg.norm(rim.centre - at)) for rim in rims]
        best = int(np.argmin(distance)) if rims else -1
        if best < 0 or distance[best] > 2.0 * rims[best].radius or best in names:
            listed = "; ".join(f"({_um(rim.centre)}) um, radius {rim.radius * 1e6:.4g} um" for rim in rims) or "none"
            raise InputError(
                f"vessel.openings: {name!r} at ({_um(at)}) um belongs to no opening of {where} of its own; openings are at {listed}"
            )
        names[best] = name
    size = np.array([np.linalg.norm(rim.area) for rim in rims])
    rest = [k for k in range(len(rims)) if k not in names]
    rest.sort(key=lambda k: (-round(float(np.log(size[k])) / 0.1), *np.round(rims[k].centre * 1e9).tolist()))
    free = iter(_free_names(set(names.values()), len(rest)))
    for k in rest:
        names[k] = next(free)
    order = sorted(range(len(rims)), key=lambda k: (not names[k].startswith("inlet"), names[k]))
    return [Opening(names[k], rims[k].centre, rims[k].normal, rims[k].radius, float(size[k])) for k in order]


def _free_names(taken: set[str], count: int) -> list[str]:
    names = [] if any(name.startswith("inlet") for name in taken) else ["inlet"]
    number = 1
    while len(names) < count:
        name = "outlet" if number == 1 else f"outlet_{number}"
        number += 1
        if name not in taken:
            names.append(name)
    return names


def _border(faces: Faces) -> Faces:
    """Directed edges (E, 2) that have a face on one side only, as they run in that face."""
    directed = np.concatenate([faces[:, [0, 1]], faces[:, [1, 2]], faces[:, [2, 0]]])
    key = np.sort(directed, axis=1)
    _, inverse, count = np.unique(key, axis=0, return_inverse=True, return_counts=True)
    return directed[count[inverse.ravel()] == 1]


def _loops(border: Faces, where: str) -> list[NDArray[np.int64]]:
    """Closed walks along the border."""
    after: dict[int, int] = {}
    for start, end in border.tolist():
        if start in after:
            raise InputError(f"{where}: open rims touch each other at vertex {start}; repair the mesh there")
        after[start] = end
    loops = []
    while after:
        first = next(iter(after))
        loop, at = [first], after.pop(first)
        while at != first:
            loop.append(at)
            if at not in after:
                raise InputError(f"{where}: the open rim at vertex {at} does not close; repair the mesh there")
            at = after.pop(at)
        loops.append(np.array(loop, np.int64))
    return loops


def _neighbours(faces: Faces) -> tuple[Faces, Faces]:
    """Faces (E, 2) that share an edge, and the ends (E, 2) of those edges."""
    edges = np.sort(np.concatenate([faces[:, [0, 1]], faces[:, [1, 2]], faces[:, [2, 0]]]), axis=1)
    owner = np.tile(np.arange(len(faces)), 3)
    order = np.lexsort((edges[:, 1], edges[:, 0]))
    same = np.flatnonzero((edges[order[1:]] == edges[order[:-1]]).all(axis=1))
    return np.stack([owner[order[same]], owner[order[same + 1]]], axis=1), edges[order[same]]


def _um(point: Array) -> str:
    return ", ".join(f"{v * 1e6:.4g}" for v in point)
