"""Runners for rigid spheres in Stokes flow: periodic arrays, on the axis of a tube, between and beside walls.

Every case is run to rest with the public step. Where the flow rate is given and not the force that drives it, the body force is adjusted
between chunks of steps until the mean velocity is what it has to be; at rest it is constant.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from hemoflow.bodies.shape import Shape
from hemoflow.build.bodies import FREE, Body, Drawn
from hemoflow.build.fluid import Relaxation
from hemoflow.errors import InputError
from hemoflow.geometry.vessel import AbstractVessel
from hemoflow.validate.bodies_in_fluid import BodyCase, Setting, body_case
from hemoflow.validate.flow import in_precision, number
from hemoflow.validate.record import Measurement, Settings
from hemoflow.validate.shapes import Duct, Room, circle

Params = dict[str, str]
Floats = NDArray[np.float64]
HELD = (False,) * 6
SPEED = 1e-4
"""Lattice speed of the flows: Reynolds numbers of a few thousandths."""

LATTICES = {
    "SC": ((0.0, 0.0, 0.0),),
    "BCC": ((0.0, 0.0, 0.0), (0.5, 0.5, 0.5)),
    "FCC": ((0.0, 0.0, 0.0), (0.5, 0.5, 0.0), (0.5, 0.0, 0.5), (0.0, 0.5, 0.5)),
}
"""Centres in a cubic cell, in parts of its side."""


@dataclass
class HeldFlow:
    """Keeps the mean velocity of a case along x at `target`: the body force follows the change of the momentum, without an error that stays."""

    target: float
    unit: float
    before: float | None = None
    history: list[float] = field(default_factory=list)

    def __call__(self, case: BodyCase, steps: int) -> None:
        """Adjust the force after a chunk of steps."""
        mean = float(case.momentum[0]) / len(case.lumen.nodes)
        drift = 0.0 if self.before is None else (mean - self.before) / steps
        self.before = mean
        case.strength += ((self.target - mean) / (3.0 * steps) - drift) / self.unit


def settled(case: BodyCase, flow: HeldFlow, values: Callable[[BodyCase], Floats], tolerance: float, chunk: int) -> Floats:
    """Values of a case that no longer change, by more than `tolerance` of their size per chunk, while the flow is held."""

    def now(case: BodyCase) -> Floats:
        flow(case, chunk)
        return values(case)

    return case.settle(now, tolerance, chunk, 400)


def uniform(speed: float) -> Callable[[Floats], Floats]:
    """A velocity along x."""
    return lambda x: np.broadcast_to([speed, 0.0, 0.0], x.shape)


def array_drag(params: Params, settings: Settings) -> Measurement:
    """Drag of a sphere of a periodic array over 6 pi mu a U, U the mean velocity of fluid and spheres."""
    kind = params.get("lattice", "SC").upper()
    if kind not in LATTICES:
        raise InputError(f"lattice={kind} is not one of {', '.join(LATTICES)}")
    places = np.array(LATTICES[kind])
    size = round(number(params, "nodes", (32 if kind == "SC" else 44) if settings.quick else 64))
    a = size * (3.0 * number(params, "phi") / (4.0 * np.pi * len(places))) ** (1.0 / 3.0)
    relaxation, drawn = Relaxation(number(params, "tau", 1.0)), Drawn(int(number(params, "kernel", 3)))
    unit = np.array([1e-6, 0.0, 0.0])
    setting = Setting(Room((size, size, size)), relaxation, unit, uniform(SPEED), drawn)
    bodies = [Body(Shape("sphere", a, a), size * (place + 0.25) + 0.1, free=HELD) for place in places]
    case = body_case(setting, bodies)
    drag = settled(case, HeldFlow(SPEED, 1e-6), lambda c: c.load[:, :1], 1e-5, max(25, size * size // 40))
    mean = float(case.velocity[0].mean())
    value = float(drag.mean()) / (6.0 * np.pi * relaxation.viscosity * a * mean)
    return Measurement(value, f"{size}^3 nodes, a = {a:.3g}", case.node_updates)


@dataclass(frozen=True)
class Tube:
    """A sphere of radius `ratio` times that of a periodic tube of radius `radius` nodes and `length`, on its axis."""

    ratio: float
    radius: float
    length: float
    tau: float
    kernel: int

    def case(self, mean: float, speed: float, held: bool) -> tuple[BodyCase, HeldFlow]:
        """The sphere in a flow of the given mean velocity, `held` to a speed or free."""
        a = self.ratio * self.radius
        body = Body(Shape("sphere", a, a), np.array([0.5 * self.length + 0.3, 0.0, 0.0]), motion=(speed, 0, 0, 0, 0, 0),
                    free=HELD if held else FREE)  # fmt: skip
        vessel, unit = Duct(circle(self.radius), self.length), np.array([1e-6, 0.0, 0.0])
        relaxation = Relaxation(self.tau)

        def start(x: Floats) -> Floats:
            # The velocity of the walls as well, where it is zero.
            out = np.zeros_like(x)
            out[:, 0] = 2.0 * mean * np.maximum(1.0 - (x[:, 1] ** 2 + x[:, 2] ** 2) / self.radius**2, 0.0)
            return out

        case = body_case(Setting(vessel, relaxation, unit, start, Drawn(self.kernel)), [body])
        lumen_mean = mean * vessel.section.area * self.length / len(case.lumen.nodes)
        case.strength = 8.0 * relaxation.viscosity * mean / self.radius**2 / 1e-6
        return case, HeldFlow(lumen_mean, 1e-6)

    @property
    def viscosity(self) -> float:
        """Kinematic viscosity in lattice units."""
        return Relaxation(self.tau).viscosity


def _tube(params: Params, settings: Settings) -> Tube:
    ratio = number(params, "lam", number(params, "a/R", -1.0))
    if not 0.0 < ratio < 0.95:
        raise InputError(f"a sphere in a tube needs lam=a/R between 0 and 0.95, not {ratio:g}")
    gap = 4.0 if settings.quick else 6.0
    radius = number(params, "nodes", max(16.3 if settings.quick else 24.3, gap / (1.0 - ratio) + 0.3))
    return Tube(
        ratio, radius, float(round(6.0 * radius)), number(params, "tau", 1.0), int(number(params, "kernel", 3))
    )


@lru_cache(maxsize=4)
def _tube_result(tube: Tube, kind: str, precision: str) -> tuple[float, float, int]:
    """Force or velocity of the sphere and the body force of the case "moving", "held" or "free"; and node updates."""
    mean, speed = (0.0, SPEED) if kind == "moving" else (0.5 * SPEED, 0.0 if kind == "held" else SPEED * (1 - 0.7 * tube.ratio**2))
    case, flow = tube.case(mean, speed, kind != "free")
    chunk = max(50, round(0.05 * tube.radius**2 / tube.viscosity))

    def values(c: BodyCase) -> Floats:
        return np.array([c.motion[0, 0] if kind == "free" else c.load[0, 0]])

    value = settled(case, flow, values, 2e-5, chunk)
    forces = settled(case, flow, lambda c: np.array([c.strength]), 2e-5, chunk)
    return float(value[0]), float(forces[0]) * 1e-6, case.node_updates


def tube_runner(kind: str, value: Callable[[Tube, float, float], float]) -> Callable[[Params, Settings], Measurement]:
    """The runner of a quantity of a sphere on the axis of a tube, from its force or velocity and the force that drives the fluid."""

    def run(params: Params, settings: Settings) -> Measurement:
        tube = _tube(params, settings)
        found, driven, updates = _tube_result(tube, kind, settings.precision)
        text = f"R = {tube.radius:g} nodes, a = {tube.ratio * tube.radius:.3g}, length {tube.length:g}"
        return Measurement(value(tube, found, driven), text, updates)

    return in_precision(run)


def _moving(tube: Tube, force: float, driven: float) -> float:
    return -force / (6.0 * np.pi * tube.viscosity * tube.ratio * tube.radius * SPEED)


def _held(tube: Tube, force: float, driven: float) -> float:
    return force / (6.0 * np.pi * tube.viscosity * tube.ratio * tube.radius * SPEED)


@lru_cache(maxsize=4)
def _bare(radius: float, tau: float, precision: str) -> float:
    """Body force of the same flow in the same tube without a sphere."""
    from hemoflow.validate.flow_cases import fluid_case

    relaxation, length = Relaxation(tau), 1.0
    case = fluid_case(Duct(circle(radius), length), 1.0, relaxation, np.array([1e-6, 0.0, 0.0]))
    case.steady(1e-9, max(20, round(0.06 * radius**2 / relaxation.viscosity)))
    through = float(np.asarray(case.velocity[0], np.float64).sum()) / (np.pi * radius**2 * length)
    return 1e-6 * 0.5 * SPEED / through


def _extra(tube: Tube, found: float, driven: float) -> float:
    """Pressure drop beyond that of the empty tube, in mu V0/R."""
    return (driven - _bare(tube.radius, tube.tau, "float64")) * tube.length * tube.radius / (tube.viscosity * SPEED)


RUNNERS = {
    ("flow_sphere_arrays", "K"): in_precision(array_drag),
    ("flow_sphere_in_tube", "K1"): tube_runner("moving", _moving),
    ("flow_sphere_in_tube", "K2"): tube_runner("held", _held),
    ("flow_sphere_in_tube", "U_over_V0"): tube_runner("free", lambda tube, speed, _: speed / SPEED),
    ("flow_sphere_in_tube", "dP_fixed"): tube_runner("held", _extra),
    ("flow_sphere_in_tube", "dP_free"): tube_runner("free", _extra),
}
