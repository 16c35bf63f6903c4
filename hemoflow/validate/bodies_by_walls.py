"""Runners for a rigid sphere between or beside flat walls, and for one that sinks in a closed box."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from hemoflow.bodies.shape import Shape
from hemoflow.build.bodies import FREE, Body, Drawn
from hemoflow.build.fluid import Relaxation
from hemoflow.errors import InputError
from hemoflow.validate.bodies_in_fluid import BodyCase, Setting, body_case
from hemoflow.validate.flow import in_precision, number
from hemoflow.validate.record import Measurement, Settings
from hemoflow.validate.shapes import Room

Params = dict[str, str]
Floats = NDArray[np.float64]
HELD = (False,) * 6
CRAWL = 1e-7
"""Lattice speed of the sphere or of the flow past it: its place does not change while the flow settles."""

_WIDE = {True: 24.0, False: 32.0}
"""Size of the periodic box over the radius, quick or not: the flow of a force beside a wall falls as 1/r^2."""

SETTLED = {"float64": 1e-5, "float32": 5e-5}
"""Change of the force, in parts of it per chunk of steps, at which it counts as settled."""


def _sphere(params: Params, settings: Settings) -> tuple[float, Relaxation, Drawn]:
    radius = number(params, "nodes", 4.0 if settings.quick else 8.0)
    return radius, Relaxation(number(params, "tau", 2.0)), Drawn(int(number(params, "kernel", 3)))


def _settled(case: BodyCase, size: float, viscosity: float, settings: Settings) -> Floats:
    """Force and torque on the sphere once the fluid around it, over a distance `size`, has come to rest."""
    chunk = max(50, round(0.02 * size**2 / viscosity))
    return case.settle(lambda c: c.load[0, [0, 1, 5]], SETTLED[settings.precision], chunk, 400)


def moving(params: Params, settings: Settings) -> Measurement:
    """Drag over 6 pi mu a U of a sphere that moves along the middle of a slit of half width h, or towards a plane at distance h."""
    kind = params.get("case", "midplane")
    if kind not in ("midplane", "normal", "parallel"):
        raise InputError(f"drag factor: case={kind} is not one of midplane, normal, parallel")
    a, relaxation, drawn = _sphere(params, settings)
    h = a / number(params, "a/h") if "a/h" in params else a * number(params, "h/a")
    if h <= a:
        raise InputError(
            f"drag factor: the centre of the sphere lies {h / a:g} radii from the wall; it must be more than one"
        )
    wide = float(
        round(
            (_WIDE[settings.quick] * a) if kind != "midplane" else max(12.0 * a, (4.0 if settings.quick else 5.0) * h)
        )
    )
    height = 2.0 * h if kind == "midplane" else h + 0.5 * wide
    axis = 1 if kind == "normal" else 0
    motion = [0.0] * 6
    motion[axis] = CRAWL
    room = Room((wide, height, wide), "y")
    body = Body(
        Shape("sphere", a, a), np.array([0.5 * wide + 0.2, h, 0.5 * wide + 0.3]), motion=tuple(motion), free=HELD
    )
    case = body_case(Setting(room, relaxation, drawn=drawn), [body])
    drag, updates = -_settled(case, 0.5 * height, relaxation.viscosity, settings)[axis], case.node_updates
    if kind == "midplane":
        more, extra = _drag_of_images(case, body, (room, relaxation, drawn), settings)
        drag, updates = drag + more, updates + extra
    value = float(drag) / (6.0 * np.pi * relaxation.viscosity * a * CRAWL)
    return Measurement(value, f"a = {a:g} nodes, box {wide:g} x {height:g} x {wide:g}", updates)


def _drag_of_images(
    moving: BodyCase, body: Body, parts: tuple[Room, Relaxation, Drawn], settings: Settings
) -> tuple[float, int]:
    """What the periodic images of a sphere that moves along a slit spare it, and the node updates needed to know.

    From afar each is a dipole in two dimensions. A square lattice of them, summed in circles, has no field at its own places, and its mean
    flow is half of the one without a pressure gradient, which is the one in the box. By linearity the other half is taken back by a
    flow past a held sphere.
    """
    room, relaxation, drawn = parts
    half, force = 0.5 * float(room.size[1]), CRAWL * relaxation.viscosity / float(room.size[1]) ** 2

    def profile(x: Floats) -> Floats:
        out = np.zeros_like(x)
        out[:, 0] = 0.5 * force / relaxation.viscosity * np.maximum(half**2 - (x[:, 1] - half) ** 2, 0.0)
        return out

    setting = Setting(room, relaxation, np.array([force, 0.0, 0.0]), profile, drawn)
    held = body_case(setting, [replace(body, motion=(0.0,) * 6)])
    load = float(_settled(held, half, relaxation.viscosity, settings)[0])
    through = float(moving.velocity[0].mean()) / float(held.velocity[0].mean())
    return 0.5 * through * load, held.node_updates


def sheared(torque: bool) -> Callable[[Params, Settings], Measurement]:
    """Force over 6 pi mu a h G, or torque over 4 pi mu a^3 G, on a sphere held at h from a plane in the shear flow of rate G beside it."""

    def run(params: Params, settings: Settings) -> Measurement:
        a, relaxation, drawn = _sphere(params, settings)
        h = a * number(params, "h/a")
        if h < a:
            raise InputError(f"held-in-shear: h/a={h / a:g} puts the sphere into the wall; it must be at least 1")
        wide = float(round(_WIDE[settings.quick] * a))
        height = h + 0.5 * wide
        rate = CRAWL / a

        def flow(x: Floats) -> Floats:
            out = np.zeros_like(x)
            out[:, 0] = rate * x[:, 1]
            return out

        body = Body(Shape("sphere", a, a), np.array([0.5 * wide + 0.2, h, 0.5 * wide + 0.3]), free=HELD)
        case = body_case(Setting(Room((wide, height, wide), "y"), relaxation, None, flow, drawn), [body])
        load = _settled(case, 0.5 * height, relaxation.viscosity, settings)
        drag = float(load[0]) / (6.0 * np.pi * relaxation.viscosity * a * h * rate)
        turn = -float(load[2]) / (4.0 * np.pi * relaxation.viscosity * a**3 * rate)
        return Measurement(
            turn if torque else drag, f"a = {a:g} nodes, box {wide:g} x {height:g} x {wide:g}", case.node_updates
        )

    return run


LATTICE_SPEED = 0.03
"""Terminal speed of the sinking sphere on the lattice."""


def sinking(params: Params, settings: Settings) -> Measurement:
    """Largest speed over the terminal one in an unbounded fluid of the sphere of ten Cate et al. 2002, let go in its box; SI values."""
    diameter, density, gravity = number(params, "d", 0.015), number(params, "rho_p", 1120.0), 9.81
    fluid, viscosity, speed = number(params, "rho_f"), number(params, "mu"), number(params, "uinf")
    nodes = number(params, "nodes", 8.0 if settings.quick else 16.0)
    dx = diameter / nodes
    dt = LATTICE_SPEED * dx / speed
    relaxation = Relaxation(0.5 + 3.0 * viscosity / fluid * dt / dx**2)
    size = np.array([0.1, 0.16, 0.1]) / dx
    a, ratio = 0.5 * nodes, density / fluid
    shape = Shape("sphere", a, a)
    weight = (ratio - 1.0) * shape.volume() * gravity * dt * dt / dx
    start = np.array([0.5 * size[0], 0.12 / dx + a, 0.5 * size[2]])
    body = Body(shape, start, free=FREE, push=(0.0, -weight, 0.0, 0.0, 0.0, 0.0), density=ratio)
    room = Room((float(size[0]), float(size[1]), float(size[2])), "xyz")
    case = body_case(Setting(room, relaxation, drawn=Drawn(int(number(params, "kernel", 3)))), [body])
    fastest, steps = 0.0, max(20, round(0.05 * size[1] / LATTICE_SPEED))
    while True:
        case.advance(steps)
        now = -float(case.motion[0, 1])
        if now < 0.999 * fastest or case.centre[0, 1] < 2.0 * a:
            break
        fastest = max(fastest, now)
    return Measurement(fastest / LATTICE_SPEED, f"{nodes:g} nodes across, {case.steps} steps", case.node_updates)


RUNNERS = {
    ("flow_walls", "drag factor"): in_precision(moving),
    ("flow_walls", "drag factor, motion normal to plane"): in_precision(moving),
    ("flow_walls", "F/(6 pi mu a h gdot)"): in_precision(sheared(False)),
    ("flow_walls", "T/(4 pi mu a^3 gdot)"): in_precision(sheared(True)),
    ("flow_sedimentation", "umax/uinf (experiment)"): in_precision(sinking),
}
