"""The developed flow of a fluid that thins with the shear rate through a section of any shape: its profile and its pressure gradient."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from hemoflow.build.profile import Grid, Viscosity, across, interpolated, neighbour, poisson, reach, section
from hemoflow.geometry.voxelise import Lumen
from hemoflow.rheology import CarreauYasuda

Array = NDArray[np.float64]

MOST_CELLS = 2e4
"""Grid cells of a section, about: it is solved some twenty times."""

CELLS = 64
"""Grid cells across the shorter side of a rectangle, fewer where it is very long."""

TOLERANCE, ROUNDS = 1e-5, 200
"""Change of the viscosity, in parts of it, at which the iteration ends. Each round leaves the part 1 - n of the error before it, with n
the law's index: 25 rounds for blood."""


def developed_thinning(lumen: Lumen, opening: int, points: Array, law: CarreauYasuda, speed: float) -> Array:
    """Velocity (n,) in m/s of the developed flow through an opening at points (n, 3) m in its plane, for a mean of `speed` (m/s)."""
    grid = section(lumen, opening, points, MOST_CELLS)
    return interpolated(grid, flow_through(grid, law, speed)[0], points)


def rectangle_gradient(sides: tuple[float, float], law: CarreauYasuda, speed: float) -> float:
    """Pressure gradient (Pa/m, >= 0) at which the developed flow through a rectangle of these sides (m) has a mean of `speed` (m/s). One
    side may be infinite."""
    short, long = sorted(sides)
    aspect = long / short if np.isfinite(long) else 1.0
    half = float(np.clip(np.sqrt(MOST_CELLS / aspect), 12.0, CELLS / 2.0)) // 1.0
    # A quarter, mirrored where it was cut; the row beyond the wall is there to hold zero.
    count = [
        half if side == short else float(round(half * side / short)) if np.isfinite(side) else 0.0 for side in sides
    ]
    depth = [n - 0.5 - np.arange(n + 1) if n else np.full(1, np.inf) for n in count]
    away = np.minimum(depth[0][:, None], depth[1][None, :])
    spacing = 0.5 * float(np.sqrt(np.prod(sides) / np.prod(count)) if all(count) else short / half)
    grid = Grid(np.zeros(3), np.eye(3)[:2], np.zeros(2), spacing, away > 0.0, -spacing * away)
    return flow_through(grid, law, speed)[1]


def flow_through(grid: Grid, law: CarreauYasuda, speed: float) -> tuple[Array, float]:
    """Velocity (n, m) in m/s and pressure gradient (Pa/m) of the flow through a section with a mean of `speed` (m/s, > 0).

    Poisson's equation with the viscosity of the round before (Picard), on the sides between grid points, until it no longer changes.
    """
    h = grid.spacing
    covered = float(np.clip(0.5 - grid.distance / h, 0.0, 1.0)[_own(grid)].sum())
    viscosity: Viscosity = {side: np.full(grid.inside.shape, law.infinite_shear or law.zero_shear) for side in SIDES}
    for _ in range(ROUNDS):
        field = poisson(grid, viscosity)
        gradient = speed * covered / (field.sum() * h * h)
        velocity = gradient * h * h * field
        rates = _rates(grid, velocity / h)
        new = {side: law.viscosity(rate) for side, rate in rates.items()}
        change = max(float(np.max(np.abs(new[s] / viscosity[s] - 1.0)[grid.inside])) for s in SIDES)
        viscosity = new
        if change < TOLERANCE:
            break
    return velocity, float(gradient)


SIDES = ((0, -1), (0, 1), (1, -1), (1, 1))


def _own(grid: Grid) -> NDArray[np.bool_]:
    """Grid points of the section and those next to it, which it covers in part."""
    near = grid.inside.copy()
    for axis, side in SIDES:
        near |= neighbour(grid.inside, axis, side)
    return near


def _rates(grid: Grid, field: Array) -> Viscosity:
    """Shear rate (n, m) on each side of every grid point; `field`: velocity over the grid's spacing."""
    slope = {s: (across(grid, field, *s) - field) * s[1] / reach(grid, *s) for s in SIDES}
    along = []
    for axis in (0, 1):
        before, after = reach(grid, axis, -1), reach(grid, axis, 1)
        along.append((slope[axis, 1] * before + slope[axis, -1] * after) / (before + after))
    rates = {}
    for axis, side in SIDES:
        other = along[1 - axis]
        next_one = np.where(neighbour(grid.inside, axis, side), neighbour(other, axis, side), other)
        rates[axis, side] = np.hypot(slope[axis, side], 0.5 * (other + next_one))
    return rates
