"""Values at points of the wall from values at the fluid nodes near them: a fit of a linear field, made once, applied as one matrix."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from scipy.spatial import cKDTree

from hemoflow.geometry.voxelise import Lumen

Array = NDArray[np.float64]
Ids = NDArray[np.int64]

DEPTH, REACH = 1.5, 2.5
"""Node spacings: how deep below a point of the wall the middle of its nodes lies, and how far around it they take part."""

FIRST_ROW = 0.05
"""Weight of nodes with a link to the wall beside that of others. Their populations were made by the wall's rule, which gets
the velocity right to second order and the stress to first: in a tube they are off by 2 % of the wall's own shear at 12
nodes across, the nodes behind them by 0.3 %. Where there are no others they still count."""

FLATTEST = 0.05
"""Spread of the nodes (variance in squared spacings) along a direction below which no gradient is known along it."""

HOPS = 4
"""Steps between neighbouring nodes that lead to every node within reach; what takes more lies in another branch."""

BLOCK = 8192
"""Points looked at together."""


def wall_operator(lumen: Lumen, points: Array, normals: Array) -> sparse.csr_matrix:
    """Matrix (P, N) that takes a field on the nodes to points (P, 3) m of the wall with outward unit `normals` (P, 3).

    Each row is a weighted least-squares fit of a linear field to nearby nodes on the lumen's side that hang together with
    the nearest one, evaluated at the point: exact for fields that are linear, of second order for others. Along a
    direction in which the lumen is too thin to know a gradient there is none. Rows of points further from every node
    than `REACH` are empty.
    """
    near = np.flatnonzero(-lumen.distance < (DEPTH + REACH + 1.0) * lumen.spacing)
    trust = np.ones(len(lumen.nodes))
    trust[lumen.link_node[lumen.link_opening < 0]] = FIRST_ROW
    box = np.where(lumen.periodic, np.asarray(lumen.shape, float), 0.0)
    places = lumen.nodes[near].astype(float)
    tree = cKDTree(places, boxsize=box if any(lumen.periodic) else None)
    at = (points - lumen.origin) / lumen.spacing
    inside = at - 0.5 * normals
    away, seed = tree.query(np.where(box > 0, np.mod(inside, np.where(box > 0, box, 1.0)), inside))
    links = _links(lumen, near)
    rows = []
    for start in range(0, len(points), BLOCK):
        part = slice(start, start + BLOCK)
        reached = _reached(links, seed[part])
        rows.append(_fitted(reached, (places, trust[near]), (at[part], normals[part]), away[part] < REACH, box))
    local = sparse.vstack(rows, format="csr") if rows else sparse.csr_matrix((0, len(near)))
    return sparse.csr_matrix((local.data, near[local.indices], local.indptr), (len(points), len(lumen.nodes)))


def _links(lumen: Lumen, near: Ids) -> sparse.csr_matrix:
    """Which of the nodes `near` the wall are neighbours, themselves included."""
    number = np.full(len(lumen.nodes) + 1, -1)
    number[near] = np.arange(len(near))
    there = number[lumen.neighbours[:, near]]
    direction, node = np.nonzero(there >= 0)
    columns = there[direction, node]
    return sparse.csr_matrix((np.ones(len(node), bool), (node, columns)), (len(near), len(near)))


def _reached(links: sparse.csr_matrix, seed: Ids) -> sparse.csr_matrix:
    """Nodes that each seed reaches within `HOPS`."""
    unique, which = np.unique(seed, return_inverse=True)
    reach = links[unique]
    for _ in range(HOPS - 1):
        reach = reach @ links
    return reach[which.ravel()]


def _fitted(
    reached: sparse.csr_matrix,
    nodes: tuple[Array, Array],
    where: tuple[Array, Array],
    known: NDArray[np.bool_],
    box: Array,
) -> sparse.csr_matrix:
    """The rows of the points `where` (place in spacings and normal of each) over the nodes that each may use; `nodes`: place and
    trust of each."""
    (places, trust), (at, normals) = nodes, where
    row = np.repeat(np.arange(len(at)), np.diff(reached.indptr))
    column = reached.indices
    offset = places[column] - at[row]
    offset -= np.where(box > 0, box * np.round(offset / np.where(box > 0, box, 1.0)), 0.0)
    distance = np.linalg.norm(offset + DEPTH * normals[row], axis=1)
    use = (distance < REACH) & (np.einsum("ij,ij->i", offset, normals[row]) < 0.25) & known[row]
    row, column, offset = row[use], column[use], offset[use]
    weight = trust[column] * (1.0 - (distance[use] / REACH) ** 2) ** 2
    count = len(at)

    def total(values: Array) -> Array:
        return np.bincount(row, values, count).astype(float)

    weight /= np.maximum(total(weight), 1e-300)[row]
    mean = np.stack([total(weight * offset[:, k]) for k in range(3)], axis=1)
    centred = offset - mean[row]
    spread = np.stack(
        [np.stack([total(weight * centred[:, a] * centred[:, b]) for a in range(3)], 1) for b in range(3)], axis=2
    )
    values, axes = np.linalg.eigh(spread)
    inverse = np.where(values > FLATTEST, 1.0 / np.maximum(values, FLATTEST), 0.0)
    slope = -np.einsum("pij,pj,pkj,pk->pi", axes, inverse, axes, mean)
    weight = weight * (1.0 + np.einsum("ij,ij->i", centred, slope[row]))
    return sparse.csr_matrix((weight, (row, column)), (count, len(places)))
