"""The triangulated zero level of a signed distance: surface nets on the cells near the wall, and cutting it at planes."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from hemoflow.geometry.vessel import Opening

Array = NDArray[np.float64]
Faces = NDArray[np.int64]
Distance = Callable[[Array], Array]

BLOCK = 8
"""Cells along the side of a block; only blocks that the wall can cross are sampled."""

SHIFTS = ([0.0, 0.0, 0.0], [0.5, 0.5, 0.5], [0.25, 0.6, 0.4], [0.7, 0.3, 0.8])
"""Where the grid starts, in spacings: where a wall grazes a grid plane the net can branch, and another start avoids it."""

LARGE = 100_000
"""A net with more faces is not tried again: walls that truly touch branch on every grid."""

CORNERS = np.stack(np.meshgrid([0, 1], [0, 1], [0, 1], indexing="ij"), -1).reshape(-1, 3)
SIDES = [(a, b) for a in range(8) for b in range(a + 1, 8) if np.abs(CORNERS[a] - CORNERS[b]).sum() == 1]


def isosurface(distance: Distance, box: Array, spacing: float) -> tuple[Array, Faces]:
    """Triangles where `distance` (m, negative inside, at most 1-Lipschitz) is zero: vertices (V, 3) m, faces (F, 3).

    One vertex per cell of the grid over `box` (2, 3) that the surface crosses, pulled onto the surface; normals point
    out of the lumen; every edge belongs to two faces unless walls touch. The surface must not reach the box.
    Source: S. Gibson, Constrained elastic surface nets, MICCAI 1998; here each vertex is pulled onto the surface itself.
    """
    best: tuple[Array, Faces] | None = None
    fewest = -1
    for shift in SHIFTS:
        moved = box - spacing * np.array([shift, [0.0] * 3])
        vertices, faces = _net(distance, moved, spacing)
        branched = _branched_edges(faces)
        if best is None or branched < fewest:
            best, fewest = (vertices, faces), branched
        if not branched or len(faces) > LARGE:
            break
    assert best is not None
    return best


def _net(distance: Distance, box: Array, spacing: float) -> tuple[Array, Faces]:
    """The surface net on the grid that starts at the lower corner of `box`."""
    cells, values, shape = _crossed_cells(distance, box, spacing)
    if not len(cells):
        return np.zeros((0, 3)), np.zeros((0, 3), np.int64)
    vertices = box[0] + spacing * (cells + _crossing_centre(values))
    for _ in range(2):
        vertices = _pulled(distance, vertices, spacing)
    faces = _faces(cells, values, shape, vertices)
    for _ in range(2):
        vertices = _pulled(distance, _smoothed(vertices, faces), spacing)
    return _pulled(distance, vertices, spacing), faces


def clip(vertices: Array, faces: Faces, opening: Opening, spacing: float) -> tuple[Array, Faces]:
    """The triangles on the lumen side of the plane of an opening; those that cross it are cut along it.

    Only faces within twice the opening's radius of its centre are touched: other pipes may pass beyond the plane.
    Vertices within 0.3 `spacing` of the plane slide onto it first, so that no sliver is left.
    """
    offset = vertices - opening.centre
    height = offset @ opening.normal
    near = np.einsum("ij,ij->i", offset, offset) < (2.0 * opening.radius + 4 * spacing) ** 2
    slide = near & (np.abs(height) < 0.3 * spacing)
    vertices = np.where(slide[:, None], vertices - height[:, None] * opening.normal, vertices)
    height = np.where(slide, 0.0, height)
    beyond = near & (height > 0)
    count = beyond[faces].sum(axis=1)
    on_plane = (height[faces] >= 0).all(axis=1) & near[faces].all(axis=1)
    whole = faces[(count == 0) & ~on_plane]
    crossing = faces[(count > 0) & (count < 3) & ~on_plane]
    vertices, pieces = _cut_faces(vertices, crossing, beyond, height)
    return _compact(vertices, np.concatenate([whole, pieces]))


def _cut_faces(vertices: Array, faces: Faces, beyond: NDArray[np.bool_], height: Array) -> tuple[Array, Faces]:
    """The lumen-side parts of faces with one or two vertices beyond the plane, and the vertices with those on it added."""
    if not len(faces):
        return vertices, faces
    one_beyond = beyond[faces].sum(axis=1) == 1
    odd = np.where(one_beyond, np.argmax(beyond[faces], axis=1), np.argmin(beyond[faces], axis=1))
    a, b, c = (np.take_along_axis(faces, ((odd + k) % 3)[:, None], axis=1)[:, 0] for k in range(3))
    pairs = np.sort(np.concatenate([np.stack([a, b], 1), np.stack([a, c], 1)]), axis=1)
    edges, which = np.unique(pairs, axis=0, return_inverse=True)
    h0, h1 = height[edges[:, 0]], height[edges[:, 1]]
    share = np.clip(h0 / np.where(h0 != h1, h0 - h1, 1.0), 0.0, 1.0)[:, None]
    added = (1 - share) * vertices[edges[:, 0]] + share * vertices[edges[:, 1]]
    on_ab, on_ac = len(vertices) + which.ravel()[: len(a)], len(vertices) + which.ravel()[len(a) :]
    kept = np.concatenate(
        [
            np.stack([a, on_ab, on_ac], 1)[~one_beyond],
            np.stack([on_ab, b, c], 1)[one_beyond],
            np.stack([on_ab, c, on_ac], 1)[one_beyond],
        ]
    )
    merged = _merged_ends(np.concatenate([vertices, added]), edges, share[:, 0], len(vertices))
    return np.concatenate([vertices, added]), _without_empty(merged[kept])


def _merged_ends(vertices: Array, edges: Faces, share: Array, first: int) -> Faces:
    """New vertices that fall onto an end of their edge (which lies in the plane) become that end."""
    target = np.arange(len(vertices))
    target[first:] = np.where(share <= 0, edges[:, 0], np.where(share >= 1, edges[:, 1], target[first:]))
    return target


def _without_empty(faces: Faces) -> Faces:
    a, b, c = faces.T
    return faces[(a != b) & (b != c) & (a != c)]


def _compact(vertices: Array, faces: Faces) -> tuple[Array, Faces]:
    used, renumbered = np.unique(faces, return_inverse=True)
    return vertices[used], renumbered.reshape(faces.shape)


def _crossed_cells(distance: Distance, box: Array, spacing: float) -> tuple[Faces, Array, tuple[int, int, int]]:
    """Cells (C, 3) whose corners (C, 8) differ in sign, in lexical order, and the shape of the grid of cells."""
    count = np.maximum(np.ceil((box[1] - box[0]) / (spacing * BLOCK)).astype(int), 1)
    blocks = np.stack(np.meshgrid(*(np.arange(n) for n in count), indexing="ij"), -1).reshape(-1, 3)
    centres = box[0] + spacing * BLOCK * (blocks + 0.5)
    blocks = blocks[np.abs(distance(centres)) <= 0.5 * np.sqrt(3) * BLOCK * spacing * (1 + 1e-9)]
    lattice = np.stack(np.meshgrid(*(np.arange(BLOCK + 1),) * 3, indexing="ij"), -1).reshape(-1, 3)
    found, corner_values = [], []
    for start in range(0, len(blocks), 256):
        some = blocks[start : start + 256]
        nodes = (BLOCK * some[:, None] + lattice).reshape(-1, 3)
        values = distance(box[0] + spacing * nodes).reshape(len(some), *(BLOCK + 1,) * 3)
        corners = np.stack([values[:, a : BLOCK + a, b : BLOCK + b, c : BLOCK + c] for a, b, c in CORNERS], axis=-1)
        inside = (corners < 0).sum(axis=-1)
        at = np.argwhere((inside > 0) & (inside < 8))
        found.append(BLOCK * some[at[:, 0]] + at[:, 1:])
        corner_values.append(corners[tuple(at.T)])
    shape = (int(count[0]) * BLOCK, int(count[1]) * BLOCK, int(count[2]) * BLOCK)
    if not found:
        return np.zeros((0, 3), np.int64), np.zeros((0, 8)), shape
    cells, values = np.concatenate(found), np.concatenate(corner_values)
    order = np.argsort(_keys(cells, shape))
    return cells[order], values[order], shape


def _crossing_centre(values: Array) -> Array:
    """Mean place (C, 3), in cells, of the points where the surface crosses the sides of each cell."""
    total, number = np.zeros((len(values), 3)), np.zeros(len(values))
    for a, b in SIDES:
        va, vb = values[:, a], values[:, b]
        crosses = (va < 0) != (vb < 0)
        share = np.where(crosses, va / np.where(crosses, va - vb, 1.0), 0.0)[:, None]
        total += np.where(crosses[:, None], (1 - share) * CORNERS[a] + share * CORNERS[b], 0.0)
        number += crosses
    return total / np.maximum(number, 1)[:, None]


def _pulled(distance: Distance, vertices: Array, spacing: float) -> Array:
    """The vertices after one step along the gradient towards the surface, at most half a cell far."""
    step = 0.02 * spacing
    value = distance(vertices)
    gradient = np.stack(
        [(distance(vertices + e) - distance(vertices - e)) / (2 * step) for e in step * np.eye(3)], axis=1
    )
    size = np.maximum(np.einsum("ij,ij->i", gradient, gradient), 0.25)
    move = np.clip(value / size, -0.5 * spacing, 0.5 * spacing)
    return vertices - move[:, None] * gradient


def _branched_edges(faces: Faces) -> int:
    """How many edges belong to more than two faces."""
    edges = np.sort(faces[:, [0, 1, 1, 2, 2, 0]].reshape(-1, 2), axis=1)
    return int((np.unique(edges, axis=0, return_counts=True)[1] > 2).sum())


def _smoothed(vertices: Array, faces: Faces) -> Array:
    """Every vertex half-way to the mean of its neighbours, so that the triangles become even."""
    ends, others = faces[:, [0, 1, 2, 1, 2, 0]].ravel(), faces[:, [1, 2, 0, 0, 1, 2]].ravel()
    number = np.maximum(np.bincount(ends, minlength=len(vertices)), 1)
    mean = np.stack([np.bincount(ends, vertices[others, k], len(vertices)) for k in range(3)], axis=1) / number[:, None]
    return 0.5 * (vertices + mean)


def _faces(cells: Faces, values: Array, shape: tuple[int, int, int], vertices: Array) -> Faces:
    """Two triangles around every side of the grid that the surface crosses, cut along the shorter diagonal."""
    key = _keys(cells, shape)
    found = []
    for axis in range(3):
        second = values[:, (4, 2, 1)[axis]]
        inside, outside = values[:, 0] < 0, second < 0
        owner = np.flatnonzero(inside != outside)
        u, v = np.eye(3, dtype=np.int64)[(axis + 1) % 3], np.eye(3, dtype=np.int64)[(axis + 2) % 3]
        around = [cells[owner], cells[owner] - u, cells[owner] - u - v, cells[owner] - v]
        quad = np.stack([np.searchsorted(key, _keys(cell, shape)) for cell in around], axis=1)
        # From inside to outside along the axis the quad turns counter-clockwise seen from outside.
        quad = np.where((inside[owner])[:, None], quad, quad[:, ::-1])
        found.append(quad)
    quads = np.concatenate(found)
    p = vertices[quads]
    diagonals = np.linalg.norm(p[:, :2] - p[:, 2:], axis=2)
    # Equal diagonals are common on a grid: rounding must not choose between them.
    first = diagonals[:, 0] <= diagonals[:, 1] + 1e-6 * diagonals.sum(axis=1)
    split = np.where(first[:, None], quads, np.roll(quads, -1, axis=1))
    return np.concatenate([split[:, [0, 1, 2]], split[:, [0, 2, 3]]])


def _keys(cells: Faces, shape: tuple[int, int, int]) -> Faces:
    return (cells[:, 0] * shape[1] + cells[:, 1]) * shape[2] + cells[:, 2]
