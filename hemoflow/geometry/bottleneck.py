"""The narrowest place on the widest way through a lumen."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from scipy.sparse import csgraph

from hemoflow.geometry.voxelise import Lumen

HALVINGS = 12


def bottleneck_radius(lumen: Lumen, inlets: list[int], outlets: list[int]) -> float:
    """Radius (m) of the largest sphere that gets from an inlet to an outlet, to within half a node spacing.

    In a vessel without such openings: of the largest that passes every cross-section of the first periodic axis, else the largest at all.
    """
    wall = -np.asarray(lumen.distance)
    start = np.isin(np.arange(len(wall)), lumen.link_node[np.isin(lumen.link_opening, inlets)])
    stop = np.isin(np.arange(len(wall)), lumen.link_node[np.isin(lumen.link_opening, outlets)])
    if start.any() and stop.any():
        return _widest_way(lumen, wall, start, stop)
    if any(lumen.periodic):
        column = lumen.nodes[:, int(np.argmax(lumen.periodic))]
        widest = np.zeros(int(column.max()) + 1)
        np.maximum.at(widest, column, wall)
        return float(widest.min())
    return float(wall.max())


def _widest_way(lumen: Lumen, wall: NDArray[np.float64], start: NDArray[np.bool_], stop: NDArray[np.bool_]) -> float:
    low, high = 0.0, float(min(wall[start].max(), wall[stop].max()))
    if _connected(lumen, wall >= high, start, stop):
        return high
    for _ in range(HALVINGS):
        middle = 0.5 * (low + high)
        if _connected(lumen, wall >= middle, start, stop):
            low = middle
        else:
            high = middle
    return low


def _connected(lumen: Lumen, open_nodes: NDArray[np.bool_], start: NDArray[np.bool_], stop: NDArray[np.bool_]) -> bool:
    rows, columns = [], []
    for i in range(1, 19, 2):
        there = lumen.neighbours[i]
        ok = np.flatnonzero((there >= 0) & open_nodes)
        ok = ok[open_nodes[there[ok]]]
        rows.append(ok)
        columns.append(there[ok])
    r, c = np.concatenate(rows), np.concatenate(columns)
    graph = sparse.csr_matrix((np.ones(len(r), np.int8), (r, c)), shape=(len(open_nodes),) * 2)
    _, label = csgraph.connected_components(graph, directed=False)
    return bool(np.isin(label[start & open_nodes], label[stop & open_nodes]).any())
