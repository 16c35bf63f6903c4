"""Runner for the lid-driven cavity: u on the vertical, v on the horizontal centre line, over the speed of the lid.

A case gives `Re` (lid speed times side over viscosity) and `N`, the points along a side with both walls. Source of the tables: Ghia,
Ghia and Shin 1982.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from hemoflow.build.fluid import Relaxation
from hemoflow.validate.flow import in_precision, number
from hemoflow.validate.flow_cases import FluidCase, fluid_case
from hemoflow.validate.record import Measurement, Settings
from hemoflow.validate.shapes import Room

Params = dict[str, str]
Runner = Callable[[Params, Settings], Measurement]
Floats = NDArray[np.float64]
LARGEST_SPEED, LARGEST_VISCOSITY = 0.2, 0.5
"""Of the lid and of the fluid, on the lattice. The solver's equilibrium is the incompressible one: with lids of 0.05 and of 0.2 the
profiles differ by less than 1e-3."""

FINER = 1.5
"""Spacings of the table over those of the lattice. The stress at the corners of the lid is singular, so that profiles approach their limit
in the first order of the spacing: at Re 1000 and 128 spacings u is 0.014, at 192 it is 0.0075 away from the table."""

SETTLED = 5e-5
"""Largest change of the velocity, over the largest velocity, in a turnover of the lid (in slow flows a tenth of the viscous time) at
which the flow counts as steady."""


def centre_line(axis: int) -> Runner:
    """A runner for the velocity along x (axis 0) at heights y, or along y (axis 1) at places x, on the middle of the other axis."""
    across = 1 - axis

    def run(params: Params, settings: Settings) -> Measurement:
        spacings = round(number(params, "N", 129.0)) - 1
        side = spacings if settings.quick else round(FINER * spacings)
        case, speed_of_lid = _steady_cavity(number(params, "Re"), side, settings)
        middle = np.abs(case.positions[:, axis] - 0.5 * side) < 1.0
        places = case.positions[middle, across]
        speed = np.asarray(case.velocity[axis], np.float64)[middle] / speed_of_lid
        at = np.unique(places)
        # An even number of nodes has none in the middle but one on either side of it.
        mean = np.array([speed[places == x].mean() for x in at])
        line = _with_walls(at / side, mean, 1.0 if axis == 0 else 0.0)
        wanted = [float(point) for point in params["y" if axis == 0 else "x"].split(",")]
        return Measurement(line(np.array(wanted)).tolist(), f"{side} x {side} nodes", case.node_updates)

    return run


def _with_walls(places: Floats, values: Floats, far: float) -> Callable[[Floats], Floats]:
    """The interpolating cubic spline through the nodes and both walls, at rest at 0 and at `far` at 1."""
    from scipy.interpolate import CubicSpline

    return CubicSpline(np.concatenate([[0.0], places, [1.0]]), np.concatenate([[0.0], values, [far]]))


@lru_cache(maxsize=1)
def _steady_cavity(reynolds: float, side: int, settings: Settings) -> tuple[FluidCase, float]:
    """The flow that the lid brings about, and the speed of the lid; both centre lines share it."""

    viscosity = min(LARGEST_SPEED * side / reynolds, LARGEST_VISCOSITY)
    speed = viscosity * reynolds / side

    def lid(x: Floats) -> Floats:
        return np.where(x[:, 1:2] > side - 1e-3, np.array([[speed, 0.0, 0.0]]), 0.0)

    case = fluid_case(Room((side, side, 1.0), "xy"), 1.0, Relaxation(0.5 + 3.0 * viscosity), None, lid)
    case.settle(SETTLED, max(50, round(min(1.0, 0.1 * reynolds) * side / speed)), most=4000)
    return case, speed


RUNNERS: dict[tuple[str, str], Runner] = {
    ("cavity", "u"): in_precision(centre_line(0)),
    ("cavity", "v"): in_precision(centre_line(1)),
}
