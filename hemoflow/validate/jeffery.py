"""Runner for a rigid spheroid that tumbles freely in simple shear, Jeffery's orbit: its period and how unevenly it turns."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from hemoflow.bodies.shape import Shape
from hemoflow.build.bodies import Body, Drawn
from hemoflow.build.fluid import Relaxation
from hemoflow.errors import InputError
from hemoflow.validate.bodies_in_fluid import Setting, body_case
from hemoflow.validate.capsules_in_fluid import shear_flow
from hemoflow.validate.flow import in_precision, number
from hemoflow.validate.record import Measurement, Settings

Params = dict[str, str]
Floats = NDArray[np.float64]
TAU = 2.0
"""Relaxation time: Stokes flow needs no other, and the orbit takes the fewest steps."""


@lru_cache(maxsize=4)
def _orbit(
    ratio: float, minor: float, room: float, reynolds: float, kernel: int
) -> tuple[Floats, Floats, float, int, str]:
    """Angle of the axis of symmetry from the gradient and its rate over half a turn, shear rate, node updates, and the resolution.

    The orbit starts with the axis along the gradient; half a turn later body and flow are the same again.
    """
    along, across = (minor * ratio, minor) if ratio >= 1.0 else (minor, minor / ratio)
    longest = max(along, across)
    relaxation = Relaxation(TAU)
    rate = reynolds * relaxation.viscosity / longest**2
    size = [float(round(room * r)) for r in (longest, longest, 0.5 * (longest + across))]
    flow = shear_flow((size[0], size[1], size[2]), rate, relaxation)
    # The axis of symmetry, z of the body, along the gradient y.
    half = np.sqrt(0.5)
    body = Body(
        Shape("spheroid", across, along),
        0.5 * np.array(size) + 0.1,
        (half, -half, 0.0, 0.0),
        (0, 0, 0, 0, 0, -0.5 * rate),
    )
    case = body_case(Setting(flow.room, relaxation, None, flow.velocity, Drawn(kernel)), [body])
    every = max(50, round(0.05 / rate))
    case.advance(every)
    angles: list[float] = []
    rates: list[float] = []
    while not angles or angles[-1] < np.pi + angles[0]:
        w, x, y, z = np.asarray(case.bodies.turn, np.float64)[0]
        axis = np.array([2.0 * (x * z + w * y), 2.0 * (y * z - w * x)])
        angle = float(np.arctan2(axis[0], axis[1]))
        angles.append(angle if not angles else angles[-1] + (angle - angles[-1] + 0.5 * np.pi) % np.pi - 0.5 * np.pi)
        rates.append(-float(case.motion[0, 5]))
        case.advance(every)
    text = f"semi-axes {along:g} and {across:g} nodes, box {size[0]:g} x {size[1]:g} x {size[2]:g}, Re {reynolds:g}"
    return np.array(angles), np.array(rates), rate, case.node_updates, text


def _measured(value: Callable[[Floats, Floats, float], float]) -> Callable[[Params, Settings], Measurement]:
    def run(params: Params, settings: Settings) -> Measurement:
        ratio = number(params, "r")
        if not 0.0 < ratio < 20.0:
            raise InputError(
                f"jeffery: r={ratio:g} must be the length of the axis of symmetry over that across it, 0 to 20"
            )
        minor = number(params, "nodes", 5.0 if settings.quick else 7.0)
        room = number(params, "box", 8.0 if settings.quick else 10.0)
        reynolds = number(params, "Re_p", 0.1 if settings.quick else 0.05)
        angles, rates, rate, updates, text = _orbit(ratio, minor, room, reynolds, int(number(params, "kernel", 3)))
        return Measurement(value(angles, rates, rate), text, updates)

    return in_precision(run)


def _period(angles: Floats, rates: Floats, rate: float) -> float:
    """Time of a whole turn, by the sampled rate of half of one, times the shear rate."""
    grid = np.linspace(angles[0], angles[0] + np.pi, 2001)
    return float(2.0 * rate * np.trapezoid(1.0 / np.interp(grid, angles, rates), grid))


RUNNERS = {
    ("jeffery", "T gdot"): _measured(_period),
    ("jeffery", "max/min angular rate"): _measured(lambda angles, rates, rate: float(rates.max() / rates.min())),
}
