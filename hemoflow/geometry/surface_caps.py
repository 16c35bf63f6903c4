"""Flat ends of a closed wall: regions in one plane with a sharp convex rim, where a tube was cut off and closed."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from scipy.sparse import csgraph

from hemoflow.geometry.surface_cut import shared_edges
from hemoflow.geometry.surface_openings import NOT_FLAT, Rim

Array = NDArray[np.float64]
Faces = NDArray[np.int64]

SAME_PLANE = np.cos(np.radians(2.0))
SHARP_RIM = np.cos(np.radians(35.0))
ROUNDEST = 2.2
"""Perimeter squared over 4 pi area up to which a flat region may be a cap: 1 for a circle, 1.27 for a square, 2 for 4:1."""

SPECK = 1e-3
"""Area of a cap, as a fraction of the largest, below which it is a flat spot of the wall."""

LEANING = 0.5
"""Largest mean cosine between the normal of a cap and those of the wall around it: 0 for a tube however obliquely cut, 0.5 for a cone
that opens or closes by 30 degrees to a side."""

CLEARLY = 1.2
"""Ratio of depths above which one of two flat regions side by side is the end, and the other a side wall."""

MOSTLY = 0.6
"""Share of caps in the surface from which on a body is no vessel."""


def flat_caps(vertices: Array, faces: Faces) -> list[tuple[Faces, Rim]]:
    """All flat, compact regions of a closed mesh with a sharp rim, behind whose plane the wall lies: (face indices, rim)."""
    a, b, c = (vertices[faces[:, k]] for k in range(3))
    vector = 0.5 * np.cross(b - a, c - a)
    size = np.linalg.norm(vector, axis=1)
    unit = vector / np.maximum(size, 1e-300)[:, None]
    pairs, edges = shared_edges(faces)
    cosine = np.einsum("ij,ij->i", unit[pairs[:, 0]], unit[pairs[:, 1]])
    flat = cosine > SAME_PLANE
    graph = sparse.csr_matrix((np.ones(int(flat.sum())), tuple(pairs[flat].T)), shape=(len(faces),) * 2)
    count, label = csgraph.connected_components(graph, directed=False)
    rim = label[pairs[:, 0]] != label[pairs[:, 1]]
    length = np.linalg.norm(vertices[edges[rim, 0]] - vertices[edges[rim, 1]], axis=1)
    regions = np.concatenate([label[pairs[rim, 0]], label[pairs[rim, 1]]])
    perimeter = np.bincount(regions, np.tile(length, 2), count)
    soft = np.bincount(regions, np.tile(length * (cosine[rim] > SHARP_RIM), 2), count)
    lean = np.bincount(regions, np.tile(length * cosine[rim], 2), count)
    area = np.stack([np.bincount(label, vector[:, k], count) for k in range(3)], axis=1)
    total = np.bincount(label, size, count)
    with np.errstate(divide="ignore", invalid="ignore"):
        good = (np.linalg.norm(area, axis=1) > 0.999 * total) & (soft <= 0.02 * perimeter) & (perimeter > 0)
        good &= (perimeter**2 / (4.0 * np.pi * total) < ROUNDEST) & (np.abs(lean) < LEANING * perimeter)
    found = []
    for k in np.flatnonzero(good & (total >= SPECK * total[good].max(initial=0.0))):
        mine = np.flatnonzero(label == k)
        cap = _cap(vertices, faces, mine, area[k])
        across = pairs[rim][(label[pairs[rim]] == k).any(axis=1)]
        around = np.setdiff1d(across, mine)
        behind = (vertices[faces[around]] - cap.centre) @ cap.normal
        if cap.off < NOT_FLAT * cap.radius and behind.max() < 2.0 * NOT_FLAT * cap.radius:
            found.append((mine, cap))
    return found


def _cap(vertices: Array, faces: Faces, mine: Faces, area: Array) -> Rim:
    corners = vertices[faces[mine]]
    size = np.linalg.norm(np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0]), axis=1)
    centre = np.average(corners.mean(axis=1), axis=0, weights=size)
    return Rim.measured(faces[mine], area, centre, corners.reshape(-1, 3))


def ends_only(
    vertices: Array, faces: Faces, found: list[tuple[Faces, Rim]], rims: list[Rim]
) -> list[tuple[Faces, Rim]]:
    """Those of the flat regions that end a vessel, of which a box or a channel has more than it has ends.

    Of regions that share an edge, and of one beside an open rim, only that from which one sees clearly further into the lumen is an
    end. A body that is flat caps for the most part is a cavity and has none.
    """
    kept = []
    for mine, cap in found:
        beside = [other for other in rims if _touch(cap, other)]
        rivals = [other for _, other in found if other is not cap and _touch(cap, other)]
        depth = _depth(vertices, faces, cap) if rivals else 0.0
        if not beside and all(depth > CLEARLY * _depth(vertices, faces, other) for other in rivals):
            kept.append((mine, cap))
    a, b, c = (vertices[faces[:, k]] for k in range(3))
    wall = 0.5 * float(np.linalg.norm(np.cross(b - a, c - a), axis=1).sum())
    area = sum(float(np.linalg.norm(cap.area)) for _, cap in kept)
    return kept if area < MOSTLY * (wall + sum(float(np.linalg.norm(rim.area)) for rim in rims)) else []


def _touch(one: Rim, other: Rim) -> bool:
    return len(np.intersect1d(one.cap, other.cap)) > 1


def _depth(vertices: Array, faces: Faces, cap: Rim) -> float:
    """How far (m) it is from the middle of a cap straight into the lumen to the wall, infinite where there is none."""
    start, ray = cap.centre, -cap.normal
    a, b, c = (vertices[faces[:, k]] for k in range(3))
    across = np.cross(ray, c - a)
    with np.errstate(divide="ignore", invalid="ignore"):
        scale = 1.0 / np.einsum("ij,ij->i", b - a, across)
        u = scale * np.einsum("ij,ij->i", start - a, across)
        turned = np.cross(start - a, b - a)
        v = scale * (turned @ ray)
        far = scale * np.einsum("ij,ij->i", c - a, turned)
        hit = (u >= 0) & (v >= 0) & (u + v <= 1) & (far > 1e-3 * cap.radius)
    return float(np.min(far[hit], initial=np.inf))
