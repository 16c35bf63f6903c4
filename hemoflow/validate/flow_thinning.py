"""Runners for the developed flow of a Carreau-Yasuda fluid in pipes and other straight ducts.

With G the pressure gradient, A the area and P the perimeter of the section, the mean wall stress is G A/P and the length of the tables is
2 A/P: for a pipe G R/2 and R. A steady developed flow has no inertia and, at a fixed magic parameter, does not depend on the
relaxation time, so the runner is free to choose the viscosity and the speed of the lattice.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np

from hemoflow.build.fluid import Relaxation
from hemoflow.rheology import CarreauYasuda
from hemoflow.validate.flow import Params, Runner, in_precision, make_section, number, peak
from hemoflow.validate.flow_cases import fluid_case
from hemoflow.validate.record import Measurement, Settings
from hemoflow.validate.shapes import Duct

FASTEST = 0.02
"""Lattice speed that no node exceeds: wall shear rate times half of the width."""

WALL_VISCOSITY = 0.1
"""At the wall, in lattice units: the slowest decay of a thinning fluid is there."""

WALL_LAYER = 4.0
"""Fewest nodes in the layer at the wall, n R thick, over which the shear rate of a fluid with index n falls; R is 20 at least."""

NEAR_WALL = (1.0, 5.0)
"""Depths between which the shear rate is followed to the wall; the first node feels how its links are cut."""


class _ThinningFlow:
    """A duct driven by a body force until steady; `time` is lambda in steps, `length` 2 A/P in nodes."""

    def __init__(self, params: Params, settings: Settings) -> None:
        stress = number(params, "tw*")
        shape = {"index": number(params, "n"), "transition": number(params, "a", 2.0)}
        law = CarreauYasuda(1.0, number(params, "muinf/mu0"), **shape)
        # the law is looked at for the scales of the lattice only
        rate = float(law.rate(stress))
        slope = float(np.log(law.viscosity(1.01 * rate) / law.viscosity(rate)) / np.log(1.01)) + 1.0
        self.half_width = number(params, "R", max(20.0, round(WALL_LAYER / slope)))
        section = make_section(params, 2.0 * self.half_width)
        thinned = stress / rate
        rest = WALL_VISCOSITY / thinned
        self.time = rate * self.half_width / FASTEST
        self.length = 2.0 * section.area / section.perimeter
        force = 2.0 * stress * rest / (self.time * self.length)
        fluid = CarreauYasuda(rest, rest * law.infinite_shear, self.time, **shape)
        self.case = fluid_case(Duct(section, 1.0), 1.0, Relaxation.thinning(fluid), np.array([force, 0.0, 0.0]))
        fine = settings.precision == "float64"
        slowest = min(rest, WALL_VISCOSITY)
        self.case.steady(1e-7 if fine else 1e-5, max(20, round(0.12 * self.half_width**2 / slowest)))
        self.round = params.get("shape", "circle").lower() == "circle"
        self.speed = np.asarray(self.case.velocity[0], np.float64)
        self.points = self.case.positions[:, 1:]
        self.depth = -section.distance(self.points)
        self.mean = float(self.speed.sum()) / section.area

    def measurement(self, value: float) -> Measurement:
        return Measurement(value, f"half width {self.half_width:g} nodes", self.case.node_updates)


@lru_cache(maxsize=2)
def _cached_flow(params: tuple[tuple[str, str], ...], settings: Settings) -> _ThinningFlow:
    return _ThinningFlow(dict(params), settings)


def _flow(params: Params, settings: Settings) -> _ThinningFlow:
    """The flow of a case; rows that ask for different numbers of the same flow share it."""
    return _cached_flow(tuple(sorted(params.items())), settings)


def flow_rate(params: Params, settings: Settings) -> Measurement:
    """Q lambda/(A L), for a pipe Q lambda/(pi R^3)."""
    flow = _flow(params, settings)
    return flow.measurement(flow.mean * flow.time / flow.length)


def largest_over_mean(params: Params, settings: Settings) -> Measurement:
    """Largest over mean velocity."""
    flow = _flow(params, settings)
    return flow.measurement(peak(flow.points, flow.speed) / flow.mean)


def wall_rate(params: Params, settings: Settings) -> Measurement:
    """lambda times the shear rate at the wall, at the middle of the (long) side where the section is not round.

    The rate in the populations is followed to the wall by a parabola of its logarithm: it goes with a power of the distance from the
    middle wherever the law does.
    """
    flow = _flow(params, settings)
    near = (flow.depth > NEAR_WALL[0]) & (flow.depth < NEAR_WALL[1])
    if not flow.round:
        near &= (np.abs(flow.points[:, 0]) < 4.0) & (flow.points[:, 1] < 0.0)
    inwards = np.log(1.0 - flow.depth[near] / flow.half_width)
    at_wall = np.polyfit(inwards, np.log(flow.case.shear_rate()[near]), 2)[-1]
    return flow.measurement(float(np.exp(at_wall)) * flow.time)


RUNNERS: dict[tuple[str, str], Runner] = {
    ("flow_carreau", "Q*"): in_precision(flow_rate),
    ("flow_carreau", "umax/umean"): in_precision(largest_over_mean),
    ("flow_carreau", "lam*gdot_wall"): in_precision(wall_rate),
}
