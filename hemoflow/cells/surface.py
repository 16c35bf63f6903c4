"""Closed triangulated surfaces of cells: template shapes, their size and their orientation. Host side, NumPy, float64.

Faces are oriented so that their normals point out of the cell. A length is in whatever unit the vertices are in.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from hemoflow.errors import InputError

Floats = NDArray[np.float64]
Integers = NDArray[np.int32]

EVANS_FUNG = (0.207161, 2.002558, -1.122762)
"""Coefficients C0, C1, C2 of the full thickness over the radius of a resting red cell (Evans and Fung 1972)."""


@dataclass(frozen=True)
class Surface:
    """A triangulated surface: `vertices` (V, 3) and `faces` (F, 3), corners anticlockwise seen from outside."""

    vertices: Floats
    faces: Integers

    def scaled(self, factor: float) -> Surface:
        """The same surface with all lengths multiplied by `factor`."""
        return Surface(self.vertices * factor, self.faces)


def icosphere(frequency: int, radius: float = 1.0) -> Surface:
    """A sphere from an icosahedron whose edges are cut in `frequency` equal parts, the points then pushed out to the
    sphere.

    It has 10 n^2 + 2 vertices and 20 n^2 faces. Its vertices lie on the sphere, so that area and volume are slightly
    too small (0.5 % and 0.9 % at n = 8). Raises InputError when frequency < 1 or radius <= 0.
    """
    if frequency < 1 or not radius > 0.0:
        raise InputError(f"icosphere: frequency {frequency} must be at least 1 and radius {radius} positive")
    corners, triangles = _icosahedron()
    parts, small = _subdivided_triangle(frequency)
    mixture = np.zeros((len(triangles), len(parts), 12), dtype=np.int64)
    for k, triangle in enumerate(triangles):
        mixture[k][:, triangle] = parts
    faces = np.concatenate([small + k * len(parts) for k in range(len(triangles))])
    unique, inverse = np.unique(mixture.reshape(-1, 12), axis=0, return_inverse=True)
    points = unique @ corners
    points /= np.linalg.norm(points, axis=1, keepdims=True)
    return Surface(radius * points, inverse.reshape(-1)[faces].astype(np.int32))


def frequency_for(vertices: int) -> int:
    """Frequency of the coarsest icosphere that has at least this many vertices."""
    return max(1, math.ceil(math.sqrt(max(vertices - 2, 0) / 10.0) - 1e-12))


def spheroid(frequency: int, semi_axes: tuple[float, float, float]) -> Surface:
    """An ellipsoid with the given semi-axes along x, y, z: an icosphere stretched."""
    if min(semi_axes) <= 0.0:
        raise InputError(f"spheroid: the semi-axes {semi_axes} must be positive")
    sphere = icosphere(frequency)
    return Surface(sphere.vertices * np.asarray(semi_axes, dtype=np.float64), sphere.faces)


def discocyte(frequency: int, radius: float = 1.0) -> Surface:
    """A resting red cell of the given radius, flat in z: the biconcave shape of Evans and Fung 1972.

    Half thickness z(r) = R/2 sqrt(1 - s) (C0 + C1 s + C2 s^2), s = (r/R)^2. The points of an icosphere are first
    moved along their meridians so that they lie evenly along the profile, which keeps the triangles well shaped at
    the rim.
    """
    sphere = icosphere(frequency).vertices
    polar = np.arccos(np.clip(sphere[:, 2], -1.0, 1.0))
    parameter = np.interp(polar, *_meridian())
    in_plane = np.maximum(np.hypot(sphere[:, 0], sphere[:, 1]), 1e-300)
    r, z = _discocyte_profile(parameter)
    vertices = np.stack([r * sphere[:, 0] / in_plane, r * sphere[:, 1] / in_plane, z], axis=1)
    return Surface(radius * vertices, icosphere(frequency).faces)


def _discocyte_profile(parameter: Floats) -> tuple[Floats, Floats]:
    """Distance from the axis and height over the radius, for an angle of 0 (upper pole) to pi (lower pole)."""
    r, c = np.sin(parameter), np.cos(parameter)
    s = r * r
    return r, 0.5 * c * (EVANS_FUNG[0] + EVANS_FUNG[1] * s + EVANS_FUNG[2] * s * s)


def _meridian() -> tuple[Floats, Floats]:
    """Polar angle on the sphere against profile parameter, such that equal areas of sphere and cell correspond."""
    parameter = np.linspace(0.0, math.pi, 20001)
    r, z = _discocyte_profile(parameter)
    band = 0.5 * (r[1:] + r[:-1]) * np.hypot(np.diff(r), np.diff(z))
    area = np.concatenate([[0.0], np.cumsum(band)])
    return np.arccos(np.clip(1.0 - 2.0 * area / area[-1], -1.0, 1.0)), parameter


def _icosahedron() -> tuple[Floats, NDArray[np.int64]]:
    g = (1.0 + math.sqrt(5.0)) / 2.0
    points = [(s, t * g, 0.0) for s in (-1.0, 1.0) for t in (-1.0, 1.0)]
    corners = np.array([p[k:] + p[:k] for k in range(3) for p in points])
    distance = np.linalg.norm(corners[:, None] - corners[None], axis=2)
    close = np.abs(distance - 2.0) < 1e-9
    triangles = []
    for i in range(12):
        for j in range(i + 1, 12):
            for k in range(j + 1, 12):
                if close[i, j] and close[j, k] and close[i, k]:
                    outward = np.linalg.det(corners[[i, j, k]]) > 0.0
                    triangles.append((i, j, k) if outward else (i, k, j))
    return corners, np.array(triangles)


def _subdivided_triangle(n: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Barycentric weights, in n-ths, of the (n+1)(n+2)/2 points of a triangle cut n times, and its n^2 parts."""
    index: dict[tuple[int, int], int] = {}
    parts: list[tuple[int, int, int]] = []
    for i in range(n + 1):
        for j in range(n + 1 - i):
            index[i, j] = len(parts)
            parts.append((n - i - j, i, j))
    small = []
    for i in range(n):
        for j in range(n - i):
            small.append((index[i, j], index[i + 1, j], index[i, j + 1]))
            if i + j < n - 1:
                small.append((index[i + 1, j], index[i + 1, j + 1], index[i, j + 1]))
    return np.array(parts), np.array(small)


def area_vectors(vertices: ArrayLike, faces: ArrayLike) -> Floats:
    """Outward normal times area of every face, (F, 3)."""
    a, b, c = np.moveaxis(np.asarray(vertices, dtype=np.float64)[np.asarray(faces)], 1, 0)
    return 0.5 * np.cross(b - a, c - a)


def face_areas(vertices: ArrayLike, faces: ArrayLike) -> Floats:
    """Area of every face, (F,)."""
    return np.asarray(np.linalg.norm(area_vectors(vertices, faces), axis=1))


def area(vertices: ArrayLike, faces: ArrayLike) -> float:
    """Area of the surface."""
    return float(face_areas(vertices, faces).sum())


def volume(vertices: ArrayLike, faces: ArrayLike) -> float:
    """Volume enclosed by a closed surface, positive when its faces look outward."""
    x = np.asarray(vertices, dtype=np.float64)
    a, b, c = np.moveaxis((x - x.mean(axis=0))[np.asarray(faces)], 1, 0)
    return float(np.einsum("fi,fi->", a, np.cross(b, c)) / 6.0)


def vertex_normals(vertices: ArrayLike, faces: ArrayLike) -> Floats:
    """Unit outward normal at every vertex, (V, 3): along the change of volume when the vertex moves."""
    f = np.asarray(faces)
    normals = np.zeros(np.shape(vertices))
    vectors = area_vectors(vertices, f)
    for corner in range(3):
        np.add.at(normals, f[:, corner], vectors)
    return normals / np.linalg.norm(normals, axis=1, keepdims=True)


def reduced_volume(vertices: ArrayLike, faces: ArrayLike) -> float:
    """Volume over that of the sphere of equal area: 1 for a sphere, 0.64 for a red cell."""
    return volume(vertices, faces) / (4.0 * math.pi / 3.0 * (area(vertices, faces) / (4.0 * math.pi)) ** 1.5)
