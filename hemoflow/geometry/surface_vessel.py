"""A vessel whose wall is a triangle mesh: sign from the winding number of the capped mesh, distance to the wall's triangles."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hemoflow.geometry.surface_openings import NOT_FLAT, Rim, flat_caps, name_openings, open_rims
from hemoflow.geometry.vessel import AbstractVessel, Opening

Array = NDArray[np.float64]
Faces = NDArray[np.int64]


class SurfaceVessel(AbstractVessel):
    """The inside of a triangle mesh with outward normals: vertices (V, 3) m, faces (F, 3); open rims, or the flat caps of a closed mesh,
    are its openings. `wanted`: (name, place (3,) m) of openings that the user names."""

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
        vertices, rims = open_rims(np.asarray(vertices, float), np.asarray(faces, np.int64), where)
        wall = np.asarray(faces, np.int64)
        if not rims:
            caps = flat_caps(vertices, wall)
            rims = [rim for _, rim in caps]
            keep = np.ones(len(wall), bool)
            for mine, _ in caps:
                keep[mine] = False
            wall = wall[keep]
            notes.append(
                f"closed mesh: {len(rims)} flat end caps taken as openings"
                if rims
                else "closed mesh without flat end caps: a cavity without openings; name none, or open the mesh where blood enters"
            )
        self._whole = np.concatenate([wall, *[rim.cap for rim in rims]])
        self._vertices, self._wall = vertices, wall
        rims = [self._levelled(rim, notes) for rim in rims]
        self.openings = tuple(name_openings(rims, list(wanted), where))
        self.bounds = np.stack([vertices[self._whole].min(axis=(0, 1)), vertices[self._whole].max(axis=(0, 1))])
        self.description = {**facts, "notes": tuple(notes)}
        self._middle = self.bounds.mean(axis=0)
        self._size = float(np.linalg.norm(self.bounds[1] - self.bounds[0]))
        self._trees: tuple[Any, ...] | None = None
        self._cut = sum(rim.sag * float(np.linalg.norm(rim.area)) for rim in rims)

    @property
    def volume(self) -> float:
        """Volume enclosed by the wall and the planes of the openings, m^3."""
        a, b, c = (self._vertices[self._whole[:, k]] - self._middle for k in range(3))
        return float(np.einsum("ij,ij->", a, np.cross(b, c)) / 6.0) - self._cut

    def signed_distance(self, points: Array) -> Array:
        """See AbstractVessel."""
        import igl

        points = np.asarray(points, float)
        tree, vertices, wall, whole = self._prepared()
        scaled = np.ascontiguousarray((points - self._middle) / self._size)
        inside = igl.fast_winding_number(vertices, whole, scaled) > 0.5
        squared = tree.squared_distance(vertices, wall, scaled)
        distance = np.sqrt(np.maximum(squared[0] if isinstance(squared, tuple) else squared, 0.0)).ravel() * self._size
        for opening in self.openings:
            inside &= ~_beyond(opening, points)
        return np.where(inside, -distance, distance)

    def surface(self) -> tuple[Array, Faces]:
        """See AbstractVessel."""
        used, inverse = np.unique(self._wall, return_inverse=True)
        return self._vertices[used], inverse.reshape(self._wall.shape).astype(np.int64)

    def _prepared(self) -> tuple[Any, ...]:
        if self._trees is None:
            import igl

            vertices = np.ascontiguousarray((self._vertices - self._middle) / self._size)
            tree = igl.AABB()
            tree.init(vertices, np.ascontiguousarray(self._wall))
            self._trees = (tree, vertices, np.ascontiguousarray(self._wall), np.ascontiguousarray(self._whole))
        return self._trees

    def _levelled(self, rim: Rim, notes: list[str]) -> Rim:
        """An opening must be plane: behind a rim that is not, the lumen is cut where its plane first lies wholly inside."""
        if rim.sag <= NOT_FLAT * rim.radius:
            return Rim(rim.cap, rim.area, rim.centre, 0.0)
        normal = rim.normal
        area, centre = self._section(rim.centre - 1.02 * rim.sag * normal, normal, 1.5 * rim.radius + rim.sag)
        if area <= 0.0:
            return rim
        notes.append(f"a rim that is not plane was cut {rim.sag * 1.02e6:.3g} um inside")
        return Rim(rim.cap, area * normal, centre, 1.02 * rim.sag)

    def _section(self, origin: Array, normal: Array, reach: float) -> tuple[float, Array]:
        """Area (m^2) and centre (3,) of the cut of the wall by a plane, near a point."""
        corners = self._vertices[self._wall]
        height = (corners - origin) @ normal
        crossing = (height.min(axis=1) < 0) & (height.max(axis=1) >= 0)
        crossing &= np.linalg.norm(corners.mean(axis=1) - origin, axis=1) < 2.0 * reach
        total, moment = 0.0, np.zeros(3)
        for triangle, h in zip(corners[crossing], height[crossing], strict=True):
            ends = [
                triangle[i] + (triangle[j] - triangle[i]) * h[i] / (h[i] - h[j])
                for i, j in ((0, 1), (1, 2), (2, 0))
                if (h[i] < 0) != (h[j] < 0)
            ]
            outward = np.cross(triangle[1] - triangle[0], triangle[2] - triangle[0])
            piece = 0.5 * float(np.cross(ends[0] - origin, ends[1] - origin) @ normal)
            middle = (ends[0] + ends[1]) / 2.0 - origin
            signed = abs(piece) if outward @ middle >= 0 else -abs(piece)
            total += signed
            moment += signed * (ends[0] + ends[1] - 2.0 * origin) / 3.0
        return total, origin + moment / total if total > 0 else origin


def _beyond(opening: Opening, points: Array) -> NDArray[np.bool_]:
    """Points outside of an opening's plane and near it."""
    offset = points - opening.centre
    height = offset @ opening.normal
    return np.asarray((height > 0) & (np.linalg.norm(offset, axis=1) < 3.0 * opening.radius))
