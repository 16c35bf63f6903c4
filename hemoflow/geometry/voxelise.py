"""A vessel on the lattice: which nodes are fluid, where each link meets the wall or an opening."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from scipy.sparse import csgraph

from hemoflow.errors import InputError
from hemoflow.fluid.lattice import DIRECTIONS
from hemoflow.geometry.vessel import AbstractVessel, Opening

SMALLEST_LINK = 1e-3
"""Links shorter than this fraction are taken as this: a node on the wall itself has no direction to it."""

BLOCK = 1 << 20

WALL_TOLERANCE, WALL_ROUNDS = 1e-6, 8
"""How closely links find the wall, as a part of their length, and how often they look."""


@dataclass(frozen=True)
class Lumen:
    """The fluid nodes of a vessel, node k of an axis lying at origin + spacing k.

    `shape` counts nodes per axis of the bounding box. `nodes` (N, 3) are the fluid nodes, in rows along the axis
    that has the longest ones, since vectors of the processor are filled from rows; `distance` (N,) their signed
    distance to the wall in m. `band` (S, 3) are solid nodes next to them with `band_distance`, so that the distance
    can be interpolated anywhere in the lumen. A link leaves fluid node `link_node` in direction `link_direction` and
    after the fraction `link_fraction` of its length meets the wall (`link_opening` = -1) or an opening (its index).
    `vessel` is what was put on the lattice.
    """

    origin: NDArray[np.float64]
    spacing: float
    shape: tuple[int, int, int]
    periodic: tuple[bool, bool, bool]
    nodes: NDArray[np.int32]
    distance: NDArray[np.float64]
    band: NDArray[np.int32]
    band_distance: NDArray[np.float64]
    link_node: NDArray[np.int64]
    link_direction: NDArray[np.int64]
    link_fraction: NDArray[np.float64]
    link_opening: NDArray[np.int64]
    openings: tuple[Opening, ...]
    neighbours: NDArray[np.int64] = field(repr=False)
    vessel: AbstractVessel = field(repr=False)

    def position(self, nodes: NDArray[np.generic]) -> NDArray[np.float64]:
        """Position in m of node indices (..., 3)."""
        return self.origin + self.spacing * np.asarray(nodes, float)

    @property
    def beyond(self) -> NDArray[np.bool_]:
        """Band nodes (S,) that lie behind an opening and not behind the wall."""
        through = self.link_opening >= 0
        ends = self.nodes[self.link_node[through]] + DIRECTIONS[self.link_direction[through]]
        return np.isin(_packed(self.band), _packed(ends))

    @property
    def volume(self) -> float:
        """Volume in m^3 that the fluid fills: every node counts by the part of its cell on the lumen's side of the wall and of the
        openings, as far as the distances of its centre tell, which is what the sub-node links make of it."""
        h = self.spacing
        wall = np.concatenate([self.distance, np.where(self.beyond, -self.band_distance, self.band_distance)])
        places = self.position(np.concatenate([self.nodes, self.band]))
        filled = np.clip(0.5 - wall / h, 0.0, 1.0)
        for k, opening in enumerate(self.openings):
            own = self.position(self.nodes[self.link_node[self.link_opening == k]])
            reach = np.max(np.linalg.norm(own - opening.centre, axis=1), initial=0.0) + 2.0 * h
            offset = places - opening.centre
            height = offset @ opening.normal
            near = (np.abs(height) < h) & (np.linalg.norm(offset, axis=1) < reach)
            filled[near] *= np.clip(0.5 - height[near] / h, 0.0, 1.0)
        return float(filled.sum()) * h**3


def voxelise(vessel: AbstractVessel, spacing: float, max_nodes: float = 2e8) -> Lumen:
    """Put a vessel on a lattice of the given node spacing (m).

    Raises InputError where the lumen is thinner than two nodes everywhere or the box holds more than `max_nodes` nodes.
    """
    origin, shape = lattice_box(vessel, spacing)
    if float(np.prod(np.asarray(shape, float))) > max_nodes:
        raise InputError(
            f"resolution.node_spacing: {spacing * 1e6:.4g} um gives a box of {shape[0]} x {shape[1]} x {shape[2]} nodes, more than "
            f"{max_nodes:.3g}: check the vessel's unit, or choose a larger spacing"
        )
    nodes, distance = _fluid_nodes(vessel, origin, spacing, shape)
    if len(nodes) < 8:
        size = np.ptp(vessel.bounds, axis=0) * 1e6
        raise InputError(
            f"resolution.node_spacing: only {len(nodes)} nodes of {spacing * 1e6:.4g} um lie in the lumen (box {size[0]:.4g} x "
            f"{size[1]:.4g} x {size[2]:.4g} um): check the vessel's unit, or choose a smaller spacing"
        )
    axis = _row_axis(nodes, shape)
    order = np.argsort(_keys(nodes, shape, axis))
    return _with_links(vessel, (origin, spacing, shape), nodes[order], distance[order], axis)


def lattice_box(vessel: AbstractVessel, spacing: float) -> tuple[NDArray[np.float64], tuple[int, int, int]]:
    """Origin (m) and node counts of the box: nodes half a spacing inside the bounds; periodic lengths become whole spacings."""
    low, high = np.asarray(vessel.bounds, float)
    extent = high - low
    count = np.maximum(np.ceil(extent / spacing - 1e-3).astype(int), 1)
    for axis in range(3):
        if vessel.periodic[axis]:
            count[axis] = max(round(extent[axis] / spacing), 1)
            if (
                abs(count[axis] * spacing - extent[axis]) > 0.01 * extent[axis]
                and abs(count[axis] * spacing / extent[axis] - 1) > 0.02
            ):
                raise InputError(
                    f"resolution.node_spacing: the periodic length {extent[axis] * 1e6:.6g} um along {'xyz'[axis]} is no whole number of "
                    f"spacings of {spacing * 1e6:.6g} um: choose {extent[axis] / count[axis] * 1e6:.6g} um"
                )
    centre = 0.5 * (low + high)
    # Openings that face along an axis should lie half-way between nodes; a centred box does this when the length is a whole
    # number of spacings, and treats both ends alike when it is not.
    origin = centre - 0.5 * (count - 1) * spacing
    return origin, (int(count[0]), int(count[1]), int(count[2]))


def _fluid_nodes(
    vessel: AbstractVessel, origin: NDArray[np.float64], spacing: float, shape: tuple[int, int, int]
) -> tuple[NDArray[np.int32], NDArray[np.float64]]:
    """Fluid nodes and their signed distance, found block by block so that memory follows the lumen."""
    plane = shape[1] * shape[2]
    step = max(BLOCK // plane, 1)
    found, distances = [], []
    for start in range(0, shape[0], step):
        stop = min(start + step, shape[0])
        grid = np.stack(
            np.meshgrid(np.arange(start, stop), np.arange(shape[1]), np.arange(shape[2]), indexing="ij"), -1
        ).reshape(-1, 3)
        phi = vessel.signed_distance(origin + spacing * grid)
        inside = phi < 0
        found.append(grid[inside].astype(np.int32))
        distances.append(phi[inside])
    return np.concatenate(found), np.concatenate(distances)


def _with_links(
    vessel: AbstractVessel,
    box: tuple[NDArray[np.float64], float, tuple[int, int, int]],
    nodes: NDArray[np.int32],
    distance: NDArray[np.float64],
    axis: int,
) -> Lumen:
    origin, spacing, shape = box
    key = _keys(nodes, shape, axis)
    neighbours = np.full((19, len(nodes)), -1, np.int64)
    outside_node, outside_direction, target = [], [], []
    for i in range(1, 19):
        there, valid = _wrap(nodes + DIRECTIONS[i], shape, vessel.periodic)
        index = np.searchsorted(key, _keys(there, shape, axis))
        index = np.minimum(index, len(key) - 1)
        hit = valid & (key[index] == _keys(there, shape, axis))
        neighbours[i] = np.where(hit, index, -1)
        missing = np.flatnonzero(~hit)
        outside_node.append(missing)
        outside_direction.append(np.full(len(missing), i))
        target.append(nodes[missing] + DIRECTIONS[i])
    neighbours[0] = np.arange(len(nodes))
    link_node = np.concatenate(outside_node)
    link_direction = np.concatenate(outside_direction)
    ends = np.concatenate(target)
    band, inverse = np.unique(ends, axis=0, return_inverse=True)
    band_distance = np.abs(vessel.signed_distance(origin + spacing * band))
    fraction, opening = _link_crossings(
        vessel,
        origin + spacing * nodes[link_node],
        origin + spacing * ends,
        -distance[link_node],
        band_distance[inverse.ravel()],
        (link_node, neighbours),
    )
    return Lumen(
        origin, spacing, shape, tuple(bool(p) for p in vessel.periodic), nodes, distance, band.astype(np.int32), band_distance,  # type: ignore[arg-type]
        link_node, link_direction, np.clip(fraction, SMALLEST_LINK, 1.0), opening, vessel.openings, neighbours, vessel,
    )  # fmt: skip


def _link_crossings(
    vessel: AbstractVessel,
    start: NDArray[np.float64],
    end: NDArray[np.float64],
    start_distance: NDArray[np.float64],
    end_distance: NDArray[np.float64],
    graph: tuple[NDArray[np.int64], NDArray[np.int64]],
) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Fraction along each link at which it leaves the lumen, and through which opening (-1: the wall).

    `graph`: the node of each link, and the neighbours (19, N) of each node.
    """
    fraction = _wall_fraction(vessel, start, end, start_distance, end_distance)
    which = np.full(len(start), -1, np.int64)
    nearest = np.full(len(start), np.inf)
    length = np.linalg.norm(end - start, axis=1)
    for k, opening in enumerate(vessel.openings):
        a = (start - opening.centre) @ opening.normal
        b = (end - opening.centre) @ opening.normal
        crosses = (a <= 1e-9 * length) & (b > np.maximum(a, 0.0))
        t = np.where(crosses, np.maximum(-a, 0.0) / np.where(crosses, b - a, 1.0), 0.0)
        at = start + t[:, None] * (end - start)
        take = crosses & (t < nearest)
        take[take] = _reaches(opening, at[take], graph[0][take], graph[1])
        # The rim belongs to the wall, and so does a wall in the plane of the opening: just inside of the plane the
        # crossing must lie in the lumen and deeper than the plane itself is away.
        inside = vessel.signed_distance(at[take] - 1e-3 * length[take, None] * opening.normal)
        take[np.flatnonzero(take)[inside >= -2e-3 * length[take]]] = False
        nearest = np.where(take, t, nearest)
        which = np.where(take, k, which)
    return np.where(which >= 0, nearest, fraction), which


def _wall_fraction(
    vessel: AbstractVessel,
    start: NDArray[np.float64],
    end: NDArray[np.float64],
    start_distance: NDArray[np.float64],
    end_distance: NDArray[np.float64],
) -> NDArray[np.float64]:
    """Where each link meets the wall: the zero of the signed distance along it, by false position.

    Only links that miss the wall by more than `WALL_TOLERANCE` are looked at again; an end that stays counts half the
    next time (the Illinois rule), or curved walls and edges would be approached from one side only.
    """
    low, high = np.zeros(len(start)), np.ones(len(start))
    inside, outside = np.array(start_distance), np.array(end_distance)
    fraction = inside / np.maximum(inside + outside, 1e-300)
    length = np.linalg.norm(end - start, axis=1)
    left, was = np.arange(len(start)), np.zeros(len(start), int)
    for _ in range(WALL_ROUNDS):
        if not len(left):
            break
        f = fraction[left]
        phi = vessel.signed_distance(start[left] + f[:, None] * (end[left] - start[left]))
        within = phi < 0
        side = np.where(within, 1, -1)
        stays = np.where(side == was[left], 0.5, 1.0)
        low[left], high[left] = np.where(within, f, low[left]), np.where(within, high[left], f)
        inside[left] = np.where(within, -phi, inside[left] * stays)
        outside[left] = np.where(within, outside[left] * stays, np.abs(phi))
        was[left] = side
        weight = inside[left] / np.maximum(inside[left] + outside[left], 1e-300)
        fraction[left] = low[left] + (high[left] - low[left]) * weight
        left = left[np.abs(phi) > WALL_TOLERANCE * length[left]]
    return fraction


def _reaches(
    opening: Opening, crossing: NDArray[np.float64], node: NDArray[np.int64], neighbours: NDArray[np.int64]
) -> NDArray[np.bool_]:
    """Which links that cross the plane of an opening belong to it: those whose nodes hang together with its middle.

    A vessel may cross the plane elsewhere too; an opening may be any number of times longer than wide.
    """
    if not len(node):
        return np.zeros(0, bool)
    nodes, mine = np.unique(node, return_inverse=True)
    there = neighbours[1:, nodes]
    place = np.minimum(np.searchsorted(nodes, there), len(nodes) - 1)
    near = nodes[place] == there
    row = np.broadcast_to(np.arange(len(nodes)), there.shape)[near]
    links = sparse.csr_matrix((np.ones(len(row)), (row, place[near])), shape=(len(nodes), len(nodes)))
    part = csgraph.connected_components(links, directed=False)[1][mine.ravel()]
    away = np.linalg.norm(crossing - opening.centre, axis=1)
    return np.isin(part, part[away <= max(opening.radius, float(away.min()))])


def _opening_reach(opening: Opening) -> float:
    """How far from its centre a point of an opening may lie: cross-sections up to 4:1 are covered."""
    return 2.3 * opening.radius


def _packed(nodes: NDArray[np.integer]) -> NDArray[np.int64]:
    """One number per node index (n, 3), also one node outside of the box."""
    wide = np.asarray(nodes, np.int64) + 1
    return (wide[:, 0] << 42) + (wide[:, 1] << 21) + wide[:, 2]


def _keys(nodes: NDArray[np.integer], shape: tuple[int, int, int], axis: int = 2) -> NDArray[np.int64]:
    """Place of each node in the whole box, whose rows run along `axis`."""
    slow, middle, fast = (axis + 1) % 3, (axis + 2) % 3, axis
    wide = np.asarray(nodes, np.int64)
    return (wide[:, slow] * shape[middle] + wide[:, middle]) * shape[fast] + wide[:, fast]


def _row_axis(nodes: NDArray[np.integer], shape: tuple[int, int, int]) -> int:
    """Axis along which the nodes form the fewest rows."""
    rows = [np.count_nonzero(np.diff(np.sort(_keys(nodes, shape, axis))) != 1) for axis in (2, 1, 0)]
    return 2 - int(np.argmin(rows))


def _wrap(
    nodes: NDArray[np.integer], shape: tuple[int, int, int], periodic: tuple[bool, bool, bool]
) -> tuple[NDArray[np.integer], NDArray[np.bool_]]:
    """Periodic images folded back, and which nodes lie in the box at all (the key of one outside would alias another)."""
    out = np.array(nodes)
    valid = np.ones(len(out), bool)
    for axis in range(3):
        if periodic[axis]:
            out[:, axis] %= shape[axis]
        else:
            valid &= (out[:, axis] >= 0) & (out[:, axis] < shape[axis])
    return np.where(valid[:, None], out, 0), valid
