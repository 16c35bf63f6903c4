"""A lumen made of round pipes: a truncated cone along every edge, a sphere at every joint, flat cuts at the openings."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hemoflow.errors import InputError
from hemoflow.geometry.round_cones import Cut, RoundCones
from hemoflow.geometry.vessel import AbstractVessel, Opening

Array = NDArray[np.float64]

FACES_ACROSS = 10.0
"""Faces of the wall's picture per median diameter."""

LARGEST_SURFACE = 4e5
"""The wall's picture is coarsened where it would hold more faces than this."""


class CapsuleVessel(AbstractVessel):
    """The union of round cones along the edges of a graph.

    `nodes` (n, 3) m; `edges` (m, 2) node indices; `radii` (m,) m, or (m, 2) at the edge's first and second node.
    `names`: end node -> name of the opening there, in the order the openings shall have; the lumen is cut by the plane
    through that node, normal to its edge. End nodes without a name are closed by a hemisphere. Along a periodic axis the
    lumen repeats with the extent of the nodes.

    Outside of the lumen the distance is exact. Inside, beside a joint, it may be less than the true depth, never more,
    and is exact where the nearest wall belongs to the pipe that the point is deepest in.
    Raises InputError for indices out of range, radii that are not positive, or an opening at a node with several edges.
    """

    def __init__(
        self,
        nodes: Array,
        edges: NDArray[np.integer],
        radii: Array,
        names: Mapping[int, str] | None = None,
        periodic: Sequence[bool] = (False, False, False),
    ):
        self.nodes, self.edges, self.radii = _checked(nodes, edges, radii)
        self.names = {int(node): str(name) for node, name in (names or {}).items()}
        self.periodic = (bool(periodic[0]), bool(periodic[1]), bool(periodic[2]))
        ends = [_end_of(self.edges, node, name, len(self.nodes)) for node, name in self.names.items()]
        self._open_ends = np.zeros((len(self.edges), 2), bool)
        for edge, side in ends:
            self._open_ends[edge, side] = True
        uncut = RoundCones(*self._pipes(), self._open_ends)
        self.openings = tuple(_opening(uncut, *end, name) for end, name in zip(ends, self.names.values(), strict=True))
        cuts = [c for end, opening in zip(ends, self.openings, strict=True) for c in self._cuts(uncut, end[0], opening)]
        self._cones = RoundCones(*self._pipes(), self._open_ends, tuple(cuts))
        self.bounds = self._cones.bounds()
        for axis in np.flatnonzero(self.periodic):
            self.bounds[:, axis] = self.nodes[:, axis].min(), self.nodes[:, axis].max()
            if not self.bounds[0, axis] < self.bounds[1, axis]:
                raise InputError(f"periodic along {'xyz'[axis]}: the nodes have no extent there to repeat with")
        self._everything = self._with_images(self._cones)
        self.description: Mapping[str, Any] = {"made_of": "round pipes", "edges": len(self.edges)}

    @cached_property
    def volume(self) -> float:
        """Volume of the union in m^3, by quadrature in every pipe with shared places counted once (error below 0.3 %)."""
        points, weights = _quadrature(self._cones, 96 if self._cones.count <= 200 else 40)
        own = np.repeat(np.arange(self._cones.count), len(points) // max(self._cones.count, 1))
        held = self._cones.distance(points, own) < 0
        shared = np.maximum(self._everything.cover(points), 1)
        return float(np.sum(weights * held / shared))

    def signed_distance(self, points: Array) -> Array:
        """Distance (n,) in m from points (n, 3) to the nearest wall, negative inside; caps of openings are no wall."""
        points = np.array(points, float)
        for axis in np.flatnonzero(self.periodic):
            low, high = self.bounds[:, axis]
            points[:, axis] = low + np.mod(points[:, axis] - low, high - low)
        return self._everything.union(points)

    def surface(self) -> tuple[Array, NDArray[np.int64]]:
        """Triangles of the wall, open at the openings: vertices (V, 3) in m and faces (F, 3)."""
        area = float(np.sum(2 * np.pi * self._cones.radii.mean(axis=1) * self._cones.length)) + 1e-300
        spacing = max(2 * float(np.median(self.radii)) / FACES_ACROSS, float(np.sqrt(2 * area / LARGEST_SURFACE)))
        return self.wall(spacing)

    def wall(self, spacing: float) -> tuple[Array, NDArray[np.int64]]:
        """As `surface`, with faces of about the size `spacing` (m)."""
        from hemoflow.geometry.isosurface import clip, isosurface

        longer = self._lengthened(3 * spacing)
        box = longer.bounds() + np.array([[-2.0], [2.0]]) * spacing
        vertices, faces = isosurface(longer.union, box, spacing)
        for opening in self.openings:
            vertices, faces = clip(vertices, faces, opening, spacing)
        for axis in np.flatnonzero(self.periodic):
            for end, sign in zip(self.bounds[:, axis], (-1.0, 1.0), strict=True):
                normal = sign * np.eye(3)[axis]
                plane = Opening("", end * np.eye(3)[axis], normal, np.inf, np.inf)
                vertices, faces = clip(vertices, faces, plane, spacing)
        return vertices, faces

    def _pipes(self) -> tuple[Array, Array, Array]:
        return self.nodes[self.edges[:, 0]], self.nodes[self.edges[:, 1]], self.radii

    def _lengthened(self, by: float) -> RoundCones:
        """The same pipes with round ends only, the open ones longer by a distance: their wall goes on past the plane."""
        cones = self._cones
        start, end, radii = cones.start.copy(), cones.end, cones.radii.copy()
        slope = -cones.sine[:, None] * np.array([[-1.0, 1.0]])
        reach = by + cones.radii.max(axis=1) * np.abs(cones.sine)
        move = np.where(cones.open_ends, reach[:, None], 0.0)
        start -= move[:, :1] * cones.axis
        end = end + move[:, 1:] * cones.axis
        radii = np.maximum(radii + slope * move, 0.05 * radii)
        return self._with_images(RoundCones(start, end, radii, np.zeros_like(cones.open_ends)))

    def _with_images(self, cones: RoundCones) -> RoundCones:
        """The pipes and, along periodic axes, their copies that reach into the box."""
        if not any(self.periodic):
            return cones
        extent = np.ptp(self.bounds, axis=0)
        steps = [(-1, 0, 1) if p else (0,) for p in self.periodic]
        reach = 2.0 * cones.radii.max()
        parts = []
        for shift in np.stack(np.meshgrid(*steps, indexing="ij"), -1).reshape(-1, 3) * extent:
            low = np.minimum(cones.start, cones.end) + shift - reach
            high = np.maximum(cones.start, cones.end) + shift + reach
            keep = ((low <= self.bounds[1]) & (high >= self.bounds[0])).all(axis=1) | (not shift.any())
            parts.append((cones.start[keep] + shift, cones.end[keep] + shift, cones.radii[keep], cones.open_ends[keep]))
        start, end, radii, open_ends = (np.concatenate(column) for column in zip(*parts, strict=True))
        return RoundCones(start, end, radii, open_ends)

    def _cuts(self, cones: RoundCones, edge: int, opening: Opening) -> list[Cut]:
        """Pipes close behind an opening whose round ends would reach through it: they end at its plane too."""
        near, walked = {edge: 0.0}, [edge]
        limit = 2.0 * max(opening.radius, float(self.radii[edge].max()))
        while walked:
            here = walked.pop()
            passed = near[here] + (0.0 if here == edge and cones.length[here] > limit else float(cones.length[here]))
            if passed > limit:
                continue
            joined = np.isin(self.edges, self.edges[here]).any(axis=1)
            for other in np.flatnonzero(joined):
                if passed < near.get(int(other), np.inf):
                    near[int(other)] = passed
                    walked.append(int(other))
        others = np.array([e for e in near if e != edge], np.int64)
        rings = _disc_points(opening, cones.radii[others].max(initial=opening.radius))
        reach = 2.0 * float(cones.radii[others].max(initial=opening.radius)) + limit
        pokes = [e for e in others if (cones.closed_distance(rings, np.full(len(rings), e)) < 0).any()]
        return [Cut(int(e), opening.centre, opening.normal, opening.radius, reach) for e in pokes]


def _checked(nodes: Array, edges: NDArray[np.integer], radii: Array) -> tuple[Array, NDArray[np.int64], Array]:
    nodes, radii = np.asarray(nodes, float), np.asarray(radii, float)
    pairs: NDArray[np.int64] = np.asarray(edges, np.int64)
    if radii.ndim == 1:
        radii = np.stack([radii, radii], axis=1)
    if not len(pairs):
        raise InputError("a vessel of round pipes needs at least one edge")
    if nodes.ndim != 2 or nodes.shape[1] != 3 or pairs.shape[1:] != (2,) or radii.shape != pairs.shape:
        raise InputError(f"round pipes: nodes {nodes.shape}, edges {pairs.shape} and radii {radii.shape} do not fit")
    if pairs.min() < 0 or pairs.max() >= len(nodes):
        raise InputError(f"round pipes: an edge names node {pairs.max()}, but there are {len(nodes)} nodes")
    if not np.isfinite(nodes).all() or not np.isfinite(radii).all() or not (radii > 0).all():
        worst = int(np.argmin(np.where(np.isfinite(radii), radii, -np.inf).min(axis=1)))
        raise InputError(f"round pipes: edge {worst} has radii {radii[worst]} m; radii must be positive, places finite")
    return nodes, pairs, radii


def _end_of(edges: NDArray[np.int64], node: int, name: str, count: int) -> tuple[int, int]:
    """The edge and the side of it (0 or 1) that an opening cuts."""
    at = np.argwhere(edges == node)
    if len(at) != 1:
        where = f"joins {len(at)} edges" if 0 <= node < count else "does not exist"
        raise InputError(f"opening {name!r}: node {node} {where}; only the end of a vessel can be cut open")
    return int(at[0, 0]), int(at[0, 1])


def _opening(cones: RoundCones, edge: int, side: int, name: str) -> Opening:
    centre = cones.end[edge] if side else cones.start[edge]
    normal = cones.axis[edge] if side else -cones.axis[edge]
    radius = float(cones.end_radii[edge, side])
    return Opening(name, centre, normal, radius, np.pi * radius**2)


def _disc_points(opening: Opening, radius: float) -> Array:
    """Points just beyond the plane of an opening, within a radius of its centre."""
    first = np.cross(opening.normal, np.eye(3)[np.argmin(np.abs(opening.normal))])
    first /= np.linalg.norm(first)
    second = np.cross(opening.normal, first)
    u, v = _sunflower(40)
    flat = radius * (u[:, None] * first + v[:, None] * second)
    return opening.centre + 1e-3 * radius * opening.normal + np.concatenate([np.zeros((1, 3)), flat])


def _sunflower(count: int) -> tuple[Array, Array]:
    """Points that share a unit disc out equally."""
    k = np.arange(count) + 0.5
    angle = np.pi * (3.0 - np.sqrt(5.0)) * k
    return np.sqrt(k / count) * np.cos(angle), np.sqrt(k / count) * np.sin(angle)


def _quadrature(cones: RoundCones, across: int) -> tuple[Array, Array]:
    """Points and weights (m^3) filling every pipe: Gauss points along it (exact for its area), equal shares across it."""
    sine, length, radii = cones.sine, cones.length, cones.radii
    first = np.where(cones.open_ends[:, 0], 0.0, radii[:, 0] * sine)
    last = np.where(cones.open_ends[:, 1], length, length + radii[:, 1] * sine)
    last = np.maximum(last, first)
    third = np.minimum(1.5 * radii.max(axis=1), (last - first) / 3)
    stops = np.stack(
        [
            np.where(cones.open_ends[:, 0], 0.0, -radii[:, 0]), first, first + third, last - third, last,
            np.where(cones.open_ends[:, 1], length, length + radii[:, 1]),
        ], axis=1,
    )  # fmt: skip
    along, weight, area = [], [], []
    for piece, order in enumerate((6, 10, 6, 10, 6)):
        x, w = np.polynomial.legendre.leggauss(order)
        half = 0.5 * np.diff(stops[:, piece : piece + 2], axis=1)
        s = stops[:, piece : piece + 1] + half * (1 + x)
        along.append(s)
        weight.append(half * w)
        area.append(np.pi * _squared_radius(cones, s, piece))
    s, w, a = (np.concatenate(column, axis=1) for column in (along, weight, area))
    u, v = _sunflower(across)
    turn = 2.4 * np.arange(s.shape[1])
    disc = np.stack(
        [np.cos(turn)[:, None] * u - np.sin(turn)[:, None] * v, np.sin(turn)[:, None] * u + np.cos(turn)[:, None] * v]
    )
    frame = _frames(cones.axis)
    points = (cones.start[:, None] + s[..., None] * cones.axis[:, None])[:, :, None, :]
    rho = np.sqrt(a / np.pi)[..., None, None]
    points = points + rho * (
        disc[0][..., None] * frame[0][:, None, None] + disc[1][..., None] * frame[1][:, None, None]
    )
    weights = np.repeat((w * a / across)[..., None], across, axis=2)
    return points.reshape(-1, 3), weights.ravel()


def _squared_radius(cones: RoundCones, s: Array, piece: int) -> Array:
    if piece == 0:
        return np.maximum(cones.radii[:, :1] ** 2 - s**2, 0.0)
    if piece == 4:
        return np.maximum(cones.radii[:, 1:] ** 2 - (s - cones.length[:, None]) ** 2, 0.0)
    return np.maximum((cones.radii[:, :1] - s * cones.sine[:, None]) / cones.cosine[:, None], 0.0) ** 2


def _frames(axis: Array) -> tuple[Array, Array]:
    """Two unit vectors (m, 3) normal to each axis and to each other."""
    helper = np.eye(3)[np.argmin(np.abs(axis), axis=1)]
    first = np.cross(axis, helper)
    first /= np.linalg.norm(first, axis=1, keepdims=True)
    return first, np.cross(axis, first)
