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


def ends_only(found: list[tuple[Faces, Rim]], surface: float) -> list[tuple[Faces, Rim]]:
    """Without the sides of a box or a channel, where nearly everything of `surface` (m^2) is flat: its ends are the smallest two, when
    they are smaller than the rest; else it is a cavity and has none."""
    area = np.array([np.linalg.norm(rim.area) for _, rim in found])
    if area.sum() < 0.6 * surface:
        return found
    order = np.argsort(area)
    if len(order) > 2 and area[order[2]] > 1.2 * area[order[1]]:
        return [found[k] for k in order[:2]]
    return []
