"""Round tubes: straight ones whose radius changes along x, and ones of constant radius along a plane curve."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from hemoflow.geometry.formula_curve import Polyline
from hemoflow.geometry.vessel import AbstractVessel, Opening

Array = NDArray[np.float64]
Profile = Callable[[Array], Array]

SAMPLES = 4000
"""Points that stand for a smooth curve; the distance errs by curvature times spacing squared over 8, below 1e-6 of the radius."""

FACES_AROUND = 48


class LatheVessel(AbstractVessel):
    """A straight round vessel along x from 0 to `length` m with radius `profile(x)` m, open at both ends.

    `volume` m^3 is given by whoever knows the closed form. `rings` (k,): where along x the wall's picture has its rings.
    With `periodic_x` the profile repeats and there are no openings. The distance is exact (see `SAMPLES`).
    """

    def __init__(self, length: float, profile: Profile, volume: float, rings: Array, periodic_x: bool = False):
        self.length, self.profile, self.rings = length, profile, rings
        self._volume = volume
        x = np.linspace(0.0, length, SAMPLES + 1)
        largest = float(profile(x).max())
        self.bounds = np.array([[0.0, -largest, -largest], [length, largest, largest]])
        self.periodic = (periodic_x, False, False)
        curve = np.stack([x, profile(x)], axis=1)
        if periodic_x:
            curve = np.concatenate([curve[:-1] - [length, 0.0], curve, curve[1:] + [length, 0.0]])
        self._straight = bool(np.ptp(curve[:, 1]) == 0.0)
        self._curve = Polyline(curve)
        if not periodic_x:
            self.openings = tuple(
                _round_opening(
                    name, np.array([end, 0.0, 0.0]), np.array([sign, 0.0, 0.0]), float(profile(np.array([end]))[0])
                )
                for name, end, sign in (("inlet", 0.0, -1.0), ("outlet", length, 1.0))
            )
        self.description = {}

    @property
    def volume(self) -> float:
        """Volume of the lumen in m^3, in closed form."""
        return self._volume

    def signed_distance(self, points: Array) -> Array:
        """Distance (n,) in m from points (n, 3) to the wall, negative inside; the flat ends are no wall."""
        points = np.asarray(points, float)
        x, rho = points[:, 0], np.hypot(points[:, 1], points[:, 2])
        if self.periodic[0]:
            x = np.mod(x, self.length)
        inside = (rho < self.profile(x)) & (x > 0) & (x < self.length)
        if self.periodic[0]:
            inside = rho < self.profile(x)
        if self._straight:
            past = np.zeros_like(x) if self.periodic[0] else x - np.clip(x, 0.0, self.length)
            magnitude = np.hypot(rho - self.bounds[1, 1], past)
        else:
            magnitude = self._curve.distance(np.stack([x, rho], axis=1))
        return np.where(inside, -magnitude, magnitude)

    def surface(self) -> tuple[Array, NDArray[np.int64]]:
        """Triangles of the wall, open at the ends: vertices (V, 3) in m and faces (F, 3)."""
        return self.wall(self.rings, FACES_AROUND)

    def wall(self, rings: Array, around: int) -> tuple[Array, NDArray[np.int64]]:
        """As `surface`, with rings of `around` vertices at the places `rings` (k,) along x."""
        angle = 2 * np.pi * np.arange(around) / around
        turn = angle[None] + (np.arange(len(rings)) % 2)[:, None] * np.pi / around
        radius = self.profile(rings)[:, None]
        vertices = np.stack(
            [np.broadcast_to(rings[:, None], turn.shape), radius * np.cos(turn), radius * np.sin(turn)], axis=2
        )
        return vertices.reshape(-1, 3), ring_faces(len(rings), around, staggered=True)


class CurvedTube(AbstractVessel):
    """A tube of constant `radius` m along the curve (k, 3) m in the plane z = 0, which starts and ends along x.

    The curve must bend less sharply than the radius and keep clear of itself; then the distance is exact and the volume
    is cross-section times arc length `arc_length` m (Pappus). With `periodic_x` it repeats along x, without openings.
    """

    def __init__(self, curve: Array, arc_length: float, radius: float, periodic_x: bool = False):
        self.curve, self.radius, self.arc_length = curve, radius, arc_length
        self.length = float(curve[-1, 0] - curve[0, 0])
        self.bounds = np.stack([curve.min(axis=0) - radius, curve.max(axis=0) + radius])
        self.bounds[:, 0] = curve[0, 0], curve[-1, 0]
        self.periodic = (periodic_x, False, False)
        step = np.array([self.length, 0.0, 0.0])
        whole = np.concatenate([curve[:-1] - step, curve, curve[1:] + step]) if periodic_x else curve
        self._curve = Polyline(whole)
        if not periodic_x:
            self.openings = (
                _round_opening("inlet", curve[0], np.array([-1.0, 0.0, 0.0]), radius),
                _round_opening("outlet", curve[-1], np.array([1.0, 0.0, 0.0]), radius),
            )
        self.description = {}

    @property
    def volume(self) -> float:
        """Volume of the lumen in m^3: cross-section times arc length."""
        return float(np.pi * self.radius**2 * self.arc_length)

    def signed_distance(self, points: Array) -> Array:
        """Distance (n,) in m from points (n, 3) to the wall, negative inside; the flat ends are no wall."""
        points = np.array(points, float)
        low, high = self.bounds[:, 0]
        past = np.zeros(len(points))
        if self.periodic[0]:
            points[:, 0] = low + np.mod(points[:, 0] - low, high - low)
        else:
            clipped = np.clip(points[:, 0], low, high)
            past = points[:, 0] - clipped
            points[:, 0] = clipped
        depth = self.radius - self._curve.distance(points)
        magnitude = np.hypot(depth, past)
        within = np.ones(len(points), bool) if self.periodic[0] else (points[:, 0] > low) & (points[:, 0] < high)
        return np.where((depth > 0) & within, -magnitude, magnitude)

    def surface(self) -> tuple[Array, NDArray[np.int64]]:
        """Triangles of the wall, open at the ends: vertices (V, 3) in m and faces (F, 3)."""
        around = 32
        number = max(int(np.ceil(self.arc_length / (2 * np.pi * self.radius / around))), 8)
        steps = np.linalg.norm(np.diff(self.curve, axis=0), axis=1)
        along = np.concatenate([[0.0], np.cumsum(steps)])
        at = np.linspace(0.0, along[-1], number + 1)
        centre = np.stack([np.interp(at, along, self.curve[:, k]) for k in range(3)], axis=1)
        tangent = np.stack([np.interp(at, along, np.gradient(self.curve[:, k], along)) for k in range(3)], axis=1)
        tangent[[0, -1]] = [1.0, 0.0, 0.0]
        normal = np.stack([-tangent[:, 1], tangent[:, 0], np.zeros(len(at))], axis=1)
        normal /= np.linalg.norm(normal, axis=1, keepdims=True)
        angle = 2 * np.pi * (np.arange(around)[None] + 0.5 * (np.arange(len(at)) % 2)[:, None]) / around
        offset = np.cos(angle)[..., None] * normal[:, None] + np.sin(angle)[..., None] * np.array([0.0, 0.0, 1.0])
        vertices = centre[:, None] + self.radius * offset
        return vertices.reshape(-1, 3), ring_faces(len(at), around, staggered=True)


def ring_faces(rings: int, around: int, staggered: bool) -> NDArray[np.int64]:
    """Triangles (F, 3) between successive closed rings of `around` vertices, normals out of a tube whose rings run
    counter-clockwise about its direction; `staggered` rings are turned by half a step every second time.
    """
    k = np.arange(around)
    after = (k + 1) % around
    faces = []
    for ring in range(rings - 1):
        low, high = ring * around, (ring + 1) * around
        if staggered and ring % 2:
            pair = [(low + k, low + after, high + after), (low + k, high + after, high + k)]
        else:
            pair = [(low + k, low + after, high + k), (low + after, high + after, high + k)]
        faces += [np.stack(triangle, axis=1) for triangle in pair]
    return np.concatenate(faces)


def _round_opening(name: str, centre: Array, normal: Array, radius: float) -> Opening:
    return Opening(name, np.array(centre, float), normal, radius, float(np.pi * radius**2))
