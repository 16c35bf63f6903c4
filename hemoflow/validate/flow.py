"""Runners for flows without cells: the channel's slip law, ducts of any section, starts and decays.

Each runs the solver on a lattice and reads the answer off its nodes. Flows are slow (lattice speeds of 1e-5 to 1e-2), so that what
is compared is viscous flow and not the lattice's compressibility.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import lru_cache

import jax
import jax.numpy as jnp
import numpy as np
from numpy.typing import NDArray

from hemoflow.build.fluid import Relaxation
from hemoflow.errors import InputError
from hemoflow.validate.flow_cases import FluidCase, fluid_case
from hemoflow.validate.record import Measurement, Settings
from hemoflow.validate.shapes import Duct, Room, Section, annulus, circle, ellipse, rectangle, triangle

Params = dict[str, str]
Runner = Callable[[Params, Settings], Measurement]
Floats = NDArray[np.float64]
SLOW = 1e-3
"""Largest lattice speed of the developed flows."""

LARGEST_SECTION = 3e4
"""Nodes of a cross-section beyond which it is resolved more coarsely."""


def number(params: Params, name: str, default: float | None = None) -> float:
    """A parameter as a number, or the default; InputError where there is neither."""
    if name not in params and default is None:
        raise InputError(f"the case needs {name}=..., it has {', '.join(params) or 'no parameters'}")
    return float(params.get(name, default if default is not None else math.nan))


def in_precision(runner: Runner) -> Runner:
    """The runner, with JAX in the precision of its settings."""

    def run(params: Params, settings: Settings) -> Measurement:
        with jax.enable_x64(settings.precision == "float64"):
            return runner(params, settings)

    return run


def slip(params: Params, settings: Settings) -> Measurement:
    """Mean nodal velocity of the channel over that of the parabola at the same nodes, minus one."""
    height, tau = int(number(params, "H")), number(params, "tau")
    bgk = params.get("collision", "TRT").upper() == "BGK"
    relaxation = Relaxation(tau, (tau - 0.5) ** 2 if bgk else number(params, "Lambda", 0.1875))
    force = 1e-5 * 8.0 * relaxation.viscosity / height**2
    length = math.ceil(8 / height)
    case = fluid_case(Room((length, height, 1.0), "y"), 1.0, relaxation, np.array([force, 0.0, 0.0]))
    fine = settings.precision == "float64"
    case.steady(1e-11 if fine else 1e-6, max(20, round(0.03 * height**2 / relaxation.viscosity)))
    y = case.positions[:, 1]
    parabola = force / (2.0 * relaxation.viscosity) * y * (height - y)
    error = float(np.asarray(case.velocity[0], np.float64).mean() / parabola.mean()) - 1.0
    return Measurement(error, f"{height} nodes across, {settings.precision}", case.node_updates)


def make_section(params: Params, across: float) -> Section:
    """The section a row names, `across` node spacings wide at its narrowest."""
    shape = params.get("shape", "circle").lower()
    half = 0.5 * across
    if shape == "circle":
        return circle(half)
    if shape in ("square", "rectangle"):
        ratio = number(params, "AR", 1.0 if shape == "square" else None)
        return rectangle(half * max(ratio, 1.0 / ratio), half)
    if shape == "ellipse":
        ratio = number(params, "a/b")
        return ellipse(half * max(ratio, 1.0), half * max(1.0 / ratio, 1.0))
    if "triang" in shape or "equilateral" in shape:
        return triangle(2.0 * across / math.sqrt(3.0))
    if shape == "annulus":
        ratio = number(params, "ri/ro")
        return annulus(across / (1.0 - ratio), across * ratio / (1.0 - ratio))
    raise InputError(f"shape={shape} is not one of circle, square, rectangle, ellipse, equilateral triangle, annulus")


class _DuctFlow:
    """A duct driven by a body force until steady, with the mean and the largest speed in lattice units."""

    def __init__(self, params: Params, settings: Settings) -> None:
        # Off whole numbers, so that walls cut links anywhere; wide thin sections get 20 nodes across instead of 40.
        across = number(params, "nodes", 20.6 if settings.quick else 40.6)
        if "nodes" not in params and make_section(params, across).area > LARGEST_SECTION:
            across = 20.6
        self.section = make_section(params, across)
        relaxation = Relaxation(number(params, "tau", 1.0))
        self.viscosity = relaxation.viscosity
        self.force = SLOW * 4.0 * self.viscosity / across**2
        self.case = fluid_case(Duct(self.section, 1.0), 1.0, relaxation, np.array([self.force, 0.0, 0.0]))
        fine = settings.precision == "float64"
        self.case.steady(1e-7 if fine else 1e-5, max(20, round(0.03 * across**2 / self.viscosity)))
        self.speed = np.asarray(self.case.velocity[0], np.float64)
        self.points = self.case.positions[:, 1:]
        self.flow_rate = float(self.speed.sum())
        self.mean = self.flow_rate / self.section.area
        self.across = across

    def measurement(self, value: float) -> Measurement:
        return Measurement(value, f"{self.across:g} nodes across the narrowest width", self.case.node_updates)


@lru_cache(maxsize=2)
def _cached_flow(params: tuple[tuple[str, str], ...], settings: Settings) -> _DuctFlow:
    return _DuctFlow(dict(params), settings)


def _duct_flow(params: Params, settings: Settings) -> _DuctFlow:
    """The flow of a case; rows that ask for different numbers of the same flow share it."""
    return _cached_flow(tuple(sorted(params.items())), settings)


def peak(points: Floats, values: Floats) -> float:
    """Largest value of a smooth field on nodes (n, 2): the top of the paraboloid fitted around the largest node."""
    middle = points[np.argmax(values)]
    near = np.linalg.norm(points - middle, axis=1) < 2.3
    y, z = (points[near] - middle).T
    a = np.linalg.lstsq(np.stack([np.ones_like(y), y, z, y * y, y * z, z * z], axis=1), values[near], rcond=None)[0]
    top = np.linalg.lstsq(np.array([[2 * a[3], a[4]], [a[4], 2 * a[5]]]), -a[1:3], rcond=1e-6)[0]
    return float(a[0] + 0.5 * a[1:3] @ top)


def largest_over_mean(params: Params, settings: Settings) -> Measurement:
    """Largest over mean velocity of a duct."""
    flow = _duct_flow(params, settings)
    return flow.measurement(peak(flow.points, flow.speed) / flow.mean)


def flow_number(params: Params, settings: Settings) -> Measurement:
    """Q mu/(G L^4) with the table's length L."""
    flow = _duct_flow(params, settings)
    unit = flow.section.unit * number(params, "L", 1.0) if _is_number(params.get("L", "")) else flow.section.unit
    return flow.measurement(flow.flow_rate * flow.viscosity / (flow.force * unit**4))


def friction_number(params: Params, settings: Settings) -> Measurement:
    """Darcy friction factor times the Reynolds number of the hydraulic diameter, 2 G D^2/(mu u)."""
    flow = _duct_flow(params, settings)
    diameter = 4.0 * flow.section.area / flow.section.perimeter
    return flow.measurement(2.0 * flow.force * diameter**2 / (flow.viscosity * flow.mean))


def middle_shear(params: Params, settings: Settings) -> Measurement:
    """Wall shear stress at the middle of the (long) side, from the stress in the populations, over that of the balance of forces."""
    flow = _duct_flow(params, settings)
    y, z = flow.points.T
    depth = -flow.section.distance(flow.points)
    stress = np.hypot(*flow.case.stress()[:, 0, 1:].T)
    near = (np.abs(y) < 4.0) & (depth < 5.0) & (z < 0.0)
    terms = np.stack([np.ones_like(y), depth, depth**2, y * y], axis=1)
    at_wall = np.linalg.lstsq(terms[near], stress[near], rcond=None)[0][0]
    mean = flow.force * flow.section.area / flow.section.perimeter
    return flow.measurement(float(at_wall / mean))


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def transient_speed(params: Params, settings: Settings) -> Measurement:
    """u/U between a wall at rest (y = 0) and one that is set in motion at t = 0."""
    kind = params.get("case", "startup-couette")
    if kind != "startup-couette":
        raise InputError(f"u/U: case={kind} is not startup-couette")
    height = round(number(params, "nodes", 24 if settings.quick else 48))
    duration = number(params, "t")
    steps = max(math.ceil(6.0 * duration * height**2), 50)
    relaxation = Relaxation(0.5 + 3.0 * duration * height**2 / steps)

    def lid(x: Floats) -> Floats:
        return np.where(x[:, 1:2] > 0.5 * height, np.array([[SLOW, 0.0, 0.0]]), 0.0)

    case = fluid_case(Room((1.0, height, 1.0), "y"), 1.0, relaxation, None, lid)
    case.advance(steps)
    y = np.concatenate([[0.0], case.positions[:, 1], [height]]) / height
    speed = np.concatenate([[0.0], np.asarray(case.velocity[0], np.float64) / SLOW, [1.0]])
    near = np.sort(np.argsort(np.abs(y - number(params, "y/H")))[:4])
    fit = np.polyfit(y[near], speed[near], 3)
    return Measurement(float(np.polyval(fit, number(params, "y/H"))), f"{height} nodes across", case.node_updates)


def pipe_start(params: Params, settings: Settings) -> Measurement:
    """Axis velocity of a pipe at a time after the pressure gradient sets in, over its final one."""
    radius = number(params, "nodes", 10.3 if settings.quick else 20.3)
    duration = number(params, "t")
    steps = max(math.ceil(6.0 * duration * radius**2), 50)
    relaxation = Relaxation(0.5 + 3.0 * duration * radius**2 / steps)
    force = np.array([SLOW * 4.0 * relaxation.viscosity / radius**2, 0.0, 0.0])
    case = fluid_case(Duct(circle(radius), 1.0), 1.0, relaxation, force)
    case.advance(steps)
    then = _axis_speed(case)
    case.steady(1e-6, max(20, round(0.06 * radius**2 / relaxation.viscosity)))
    return Measurement(then / _axis_speed(case), f"radius {radius:g} nodes", case.node_updates)


def _axis_speed(case: FluidCase) -> float:
    points = case.positions[:, 1:]
    near = np.linalg.norm(points, axis=1) < 2.3
    y, z = points[near].T
    terms = np.stack([np.ones_like(y), y * y + z * z], axis=1)
    return float(np.linalg.lstsq(terms, np.asarray(case.velocity[0], np.float64)[near], rcond=None)[0][0])


def decay_rate(params: Params, settings: Settings) -> Measurement:
    """Decay rate of the kinetic energy of a Taylor-Green vortex over the viscosity, per node spacing of the table squared.

    A vortex less than 48 (quick: 24) nodes long is put on a finer lattice, a whole number of times that of the table.
    """
    n = int(number(params, "N", 64))
    waves = (int(number(params, "kx", 1)), int(number(params, "ky", 1)))
    finer = max(1, math.ceil((24 if settings.quick else 48) * max(waves) / n))
    size, relaxation = n * finer, Relaxation(number(params, "tau", 0.8))
    case = fluid_case(Room((size, size, 1.0)), 1.0, relaxation)
    kx, ky = (2.0 * np.pi * w / size for w in waves)
    case.set_velocity(*taylor_green(case.positions[:, 0], case.positions[:, 1], (kx, ky)))
    lifetime = 1.0 / (2.0 * relaxation.viscosity * (kx * kx + ky * ky))
    case.advance(max(round(0.2 * lifetime), 20))
    first, start = float(jnp.sum(case.velocity**2)), case.steps
    case.advance(max(round(lifetime), 20))
    rate = math.log(first / float(jnp.sum(case.velocity**2))) / (case.steps - start)
    return Measurement(rate / relaxation.viscosity * finer**2, f"{size} x {size} nodes", case.node_updates)


def taylor_green(x: Floats, y: Floats, waves: tuple[float, float], speed: float = 0.005) -> tuple[Floats, Floats]:
    """Velocity (3, n) and density deviation (n,) of vortices with these wave numbers at lattice positions x, y (n,)."""
    kx, ky = waves
    k = math.hypot(kx, ky)
    u = -speed * ky / k * np.cos(kx * x) * np.sin(ky * y)
    v = speed * kx / k * np.sin(kx * x) * np.cos(ky * y)
    density = -0.75 * speed**2 / k**2 * (ky**2 * np.cos(2 * kx * x) + kx**2 * np.cos(2 * ky * y))
    if kx == 0.0 or ky == 0.0:
        density = np.zeros_like(x)
    return np.stack([u, v, np.zeros_like(u)]), density


RUNNERS: dict[tuple[str, str], Runner] = {
    ("flow_trt_channel", "rel. error of nodal mean u"): in_precision(slip),
    ("flow_ducts", "umax/umean"): in_precision(largest_over_mean),
    ("flow_ducts", "Qn"): in_precision(flow_number),
    ("flow_ducts", "fRe_Dh"): in_precision(friction_number),
    ("flow_ducts", "tau_max/tau_mean (mid side)"): in_precision(middle_shear),
    ("flow_transient", "u/U"): in_precision(transient_speed),
    ("flow_transient", "u(0,t)/umax"): in_precision(pipe_start),
    ("flow_transient", "kinetic-energy decay rate/(nu)"): in_precision(decay_rate),
}
