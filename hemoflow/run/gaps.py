"""How close cells come to each other, at any distance and depth: measured on the host after a chunk, apart from the search of the steps."""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from functools import cached_property

import jax
import jax.numpy as jnp
import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from hemoflow.interaction.neighbours import point_of_triangle
from hemoflow.model import CellState, Model

Array = NDArray[np.float64]
NEAREST = 3
"""Vertices around whose faces the nearest one is looked for."""


@dataclass
class Shape:
    """A cell's vertices (V, 3) in node spacings, and the faces around every vertex as corners (V, K, 3), short rows filled up with
    their first."""

    points: Array
    around: NDArray[np.int32]

    @cached_property
    def tree(self) -> cKDTree:
        """The vertices for searches."""
        return cKDTree(self.points)


def cell_gaps(model: Model, cells: tuple[CellState, ...]) -> Array:
    """Smallest distance (N,) of every cell to another one, in node spacings and in the order of the groups: from vertices to faces,
    negative for vertices inside; infinite for dead cells and one alone."""
    alive = np.concatenate([np.asarray(one.alive) for one in cells]) if cells else np.zeros(0, bool)
    best = np.full(len(alive), np.inf)
    if alive.sum() < 2:
        return best
    shapes = _shapes(model, cells)
    low, high = (np.stack([f(shape.points, axis=0) for shape in shapes]) for f in (np.min, np.max))
    turns = [(-1, 0, 1) if p else (0,) for p in model.layout.periodic]
    shifts = np.array(list(itertools.product(*turns))) * np.array(model.layout.shape)
    for one in np.flatnonzero(alive):
        # boxes of cells and their images cannot be farther apart than the cells
        turned = low[:, None] + shifts, high[:, None] + shifts
        apart = np.linalg.norm(np.maximum(0.0, np.maximum(turned[0] - high[one], low[one] - turned[1])), axis=-1)
        apart[~alive], apart[one] = np.inf, np.inf
        for flat in np.argsort(apart, axis=None):
            other, image = np.unravel_index(flat, apart.shape)
            if not apart[other, image] < best[one]:
                break
            gap = _gap(shapes[one], shapes[other], shifts[image])
            best[one], best[other] = min(best[one], gap), min(best[other], gap)
    return best


def _shapes(model: Model, cells: tuple[CellState, ...]) -> list[Shape]:
    """All cells, in a period box each by its middle."""
    size, shapes = np.where(model.layout.periodic, model.layout.shape, 0), []
    for group, state in zip(model.groups, cells, strict=True):
        around = _faces_around(np.asarray(group.membrane.mesh.faces), state.offset.shape[1])
        points = np.asarray(state.anchor, float)[:, None] + np.asarray(state.offset, float)
        turn = np.floor(points.mean(axis=1) / np.maximum(size, 1)) * size
        shapes += [Shape(x, around) for x in points - turn[:, None]]
    return shapes


def _faces_around(faces: NDArray[np.integer], vertices: int) -> NDArray[np.int32]:
    owner, face = faces.ravel(), np.repeat(np.arange(len(faces)), 3)
    order = np.argsort(owner, kind="stable")
    uses = np.bincount(owner, minlength=vertices)
    first = np.cumsum(uses) - uses
    rank = np.arange(len(owner)) - np.repeat(first, uses)
    table = np.repeat(face[order][first][:, None], uses.max(), axis=1)
    table[owner[order], rank] = face[order]
    return np.asarray(faces[table], np.int32)


def _gap(one: Shape, other: Shape, shift: Array) -> float:
    """Smallest distance of the vertices of one cell to the faces of another that is moved by `shift`."""
    points = one.points - shift
    corners = other.around[other.tree.query(points, k=NEAREST)[1]].reshape(len(points), -1, 3)
    from_vertex = other.points[corners] - points[:, None, None]
    return float(_smallest(from_vertex.reshape(-1, 3, 3).astype(np.float32), corners.shape[1]))


@jax.jit
def _signed(corners: jax.Array) -> tuple[jax.Array, jax.Array]:
    a, b, c = corners[:, 0], corners[:, 1], corners[:, 2]
    _, point, across = point_of_triangle(a, b, c)
    return jnp.sum(point * point, axis=1), jnp.sum(point * across, axis=1) <= 0.0


def _smallest(corners: Array, each: int) -> float:
    """Of the triangles (P * each, 3, 3) seen from P vertices, each vertex's nearest; and of these the smallest signed distance."""
    square, outside = (np.asarray(a).reshape(-1, each) for a in _signed(jnp.asarray(corners)))
    nearest = square.argmin(axis=1)
    rows = np.arange(len(nearest))
    distance = np.sqrt(square[rows, nearest])
    return float(np.where(outside[rows, nearest], distance, -distance).min())
