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
from hemoflow.validate.bodies_in_fluid import BodyCase, Setting, body_case
from hemoflow.validate.flow import in_precision, number
from hemoflow.validate.flow_cases import fluid_case
from hemoflow.validate.record import Measurement, Settings
from hemoflow.validate.shapes import Duct, Room, circle

Params = dict[str, str]
Floats = NDArray[np.float64]
HELD = (False,) * 6
SPEED = 1e-4
"""Lattice speed of the flows: Reynolds numbers of a few thousandths."""

CRAWL = 1e-5
"""The same for spheres that must not leave their place between nodes while they move."""

UNIT = 1e-6
"""Body force of strength one."""

SETTLED = {"float64": 1e-7, "float32": 2e-5}
"""Change of what is measured, in parts of it per chunk of steps, at which it counts as settled."""

LATTICES = {
    "SC": ((0.0, 0.0, 0.0),),
    "BCC": ((0.0, 0.0, 0.0), (0.5, 0.5, 0.5)),
    "FCC": ((0.0, 0.0, 0.0), (0.5, 0.5, 0.0), (0.5, 0.0, 0.5), (0.0, 0.5, 0.5)),
}
"""Centres in a cubic cell, in parts of its side."""


@dataclass
class HeldFlow:
    """Keeps the mean velocity of a case along x at `target`: the body force follows the momentum and its change."""

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


def settled(
    case: BodyCase, flow: HeldFlow, values: Callable[[BodyCase], Floats], tolerance: float, chunk: int
) -> Floats:
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
    unit = np.array([UNIT, 0.0, 0.0])
    setting = Setting(Room((size, size, size)), relaxation, unit, uniform(SPEED), drawn)
    bodies = [Body(Shape("sphere", a, a), size * (place + 0.25) + 0.1, free=HELD) for place in places]
    case = body_case(setting, bodies)
    drag = settled(case, HeldFlow(SPEED, UNIT), lambda c: c.load[:, :1], 1e-5, max(25, size * size // 40))
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

    def case(self, mean: float, speed: float, held: bool) -> BodyCase:
        """The sphere in a flow of the given mean velocity, `held` to a speed or free."""
        a = self.ratio * self.radius
        body = Body(Shape("sphere", a, a), np.array([0.5 * self.length + 0.3, 0.0, 0.0]), motion=(speed, 0, 0, 0, 0, 0),
                    free=HELD if held else FREE)  # fmt: skip
        vessel, unit = Duct(circle(self.radius), self.length), np.array([UNIT, 0.0, 0.0])
        relaxation = Relaxation(self.tau)

        def start(x: Floats) -> Floats:
            # The velocity of the walls as well, where it is zero.
            out = np.zeros_like(x)
            out[:, 0] = 2.0 * mean * np.maximum(1.0 - (x[:, 1] ** 2 + x[:, 2] ** 2) / self.radius**2, 0.0)
            return out

        case = body_case(Setting(vessel, relaxation, unit, start, Drawn(self.kernel)), [body])
        case.strength = 8.0 * relaxation.viscosity * mean / self.radius**2 / UNIT
        return case

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
    return Tube(ratio, radius, float(round(6.0 * radius)), number(params, "tau", 1.0), int(number(params, "kernel", 3)))


@lru_cache(maxsize=4)
def _moving_or_held(tube: Tube, kind: str, precision: str) -> tuple[Floats, int]:
    """Force on the sphere, its velocity, mean velocity of the tube and body force of the case "moving" (in a tube that nothing else
    drives), "held" or "free"; and node updates."""
    mean = 0.0 if kind == "moving" else 0.5 * CRAWL
    speed = {"moving": CRAWL, "held": 0.0, "free": CRAWL * (1.0 - 0.7 * tube.ratio**2)}[kind]
    case = tube.case(mean, speed, kind != "free")
    through = len(case.lumen.nodes) / (np.pi * tube.radius**2 * tube.length)

    def values(c: BodyCase) -> Floats:
        # What is counted after a collision holds the second half of the force as well.
        second = 0.5 * (c.strength * UNIT * (kind != "moving") - c.load[0, 0] / len(c.lumen.nodes))
        return np.array([c.load[0, 0], c.motion[0, 0], (c.momentum[0] / len(c.lumen.nodes) - second) * through])

    chunk = max(50, round(0.05 * tube.radius**2 / tube.viscosity))
    found = case.settle(lambda c: values(c) if kind == "held" else values(c)[1:], SETTLED[precision], chunk, 400)
    found = values(case)
    return np.array([*found, case.strength * UNIT]), case.node_updates


def tube_runner(kind: str, value: Callable[[Tube, Floats], float]) -> Callable[[Params, Settings], Measurement]:
    """The runner of a quantity of a sphere on the axis of a tube, from what `_moving_or_held` finds."""

    def run(params: Params, settings: Settings) -> Measurement:
        tube = _tube(params, settings)
        found, updates = _moving_or_held(tube, kind, settings.precision)
        if kind == "moving":
            # Far from it the fluid is at rest: by linearity, the flow that the sphere drags along is taken back by one past it held.
            held, more = _moving_or_held(tube, "held", settings.precision)
            found, updates = found - found[2] / held[2] * held, updates + more
        text = f"R = {tube.radius:g} nodes, a = {tube.ratio * tube.radius:.3g}, length {tube.length:g}"
        return Measurement(value(tube, found), text, updates)

    return in_precision(run)


def _stokes(tube: Tube, velocity: float) -> float:
    return 6.0 * np.pi * tube.viscosity * tube.ratio * tube.radius * velocity


@lru_cache(maxsize=4)
def _bare(radius: float, tau: float, precision: str) -> float:
    """Body force over mean velocity of the same tube without a sphere."""
    case = fluid_case(Duct(circle(radius), 1.0), 1.0, Relaxation(tau), np.array([UNIT, 0.0, 0.0]))
    case.steady(1e-9, max(20, round(0.06 * radius**2 / Relaxation(tau).viscosity)))
    return UNIT * np.pi * radius**2 / float(np.asarray(case.velocity[0], np.float64).sum())


def _extra(tube: Tube, found: Floats) -> float:
    """Pressure drop beyond that of the empty tube, in mu V0/R."""
    extra = found[3] / found[2] - _bare(tube.radius, tube.tau, "float64")
    return float(0.5 * extra * tube.length * tube.radius / tube.viscosity)


RUNNERS = {
    ("flow_sphere_arrays", "K"): in_precision(array_drag),
    ("flow_sphere_in_tube", "K1"): tube_runner("moving", lambda tube, f: -f[0] / _stokes(tube, f[1])),
    ("flow_sphere_in_tube", "K2"): tube_runner("held", lambda tube, f: f[0] / _stokes(tube, 2.0 * f[2])),
    ("flow_sphere_in_tube", "U_over_V0"): tube_runner("free", lambda tube, f: 0.5 * f[1] / f[2]),
    ("flow_sphere_in_tube", "dP_fixed"): tube_runner("held", _extra),
    ("flow_sphere_in_tube", "dP_free"): tube_runner("free", _extra),
}
