"""A vessel whose wall is a triangle mesh: sign from the winding number of the capped mesh, distance to the wall's triangles."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hemoflow.geometry.surface_ends import find_ends
from hemoflow.geometry.surface_openings import Rim, name_openings
from hemoflow.geometry.vessel import AbstractVessel, Opening

Array = NDArray[np.float64]
Faces = NDArray[np.int64]

WIDTHS = (2e-6, 1e-3)
"""Diameters (m) of openings outside of which a unit is doubted: below the narrowest capillary, above a small artery."""

ACCURACY = 1.5
"""Ratio of distance to size beyond which groups of facets count as one in a winding number: errors stay below 0.03, 0.5 is allowed."""


class SurfaceVessel(AbstractVessel):
    """The inside of a triangle mesh with outward normals: vertices (V, 3) m, faces (F, 3); open rims, or the flat ends of a closed mesh,
    are its openings. `wanted`: (name, place (3,) m) of openings that the user names; a flat side or a blind end there is opened.

    Raises InputError for a rim that cannot be made plane and for a place without an opening.
    """

    def __init__(
        self,
        vertices: Array,
        faces: Faces,
        wanted: Sequence[tuple[str, Array]] = (),
        description: dict[str, Any] | None = None,
    ) -> None:
        facts = dict(description or {})
        where = str(facts.get("source", "the mesh"))
        notes = list(facts.get("notes", ()))
        asked = [(name, np.asarray(at, float)) for name, at in wanted]
        vertices, wall, rims = find_ends(np.asarray(vertices, float), np.asarray(faces, np.int64), asked, where, notes)
        ends = name_openings(rims, asked, where)
        self.openings = tuple(opening for opening, _ in ends)
        self._rims = tuple(rim for _, rim in ends)
        self._vertices, self._wall = vertices, wall
        self._whole = np.concatenate([wall, *[rim.cap for rim in rims]])
        self.bounds = np.stack([vertices[self._whole].min(axis=(0, 1)), vertices[self._whole].max(axis=(0, 1))])
        notes += _doubts(self.openings)
        self.description = {**facts, "notes": tuple(notes)}
        self._middle = self.bounds.mean(axis=0)
        self._size = float(np.linalg.norm(self.bounds[1] - self.bounds[0]))
        self._trees: tuple[Any, ...] | None = None

    @property
    def volume(self) -> float:
        """Volume enclosed by the wall and the planes of the openings, m^3."""
        a, b, c = (self._vertices[self._whole[:, k]] - self._middle for k in range(3))
        capped = float(np.einsum("ij,ij->", a, np.cross(b, c)) / 6.0)
        return capped - sum(rim.shift * opening.area for opening, rim in zip(self.openings, self._rims, strict=True))

    def signed_distance(self, points: Array) -> Array:
        """See AbstractVessel."""
        points = np.asarray(points, float).reshape(-1, 3)
        if not len(points):
            return np.zeros(0)
        tree, winding, vertices, wall = self._prepared()
        scaled = np.ascontiguousarray((points - self._middle) / self._size)
        squared = tree.squared_distance(vertices, wall, scaled)[0]
        distance = np.sqrt(np.maximum(squared, 0.0)).ravel() * self._size
        run = self._runs(points, distance)
        turns = winding.winding_number(np.ascontiguousarray(scaled[np.unique(run, return_index=True)[1]]), ACCURACY)
        inside = np.asarray(turns).ravel()[run] > 0.5
        for opening, rim in zip(self.openings, self._rims, strict=True):
            inside &= ~_between(opening, rim, points)
        return np.where(inside, -distance, distance)

    def _runs(self, points: Array, distance: Array) -> Faces:
        """Number (n,) of the run each point belongs to: points in a row, each nearer to the next than to wall and caps, are on one side."""
        free = distance.copy()
        for rim in self._rims:
            offset = points - rim.centre
            from_plane = np.abs(offset @ rim.normal) - 2.0 * rim.off
            np.minimum(free, np.maximum(from_plane, np.linalg.norm(offset, axis=1) - rim.reach), out=free)
        step = np.linalg.norm(np.diff(points, axis=0), axis=1)
        breaks = step >= 0.999 * np.maximum(free[1:], free[:-1])
        return np.concatenate([[0], np.cumsum(breaks)]).astype(np.int64)

    def surface(self) -> tuple[Array, Faces]:
        """See AbstractVessel."""
        used, inverse = np.unique(self._wall, return_inverse=True)
        return self._vertices[used], inverse.reshape(self._wall.shape).astype(np.int64)

    def _prepared(self) -> tuple[Any, ...]:
        """Search trees, built once, for the mesh scaled to unit size around zero."""
        if self._trees is None:
            import igl

            vertices = np.ascontiguousarray((self._vertices - self._middle) / self._size)
            wall = np.ascontiguousarray(self._wall)
            tree = igl.AABB()
            tree.init(vertices, wall)
            winding = igl.FastWindingNumberBVH()
            winding.init(vertices, np.ascontiguousarray(self._whole))
            self._trees = (tree, winding, vertices, wall)
        return self._trees


def _between(opening: Opening, rim: Rim, points: Array) -> NDArray[np.bool_]:
    """Points between the plane of an opening, which lies just behind its rim, and the cap across the rim."""
    offset = points - opening.centre
    height = offset @ opening.normal
    near = (height > 0) & (height < 2.0 * (rim.shift + rim.off))
    return np.asarray(near & ((offset**2).sum(axis=1) < (1.1 * rim.reach) ** 2))


def _doubts(openings: Sequence[Opening]) -> list[str]:
    """A sentence where the widths of the openings hint at a wrong unit."""
    widths = [2.0 * opening.radius for opening in openings]
    low, high = WIDTHS
    if not widths or (min(widths) >= low and max(widths) <= high):
        return []
    odd = min(widths) if min(widths) < low else max(widths)
    return [
        f"an opening is {odd * 1e6:.4g} um wide: check the unit; capillaries measure 4 to 40 um, arterioles up to 100 um"
    ]
