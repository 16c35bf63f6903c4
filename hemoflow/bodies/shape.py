"""Surfaces of revolution for rigid bodies, about the z axis of the body's frame: physical surface, markers inside of it, mass.

What the fluid feels of a body is larger than the surface on which its markers lie, because their kernels reach beyond it. The markers
are therefore drawn in along the normal by the excess that was measured for the kernel (`hemoflow.bodies.calibration`), so that the
hydrodynamic surface is the physical one (Breugem 2012, J Comput Phys 231:4469).
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from hemoflow.cells.surface import Surface, frequency_for, icosphere
from hemoflow.errors import InputError

Floats = NDArray[np.float64]
SHAPES = ("sphere", "spheroid", "disc")
PROFILE_POINTS = 20001
THINNEST = 0.25
"""Part of the half thickness, and of the sharpest radius of curvature, that drawing in the markers must leave."""


@dataclass(frozen=True)
class Shape:
    """A body of revolution: `kind` as in SHAPES, `radius` across its axis and `half_height` along it, in any one unit of length.

    A sphere has both equal; a disc is flat with a round rim: all points within `half_height` of a flat disc.
    """

    kind: str
    radius: float
    half_height: float

    def __post_init__(self) -> None:
        if self.kind not in SHAPES:
            raise InputError(f"body: shape '{self.kind}' must be one of {', '.join(SHAPES)}")
        if not (self.radius > 0.0 and self.half_height > 0.0):
            raise InputError(f"body: radius {self.radius:g} and half height {self.half_height:g} must be positive")
        if self.kind == "sphere" and self.radius != self.half_height:
            raise InputError("body: a sphere is as high as it is wide; choose a spheroid")
        if self.kind == "disc" and self.half_height > self.radius:
            raise InputError(f"body: a disc of radius {self.radius:g} cannot be {2 * self.half_height:g} thick")

    def scaled(self, factor: float) -> Shape:
        """The same shape with all lengths multiplied by `factor`."""
        return Shape(self.kind, self.radius * factor, self.half_height * factor)

    @property
    def reach(self) -> float:
        """Largest distance of the surface from the centre."""
        return max(self.radius, self.half_height)

    @property
    def sharpest(self) -> float:
        """Smallest radius of curvature of the surface."""
        a, c = self.radius, self.half_height
        return c if self.kind == "disc" else min(c * c / a, a * a / c)

    def profile(self) -> tuple[Floats, Floats]:
        """Points and unit outward normals (n, 2) as (distance from the axis, height), from the upper pole to the lower."""
        angle = np.linspace(0.0, math.pi, PROFILE_POINTS)
        sin, cos = np.sin(angle), np.cos(angle)
        a, c = self.radius, self.half_height
        if self.kind != "disc":
            normal = np.stack([sin / a, cos / c], axis=1)
            return np.stack([a * sin, c * cos], axis=1), normal / np.linalg.norm(normal, axis=1, keepdims=True)
        flat = np.linspace(0.0, a - c, PROFILE_POINTS // 2)
        normal = np.stack([sin, cos], axis=1)
        rim = np.stack([a - c + c * sin, c * cos], axis=1)
        top = np.stack([flat, np.full_like(flat, c)], axis=1)[:-1]
        bottom = (top * [1.0, -1.0])[::-1]
        up, down = np.broadcast_to([0.0, 1.0], top.shape), np.broadcast_to([0.0, -1.0], top.shape)
        return np.concatenate([top, rim, bottom]), np.concatenate([up, normal, down])

    def volume(self) -> float:
        """Volume enclosed."""
        return self._solid()[0]

    def inertia(self) -> Floats:
        """Moments of inertia (3,) about x, y, z for a density of one."""
        _, across, along = self._solid()
        return np.array([across, across, along])

    def _solid(self) -> tuple[float, float, float]:
        r, z = self.profile()[0].T
        area = math.pi * r * r
        volume = float(np.trapezoid(area, -z))
        along = float(np.trapezoid(0.5 * area * r * r, -z))
        return volume, 0.5 * along + float(np.trapezoid(area * z * z, -z)), along

    def area(self) -> float:
        """Area of the surface."""
        r, z = self.profile()[0].T
        return float(np.sum(math.pi * (r[1:] + r[:-1]) * np.hypot(np.diff(r), np.diff(z))))

    def mean_curvature(self) -> Floats:
        """Mean of the two principal curvatures (n,) at the points of the profile: 1/a on a sphere."""
        points, normal = self.profile()
        angle = np.unwrap(np.arctan2(normal[:, 0], normal[:, 1]))
        arc = np.concatenate([[0.0], np.cumsum(np.hypot(*np.diff(points, axis=0).T))])
        along = np.gradient(angle, arc)
        off = points[:, 0] > 1e-6 * self.radius
        around = np.where(off, normal[:, 0] / np.where(off, points[:, 0], 1.0), along)
        return 0.5 * (along + around)

    def surface(self, vertices: int) -> tuple[Surface, Floats, Floats]:
        """A mesh with at least this many vertices, evenly over the surface, the unit outward normals (V, 3) and mean curvatures (V,)."""
        frequency = frequency_for(vertices)
        sphere = icosphere(frequency)
        (r, z), (nr, nz) = (part.T for part in self.profile())
        band = (r[1:] + r[:-1]) * np.hypot(np.diff(r), np.diff(z))
        covered = np.concatenate([[0.0], np.cumsum(band)])
        polar = np.clip(0.5 * (1.0 - sphere.vertices[:, 2]), 0.0, 1.0) * covered[-1]
        across = np.hypot(sphere.vertices[:, 0], sphere.vertices[:, 1])
        away = sphere.vertices[:, :2] / np.maximum(across, 1e-300)[:, None]

        def lathed(radial: Floats, height: Floats) -> Floats:
            return np.concatenate(
                [away * np.interp(polar, covered, radial)[:, None], np.interp(polar, covered, height)[:, None]], axis=1
            )

        normal = lathed(nr, nz)
        curvature = np.interp(polar, covered, self.mean_curvature())
        return Surface(lathed(r, z), sphere.faces), normal / np.linalg.norm(normal, axis=1, keepdims=True), curvature

    def drawn_in(self, depth: Floats) -> Floats:
        """Depths (at most the given ones) by which markers can be drawn in without folding the surface."""
        return np.minimum(depth, (1.0 - THINNEST) * min(self.half_height, self.sharpest))
