"""The developed flow through an opening of any shape: Poisson's equation on its cross-section, unit gradient, no slip at the rim."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage, sparse
from scipy.sparse.linalg import spsolve

from hemoflow.geometry.voxelise import Lumen

Array = NDArray[np.float64]

CELLS_ACROSS = 48
"""Grid cells over the widest depth of a section, twice: what is interpolated between them is off by 1e-3 at most."""

Viscosity = dict[tuple[int, int], Array]

MOST_CELLS = 1e5
"""Grid cells of a section, about; far more than its flow is felt by."""

SHORTEST = 1e-3
"""Distances of the rim from a grid point below this part of the grid's spacing are taken as this."""


@dataclass(frozen=True)
class Grid:
    """A square grid in the plane of an opening: `corner` (2,) and `spacing` in m along two unit `axes` (2, 3) from `centre` (3,);
    `inside` and the signed `distance` to the wall (n, m)."""

    centre: Array
    axes: Array
    corner: Array
    spacing: float
    inside: NDArray[np.bool_]
    distance: Array

    def place(self, points: Array) -> Array:
        """Grid coordinates (2, n) of points (n, 3)."""
        return (((points - self.centre) @ self.axes.T - self.corner) / self.spacing).T


def developed(lumen: Lumen, opening: int, points: Array) -> Array:
    """Velocity (n,), but for a factor, of the developed flow through an opening at points (n, 3) m in its plane.

    The rim is found by the signed distance of the vessel and enters at its true place between grid points (Shortley and
    Weller 1938), so that the velocity is of second order in the grid's spacing. Where the lumen goes on beyond what the points
    cover, in a vessel that is periodic across the flow, the velocity does not change across the grid's edge.
    """
    grid = section(lumen, opening, points)
    return interpolated(grid, poisson(grid), points)


def interpolated(grid: Grid, field: Array, points: Array) -> Array:
    """A velocity on the grid at points (n, 3) m in its plane, up to the rim."""
    full = _beyond_the_rim(grid, field)
    return np.maximum(ndimage.map_coordinates(full, grid.place(points), order=1, mode="nearest"), 0.0)


def section(lumen: Lumen, opening: int, points: Array, most: float = MOST_CELLS) -> Grid:
    """The grid of at most about `most` cells over the parts of the plane's section that the points lie in."""
    cap, h = lumen.openings[opening], lumen.spacing
    axes = np.linalg.svd(cap.normal[None, :])[2][1:]
    flat = (points - cap.centre) @ axes.T
    low, high = flat.min(axis=0), flat.max(axis=0)
    closed = np.array([not any(lumen.periodic[a] and abs(axis[a]) > 0.5 for a in range(3)) for axis in axes])
    low, high = low - np.where(closed, 2.0, 0.5) * h, high + np.where(closed, 2.0, 0.5) * h
    depth = -float(lumen.distance[lumen.link_node[lumen.link_opening == opening]].min())
    spacing = max(min(h / 3.0, 2.0 * depth / CELLS_ACROSS), float(np.sqrt(np.prod(high - low) / most)))
    count = np.maximum(np.ceil((high - low) / spacing).astype(int), 1)
    corner = 0.5 * (low + high - spacing * (count - 1))
    u, v = (corner[a] + spacing * np.arange(count[a]) for a in range(2))
    # Just inside of the plane: at the plane itself the sign of the distance jumps.
    places = cap.centre - 1e-3 * h * cap.normal + u[:, None, None] * axes[0] + v[None, :, None] * axes[1]
    distance = lumen.vessel.signed_distance(places.reshape(-1, 3)).reshape(tuple(count))
    parts, _ = ndimage.label(distance < 0.0)
    at = np.round((flat - corner) / spacing).astype(int)
    own = np.unique(parts[tuple(np.clip(at, 0, count - 1).T)])
    return Grid(cap.centre, axes, corner, spacing, np.isin(parts, own[own > 0]), distance)


def neighbour(values: NDArray[Any], axis: int, side: int) -> NDArray[Any]:
    """The value at the next grid point along an axis, mirrored at the grid's edge."""
    padded = np.pad(values, 1, mode="edge")
    window = [slice(1, -1), slice(1, -1)]
    window[axis] = slice(1 + side, padded.shape[axis] - 1 + side)
    return padded[tuple(window)]


def reach(grid: Grid, axis: int, side: int) -> Array:
    """How far from each grid point, in spacings, the next one or the rim before it lies."""
    there = np.abs(neighbour(grid.distance, axis, side))
    here = np.abs(grid.distance)
    share = here / np.maximum(here + there, 1e-300)
    return np.where(neighbour(grid.inside, axis, side), 1.0, np.clip(share, SHORTEST, 1.0))


def across(grid: Grid, field: Array, axis: int, side: int) -> Array:
    """The value at the next grid point along an axis, zero where the rim comes before it."""
    return np.where(neighbour(grid.inside, axis, side), neighbour(field, axis, side), 0.0)


def poisson(grid: Grid, viscosity: Viscosity | None = None) -> Array:
    """Solution (n, m) of -div(viscosity grad u) = 1 with u = 0 at the rim and beyond it; lengths in grid spacings. `viscosity`
    (n, m) half-way to the next point by axis and side; 1 without."""
    number = np.cumsum(grid.inside).reshape(grid.inside.shape) - 1
    own = number[grid.inside]
    rows, columns, values = [], [], []
    for axis in (0, 1):
        before, after = reach(grid, axis, -1), reach(grid, axis, 1)
        for side, near in ((-1, before), (1, after)):
            factor = 2.0 if viscosity is None else 2.0 * viscosity[axis, side]
            weight = (factor / (near * (before + after)))[grid.inside]
            next_one = neighbour(number, axis, side)[grid.inside]
            joined = neighbour(grid.inside, axis, side)[grid.inside]
            rows += [own, own[joined]]
            columns += [own, next_one[joined]]
            values += [weight, -weight[joined]]
    shape = (len(own), len(own))
    matrix = sparse.csc_matrix((np.concatenate(values), (np.concatenate(rows), np.concatenate(columns))), shape=shape)
    field = np.zeros(grid.inside.shape)
    field[grid.inside] = spsolve(matrix, np.ones(len(own)))
    return field


def _beyond_the_rim(grid: Grid, field: Array) -> Array:
    """The field continued beyond the rim, on a line through zero at it, so that it can be interpolated up to there."""
    total, count = np.zeros_like(field), np.zeros_like(field)
    for axis in (0, 1):
        for side in (-1, 1):
            inner = ~grid.inside & neighbour(grid.inside, axis, side)
            ratio = np.abs(grid.distance) / np.maximum(
                np.abs(neighbour(grid.distance, axis, side)), SHORTEST * grid.spacing
            )
            total += np.where(inner, -neighbour(field, axis, side) * ratio, 0.0)
            count += inner
    return np.where(grid.inside, field, total / np.maximum(count, 1.0))
