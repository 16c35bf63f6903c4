"""The narrowest place on the widest way through a lumen."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from scipy.sparse import csgraph

from hemoflow.fluid.lattice import DIRECTIONS
from hemoflow.geometry.vessel import AbstractVessel
from hemoflow.geometry.voxelise import Lumen

Array = NDArray[np.float64]
Mask = NDArray[np.bool_]
HALVINGS = 12
PROBES = 9
"""Points per side of the square across the way in which the middle of the lumen is looked for."""


def bottleneck_radius(vessel: AbstractVessel, lumen: Lumen, inlets: list[int], outlets: list[int]) -> float:
    """Radius (m) of the largest sphere that gets from an inlet to an outlet.

    The widest way is found on the nodes; the lumen's middle is then looked for across it at sub-node distances. In a
    vessel without inlet and outlet: the largest sphere that passes every cross-section of the first periodic axis,
    else the largest at all, to within half a node spacing.
    """
    wall = -np.asarray(lumen.distance)
    ends = [np.unique(lumen.link_node[np.isin(lumen.link_opening, one)]) for one in (inlets, outlets)]
    if len(ends[0]) and len(ends[1]):
        way = _widest_way(lumen, wall, ends[0], ends[1])
        return (
            float(np.min(_middle_distance(vessel, lumen, way))) if len(way) > 2 else float(wall[way].min(initial=0.0))
        )
    if any(lumen.periodic):
        column = lumen.nodes[:, int(np.argmax(lumen.periodic))]
        widest = np.zeros(int(column.max()) + 1)
        np.maximum.at(widest, column, wall)
        return float(widest.min())
    return float(wall.max())


def _widest_way(lumen: Lumen, wall: Array, start: NDArray[np.int64], stop: NDArray[np.int64]) -> NDArray[np.int64]:
    """Nodes of a way from start to stop that stays in lumen as wide as possible, and in its middle."""
    rows, columns, length = _links(lumen)
    low, high = 0.0, float(min(wall[start].max(), wall[stop].max()))
    if not _joins(rows, columns, wall >= high, start, stop):
        for _ in range(HALVINGS):
            middle = 0.5 * (low + high)
            low, high = (middle, high) if _joins(rows, columns, wall >= middle, start, stop) else (low, middle)
        high = low
    kept = (wall[rows] >= high) & (wall[columns] >= high)
    cost = length * (wall.max() / np.minimum(wall[rows], wall[columns])) ** 4
    graph = sparse.csr_matrix((cost[kept], (rows[kept], columns[kept])), shape=(len(wall),) * 2)
    begin = start[wall[start] >= high]
    reached, before, _ = csgraph.dijkstra(graph, directed=False, indices=begin, return_predecessors=True, min_only=True)
    at = int(stop[np.argmin(reached[stop])])
    way = [at] if np.isfinite(reached[at]) else []
    while way and before[way[-1]] >= 0:
        way.append(int(before[way[-1]]))
    return np.array(way[::-1], np.int64)


def _middle_distance(vessel: AbstractVessel, lumen: Lumen, way: NDArray[np.int64]) -> Array:
    """Largest distance to the wall (m) in a square of two node spacings across the way, at every node of it."""
    points = lumen.position(lumen.nodes[way])
    reach = np.clip(np.arange(len(way))[:, None] + np.array([-4, 4]), 0, len(way) - 1)
    along = points[reach[:, 1]] - points[reach[:, 0]]
    if any(lumen.periodic):
        along = np.where(np.abs(along) > 10.0 * lumen.spacing, 0.0, along)
    along /= np.maximum(np.linalg.norm(along, axis=1, keepdims=True), 1e-30)
    side = np.cross(along, np.eye(3)[np.argmin(np.abs(along), axis=1)])
    side /= np.maximum(np.linalg.norm(side, axis=1, keepdims=True), 1e-30)
    up = np.cross(along, side)
    steps = lumen.spacing * np.linspace(-1.0, 1.0, PROBES)
    probe = (
        points[:, None, None] + steps[:, None, None] * side[:, None, None] + steps[None, :, None] * up[:, None, None]
    )
    distance = -vessel.signed_distance(probe.reshape(-1, 3)).reshape(len(way), -1)
    return np.asarray(np.maximum(distance.max(axis=1), -lumen.distance[way]))


def _links(lumen: Lumen) -> tuple[NDArray[np.int64], NDArray[np.int64], Array]:
    rows, columns, length = [], [], []
    for i in range(1, 19, 2):
        there = lumen.neighbours[i]
        ok = np.flatnonzero(there >= 0)
        rows.append(ok)
        columns.append(there[ok])
        length.append(np.full(len(ok), float(np.linalg.norm(DIRECTIONS[i]))))
    return np.concatenate(rows), np.concatenate(columns), np.concatenate(length)


def _joins(
    rows: NDArray[np.int64], columns: NDArray[np.int64], wide: Mask, start: NDArray[np.int64], stop: NDArray[np.int64]
) -> bool:
    kept = wide[rows] & wide[columns]
    links = (np.ones(int(kept.sum()), np.int8), (rows[kept], columns[kept]))
    _, label = csgraph.connected_components(sparse.csr_matrix(links, shape=(len(wide),) * 2), directed=False)
    return bool(np.isin(label[start[wide[start]]], label[stop[wide[stop]]]).any())
