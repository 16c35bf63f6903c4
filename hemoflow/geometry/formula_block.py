"""Vessels with flat walls: channels and boxes, and rectangular channels whose width and height change along x."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from hemoflow.geometry.formula_curve import Polyline
from hemoflow.geometry.vessel import AbstractVessel, Opening

Array = NDArray[np.float64]
Profile = Callable[[Array], Array]

SAMPLES = 4000
"""Points that stand for a smooth wall profile."""


class BlockVessel(AbstractVessel):
    """A box of `size` (3,) m, x from 0, y and z centred. `walled` says along which axes its two faces are wall.

    An axis is walled, periodic, or open; the open one can only be x, with the inlet at x = 0. With nothing walled there
    is no wall at all and the distance is minus the largest extent everywhere inside.
    """

    def __init__(self, size: Array, walled: tuple[bool, bool, bool], periodic: tuple[bool, bool, bool]):
        self.size, self.walled, self.periodic = np.asarray(size, float), walled, periodic
        half = 0.5 * self.size
        self.bounds = np.array([[0.0, -half[1], -half[2]], [self.size[0], half[1], half[2]]])
        if not walled[0] and not periodic[0]:
            area = float(self.size[1] * self.size[2])
            radius = float(np.sqrt(area / np.pi))
            self.openings = tuple(
                Opening(name, np.array([end, 0.0, 0.0]), np.array([sign, 0.0, 0.0]), radius, area)
                for name, end, sign in (("inlet", 0.0, -1.0), ("outlet", self.size[0], 1.0))
            )
        self.description = {}

    @property
    def volume(self) -> float:
        """Volume of the lumen in m^3."""
        return float(np.prod(self.size))

    def signed_distance(self, points: Array) -> Array:
        """Distance (n,) in m from points (n, 3) to the wall, negative inside; open and periodic faces are no wall."""
        points = np.asarray(points, float)
        centre, half = self.bounds.mean(axis=0), 0.5 * self.size
        beyond = np.abs(points - centre) - half
        walled = np.array(self.walled)
        depth = np.max(np.where(walled, beyond, -np.inf), axis=1) if walled.any() else np.full(len(points), -np.inf)
        away = np.where(np.array(self.periodic), 0.0, np.maximum(beyond, 0.0))
        outside = np.linalg.norm(np.where(walled, away, 0.0), axis=1)
        in_walls = depth < 0
        open_axes = ~walled & ~np.array(self.periodic)
        past = np.linalg.norm(np.where(open_axes, away, 0.0), axis=1)
        largest = float(self.size.max())
        magnitude = np.hypot(np.where(in_walls, np.minimum(-depth, largest), outside), past)
        ended = (np.where(open_axes, beyond, -1.0) >= 0).any(axis=1)
        return np.where(in_walls & ~ended, -magnitude, magnitude)

    def surface(self) -> tuple[Array, NDArray[np.int64]]:
        """Triangles of the walled faces: vertices (V, 3) in m and faces (F, 3)."""
        low, high = self.bounds
        corners = np.array(
            [[(low, high)[i][0], (low, high)[j][1], (low, high)[k][2]] for i in (0, 1) for j in (0, 1) for k in (0, 1)]
        )
        quads = {0: ([0, 1, 3, 2], [4, 6, 7, 5]), 1: ([0, 4, 5, 1], [2, 3, 7, 6]), 2: ([0, 2, 6, 4], [1, 5, 7, 3])}
        faces = [q for axis in range(3) if self.walled[axis] for q in quads[axis]]
        triangles = [t for q in faces for t in ((q[0], q[1], q[2]), (q[0], q[2], q[3]))]
        return corners, np.array(triangles, np.int64).reshape(-1, 3)


class SlitVessel(AbstractVessel):
    """A straight channel along x from 0 to `length` m with a rectangular cross-section: `width(x)` along y and
    `height(x)` along z, both in m, walls on all four sides.

    The distance is exact outside where one of them is constant; inside it is the smaller of the distances to the two
    pairs of walls, which is exact unless the nearest point of one pair lies beyond the other.
    """

    def __init__(self, length: float, width: Profile, height: Profile, volume: float, periodic_x: bool = False):
        self.length, self.width, self.height = length, width, height
        self._volume = volume
        self.periodic = (periodic_x, False, False)
        x = np.linspace(0.0, length, SAMPLES + 1)
        half = np.array([width(x).max(), height(x).max()]) / 2
        self.bounds = np.array([[0.0, -half[0], -half[1]], [length, half[0], half[1]]])
        self._walls = tuple(self._wall_curve(x, profile) for profile in (width, height))
        if not periodic_x:
            self.openings = tuple(self._opening(*end) for end in (("inlet", 0.0, -1.0), ("outlet", length, 1.0)))
        self.description = {}

    @property
    def volume(self) -> float:
        """Volume of the lumen in m^3, in closed form."""
        return self._volume

    def signed_distance(self, points: Array) -> Array:
        """Distance (n,) in m from points (n, 3) to the wall, negative inside; the flat ends are no wall."""
        points = np.asarray(points, float)
        x = np.mod(points[:, 0], self.length) if self.periodic[0] else points[:, 0]
        past = np.zeros_like(x) if self.periodic[0] else x - np.clip(x, 0.0, self.length)
        depths = []
        for axis, (profile, curve) in enumerate(zip((self.width, self.height), self._walls, strict=True), start=1):
            across = np.abs(points[:, axis])
            gap = curve.distance(np.stack([np.clip(x, 0.0, self.length), across], axis=1))
            depths.append(np.where(across < 0.5 * profile(x), gap, -gap))
        deep = np.minimum(*depths)
        outside = np.hypot(np.maximum(-depths[0], 0.0), np.maximum(-depths[1], 0.0))
        magnitude = np.hypot(np.where(deep > 0, deep, outside), past)
        ended = np.zeros(len(x), bool) if self.periodic[0] else (x <= 0) | (x >= self.length)
        return np.where((deep > 0) & ~ended, -magnitude, magnitude)

    def surface(self) -> tuple[Array, NDArray[np.int64]]:
        """Triangles of the wall, open at the ends: vertices (V, 3) in m and faces (F, 3)."""
        return self.wall(np.linspace(0.0, self.length, 81), 8)

    def wall(self, stations: Array, across: int) -> tuple[Array, NDArray[np.int64]]:
        """As `surface`, with rings of vertices at `stations` (k,) along x and `across` faces along each side."""
        from hemoflow.geometry.formula_lathe import ring_faces

        side = np.linspace(-1.0, 1.0, across, endpoint=False)
        one = np.ones(across)
        y = np.concatenate([one, -side, -one, side])
        z = np.concatenate([side, one, -side, -one])
        half = 0.5 * np.stack([self.width(stations), self.height(stations)], axis=1)
        x = np.broadcast_to(stations[:, None], (len(stations), len(y)))
        vertices = np.stack([x, half[:, :1] * y, half[:, 1:] * z], axis=2)
        return vertices.reshape(-1, 3), ring_faces(len(stations), len(y), staggered=False)

    def _wall_curve(self, x: Array, profile: Profile) -> Polyline:
        curve = np.stack([x, 0.5 * profile(x)], axis=1)
        if self.periodic[0]:
            curve = np.concatenate([curve[:-1] - [self.length, 0.0], curve, curve[1:] + [self.length, 0.0]])
        return Polyline(curve)

    def _opening(self, name: str, x: float, sign: float) -> Opening:
        at = np.array([x])
        area = float(self.width(at)[0] * self.height(at)[0])
        return Opening(name, np.array([x, 0.0, 0.0]), np.array([sign, 0.0, 0.0]), float(np.sqrt(area / np.pi)), area)
