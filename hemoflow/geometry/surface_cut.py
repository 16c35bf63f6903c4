"""Cutting the end off a triangulated wall by a plane, only there and not where the plane meets the vessel elsewhere."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from scipy.sparse import csgraph

Array = NDArray[np.float64]
Faces = NDArray[np.int64]

ON_PLANE = 1e-7
"""Vertices closer to a cutting plane than this fraction of the mesh's size count as just behind it, so that no cut piece collapses."""

DIRECTIONS = 150
REFINEMENTS = (0.12, 0.04, 0.013)
"""Directions tried for the plane of the smallest section, and the spreads (rad) of those tried around the best one."""


def shared_edges(faces: Faces) -> tuple[Faces, Faces]:
    """Faces (E, 2) that share an edge, and the ends (E, 2) of those edges."""
    edges = np.sort(np.concatenate([faces[:, [0, 1]], faces[:, [1, 2]], faces[:, [2, 0]]]), axis=1)
    owner = np.tile(np.arange(len(faces)), 3)
    order = np.lexsort((edges[:, 1], edges[:, 0]))
    same = np.flatnonzero((edges[order[1:]] == edges[order[:-1]]).all(axis=1))
    return np.stack([owner[order[same]], owner[order[same + 1]]], axis=1), edges[order[same]]


def height_above(vertices: Array, origin: Array, normal: Array) -> Array:
    """Signed distance (V,) of vertices from a plane, never zero."""
    height = (vertices - origin) @ normal
    least = ON_PLANE * float(np.linalg.norm(np.ptp(vertices, axis=0)))
    return np.where(np.abs(height) < least, -least, height)


def beyond(faces: Faces, height: Array, seeds: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Which faces (F,) reach above the plane in one piece with those of the `seeds` (F,) that do."""
    above = height > 0
    reach = above[faces].any(axis=1)
    pairs, edges = shared_edges(faces)
    link = pairs[above[edges].any(axis=1)]
    graph = sparse.csr_matrix((np.ones(len(link)), tuple(link.T)), shape=(len(faces),) * 2)
    _, label = csgraph.connected_components(graph, directed=False)
    return np.asarray(reach & np.isin(label, label[seeds & reach]))


def clip(vertices: Array, faces: Faces, height: Array, piece: NDArray[np.bool_]) -> tuple[Array, Faces]:
    """The mesh without what of the faces in `piece` (F,) lies above the plane; cut points are appended to the vertices."""
    above = height > 0
    corners = above[faces].sum(axis=1)
    crossing = np.flatnonzero(piece & (corners > 0) & (corners < 3))
    one_above = corners[crossing] == 1
    ends, down, up = _crossed_edges(height, faces[crossing])
    low, high = height[ends[:, 0]], height[ends[:, 1]]
    part = (low / (low - high))[:, None]
    cut = vertices[ends[:, 0]] + part * (vertices[ends[:, 1]] - vertices[ends[:, 0]])
    a, b, c = _odd_first(above, faces[crossing])
    ab, ac = np.where(one_above, down, up) + len(vertices), np.where(one_above, up, down) + len(vertices)
    kept = [faces[~piece | (corners == 0)]]
    kept += [np.stack(t, 1)[one_above] for t in ((ab, b, c), (ab, c, ac))]
    kept += [np.stack((a, ab, ac), 1)[~one_above]]
    joined = np.concatenate(kept)
    used, inverse = np.unique(joined, return_inverse=True)
    return np.concatenate([vertices, cut])[used], inverse.reshape(joined.shape).astype(np.int64)


def cut_at(vertices: Array, faces: Faces, at: Array, keep: NDArray[np.bool_]) -> tuple[Array, Faces] | None:
    """Cut a blind end off by the plane through `at` (3,) with the smallest section; the smaller side goes.

    None where no closed section lies around the place, or the part to go is no end: it holds faces of `keep` (F,), which belong to
    openings, or is connected to the other side.
    """
    normal = _smallest_section(vertices, faces, at)
    if normal is None:
        return None
    best: tuple[float, Array, NDArray[np.bool_]] | None = None
    for direction in (normal, -normal):
        height = height_above(vertices, at, direction)
        around = _sections(vertices, faces, at, direction)[1]
        piece = beyond(faces, height, around)
        size = float(_areas(vertices, faces[piece]).sum())
        if (piece & keep).any() or (_crosses(height, faces) & piece & ~around).any():
            continue
        if best is None or size < best[0]:
            best = size, height, piece
    if best is None or best[0] > 0.5 * float(_areas(vertices, faces).sum()):
        return None
    return clip(vertices, faces, best[1], best[2])


def _odd_first(above: NDArray[np.bool_], faces: Faces) -> tuple[Faces, Faces, Faces]:
    """Corners of faces that cross a plane, turned so that the one alone on its side comes first."""
    mine = above[faces]
    odd = np.argmax(mine == (mine.sum(axis=1) == 1)[:, None], axis=1)
    a, b, c = (faces[np.arange(len(faces)), (odd + k) % 3] for k in range(3))
    return a, b, c


def _crossed_edges(height: Array, faces: Faces) -> tuple[Faces, Faces, Faces]:
    """Edges (E, 2) that cross the plane, and for each of the crossing faces the one on which its rim goes down through the plane and the
    one on which it comes up."""
    above = height > 0
    a, b, c = _odd_first(above, faces)
    ends = np.sort(np.concatenate([np.stack([a, b], 1), np.stack([a, c], 1)]), axis=1)
    ends, place = np.unique(ends, axis=0, return_inverse=True)
    ab, ac = np.split(place.ravel(), 2)
    one_above = above[faces].sum(axis=1) == 1
    return ends, np.where(one_above, ab, ac), np.where(one_above, ac, ab)


def _areas(vertices: Array, faces: Faces) -> Array:
    a, b, c = (vertices[faces[:, k]] for k in range(3))
    return np.asarray(0.5 * np.linalg.norm(np.cross(b - a, c - a), axis=1))


def _crosses(height: Array, faces: Faces) -> NDArray[np.bool_]:
    above = (height > 0)[faces].sum(axis=1)
    return np.asarray((above > 0) & (above < 3))


def _smallest_section(vertices: Array, faces: Faces, at: Array) -> Array | None:
    """Unit normal of the plane through a place whose section around it is smallest, or None where there is none."""
    k = np.arange(DIRECTIONS) + 0.5
    turn, rise = np.pi * (1 + 5**0.5) * k, 1 - k / DIRECTIONS
    across = np.sqrt(1 - rise**2)
    tried = np.stack([across * np.cos(turn), across * np.sin(turn), rise], axis=1)
    best, least = None, np.inf
    random = np.random.default_rng(0)
    for spread in (0.0, *REFINEMENTS):
        if spread and best is not None:
            tried = best + spread * random.normal(size=(30, 3))
            tried /= np.linalg.norm(tried, axis=1)[:, None]
        for normal in tried:
            area = _sections(vertices, faces, at, normal)[0]
            if area < least:
                best, least = normal, area
    return best


def _sections(vertices: Array, faces: Faces, at: Array, normal: Array) -> tuple[float, NDArray[np.bool_]]:
    """Area of the closed section of the wall by a plane around a point of it (inf: none), and the faces (F,) it passes through."""
    height = height_above(vertices, at, normal)
    mine = np.flatnonzero(_crosses(height, faces))
    chosen = np.zeros(len(faces), bool)
    if not len(mine):
        return np.inf, chosen
    ends, first, second = _crossed_edges(height, faces[mine])
    low, high = height[ends[:, 0]], height[ends[:, 1]]
    points = vertices[ends[:, 0]] + (low / (low - high))[:, None] * (vertices[ends[:, 1]] - vertices[ends[:, 0]]) - at
    u = np.cross(normal, np.eye(3)[int(np.argmin(np.abs(normal)))])
    u /= np.linalg.norm(u)
    flat = points @ np.stack([u, np.cross(normal, u)], axis=1)
    p, q = flat[first], flat[second]
    twice = p[:, 0] * q[:, 1] - p[:, 1] * q[:, 0]
    angle = np.arctan2(twice, (p * q).sum(axis=1))
    graph = sparse.csr_matrix((np.ones(len(mine)), (first, second)), shape=(len(ends),) * 2)
    count, label = csgraph.connected_components(graph, directed=False)
    group = label[first]
    uses = np.bincount(np.concatenate([first, second]), minlength=len(ends))
    closed = np.bincount(label[uses != 2], minlength=count) == 0
    around = closed & (np.abs(np.bincount(group, angle, count)) > np.pi)
    if not around.any():
        return np.inf, chosen
    area = np.where(around, np.abs(np.bincount(group, 0.5 * twice, count)), np.inf)
    best = int(np.argmin(area))
    chosen[mine[group == best]] = True
    return float(area[best]), chosen
