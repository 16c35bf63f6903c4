"""Runners for oscillating flow in a tube (`shape=pipe`) or between two plates (`shape=slit`): amplitude and phase of the velocity.

A force K cos(w t) drives u = Re[A exp(i (w t + phase))] at `alpha` = R sqrt(w/nu), with R the radius, or half of the gap. Amplitudes
are over the steady velocity in the middle at the force K: K R^2/(4 mu), K R^2/(2 mu) between plates. Source: Womersley 1955.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import lru_cache

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from numpy.typing import NDArray

from hemoflow.build.fluid import Relaxation
from hemoflow.errors import InputError
from hemoflow.fluid.solver import Carried, Fluid, FluidState, advance, begin, finish
from hemoflow.validate.flow import SLOW, in_precision, number
from hemoflow.validate.flow_cases import fluid_case
from hemoflow.validate.record import Measurement, Settings
from hemoflow.validate.shapes import Duct, Room, circle

Params = dict[str, str]
Runner = Callable[[Params, Settings], Measurement]
Floats = NDArray[np.float64]

PERIOD = 2000
"""Steps of a period, where the relaxation time allows for it."""

VISCOSITIES = (0.01, 1.0)
"""Smallest and largest lattice viscosity."""

LAYER = 5.0
"""Nodes in the oscillating layer at the wall, R over alpha, at least."""

SETTLED = 2e-4
"""Largest change of the complex amplitude, over its largest size, from period to period."""


class _Oscillation:
    """A periodic flow: its complex amplitude by place, as a polynomial of the distance from the middle that vanishes at the wall."""

    def __init__(self, alpha: float, slit: bool, settings: Settings) -> None:
        # Tubes off whole numbers, so that walls cut links anywhere; plates half-way between nodes.
        radius = max(10.3 if settings.quick else 20.3, LAYER * alpha)
        radius = round(radius) if slit else radius
        viscosity = float(np.clip(2.0 * math.pi * radius**2 / (alpha**2 * PERIOD), *VISCOSITIES))
        self.steps = round(2.0 * math.pi * radius**2 / (alpha**2 * viscosity))
        # The period is a whole number of steps; the viscosity makes up for the rounding.
        viscosity = 2.0 * math.pi * radius**2 / (alpha**2 * self.steps)
        still = SLOW * (2.0 if slit else 4.0) * viscosity / radius**2
        vessel = Room((1.0, 2.0 * radius, 1.0), "y") if slit else Duct(circle(radius), 1.0)
        case = fluid_case(vessel, 1.0, Relaxation(0.5 + 3.0 * viscosity), np.array([still, 0.0, 0.0]))
        middle = radius if slit else 0.0
        away = case.positions[:, 1] - middle
        self.place = np.abs(away) / radius if slit else np.hypot(away, case.positions[:, 2]) / radius
        self.radius, self.alpha, self.updates = radius, alpha, 0
        amplitude = np.zeros(len(away), complex)
        for _ in range(20 + round(alpha**2)):
            case.state, cosine, sine = _one_period(case.fluid, case.state, jnp.zeros(self.steps))
            self.updates += self.steps * len(away)
            before, amplitude = amplitude, (np.asarray(cosine, float) - 1j * np.asarray(sine, float)) * 2.0 / self.steps
            if np.max(np.abs(amplitude - before)) <= SETTLED * np.max(np.abs(amplitude)):
                break
        self.amplitude = amplitude / SLOW

    def at(self, places: Floats) -> NDArray[np.complex128]:
        """Complex amplitude at distances from the middle over R."""
        order = 6 + math.ceil(self.alpha)
        even = lambda r: (1.0 - r * r)[:, None] * np.polynomial.chebyshev.chebvander(2.0 * r * r - 1.0, order)  # noqa: E731
        return even(places) @ np.linalg.lstsq(even(self.place), self.amplitude, rcond=None)[0]


@jax.jit
def _one_period(fluid: Fluid, state: FluidState, steps: Array) -> tuple[FluidState, Array, Array]:
    """A period of the force cos(w t), and the sums of the velocity along x times cos(w t) and sin(w t)."""
    period, real = len(steps), state.populations.dtype
    phase = 2.0 * np.pi * np.arange(period) / period
    drives = jnp.asarray(np.stack([np.ones(period), np.cos(phase)], axis=1), real)

    def one(
        carry: tuple[Carried, Array, Array], given: tuple[Array, Array]
    ) -> tuple[tuple[Carried, Array, Array], None]:
        drive, sine = given
        carried, velocity, _ = advance(fluid, carry[0], drive)
        return (carried, carry[1] + drive[-1] * velocity[0], carry[2] + sine * velocity[0]), None

    zero = jnp.zeros(state.populations.shape[1], real)
    start = (begin(fluid, state), zero, zero)
    (carried, cosine, sine), _ = jax.lax.scan(one, start, (drives, jnp.asarray(np.sin(phase), real)))
    return finish(fluid, carried), cosine, sine


@lru_cache(maxsize=2)
def _oscillation(alpha: float, slit: bool, settings: Settings) -> _Oscillation:
    """The flow of a case; amplitude and phase share it."""
    return _Oscillation(alpha, slit, settings)


def profile(of: Callable[[NDArray[np.complex128]], Floats]) -> Runner:
    """A runner for a real function of the complex amplitude at the table's places, distances from the middle over R."""

    def run(params: Params, settings: Settings) -> Measurement:
        shape = params.get("shape", "pipe").lower()
        if shape not in ("pipe", "tube", "circle", "slit", "channel", "plates"):
            raise InputError(f"shape={shape} is not one of pipe, slit")
        name = next((key for key in params if key[0] in "ryz" and "," in params[key]), None)
        if name is None:
            raise InputError(f"the curve needs the distance from the middle over R, it has {', '.join(params)}")
        flow = _oscillation(number(params, "alpha"), shape in ("slit", "channel", "plates"), settings)
        values = flow.at(np.abs(np.array([float(point) for point in params[name].split(",")])))
        words = f"radius {flow.radius:g} nodes, {flow.steps} steps a period"
        return Measurement(of(values).tolist(), words, flow.updates)

    return run


def _phase(values: NDArray[np.complex128]) -> Floats:
    """Phase in degrees; zero where nothing moves."""
    return np.where(np.abs(values) > 1e-12, np.angle(values, deg=True), 0.0)


RUNNERS: dict[tuple[str, str], Runner] = {
    ("womersley", "amplitude"): in_precision(profile(np.abs)),
    ("womersley", "phase_deg"): in_precision(profile(_phase)),
}
