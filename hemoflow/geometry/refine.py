"""Triangles made smaller, and the normals and areas of the vertices of a triangulated surface."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
Faces = NDArray[np.int64]

SPLITS = {
    0: ((0, 1, 2),),
    1: ((0, 3, 2), (3, 1, 2)),
    2: ((1, 4, 0), (4, 2, 0)),
    4: ((2, 5, 1), (5, 0, 1)),
    3: ((3, 1, 4), (0, 3, 4), (0, 4, 2)),
    6: ((4, 2, 5), (1, 4, 5), (1, 5, 0)),
    5: ((5, 0, 3), (2, 5, 3), (2, 3, 1)),
    7: ((0, 3, 5), (3, 1, 4), (5, 4, 2), (3, 4, 5)),
}
"""The parts of a triangle 0 1 2 by which of its sides are halved (bits: 01, 12, 20), at the points 3, 4 and 5."""


def refined(vertices: Array, faces: Faces, longest: float) -> tuple[Array, Faces]:
    """The same surface with no edge longer than `longest`: longer ones are halved until none is left. Old vertices keep their numbers."""
    while True:
        sides = np.sort(np.stack([faces, np.roll(faces, -1, axis=1)], axis=2), axis=2)
        edges, which = np.unique(sides.reshape(-1, 2), axis=0, return_inverse=True)
        long = np.linalg.norm(vertices[edges[:, 0]] - vertices[edges[:, 1]], axis=1) > longest
        if not long.any():
            return vertices, faces
        middle = np.where(long, len(vertices) + np.cumsum(long) - 1, -1)[which.reshape(-1, 3)]
        points = np.concatenate([faces, middle], axis=1)
        split = ((middle >= 0) * [1, 2, 4]).sum(axis=1)
        faces = np.concatenate(
            [points[split == kind][:, part] for kind, parts in SPLITS.items() for part in parts], dtype=np.int64
        )
        vertices = np.concatenate([vertices, vertices[edges[long]].mean(axis=1)])


def vertex_normals(vertices: Array, faces: Faces) -> Array:
    """Unit normals (V, 3): the mean of those of the faces around, weighted by area; zero where there is none."""
    normal = _at_vertices(len(vertices), faces, _twice_area(vertices, faces))
    return normal / np.maximum(np.linalg.norm(normal, axis=1, keepdims=True), 1e-300)


def vertex_areas(vertices: Array, faces: Faces) -> Array:
    """Area (V,) that belongs to each vertex: a third of the faces around."""
    size = np.linalg.norm(_twice_area(vertices, faces), axis=1, keepdims=True)
    return _at_vertices(len(vertices), faces, size)[:, 0] / 6.0


def _twice_area(vertices: Array, faces: Faces) -> Array:
    a, b, c = (vertices[faces[:, k]] for k in range(3))
    return np.cross(b - a, c - a)


def _at_vertices(count: int, faces: Faces, values: Array) -> Array:
    """Sum (V, k) of the values (F, k) of the faces around each vertex."""
    corners = faces.ravel()
    return np.stack([np.bincount(corners, np.repeat(values[:, k], 3), count) for k in range(values.shape[1])], axis=1)
