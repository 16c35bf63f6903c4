"""Choosing the piece of a network that a three-dimensional run is about: one connected part, cut to a box."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from hemoflow.errors import InputError
from hemoflow.geometry.network_record import Network, connected_labels
from hemoflow.geometry.poiseuille import NetworkFlow

Array = NDArray[np.float64]

STUB = 2.0
"""A segment cut by the box keeps at least this many radii beyond its junction, so that the opening does not cut into
the junction.
"""


@dataclass(frozen=True)
class Piece:
    """Nodes (n, 3) m, edges (m, 2), radii (m, 2) m of what is kept, with what is known at its ends.

    `names`: end node -> opening name. `pressures` Pa and `inflows` m^3/s (positive into the lumen) by opening name,
    empty without a 0-D solution. `cut`: the segments that the box cut. `segments` (m,): which of the network each is.
    """

    positions: Array
    edges: NDArray[np.int64]
    radii: Array
    names: dict[int, str]
    pressures: dict[str, float]
    inflows: dict[str, float]
    cut: tuple[str, ...]
    segments: NDArray[np.int64]


def connected_part(network: Network, node: str | None) -> tuple[Network, int]:
    """The connected part that holds `node`, or the one with most segments, as a network of its own; and how many parts
    there are.
    """
    parts = network.components()
    if node is None:
        keep = parts[0]
    else:
        index = network.node_index(node)
        keep = next((p for p in parts if index in p), parts[0][:0])
        if not keep.size:
            raise InputError(f"{network.source}: node {node} belongs to no segment")
    return _restricted(network, keep), len(parts)


def cut_to_box(network: Network, box: Array, flow: NetworkFlow | None, node: str | None) -> Piece:
    """What of a network lies in the `box` (2, 3) m: segments that cross its faces are cut there; the largest part that
    remains is kept.

    Raises InputError where nothing lies in the box.
    """
    if network.positions is None:
        raise InputError(f"{network.source}: no coordinates, nothing to cut")
    start, end = network.positions[network.edges[:, 0]], network.positions[network.edges[:, 1]]
    low, high = _clip(start, end, box)
    inside = np.flatnonzero(high - low > 1e-12)
    if not inside.size:
        have = np.stack([network.positions.min(axis=0), network.positions.max(axis=0)]) * 1e6
        raise InputError(
            "vessel.crop: no segment lies in the box; the network reaches from "
            f"({', '.join(f'{v:.4g}' for v in have[0])}) to ({', '.join(f'{v:.4g}' for v in have[1])}) um"
        )
    low, high = _keep_stubs(network, low, high)
    build = _Builder(network, flow)
    for k in inside[~_crumbs(network)[inside]]:
        build.add(int(k), float(low[k]), float(high[k]))
    return build.piece(node)


class _Builder:
    """Collects nodes and segments of a piece; cut ends become new nodes of their own."""

    def __init__(self, network: Network, flow: NetworkFlow | None) -> None:
        self.network, self.flow = network, flow
        self.index: dict[tuple[int, float], int] = {}
        self.original: dict[int, int] = {}
        self.positions: list[Array] = []
        self.ends: list[tuple[int, int]] = []
        self.radii: list[Array] = []
        self.segments: list[int] = []
        self.cuts: dict[int, tuple[int, float, str]] = {}

    def add(self, segment: int, low: float, high: float) -> None:
        """Add the stretch of a segment between the fractions `low` and `high` of its way from first to second node."""
        assert self.network.positions is not None
        a, b = self.network.edges[segment]
        p, q = self.network.positions[a], self.network.positions[b]
        r, s = self.network.radii[segment]
        both = low > 0 and high < 1
        nodes = []
        for node, t, mark in ((a, low, "_a" if both else ""), (b, high, "_b" if both else "")):
            whole = t in (0.0, 1.0)
            key = (int(node), -1.0) if whole else (segment, t)
            if key not in self.index:
                self.index[key] = len(self.positions)
                self.positions.append(p + t * (q - p))
            if whole:
                self.original[self.index[key]] = int(node)
            else:
                self.cuts[self.index[key]] = (segment, t, f"segment_{self.network.edge_names[segment]}{mark}")
            nodes.append(self.index[key])
        self.ends.append((nodes[0], nodes[1]))
        self.radii.append(np.array([r + low * (s - r), r + high * (s - r)]))
        self.segments.append(segment)

    def piece(self, node: str | None) -> Piece:
        """The part that holds `node` (where that lies in the box), or the one with the longest vessel in it."""
        edges, positions = np.array(self.ends, np.int64), np.array(self.positions)
        labels = connected_labels(len(positions), edges)
        span = np.linalg.norm(positions[edges[:, 1]] - positions[edges[:, 0]], axis=1)
        chosen = int(np.argmax(np.bincount(labels[edges[:, 0]], weights=span)))
        wanted = None if node is None else self.index.get((self.network.node_index(node), -1.0))
        if wanted is not None:
            chosen = int(labels[wanted])
        kept = np.flatnonzero(labels[edges[:, 0]] == chosen)
        used, inverse = np.unique(edges[kept], return_inverse=True)
        piece = Piece(
            positions[used], inverse.reshape(-1, 2).astype(np.int64), np.array(self.radii)[kept], {}, {}, {},
            tuple(sorted({self.network.edge_names[self.cuts[n][0]] for n in used if n in self.cuts})),
            np.array(self.segments, np.int64)[kept],
        )  # fmt: skip
        return self._with_openings(piece, used)

    def _with_openings(self, piece: Piece, used: NDArray[np.int64]) -> Piece:
        names, pressures, inflows = {}, {}, {}
        for local in np.flatnonzero(np.bincount(piece.edges.ravel(), minlength=len(used)) == 1):
            place = int(used[local])
            cut = self.cuts.get(place)
            name = cut[2] if cut else f"node_{self.network.node_names[self.original[place]]}"
            names[int(local)] = name
            if self.flow is None:
                continue
            pressure = self._pressure(*cut[:2]) if cut else float(self.flow.pressures[self.original[place]])
            if np.isfinite(pressure):
                pressures[name] = pressure
                inflows[name] = self._inflow(place)
        order = sorted(names, key=lambda k: -pressures.get(names[k], -np.inf))
        return replace(piece, names={k: names[k] for k in order}, pressures=_ordered(pressures), inflows=inflows)

    def _pressure(self, segment: int, t: float) -> float:
        """Pressure at the fraction `t` of a segment: the drop follows the resistance of the cone up to there."""
        assert self.flow is not None
        a, b = self.network.edges[segment]
        r, s = self.network.radii[segment]
        first, last = self.flow.pressures[a], self.flow.pressures[b]
        x = r + t * (s - r)
        share = t * (r * r + r * x + x * x) / (r * x) ** 3 / ((r * r + r * s + s * s) / (r * s) ** 3)
        return float(first + share * (last - first))

    def _inflow(self, place: int) -> float:
        """Flow in m^3/s that enters the lumen at an end, which belongs to one segment."""
        assert self.flow is not None
        segment, first = next((s, a) for s, (a, b) in zip(self.segments, self.ends, strict=True) if place in (a, b))
        return float(self.flow.flows[segment]) * (1.0 if place == first else -1.0)


def _ordered(pressures: dict[str, float]) -> dict[str, float]:
    return dict(sorted(pressures.items(), key=lambda item: -item[1]))


def _clip(start: Array, end: Array, box: Array) -> tuple[Array, Array]:
    """Fractions (m,) of each segment between which it lies in the box; where it does not, the second is not above the
    first.
    """
    low, high = np.zeros(len(start)), np.ones(len(start))
    for axis in range(3):
        step = end[:, axis] - start[:, axis]
        still = step == 0
        safe = np.where(still, 1.0, step)
        t = np.sort(np.stack([(box[k, axis] - start[:, axis]) / safe for k in (0, 1)]), axis=0)
        within = (start[:, axis] >= box[0, axis]) & (start[:, axis] <= box[1, axis])
        low = np.where(still, np.where(within, low, 2.0), np.maximum(low, t[0]))
        high = np.where(still, high, np.minimum(high, t[1]))
    return low, high


def _keep_stubs(network: Network, low: Array, high: Array) -> tuple[Array, Array]:
    """Cut ends moved outward where less than `STUB` radii of a segment would remain at its junction."""
    assert network.positions is not None
    span = np.linalg.norm(network.positions[network.edges[:, 1]] - network.positions[network.edges[:, 0]], axis=1)
    least = STUB * network.radii.max(axis=1) / span
    almost = 1 - 1e-9
    high = np.where((low == 0) & (high < 1), np.minimum(np.maximum(high, least), almost), high)
    low = np.where((high == 1) & (low > 0), np.maximum(np.minimum(low, 1 - least), 1e-9), low)
    return low, high


def _crumbs(network: Network) -> NDArray[np.bool_]:
    """Segments (m,) at the ends of vessels that are shorter than half their radius: noise, too short to give an opening
    a direction.
    """
    assert network.positions is not None
    span = np.linalg.norm(network.positions[network.edges[:, 1]] - network.positions[network.edges[:, 0]], axis=1)
    short = span < 0.5 * network.radii.min(axis=1)
    gone = np.zeros(len(span), bool)
    while True:
        degree = np.bincount(network.edges[~gone].ravel(), minlength=len(network.node_names))
        at_end = np.sort(degree[network.edges], axis=1)
        more = short & ~gone & (at_end[:, 0] == 1) & (at_end[:, 1] == 2)
        if not more.any():
            return gone
        gone |= more


def _restricted(network: Network, nodes: NDArray[np.int64]) -> Network:
    """The network of some nodes and every segment between them."""
    inside = np.zeros(len(network.node_names), bool)
    inside[nodes] = True
    kept = np.flatnonzero(inside[network.edges].all(axis=1))
    place = np.cumsum(inside) - 1
    names = tuple(n for n, k in zip(network.node_names, inside, strict=True) if k)
    known = set(names)
    return replace(
        network,
        node_names=names,
        positions=None if network.positions is None else network.positions[inside],
        edge_names=tuple(network.edge_names[i] for i in kept),
        edges=place[network.edges[kept]],
        radii=network.radii[kept],
        lengths=network.lengths[kept],
        flows=None if network.flows is None else network.flows[kept],
        hematocrit=None if network.hematocrit is None else network.hematocrit[kept],
        boundary=tuple(c for c in network.boundary if c.node in known),
        levels=tuple(c for c in network.levels if c.node in known),
    )
