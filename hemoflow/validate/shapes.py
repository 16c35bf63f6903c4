"""Vessels that validation cases need and no case file does: rooms with chosen walls and straight ducts of any cross-section."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from hemoflow.geometry.vessel import AbstractVessel

Array = NDArray[np.float64]


class Room(AbstractVessel):
    """A block from the origin to `size` (3,) m: flat walls across the axes named in `walled` ("y" is a channel, "xyz" a closed box,
    "" all space), periodic along the others."""

    def __init__(self, size: tuple[float, float, float], walled: str = "") -> None:
        self.size = np.asarray(size, float)
        self.bounds = np.stack([np.zeros(3), self.size])
        self.periodic = ("x" not in walled, "y" not in walled, "z" not in walled)
        self.description = {"source": "validation room"}

    @property
    def volume(self) -> float:
        return float(np.prod(self.size))

    def signed_distance(self, points: Array) -> Array:
        beyond = np.abs(points - 0.5 * self.size) - 0.5 * self.size
        beyond[:, np.array(self.periodic)] = -np.inf
        outside = np.linalg.norm(np.maximum(beyond, 0.0), axis=1)
        inside = np.max(beyond, axis=1)
        # A room without walls is far from them everywhere.
        return np.where(np.isfinite(inside), np.where(inside > 0.0, outside, inside), -float(self.size.max()))

    def surface(self) -> tuple[Array, NDArray[np.int64]]:
        corners = np.stack(np.meshgrid(*self.bounds.T, indexing="ij"), -1).reshape(-1, 3)
        sides = {0: ((0, 1, 3, 2), (4, 6, 7, 5)), 1: ((0, 4, 5, 1), (2, 3, 7, 6)), 2: ((0, 2, 6, 4), (1, 5, 7, 3))}
        squares = [square for axis in range(3) if not self.periodic[axis] for square in sides[axis]]
        faces = [triangle for a, b, c, d in squares for triangle in ((a, b, c), (a, c, d))]
        return corners, np.asarray(faces, np.int64).reshape(-1, 3)


@dataclass(frozen=True)
class Section:
    """A cross-section: `distance` of points (n, 2), negative inside, from its lowest to its highest corner (2, 2); `area`, `perimeter`,
    `width` (the narrowest) and the reference length `unit` of the tables."""

    distance: Callable[[Array], Array]
    corners: Array
    area: float
    perimeter: float
    width: float
    unit: float


class Duct(AbstractVessel):
    """A straight duct along x, periodic with the given length (m); its section lies in the plane of y and z."""

    periodic = (True, False, False)

    def __init__(self, section: Section, length: float) -> None:
        self.section, self.length = section, length
        low, high = section.corners
        self.bounds = np.array([[0.0, *low], [length, *high]])
        self.description = {"source": "validation duct"}

    @property
    def volume(self) -> float:
        return self.section.area * self.length

    def signed_distance(self, points: Array) -> Array:
        return self.section.distance(points[:, 1:])

    def surface(self) -> tuple[Array, NDArray[np.int64]]:
        return np.zeros((0, 3)), np.zeros((0, 3), np.int64)


def circle(radius: float) -> Section:
    """A disc; unit: its radius."""
    return Section(
        lambda p: np.hypot(p[:, 0], p[:, 1]) - radius,
        _box(radius, radius),
        np.pi * radius**2,
        2 * np.pi * radius,
        2 * radius,
        radius,
    )


def annulus(outer: float, inner: float) -> Section:
    """The ring between two circles; unit: the outer radius."""

    def distance(p: Array) -> Array:
        r = np.hypot(p[:, 0], p[:, 1])
        return np.maximum(r - outer, inner - r)

    area, perimeter = np.pi * (outer**2 - inner**2), 2 * np.pi * (outer + inner)
    return Section(distance, _box(outer, outer), area, perimeter, outer - inner, outer)


def rectangle(half_y: float, half_z: float) -> Section:
    """A rectangle; unit: half of its short side."""

    def distance(p: Array) -> Array:
        beyond = np.abs(p) - np.array([half_y, half_z])
        return np.linalg.norm(np.maximum(beyond, 0.0), axis=1) + np.minimum(beyond.max(axis=1), 0.0)

    short = min(half_y, half_z)
    return Section(distance, _box(half_y, half_z), 4 * half_y * half_z, 4 * (half_y + half_z), 2 * short, short)


def triangle(side: float) -> Section:
    """An equilateral triangle, one side along y; unit: its side."""
    inradius = side / (2.0 * np.sqrt(3.0))
    normals = np.array([[0.0, -1.0], [np.sqrt(0.75), 0.5], [-np.sqrt(0.75), 0.5]])
    corners = np.array([[-0.5 * side, -inradius], [0.5 * side, 2.0 * inradius]])
    return Section(
        lambda p: (p @ normals.T).max(axis=1) - inradius,
        corners,
        np.sqrt(0.1875) * side**2,
        3 * side,
        3 * inradius,
        side,
    )


def ellipse(along_y: float, along_z: float) -> Section:
    """An ellipse with its semi-axes along y and z; unit: the one along z."""
    from scipy.special import ellipe

    long, short = max(along_y, along_z), min(along_y, along_z)
    perimeter = 4.0 * long * float(ellipe(1.0 - (short / long) ** 2))
    return Section(
        lambda p: _ellipse_distance(p, along_y, along_z),
        _box(along_y, along_z),
        np.pi * along_y * along_z,
        perimeter,
        2 * short,
        along_z,
    )


def _box(half_y: float, half_z: float) -> Array:
    return np.array([[-half_y, -half_z], [half_y, half_z]])


def _ellipse_distance(points: Array, a: float, b: float) -> Array:
    """Signed distance to an ellipse: the nearest of many points on it, then Newton steps on its parameter."""
    p = np.abs(points)
    guesses = np.linspace(0.0, 0.5 * np.pi, 65)
    spots = np.stack([a * np.cos(guesses), b * np.sin(guesses)], axis=1)
    t = guesses[np.argmin(((p[:, None, :] - spots) ** 2).sum(-1), axis=1)]
    for _ in range(8):
        cos, sin = np.cos(t), np.sin(t)
        slope = (b * b - a * a) * sin * cos + p[:, 0] * a * sin - p[:, 1] * b * cos
        bend = (b * b - a * a) * (cos * cos - sin * sin) + p[:, 0] * a * cos + p[:, 1] * b * sin
        t = np.clip(t - slope / np.where(bend > 1e-12, bend, np.inf), 0.0, 0.5 * np.pi)
    away = np.hypot(p[:, 0] - a * np.cos(t), p[:, 1] - b * np.sin(t))
    return np.where((p[:, 0] / a) ** 2 + (p[:, 1] / b) ** 2 < 1.0, -away, away)
